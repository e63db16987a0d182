"""Least squares from many starts on many runs: roughly on some of the runs first."""

from dataclasses import replace

import numpy as np

from farseer_jax.solvers.fit_problem import FitProblem
from farseer_jax.solvers.levenberg_marquardt import Settings, minimise
from farseer_jax.solvers.optima import Optima

# From so many starts on, first steps use so many of the runs, if that saves three quarters of the
# work.
_MANY_STARTS, _FEW_RUNS, _RUNS_PER_NUMBER, _LEAST_GAIN = 16, 128, 8, 4
_ROUGH, _ROUGH_STEPS = 1e-9, 300
_SAME = 1e-3  # relative difference of the rough objectives of equal optima


def minimise_from_many(
    problem: FitProblem, starts: np.ndarray, settings: Settings, seed: int
) -> Optima:
    """Minimise from each start of each data set; results ``(set, start)``.

    Many starts on many runs first approach an optimum on some of the runs, at a fraction of the
    cost. Those that meet there, with objectives equal to a thousandth, continue as one, from the
    best of them.
    """
    num_runs = problem.weights.shape[1]
    starts = np.broadcast_to(starts, (problem.num_data_sets, *starts.shape[-2:]))
    size = max(_FEW_RUNS, _RUNS_PER_NUMBER * starts.shape[-1])
    weighed = (problem.weights > 0.0).sum(1).min()
    if starts.shape[1] < _MANY_STARTS or weighed < size or num_runs < _LEAST_GAIN * size:
        return minimise(problem, starts, settings)
    rough = Settings(max_steps=_ROUGH_STEPS, tolerance=_ROUGH)
    led = minimise(_some_runs(problem, size, seed), starts, rough)
    value = np.where(np.isfinite(led.value), led.value, np.inf)
    first, place = _meetings(value)
    found = minimise(problem, np.take_along_axis(led.free, first[..., None], 1), settings)

    def spread(array: np.ndarray) -> np.ndarray:
        return np.take_along_axis(array, place, 1)

    free = np.take_along_axis(found.free, place[..., None], 1)
    steps = led.steps + spread(found.steps)
    return Optima(free, spread(found.value), spread(found.status), steps)


def _some_runs(problem: FitProblem, size: int, seed: int) -> FitProblem:
    """The same data sets, with ``size`` random runs of positive weight from each."""
    generator = np.random.default_rng(seed)
    order = generator.random(problem.weights.shape) + (problem.weights <= 0.0)
    some = np.sort(np.argsort(order, axis=1)[:, :size], axis=1)

    def take(values: np.ndarray) -> np.ndarray:
        rows = np.broadcast_to(values, (len(some), *values.shape[1:]))
        return np.take_along_axis(rows, some.reshape(*some.shape, *[1] * (values.ndim - 2)), 1)

    inputs = {
        name: take(values[None] if problem.bound.num_rows == 1 else values)
        for name, values in problem.inputs.items()
    }
    linear = problem.linear
    if linear is not None:
        linear = take(linear if linear.ndim == 3 else linear[None])
    target, weights = take(problem.target), take(problem.weights)
    return replace(problem, inputs=inputs, target=target, weights=weights, linear=linear)


def _meetings(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Merge starts that ended at the same objective.

    Args:
        value: objective of each start, ``(set, start)``.

    Returns:
        The starts that continue, ``(set, kept)``, and which of these each start is merged into,
        ``(set, start)``.
    """
    order = np.argsort(value, axis=1, kind="stable")
    ordered = np.take_along_axis(value, order, 1)
    with np.errstate(invalid="ignore"):
        apart = ordered[:, 1:] > ordered[:, :-1] * (1.0 + _SAME)
    rank = np.concatenate([np.zeros((len(value), 1), int), np.cumsum(apart, axis=1)], axis=1)
    place = np.empty_like(order)
    np.put_along_axis(place, order, rank, 1)
    kept = int(rank.max()) + 1
    first = np.repeat(order[:, :1], kept, axis=1)
    for row, (own, ranks) in enumerate(zip(order, rank, strict=True)):
        first[row, ranks[::-1]] = own[::-1]  # the first of each rank is written last
    return first, place
