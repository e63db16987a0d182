"""Least-squares refits of several tables to rows of weights, in one batch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.end_to_end.optima import best_of_each, refit_starts, refits_at
from farseer_jax.methods.end_to_end.storable import storable
from farseer_jax.methods.least_squares.any_law import solve_any_law
from farseer_jax.methods.least_squares.groups import separate_optima
from farseer_jax.methods.method import SolvedBatch, weights_of
from farseer_jax.solvers.optima import Optima

if TYPE_CHECKING:
    from farseer_jax.methods.least_squares.method import LeastSquares


def refit_each(
    method: "LeastSquares",
    layouts: Sequence[Layout],
    losses: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
) -> list[SolvedBatch]:
    """Refit each table to several rows of weights, all rows of all tables in one batch.

    Each refit starts from its table's own optimum, and from up to ``refit_starts`` further ones.

    Args:
        method: the settings.
        layouts: one for each table, run by run.
        losses: ``(row, run)`` for each table.
        weights: ``(row, run)`` for each table.
    """
    own = [weights_of(layout.runs) for layout in layouts]
    whole, frees = separate_optima(
        method, layouts, [layout.runs.loss for layout in layouts], own, enough=False
    )
    starts = _as_many([refit_starts(found, method.refit_starts) for found in whole])
    rows = [
        (place, loss[None], _enough(weight, free, full)[None])
        for place, (loss_rows, weight_rows, free, full) in enumerate(
            zip(losses, weights, frees, own, strict=True)
        )
        for loss, weight in zip(loss_rows, weight_rows, strict=True)
    ]
    places = [place for place, _, _ in rows]
    found = solve_any_law(
        method,
        [layouts[place] for place in places],
        [frees[place] for place in places],
        np.stack([starts[place] for place in places]),
        [loss for _, loss, _ in rows],
        [weight for _, _, weight in rows],
    )
    joined = [
        Optima(*(np.concatenate(part) for part in zip(*_of(place, places, found), strict=True)))
        for place in range(len(layouts))
    ]
    each = zip(layouts, frees, joined, losses, weights, strict=True)
    return [_best_refits(method, *arguments) for arguments in each]


def _best_refits(
    method: "LeastSquares",
    layout: Layout,
    free: Free,
    found: Optima,
    losses: np.ndarray,
    weights: np.ndarray,
) -> SolvedBatch:
    found = storable(method.objective, layout, free, found, losses, weights)
    return refits_at(layout, free, best_of_each(found, len(losses)), losses, weights)


def _as_many(starts: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Starts of each table, as many as of the one with most: the first is repeated."""
    most = max(map(len, starts))
    return [np.concatenate([own, np.repeat(own[:1], most - len(own), axis=0)]) for own in starts]


def _enough(weights: np.ndarray, free: Free, full: np.ndarray) -> np.ndarray:
    """Weights to solve with: a row with too few runs, which is refused later, takes all runs."""
    return full if (weights > 0.0).sum() < free.basis.shape[1] else weights


def _of(place: int, places: Sequence[int], found: Sequence[Optima]) -> list[Optima]:
    """The optima of one table's rows."""
    return [own for own, at in zip(found, places, strict=True) if at == place]
