"""``Shape``: derivatives of a law over a domain, and the regions where its loss rises."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from farseer_jax.results.numbers import capitalised, quantity_text
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table, evenly
from farseer_jax.runs.checks import Range

_DERIVATIVES = {
    "by_N": "∂ln L / ∂ln N",
    "by_D": "∂ln L / ∂ln D",
    "by_NN": "∂²ln L / ∂(ln N)²",
    "by_DD": "∂²ln L / ∂(ln D)²",
    "by_ND": "∂²ln L / ∂ln N ∂ln D",
}
_NUM_LINES = 5


@dataclass(frozen=True, eq=False, repr=False)
class Rise:
    """Where a loss rises with N, or with D.

    Attributes:
        along: the variable in which it rises, ``"N"`` or ``"D"``.
        other: values of the other variable at which it rises, ``(line,)``.
        begins: smallest N (or D) from which it rises at each of these, to 1e-6, ``(line,)``.
        area: area of the region, in decades of N times decades of D.
        share: share of the domain, by area.
        worst: N and D of the grid where it rises most.
        slope: ``∂ ln L / ∂ ln N`` (or D) at ``worst``.

    Example:
        >>> from farseer_jax import check_shape, example_law
        >>> (rise,) = check_shape(example_law(), N=(2e8, 1e13), D=(1e9, 1e15)).regions
        >>> rise.along, rise.slope > 0, 0 < rise.share < 1
        ('N', True, True)
    """

    along: str
    other: np.ndarray
    begins: np.ndarray
    area: float
    share: float
    worst: tuple[float, float]
    slope: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON; ``begins`` is a list of points N, D."""
        names = (self.along, self.other_variable)
        return {
            "along": self.along,
            "area_decades2": self.area,
            "share": self.share,
            "worst": {"N": self.worst[0], "D": self.worst[1], "slope": self.slope},
            "begins": [
                dict(zip(names, pair, strict=True))
                for pair in zip(self.begins.tolist(), self.other.tolist(), strict=True)
            ],
        }

    @property
    def other_variable(self) -> str:
        """``"D"`` or ``"N"``."""
        return "D" if self.along == "N" else "N"

    def __repr__(self) -> str:
        return f"Rise(along {self.along}, {self.share:.1%} of the domain)"


