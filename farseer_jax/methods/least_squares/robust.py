"""A law fitted so that bad runs do not pull it: Huber's objective, then Tukey's weights, by NumPy.

An MM-estimate (Yohai 1987): of several robust fits the one with the smallest median residual gives
the scale, and weights that end at 0 the efficiency. A run at a corner of the table could bend an
M-estimate, so that there is also a fit without each run of large leverage.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from farseer_jax.laws.law import Center, Law
from farseer_jax.methods.end_to_end.choose_starts import starts_of
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.large_tables import parts_of
from farseer_jax.methods.end_to_end.layout import Layout, build_layout
from farseer_jax.methods.end_to_end.settings import free_of
from farseer_jax.methods.least_squares.any_law import build_fit_problem
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.method import weights_of
from farseer_jax.objectives import Objective
from farseer_jax.runs.runs import Runs
from farseer_jax.solvers.fit_problem import FitProblem
from farseer_jax.solvers.levenberg_marquardt import Settings, minimise

NORMAL = 1.4826  # standard deviation of a normal over its median absolute value
_TUKEY = 4.685  # in standard deviations: 95 % efficient for normal noise
_HUBER = 0.5  # δ over the scale
_ROUNDS = 3
_NUM_STARTS = 4  # of the law's own, beside a law near by
_LARGE_LEVERAGE = 0.3
_LEAST_SCALE = 1e-6  # of ln loss, or of the responses: residuals below are rounding
_SETTINGS = Settings(max_steps=40, tolerance=1e-5, step_tolerance=1e-2, second_derivatives=False)


class RobustFit(NamedTuple):
    """A law that most of the runs agree on, linearised.

    Attributes:
        residual: predicted − observed on the link's scale, ``(run,)``.
        slopes: of the predictions in the free parameters, ``(run, free)``.
        weight: weight of each run: its own, over the number of its copies, ``(run,)``.
        scale: robust standard deviation of the residuals at weight 1.
        least: the smallest scale that is more than rounding.
    """

    residual: np.ndarray
    slopes: np.ndarray
    weight: np.ndarray
    scale: float
    least: float

    @property
    def far(self) -> np.ndarray:
        """Runs of Tukey's weight 0, ``(run,)``."""
        return np.abs(self.residual) * np.sqrt(self.weight) > _TUKEY * self.scale


def robust_fit(
    law: type[Law], runs: Runs, settings: Mapping[str, Any], near: Law | None = None
) -> RobustFit:
    """Fit a law to the bulk of the runs.

    Args:
        law: the law's class.
        runs: the runs.
        settings: ``fixed``, ``tied`` and ``bounds`` of :class:`LeastSquares`.
        near: a law to start from, beside the law's own starts.

    Raises:
        UnsupportedPrimitiveError: NumPy has no rule for one of the law's operations.
        FloatingPointError: no start is finite: the law cannot give such losses.
    """
    method = LeastSquares(**settings)
    layout = build_layout(law, runs, by_curves=False, center=_rough_center(law, runs))
    free = free_of(method, layout)
    parts = parts_of(layout, runs.loss, weights_of(runs), method.seed)
    for place, part in enumerate(parts):
        weight = part.weights * part.layout.run_share
        bulk = _Bulk(part.layout, free, weight / np.mean(weight[weight > 0.0]))
        if place == 0:
            starts = _starts(method, part.layout, free, near)
        if not len(starts):
            raise FloatingPointError(f"no start of the {law.name} law is finite")
        starts = bulk.huber(starts, bulk.weight[None])[None]
    point = bulk.huber_without(starts[0])
    return bulk.tukey(point)


def _rough_center(law: type[Law], runs: Runs) -> Center | None:
    """The centre to a power of ten: functions traced for one table serve most others."""
    if not {"N", "D"} <= set(law.inputs()):
        return None
    return Center(*(10.0 ** round(math.log10(x)) for x in Center.of(runs)))


def _starts(method: LeastSquares, layout: Layout, free: Free, near: Law | None) -> np.ndarray:
    """Free parameters to start from, ``(start, free)``."""
    starts = starts_of(method, layout, free, _NUM_STARTS)
    if near is not None:
        with jax.enable_x64(True), np.errstate(all="ignore"):
            own = free.free(np.asarray(near.to_vector(), np.float64)[:, None])
        starts = np.concatenate([own, starts])
    return starts[np.isfinite(starts).all(axis=1)]


