"""One look for all figures: quiet axes, colours that the colour-blind can tell apart."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.ticker import Formatter

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
    """The given axes, or new ones of a size in inches, in the package's style.

    Raises:
        TypeError: something else than axes was given, or 3-D ones.
    """
    if ax is not None:
        check_axes(ax, "ax")
        if ax.name == "3d":
            raise TypeError(
                "ax: these are 3-D axes, and this figure is flat: give `plt.subplots()[1]`"
            )
        yield ax
        return
    with style():
        from matplotlib import pyplot as plt

        _, made = plt.subplots(figsize=size, layout="constrained")
        yield made


def check_axes(ax: object, name: str) -> None:
    """Refuse figures, arrays of axes and other things.

    Raises:
        TypeError: these are no axes.
    """
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        kind = type(ax).__name__
        raise TypeError(f"{name}: give axes of matplotlib, such as `plt.subplots()[1]`, not {kind}")


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
        TypeError: something else than axes was given.
        ValueError: another number of axes was given.
    """
    if axes is not None:
        given, num = list(axes), shape[0] * shape[1]
        if len(given) != num:
            raise ValueError(f"axes: give {num}, not {len(given)}")
        for ax in given:
            check_axes(ax, "axes")
        yield given
        return
    with style():
        from matplotlib import pyplot as plt

        _, made = plt.subplots(
            *shape, figsize=size, layout="constrained", height_ratios=heights, sharex=sharex
        )
        yield list(made.ravel())


def count_ticks(axis: "Axis") -> None:
    """Ticks of a logarithmic axis of parameters or tokens, such as 2 B, where there is room."""
    from farseer_jax.plots._ticks import Quantities, ticker

    _log_ticks(axis, ticker(Quantities))


def plain_ticks(axis: "Axis") -> None:
    """Ticks of a logarithmic axis of other numbers, in one format, where there is room."""
    from farseer_jax.plots._ticks import Plain, ticker

    _log_ticks(axis, ticker(Plain))


def _log_ticks(axis: "Axis", text: "Formatter") -> None:
    """None is labelled between them."""
    from matplotlib.ticker import NullFormatter

    from farseer_jax.plots._ticks import LogTicks, ticker

    axis.set_major_formatter(text)
    axis.set_major_locator(ticker(LogTicks))
    axis.set_minor_formatter(NullFormatter())
