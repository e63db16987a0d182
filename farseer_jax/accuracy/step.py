"""A fitted law of accuracy, as one step of a chain: many tasks are fitted in one batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from farseer_jax.accuracy.step_law import StepPrior
from farseer_jax.forecasting.members import Member
from farseer_jax.forecasting.posterior import Posterior
from farseer_jax.forecasting.rolling_limits import RollingLimits, rolling_limits
from farseer_jax.laws.law import Law
from farseer_jax.link_functions import Link
from farseer_jax.methods.correlated_errors import CorrelatedErrors, ErrorColumns, Features
from farseer_jax.methods.end_to_end.traced_loss import scaled_predictions
from farseer_jax.runtime.threads import one_blas_thread
from farseer_jax.solvers.column_matrix import ColumnMatrix
from farseer_jax.solvers.correlated_residuals import CorrelatedWeights
from farseer_jax.solvers.estimated_noise import Laplace, Noise, fit_with_noise, laplace_at
from farseer_jax.solvers.fit_problem import FitProblem

SIZE = "size"  # the coordinate along which errors are correlated
_IDENTITY = Link("identity")
NOISE = Noise(guess=0.01)  # one point
# Runs of one size share an error, in multiples of a run's noise. A smooth misfit is left out: on
# public tables it made predictions of larger runs no better, and intervals too wide.
ERRORS = CorrelatedErrors(size=0.7, own_size=0.6, smooth=0.0, growth=0.0, along=SIZE)


class StepRuns(NamedTuple):
    """Runs that a step is fitted to.

    Attributes:
        inputs: the law's inputs, ``(run,)`` each.
        size: of each run, such as N: runs of one size share an error, ``(run,)``.
        accuracy: NaN where it is missing, ``(run,)``.
        weights: 0 for runs that are left out, ``(run,)``.
    """

    inputs: Mapping[str, np.ndarray]
    size: np.ndarray
    accuracy: np.ndarray
    weights: np.ndarray

    @property
    def with_size(self) -> dict[str, np.ndarray]:
        """The inputs of the errors: those of the law, and the size."""
        return {**self.inputs, SIZE: self.size}


class StepSpec(NamedTuple):
    """A step to be fitted.

    Attributes:
        task: name of the task.
        runs: its runs.
        prior: priors of the law's parameters.
    """

    task: str
    runs: StepRuns
    prior: StepPrior


@dataclass(frozen=True, eq=False)
class AccuracyStep:
    """A law of accuracy fitted to the runs of one task, with the posterior of its parameters.

    Attributes:
        task: name of the task.
        law: the fitted law.
        runs: the runs that it was fitted to.
        prior: priors of its parameters.
        errors: amplitudes and lengths of the correlated errors.
        free: the parameters that the solver searched, ``(free,)``.
        weights: of the runs, outliers' reduced, ``(run,)``.
        prior_precision: of the parameters, times the noise's variance, ``(parameter,)``.
        source: which first step predicts the loss on the task; −1 for a law of the points alone.
        share: weight of the step among those of its task.
        widening: factor of the standard deviations, by hold-outs.
        chance: chance level; NaN if it is not known.
        is_flat: whether the accuracy stays the same: the law's rise is out of reach.
        approach: how the step predicts, one of several.
    """

    task: str
    law: Law
    runs: StepRuns
    prior: StepPrior
    errors: CorrelatedErrors
    free: np.ndarray
    weights: np.ndarray
    prior_precision: np.ndarray
    source: int = 0
    share: float = 1.0
    widening: float = 1.0
    chance: float = float("nan")
    is_flat: bool = False
    approach: str = "two-step"

    @cached_property
    def posterior(self) -> Posterior:
        """The posterior, restored from the stored fields."""
        member = member_of(type(self.law), self.prior)
        columns = _columns(self.errors, self.runs)
        features = columns.at(self.runs.with_size)
        problem = problem_of(member, self.runs, self.prior, features.matrix, self.weights)
        problem = replace(problem, prior_precision=self.prior_precision[None])
        found = laplace_at(problem, self.free[None], NOISE)
        return Posterior(member, columns, problem, found)

    @property
    def bounds(self) -> tuple[float, float]:
        """Floor and ceiling of the accuracies that the law allows; 0 and 1 if it stays flat."""
        return (0.0, 1.0) if self.is_flat else bounds_of(self.law.parameters())

    @property
    def noise(self) -> float:
        """Standard deviation of a run's accuracy around the law and the error of its size."""
        return float(self.posterior.laplace.noise[0])


