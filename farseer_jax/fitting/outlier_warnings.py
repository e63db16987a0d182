"""A warning of runs that pull a fit: how far they are off, and what the fit gives without them."""

from dataclasses import replace
from typing import Any

import numpy as np

from farseer_jax.fitting.outliers import Outliers, find_outliers
from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.multi_start import MultiStartMethod
from farseer_jax.methods.method import Method, Solved, weights_of
from farseer_jax.methods.reports import Fitted
from farseer_jax.objectives import Objective, as_objective
from farseer_jax.results.numbers import loss_text, number_text, quantity_text
from farseer_jax.runs.coverage import flat_inputs
from farseer_jax.runs.row_labels import label_column, row_name
from farseer_jax.runs.runs import Runs

_MOST_NAMED = 6
_NUM_STARTS = 16
_ALONE, _PULLED = ", and the other runs alone cannot be fitted.", " the fit: without "
_LARGE = 2.0  # ratio from which on it is said as such


def outlier_warnings(fitted: Fitted, found: Outliers) -> list[str]:
    """A warning if outliers dominate the fit.

    They do if their squared residuals are more than those of all other runs, and without them a
    prediction moves by more than the other runs scatter.
    """
    rows = found.rows
    others = (len(fitted.runs) - len(rows)) * found.scale**2
    if not np.sum(found.residual[rows] ** 2) > others:
        return []
    without = _solved(type(fitted.law), fitted.runs, fitted.method, rows)
    if without is None:
        return [f"{_far(fitted.runs, found)}{_ALONE}"]
    link = fitted.runs.link
    before, after = (evaluate_runs(law, fitted.runs) for law in (fitted.law, without))
    with np.errstate(all="ignore"):
        moved = np.abs(link.forward(after) - link.forward(before))
    if np.nanmax(np.delete(moved, rows)) <= found.scale:
        return []
    place = _largest(fitted.runs, rows)
    them, pull = ("it", "pulls") if len(rows) == 1 else ("them", "they pull")
    return [
        f"{_far(fitted.runs, found)}, and {pull}{_PULLED}{them} the loss predicted for "
        f"the largest run ({_inputs(fitted.runs, place)}) is {_loss(after[place])} instead of "
        f"{_loss(before[place])}. {_remedy(fitted, int(rows[0]), them)}"
    ]


def says_pulled(sentence: str) -> bool:
    """Whether a sentence is such a warning."""
    return sentence.endswith(_ALONE) or _PULLED in sentence


def without_outliers(error: ValueError, law: type[Law], runs: Runs, method: Method) -> ValueError:
    """What to raise where a method refuses the losses: the runs to blame, if it fits the others."""
    found = find_outliers(law, runs, method)
    if not len(found.rows) or _solved(law, runs, method, found.rows) is None:
        return error
    them = "it" if len(found.rows) == 1 else "them"
    return ValueError(
        f"column 'loss': {_far(runs, found)}: leave {them} out (drop=), for without {them} the "
        f"{method.name} method fits the runs. With {them}: {error}"
    )


def _far(runs: Runs, found: Outliers) -> str:
    worst, *others = found.rows.tolist()
    text = (
        f"the loss {_loss(runs.loss[worst])} of {row_name(runs.extra, worst)} "
        f"({_inputs(runs, worst)}) is {_off(runs, found, worst)} what the other runs give"
    )
    if not others:
        return text
    return f"{text}; so far off are also {_listed(runs, others)}"


def _listed(runs: Runs, rows: list[int]) -> str:
    column = label_column(runs.extra)
    shown = [row if column is None else runs.extra[column][row] for row in rows[:_MOST_NAMED]]
    more = f" and {len(rows) - len(shown)} more" if len(rows) > len(shown) else ""
    return f"{column or 'row'} {', '.join(map(str, shown))}{more}"


def _off(runs: Runs, found: Outliers, row: int) -> str:
    """How far a loss is above or below, in words before "what the others give"."""
    residual = float(found.residual[row])
    where = "below" if residual > 0.0 else "above"
    if runs.link.name != "log":
        return f"{abs(residual):.3g} {where}"
    ratio = float(np.exp(-residual))
    return f"{ratio:.3g} times" if ratio > _LARGE else f"{abs(ratio - 1.0):.1%} {where}"


def _inputs(runs: Runs, row: int) -> str:
    columns = flat_inputs(runs, runs.inputs).items()
    return ", ".join(f"{name} = {_text(name, column[row])}" for name, column in columns)


def _text(name: str, value: Any) -> str:
    if name in ("N", "D"):
        return quantity_text(float(value))
    return number_text(float(value), 3) if isinstance(value, float | np.floating) else str(value)


def _loss(value: float) -> str:
    return loss_text(float(value))


def _largest(runs: Runs, rows: np.ndarray) -> int:
    """The largest of the other runs by compute; without N and D the one of the lowest response."""
    size = runs.flops if {"N", "D"} <= set(runs.inputs) else -runs.loss
    others = np.setdiff1d(np.arange(len(runs)), rows)
    return int(others[np.argmax(size[others])])


def _remedy(fitted: Fitted, worst: int, them: str) -> str:
    """A robust fit, where this one is not, or one without them."""
    labels = label_column(fitted.runs.extra)
    name = worst if labels is None else f'"{fitted.runs.extra[labels][worst]}"'
    leave = f"leave {them} out, as in select(drop={name})."
    if them == "them":
        leave = "leave them out (drop=)."
    objective = getattr(fitted.method, "objective", None)
    if not isinstance(objective, Objective | str):
        robust = 'method=LeastSquares("huber") (shell: --method least-squares --objective huber)'
        return f"Fit by {robust}, or {leave}"
    if as_objective(objective).is_squared:
        return f'Use objective="huber", or {leave}'
    return leave[0].upper() + leave[1:]


def _solved(law: type[Law], runs: Runs, method: Any, rows: np.ndarray) -> Law | None:
    """The law fitted without some runs; None if that fails."""
    weights = weights_of(runs).copy()
    weights[rows] = 0.0
    if isinstance(method, MultiStartMethod):  # without outliers a few starts find the optimum
        own: Any = method
        method = replace(own, num_starts=min(own.num_starts, _NUM_STARTS))
    if hasattr(method, "prepare_many"):  # in NumPy
        design = method.prepare_many(law, [runs])[0]
    else:
        design = method.prepare(law, runs)
    try:
        solved: Solved = method.fit_one(design, runs.loss, weights)
    except ValueError:
        return None
    return solved.law if solved.outcome.usable else None
