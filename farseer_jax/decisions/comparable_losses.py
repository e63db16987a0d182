"""Refusals of losses that cannot be compared: of other texts, or in other units."""

import numpy as np

from farseer_jax.runs.runs import Runs

_LEAST_FACTOR = 1.3  # between all losses: units differ by as much, recipes never do everywhere


def refuse_names(names: tuple[str, str], runs: tuple[Runs | None, Runs | None]) -> None:
    """Refuse losses with different names.

    Args:
        names: names of A and B.
        runs: their runs; None for a law without runs.

    Raises:
        ValueError: the columns have different names.
    """
    a, b = (None if own is None else own.loss_name for own in runs)
    if a is not None and b is not None and a != b:
        raise ValueError(
            f"the losses have different names, {a!r} of {names[0]} and {b!r} of "
            f"{names[1]}: if both are in the same unit and on comparable texts, pass "
            "comparable=True (shell: --comparable)"
        )


def refuse_units(names: tuple[str, str], loss_a: np.ndarray, loss_b: np.ndarray) -> None:
    """Refuse losses that differ by a large factor everywhere.

    Args:
        names: names of A and B.
        loss_a: losses of A at some points.
        loss_b: losses of B at the same points.

    Raises:
        ValueError: they seem to be in different units.
    """
    factor = loss_a / loss_b
    low, high = float(factor.min()), float(factor.max())
    if low > _LEAST_FACTOR or high < 1.0 / _LEAST_FACTOR:
        raise ValueError(
            f"the losses of {names[0]} are {low:.3g} to {high:.3g} times those of "
            f"{names[1]} everywhere: they seem to be in different units, such as nats per "
            "token and bits per character; convert one (convert_loss), or pass comparable=True "
            "(shell: --comparable)"
        )
