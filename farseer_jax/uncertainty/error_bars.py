"""Standard errors without resampling, from the derivatives of the fit in its runs."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import fit_of
from farseer_jax.laws import quantities as _quantities
from farseer_jax.laws.evaluate import (
    by_column,
    curves,
    evaluate,
    flat_points,
    refuse_options_names,
)
from farseer_jax.laws.law import Law, require_N_and_D
from farseer_jax.laws.quantities import Function, allocation, losses, positive
from farseer_jax.laws.separable import require_curves
from farseer_jax.methods.method import weights_of
from farseer_jax.runs.checks import check_level
from farseer_jax.uncertainty.assumed_errors import BY_RUN, BY_SIZE
from farseer_jax.uncertainty.bootstrap_warnings import beyond_doubts, optimum_doubts, width_doubts
from farseer_jax.uncertainty.fit_derivatives import respond, respond_on_law
from farseer_jax.uncertainty.intervals import Intervals, normal
from farseer_jax.uncertainty.resampling import Setting
from farseer_jax.uncertainty.standard_errors import link_spread

ErrorKind = Literal["delta", "sandwich", "jackknife"]
_KINDS: tuple[str, ...] = get_args(ErrorKind)
_RESTS_ON = {
    "delta": "the noise of the runs, assuming that the law is true",
    "sandwich": "the residuals of the fit",
    "jackknife": "the effect of each run's weight",
}


@dataclass(frozen=True, eq=False)
class ErrorBars:
    """First-order standard errors of any quantity of a fit. From :func:`error_bars`.

    Attributes:
        fit: the fit.
        kind: ``"delta"``, ``"sandwich"`` or ``"jackknife"``.
        by_size: whether the runs of a size are perturbed together.
        noise: standard deviation on the link's scale (of ln loss) for the delta method; None
            estimates it from the runs.

    Example:
        >>> from farseer_jax import Farseer, error_bars, example_runs, fit
        >>> bars = error_bars(fit(Farseer, example_runs(noise=5e-4)))
        >>> found = bars.interval(25.1e9, [5e11, 1e12])
        >>> bool((found.lower < found.estimate).all()), found.kind
        (True, 'normal')
    """

    fit: Fit
    kind: ErrorKind
    by_size: bool
    noise: float | None = None

    def standard_error(self, *args: ArrayLike, **inputs: ArrayLike) -> np.ndarray:
        """Standard error of the predicted loss, in the broadcast shape of the inputs.

        Args:
            args: the law's inputs in order, such as N and D, as for :meth:`Fit.predict`.
            inputs: inputs by name.
        """
        points, shape = flat_points(type(self.fit.law), args, inputs)
        return self._standard_errors(losses, points).reshape(shape)[()]

    def covariance_of(self, function: Function) -> np.ndarray:
        """Covariances of the flattened values of a function of a law, ``(element, element)``."""
        parts = self._contributions(function)
        return parts.T @ parts

    def interval(self, *args: ArrayLike, level: float = 0.9, **inputs: ArrayLike) -> Intervals:
        """Normal intervals of the loss at points.

        Args:
            args: the law's inputs in order, such as N and D; they are broadcast and flattened.
            level: nominal coverage probability, assuming that the law is true.
            inputs: inputs by name.

        Raises:
            ValueError: a level outside (0, 1), or invalid points.
            TypeError: an input is missing or unknown.
        """
        check_level(level)
        law = self.fit.law
        refuse_options_names(type(law), args, inputs, ("level",))
        points, _ = flat_points(type(law), args, inputs)
        error = self._standard_errors(losses, points)
        at = by_column(type(law), points)
        return self._intervals("loss", at, evaluate(law, **points), error, level)

    def interval_of(self, function: Function, level: float = 0.9) -> Intervals:
        """Normal intervals of any function of a law; an array that it returns is flattened.

        Raises:
            ValueError: a level outside (0, 1).
            TypeError: the function is not made of JAX operations.
        """
        check_level(level)
        estimate = np.atleast_1d(_quantities.of_one(function, self.fit.law)).ravel()
        at = {"element": np.arange(len(estimate))} if len(estimate) > 1 else {}
        return self._intervals("value", at, estimate, self._standard_errors(function), level)

    def curves(self, N: ArrayLike, level: float = 0.9) -> dict[str, Intervals]:
        """Normal intervals of U(N), B(N) and A(N).

        Raises:
            TypeError: the law is not U(N) + B(N) · D^−A(N).
        """
        require_curves(self.fit.law)
        sizes = positive("N", N)
        return self._rows(("U", "B", "A"), {"N": sizes}, level, curves, sizes)

    def allocation(self, compute: ArrayLike, level: float = 0.9) -> dict[str, Intervals]:
        """Normal intervals of compute-optimal N, D and D/N, at budgets in FLOPs.

        Raises:
            ValueError: the law has other inputs than N and D.
        """
        require_N_and_D("ErrorBars.allocation", type(self.fit.law))
        budgets = positive("compute", compute)
        found = self._rows(
            ("N", "D", "tokens per parameter"), {"compute": budgets}, level, allocation, budgets
        )
        far = optimum_doubts(self.fit.runs, found["N"].estimate, found["D"].estimate)
        return {
            name: replace(own, doubts=far + own.doubts, warnings=far + own.warnings)
            for name, own in found.items()
        }

    def _rows(
        self,
        names: tuple[str, ...],
        at: dict[str, np.ndarray],
        level: float,
        function: Any,
        *arguments: np.ndarray,
    ) -> dict[str, Intervals]:
        check_level(level)
        estimate = _quantities.of_one(function, self.fit.law, *arguments)
        error = self._standard_errors(function, *arguments).reshape(estimate.shape)
        return {
            name: self._intervals(name, at, estimate[i], error[i], level)
            for i, name in enumerate(names)
        }

    def _intervals(
        self,
        quantity: str,
        at: dict[str, np.ndarray],
        estimate: np.ndarray,
        error: np.ndarray,
        level: float,
    ) -> Intervals:
        lower, upper = normal(error, estimate, level)
        found = Intervals(
            quantity=quantity,
            at=at,
            estimate=estimate,
            lower=lower,
            upper=upper,
            level=level,
            kind="normal",
            scheme=self.kind,
            seed=0,
            num_resamples=0,
            num_failed=0,
            note=_RESTS_ON[self.kind] + (", size by size" if self.by_size else ""),
            errors=BY_SIZE if self.by_size else BY_RUN,
        )
        doubts = (*self._beyond(at), *width_doubts(found))
        return replace(found, doubts=doubts, warnings=(*doubts, *self.fit.warnings))

    def _beyond(self, at: dict[str, np.ndarray]) -> tuple[str, ...]:
        over_N_and_D = set(type(self.fit.law).inputs()) == {"N", "D"}
        remedy = ": bootstrap(fit).interval adds the law's earlier errors" if over_N_and_D else ""
        return beyond_doubts(self.fit.runs, at, "these errors", remedy)

    def _standard_errors(self, function: Any, *arguments: Any) -> np.ndarray:
        return np.sqrt(np.sum(self._contributions(function, *arguments) ** 2, axis=0))

    def _contributions(self, function: Any, *arguments: Any) -> np.ndarray:
        """First-order change by each independent unit (a run or a size), ``(unit, element)``."""
        by = _directions(self.fit, self.kind)
        slopes = _quantities.along(function, self.fit.law, by, *arguments)
        changes = slopes.reshape(len(slopes), -1) * self._perturbations[:, None]
        groups = self._setting.size if self.by_size else self._setting.unit
        sums = np.zeros((groups.max() + 1, changes.shape[1]))
        np.add.at(sums, groups, changes)
        return sums

    @cached_property
    def _setting(self) -> Setting:
        return Setting.of(self.fit)

    @cached_property
    def _perturbations(self) -> np.ndarray:
        """The perturbation of each run's loss, or weight, ``(run,)``."""
        setting = self._setting
        if self.kind == "jackknife":
            return weights_of(self.fit.runs)
        if self.kind == "sandwich":
            deviation = setting.residuals(by_size=False, centred=False)
        elif self.noise is not None:
            deviation = np.full(setting.num_units, self.noise)
        else:
            deviation = setting.noise
        return link_spread(setting.link, setting.predicted, deviation)[setting.unit]