class _Bulk:
    """The runs of a fit, and what robust fits of them need."""

    def __init__(self, layout: Layout, free: Free, weight: np.ndarray) -> None:
        self.layout, self.free, self.weight = layout, free, weight
        self.link = layout.link
        self.target = self.link.forward(layout.runs.loss)[None]
        self.problem = self._problem(np.inf, weight[None])
        unit = 1.0 if self.link.name == "log" else float(np.median(np.abs(self.target)))
        self.least = _LEAST_SCALE * (unit or 1.0)
        self.spare = max(int((weight > 0.0).sum()) - free.basis.shape[1], 1)

    def _problem(self, delta: float, weights: np.ndarray) -> FitProblem:
        return build_fit_problem(
            self.layout,
            self.free,
            Objective(delta=delta),
            self.link,
            dict(self.layout.inputs),
            [np.repeat(self.target, len(weights), axis=0)],
            [weights],
        )

    def residuals(self, points: np.ndarray) -> np.ndarray:
        """``(point, run)``, in units of the standard deviation at weight 1."""
        with np.errstate(all="ignore"):
            found = self.problem.bound.value(self.free.vector(points).T) - self.target
        return np.where(np.isfinite(found), found, np.inf) * np.sqrt(self.weight)

    def scales(self, points: np.ndarray) -> np.ndarray:
        """Robust standard deviations of the residuals, ``(point,)``."""
        size = np.abs(self.residuals(points)[:, self.weight > 0.0])
        scales = NORMAL * np.median(size, axis=1) * np.sqrt(size.shape[1] / self.spare)
        return np.maximum(scales, self.least)

    def huber(self, starts: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The start that leads to the smallest scale, by δ that shrink with it, ``(free,)``."""
        points = np.broadcast_to(starts, (len(weights), *starts.shape))
        for _ in range(_ROUNDS):
            scales = self.scales(points.reshape(-1, points.shape[-1]))
            if np.isinf(scales).all():
                break
            problem = self._problem(_HUBER * float(scales.min()), weights)
            points = self._best(minimise(problem, points, _SETTINGS).free)
        flat = points.reshape(-1, points.shape[-1])
        return np.asarray(flat[np.argmin(self.scales(flat))])

    def _best(self, points: np.ndarray) -> np.ndarray:
        """The start of the smallest scale for each row of weights, ``(row, 1, free)``."""
        scales = self.scales(points.reshape(-1, points.shape[-1])).reshape(points.shape[:2])
        return np.take_along_axis(points, scales.argmin(axis=1)[:, None, None], axis=1)

    def huber_without(self, point: np.ndarray) -> np.ndarray:
        """The same without each run of large leverage, where that gives a smaller scale."""
        slopes = self._slopes(point)[1] * np.sqrt(self.weight)[:, None]
        if not np.isfinite(slopes).all():
            return point
        leverage = np.sum(np.linalg.qr(slopes)[0] ** 2, axis=1)
        large = np.flatnonzero(leverage > _LARGE_LEVERAGE)
        if not len(large):
            return point
        weights = np.repeat(self.weight[None], len(large), axis=0)
        weights[np.arange(len(large)), large] = 0.0
        both = np.stack([point, self.huber(point[None], weights)])
        return np.asarray(both[np.argmin(self.scales(both))])

    def tukey(self, point: np.ndarray) -> RobustFit:
        """From a robust point to an efficient one."""
        for _ in range(_ROUNDS):
            scale = float(self.scales(point[None])[0])
            if np.isinf(scale):
                break
            off = self.residuals(point[None])[0] / (_TUKEY * scale)
            weights = self.weight * np.clip(1.0 - off**2, 0.0, None) ** 2
            point = minimise(self._problem(np.inf, weights[None]), point[None], _SETTINGS).free[
                0, 0
            ]
        values, slopes = self._slopes(point)
        scale = float(self.scales(point[None])[0])
        return RobustFit(values - self.target[0], slopes, self.weight, scale, self.least)

    def _slopes(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predictions, ``(run,)``, and their slopes, ``(run, free)``."""
        vector = self.free.vector(point[None]).T
        with np.errstate(all="ignore"):
            values, slopes = self.problem.bound.value_and_gradient(vector)
            return values[0], slopes[0].T @ self.free.basis
