"""Compute-optimal N and D by a forecast: of its mean, and of each of its joint draws.

The estimate minimises the forecast's expected (ln) loss along the budget. Intervals are those of
the optima of draws, each along the same splits; a draw whose loss has no minimum there counts at
the end where it is lower.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.decisions.curve_minima import minima
from farseer_jax.decisions.forecast_surface import ForecastSurface
from farseer_jax.decisions.optimal_allocations import CHINCHILLA, Circumstances
from farseer_jax.laws.compute_optimal import (
    BOTH,
    DATA,
    HIGHEST,
    INTERIOR,
    LOWEST,
    SIZE,
    Cost,
    grid_along,
)
from farseer_jax.runtime.compiled import compiled
from farseer_jax.types import Array
from farseer_jax.uncertainty.intervals import Intervals, quantiles

NUM_DRAWS = 400
_NUM_RATIOS, _EVERY = 601, 3  # splits of the mean's curve; draws are at every third of them
_STEP = 0.05  # in ln compute, of the differences that give the exponents
_BLOCK = 16  # budgets in one call
_LN_LOWEST, _LN_HIGHEST = np.log(LOWEST), np.log(HIGHEST)


class Splits(NamedTuple):
    """Splits of budgets: logs of D/N, N and D, ``(budget, ratio)``.

    Attributes:
        log_ratio: ln D/N.
        log_N: ln N.
        log_D: ln D.
        found: whether the budget can be spent there.
        is_left: whether limits on both N and D leave some of it, ``(budget,)``.
    """

    log_ratio: np.ndarray
    log_N: np.ndarray
    log_D: np.ndarray
    found: np.ndarray
    is_left: np.ndarray


class Points(NamedTuple):
    """Optima of budgets, ``(budget,)`` each; NaN without one.

    Attributes:
        position: in steps of the splits.
        log_N: ln N.
        log_D: ln D.
        value: the expected response on the link's scale.
        limit: code of what limits it, or of why there is none.
    """

    position: np.ndarray
    log_N: np.ndarray
    log_D: np.ndarray
    value: np.ndarray
    limit: np.ndarray


@dataclass(frozen=True, eq=False)
class ForecastOptima:
    """Optima of budgets by a forecast.

    Attributes:
        surface: the forecast's surface.
        cost: the cost of a model.
        around: tokens served and limits.
        is_limited: whether there are limits.
    """

    surface: ForecastSurface
    cost: Cost
    around: Circumstances
    is_limited: bool

    @cached_property
    def _limits(self) -> np.ndarray:
        return np.log([float(self.around.max_N), float(self.around.max_D)])

    def losses(self, compute: np.ndarray) -> np.ndarray:
        """The expected losses of the optima, ``(budget,)``."""
        return np.asarray(self.surface.link.inverse(self.points(np.log(compute)).value))

    def rows(self, compute: np.ndarray) -> np.ndarray:
        """The rows of :class:`~farseer_jax.decisions.optimal_allocations.Details`."""
        log_C, inverse = np.log(compute), self.surface.link.inverse
        here = self.points(log_C)
        below, above = (self.points(log_C + way * _STEP) for way in (-1.0, 1.0))
        logs = [
            [one.log_N, one.log_D, np.log(np.asarray(inverse(one.value)))] for one in (below, above)
        ]
        slopes = np.subtract(logs[1], logs[0]) / (2.0 * _STEP)
        N, D = np.exp(here.log_N), np.exp(here.log_D)
        training = _training(N, D, self.cost)
        loss = np.asarray(inverse(here.value))
        by_rule = self._loss_at_twenty(log_C)
        return np.stack([N, D, D / N, loss, here.limit, *slopes, training, by_rule])

    def points(self, log_C: np.ndarray) -> Points:
        """The optima of the mean."""
        parts = [self._points(log_C[i : i + _BLOCK]) for i in range(0, len(log_C), _BLOCK)]
        return Points(*(np.concatenate(own) for own in zip(*parts, strict=True)))

    def _points(self, log_C: np.ndarray) -> Points:
        splits = self._splits(log_C)
        values = self.surface.mean(splits.log_N, splits.log_D)
        values = np.where(splits.found, values, np.inf)
        found = [self._optimum(*one) for one in zip(values, *splits, strict=True)]
        position, log_N, log_D, limit = np.array(found).T
        value = np.full(len(log_C), np.nan)
        known = np.isfinite(log_N)
        if known.any():
            value[known] = self.surface.mean(log_N[known], log_D[known])
        return Points(position, log_N, log_D, value, limit)

    def _optimum(
        self,
        values: np.ndarray,
        log_ratio: np.ndarray,
        log_N: np.ndarray,
        log_D: np.ndarray,
        found: np.ndarray,
        is_left: np.bool_,
    ) -> tuple[float, float, float, int]:
        """Position, ln N and ln D of one curve's optimum, and what limits it."""
        if is_left:
            return 0.0, *self._limits, BOTH
        first, last = log_ratio[0], log_ratio[-1]
        if last <= _LN_LOWEST or first >= _LN_HIGHEST:
            return np.nan, np.nan, np.nan, DATA if last <= _LN_LOWEST else SIZE
        best = minima(values[None], **self._counting(log_ratio))
        position = float(best.position[0])
        if not best.found[0]:
            return np.nan, np.nan, np.nan, INTERIOR
        steps = np.arange(len(values))
        limit = {0.0: SIZE, float(steps[-1]): DATA}.get(position, INTERIOR)
        N, D = (float(np.interp(position, steps, x)) for x in (log_N, log_D))
        return position, N, D, limit

    def _counting(self, log_ratio: np.ndarray) -> dict[str, bool]:
        """Whether the ends are set by limits, so that an optimum there counts."""
        return {
            "low_counts": bool(self.is_limited and log_ratio[0] > _LN_LOWEST),
            "high_counts": bool(self.is_limited and log_ratio[-1] < _LN_HIGHEST),
        }

    def _splits(self, log_C: np.ndarray) -> Splits:
        padded = np.pad(log_C, (0, _BLOCK - len(log_C)), mode="edge")
        found = _grids(
            padded, float(self.around.tokens_served), self._limits, self.cost, self.is_limited
        )
        return Splits(*(own[: len(log_C)] for own in found))

    def _loss_at_twenty(self, log_C: np.ndarray) -> np.ndarray:
        """The loss at 20 tokens per parameter; NaN where the limits exclude it."""
        with jax.enable_x64(True):
            places = _at_twenty(log_C, float(self.around.tokens_served), cost=self.cost)
            log_N, log_D, found = (np.asarray(own) for own in places)
        allowed = found & (log_N <= self._limits[0]) & (log_D <= self._limits[1])
        loss = self.surface.link.inverse(self.surface.mean(log_N, log_D))
        return np.where(allowed, np.asarray(loss), np.nan)

    def intervals(
        self, compute: np.ndarray, level: float, num: int = NUM_DRAWS, seed: int = 0
    ) -> tuple[dict[str, Intervals], np.ndarray]:
        """Intervals of N, D, D/N and loss, and the share of draws without an optimum.

        Args:
            compute: the budgets, ``(budget,)``.
            level: nominal probability.
            num: how many draws.
            seed: of the draws.
        """
        log_C = np.log(compute)
        here = self.points(log_C)
        ends = np.full((4, 2, len(compute)), np.nan)
        without = np.zeros(len(compute))
        for start in range(0, len(compute), _BLOCK):
            splits = self._splits(log_C[start : start + _BLOCK])
            for row in range(len(splits.is_left)):
                own = Splits(*(x[row] for x in splits))
                at = Points(*(x[start + row] for x in here))
                if np.isfinite(at.log_N):
                    found = self._ends(own, at, level, num, seed)
                    ends[:, :, start + row], without[start + row] = found
        N, D = np.exp(here.log_N), np.exp(here.log_D)
        loss = np.asarray(self.surface.link.inverse(here.value))
        names = ("N", "D", "tokens per parameter", "loss")
        return {
            name: Intervals(
                quantity=name,
                at={"compute": compute},
                estimate=estimate,
                # an end at the estimate may be rounded to its other side
                lower=np.minimum(own[0], estimate),
                upper=np.maximum(own[1], estimate),
                level=level,
                kind="forecast",
                scheme="joint draws",
                seed=seed,
                num_resamples=num,
                num_failed=0,
                note="of the law and its smooth misfit",
            )
            for name, estimate, own in zip(names, (N, D, D / N, loss), ends, strict=True)
        }, without

    def _ends(
        self, splits: Splits, at: Points, level: float, num: int, seed: int
    ) -> tuple[np.ndarray, float]:
        """Lower and upper ends, ``(quantity, 2)``, and the share of draws without an optimum."""
        if splits.is_left:
            point = np.array([at.log_N]), np.array([at.log_D])
            drawn = self.surface.draws(*point, num, seed)[:, 0]
            fixed = np.exp([at.log_N, at.log_D, at.log_D - at.log_N])
            return np.stack([*np.repeat(fixed[:, None], 2, 1), self._of_loss(drawn, at, level)]), 0
        keep = np.flatnonzero(splits.found)[::_EVERY]
        log_N, log_D, log_ratio = splits.log_N[keep], splits.log_D[keep], splits.log_ratio[keep]
        values = self.surface.draws(log_N, log_D, num, seed)
        best = minima(values, **self._counting(log_ratio))
        steps = np.arange(len(keep))
        position = np.interp(at.log_D - at.log_N, log_ratio, steps)
        low, high = containing(best.position, float(position), level)
        ends = [np.interp([low, high], steps, x) for x in (log_N, log_D, log_ratio)]
        left = int(np.clip(np.floor(position), 0, len(keep) - 2))
        part = position - left
        drawn = (1.0 - part) * values[:, left] + part * values[:, left + 1]
        loss = self._of_loss(drawn, at, level)
        return np.stack([*np.sort(np.exp(ends), axis=1), loss]), float(np.mean(~best.found))

    def _of_loss(self, drawn: np.ndarray, at: Points, level: float) -> np.ndarray:
        """Ends of the loss at the optimum: the spread of draws around the mean."""
        tail = 0.5 * (1.0 - level)
        spread = quantiles(drawn - np.median(drawn), np.array([tail, 1.0 - tail]))
        return np.sort(np.asarray(self.surface.link.inverse(at.value + spread)))


