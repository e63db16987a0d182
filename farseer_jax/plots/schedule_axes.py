"""Axes of training steps and of learning rates, and schedules on them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from farseer_jax.curves.schedule import Schedule
from farseer_jax.plots.layout import is_narrow
from farseer_jax.results.numbers import quantity_text
from farseer_jax.results.table import evenly

_NUM_PLACES = 500  # of a line
_SMALL = 0.01  # a learning rate that is written as 3e-4


def draw_schedule(
    axes: Axes, schedule: Schedule, *, first: int = 1, last: int | None = None, **look: Any
) -> None:
    """The learning rate of each step as a line.

    Args:
        axes: the axes.
        schedule: the schedule.
        first: the first step to draw.
        last: the last one; that of the schedule by default.
        look: of the line.
    """
    end = schedule.steps if last is None else int(last)
    jumps = schedule.jumps
    steps = np.concatenate([first + evenly(end - first + 1, _NUM_PLACES), jumps - 1, jumps])
    steps = np.unique(steps[(steps >= first) & (steps <= end)])
    axes.plot(steps, schedule.at(steps), **look)


def align_labels(axes: Sequence[Axes]) -> None:
    """Align the labels of vertical axes that lie below each other."""
    whole: Any = axes[0].get_figure(root=True)
    whole.align_ylabels(axes)


def step_axis(axes: Axes) -> None:
    """The horizontal axis of training steps."""
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(4 if is_narrow(axes) else 7, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: quantity_text(value)))


def rate_axis(axes: Axes) -> None:
    """The vertical axis of learning rates, from 0."""
    axes.set_ylabel("learning rate")
    axes.set_ylim(0.0, 1.08 * axes.dataLim.y1 if axes.dataLim.y1 > 0.0 else 1.0)
    axes.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 1.5, 2, 2.5, 3, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: rate_text(value)))


def rate_text(value: float) -> str:
    """A learning rate: ``3e-4``, ``0.02``.

    Example:
        >>> rate_text(0.0003), rate_text(1.5e-5), rate_text(0.02), rate_text(0.0)
        ('3e-4', '1.5e-5', '0.02', '0')
    """
    if value == 0.0 or abs(value) >= _SMALL:
        return f"{value:.3g}"
    digits, power = f"{value:.2e}".split("e")
    return f"{float(digits):g}e{int(power)}"
