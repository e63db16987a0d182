"""Runs that diverged, whose loss is near that of guessing, among others that did not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.runs.checks import Floats, short
from farseer_jax.runs.survey.implausible import range_of
from farseer_jax.runs.survey.labels import sql_name
from farseer_jax.runs.survey.marked_rows import failed_rows
from farseer_jax.runs.survey.units_by_loss import split
from farseer_jax.runs.table_problems import Problem
from farseer_jax.tables.row_numbers import shown_rows

_GUESSING: Final = (6.0, 13.0)  # nats per token: near the log of a vocabulary
_GAP: Final = 1.7  # between the losses of these and of the others
_MOST_OF_ALL: Final = 0.25  # share of rows
_FEWEST_FITTED: Final = 5  # rows that tell what the loss would be
_BELOW: Final = 10.0  # times smaller than the inputs of the others: the law tells no loss
_ABOVE: Final = 1.5  # times what a power law of the others tells


def diverged_runs(
    column: str,
    loss: Floats,
    rows: NDArray[np.intp],
    inputs: Mapping[str, Floats],
    others: Mapping[str, NDArray[Any]],
) -> Problem | None:
    """A few runs whose loss is that of guessing, far above what the others tell.

    Args:
        column: of the response.
        loss: of all rows, ``(row,)``; positive.
        rows: their numbers in the table, ``(row,)``.
        inputs: N and D if there are any, ``(row,)`` each.
        others: further columns of the table, ``(row,)`` each.
    """
    low, high = split(loss)
    if not len(low) or high[0] < _GAP * low[-1]:
        return None
    if not _GUESSING[0] <= high[0] <= high[-1] <= _GUESSING[1]:
        return None
    is_high = loss >= high[0]
    if is_high.mean() > _MOST_OF_ALL or not _far_above(loss, is_high, inputs):
        return None
    condition = _condition(is_high, others) or (
        f"{sql_name(column)} < {short(float(np.sqrt(low[-1] * high[0])))}"
    )
    holds, them = ("holds", "it") if is_high.sum() == 1 else ("hold", "them")
    return Problem(
        f"column {column!r}: {shown_rows(rows[is_high])} {holds} {range_of(high)}, the other rows "
        f"{range_of(low)}: near the loss of guessing, as of a run that diverged; leave {them} out: "
        f"use where={condition!r}",
        ({"where": condition},),
    )


def _far_above(loss: Floats, is_high: NDArray[np.bool_], inputs: Mapping[str, Floats]) -> bool:
    """Whether losses are far above the power law of the others, not far below their inputs."""
    if (~is_high).sum() < _FEWEST_FITTED or not inputs:
        return False
    if any(own[is_high].min() * _BELOW < own[~is_high].min() for own in inputs.values()):
        return False
    design = np.stack([np.ones(len(loss)), *(np.log(own) for own in inputs.values())], axis=1)
    slopes = np.linalg.lstsq(design[~is_high], np.log(loss[~is_high]), rcond=None)[0]
    expected = np.exp(design[is_high] @ slopes)
    return bool((loss[is_high] > _ABOVE * expected).all())


def _condition(is_high: NDArray[np.bool_], others: Mapping[str, NDArray[Any]]) -> str | None:
    """The condition of a column that marks these runs as failed; None without one."""
    for name, values in others.items():
        found = failed_rows(name, values)
        if found is not None and np.isin(values[is_high].astype(str), found[0]).all():
            return found[1]
    return None
