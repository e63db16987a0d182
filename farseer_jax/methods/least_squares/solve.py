"""Starts × losses × weights through the batched solver."""

import itertools
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from farseer_jax.laws.separable import Separable
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.end_to_end.problem import build_problem
from farseer_jax.methods.least_squares.any_law import solve_any_law
from farseer_jax.methods.least_squares.batches import Kernel, Queue, solve_batch
from farseer_jax.methods.least_squares.coarse import coarse_layout, met, rough
from farseer_jax.methods.least_squares.levenberg_marquardt_step import rounding_floor
from farseer_jax.methods.least_squares.tiles import tiled
from farseer_jax.runtime.progress import report
from farseer_jax.runtime.threads import in_threads, num_threads, platform
from farseer_jax.solvers.optima import NOT_FINITE, Optima

if TYPE_CHECKING:
    from farseer_jax.methods.least_squares.method import LeastSquares


_WIDTHS = {"cpu": (8, 32, 64, 128)}
_WIDTHS_ELSEWHERE = (64, 1024, 16384)
_REFIT_WIDTH = {"cpu": 64}
_REFIT_WIDTH_ELSEWHERE = 1024
_MAX_CELLS = {"cpu": 100_000}  # room × width of refits: a wider solver is wasted on a few refits
_LEAST_TURNS = 8  # elements of a call, in widths, from which on a wider solver pays
# Values of δ on the way to least absolute deviations, the limit of Huber's objective.
_SHRINKING = tuple(10.0**-k for k in range(2, 11))
_QUEUE, _MOST_CELLS = 64, 1 << 19  # largest queue, in widths, and cells of its sets


