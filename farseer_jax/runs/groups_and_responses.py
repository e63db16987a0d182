"""Splitting the columns of a table into checked tables, one for each group and response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from farseer_jax.link_functions import Link
from farseer_jax.runs.checks import Floats, refuse_missing_labels
from farseer_jax.runs.columns import Column, extra_columns, without_roles
from farseer_jax.runs.copies import Copies, losses_with_replicates
from farseer_jax.runs.find_columns import as_tuple, find_inputs, match_columns, named_column
from farseer_jax.runs.inputs import Kind, Kinds, as_kinds, refuse_single_labels
from farseer_jax.runs.response import checked_response, checked_weights, weights_of_errors
from farseer_jax.runs.table import Inputs, Table, checked_inputs, own_names, refuse_lengths
from farseer_jax.tables.frames import copied

Rows: TypeAlias = NDArray[np.intp]


class Binding(NamedTuple):
    """How the columns of a table are read.

    Attributes:
        kinds: the inputs of a law, with their kinds.
        columns_of: columns of inputs that are not found by name.
        response: one or several columns; None finds the loss by its usual names.
        link: the response's link.
        weights: a column of weights of the runs.
        standard_error: a column of standard errors of the response.
        by: columns to group by.
        units: factors of inputs.
        leave_out: leave out runs without a response, instead of refusing them.
        copies: whether rows that are equal in all inputs and the response count once.
        law: name of the law that needs the inputs, for messages.
        single_labels: whether a category may have the same label in all runs.
        num_groups: how many groups the caller takes, for messages; None for any number.
    """

    kinds: Mapping[str, Kind]
    columns_of: Mapping[str, str | Sequence[str]] = {}
    response: str | Sequence[str] | None = None
    link: Link = Link()
    weights: str | None = None
    standard_error: str | None = None
    by: str | Sequence[str] = ()
    units: Mapping[str, float | None] = {}
    leave_out: bool = True
    copies: Copies = "average"
    law: str = ""
    single_labels: bool = False
    num_groups: int | None = None


class TablePart(NamedTuple):
    """The runs of one group and one response."""

    group: dict[str, Any]
    response: str
    table: Table
    num_left_out: int


class Found(NamedTuple):
    """The columns of inputs, responses and groups.

    Attributes:
        inputs: the column of each input; the columns of a mixture.
        responses: one or several columns.
        groups: columns to group by.
    """

    inputs: dict[str, str | tuple[str, ...]]
    responses: list[str]
    groups: list[str]

    def label(self, name: str) -> str:
        """The name of a response's column for messages."""
        role = "response" if len(self.responses) > 1 else "loss"
        return f"column {name!r}" if name == "loss" else f"column {name!r} ({role})"


def table_parts(columns: Mapping[str, Any], binding: Binding) -> list[TablePart]:
    """Bind columns to the inputs of a law, check them, and split them.

    Args:
        columns: columns by name, one value per run.
        binding: how they are read.

    Returns:
        The parts: groups in order of first appearance, responses in order within each group.

    Raises:
        ValueError: a column is missing, ambiguous or invalid.
    """
    binding = binding._replace(kinds=as_kinds(binding.kinds))
    if "loss" in binding.kinds:
        raise ValueError(
            "'loss' is the name of the response and cannot be an input: rename it in the law"
        )
    found = found_columns(list(columns), binding)
    inputs = bound_inputs(columns, binding.kinds, found.inputs, binding.units)
    names = found.responses
    losses = [_response(columns, name, found, binding) for name in names]
    for name, loss in zip(names, losses, strict=True):
        refuse_lengths(inputs, loss, found.label(name), binding.units)
    extras = [_extra(columns, binding, found, inputs, name) for name in names]
    groups = groups_of(columns, found.groups, len(losses[0]))
    return [
        _part(columns, binding, found, inputs, group, response)
        for group in groups
        for response in zip(names, losses, extras, strict=True)
    ]


def found_columns(names: list[str], binding: Binding) -> Found:
    """The columns of inputs, responses and groups, by their names.

    Args:
        names: of all columns of the table.
        binding: how it is read.

    Raises:
        ValueError: a column is missing or ambiguous, or named for two purposes.
    """
    groups = match_columns(names, binding.by, "as a group") if binding.by else []
    if binding.weights is not None and binding.standard_error is not None:
        raise ValueError("weights= and standard_error= are both given; name one of the two")
    scales = [name for name in (binding.weights, binding.standard_error) if name is not None]
    for option, name in (("weights", binding.weights), ("standard_error", binding.standard_error)):
        if name is not None:
            named_column(option, name, names)
    kinds: dict[str, str] = dict(binding.kinds)
    options = dict(binding.columns_of)
    if binding.response is None:
        found = find_inputs(names, {**kinds, "loss": "positive"}, options, scales, binding.law)
        return Found(found, [str(found.pop("loss"))], groups)
    named = match_columns(names, binding.response, "as a response")
    exact = {name for name in named if name in _texts(binding.response, names)}
    found = find_inputs(names, kinds, options, {*exact, *scales}, binding.law)
    used = {column for value in found.values() for column in as_tuple(value)} | set(scales)
    # a pattern such as loss_* may match columns that are used otherwise
    responses = [name for name in named if name not in used]
    clashes = [name for name in named if name in used and (name in exact or not responses)]
    if clashes:
        raise ValueError(
            f"column {clashes[0]!r} is named as a response, but is used otherwise too: name two "
            "different columns"
        )
    return Found(found, responses, groups)


