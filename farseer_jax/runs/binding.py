"""Columns of a table bound to the inputs of a law, as runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from farseer_jax.links import Link, as_link
from farseer_jax.runs.columns import table_columns
from farseer_jax.runs.inputs import as_kinds
from farseer_jax.runs.parts import Binding, table_parts
from farseer_jax.runs.runs import Runs


class Part(NamedTuple):
    """The runs of one group and one response of a table.

    Attributes:
        group: the value of each column that groups were made by; empty where there was none.
        response: the column of the response.
        runs: the runs.
        num_left_out: how many runs of the group have no response, and are not there.
    """

    group: dict[str, Any]
    response: str
    runs: Runs
    num_left_out: int


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
) -> list[Part]:
    """Take the runs that a law asks for from a table: one part for each group and response.

    Only what the law asks for must be there. All other columns stay with the runs, in ``extra``.

    Args:
        table: a pandas, polars or pyarrow table, or a mapping of names to columns.
        inputs: the inputs that the law asks for: names, or a mapping of names to kinds.
        columns_of: the column of an input that is not found by its name: ``{"U": "unique"}``; of a
            mixture a pattern (``{"h": "share_*"}``), a list with commas, or a sequence.
        response: the column to be fitted; several by a pattern (``"loss_*"``), a list with commas,
            or a sequence; None finds the loss by its usual names.
        link: the scale of the response's errors, see `Runs`.
        weights: a column of weights of runs.
        standard_error: a column of standard errors of the response, on its own scale: weights are
            their inverse squares on the link's scale, 1 on average.
        by: columns whose values make groups.
        units: factors of inputs: ``{"N": 1e9}`` for a column in billions.

    Returns:
        The parts: groups in the order in which they first appear, and responses within each. Runs
        without a response are left out of its parts, and counted.

    Raises:
        ValueError: a column is missing or could be two; something in one is wrong; a group has no
            response at all.
        TypeError: it is no table in memory.

    Example:
        >>> table = {"N": [1e8, 4e8] * 2, "P": [1, 2] * 2, "loss": [3.6, 3.2, 3.5, None],
        ...          "corpus": ["a", "a", "b", "b"]}
        >>> for part in bind_runs(table, ["N", "P"], by="corpus"):
        ...     print(part.group, len(part.runs), part.num_left_out)
        {'corpus': 'a'} 2 0
        {'corpus': 'b'} 1 1
    """
    columns = table if isinstance(table, Mapping) else table_columns(table)
    binding = Binding(
        kinds=as_kinds(inputs),
        columns_of=columns_of or {},
        response=response,
        link=as_link(link),
        weights=weights,
        standard_error=standard_error,
        by=by,
        units=units or {},
    )
    return [
        Part(part.group, part.response, Runs._trusted(part.table), part.num_left_out)
        for part in table_parts(columns, binding)
    ]
