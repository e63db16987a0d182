"""Roots between two points of opposite signs: by SciPy on the host, by halving in compiled code."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.types import Array


def find_roots(
    function: Callable[..., np.ndarray], low: np.ndarray, high: np.ndarray, *args: np.ndarray
) -> np.ndarray:
    """Roots of several functions, each between two points of opposite signs, to rounding.

    Args:
        function: of a point of each interval and of ``args``, element by element.
        low: lower ends of the intervals, ``(interval,)``.
        high: upper ends, likewise.
        args: what tells the functions apart, ``(interval,)`` each.

    Returns:
        ``(interval,)``; NaN where the function is not finite on the way.
    """
    from scipy.optimize import elementwise

    if not low.size:
        return np.empty(0)
    # by default a root at 0 is searched to the smallest number there is
    tolerances = {"xatol": np.finfo(float).eps * np.minimum(1.0, high.min())}
    found: Any = elementwise.find_root(function, (low, high), args=args, tolerances=tolerances)
    return np.where(found.success, found.x, np.nan)


def bisect(
    is_beyond: Callable[[Array], Array], low: Array, high: Array, num_halvings: int
) -> tuple[Array, Array]:
    """Brackets of where a condition begins to hold, halved; elementwise, inside compiled code.

    Args:
        is_beyond: whether it holds at points; not at ``low``, and at ``high``.
        low: lower ends.
        high: upper ends.
        num_halvings: how often.
    """

    def halve(_: Array, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = 0.5 * (low + high)
        beyond = is_beyond(middle)
        return jnp.where(beyond, low, middle), jnp.where(beyond, middle, high)

    return jax.lax.fori_loop(0, num_halvings, halve, (low, high))
