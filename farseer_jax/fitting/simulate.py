"""Runs drawn from a known law."""

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import Law
from farseer_jax.runs.runs import Runs

MEASURED_NOISE = 5e-4  # run-to-run standard deviation of ln loss on the paper's grid


def simulate(
    law: Law,
    N: ArrayLike,
    D: ArrayLike,
    *,
    noise: ArrayLike = MEASURED_NOISE,
    seed: int,
) -> Runs:
    """Draw the losses of runs from a law.

    Args:
        law: the true law.
        N: parameters, ``(run,)``.
        D: tokens, ``(run,)``.
        noise: standard deviation of ``ln loss`` from run to run, a number or ``(run,)``; 0 gives
            the law itself. The default is what the paper's grid shows, 0.05 %.
        seed: the same seed gives the same runs.

    Raises:
        ValueError: N or D is not positive and finite, or noise is negative.

    Example:
        >>> import numpy as np
        >>> from farseer_jax import Farseer, simulate
        >>> N, D = np.repeat([1e9, 2e9, 4e9], 4), np.tile([1e10, 2e10, 4e10, 8e10], 3)
        >>> simulate(Farseer.published(), N, D, noise=0.0, seed=0).loss[:2].round(3)
        array([0.545, 0.527])
    """
    N, D = np.broadcast_arrays(np.atleast_1d(N), np.atleast_1d(D))
    spread = np.asarray(noise, dtype=float)
    if not np.all(np.isfinite(spread) & (spread >= 0)):
        raise ValueError(f"noise must be finite and not negative, got {noise!r}")
    if spread.shape not in ((), N.shape):
        raise ValueError(f"noise: give one number, or one per run ({len(N)}), got {spread.shape}")
    deviation = spread * np.random.default_rng(seed).standard_normal(N.shape)
    losses = evaluate(law, N, D) * np.exp(deviation)
    return Runs(N, D, losses, N_unit=1.0, D_unit=1.0)
