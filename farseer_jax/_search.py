"""One-dimensional searches of an exponent, each a few batched evaluations.

An objective maps a vector of candidates to a vector of values. Nothing here iterates until it
converges: every search does a fixed amount of work, so searches map over batches of refits
without a member waiting for another, and give the same digits in a batch of any size.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax import _chebyshev
from farseer_jax._types import Array, Candidates, DType, Flag, Scalar

Objective = Callable[[Candidates], Candidates]
# Of an objective: smooth over the whole interval, only about its minimum, or not even there.
Shape = Literal["smooth", "locally smooth", "kinked"]

# Candidates evaluated at once: bounds memory, and one step of the pair sum stays in cache.
_MAX_BLOCK = 8192
# Nodes per unit of exponent, where the sizes are not known: enough for four decades of them.
_DENSITY = 40
_INTERPOLATION_ERROR = 1e-17
_KINK_STEP = 1 / 256


class Minimum(NamedTuple):
    """Where a search ended, whether at a bound, and whether it can vouch for its resolution."""

    exponent: Scalar
    value: Scalar
    at_edge: Flag
    resolved: Flag


class Look(NamedTuple):
    """A search whose candidates are all known before it: where they are, and what wins.

    ``pick`` takes values ``(candidate,)`` or, for members of a batch, ``(candidate, member)``.
    """

    candidates: Candidates
    pick: Callable[[Array], Minimum]


class Search(Protocol):
    """A strategy that finds the best exponent between two bounds."""

    @property
    def lower(self) -> float:
        """Lower bound of the exponent."""
        ...

    @property
    def upper(self) -> float:
        """Upper bound of the exponent."""
        ...

    @property
    def edge_margin(self) -> float:
        """How near to a bound an exponent counts as ended there."""
        ...

    def minimise(self, objective: Objective, shape: Shape, dtype: DType | None = None) -> Minimum:
        """Best candidate of an objective of this shape, in the precision of its numbers."""
        ...

    def look(self, shape: Shape, dtype: DType | None = None) -> Look | None:
        """The few candidates that decide the search, or None where there are none such."""
        ...

    def suited_to(self, log_range: float) -> "Search":
        """The same search, with the work that sizes over this range of ln N need."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        ...


@dataclass(frozen=True)
class Grid:
    """Every candidate of an even grid, evaluated as one batched operation.

    The candidates are ``lower + i · (upper − lower) / num_candidates``: the upper bound is left
    out, as in the authors' code (``Grid(-0.5, 0.5, 10_000)`` is its grid for α and β).

    Args:
        lower: lowest candidate.
        upper: bound above the highest candidate.
        num_candidates: how many.

    Raises:
        ValueError: bounds not finite or not ascending, or fewer than 3 candidates.

    Example:
        >>> from farseer_jax import Grid
        >>> Grid(-0.5, 0.5, num_candidates=10_000).step
        0.0001
    """

    lower: float = -0.5
    upper: float = 0.5
    num_candidates: int = 10_000

    def __post_init__(self) -> None:
        _check_bounds(self.lower, self.upper)
        if self.num_candidates < 3:
            raise ValueError(f"num_candidates must be at least 3, got {self.num_candidates}")

    @classmethod
    def with_step(cls, lower: float, upper: float, step: float) -> "Grid":
        """The grid whose candidates are ``step`` apart (to the nearest whole number of them)."""
        if not 0 < step < np.inf:
            raise ValueError(f"step must be positive, got {step}")
        return cls(lower, upper, max(round((upper - lower) / step), 3))

    @property
    def step(self) -> float:
        """Distance of neighbouring candidates."""
        return (self.upper - self.lower) / self.num_candidates

    @property
    def edge_margin(self) -> float:
        """The highest candidate is one step below its bound."""
        return 1.001 * self.step

    def candidates(self) -> np.ndarray:
        """The grid, ascending; a candidate within rounding of 0 is exactly 0."""
        indices = np.arange(self.num_candidates)
        grid = self.lower + (self.upper - self.lower) * indices / self.num_candidates
        return np.where(np.abs(grid) < 1e-9 * self.step, 0.0, grid)

    def minimise(self, objective: Objective, shape: Shape, dtype: DType | None = None) -> Minimum:
        """Best candidate of the grid, whatever the shape."""
        grid = jnp.asarray(self.candidates(), dtype)
        values = _evaluate_in_blocks(objective, grid)
        best = jnp.argmin(values)
        at_edge = (best == 0) | (best == self.num_candidates - 1)
        return Minimum(grid[best], values[best], at_edge, jnp.isfinite(values[best]))

    def look(self, shape: Shape, dtype: DType | None = None) -> Look | None:
        """None: candidates are many, and taken in blocks."""
        del shape, dtype
        return None

    def suited_to(self, log_range: float) -> "Grid":
        """Itself: a grid has the candidates that it was given."""
        del log_range
        return self

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        return {"name": "grid", **asdict(self)}


