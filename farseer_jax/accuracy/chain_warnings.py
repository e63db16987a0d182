"""Reasons to doubt accuracies that a chain predicts."""

from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.accuracy.chain_table import AVERAGE
from farseer_jax.accuracy.step import AccuracyStep
from farseer_jax.laws.catalogue.accuracy import LogisticAccuracy

if TYPE_CHECKING:
    from farseer_jax.accuracy.chain import Chain

_MOST_NAMES = 4
_FEW_SIZES = 3
_WIDE_FLOOR = 0.05  # standard deviation of an undetermined floor
_FAR = 0.5  # of the range of losses
FEWEST_ABOVE = 3  # runs above chance that show a trend
_RISES = 0.5  # rank correlation of loss and accuracy
_SAME_LABEL, _FEWEST_RARER = 0.004, 3  # near its accuracy, and runs that have it
_BELOW = 0.01  # a prediction that is worse than guessing
_CLOSE = 2.0  # standard deviations of a run from chance


def chain_warnings(chain: "Chain") -> tuple[str, ...]:
    """Reasons to doubt the accuracies, worst first."""
    found: list[str | None] = [
        _constant(chain),
        _rising(chain),
        _at_chance(chain),
        _one_label(chain),
        _below_chance(chain),
        _beyond(chain),
        _few_sizes(chain),
        _floor(chain),
    ]
    return tuple(own for own in found if own is not None)


def _known(step: AccuracyStep) -> np.ndarray:
    """Whether each run has a weight, ``(run,)``."""
    return np.asarray(step.weights > 0.0)


def _is_constant(step: AccuracyStep) -> bool:
    return bool(np.ptp(step.runs.accuracy[_known(step)]) == 0.0)


def _constant(chain: "Chain") -> str | None:
    names = [task for task in chain.tasks if _is_constant(chain.of_task(task)[0])]
    if not names:
        return None
    return f"the accuracy on {listed(names)} is the same in all runs, so they show no trend"


def _rising(chain: "Chain") -> str | None:
    """Accuracies that increase with the loss."""
    names = []
    for task in chain.tasks:
        step = chain.of_task(task)[0]
        loss = step.runs.inputs.get("task_loss")
        if loss is None or _is_constant(step):
            continue
        own = _known(step)
        ranks = [np.argsort(np.argsort(x[own])) for x in (loss, step.runs.accuracy)]
        if np.asarray(np.corrcoef(np.stack(ranks)))[0, 1] > _RISES:
            names.append(task)
    if not names:
        return None
    return (
        f"the accuracy on {listed(names)} increases with its loss: check that the column of the "
        "loss is right"
    )


def _at_chance(chain: "Chain") -> str | None:
    names = [
        task for task in chain.tasks if task != AVERAGE and _is_at_chance(chain.of_task(task)[0])
    ]
    if not names:
        return None
    verb = "is" if len(names) == 1 else "are"
    return (
        f"{listed(names)} {verb} at chance level in nearly all runs, so they do not show when the "
        "accuracy will rise: the prediction is little more than the prior"
    )


def _one_label(chain: "Chain") -> str | None:
    """Tasks on which small runs always give the rarer of two labels."""
    names = []
    for task in chain.tasks:
        step = chain.of_task(task)[0]
        if task == AVERAGE or not step.chance > 0.5:
            continue
        rarer = np.abs(step.runs.accuracy - (1.0 - step.chance)) < _SAME_LABEL
        if np.count_nonzero(rarer & _known(step)) >= _FEWEST_RARER:
            names.append(task)
    if not names:
        return None
    return (
        f"on {listed(names)} some runs always give the rarer label, by their accuracies: runs "
        "scatter between this level and that of the commonest label, whatever their loss"
    )


def _below_chance(chain: "Chain") -> str | None:
    """Tasks predicted below the accuracy of guessing, or of the commonest label."""
    names = []
    for place, task in enumerate(chain.tasks):
        step = chain.of_task(task)[0]
        if task == AVERAGE or not np.isfinite(step.chance) or _is_constant(step):
            continue
        if (chain.predicted[:, place] < step.chance - _BELOW).any():
            names.append(f"{task} ({100.0 * step.chance:.0f} %)")
    if not names:
        return None
    is_one = len(names) == 1
    return (
        f"the prediction{'s' * (not is_one)} on {listed(names)} {'is' if is_one else 'are'} below "
        "chance: always guessing, or giving the commonest label, is better"
    )


def _is_at_chance(step: AccuracyStep) -> bool:
    return not _is_constant(step) and int(above_chance(step).sum()) < FEWEST_ABOVE


def above_chance(step: AccuracyStep) -> np.ndarray:
    """Whether each run is above the floor by more than its noise, ``(run,)``."""
    known = np.nan_to_num(step.runs.accuracy, nan=-np.inf)
    return np.asarray(known > floor_of(step) + _CLOSE * step.noise)


def floor_of(step: AccuracyStep) -> float:
    """The accuracy of guessing; the floor of the law where it is not known."""
    return step.chance if np.isfinite(step.chance) else step.bounds[0]


def _beyond(chain: "Chain") -> str | None:
    """Losses far below those of all runs."""
    far: list[str] = []
    for task in chain.tasks:
        for step in chain.of_task(task):
            if step.source < 0 or "task_loss" not in step.runs.inputs:
                continue
            known = step.runs.inputs["task_loss"][_known(step)]
            least, width = float(np.nanmin(known)), float(np.nanmax(known) - np.nanmin(known))
            if (chain.loss[step.source] < least - _FAR * width).any():
                far.append(task)
    names = list(dict.fromkeys(far))
    if not names:
        return None
    return (
        f"the predicted loss on {listed(names)} is far below that of all runs (by more than half "
        "their range): the accuracy there is extrapolated"
    )


def _few_sizes(chain: "Chain") -> str | None:
    num = min(len(np.unique(step.runs.size[_known(step)])) for step in chain.steps)
    if num >= _FEW_SIZES:
        return None
    sizes = "one size" if num == 1 else f"{num} sizes"
    return f"the runs have {sizes}: how errors grow with size is assumed, not estimated"


def _floor(chain: "Chain") -> str | None:
    names = []
    for task in chain.tasks:
        step = chain.of_task(task)[0]
        if task == AVERAGE or not isinstance(step.law, LogisticAccuracy) or _is_at_chance(step):
            continue
        laplace = step.posterior.laplace
        deviation = float(laplace.noise[0] * np.sqrt(laplace.covariance[0, 0, 0]))
        if deviation > _WIDE_FLOOR:
            names.append(task)
    if not names:
        return None
    return (
        f"the runs do not determine the floor of {listed(names)}, which is set by its prior at "
        "chance; smaller runs would determine it"
    )


def listed(names: list[str]) -> str:
    """Names as text, the first few of many."""
    if len(names) <= _MOST_NAMES:
        return ", ".join(names[:-1]) + " and " * (len(names) > 1) + names[-1]
    return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"
