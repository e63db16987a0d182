"""Inputs without a column: the column, or the formula of other columns, that gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from farseer_jax.expressions.names import name_text
from farseer_jax.runs.checks import short
from farseer_jax.runs.column_names import unit_of
from farseer_jax.runs.find_columns import (
    column_option,
    listed_columns,
    near_columns,
    usual_columns,
    usual_input,
)
from farseer_jax.runs.groups_and_responses import Binding
from farseer_jax.runs.prepare import prepared
from farseer_jax.runs.survey.implausible import LEAST
from farseer_jax.runs.survey.likely_columns import (
    MOST_LOSS,
    active_columns,
    in_range,
    is_plausible,
    likeliest,
    option,
    which_parameters,
)
from farseer_jax.runs.survey.likely_formulas import likely_formulas
from farseer_jax.runs.survey.mixed_rows import are_curves
from farseer_jax.runs.survey.named_units import unit_of_column
from farseer_jax.runs.survey.other_meanings import meaning_of
from farseer_jax.runs.table_problems import Options, Problem, merged
from farseer_jax.runs.usual_names import MEANINGS, squeezed
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.number_texts import numbers_of


def with_remedies(
    failed: Mapping[str, str],
    columns: Columns,
    binding: Binding,
    used: set[str],
    known: Mapping[str, str],
) -> list[Problem]:
    """Problems of inputs without a column, those first whose formulas others need.

    Args:
        failed: what is wrong with each input, or the loss.
        columns: the table.
        binding: how it is read.
        used: columns taken for something else.
        known: the columns of N and D that were found.

    Returns:
        The problems, with the options that solve them. The columns of the table are listed once.
    """
    solved: dict[str, Problem] = {}
    options: Options = {"columns_of": dict(known)}
    texts = failed
    for name in (*failed, *failed):  # a formula may need an input that is found after it
        if name in solved:
            continue
        ways = _ways(name, columns, binding, used, failed, options)
        if ways.remedies:
            solved[name] = ways
            options = merged(options, ways.remedies[0])
        elif ways.what and failed[name] == texts[name]:
            failed = {**failed, name: ways.what}
    free = [column for column in columns if column not in used]
    left = {name: what for name, what in failed.items() if name not in solved}
    problems = [problem._replace(what=problem.what or failed[n]) for n, problem in solved.items()]
    problems += [
        Problem(f"{what}{_tokens_hint(free, columns) if name == 'D' else ''}")
        for name, what in left.items()
    ]
    listed = listed_columns(list(columns))
    if not problems:
        return []
    first, *others = problems
    return [first, *(own._replace(what=own.what.replace(listed, "")) for own in others)]


def _tokens_hint(free: Sequence[str], columns: Columns) -> str:
    """How a table without D may be read: by its epochs, or as loss curves."""
    if are_curves(columns):
        return (
            "; its rows are steps along training, and a fit takes the last one of each run with D: "
            "use last_by='run,step', and D such as derive='D = step*524288' for batches of 524,288 "
            "tokens; "
            "read_curves in Python or farseer curves in the shell reads whole loss curves"
        )
    return _epochs_hint(free)


def _epochs_hint(free: Sequence[str]) -> str:
    """How a column of epochs gives D, whose factor the table does not tell."""
    epochs = next((column for column in free if meaning_of(column) == "epochs"), None)
    if epochs is None:
        return ""
    formula = f"D = {name_text(epochs)}*1e9"
    return (
        f"; column {epochs!r} counts epochs: multiply it by the tokens per epoch, such as "
        f"derive={formula!r} for a billion"
    )


def _ways(
    name: str,
    columns: Columns,
    binding: Binding,
    used: set[str],
    failed: Mapping[str, str],
    options: Options,
) -> Problem:
    """The options that give an input or the loss its column; none without.

    Args:
        name: the input, or ``"loss"``.
        columns: the table.
        binding: how it is read.
        used: columns taken for something else.
        failed: the problems of all inputs without a column.
        options: those with which the inputs known by now are read.
    """
    free = [column for column in columns if column not in used]
    several = likeliest(name, usual_columns(name, free)[0], columns)
    active = active_columns(free, binding) if name == "N" else []
    total = several or [own for own in free if squeezed(own) in ("ntotal", "ntot")]
    if total and active:
        return which_parameters(active[0], total[0])
    if several:
        first = usual_columns(name, free)[0][0]
        what = failed[name].replace(column_option(name, first), column_option(name, several[0]))
        found = _last_checkpoints(several, columns, options, what) if name == "D" else None
        return found or Problem(what, (option(name, several[0]),))
    near = [own for own in near_columns(name, free) if meaning_of(own) is None]
    for close in (*active, *near):
        return Problem("", (option(name, close),))
    known = [own for own in ("N", "D") if _is_known(own, columns, options)]
    formulas = likely_formulas(name, free, known, columns)
    if formulas:
        formulas = {_by_columns(own, columns, options): case for own, case in formulas.items()}
        return _derived(name, formulas, failed[name], columns, binding, options)
    if name == "loss":
        accuracies = [own for own in free if meaning_of(own) == "accuracy"]
        if accuracies:
            return Problem("", ({"response": accuracies[0], "link": "logit"},))
    guessed = _by_values(columns, free, failed)
    return Problem("", (option(name, guessed[name]),) if name in guessed else ())


def _last_checkpoints(
    several: Sequence[str], columns: Columns, options: Options, what: str
) -> Problem | None:
    """Tokens seen by checkpoints beside the tokens of their whole runs; None without both."""
    import pandas as pd

    sizes = options["columns_of"].get("N")
    if not isinstance(sizes, str) or sizes not in columns:
        return None
    numbers = {own: numbers_of(columns[own]).numbers * (unit_of(own) or 1.0) for own in several}
    for total in several:
        for seen in several:
            if total == seen or not (numbers[seen] <= numbers[total]).all():
                continue
            runs = pd.DataFrame({"N": columns[sizes], "D": numbers[total], "seen": numbers[seen]})
            if (runs.groupby(["N", "D"])["seen"].nunique() > 1).all():
                last_by = [sizes, total, seen]
                what = what.replace(column_option("D", several[0]), column_option("D", total))
                what += f"; {seen!r} grows to {total!r}, as of checkpoints: use last_by={last_by!r}"
                return Problem(what, ({**option("D", total), "last_by": last_by},))
    return None


def _is_known(name: str, columns: Columns, options: Options) -> bool:
    derived = (formula.split("=")[0].strip() for formula in options.get("derive", ()))
    return name in columns or name in options["columns_of"] or name in derived


def _by_columns(formula: str, columns: Columns, options: Options) -> str:
    """A formula in which N and D are columns, where only an option says which."""
    result, right = formula.split(" = ", 1)
    parts = re.split(r'("[^"]*")', right)  # names in quotes stay
    for name, column in options["columns_of"].items():
        if isinstance(column, str) and usual_input(name, list(columns)) is None:
            unit = unit_of_column(name, column, numbers_of(columns[column]).numbers)
            factor = "" if unit is None else f"{unit:g}*".replace("e+0", "e").replace("e+", "e")
            text = f"{factor}{name_text(column)}"
            parts[::2] = [re.sub(rf"\b{name}\b", lambda _, t=text: t, own) for own in parts[::2]]
    return f"{result} = {''.join(parts)}"


def _derived(
    name: str,
    formulas: Mapping[str, str],
    what: str,
    columns: Columns,
    binding: Binding,
    options: Options,
) -> Problem:
    """Formulas of an input, with the case for each; none where their values are not its."""
    first = next(iter(formulas))
    largest = _largest(name, first, columns, binding, options)
    if largest is not None and not in_range(name, np.array([largest])):
        return Problem(f"{what}; {first!r} gives {short(largest)} at most, not {MEANINGS[name]}")
    cases = tuple(formulas.values()) if len(formulas) > 1 else ()
    return Problem("", tuple({"derive": [formula]} for formula in formulas), cases)


def _largest(
    name: str, formula: str, columns: Columns, binding: Binding, options: Options
) -> float | None:
    """The largest value that a formula gives; None if N or D in it may be in another unit."""
    if name not in LEAST:
        return None
    derive = [*options.get("derive", ()), formula]
    columns_of = {**binding.columns_of, **options["columns_of"]}
    try:
        found = prepared(columns, derive=derive, columns_of=columns_of, units=binding.units)
    except ValueError:
        return None
    for other in ("N", "D"):
        own = columns_of.get(other, other)
        is_given = binding.units.get(other) is not None
        if other != name and own in found and not is_given and not is_plausible(other, own, found):
            return None
    values = numbers_of(found[name]).numbers
    values = values[np.isfinite(values)]
    return float(values.max()) if len(values) else None


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
        is_loss = float(np.median(values)) < MOST_LOSS
        role = "loss" if is_loss else "D" if "N" in found or "N" not in failed else "N"
        if role in failed and role not in found and (is_loss or values.max() >= LEAST[role]):
            found[role] = column
    return found
