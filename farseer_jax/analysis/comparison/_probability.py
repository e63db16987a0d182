"""How probable it is that A has the lower loss, from the draws of two bootstraps."""

import numpy as np

from farseer_jax.analysis.comparison._sides import Sides
from farseer_jax.resampling._loss_schemes import ParametricBootstrap
from farseer_jax.resampling._result import Bootstrap

_MAX_LOSSES = 1 << 22  # of one side at once: 32 MiB


def is_paired(a: Bootstrap, b: Bootstrap) -> bool:
    """Whether draw i of both is the same resample of the same runs.

    Then what a resample does to both at once cancels in their difference. Noise that is made up
    (parametric) is the same for both only where it is added to the same losses.
    """
    runs, others = a.fit.runs, b.fit.runs
    same = (
        a.seed == b.seed
        and a.scheme.to_dict() == b.scheme.to_dict()
        and len(runs) == len(others)
        and bool((runs.N == others.N).all() and (runs.D == others.D).all())
    )
    if same and isinstance(a.scheme, ParametricBootstrap):
        return bool((runs.loss == others.loss).all())
    return same


def probability_a_wins(sides: Sides, N: np.ndarray, D: np.ndarray) -> np.ndarray | None:
    """Share of draws in which A has the lower loss, half of those that tie; of N and D's shape.

    Draws are paired where they can be (:func:`is_paired`), else every draw of A meets every draw
    of B. None where a side has no draws.

    Raises:
        ValueError: no refit of both is usable.
    """
    a, b = sides.a.bootstrap, sides.b.bootstrap
    if a is None or b is None:
        return None
    N, D = np.broadcast_arrays(N, D)
    flat_N, flat_D = N.ravel(), D.ravel()
    step = max(_MAX_LOSSES // max(a.num_resamples, b.num_resamples), 1)
    paired = is_paired(a, b)
    parts = [
        _share(_losses(a, *points), _losses(b, *points), paired)
        for points in (
            (flat_N[i : i + step], flat_D[i : i + step]) for i in range(0, len(flat_N), step)
        )
    ]
    return np.concatenate(parts).reshape(N.shape)


def _losses(bootstrap: Bootstrap, N: np.ndarray, D: np.ndarray) -> np.ndarray:
    """``(resample, point)``; NaN where a refit failed, so that rows stay in step."""
    parts = [
        np.where(batch.usable[:, None], batch.predict(N, D), np.nan)
        for batch in bootstrap.draws.batches()
    ]
    return np.concatenate(parts)


def _share(loss_a: np.ndarray, loss_b: np.ndarray, paired: bool) -> np.ndarray:
    """``(point,)``."""
    if paired:
        num = min(len(loss_a), len(loss_b))  # more resamples begin with the same ones
        loss_a, loss_b = loss_a[:num], loss_b[:num]
        both = np.isfinite(loss_a).all(axis=1) & np.isfinite(loss_b).all(axis=1)
        loss_a, loss_b = loss_a[both], loss_b[both]
        _refuse_none(len(loss_a))
        return (np.sign(loss_b - loss_a).mean(axis=0) + 1.0) / 2.0
    loss_a = loss_a[np.isfinite(loss_a).all(axis=1)]
    loss_b = loss_b[np.isfinite(loss_b).all(axis=1)]
    _refuse_none(min(len(loss_a), len(loss_b)))
    ordered, found = np.sort(loss_b, axis=0), np.empty(loss_a.shape[1])
    for point in range(loss_a.shape[1]):
        below = np.searchsorted(ordered[:, point], loss_a[:, point], "left")
        up_to = np.searchsorted(ordered[:, point], loss_a[:, point], "right")
        wins_less_losses = int((len(ordered) - below - up_to).sum())
        found[point] = wins_less_losses / (len(loss_a) * len(ordered))
    return (found + 1.0) / 2.0


def _refuse_none(num: int) -> None:
    if not num:
        raise ValueError("no refit of both bootstraps is usable: there is no probability to give")
