"""Every candidate of an even grid."""

from dataclasses import asdict, dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.runtime.threads import platform
from farseer_jax.solvers.search.base import (
    Look,
    Minimum,
    Objective,
    Shape,
    check_bounds,
    finite,
)
from farseer_jax.types import Candidates, DType

# Candidates per block: bounds memory; on a CPU the state of a sum over pairs stays in its cache.
_MAX_BLOCK, _MAX_BLOCK_ELSEWHERE = {"cpu": 1024}, 8192


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
        ValueError: the bounds are not finite or not ascending, or there are under 3 candidates.

    Example:
        >>> from farseer_jax import Grid
        >>> Grid(-0.5, 0.5, num_candidates=10_000).step
        0.0001
    """

    lower: float = -0.5
    upper: float = 0.5
    num_candidates: int = 10_000

    def __post_init__(self) -> None:
        check_bounds(self.lower, self.upper)
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
        """The distance between neighbouring candidates."""
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
        """None: the candidates are too many, and evaluated in blocks."""
        del shape, dtype
        return None

    def suited_to(self, log_range: float) -> "Grid":
        """The grid itself, whatever the sizes."""
        del log_range
        return self

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        return {"name": "grid", **asdict(self)}


def _evaluate_in_blocks(objective: Objective, candidates: Candidates) -> Candidates:
    num_candidates = candidates.shape[0]
    num_blocks = -(-num_candidates // _MAX_BLOCK.get(platform(), _MAX_BLOCK_ELSEWHERE))
    block = -(-num_candidates // num_blocks)
    padded = jnp.pad(candidates, (0, num_blocks * block - num_candidates), mode="edge")
    values = jax.lax.map(objective, padded.reshape(num_blocks, block))
    return finite(values.reshape(-1)[:num_candidates])
