"""Columns whose size, range or ratio contradicts their use as N or D."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.expressions.names import name_text
from farseer_jax.runs.checks import Floats, short
from farseer_jax.runs.survey.other_meanings import formula_for, meaning_of
from farseer_jax.runs.survey.units_by_loss import UNITS, split, split_by_loss, unit_between
from farseer_jax.runs.table_problems import Problem
from farseer_jax.runs.usual_names import MEANINGS
from farseer_jax.tables.row_numbers import shown_rows

# Language models have been trained from 1e5 parameters on, on 1e7 to 1e14 tokens.
LEAST: Final = {"N": 1e5, "D": 1e7}
MOST: Final = {"N": 1e13, "D": 1e15}
UNIT_WORDS: Final = {1e3: "thousands", 1e6: "millions", 1e9: "billions", 1e12: "trillions"}
# What the smallest and the largest of several runs do not exceed, to guess a unit.
_RANGES: Final = {"N": (3e10, 2e12), "D": (1e13, 1e14)}
_USUAL_RATIO: Final = (0.5, 5e3)  # of tokens to parameters
_LEAST_RATIO: Final = 0.05  # medians beyond are those of columns in different units
_MOST_RATIO: Final = 2e4
_GAP: Final = 300.0  # between values in another unit and the others


def wrong_meaning(
    role: str, column: str, names: Collection[str], known: Collection[str]
) -> Problem | None:
    """A column whose name says something else, such as compute used as D.

    Args:
        role: ``"N"``, ``"D"`` or ``"loss"``.
        column: the column.
        names: all columns of the table.
        known: those of N and D that the table has.
    """
    meaning = meaning_of(column)
    if meaning is None:
        return None
    what = f"column {column!r} is {_article(meaning)}{meaning} by its name, not {_meant(role)}"
    if role == "loss" and meaning == "accuracy":
        remedy = {"link": "logit", "response": column}
        return Problem(f'{what}: fit it on the logit scale, use link="logit"', (remedy,))
    if role == "D" and meaning == "epochs":
        formula = f"D = {name_text(column)}*1e9"
        how = f"multiply it by the tokens per epoch, such as derive={formula!r} for a billion"
        return Problem(f"{what}: {how}")
    found = formula_for(role, [column, *names], [own for own in known if own != role])
    if found is None:
        return Problem(f"{what}: name another column")
    return Problem(f"{what}: use derive={found!r}", (derived_instead(role, found),))


def wrong_unit(
    role: str, column: str, values: Floats, N: Floats | None, named: float = 1.0
) -> Problem | None:
    """N or D that is too small or too large: thousands, millions, billions, or something else.

    Args:
        role: ``"N"`` or ``"D"``.
        column: the column.
        values: of all rows, ``(row,)``.
        N: parameters, for D.
        named: the unit that the column's name tells, in which the values are.
    """
    largest = float(values.max())
    if LEAST[role] <= largest <= MOST[role]:
        return None
    size = f"column {column!r}: its largest value is {short(largest)}, too "
    meant, name = MEANINGS[role], name_text(column)
    if largest > MOST[role] and role == "D":
        formula = f"D = {name}/(6*N)"
        what = f"{size}large for a number of {meant}; if it is compute, use derive={formula!r}"
        return Problem(what, (derived_instead("D", formula),))
    if largest > MOST[role]:
        return Problem(f"{size}large for a number of {meant}: name another column")
    units = [named * unit for unit in _likely_units(role, values, N)[:2]]
    remedies = [{"units": {role: unit}} for unit in units]
    cases = [f"if {column!r} is in {_unit_words(unit)}" for unit in units]
    what = f"{size}small for a number of {meant}. " + "; ".join(
        f"{'If' if unit == units[0] else 'if'} it is in {_unit_words(unit)}, give "
        f"{role}_unit={_power(unit)}"
        for unit in units
    )
    if role == "D" and N is not None and float(np.median(values)) <= _USUAL_RATIO[1]:
        formula = f"D = {name}*N"
        what += f"; if it is tokens per parameter, use derive={formula!r}"
        remedies.append(derived_instead("D", formula))
        cases.append(f"if {column!r} is tokens per parameter")
    what += f"; if these really are {meant}, give {role}_unit={_power(named)}"
    return Problem(what, tuple(remedies), tuple(cases))


def wrong_ratio(
    columns: Mapping[str, str], N: Floats, D: Floats, named: Mapping[str, float | None]
) -> Problem | None:
    """N and D of which one is in another unit, by the tokens per parameter.

    Args:
        columns: those of N and D.
        N: parameters, ``(row,)``.
        D: training tokens, ``(row,)``.
        named: the units that the names of these columns tell.
    """
    ratio = float(np.median(D / N))
    if _LEAST_RATIO <= ratio <= _MOST_RATIO:
        return None
    role = "D" if ratio < _LEAST_RATIO else "N"
    factors = {unit: ratio * unit if role == "D" else ratio / unit for unit in (1e3, 1e6, 1e9)}
    usual = [unit for unit, own in factors.items() if _USUAL_RATIO[0] <= own <= _USUAL_RATIO[1]]
    unit = (usual[0] if usual else 1e3) * (named.get(role) or 1.0)
    return Problem(
        f"column {columns['D']!r} (D) is {short(ratio)} times column {columns['N']!r} (N) in the "
        f"median, where 1 to 1,000 tokens per parameter are usual; if column {columns[role]!r} is "
        f"in {_unit_words(unit)}, give {role}_unit={_power(unit)}; if both are right, give "
        f"{role}_unit={_power(named.get(role) or 1.0)}",
        ({"units": {role: unit}},),
    )


def mixed_units(
    role: str,
    column: str,
    values: Floats,
    rows: NDArray[np.intp],
    others: Sequence[Floats] = (),
    named: float = 1.0,
) -> Problem | None:
    """Some rows of N or D in a different unit from the others.

    Args:
        role: ``"N"`` or ``"D"``.
        column: the column.
        values: of all rows, ``(row,)``; positive.
        rows: their numbers in the table, ``(row,)``.
        others: the loss and the other of N and D, ``(row,)`` each, which decide where the gap
            between the values does not.
        named: the unit that the column's name tells.
    """
    low, high = split(values)
    if not len(low) or named * high[-1] < LEAST[role]:
        return None
    if high[0] / low[-1] < _GAP or named * low[-1] >= LEAST[role]:
        low, high = split_by_loss(values, others)
    if not len(low):
        return None
    unit, name = unit_between(low, high), name_text(column)
    cut = short(float(min(2.0 * low[-1], np.sqrt(low[-1] * high[0]))))
    small, how = f"the small ones are in {UNIT_WORDS[unit]}", f"{_power(unit)}*{name}"
    formula = f"{name} = where({name} < {cut}, {how}, {name})"
    if named != 1.0:
        small = f"the small ones are in another unit, {UNIT_WORDS[unit]} of it"
        if named * high[-1] > _RANGES[role][1] or _large_are_wrong(
            role, values, low, named, others
        ):
            small = f"the large ones are in another unit, of which the name's is {_power(unit)}"
            formula = f"{name} = where({name} < {cut}, {name}, {name}/{_power(unit)})"
    return Problem(
        f"{two_ranges(column, values, low, high, rows)}; if {small}, use derive={formula!r}",
        ({"derive": [formula]},),
    )


def _large_are_wrong(
    role: str, values: Floats, low: Floats, named: float, others: Sequence[Floats]
) -> bool:
    """Whether the tokens per parameter are usual for the small values rather than the large."""
    if len(others) != 2:
        return False
    ratios = others[1] / (named * values) if role == "N" else named * values / others[1]
    is_low, middle = values <= low[-1], float(np.sqrt(np.prod(_USUAL_RATIO)))
    small, large = (abs(np.log(np.median(ratios[own]) / middle)) for own in (is_low, ~is_low))
    return bool(small < large)


def two_ranges(
    column: str, values: Floats, low: Floats, high: Floats, rows: NDArray[np.intp]
) -> str:
    """A sentence on the rows in the smaller of two ranges of values."""
    is_low = values <= low[-1]
    fewer = is_low if is_low.sum() <= len(values) / 2 else ~is_low
    own, others = (low, high) if fewer is is_low else (high, low)
    holds = "holds" if fewer.sum() == 1 else "hold"
    return (
        f"column {column!r} mixes units: {shown_rows(rows[fewer])} {holds} {range_of(own)}, the "
        f"other rows {range_of(others)}"
    )


def range_of(values: Floats) -> str:
    """The smallest and the largest value for a message."""
    first, last = short(float(values.min())), short(float(values.max()))
    return first if first == last else f"{first} to {last}"


def _likely_units(role: str, values: Floats, N: Floats | None) -> list[float]:
    """The units in which values are plausible, the likeliest first."""
    low, high = float(values.min()), float(values.max())
    least, most = _RANGES[role]
    plausible = [
        unit for unit in UNITS if low * unit <= least and LEAST[role] <= high * unit <= most
    ] or [UNITS[0]]
    if role != "D" or N is None:
        return plausible[:1]
    if float(N.max()) < LEAST["N"]:  # its unit is a problem too
        N = N * _likely_units("N", N, None)[0]
    ratio = float(np.median(values / N))
    usual = [unit for unit in plausible if _USUAL_RATIO[0] <= ratio * unit <= _USUAL_RATIO[1]]
    middle = float(np.sqrt(np.prod(_USUAL_RATIO)))
    return sorted(usual or plausible, key=lambda unit: abs(np.log(ratio * unit / middle)))


def _power(unit: float) -> str:
    """A power of ten, ``1e9``; ``1``."""
    return "1" if unit == 1.0 else f"1e{round(np.log10(unit))}"


def _unit_words(unit: float) -> str:
    return UNIT_WORDS.get(unit, f"units of {unit:g}")


def derived_instead(role: str, formula: str) -> dict[str, Any]:
    """The options that derive an input or the loss by a formula, instead of using a column."""
    cleared = {"response": None} if role == "loss" else {"columns_of": {role: None}}
    return {**cleared, "derive": [formula]}


def _article(meaning: str) -> str:
    return {"perplexity": "a ", "accuracy": "an "}.get(meaning, "")


def _meant(role: str) -> str:
    return "a loss" if role == "loss" else f"a number of {MEANINGS[role]}"
