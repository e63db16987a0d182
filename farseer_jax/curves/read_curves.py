"""Reading loss curves: from one long table, or from the histories of logged runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from farseer_jax.curves.curves import Curves
from farseer_jax.curves.schedule import Schedule


def read_curves(
    source: object,
    *,
    run: str | Sequence[str] | None = None,
    step: str | None = None,
    loss: str | None = None,
    lr: str | None = None,
    schedule: str | Schedule | Mapping[str, str | Schedule] | None = None,
    inputs: str | Sequence[str] | None = None,
    warmup: int | None = None,
    drop_warmup: bool = True,
) -> Curves:
    """Read loss curves and their schedules."""
    raise NotImplementedError
