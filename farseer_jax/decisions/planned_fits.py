"""Runs to train next by a fit: its derivatives in the losses, and the drift of its law."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from farseer_jax.decisions.candidate_runs import Candidates, Points
from farseer_jax.decisions.exchange_search import Rows
from farseer_jax.decisions.prediction_targets import Targets, optimal_points
from farseer_jax.decisions.prediction_variance import BLOCK, Ensemble
from farseer_jax.decisions.suggest_runs_result import SplitBefore, TargetBefore
from farseer_jax.decisions.target_errors import (
    Errors,
    basis_of,
    errors_of,
    split_rows,
    target_rows,
    weighed,
)
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.methods.derivatives import Differentiable, NoDerivativeError
from farseer_jax.methods.piecewise.design import build_design
from farseer_jax.methods.piecewise.method import Piecewise
from farseer_jax.results.numbers import capitalised
from farseer_jax.runs.checks import Floats
from farseer_jax.runs.noise import Noise, estimate_noise
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.selection import without_copies
from farseer_jax.uncertainty.calibration import Calibration
from farseer_jax.uncertainty.holdouts import calibration_of
from farseer_jax.uncertainty.intervals import normal
from farseer_jax.uncertainty.resampling import Setting
from farseer_jax.uncertainty.schemes_by_name import as_scheme

Misfit = Literal["hold-outs"] | Calibration | float | None


@dataclass(frozen=True, eq=False)
class FitPlan:
    """What a search of new runs needs of a fit.

    Attributes:
        fit: the fit.
        payable: the affordable candidates.
        targets: the targets.
        optima: the compute-optimal points of the budgets among them.
        ensemble: all runs, trained or not, on the fitted law.
        calibration: the drift of the law where it extrapolates.
        level: nominal probability of the intervals.
        basis: what the standard errors rest on, in words.
    """

    fit: Fit
    payable: Candidates
    targets: Targets
    optima: Points
    ensemble: Ensemble
    calibration: Calibration
    level: float
    basis: str
    block: ClassVar[int] = BLOCK

    @property
    def title(self) -> str:
        """The fit, in words."""
        name = capitalised(self.fit.law.name)
        return f"{name} law by {self.fit.method.name}, {len(self.fit.runs)} runs"

    @property
    def _rate(self) -> float:
        return self.calibration.rate_quantile(0.5)

    def errors(self, chosen: Rows) -> Errors:
        """Standard errors with subsets of the candidates."""
        return errors_of(self.ensemble.spread(chosen), self._rate)

    def variance(self, chosen: Rows, now: Errors) -> Floats:
        """The objective, ``(subset,)``; infinite for sizes with too few runs to take part."""
        spread = self.ensemble.spread(chosen)
        # a run or two of a new size would seem to fix its U, which assumes that the law is exact
        return np.where(spread.idle, np.inf, weighed(errors_of(spread, self._rate), now))

    def target_rows(self, ends: Rows) -> tuple[TargetBefore, ...]:
        """Target points, with no candidate and with those chosen."""
        points = self.targets.points
        if not len(points.N):
            return ()
        spread = self.ensemble.spread(ends)
        predicted = np.asarray(evaluate(self.fit.law, *points))
        error = np.sqrt(spread.noise[[0, -1]])
        half = self.calibration.half_width(error, spread.length[[0, -1]], level=self.level)
        low, high = predicted * np.exp(-half), predicted * np.exp(half)
        return target_rows(self.fit.runs, points, predicted, low, high)

    def split_rows(self, ends: Rows) -> tuple[SplitBefore, ...]:
        """Splits of the budgets, likewise."""
        errors = np.sqrt(self.ensemble.spread(ends).ratio)
        ratio = self.optima.D / self.optima.N
        low, high = map(np.exp, normal(errors, np.log(ratio), self.level))
        return split_rows(self.fit.runs, self.targets, self.optima, low, high)


def plan_by_fit(
    fit: Fit,
    paid: Points,
    payable: Callable[[Points], Candidates],
    targets: Targets,
    misfit: Misfit,
    noise: float | None,
    level: float,
) -> FitPlan:
    """The plan of :func:`suggest_runs` by a fit, whose arguments these are."""
    optima = optimal_points(fit.law, targets.compute)
    found = payable(optima)
    of_runs = _noise(fit.runs, noise)
    ensemble = build_ensemble(fit, paid, found.points, targets, of_runs)
    ensemble.check()
    # hold-outs say nothing about allocations
    calibration = _calibration(fit, misfit if len(targets.N) else None)
    basis = basis_of(of_runs, _misfit_text(calibration, misfit), targets)
    return FitPlan(fit, found, targets, optima, ensemble, calibration, level, basis)


def _noise(runs: Runs, noise: float | None) -> Noise | float:
    if noise is not None:
        if not 0.0 < noise < np.inf:
            raise ValueError(f"noise: expected a positive number such as 5e-4, got {noise!r}")
        return noise
    try:
        return estimate_noise(runs)
    except ValueError as error:
        raise ValueError(f"{error}; give it, such as noise=5e-4") from None


def build_ensemble(
    fit: Fit, paid: Points, candidates: Points, targets: Targets, noise: Noise | float
) -> Ensemble:
    """The runs of a fit, those paid for and the candidates, on the fit's law.

    Raises:
        NoDerivativeError: the method or its settings have no derivatives.
    """
    if not isinstance(fit.method, Differentiable):
        raise NoDerivativeError(
            f"the method {fit.method.name!r} has no derivatives of its fits (`refit`)"
        )
    runs = fit.runs
    # copies of a run share its noise
    keep = without_copies(runs.N, runs.D, runs.loss)
    parts = [Points(runs.N[keep], runs.D[keep]), paid, candidates]
    N, D = (np.concatenate(values) for values in zip(*parts, strict=True))
    losses = np.asarray(evaluate(fit.law, N, D))
    # made distinct for the layout: a repeat of a run has its own noise, while a copy does not
    apart = losses * (1 + 1e-12 * np.arange(len(N)))
    every = Runs(N, D, apart, N_unit=1.0, D_unit=1.0)
    design: Any = _layout_method(fit).prepare(type(fit.law), every)
    refit = fit.method.refit(design, every, fit.law, None)
    spread = np.full(len(N), noise) if isinstance(noise, float) else noise.of_runs(every)
    return Ensemble(refit, Points(N, D), losses, spread, targets, len(candidates.N))


def _layout_method(fit: Fit) -> Any:
    """The method with the step of D of the fit's runs, whatever the candidates."""
    if isinstance(fit.method, Piecewise) and fit.method.ratio is None:
        return replace(fit.method, ratio=float(build_design(fit.runs).ratio))
    return fit.method


def _calibration(fit: Fit, misfit: Misfit) -> Calibration:
    if misfit == "hold-outs":
        return calibration_of(fit, as_scheme(None, Setting.of(fit)), 0)
    if isinstance(misfit, Calibration):
        return misfit
    if isinstance(misfit, str) or not (misfit is None or 0.0 <= misfit < np.inf):
        raise ValueError(
            'misfit: expected "hold-outs", a Calibration, a number such as 0.002 or None, '
            f"got {misfit!r}"
        )
    return Calibration(np.array([misfit or 0.0]), np.ones(1), 0, np.nan, 0.0)


def _misfit_text(calibration: Calibration, misfit: Misfit) -> str:
    if misfit is None:
        return "; the law is assumed to be exact"
    if calibration.num_holdouts or misfit == "hold-outs":
        return f", and {calibration}"
    return f", and misfit {calibration.rate_quantile(0.5):.2%} per e-fold"
