"""A search from many starts on a large table: on some of its runs first, then on all of them.

A few thousand runs show where a start leads as well as a million do. Starts that reach the same
optimum are merged, the rest continue on more and more runs, and the few different optima near the
best are refined on all runs: the result is the optimum of all runs, to the last digits.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from farseer_jax.laws.evaluate import evaluate
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.layout import Layout, build_layout
from farseer_jax.methods.end_to_end.optima import law_of
from farseer_jax.solvers.optima import NOT_FINITE, Optima

MANY_RUNS = 16_384  # from which on starts are chosen on some of the runs
_FEW_RUNS, _GROWTH = 2048, 16  # of the smallest part, and the ratio to the next
_MANY_STARTS, _FEWER_RUNS = 512, 256  # of the smallest part for many starts
_MOST_OPTIMA = 4  # that are searched for on more runs than the first
_HOPELESS = 0.02  # objective above the best, relative, beside what the choice of runs explains
_COMPARED = 64  # runs at which the predictions of starts are compared
_SAME = 0.1  # of the typical residual: predictions that differ by less are the same
_ROUNDING = 1e-6  # of a prediction

Solve = Callable[[Layout, np.ndarray, np.ndarray, np.ndarray], Optima]


class Part(NamedTuple):
    """Some of the runs.

    Attributes:
        layout: of these runs.
        losses: ``(run,)``.
        weights: ``(run,)``.
    """

    layout: Layout
    losses: np.ndarray
    weights: np.ndarray


def parts_of(
    layout: Layout, losses: np.ndarray, weights: np.ndarray, seed: int, num_starts: int = 1
) -> Iterator[Part]:
    """Ever larger parts of a large table, all runs last; of a small table all runs only."""
    size = _FEW_RUNS if num_starts <= _MANY_STARTS else _FEWER_RUNS
    fitted = np.flatnonzero(weights > 0.0)
    while len(fitted) >= MANY_RUNS and _GROWTH * size <= 2 * len(fitted):
        rows = _some_rows(layout, fitted, size, seed)
        mask = np.zeros(len(losses), dtype=bool)
        mask[rows] = True
        own = build_layout(
            layout.law,
            layout.runs.select(mask=mask),
            by_curves=layout.by_curves,
            center=layout.center,
        )
        yield Part(own, losses[mask], weights[mask])
        size *= _GROWTH
    yield Part(layout, losses, weights)


def _some_rows(layout: Layout, fitted: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Random rows of positive weight, with those at the ends of each input."""
    ends = []
    for column in layout.law.columns(layout.runs).values():
        own = np.atleast_2d(np.asarray(column, dtype=float).T)[:, fitted]
        ends += [*own.argmin(axis=1), *own.argmax(axis=1)]
    drawn = np.random.default_rng(seed).permutation(len(fitted))[:size]
    return fitted[np.union1d(drawn, ends)]


def search(
    solve: Solve,
    layout: Layout,
    free: Free,
    starts: np.ndarray,
    losses: np.ndarray,
    weights: np.ndarray,
    seed: int,
) -> Optima:
    """Minimise from every start, ``(start, free)``.

    Starts that met share where they ended on all runs. Those far above the best on some of the runs
    stop there; their objective is that of these runs, in proportion to the weights.

    Args:
        solve: minimises from starts on the runs of a layout, ``(layout, starts, losses, weights)``.
        layout: the runs.
        free: free parameters.
        starts: ``(start, free)``.
        losses: ``(run,)``.
        weights: ``(run,)``.
        seed: seed of the choice of runs.
    """
    *some, whole = parts_of(layout, losses, weights, seed, len(starts))
    total = _total_weight(whole)
    ended, place = None, np.arange(len(starts))
    for part in [*some, whole]:
        found = solve(part.layout, starts, part.losses, part.weights)
        if part is not whole:
            found = found._replace(value=found.value * (total / _total_weight(part)))
        ended = found if ended is None else _continued(ended, found, place)
        if part is not whole:
            kept, leads_to = _different(part, free, found)
            starts = found.free[kept]
            place = np.where(place >= 0, leads_to[place], -1)
    assert ended is not None
    return ended


def _total_weight(part: Part) -> float:
    return float(np.sum(part.weights * part.layout.run_share))


def _continued(ended: Optima, found: Optima, place: np.ndarray) -> Optima:
    """How each start ended, after some of them went on; ``place`` is -1 for the others."""
    on, own = np.flatnonzero(place >= 0), place[place >= 0]
    result = Optima(*(array.copy() for array in ended))
    result.free[on], result.value[on] = found.free[own], found.value[own]
    result.status[on] = found.status[own]
    result.steps[on] += found.steps[own]
    return result


def _different(part: Part, free: Free, found: Optima) -> tuple[np.ndarray, np.ndarray]:
    """The starts that go on, and which of these each start leads to, -1 for none, ``(start,)``."""
    value = np.where(found.status == NOT_FINITE, np.inf, found.value)
    order = np.argsort(value, kind="stable")
    if not np.isfinite(value[order[0]]):
        return order[:1], np.zeros(len(value), dtype=int)
    layout, link = part.layout, part.layout.link
    runs = np.linspace(0, len(part.losses) - 1, _COMPARED).astype(int)
    columns = {name: own[runs] for name, own in layout.law.columns(layout.runs).items()}
    with np.errstate(all="ignore"):
        predicted = link.forward(evaluate(law_of(layout, free, found.free), **columns))
    residual = np.abs(predicted[order[0]] - link.forward(part.losses[runs]))
    same = _SAME * float(np.median(residual)) + _ROUNDING * np.abs(predicted[order[0]])
    chance = 5.0 * np.sqrt(2.0 / len(part.losses))
    limit = value[order[0]] * (1.0 + _HOPELESS + chance)
    kept: list[int] = []
    leads_to = np.full(len(value), -1)
    for start in order[value[order] <= limit]:
        with np.errstate(invalid="ignore"):
            near = (np.abs(predicted[kept] - predicted[start]) <= same).all(axis=1)
        if near.any():
            leads_to[start] = int(near.argmax())
        elif len(kept) < _MOST_OPTIMA:
            leads_to[start] = len(kept)
            kept.append(int(start))
    return np.array(kept), leads_to
