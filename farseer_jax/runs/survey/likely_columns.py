"""Which of several columns an input or the loss is, by what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from farseer_jax.runs.checks import Floats, short
from farseer_jax.runs.column_names import is_non_embedding, unit_of
from farseer_jax.runs.columns import same_column
from farseer_jax.runs.find_columns import column_option, usual_columns
from farseer_jax.runs.groups_and_responses import Binding, Found
from farseer_jax.runs.survey.implausible import LEAST, MOST
from farseer_jax.runs.survey.named_units import unit_of_column
from farseer_jax.runs.table_problems import Options, Problem
from farseer_jax.runs.usual_names import named
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.number_texts import numbers_of

MOST_LOSS: Final = 15.0
_ROLES: Final = ("N", "D", "loss")
_OF_EXPERTS: Final = frozenset(["N_active", "E", "experts", "S", "expansion", "G"])


def likeliest(role: str, candidates: Sequence[str], columns: Columns) -> list[str]:
    """Columns that an input could be by their names, the likeliest first.

    Plausible values go before others, numbers before labels such as ``70M``, exact numbers before
    those in a unit, and parameters without those of the embedding before all parameters.

    Args:
        role: the input, or ``"loss"``.
        candidates: names of columns.
        columns: the table.

    Example:
        >>> sizes, numbers = np.array(["70M", "1B"]), np.array([7.1e7, 1.02e9])
        >>> table = Columns({"size": sizes, "n_params": numbers})
        >>> likeliest("N", ["size", "n_params"], table)
        ['n_params', 'size']
    """

    def order(column: str) -> tuple[bool, bool, bool, bool]:
        return (
            not is_plausible(role, column, columns),
            _is_label(columns[column]),
            unit_of(column) is not None,
            role == "N" and not is_non_embedding(column),
        )

    return sorted(candidates, key=order)


def is_plausible(role: str, column: str, columns: Columns) -> bool:
    """Whether a column's values could be those of N, D or a loss; True for other inputs."""
    values = numbers_of(columns[column]).numbers
    values = values[np.isfinite(values)]
    if not len(values):
        return False
    if role == "loss":
        is_count = len(values) > 1 and bool((values == np.round(values)).all())
        return float(np.median(values)) < MOST_LOSS and not is_count
    return role not in LEAST or in_range(
        role, values * (unit_of_column(role, column, values) or 1.0)
    )


def in_range(role: str, values: Floats) -> bool:
    """Whether the largest of values could be that of N or D."""
    return bool(LEAST[role] <= values.max() <= MOST[role])


def better_columns(columns: Columns, binding: Binding, found: Found) -> list[Problem]:
    """Columns of N, D or the loss whose values are not theirs, where another column's are."""
    if columns.as_is or any(np.ndim(columns[name]) != 1 for name in columns):
        return []
    taken = {own: name for name, own in found.inputs.items() if isinstance(own, str)}
    if binding.response is None and binding.link.name == "log":
        taken[found.responses[0]] = "loss"
    problems = []
    for column, role in taken.items():
        is_named = role in binding.columns_of or binding.units.get(role) is not None
        if role not in _ROLES or is_named or is_plausible(role, column, columns):
            continue
        names = usual_columns(role, [own for own in columns if own not in taken])[0]
        better = [
            own for own in likeliest(role, names, columns) if is_plausible(role, own, columns)
        ]
        if better:
            what = (
                f"column {column!r}{_range(columns[column])} does not look like {named(role)}, and "
                f"column {better[0]!r}{_range(columns[better[0]])} does: use it, "
                f"{column_option(role, better[0])}"
            )
            problems.append(Problem(what, (option(role, better[0]),)))
    return problems


def active_columns(names: Sequence[str], binding: Binding) -> list[str]:
    """Columns of active parameters, which may be meant by the N of a law without experts."""
    if "N" not in binding.kinds or _OF_EXPERTS & set(binding.kinds):
        return []
    return usual_columns("N_active", names)[0]


def active_or_total(columns: Columns, binding: Binding, found: Found) -> list[Problem]:
    """Total parameters taken as N where the table has active ones too."""
    total = found.inputs.get("N")
    if columns.as_is or "N" in binding.columns_of or not isinstance(total, str) or total == "N":
        return []
    active = [
        own
        for own in active_columns([name for name in columns if name != total], binding)
        if not same_column(columns[own], columns[total])
    ]
    return [which_parameters(active[0], total)] if active else []


def which_parameters(active: str, total: str) -> Problem:
    """The choice between active and total parameters of mixtures of experts."""
    return Problem(
        f"columns {active!r} (active parameters) and {total!r} (total parameters) could each be N: "
        f"say which, {column_option('N', active)}; 6·N·D counts active parameters",
        (option("N", active), option("N", total)),
        ("if N is active parameters", "if N is total parameters"),
    )


def option(name: str, column: str) -> Options:
    """The option that names the column of an input or the loss."""
    return {"response": column} if name == "loss" else {"columns_of": {name: column}}


def _is_label(values: Any) -> bool:
    """Whether numbers are written with letters, as in ``70M``."""
    try:
        np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        return True
    return False


def _range(values: Any) -> str:
    numbers = numbers_of(values).numbers
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return ""
    low, high = short(float(numbers.min())), short(float(numbers.max()))
    return f" ({low})" if low == high else f" ({low} to {high})"
