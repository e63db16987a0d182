"""Runs that could be trained, or that are targets: their inputs, from any table, and their cost."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farseer_jax.expressions.expression import parse
from farseer_jax.forecasting.posterior import Inputs
from farseer_jax.laws.law import Law
from farseer_jax.laws.law_inputs import in_order, one_hot
from farseer_jax.results.table import evenly
from farseer_jax.runs.binding import bind_points
from farseer_jax.runs.checks import Floats, floats_of
from farseer_jax.runs.coverage import flat_inputs
from farseer_jax.runs.inputs import Kind
from farseer_jax.runs.runs import Runs
from farseer_jax.tables.frames import columns_of_frame
from farseer_jax.tables.row_numbers import shown_rows

Cost = Callable[..., ArrayLike] | ArrayLike | str | None


class TableOfPoints(NamedTuple):
    """Rows of a table, bound to the inputs of a law.

    Attributes:
        inputs: by name, ``(point,)``: labels of a category, a mixture ``(point, share)``.
        shares: names of the columns of each mixture.
        columns: all columns of the table by name, ``(point,)``.
    """

    inputs: dict[str, NDArray[Any]]
    shares: dict[str, tuple[str, ...]]
    columns: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def of_law(self, law: type[Law]) -> dict[str, NDArray[Any]]:
        """The inputs as a law takes them: a category one-hot, shares in the law's order."""
        found = {}
        for name, kind in law.inputs().items():
            values = self.inputs[name]
            if kind == "category":
                values = one_hot(law, name, values)
            elif kind == "mixture":
                values = in_order(law, name, values, self.shares[name])
            found[name] = values
        return found


def table_of_points(
    values: object,
    name: str,
    kinds: Mapping[str, Kind],
    columns_of: Mapping[str, str | Sequence[str]],
    units: Mapping[str, float | None],
) -> TableOfPoints:
    """Points from a table, runs, or rows of numbers.

    Args:
        values: a table or a mapping with columns for the inputs; :class:`Runs`; one point, or a
            sequence of points, with the inputs in the law's order; a tuple of NumPy arrays, one for
            each input.
        name: name of the argument, for messages.
        kinds: the law's inputs, with their kinds.
        columns_of: columns of inputs that are not found by name.
        units: factors of inputs.

    Raises:
        ValueError: the values are not points, there are none, or an input is missing or invalid.
    """
    if isinstance(values, Runs):
        table: Mapping[str, Any] = {**flat_inputs(values, values.inputs), **values.extra}
        columns_of = {key: list(own) for key, own in values.shares.items()}
        units = {key: 1.0 for key in ("N", "D") if key in kinds}
    else:
        table = _columns(values, name, kinds)
        if all(key in table for key in kinds if kinds[key] != "mixture"):  # by their own names
            columns_of = {key: own for key, own in columns_of.items() if key not in table}
    try:
        (found,) = bind_points(table, kinds, columns_of=columns_of, units=units)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    columns = {key: np.asarray(column) for key, column in table.items()}
    points = TableOfPoints(dict(found.inputs), dict(found.shares), columns)
    if not len(points):
        raise ValueError(f"{name}: expected at least one point, got none")
    return points


def columns_of_table(values: object) -> list[str]:
    """Names of the columns of a table or of runs; empty for rows of numbers."""
    if isinstance(values, Runs):
        return [*values.inputs, *values.extra]
    if isinstance(values, Mapping):
        return [str(name) for name in values]
    names = getattr(values, "column_names", getattr(values, "columns", ()))
    return [str(name) for name in names]


def _columns(values: Any, name: str, kinds: Mapping[str, Kind]) -> Mapping[str, Any]:
    if isinstance(values, Mapping):
        return {str(key): np.atleast_1d(np.asarray(column)) for key, column in values.items()}
    if hasattr(values, "columns") or hasattr(values, "column_names"):
        return columns_of_frame(values)
    inputs = list(kinds)
    if isinstance(values, tuple) and values and isinstance(values[0], np.ndarray):
        arrays = [np.atleast_1d(array) for array in values]
        sizes = {len(array) for array in arrays}
        if len(arrays) == len(inputs) and len(sizes) > 1:
            counts = " and ".join(f"{len(a)} {i}" for a, i in zip(arrays, inputs, strict=True))
            raise ValueError(f"{name}: expected arrays of one length, got {counts}")
        rows = np.stack(arrays, axis=1) if len(sizes) == 1 else np.zeros((0, 0, 0))
    else:
        try:
            rows = np.asarray(values, dtype=float)
        except (TypeError, ValueError):
            rows = np.zeros((0, 0, 0))
    if rows.size == 0 and rows.ndim < 3:
        raise ValueError(f"{name}: expected at least one point, got none")
    has_lists = any(kind in ("mixture", "category") for kind in kinds.values())
    if has_lists or rows.ndim not in (1, 2) or rows.shape[-1] != len(inputs):
        example = ", such as [(7e9, 1e12)]" if inputs == ["N", "D"] else ""
        forms = "" if has_lists else f"rows of {', '.join(inputs)}{example}, or "
        raise ValueError(
            f"{name}: expected {forms}a table with columns for {', '.join(inputs)}, got "
            f"{type(values).__name__}"
        )
    return dict(zip(inputs, np.atleast_2d(rows).T, strict=True))


