"""The profile of the exponents and its minima, as plain NumPy arrays."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from farseer_jax.methods.end_to_end.objective_at import (
    check_copies,
    check_objective,
    check_sentences,
    check_settings,
)
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.parameter_bounds import bound_sentences
from farseer_jax.methods.reports import (
    Fitted,
    Report,
    Rows,
    require_lengths,
    to_plain,
)
from farseer_jax.methods.variable_projection.profile import candidates
from farseer_jax.results.agreement import AGREEMENT, require_close

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class ProfileReport(Report):
    """Evidence behind a fit by variable projection: the objective as a function of the exponents.

    Attributes:
        objective: the best value found, summed over the runs.
        exponents: names of the exponents that were searched; of tied ones the first.
        axes: values of each exponent, ``(candidate,)``.
        profile: the objective at the best linear parameters of every candidate, one axis per
            exponent; inf where it is not finite.
        minima: exponents of the polished minima, best first, ``(minimum, exponent)``.
        minima_objective: the objective there, ``(minimum,)``.
        num_copies: rows that copy another row exactly, which count once.
        doubts_about_runs: what the runs do not determine, or hardly, in sentences.
        vanished: positive parameters that contribute nothing.

    Example:
        >>> from farseer_jax import Chinchilla, VariableProjection, example_runs, fit
        >>> found = fit(Chinchilla, example_runs(), VariableProjection("huber")).diagnostics
        >>> found
        ProfileReport(1024 candidates of alpha and beta, 1 minimum)
        >>> found.profile.shape, bool(found.profile.min() >= found.objective)
        ((32, 32), True)
    """

    missing: ClassVar[float] = np.inf

    objective: float
    exponents: tuple[str, ...]
    axes: tuple[np.ndarray, ...]
    profile: np.ndarray
    minima: np.ndarray
    minima_objective: np.ndarray
    num_copies: int
    doubts_about_runs: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_lengths(self, "minima", "minima_objective")
        require_lengths(self, "axes", "exponents")
        if self.minima.ndim != 2 or self.minima.shape[1] != len(self.exponents):
            raise ValueError("diagnostics: minima and exponents have different lengths")

    def check_belongs(self, fitted: Fitted) -> None:
        """The objective, also as that of the best minimum, and the number of copies."""
        if not len(self.minima) or (np.diff(self.minima_objective) < 0.0).any():
            raise ValueError("diagnostics: minima_objective is not in ascending order")
        require_close("diagnostics.objective", self.objective, self.minima_objective[0])
        self._check_exponents(fitted)
        check_objective(self.objective, fitted)
        check_copies(self.num_copies, fitted)
        check_settings(fitted)
        check_sentences(self.doubts_about_runs, self.vanished, fitted)

    def _check_exponents(self, fitted: Fitted) -> None:
        """Refuse axes other than the settings', and minima outside them or not the law's."""
        method: Any = fitted.method
        bounds, law = dict(method.bounds), fitted.law.parameters()
        if any(name not in law for name in self.exponents):
            raise ValueError(f"diagnostics: exponents has names that the law has not, {law}")
        for name, axis, found in zip(self.exponents, self.axes, self.minima.T, strict=True):
            steps = np.diff(axis)
            if len(axis) != method.num_candidates or not np.allclose(steps, steps[0], 1e-6):
                raise ValueError(
                    f"diagnostics: axes of {name} is not of {method.num_candidates} even steps"
                )
            if name in bounds:
                require_close(f"diagnostics.axes of {name}", axis[[0, -1]], bounds[name])
            reach = AGREEMENT * (axis[-1] - axis[0])
            if not ((found >= axis[0] - reach) & (found <= axis[-1] + reach)).all():
                raise ValueError(f"diagnostics: minima of {name} lies outside its axis")
            require_close(f"diagnostics.minima of {name}", found[0], law[name])

    @property
    def num_candidates(self) -> int:
        """How many candidates there were."""
        return self.profile.size

    @property
    def num_minima(self) -> int:
        """How many distinct minima of the profile were found."""
        return len(self.minima_objective)

    def within(self, rise: float) -> dict[str, tuple[float, float]]:
        """The range of each exponent where the objective is within a share of its best value.

        To the resolution of the candidates; it always contains the best minimum.

        Args:
            rise: 0.1 for at most 10 % above the best objective.

        Raises:
            ValueError: the rise is negative.
        """
        if not rise >= 0.0:
            raise ValueError(f"rise must be 0 or more, got {rise!r}")
        points = candidates(self.axes)
        inside = points[:, self.profile.ravel() <= self.objective * (1.0 + rise)]
        near = np.concatenate([inside, self.minima[:1].T], axis=1)
        ends = zip(near.min(1).tolist(), near.max(1).tolist(), strict=True)
        return dict(zip(self.exponents, ends, strict=True))

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per candidate: its exponents and the objective."""
        import pandas as pd

        columns = dict(zip(self.exponents, candidates(self.axes), strict=True))
        return pd.DataFrame({**columns, "objective": self.profile.ravel()})

    def rows(self) -> Rows:
        """The objective, the candidates, and the minima found."""
        return [
            ("objective, summed", f"{self.objective:.7e}"),
            ("candidates", f"{self.num_candidates} of {' and '.join(self.exponents)}"),
            ("minima found", str(self.num_minima)),
        ]

    def doubts(self, fitted: Fitted) -> list[str]:
        """An exponent at the end of its range, or a term that vanished."""
        outcome, warnings = fitted.outcome, list(self.doubts_about_runs)
        if outcome is Outcome.undetermined:
            return warnings
        if outcome is Outcome.not_converged:
            remedy = "Raise max_steps, or fix a parameter (fixed=)."
            return [*warnings, f"{outcome.message} {remedy}"]
        at_edge = [
            f"{name} = {value:.4g} ended at a bound of its search [{axis[0]:g}, {axis[-1]:g}]: the "
            "runs favour values beyond it; widen its range (bounds=), or extrapolate with care."
            for name, value, axis in zip(self.exponents, self.minima[0], self.axes, strict=True)
            if value <= axis[0] or value >= axis[-1]
        ]
        fixed = tuple(dict(getattr(fitted.method, "fixed", ())))
        return [*at_edge, *bound_sentences(fitted.law, {}, fixed, self.vanished), *warnings]

    def __repr__(self) -> str:
        minima = "1 minimum" if self.num_minima == 1 else f"{self.num_minima} minima"
        names = " and ".join(self.exponents)
        return f"ProfileReport({self.num_candidates} candidates of {names}, {minima})"

    def to_dict(self) -> dict[str, Any]:
        """Lists and numbers for JSON, the profile flat; an infinite objective becomes None."""
        return {**super().to_dict(), "profile": to_plain(self.profile.ravel())}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`."""
        flat = super().from_dict(content)
        shape = tuple(map(len, flat.axes))
        if flat.profile.size != math.prod(shape):
            raise ValueError("diagnostics: profile and axes have different lengths")
        return replace(flat, profile=flat.profile.reshape(shape))
