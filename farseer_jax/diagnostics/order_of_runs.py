"""What orders the runs of an extrapolation: an input, a column, compute, or a cost as text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from farseer_jax.close_names import did_you_mean
from farseer_jax.expressions.expression import parse
from farseer_jax.flops import training_flops
from farseer_jax.runs.binding import Part
from farseer_jax.runs.coverage import flat_inputs
from farseer_jax.runs.find_columns import usual_input
from farseer_jax.runs.inputs import NUMBERS
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.usual_names import named

_MARKS = "+-*/(<>="


def default_order(runs: Runs) -> str:
    """N where it is an input; else the first input that has an order, mixtures last.

    Raises:
        ValueError: all inputs are labels.
    """
    if "N" in runs.inputs:
        return "N"
    ordered = [name for name, kind in runs.kinds.items() if kind in NUMBERS]
    for name in [*ordered, *runs.shares]:
        return name
    raise ValueError(
        f"along: the inputs {', '.join(runs.inputs)} have no order; name a column by which the "
        "runs are ordered"
    )


def values_along(parts: Sequence[Part], along: str) -> np.ndarray:
    """The quantity that orders the runs, all parts after one another, ``(run,)``.

    Args:
        parts: the runs of groups and responses.
        along: an input; ``"C"``, compute 6·N·D; a column; a cost as text, ``"6*N*D*P"``. Of a
            mixture the distance from the mean mixture.

    Raises:
        ValueError: a name is unknown, or a value is not a positive finite number.

    Example:
        >>> from farseer_jax import Runs
        >>> runs = Runs([1e8, 4e8], [2e9, 4e9], [3.6, 3.2], inputs={"P": [1, 2]})
        >>> values_along([Part({}, "loss", runs, 0)], "6*N*D*P")
        array([1.20e+18, 1.92e+19])
    """
    if along in parts[0].runs.shares:
        return _distances(parts, along)
    values = np.concatenate([_of_runs(part.runs, along) for part in parts])
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if bad.size:
        what = f"column {along!r}" if _is_name(along) else f"{along!r}"
        raise ValueError(
            f"along: {what} is missing or not positive in row {bad[0]} ({values[bad[0]]}); "
            "correct it, or remove the row"
        )
    return values


def _of_runs(runs: Runs, along: str) -> np.ndarray:
    """The quantity of the runs of one part."""
    if along == "C" and "C" not in runs.inputs:
        return np.asarray(training_flops(_column(runs, "N", along), _column(runs, "D", along)))
    if _is_name(along) or along in runs.extra:
        return _column(runs, along, along)
    expression = parse(along)
    names = [name for name in expression.names if name not in runs.shares]
    values: dict[str, Any] = {name: _column(runs, name, along) for name in names}
    values |= {name: runs.inputs[name] for name in expression.names if name in runs.shares}
    found = np.asarray(expression.evaluate(values, np), dtype=np.float64)
    return np.broadcast_to(found, (len(runs),))


def _is_name(along: str) -> bool:
    return not any(mark in along for mark in _MARKS)


def _column(runs: Runs, name: str, along: str) -> np.ndarray:
    """An input, a share or another column of the runs, by its own or a usual name."""
    inputs = flat_inputs(runs, runs.inputs)
    columns: dict[str, Any] = {**runs.extra, **inputs}
    column = usual_input(name, list(columns))
    if column is None:
        raise ValueError(_unknown(name, along, list(inputs), list(runs.extra)))
    try:
        return np.asarray(columns[column], dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"along: column {column!r} is not numeric; name another") from None


def _unknown(name: str, along: str, inputs: Sequence[str], others: Sequence[str]) -> str:
    """The message about a name that the runs do not have."""
    compute = ["C"] if {"N", "D"} <= {*inputs, *others} else []
    columns = [*inputs, *compute, *others]
    hint = did_you_mean(name, columns)
    if name == along:
        return f"along: the runs have no column {name!r}; choose from {', '.join(columns)}{hint}"
    return f"along: {along!r} needs {named(name)}, and the runs have {', '.join(columns)}{hint}"


def _distances(parts: Sequence[Part], mixture: str) -> np.ndarray:
    """Distance of each run's mixture from the mean of the distinct mixtures."""
    shares = np.concatenate([part.runs.inputs[mixture] for part in parts])
    center = np.unique(shares, axis=0).mean(axis=0)
    found: np.ndarray = np.linalg.norm(shares - center, axis=1)
    return np.maximum(found, np.finfo(float).tiny)
