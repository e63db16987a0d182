"""The error model of loss curves: noise and correlated errors along a curve."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from farseer_jax.methods.correlated_errors import Features
from farseer_jax.solvers.covariance_columns import (
    cholesky_factor,
    incomplete_cholesky,
    projected,
)


@dataclass(frozen=True)
class CurveErrors:
    """Correlated errors along curves: standard deviations of ln loss.

    The errors of ln loss are the sum of four parts: noise, independent between points; an offset of
    each curve, such as that of its seed; a misfit of the law that is smooth in the logarithm of the
    step; and an error proportional to the reduction of the loss by annealing, of which one part is
    constant along the curve and one is as smooth as the misfit. The points of a curve therefore do
    not count as independent runs.

    Args:
        offset: of the offset of a curve.
        smooth: of the misfit.
        length: correlation length of the misfit, in e-folds of the step.
        annealing: of each part of the error in the reduction by annealing, relative to it.
        noise: smallest standard deviation of a point, however many logged losses are averaged.

    Raises:
        ValueError: a standard deviation is negative, or the length or the noise is not positive.

    Example:
        >>> import numpy as np
        >>> errors = CurveErrors(offset=0.001, smooth=0.002, annealing=0.1)
        >>> points = {"curve": np.array(["a", "a", "b"]), "step": np.array([100, 10_000, 100])}
        >>> points["annealed_share"] = np.array([0.0, 0.02, 0.0])
        >>> columns = errors.columns(points).at(points).matrix * errors.noise
        >>> (1e6 * columns @ columns.T).round(1)
        array([[ 5.,  1.,  0.],
               [ 1., 13.,  0.],
               [ 0.,  0.,  5.]])
    """

    offset: float = 0.0005
    smooth: float = 0.001
    length: float = 0.3
    annealing: float = 0.1
    noise: float = 0.001

    def __post_init__(self) -> None:
        for name in ("offset", "smooth", "annealing"):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise ValueError(
                    f"{name} must be finite and not negative, got {getattr(self, name)!r}"
                )
        for name in ("length", "noise"):
            if not 0.0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")

    def columns(self, inputs: Mapping[str, np.ndarray]) -> "CurveErrorColumns":
        """The columns of the errors at the points of curves, divided by the smallest noise.

        Args:
            inputs: ``"curve"``, labels, ``"step"``, and ``"annealed_share"``, the share by
                which annealing has reduced the loss; ``(point,)`` each.
        """
        return CurveErrorColumns(self, inputs)


class CurveErrorColumns:
    """Columns of the correlated errors of some points: ``covariance ≈ matrix · matrixᵀ``.

    Args:
        errors: standard deviations and length.
        inputs: the points.
    """

    num_size = 0  # no effects of sizes

    def __init__(self, errors: CurveErrors, inputs: Mapping[str, np.ndarray]) -> None:
        self._errors = errors
        points = _points(inputs)
        order = np.lexsort([points.place, points.curve])  # pivots do not depend on the given order
        points = points.take(order)
        nothing = np.zeros((len(order), 0))
        chosen = incomplete_cholesky(points, self._covariance, self._variance(points), nothing)[0]
        self._pivots = points.take(np.array(chosen, dtype=int))
        self._factor = cholesky_factor(self._covariance(self._pivots, self._pivots))

    @property
    def own_size(self) -> float:
        """A new size has no error of its own."""
        return 0.0

    def at(self, inputs: Mapping[str, np.ndarray]) -> Features:
        """Points in terms of the columns."""
        points = _points(inputs)
        matrix = projected(self._factor, self._covariance(self._pivots, points))
        left = np.maximum(self._variance(points) - (matrix**2).sum(1), 0.0)
        return Features(matrix, np.zeros(len(left)), left)

    def left_at(self, inputs: Mapping[str, np.ndarray], *, size: bool = True) -> np.ndarray:
        """The remaining errors at points, jointly: a matrix R, ``(point, column)``.

        ``R · Rᵀ`` is the covariance of the errors at the points, given the columns' coefficients.
        """
        points = _points(inputs)
        known = projected(self._factor, self._covariance(self._pivots, points))
        return incomplete_cholesky(points, self._covariance, self._variance(points), known)[1]

    def _variance(self, points: "_Points") -> np.ndarray:
        own = self._errors
        annealed = 2.0 * (own.annealing * points.annealed) ** 2
        return (own.offset**2 + own.smooth**2 + annealed) / own.noise**2

    def _covariance(self, first: "_Points", second: "_Points") -> np.ndarray:
        own = self._errors
        apart = (first.place[:, None] - second.place) / own.length
        annealed = own.annealing**2 * np.outer(first.annealed, second.annealed)
        near = np.exp(-0.5 * apart**2)
        alike = own.offset**2 + own.smooth**2 * near + annealed * (1.0 + near)
        return (first.curve[:, None] == second.curve) * alike / own.noise**2


class _Points(NamedTuple):
    """Curve, logarithm of the step and annealed share of each point, ``(point,)`` each."""

    curve: np.ndarray
    place: np.ndarray
    annealed: np.ndarray

    def take(self, places: np.ndarray | list[int]) -> "_Points":
        """Some of the points."""
        return _Points(*(array[np.asarray(places, dtype=int)] for array in self))


def _points(inputs: Mapping[str, np.ndarray]) -> _Points:
    labels = np.asarray(inputs["curve"]).astype(str)
    annealed = np.asarray(inputs["annealed_share"], dtype=float)
    return _Points(labels, np.log(inputs["step"].astype(float)), annealed)
