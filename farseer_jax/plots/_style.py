"""One look for all figures: quiet axes, colours that the colour-blind can tell apart."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax._numbers import quantity_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

# Okabe and Ito's palette, dark enough for lines on white
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
GREY = "#6b6b6b"
_STYLE: Any = {
    "font.size": 9.5, "axes.titlesize": 10.5, "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY,
    "axes.labelcolor": "#333333", "xtick.color": GREY, "ytick.color": "#333333",
    "axes.grid": True, "grid.color": "#e6e6e6", "grid.linewidth": 0.7, "axes.axisbelow": True,
    "legend.frameon": False, "svg.fonttype": "none",
}  # fmt: skip


@contextmanager
def style() -> Iterator[None]:
    """The package's style."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        yield


@contextmanager
def axes_of(ax: "Axes | None", size: tuple[float, float]) -> Iterator["Axes"]:
    """The given axes, or new ones of a size in inches, in the package's style."""
    if ax is not None:
        yield ax
        return
    with style():
        from matplotlib import pyplot as plt

        _, made = plt.subplots(figsize=size, layout="constrained")
        yield made


@contextmanager
def grid_of(
    axes: "Sequence[Axes] | None",
    shape: tuple[int, int],
    size: tuple[float, float],
    *,
    heights: Sequence[float] | None = None,
    sharex: Any = False,
) -> Iterator["list[Axes]"]:
    """The given axes, or a grid of new ones, row by row, in the package's style.

    Raises:
        ValueError: another number of axes was given.
    """
    if axes is not None:
        given, num = list(axes), shape[0] * shape[1]
        if len(given) != num:
            raise ValueError(f"axes: give {num}, not {len(given)}")
        yield given
        return
    with style():
        from matplotlib import pyplot as plt

        _, made = plt.subplots(
            *shape, figsize=size, layout="constrained", height_ratios=heights, sharex=sharex
        )
        yield list(made.ravel())


def count_ticks(axis: "Axis") -> None:
    """Ticks of a logarithmic axis of parameters or tokens, such as 2 B; fewer where it is long."""
    low, high = axis.get_view_interval()
    decades = np.log10(high / low)
    log_ticks(axis, (1.0, 2.0, 5.0) if decades < 1.6 else (1.0, 3.0) if decades < 3.1 else (1.0,))


def log_ticks(
    axis: "Axis",
    subs: Sequence[float] = (1.0, 2.0, 5.0),
    text: Callable[[float], str] = quantity_text,
) -> None:
    """Labelled ticks at some multiples of each power of ten; none is labelled between them."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=subs, numticks=14))
    axis.set_major_formatter(lambda value, _: text(value))
    axis.set_minor_formatter(NullFormatter())
