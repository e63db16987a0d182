"""Columns whose size, range or ratio contradicts their use as N or D."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.expressions.names import name_text
from farseer_jax.runs.checks import Floats, short
from farseer_jax.runs.other_meanings import formula_for, meaning_of
from farseer_jax.runs.table_problems import Problem
from farseer_jax.runs.usual_names import MEANINGS
from farseer_jax.tables.row_numbers import shown_rows

# Language models have been trained from 1e5 parameters on, on 1e7 to 1e14 tokens.
LEAST: Final = {"N": 1e5, "D": 1e7}
MOST: Final = {"N": 1e13, "D": 1e15}
_UNITS: Final = (1e9, 1e6, 1e12, 1e3)
UNIT_WORDS: Final = {1e3: "thousands", 1e6: "millions", 1e9: "billions", 1e12: "trillions"}
# What the smallest and the largest of several runs do not exceed, to guess a unit.
_RANGES: Final = {"N": (3e10, 2e12), "D": (1e13, 1e14)}
_USUAL_RATIO: Final = (0.5, 5e3)  # of tokens to parameters
_LEAST_RATIO: Final = 0.05  # medians beyond are those of columns in different units
_MOST_RATIO: Final = 2e4
_GAP: Final = 300.0  # between values in another unit and the others
_SMALL_GAP: Final = 2.5  # where losses tell too that the unit is another
_MOST_CUTS: Final = 5
BETTER: Final = 3.0  # variance about a power law by that with the other unit
FEWEST: Final = 8  # runs to compare them


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


def wrong_unit(role: str, column: str, values: Floats, N: Floats | None) -> Problem | None:
    """N or D that is too small or too large: thousands, millions, billions, or something else.

    Args:
        role: ``"N"`` or ``"D"``.
        column: the column.
        values: of all rows, ``(row,)``.
        N: parameters, for D.
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
    units = _likely_units(role, values, N)[:2]
    remedies = [{"units": {role: unit}} for unit in units]
    cases = [f"if {column!r} is in {UNIT_WORDS[unit]}" for unit in units]
    what = f"{size}small for a number of {meant}. " + "; ".join(
        f"{'If' if unit == units[0] else 'if'} it is in {UNIT_WORDS[unit]}, give "
        f"{role}_unit={_power(unit)}"
        for unit in units
    )
    if role == "D" and N is not None and float(np.median(values)) <= _USUAL_RATIO[1]:
        formula = f"D = {name}*N"
        what += f"; if it is tokens per parameter, use derive={formula!r}"
        remedies.append(derived_instead("D", formula))
        cases.append(f"if {column!r} is tokens per parameter")
    what += f"; if these really are {meant}, give {role}_unit=1"
    return Problem(what, tuple(remedies), tuple(cases))


def wrong_ratio(columns: Mapping[str, str], N: Floats, D: Floats) -> Problem | None:
    """N or D in a wrong unit, by the tokens per parameter.

    Args:
        columns: those of N and D.
        N: parameters, ``(row,)``.
        D: training tokens, ``(row,)``.
    """
    ratio = float(np.median(D / N))
    if _LEAST_RATIO <= ratio <= _MOST_RATIO:
        return None
    role = "D" if ratio < _LEAST_RATIO else "N"
    factors = {unit: ratio * unit if role == "D" else ratio / unit for unit in (1e3, 1e6, 1e9)}
    usual = [unit for unit, own in factors.items() if _USUAL_RATIO[0] <= own <= _USUAL_RATIO[1]]
    unit = usual[0] if usual else 1e3
    return Problem(
        f"the median ratio of column {columns['D']!r} (D) to column {columns['N']!r} (N) is "
        f"{short(ratio)}, where 1 to 1,000 tokens per parameter are usual; if column "
        f"{columns[role]!r} is in {UNIT_WORDS[unit]}, give {role}_unit={_power(unit)}; "
        f"if both are right, give {role}_unit=1",
        ({"units": {role: unit}},),
    )


