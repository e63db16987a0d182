"""What projecting a fit onto decreasing laws changed, and what it cost."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import Law
from farseer_jax.link_functions import Link
from farseer_jax.methods.method import Method, weights_of
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.registry import DIAGNOSTICS
from farseer_jax.methods.reports import (
    Domain,
    Fitted,
    Report,
    Rows,
    as_remarks,
    require_at_least,
)
from farseer_jax.objectives import relative_error
from farseer_jax.results.agreement import require_close
from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.checks import Range
from farseer_jax.runs.runs import Runs


@dataclass(frozen=True, eq=False, repr=False)
class MonotoneReport(Report):
    """What a fit by :class:`MonotoneOver` changed, and what it cost.

    Attributes:
        method: name of the method that fitted.
        found: that method's own report, such as :class:`Diagnostics`.
        N: smallest and largest N of the domain.
        D: smallest and largest D of the domain.
        projected: whether the method's fit rises there and was replaced by another law.
        slopes_without: largest ``∂ ln L / ∂ ln N`` and ``∂ ln L / ∂ ln D`` of the method's fit over
            the domain: positive where it rises.
        slopes: the same for this fit.
        error_without: mean relative error of the method's fit on the fitted runs.
        error: the same for this fit.
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

    @property
    def num_copies(self) -> int:
        """Rows that copy another row exactly, where the method counts them."""
        return int(getattr(self.found, "num_copies", 0))

    @property
    def num_repeats(self) -> int:
        """Further runs of an (N, D) already there, where the method averages them."""
        return int(getattr(self.found, "num_repeats", 0))

    def how(self, method: Method, link: Link, outcome: Outcome) -> str:
        """The method's description, and whether the law decreases."""
        own: Any = method
        return str(own.describe(link, decreases=outcome is not Outcome.not_monotone))

    def rows_about_error(self) -> Rows:
        """The error of the method's own fit."""
        return [("  without constraint", f"{self.error_without:.3e}")] if self.projected else []

    def rows(self) -> Rows:
        """The rows of the method that fitted."""
        return as_remarks(self.found).rows()

    def doubts(self, fitted: Fitted) -> list[str]:
        """The result of the projection, and the doubts of the method that fitted."""
        return [*self._projection(fitted.outcome), *as_remarks(self.found).doubts(_inner(fitted))]

    def misfits(self, fitted: Fitted) -> list[str]:
        """The misfits of the method that fitted."""
        return as_remarks(self.found).misfits(_inner(fitted))

    def monotone_over(self, outcome: Outcome) -> Domain | None:
        """The domain, unless no law near the fit decreases over it."""
        return None if outcome is Outcome.not_monotone else Domain(self.N, self.D)

    def errors(self, fitted: Fitted) -> np.ndarray:
        """Of the averaged runs where the law was projected, else those of the method's own fit."""
        if not self.projected:
            return np.asarray(self.found.errors(_inner(fitted)))
        runs = fitted.runs
        return averaged_errors(fitted.law, runs, runs.loss, weights_of(runs) > 0)

    def check_belongs(self, fitted: Fitted) -> None:
        """The domain and the errors; where nothing was projected, the method's own report too."""
        require_at_least(self, 0.0, "error_without", "error", "largest_move")
        method: Any = fitted.method
        if (self.method, self.N, self.D) != (method.method.name, method.N, method.D):
            raise ValueError("diagnostics: the method or the domain differs from the settings")
        require_close("diagnostics.error", self.error, fitted.mean_relative_error)
        if not self.projected:
            require_close("diagnostics.error_without", self.error_without, self.error)
            self.found.check_belongs(_inner(fitted))

    def _projection(self, outcome: Outcome) -> list[str]:
        """A warning where the fit was replaced, or could not be."""
        N, D = (" to ".join(map(quantity_text, ends)) for ends in (self.N, self.D))
        domain = f"N from {N}, D from {D}"
        if outcome is Outcome.not_monotone:
            return [
                f"the law could not be kept decreasing: it rises within {domain}, and no law of "
                "its kind near it decreases there; choose a smaller domain or another law."
            ]
        if not self.projected:
            return []
        return [
            f"the fit by {self.method} rises within {domain} and was replaced by the nearest law "
            "that decreases there: the error on the fitted runs goes from "
            f"{self.error_without:.3%} to {self.error:.3%}, and no fitted loss changes by more "
            f"than {self.largest_move:.2%}."
        ]

    def __repr__(self) -> str:
        did = f"error {self.cost:+.2%}" if self.projected else "unchanged"
        return f"MonotoneReport({self.method}, {did}, {self.found!r})"

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`."""
        own = super().from_dict(content)
        return replace(own, found=DIAGNOSTICS[own.method].from_dict(own.found))


def averaged_errors(law: Law, runs: Runs, losses: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """Relative errors on the distinct fitted (N, D), repeats averaged."""
    points = np.stack([runs.N, runs.D])[:, fitted]
    (N, D), place = np.unique(points, axis=1, return_inverse=True)
    distinct = np.unique(np.stack([place.ravel(), losses[fitted]]), axis=1)
    which = distinct[0].astype(int)
    observed = np.bincount(which, distinct[1]) / np.bincount(which)
    return relative_error(evaluate(law, N, D), observed)


def _inner(fitted: Fitted) -> Fitted:
    """The fit, with the method that fitted in place of the projecting one."""
    method: Any = fitted.method
    return fitted._replace(method=method.method)
