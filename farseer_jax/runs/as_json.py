"""Tables of runs as JSON keeps them exactly, there and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from farseer_jax.links import Link, as_link
from farseer_jax.runs.extra_columns import from_json, to_json
from farseer_jax.runs.inputs import as_kinds
from farseer_jax.runs.table import Table, checked_table


def table_to_dict(table: Table) -> dict[str, Any]:
    """A table as lists, in the form of `Runs.to_dict`."""
    columns = {name: _input(table, name) for name in table.inputs}
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
    return content if table.loss_name is None else {**content, "loss_name": table.loss_name}


def table_from_dict(content: Mapping[str, Any]) -> Table:
    """The table that `table_to_dict` wrote, checked again.

    Raises:
        ValueError: a part is missing, or the numbers are not those of runs.
    """
    needed = ("loss",) if "inputs" in content else ("N", "D", "loss")
    missing = [role for role in needed if role not in content]
    if missing:
        raise ValueError(f"not a table of runs: it has no {', '.join(map(repr, missing))}")
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
    )


def _input(table: Table, name: str) -> Any:
    """One input as a list; a mixture as a list per share."""
    column = table.inputs[name]
    if name not in table.shares:
        return to_json(column)
    return dict(zip(table.shares[name], column.T.tolist(), strict=True))
