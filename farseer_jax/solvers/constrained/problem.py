"""A batch of small optimisation problems with constraints, and where they ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

TOLERANCE = 1e-7  # of the conditions: relative changes of the objective per e-fold


class Derivatives(NamedTuple):
    """Values ``(element,)``, gradients ``(element, q)`` and Hessians ``(element, q, q)``."""

    value: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray


class Smooth(Protocol):
    """A function of the coordinates ``(element, q)``."""

    def value(self, u: np.ndarray) -> np.ndarray:
        """``(element,)``."""
        ...

    def derivatives(self, u: np.ndarray) -> Derivatives:
        """The values and two derivatives."""
        ...


@dataclass(frozen=True)
class Linear:
    """``slope · u − limit``, with one slope ``(q,)`` and a limit for all elements or for each."""

    slope: np.ndarray
    limit: np.ndarray | float

    def value(self, u: np.ndarray) -> np.ndarray:
        """``(element,)``."""
        return u @ self.slope - self.limit

    def derivatives(self, u: np.ndarray) -> Derivatives:
        """Constant slopes."""
        num, q = u.shape
        slopes = np.broadcast_to(self.slope, (num, q))
        return Derivatives(self.value(u), slopes, np.zeros((num, q, q)))


@dataclass(frozen=True)
class ConstrainedProblem:
    """A batch of problems that differ in numbers only.

    Attributes:
        objective: the function to minimise.
        constraints: functions that are at most 0.
        lower: lower ends of z, ``(element, p)``.
        upper: upper ends of z.
        corners: of h, in blocks below each other, ``(corner, d)``; zero outside of its block.
        blocks: 1 where a corner belongs to a block, ``(corner, block)``.
    """

    objective: Smooth
    constraints: Sequence[Smooth]
    lower: np.ndarray
    upper: np.ndarray
    corners: np.ndarray
    blocks: np.ndarray

    def at(self, z: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The coordinates ``(element, q)``."""
        return np.concatenate([z, weights @ self.corners], axis=1)


class Solution(NamedTuple):
    """Where the problems ended.

    Attributes:
        z: ``(element, p)``.
        weights: of the corners, ``(element, corner)``.
        value: of the objective, ``(element,)``.
        multipliers: of the constraints, ``(element, constraint)``.
        at_lower: multipliers of the lower ends, ``(element, p)``.
        at_upper: multipliers of the upper ends, ``(element, p)``.
        residual: the largest violation of the conditions, ``(element,)``.
    """

    z: np.ndarray
    weights: np.ndarray
    value: np.ndarray
    multipliers: np.ndarray
    at_lower: np.ndarray
    at_upper: np.ndarray
    residual: np.ndarray

    @property
    def converged(self) -> np.ndarray:
        """Whether all conditions hold, ``(element,)``."""
        return self.residual < TOLERANCE
