"""Methods and their reports, by their names in files and in the shell."""

from typing import Any

from farseer_jax.methods import registry as _kinds
from farseer_jax.methods.monotone.method import MonotoneOver
from farseer_jax.methods.monotone.report import MonotoneReport

METHODS: dict[str, Any] = {**_kinds.METHODS, MonotoneOver.name: MonotoneOver}
DIAGNOSTICS: dict[str, Any] = {**_kinds.DIAGNOSTICS, MonotoneOver.name: MonotoneReport}