def costs_of(cost: Cost, points: TableOfPoints, law: type[Law]) -> Floats:
    """Cost of each run, ``(point,)``.

    Args:
        cost: an expression in the law's inputs and the columns of the table, such as
            ``"6*N*D*P"`` or ``"gpu_hours"``; a function of the inputs in the law's order; an array;
            or None for 6·N·D FLOPs.
        points: the runs.
        law: the law's class.

    Raises:
        ValueError: the law lacks N or D and there is no cost, a name in the expression is
            unknown, or the costs are not positive and finite, one for each run.
    """
    inputs = points.inputs
    if cost is None:
        if not {"N", "D"} <= set(inputs):
            raise ValueError(
                f"cost: a run of the law {law.name} over {', '.join(inputs)} has no default cost; "
                'give an expression of inputs and columns, such as cost="6*N*P" or '
                'cost="gpu_hours"'
            )
        values = 6.0 * inputs["N"] * inputs["D"]
    elif isinstance(cost, str):
        values = _expression_value(cost, points)
    elif callable(cost):
        values = np.asarray(cost(*inputs.values()), dtype=float)
    else:
        values = np.asarray(cost, dtype=float)
    num = len(points)
    if values.shape not in ((), (num,)):
        raise ValueError(
            f"cost: expected one number for each of the {num} candidates, got an array of shape "
            f"{values.shape}"
        )
    values = np.broadcast_to(values, num)
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if len(bad):
        raise ValueError(
            f"cost: {shown_rows(bad)} {'is' if len(bad) == 1 else 'are'} not positive and finite; "
            "put runs that are already paid for into in_progress="
        )
    return np.array(values)


def _expression_value(cost: str, points: TableOfPoints) -> Floats:
    try:
        expression = parse(cost)
    except ValueError as error:
        raise ValueError(f"cost: {error}") from None
    known = {name: x for name, x in points.inputs.items() if x.ndim == 1 and x.dtype.kind in "iuf"}
    values: dict[str, Any] = {}
    for name in expression.names:
        if name in known:
            values[name] = known[name]
        elif name in points.columns:
            values[name] = floats_of(points.columns[name], f"cost: column {name!r}")
        else:
            names = ", ".join(dict.fromkeys([*known, *points.columns]))
            raise ValueError(
                f"cost: {name!r} in {cost!r} is neither an input nor a column; choose from {names}"
            )
    return np.asarray(expression.evaluate(values, np), dtype=float)


def trained_rows(pool: Inputs, runs: Inputs | None) -> NDArray[np.bool_]:
    """Which rows of a pool were trained: one row for each run with equal inputs, ``(row,)``."""
    left: dict[bytes, int] = {}
    if runs is not None:
        for key in _keys(runs):
            left[key] = left.get(key, 0) + 1
    found = np.zeros(len(next(iter(pool.values()))), dtype=bool)
    for row, key in enumerate(_keys(pool)):
        if left.get(key, 0):
            left[key] -= 1
            found[row] = True
    return found


def _keys(inputs: Inputs) -> list[bytes]:
    """The inputs of each point, to nine digits."""
    if not len(next(iter(inputs.values()))):
        return []
    values = np.concatenate([np.reshape(x, (len(x), -1)) for x in inputs.values()], axis=1)
    with np.errstate(divide="ignore"):
        digits = 8.0 - np.floor(np.log10(np.abs(values)))
    scale = 10.0 ** np.where(np.isfinite(digits), digits, 0.0)
    rounded = np.round(values * scale) / scale
    return [row.tobytes() for row in rounded]


_MOST_SIZES = 32  # with larger D, and as many larger ones
_LEAST_STEP = 1.4  # ratio of new sizes: closer ones tell the same
_LARGEST_STEP = 4.0  # ratio where the sizes or D of the runs lie further apart
_USUAL_STEP = 2.0  # ratio where there is only one size or D


def continued_grid(runs: Inputs, targets: Inputs, budget: float) -> dict[str, Floats]:
    """Runs that extend a grid over N and D to larger values, each within a budget of FLOPs.

    First, larger D at the sizes of the runs (of many sizes, at some), in steps of the typical ratio
    of neighbouring D. Second, sizes beyond the largest, in steps of the typical ratio of sizes (or
    a power of it, where sizes are close), with D from the smallest D of the largest size on. All
    stay within one step of the larger of the targets and the runs.

    Args:
        runs: N and D of runs that exist.
        targets: those of the points at which the loss is predicted.
        budget: largest FLOPs of a single run.

    Returns:
        N and D, by size; possibly none.
    """
    N, D = runs["N"], runs["D"]
    sizes = np.unique(N)
    step_N = _typical([sizes])
    step_N **= np.ceil(np.log(_LEAST_STEP) / np.log(step_N)) if step_N < _LEAST_STEP else 1
    step_D = _typical([np.unique(D[size == N]) for size in sizes])
    most_N = max(targets["N"].max(), sizes[-1]) * step_N
    most_D = max(targets["D"].max(), D.max()) * step_D
    new = sizes[-1] * step_N ** np.arange(1, _MOST_SIZES + 1)
    first = D[sizes[-1] == N].min()
    some = sizes[evenly(len(sizes), _MOST_SIZES)]
    starts = [(size, D[size == N].max() * step_D) for size in some]
    starts += [(size, first) for size in new[new < most_N]]
    points = [
        (size, own)
        for size, start in starts
        for own in _ladder(float(start), step_D, min(most_D, budget / (6.0 * size) * (1 + 1e-12)))
    ]
    return dict(zip("ND", np.array(points, dtype=float).reshape(-1, 2).T, strict=True))


def _typical(ladders: list[Floats]) -> float:
    """The median ratio of neighbours."""
    ratios = np.concatenate([values[1:] / values[:-1] for values in ladders])
    return min(float(np.median(ratios)), _LARGEST_STEP) if len(ratios) else _USUAL_STEP


def _ladder(start: float, step: float, most: float) -> list[float]:
    if start > most:
        return []
    return [start * step**k for k in range(int(np.log(most / start) / np.log(step)) + 1)]
