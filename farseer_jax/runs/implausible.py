"""Columns that do not look like what they are taken for, by size, range and relation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
MOST: Final = {"N": 1e14, "D": 1e16}
_UNITS: Final = (1e9, 1e6, 1e12, 1e3)
UNIT_WORDS: Final = {1e3: "thousands", 1e6: "millions", 1e9: "billions", 1e12: "trillions"}
# What the smallest and the largest of several runs do not exceed, to guess a unit.
_RANGES: Final = {"N": (3e10, 2e12), "D": (1e13, 1e14)}
_USUAL_RATIO: Final = (0.5, 5e3)  # of tokens to parameters
_GAP: Final = 300.0  # between values in another unit and the others
_MOST_NATS: Final = 15.0  # per token: log of a vocabulary of three million
_RISING: Final = 0.5  # rank correlation
_FEWEST: Final = 6  # runs for a correlation
_MOST_RANKED: Final = 100_000


def wrong_meaning(
    role: str, column: str, names: Collection[str], known: Collection[str]
) -> Problem | None:
    """A column that is something else by its name, such as compute taken for D.

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
        return _on_logit_scale(what, column)
    if role == "D" and meaning == "epochs":
        formula = f"D = {name_text(column)}*1e9"
        return Problem(f"{what}: multiply it by the tokens of one epoch, use derive={formula!r}")
    found = formula_for(role, [column, *names], [own for own in known if own != role])
    if found is None:
        return Problem(f"{what}: name another column")
    return Problem(f"{what}: use derive={found!r}", (_derived(role, found),))


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
        return Problem(what, (_derived("D", formula),))
    if largest > MOST[role]:
        return Problem(f"{size}large for a number of {meant}: name another column")
    unit = _likely_unit(role, values, N)
    of_ratio = f"D = {name}*N"
    ratio = f"; if it is tokens per parameter, use derive={of_ratio!r}" if role == "D" else ""
    return Problem(
        f"{size}small for a number of {meant}. If it is in {UNIT_WORDS[unit]}, give "
        f"{role}_unit={_power(unit)}{ratio}; if these really are {meant}, give {role}_unit=1",
        ({"units": {role: unit}},),
    )


def mixed_units(role: str, column: str, values: Floats, rows: NDArray[np.intp]) -> Problem | None:
    """Some rows of N or D in another unit than the others.

    Args:
        role: ``"N"`` or ``"D"``.
        column: the column.
        values: of all rows, ``(row,)``; positive.
        rows: their numbers in the table, ``(row,)``.
    """
    low, high = _split(values)
    if not len(low) or high[0] / low[-1] < _GAP or low[-1] >= LEAST[role] or high[-1] < LEAST[role]:
        return None
    middle = np.log(np.median(high) / np.median(low))
    unit = min(_UNITS, key=lambda own: float(abs(np.log(own) - middle)))
    name, cut = name_text(column), short(2.0 * float(low[-1]))
    formula = f"{name} = where({name} < {cut}, {_power(unit)}*{name}, {name})"
    return Problem(
        f"{_two_ranges(column, values, low, high, rows)}; if the small ones are in "
        f"{UNIT_WORDS[unit]}, use derive={formula!r}",
        ({"derive": [formula]},),
    )


def some_perplexities(column: str, loss: Floats, rows: NDArray[np.intp]) -> Problem | None:
    """Perplexities among losses.

    Args:
        column: of the response.
        loss: of all rows, ``(row,)``; positive.
        rows: their numbers in the table, ``(row,)``.
    """
    low, high = _split(loss)
    if not len(low) or high[0] < 2.0 * low[-1] or low[-1] > _MOST_NATS or high[0] < 1.0:
        return None
    logs = np.log(high)
    if not 0.5 * low[0] <= logs[0] <= logs[-1] <= 2.0 * low[-1]:
        return None
    name, cut = name_text(column), short(float(np.sqrt(low[-1] * high[0])))
    formula = f"{name} = where({name} > {cut}, log({name}), {name})"
    return Problem(
        f"{_two_ranges(column, loss, low, high, rows)}; if the large ones are perplexities, use "
        f"derive={formula!r}",
        ({"derive": [formula]},),
    )