def solve_from_starts(
    method: "LeastSquares",
    layout: Layout,
    free: Free,
    starts: np.ndarray,
    losses: np.ndarray,
    weights: np.ndarray,
    *,
    refits: bool = False,
) -> Optima:
    """Fit every row of losses and weights from every start, in float64.

    Very many starts first approach an optimum on some of the runs; those that meet there continue
    as one, and end where it ends.

    Args:
        method: the settings.
        layout: layout of the runs.
        free: free parameters.
        starts: ``(start, free)``.
        losses: ``(row, run)``.
        weights: ``(row, run)``.
        refits: the first start lies near an optimum; and the solver keeps one width, so that the
            digits of a row do not depend on the number of rows: XLA rounds differently in another.
    """
    if not layout.by_curves:
        return solve_any_law(method, [layout], [free], starts, [losses], [weights])[0]
    objective = layout.objective(method.objective)
    points = np.tile(starts, (len(losses), 1))
    warm = np.tile(np.arange(len(starts)) < refits, len(losses))
    steps = np.zeros(len(points), dtype=int)
    stages = _SHRINKING if objective.delta == 0.0 else (objective.delta,)
    place = np.arange(len(points))
    if not refits and (coarse := coarse_layout(layout, free, len(starts), weights)) is not None:
        own = rough(method), coarse, free
        found = _solve_stage(*own, points, warm, losses, weights, stages[0], refits)
        kept, place = met(*own, found, weights[0], stages[0])
        finite = (found.status[kept] != NOT_FINITE)[:, None]
        points, steps = np.where(finite, found.free[kept], points[kept]), found.steps
        warm = np.ones(len(kept), dtype=bool)
    for delta in stages:
        found = _solve_stage(method, layout, free, points, warm, losses, weights, delta, refits)
        points, steps, warm = found.free, steps + found.steps[place], np.ones_like(warm)
    value = found.value
    if len(stages) > 1:  # Huber's objective over δ lies below the absolute residuals by δ/2 per run
        total = np.sum(weights[:, layout.run] * layout.share, (1, 2))
        value = found.value / delta + 0.5 * delta * np.repeat(total, len(value) // len(losses))
    return Optima(points[place], value[place], found.status[place], steps)


def _solve_stage(
    method: "LeastSquares",
    layout: Layout,
    free: Free,
    points: np.ndarray,
    warm: np.ndarray,
    losses: np.ndarray,
    weights: np.ndarray,
    delta: float,
    refits: bool,
) -> Optima:
    """Fit every row from its own points, ``(row · start, free)``."""
    objective = layout.objective(method.objective)
    num_starts = len(points) // len(losses)
    tiles, num_tiles = tiled(layout)
    shared = not refits and len(losses) == 1
    width = _refit_width(tiles.run.size) if refits else _best_width(len(points))
    num_sets = 1 if shared else tiles.run.size
    capacity, cuts = _cuts(len(points), width, num_sets)
    assert issubclass(layout.law, Separable)
    kernel = Kernel(layout.law, objective.residual, objective.is_squared, width)
    nothing = np.zeros((1, 1, 1, 1))  # losses and weights come from the queue
    problem = build_problem(tiles, free, objective, delta, nothing, nothing, num_tiles)

    def one(cut: slice) -> Optima:
        queue = _queue(tiles, points, warm, losses, weights, cut, num_starts, capacity, shared)
        with jax.enable_x64(True):
            ended = solve_batch(kernel, problem, queue, method.tolerance, method.max_steps)
            num = cut.stop - cut.start
            arrays = [np.asarray(part)[..., :num] for part in ended]
        return Optima(arrays[0].T, *arrays[1:])

    report(0, len(points))
    parts = []
    for cut, part in zip(cuts, in_threads(one, cuts), strict=True):
        parts.append(part)
        report(cut.stop, len(points))
    return Optima(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _refit_width(num_cells: int) -> int:
    """One width for all tables of similar size."""
    backend = platform()
    width = _REFIT_WIDTH.get(backend, _REFIT_WIDTH_ELSEWHERE)
    most = min(width, _MAX_CELLS.get(backend, width * num_cells) // num_cells)
    widths = _WIDTHS.get(backend, (width,))
    return max([w for w in widths if w <= most], default=widths[0])


def _best_width(num_elements: int) -> int:
    """Wide enough to be fast, and narrow enough that few slots are empty at the end."""
    widths = _WIDTHS.get(platform(), _WIDTHS_ELSEWHERE)
    most = -(-num_elements // num_threads()) // _LEAST_TURNS
    return max([w for w in widths if w <= most], default=widths[0])


def _cuts(num_elements: int, width: int, num_cells: int) -> tuple[int, list[slice]]:
    """The capacity of a call, and which elements each call gets.

    Args:
        num_elements: elements of all calls.
        width: width of the solver.
        num_cells: cells of an element's own losses.
    """
    narrowest = _WIDTHS.get(platform(), _WIDTHS_ELSEWHERE)[0]
    capacity = width * min(_QUEUE, max(_MOST_CELLS // (width * num_cells), 1))
    num_calls = max(-(-num_elements // capacity), min(num_threads(), num_elements // narrowest), 1)
    edges = np.linspace(0, num_elements, num_calls + 1).astype(int)
    return capacity, [slice(a, b) for a, b in itertools.pairwise(edges)]


def _queue(
    layout: Layout,
    points: np.ndarray,
    warm: np.ndarray,
    losses: np.ndarray,
    weights: np.ndarray,
    cut: slice,
    num_starts: int,
    capacity: int,
    shared: bool,
) -> Queue:
    """The elements of one call, padded to its capacity."""
    missing = capacity - (cut.stop - cut.start)
    starts = np.pad(points[cut].T, ((0, 0), (0, missing)))
    set_of = np.pad(np.arange(cut.start, cut.stop) // num_starts, (0, missing))
    first, last = set_of[0], set_of[cut.stop - cut.start - 1]
    num_sets = 1 if shared else capacity
    observed, own_weights = layout.cells(losses[first : last + 1], weights[first : last + 1])

    def padded(sets: np.ndarray) -> np.ndarray:
        room = np.zeros((*sets.shape[:-1], num_sets))  # untouched pages take no memory
        room[..., : sets.shape[-1]] = sets
        return room

    new: Any = Queue
    return new(
        starts=starts,
        warm=np.pad(warm[cut], (0, missing)),
        set_of=np.maximum(set_of - first, 0),
        observed=padded(observed),
        weights=padded(own_weights),
        floor=padded(rounding_floor(own_weights)),
        num_elements=np.asarray(cut.stop - cut.start),
    )
