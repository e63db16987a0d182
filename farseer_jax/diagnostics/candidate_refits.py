"""What a candidate predicts from the runs up to each limit: a law by refits, or the forecast."""

from typing import NamedTuple

import numpy as np

from farseer_jax.diagnostics.holdout_split import Split
from farseer_jax.fitting.fit_batch import fit_batch
from farseer_jax.forecasting.forecast import forecast
from farseer_jax.laws.law import Law
from farseer_jax.methods.method import Method
from farseer_jax.methods.outcome import Outcome
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.threads import one_blas_thread

LEVEL = 0.9  # nominal coverage of the forecast's intervals


class Refitted(NamedTuple):
    """Predictions from the runs up to each limit and, last, from all runs.

    Attributes:
        predicted: losses of all runs, ``(limit, run)``; NaN without a usable refit.
        target_predicted: losses of the targets, ``(limit + 1, target)``.
        outcomes: how each refit ended, ``limit + 1``; None where the runs were refused.
        inside: share of the held-out runs in their intervals, ``(limit,)``; NaN for a law.
        note: why the runs were refused; else empty.
    """

    predicted: np.ndarray
    target_predicted: np.ndarray
    outcomes: tuple[Outcome | None, ...]
    inside: np.ndarray
    note: str = ""


def refuse(runs: Runs, split: Split, targets: Runs | None, note: str) -> Refitted:
    """Nothing is predicted, for the reason of a note."""
    num, num_targets = len(split.limits), 0 if targets is None else len(targets)
    return Refitted(
        np.full((num, len(runs)), np.nan),
        np.full((num + 1, num_targets), np.nan),
        (None,) * (num + 1),
        np.full(num, np.nan),
        note,
    )


def refit_law(
    law: type[Law], method: Method, runs: Runs, split: Split, targets: Runs | None
) -> Refitted:
    """A law by a method: all refits are one batch by weights."""
    weights = np.concatenate([split.fitted, np.ones((1, len(runs)))]).astype(float)
    refits = fit_batch(law, runs, weights=weights, method=method, few=True)

    def predicted(at: Runs) -> np.ndarray:
        values = refits.predict(at.N, at.D)
        return np.where(refits.usable[:, None] & np.isfinite(values), values, np.nan)

    return Refitted(
        predicted(runs)[:-1],
        np.empty((len(refits), 0)) if targets is None else predicted(targets),
        tuple(refits.outcome(i) for i in range(len(refits))),
        np.full(len(split.limits), np.nan),
    )


def refit_forecast(runs: Runs, split: Split, targets: Runs | None) -> Refitted:
    """The forecast, made anew from the runs up to each limit, which are all that it sees."""
    last = [] if targets is None else [np.ones(len(runs), dtype=bool)]
    losses, at_targets, inside = [], [], []
    far = runs.select(mask=split.held_out)
    for fitted in [*split.fitted, *last]:
        with one_blas_thread():
            found = forecast(runs.select(mask=fitted), usual=False, level=LEVEL)
            losses.append(found.predict(runs.N, runs.D))
            low, high = found.interval(far.N, far.D, new_run=True)
            inside.append(float(((low <= far.loss) & (far.loss <= high)).mean()))
            if targets is not None:
                at_targets.append(found.predict(targets.N, targets.D))
    num = len(split.limits)
    return Refitted(
        np.array(losses[:num]),
        np.array(at_targets) if at_targets else np.empty((num + 1, 0)),
        (Outcome.success,) * (num + 1),
        np.array(inside[:num]),
    )
