"""Standard errors without resampling: from the derivatives of the fit in its runs."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax import _quantities
from farseer_jax._numbers import some_of
from farseer_jax._quantities import Function, allocation, flat_points, loss, positive
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import curves, evaluate
from farseer_jax.laws.law import Law
from farseer_jax.resampling._calibration import extrapolation_length
from farseer_jax.resampling._intervals import Intervals, normal
from farseer_jax.resampling._report import optimum_warnings
from farseer_jax.resampling._setting import Setting
from farseer_jax.runs.checks import check_level
from farseer_jax.sensitivity._respond import respond, respond_on_law

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
        noise: standard deviation of ln loss that the delta method takes; None: the runs' own.

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

    def standard_error(self, N: ArrayLike, D: ArrayLike) -> np.ndarray:
        """Standard error of the predicted loss, of the broadcast shape of N and D."""
        shape = np.broadcast_shapes(np.shape(N), np.shape(D))
        points = flat_points(N, D)
        evaluate(self.fit.law, *points)  # checks them
        return self._standard_errors(loss, *points).reshape(shape)[()]

    def covariance_of(self, function: Function) -> np.ndarray:
        """Covariances of what a function of a law gives, ``(element, element)``, read flat."""
        parts = self._contributions(function)
        return parts.T @ parts

    def interval(self, N: ArrayLike, D: ArrayLike, level: float = 0.9) -> Intervals:
        """Normal intervals of the loss at points.

        Args:
            N: parameters, in the unit of the runs.
            D: tokens; broadcasts with N, and both are read flat.
            level: nominal probability that an interval holds the truth, the law taken for true.

        Raises:
            ValueError: a level outside (0, 1), or points that are not positive.
        """
        check_level(level)
        points = flat_points(N, D)
        estimate = evaluate(self.fit.law, *points)
        error = self._standard_errors(loss, *points)
        at = {"N": points[0], "D": points[1]}
        return self._intervals("loss", at, estimate, error, level)

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
        """Normal intervals of U(N), B(N) and A(N)."""
        sizes = positive("N", N)
        return self._rows(("U", "B", "A"), {"N": sizes}, level, curves, sizes)

    def allocation(self, compute: ArrayLike, level: float = 0.9) -> dict[str, Intervals]:
        """Normal intervals of compute-optimal N, D and D/N, at budgets in FLOPs."""
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
        if "N" not in at:
            return ()
        runs = self.fit.runs
        far = extrapolation_length(runs, at["N"], at.get("D", runs.D[0])) > 0
        if not far.any():
            return ()
        return (
            f"{some_of(int(far.sum()), len(far), 'points', 'lies', 'lie')} beyond the runs, "
            "where these errors take the law for true: bootstrap(fit).interval adds how far it "
            "missed so far.",
        )

    def _standard_errors(self, function: Any, *arguments: np.ndarray) -> np.ndarray:
        return np.sqrt(np.sum(self._contributions(function, *arguments) ** 2, axis=0))

    def _contributions(self, function: Any, *arguments: np.ndarray) -> np.ndarray:
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
            return np.ones(len(self.fit.runs))
        predicted = setting.predicted[setting.unit]
        if self.kind == "sandwich":
            deviation = setting.residuals(by_size=False, centred=False)
        elif self.noise is not None:
            deviation = np.full(setting.num_units, self.noise)
        else:
            deviation = setting.noise
        return deviation[setting.unit] * predicted


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
        noise: standard deviation of ln loss for the delta method; None estimates it per size.

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
    return respond(fit).by_weights if kind == "jackknife" else respond_on_law(fit).by_losses
