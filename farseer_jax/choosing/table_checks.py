"""Checks of a table before its columns are read, for messages once and not from every law."""

from collections.abc import Mapping, Sequence

import numpy as np

from farseer_jax.runs.checks import floats_of
from farseer_jax.runs.inputs import SUM_TOLERANCE
from farseer_jax.tables.number_texts import numbers_of
from farseer_jax.tables.row_numbers import REMEDY, shown_rows

Columns = Mapping[str, np.ndarray]
LEAST_RUNS = 5  # of a group, and of a response
_PERCENT = 100.0


def refuse_lengths(columns: Columns) -> None:
    """Refuse columns of unequal length, and a table without rows.

    Raises:
        ValueError: the columns are not of one length, or empty.
    """
    for name, own in columns.items():
        if own.ndim != 1:
            raise ValueError(
                f"column {name!r}: expected one value per run, in one dimension, got shape "
                f"{own.shape}"
            )
    lengths = {name: len(own) for name, own in columns.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"column {name!r} has {length}" for name, length in lengths.items())
        raise ValueError(f"columns of unequal length: {counts} values; give one value per run")
    if not lengths or not next(iter(lengths.values())):
        named = ", ".join(map(repr, lengths)) or "none"
        raise ValueError(f"the table has no rows (columns: {named}): give at least {LEAST_RUNS}")


def enough_responses(
    columns: Columns, names: Sequence[str]
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The responses with enough values, and a sentence on each of the others.

    Args:
        columns: of the table.
        names: of the responses.

    Raises:
        ValueError: all have too few values.
    """
    kept, left_out = dict[str, np.ndarray](), list[str]()
    for name in names:
        label = f"column {name!r}" + ("" if name == "loss" else " (response)")
        values = numbers_of(columns[name]).numbers
        num = int(np.isfinite(values).sum())
        if num >= LEAST_RUNS:
            kept[name] = values
        elif len(names) > 1:
            left_out.append(f"response {name!r} is left out: only {num} rows have a value")
        elif num == 0:
            raise ValueError(
                f"{label}: is missing in all {len(values)} rows; name another response"
            )
        else:
            known = f"{label} has values in only {num} of {len(values)} rows: "
            raise ValueError((known if num < len(values) else "") + too_few_text(num))
    if names and not kept:
        raise ValueError(
            f"the responses {', '.join(map(repr, names))} have fewer than {LEAST_RUNS} values "
            "each: add runs, or name another response"
        )
    return kept, tuple(left_out)


def too_few_text(num: int) -> str:
    """The message about runs that are too few for a choice."""
    what = "1 run is" if num == 1 else f"{num} runs are"
    return (
        f"{what} too few to hold out the largest and choose a law by them: add runs, or name a law"
    )


def refuse_sums(columns: Columns, names: Sequence[str]) -> None:
    """Refuse shares of a mixture that are missing, negative, or do not sum to 1.

    Raises:
        ValueError: there are such rows; the message names them, their sums and the remedy.
    """
    shares = np.stack([floats_of(columns[name], f"column {name!r}") for name in names], axis=1)
    label = f"the columns {', '.join(names)} look like a mixture, but"
    missing = np.flatnonzero(~np.isfinite(shares).all(axis=1))
    if len(missing):
        raise ValueError(f"{label} values are missing in {shown_rows(missing)}; {REMEDY}")
    negative = np.flatnonzero((shares < 0.0).any(axis=1))
    if len(negative):
        raise ValueError(f"{label} values are negative in {shown_rows(negative)}; {REMEDY}")
    total = shares.sum(axis=1)
    bad = np.flatnonzero(np.abs(total - 1.0) > SUM_TOLERANCE)
    if not len(bad):
        return
    sums = ", ".join(f"{own:.3g}" for own in total[bad[:3]]) + (", …" if len(bad) > 3 else "")
    percent = np.abs(total - _PERCENT) <= _PERCENT * SUM_TOLERANCE
    remedy = "divide these columns by 100" if percent.all() else (
        "correct these rows or leave them out, or add a column with the share of the rest; leave "
        "these columns out if they are not a mixture"
    )  # fmt: skip
    verb = "sums" if len(bad) == 1 else "sum"
    raise ValueError(f"{label} {shown_rows(bad)} {verb} to {sums} instead of 1: {remedy}")


def looks_like_mixture(shares: np.ndarray, usual: bool) -> bool:
    """Whether columns are almost a mixture: most rows sum to 1, or to 100.

    Args:
        shares: ``(run, share)``.
        usual: whether their name says so; then their range is enough.
    """
    finite = shares[np.isfinite(shares).all(axis=1)]
    if not len(finite) or (finite < 0.0).any():
        return False
    total = finite.sum(axis=1)
    one = np.abs(total - 1.0) <= SUM_TOLERANCE
    percent = np.abs(total - _PERCENT) <= _PERCENT * SUM_TOLERANCE
    most = max(one.mean(), percent.mean()) >= 0.5
    near = bool(((total > 0.5) & (total < 1.5)).all() and (finite <= 1.0).all())
    return bool(most and (usual or shares.shape[1] > 2)) or (usual and near)
