"""Answers on a grid of inputs, and their interpolation: what the page's script does, in NumPy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Answers: TypeAlias = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]

_NODES = 4  # of the cubic interpolation along an axis
_NUM_CHECKED, _SEED = 200, 0


@dataclass(frozen=True, eq=False)
class Axis:
    """One input of a grid.

    Attributes:
        name: the input.
        values: its values, ascending; labels of a category, ``(value,)``.
        is_log: whether it is interpolated along its logarithm.
        kinks: indices of the values where answers have a kink, ascending, at least three apart:
            no interpolation crosses them.
    """

    name: str
    values: np.ndarray
    is_log: bool = True
    kinks: tuple[int, ...] = ()

    @property
    def is_choice(self) -> bool:
        """Whether it has labels, which are not interpolated."""
        return self.values.dtype.kind not in "fiu"

    @property
    def places(self) -> np.ndarray:
        """Coordinates of the values."""
        return np.log(self.values) if self.is_log else self.values


@dataclass(frozen=True, eq=False)
class Grid:
    """Answers at all combinations of the axes' values.

    Attributes:
        axes: the axes.
        values: each answer, one dimension per axis.
    """

    axes: tuple[Axis, ...]
    values: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, axes: Sequence[Axis], answers: Answers) -> "Grid":
        """The answers at the grid's points, in one call."""
        mesh = np.meshgrid(*(axis.values for axis in axes), indexing="ij")
        flat = answers({axis.name: x.ravel() for axis, x in zip(axes, mesh, strict=True)})
        shape = mesh[0].shape
        return cls(tuple(axes), {name: np.asarray(x).reshape(shape) for name, x in flat.items()})

    def at(self, inputs: Mapping[str, np.ndarray], name: str) -> np.ndarray:
        """An answer at points, by cubic interpolation in each number, ``(point,)``."""
        found = self.values[name][None]
        for axis in self.axes:
            index, weight = _weights(axis, np.asarray(inputs[axis.name]))
            rows = np.arange(len(found))[:, None] if len(found) > 1 else np.zeros((1, 1), int)
            found = np.einsum("pk,pk...->p...", weight, found[rows, index])
        return np.asarray(found)

    def error(self, answers: Answers, name: str) -> float:
        """The largest error of an answer at random points, in half-widths of the interval there.

        Args:
            answers: the exact answers, the ends ``low`` and ``high`` of an interval among them.
            name: the answer that is checked.
        """
        rng = np.random.default_rng(_SEED)
        inputs = {axis.name: _random(axis, rng) for axis in self.axes}
        exact = answers(inputs)
        unit = 0.5 * np.abs(exact["high"] - exact["low"])
        error = np.abs(self.at(inputs, name) - exact[name]) / unit
        return float(np.max(error, initial=0.0, where=np.isfinite(error)))


def _random(axis: Axis, rng: np.random.Generator) -> np.ndarray:
    if axis.is_choice:
        return rng.choice(axis.values, _NUM_CHECKED)
    places = rng.uniform(axis.places[0], axis.places[-1], _NUM_CHECKED)
    return np.exp(places) if axis.is_log else places


def _weights(axis: Axis, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the nearest nodes and their weights, ``(point, node)`` each."""
    if axis.is_choice:
        index = np.array([np.flatnonzero(axis.values == own)[0] for own in x])
        return index[:, None], np.ones((len(x), 1))
    nodes = axis.places
    num = min(_NODES, len(nodes))
    place = np.log(x) if axis.is_log else np.asarray(x, float)
    right = np.searchsorted(nodes, place, side="right")
    ends = np.array([0, *axis.kinks, len(nodes) - 1])
    segment = np.clip(np.searchsorted(ends, right - 1, side="right") - 1, 0, len(ends) - 2)
    first = np.clip(right - num // 2, ends[segment], ends[segment + 1] - num + 1)
    index = first[:, None] + np.arange(num)
    known = nodes[index]
    weight = np.ones_like(known)
    for i in range(num):
        for j in range(num):
            if i != j:
                weight[:, i] *= (place - known[:, j]) / (known[:, i] - known[:, j])
    return index, weight