def _texts(patterns: str | Sequence[str], names: Sequence[str]) -> set[str]:
    """The names in a list of names and patterns that are columns exactly as written."""
    texts = [patterns] if isinstance(patterns, str) else patterns
    return {part.strip() for text in texts for part in (text, *text.split(","))} & set(names)


def bound_inputs(
    columns: Mapping[str, Any],
    kinds: Kinds,
    found: Mapping[str, str | tuple[str, ...]],
    units: Mapping[str, float | None],
) -> Inputs:
    """The inputs of a law, checked over all rows of a table.

    Args:
        columns: columns of the table, by name.
        kinds: kinds of the inputs.
        found: the column of each input; the columns of a mixture.
        units: factors of inputs.

    Raises:
        ValueError: a column is invalid.
    """
    values = {
        name: columns[column] if isinstance(column, str) else {c: columns[c] for c in column}
        for name, column in found.items()
    }
    names = {name: column for name, column in found.items() if isinstance(column, str)}
    return checked_inputs(values, kinds, units, names)


def _response(columns: Mapping[str, Any], name: str, found: Found, binding: Binding) -> Floats:
    """One response in all rows; NaN where it is missing."""
    label = found.label(name)
    loss = checked_response(columns[name], label, binding.link, leave_out=binding.leave_out)
    if len(loss) and np.isnan(loss).all():
        raise ValueError(f"{label}: is missing in all {len(loss)} rows; name another response")
    return loss


def groups_of(
    columns: Mapping[str, Any], names: list[str], num_runs: int
) -> list[tuple[dict[str, Any], Rows]]:
    """Each group's values and rows, in order of first appearance.

    Args:
        columns: columns of the table, by name.
        names: columns to group by; if empty, all rows are one group.
        num_runs: number of rows.

    Raises:
        ValueError: a label is missing or not hashable.
    """
    if not names:
        return [({}, np.arange(num_runs))]
    rows_of: dict[tuple[Any, ...], list[int]] = {}
    values = {name: copied(columns[name]).tolist() for name in names}
    for name, column in values.items():
        if len(column) != num_runs:
            raise ValueError(
                f"column {name!r} (group): expected one value per run ({num_runs}), got "
                f"{len(column)}"
            )
        refuse_missing_labels(column, f"column {name!r} (group)")
    for row, key in enumerate(zip(*values.values(), strict=True)):
        try:
            rows_of.setdefault(key, []).append(row)
        except TypeError:
            raise ValueError(
                f"column {names[0]!r} (group): row {row} holds {key!r}, which cannot be a label; "
                "give text or numbers"
            ) from None
    return [
        (dict(zip(names, key, strict=True)), np.array(rows, dtype=np.intp))
        for key, rows in rows_of.items()
    ]


def _part(
    columns: Mapping[str, Any],
    binding: Binding,
    found: Found,
    inputs: Inputs,
    group: tuple[dict[str, Any], Rows],
    response: tuple[str, Floats, Mapping[str, Column]],
) -> TablePart:
    """The runs of one group that have a value of one response."""
    values, all_rows = group
    name, loss, extra = response
    rows = all_rows[~np.isnan(loss[all_rows])]
    where = f" with {_text(values)}" if values else ""
    if not rows.size:
        raise ValueError(
            f"{found.label(name)}: is missing in all {len(all_rows)} rows{where}; leave them out "
            "of the table, or name another response"
        )
    weights = _weights(columns, binding, loss[rows], rows)
    own = {name: column[rows] for name, column in inputs.columns.items()}
    if not binding.single_labels:
        refuse_single_labels(own, inputs.kinds, inputs.labels, where)
    others = {other: column[rows] for other, column in extra.items()}
    losses = losses_with_replicates(loss[rows], own, others, binding.copies)
    table = Table(
        own, losses, others, inputs.kinds, inputs.shares, binding.link, weights, name,
    )  # fmt: skip
    return TablePart(values, name, table, len(all_rows) - len(rows))


def _weights(
    columns: Mapping[str, Any], binding: Binding, loss: Floats, rows: Rows
) -> Floats | None:
    """The weights of some rows, from a column of weights or standard errors."""
    name = binding.weights or binding.standard_error
    if name is None:
        return None
    if binding.weights is not None:
        return checked_weights(columns[name], f"column {name!r} (weights)", rows)
    label = f"column {name!r} (standard error)"
    return weights_of_errors(columns[name], label, loss, binding.link, rows)


def _extra(
    columns: Mapping[str, Any], binding: Binding, found: Found, inputs: Inputs, response: str
) -> dict[str, Column]:
    """The other columns, in all rows; those of groups are among them."""
    used = {column for value in found.inputs.values() for column in as_tuple(value)}
    used |= {response, binding.weights or response}
    others = {
        name: values
        for name, values in columns.items()
        if name not in used or (name in found.groups and name not in binding.kinds)
    }
    num_runs = len(next(iter(inputs.columns.values()), columns[response]))
    taken = own_names(inputs.kinds, inputs.shares, bool(binding.weights or binding.standard_error))
    return extra_columns(without_roles(others, taken), num_runs, ())


def _text(group: Mapping[str, Any]) -> str:
    """A group for a message."""
    return ", ".join(f"{name}={value!r}" for name, value in group.items())


def group_text(group: Mapping[str, Any]) -> str:
    """The labels of a group, for messages.

    Example:
        >>> group_text({"arm": "attn", "seed": 1})
        'arm=attn, seed=1'
    """
    return ", ".join(f"{name}={value}" for name, value in group.items())
