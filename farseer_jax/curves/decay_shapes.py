"""Shapes of the decay phase of a learning-rate schedule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from farseer_jax.close_names import unknown_name

DecayShape: TypeAlias = Literal["linear", "cosine", "exponential", "sqrt"]
Floats: TypeAlias = NDArray[np.float64]

# From 1 at u = 0 to the ratio r of the final to the first rate at u = 1.
_SHAPES: Final[dict[str, Callable[[Floats, float], Floats]]] = {
    "linear": lambda u, r: 1.0 - (1.0 - r) * u,
    "cosine": lambda u, r: r + (1.0 - r) * (1.0 + np.cos(np.pi * u)) / 2.0,
    "exponential": lambda u, r: r**u,
    "sqrt": lambda u, r: 1.0 - (1.0 - r) * np.sqrt(u),
}
DECAY_SHAPES: Final = tuple(_SHAPES)


def check_shape(shape: str) -> None:
    """Raises ValueError if the shape is unknown."""
    if shape not in DECAY_SHAPES:
        raise ValueError(f"shape: {unknown_name('shape of a decay', str(shape), DECAY_SHAPES)}")


def decayed(steps: int, first: float, final: float, shape: str) -> Floats:
    """The rates of a decay, ``(steps,)``: the last one is ``final``.

    Args:
        steps: length of the decay.
        first: the rate at the step before the decay.
        final: the rate at its last step.
        shape: ``"linear"``, ``"cosine"``, ``"exponential"``, or ``"sqrt"``, which is
            ``1 − √u`` (Hägele et al., *Scaling Laws and Compute-Optimal Training Beyond Fixed
            Training Durations*).

    Raises:
        ValueError: the shape is unknown, or an exponential decay ends at 0.

    Example:
        >>> decayed(4, 1.0, 0.0, "linear")
        array([0.75, 0.5 , 0.25, 0.  ])
    """
    check_shape(shape)
    if shape == "exponential" and final <= 0.0 < first:
        raise ValueError(
            "final: an exponential decay never reaches 0; give a rate above it, such as final="
            f"{first / 10:.3g}, or another shape"
        )
    if first == 0.0:
        return np.linspace(0.0, final, steps + 1)[1:]
    progress = np.arange(1, steps + 1) / steps
    rates = first * _SHAPES[shape](progress, final / first)
    rates[-1] = final
    return np.maximum(rates, 0.0)  # rounding
