"""Levenberg-Marquardt for batches of fits of any function, in NumPy; Newton's steps at the end.

Each batch element (a start, a refit) has its own damping and its own end, and its digits do not
depend on the others. Far from the optimum the matrix is Gauss-Newton's, for robust ρ with the
weights of squares that lie above ρ; near it the exact second derivatives make convergence
superlinear and tell an optimum from a saddle or a flat tail.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from farseer_jax.runtime.threads import in_threads
from farseer_jax.solvers.fit_problem import FitProblem
from farseer_jax.solvers.objective_evaluation import Evaluation, Evaluator
from farseer_jax.solvers.optima import CONVERGED, NOT_FINITE, OUT_OF_STEPS, RUNNING, STALLED, Optima
from farseer_jax.solvers.quadratic_model import QuadraticModel, scale_of
from farseer_jax.solvers.small_systems import Factors, solve_factorised

_BLOCK = 16_384  # predictions at once: their arrays stay in the cache


@dataclass(frozen=True)
class Settings:
    """When to stop.

    Attributes:
        max_steps: evaluations of an element.
        tolerance: converged where a Newton step without damping predicts no more than this part
            of the objective …
        step_tolerance: … and moves each parameter by no more than this part of the largest value
            that it had on the way: in a flat tail the promise is small but the step is not.
        damping: at the start, relative to the matrix's diagonal.
        accelerate_after: steps before second-order corrections, each worth about two evaluations.
        second_derivatives: False for a rough optimum by Gauss-Newton's matrix alone, for which the
            function's second derivatives need not be traced.
    """

    max_steps: int = 300
    tolerance: float = 1e-13
    step_tolerance: float = 1e-4
    damping: float = 1e-3
    accelerate_after: int = 20
    second_derivatives: bool = True


def minimise(problem: FitProblem, starts: np.ndarray, settings: Settings | None = None) -> Optima:
    """Minimise from each start of each data set.

    Args:
        problem: what is minimised.
        starts: ``(data_set, start, free)``; ``(start, free)`` where all data sets share them.
        settings: when to stop.

    Returns:
        Where each ended, ``(data_set, start)``.

    Example:
        >>> import numpy as np
        >>> from farseer_jax.solvers.numpy_jaxpr import NumpyFunction
        >>> line = NumpyFunction(lambda p, x: p[0] + p[1] * x["x"], [(), ()], {"x": ()})
        >>> x = np.array([0.0, 1.0, 2.0])
        >>> problem = FitProblem(line, {"x": x}, target=1.0 + 2.0 * x, weights=np.ones(3))
        >>> minimise(problem, np.zeros((1, 2))).free.round(6)
        array([[[1., 2.]]])
    """
    settings = Settings() if settings is None else settings
    num_sets = problem.num_data_sets
    starts = np.asarray(starts, dtype=np.float64)
    if starts.ndim == 2:
        starts = np.broadcast_to(starts, (num_sets, *starts.shape))
    flat = starts.reshape(-1, starts.shape[-1])
    rows = np.repeat(np.arange(num_sets), starts.shape[1])
    block = max(1, _BLOCK // problem.bound.num_runs)

    def search(k: int) -> tuple[np.ndarray, ...]:
        return _Search(problem, rows[k : k + block], flat[k : k + block], settings).run()

    problem.prepare()
    places = range(0, len(flat), block)
    parts = list(in_threads(search, places) if len(problem.blocks) > 1 else map(search, places))
    free, value, status, steps = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    if problem.delta == 0.0:  # of |r| itself, without the round tip
        with np.errstate(all="ignore"):
            value = Evaluator(problem, rows, np.zeros(len(rows))).value(free)
            value = np.where(status == NOT_FINITE, np.inf, value)
    shape = starts.shape[:2]
    return Optima(free.reshape(starts.shape), *(a.reshape(shape) for a in (value, status, steps)))


class _State(NamedTuple):
    """What each element under way remembers, ``(element, …)``."""

    place: np.ndarray  # in the block
    free: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    majoriser: np.ndarray
    hessian: np.ndarray
    scale: np.ndarray  # of each free parameter: one over the square root of the matrix's diagonal
    reach: np.ndarray  # the largest size that each free parameter had
    damping: np.ndarray
    growth: np.ndarray  # of the damping, at the next failure
    near: np.ndarray  # whether the last step predicted little
    idle: np.ndarray  # steps on end that predicted less than the objective's rounding
    exact: np.ndarray  # whether `hessian` is the exact one
    delta: np.ndarray  # of ρ: large at first, then shrinking to the one asked for
    steps: np.ndarray
    status: np.ndarray


class _Search:
    """One block of elements."""

    def __init__(
        self, problem: FitProblem, rows: np.ndarray, starts: np.ndarray, settings: Settings
    ) -> None:
        self.settings = settings
        self.lower, self.upper = problem.bounds
        self.problem = problem
        self.evaluator = Evaluator(problem, rows)
        self.starts = np.clip(starts, self.lower, self.upper)

    def run(self) -> tuple[np.ndarray, ...]:
        """The best points, their values, how they ended and after how many steps."""
        count, size = self.starts.shape
        free, value = np.empty((count, size)), np.empty(count)
        status, steps = np.empty(count, dtype=int), np.empty(count, dtype=int)
        with np.errstate(all="ignore"):
            state = self._first()
            while True:
                ended = state.status != RUNNING
                if ended.any():
                    done, left = np.flatnonzero(ended), np.flatnonzero(~ended)
                    whole = self.evaluator
                    self.evaluator = whole.take(done)
                    last = self._polished(_State(*(array[done] for array in state)))
                    free[last.place], value[last.place] = last.free, last.value
                    status[last.place], steps[last.place] = last.status, last.steps
                    if not len(left):
                        return free, value, status, steps
                    state = _State(*(array[left] for array in state))
                    self.evaluator = whole.take(left)
                state = self._advance(state)

    def _first(self) -> _State:
        count, size = self.starts.shape
        nowhere = np.zeros(count, dtype=bool)
        if not np.isinf(self.problem.delta):
            self.evaluator.delta = self._smaller_delta(self.evaluator, self.starts, np.inf)
            self.evaluator = self.evaluator.take(np.arange(count))
        found = self.evaluator.evaluate(self.starts, nowhere)
        return _State(
            place=np.arange(count),
            free=self.starts,
            value=np.where(found.finite, found.value, np.inf),
            gradient=found.gradient,
            majoriser=found.majoriser,
            hessian=found.hessian,
            scale=scale_of(found.majoriser, np.zeros((count, size))),
            reach=np.abs(self.starts),
            damping=np.full(count, self.settings.damping),
            growth=np.full(count, 2.0),
            near=nowhere,
            idle=np.zeros(count, dtype=int),
            exact=nowhere,
            delta=self.evaluator.delta,
            steps=np.ones(count, dtype=int),
            status=np.where(found.finite, RUNNING, NOT_FINITE),
        )

    def _advance(self, state: _State) -> _State:
        """One trial step of each element."""
        model = self._model(state)
        step, damping, factors = model.damped_step(state.damping)
        target = state.free + step
        predicted = model.decrease(step)
        slow = np.flatnonzero(state.steps >= self.settings.accelerate_after)
        if (
            len(slow)
            and self.settings.second_derivatives
            and self.problem.function.twice_differentiable
        ):
            target[slow] = self._accelerated(state, slow, step, model.scale, factors)
        exact = state.exact | (predicted <= 1e-3 * state.value)
        found = self.evaluator.evaluate(target, exact & self.settings.second_derivatives)
        gained = state.value - found.value
        noise = self.evaluator.rounding(state.value)
        ratio = gained / predicted
        good = found.finite & (predicted > 0.0) & (ratio > 1e-4)
        # below the rounding of the objective its differences say nothing
        good |= found.finite & (predicted > 0.0) & (predicted <= 10.0 * noise) & (gained > -noise)
        idle = np.where(predicted <= noise, state.idle + 1, 0)
        near = predicted <= 1e-5 * np.abs(state.value) + noise
        state = state._replace(damping=damping, near=near, idle=idle, steps=state.steps + 1)
        state = self._next(state, found, target, good, ratio, exact)
        if np.isinf(self.problem.delta):
            return state
        near = good & self.evaluator.shrinks(state.value, predicted)
        return self._shrink_delta(state, near | (state.damping > 1e10) | (state.idle >= 2))

    def _smaller_delta(
        self, evaluator: Evaluator, free: np.ndarray, before: np.ndarray | float
    ) -> np.ndarray:
        """The next δ on the way to the one asked for, no larger than residuals are."""
        size = evaluator.mean_residual(free)
        return np.maximum(np.minimum(size, np.asarray(before) / 4.0), evaluator.least_delta)

    def _shrink_delta(self, state: _State, ready: np.ndarray) -> _State:
        """Elements near the optimum of a large δ go on with a smaller one.

        From far away ρ is then nearly a square, and the optimum of each δ is a good start for the
        next.
        """
        ready = ready & (state.status == RUNNING) & self._is_large(state.delta)
        places = np.flatnonzero(ready)
        if not len(places):
            return state
        few = self.evaluator.take(places)
        few.delta = self._smaller_delta(few, state.free[places], state.delta[places])
        few = few.take(np.arange(len(places)))
        exact = state.exact[places] & self.settings.second_derivatives
        found = few.evaluate(state.free[places], exact)
        state = _State(*(array.copy() for array in state))
        state.value[places], state.gradient[places] = found.value, found.gradient
        state.majoriser[places], state.hessian[places] = found.majoriser, found.hessian
        state.scale[places] = scale_of(found.majoriser, state.scale[places])
        state.delta[places] = few.delta
        state.damping[places] = np.minimum(state.damping[places], 1.0)
        state.growth[places], state.idle[places] = 2.0, 0
        state.steps[places] += 1
        self.evaluator.delta = state.delta
        self.evaluator = self.evaluator.take(np.arange(len(state.free)))
        return state

    def _model(self, state: _State) -> QuadraticModel:
        """The objective near where each element is."""
        return QuadraticModel(
            state.free, state.gradient, state.hessian, state.scale, self.lower, self.upper
        )

    def _is_large(self, delta: np.ndarray) -> np.ndarray:
        """Whether this δ is not yet the last one."""
        return delta > self.evaluator.least_delta

    def _accelerated(
        self,
        state: _State,
        slow: np.ndarray,
        step: np.ndarray,
        scale: np.ndarray,
        factors: Factors,
    ) -> np.ndarray:
        """Targets of elements in a curved valley: along a parabola, not along a line.

        Geodesic acceleration (Transtrum & Sethna 2012, arXiv:1201.5885): the second-order
        correction, where it is small beside the step.
        """
        free, straight, scale = state.free[slow], step[slow], scale[slow]
        pull = self.evaluator.take(slow).curved_gradient(free, straight)
        few = Factors(*(array[slow] for array in factors))
        correction = -0.5 * solve_factorised(few, pull * scale)
        length = np.sum((straight / np.where(scale > 0.0, scale, np.inf)) ** 2, axis=-1)
        small = 4.0 * np.sum(correction**2, axis=-1) <= 0.75**2 * length
        straight = straight + np.where(small[:, None], correction * scale, 0.0)
        return np.clip(free + straight, self.lower, self.upper)

    def _next(
        self,
        state: _State,
        found: Evaluation,
        target: np.ndarray,
        good: np.ndarray,
        ratio: np.ndarray,
        exact: np.ndarray,
    ) -> _State:
        """Take the good steps; raise the damping of the others."""

        def choose(new: np.ndarray, old: np.ndarray) -> np.ndarray:
            return np.where(good.reshape(-1, *[1] * (new.ndim - 1)), new, old)

        least = np.where(exact, 1e-3, 0.1)  # near the end the damping must vanish fast
        least = np.where(state.growth > 2.0, 0.5, least)  # what failed just now fails again
        trust = np.clip(1.0 - (2.0 * ratio - 1.0) ** 3, least, 2.0)
        majoriser = choose(found.majoriser, state.majoriser)
        result = _State(
            place=state.place,
            free=choose(target, state.free),
            value=choose(found.value, state.value),
            gradient=choose(found.gradient, state.gradient),
            majoriser=majoriser,
            hessian=choose(found.hessian, state.hessian),
            scale=scale_of(majoriser, state.scale),
            reach=np.maximum(state.reach, np.abs(choose(target, state.free))),
            damping=state.damping * np.where(good, trust, state.growth),
            growth=np.where(good, 2.0, 2.0 * state.growth),
            near=state.near,
            idle=state.idle,
            exact=choose(exact, state.exact),
            delta=state.delta,
            steps=state.steps,
            status=state.status,
        )
        return result._replace(status=self._status(result))

    def _status(self, state: _State) -> np.ndarray:
        last = ~self._is_large(state.delta)
        stalled = last & ((state.damping > 1e30) | (state.idle >= 8))
        status = np.where(stalled, STALLED, RUNNING)
        status = np.where(state.steps >= self.settings.max_steps, OUT_OF_STEPS, status)
        # without residuals Gauss-Newton's matrix is the Hessian, and no step is taken any more
        exact = state.exact | (state.value <= self.evaluator.noise**2)
        maybe = np.flatnonzero(exact & last)
        if len(maybe):
            few = _State(*(array[maybe] for array in state))
            status[maybe[self._is_optimum(few, self.evaluator.noise[maybe])]] = CONVERGED
        return status

    def _is_optimum(self, state: _State, noise: np.ndarray) -> np.ndarray:
        """Whether a Newton step without damping predicts nothing and moves nothing."""
        model = self._model(state)
        step, positive = model.newton_step()
        predicted = -0.5 * np.sum(step * state.gradient, axis=-1)
        small = predicted <= np.maximum(self.settings.tolerance * np.abs(state.value), noise**2)
        short = np.all(np.abs(step) <= self.settings.step_tolerance * state.reach, axis=-1)
        # a number whose influence was lost on the way: a flat tail
        lost = (state.majoriser.diagonal(axis1=-2, axis2=-1) <= 0.0) & (state.scale > 0.0)
        bounded = model.active.any(-1)  # an amplitude at 0: its exponent has none
        return positive & small & short & (bounded | ~lost.any(-1))

    def _polished(self, state: _State) -> _State:
        """The last digits of points that converged: Newton's step, kept unless it is worse."""
        step, positive = self._model(state).newton_step()
        target = np.clip(state.free + step, self.lower, self.upper)
        value = self.evaluator.value(target)
        noise = self.evaluator.rounding(state.value)
        better = (state.status == CONVERGED) & positive & (value <= state.value + noise)
        free = np.where(better[:, None], target, state.free)
        return state._replace(free=free, value=np.where(better, value, state.value))
