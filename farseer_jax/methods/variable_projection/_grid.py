"""Where the exponents are searched: candidates, and the minima among them. On the host."""

import itertools
from typing import NamedTuple

import numpy as np


class Found(NamedTuple):
    """Places in the space of exponents: candidates or minima.

    Attributes:
        exponents: ``(exponent, place)``.
        coefficients: ``(coefficient, place)``.
        value: objective, ``(place,)``.
        status: codes of the solver, ``(place,)``.
    """

    exponents: np.ndarray
    coefficients: np.ndarray
    value: np.ndarray
    status: np.ndarray


def candidates(axes: tuple[np.ndarray, ...]) -> np.ndarray:
    """Every combination, ``(exponent, candidate)``; the last exponent varies fastest."""
    return np.stack(np.meshgrid(*axes, indexing="ij")).reshape(len(axes), -1)


def local_minima(values: np.ndarray, num: int) -> np.ndarray:
    """Flat indices of the lowest candidates that no neighbour is below, ``(num,)``.

    Where there are fewer, the lowest of them is repeated: the number is that of a kernel's lanes.
    """
    padded = np.pad(values, 1, constant_values=np.inf)
    lowest = np.full_like(values, np.inf)
    for offsets in itertools.product(range(3), repeat=values.ndim):
        window = tuple(slice(o, o + n) for o, n in zip(offsets, values.shape, strict=True))
        lowest = np.minimum(lowest, padded[window])
    found = np.flatnonzero((values == lowest) & np.isfinite(values))
    found = found[np.argsort(values.ravel()[found], kind="stable")][:num]
    return np.pad(found, (0, num - len(found)), mode="constant", constant_values=found[0])


def distinct(minima: Found, nearness: np.ndarray) -> Found:
    """One of each, best first; ``nearness`` is how far apart they differ, ``(exponent,)``."""
    order = np.argsort(minima.value, kind="stable")
    exponents = minima.exponents[:, order]
    apart = np.abs(exponents[:, :, None] - exponents[:, None]) / nearness[:, None, None]
    first = np.argmax(apart.max(0) <= 1.0, axis=0)  # the best that is the same place
    keep = order[first == np.arange(len(order))]
    return Found(*(part[..., keep] for part in minima))
