"""The values of inputs and responses of a table: rows that cannot be used, units, meanings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.link_functions import as_link
from farseer_jax.runs.checks import Floats
from farseer_jax.runs.column_names import roles_of
from farseer_jax.runs.find_columns import as_tuple
from farseer_jax.runs.groups_and_responses import Binding, Found
from farseer_jax.runs.inputs import NUMBERS, checked_unit
from farseer_jax.runs.survey import diverged, implausible, implausible_losses
from farseer_jax.runs.survey.arms import codes_of_rows
from farseer_jax.runs.survey.named_units import unit_of_column
from farseer_jax.runs.survey.number_columns import (
    DROP,
    CheckedNumbers,
    bad_rows,
    lacking_rows,
    left_out,
    number_columns,
)
from farseer_jax.runs.table_problems import Problem
from farseer_jax.tables.columns import Columns


class RoleValues(NamedTuple):
    """The checked values of a table.

    Attributes:
        columns: without the rows that are left out, with numbers where text spells them.
        problems: why the table cannot be read.
        doubts: values that look wrong, but were read as they are.
        units: of inputs, by the names of their columns.
        numbers: N, D and other numbers that are inputs, in their units, ``(row,)``.
        inputs: all inputs, ``(row,)`` or ``(row, share)``.
        response: the first response, ``(row,)``.
    """

    columns: Columns
    problems: tuple[Problem, ...] = ()
    doubts: tuple[str, ...] = ()
    units: Mapping[str, float | None] = {}
    numbers: Mapping[str, Floats] = {}
    inputs: Sequence[NDArray[Any]] = ()
    response: Floats = np.zeros(0)


def checked_values(columns: Columns, binding: Binding, found: Found) -> RoleValues:
    """Check the values of inputs and responses.

    Args:
        columns: the table.
        binding: how it is read.
        found: the columns of inputs and responses.
    """
    shapes = {np.shape(columns[name]) for name in columns}
    if len(shapes) != 1 or shapes in ({()}, {(0,)}) or len(next(iter(shapes))) != 1:
        return RoleValues(columns)  # refused later, with the names of the columns
    read = number_columns(columns, binding, found)
    other_scales = {} if columns.as_is else _other_scales(read, binding, found)
    problems = [
        problem
        for own in read
        if (problem := other_scales.get(own.name) or bad_rows(own, columns)) is not None
    ]
    numbers = {own.name: own.numbers for own in read if own.name not in found.groups}
    columns = replace(columns, values_by_name={**columns, **numbers})
    bad = np.logical_or.reduce([own.is_bad for own in read])
    can_drop = all(problem.remedies == DROP for problem in problems)
    if problems and not (columns.drop_missing and can_drop):
        return RoleValues(columns, tuple(problems))
    if bad.all():
        return RoleValues(columns, (Problem("no row has a number in every required column"),))
    notes = [lacking_rows(own, ~bad, columns) for own in read if (own.lacking & ~bad).any()]
    if bad.any():
        columns = columns.take(~bad, f"left out: {left_out(read, columns)}")
    return _implausible(columns.with_columns({}, notes), binding, found)


def _other_scales(
    read: Sequence[CheckedNumbers], binding: Binding, found: Found
) -> dict[str, Problem | None]:
    """Responses on a scale that their link does not allow, by column."""
    numbers = {own.name: own.numbers for own in read}
    inputs = {name: numbers[str(own)] for name, own in found.inputs.items() if str(own) in numbers}
    inputs = {name: values for name, values in inputs.items() if name in ("N", "D")}
    if binding.link.name == "log":
        return {
            own: implausible_losses.all_negative(own, numbers[own], inputs)
            or implausible_losses.both_signs(own, numbers[own])
            for own in found.responses
        }
    if binding.link == as_link("logit"):
        return {own: implausible_losses.in_per_cent(own, numbers[own]) for own in found.responses}
    return {}


def _implausible(columns: Columns, binding: Binding, found: Found) -> RoleValues:
    """Values that contradict the use of their column."""
    problems, doubts, units = [], [], dict[str, float | None]()
    numbers = {
        name: np.asarray(columns[str(own)], dtype=float)
        for name, own in found.inputs.items()
        if binding.kinds[name] in NUMBERS and own not in found.groups
    }
    response = np.asarray(columns[found.responses[0]], dtype=float)
    for name in sorted(numbers, key=lambda own: own != "N"):  # D is checked by N in its unit
        units[name] = _unit(name, str(found.inputs[name]), binding, numbers[name])
        if name in ("N", "D") and "N" in numbers and len(numbers[name]):
            problems += _of_role(name, columns, binding, found, numbers, units)
        numbers[name] = numbers[name] * (units[name] or 1.0)
    own_units = [binding.units.get(name) for name in ("N", "D")]
    if {"N", "D"} <= set(units) and not problems and own_units == [None, None]:
        names = {name: str(found.inputs[name]) for name in ("N", "D")}
        ratio = implausible.wrong_ratio(names, numbers["N"], numbers["D"], units)
        problems += [] if ratio is None else [ratio]
    if "N" in numbers or "D" in numbers:
        problems += _of_responses(columns, binding, found, numbers)
    if columns.as_is:
        doubts, problems = [problem.what for problem in problems], []
        units |= {name: 1.0 for name in ("N", "D") if units.get(name, 1.0) is None}
    inputs = [
        *numbers.values(),
        *(
            np.asarray(columns[column])
            for name, own in found.inputs.items()
            if name not in numbers
            for column in as_tuple(own)
        ),
    ]
    return RoleValues(columns, tuple(problems), tuple(doubts), units, numbers, inputs, response)


def _unit(name: str, column: str, binding: Binding, values: Floats) -> float | None:
    given = checked_unit(name, binding.units.get(name))
    return given if given is not None else unit_of_column(name, column, values)


def _of_role(
    name: str,
    columns: Columns,
    binding: Binding,
    found: Found,
    numbers: Mapping[str, Floats],
    units: Mapping[str, float | None],
) -> list[Problem]:
    """The first problem of N or D, if any."""
    column, values = str(found.inputs[name]), numbers[name]
    if binding.units.get(name) is not None:
        return []
    others = [own for own in columns if own not in found.inputs.values()]
    meaning = implausible.wrong_meaning(name, column, others, [*numbers])
    scaled = values * (units[name] or 1.0)
    N = numbers.get("N") if name == "D" else None  # in its unit by now
    problem = (
        meaning
        or _mixed_units(name, columns, binding, found, numbers, units)
        or implausible.wrong_unit(name, column, scaled, N, units[name] or 1.0)
    )
    return [] if problem is None else [problem]


def _mixed_units(
    name: str,
    columns: Columns,
    binding: Binding,
    found: Found,
    numbers: Mapping[str, Floats],
    units: Mapping[str, float | None],
) -> Problem | None:
    """Rows of N or D in a different unit from the others."""
    column, others = str(found.inputs[name]), list[Floats]()
    response = np.asarray(columns[found.responses[0]], dtype=float)
    known = np.isfinite(response)
    if binding.link.name == "log":
        other = "D" if name == "N" else "N"
        both = [response]
        if other in numbers:
            unit = _unit(other, str(found.inputs[other]), binding, numbers[other])
            both += [numbers[other] * ((unit or 1.0) if other not in units else 1.0)]
        others = [own[known] for own in both]
    return implausible.mixed_units(
        name,
        column,
        numbers[name][known],
        columns.row_numbers()[known],
        others,
        units[name] or 1.0,
    )


def _of_responses(
    columns: Columns, binding: Binding, found: Found, numbers: Mapping[str, Floats]
) -> list[Problem]:
    """Problems of responses that are fitted as losses."""
    if binding.link.name != "log":
        return []
    labels = {
        name: own
        for name, own in columns.items()
        if own.dtype.kind in "OUSb" and name not in (*found.groups, *found.responses)
    }
    problems = []
    for column in found.responses:
        if roles_of(column):  # a law of another quantity, such as the best learning rate
            continue
        loss = np.asarray(columns[column], dtype=float)
        known = np.isfinite(loss)
        own = {name: numbers[name][known] for name in ("N", "D") if name in numbers}
        problem = (
            implausible.wrong_meaning("loss", column, list(columns), [*numbers])
            or _by_group(columns, found, column, own, labels)
            or implausible_losses.not_a_loss(column, loss[known], own, list(columns))
        )
        problems += [] if problem is None else [problem]
    return problems


def _by_group(
    columns: Columns,
    found: Found,
    column: str,
    inputs: Mapping[str, Floats],
    labels: Mapping[str, NDArray[Any]],
) -> Problem | None:
    """Perplexities and diverged runs among the losses of a group."""
    loss = np.asarray(columns[column], dtype=float)
    known = np.isfinite(loss)
    loss, rows = loss[known], columns.row_numbers()[known]
    groups = codes_of_rows([columns[name][known] for name in found.groups] or [known[known]])
    for code in range(int(groups.max(initial=-1)) + 1):
        own = groups == code
        numbers = {name: values[own] for name, values in inputs.items()}
        texts = {name: values[known][own] for name, values in labels.items()}
        others = {name: values[known][own] for name, values in columns.items()}
        problem = implausible_losses.some_perplexities(
            column, loss[own], rows[own], numbers, [*texts.values()]
        ) or diverged.diverged_runs(column, loss[own], rows[own], numbers, others)
        if problem is not None:
            return problem
    return None
