"""The library's laws, by their names in files and in the shell."""

from farseer_jax.laws.chinchilla import Chinchilla
from farseer_jax.laws.coupled import Coupled
from farseer_jax.laws.coupled_interaction import CoupledInteraction
from farseer_jax.laws.farseer import Farseer
from farseer_jax.laws.kaplan import Kaplan
from farseer_jax.laws.law import Law
from farseer_jax.laws.raw_farseer import RawFarseer

LAWS: dict[str, type[Law]] = {
    law.name: law for law in (Farseer, Chinchilla, Coupled, CoupledInteraction, Kaplan, RawFarseer)
}
