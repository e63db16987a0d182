"""Checks of the response of runs and of their weights."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from farseer_jax.link_functions import Link
from farseer_jax.runs.checks import (
    NOT_NEGATIVE,
    POSITIVE,
    Floats,
    Rows,
    Rule,
    floats_of,
    refuse_bad_rows,
)

_OTHER_LINKS: Final = {
    "log": 'zero or negative values need another link, link="identity" in Python or '
    "--link identity in the shell",
    "logit": "values on another scale need a link with another floor or ceiling, or another link",
}


def checked_response(values: Any, label: str, link: Link, *, leave_out: bool = False) -> Floats:
    """Check that a response is within the range of its link, and copy it.

    Args:
        values: one per run.
        label: name of the column for messages.
        link: the response's link.
        leave_out: allow missing values, for the caller to leave out.

    Returns:
        A new read-only array, shape (run,); NaN where a value is missing.

    Raises:
        ValueError: a value is invalid; the message names the column, the rows and the remedy.

    Example:
        >>> checked_response([-1.5, 2], "column 'loss'", Link("identity"))
        array([-1.5,  2. ])
    """
    floats = floats_of(values, label)
    rows = np.flatnonzero(~np.isnan(floats)) if leave_out else np.arange(len(floats))
    refuse_bad_rows(floats[rows], label, None, rows)
    try:
        rule = Rule(link.check, f"not {link.requirement}")
        refuse_bad_rows(floats[rows], label, rule, rows)
    except ValueError as error:
        hint = _OTHER_LINKS.get(link.name)
        raise ValueError(f"{error}{f'; {hint}' if hint else ''}") from None
    floats.setflags(write=False)
    return floats


def checked_weights(values: Any, label: str, rows: Rows | None = None) -> Floats:
    """Check the weights of runs, and copy them: not negative, finite, not all zero.

    Args:
        values: one per run.
        label: name of the column for messages.
        rows: the rows to take; None takes all.

    Returns:
        A new read-only array, one weight per row taken.

    Raises:
        ValueError: a weight is invalid; the message names the column, the rows and the remedy.

    Example:
        >>> checked_weights([1, 0, 2], "weights")
        array([1., 0., 2.])
    """
    weights = _rows_of(floats_of(values, label), label, rows)
    refuse_bad_rows(weights, label, NOT_NEGATIVE, rows)
    if weights.size and not weights.any():
        raise ValueError(f"{label}: all weights are 0; give the runs to fit a positive weight")
    weights.setflags(write=False)
    return weights


def weights_of_errors(
    values: Any, label: str, response: Floats, link: Link, rows: Rows | None = None
) -> Floats:
    """Weights from standard errors σ of the response: 1/σ² on the link's scale.

    Args:
        values: standard errors, one per run, on the response's scale.
        label: name of the column for messages.
        response: checked values of the response in the rows taken.
        link: the response's link.
        rows: as for :func:`checked_weights`.

    Returns:
        A new read-only array with mean 1, one weight per row taken.

    Raises:
        ValueError: a standard error is not positive and finite.

    Example:
        >>> weights_of_errors([0.1, 0.2], "column 'se'", np.array([1.0, 2.0]), Link())
        array([1., 1.])
    """
    errors = _rows_of(floats_of(values, label), label, rows)
    refuse_bad_rows(errors, label, POSITIVE, rows)
    scaled = errors * link.slope(response)
    weights: Floats = (scaled / scaled.min()) ** -2.0  # scaled first: squares may underflow
    weights /= weights.mean()
    weights.setflags(write=False)
    return weights


def _rows_of(floats: Floats, label: str, rows: Rows | None) -> Floats:
    """The values of some rows, as a new array."""
    if rows is None:
        return floats
    places = np.asarray(rows)
    if places.size and places.max() >= len(floats):
        raise ValueError(
            f"{label}: expected one value per run, for {places.max() + 1} runs or more, got "
            f"{len(floats)}"
        )
    return floats[places]
