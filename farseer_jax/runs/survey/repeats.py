"""Rows with equal inputs whose losses differ by more than seeds make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.runs.checks import Floats
from farseer_jax.runs.survey.arms import codes_of_rows, per_cent, residuals, varies_within
from farseer_jax.runs.survey.labels import codes_of

_LARGE: Final = 0.05  # by which losses of equal inputs hardly differ between seeds


def large_repeats(
    columns: Mapping[str, NDArray[Any]], inputs: Sequence[NDArray[Any]], loss: Floats
) -> str | None:
    """A note on rows with equal inputs whose losses differ by more than seeds make them.

    Args:
        columns: further columns of the table, ``(row,)`` each.
        inputs: the inputs, ``(row,)`` or ``(row, share)``.
        loss: the response, ``(row,)``; positive.
    """
    if not inputs or not len(loss) or (loss <= 0.0).any():
        return None
    cells = codes_of_rows(inputs)
    residual = residuals(cells, loss)
    order = np.argsort(cells, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(cells[order]) > 0])
    own = residual[order]
    spreads = np.maximum.reduceat(own, starts) - np.minimum.reduceat(own, starts)
    is_large = spreads > np.log1p(_LARGE)
    if not is_large.any():
        return None
    rows = is_large[cells]
    differing = [
        name
        for name, values in columns.items()
        if values.ndim == 1 and varies_within(codes_of(values)[rows], _dense(cells[rows]))
    ]
    by = f"; they differ in {', '.join(map(repr, differing[:3]))}" if differing else ""
    points = "a point has" if is_large.sum() == 1 else f"{is_large.sum():,} points have"
    most = per_cent(float(spreads.max()))
    return (
        f"{points} several rows whose losses differ by up to {most} %, more than seeds usually do"
        f'{by}: where="…" keeps the rows of one setting'
    )


def _dense(codes: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.asarray(np.unique(codes, return_inverse=True)[1], dtype=np.intp)
