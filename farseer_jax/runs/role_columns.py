"""The columns of N, D, other inputs and the loss: found, missing or ambiguous."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from farseer_jax.expressions.names import name_text
from farseer_jax.runs.columns import same_column
from farseer_jax.runs.find_columns import (
    as_tuple,
    find_inputs,
    match_columns,
    near_columns,
    usual_columns,
)
from farseer_jax.runs.groups_and_responses import Binding, Found, found_columns
from farseer_jax.runs.implausible import LEAST, UNIT_WORDS
from farseer_jax.runs.other_meanings import formula_for, meaning_of
from farseer_jax.runs.table_problems import Options, Problem
from farseer_jax.runs.usual_names import squeezed
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.number_texts import numbers_of

_ERRORS: Final = ("se", "stderr", "standarderror", "sem", "std", "sd", "stddev", "err")
_MOST_LOSS: Final = 15.0


def role_problems(columns: Columns, binding: Binding) -> list[Problem]:
    """Inputs or a loss without a column, or with several candidates.

    Raises:
        ValueError: an option names a column that is not there, or one column twice.
    """
    try:
        found_columns(list(columns), binding)
    except ValueError as error:
        problems = _problems_by_role(columns, binding)
        if not problems:
            raise
        named = [own for own in problems if own.what.startswith(str(error))]
        return (
            problems if named or len(problems) > 1 else [Problem(str(error), problems[0].remedies)]
        )
    return []


def _problems_by_role(columns: Columns, binding: Binding) -> list[Problem]:
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
    known = [name for name in ("N", "D") if name in found]
    used = {*taken, *found.values()}
    remedies = {
        name: _remedy(name, columns, used, [*known, *(n for n in ("N", "D") if n in names)], failed)
        for name in failed
    }
    free = [column for column in columns if column not in used]
    return [
        Problem(what, (remedies[name],))
        if remedies[name]
        else Problem(f"{what}{_epochs_hint(free) if name == 'D' else ''}")
        for name, what in failed.items()
    ]


def _epochs_hint(free: Sequence[str]) -> str:
    """How to compute D from a column of epochs, if the tokens per epoch are unknown."""
    epochs = next((column for column in free if meaning_of(column) == "epochs"), None)
    if epochs is None:
        return ""
    formula = f"D = {name_text(epochs)}*1e9"
    return (
        f"; column {epochs!r} counts epochs: multiply it by the tokens per epoch, such as "
        f"derive={formula!r} for a billion"
    )


def _own(options: Mapping[str, Any]) -> list[str]:
    return [column for column in options.values() if isinstance(column, str)]


def _named(columns: Any, names: Sequence[str]) -> list[str]:
    """The columns that an option names, if they are there."""
    try:
        return match_columns(names, columns, "")
    except ValueError:
        return []


def _remedy(
    name: str, columns: Columns, used: set[str], known: Sequence[str], failed: Mapping[str, str]
) -> Options:
    """The options that give an input or the loss its column; empty if there are none."""
    free = [column for column in columns if column not in used]
    several, _ = usual_columns(name, free)
    if several:
        return _option(name, several[0])
    near = [own for own in near_columns(name, free) if meaning_of(own) is None]
    if near:
        return _option(name, near[0])
    formula = formula_for(name, free, known)
    if formula is not None:
        return {"derive": [formula]}
    if name == "loss":
        accuracies = [own for own in free if meaning_of(own) == "accuracy"]
        if accuracies:
            return {"response": accuracies[0], "link": "logit"}
    guessed = _by_values(columns, free, failed)
    return _option(name, guessed[name]) if name in guessed else {}


def _option(name: str, column: str) -> Options:
    return {"response": column} if name == "loss" else {"columns_of": {name: column}}


def _by_values(columns: Columns, free: Sequence[str], failed: Mapping[str, str]) -> dict[str, str]:
    """Columns without names, such as 0, 1, 2, by their values: N before D before the loss."""
    found: dict[str, str] = {}
    for column in free:
        if not column.removeprefix("column_").isdecimal():
            continue
        values = numbers_of(columns[column]).numbers
        values = values[np.isfinite(values)]
        if not len(values) or (values <= 0.0).any():
            continue
        is_loss = float(np.median(values)) < _MOST_LOSS
        role = "loss" if is_loss else "D" if "N" in found or "N" not in failed else "N"
        if role in failed and role not in found and (is_loss or values.max() >= LEAST[role]):
            found[role] = column
    return found


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
        others = (
            []
            if named
            else [
                other
                for other in _candidates(name, [own for own in columns if own not in used])
                if not same_column(columns[other], columns[column])
            ]
        )
        unit = units.get(name)
        scaled = unit is not None and unit != 1.0 and binding.units.get(name) is None
        if not (others or scaled or (column != name and not named)):
            continue
        of = f" in {UNIT_WORDS.get(unit or 1.0, f'units of {unit:g}')}" if scaled else ""
        also = f" ({', '.join(map(repr, others))} would also match)" if others else ""
        sentences.append(f"{name} is column {column!r}{of}{also}")
    errors = _standard_errors(columns, binding, found)
    return (*(["; ".join(sentences)] if sentences else []), *errors)


def _candidates(name: str, names: Sequence[str]) -> list[str]:
    """The columns that could be an input or the loss, the less likely last."""
    best, others = usual_columns(name, names)
    return [*best, *others]


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
