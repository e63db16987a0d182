"""The error model: noise, an effect per size, and a smooth misfit of the law."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.laws.law import Law
from farseer_jax.runs.inputs import LOGARITHMIC, NUMBERS, Kind
from farseer_jax.runs.runs import Runs
from farseer_jax.solvers.column_matrix import ColumnMatrix, NodeColumns, row_blocks
from farseer_jax.solvers.covariance_columns import (
    cholesky_factor,
    incomplete_cholesky,
    projected,
)

_SAME_SIZE = 1e-9  # difference of ln N
_MOST_PIVOT_POINTS = 10_000  # from which pivots are chosen
_GROWTH_LENGTH = 3.0  # e-folds of other inputs over which the growing misfit is alike


@dataclass(frozen=True)
class CorrelatedErrors:
    """Correlated errors, in multiples of the noise of a run.

    The errors of runs (on the link's scale) are the sum of three parts: noise, independent between
    runs; an effect of each size, alike for sizes within about ``size_length``; and a misfit of the
    law, a smooth function of all inputs. Their covariance, over the noise's variance, is

        1/weight + size² · exp(−|Δz| / size_length)
        + smooth² · exp(−Δx² / (2 smooth_length²)) + growth² · W(z, z') · exp(−Δy² / (2 · 3²)),

    where z is the coordinate of the input ``along``, from the smallest on; x are all coordinates:
    logarithms of positive inputs and counts, standardised real inputs; y are all but z; and W is
    the covariance of an integrated Wiener process, a misfit that grows along z. The misfit is
    shared between runs with the same label of a category and the same shares of a mixture. At a
    size without runs, intervals count a further effect that is the size's own.

    Args:
        size: standard deviation of the effect of a size, over that of the noise.
        own_size: standard deviation of what is a new size's own, over that of the noise.
        size_length: how far effects are alike, in e-folds of the input.
        smooth: standard deviation of the misfit, over that of the noise.
        smooth_length: how far the misfit is alike, in e-folds.
        growth: of the growing misfit, likewise, per e-fold^1.5.
        along: the input each of whose values has an effect; None is N, or else the first positive
            input; ``""`` for no such effect.

    Raises:
        ValueError: an amplitude is negative, or a length is not positive.

    Example:
        >>> import numpy as np
        >>> errors = CorrelatedErrors()
        >>> kinds = {"N": "positive", "D": "positive"}
        >>> runs = {"N": np.array([1e8, 1e8, 4e8]), "D": np.array([2e9, 8e9, 8e9])}
        >>> columns = errors.columns(kinds, runs)
        >>> (columns.at(runs).matrix @ columns.at(runs).matrix.T).round(1)  # in variances of noise
        array([[66.2, 59.8, 52.3],
               [59.8, 66.2, 58.1],
               [52.3, 58.1, 74.2]])
    """

    size: float = 1.5
    own_size: float = 1.2
    size_length: float = 1.0
    smooth: float = 8.0
    smooth_length: float = 3.0
    growth: float = 3.0
    along: str | None = None

    def __post_init__(self) -> None:
        for name in ("size", "own_size", "smooth", "growth"):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise ValueError(
                    f"{name} must be finite and not negative, got {getattr(self, name)!r}"
                )
        for name in ("size_length", "smooth_length"):
            if not 0.0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")

    def columns(
        self, kinds: Mapping[str, Kind], inputs: Mapping[str, np.ndarray]
    ) -> "ErrorColumns":
        """The columns of the runs' correlated errors.

        Args:
            kinds: the kind of each input of the law.
            inputs: the runs' inputs, ``(run,)``; a mixture ``(run, share)``, a category one-hot.

        Raises:
            ValueError: ``along`` is not an input that is a number.
        """
        return ErrorColumns(self, kinds, inputs)


def columns_at_runs(errors: CorrelatedErrors, law: type[Law], runs: Runs) -> np.ndarray:
    """The columns of the runs' errors, ``(run, column)``."""
    inputs = law.columns(runs)
    return errors.columns(law.inputs(), inputs).at(inputs).matrix


class Features(NamedTuple):
    """Points in terms of the columns of correlated errors.

    Attributes:
        matrix: ``(point, column)``: errors are ``matrix · u``, u standard normal; columns of the
            sizes first.
        size_left: variance of the size's effect that the columns do not explain, ``(point,)``.
        smooth_left: variance of the misfit that the columns do not explain, ``(point,)``.
    """

    matrix: np.ndarray
    size_left: np.ndarray
    smooth_left: np.ndarray

    def take(self, rows: slice | np.ndarray) -> "Features":
        """Some of the points."""
        return Features(self.matrix[rows], self.size_left[rows], self.smooth_left[rows])

    pick = take


class RunFeatures(NamedTuple):
    """Runs, of which there may be many, in terms of the columns; as :class:`Features`."""

    matrix: ColumnMatrix
    size_left: np.ndarray
    smooth_left: np.ndarray

    def pick(self, rows: np.ndarray) -> "RunFeatures":
        """Some of the runs."""
        return RunFeatures(self.matrix.take(rows), self.size_left[rows], self.smooth_left[rows])

    def take(self, rows: slice | np.ndarray) -> Features:
        """A few of the runs, as points."""
        matrix = self.matrix.take(rows).to_array()
        return Features(matrix, self.size_left[rows], self.smooth_left[rows])


class ErrorColumns:
    """Columns of the correlated errors of some runs: ``covariance = matrix · matrixᵀ``.

    The misfit is that at a few of the runs (pivots of an incomplete Cholesky factorisation), from
    which it follows elsewhere.

    Args:
        errors: the amplitudes and lengths.
        kinds: the kind of each input of the law.
        inputs: the runs' inputs.

    Attributes:
        num_size: how many columns are those of sizes.
    """

    def __init__(
        self,
        errors: CorrelatedErrors,
        kinds: Mapping[str, Kind],
        inputs: Mapping[str, np.ndarray],
    ) -> None:
        self.errors, self.kinds = errors, dict(kinds)
        self._along = _input_along(errors.along, kinds)
        self._lowest = -np.inf
        self._real = {
            name: (float(np.mean(inputs[name])), float(np.std(inputs[name])) or 1.0)
            for name, kind in kinds.items()
            if kind in NUMBERS and kind not in LOGARITHMIC
        }
        points = _distinct(self._points(inputs))
        self._known_sizes = np.unique(points.along)
        self._lowest = float(self._known_sizes[0])
        self._sizes = np.sort(self._size_pivots(_evenly(self._known_sizes)))
        self._smooth = self._smooth_pivots(points.take(_evenly(np.arange(len(points.along)))))
        self._size_factor = cholesky_factor(self._size_covariance(self._sizes, self._sizes))
        self._smooth_factor = cholesky_factor(self._smooth_covariance(self._smooth, self._smooth))
        self.num_size = len(self._sizes)

    def _size_pivots(self, sizes: np.ndarray) -> np.ndarray:
        if not self._along:
            return sizes[:0]
        points = _Points(sizes, np.zeros((len(sizes), 0)), np.zeros((len(sizes), 0)))

        def covariance(first: _Points, second: _Points) -> np.ndarray:
            return self._size_covariance(first.along, second.along)

        nothing, variance = np.zeros((len(sizes), 0)), self._variances(points)[0]
        return np.asarray(sizes[incomplete_cholesky(points, covariance, variance, nothing)[0]])

    def _smooth_pivots(self, points: "_Points") -> "_Points":
        nothing, variance = np.zeros((len(points.along), 0)), self._variances(points)[1]
        chosen = incomplete_cholesky(points, self._smooth_covariance, variance, nothing)[0]
        return points.take(chosen)

    @property
    def own_size(self) -> float:
        """Standard deviation of what is a new size's own, over that of the noise."""
        return self.errors.own_size

    def at(self, inputs: Mapping[str, ArrayLike]) -> Features:
        """Points, such as the runs themselves, in terms of the columns.

        Args:
            inputs: ``(point,)`` each; a mixture ``(point, share)``, a category one-hot.
        """
        points = self._points(inputs)
        size, smooth = self._nodes(points).to_array(), self._misfit(points)
        return Features(np.concatenate([size, smooth], axis=1), *self._left(points, size, smooth))

    def of_runs(self, inputs: Mapping[str, ArrayLike]) -> RunFeatures:
        """The runs in terms of the columns; as :meth:`at`, with no more memory than needed."""
        points = self._points(inputs)
        nodes, num = self._nodes(points), len(points.along)
        smooth = np.empty((num, len(self._smooth.along)))
        size_left, smooth_left = np.empty(num), np.empty(num)
        for rows in row_blocks(num):
            some = points.take(rows)
            smooth[rows] = self._misfit(some)
            left = self._left(some, nodes.take(rows).to_array(), smooth[rows])
            size_left[rows], smooth_left[rows] = left
        return RunFeatures(ColumnMatrix(smooth, nodes), size_left, smooth_left)

    def _left(
        self, points: "_Points", size: np.ndarray, smooth: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Variances that columns leave, of the size's effect and of the misfit, ``(point,)``."""
        size_variance, smooth_variance = self._variances(points)
        own = np.maximum(size_variance - (size**2).sum(1), 0.0) + self._own_size(points) ** 2
        return own, np.maximum(smooth_variance - (smooth**2).sum(1), 0.0)

    def _nodes(self, points: "_Points") -> NodeColumns:
        """The columns of sizes: an effect, given those of all pivots, needs the nearest two alone.

        The covariance is that of an Ornstein-Uhlenbeck process, which is Markov: between pivots
        a and b, the shares of their effects at z are sinh((b − z) / ℓ) / sinh((b − a) / ℓ) and
        sinh((z − a) / ℓ) / sinh((b − a) / ℓ); beyond the last pivot b, exp((b − z) / ℓ).
        """
        sizes, z = self._sizes, points.along
        share = np.zeros((len(z), 2))
        if not len(sizes):
            return NodeColumns(np.zeros(len(z), dtype=int), share, np.zeros((1, 0)))
        place = np.clip(np.searchsorted(sizes, z, side="right") - 1, 0, max(len(sizes) - 2, 0))
        after = (z - sizes[place]) / self.errors.size_length
        share[:, 0] = np.exp(-np.abs(after))
        if len(sizes) > 1:
            before = (sizes[place + 1] - z) / self.errors.size_length
            inside = (after >= 0.0) & (before >= 0.0)
            beyond = before < 0.0
            a, b = after[inside], before[inside]
            whole = np.expm1(-2.0 * (a + b))
            share[inside, 0] = np.exp(-a) * np.expm1(-2.0 * b) / whole
            share[inside, 1] = np.exp(-b) * np.expm1(-2.0 * a) / whole
            share[beyond, 0], share[beyond, 1] = 0.0, np.exp(before[beyond])
        return NodeColumns(place, share, self._size_factor)

    def misfit_at(self, inputs: Mapping[str, ArrayLike]) -> np.ndarray:
        """The columns of the smooth misfit alone, ``(point, column)``."""
        return self._misfit(self._points(inputs))

    def _misfit(self, points: "_Points") -> np.ndarray:
        return projected(self._smooth_factor, self._smooth_covariance(self._smooth, points))

    def along_of(self, inputs: Mapping[str, ArrayLike]) -> np.ndarray:
        """The coordinate of the input whose values have an effect each, ``(point,)``."""
        return self._points(inputs).along

    def left_at(self, inputs: Mapping[str, ArrayLike], *, size: bool = True) -> np.ndarray:
        """What the columns leave out at points, jointly: a matrix R, ``(point, column)``.

        ``R · Rᵀ`` is the covariance of the errors at the points, given the columns' coefficients.
        The last columns are those of the misfit.

        Args:
            inputs: the points.
            size: whether the effects of sizes are included.
        """
        points = self._points(inputs)
        size_variance, smooth_variance = self._variances(points)

        def sizes(first: _Points, second: _Points) -> np.ndarray:
            return self._size_covariance(first.along, second.along)

        parts = [
            (sizes, size_variance, self._nodes(points).to_array()),
            (self._smooth_covariance, smooth_variance, self._misfit(points)),
        ]
        found = [
            incomplete_cholesky(points, covariance, variance, known)[1]
            for covariance, variance, known in parts[0 if size else 1 :]
        ]
        if size:  # the columns of the misfit stay last
            _, size_of = np.unique(points.along, return_inverse=True)
            own = self._own_size(points)[:, None] * np.eye(int(size_of.max()) + 1)[size_of]
            found.insert(0, own)
        return np.concatenate(found, axis=1)

    def _points(self, inputs: Mapping[str, ArrayLike]) -> "_Points":
        others, labels, along = [], [], None
        for name, kind in self.kinds.items():
            values = np.asarray(inputs[name], dtype=float)
            if kind in ("mixture", "category"):
                labels.append(values)
                continue
            if name in self._real:
                mean, spread = self._real[name]
                values = (values - mean) / spread
            else:
                values = np.log(values)
            if name == self._along:
                along = values
            else:
                others.append(values)
        num = len(next(iter(inputs.values())))  # type: ignore[arg-type]
        return _Points(
            np.zeros(num) if along is None else along,
            np.stack(others, 1) if others else np.zeros((num, 0)),
            np.concatenate(labels, 1) if labels else np.zeros((num, 0)),
        )

    def _own_size(self, points: "_Points") -> np.ndarray:
        """Standard deviation of what is the size's own; 0 at sizes with runs, ``(point,)``."""
        known, z = self._known_sizes, points.along
        after = np.clip(np.searchsorted(known, z), 1, max(len(known) - 1, 1))
        nearest = known[after - 1], known[np.minimum(after, len(known) - 1)]
        apart = np.minimum(*(np.abs(z - own) for own in nearest))
        is_new = bool(self._along) & (apart > _SAME_SIZE)
        return np.where(is_new, self.errors.own_size, 0.0)

    def _variances(self, points: "_Points") -> tuple[np.ndarray, np.ndarray]:
        """The diagonals of the two covariances, ``(point,)`` each."""
        own, num = self.errors, len(points.along)
        smooth = np.full(num, float(own.smooth) ** 2)
        if self._along:
            smooth += own.growth**2 * np.maximum(points.along - self._lowest, 0.0) ** 3 / 3.0
        return np.full(num, own.size**2 if self._along else 0.0), smooth

    def _size_covariance(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        own = self.errors
        return own.size**2 * np.exp(-np.abs(first[:, None] - second) / own.size_length)

    def _smooth_covariance(self, first: "_Points", second: "_Points") -> np.ndarray:
        own = self.errors
        others = _square_distance(first.others, second.others)
        along = (first.along[:, None] - second.along) ** 2
        covariance = own.smooth**2 * np.exp(-0.5 * (others + along) / own.smooth_length**2)
        if own.growth and self._along:
            grown = _integrated_wiener(first.along - self._lowest, second.along - self._lowest)
            covariance += own.growth**2 * grown * np.exp(-0.5 * others / _GROWTH_LENGTH**2)
        if first.labels.shape[1]:
            alike = np.isclose(first.labels[:, None], second.labels[None], atol=1e-9).all(-1)
            covariance = covariance * alike
        return covariance


class _Points(NamedTuple):
    """The coordinate ``along``, ``(point,)``; the others; shares and labels, ``(point, …)``."""

    along: np.ndarray
    others: np.ndarray
    labels: np.ndarray

    def take(self, places: Sequence[int] | np.ndarray | slice) -> "_Points":
        """Some of the points."""
        rows = places if isinstance(places, slice) else np.asarray(places, dtype=int)
        return _Points(*(array[rows] for array in self))


def _input_along(along: str | None, kinds: Mapping[str, Kind]) -> str:
    """The input each of whose values has an effect; empty if there is none."""
    numbers = [name for name, kind in kinds.items() if kind in NUMBERS]
    if along is None:
        positive = [name for name in numbers if kinds[name] in LOGARITHMIC]
        return "N" if "N" in positive else next(iter(positive), "")
    if along and along not in numbers:
        raise ValueError(
            f"along: expected an input that is a number ({', '.join(numbers) or 'none'}), got "
            f"{along!r}"
        )
    return along


def _distinct(points: _Points) -> _Points:
    """Each point once, in an order of their own: pivots do not depend on that of the runs."""
    columns = np.column_stack([points.labels, points.others, points.along])
    order = np.lexsort(columns.T)
    new = np.ones(len(order), dtype=bool)
    new[1:] = (columns[order][1:] != columns[order][:-1]).any(axis=1)
    return points.take(order[new])


def _evenly(values: np.ndarray) -> np.ndarray:
    """Some of many values, evenly, the first and the last among them: enough for pivots."""
    if len(values) <= _MOST_PIVOT_POINTS:
        return values
    return values[np.linspace(0, len(values) - 1, _MOST_PIVOT_POINTS).astype(int)]


def _square_distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Squared distances of points, ``(first, second)``, from coordinates ``(point, number)``."""
    pairs = zip(first.T, second.T, strict=True)
    return sum(((a[:, None] - b) ** 2 for a, b in pairs), start=np.zeros((len(first), len(second))))


def _integrated_wiener(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Covariance of an integrated Wiener process that starts at 0, ``(first, second)``."""
    first, second = np.maximum(first, 0.0)[:, None], np.maximum(second, 0.0)
    least = np.minimum(first, second)
    return least**2 * (least / 3.0 + np.abs(first - second) / 2.0)
