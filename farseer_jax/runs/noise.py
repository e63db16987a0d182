"""Run-to-run noise of losses, estimated from the runs alone, without fitting a law."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.results.numbers import quantity_text
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.checks import Floats
from farseer_jax.runs.runs import Runs

_NORMAL = 1.4826  # standard deviation of a normal over its median absolute value
_HIGHEST_ORDER = 4
_LOWEST_ORDER = 2
_ENOUGH_REPEATS = 3  # degrees of freedom from which repeats alone are used
_FEW = 8  # values, of which none is left out
_NEAR = 12  # values that give a scale
_GROSS = 6.0  # standard deviations from which on a value is a mistake, not noise
_LEAST_RATIO = 1e-2  # of a size's variance to the pooled one: rounded losses may have variance 0


@dataclass(frozen=True, eq=False)
class Noise(Result):
    """Run-to-run standard deviation of ``ln loss``, from :func:`estimate_noise`.

    Attributes:
        pooled: over all sizes.
        sizes: the sizes N, ascending, ``(size,)``.
        per_size: for each size, shrunk towards the pooled value, ``(size,)``.
        dof: degrees of freedom of each size, ``(size,)``; a size with 0 has the pooled value.
        source: ``"repeats"`` or ``"differences"`` along D.
        order: order of the differences; 0 for repeats.

    Example:
        >>> from farseer_jax import estimate_noise, example_runs
        >>> print(estimate_noise(example_runs(noise=5e-4)))
        noise of ln loss  0.048 % (differences of order 4, 103 degrees of freedom)
    """

    pooled: float
    sizes: Floats
    per_size: Floats
    dof: Floats
    source: str
    order: int

    def of_runs(self, runs: Runs) -> Floats:
        """The standard deviation of each run, ``(run,)``; the pooled value for other sizes."""
        place = np.minimum(np.searchsorted(self.sizes, runs.N), len(self.sizes) - 1)
        return np.where(self.sizes[place] == runs.N, self.per_size[place], self.pooled)

    def table(self) -> Table:
        """One row per size: ``noise`` and ``dof``."""
        return Table(
            [
                Column("N", self.sizes, quantity_text),
                Column("noise", self.per_size, lambda value: f"{100 * value:.3f} %"),
                Column("dof", self.dof, heading="degrees of freedom"),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """``pooled``, ``source``, ``order`` and ``sizes``, for JSON."""
        own = {"pooled": self.pooled, "source": self.source, "order": self.order}
        return {**own, "sizes": self.table().records()}

    def text_parts(self) -> tuple[str | Table, ...]:
        """The pooled value, and what it was estimated from."""
        what = "repeats" if self.source == "repeats" else f"differences of order {self.order}"
        return (
            f"noise of ln loss  {100 * self.pooled:.3f} % ({what}, "
            f"{self.dof.sum():.0f} degrees of freedom)",
        )


def estimate_noise(runs: Runs) -> Noise:
    """Estimate the run-to-run standard deviation of ``ln loss``, pooled and per size.

    Repeats (equal N and D, different loss) show it directly, and are used alone if they give at
    least three degrees of freedom; exact copies count once. Otherwise it is estimated from
    differences: within a size, each window of ``order + 1`` neighbouring D has one combination of
    ln losses that is 0 for every polynomial of lower degree in ln D; scaled to coefficients of
    unit norm, its variance is that of the noise (steps of D may be unequal). The order is the
    highest, up to four, for which half of the sizes have enough D. The remaining curvature makes
    the estimate too large, never too small: slightly if D is in steps of √2 or 2 (order four),
    considerably below order three.

    One bad run must not hide itself: a difference (or a set of repeats) beyond six standard
    deviations, by the median of sizes near it, loses the run that explains it.
    The pooled value is the root mean square over the others. With few points, a size's own variance
    is uncertain: the logs of the variances are shrunk to their mean, by the share of their spread
    that chance alone would give.

    Args:
        runs: the runs.

    Raises:
        ValueError: the inputs are not N and D, or the link is not log; or there are too few
            repeats, and fewer than half of the sizes have three D.

    Example:
        >>> from farseer_jax import estimate_noise, example_runs
        >>> round(estimate_noise(example_runs(noise=1e-3)).pooled, 4)
        0.001
    """
    if not shows_noise(runs):
        raise ValueError(
            "the run-to-run noise can be estimated only for positive losses over N and D; these "
            f"runs have the inputs {', '.join(runs.inputs)} and the link {runs.link.name!r}"
        )
    sizes, cells = _cells(runs)
    spare = [cell.repeats - 1.0 for cell in cells]
    if sum(map(np.sum, spare)) >= _ENOUGH_REPEATS:
        squares, dof = _repeats([cell.within for cell in cells], spare)
        return _pool(sizes, squares, dof, dof, "repeats", 0)
    order = _order(np.array([len(cell.log_D) for cell in cells]))
    found = [_differences(cell, order) for cell in cells]
    scales = _scales([np.abs(values) for values, _ in found])
    found = [_without_outliers(*own, order) for own in zip(cells, found, scales, strict=True)]
    squares, counts, dof = np.array([(np.sum(v**2), len(v), own) for v, own in found]).T
    return _pool(sizes, squares, counts, dof, "differences", order)


def shows_noise(runs: Runs) -> bool:
    """Whether noise can be estimated from such runs: ln loss over N and D alone."""
    return set(runs.inputs) == {"N", "D"} and runs.link.name == "log"


def noise_if_shown(runs: Runs) -> Noise | None:
    """The noise, or None if it cannot be estimated: too few D of one size and no repeats."""
    try:
        return estimate_noise(runs)
    except ValueError:
        return None


class _Cells(NamedTuple):
    """One size, ``(D,)`` each.

    Attributes:
        log_D: ln D.
        log_loss: mean ln loss.
        repeats: number of runs.
        within: sum of squares of their ln losses.
    """

    log_D: Floats
    log_loss: Floats
    repeats: Floats
    within: Floats

    def without(self, place: int) -> "_Cells":
        """Without one D."""
        return _Cells(*(np.delete(values, place) for values in self))


def _cells(runs: Runs) -> tuple[Floats, list[_Cells]]:
    """The sizes, and the cells of each.

    Raises:
        ValueError: as :func:`_order`, before there is a cell for each of very many sizes.
    """
    N, D, log_loss = _distinct(runs.N, runs.D, np.log(runs.loss))
    first = np.flatnonzero(_changes(N, D))
    repeats = np.diff(np.append(first, len(N))).astype(float)
    cell = np.repeat(np.arange(len(first)), repeats.astype(int))
    mean = np.bincount(cell, log_loss) / repeats
    within = np.bincount(cell, (log_loss - mean[cell]) ** 2)
    starts = np.flatnonzero(_changes(N[first]))
    if repeats.sum() - len(repeats) < _ENOUGH_REPEATS:
        _order(np.diff(np.append(starts, len(first))))
    columns = (np.split(own, starts[1:]) for own in (np.log(D[first]), mean, repeats, within))
    return N[first][starts], [_Cells(*own) for own in zip(*columns, strict=True)]


def _distinct(*columns: Floats) -> tuple[Floats, ...]:
    """Rows without copies, sorted by their columns in order."""
    order = np.lexsort(columns[::-1])
    ordered = tuple(values[order] for values in columns)
    new = _changes(*ordered)
    return tuple(values[new] for values in ordered)


def _changes(*columns: Floats) -> np.ndarray:
    """Whether a row differs from the one before, ``(row,)``."""
    new = np.ones(len(columns[0]), dtype=bool)
    new[1:] = np.any([values[1:] != values[:-1] for values in columns], axis=0)
    return new


def _scales(values: list[Floats]) -> Floats:
    """A standard deviation for each size, by the median of its values and those of sizes near it.

    At least that of all sizes: the median of few values may be small by chance. Infinite where
    there are few values altogether.

    Args:
        values: absolute values of each size.
    """
    together = np.concatenate(values)
    if len(together) < _FEW:
        return np.full(len(values), np.inf)
    ends = np.cumsum([0, *map(len, values)])
    medians = []
    for place in range(len(values)):
        reach = 1
        while True:  # as many sizes on both sides as have enough values
            low, high = ends[max(place - reach, 0)], ends[min(place + reach + 1, len(values))]
            if high - low >= min(_NEAR, len(together)):
                break
            reach += 1
        medians.append(np.median(together[low:high]))
    scales = _NORMAL * np.maximum(medians, np.median(together))
    return np.where(scales > 0.0, scales, np.inf)


def _repeats(within: list[Floats], spare: list[Floats]) -> tuple[Floats, Floats]:
    """Sums of squares and degrees of freedom of each size, without repeats that are mistakes."""
    variance = [own / np.maximum(free, 1.0) for own, free in zip(within, spare, strict=True)]
    shown = [np.sqrt(own[free > 0]) for own, free in zip(variance, spare, strict=True)]
    limits = (_GROSS * _scales(shown)) ** 2
    kept = [own <= limit for own, limit in zip(variance, limits, strict=True)]
    sums = [(own[k].sum(), free[k].sum()) for own, free, k in zip(within, spare, kept, strict=True)]
    squares, dof = np.array(sums).T
    return squares, dof


def _without_outliers(
    cells: _Cells, found: tuple[Floats, float], scale: float, order: int
) -> tuple[Floats, float]:
    """Differences of a size without the runs that alone explain a gross one."""
    while len(found[0]) and np.abs(found[0]).max() > _GROSS * scale:
        fewer = [cells.without(place) for place in range(len(cells.log_D))]
        largest = [np.abs(_differences(own, order)[0]).max(initial=0.0) for own in fewer]
        cells = fewer[int(np.argmin(largest))]
        found = _differences(cells, order)
    return found


def _order(num_D: np.ndarray) -> int:
    """The highest order of differences for which half of the sizes have enough D."""
    for order in range(_HIGHEST_ORDER, _LOWEST_ORDER - 1, -1):
        if np.mean(num_D > order) >= 0.5:
            return order
    raise ValueError(
        f"the run-to-run noise cannot be estimated: fewer than half of the {len(num_D)} sizes have "
        f"runs at {_LOWEST_ORDER + 1} different D, and there are fewer than {_ENOUGH_REPEATS} "
        "repeats"
    )


def _differences(cells: _Cells, order: int) -> tuple[Floats, float]:
    """Differences of unit variance, ``(window,)``, and their degrees of freedom."""
    log_D, log_loss, repeats, _ = cells
    count = max(len(log_D) - order, 0)
    if not count:
        return np.zeros(0), 0.0
    windows = np.arange(count)[:, None] + np.arange(order + 1)
    steps = log_D[windows][:, :, None] - log_D[windows][:, None, :] + np.eye(order + 1)
    # coefficients of the divided difference, as logs: products of tiny steps would overflow
    log_size = -np.log(np.abs(steps)).sum(axis=2)
    divided = np.sign(steps).prod(axis=2) * np.exp(log_size - log_size.max(axis=1, keepdims=True))
    own = divided / np.sqrt((divided**2 / repeats[windows]).sum(axis=1, keepdims=True))
    # windows overlap: dof = tr(C)² / tr(C²), of their covariance C
    squares = float(count)
    for lag in range(1, min(order + 1, count)):
        shared = repeats[windows[lag:, : order + 1 - lag]]
        covariance = (own[:-lag, lag:] * own[lag:, : order + 1 - lag] / shared).sum(axis=1)
        squares += 2.0 * float(np.sum(covariance**2))
    return (own * log_loss[windows]).sum(axis=1), count**2 / squares


def _pool(
    sizes: Floats, squares: Floats, counts: Floats, dof: Floats, source: str, order: int
) -> Noise:
    """The pooled variance, and each size's variance shrunk to it."""
    pooled = squares.sum() / counts.sum()
    per_size = np.full_like(sizes, pooled)
    has = dof > 0
    if pooled > 0:
        per_size[has] = _shrunk(squares[has] / counts[has], dof[has], pooled)
    return Noise(float(np.sqrt(pooled)), sizes, np.sqrt(per_size), dof, source, order)


def _shrunk(variance: Floats, dof: Floats, pooled: float) -> Floats:
    """Variances of sizes, their logs shrunk to the mean; the pooled variance is preserved."""
    # mean and variance of ln(χ²/dof), to 1 % from dof = 2 and 8 % at 1
    shift, chance = 1 / dof + 1 / (3 * dof**2), 2 / dof + 2 / dof**2 + 4 / (3 * dof**3)
    level = np.log(np.maximum(variance / pooled, _LEAST_RATIO)) + shift
    off = level - np.average(level, weights=dof)
    between = max(float(np.average(off**2 - chance, weights=dof)), 0.0)
    shrunk = np.exp(off * between / (between + chance))
    return shrunk * pooled / np.average(shrunk, weights=dof)