def containing(draws: np.ndarray, estimate: float, level: float) -> tuple[float, float]:
    """The interval of a share of draws that contains the estimate.

    Its tails are equal, unless the estimate lies in one of them: then it is the end of that tail,
    and the other takes what is left.

    Example:
        >>> import numpy as np
        >>> from farseer_jax.decisions.forecast_optima import containing
        >>> draws = np.arange(999.0)
        >>> [tuple(float(round(x, 6)) for x in containing(draws, at, 0.9)) for at in (499, 19)]
        [(49.0, 949.0), (19.0, 918.019019)]
    """
    tail = 0.5 * (1.0 - level)
    low, high = (float(x) for x in quantiles(draws, np.array([tail, 1.0 - tail])))
    if estimate < low:
        below = float(np.mean(draws < estimate))
        return estimate, float(quantiles(draws, below + level))
    if estimate > high:
        above = float(np.mean(draws > estimate))
        return float(quantiles(draws, 1.0 - above - level)), estimate
    return low, high


def _grids(
    log_C: np.ndarray, served: float, limits: np.ndarray, cost: Cost, is_limited: bool
) -> tuple[np.ndarray, ...]:
    with jax.enable_x64(True):
        found = _all_grids(log_C, served, limits, cost=cost, is_limited=is_limited)
        return tuple(np.array(own) for own in found)


@compiled(static=("cost", "is_limited"))
def _all_grids(
    log_C: Array, served: Array, limits: Array, cost: Cost, is_limited: bool
) -> tuple[Array, ...]:
    def one(own: Array) -> tuple[Array, ...]:
        grid = grid_along(cost, own, served, limits, _NUM_RATIOS, is_limited=is_limited)
        flat = jnp.broadcast_to(grid.places.found, grid.log_ratio.shape)
        return grid.log_ratio, grid.places.log_N, grid.places.log_D, flat, grid.is_left

    return jax.vmap(one)(log_C)


@compiled(static=("cost",))
def _at_twenty(log_C: Array, served: Array, cost: Cost) -> tuple[Array, ...]:
    places = cost.at_ratio(jnp.full(log_C.shape, np.log(CHINCHILLA)), log_C, served)
    return places.log_N, places.log_D, jnp.broadcast_to(places.found, log_C.shape)


def _training(N: np.ndarray, D: np.ndarray, cost: Cost) -> np.ndarray:
    with jax.enable_x64(True):
        return np.asarray(cost.training(jnp.asarray(N), jnp.asarray(D)))
