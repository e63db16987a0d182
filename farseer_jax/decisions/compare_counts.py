"""The same fit with N counted with and without embeddings (paper App. G, Fig. 16)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.embedding_parameters import find_column, recount
from farseer_jax.fitting.fit import fit
from farseer_jax.fitting.prediction import Prediction
from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import runs_of
from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.law import Law
from farseer_jax.methods.method import Method
from farseer_jax.results.numbers import capitalised, quantity_text
from farseer_jax.results.result import Headline, Result, warned
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.runs import Runs


@dataclass(frozen=True, eq=False)
class CountResult:
    """The fit with one count of N.

    Attributes:
        count: the column that is N.
        fit: fit to the runs that were not held out.
        held_out: its predictions for the held-out runs, with this N.
    """

    count: str
    fit: Fit
    held_out: Prediction

    @property
    def fitted_error(self) -> float:
        """Mean relative error on the fitted runs."""
        return self.fit.mean_relative_error

    @property
    def held_out_error(self) -> float:
        """Mean relative error on the held-out runs."""
        return self.held_out.mean_relative_error


@dataclass(frozen=True, eq=False, repr=False)
class CountComparison(Result):
    """Extrapolation with N counted in two ways (paper App. G, Fig. 16). Prints as a table.

    Attributes:
        own: the fit with the runs' own N.
        other: the fit with the other column as N.
        N: the runs' own N, fitted runs first, ``(run,)``.
        D: tokens, ``(run,)``.
        is_held_out: whether a run was held out of both fits, ``(run,)``.

    Example:
        >>> from farseer_jax import Runs, compare_counts, example_runs
        >>> runs = example_runs()
        >>> total = runs.N + 4e5 * runs.N ** (1 / 3)
        >>> found = compare_counts(
        ...     Runs(runs.N, runs.D, runs.loss, {"N_total": total}), held_out=6e9
        ... )
        >>> found.other.count, found.error_ratio > 1
        ('N_total', True)
    """

    own: CountResult
    other: CountResult
    N: np.ndarray
    D: np.ndarray
    is_held_out: np.ndarray

    @property
    def rows(self) -> tuple[CountResult, CountResult]:
        """Both fits, :attr:`own` first."""
        return self.own, self.other

    @property
    def error_ratio(self) -> float:
        """Held-out error with the other count over that with the runs' own N."""
        return self.other.held_out_error / self.own.held_out_error

    def relative_errors(self, row: CountResult) -> np.ndarray:
        """``predicted / observed − 1`` of all runs by one of the two fits, ``(run,)``."""
        parts = [row.fit.evaluate(row.fit.runs), row.held_out]
        return np.concatenate([p.predicted / np.asarray(p.observed) - 1.0 for p in parts])

    def table(self) -> Table:
        """One row per run: N, D, whether held out, and the signed relative error by each count."""
        errors = [Column(f"relative_error {r.count}", self.relative_errors(r)) for r in self.rows]
        return Table(
            [
                Column("N", self.N, quantity_text),
                Column("D", self.D, quantity_text),
                Column("held_out", self.is_held_out),
                *errors,
            ]
        )

    def counts(self) -> Table:
        """One row per count of N: errors on the fitted runs and on those held out."""
        names = [row.count for row in self.rows]
        fitted = [row.fitted_error for row in self.rows]
        held_out = [row.held_out_error for row in self.rows]
        write = "{:.3e}".format
        return Table(
            [
                Column("count", names, heading="count of parameters", left=True),
                Column("fitted_error", fitted, write, heading="fitted error"),
                Column("held_out_error", held_out, write, heading="held-out error"),
            ],
            best=(int(np.argmin(held_out)),),
        )

    def to_dict(self) -> dict[str, Any]:
        """``counts``, ``runs`` and ``error_ratio``, for JSON."""
        return {
            "law": self.own.fit.law.name,
            "counts": self.counts().records(),
            "error_ratio": self.error_ratio,
            "runs": self.table().records(),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The law and the hold-out, the errors with each count, and which count is better."""
        ratio = self.error_ratio
        better, worse = (self.own, self.other) if ratio >= 1 else (self.other, self.own)
        verdict = (
            f"{worse.count} predicts the held-out runs {max(ratio, 1 / ratio):.1f} times worse "
            f"than {better.count}."
        )
        warnings = [f"{row.count}: {w}" for row in self.rows for w in row.fit.warnings]
        return self._title(), self.counts(), warned(Headline(verdict), warnings)

    def _title(self) -> str:
        fit = self.own.fit
        sizes = np.unique(self.N[self.is_held_out])
        which = quantity_text(sizes[0])
        if len(sizes) > 1:
            which += f" to {quantity_text(sizes[-1])}"
        return (
            f"{capitalised(fit.law.name)} law by {fit.method.name}, fitted up to "
            f"{quantity_text(fit.runs.N.max())} ({len(fit.runs)} runs), held out {which} "
            f"({self.is_held_out.sum()} runs)"
        )

    def __repr__(self) -> str:
        return (
            f"CountComparison({self.own.count}, {self.other.count}, ratio {self.error_ratio:.3g})"
        )


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
        runs: the runs, with the other count of parameters in an extra column.
        held_out: smallest N (the runs' own) that is held out of both fits; or a mask that is True
            for each held-out run, ``(run,)``.
        embeddings: name of that column; None looks for a usual name of N with embeddings, such as
            ``N_with_embedding``. Where the runs' own N counts embeddings, it may be the count
            without them.
        law: class of the law.
        method: method of the fits; the law's default unless given.

    Raises:
        TypeError: ``runs`` is not :class:`Runs`.
        ValueError: no run is held out, or none is left to fit; the column is missing, or is not
            another count of parameters.

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
            "embeddings: no extra column has a usual name of N with embeddings; name it, as in "
            f'embeddings="N_total" (extra columns: {", ".join(runs.extra) or "none"})'
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
    values = np.asarray(held_out)
    if values.dtype == bool and values.shape == (len(runs),):
        far = values
    elif values.ndim == 0 and values.dtype.kind in "iuf" and values > 0:
        far = runs.N >= values
    else:
        raise ValueError(
            f"held_out: expected the smallest N to hold out, or True or False for each of the "
            f"{len(runs)} runs, got {held_out!r}"
        )
    if not far.any() or far.all():
        kind = "no run is held out" if not far.any() else "every run is held out"
        low, high = quantity_text(runs.N.min()), quantity_text(runs.N.max())
        raise ValueError(
            f"held_out: {kind} (held_out={held_out!r}, N from {low} to {high}); hold out the "
            "largest sizes only"
        )
    return far
