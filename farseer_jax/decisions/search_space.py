"""The region in which an optimum is searched: coordinates, bounds, and the hull of the mixtures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.laws.input_derivatives import Coordinate
from farseer_jax.laws.law import Law
from farseer_jax.results.numbers import number_text, quantity_text
from farseer_jax.runs.inputs import LOGARITHMIC, Kind
from farseer_jax.runs.runs import Runs

SCALES = ("N", "D")  # inputs that grow with the budget, beyond the runs
WIDEST = {"N": (1e3, 1e18), "D": (1e3, 1e21)}  # where they are sought if nothing limits them
_USUAL = {"N": (1e7, 1e11), "D": (1e9, 1e13)}  # where searches start without runs
_ROUNDING = 1e-9  # relative, of a whole number
_FLAT = 1e-9  # relative size below which corners span no further direction


class Free(NamedTuple):
    """A number that is varied.

    Attributes:
        name: of the input.
        kind: positive, real or count.
        lower: its lower end.
        upper: its upper end.
        start: where searches start.
        given: whether the user gave the lower end, and the upper.
    """

    name: str
    kind: Kind
    lower: float
    upper: float
    start: tuple[float, float]
    given: tuple[bool, bool]

    @property
    def is_log(self) -> bool:
        """Whether its coordinate is its logarithm."""
        return self.kind in LOGARITHMIC

    def scaled(self, values: Any) -> np.ndarray:
        """Values as coordinates."""
        return np.log(values) if self.is_log else np.asarray(values, float)

    def text(self, value: float) -> str:
        """A value in a sentence."""
        return quantity_text(value) if self.name in SCALES else number_text(value, 4)


class Hull(NamedTuple):
    """A mixture that is varied, within the convex hull of corners.

    Attributes:
        name: of the input.
        shares: names of its columns.
        center: mean of the corners, ``(share,)``.
        basis: directions that the corners span, orthonormal, ``(share, direction)``.
        corners: in this basis, ``(corner, direction)``.
        is_whole: whether it is the whole simplex.
    """

    name: str
    shares: tuple[str, ...]
    center: np.ndarray
    basis: np.ndarray
    corners: np.ndarray
    is_whole: bool

    @classmethod
    def of(cls, name: str, shares: Sequence[str], tried: np.ndarray, *, is_whole: bool) -> "Hull":
        """The hull of mixtures, ``(mixture, share)``; or the whole simplex."""
        points = np.eye(len(shares)) if is_whole else np.unique(tried, axis=0)
        center = points.mean(axis=0)
        _, sizes, directions = np.linalg.svd(points - center, full_matrices=False)
        basis = directions[sizes > _FLAT * max(1.0, float(sizes.max(initial=0.0)))].T
        return cls(name, tuple(shares), center, basis, (points - center) @ basis, is_whole)


@dataclass(frozen=True)
class Space:
    """All that is varied: numbers first, then mixtures.

    Attributes:
        numbers: the numbers.
        hulls: the mixtures.
    """

    numbers: tuple[Free, ...]
    hulls: tuple[Hull, ...]

    @property
    def varied(self) -> tuple[Coordinate, ...]:
        """The coordinates of functions of the inputs."""
        own = [Coordinate(free.name, 0, free.is_log) for free in self.numbers]
        return (*own, *(Coordinate(hull.name, len(hull.shares), False) for hull in self.hulls))

    @property
    def columns(self) -> tuple[str, ...]:
        """The inputs by column: a mixture as its shares."""
        shares = [share for hull in self.hulls for share in hull.shares]
        return (*(free.name for free in self.numbers), *shares)

    @property
    def counts(self) -> tuple[str, ...]:
        """The numbers that must be whole."""
        return tuple(free.name for free in self.numbers if free.kind == "count")

    def without(self, names: Sequence[str]) -> "Space":
        """The space in which these numbers are no longer varied."""
        return Space(tuple(own for own in self.numbers if own.name not in names), self.hulls)

    @property
    def base(self) -> np.ndarray:
        """All coordinates where the solver's are 0, ``(coordinate,)``."""
        return np.concatenate([np.zeros(len(self.numbers)), *(hull.center for hull in self.hulls)])

    @property
    def matrix(self) -> np.ndarray:
        """All coordinates per coordinate of the solver, ``(coordinate, q)``."""
        blocks = [np.eye(len(self.numbers)), *(hull.basis for hull in self.hulls)]
        return _diagonal(blocks)

    @property
    def corners(self) -> np.ndarray:
        """The corners of all mixtures, block by block, ``(corner, direction)``."""
        return _diagonal([hull.corners for hull in self.hulls])

    @property
    def blocks(self) -> np.ndarray:
        """Which mixture each corner belongs to, ``(corner, mixture)``."""
        return _diagonal([np.ones((len(hull.corners), 1)) for hull in self.hulls])

    @property
    def ends(self) -> np.ndarray:
        """Lower and upper ends of the numbers' coordinates, ``(2, number)``."""
        rows = [free.scaled([free.lower, free.upper]) for free in self.numbers]
        return np.array(rows).reshape(-1, 2).T

    def inputs(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Inputs at coordinates ``(element, coordinate)``: ``(element,)``, or with shares."""
        found, place = {}, 0
        for own in self.varied:
            part = x[:, place : place + (own.size or 1)]
            place += own.size or 1
            found[own.name] = part if own.size else np.exp(part[:, 0]) if own.is_log else part[:, 0]
        for name in self.counts:
            whole = np.round(found[name])
            is_whole = np.abs(found[name] - whole) < _ROUNDING * whole
            found[name] = np.where(is_whole, whole, found[name])
        return found

    def by_column(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The same by column."""
        inputs = self.inputs(x)
        found = {free.name: inputs[free.name] for free in self.numbers}
        for hull in self.hulls:
            found |= dict(zip(hull.shares, inputs[hull.name].T, strict=True))
        return found

    def starts(self, num: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Where searches start: numbers ``(start, number)``, weights ``(start, corner)``."""
        from scipy.stats import qmc

        rng = np.random.default_rng(seed)
        size = len(self.numbers)
        cube = qmc.Sobol(max(size, 1), seed=rng).random(1 << max(num - 1, 0).bit_length())[:num]
        low, high = np.array([free.scaled(free.start) for free in self.numbers]).reshape(-1, 2).T
        z = low + (high - low) * (0.1 + 0.8 * cube[:, :size])
        z[0] = 0.5 * (low + high)
        weights = []
        for hull in self.hulls:
            own = rng.dirichlet(np.full(len(hull.corners), 0.5), num)
            own[0] = 1.0 / len(hull.corners)
            weights.append(0.8 * own + 0.2 / len(hull.corners))
        return z, np.concatenate([np.zeros((num, 0)), *weights], axis=1)


def _diagonal(blocks: Sequence[np.ndarray]) -> np.ndarray:
    rows, columns = (sum(block.shape[axis] for block in blocks) for axis in (0, 1))
    whole, row, column = np.zeros((rows, columns)), 0, 0
    for block in blocks:
        whole[row : row + block.shape[0], column : column + block.shape[1]] = block
        row, column = row + block.shape[0], column + block.shape[1]
    return whole


def space_of(
    law: type[Law],
    runs: Runs | None,
    over: Sequence[str],
    ends: tuple[Mapping[str, float], Mapping[str, float]],
    *,
    whole_simplex: bool,
) -> Space:
    """The space of the inputs to vary.

    Args:
        law: the law's class.
        runs: the fitted runs, if there are any.
        over: the inputs to vary, without categories.
        ends: the given lower and upper ends of numbers, by name.
        whole_simplex: whether to search mixtures outside the convex hull of the runs too.

    Raises:
        ValueError: an input has no range, or not even one value.
    """
    kinds = law.inputs()
    numbers = [name for name in over if kinds[name] != "mixture"]
    mixtures = [name for name in over if kinds[name] == "mixture"]
    return Space(
        tuple(_free(name, kinds[name], runs, ends) for name in numbers),
        tuple(_hull(law, runs, name, whole_simplex=whole_simplex) for name in mixtures),
    )


def _free(
    name: str, kind: Kind, runs: Runs | None, ends: tuple[Mapping[str, float], Mapping[str, float]]
) -> Free:
    tried = None
    if runs is not None and name in runs.inputs:
        tried = float(runs.inputs[name].min()), float(runs.inputs[name].max())
    given = (name in ends[0], name in ends[1])
    usual = WIDEST.get(name, tried)
    if usual is None and not all(given):
        missing = " and ".join(
            f"{word}={{{name!r}: …}}"
            for word, is_given in zip(("at_least", "at_most"), given, strict=True)
            if not is_given
        )
        raise ValueError(f"{name}: the law has no runs, and so no range for it; give {missing}")
    usual = usual or (0.0, 0.0)
    lower, upper = (own.get(name, end) for own, end in zip(ends, usual, strict=True))
    if kind == "count":
        lower, upper = float(np.ceil(lower)), float(np.floor(upper))
    if not lower < upper:
        what = (
            f"at_least={lower:g} leaves nothing below at_most={upper:g}"
            if all(given)
            else f"the runs have no values between {lower:g} and {upper:g}"
            if any(given)
            else f"all runs have the value {lower:g}"
        )
        raise ValueError(f"{name}: {what}; give at_least and at_most, with at_least below at_most")
    low, high = tried or _USUAL.get(name, (lower, upper))
    # N and D start where the runs are, even if their bounds are far away
    start = min(max(low, lower), upper), max(min(high, upper), lower)
    return Free(name, kind, lower, upper, start if start[0] < start[1] else (lower, upper), given)


def _hull(law: type[Law], runs: Runs | None, name: str, *, whole_simplex: bool) -> Hull:
    shares = dict(law.shares).get(name)
    if shares is None:
        raise ValueError(
            f"{name}: the shares of this mixture have no names; fit the law to runs, or name them "
            f"by law.with_shares({{{name!r}: (…)}})"
        )
    tried = None if runs is None else law.columns(runs)[name]
    if tried is None and not whole_simplex:
        raise ValueError(
            f"{name}: a law without runs has no mixtures to search between; optimise a fit, or "
            "search all mixtures by whole_simplex=True"
        )
    found = Hull.of(
        name, shares, np.eye(len(shares)) if tried is None else tried, is_whole=whole_simplex
    )
    if not found.basis.shape[1]:
        raise ValueError(
            f"{name}: all runs have the same mixture, which leaves nothing to optimise; search "
            "all mixtures by whole_simplex=True"
        )
    return found
