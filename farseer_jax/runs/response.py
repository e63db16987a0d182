"""The response of runs: the scale on which its errors are, and the weights of runs."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from farseer_jax.links import Link
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
    "log": 'values that may be zero or negative need another link, link="identity" in Python or '
    "--link identity in the shell",
    "logit": "values on another scale need another floor or ceiling of the link, or another link",
}


def checked_response(values: Any, label: str, link: Link, *, leave_out: bool = False) -> Floats:
    """Check the values of a response on the scale of its link, and copy them.

    Args:
        values: one per run.
        label: how messages call the column.
        link: whose scale it is.
        leave_out: let missing values be, for the caller to leave out.

    Returns:
        A new read-only array, shape (run,); NaN where a value is missing.

    Raises:
        ValueError: something is wrong; the message names the column, the rows and the remedy.

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
        label: how messages call the column.
        rows: the rows meant, of a table of more; None means all.

    Returns:
        A new read-only array, one weight for each of the rows.

    Raises:
        ValueError: something is wrong; the message names the column, the rows and the remedy.

    Example:
        >>> checked_weights([1, 0, 2], "weights")
        array([1., 0., 2.])
    """
    weights = _rows_of(floats_of(values, label), label, rows)
    refuse_bad_rows(weights, label, NOT_NEGATIVE, rows)
    if weights.size and not weights.any():
        raise ValueError(f"{label}: all weights are 0; give the runs to be fitted a positive one")
    weights.setflags(write=False)
    return weights


def weights_of_errors(
    values: Any, label: str, response: Floats, link: Link, rows: Rows | None = None
) -> Floats:
    """The weights that standard errors of the response stand for: 1/σ² on the link's scale.

    Args:
        values: standard errors, one per run, on the response's own scale.
        label: how messages call the column.
        response: checked values of the rows meant.
        link: whose scale it is.
        rows: as for :func:`checked_weights`.

    Returns:
        A new read-only array with mean 1, one weight for each of the rows.

    Raises:
        ValueError: a standard error is not positive and finite.

    Example:
        >>> weights_of_errors([0.1, 0.2], "column 'se'", np.array([1.0, 2.0]), Link())
        array([1., 1.])
    """
    errors = _rows_of(floats_of(values, label), label, rows)
    refuse_bad_rows(errors, label, POSITIVE, rows)
    scaled = errors * link.slope(response)
    weights: Floats = (scaled / scaled.min()) ** -2.0  # relative first: squares may underflow
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
            f"{label}: has {len(floats)} values, but there is a row {places.max()}; give one value "
            "per run"
        )
    return floats[places]
