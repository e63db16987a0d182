"""The same fit with N counted with and without embeddings (paper App. G, Fig. 16)."""

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.compare_counts_result import CountComparison, CountResult
from farseer_jax.decisions.embedding_parameters import find_column, recount
from farseer_jax.fitting.fit import fit
from farseer_jax.fitting.type_checks import runs_of
from farseer_jax.laws.farseer import Farseer
from farseer_jax.laws.law import Law
from farseer_jax.methods.method import Method
from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.runs import Runs


def compare_counts(
    runs: Runs,
    *,
    held_out: float | ArrayLike,
    embeddings: str | None = None,
    law: type[Law] = Farseer,
    method: Method | None = None,
) -> CountComparison:
    """Fit with N counted in two ways, and predict held-out runs with both.

    Args:
        runs: the runs, with the other count in an extra column.
        held_out: smallest N (in the runs' own count) that is held out of both fits; or True for
            each run that is held out, ``(run,)``.
        embeddings: that column; None takes one whose name says that it counts embeddings, such as
            ``N_with_embedding``. (It may as well be one without them, where N counts them.)
        law: class of the law.
        method: of the fits; the law's default unless given.

    Raises:
        TypeError: ``runs`` are no :class:`Runs`.
        ValueError: no run is held out, or none is left to fit; there is no such column, or it is no
            other count.

    Example:
        >>> from farseer_jax import Runs, compare_counts, example_runs
        >>> runs = example_runs()
        >>> extra = {"N_with_embedding": runs.N + 4e5 * runs.N ** (1 / 3)}
        >>> found = compare_counts(Runs(runs.N, runs.D, runs.loss, extra), held_out=6e9)
        >>> [row.count for row in found.rows]
        ['N', 'N_with_embedding']
    """
    runs = runs_of(runs, "runs")
    column = find_column(runs) if embeddings is None else embeddings
    if column is None:
        raise ValueError(
            "the runs have no column whose name says that it counts embeddings; name one, "
            f'embeddings="column" (extra columns: {", ".join(runs.extra) or "none"})'
        )
    far = _far(runs, held_out)
    recounted = recount(runs, column, runs.N[far], None).runs
    near = [r.select(mask=~far) for r in (runs, recounted)]
    beyond = [r.select(mask=far) for r in (runs, recounted)]
    rows = []
    for name, fitted, others in zip(("N", column), near, beyond, strict=True):
        result = fit(law, fitted, method)
        rows.append(CountResult(name, result, result.evaluate(others)))
    order = np.concatenate([np.flatnonzero(~far), np.flatnonzero(far)])
    return CountComparison(rows[0], rows[1], runs.N[order], runs.D[order], far[order])


def _far(runs: Runs, held_out: float | ArrayLike) -> np.ndarray:
    """Which runs are held out, ``(run,)``."""
    given = np.asarray(held_out)
    if given.dtype == bool and given.shape == (len(runs),):
        far = given
    elif given.ndim == 0 and given.dtype.kind in "iuf" and given > 0:
        far = runs.N >= given
    else:
        raise ValueError(
            f"held_out: give the smallest N held out, or True or False for each of the {len(runs)} "
            f"runs, got {held_out!r}"
        )
    if not far.any() or far.all():
        kind = "no run is held out" if not far.any() else "every run is held out"
        low, high = quantity_text(runs.N.min()), quantity_text(runs.N.max())
        raise ValueError(
            f"held_out: {kind} (held_out={held_out!r}, N from {low} to {high}); hold out the "
            "largest sizes only"
        )
    return far