def mixed_units(
    role: str, column: str, values: Floats, rows: NDArray[np.intp], others: Sequence[Floats] = ()
) -> Problem | None:
    """Some rows of N or D in a different unit from the others.

    Args:
        role: ``"N"`` or ``"D"``.
        column: the column.
        values: of all rows, ``(row,)``; positive.
        rows: their numbers in the table, ``(row,)``.
        others: the loss and the other of N and D, ``(row,)`` each, which decide where the gap
            between the values does not.
    """
    low, high = split(values)
    if not len(low) or high[-1] < LEAST[role]:
        return None
    if high[0] / low[-1] < _GAP or low[-1] >= LEAST[role]:
        low, high = _split_by_loss(values, others)
    if not len(low):
        return None
    unit, name = _unit_between(low, high), name_text(column)
    cut = short(float(min(2.0 * low[-1], np.sqrt(low[-1] * high[0]))))
    formula = f"{name} = where({name} < {cut}, {_power(unit)}*{name}, {name})"
    return Problem(
        f"{two_ranges(column, values, low, high, rows)}; if the small ones are in "
        f"{UNIT_WORDS[unit]}, use derive={formula!r}",
        ({"derive": [formula]},),
    )


def _unit_between(low: Floats, high: Floats) -> float:
    """The unit of small values, by their distance from the others."""
    middle = np.log(np.median(high) / np.median(low))
    return min(_UNITS, key=lambda own: float(abs(np.log(own) - middle)))


def _split_by_loss(values: Floats, others: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Distinct values below and above a gap, if the losses show that their units differ.

    With the small values in another unit, the losses must fit a power law much better, and the
    two ranges must overlap.

    Args:
        values: of N or D, ``(row,)``; positive.
        others: the loss, and the other of N and D, ``(row,)`` each.
    """
    ordered = np.unique(values)
    nothing = ordered[:0], ordered
    if len(others) != 2 or len(values) < FEWEST or any((own <= 0.0).any() for own in others):
        return nothing
    gaps = ordered[1:] / ordered[:-1]
    best, left = nothing, variance(values, others) / BETTER
    for at in np.argsort(gaps)[: -_MOST_CUTS - 1 : -1] + 1:
        low, high = ordered[:at], ordered[at:]
        unit = _unit_between(low, high)
        overlap = low[-1] * unit > high[0] and low[0] * unit < high[-1]
        if gaps[at - 1] < _SMALL_GAP or not overlap:
            continue
        own = variance(np.where(values <= low[-1], unit * values, values), others)
        if own < left:
            best, left = (low, high), own
    return best


def variance(values: Floats, others: Sequence[Floats]) -> float:
    """Residual sum of squares of log losses about a power law, quadratic for many runs."""
    loss = np.log(others[0])
    logs = [np.log(own) - np.log(own).mean() for own in (values, others[1])]
    bends = [own**2 for own in logs] if len(loss) >= 2 * FEWEST else []
    design = np.stack([np.ones(len(loss)), *logs, *bends], axis=1)
    slopes = np.linalg.lstsq(design, loss, rcond=None)[0]
    return float(((loss - design @ slopes) ** 2).sum())


def split(values: Floats) -> tuple[Floats, Floats]:
    """Distinct values below and above their largest gap; empty if there is none."""
    ordered = np.unique(values)
    if len(ordered) < 2:
        return ordered[:0], ordered
    at = int(np.argmax(ordered[1:] / ordered[:-1])) + 1
    return ordered[:at], ordered[at:]


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
    return f"{short(float(values.min()))} to {short(float(values.max()))}"


def _likely_units(role: str, values: Floats, N: Floats | None) -> list[float]:
    """The units in which values are plausible, the likeliest first."""
    low, high = float(values.min()), float(values.max())
    least, most = _RANGES[role]
    plausible = [
        unit for unit in _UNITS if low * unit <= least and LEAST[role] <= high * unit <= most
    ] or [_UNITS[0]]
    if role != "D" or N is None:
        return plausible[:1]
    if float(N.max()) < LEAST["N"]:  # its unit is a problem too
        N = N * _likely_units("N", N, None)[0]
    ratio = float(np.median(values / N))
    usual = [unit for unit in plausible if _USUAL_RATIO[0] <= ratio * unit <= _USUAL_RATIO[1]]
    middle = float(np.sqrt(np.prod(_USUAL_RATIO)))
    return sorted(usual or plausible, key=lambda unit: abs(np.log(ratio * unit / middle)))


def _power(unit: float) -> str:
    """A power of ten, ``1e9``."""
    return f"1e{round(np.log10(unit))}"


def derived_instead(role: str, formula: str) -> dict[str, Any]:
    """The options that derive an input or the loss by a formula, instead of using a column."""
    cleared = {"response": None} if role == "loss" else {"columns_of": {role: None}}
    return {**cleared, "derive": [formula]}


def _article(meaning: str) -> str:
    return {"perplexity": "a ", "accuracy": "an "}.get(meaning, "")


def _meant(role: str) -> str:
    return "a loss" if role == "loss" else f"a number of {MEANINGS[role]}"
