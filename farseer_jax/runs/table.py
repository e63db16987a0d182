"""The checked contents of a table of runs: construction, JSON, summary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.link_functions import Link, as_link
from farseer_jax.runs.checks import Floats, short
from farseer_jax.runs.columns import Column, extra_columns, from_json, to_json
from farseer_jax.runs.inputs import (
    Kinds,
    Shares,
    as_kinds,
    checked_input,
    checked_unit,
    labels_of,
    mixture_label,
    named_shares,
    refuse_wrong_units,
)
from farseer_jax.runs.response import checked_response, checked_weights
from farseer_jax.tables.row_numbers import shortened

_MAX_NAMES_SHOWN: Final = 6


class Table(NamedTuple):
    """The checked contents of :class:`Runs`.

    Attributes:
        inputs: numbers ``(run,)``, shares ``(run, share)`` or labels ``(run,)``, by name.
        loss: the response, ``(run,)``.
        extra: further columns by name, ``(run,)`` each.
        kinds: the kind of each input.
        shares: names of the columns of each mixture.
        link: the scale of the response's errors.
        weights: weights of the runs, ``(run,)``; None for equal weights.
        loss_name: the column that the response came from.
        notes: sentences on how a table was read.
    """

    inputs: Mapping[str, NDArray[Any]]
    loss: Floats
    extra: Mapping[str, Column]
    kinds: Kinds
    shares: Shares
    link: Link = Link()
    weights: Floats | None = None
    loss_name: str | None = None
    notes: tuple[str, ...] = ()

    def take(self, rows: NDArray[Any]) -> Table:
        """Some of the runs, by positions or by a mask."""
        return self._replace(
            inputs={name: column[rows] for name, column in self.inputs.items()},
            loss=self.loss[rows],
            extra={name: column[rows] for name, column in self.extra.items()},
            weights=None if self.weights is None else self.weights[rows],
        )


class Inputs(NamedTuple):
    """Checked inputs, with the names of their columns for messages (``labels``)."""

    columns: dict[str, NDArray[Any]]
    kinds: Kinds
    shares: dict[str, tuple[str, ...]]
    labels: dict[str, str]


def checked_inputs(
    columns: Mapping[str, Any],
    kinds: Kinds,
    units: Mapping[str, float | None],
    names: Mapping[str, str] | None = None,
) -> Inputs:
    """Check the inputs of runs by their kinds, one by one.

    Args:
        columns: the values of each input; for a mixture, its shares' columns by name.
        kinds: the kind of each input.
        units: factors of some inputs.
        names: names of the columns in their table, for messages.

    Raises:
        ValueError: as for :func:`checked_input`.
    """
    for name, unit in units.items():
        if unit is not None and name not in kinds:
            raise ValueError(
                f"{name}_unit: {name} is not an input; the inputs are {', '.join(kinds) or 'none'}"
            )
    shares = {name: tuple(columns[name]) for name, kind in kinds.items() if kind == "mixture"}
    labels = {name: _label(name, (names or {}).get(name, name), shares.get(name)) for name in kinds}
    checked = {
        name: checked_input(columns[name], labels[name], kind, checked_unit(name, units.get(name)))
        for name, kind in kinds.items()
    }
    return Inputs(checked, kinds, shares, labels)


def refuse_lengths(inputs: Inputs, loss: Floats, label: str, units: Mapping[str, Any]) -> None:
    """Refuse columns of unequal length or without rows, and units that look wrong.

    Raises:
        ValueError: the columns or the units are invalid.
    """
    lengths = {inputs.labels[name]: len(column) for name, column in inputs.columns.items()}
    lengths[label] = len(loss)
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"columns of unequal length: {counts} values; give one value per run")
    if not len(loss):
        names = [*inputs.columns, "loss"]
        empty = f"{', '.join(names[:-1])} and {names[-1]}"
        raise ValueError(f"the table has no rows: columns {empty} are empty; give at least one run")
    refuse_wrong_units(inputs.columns, inputs.labels, units)


def checked_table(
    columns: Mapping[str, Any],
    kinds: Kinds,
    loss: Any,
    extra: Mapping[str, Any],
    *,
    shares: Mapping[str, Any] | None = None,
    link: Link,
    weights: Any = None,
    units: Mapping[str, float | None] | None = None,
    loss_name: str | None = None,
) -> Table:
    """Check the contents of :class:`Runs`.

    Args:
        columns: the values of each input; a mixture as an array ``(run, share)`` or by share.
        kinds: the kind of each input.
        loss: the response.
        extra: further columns.
        shares: names of the columns of mixtures that are arrays.
        link: the response's link.
        weights: weights of the runs, or None.
        units: factors of some inputs; None is 1, and refuses N and D that look like billions.
        loss_name: the column that the response came from.

    Raises:
        ValueError: a column is invalid; the message names the column, the rows and the remedy.
    """
    units = units or {}
    values_of = {
        name: named_shares(name, values, (shares or {}).get(name))
        if kinds[name] == "mixture"
        else values
        for name, values in columns.items()
    }
    inputs = checked_inputs(values_of, kinds, units)
    response = checked_response(loss, "column 'loss'", link)
    refuse_lengths(inputs, response, "column 'loss'", units)
    own = None if weights is None else checked_weights(weights, "weights")
    if own is not None and len(own) != len(response):
        raise ValueError(f"weights: expected one value per run ({len(response)}), got {len(own)}")
    taken = own_names(inputs.kinds, inputs.shares, own is not None)
    others = extra_columns(extra, len(response), taken)
    return Table(inputs.columns, response, others, kinds, inputs.shares, link, own, loss_name)


def own_names(kinds: Kinds, shares: Shares, has_weights: bool) -> tuple[str, ...]:
    """Names of the runs' own columns, which no extra column may have."""
    names = [part for name in kinds for part in (name, *shares.get(name, ()))]
    return (*names, "loss", *(("weights",) if has_weights else ()))


