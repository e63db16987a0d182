"""Refits of several tables, groups and responses, to rows of weights: one batch for a law."""

from collections.abc import Sequence

import numpy as np

from farseer_jax.fitting.arguments import with_entries
from farseer_jax.fitting.fit_batch import BatchFit, fit_batch
from farseer_jax.laws.law import Law
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.method import Method, SolvedBatch, weights_of
from farseer_jax.runs.binding import Part


def refit_parts(
    law: type[Law], parts: Sequence[Part], weights: Sequence[np.ndarray], method: Method
) -> list[BatchFit]:
    """Refit a law to rows of weights of each part; a hold-out is a row of 0 and 1.

    :class:`LeastSquares` refits all rows of all parts in one batch, other methods part by part.

    Args:
        law: the law's class; the parts have its inputs, and may have more.
        parts: the runs of groups and responses, from ``bind_runs``.
        weights: ``(row, run)`` for each part, multiplied by the runs' own weights.
        method: the method.

    Returns:
        The refits of each part. A row with fewer runs than free parameters ends as
        ``too_few_runs``.

    Raises:
        ValueError: the method cannot fit the law or the runs.

    Example:
        >>> import numpy as np
        >>> from farseer_jax import Chinchilla, LeastSquares, example_runs
        >>> from farseer_jax.runs.binding import Part
        >>> runs = example_runs()
        >>> parts = [Part({}, "loss", own, 0) for own in (runs, runs.select(max_N=4e9))]
        >>> weights = [np.stack([own.N <= 2e9, own.N > 0]).astype(float) for _, _, own, _ in parts]
        >>> [refits.outcome(0).name for refits in refit_parts(
        ...     Chinchilla, parts, weights, LeastSquares("huber"))]
        ['success', 'success']
    """
    law = with_entries(law, parts)
    if len(parts) == 1 or not isinstance(method, LeastSquares):
        return [
            fit_batch(law, part.runs, weights=rows, method=method, few=True)
            for part, rows in zip(parts, weights, strict=True)
        ]
    designs = method.prepare_many(law, [part.runs for part in parts])
    losses = [
        np.tile(part.runs.loss, (len(rows), 1)) for part, rows in zip(parts, weights, strict=True)
    ]
    own = [rows * weights_of(part.runs) for part, rows in zip(parts, weights, strict=True)]
    return [_as_batch(solved) for solved in method.refit_many(designs, losses, own)]


def _as_batch(solved: SolvedBatch) -> BatchFit:
    return BatchFit(solved.law, np.asarray(solved.outcome), np.asarray(solved.mean_relative_error))
