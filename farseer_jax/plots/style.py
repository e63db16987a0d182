"""The common style of all figures, on the caller's axes or on new ones."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from farseer_jax.fitting.type_checks import instance_of
from farseer_jax.plots.layout import fit_texts

# Okabe and Ito's palette, dark enough for lines on white
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
GREY = "#6b6b6b"
INK = "#222222"
_DARKEST, _LIGHTEST = 0.0, 0.82  # of the colour map: its yellow end is too pale on white
_STYLE: Any = {
    "font.size": 9.5, "axes.titlesize": 10.5, "axes.titlelocation": "left", "axes.titlepad": 8,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY,
    "axes.labelcolor": "#333333", "xtick.color": GREY, "ytick.color": "#333333",
    "axes.grid": True, "grid.color": "#e6e6e6", "grid.linewidth": 0.7, "axes.axisbelow": True,
    "legend.frameon": False, "legend.fontsize": 8.5, "svg.fonttype": "none",
}  # fmt: skip


@contextmanager
def axes_of(ax: Axes | None, size: tuple[float, float], *, is_3d: bool = False) -> Iterator[Any]:
    """The caller's axes, or new ones of a size in inches; long texts are fitted at the end.

    Raises:
        TypeError: ``ax`` is not Axes, or flat instead of 3-D or the reverse.
    """
    if ax is not None:
        instance_of(Axes, ax, "ax", "such as `plt.subplots()[1]`")
        if is_3d and ax.name != "3d":
            raise TypeError(
                "ax: a surface needs 3-D axes, such as "
                f"`plt.figure().add_subplot(projection='3d')`, got {ax!r}"
            )
        if ax.name == "3d" and not is_3d:
            raise TypeError("ax: expected flat axes, such as `plt.subplots()[1]`, got 3-D ones")
        yield ax
        if not is_3d:
            fit_texts(ax)
        return
    with mpl.rc_context(_STYLE):
        if is_3d:
            made: Any = plt.figure(figsize=size).add_subplot(projection="3d")
            made.set_position((0.08, 0.05, 0.86, 0.9))  # constrained layout cuts 3-D labels off
            yield made
        else:
            _, made = plt.subplots(figsize=size, layout="constrained")
            yield made
            fit_texts(made)


@contextmanager
def grid_of(
    axes: Sequence[Axes] | None,
    shape: tuple[int, int],
    size: tuple[float, float],
    **options: Any,
) -> Iterator[list[Axes]]:
    """The caller's axes, or a new grid of them, row by row; ``options`` go to ``plt.subplots``.

    Raises:
        TypeError: an element of ``axes`` is not Axes.
        ValueError: there are too few or too many axes.
    """
    if axes is not None:
        own, num = list(axes), shape[0] * shape[1]
        if len(own) != num:
            raise ValueError(f"axes: expected {num}, got {len(own)}")
        yield [instance_of(Axes, ax, "axes", "such as `plt.subplots()[1]`") for ax in own]
        fit_texts(*own)
        return
    with mpl.rc_context(_STYLE):
        _, made = plt.subplots(*shape, figsize=size, layout="constrained", **options)
        yield list(made.ravel())
        fit_texts(*made.ravel())


def one_of(argument: str, value: object, choices: Iterable[object]) -> None:
    """Check a choice.

    Raises:
        ValueError: ``value`` is not among the choices.
    """
    if value not in (known := list(choices)):
        listed = ", ".join(map(repr, known))
        raise ValueError(f"{argument}: unknown {value!r}; choose from {listed}")


def colour_bar(axes: Axes, drawn: Any, label: str = "") -> Any:
    """A colour bar beside the axes."""
    bar = axes.figure.colorbar(drawn, ax=axes, pad=0.02, aspect=26)
    bar.outline.set_visible(False)
    bar.set_label(label)
    return bar


def ordered_colours(num: int) -> np.ndarray:
    """Colours from dark to light, whose order is visible in grey and to the colour-blind."""
    ends = (_DARKEST, _LIGHTEST if num > 1 else _DARKEST)
    return np.asarray(mpl.colormaps["viridis"](np.linspace(*ends, num)))