def flat_columns(table: Table) -> dict[str, NDArray[Any]]:
    """The runs' own columns, with a column for each share of a mixture."""
    columns = {**split_shares(table.inputs, table.shares), "loss": table.loss}
    return columns if table.weights is None else {**columns, "weights": table.weights}


def split_shares(inputs: Mapping[str, NDArray[Any]], shares: Shares) -> dict[str, NDArray[Any]]:
    """Inputs by column: each share of a mixture becomes a column."""
    columns: dict[str, NDArray[Any]] = {}
    for name, values in inputs.items():
        is_mixture = name in shares
        columns |= dict(zip(shares[name], values.T, strict=True)) if is_mixture else {name: values}
    return columns


def numeric_columns(table: Table) -> dict[str, Floats]:
    """The numeric columns that a selection may bound: inputs, shares and the response."""
    labels = {name for name, kind in table.kinds.items() if kind == "category"}
    columns = flat_columns(table._replace(weights=None))
    return {name: np.asarray(values) for name, values in columns.items() if name not in labels}


def _label(name: str, column: str, shares: tuple[str, ...] | None) -> str:
    """The name of a column for messages."""
    if shares is not None:
        return mixture_label(name, shares)
    return f"column {column!r}" if column == name else f"column {column!r} ({name})"


def table_to_dict(table: Table) -> dict[str, Any]:
    """A table as lists: the output of `Runs.to_dict`."""
    columns = {name: _input_to_json(table, name) for name in table.inputs}
    plain: dict[str, Any] = {name: columns[name] for name in ("N", "D") if name in columns}
    others = {name: columns[name] for name in columns if name not in plain}
    content = {**plain, "loss": table.loss.tolist()}
    content["extra"] = {name: to_json(table.extra[name]) for name in table.extra}
    if others or len(plain) < 2:
        content["inputs"] = others
    if list(columns) != [*plain, *others]:
        content["order"] = list(columns)
    if set(table.kinds.values()) - {"positive"}:
        content["kinds"] = dict(table.kinds)
    if table.link != Link():
        content["link"] = table.link.to_dict()
    if table.weights is not None:
        content["weights"] = table.weights.tolist()
    if table.notes:
        content["notes"] = [*table.notes]
    return content if table.loss_name is None else {**content, "loss_name": table.loss_name}


def table_from_dict(content: Mapping[str, Any]) -> Table:
    """The table that `table_to_dict` wrote, checked again.

    Raises:
        ValueError: a part is missing or invalid.
    """
    needed = ("loss",) if "inputs" in content else ("N", "D", "loss")
    missing = [role for role in needed if role not in content]
    if missing:
        raise ValueError(
            f"expected a table of runs, got one without {', '.join(map(repr, missing))}"
        )
    own = {name: content[name] for name in ("N", "D") if name in content}
    columns = {**own, **content.get("inputs", {})}
    order = content.get("order", list(columns))
    return checked_table(
        {name: columns[name] for name in order},
        as_kinds(order, content.get("kinds")),
        content["loss"],
        {name: from_json(values) for name, values in content.get("extra", {}).items()},
        link=as_link(content.get("link", "log")),
        weights=content.get("weights"),
        units={name: 1.0 for name in ("N", "D") if name in columns},
        loss_name=content.get("loss_name"),
    )._replace(notes=tuple(content.get("notes", ())))


def _input_to_json(table: Table, name: str) -> Any:
    """One input as a list; a mixture as a list per share."""
    column = table.inputs[name]
    if name not in table.shares:
        return to_json(column)
    return dict(zip(table.shares[name], column.T.tolist(), strict=True))


def summary(table: Table, num_copies: int) -> str:
    """The number of runs, their ranges, and the rest of the table in a few lines."""
    lines = [("runs", f"{len(table.loss)}")]
    lines += [(name, _input_text(name, table)) for name in table.inputs]
    lines += [("loss", range_text(table.loss))]
    if table.link.name != "log":
        ends = f", {table.link.requirement}" if table.link.name == "logit" else ""
        lines += [("link", f"{table.link.name}{ends}")]
    if table.weights is not None:
        lines += [("weights", range_text(table.weights))]
    if num_copies:
        *first, last = [*table.inputs, "loss"]
        lines += [("copies", f"{num_copies} ({', '.join(first)} and {last} as in an earlier run)")]
    if table.extra:
        lines += [("extra", shortened(list(table.extra), _MAX_NAMES_SHOWN))]
    lines += [("note", note) for note in table.notes]
    width = max(len(label) for label, _ in lines)
    return "\n".join(f"{label:<{width}}  {text}" for label, text in lines)


def range_text(values: Floats) -> str:
    """The smallest and the largest value."""
    return f"{short(float(values.min()))} to {short(float(values.max()))}"


def _input_text(name: str, table: Table) -> str:
    """The range of one input."""
    column: NDArray[Any] = table.inputs[name]
    if name in table.shares:
        shares = table.shares[name]
        return f"{len(shares)} shares: {shortened(shares, _MAX_NAMES_SHOWN)}"
    if table.kinds[name] == "category":
        labels = [str(label) for label in labels_of(column)]
        shown = shortened(labels, _MAX_NAMES_SHOWN)
        return f"{len(labels)} value{'s'[: len(labels) != 1]}: {shown}"
    if name != "N":
        return range_text(column)
    num_sizes = len(np.unique(column))
    return f"{num_sizes} size{'s'[: num_sizes != 1]}, {range_text(column)}"
