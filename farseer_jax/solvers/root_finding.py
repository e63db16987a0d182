"""Roots between two points of opposite signs: by SciPy, or by bisection in compiled code."""

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
        function: elementwise, from a point of each interval and ``args``.
        low: lower ends of the intervals, ``(interval,)``.
        high: upper ends, ``(interval,)``.
        args: further arguments of each function, ``(interval,)`` each.

    Returns:
        ``(interval,)``; NaN where the function is not finite on the way.
    """
    from scipy.optimize import elementwise

    if not low.size:
        return np.empty(0)
    # the default resolves a root at 0 to the smallest positive number
    tolerances = {"xatol": np.finfo(float).eps * np.minimum(1.0, high.min())}
    found: Any = elementwise.find_root(function, (low, high), args=args, tolerances=tolerances)
    return np.where(found.success, found.x, np.nan)


def bisect(
    is_beyond: Callable[[Array], Array], low: Array, high: Array, num_halvings: int
) -> tuple[Array, Array]:
    """Bisect for the point where a condition begins to hold; elementwise, inside compiled code.

    Args:
        is_beyond: whether it holds at points; it does at ``high`` and not at ``low``.
        low: lower ends of the brackets.
        high: upper ends.
        num_halvings: how often the brackets are halved.
    """

    def halve(_: Array, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = 0.5 * (low + high)
        beyond = is_beyond(middle)
        return jnp.where(beyond, low, middle), jnp.where(beyond, middle, high)

    return jax.lax.fori_loop(0, num_halvings, halve, (low, high))
