"""Columns that do not look like what they are taken for, by size, range and relation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np

from farseer_jax.expressions.names import name_text
from farseer_jax.runs.checks import Floats, short, shown_rows
from farseer_jax.runs.other_meanings import formula_for, meaning_of
from farseer_jax.runs.table_problems import Problem
from farseer_jax.runs.usual_names import MEANINGS

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
    if role not in ("N", "D", "loss") or meaning is None:
        return None
    formula = formula_for(role, [column, *names], [own for own in known if own != role])
    what = f"column {column!r} is {_article(meaning)}{meaning} by its name, not {_meant(role)}"
    if role == "loss" and meaning == "accuracy":
        return Problem(
            f'{what}: fit it on the logit scale, link="logit"',
            ({"link": "logit", "response": column},),
        )
    if meaning == "epochs" and role == "D":
        return Problem(
            f"{what}: multiply it by the tokens of one epoch, use derive={f'D = {name_text(column)}*1e9'!r}"
        )
    if formula is None:
        return Problem(f"{what}: name another column")
    return Problem(f"{what}: use derive={formula!r}", (_derived(role, formula),))


def wrong_unit(role: str, column: str, values: Floats, N: Floats | None) -> Problem | None:
    """N or D that is too small or too large: thousands, millions, billions, or something else.

    Args:
        role: ``"N"`` or ``"D"``.
        column: the column.
        values: of all rows, ``(row,)``.
        N: parameters, for D.
    """
    largest = float(values.max())
    label, meant = f"column {column!r}", MEANINGS[role]
    if LEAST[role] <= largest <= MOST[role]:
        return None
    if largest > MOST[role]:
        return Problem(
            f"{label}: its largest value is {short(largest)}, too large for a number of {meant}"
            + (
                f"; if it is compute, use derive={f'D = {name_text(column)}/(6*N)'!r}"
                if role == "D"
                else ""
            ),
            (_derived("D", f"D = {name_text(column)}/(6*N)"),) if role == "D" else (),
        )
    unit = _likely_unit(role, values, N)
    others = f"; if it is tokens per parameter, use derive={f'D = {name_text(column)}*N'!r}" * (
        role == "D"
    )
    remedy = f" If it is in {UNIT_WORDS[unit]}, give {role}_unit={_power(unit)}"
    return Problem(
        f"{label}: its largest value is {short(largest)}, too small for a number of {meant}."
        f"{remedy}{others}; if these really are {meant}, give {role}_unit=1",
        ({"units": {role: unit}},),
    )


def mixed_units(role: str, column: str, values: Floats, rows: Any) -> Problem | None:
    """Some rows of N, D or the loss in another unit than the others.

    Args:
        role: ``"N"``, ``"D"`` or ``"loss"``.
        column: the column.
        values: of all rows, ``(row,)``; positive.
        rows: their numbers in the table, ``(row,)``.
    """
    if role == "loss":
        return _some_perplexities(column, values, rows)
    ordered = np.unique(values)
    if len(ordered) < 2:
        return None
    steps = ordered[1:] / ordered[:-1]
    at = int(np.argmax(steps))
    if steps[at] < _GAP or ordered[at] >= LEAST[role] or ordered[-1] < LEAST[role]:
        return None
    low, high = ordered[: at + 1], ordered[at + 1 :]
    fits = {unit: abs(np.log(np.median(low) * unit) - np.log(np.median(high))) for unit in _UNITS}
    unit = min(fits, key=lambda own: fits[own])
    small = values <= low[-1]
    name = name_text(column)
    cut = short(2.0 * float(low[-1]))
    formula = f"{name} = where({name} < {cut}, {_power(unit)}*{name}, {name})"
    fewer = small if small.sum() <= len(values) / 2 else ~small
    return Problem(
        f"column {column!r} mixes units: {shown_rows(np.asarray(rows)[fewer])} hold "
        f"{short(float(values[fewer].min()))} to {short(float(values[fewer].max()))}, the other rows "
        f"{short(float(values[~fewer].min()))} to {short(float(values[~fewer].max()))}; if the small "
        f"ones are in {UNIT_WORDS[unit]}, use derive={formula!r}",
        ({"derive": [formula]},),
    )


def not_a_loss(column: str, loss: Floats, inputs: Mapping[str, Floats]) -> Problem | None:
    """A response that does not look like a loss: too large, or rising with N and D.

    Args:
        column: of the response.
        loss: in all rows, ``(row,)``; positive and finite.
        inputs: N and D if there are any, ``(row,)`` each.
    """
    name = name_text(column)
    if float(np.median(loss)) > _MOST_NATS:
        formula = f"loss = log({name})"
        return Problem(
            f"column {column!r} holds {short(float(loss.min()))} to {short(float(loss.max()))}, too "
            f"large for a loss per token; if it is a perplexity, use derive={formula!r}",
            (_derived("loss", formula),),
        )
    rising = {name: _rank_correlation(values, loss) for name, values in inputs.items()}
    if len(loss) < _FEWEST or not rising or min(rising.values()) < _RISING:
        return None
    also = " and ".join(rising)
    if float(loss.max()) <= 1.0:
        return Problem(
            f"column {column!r} rises with {also} and stays within 0 to 1, as an accuracy does: fit "
            'it on the logit scale, link="logit"',
            ({"link": "logit", "response": column},),
        )
    return Problem(
        f"column {column!r} rises with {also}, where a loss falls; name the column of the loss"
    )


def _some_perplexities(column: str, loss: Floats, rows: Any) -> Problem | None:
    """Perplexities among losses."""
    ordered = np.unique(loss)
    if len(ordered) < 3:
        return None
    steps = ordered[1:] / ordered[:-1]
    at = int(np.argmax(steps))
    low, high = ordered[: at + 1], ordered[at + 1 :]
    if steps[at] < 2.0 or low[-1] > _MOST_NATS or high[0] < 1.0:
        return None
    logs = np.log(high)
    if not 0.5 * low[0] <= logs[0] <= logs[-1] <= 2.0 * low[-1]:
        return None
    name = name_text(column)
    formula = (
        f"{name} = where({name} > {short(float(np.sqrt(low[-1] * high[0])))}, log({name}), {name})"
    )
    large = loss > low[-1]
    return Problem(
        f"column {column!r} mixes units: {shown_rows(np.asarray(rows)[large])} "
        f"{'holds' if large.sum() == 1 else 'hold'} {short(float(high[0]))} to "
        f"{short(float(high[-1]))}, the other rows {short(float(low[0]))} to {short(float(low[-1]))}; "
        f"if the large ones are perplexities, use derive={formula!r}",
        ({"derive": [formula]},),
    )


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
    from scipy.stats import rankdata

    ranks = np.stack([rankdata(first), rankdata(second)])
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
