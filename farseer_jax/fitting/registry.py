"""Laws and methods by the names that files and the shell give them."""

from typing import Any

from farseer_jax.laws.chinchilla import Chinchilla
from farseer_jax.laws.coupled import Coupled
from farseer_jax.laws.farseer import Farseer
from farseer_jax.laws.kaplan import Kaplan
from farseer_jax.laws.law import Law
from farseer_jax.laws.raw_farseer import RawFarseer
from farseer_jax.methods import registry as _kinds
from farseer_jax.methods.monotone.method import MonotoneOver
from farseer_jax.methods.monotone.report import MonotoneReport

LAWS: dict[str, type[Law]] = {
    law.name: law for law in (Farseer, Chinchilla, Coupled, Kaplan, RawFarseer)
}
METHODS: dict[str, Any] = {**_kinds.METHODS, MonotoneOver.name: MonotoneOver}
DIAGNOSTICS: dict[str, Any] = {**_kinds.DIAGNOSTICS, MonotoneOver.name: MonotoneReport}