@dataclass(frozen=True, eq=False, repr=False)
class Shape(Result):
    """Derivatives of a law over a domain. Prints as a table.

    The grid is even in ln N and ln D; arrays ``(size, token)`` have N along the first axis.

    Attributes:
        law: name of the law.
        N: sizes, ascending, ``(size,)``.
        D: tokens, ascending, ``(token,)``.
        loss: L, ``(size, token)``.
        by_N: elasticity ``∂ ln L / ∂ ln N``; positive where the loss rises. This and all
            derivatives below are ``(size, token)``.
        by_D: elasticity ``∂ ln L / ∂ ln D``.
        by_NN: curvature ``∂² ln L / ∂(ln N)²``.
        by_DD: curvature ``∂² ln L / ∂(ln D)²``.
        by_ND: curvature ``∂² ln L / ∂ ln N ∂ ln D``.
        regions: regions where it rises with N or with D, if there are any.
        runs_N: smallest and largest fitted N; None for a law without runs.
        runs_D: smallest and largest fitted D; None for a law without runs.

    Example:
        >>> from farseer_jax import check_shape, example_runs, fit, Farseer
        >>> shape = check_shape(fit(Farseer, example_runs()), N=(2e8, 1e10), D=(1e9, 1e12))
        >>> shape.rises, shape.by_N.shape, bool((shape.dL_dN < 0).all())
        (False, (129, 129), True)
    """

    law: str
    N: np.ndarray
    D: np.ndarray
    loss: np.ndarray
    by_N: np.ndarray
    by_D: np.ndarray
    by_NN: np.ndarray
    by_DD: np.ndarray
    by_ND: np.ndarray
    regions: tuple[Rise, ...]
    runs_N: Range | None
    runs_D: Range | None

    @property
    def rises(self) -> bool:
        """Whether the loss rises anywhere on the grid, with N or with D."""
        return bool(self.regions)

    @property
    def dL_dN(self) -> np.ndarray:
        """``∂L/∂N``, loss per parameter, ``(size, token)`` (Fig. 20)."""
        return self.by_N * self.loss / self.N[:, None]

    @property
    def dL_dD(self) -> np.ndarray:
        """``∂L/∂D``, loss per token, ``(size, token)`` (Fig. 19)."""
        return self.by_D * self.loss / self.D

    def table(self) -> Table:
        """One row per point of the grid."""
        N, D = np.broadcast_arrays(self.N[:, None], self.D)
        names = ("loss", "dL_dN", "dL_dD", *_DERIVATIVES)
        return Table(
            [
                Column("N", N.ravel(), quantity_text),
                Column("D", D.ravel(), quantity_text),
                *(Column(name, getattr(self, name).ravel()) for name in names),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """The domain, the range of each derivative, and where the loss rises, for JSON.

        The grid itself is in :meth:`to_dataframe`.
        """
        names = ("loss", *_DERIVATIVES)
        return {
            "law": self.law,
            "N": [float(self.N[0]), float(self.N[-1])],
            "D": [float(self.D[0]), float(self.D[-1])],
            "num": [len(self.N), len(self.D)],
            "runs_N": None if self.runs_N is None else list(self.runs_N),
            "runs_D": None if self.runs_D is None else list(self.runs_D),
            "ranges": {
                name: [float(getattr(self, name).min()), float(getattr(self, name).max())]
                for name in names
            },
            "rises": self.rises,
            "regions": [region.to_dict() for region in self.regions],
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The range of each derivative, and where the loss rises."""
        parts: list[str | Table] = [
            f"{capitalised(self.law)} law over {_range('N', self.N)}, {_range('D', self.D)}",
            self._extremes(),
        ]
        if self.runs_N is not None and self.runs_D is not None:
            runs = f"{_range('N', self.runs_N)}, {_range('D', self.runs_D)}"
            parts.append(f"The runs: {runs}. Beyond them the law extrapolates.")
        if not self.regions:
            parts.append("The loss decreases in N and in D at every point of the grid.")
        for region in self.regions:
            parts += self._region(region)
        return tuple(parts)

    def _extremes(self) -> Table:
        """Smallest and largest value of each derivative, and where."""
        arrays = [getattr(self, name) for name in _DERIVATIVES]
        columns = [Column("derivative", list(_DERIVATIVES.values()), heading="", left=True)]
        for heading, find in (("smallest", np.argmin), ("largest", np.argmax)):
            at = [np.unravel_index(find(values), values.shape) for values in arrays]
            ends = [f"{values[i]:+.3g}" for values, i in zip(arrays, at, strict=True)]
            where = [f"{quantity_text(self.N[i])}, {quantity_text(self.D[j])}" for i, j in at]
            columns.append(Column(heading, ends))
            columns.append(Column(f"at {heading}", where, heading="at N, D"))
        return Table(columns)

    def _region(self, region: Rise) -> list[str | Table]:
        along, other = region.along, region.other_variable
        N, D = map(quantity_text, region.worst)
        text = (
            f"The loss rises with {along} in {region.share:.1%} of the domain "
            f"({region.area:.2f} decades²),\n"
            f"most at N = {N}, D = {D}: ∂ln L / ∂ln {along} = {region.slope:+.3g}."
        )
        lines = Table(
            [
                Column(other, region.other, quantity_text, heading=f"at {other}"),
                Column(along, region.begins, quantity_text, heading=f"it rises from {along}"),
            ]
        )
        beyond = self._beyond_the_runs(region)
        return [text, lines.at(evenly(len(lines), _NUM_LINES)), *([beyond] if beyond else [])]

    def _beyond_the_runs(self, region: Rise) -> str:
        """Where the rise starts relative to the range of the runs."""
        if self.runs_N is None or self.runs_D is None:
            return ""
        along, other = (self.runs_N, self.runs_D)[:: 1 if region.along == "N" else -1]
        first = float(region.begins.min())
        inside = (region.other >= other[0]) & (region.other <= other[1])
        name = region.along
        if (inside & (region.begins <= along[1])).any():
            return f"It rises within the range of the runs: do not trust the law in {name} there."
        if first <= along[1]:
            return (
                "It does not rise within the range of the runs, only at other "
                f"{region.other_variable}."
            )
        return f"The rise starts at {first / along[1]:.3g} times the runs' largest {name}."

    def __repr__(self) -> str:
        found = ", ".join(map(repr, self.regions)) or "decreases everywhere"
        return f"Shape({self.law}, {len(self.N)} x {len(self.D)}, {found})"


def _range(name: str, values: np.ndarray | Range) -> str:
    return f"{name} from {quantity_text(values[0])} to {quantity_text(values[-1])}"
