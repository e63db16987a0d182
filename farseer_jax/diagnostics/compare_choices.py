"""``compare_choices``: how a prediction changes with the choices of an analyst."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.embedding_parameters import find_column, recount
from farseer_jax.diagnostics.alternative_choices import (
    GROUPS,
    Setting,
    Weighting,
    other_settings,
    sizes_left_out,
    values_of_D,
)
from farseer_jax.diagnostics.choice_comparison import ChoiceComparison, ChoiceResult
from farseer_jax.fitting.fit_batch import fit_batch
from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import fit_of
from farseer_jax.laws.law import require_N_and_D
from farseer_jax.link_functions import Link
from farseer_jax.methods.method import Method
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.piecewise.diagnostics import Diagnostics
from farseer_jax.methods.piecewise.method import Piecewise
from farseer_jax.runs.noise import noise_if_shown
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.progress import stage

_SAME_SIZES = "the same sizes take part: nothing changes"


def compare_choices(
    fit: Fit,
    N: ArrayLike,
    D: ArrayLike,
    *,
    groups: Iterable[str] | None = None,
    embeddings: str | None = None,
    target_embeddings: ArrayLike | None = None,
) -> ChoiceComparison:
    """Refit with alternatives to the choices that an analyst makes, one at a time.

    The choices, by group:

    - ``"count"``: N counted with embeddings, for the runs and the target;
    - ``"size"``: each size left out in turn; ``"smallest"``: the smallest sizes left out, up to
      half of all (a larger min_N);
    - ``"D"``: each size without its smallest D, or its two smallest; every second D alone, so that
      steps λ become λ²;
    - ``"criterion"``, ``"rounds"``, ``"pairs"``: settings of :class:`Piecewise`;
    - ``"objective"``, ``"residual"``: settings of the methods that fit all parameters at once;
    - ``"method"``: other kinds of methods for the same law.

    Runs are left out by weights, all refits in one batch. A choice that is impossible (no such
    column, too few sizes left) is a row with a note. The spread shows how much of a prediction is
    due to the analyst. It is not an interval: choices are neither random nor equally good.

    Args:
        fit: the fit, with the choices that were made.
        N: parameters of the points, in the unit of the runs.
        D: tokens of the points; broadcasts with N.
        groups: the groups to compare, from those above; None takes all.
        embeddings: extra column of the runs that counts N with embeddings; None looks for a usual
            name, such as ``N_with_embedding``. Where the runs' own N counts embeddings, it may be
            the count without them.
        target_embeddings: embedding parameters of each point, broadcast with N; None takes those of
            the runs at fitted sizes and extrapolates them elsewhere by a power law in N, as the
            note of the row says.

    Raises:
        TypeError: ``fit`` is not a :class:`Fit`.
        ValueError: a group is unknown; N, D or target_embeddings is not positive and finite, or
            they do not broadcast.

    Example:
        >>> from farseer_jax import Farseer, compare_choices, example_runs, fit
        >>> result = fit(Farseer, example_runs())
        >>> found = compare_choices(result, 25.1e9, [5e11, 1e12], groups=["size", "smallest"])
        >>> found["size"][0].choice, found["size"][0].change.shape
        ('without 201 M', (2,))
        >>> found.largest.choice
        'N from 568 M'
    """
    fit = fit_of(fit, "fit")
    require_N_and_D("compare_choices", type(fit.law))
    chosen = _chosen_groups(groups)
    points = _points(N, D, target_embeddings)
    table = _Refits(fit, *points[:2])
    rows: list[ChoiceResult] = []
    if "count" in chosen:
        rows.append(_recounted(table, embeddings, points[2]))
    weightings = sizes_left_out(fit.runs)
    left_out, coarser = values_of_D(fit.runs, fit.method)
    rows += table.weighted([w for w in weightings + left_out if w.group in chosen])
    settings = coarser + other_settings(type(fit.law), fit.method)
    rows += [table.fitted(setting) for setting in settings if setting.group in chosen]
    order = list(GROUPS)
    return ChoiceComparison(
        law=fit.law.name,
        method=_words(fit.method, fit.runs.link),
        num_runs=len(fit.runs),
        N=table.N,
        D=table.D,
        rows=(table.reference, *sorted(rows, key=lambda row: order.index(row.group))),
        noise=noise_if_shown(fit.runs),
    )


def _chosen_groups(groups: Iterable[str] | None) -> set[str]:
    if isinstance(groups, str):
        groups = [groups]
    chosen = set(GROUPS if groups is None else groups)
    if unknown := sorted(chosen - GROUPS.keys()):
        raise ValueError(f"groups: unknown group {unknown[0]!r}; choose from {', '.join(GROUPS)}")
    return chosen


def _points(
    N: ArrayLike, D: ArrayLike, embeddings: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The points as flat arrays; N and D are checked where losses are computed."""
    given = [N, D] if embeddings is None else [N, D, embeddings]
    try:
        arrays = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in given))
    except ValueError:
        raise ValueError("N, D and target_embeddings: expected numbers that broadcast") from None
    flat = [np.array(array).ravel() for array in arrays]
    if not flat[0].size:
        raise ValueError("N and D: expected at least one point, got none")
    if embeddings is None:
        return flat[0], flat[1], None
    if not (np.isfinite(flat[2]) & (flat[2] > 0)).all():
        raise ValueError("target_embeddings: expected positive finite values")
    return flat[0], flat[1], flat[2]


