"""Starts × losses × weights, through the batched solver."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from farseer_jax._objective import as_objective
from farseer_jax._progress import report
from farseer_jax._threads import num_threads
from farseer_jax.methods.end_to_end._free import Free
from farseer_jax.methods.end_to_end._layout import Layout
from farseer_jax.methods.end_to_end._problem import NOT_FINITE, Optima, build_problem
from farseer_jax.methods.least_squares._coarse import thinned
from farseer_jax.methods.least_squares._drive import Kernel, Queue, solve_members

if TYPE_CHECKING:
    from farseer_jax.methods.least_squares.method import LeastSquares

_WIDTHS = {"cpu": (8, 32, 64, 128)}
_WIDTHS_ELSEWHERE = (64, 1024, 16384)
_MAX_CELLS = {"cpu": 1 << 15}  # runs × width: above, a CPU's cache overflows
_LEAST_TURNS = 8  # members of a call, in widths, from which on a wider solver pays
_QUEUE = 64  # at most
# So many starts go their way on some of the runs first, and to its end on all of them
_MANY, _ROUGH, _MOST_STEPS, _RUNS_PER_PARAMETER = 8192, 1e-4, 50, 3
# Least absolute deviations are the limit of Huber's objective, reached from one to the next.
_SHRINKING = tuple(10.0**-k for k in range(2, 11))


def solve(
    method: "LeastSquares",
    layout: Layout,
    free: Free,
    starts: np.ndarray,
    losses: np.ndarray,
    weights: np.ndarray,
    *,
    num_warm: int = 0,
) -> Optima:
    """Fit every row of losses and weights from every start, in float64.

    Args:
        method: the settings.
        layout: where runs stand.
        free: free parameters.
        starts: ``(start, free)``.
        losses: ``(row, run)``.
        weights: likewise.
        num_warm: how many of the starts, the first ones, lie near an optimum.
    """
    objective = as_objective(method.objective)
    points = np.tile(starts, (len(losses), 1))
    warm = np.tile(np.arange(len(starts)) < num_warm, len(losses))
    steps = np.zeros(len(points), dtype=int)
    stages = _SHRINKING if objective.delta == 0.0 else (objective.delta,)
    if num_warm == 0 and (coarse := _coarse_layout(layout, free, starts, weights)) is not None:
        rough = replace(method, tolerance=_ROUGH, max_steps=min(method.max_steps, _MOST_STEPS))
        found = _solve_stage(rough, coarse, free, points, warm, losses, weights, stages[0])
        arrived = (found.status != NOT_FINITE)[:, None]
        points, steps = np.where(arrived, found.free, points), steps + found.steps
        warm = np.ones_like(warm)
    for delta in stages:
        found = _solve_stage(method, layout, free, points, warm, losses, weights, delta)
        points, steps, warm = found.free, steps + found.steps, np.ones_like(warm)
    value = found.value
    if len(stages) > 1:  # Huber's objective over δ is δ/2 per run short of the absolute residuals
        total = np.sum(weights[:, layout.run] * layout.share, (1, 2))
        value = found.value / delta + 0.5 * delta * np.repeat(total, len(starts))
    return Optima(points, value, found.status, steps)


def _coarse_layout(
    layout: Layout, free: Free, starts: np.ndarray, weights: np.ndarray
) -> Layout | None:
    """Some of the runs, for so many starts that a second compilation pays."""
    if len(starts) < _MANY or len(weights) > 1:
        return None
    coarse = thinned(layout)
    if coarse is None:
        return None
    num_runs = np.count_nonzero(weights[0][coarse.run] * coarse.share)
    return coarse if num_runs >= _RUNS_PER_PARAMETER * free.basis.shape[1] else None


def _solve_stage(
    method: "LeastSquares",
    layout: Layout,
    free: Free,
    points: np.ndarray,
    warm: np.ndarray,
    losses: np.ndarray,
    weights: np.ndarray,
    delta: float,
) -> Optima:
    """Every row from its own points, ``(row · start, free)``."""
    objective = as_objective(method.objective)
    num_starts = len(points) // len(losses)
    width, capacity, cuts = _cuts(len(points), layout.run.size)
    kernel = Kernel(layout.law, objective.residual, objective.is_squared, width)
    nothing = np.zeros((1, 1, 1))  # losses and weights come from the queue
    problem = build_problem(layout, free, objective, delta, nothing, nothing)

    def one(cut: slice) -> Optima:
        queue = _queue(layout, points, warm, losses, weights, cut, num_starts, capacity)
        with jax.enable_x64(True):
            ended = solve_members(kernel, problem, queue, method.tolerance, method.max_steps)
            num = cut.stop - cut.start
            arrays = [np.asarray(part)[..., :num] for part in ended]
        return Optima(arrays[0].T, *arrays[1:])

    # one thread a core: XLA runs a call on one, and releases Python's lock meanwhile
    report(0, len(points))
    parts = []
    with ThreadPoolExecutor(num_threads()) as pool:
        for cut, part in zip(cuts, pool.map(one, cuts), strict=True):
            parts.append(part)
            report(cut.stop, len(points))
    return Optima(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _cuts(num_members: int, num_cells: int) -> tuple[int, int, list[slice]]:
    """Width of the solver, members of one call, and which members each call gets.

    Wide enough to be fast, and narrow enough that lanes are seldom left empty at the end.
    """
    backend = jax.default_backend()
    widths = _WIDTHS.get(backend, _WIDTHS_ELSEWHERE)
    share = -(-num_members // num_threads())
    most = min(share // _LEAST_TURNS, _MAX_CELLS.get(backend, share) // num_cells)
    width = max([w for w in widths if w <= most], default=widths[0])
    capacity = width * _QUEUE
    num_calls = max(-(-num_members // capacity), min(num_threads(), num_members // widths[0]), 1)
    edges = np.linspace(0, num_members, num_calls + 1).astype(int)
    return width, capacity, [slice(a, b) for a, b in itertools.pairwise(edges)]


def _queue(
    layout: Layout,
    points: np.ndarray,
    warm: np.ndarray,
    losses: np.ndarray,
    weights: np.ndarray,
    cut: slice,
    num_starts: int,
    capacity: int,
) -> Queue:
    """The members of one call, padded to its capacity."""
    missing = capacity - (cut.stop - cut.start)
    starts = np.pad(points[cut].T, ((0, 0), (0, missing)))
    set_of = np.pad(np.arange(cut.start, cut.stop) // num_starts, (0, missing))
    first, last = (0, 0) if len(losses) == 1 else (set_of[0], set_of[cut.stop - cut.start - 1])
    num_sets = 1 if len(losses) == 1 else capacity
    log_loss, own_weights = layout.cells(losses[first : last + 1], weights[first : last + 1])
    padding = ((0, 0), (0, 0), (0, num_sets - log_loss.shape[-1]))
    new: Any = Queue
    return new(
        starts=starts,
        warm=np.pad(warm[cut], (0, missing)),
        set_of=np.maximum(set_of - first, 0),
        log_loss=np.pad(log_loss, padding),
        weights=np.pad(own_weights, padding),
        num_members=np.asarray(cut.stop - cut.start),
    )
