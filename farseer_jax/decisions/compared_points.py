"""Points and lines: where two surfaces are compared one by one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.results.numbers import loss_text, percent_text, quantity_text
from farseer_jax.results.table import aligned

if TYPE_CHECKING:
    import pandas as pd


_MAX_ROWS_SHOWN = 30


@dataclass(frozen=True, eq=False, repr=False)
class ComparedPoints:
    """Two losses at points (N, D), or along a line through them. Prints as a table.

    Attributes:
        names: of A and B.
        along: what the line keeps, in words; empty for points.
        N: parameters, ``(point,)``.
        D: tokens, ``(point,)``.
        loss_a: loss of A, ``(point,)``.
        loss_b: loss of B, ``(point,)``.
        inside: whether a point lies within the runs of both, ``(point,)``.
        probability: that A has the lower loss, ``(point,)``; None without draws of both.
        parity_N: parameters where both losses are equal on the line, ``(crossing,)``.
        parity_D: tokens there, ``(crossing,)``.

    Example:
        >>> from farseer_jax import Chinchilla, compare_fits
        >>> a = Chinchilla(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37)
        >>> b = Chinchilla(E=1.8, A=480.0, B=1000.0, alpha=0.35, beta=0.34)
        >>> found = compare_fits(a, b, N=(1e8, 1e11), D=(1e9, 1e12)).line(N=7e9)
        >>> found.difference.shape, f"{found.parity_D[0]:.4g}"
        ((65,), '1.082e+10')
    """

    names: tuple[str, str]
    along: str
    N: np.ndarray
    D: np.ndarray
    loss_a: np.ndarray
    loss_b: np.ndarray
    inside: np.ndarray
    probability: np.ndarray | None
    parity_N: np.ndarray
    parity_D: np.ndarray

    @property
    def difference(self) -> np.ndarray:
        """Loss of A less that of B, over that of B (paper App. E): negative where A is better."""
        return (self.loss_a - self.loss_b) / self.loss_b

    def to_dict(self) -> dict[str, Any]:
        """``points`` and ``parity``, for JSON."""
        columns = {
            "N": self.N, "D": self.D, "loss_a": self.loss_a, "loss_b": self.loss_b,
            "difference": self.difference, "inside": self.inside,
        }  # fmt: skip
        if self.probability is not None:
            columns["probability"] = self.probability
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        crossed = zip(self.parity_N.tolist(), self.parity_D.tolist(), strict=True)
        return {
            "names": list(self.names),
            "along": self.along,
            "points": [dict(zip(columns, row, strict=True)) for row in rows],
            "parity": [{"N": N, "D": D} for N, D in crossed],
        }

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per point."""
        import pandas as pd

        return pd.DataFrame(self.to_dict()["points"])

    def __str__(self) -> str:
        a, b = self.names
        header = ["", "N", "D", f"loss {a}", f"loss {b}", "difference"]
        if self.probability is not None:
            header.append(f"P({a} wins)")
        chosen = _some(len(self.N))
        text = aligned(header, [self._row(i) for i in chosen], left=1)
        lines = [*([f"{a} against {b} at {self.along}", ""] if self.along else []), text, ""]
        if len(chosen) < len(self.N):
            lines.append(f"{len(chosen)} of {len(self.N)} points")
        if not self.inside.all():
            lines.append("* outside the runs of one or both")
        if self.along:
            lines += self._crossings()
        return "\n".join(lines).rstrip()

    def _row(self, i: int) -> list[str]:
        row = [
            "" if self.inside[i] else "*",
            quantity_text(self.N[i]),
            quantity_text(self.D[i]),
            loss_text(self.loss_a[i]),
            loss_text(self.loss_b[i]),
            percent_text(self.difference[i], "+"),
        ]
        return row if self.probability is None else [*row, f"{self.probability[i]:.1%}"]

    def _crossings(self) -> list[str]:
        places = zip(self.parity_N, self.parity_D, strict=True)
        lines = [f"equal at N = {quantity_text(N)}, D = {quantity_text(D)}" for N, D in places]
        return lines or [_one_winner(self.names, self.loss_a - self.loss_b)]

    def __repr__(self) -> str:
        return f"ComparedPoints({self.names[0]} against {self.names[1]}, {len(self.N)} points)"


def _some(num: int) -> list[int]:
    """Which rows are shown: all, or a dozen evenly, the ends among them."""
    if num <= _MAX_ROWS_SHOWN:
        return list(range(num))
    return np.unique(np.linspace(0, num - 1, 13).round().astype(int)).tolist()


def _one_winner(names: tuple[str, str], gap: np.ndarray) -> str:
    if (gap == 0).all():
        return "both are equal everywhere"
    winner = names[0] if (gap <= 0).all() else names[1] if (gap >= 0).all() else None
    return f"{winner} is better all along" if winner else "no crossing found between the points"
