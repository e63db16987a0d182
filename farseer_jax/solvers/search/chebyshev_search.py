"""The minimum from a few candidates: by an interpolant, or by ever finer grids."""

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.solvers import chebyshev as _chebyshev
from farseer_jax.solvers.search.base import (
    Look,
    Minimum,
    Objective,
    Shape,
    check_bounds,
    finite,
)
from farseer_jax.types import Array, DType

# Nodes per unit of exponent, where the sizes are not known: enough for four decades of them.
_DENSITY = 40
# Sizes that are near each other need fewer: but not less than the paper's grid, so that any part of
# a table shares the table's compilation.
_LEAST_DENSITY = 24
_INTERPOLATION_ERROR = 1e-17
_KINK_STEP = 1 / 256


@dataclass(frozen=True)
class Refined:
    """The answer of a grid search, to any resolution, at a few hundredths of its cost.

    Where the objective is smooth (the squared criterion), it is evaluated at up to 40 Chebyshev
    nodes per unit of the exponent; the stationary point of their interpolant is exact to rounding.
    Elsewhere ever finer grids close in on the minimum until they are as fine as ``resolution``.

    Args:
        lower: lower bound of the exponent.
        upper: upper bound of the exponent.
        resolution: spacing at which the ever finer grids stop. Between two kinks an objective is
            flat, and its values locate the minimum to about 5e-8 only.

    Raises:
        ValueError: the bounds are not finite or not ascending, or the resolution is not positive.

    Example:
        >>> from farseer_jax import Farseer, Piecewise, Refined, example_runs, fit
        >>> wide = Piecewise(search=Refined(-1.0, 1.0))
        >>> fit(Farseer, example_runs(), wide).outcome.name
        'success'
    """

    lower: float = -0.5
    upper: float = 0.5
    resolution: float = 1e-10

    def __post_init__(self) -> None:
        check_bounds(self.lower, self.upper)
        if not 0 < self.resolution < np.inf:
            raise ValueError(f"resolution must be positive, got {self.resolution}")

    @property
    def edge_margin(self) -> float:
        """The resolution, but at least what rounding allows."""
        return max(1e-9 * (self.upper - self.lower), self.resolution)

    def minimise(self, objective: Objective, shape: Shape, dtype: DType | None = None) -> Minimum:
        """Best exponent between the bounds."""
        if look := self.look(shape, dtype):
            return look.pick(objective(look.candidates))
        if shape == "kinked":
            return self._kept_within(self._zoom(objective, dtype))
        return self._kept_within(self._look_twice(objective, dtype))

    def look(self, shape: Shape, dtype: DType | None = None) -> Look | None:
        """The nodes, where the objective is smooth over the whole interval."""
        if shape != "smooth":
            return None
        middle, half = 0.5 * (self.lower + self.upper), 0.5 * (self.upper - self.lower)
        candidates = jnp.asarray(middle + half * self._nodes(), dtype)

        def pick(values: Array) -> Minimum:
            if values.ndim > 1:
                return jax.vmap(pick, in_axes=-1, out_axes=-1)(values)
            position, value, resolved = _chebyshev.minimise_interpolant(finite(values))
            exponent = middle + half * position
            return self._kept_within(Minimum(exponent, value, jnp.asarray(False), resolved))

        return Look(candidates, pick)

    def suited_to(self, log_range: float) -> "Refined":
        """The same search with as many nodes as sizes over this range of ln N need."""
        density = _density_for(log_range)
        if density == _DENSITY:
            return self
        return _Suited(self.lower, self.upper, self.resolution, density)

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        return {"name": "refined", **asdict(self)}

    @property
    def _density(self) -> int:
        return _DENSITY

    def _kept_within(self, minimum: Minimum) -> Minimum:
        """The minimum clipped to the bounds, and whether it is at one."""
        margin = self.edge_margin
        exponent = jnp.clip(minimum.exponent, self.lower, self.upper)
        at_edge = (exponent <= self.lower + margin) | (exponent >= self.upper - margin)
        return Minimum(exponent, minimum.value, at_edge, minimum.resolved)

    def _nodes(self) -> np.ndarray:
        return _chebyshev.nodes(_num_points(self.upper - self.lower, 1 / self._density))

    def _look_twice(self, objective: Objective, dtype: DType | None) -> Minimum:
        """The interpolant's stationary point over the whole interval, then near that point.

        The second interpolant covers a tenth of the interval, about the first one's minimum.
        """
        half = 0.5 * (self.upper - self.lower)
        nodes = jnp.asarray(self._nodes(), dtype)
        exponent = jnp.asarray(0.5 * (self.lower + self.upper), dtype)
        for _ in range(2):
            centre = jnp.clip(exponent, self.lower + half, self.upper - half)
            values = finite(objective(centre + half * nodes))
            position, value, resolved = _chebyshev.minimise_interpolant(values)
            exponent = centre + half * position
            half *= 0.1
        return Minimum(exponent, value, jnp.asarray(False), resolved)

    def _zoom(self, objective: Objective, dtype: DType | None) -> Minimum:
        """Ever finer grids, each around the last one's best candidate.

        The first is as fine as a grid search: kinks make many small local minima.
        """
        width = self.upper - self.lower
        num_points = _num_points(width, _KINK_STEP)
        gap = 2 / (num_points - 1)
        num_rounds = 1 + max(int(np.ceil(np.log(self.resolution / width) / np.log(gap))), 0)
        positions = jnp.asarray(np.linspace(-1.0, 1.0, num_points), dtype)
        halves = jnp.asarray(0.5 * width * gap ** np.arange(num_rounds), dtype)

        def look(round_index: Array, best: Minimum) -> Minimum:
            half = halves[round_index]
            centre = jnp.clip(best.exponent, self.lower + half, self.upper - half)
            candidates = centre + half * positions
            values = finite(objective(candidates))
            index = jnp.argmin(values)
            return Minimum(
                candidates[index], values[index], best.at_edge, jnp.isfinite(values[index])
            )

        middle = jnp.asarray(0.5 * (self.lower + self.upper), dtype)
        start = Minimum(middle, middle, jnp.asarray(False), jnp.asarray(False))
        return jax.lax.fori_loop(0, num_rounds, look, start)


@dataclass(frozen=True)
class _Suited(Refined):
    """A refined search for sizes that are known."""

    density: int = _DENSITY

    @property
    def _density(self) -> int:
        return self.density


@cache
def _density_for(log_range: float) -> int:
    """Nodes per unit of exponent that resolve a profile to rounding, in whole vectors of 8.

    The profile of an exponent p is an entire function of p that grows like exp(s·p), s up to
    twice the range of ln N. Between n nodes of [−1/2, 1/2] its interpolant errs by (s/4)^n / n!.
    Never more than where the sizes are not known: with more nodes the series of a wider range would
    look resolved, although the rounding of its highest values has spoilt it.
    """
    num, error = 0, 1.0
    while num < _DENSITY and (error > _INTERPOLATION_ERROR or num < _LEAST_DENSITY or num % 8):
        num += 1
        error *= 0.5 * log_range / num
    return num


def _num_points(width: float, step: float) -> int:
    """Candidates that cover an interval in such steps, in whole vectors of 8."""
    return 8 * max(2, int(np.ceil(width / step / 8)))
