"""The library's laws, by their names in files and in the shell."""

from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.catalogue.coupled import Coupled
from farseer_jax.laws.catalogue.coupled_interaction import CoupledInteraction
from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.catalogue.kaplan import Kaplan
from farseer_jax.laws.catalogue.raw_farseer import RawFarseer
from farseer_jax.laws.law import Law

LAWS: dict[str, type[Law]] = {
    law.name: law for law in (Farseer, Chinchilla, Coupled, CoupledInteraction, Kaplan, RawFarseer)
}
