"""The table of a chain: a row per point and task, and how its numbers are written."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.laws.evaluate import by_column
from farseer_jax.results.numbers import level_text, share_text
from farseer_jax.results.result import Headline, warned
from farseer_jax.results.table import Column, Table
from farseer_jax.uncertainty.intervals import cell_text

if TYPE_CHECKING:
    from farseer_jax.accuracy.chain import Chain

AVERAGE = "average of tasks"
_WIDE = 0.05  # an interval whose ends are shown in whole per cents
VARIANCE_PARTS = ("first", "law", "misfit", "noise")
_PARTS_IN_WORDS = {
    "first": "predicted loss",
    "law": "parameters of the laws of accuracy",
    "misfit": "misfit of these laws",
    "noise": "noise of a single run",
}


def chain_table(chain: "Chain") -> Table:
    """One row per point and task, and their average if there are several."""
    columns = _columns(chain)
    inputs = by_column(chain.law_class, dict(chain.points))
    num = len(columns["task"]) // chain.num_points
    level = level_text(chain.level)
    ends = interval_texts(columns["lower"], columns["upper"])
    run_ends = interval_texts(columns["run_lower"], columns["run_upper"])
    return Table(
        [
            *(
                Column(name, np.repeat(x, num), partial(cell_text, name))
                for name, x in inputs.items()
            ),
            Column("task", columns["task"], str, left=True),
            Column("task_loss", columns["task_loss"], _loss_text, "loss", secondary=True),
            Column("task_loss_lower", columns["task_loss_lower"], None),
            Column("task_loss_upper", columns["task_loss_upper"], None),
            Column("predicted", columns["predicted"], accuracy_text),
            Column("lower", columns["lower"], None),
            Column("upper", columns["upper"], None),
            Column("ends", ends, str, f"{level} interval", in_data=False),
            Column("run_lower", columns["run_lower"], None),
            Column("run_upper", columns["run_upper"], None),
            Column("run_ends", run_ends, str, "single run", in_data=False, secondary=True),
            *(Column(f"share_{name}", columns[f"share_{name}"], None) for name in VARIANCE_PARTS),
        ],
        noun="rows",
    )


def _columns(chain: "Chain") -> dict[str, np.ndarray]:
    """The columns of all points, task by task and then their average."""
    low, high = chain.ends()
    run_low, run_high = chain.ends(new_run=True)
    several = len(chain.tasks) > 1 and AVERAGE not in chain.tasks
    names = [*chain.tasks, *[AVERAGE][: int(several)]]
    loss, loss_low, loss_high = _losses(chain)
    found = {
        "task": np.tile(np.array(names, dtype=object), chain.num_points),
        "task_loss": _with_average(loss, several, None),
        "task_loss_lower": _with_average(loss_low, several, None),
        "task_loss_upper": _with_average(loss_high, several, None),
        "predicted": _with_average(chain.predicted, several, chain.predicted.mean(axis=1)),
    }
    for new_run, (first, second), prefix in (
        (False, (low, high), ""),
        (True, (run_low, run_high), "run_"),
    ):
        average = chain.average_ends(new_run=new_run) if several else (None, None)
        found[f"{prefix}lower"] = _with_average(first, several, average[0])
        found[f"{prefix}upper"] = _with_average(second, several, average[1])
    for name in VARIANCE_PARTS:
        found[f"share_{name}"] = _with_average(_shares(chain, name), several, None)
    return found


def _losses(chain: "Chain") -> np.ndarray:
    """The loss that each task's accuracy rests on, and the ends of its interval.

    ``(3, point, task)``; NaN for a task without a loss. Of several losses the first.
    """
    found = np.full((3, chain.num_points, len(chain.tasks)), np.nan)
    sides = [0.5 - 0.5 * chain.level, 0.5 + 0.5 * chain.level]
    for place, task in enumerate(chain.tasks):
        sources = [step.source for step in chain.of_task(task) if step.source >= 0]
        if sources:
            own = chain.loss[sources[0]]
            low, high = np.quantile(chain.loss_draws[sources[0]], sides, axis=0)
            found[:, :, place] = own, np.minimum(low, own), np.maximum(high, own)
    return found


def _shares(chain: "Chain", name: str) -> np.ndarray:
    """A part of the variance of a run's accuracy, ``(point, task)``."""
    rows = []
    for task in chain.tasks:
        own = chain.moments[task]
        total = sum(getattr(own, part) for part in VARIANCE_PARTS)
        rows.append(getattr(own, name) / np.maximum(total, 1e-300))
    return np.stack(rows, axis=1)


def _with_average(values: np.ndarray, several: bool, average: np.ndarray | None) -> np.ndarray:
    """Values of tasks and their average, one row after another."""
    if not several:
        return np.asarray(values).ravel()
    own = np.full(len(values), np.nan) if average is None else average
    return np.concatenate([values, own[:, None]], axis=1).ravel()


def accuracy_text(value: float) -> str:
    """An accuracy in per cent, "81.3 %"; "–" where there is none."""
    return "–" if np.isnan(value) else f"{100.0 * value:.1f} %"


def points_text(value: float) -> str:
    """A difference of accuracies in points, "1.6"; "–" where there is none."""
    return "–" if np.isnan(value) else f"{100.0 * value:.1f}"


def interval_texts(low: np.ndarray, high: np.ndarray) -> list[str]:
    """Intervals of accuracies as text, "81.2 to 83.9 %" or "75 to 84 %".

    Wide ones have no decimals: draws do not determine them.
    """
    found = []
    for a, b in zip(low, high, strict=True):
        digits = int(b - a < _WIDE)
        found.append("–" if np.isnan(a) else f"{100.0 * a:.{digits}f} to {100.0 * b:.{digits}f} %")
    return found


def _loss_text(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f}"


def chain_parts(chain: "Chain") -> Sequence[str | Table]:
    """The accuracies, what they are based on, and warnings."""
    losses = ", ".join(dict.fromkeys(chain.losses)) or "N and D"
    num = len([task for task in chain.tasks if task != AVERAGE])
    title = Headline(f"Accuracy on {_count(num, 'task')} from {_short(losses)}")
    warnings = [warned("", chain.warnings).strip()] if chain.warnings else []
    return [title, chain.table(), *warnings, _rests_on(chain)]


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1].rsplit(", ", 1)[0] + ", …"


def _count(num: int, noun: str) -> str:
    return f"{num} {noun}{'s'[: num != 1]}"


def _rests_on(chain: "Chain") -> str:
    """Where the variance of a run's accuracy comes from, on average."""
    shares = {name: float(np.mean(_shares(chain, name))) for name in VARIANCE_PARTS}
    listed = ", ".join(
        f"{_PARTS_IN_WORDS[name]} {share_text(share)}"
        for name, share in shares.items()
        if share >= 0.005
    )
    return f"variance of a run's accuracy: {listed}"
