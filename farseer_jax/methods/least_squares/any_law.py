"""Least squares of a law that is no curve of N: run by run, traced and computed by NumPy.

Nothing is compiled, so that the first fit of a law costs what the hundredth does.
"""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.laws.law import Center, Law
from farseer_jax.links import Link
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.end_to_end.problem import Optima
from farseer_jax.objectives import Objective
from farseer_jax.runtime.progress import report
from farseer_jax.solvers.fit_problem import FitProblem, relative_residuals
from farseer_jax.solvers.levenberg_marquardt import Settings, minimise
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction

if TYPE_CHECKING:
    from farseer_jax.methods.least_squares.method import LeastSquares


# So many starts are led by so many of the runs first, where that saves three quarters of the work.
_MANY_STARTS, _FEW_RUNS, _RUNS_PER_NUMBER, _LEAST_GAIN = 16, 128, 8, 4
_ROUGH, _ROUGH_STEPS = 1e-9, 300
_SAME = 1e-3  # of the objective of some of the runs


@cache
def scaled_predictions(law: type[Law], link: Link, center: Center | None) -> NumpyFunction:
    """The prediction of one run on the link's scale, of a law's parameter vector."""
    entries = {name: (len(labels),) for name, labels in law.shares}

    def predicted(vector: list[Any], inputs: dict[str, Any]) -> Any:
        return link.forward(law.from_vector(vector, center).loss(**inputs))  # type: ignore[arg-type]

    num = len(law.parameter_names())
    return NumpyFunction(
        predicted, [()] * num, {name: entries.get(name, ()) for name in law.inputs()}
    )


def solve_any_law(
    method: "LeastSquares",
    layouts: Sequence[Layout],
    frees: Sequence[Free],
    starts: np.ndarray,
    losses: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
) -> list[Optima]:
    """Fit every row of losses and weights of every layout from every start, in float64.

    Args:
        method: the settings.
        layouts: of one law and link; one for all rows, or one for each row.
        frees: their free parameters, of one basis.
        starts: ``(start, free)``, or ``(layout, start, free)``.
        losses: ``(row, run)`` of each layout.
        weights: likewise.

    Returns:
        Of each layout, rows first and starts second.
    """
    first, free = layouts[0], frees[0]
    objective, link = _objective_and_link(method, first)
    target = [link.forward(own) for own in losses]
    own_weights = [w * layout.share[:, 0] for w, layout in zip(weights, layouts, strict=True)]
    settings = Settings(max_steps=method.max_steps, tolerance=method.tolerance)
    num_rows = [len(own) for own in losses]
    report(0, sum(num_rows))
    inputs = dict(first.inputs)
    if len(layouts) > 1:
        inputs, target, own_weights = _stacked(layouts, target, own_weights)
    problem = _problem(first, free, objective, link, inputs, target, own_weights)
    free_at, value, status, steps = _search(problem, starts, settings, method.seed)
    report(sum(num_rows), sum(num_rows))
    cuts = np.cumsum([0, *num_rows])
    return [
        Optima(
            free_at[a:b].reshape(-1, free_at.shape[-1]),
            value[a:b].ravel(),
            status[a:b].ravel(),
            steps[a:b].ravel(),
        )
        for a, b in itertools.pairwise(cuts)
    ]


