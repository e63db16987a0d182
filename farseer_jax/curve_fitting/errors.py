"""The error model of loss curves: noise, and what the points of one curve have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from farseer_jax.methods.correlated_errors import Features
from farseer_jax.solvers.covariance_columns import (
    cholesky_factor,
    incomplete_cholesky,
    projected,
)


@dataclass(frozen=True)
class CurveErrors:
    """Correlated errors along curves, in multiples of the noise of a point.

    The errors of ln loss are the sum of noise, independent between points; an offset of each
    curve, such as that of its seed; and a misfit of the law that is smooth in the logarithm of the
    step, a part of it alike in all curves. Their covariance, over the noise's variance, is::

        1/weight + offset² [same curve] + (smooth² [same curve] + common²) exp(−Δ(ln t)² / 2 length²)

    So the points of a curve are not counted as so many runs.

    Args:
        offset: standard deviation of the offset of a curve, over that of the noise.
        smooth: of a curve's own misfit, likewise.
        common: of the misfit that all curves share, likewise.
        length: how far misfits are alike, in e-folds of the step.

    Raises:
        ValueError: an amplitude is negative, or the length is not positive.

    Example:
        >>> import numpy as np
        >>> errors = CurveErrors(offset=1, smooth=2, common=1)
        >>> points = {"curve": np.array(["a", "a", "b"]), "step": np.array([100, 10_000, 100])}
        >>> columns = errors.columns(points).at(points).matrix
        >>> (columns @ columns.T).round(1)
        array([[6. , 1. , 1. ],
               [1. , 6. , 0. ],
               [1. , 0. , 6. ]])
    """

    offset: float = 1.0
    smooth: float = 2.0
    common: float = 1.0
    length: float = 0.5

    own_size: ClassVar[float] = 0.0  # columns of curves leave nothing of a point's own

    def __post_init__(self) -> None:
        for name in ("offset", "smooth", "common"):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise ValueError(
                    f"{name} must be finite and not negative, got {getattr(self, name)!r}"
                )
        if not 0.0 < self.length < np.inf:
            raise ValueError(f"length must be positive, got {self.length!r}")

    def columns(self, inputs: Mapping[str, np.ndarray]) -> "CurveErrorColumns":
        """The columns of the errors at the points of some curves.

        Args:
            inputs: ``"curve"``, labels, and ``"step"``, ``(point,)`` each.
        """
        return CurveErrorColumns(self, inputs)


class CurveErrorColumns:
    """Columns of the correlated errors of some points: ``covariance ≈ matrix · matrixᵀ``.

    Args:
        errors: amplitudes and length.
        inputs: the points.
    """

    num_size = 0  # no effects of sizes

    def __init__(self, errors: CurveErrors, inputs: Mapping[str, np.ndarray]) -> None:
        self.errors = errors
        points = _points(inputs)
        order = np.lexsort([points.place, points.curve])  # pivots do not depend on that given
        points = points.take(order)
        nothing = np.zeros((len(order), 0))
        chosen = incomplete_cholesky(points, self._covariance, self._variance(points), nothing)[0]
        self._pivots = points.take(np.array(chosen, dtype=int))
        self._factor = cholesky_factor(self._covariance(self._pivots, self._pivots))

    def at(self, inputs: Mapping[str, np.ndarray]) -> Features:
        """Points in terms of the columns."""
        points = _points(inputs)
        matrix = projected(self._factor, self._covariance(self._pivots, points))
        left = np.maximum(self._variance(points) - (matrix**2).sum(1), 0.0)
        return Features(matrix, np.zeros(len(left)), left)

    def left_at(self, inputs: Mapping[str, np.ndarray], *, size: bool = True) -> np.ndarray:
        """What the columns leave out at points, jointly: a matrix R, ``(point, column)``.

        ``R · Rᵀ`` is the covariance of the errors at the points, given the columns' coefficients.
        """
        points = _points(inputs)
        known = projected(self._factor, self._covariance(self._pivots, points))
        return incomplete_cholesky(points, self._covariance, self._variance(points), known)[1]

    def _variance(self, points: "_Points") -> np.ndarray:
        own = self.errors
        return np.full(len(points.place), own.offset**2 + own.smooth**2 + own.common**2)

    def _covariance(self, first: "_Points", second: "_Points") -> np.ndarray:
        own = self.errors
        same = first.curve[:, None] == second.curve
        near = np.exp(-0.5 * ((first.place[:, None] - second.place) / own.length) ** 2)
        return same * (own.offset**2 + own.smooth**2 * near) + own.common**2 * near


class _Points(NamedTuple):
    """The curve of each point and the logarithm of its step, ``(point,)`` each."""

    curve: np.ndarray
    place: np.ndarray

    def take(self, places: np.ndarray | list[int]) -> "_Points":
        """Some of the points."""
        return _Points(*(array[np.asarray(places, dtype=int)] for array in self))


def _points(inputs: Mapping[str, np.ndarray]) -> _Points:
    return _Points(np.asarray(inputs["curve"]).astype(str), np.log(inputs["step"].astype(float)))
