"""Standard errors without resampling: from the derivatives of the fit in its runs."""

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
from farseer_jax.laws.separable import OneDataTerm
from farseer_jax.methods.method import weights_of
from farseer_jax.results.numbers import some_of
from farseer_jax.runs.checks import check_level
from farseer_jax.runs.coverage import beyond_runs
from farseer_jax.uncertainty.bootstrap_warnings import optimum_warnings
from farseer_jax.uncertainty.fit_derivatives import respond, respond_on_law
from farseer_jax.uncertainty.intervals import Intervals, normal
from farseer_jax.uncertainty.resampling import Setting
from farseer_jax.uncertainty.standard_errors import link_spread

ErrorKind = Literal["delta", "sandwich", "jackknife"]
_KINDS: tuple[str, ...] = get_args(ErrorKind)
_RESTS_ON = {
    "delta": "the noise of the runs, the law taken for true",
    "sandwich": "the residuals of the fit",
    "jackknife": "what each run's weight moves",
}


@dataclass(frozen=True, eq=False)
class ErrorBars:
    """Standard errors of whatever a fit gives, to first order. From :func:`error_bars`.

    Attributes:
        fit: the fit.
        kind: ``"delta"``, ``"sandwich"`` or ``"jackknife"``.
        by_size: runs of one size move together.
        noise: standard deviation on the link's scale (of ln loss) that the delta method takes;
            None: the runs' own.

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
        """Standard error of the predicted loss, of the broadcast shape of the inputs.

        Args:
            args: the law's inputs in their order, such as N and D, as for :meth:`Fit.predict`.
            inputs: the same by name.
        """
        points, shape = flat_points(type(self.fit.law), args, inputs)
        return self._standard_errors(losses, points).reshape(shape)[()]

    def covariance_of(self, function: Function) -> np.ndarray:
        """Covariances of what a function of a law gives, ``(element, element)``, read flat."""
        parts = self._contributions(function)
        return parts.T @ parts

    def interval(self, *args: ArrayLike, level: float = 0.9, **inputs: ArrayLike) -> Intervals:
        """Normal intervals of the loss at points.

        Args:
            args: the law's inputs in their order, such as N and D; they are broadcast, and read
                flat.
            level: nominal probability that an interval holds the truth, the law taken for true.
            inputs: the law's inputs by name.

        Raises:
            ValueError: a level outside (0, 1), or points that the law does not take.
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
        """Normal intervals of any function of a law; an array that it returns is read flat.

        Raises:
            ValueError: a level outside (0, 1).
            TypeError: the function is not made of operations of JAX.
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
        if not isinstance(self.fit.law, OneDataTerm):
            raise TypeError(f"the law {self.fit.law.name} has no curves U, B and A of N")
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
        beyond = optimum_warnings(self.fit.runs, found["N"].estimate, found["D"].estimate)
        return {
            name: replace(own, warnings=(*beyond, *own.warnings)) for name, own in found.items()
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
        return Intervals(
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
            warnings=(*self._beyond(at), *self.fit.warnings),
        )

    def _beyond(self, at: dict[str, np.ndarray]) -> tuple[str, ...]:
        """A sentence about points where only the law says what happens."""
        far = beyond_runs(self.fit.runs, at)
        if not far.any():
            return ()
        over_N_and_D = set(type(self.fit.law).inputs()) == {"N", "D"}
        remedy = ": bootstrap(fit).interval adds how far it missed so far" if over_N_and_D else ""
        return (
            f"{some_of(int(far.sum()), len(far), 'points', 'lies', 'lie')} beyond the runs, "
            f"where these errors take the law for true{remedy}.",
        )

    def _standard_errors(self, function: Any, *arguments: Any) -> np.ndarray:
        return np.sqrt(np.sum(self._contributions(function, *arguments) ** 2, axis=0))

    def _contributions(self, function: Any, *arguments: Any) -> np.ndarray:
        """What each independent unit (a run, or a size) adds, ``(unit, element)``."""
        by = _directions(self.fit, self.kind)
        slopes = _quantities.along(function, self.fit.law, by, *arguments)
        moved = slopes.reshape(len(slopes), -1) * self._moves[:, None]
        groups = self._setting.size if self.by_size else self._setting.unit
        sums = np.zeros((groups.max() + 1, moved.shape[1]))
        np.add.at(sums, groups, moved)
        return sums

    @cached_property
    def _setting(self) -> Setting:
        return Setting.of(self.fit)

    @cached_property
    def _moves(self) -> np.ndarray:
        """By how much each run's loss, or weight, moves."""
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
    """Standard errors of anything that a fit gives, in milliseconds: no refits.

    The fit is linearised in its runs, by exact derivatives (implicit differentiation):

    - ``"delta"``: each run's loss moves by its noise. What :class:`ParametricBootstrap` draws.
      Runs with other inputs than N and D show no noise: it is then what the fit leaves, and these
      are the usual standard errors of nonlinear least squares.
    - ``"sandwich"``: each run's loss moves by its own residual, which does not ask the law to be
      right. What :class:`WildBootstrap` draws.
    - ``"jackknife"``: each run's weight moves (the infinitesimal jackknife, Jaeckel 1972). What
      :class:`ResampleRuns` and :class:`BayesianBootstrap` draw; of a fit of all parameters at once
      it is the sandwich of White (1980).

    They take the law for true, as these bootstraps do: beyond the runs calibrated intervals
    (:func:`bootstrap`) are wider, and hold what they promise.

    Args:
        fit: the fit.
        kind: which.
        by_size: the runs of one size move together; None: for the sandwich only, as in
            :class:`WildBootstrap`.
        noise: standard deviation of ln loss (on the link's scale, of runs with another link) for
            the delta method; None estimates it per size.

    Raises:
        NoDerivativeError: the fit has no derivative; the message says why and what to do.
        ValueError: the kind is unknown; the noise is not positive, or not for this kind; the runs
            show no noise.

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
        raise ValueError(f"noise: positive and finite, for kind 'delta' alone, got {noise!r}")
    by_size = kind == "sandwich" if by_size is None else by_size
    if kind == "delta" and by_size:
        raise ValueError("by_size: noise is each run's own; take kind 'sandwich' or 'jackknife'")
    bars = ErrorBars(fit, kind, by_size, noise)
    _directions(fit, kind)
    bars._moves  # noqa: B018  refuses runs without noise before anything is asked
    return bars


def _directions(fit: Fit, kind: ErrorKind) -> Law:
    """Derivatives of the law in each run's weight, or in its loss at the fitted losses."""
    if kind == "jackknife":
        return respond(fit, by_weights=True).by_weights
    return respond_on_law(fit).by_losses