def _search(
    problem: FitProblem, starts: np.ndarray, settings: Settings, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Where starts end: free numbers ``(set, start, free)``, values, status and steps.

    Many starts on many runs are led into the neighbourhood of an optimum by some of the runs, at a
    fraction of the cost. Those that meet there, at one objective but for a thousandth, go on as
    one, from the best of them.
    """
    num_runs = problem.weights.shape[1]
    starts = np.broadcast_to(starts, (problem.num_data_sets, *starts.shape[-2:]))
    size = max(_FEW_RUNS, _RUNS_PER_NUMBER * starts.shape[-1])
    weighed = (problem.weights > 0.0).sum(1).min()
    if starts.shape[1] < _MANY_STARTS or weighed < size or num_runs < _LEAST_GAIN * size:
        found = minimise(problem, starts, settings)
        return found.free, found.value, found.status, found.steps
    rough = Settings(max_steps=_ROUGH_STEPS, tolerance=_ROUGH)
    led = minimise(_some_runs(problem, size, seed), starts, rough)
    value = np.where(np.isfinite(led.value), led.value, np.inf)
    first, place = _meetings(value)
    found = minimise(problem, np.take_along_axis(led.free, first[..., None], 1), settings)

    def spread(array: np.ndarray) -> np.ndarray:
        return np.take_along_axis(array, place, 1)

    free = np.take_along_axis(found.free, place[..., None], 1)
    return free, spread(found.value), spread(found.status), led.steps + spread(found.steps)


def _some_runs(problem: FitProblem, size: int, seed: int) -> FitProblem:
    """The same data sets, so many runs of weight drawn of each."""
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
    return replace(
        problem, inputs=inputs, target=take(problem.target), weights=take(problem.weights)
    )


def _meetings(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts that ended at one objective go on as one.

    Args:
        value: of each start, ``(set, start)``.

    Returns:
        The starts that go on, ``(set, kept)``, and which of these each start is, ``(set, start)``.
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


def solve_jointly(
    method: "LeastSquares",
    layouts: Sequence[Layout],
    free: Free,
    in_common: np.ndarray,
    starts: np.ndarray,
    losses: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
) -> list[Optima]:
    """Fit several tables together, some free numbers the same in all.

    Args:
        method: the settings.
        layouts: one for each group.
        free: the free parameters of one group.
        in_common: which of these are shared, ``(free,)``.
        starts: shared numbers, then those of each group, ``(start, joint free)``.
        losses: ``(run,)`` of each group.
        weights: likewise.

    Returns:
        Of each group its own free numbers; value and status are those of all together.
    """
    first, num_groups = layouts[0], len(layouts)
    objective, link = _objective_and_link(method, first)
    joint = _joint_parameters(free, in_common, num_groups)
    own_weights = [w * layout.share[:, 0] for w, layout in zip(weights, layouts, strict=True)]
    settings = Settings(max_steps=method.max_steps, tolerance=method.tolerance)
    inputs = {
        name: np.concatenate([layout.inputs[name] for layout in layouts]) for name in first.inputs
    }
    problem = _problem(
        first,
        joint,
        objective,
        link,
        inputs,
        [link.forward(own) for own in losses],
        own_weights,
        parameter_of=np.arange(joint.basis.shape[0]).reshape(num_groups, -1).T,
        group=np.repeat(np.arange(num_groups), [len(layout.runs) for layout in layouts]),
    )
    found = minimise(problem, starts, settings)
    points, value = found.free[0], found.value[0]
    num_shared, own = int(in_common.sum()), points[:, int(in_common.sum()) :]
    numbers = np.empty((num_groups, len(points), len(in_common)))
    numbers[..., in_common] = points[:, :num_shared]
    numbers[..., ~in_common] = np.moveaxis(own.reshape(len(points), num_groups, -1), 1, 0)
    return [Optima(one, value, found.status[0], found.steps[0]) for one in numbers]


def _objective_and_link(method: "LeastSquares", layout: Layout) -> tuple[Objective, Link]:
    """What is minimised, on which scale: absolute differences are those of the identity link."""
    objective = layout.objective(method.objective)
    return objective, Link("identity") if objective.residual == "absolute" else layout.link


def _joint_parameters(free: Free, in_common: np.ndarray, num_groups: int) -> Free:
    """All groups' parameters, one group after another, from shared and own free numbers."""
    shared, own = free.basis[:, in_common], free.basis[:, ~in_common]
    basis = np.concatenate(
        [np.tile(shared, (num_groups, 1)), np.kron(np.eye(num_groups), own)], axis=1
    )

    def bounds(one: np.ndarray) -> np.ndarray:
        return np.concatenate([one[in_common], np.tile(one[~in_common], num_groups)])

    return Free(
        centering=np.eye(len(basis)),
        basis=basis,
        offset=np.tile(free.offset, num_groups),
        lower=bounds(free.lower),
        upper=bounds(free.upper),
    )


def _problem(
    layout: Layout,
    free: Free,
    objective: Objective,
    link: Link,
    inputs: dict[str, np.ndarray],
    target: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    **groups: np.ndarray,
) -> FitProblem:
    """What is minimised; ``groups`` says which runs have which parameters, where they differ."""
    return FitProblem(
        scaled_predictions(layout.law, link, layout.center),
        inputs,
        np.concatenate(target),
        np.concatenate(weights),
        delta=objective.delta,
        quantile=objective.quantile,
        residual_scale=relative_residuals if objective.residual == "relative" else None,
        offset=free.offset,
        basis=free.basis,
        lower=free.lower,
        upper=free.upper,
        parameter_of=groups.get("parameter_of"),
        group=groups.get("group"),
    )


def _stacked(
    layouts: Sequence[Layout], target: Sequence[np.ndarray], weights: Sequence[np.ndarray]
) -> tuple[dict[str, np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Tables of different lengths side by side, filled up by runs of weight 0."""
    num = max(len(layout.runs) for layout in layouts)
    inputs = {
        name: np.stack([_padded(layout.inputs[name], num, 0) for layout in layouts])
        for name in layouts[0].inputs
    }
    filled = [_padded(own, num, -1) for own in target]
    return inputs, filled, [_padded(own, num, -1, 0.0) for own in weights]


def _padded(values: np.ndarray, num: int, axis: int, fill: float | None = None) -> np.ndarray:
    """Filled up along an axis, by the last value or a given one."""
    padding = [(0, 0)] * values.ndim
    padding[axis] = (0, num - values.shape[axis])
    if fill is None:
        return np.pad(values, padding, mode="edge")
    return np.pad(values, padding, constant_values=fill)


_NUM_ROWS, _NUM_SLOTS = 7, 6  # of a grid; where every run has a row of its own, their product
_LEAST_GAIN = 4  # how many times fewer cells, or it is not worth a second solver


def thinned(layout: Layout) -> Layout | None:
    """Sizes and D spread evenly over those of a layout; None where it is small already.

    Most of a random start's way to an optimum needs no more: on the paper's 326 runs 42 of them
    take it there at a fifth of the cost.
    """
    num_rows, num_slots = layout.run.shape
    if num_slots == 1:
        log_D = layout.inputs["log_D"][:, 0]
        ends = [log_D.argmin(), log_D.argmax()]
        order = np.lexsort((log_D, layout.inputs["N"]))
        rows = np.union1d(order[_spread(num_rows, _NUM_ROWS * _NUM_SLOTS - len(ends))], ends)
        slots = np.zeros((len(rows), 1), dtype=int)
        share = np.ones_like(slots)
    else:
        rows = _spread(num_rows, _NUM_ROWS)
        counts = np.count_nonzero(layout.share[rows], axis=1)
        picked = [_spread(count, _NUM_SLOTS) for count in counts]
        width = max(map(len, picked))
        slots = np.stack([np.pad(own, (0, width - len(own))) for own in picked])
        share = np.arange(width) < np.array([len(own) for own in picked])[:, None]
    if layout.run.size < _LEAST_GAIN * slots.size:
        return None
    cells = rows[:, None], slots
    return replace(
        layout,
        inputs={"N": layout.inputs["N"][rows], "log_D": layout.inputs["log_D"][cells]},
        run=layout.run[cells],
        share=layout.share[cells] * share,
    )


def _spread(num: int, most: int) -> np.ndarray:
    """At most so many positions among ``num``, evenly, the ends included."""
    return np.unique(np.linspace(0, num - 1, min(num, most)).round().astype(int))