def error_bars(
    fit: Fit,
    kind: ErrorKind = "delta",
    *,
    by_size: bool | None = None,
    noise: float | None = None,
) -> ErrorBars:
    """Standard errors of any quantity of a fit, in milliseconds, without refits.

    The fit is linearised in its runs by exact derivatives (implicit differentiation):

    - ``"delta"``: perturbs each run's loss by its noise, as :class:`ParametricBootstrap`. If the
      inputs are not N and D, the noise is estimated from the residuals: these are the usual
      standard errors of nonlinear least squares.
    - ``"sandwich"``: perturbs each run's loss by its residual, as :class:`WildBootstrap`; does not
      assume that the law is right.
    - ``"jackknife"``: perturbs each run's weight (the infinitesimal jackknife, Jaeckel 1972), as
      :class:`ResampleRuns` and :class:`BayesianBootstrap`; for an end-to-end fit it is the
      sandwich estimator of White (1980).

    Like these bootstraps, they assume that the law is true in extrapolation: calibrated intervals
    (:func:`bootstrap`) are wider beyond the runs, and keep their nominal coverage.

    Args:
        fit: the fit.
        kind: ``"delta"``, ``"sandwich"`` or ``"jackknife"``.
        by_size: perturb the runs of a size together; None does so for the sandwich only, as
            :class:`WildBootstrap`.
        noise: standard deviation of ln loss (of the response on the link's scale) for the delta
            method; None estimates it per size.

    Raises:
        NoDerivativeError: the fit has no derivative; the message says why and what to do.
        ValueError: the kind is unknown; the noise is not positive, not for this kind, or cannot be
            estimated from the runs.

    Example:
        >>> from farseer_jax import Farseer, error_bars, example_runs, fit
        >>> bars = error_bars(fit(Farseer, example_runs(noise=5e-4)))
        >>> bool(bars.standard_error(25.1e9, 5e11) > bars.standard_error(1e9, 1e11))
        True
    """
    fit = fit_of(fit)
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(_KINDS)}, got {kind!r}")
    if noise is not None and (kind != "delta" or not 0 < noise < np.inf):
        raise ValueError(
            f"noise: expected a positive finite number, for kind 'delta' only, got {noise!r}"
        )
    by_size = kind == "sandwich" if by_size is None else by_size
    if kind == "delta" and by_size:
        raise ValueError(
            "by_size: noise is independent between runs; use kind 'sandwich' or 'jackknife'"
        )
    bars = ErrorBars(fit, kind, by_size, noise)
    _directions(fit, kind)
    bars._perturbations  # noqa: B018  refuses runs without noise right away
    return bars


def _directions(fit: Fit, kind: ErrorKind) -> Law:
    """Derivatives of the law in each run's weight, or in its loss (at the fitted losses)."""
    if kind == "jackknife":
        return respond(fit, by_weights=True).by_weights
    return respond_on_law(fit).by_losses
