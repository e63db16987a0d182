"""The objective of an end-to-end fit, from its law and its runs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.methods.end_to_end.layout import copy_shares
from farseer_jax.methods.method import weights_of
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.reports import Fitted
from farseer_jax.objectives import as_objective
from farseer_jax.results.agreement import AGREEMENT, require_close


def objective_at(fitted: Fitted) -> tuple[float, float]:
    """The objective that a law has at its runs, and how far rounding may move it.

    Errors that are correlated take the values that are most probable.

    Args:
        fitted: the fit, by an end-to-end method.

    Returns:
        The objective, summed over the runs; and its largest change where every predicted loss
        changes by the share at which computed numbers still agree.
    """
    method: Any = fitted.method
    law, runs = fitted.law, fitted.runs
    objective = as_objective(method.objective)
    weights = weights_of(runs) * copy_shares(type(law), runs)
    predicted = evaluate_runs(law, runs)
    if getattr(method, "errors", None) is not None:
        columns = method.columns_of(method.prepare(type(law), runs))
        misses = runs.link.forward(predicted) - runs.link.forward(runs.loss)
        moved = runs.link.forward(predicted * (1.0 + AGREEMENT)) - runs.link.forward(predicted)
        return _with_errors(misses, np.abs(moved), columns, weights)

    def at(losses: np.ndarray) -> np.ndarray:
        value = objective.value(losses[:, None], runs.loss[:, None], 1.0, runs.link)
        return np.where(weights > 0.0, weights * value, 0.0)

    own = at(predicted)
    moves = [np.abs(at(predicted * (1.0 + step)) - own) for step in (-AGREEMENT, AGREEMENT)]
    return float(own.sum()), float(np.maximum(*moves).sum())


def _with_errors(
    misses: np.ndarray, moved: np.ndarray, columns: np.ndarray, weights: np.ndarray
) -> tuple[float, float]:
    """The least of ``½ Σ w (misses − columns · u)² + ½ u²`` over u, and its change."""
    weighted = weights[:, None] * columns
    u = np.linalg.solve(np.eye(columns.shape[1]) + columns.T @ weighted, weighted.T @ misses)
    left = misses - columns @ u
    value = 0.5 * float(weights @ left**2 + u @ u)
    return value, float(weights @ (np.abs(left) * moved + 0.5 * moved**2))


def check_objective(found: float, fitted: Fitted) -> None:
    """Refuse an objective that law and runs do not have.

    Raises:
        ValueError: it is another.
    """
    own, rounding = objective_at(fitted)
    if fitted.in_group and found >= own - rounding:
        return  # that of all groups together, if they share parameters
    require_close("diagnostics.objective", found, own, rounding)


def check_settings(fitted: Fitted) -> None:
    """Refuse a law without the fixed and tied parameters of its method, or outside its bounds.

    Raises:
        ValueError: a parameter is another.
    """
    method: Any = fitted.method
    law = fitted.law.parameters()
    numbers = {name: value for name, value in law.items() if isinstance(value, float)}
    for name, value in method.fixed:
        require_close(f"parameters.{name}", numbers.get(name, value), value)
    for group in method.tied:
        own = [numbers[name] for name in group if name in numbers]
        require_close(f"parameters {' and '.join(group)}, tied,", own, own[:1] * len(own))
    for name, (low, high) in method.bounds:
        reach = AGREEMENT * abs(numbers.get(name, 0.0))
        if not low - reach <= numbers.get(name, low) <= high + reach:
            raise ValueError(f"parameters.{name} is {numbers[name]:.6g}, outside its bounds")


def check_sentences(doubts: Sequence[str], vanished: Sequence[str], fitted: Fitted) -> None:
    """Refuse doubts and vanished parameters that do not lead to the outcome.

    Raises:
        ValueError: they do not.
    """
    if not all(doubts) or len(set(doubts)) < len(doubts):
        raise ValueError("diagnostics: doubts_about_runs has an empty sentence, or one twice")
    unknown = set(vanished) - set(type(fitted.law).parameter_names())
    if unknown or len(set(vanished)) < len(vanished):
        raise ValueError(f"diagnostics: vanished names {sorted(unknown) or 'a parameter twice'}")
    if fitted.outcome is Outcome.undetermined and not doubts:
        raise ValueError("diagnostics: doubts_about_runs is empty, and the outcome undetermined")
    if fitted.outcome is Outcome.success and vanished:
        raise ValueError("diagnostics: vanished names parameters, and the outcome is success")


def check_copies(found: int, fitted: Fitted) -> None:
    """Refuse a number of rows that copy another one, other than that of the runs.

    Raises:
        ValueError: it is another.
    """
    runs = fitted.runs
    num = len(runs) - round(float(copy_shares(type(fitted.law), runs).sum()))
    require_close("diagnostics.num_copies", found, num)
