"""What candidates predict from some of the runs: laws by refits, or the forecast; in batches."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from farseer_jax.diagnostics.leaderboard import Candidate
from farseer_jax.fitting.refit_parts import refit_parts
from farseer_jax.forecasting.forecast import forecast
from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.laws.law import Law
from farseer_jax.laws.law_inputs import input_of
from farseer_jax.methods.method import Method
from farseer_jax.methods.outcome import Outcome
from farseer_jax.runs.binding import Part
from farseer_jax.runs.runs import Runs
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
        >>> from farseer_jax.diagnostics.leaderboard import as_candidates
        >>> runs = example_runs()
        >>> fitted = np.stack([runs.N <= 2e9, runs.N <= 4e9])
        >>> found = predict_holdouts(
        ...     [Part({}, "loss", runs, 0)], as_candidates([Chinchilla, Coupled]), [fitted])
        >>> [own.parts[0].predicted.shape for own in found]
        [(2, 337), (2, 337)]
    """
    at = list(targets) or [None] * len(parts)
    for candidate in candidates:
        try:
            if candidate.is_forecast:
                found = [
                    _forecast_part(candidate.law, part.runs, rows, own)
                    for part, rows, own in zip(parts, fitted, at, strict=True)
                ]
            else:
                assert candidate.law is not None
                found = _refit(candidate.law, candidate.method, parts, fitted, at)
            yield HoldoutPredictions(tuple(found))
        except ValueError as error:  # that a method refuses the runs is a result, too
            refused = [_nothing(*each) for each in zip(parts, fitted, at, strict=True)]
            yield HoldoutPredictions(tuple(refused), str(error))


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
    law: type[Law] | None, runs: Runs, fitted: np.ndarray, targets: Runs | None
) -> PartPredictions:
    """The forecast, made anew from the fitted runs, which are all that it sees."""
    losses, contains = [], np.full(fitted.shape, np.nan)
    at_targets = np.empty((len(fitted), 0 if targets is None else len(targets)))
    for i, mask in enumerate(fitted):
        with one_blas_thread():
            found = forecast(runs.select(mask=mask), law=law, usual=False, level=LEVEL)
            losses.append(found.predict(**_inputs(found.law_class, runs)))
            if not mask.all():
                far = runs.select(mask=~mask)
                low, high = found.interval(**_inputs(found.law_class, far), new_run=True)
                contains[i, ~mask] = (low <= far.loss) & (far.loss <= high)
            if targets is not None:
                at_targets[i] = found.predict(**_inputs(found.law_class, targets))
    return PartPredictions(np.array(losses), contains, (Outcome.success,) * len(fitted), at_targets)


def _inputs(law: type[Law], runs: Runs) -> dict[str, np.ndarray]:
    """The inputs of a law at the runs, which may have more."""
    return {name: input_of(law, runs, name) for name in law.inputs()}


def _nothing(part: Part, fitted: np.ndarray, targets: Runs | None) -> PartPredictions:
    """Nothing is predicted."""
    empty = np.full(fitted.shape, np.nan)
    num_targets = 0 if targets is None else len(targets)
    return PartPredictions(
        empty, empty, (None,) * len(fitted), np.full((len(fitted), num_targets), np.nan)
    )
