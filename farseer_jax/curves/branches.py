"""Branches: curves that continue another one, whose schedule is theirs up to the fork."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from farseer_jax.close_names import unknown_name
from farseer_jax.curves.run_rows import RunRows

if TYPE_CHECKING:
    from farseer_jax.curves.curve_schedules import ScheduledRun

_FEW: Final = 3.0  # logged steps that may lack between a parent and its branch


def parents_first(branches: Mapping[str, str], names: Sequence[str]) -> list[str]:
    """The names of branches, each after that of its parent.

    Args:
        branches: the parent of each branch, by name.
        names: of all curves.

    Raises:
        ValueError: the curve is unknown, or a branch is its own parent, also by way of others.

    Example:
        >>> parents_first({"b": "a", "a": "trunk"}, ["a", "b", "trunk"])
        ['a', 'b']
    """
    for name in [*branches, *branches.values()]:
        if name not in names:
            raise ValueError(f"branches: {unknown_name('curve', name, names)}")
    left, found = dict(branches), list[str]()
    while left:
        ready = [name for name, parent in left.items() if parent not in left]
        if not ready:
            raise ValueError(f"branches: curve {next(iter(left))!r} continues itself")
        found += ready
        left = {name: parent for name, parent in left.items() if name not in ready}
    return found


def after_parent(name: str, rows: RunRows, parent: ScheduledRun) -> RunRows:
    """The rows of a branch, with the learning rates of its parent before its own.

    Args:
        name: of the branch.
        rows: its rows; without learning rates they stay as they are.
        parent: the curve that it continues.

    Raises:
        ValueError: the parent has no learning rates right before those of the branch.
    """
    if not len(rows.rates):
        return rows
    first, every = int(rows.lr_steps[0]), usual_interval(rows)
    if parent.logged is None:
        raise ValueError(f"branches: {parent.name!r}, which {name!r} continues, has no schedule")
    if parent.logged.is_given:
        # the fork is between the branch's first logged step and the one that would be before it
        last = min(max(first - round(every), 1), parent.logged.schedule.steps)
        steps = np.arange(1, min(last, first - 1) + 1)
        rates = parent.logged.schedule.at(steps)
    else:
        before = parent.rows.lr_steps < first
        steps, rates = parent.rows.lr_steps[before], parent.rows.rates[before]
        every = max(every, usual_interval(parent.rows))
    if not steps.size or first - steps[-1] > _FEW * every:
        what = f"ends at step {steps[-1]:,}" if steps.size else "does not begin before"
        raise ValueError(
            f"branches: curve {name!r} begins at step {first:,}, and {parent.name!r}, which it "
            f"continues, {what}"
        )
    return rows._replace(lr_steps=np.r_[steps, rows.lr_steps], rates=np.r_[rates, rows.rates])


def usual_interval(rows: RunRows) -> float:
    """The usual distance of logged learning rates, in steps."""
    return float(np.median(np.diff(rows.lr_steps))) if len(rows.lr_steps) > 1 else 1.0
