"""What candidates predict from some of the runs: laws by refits, or the forecast; in batches."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.diagnostics.candidates import Candidate
from farseer_jax.fitting.refit_parts import refit_parts
from farseer_jax.forecasting.forecast import forecast
from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.laws.law import Law
from farseer_jax.laws.law_inputs import input_of
from farseer_jax.methods.method import Method
from farseer_jax.methods.outcome import Outcome
from farseer_jax.runs.binding import Part
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.progress import in_stages
from farseer_jax.runtime.threads import one_blas_thread

LEVEL = 0.9  # nominal coverage of the forecast's intervals


class PartPredictions(NamedTuple):
    """Predictions for one part.

    Attributes:
        predicted: responses of all runs, ``(holdout, run)``; NaN without a usable refit.
        contains: whether the forecast's interval of a run contains it, ``(holdout, run)``, 0 or 1;
            NaN for fitted runs, and for laws, which have no intervals here.
        outcomes: how each refit ended, one per hold-out; None where the runs were refused.
        at_targets: responses of the targets, ``(holdout, target)``.
    """

    predicted: np.ndarray
    contains: np.ndarray
    outcomes: tuple[Outcome | None, ...]
    at_targets: np.ndarray


class HoldoutPredictions(NamedTuple):
    """What one candidate predicts.

    Attributes:
        parts: its predictions for each part.
        note: why its method refused the runs; else empty.
    """

    parts: tuple[PartPredictions, ...]
    note: str = ""


def predict_holdouts(
    parts: Sequence[Part],
    candidates: Sequence[Candidate],
    fitted: Sequence[np.ndarray],
    targets: Sequence[Runs | None] = (),
) -> Iterator[HoldoutPredictions]:
    """Fit candidates to some of the runs, and predict all runs.

    All hold-outs of all parts are one batch for a law that is fitted by :class:`LeastSquares`, and
    one batch a part for other methods; the forecast is made anew for each.

    Args:
        parts: the runs of groups and responses, with the inputs of all laws.
        candidates: from ``as_candidates``, their laws as classes.
        fitted: which runs are fitted in each hold-out, ``(holdout, run)`` for each part.
        targets: further runs of each part to predict, or None.

    Yields:
        The predictions of each candidate. One that is refused has NaN, and a note.

    Example:
        >>> from farseer_jax import Chinchilla, Coupled, example_runs
        >>> from farseer_jax.diagnostics.candidates import as_candidates
        >>> runs = example_runs()
        >>> fitted = np.stack([runs.N <= 2e9, runs.N <= 4e9])
        >>> found = predict_holdouts(
        ...     [Part({}, "loss", runs, 0)], as_candidates([Chinchilla, Coupled]), [fitted])
        >>> [own.parts[0].predicted.shape for own in found]
        [(2, 337), (2, 337)]
    """
    at = list(targets) or [None] * len(parts)
    for candidate in in_stages("predicting held-out runs", candidates):
        try:
            yield _predicted(candidate, parts, fitted, at)
        except ValueError as error:  # that a method refuses the runs is a result, too
            refused = [_nothing(*each) for each in zip(parts, fitted, at, strict=True)]
            yield HoldoutPredictions(tuple(refused), str(error))


def _predicted(
    candidate: Candidate,
    parts: Sequence[Part],
    fitted: Sequence[np.ndarray],
    targets: Sequence[Runs | None],
) -> HoldoutPredictions:
    """The predictions of one candidate.

    Raises:
        ValueError: its method refuses the law or the runs, or its forecast all runs of a part.
    """
    assert not isinstance(candidate.law, str)
    if candidate.law is not None and candidate.method is not None:
        return HoldoutPredictions(
            tuple(_refit(candidate.law, candidate.method, parts, fitted, targets))
        )
    notes: list[str] = []
    found = [
        _forecast_part(candidate.law, part.runs, rows, own, notes)
        for part, rows, own in zip(parts, fitted, targets, strict=True)
    ]
    return HoldoutPredictions(tuple(found), notes[0] if notes else "")


def _refit(
    law: type[Law],
    method: Method,
    parts: Sequence[Part],
    fitted: Sequence[np.ndarray],
    targets: Sequence[Runs | None],
) -> list[PartPredictions]:
    """A law by a method: hold-outs are rows of weights."""
    refits = refit_parts(law, parts, [rows.astype(float) for rows in fitted], method)
    found = []
    for part, own, at in zip(parts, refits, targets, strict=True):
        usable = own.usable[:, None]

        def predicted(runs: Runs, law: Law = own.law, usable: np.ndarray = usable) -> np.ndarray:
            values = evaluate_runs(law, runs)
            return np.where(usable & np.isfinite(values), values, np.nan)

        found.append(
            PartPredictions(
                predicted(part.runs),
                np.full((len(own), len(part.runs)), np.nan),
                tuple(own.outcome(i) for i in range(len(own))),
                np.empty((len(own), 0)) if at is None else predicted(at),
            )
        )
    return found


def _forecast_part(
    law: type[Law] | None,
    runs: Runs,
    fitted: np.ndarray,
    targets: Runs | None,
    notes: list[str],
) -> PartPredictions:
    """The forecast, made anew from the fitted runs, which are all that it sees.

    Where it is refused there are no predictions, and the reason is noted.

    Raises:
        ValueError: it is refused for every row.
    """
    found = _nothing(Part({}, "", runs, 0), fitted, targets)
    outcomes: list[Outcome | None] = []
    for i, mask in enumerate(fitted):
        try:
            with one_blas_thread():
                own = forecast(runs.select(mask=mask), law=law, usual=False, level=LEVEL)
                found.predicted[i] = own.predict(**_inputs(own.law_class, runs))
                if not mask.all():
                    far = runs.select(mask=~mask)
                    low, high = own.interval(**_inputs(own.law_class, far), new_run=True)
                    found.contains[i, ~mask] = (low <= far.loss) & (far.loss <= high)
                if targets is not None:
                    found.at_targets[i] = own.predict(**_inputs(own.law_class, targets))
            outcomes.append(Outcome.success)
        except ValueError as error:
            if i + 1 == len(fitted) and not any(outcomes):
                raise
            notes.append(f"with {int(mask.sum())} runs {error}")
            outcomes.append(None)
    return found._replace(outcomes=tuple(outcomes))


def _inputs(law: type[Law], runs: Runs) -> dict[str, Any]:
    """The inputs of a law at the runs, which may have more."""
    return {name: input_of(law, runs, name) for name in law.inputs()}


def _nothing(part: Part, fitted: np.ndarray, targets: Runs | None) -> PartPredictions:
    """Nothing is predicted."""
    num_targets = 0 if targets is None else len(targets)
    predicted, contains = (np.full(fitted.shape, np.nan) for _ in range(2))
    return PartPredictions(
        predicted, contains, (None,) * len(fitted), np.full((len(fitted), num_targets), np.nan)
    )
