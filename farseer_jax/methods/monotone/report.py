"""What projecting a fit onto laws that fall did, and what it cost."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from farseer_jax.methods.registry import DIAGNOSTICS
from farseer_jax.methods.report import Report
from farseer_jax.runs.checks import Range


@dataclass(frozen=True, eq=False, repr=False)
class MonotoneReport(Report):
    """What a fit by :class:`MonotoneOver` changed, and what it cost.

    Attributes:
        method: name of the method that fitted.
        found: what that method's fit found, such as :class:`Diagnostics`.
        N: smallest and largest N of the domain.
        D: smallest and largest D of the domain.
        projected: whether that fit rises there, so that another law stands for it.
        slopes_without: largest ``∂ ln L / ∂ ln N`` and ``∂ ln L / ∂ ln D`` over the domain, of that
            fit: positive where it rises.
        slopes: those of this fit.
        error_without: mean relative error of that fit on the fitted runs.
        error: that of this fit.
        largest_move: largest relative difference of the two fits' losses at the fitted runs.

    Example:
        >>> from farseer_jax import Farseer, MonotoneOver, Piecewise, example_runs, fit
        >>> method = MonotoneOver(Piecewise(), N=(2e8, 1e13), D=(1e9, 1e15))
        >>> found = fit(Farseer, example_runs(), method).diagnostics
        >>> found.projected, found.slopes_without[0] > 0.01, found.slopes[0] < 0
        (True, True, True)
        >>> found.error < 1.1 * found.error_without
        True
    """

    method: str
    found: Any
    N: Range
    D: Range
    projected: bool
    slopes_without: Range
    slopes: Range
    error_without: float
    error: float
    largest_move: float

    @property
    def cost(self) -> float:
        """How much larger the error on the fitted runs is, relative."""
        return self.error / self.error_without - 1.0 if self.error_without else 0.0

    def rows(self) -> list[list[str]]:
        """What a printed fit says of it, beside what it says of ``found``."""
        return [["  before it was held", f"{self.error_without:.3e}"]] if self.projected else []

    def __repr__(self) -> str:
        did = f"error {self.cost:+.2%}" if self.projected else "unchanged"
        return f"MonotoneReport({self.method}, {did}, {self.found!r})"

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`."""
        own = super().from_dict(content)
        return replace(own, found=DIAGNOSTICS[own.method].from_dict(own.found))
