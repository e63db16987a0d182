"""Runs that lie far from what the other runs give: a robust search by leave-one-out residuals.

The law is fitted so that bad runs do not pull it. Each run is then compared with a linear fit
without it, in units of the error that such a prediction has. Scales are medians, and the limit
accounts for the number of runs and for tails that are heavier than normal.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.methods.least_squares.robust import NORMAL, RobustFit, robust_fit
from farseer_jax.methods.method import Method
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.memory import blocks
from farseer_jax.solvers.numpy_jaxpr import UnsupportedPrimitiveError

_LEVEL = 0.02  # probability of a false alarm in a table of normal noise
_EFFICIENCY = 0.37  # of a median deviation: it is as certain as a variance of so many fewer runs
_LEAST_SPARE = 4  # runs beyond the number of parameters
_MANY = 100  # runs that show the tail of their distribution
_TAIL = 0.9  # the quantile that shows it
_MOST = 0.25  # part of the runs that can be outliers
_ROUNDS = 30
# Misfit of a law, in units of the noise: a smooth surface and an offset of each size, with the
# distances in ln N and ln D over which they change (measured on public grids).
_SURFACE, _SURFACE_REACH = 15.0, 3.0
_OFFSET, _OFFSET_REACH = 1.5, 1.0
_ENOUGH_D = 4  # of a size, to tell its offset from noise
_UNRESOLVED = 1e-2  # variance of the misfit that its basis leaves out
_MOST_COLUMNS = 300
_MANY_RUNS = 100_000  # beyond, a run is compared with the law alone: it has neighbours everywhere
_STEEPEST = 1e100  # slopes beyond are those of a law that has left its range


@dataclass(frozen=True, eq=False)
class Outliers:
    """Runs compared with what the other runs give.

    Attributes:
        residual: predicted by the other runs − observed, on the link's scale, ``(run,)``.
        z_score: the residual over its standard deviation, ``(run,)``.
        limit: the largest ``|z_score|`` that chance explains, ``(run,)``; NaN where nothing is
            compared.
        scale: robust standard deviation of the residuals of the runs from the law.
    """

    residual: np.ndarray
    z_score: np.ndarray
    limit: np.ndarray
    scale: float

    @property
    def rows(self) -> np.ndarray:
        """The outliers, the largest first."""
        excess = np.abs(self.z_score) / self.limit
        far = np.flatnonzero(excess > 1.0)
        return far[np.argsort(-excess[far], kind="stable")]


def find_outliers(
    law: type[Law], runs: Runs, method: Method | None = None, near: Law | None = None
) -> Outliers:
    """Compare each run with what the others give, by a law and, on grids, by its neighbours too.

    A law that misses the runs smoothly hides a run that differs from its neighbours: where sizes
    have several D, runs are also compared with the law plus a smooth misfit and an offset per size,
    in tables of at most 100,000 runs.
    Copies of a run count once. Nothing is found where there are hardly more runs than parameters,
    or where NumPy cannot compute the law, or the law cannot give such losses.

    Args:
        law: the law's class.
        runs: the runs.
        method: how it is fitted, whose ``fixed``, ``tied`` and ``bounds`` hold here too.
        near: the fitted law, to start from.

    Example:
        >>> import numpy as np
        >>> from farseer_jax import Chinchilla, Runs, example_runs
        >>> runs = example_runs()
        >>> bad = Runs(runs.N, runs.D, runs.loss * np.where(np.arange(len(runs)) == 7, 1.05, 1.0))
        >>> find_outliers(Chinchilla, bad).rows
        array([7])
    """
    settings = {name: getattr(method, name, ()) for name in ("fixed", "tied", "bounds")}
    try:
        found = robust_fit(law, runs, settings, near)
    except (UnsupportedPrimitiveError, FloatingPointError):
        return _none(runs)
    num_runs, num_free = found.slopes.shape
    used = found.weight > 0.0
    linear = np.isfinite(found.residual).all() and (np.abs(found.slopes) < _STEEPEST).all()
    if not linear or used.sum() < num_free + _LEAST_SPARE:
        return _none(runs)
    by_law = _compare(found, np.zeros((num_runs, 0)), found.far)
    if len(runs) > _MANY_RUNS or not _shows_neighbours(runs):
        return by_law
    far = np.abs(by_law.z_score) > by_law.limit
    return _farther(by_law, _compare(found, _misfit_basis(runs), far))


def _none(runs: Runs) -> Outliers:
    zeros = np.zeros(len(runs))
    return Outliers(zeros, zeros, np.full(len(runs), np.nan), float("nan"))


def _farther(one: Outliers, other: Outliers) -> Outliers:
    """Of each run the comparison in which it is farther away."""
    excess = [np.abs(found.z_score) / found.limit for found in (one, other)]
    farther = excess[1] > excess[0]
    return Outliers(
        np.where(farther, other.residual, one.residual),
        np.where(farther, other.z_score, one.z_score),
        np.where(farther, other.limit, one.limit),
        one.scale,
    )


def _compare(found: RobustFit, misfit: np.ndarray, far: np.ndarray) -> Outliers:
    """Each run against a linear fit of the others, without those that turn out to be outliers.

    Args:
        found: the robust fit.
        misfit: columns of the law's misfit, with coefficients of the noise's size,
            ``(run, column)``.
        far: runs that are left out at first.
    """
    size = np.linalg.norm(found.slopes, axis=0)
    columns = np.concatenate([found.slopes / np.where(size > 0.0, size, 1.0), misfit], axis=1)
    precision = np.r_[np.full(len(size), 1e-12), np.ones(misfit.shape[1])]
    used = found.weight > 0.0
    for _ in range(_ROUNDS):
        residual, sd, dof = _left_out(columns, precision, found, far)
        ratio = residual[used] / sd[used]
        scale = max(NORMAL * float(np.median(np.abs(ratio))), found.least)
        z_score = np.where(used, residual / (sd * scale), 0.0)
        limit = _limit(np.abs(z_score[used]), dof)
        size_z = np.abs(z_score)
        rest = np.where(far, 0.0, size_z)
        # the largest first: an outlier among the others makes its neighbours look like outliers
        more = (rest > limit) & (rest >= 0.5 * rest.max())
        again = (far & (size_z > limit)) | more
        if (again == far).all() or again.sum() > _MOST * used.sum():
            break
        far = again
    return Outliers(residual, z_score, np.full(len(z_score), limit), found.scale)


def _left_out(
    columns: np.ndarray, precision: np.ndarray, found: RobustFit, far: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Residuals from fits without each run, their standard deviations, and degrees of freedom.

    A linear fit without run i follows from the fit with it, by its leverage ``h``:
    ``r / (1 − h)`` with variance ``1 / (1 − h)``.
    """
    weight = np.where(far, 0.0, found.weight)
    rows = blocks(len(columns), 3.0 * 8.0 * columns.shape[1])
    normal = np.diag(precision)
    for some in rows:
        normal += (columns[some] * weight[some, None]).T @ columns[some]
    covariance = np.linalg.inv(normal)
    spread = np.concatenate(
        [np.sum((columns[some] @ covariance) * columns[some], axis=1) for some in rows]
    )
    pull = covariance @ (columns.T @ (weight * found.residual))
    residual = found.residual - columns @ pull
    rest = np.maximum(1.0 - weight * spread, 1e-9)
    own = np.where(found.weight > 0.0, found.weight, np.inf)
    dof = float(np.count_nonzero(weight) - np.sum(weight * spread))
    return residual / rest, np.sqrt(1.0 / own + spread / rest), dof


