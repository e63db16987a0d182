"""Least squares for a law without curves of N: run by run, traced and computed by NumPy.

Nothing is compiled, so the first fit of a law takes as long as the hundredth.
"""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.link_functions import Link
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.end_to_end.traced_loss import scaled_predictions
from farseer_jax.objectives import Objective
from farseer_jax.runtime.progress import report
from farseer_jax.solvers.fit_problem import FitProblem, relative_residuals
from farseer_jax.solvers.levenberg_marquardt import Settings
from farseer_jax.solvers.many_starts import minimise_from_many
from farseer_jax.solvers.optima import Optima

if TYPE_CHECKING:
    from farseer_jax.methods.least_squares.method import LeastSquares


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
        frees: their free parameters, with one basis.
        starts: ``(start, free)``, or ``(layout, start, free)``.
        losses: ``(row, run)`` for each layout.
        weights: ``(row, run)`` for each layout.

    Returns:
        The optima of each layout, rows first and starts second.
    """
    first, free = layouts[0], frees[0]
    objective, link = objective_and_link(method, first)
    target = [link.forward(own) for own in losses]
    own_weights = [w * layout.share[:, 0] for w, layout in zip(weights, layouts, strict=True)]
    settings = Settings(max_steps=method.max_steps, tolerance=method.tolerance)
    num_rows = [len(own) for own in losses]
    report(0, sum(num_rows))
    inputs = dict(first.inputs)
    linear = method.columns_of(first)
    if len(layouts) > 1:
        inputs, target, own_weights = _stacked(layouts, target, own_weights)
        linear = _stacked_columns([method.columns_of(layout) for layout in layouts])
    problem = build_fit_problem(
        first, free, objective, link, inputs, target, own_weights, linear=linear
    )
    found = minimise_from_many(problem, starts, settings, method.seed)
    report(sum(num_rows), sum(num_rows))
    cuts = itertools.pairwise(np.cumsum([0, *num_rows]))
    return [Optima(*(part[a:b].reshape(-1, *part.shape[2:]) for part in found)) for a, b in cuts]


def objective_and_link(method: "LeastSquares", layout: Layout) -> tuple[Objective, Link]:
    """The objective and its scale: absolute residuals are those of the identity link."""
    objective = layout.objective(method.objective)
    return objective, Link("identity") if objective.residual == "absolute" else layout.link


def build_fit_problem(
    layout: Layout,
    free: Free,
    objective: Objective,
    link: Link,
    inputs: dict[str, np.ndarray],
    target: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    **further: Any,
) -> FitProblem:
    """The problem; ``further`` fields say which parameters each run has, and how errors move."""
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
        **further,
    )


def _stacked(
    layouts: Sequence[Layout], target: Sequence[np.ndarray], weights: Sequence[np.ndarray]
) -> tuple[dict[str, np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Tables of different lengths side by side, padded by runs of weight 0."""
    num = max(len(layout.runs) for layout in layouts)
    inputs = {
        name: np.stack([_padded(layout.inputs[name], num, 0) for layout in layouts])
        for name in layouts[0].inputs
    }
    filled = [_padded(own, num, -1) for own in target]
    return inputs, filled, [_padded(own, num, -1, 0.0) for own in weights]


def _stacked_columns(columns: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Columns of correlated errors of different tables, ``(table, run, column)``."""
    own = [matrix for matrix in columns if matrix is not None]
    if not own:
        return None
    stacked = np.zeros((len(own), *(max(m.shape[k] for m in own) for k in (0, 1))))
    for place, matrix in enumerate(own):
        stacked[place, : matrix.shape[0], : matrix.shape[1]] = matrix
    return stacked


def _padded(values: np.ndarray, num: int, axis: int, fill: float | None = None) -> np.ndarray:
    """Pad along an axis, by the last value or by ``fill``."""
    padding = [(0, 0)] * values.ndim
    padding[axis] = (0, num - values.shape[axis])
    if fill is None:
        return np.pad(values, padding, mode="edge")
    return np.pad(values, padding, constant_values=fill)
