"""One look for all figures: quiet axes, colours that the colour-blind can tell apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
def axes_of(ax: "Axes | None", size: tuple[float, float]) -> Iterator["Axes"]:
    """The given axes, or new ones of a size in inches, in the package's style."""
    import matplotlib as mpl

    if ax is not None:
        yield ax
        return
    with mpl.rc_context(_STYLE):
        from matplotlib import pyplot as plt

        _, made = plt.subplots(figsize=size, layout="constrained")
        yield made
