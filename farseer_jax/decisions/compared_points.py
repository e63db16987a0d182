"""Two surfaces compared at single points, and along lines."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.results.numbers import loss_text, percent_text, quantity_text
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table, evenly

_MAX_ROWS_SHOWN = 30
_NUM_SHOWN = 13  # rows shown of a longer table


@dataclass(frozen=True, eq=False, repr=False)
class ComparedPoints(Result):
    """Two losses at points (N, D), or along a line through them. Prints as a table.

    Attributes:
        names: names of A and B.
        N: parameters, ``(point,)``.
        D: tokens, ``(point,)``.
        loss_a: loss of A, ``(point,)``.
        loss_b: loss of B, ``(point,)``.
        inside: whether a point lies within the runs of both, ``(point,)``.
        probability: probability that A has the lower loss, ``(point,)``; None without draws of
            both.
        along: the quantity that is fixed along the line, in words; empty for points.
        parity_N: parameters where both losses are equal on the line, ``(crossing,)``.
        parity_D: tokens there, ``(crossing,)``.
        warnings: what to know before trusting them, such as a fitted loss that rises with N.

    Example:
        >>> from farseer_jax import Chinchilla, compare_fits
        >>> a = Chinchilla(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37)
        >>> b = Chinchilla(E=1.8, A=480.0, B=1000.0, alpha=0.35, beta=0.34)
        >>> found = compare_fits(a, b, N=(1e8, 1e11), D=(1e9, 1e12)).line(N=7e9)
        >>> found.difference.shape, f"{found.parity_D[0]:.4g}"
        ((65,), '1.082e+10')
    """

    names: tuple[str, str]
    N: np.ndarray
    D: np.ndarray
    loss_a: np.ndarray
    loss_b: np.ndarray
    inside: np.ndarray
    probability: np.ndarray | None = None
    along: str = ""
    parity_N: np.ndarray = field(default_factory=lambda: np.empty(0))
    parity_D: np.ndarray = field(default_factory=lambda: np.empty(0))
    warnings: tuple[str, ...] = ()

    @property
    def difference(self) -> np.ndarray:
        """Δ = (loss A − loss B) / loss B (paper App. E): negative where A is better."""
        return (self.loss_a - self.loss_b) / self.loss_b

    def table(self) -> Table:
        """One row per point."""
        a, b = self.names
        columns = [
            Column("", np.where(self.inside, "", "*"), in_data=False, left=True),
            Column("N", self.N, quantity_text),
            Column("D", self.D, quantity_text),
            Column("loss_a", self.loss_a, loss_text, heading=f"loss {a}"),
            Column("loss_b", self.loss_b, loss_text, heading=f"loss {b}"),
            Column("difference", self.difference, lambda value: percent_text(value, "+")),
            Column("inside", self.inside, text=None),
        ]
        if self.probability is not None:
            heading = f"P({a} wins)"
            columns.append(Column("probability", self.probability, "{:.1%}".format, heading))
        return Table(columns)

    def to_dict(self) -> dict[str, Any]:
        """``points`` and ``parity``, for JSON."""
        crossed = zip(self.parity_N.tolist(), self.parity_D.tolist(), strict=True)
        return {
            "names": list(self.names),
            "along": self.along,
            "points": self.table().records(),
            "parity": [{"N": N, "D": D} for N, D in crossed],
            "warnings": list(self.warnings),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """All points, or an even selection with both ends; and where a line crosses parity."""
        num = len(self.N)
        rows = np.arange(num) if num <= _MAX_ROWS_SHOWN else evenly(num, _NUM_SHOWN)
        notes = [f"{len(rows)} of {num} points"] if len(rows) < num else []
        if not self.inside.all():
            notes.append("* outside the runs of one or both")
        if self.along:
            notes += self._crossings()
        notes += [f"warning: {sentence}" for sentence in self.warnings]
        title = [f"{' against '.join(self.names)} at {self.along}"] if self.along else []
        return (*title, self.table().at(rows), *(["\n".join(notes)] if notes else []))

    def _crossings(self) -> list[str]:
        crossed = zip(self.parity_N, self.parity_D, strict=True)
        lines = [f"equal at N = {quantity_text(N)}, D = {quantity_text(D)}" for N, D in crossed]
        return lines or [_one_winner(self.names, self.loss_a - self.loss_b)]

    def __repr__(self) -> str:
        return f"ComparedPoints({self.names[0]} against {self.names[1]}, {len(self.N)} points)"


def _one_winner(names: tuple[str, str], gap: np.ndarray) -> str:
    if (gap == 0).all():
        return "both are equal everywhere"
    winner = names[0] if (gap <= 0).all() else names[1] if (gap >= 0).all() else None
    return f"{winner} is better all along" if winner else "no crossing found between the points"


class Course(NamedTuple):
    """A line through a domain.

    Attributes:
        low: lowest value of the line's coordinate.
        high: highest value of the line's coordinate.
        path: N and D at values of the coordinate.
        along: the quantity that is fixed along the line, in words.
    """

    low: float
    high: float
    path: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    along: str


def course(name: str, kept: float, N: tuple[float, float], D: tuple[float, float]) -> Course:
    """The line along which one quantity is fixed.

    Args:
        name: ``"N"``, ``"D"``, ``"compute"`` or ``"tokens_per_parameter"``.
        kept: value of that quantity.
        N: smallest and largest N of the domain.
        D: smallest and largest D of the domain.

    Raises:
        ValueError: the line misses the domain.
    """
    (low_N, high_N), (low_D, high_D) = N, D
    courses = {
        "N": Course(
            low_D, high_D, lambda t: (np.full_like(t, kept), t), f"N = {quantity_text(kept)}"
        ),
        "D": Course(
            low_N, high_N, lambda t: (t, np.full_like(t, kept)), f"D = {quantity_text(kept)}"
        ),
        "compute": Course(
            max(low_N, kept / (6.0 * high_D)),
            min(high_N, kept / (6.0 * low_D)),
            lambda t: (t, kept / (6.0 * t)),
            f"C = {kept:.3g} FLOPs",
        ),
        "tokens_per_parameter": Course(
            max(low_N, low_D / kept),
            min(high_N, high_D / kept),
            lambda t: (t, kept * t),
            f"D/N = {kept:.3g}",
        ),
    }
    found = courses[name]
    if not found.low < found.high:
        raise ValueError(
            f"line: {name}={kept:g} misses the domain, N from {low_N:.3g} to {high_N:.3g} and D "
            f"from {low_D:.3g} to {high_D:.3g}; compare over a wider one"
        )
    return found
