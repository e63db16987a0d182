"""Hold-outs of accuracies: fit the smaller sizes, predict the next larger ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from farseer_jax.accuracy.chain_draws import inputs_at
from farseer_jax.accuracy.step import SIZE, FittedStep
from farseer_jax.forecasting.result import Forecast
from farseer_jax.forecasting.rolling_limits import RollingLimits, rolling_limits

_PRIOR_MISSES = 3.0  # earlier extrapolations that the assumed errors are worth
_LEAST_MISS = 0.003  # of accuracies: counting alone makes such errors
_ROUNDING = 1e-6
PREDICTION_FIELDS = (
    "holdout", "run", "predicted", "observed", "sd", "first_sd", "largest", "N", "D",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class TaskRecord:
    """Predictions of larger runs from smaller ones, by one approach on one task.

    Attributes:
        task: name of the task.
        approach: how the accuracies were predicted.
        holdout: of each prediction, ``(prediction,)``.
        run: the predicted run, ``(prediction,)``.
        predicted: from the runs of smaller sizes, ``(prediction,)``.
        observed: the accuracy of the run, ``(prediction,)``.
        sd: standard deviation of a run there, ``(prediction,)``.
        first_sd: the part of it by the first step, ``(prediction,)``.
        largest: accuracy of the largest of the smaller runs, ``(prediction,)``.
        N: parameters of the predicted run, ``(prediction,)``.
        D: its tokens, ``(prediction,)``.
    """

    task: str
    approach: str
    holdout: np.ndarray
    run: np.ndarray
    predicted: np.ndarray
    observed: np.ndarray
    sd: np.ndarray
    first_sd: np.ndarray
    largest: np.ndarray
    N: np.ndarray
    D: np.ndarray

    @property
    def scores(self) -> np.ndarray:
        """Misses over their standard deviations, ``(prediction,)``."""
        return (self.predicted - self.observed) / self.sd

    @property
    def error(self) -> float:
        """Mean absolute error; NaN without hold-outs."""
        return _mean(np.abs(self.predicted - self.observed))

    @property
    def error_of_largest(self) -> float:
        """Mean absolute error of repeating the accuracy of the largest smaller run."""
        return _mean(np.abs(self.largest - self.observed))

    @property
    def widening(self) -> float:
        """The factor of standard deviations that the misses ask for, at least 1."""
        return widening_of(self.holdout, self.scores)

    def miss(self, holdout: int) -> float:
        """Root mean square error of one hold-out; NaN without predictions."""
        own = self.holdout == holdout
        return float(np.sqrt(_mean((self.predicted[own] - self.observed[own]) ** 2)))


def widening_of(holdout: np.ndarray, scores: np.ndarray) -> float:
    """The factor by which standardised errors widen standard deviations, at least 1.

    Args:
        holdout: of each miss, ``(miss,)``.
        scores: misses over their standard deviations, ``(miss,)``.
    """
    squares = [np.mean(scores[holdout == place] ** 2) for place in np.unique(holdout)]
    total = _PRIOR_MISSES + float(np.sum(squares))
    return float(np.sqrt(max(1.0, total / (_PRIOR_MISSES + len(squares)))))


def shares_of(records: Sequence[Sequence[TaskRecord]]) -> np.ndarray:
    """Weights of approaches by their misses over all tasks, ``(approach,)``.

    Args:
        records: of each approach, task by task.
    """
    places = np.unique(np.concatenate([own.holdout for own in records[0]] or [np.zeros(0)]))
    if not len(places) or len(records) == 1:
        return np.full(len(records), 1.0 / len(records))
    logs = [
        -sum(
            np.log(max(_mean(np.array([own.miss(int(place)) for own in tasks])), _LEAST_MISS))
            for place in places
        )
        for tasks in records
    ]
    weight = np.exp(np.array(logs) - max(logs))
    return np.asarray(weight / weight.sum())


@dataclass(frozen=True, eq=False)
class EarlierLosses:
    """Losses of larger runs as predicted from the smaller ones.

    Attributes:
        predicted: NaN where a hold-out does not predict the run, ``(holdout, run)``.
        log_sd: standard deviation of the logarithm of a run's loss, ``(holdout, run)``.
    """

    predicted: np.ndarray
    log_sd: np.ndarray


def earlier_losses(
    forecast: Forecast, rolling: RollingLimits, N: np.ndarray, D: np.ndarray, loss: np.ndarray
) -> EarlierLosses:
    """The forecast's own earlier extrapolations, by the hold-outs and runs of a table.

    Args:
        forecast: of the loss; it may lack some of the runs.
        rolling: hold-outs of the table.
        N: parameters of the table's runs, ``(run,)``.
        D: their tokens.
        loss: their losses.
    """
    shape = rolling.predicted.shape
    predicted, log_sd = np.full(shape, np.nan), np.full(shape, np.nan)
    own, record = forecast.runs, forecast.record
    limits = rolling_limits(np.log(own.N), np.ones(len(own), dtype=bool))
    holdout, run = np.nonzero(limits.predicted)
    log_loss = own.link.forward(own.loss)[run] - record.error
    for place, (which, row) in enumerate(zip(holdout, run, strict=True)):
        at = np.flatnonzero(np.abs(rolling.limit - limits.limit[which]) < _ROUNDING)
        same = (own.N[row] == N) & (own.D[row] == D) & (own.loss[row] == loss)
        for number in at:
            predicted[number, same] = own.link.inverse(log_loss[place])
            log_sd[number, same] = record.sd[place]
    return EarlierLosses(predicted, log_sd)


def record_of(
    fitted: FittedStep,
    approach: str,
    rolling: RollingLimits,
    earlier: EarlierLosses | None,
    N: np.ndarray,
    D: np.ndarray,
) -> TaskRecord:
    """The earlier extrapolations of a step, from losses that were predicted too.

    Args:
        fitted: the step, with its posteriors of the hold-outs.
        approach: its name.
        rolling: the hold-outs.
        earlier: losses predicted from the smaller runs; None for a law of N and D.
        N: parameters of the runs, ``(run,)``.
        D: their tokens; N·D says which run is the largest.
    """
    step = fitted.step
    accuracy = step.runs.accuracy
    rows: dict[str, list[np.ndarray]] = {name: [] for name in PREDICTION_FIELDS}
    for place, held in enumerate(rolling.predicted):
        below = np.flatnonzero(rolling.fitted[place] & ~np.isnan(accuracy))
        known = held & ~np.isnan(accuracy) & (step.runs.weights > 0.0)
        if earlier is not None:
            known &= np.isfinite(earlier.predicted[place])
        own = np.flatnonzero(known)
        if not len(own) or not len(below):
            continue
        loss = None if earlier is None else earlier.predicted[place, own]
        reach = None if earlier is None else np.exp(earlier.log_sd[place, own])
        inputs = {n: x[own] for n, x in step.runs.with_size.items() if n != "task_loss"}
        mean, variance, noise, first = _moments(fitted, inputs, loss, reach, place + 1)
        total = variance + noise * (1.0 + step.errors.own_size**2) + first**2
        largest = accuracy[below[np.argmax(N[below] * D[below])]]
        low, high = step.bounds
        for name, values in (
            ("holdout", np.full(len(own), place)),
            ("run", own),
            ("predicted", np.clip(mean, low, high)),
            ("observed", accuracy[own]),
            ("sd", np.sqrt(total)),
            ("first_sd", first),
            ("largest", np.full(len(own), largest)),
            ("N", N[own]),
            ("D", D[own]),
        ):
            rows[name].append(values)
    joined = {name: np.concatenate(own) if own else np.zeros(0) for name, own in rows.items()}
    joined["holdout"], joined["run"] = joined["holdout"].astype(int), joined["run"].astype(int)
    return TaskRecord(step.task, approach, **joined)


def _moments(
    fitted: FittedStep,
    inputs: dict[str, np.ndarray],
    loss: np.ndarray | None,
    reach: np.ndarray | None,
    data_set: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean, variance, noise, and standard deviation by the loss, of a step of a hold-out.

    Args:
        fitted: the step.
        inputs: of the predicted runs, without the loss.
        loss: as predicted; None for a law of N and D.
        reach: factor of one standard deviation of it.
        data_set: the hold-out's.
    """
    if loss is None or reach is None:
        found = fitted.posterior.moments(inputs, data_set)
        return found.mean, found.variance, found.noise, np.zeros(len(found.mean))
    three = {name: np.tile(values, 3) for name, values in inputs.items()}
    drawn = np.concatenate([loss, loss / reach, loss * reach])
    at = {**inputs_at(fitted.step, three, drawn), SIZE: three[SIZE]}
    found = fitted.posterior.moments(at, data_set)
    mean, above, below = np.split(found.mean, 3)
    num = len(loss)
    return mean, found.variance[:num], found.noise[:num], 0.5 * np.abs(above - below)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