def not_a_loss(column: str, loss: Floats, inputs: Mapping[str, Floats]) -> Problem | None:
    """A response that does not look like a loss: too large, or rising with N and D.

    Args:
        column: of the response.
        loss: in all rows, ``(row,)``; positive and finite.
        inputs: N and D if there are any, ``(row,)`` each.
    """
    if float(np.median(loss)) > _MOST_NATS:
        formula = f"loss = log({name_text(column)})"
        return Problem(
            f"column {column!r} holds {_range(loss)}, too large for a loss per token; if it is a "
            f"perplexity, use derive={formula!r}",
            (_derived("loss", formula),),
        )
    if len(loss) < _FEWEST or not inputs:
        return None
    if min(_rank_correlation(values, loss) for values in inputs.values()) < _RISING:
        return None
    rises = f"column {column!r} rises with {' and '.join(inputs)}"
    if float(loss.max()) <= 1.0:
        return _on_logit_scale(f"{rises} and stays within 0 to 1, as an accuracy does", column)
    return Problem(f"{rises}, where a loss falls: name the column of the loss")


def _on_logit_scale(what: str, column: str) -> Problem:
    """The problem of an accuracy that is fitted as a loss."""
    return Problem(
        f'{what}: fit it on the logit scale, use link="logit"',
        ({"link": "logit", "response": column},),
    )


def _split(values: Floats) -> tuple[Floats, Floats]:
    """Distinct values below and above the largest gap between them; empty without a gap."""
    ordered = np.unique(values)
    if len(ordered) < 2:
        return ordered[:0], ordered
    at = int(np.argmax(ordered[1:] / ordered[:-1])) + 1
    return ordered[:at], ordered[at:]


def _two_ranges(
    column: str, values: Floats, low: Floats, high: Floats, rows: NDArray[np.intp]
) -> str:
    """Which rows hold the fewer ones of two ranges of values."""
    is_low = values <= low[-1]
    fewer = is_low if is_low.sum() <= len(values) / 2 else ~is_low
    own, others = (low, high) if fewer is is_low else (high, low)
    holds = "holds" if fewer.sum() == 1 else "hold"
    return (
        f"column {column!r} mixes units: {shown_rows(rows[fewer])} {holds} {_range(own)}, the "
        f"other rows {_range(others)}"
    )


def _range(values: Floats) -> str:
    return f"{short(float(values.min()))} to {short(float(values.max()))}"


def _likely_unit(role: str, values: Floats, N: Floats | None) -> float:
    """The unit with which values are numbers of parameters or tokens."""
    low, high = float(values.min()), float(values.max())
    least, most = _RANGES[role]
    plausible = [
        unit for unit in _UNITS if low * unit <= least and LEAST[role] <= high * unit <= most
    ]
    if role == "D" and N is not None:
        ratio = float(np.median(values / N))
        usual = [unit for unit in plausible if _USUAL_RATIO[0] <= ratio * unit <= _USUAL_RATIO[1]]
        plausible = usual or plausible
    return plausible[0] if plausible else _UNITS[0]


def _power(unit: float) -> str:
    """A power of ten, ``1e9``."""
    return f"1e{round(np.log10(unit))}"


def _rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's correlation, of some rows if there are very many."""
    import pandas as pd

    some = np.linspace(0, len(first) - 1, min(len(first), _MOST_RANKED)).astype(np.intp)
    ranks = np.stack([pd.Series(own[some]).rank().to_numpy() for own in (first, second)])
    if (np.ptp(ranks, axis=1) == 0.0).any():
        return 1.0  # a single size: the other input decides
    return float(np.corrcoef(ranks)[0, 1])


def _derived(role: str, formula: str) -> dict[str, Any]:
    """The options that derive a role, instead of taking a column for it."""
    cleared = {"response": None} if role == "loss" else {"columns_of": {role: None}}
    return {**cleared, "derive": [formula]}


def _article(meaning: str) -> str:
    return {"perplexity": "a ", "accuracy": "an "}.get(meaning, "")


def _meant(role: str) -> str:
    return "a loss" if role == "loss" else f"a number of {MEANINGS[role]}"
