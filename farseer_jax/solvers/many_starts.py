"""Least squares from many starts on many runs: roughly on some of the runs first."""

from dataclasses import replace

import numpy as np

from farseer_jax.solvers.fit_problem import FitProblem
from farseer_jax.solvers.levenberg_marquardt import Settings, minimise
from farseer_jax.solvers.meetings import meetings
from farseer_jax.solvers.objective_evaluation import Evaluator
from farseer_jax.solvers.optima import OUT_OF_STEPS, Optima

# From so many starts on, first steps use so many of the runs, if that saves three quarters of the
# work.
_MANY_STARTS, _FEW_RUNS, _RUNS_PER_NUMBER, _LEAST_GAIN = 16, 128, 8, 4
# Rough optima: to a tenth of what makes them equal, without second derivatives.
_ROUGH = Settings(max_steps=300, tolerance=1e-4, step_tolerance=0.1, second_derivatives=False)
_SLOW = 1e-3  # above the best, relative, where a start out of steps is on a slow way
_HOPELESS = 0.02  # above the best, relative: rough optima that are not worth more steps


def minimise_from_many(
    problem: FitProblem, starts: np.ndarray, settings: Settings, seed: int
) -> Optima:
    """Minimise from each start of each data set; results ``(set, start)``.

    Many starts on many runs first approach an optimum on some of the runs, then on all of them,
    both roughly and at a fraction of the cost. Those that meet continue as one, from the best of
    them.
    """
    num_runs = problem.weights.shape[1]
    starts = np.broadcast_to(starts, (problem.num_data_sets, *starts.shape[-2:]))
    size = max(_FEW_RUNS, _RUNS_PER_NUMBER * starts.shape[-1])
    weighed = (problem.weights > 0.0).sum(1).min()
    if starts.shape[1] < _MANY_STARTS or weighed < size or num_runs < _LEAST_GAIN * size:
        return minimise(problem, starts, settings)
    place = np.broadcast_to(np.arange(starts.shape[1]), starts.shape[:2])
    steps = np.zeros(starts.shape[:2], dtype=int)
    for rough in (_some_runs(problem, size, seed), problem):
        led = minimise(rough, starts, _ROUGH)
        first, merged = _met(led, _curvatures(rough, led.free))
        steps = steps + _of_each(led.steps, place)
        starts, place = np.take_along_axis(led.free, first[..., None], 1), _of_each(merged, place)
    led = Optima(
        *(np.take_along_axis(a, first.reshape(*first.shape, *[1] * (a.ndim - 2)), 1) for a in led)
    )
    found = _finished(problem, led, settings)
    value, status, last = (_of_each(array, place) for array in found[1:])
    return Optima(np.take_along_axis(found.free, place[..., None], 1), value, status, steps + last)


def _finished(problem: FitProblem, led: Optima, settings: Settings) -> Optima:
    """The optima near rough ones on all runs.

    Those far above the best stay rough, and so do those that are still on a slow way above it.
    """
    value = np.where(np.isfinite(led.value), led.value, np.inf)
    best = value.min(axis=1, keepdims=True)
    slow = (led.status == OUT_OF_STEPS) & (value > best * (1.0 + _SLOW))
    worth = (value <= best * (1.0 + _HOPELESS)) & ~slow
    order = np.argsort(~worth, axis=1, kind="stable")
    some = order[:, : max(int(worth.sum(1).max()), 1)]
    going = np.take_along_axis(worth, some, 1)
    starts = np.take_along_axis(led.free, some[..., None], 1)
    # data sets of fewer such starts: nothing is searched from a start that is not finite
    found = minimise(problem, np.where(going[..., None], starts, np.nan), settings)
    result = Optima(*(array.copy() for array in led._replace(steps=np.zeros_like(led.steps))))
    row, place = np.nonzero(going)
    for array, own in zip(result, found, strict=True):
        array[row, some[row, place]] = own[row, place]
    return result


def _of_each(array: np.ndarray, place: np.ndarray) -> np.ndarray:
    """What belongs to each start, of an array for those that continue, ``(set, start)``."""
    return np.take_along_axis(array, place, 1)


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


def _curvatures(problem: FitProblem, free: np.ndarray) -> np.ndarray:
    """Gauss-Newton's matrix at each start's end, ``(set, start, free, free)``."""
    flat = free.reshape(-1, free.shape[-1])
    rows = np.repeat(np.arange(free.shape[0]), free.shape[1])
    found = Evaluator(problem, rows).evaluate(flat, np.zeros(len(rows), dtype=bool))
    return found.majoriser.reshape(*free.shape, free.shape[-1])


def _met(led: Optima, curvature: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The starts that continue, ``(set, kept)``, and where each start went, ``(set, start)``.

    Args:
        led: where each start ended.
        curvature: second derivatives there, ``(set, start, free, free)``.
    """
    rows = zip(led.value, led.free, curvature, strict=True)
    found = [meetings(value, free, own.__getitem__) for value, free, own in rows]
    most = max(len(kept) for kept, _ in found)
    kept = [np.pad(kept, (0, most - len(kept)), constant_values=kept[0]) for kept, _ in found]
    return np.array(kept), np.array([place for _, place in found])