@dataclass(frozen=True)
class Refined:
    """A grid's answer, to any resolution, at a few hundredths of its cost.

    Where the objective is smooth (the squared criterion), it is evaluated at up to 40 Chebyshev
    nodes per unit of the exponent; the stationary point of their interpolant is exact to rounding.
    Elsewhere ever finer grids close in on the minimum until they are as fine as ``resolution``.

    Args:
        lower: lower bound of the exponent.
        upper: upper bound of the exponent.
        resolution: spacing at which the ever finer grids stop. Between two kinks an objective is
            flat, and its values locate the minimum to about 5e-8 only.

    Raises:
        ValueError: bounds not finite or not ascending, or resolution not positive.

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
        _check_bounds(self.lower, self.upper)
        if not 0 < self.resolution < np.inf:
            raise ValueError(f"resolution must be positive, got {self.resolution}")

    @property
    def edge_margin(self) -> float:
        """The resolution, or what rounding leaves of it."""
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
            position, value, resolved = _chebyshev.minimise_interpolant(_finite(values))
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
        """The minimum between the bounds, and whether it is at one."""
        margin = self.edge_margin
        exponent = jnp.clip(minimum.exponent, self.lower, self.upper)
        at_edge = (exponent <= self.lower + margin) | (exponent >= self.upper - margin)
        return Minimum(exponent, minimum.value, at_edge, minimum.resolved)

    def _nodes(self) -> np.ndarray:
        return _chebyshev.nodes(_num_points(self.upper - self.lower, 1 / self._density))

    def _look_twice(self, objective: Objective, dtype: DType | None) -> Minimum:
        """Stationary point of the interpolant through a look at the whole interval.

        The second look takes a tenth of the interval, about the first one's minimum.
        """
        half = 0.5 * (self.upper - self.lower)
        nodes = jnp.asarray(self._nodes(), dtype)
        exponent = jnp.asarray(0.5 * (self.lower + self.upper), dtype)
        for _ in range(2):
            centre = jnp.clip(exponent, self.lower + half, self.upper - half)
            values = _finite(objective(centre + half * nodes))
            position, value, resolved = _chebyshev.minimise_interpolant(values)
            exponent = centre + half * position
            half *= 0.1
        return Minimum(exponent, value, jnp.asarray(False), resolved)

    def _zoom(self, objective: Objective, dtype: DType | None) -> Minimum:
        """Ever finer grids, each over the neighbourhood of the last one's best candidate.

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
            values = _finite(objective(candidates))
            index = jnp.argmin(values)
            return Minimum(
                candidates[index], values[index], best.at_edge, jnp.isfinite(values[index])
            )

        middle = jnp.asarray(0.5 * (self.lower + self.upper), dtype)
        start = Minimum(middle, middle, jnp.asarray(False), jnp.asarray(False))
        return jax.lax.fori_loop(0, num_rounds, look, start)


@dataclass(frozen=True)
class _Suited(Refined):
    """A refined search that knows the sizes it is for."""

    density: int = _DENSITY

    @property
    def _density(self) -> int:
        return self.density


@cache
def _density_for(log_range: float) -> int:
    """Nodes per unit of exponent that resolve a profile to rounding, in whole vectors of 8.

    The profile of an exponent p is an entire function of p that grows like exp(s·p), s up to
    twice the range of ln N. Between n nodes of [−1/2, 1/2] its interpolant errs by (s/4)^n / n!.
    Never more than where the sizes are not known: more would let a wider range's series die out,
    and vouch for what the rounding of its highest values has spoilt.
    """
    num, error = 0, 1.0
    while num < _DENSITY and (error > _INTERPOLATION_ERROR or num < 16 or num % 8):
        num += 1
        error *= 0.5 * log_range / num
    return num


def _num_points(width: float, step: float) -> int:
    """Points of a first look at an interval, in whole vectors of 8."""
    return 8 * max(2, int(np.ceil(width / step / 8)))


def search_from_dict(settings: Mapping[str, Any]) -> Search:
    """The inverse of a search's ``to_dict``."""
    kinds: dict[str, type[Grid] | type[Refined]] = {"grid": Grid, "refined": Refined}
    own = {key: value for key, value in settings.items() if key != "name"}
    return kinds[settings["name"]](**own)


def _check_bounds(lower: float, upper: float) -> None:
    if not (np.isfinite(lower) and np.isfinite(upper) and lower < upper):
        raise ValueError(f"bounds must be finite and ascending, got lower={lower}, upper={upper}")


def _finite(values: Array) -> Array:
    """NaN loses every comparison: a candidate that cannot be evaluated is never the best."""
    return jnp.where(jnp.isfinite(values), values, jnp.inf)


def _evaluate_in_blocks(objective: Objective, candidates: Candidates) -> Candidates:
    num_candidates = candidates.shape[0]
    num_blocks = -(-num_candidates // _MAX_BLOCK)
    block = -(-num_candidates // num_blocks)
    padded = jnp.pad(candidates, (0, num_blocks * block - num_candidates), mode="edge")
    values = jax.lax.map(objective, padded.reshape(num_blocks, block))
    return _finite(values.reshape(-1)[:num_candidates])
