"""Binding the columns of a table to the inputs of a law: runs, or points to predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.link_functions import Link, as_link
from farseer_jax.runs.checks import Floats, floats_of
from farseer_jax.runs.column_names import SCALED
from farseer_jax.runs.copies import Copies
from farseer_jax.runs.find_columns import find_inputs, match_columns
from farseer_jax.runs.groups_and_responses import (
    Binding,
    TablePart,
    bound_inputs,
    groups_of,
    table_parts,
)
from farseer_jax.runs.inputs import as_kinds
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.survey.named_units import unit_of_column
from farseer_jax.runs.survey.row_notes import notes_of_group
from farseer_jax.runs.survey.survey import surveyed
from farseer_jax.runs.table import refuse_lengths
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.read import as_columns


class Part(NamedTuple):
    """The runs of one group and one response of a table.

    Attributes:
        group: the value of each grouping column; empty without groups.
        response: the column of the response.
        runs: the runs.
        num_left_out: how many runs of the group were left out for lack of a response.
    """

    group: dict[str, Any]
    response: str
    runs: Runs
    num_left_out: int

    def to_dict(self) -> dict[str, Any]:
        """The part as a dictionary, for JSON."""
        return {**self._asdict(), "runs": self.runs.to_dict()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Part:
        """The inverse of :meth:`to_dict`."""
        return cls(**{**content, "runs": Runs.from_dict(content["runs"])})


def bind_runs(
    table: object,
    inputs: Mapping[str, str] | Sequence[str],
    *,
    columns_of: Mapping[str, str | Sequence[str]] | None = None,
    response: str | Sequence[str] | None = None,
    link: Link | str = "log",
    weights: str | None = None,
    standard_error: str | None = None,
    by: str | Sequence[str] = (),
    units: Mapping[str, float | None] | None = None,
    copies: Copies = "average",
    single_labels: bool = False,
    law: str = "",
    checked: bool = False,
) -> list[Part]:
    """Take the runs that a law needs from a table, one part for each group and response.

    Only the law's inputs and a response are needed; all other columns are kept in ``extra``.

    Args:
        table: a pandas, polars or pyarrow table, or a mapping of names to columns.
        inputs: the law's inputs: names, or a mapping of names to kinds.
        columns_of: columns of inputs that are not found by name: ``{"U": "unique"}``; for a
            mixture a pattern (``{"h": "share_*"}``), a comma-separated list, or a sequence.
        response: the column to fit, or several: a pattern (``"loss_*"``), a comma-separated list,
            or a sequence; None finds the loss by its usual names.
        link: the scale of the response's errors, see `Runs`.
        weights: a column of weights of the runs.
        standard_error: a column of standard errors of the response, on the response's scale:
            weights are their inverse squares on the link's scale, with mean 1.
        by: columns to group by.
        units: factors of inputs: ``{"N": 1e9}`` for a column in billions.
        copies: ``"keep"`` counts rows that are equal in all inputs and the response as runs of
            their own; ``"average"`` only those with another seed.
        single_labels: whether a category may have the same label in all runs, as in the first of
            several.
        law: name of the law that needs the inputs, for messages.
        checked: whether what the columns hold is checked, as for a table of the user's.

    Returns:
        The parts: groups in order of first appearance, responses in order within each group. Runs
        without a value of a response are left out of its parts and counted.

    Raises:
        ValueError: a column is missing, ambiguous or invalid, or a group has no response at all.
        TypeError: not a table in memory.

    Example:
        >>> table = {"N": [1e8, 4e8] * 2, "P": [1, 2] * 2, "loss": [3.6, 3.2, 3.5, None],
        ...          "corpus": ["a", "a", "b", "b"]}
        >>> for part in bind_runs(table, ["N", "P"], by="corpus"):
        ...     print(part.group, len(part.runs), part.num_left_out)
        {'corpus': 'a'} 2 0
        {'corpus': 'b'} 1 1
    """
    binding = Binding(
        kinds=as_kinds(inputs),
        columns_of=columns_of or {},
        response=response,
        link=as_link(link),
        weights=weights,
        standard_error=standard_error,
        by=by,
        units=units or {},
        copies=copies,
        single_labels=single_labels,
        law=law,
    )
    columns, notes = as_columns(table), tuple[str, ...]()
    if checked:
        survey = surveyed(columns, binding, one_fit=True)
        columns, binding = survey.columns, survey.binding
        notes = () if columns.is_told else survey.notes
    return [
        Part(
            part.group,
            part.response,
            Runs._trusted(part.table._replace(notes=_own_notes(notes, columns, part))),
            part.num_left_out,
        )
        for part in table_parts(columns, binding)
    ]


def _own_notes(notes: tuple[str, ...], columns: Columns, part: TablePart) -> tuple[str, ...]:
    """How a table was read, without what is of other groups."""
    if not part.group or not notes:
        return notes
    own = np.logical_and.reduce([columns[name] == label for name, label in part.group.items()])
    loss = floats_of(columns[part.response], f"column {part.response!r}")
    return notes_of_group(notes, part.response, loss[own], columns.row_numbers()[own])


class Points(NamedTuple):
    """The points of one group of a table.

    Attributes:
        group: the value of each grouping column.
        rows: row numbers in the table, counted from 0, shape (point,).
        inputs: by name, as in `Runs`.
        shares: names of the columns of each mixture.
        observed: each response, shape (point,); NaN if the table has none.
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
    """Take the inputs that a law needs from a table of points, one part for each group.

    Args:
        table: as for `bind_runs`.
        inputs: as for `bind_runs`.
        columns_of: as for `bind_runs`.
        responses: fitted columns, taken as observed values if the table has them.
        by: as for `bind_runs`.
        units: as for `bind_runs`.

    Returns:
        The points of each group, in order of first appearance.

    Raises:
        ValueError: as for `bind_runs`, but a response may be absent or missing.
        TypeError: not a table in memory.

    Example:
        >>> (points,) = bind_points({"N": [1e8, 4e8], "P": [1, 2]}, ["N", "P"], responses=["loss"])
        >>> points.inputs["P"], points.observed["loss"]
        (array([1., 2.]), array([nan, nan]))
    """
    columns = as_columns(table)
    names, kinds, units = list(columns), as_kinds(inputs), dict(units or {})
    groups = match_columns(names, by, "as a group") if by else []
    there = [name for name in responses if name in names]
    found = find_inputs(names, kinds, columns_of, there)
    for name, column in found.items():
        if name in SCALED and units.get(name) is None and isinstance(column, str):
            numbers = floats_of(columns[column], f"column {column!r}")
            units[name] = unit_of_column(name, column, numbers)
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
