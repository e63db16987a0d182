"""``report``: one page with the answer to a question, and its evidence."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.allocate import allocate
from farseer_jax.decisions.allocation_result import Allocation
from farseer_jax.decisions.suggest_runs import suggest_runs
from farseer_jax.diagnostics.extrapolate import extrapolate
from farseer_jax.forecasting.forecast import forecast
from farseer_jax.forecasting.forecast_table import interval_texts, number_format, point_text
from farseer_jax.forecasting.points import PointsLike
from farseer_jax.forecasting.result import Forecast
from farseer_jax.laws.law import Law
from farseer_jax.reporting.comparison import comparison_report
from farseer_jax.reporting.content import Section
from farseer_jax.reporting.explorer import forecast_explorer
from farseer_jax.reporting.python_text import comparison_text, python_text
from farseer_jax.reporting.result import Report
from farseer_jax.reporting.sections.answer import answer
from farseer_jax.reporting.sections.doubts import doubts
from farseer_jax.reporting.sections.fits import fits
from farseer_jax.reporting.sections.holdouts import holdouts as holdout_section
from farseer_jax.reporting.sections.next_runs import next_runs
from farseer_jax.reporting.sections.runs_map import runs_map
from farseer_jax.reporting.sections.split import split
from farseer_jax.results.numbers import level_text
from farseer_jax.results.result import Result
from farseer_jax.runtime.progress import stage
from farseer_jax.runtime.threads import one_blas_thread

_NUM_BUDGETS = 13  # of the curves, besides those asked for
_SHARE_OF_POINT = 0.1  # of the compute of the costliest point: the budget for further runs
_TITLES = {
    "holdouts": "Which law predicts larger runs best",
    "split": "How to split compute",
    "next": "Which runs to train next",
}
_T = TypeVar("_T")


def report(
    runs: object,
    points: PointsLike | None = None,
    *,
    against: object = None,
    names: tuple[str, str] | None = None,
    compute: ArrayLike | None = None,
    budget: float | None = None,
    law: type[Law] | str | None = None,
    level: float = 0.9,
    title: str = "",
    holdouts: bool = True,
    **options: Any,
) -> Report:
    """Answer a question about runs that have not been trained yet, on one page.

    The page shows, in the order in which a decision needs them: the forecast with its interval and
    how far it extrapolates, reasons for caution, sliders for the inputs, a map of the runs, the
    fits and their residuals, which law predicts larger runs from smaller ones best, how to split
    compute, which runs to train next, and how to reproduce the report. It is one HTML file with
    interactive figures, which loads nothing from the network.

    Args:
        runs: :class:`Runs`, or a table as for :func:`fit`.
        points: where to forecast, as for :func:`forecast`.
        against: the runs of another recipe: the page then shows which of the two wins at the points
            (:func:`compare_runs`) instead of a forecast.
        names: names of the two recipes; "A" and "B" unless given.
        compute: budgets to split between N and D, in FLOPs; by default those of the points.
        budget: FLOPs for further runs; by default a tenth of the compute of the costliest point.
        law: a law of any inputs, instead of the usual laws of N and D. The page then has neither a
            split of compute nor runs to train next.
        level: nominal coverage of the intervals.
        title: title of the page.
        holdouts: whether to compare laws by fits to the smaller runs, which takes most of the
            time.
        **options: of :func:`forecast`, such as ``response`` or ``columns_of``.

    Returns:
        The report: :meth:`Report.save` writes the page.

    Raises:
        ValueError, TypeError: as for :func:`forecast`, and for budgets that are not positive.

    Example:
        >>> from farseer_jax import example_runs, report
        >>> small = example_runs().select(max_N=1e9)
        >>> found = report(small, [(7e9, 2e11)], compute=1e22, holdouts=False)
        >>> found.summary
        'loss at N 7 B, D 200 B: 0.4465, 90 % interval 0.4387 to 0.4546'
    """
    if against is not None:
        refused = {"compute": compute, "budget": budget, "law": law, **options}
        return _comparison(runs, against, points, names, level, title, refused)
    if names is not None:
        raise ValueError("names: expected only with against=, the runs of the other recipe")
    _check_options(options)
    if law is not None and (compute is not None or budget is not None):
        raise ValueError(
            "compute, budget: cannot be combined with law=, because that page neither splits "
            "compute nor suggests runs; leave them out"
        )
    budgets = None if compute is None else _positive("compute", compute)
    if budget is not None:
        _positive("budget", budget)
    found = forecast(runs, points, law=law, level=level, **options)
    with one_blas_thread():
        answers = _answers(found, budgets, budget, holdouts=holdouts)
        with stage("drawing the page"):
            sections = _sections(found, answers, budget)
    results = {"forecast": found, **answers.results}
    given = {
        "compute": compute, "budget": budget, "law": law, "title": title or None,
        "holdouts": None if holdouts else False, **options,
    }  # fmt: skip
    return Report(
        title=title or f"Forecast of the {found.runs.loss_name or 'loss'}",
        summary=_summary(found),
        results=results,
        sections=tuple(sections),
        tables={"the runs": found.runs},
        settings={"level": level_text(level), "seed of draws": "0"},
        python=python_text(found, given, results),
    )


def _check_options(options: Mapping[str, Any]) -> None:
    """Refuse options that a forecast does not have.

    Raises:
        TypeError: there are such options.
    """
    known = signature(forecast).parameters
    for name in options:
        if name not in known:
            raise TypeError(f"report() got an unexpected keyword argument {name!r}")


def _comparison(
    runs: object,
    against: object,
    points: PointsLike | None,
    names: tuple[str, str] | None,
    level: float,
    title: str,
    refused: Mapping[str, Any],
) -> Report:
    """The report of two recipes; other arguments of a forecast are refused."""
    given = [name for name, value in refused.items() if value is not None]
    if given:
        raise ValueError(
            f"{', '.join(given)}: cannot be combined with against=, which compares runs over N "
            "and D; make one report of each table"
        )
    both = names or ("A", "B")
    python = comparison_text(points, both, level)
    return comparison_report((runs, against), points, both, level, title, python)


class _Answers(NamedTuple):
    """What follows the forecast.

    Attributes:
        results: the results by name.
        reasons: why others are missing, by name.
        curve: the best splits between the runs and the budgets asked for; None without any.
    """

    results: Mapping[str, Any]
    reasons: Mapping[str, str]
    curve: Allocation | None


def _answers(
    found: Forecast, compute: np.ndarray | None, budget: float | None, *, holdouts: bool
) -> _Answers:
    """Everything after the forecast; what the runs do not allow has a reason instead."""
    results: dict[str, Result] = {}
    reasons: dict[str, str] = {}

    def attempt(name: str, make: Callable[[], Result]) -> None:
        try:
            results[name] = make()
        except ValueError as error:
            reasons[name] = str(error)

    if holdouts:
        attempt("holdouts", lambda: extrapolate(found.runs, _candidates(found)))
    curve = None
    if found.law is None:
        asked = 6.0 * found.points["N"] * found.points["D"] if compute is None else compute
        attempt("split", lambda: allocate(found, np.unique(asked)))
        most = float((6.0 * found.points["N"] * found.points["D"]).max())
        at = dict(found.points)
        attempt("next", lambda: suggest_runs(found, at, budget=budget or _SHARE_OF_POINT * most))
        curve = allocate(found, _budgets(found, asked)) if "split" in results else None
    return _Answers(results, reasons, curve)


def _candidates(found: Forecast) -> list[Any] | None:
    law = found.law_class
    return None if found.law is None else [(law, "forecast"), law]


def _budgets(found: Forecast, asked: np.ndarray) -> np.ndarray:
    """Budgets from those of the runs to those asked for, for a curve."""
    runs = 6.0 * found.runs.N * found.runs.D
    ends = min(float(np.median(runs)), float(asked.min())), max(runs.max(), asked.max())
    return np.geomspace(*ends, _NUM_BUDGETS)


def _sections(found: Forecast, answers: _Answers, budget: float | None) -> list[Section]:
    own, curve = answers.results, answers.curve
    explorer = forecast_explorer(found, {} if curve is None else {"N": curve.N, "D": curve.D})
    later: dict[str, Callable[[], Section]] = {
        "holdouts": lambda: holdout_section(own["holdouts"]),
        "split": lambda: split(found, own["split"], curve or own["split"]),
        "next": lambda: next_runs(
            own["next"], "" if budget else "a tenth of the compute of the costliest point"
        ),
    }
    return [
        answer(found),
        doubts(found, own.get("holdouts")),
        *([] if explorer is None else [Section("explore", "Explore", [explorer])]),
        runs_map(found, curve, own.get("next")),
        fits(found),
        *(
            make() if name in own else _missing(name, answers.reasons[name])
            for name, make in later.items()
            if name in own or name in answers.reasons
        ),
    ]


def _missing(name: str, reason: str) -> Section:
    """A sentence in place of what the runs do not allow."""
    return Section(name, _TITLES[name], [f"Not available: {reason}"])


def _summary(found: Forecast) -> str:
    """The first answer in a sentence."""
    values = {name: np.asarray(x)[:1] for name, x in found.points.items()}
    predicted, (low, high) = found.predict(*values.values()), found.interval(*values.values())
    number = number_format(0.5 * (high - low))
    (interval,) = interval_texts(low, high, number)
    return (
        f"{found.runs.loss_name or 'loss'} at {point_text(found, 0)}: {number(predicted[0])}, "
        f"{level_text(found.level)} interval {interval}"
    )


def _positive(name: str, values: ArrayLike) -> np.ndarray:
    try:
        found = np.atleast_1d(np.asarray(values, dtype=float)).ravel()
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected FLOPs, got {values!r}") from None
    if not len(found) or not (np.isfinite(found) & (found > 0.0)).all():
        raise ValueError(f"{name}: expected positive FLOPs, got {values!r}")
    return found