def _limit(size: np.ndarray, dof: float) -> float:
    """The largest size that chance explains among so many: Bonferroni's, for a robust scale.

    Where many runs show a tail heavier than normal at their 90 % quantile, sizes are taken for
    a power of a normal's.
    """
    from scipy import special  # not needed to import the package

    tail = special.stdtrit(max(_EFFICIENCY * dof, 1.0), 1.0 - _LEVEL / (2 * len(size)))
    if len(size) < _MANY:
        return float(tail)
    unit = 1.0 / NORMAL
    normal = float(special.ndtri(0.5 + 0.5 * _TAIL)) * NORMAL
    shown = max(float(np.quantile(size, _TAIL)) * NORMAL, np.finfo(float).tiny)  # 0: exact runs
    power = max(np.log(shown) / np.log(normal), 1.0)
    return float(unit * (tail / unit) ** power)


def _shows_neighbours(runs: Runs) -> bool:
    """Whether most runs have others of their size, at several D."""
    if set(runs.inputs) != {"N", "D"}:
        return False
    _, index = np.unique(runs.N, return_inverse=True)
    cells = np.unique(np.stack([index, runs.D]), axis=1)[0].astype(int)
    return bool(np.mean(np.bincount(cells)[index] >= _ENOUGH_D) > 0.5)


def _misfit_basis(runs: Runs) -> np.ndarray:
    """Columns whose sum of squares is the covariance of the misfit, ``(run, column)``."""
    points = np.log(np.stack([runs.N, runs.D], axis=1)) / _SURFACE_REACH
    sizes, index = np.unique(np.log(runs.N), return_inverse=True)

    def surface(i: int) -> np.ndarray:
        squared = np.sum((points - points[i]) ** 2, axis=1)
        return np.asarray(_SURFACE**2 * np.exp(-0.5 * squared))

    def offset(i: int) -> np.ndarray:
        return np.asarray(_OFFSET**2 * np.exp(-np.abs(sizes - sizes[i]) / _OFFSET_REACH))

    smooth = _factor(surface, np.full(len(points), _SURFACE**2))
    return np.concatenate([smooth, _factor(offset, np.full(len(sizes), _OFFSET**2))[index]], axis=1)


def _factor(column: Any, diagonal: np.ndarray) -> np.ndarray:
    """A pivoted Cholesky factor of a covariance, to where little variance is left."""
    left, num = diagonal.copy(), 0
    factor = np.empty((len(diagonal), min(len(diagonal), _MOST_COLUMNS)), order="F")
    while left.max() > _UNRESOLVED and num < factor.shape[1]:
        pivot = int(left.argmax())
        known = factor[:, :num] @ factor[pivot, :num]
        factor[:, num] = (column(pivot) - known) / np.sqrt(left[pivot])
        left = left - factor[:, num] ** 2
        num += 1
    return factor[:, :num]