def bounds_of(parameters: Mapping[str, float]) -> tuple[float, float]:
    """Floor and ceiling of the accuracies that a law allows, by its parameters."""
    floor = parameters.get("floor", 1.0 - parameters.get("epsilon", 1.0))
    ends = np.clip([floor, parameters.get("ceiling", 1.0)], 0.0, 1.0)
    return float(ends[0]), float(ends[1])


class FittedStep(NamedTuple):
    """A step fitted to all runs, and its posteriors of all runs and of each hold-out."""

    step: AccuracyStep
    posterior: Posterior


def fit_steps(
    law: type[Law],
    specs: Sequence[StepSpec],
    rolling: RollingLimits,
    errors: CorrelatedErrors = ERRORS,
) -> list[FittedStep]:
    """Fit a law to the runs of each task, and to those below each rolling limit, in one batch.

    Args:
        law: the law of accuracy.
        specs: the tasks, with equally many runs.
        rolling: the hold-outs.
        errors: amplitudes and lengths of the correlated errors.
    """
    with one_blas_thread():
        return _fit_steps(law, specs, rolling, errors)


def _fit_steps(
    law: type[Law], specs: Sequence[StepSpec], rolling: RollingLimits, errors: CorrelatedErrors
) -> list[FittedStep]:
    columns = _columns_of_all(errors, specs)
    features = [own.at(spec.runs.with_size) for own, spec in zip(columns, specs, strict=True)]
    num_sets = 1 + len(rolling.limit)
    masks = np.vstack([np.ones(len(specs[0].runs.size), dtype=bool), rolling.fitted])
    weights = np.concatenate([masks * _known(spec.runs) for spec in specs])
    problem = _batch(law, specs, features, weights, num_sets)
    starts = np.stack([_free_starts(spec.prior) for spec in specs])
    found = fit_with_noise(problem, starts, NOISE)
    fitted = []
    for place, spec in enumerate(specs):
        rows = np.arange(place * num_sets, (place + 1) * num_sets)
        own = _rows_of(found, rows)
        member = member_of(law, spec.prior)
        single = problem_of(member, spec.runs, spec.prior, features[place].matrix, own.weights)
        single = replace(single, prior_precision=own.prior_precision)
        posterior = Posterior(member, columns[place], single, own)
        step = AccuracyStep(
            task=spec.task,
            law=member.law_of(member.parameters(own.free[0])),
            runs=spec.runs,
            prior=spec.prior,
            errors=errors,
            free=own.free[0],
            weights=own.weights[0],
            prior_precision=own.prior_precision[0],
        )
        fitted.append(FittedStep(step, posterior))
    return fitted


def rolling_sizes(size: np.ndarray, active: np.ndarray) -> RollingLimits:
    """Up to five hold-outs of ever smaller sizes.

    Args:
        size: of each run, ``(run,)``.
        active: whether it counts, ``(run,)``.
    """
    return rolling_limits(np.log(size), active)


def _known(runs: StepRuns) -> np.ndarray:
    """Weights, 0 where an accuracy or an input is missing, ``(run,)``."""
    known = ~np.isnan(runs.accuracy)
    for values in runs.inputs.values():
        known &= np.isfinite(values)
    return np.where(known, runs.weights, 0.0)


def _filled(values: np.ndarray) -> np.ndarray:
    """Values, with the mean where one is missing: such runs have no weight."""
    return np.where(np.isfinite(values), values, np.nanmean(values))


def _columns_of_all(errors: CorrelatedErrors, specs: Sequence[StepSpec]) -> list[ErrorColumns]:
    """The columns of each task's errors; tasks with the same inputs share them."""
    known: dict[tuple[int, ...], ErrorColumns] = {}
    found = []
    for spec in specs:
        key = tuple(map(id, spec.runs.inputs.values()))
        if key not in known:
            known[key] = _columns(errors, spec.runs)
        found.append(known[key])
    return found


