"""Preparing a table of runs: deriving columns and selecting rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from farseer_jax.runs.find_columns import usual_input
from farseer_jax.runs.survey.named_units import unit_of_column
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.derive import derived
from farseer_jax.tables.number_texts import numbers_of
from farseer_jax.tables.rows import last_by as last_rows
from farseer_jax.tables.rows import where as rows_where


def prepared(
    columns: Columns,
    *,
    derive: str | Sequence[str] = (),
    where: str | None = None,
    last_by: str | Sequence[str] | None = None,
    columns_of: Mapping[str, Any] | None = None,
    units: Mapping[str, float | None] | None = None,
) -> Columns:
    """Derive columns of a table, then select its rows.

    Args:
        columns: the table.
        derive: formulas ``"D = tokens_per_param * N"``; N, D and other inputs stand for their
            columns, times their units.
        where: a condition in SQL.
        last_by: columns that identify a run, and the column that orders its rows: the last of
            those that meet the condition are kept.
        columns_of: columns of inputs that are not found by name.
        units: factors of inputs.

    Raises:
        ValueError: a formula or a condition cannot be read, names an unknown column, or no row is
            left.
    """
    if derive:
        found = derived(columns, derive, _Meanings(columns_of or {}, units or {}), columns.rows)
        new = {
            name: values
            for name, values in found.columns.items()
            if values is not columns.get(name)
        }
        columns = columns.with_columns(new, found.notes)
    if where is not None:
        columns = rows_where(columns, where)
    if last_by is None:
        return columns
    names = last_by.split(",") if isinstance(last_by, str) else last_by
    return last_rows(columns, [name.strip() for name in names])


class _Meanings:
    """The values of an input in a formula: those of its column, times its unit."""

    def __init__(self, columns_of: Mapping[str, Any], units: Mapping[str, float | None]) -> None:
        self.columns_of, self.units = columns_of, units

    def __call__(self, name: str, table: Mapping[str, Any]) -> Any:
        column = self.columns_of.get(name) or usual_input(name, list(table))
        if not isinstance(column, str) or column not in table:
            return None
        numbers = numbers_of(np.asarray(table[column])).numbers
        unit = self.units.get(name) or unit_of_column(name, column, numbers)
        return numbers * (unit or 1.0)
