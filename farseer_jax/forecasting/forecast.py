"""``forecast``: the loss that runs will reach, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from farseer_jax.fitting.arguments import as_parts
from farseer_jax.forecasting.fit_stack import FittedStack, fit_stack
from farseer_jax.forecasting.points import PointsLike, as_points
from farseer_jax.forecasting.result import FittedMember, Forecast, refuse_without_value
from farseer_jax.forecasting.usual_laws import fit_usual_laws
from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.law import Law
from farseer_jax.link_functions import Link
from farseer_jax.methods.correlated_errors import CorrelatedErrors
from farseer_jax.methods.end_to_end.layout import distinct_rows, unique_columns
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.runs.checks import check_level
from farseer_jax.runs.copies import Copies
from farseer_jax.runs.runs import Runs
from farseer_jax.solvers.estimated_noise import Laplace

_Kind = TypeVar("_Kind")
_WORST_CONDITION = 1e12  # of the scaled information: beyond, a parameter is rounding
_NEXT = 10.0  # times the compute of the largest run: where a forecast without points predicts


def forecast(
    runs: object,
    points: PointsLike | None = None,
    *,
    law: type[Law] | str | None = None,
    level: float = 0.9,
    errors: CorrelatedErrors | None = None,
    method: LeastSquares | None = None,
    usual: bool = True,
    response: str | None = None,
    columns_of: Mapping[str, str | Sequence[str]] | None = None,
    link: Link | str | None = None,
    weights: str | None = None,
    standard_error: str | None = None,
    kinds: Mapping[str, str] | None = None,
    real: str | Sequence[str] = (),
    units: Mapping[str, float | None] | None = None,
    copies: Copies = "average",
) -> Forecast:
    """Forecast the response of runs, with intervals that count the laws' misfit.

    Errors of runs are not independent: those of one size are correlated, and every law leaves a
    smooth misfit. Both are fitted together with the law (:class:`CorrelatedErrors`), and the
    forecast is the law plus what they are expected to be at a point. Over N and D it combines
    Chinchilla's law, the coupled law without and with an interaction of N and D, and Farseer's law,
    weighted by how well each predicted the larger runs from the smaller ones. Outliers lose weight.

    Args:
        runs: :class:`Runs`, or a table as for :func:`fit`.
        points: where the result's table predicts: pairs ``(N, D)``, a mapping of inputs to arrays,
            or :class:`Runs`, whose losses are compared with the predictions; a run of ten times
            the largest compute unless given.
        law: a law of your own, a class or an expression, instead; it may have any inputs.
        level: nominal coverage of the intervals.
        errors: amplitudes and lengths of the correlated errors.
        method: starts and fixed parameters of your own law.
        usual: whether the usual laws over N and D are fitted too, for comparison.
        response: the column of the response, as in :func:`fit`.
        columns_of: columns of inputs that are not found by name.
        link: the scale on which errors of the response are comparable.
        weights: a column of weights of the runs.
        standard_error: a column of standard errors of the response, instead of weights.
        kinds: kinds of an expression's inputs that are not positive numbers.
        real: parameters of an expression that may have either sign.
        units: factors of inputs.
        copies: rows of a table that are equal in all inputs and the response count once, or
            each (``"keep"``), as in :func:`fit`.

    Raises:
        ValueError: the runs cannot be used, they all have the same inputs, a point is invalid, or
            the level is not in (0, 1).
        TypeError: not a law or not a table.

    Example:
        >>> from farseer_jax import example_runs, forecast
        >>> answer = forecast(example_runs(), [(25.1e9, 5e11)])
        >>> row = answer.to_dataframe().iloc[0]
        >>> bool(row.run_lower < row.lower < row.predicted < row.upper < row.run_upper)
        True
    """
    check_level(level)
    kind, parts = as_parts(
        Chinchilla if law is None else law,
        runs,
        response=response,
        columns_of=columns_of,
        link=link,
        weights=weights,
        standard_error=standard_error,
        kinds=kinds,
        real=real,
        units=units,
        copies=copies,
    )
    if len(parts) > 1:
        names = ", ".join(part.response for part in parts)
        raise ValueError(f"response: a forecast has one, got {names}: name one of them")
    checked = _without_copies(_with_weight(parts[0].runs), kind)
    own = None if law is None else kind
    _refuse(checked, kind, own)
    errors = _setting("errors", errors, CorrelatedErrors)
    method = _setting("method", method, LeastSquares)
    at, observed = (_next_point(checked, kind), None) if points is None else as_points(points, kind)
    fitted = fit_stack(checked, own, errors, method)
    if own is not None:
        _refuse_undetermined(own, fitted.stack.posteriors[0].laplace)
    members, judging, rolling = _members(fitted), fitted.judging, fitted.rolling
    del fitted  # with many runs its arrays are large, and the forecast computes its own
    has_usual = usual and own is None and set(kind.inputs()) == {"N", "D"}
    answer = Forecast(
        runs=checked,
        points=at,
        level=level,
        members=members,
        errors=errors,
        method=method,
        law=None if own is None else members[0].law,
        observed=observed,
    )
    if has_usual:
        some = slice(None) if judging is None else judging
        judges = checked if judging is None else checked.select(mask=_mask(judging, len(checked)))
        usual_laws = fit_usual_laws(judges, rolling, at, answer.run_weights[some])
        answer = replace(answer, usual=usual_laws)
    refuse_without_value(answer)
    return answer


def _members(fitted: FittedStack) -> tuple[FittedMember, ...]:
    """What a forecast keeps of its members."""
    stack = fitted.stack
    parts = zip(stack.posteriors, stack.shares, stack.widening, fitted.records, strict=True)
    return tuple(
        FittedMember(
            law=posterior.member.law_of(posterior.member.parameters(posterior.laplace.free[0])),
            correlated=posterior.member.correlated,
            share=float(share),
            widening=float(factor),
            noise=float(posterior.laplace.noise[0]),
            record=record,
            free=posterior.laplace.free[0],
            weights=posterior.laplace.weights[0],
            prior_precision=posterior.laplace.prior_precision[0],
        )
        for posterior, share, factor, record in parts
    )


def _mask(places: np.ndarray, num: int) -> np.ndarray:
    """Whether each of so many places is among some, ``(num,)``."""
    mask = np.zeros(num, dtype=bool)
    mask[places] = True
    return mask


def _without_copies(runs: Runs, law: type[Law]) -> Runs:
    """The runs without rows that copy another one exactly."""
    first, _ = unique_columns(distinct_rows(law, runs, runs.loss))
    if len(first) == len(runs):
        return runs
    return runs.select(mask=_mask(first, len(runs)))


def _setting(name: str, value: Any, kind: type[_Kind]) -> _Kind:
    """A setting of the forecast, or its default.

    Raises:
        TypeError: it is something else.
    """
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise TypeError(f"{name}: expected {kind.__name__}, got {type(value).__name__}")
    return value


def _with_weight(runs: Runs) -> Runs:
    """The runs whose weight is not 0."""
    if runs.weights is None or (runs.weights > 0.0).all():
        return runs
    return runs.select(mask=runs.weights > 0.0)


def _refuse_undetermined(law: type[Law], found: Laplace) -> None:
    """Refuse a law with parameters that the runs leave open: it has no priors."""
    if found.condition > _WORST_CONDITION:
        raise ValueError(
            f"the runs do not determine the parameters of the law {law.name!r}, so that it "
            "predicts anything beyond them: a fit names the parameters; fix some, "
            "method=LeastSquares(fixed={…}) in Python or --fix NAME=VALUE in the shell, or train "
            "the runs that it asks for"
        )


def _refuse(runs: Runs, law: type[Law], own: type[Law] | None) -> None:
    """Refuse runs from which nothing can be forecast."""
    if own is None and runs.link.name != "log":
        raise ValueError(
            f"the laws of a forecast are for positive losses (link='log'), but the runs have the "
            f"link {runs.link.name!r}: give a law of this response (law=)"
        )
    response = runs.link.forward(runs.loss)
    if own is not None and np.ptp(response) == 0.0:
        raise ValueError(
            f"all {len(runs)} runs have the same response, {runs.loss[0]:g}, so they do not show "
            "how it changes: take another response"
        )
    columns = [np.asarray(x, float).reshape(len(runs), -1) for x in law.columns(runs).values()]
    if all((own == own[0]).all() for own in columns):
        raise ValueError(
            f"the runs ({len(runs)}) all have the same {' and '.join(law.inputs())}, so they do "
            "not show how the loss changes: train runs with others"
        )


def _next_point(runs: Runs, law: type[Law]) -> dict[str, np.ndarray]:
    """A run of ten times the largest compute, with the same D/N; else the largest of each input."""
    if tuple(law.inputs()) == ("N", "D"):
        largest = int(np.argmax(runs.N * runs.D))
        factor = np.sqrt(_NEXT)
        own = {"N": runs.N[largest], "D": runs.D[largest]}
        return {name: np.array([float(f"{x * factor:.4g}")]) for name, x in own.items()}
    columns: dict[str, Any] = law.columns(runs)
    return {name: values[[int(np.argmin(runs.loss))]] for name, values in columns.items()}
