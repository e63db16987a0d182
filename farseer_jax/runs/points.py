"""Points at which a law is asked: rows of a table that need no response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.runs.checks import Floats, floats_of
from farseer_jax.runs.columns import find_inputs, match_columns, table_columns
from farseer_jax.runs.inputs import as_kinds
from farseer_jax.runs.parts import bound_inputs, groups_of
from farseer_jax.runs.table import refuse_lengths


class Points(NamedTuple):
    """The points of one group of a table.

    Attributes:
        group: the value of each column that groups were made by.
        rows: of the table, counted from 0, shape (point,).
        inputs: by name, as in `Runs`.
        shares: names of the columns of each mixture.
        observed: each response, shape (point,); NaN where the table has none.
    """

    group: dict[str, Any]
    rows: NDArray[np.intp]
    inputs: dict[str, NDArray[Any]]
    shares: dict[str, tuple[str, ...]]
    observed: dict[str, Floats]


def bind_points(
    table: object,
    inputs: Mapping[str, str] | Sequence[str],
    *,
    columns_of: Mapping[str, str | Sequence[str]] | None = None,
    responses: Sequence[str] = (),
    by: str | Sequence[str] = (),
    units: Mapping[str, float | None] | None = None,
) -> list[Points]:
    """Take the inputs that a law asks for from a table of points, one part for each group.

    Args:
        table: as for `bind_runs`.
        inputs: likewise.
        columns_of: likewise.
        responses: columns that were fitted; where they are there they are compared.
        by: as for `bind_runs`.
        units: likewise.

    Returns:
        The points of each group, in the order in which groups first appear.

    Raises:
        ValueError: as for `bind_runs`, but a response may be absent or missing.
        TypeError: it is no table in memory.

    Example:
        >>> (points,) = bind_points({"N": [1e8, 4e8], "P": [1, 2]}, ["N", "P"], responses=["loss"])
        >>> points.inputs["P"], points.observed["loss"]
        (array([1., 2.]), array([nan, nan]))
    """
    columns = table if isinstance(table, Mapping) else table_columns(table)
    names, kinds, units = list(columns), as_kinds(inputs), units or {}
    groups = match_columns(names, by, "as group") if by else []
    there = [name for name in responses if name in names]
    found = find_inputs(names, kinds, columns_of, there)
    bound = bound_inputs(columns, kinds, found, units)
    num_points = len(next(iter(bound.columns.values()), columns[names[0]] if names else ()))
    missing = np.full(num_points, np.nan)
    observed = {
        name: floats_of(columns[name], f"column {name!r}") if name in there else missing
        for name in responses
    }
    for name, values in {"": missing, **observed}.items():
        refuse_lengths(bound, values, f"column {name!r}", units)
    return [
        Points(
            group,
            rows,
            {name: column[rows] for name, column in bound.columns.items()},
            bound.shares,
            {name: values[rows] for name, values in observed.items()},
        )
        for group, rows in groups_of(columns, groups, num_points)
    ]
