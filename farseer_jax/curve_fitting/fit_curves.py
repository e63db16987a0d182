"""``fit_curves``: a law of loss curves, fitted to the curves of some runs."""

from typing import Any

import numpy as np

from farseer_jax.curve_fitting.errors import CurveErrors
from farseer_jax.curve_fitting.holdouts import CurveHoldouts, curve_holdouts
from farseer_jax.curve_fitting.members import member_of, noise_of
from farseer_jax.curve_fitting.points import CurvePoints, points_of, scale_of
from farseer_jax.curve_fitting.result import CurveFit, CurveRecord
from farseer_jax.curve_laws.law import CurveLaw
from farseer_jax.curve_laws.registry import SIZED, curve_law_named
from farseer_jax.curves.curves import Curves
from farseer_jax.fitting.type_checks import shown, with_article
from farseer_jax.forecasting.posterior import Posterior, fit_member
from farseer_jax.forecasting.rolling_limits import RollingLimits
from farseer_jax.forecasting.stack import record_of
from farseer_jax.runs.checks import check_level
from farseer_jax.runtime.progress import in_stages
from farseer_jax.runtime.threads import one_blas_thread

_LEAST_POINTS = 8
_MOST_POINTS = 1_536  # of all curves: more cost time and determine the law no better
_LEAST_OF_CURVE, _MOST_OF_CURVE = 12, 64


def fit_curves(
    curves: Curves,
    law: type[CurveLaw] | str | None = None,
    *,
    errors: CurveErrors | None = None,
    points: int | None = None,
    level: float = 0.9,
) -> CurveFit:
    """Fit a law of loss curves: the loss along training as a function of the schedule.

    The fit is least squares of ln loss with weak priors. The noise, outliers (spikes) and
    correlated errors along each curve are estimated with the law. The intervals are widened
    according to its errors on hold-outs, which are each curve and the end of each curve.

    Args:
        curves: the curves; those whose schedule continues past their last loss are still running.
        law: a law or its name; None chooses the law with the smallest errors on hold-outs. If the
            curves have several sizes N, the version for several sizes is used.
        errors: amplitudes and length of the correlated errors.
        points: number of points, equally spaced in the logarithm of the step, to which each curve
            is thinned; None is 64, and fewer if there are more than 24 curves.
        level: nominal coverage of intervals.

    Raises:
        TypeError: ``curves`` are not curves, or ``law`` is not a law of curves.
        ValueError: a law is unknown, the curves lack an input that it needs, or the curves have
            too few points.

    Example:
        >>> from farseer_jax import example_curves, fit_curves
        >>> found = fit_curves(example_curves(), "multi-power")
        >>> found.law.name
        'multi-power'
    """
    check_level(level)
    if not isinstance(curves, Curves):
        raise TypeError(
            "curves: expected Curves, such as read_curves(path), got "
            f"{with_article(type(curves).__name__)}"
        )
    if (num := sum(map(len, curves))) < _LEAST_POINTS:
        raise ValueError(
            f"curves: {num} points are too few for a law of curves, which needs {_LEAST_POINTS}; "
            "log the loss more often"
        )
    laws = laws_for(curves, law)
    if points is None:
        points = int(np.clip(_MOST_POINTS // len(curves), _LEAST_OF_CURVE, _MOST_OF_CURVE))
    thinned = curves.thinned(points)
    errors = CurveErrors() if errors is None else errors
    with one_blas_thread():
        stages = in_stages("fitting laws of curves and their hold-outs", laws)
        tried = [_fitted(thinned, own, errors) for own in stages]
    best = min(range(len(laws)), key=lambda place: tried[place][1].rms)
    posterior, _ = tried[best]
    laplace = posterior.laplace
    return CurveFit(
        curves=curves,
        law=tried[best][1].fitted,
        errors=errors,
        points=points,
        level=level,
        free=laplace.free[0],
        weights=laplace.weights[0],
        prior_precision=laplace.prior_precision[0],
        records=tuple(record for _, record in (tried[best], *tried[:best], *tried[best + 1 :])),
    )


def laws_for(curves: Curves, law: type[CurveLaw] | str | None) -> list[type[CurveLaw]]:
    """The laws to try: one, or all of the library; the versions for several sizes if needed.

    Raises:
        TypeError: not a law of curves.
        ValueError: an unknown name.
    """
    chosen = list(SIZED) if law is None else [curve_law_named(law) if isinstance(law, str) else law]
    for own in chosen:
        if not (isinstance(own, type) and issubclass(own, CurveLaw)):
            known = ", ".join(law.name for law in SIZED)
            raise TypeError(
                f"law: expected a law of curves ({known}) or its class, got {shown(own)}"
            )
    if len(set(curves.inputs.get("N", np.ones(1)).tolist())) < 2:
        return chosen
    return [SIZED.get(own, own) for own in chosen]


def _fitted(
    curves: Curves, law: type[CurveLaw], errors: CurveErrors
) -> tuple[Posterior, CurveRecord]:
    """A law fitted to all points and, for each hold-out, to the points left."""
    points = points_of(curves, law, errors)
    inputs = points.inputs
    holdouts = curve_holdouts(inputs["curve"], inputs["step"])
    columns: Any = errors.columns(inputs)  # has what a posterior needs
    rows = points.weights * np.vstack([np.ones(len(points.target)), holdouts.fitted])
    member = member_of(law, scale_of(curves))
    posterior = fit_member(
        member,
        columns,
        columns.at(inputs),
        inputs,
        points.target,
        rows,
        noise_of(errors),
    )
    return posterior, _record(posterior, holdouts, points)


def _record(posterior: Posterior, holdouts: CurveHoldouts, points: CurvePoints) -> CurveRecord:
    limits = RollingLimits(holdouts.limit, holdouts.fitted, holdouts.predicted)
    own = record_of(posterior, limits, points.inputs, points.target)
    law: Any = posterior.member.law_of(posterior.laplace.free[0])
    return CurveRecord(law.name, holdouts.names, own.miss, own.widening, law)
