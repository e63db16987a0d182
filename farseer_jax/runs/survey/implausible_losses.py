"""Responses that do not look like losses: perplexities, accuracies, sums, negative values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.expressions.names import name_text
from farseer_jax.runs.checks import Floats, short
from farseer_jax.runs.survey.implausible import (
    derived_instead,
    range_of,
    two_ranges,
)
from farseer_jax.runs.survey.labels import codes_of
from farseer_jax.runs.survey.other_meanings import meaning_of
from farseer_jax.runs.survey.units_by_loss import BETTER, FEWEST, split, variance
from farseer_jax.runs.table_problems import Problem

_MOST_NATS: Final = 15.0  # per token: log of a vocabulary of three million
# Models of this size and training are far better than the frequencies of tokens alone, 7.5 nats.
_TRAINED: Final = {"N": 1e8, "D": 1e9}
_MOST_NATS_TRAINED: Final = 6.0
_FEWEST_PERPLEXITIES: Final = 3  # whose logs fall in line; fewer are diverged runs
_FEWEST_OF_TREND: Final = 6  # runs
_LEAST_OF_A_SIGN: Final = 0.1  # share of rows, for losses relative to another
_MOST_RANKED: Final = 100_000  # rows, evenly spaced
_EXPLAINED: Final = 0.5  # share of the variance of ranks that rises with N and D


def some_perplexities(
    column: str,
    loss: Floats,
    rows: NDArray[np.intp],
    inputs: Mapping[str, Floats],
    labels: Sequence[NDArray[Any]] = (),
) -> Problem | None:
    """Perplexities among losses.

    Args:
        column: of the response.
        loss: of all rows, ``(row,)``; positive.
        rows: their numbers in the table, ``(row,)``.
        inputs: N and D if there are any, ``(row,)`` each.
        labels: further columns of text, ``(row,)`` each, which may be those of data or of arms.
    """
    low, high = split(loss)
    if not len(low) or high[0] < 2.0 * low[-1] or low[-1] > _MOST_NATS or high[0] < 1.0:
        return None
    logs = np.log(high)
    if not 0.5 * low[0] <= logs[0] <= logs[-1] <= 2.0 * low[-1]:
        return None
    if high[-1] <= _MOST_NATS and (
        (loss >= high[0]).sum() < _FEWEST_PERPLEXITIES
        or any(_separates(own, loss >= high[0]) for own in labels)
        or not _fits_better(loss, high[0], inputs)
    ):
        return None
    name, cut = name_text(column), short(float(np.sqrt(low[-1] * high[0])))
    formula = f"{name} = where({name} > {cut}, log({name}), {name})"
    return Problem(
        f"{two_ranges(column, loss, low, high, rows)}; if the large ones are perplexities, use "
        f"derive={formula!r}",
        ({"derive": [formula]},),
    )


def _separates(labels: NDArray[Any], is_high: NDArray[np.bool_]) -> bool:
    """Whether labels of several rows tell the large losses from the others."""
    codes = codes_of(labels)
    shares = np.bincount(codes, is_high) / np.bincount(codes)
    return len(shares) <= len(codes) / 2 and bool(((shares == 0.0) | (shares == 1.0)).all())


def _fits_better(loss: Floats, first: float, inputs: Mapping[str, Floats]) -> bool:
    """Whether a power law of N and D fits much better with the logs of the large losses."""
    if len(loss) < FEWEST or set(inputs) != {"N", "D"}:
        return False
    logged = np.where(loss >= first, np.log(np.maximum(loss, 1.01)), loss)
    left, logged_left = (variance(inputs["N"], (own, inputs["D"])) for own in (loss, logged))
    return left > BETTER * logged_left


def not_a_loss(
    column: str, loss: Floats, inputs: Mapping[str, Floats], names: Collection[str]
) -> Problem | None:
    """A response that does not look like a loss: too large, or rising with N and D.

    Args:
        column: of the response.
        loss: in all rows, ``(row,)``; positive and finite.
        inputs: N and D if there are any, ``(row,)`` each.
        names: all columns of the table.
    """
    if rises_with(loss, inputs):
        return _rising(column, loss, list(inputs))
    most = _most_nats(inputs, len(loss))
    if len(loss) == 0 or float(np.median(loss / most)) <= 1.0:
        return None
    what = f"column {column!r} holds {range_of(loss)}, too large for a loss per token"
    if float(np.median(np.log(np.maximum(loss, 1.0)) / most)) <= 1.0:
        formula = f"loss = log({name_text(column)})"
        return Problem(
            f"{what}; if it is a perplexity, use derive={formula!r}",
            (derived_instead("loss", formula),),
        )
    count = next((own for own in names if meaning_of(own) == "tokens of an evaluation"), None)
    if count is None:
        return Problem(
            f"{what}, and for a perplexity; if it is a sum over tokens, divide it by their number, "
            f"such as derive='loss = {name_text(column)}/4096'"
        )
    formula = f"loss = {name_text(column)}/{name_text(count)}"
    return Problem(
        f"{what}; if it is the sum over the tokens that {count!r} counts, use derive={formula!r}",
        (derived_instead("loss", formula),),
    )


def all_negative(column: str, response: Floats, inputs: Mapping[str, Floats]) -> Problem | None:
    """Negative numbers used as losses: log-likelihoods, or losses relative to others.

    Args:
        column: of the response.
        response: in all rows, ``(row,)``.
        inputs: N and D if there are any, ``(row,)`` each.
    """
    known = response[np.isfinite(response)]
    if not len(known) or (known > 0.0).mean() > _LEAST_OF_A_SIGN:
        return None
    formula = f"loss = -{name_text(column)}"
    own = {name: values[np.isfinite(response)] for name, values in inputs.items()}
    ways = [
        (derived_instead("loss", formula), f"if {column!r} is a log-likelihood"),
        ({"link": "identity", "response": column}, f"if {column!r} is relative to another loss"),
    ]
    if (known > 0.0).any() or rises_with(-known, own):  # it falls as it should
        ways.reverse()
    remedies, cases = zip(*ways, strict=True)
    return Problem(
        f"column {column!r} holds {range_of(known)}, where a loss is positive; if it is a "
        f"log-likelihood, use derive={formula!r}; if it is a loss relative to another, use "
        'link="identity"',
        remedies,
        cases,
    )


def in_per_cent(column: str, response: Floats) -> Problem | None:
    """An accuracy in per cent, used as one from 0 to 1.

    Args:
        column: of the response.
        response: in all rows, ``(row,)``.
    """
    known = response[np.isfinite(response)]
    if not len(known) or not (known >= 0.0).all() or not 1.0 < known.max() <= 100.0:
        return None
    if float(np.median(known)) <= 1.0:
        return None
    return _per_cent(
        f"column {column!r} holds {range_of(known)}: it seems to be in per cent", column
    )


def both_signs(column: str, response: Floats) -> Problem | None:
    """Numbers of both signs taken for losses: losses relative to another one.

    Args:
        column: of the response.
        response: in all rows, ``(row,)``.
    """
    known = response[np.isfinite(response)]
    share = float((known < 0.0).mean()) if len(known) else 0.0
    if not _LEAST_OF_A_SIGN <= share <= 1.0 - _LEAST_OF_A_SIGN or (known < 0.0).sum() < 2:
        return None
    return Problem(
        f"column {column!r} holds {range_of(known)}, where a loss is positive; if it is a loss "
        'relative to another, fit it as it is: use link="identity"',
        ({"link": "identity", "response": column},),
    )


def rises_with(response: Floats, inputs: Mapping[str, Floats]) -> bool:
    """Whether a response rises with N and D: with each at equal values of the other.

    Args:
        response: ``(row,)``.
        inputs: ``(row,)`` each.
    """
    import pandas as pd

    if len(response) > _MOST_RANKED:
        some = np.linspace(0, len(response) - 1, _MOST_RANKED).astype(np.intp)
        response, inputs = response[some], {name: own[some] for name, own in inputs.items()}
    varying = [values for values in inputs.values() if len(np.unique(values)) > 1]
    if len(response) < _FEWEST_OF_TREND or not varying or len(np.unique(response)) < 3:
        return False
    ranks = np.stack([pd.Series(own).rank().to_numpy() for own in (response, *varying)])
    ranks -= ranks.mean(axis=1, keepdims=True)
    slopes = np.linalg.lstsq(ranks[1:].T, ranks[0], rcond=1e-6)[0]
    explained = float(((slopes @ ranks[1:]) ** 2).sum() / (ranks[0] ** 2).sum())
    return bool((slopes > 0.0).all()) and explained > _EXPLAINED


def _rising(column: str, response: Floats, inputs: list[str]) -> Problem:
    rises = f"column {column!r} rises with {' and '.join(inputs)}"
    if float(response.max()) <= 1.0:
        what = f"{rises} and stays within 0 to 1, as an accuracy does"
        remedy = {"link": "logit", "response": column}
        return Problem(f'{what}: fit it on the logit scale, use link="logit"', (remedy,))
    if _MOST_NATS < float(response.max()) <= 100.0:
        return _per_cent(f"{rises} and stays within 0 to 100, as an accuracy in per cent", column)
    return Problem(f"{rises}, where a loss falls: name the column of the loss")


def _per_cent(what: str, column: str) -> Problem:
    name = name_text(column)
    formula = f"{name} = {name}/100"
    options = {"derive": [formula], "link": "logit", "response": column}
    return Problem(f'{what}; use derive={formula!r} and link="logit"', (options,))


def _most_nats(inputs: Mapping[str, Floats], num_rows: int) -> Floats:
    """An upper limit of plausible losses per token, ``(row,)``."""
    if set(inputs) != set(_TRAINED):
        return np.full(num_rows, _MOST_NATS)
    is_trained = np.logical_and.reduce([inputs[name] >= least for name, least in _TRAINED.items()])
    return np.where(is_trained, _MOST_NATS_TRAINED, _MOST_NATS)