class _Refits:
    """One fit and its points, with methods that make rows of refits."""

    def __init__(self, fit: Fit, N: np.ndarray, D: np.ndarray) -> None:
        self.fit, self.N, self.D = fit, N, D
        predicted = np.asarray(fit.predict(N, D))
        self.reference = self._row("", "as fitted", predicted, fit.mean_relative_error, fit.outcome)

    def _row(
        self,
        group: str,
        choice: str,
        predicted: np.ndarray,
        error: float,
        outcome: Outcome,
        note: str = "",
    ) -> ChoiceResult:
        usable = outcome.usable and bool(np.isfinite(predicted).all())
        if not usable:
            predicted, error = np.full(self.N.shape, np.nan), np.nan
            note = "no finite loss at the points" if outcome.usable else outcome.message
        elif outcome is not Outcome.success:
            note = f"{note}; {outcome.message}" if note else outcome.message
        before = predicted if group == "" else self.reference.predicted
        change = predicted / before - 1.0
        return ChoiceResult(group, choice, predicted, change, float(error), outcome, note)

    def refused(self, group: str, choice: str, why: str) -> ChoiceResult:
        """A row without a refit, and why."""
        nothing = np.full(self.N.shape, np.nan)
        return ChoiceResult(group, choice, nothing, nothing, np.nan, None, why)

    def attempt(
        self, group: str, choice: str, runs: Runs, method: Method, N: np.ndarray, note: str = ""
    ) -> ChoiceResult:
        """The row of a single refit, at the same points with N counted as in its runs."""
        weights = np.ones((1, len(runs)))
        try:
            with stage(f"refitting with another {group}"):
                found = fit_batch(
                    type(self.fit.law), runs, weights=weights, method=method, few=True
                )
        except (TypeError, ValueError) as error:  # the method refuses this law or these runs
            return self.refused(group, choice, str(error))
        fitted_error = found.mean_relative_error[0]
        return self._row(
            group, choice, found.predict(N, self.D)[0], fitted_error, found.outcome(0), note
        )

    def fitted(self, setting: Setting) -> ChoiceResult:
        """The row of another method, or of the fit's own method on some of the runs."""
        group, choice, method, keep = setting
        fit = self.fit
        if _takes_the_same_sizes(fit, setting):
            known = self.reference
            error, outcome = known.mean_relative_error, fit.outcome
            return self._row(group, choice, known.predicted, error, outcome, _SAME_SIZES)

        runs = fit.runs if keep is None else fit.runs.select(mask=keep)
        return self.attempt(group, choice, runs, method, self.N)

    def weighted(self, weightings: list[Weighting]) -> list[ChoiceResult]:
        """The rows of the same method with runs left out, as one batch."""
        some = [w for w in weightings if w.weights.any()]
        if not some:
            return [self.refused(w.group, w.choice, "no run is left") for w in weightings]
        stack = np.stack([w.weights for w in some])
        fit = self.fit
        law, method = type(fit.law), fit.method
        with stage("refitting to other runs"):
            refits = fit_batch(law, fit.runs, weights=stack, method=method, few=True)
        predicted = refits.predict(self.N, self.D)
        rows = {
            id(w): self._row(
                w.group, w.choice, predicted[i], refits.mean_relative_error[i], refits.outcome(i)
            )
            for i, w in enumerate(some)
        }
        return [
            rows.get(id(w)) or self.refused(w.group, w.choice, "no run is left") for w in weightings
        ]


def _takes_the_same_sizes(fit: Fit, setting: Setting) -> bool:
    """Whether another ``min_pairs`` selects the same sizes, so that the result is the same."""
    if setting.group != "pairs" or not isinstance(fit.diagnostics, Diagnostics):
        return False
    assert isinstance(fit.method, Piecewise)
    assert isinstance(setting.method, Piecewise)
    pairs = fit.diagnostics.num_pairs
    let_in = pairs >= fit.method.min_pairs
    return bool((let_in == (pairs >= setting.method.min_pairs)).all())


def _recounted(table: _Refits, column: str | None, embeddings: np.ndarray | None) -> ChoiceResult:
    """The row with N counted with embeddings."""
    name = column if column is not None else find_column(table.fit.runs)
    choice = "N with embeddings" if name is None else f"N = {name}"
    if name is None:
        why = (
            "no extra column of the runs has a usual name of N with embeddings; name it, "
            'embeddings="column" in Python or --embeddings column in the shell'
        )
        return table.refused("count", "N with embeddings", why)
    try:
        runs, N, note = recount(table.fit.runs, name, table.N, embeddings)
    except ValueError as error:
        return table.refused("count", choice, str(error))
    return table.attempt("count", choice, runs, table.fit.method, N, note)


def _words(method: Any, link: Link) -> str:
    """The method for a title."""
    describe = getattr(method, "describe", None)  # a user-defined method may have none
    return f"{method.name}, {describe(link)}" if describe else str(method.name)
