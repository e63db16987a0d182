"""Starts × losses × weights, through the batched solver."""

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from farseer_jax._objective import as_objective
from farseer_jax.methods.end_to_end._free import Free
from farseer_jax.methods.end_to_end._layout import Layout
from farseer_jax.methods.least_squares._drive import Ended, Kernel, as_arrays, solve_members
from farseer_jax.methods.least_squares._normal import Problem

if TYPE_CHECKING:
    from farseer_jax.methods.least_squares.method import LeastSquares

_WIDTHS = {"cpu": (8, 16, 32, 64, 128, 256)}  # above, a CPU's cache overflows
_WIDTHS_ELSEWHERE = (64, 1024, 16384)
# Least absolute deviations are the limit of Huber's objective, reached from one to the next.
_SHRINKING = tuple(10.0**-k for k in range(2, 11))


class Optima(NamedTuple):
    """Where every member ended: rows of losses first, starts second.

    Attributes:
        free: ``(row · start, free)``.
        value: the objective, ``(row · start,)``.
        status: codes of the solver.
        steps: evaluations.
    """

    free: np.ndarray
    value: np.ndarray
    status: np.ndarray
    steps: np.ndarray


def solve(
    method: "LeastSquares",
    layout: Layout,
    free: Free,
    starts: np.ndarray,
    losses: np.ndarray,
    weights: np.ndarray,
    *,
    shared: bool,
) -> Optima:
    """Fit every row of losses and weights from every start.

    Args:
        method: the settings.
        layout: where runs stand.
        free: free parameters.
        starts: ``(start, free)``.
        losses: ``(row, run)``; one row where it is shared.
        weights: likewise.
        shared: whether all members have the same losses and weights.
    """
    objective = as_objective(method.objective)
    num_members = len(losses) * len(starts)
    widths = _WIDTHS.get(jax.default_backend(), _WIDTHS_ELSEWHERE)
    width = next((w for w in widths if w >= num_members), widths[-1])
    kernel = Kernel(
        law=layout.law,
        residual=objective.residual,
        exact=not objective.is_squared,
        tolerance=method.tolerance,
        max_steps=method.max_steps,
        width=width,
    )
    log_loss, all_weights = np.log(losses), weights
    row_of = np.arange(num_members) // len(starts)

    def rows(members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        own = row_of[members]
        cells = layout.run
        return (
            np.moveaxis(log_loss[own][:, cells], 0, -1),
            np.moveaxis(all_weights[own][:, cells] * layout.share, 0, -1),
        )

    first = rows(np.zeros(1 if shared else width, dtype=int))
    stages = _SHRINKING if objective.delta == 0.0 else (objective.delta,)
    points = np.tile(starts, (len(losses), 1))
    steps = np.zeros(num_members, dtype=int)
    with jax.enable_x64(True):
        for delta in stages:
            shared_parts: dict[str, Any] = {
                "N": layout.N[:, None],
                "log_D": layout.log_D[..., None],
                "log_loss": first[0],
                "weights": first[1],
                "delta": delta,
                "quantile": objective.quantile,
                "basis": free.basis,
                "offset": free.offset,
                "lower": free.lower[:, None],
                "upper": free.upper[:, None],
                "center": np.array(layout.center),
            }
            problem = as_arrays(Problem(**shared_parts))
            ended = solve_members(kernel, problem, points, None if shared else rows)
            points, steps = ended.free, steps + ended.steps
    return _optima(ended, steps, stages[-1], shrunk=len(stages) > 1)


def _optima(ended: Ended, steps: np.ndarray, delta: float, *, shrunk: bool) -> Optima:
    # Huber's objective over δ tends to the sum of absolute residuals
    value = ended.value / delta if shrunk else ended.value
    return Optima(ended.free, value, ended.status, steps)