def _columns(errors: CorrelatedErrors, runs: StepRuns) -> ErrorColumns:
    inputs = {name: _filled(values) for name, values in runs.with_size.items()}
    return errors.columns(dict.fromkeys(inputs, "positive"), inputs)


def member_of(law: type[Law], prior: StepPrior) -> Member:
    """The law with its priors, as what predicts accuracies."""
    is_free = prior.sd > 0.0
    basis = np.eye(len(prior.sd))[:, is_free]
    places = dict(zip(law.parameter_names(), law.domains().values(), strict=True))
    is_log = np.isin(law.parameter_names(), law.log_parameters())
    lower, upper = (
        np.array([sign * np.inf if log else end for log, end in zip(is_log, ends, strict=True)])
        for sign, ends in (
            (-1.0, [own.lower for own in places.values()]),
            (1.0, [own.upper for own in places.values()]),
        )
    )

    def law_of(parameters: np.ndarray) -> Law:
        return law.from_vector(parameters)  # type: ignore[arg-type]

    return Member(
        law.name,
        True,
        law.inputs(),
        scaled_predictions(law, _IDENTITY, None),
        lambda inputs: {name: inputs[name] for name in law.inputs()},
        basis,
        np.where(is_free, 0.0, prior.mean),
        lower[is_free],
        upper[is_free],
        _free_starts(prior),
        prior.mean,
        np.where(is_free, prior.sd, np.inf),
        np.full(len(prior.sd), np.inf),
        law_of,
    )


def _free_starts(prior: StepPrior) -> np.ndarray:
    return prior.starts[:, prior.sd > 0.0]


def problem_of(
    member: Member,
    runs: StepRuns,
    prior: StepPrior,
    matrix: np.ndarray | ColumnMatrix | None,
    weights: np.ndarray,
) -> FitProblem:
    """The objective of one task."""
    return FitProblem(
        member.function,
        {name: _filled(values) for name, values in runs.inputs.items()},
        np.where(np.isnan(runs.accuracy), 0.0, runs.accuracy),
        weights,
        offset=member.offset,
        basis=member.basis,
        lower=member.lower,
        upper=member.upper,
        prior_mean=prior.mean,
        prior_precision=_precision(prior),
        linear=matrix,
    )


def _batch(
    law: type[Law],
    specs: Sequence[StepSpec],
    features: Sequence[Features],
    weights: np.ndarray,
    num_sets: int,
) -> FitProblem:
    """The objective of all tasks and their hold-outs, task by task."""
    first = problem_of(
        member_of(law, specs[0].prior),
        specs[0].runs,
        specs[0].prior,
        features[0].matrix,
        weights[:1],
    )
    most = max(own.matrix.shape[1] for own in features)
    matrices = [np.pad(own.matrix, ((0, 0), (0, most - own.matrix.shape[1]))) for own in features]

    def of_sets(rows: Sequence[np.ndarray]) -> np.ndarray:
        return np.repeat(np.stack(rows), num_sets, axis=0)

    return replace(
        first,
        inputs={
            name: of_sets([_filled(own.runs.inputs[name]) for own in specs])
            for name in specs[0].runs.inputs
        },
        target=of_sets([np.nan_to_num(own.runs.accuracy, nan=0.0) for own in specs]),
        weights=weights,
        prior_mean=of_sets([own.prior.mean for own in specs]),
        prior_precision=of_sets([_precision(own.prior) for own in specs]),
        linear=of_sets(matrices),
    )


def _precision(prior: StepPrior) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.where(prior.sd > 0.0, prior.sd**-2.0, 0.0)


def _rows_of(found: Laplace, rows: np.ndarray) -> Laplace:
    """The approximations of some data sets."""
    correlated: CorrelatedWeights = found.correlated.take(rows)
    kept = {name: values[rows] for name, values in found._asdict().items() if name != "correlated"}
    return Laplace(**kept, correlated=correlated)
