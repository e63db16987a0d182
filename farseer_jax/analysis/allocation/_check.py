"""Checks of a FLOP function that a user passes."""

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax._allocation import HIGHEST, LOWEST, Cost, FLOPs
from farseer_jax._numbers import quantity_text
from farseer_jax.runs.runs import Runs

_NUM_EACH = 49


def run_flops(cost: Cost, runs: Runs) -> np.ndarray:
    """FLOPs of training of each run."""
    with jax.enable_x64(True):
        return np.asarray(cost.training(jnp.asarray(runs.N), jnp.asarray(runs.D)))


def check_flops(flops: FLOPs | None, budgets: np.ndarray) -> None:
    """Refuse a function whose budgets cannot be split: over all N and D that they could buy.

    Raises:
        ValueError: it is not positive and finite, falls or stays with N or D, or does not give one
            number for each N and D.
        TypeError: it is no function of JAX operations.
    """
    if flops is None:
        return
    if not callable(flops):
        raise TypeError(f"flops: expected a function of N and D, got {type(flops).__name__}")
    low, high = budgets.min() / 6.0, budgets.max() / 6.0
    N = np.geomspace(np.sqrt(low / HIGHEST), np.sqrt(high / LOWEST), _NUM_EACH)[:, None]
    D = np.geomspace(np.sqrt(low * LOWEST), np.sqrt(high * HIGHEST), _NUM_EACH)[None]
    N, D = np.broadcast_arrays(N, D)
    values = _values(flops, N, D)
    bad = ~(np.isfinite(values) & (values > 0))
    if bad.any():
        i = tuple(np.argwhere(bad)[0])
        raise ValueError(
            f"flops: FLOPs must be positive and finite, got {values[i]:g} at {_place(N[i], D[i])}"
        )
    for axis, name in enumerate(("N", "D")):
        flat = np.argwhere(np.diff(values, axis=axis) <= 0)
        if len(flat):
            i = tuple(flat[0])
            j = (i[0] + 1, i[1]) if axis == 0 else (i[0], i[1] + 1)
            raise ValueError(
                f"flops: FLOPs must rise with {name}, but go from {values[i]:.4g} at "
                f"{_place(N[i], D[i])} to {values[j]:.4g} at {_place(N[j], D[j])}"
            )


def _values(flops: FLOPs, N: np.ndarray, D: np.ndarray) -> np.ndarray:
    try:
        with jax.enable_x64(True):
            values = jax.jit(lambda N, D: jnp.asarray(flops(N, D)))(jnp.asarray(N), jnp.asarray(D))
    except TypeError as error:  # all of JAX's refusals are such
        raise TypeError(
            "flops: the function must be made of JAX operations (jax.numpy, no float(…), numpy or "
            f"branches on values): {str(error).splitlines()[0]}"
        ) from None
    if values.shape != N.shape:
        raise ValueError(
            f"flops: the function gives an array {values.shape} for N and D {N.shape}; let it give "
            "one number for each"
        )
    return np.asarray(values, dtype=float)


def _place(N: float, D: float) -> str:
    return f"N = {quantity_text(N)}, D = {quantity_text(D)}"
