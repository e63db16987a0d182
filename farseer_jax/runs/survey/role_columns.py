"""The columns of N, D, other inputs and the loss: found, missing or ambiguous."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from farseer_jax.runs.columns import same_column
from farseer_jax.runs.find_columns import (
    as_tuple,
    find_inputs,
    match_columns,
    usual_columns,
)
from farseer_jax.runs.groups_and_responses import Binding, Found, found_columns
from farseer_jax.runs.survey.implausible import UNIT_WORDS
from farseer_jax.runs.survey.likely_columns import (
    active_columns,
    active_or_total,
    better_columns,
)
from farseer_jax.runs.survey.missing_columns import with_remedies
from farseer_jax.runs.table_problems import Problem
from farseer_jax.runs.usual_names import squeezed
from farseer_jax.tables.columns import Columns

_ERRORS: Final = ("se", "stderr", "standarderror", "sem", "std", "sd", "stddev", "err")


def role_problems(columns: Columns, binding: Binding) -> list[Problem]:
    """Inputs or a loss without a column, or with several candidates.

    Raises:
        ValueError: an option names a column that is not there, or one column twice.
    """
    try:
        found = found_columns(list(columns), binding)
    except ValueError as error:
        problems = _problems_by_role(columns, binding, str(error))
        if not problems:
            raise
        return problems
    which = active_or_total(columns, binding, found)
    return which or better_columns(columns, binding, found)


def _problems_by_role(columns: Columns, binding: Binding, said: str) -> list[Problem]:
    kinds: dict[str, str] = dict(binding.kinds)
    if binding.response is None:
        kinds["loss"] = "positive"
    names, found, failed = list(columns), dict[str, str](), dict[str, str]()
    given = {name: binding.columns_of[name] for name in kinds if name in binding.columns_of}
    taken = {own for columns_ in given.values() for own in _named(columns_, names)}
    for name, kind in kinds.items():
        others = {other for other in kinds if other != name and other in names}
        options = {name: given[name]} if name in given else {}
        law = binding.law if name != "loss" else ""
        try:
            own = find_inputs(
                names, {name: kind}, options, {*taken, *others} - set(_own(options)), law
            )
        except ValueError as error:
            if name in given:
                raise
            failed[name] = str(error)
        else:
            found[name] = as_tuple(own[name])[0]
    used = {*taken, *found.values()}
    known = {name: own for name, own in found.items() if name in ("N", "D")}
    problems = with_remedies(failed, columns, binding, used, known) if failed else []
    is_other = len(failed) == 1 and said not in failed.values()  # of two inputs at once
    return [problems[0]._replace(what=said)] if is_other else problems


def _own(options: Mapping[str, Any]) -> list[str]:
    return [column for column in options.values() if isinstance(column, str)]


def _named(columns: Any, names: Sequence[str]) -> list[str]:
    """The columns that an option names, if they are there."""
    try:
        return match_columns(names, columns, "")
    except ValueError:
        return []


def taken_for(
    columns: Columns, binding: Binding, found: Found, units: Mapping[str, float | None]
) -> tuple[str, ...]:
    """Notes on the columns read as inputs and loss under other names, and on other candidates."""
    roles: dict[str, str] = {
        name: own for name, own in found.inputs.items() if isinstance(own, str)
    }
    if binding.response is None:
        roles["loss"] = found.responses[0]
    used = {*roles.values(), *found.groups, binding.weights, binding.standard_error}
    sentences = []
    for name, column in roles.items():
        named = name in binding.columns_of
        free = [own for own in columns if own not in used]
        others = [
            other
            for other in ([] if named else _others(name, column, free, binding))
            if not same_column(columns[other], columns[column])
        ]
        unit = units.get(name)
        scaled = unit is not None and unit != 1.0 and binding.units.get(name) is None
        if not (others or scaled or (column != name and not named)):
            continue
        of = f" in {UNIT_WORDS.get(unit or 1.0, f'units of {unit:g}')}" if scaled else ""
        also = f" ({', '.join(map(repr, others))} would also match)" if others else ""
        sentences.append(f"{name} is column {column!r}{of}{also}")
    errors = _standard_errors(columns, binding, found)
    return (*(["; ".join(sentences)] if sentences else []), *errors)


def _others(name: str, column: str, free: Sequence[str], binding: Binding) -> list[str]:
    """The columns that are doubted beside the one that was found.

    None beside a column of exactly the name of N or D, but those of active parameters.
    """
    if name == column and name in ("N", "D"):
        return active_columns(free, binding) if name == "N" else []
    return _candidates(name, free, binding)


def _candidates(name: str, names: Sequence[str], binding: Binding) -> list[str]:
    """The columns that an input or the loss could be, those of less use last."""
    best, others = usual_columns(name, names)
    return [*best, *others, *(active_columns(names, binding) if name == "N" else ())]


def _standard_errors(columns: Columns, binding: Binding, found: Found) -> list[str]:
    """A note on a column of standard errors that is not used."""
    if binding.weights is not None or binding.standard_error is not None:
        return []
    for response in found.responses:
        own = squeezed(response)
        usual = {f"{own}{error}" for error in _ERRORS} | {f"{error}{own}" for error in _ERRORS}
        for column in columns:
            if squeezed(column) in usual:
                return [
                    f"column {column!r} seems to hold standard errors of {response!r}, which are "
                    f"not used: give standard_error={column!r} to weight the runs by them"
                ]
    return []
