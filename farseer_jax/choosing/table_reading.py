"""What the columns of a table are, when no law is named."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from farseer_jax.choosing.column_values import is_text, known_input, numbers_by_name, sizes_of
from farseer_jax.choosing.group_columns import groups_among
from farseer_jax.choosing.independent_inputs import independent_inputs
from farseer_jax.choosing.mixture_columns import MIXTURE, mixture_among, plain_mixture
from farseer_jax.choosing.response_columns import other_losses, responses_among
from farseer_jax.choosing.table_checks import enough_responses, refuse_sums
from farseer_jax.link_functions import Link
from farseer_jax.runs.checks import floats_of
from farseer_jax.runs.column_names import holds, roles_of
from farseer_jax.runs.survey.implausible import UNIT_WORDS
from farseer_jax.runs.survey.named_units import unit_of_column
from farseer_jax.runs.usual_names import squeezed
from farseer_jax.tables.number_texts import numbers_of as read_numbers
from farseer_jax.tables.row_numbers import shown_rows

_RESULT_NAMES = re.compile(r"(^|[_ ])(loss|acc|accuracy|ppl|perplexity|bpb|error|score)($|[_ ])")
_ROW_NAMES = frozenset(["seed", "runid", "run", "id", "index", "row", "step"])
_MAY_BE_ZERO = frozenset({"s", "sparsity", "r"})  # fractions, which only some laws take
_MOST_BAD = 0.5  # share of unusable rows up to which a column is an input by its name


@dataclass(frozen=True)
class TableReading:
    """What each column of a table was taken for.

    Attributes:
        responses: columns to fit.
        groups: columns whose values make groups, each with its own fit.
        inputs: positive numbers that may be inputs of a law.
        shares: columns of a mixture.
        sizes: columns of text that hold sizes, such as ``70M``, read as numbers.
        link: scale of the responses' errors.
        ignored: other columns, with the reason.
        left_out: sentences on groups and responses with too few rows.
        small_groups: the labels of such groups.
        units: factors of inputs that are not in parameters or tokens, such as ``params_B``.
        notes: sentences on other candidate columns, and on what was pooled, derived or left out.
    """

    responses: tuple[str, ...]
    groups: tuple[str, ...]
    inputs: tuple[str, ...]
    shares: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    link: str = "log"
    ignored: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    small_groups: tuple[str, ...] = ()
    units: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """The role of each column, a line each."""
        inputs = tuple(f"{name}{self._unit_text(name)}" for name in self.inputs)
        lines = [("response", self.responses), ("groups", self.groups), ("inputs", inputs)]
        lines += [("mixture h", self.shares)]
        texts = [f"{what}: {_listed(names)}" for what, names in lines if names]
        if self.sizes:
            texts.append(f"sizes read from labels: {_listed(self.sizes)}")
        if self.link == "identity":
            texts.append("errors are differences, since some responses are not positive")
        texts += [f"note: {note}" for note in self.notes]
        texts += [f"not used: {name} ({reason})" for name, reason in self.ignored.items()]
        return texts

    def _unit_text(self, name: str) -> str:
        unit = self.units.get(name, 1.0)
        return "" if unit == 1.0 else f" (in {UNIT_WORDS.get(unit, f'units of {unit:g}')})"


def read_columns(
    columns: Mapping[str, np.ndarray],
    *,
    response: str | Sequence[str] | None = None,
    by: Sequence[str] | None = None,
    named: Mapping[str, str] | None = None,
    shares: Sequence[str] = (),
    link: Link | None = None,
    units: Mapping[str, float | None] | None = None,
) -> TableReading:
    """Recognise the columns of a table by their names and values.

    Rows of a response, or of an input known by its name, that hold no usable number do not matter
    here.

    Args:
        columns: columns by name, one value per run.
        response: the responses; None finds them by their names.
        by: the columns to group by; None finds them.
        named: columns of inputs that the user named, which are inputs whatever their values.
        shares: columns of a mixture; found if empty.
        link: of the responses; None finds it.
        units: factors of inputs.

    Raises:
        ValueError: the table has too few losses, lacks a column that is named, or columns look like
            a mixture but do not sum to 1.
    """
    named, names = named or {}, list(columns)
    responses = responses_among(columns, response)
    values, left_out = enough_responses(columns, responses)
    own = list(named.values())
    sizes = tuple(n for n in names if n not in responses and sizes_of(columns[n]) is not None)
    texts_of_numbers = {*numbers_by_name(columns, own), *responses, *sizes}
    columns = {
        name: read_numbers(values_).numbers if name in texts_of_numbers else values_
        for name, values_ in columns.items()
    }
    others = [name for name in names if name not in responses]
    if shares:
        refuse_sums(columns, shares)
    free = [n for n in others if n not in own and n not in sizes and n not in (by or ())]
    found, notes = tuple(shares) or mixture_among(columns, free), list[str]()
    if not found:
        free = [n for n in free if not _RESULT_NAMES.search(n.lower())]
        found = plain_mixture(columns, free)
        notes += [f"{_listed(found)} sum to 1 in every row: a mixture"] if found else []
    rest = [n for n in others if n not in found]
    inputs, ignored = list[str](), dict[str, str]()
    for name in rest:
        if is_text(columns[name]) or name in (by or ()):
            continue
        reason = None if name in own else _not_an_input(name, columns[name])
        if reason is None:
            inputs.append(name)
        else:
            ignored[name] = reason
    texts = [n for n in rest if is_text(columns[n])]
    inputs = independent_inputs(columns, inputs, sizes, own, ignored)
    ignored_texts = dict[str, str]()
    groups = groups_among(columns, texts, [*inputs, *found], ignored_texts)
    if by is None:
        ignored |= ignored_texts
    else:
        notes += _pooled(groups, by)
        groups = tuple(by)
    if response is None and len(values) == 1:
        notes += _could_be_the_loss(columns, next(iter(values)))
    return TableReading(
        tuple(values),
        groups,
        tuple(inputs),
        found,
        sizes,
        _link_of(list(values.values())) if link is None else link.name,
        ignored,
        left_out,
        units={n: u for n in inputs if (u := _unit(n, columns[n], named, units or {})) != 1.0},
        notes=tuple(notes),
    )


def numbers_of(columns: Mapping[str, Any], reading: TableReading) -> dict[str, Any]:
    """The columns with sizes in text, such as ``70M``, as numbers, in their units.

    Raises:
        ValueError: a value is not a number.
    """
    numbers = dict(columns)
    for name in (*reading.sizes, *reading.responses, *reading.inputs, *reading.shares):
        if name in numbers and name not in reading.groups:
            own = floats_of(numbers[name], f"column {name!r}")
            numbers[name] = own * reading.units.get(name, 1.0)
    return numbers


def _link_of(responses: Sequence[np.ndarray]) -> str:
    """The scale of the errors of responses: their logarithm, if all are positive."""
    loss = np.concatenate(list(responses)) if responses else np.ones(0)
    return "log" if (loss[np.isfinite(loss)] > 0.0).all() else "identity"


def _unit(
    name: str,
    values: np.ndarray,
    named: Mapping[str, str],
    units: Mapping[str, float | None],
) -> float:
    """The factor of an input, by an option or the column's name."""
    roles = [role for role, column in named.items() if column == name] or roles_of(name)
    given = [units[role] for role in roles if units.get(role) is not None]
    found = [*given, *(unit_of_column(role, name, values) for role in roles)]
    return next((unit for unit in found if unit is not None), 1.0)


