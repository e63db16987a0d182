"""The interface of searches of an exponent, and what they share."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol

import jax.numpy as jnp
import numpy as np

from farseer_jax.types import Array, Candidates, DType, Flag, Scalar

Objective = Callable[[Candidates], Candidates]
# An objective is smooth over the whole interval, only near its minimum, or not even there.
Shape = Literal["smooth", "locally smooth", "kinked"]


class Minimum(NamedTuple):
    """Where a search ended, whether at a bound, and whether it converged."""

    exponent: Scalar
    value: Scalar
    at_edge: Flag
    resolved: Flag


class Look(NamedTuple):
    """A search whose candidates are all known in advance: the candidates, and how to choose.

    ``pick`` takes values ``(candidate,)`` or, for a batch, ``(candidate, batch)``.
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
        """How near to a bound an exponent counts as being there."""
        ...

    def minimise(self, objective: Objective, shape: Shape, dtype: DType | None = None) -> Minimum:
        """The best candidate of an objective of this shape, in the precision ``dtype``."""
        ...

    def look(self, shape: Shape, dtype: DType | None = None) -> Look | None:
        """The few candidates that decide the search, or None where they are not known."""
        ...

    def suited_to(self, log_range: float) -> "Search":
        """The same search, with as many candidates as sizes over this range of ln N need."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        ...


_LARGEST = 100.0  # N^100 is beyond floating point from N = 1,200 on


def check_bounds(lower: float, upper: float) -> None:
    """Refuse bounds of an exponent that are not finite and ascending, or beyond ±100."""
    if isinstance(lower, bool) or isinstance(upper, bool):
        raise ValueError(f"bounds must be numbers, got lower={lower}, upper={upper}")
    if not (np.isfinite(lower) and np.isfinite(upper) and lower < upper):
        raise ValueError(f"bounds must be finite and ascending, got lower={lower}, upper={upper}")
    if max(-lower, upper) > _LARGEST:
        raise ValueError(
            f"bounds of an exponent must lie within ±{_LARGEST:g}, got lower={lower}, upper={upper}"
        )


def finite(values: Array) -> Array:
    """Values with NaN as inf: a candidate that cannot be evaluated is never the best."""
    return jnp.where(jnp.isfinite(values), values, jnp.inf)
