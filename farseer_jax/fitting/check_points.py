"""``check_points``: whether a law's loss rises with N or D at the points asked for."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.laws.slopes import ROUNDING, elasticities_at
from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.coverage import beyond_runs
from farseer_jax.runs.runs import Runs


def check_points(
    law: Law, inputs: Mapping[str, Any], runs: Runs | None = None, name: str = ""
) -> tuple[str, ...]:
    """A sentence for each of N and D with which the loss rises at some of the points.

    A larger model and more data should lower the loss: where a fitted law says otherwise it does
    not hold, however well it fits its runs.

    Args:
        law: the law; other than over N and D alone nothing is checked.
        inputs: N and D of the points, broadcastable.
        runs: the fitted runs: only points beyond them are checked; None checks all.
        name: the law's name in sentences, if there are several.

    Example:
        >>> from farseer_jax import example_law, example_runs
        >>> check_points(example_law(), {"N": [1e9, 1e12], "D": 1e15}, example_runs())
        ('the fitted loss rises with N at N = 1 T, D = 1000 T, beyond the runs (N to 6.37 B, D to
        512 B): the law does not hold there; choose another law or method, or constrain the fit
        (monotone_over=).',)
    """
    if set(type(law).inputs()) != {"N", "D"}:
        return ()
    N, D = (np.ravel(x) for x in np.broadcast_arrays(inputs["N"], inputs["D"]))
    N, D = N.astype(float), D.astype(float)
    if runs is not None:
        far = beyond_runs(runs, {"N": N, "D": D})
        N, D = N[far], D[far]
    if not len(N):
        return ()
    slopes = dict(zip("ND", elasticities_at(law, N, D), strict=True))
    where = "" if runs is None else _beyond(runs)
    subject = f"the loss of {name}" if name else "the fitted loss"
    return tuple(
        f"{subject} rises with {along} at {_places(N, D, slope)}{where}: the law does not hold "
        "there; choose another law or method, or constrain the fit (monotone_over=)."
        for along, slope in slopes.items()
        if (slope > ROUNDING).any()
    )


def _places(N: np.ndarray, D: np.ndarray, slope: np.ndarray) -> str:
    """The point where the loss rises most, and at how many others it does."""
    worst, num = int(np.nan_to_num(slope, nan=-np.inf).argmax()), int((slope > ROUNDING).sum())
    point = f"N = {quantity_text(N[worst])}, D = {quantity_text(D[worst])}"
    return point if num == 1 else f"{num:,} of {len(N):,} points, most at {point}"


def _beyond(runs: Runs) -> str:
    N, D = quantity_text(runs.N.max()), quantity_text(runs.D.max())
    return f", beyond the runs (N to {N}, D to {D})"