def _pooled(groups: Sequence[str], by: Sequence[str]) -> list[str]:
    """A note on columns that would make groups, but are not named as such."""
    others = [name for name in groups if name not in by]
    if not others:
        return []
    how = f"grouped by {_listed(by)} only" if by else "not grouped"
    return [f"the runs are {how}: rows of different {' and '.join(others)} are pooled"]


def _could_be_the_loss(columns: Mapping[str, np.ndarray], response: str) -> list[str]:
    others = other_losses(columns, response)
    also = f"{', '.join(map(repr, others))} would also match"
    return [f"the loss is column {response!r} ({also})"] if others else []


def _not_an_input(name: str, values: np.ndarray) -> str | None:
    """Why a column of numbers cannot be an input; None if it may be one."""
    values = np.asarray(values, dtype=float)
    if squeezed(name) in _ROW_NAMES:
        return "identifies the runs"
    if name == MIXTURE:
        return "has the name of the mixture in laws; rename it if it is an input"
    usable = np.isfinite(values) & (values > 0.0)
    bad, known = np.flatnonzero(~usable), known_input(name)
    if len(bad):
        is_size = holds(name, "N") or holds(name, "D")
        by_name = (
            known and squeezed(name) not in _MAY_BE_ZERO and len(bad) < _MOST_BAD * len(values)
        )
        if not (is_size or by_name):
            return f"not a positive number in {shown_rows(bad)}"
    num = len(np.unique(values[usable]))
    if num == 1:
        return "the same in all rows"
    if known:
        return None
    if _RESULT_NAMES.search(name.lower()) or (num > 2 and (values <= 1.0).all()):
        return "looks like another result of the runs"
    return None if num <= max(2, len(values) // 2) else "nearly every row has a different value"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
