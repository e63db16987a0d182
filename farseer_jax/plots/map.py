"""A map over N and D of the fitted runs and of the errors at held-out ones (paper Fig. 7)."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import runs_over_N_and_D
from farseer_jax.plots.draws import draws
from farseer_jax.plots.labels import place_labels
from farseer_jax.plots.layout import is_narrow, legend_outside
from farseer_jax.plots.log_ticks import map_axes
from farseer_jax.plots.style import COLOURS, GREY, axes_of, colour_bar
from farseer_jax.results.numbers import capitalised
from farseer_jax.runs.runs import Runs

_MOST_LABELS = 12  # stars that are all labelled
_STAR, _STAR_IN_COLUMN = 75.0, 48.0  # areas in square points
_MAP = "YlOrRd"
_USUAL, _FAR = 0.95, 2.0  # quantile of the errors, and times it beyond which colours are cut
_REGIONS = {
    "off the grid": COLOURS[2],
    "beyond N": COLOURS[0],
    "beyond D": COLOURS[3],
    "beyond N and D": COLOURS[6],
}


@draws(Fit, example="fit(Farseer, runs)")
def plot_map(fit: Fit, held_out: Runs | None = None, ax: Axes | None = None) -> Axes:
    """Fitted runs as circles, held-out ones as stars with their relative errors (Fig. 7).

    The edge of a star, and the tint behind it, show whether it lies beyond the fitted N, beyond the
    fitted D, or within both but off the grid. An error is predicted / observed − 1, in per cent.
    Up to twelve stars are all labelled; with more, or in a narrow figure, only the worst and, where
    there is room, the worst of each size. More than twelve stars are coloured by their error.
    Without held-out runs, the errors are those of the fitted runs.

    Args:
        fit: a fit over N and D.
        held_out: runs that were not fitted.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        TypeError: ``held_out`` is not Runs.
        ValueError: the runs have other inputs than N and D.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit
        >>> from farseer_jax.plots import plot_map
        >>> runs = example_runs()
        >>> axes = plot_map(fit(Farseer, runs.select(max_N=5.5e9)), runs.select(min_N=6e9))
        >>> axes.get_xlabel(), [text.get_text() for text in axes.texts][0][-1]
        ('parameters N', '%')
    """
    fitted = runs_over_N_and_D(fit.runs, "fit")
    shown = fitted if held_out is None else runs_over_N_and_D(held_out, "held_out")
    error = 100 * (np.asarray(fit.predict(shown.N, shown.D)) / shown.loss - 1.0)
    is_few = len(error) <= _MOST_LABELS
    with axes_of(ax, (5.6 if is_few else 6.2, 4.3)) as axes:
        map_axes(axes)
        axes.margins(0.12 if is_few else 0.07, 0.07)  # room for the labels
        if held_out is None:
            _draw_errors(axes, fitted, error)
            what = f"{len(fitted)} fitted runs"
        else:
            _draw_held_out(axes, fitted, held_out, error, is_few=is_few)
            what = f"{len(error)} runs held out"
        axes.set_title(f"{capitalised(fit.law.name)} law, {what}")
        all_named = is_few and not is_narrow(axes)
        chosen = np.arange(len(error)) if all_named else _worst(shown.N, error)
        taken = [fitted] if held_out is None else [held_out, fitted]
        unit = " %" if is_few else ""
        place_labels(
            axes,
            np.stack([shown.N, shown.D], axis=1)[chosen],
            [f"{value:+.2g}{unit}".replace("-", "−") for value in error[chosen]],
            np.concatenate([np.stack([r.N, r.D], axis=1) for r in taken]),
            num_must=len(chosen) if all_named else 1,
        )
    return axes


def _draw_errors(axes: Axes, fitted: Runs, error: np.ndarray) -> None:
    """The fitted runs, coloured by their errors."""
    most, extend = _end_of_colours(error)
    drawn = axes.scatter(
        fitted.N, fitted.D, s=22, c=np.abs(error), cmap=_MAP, vmin=0.0, vmax=most,
        edgecolor=GREY, lw=0.4, zorder=2, label=f"mean {np.abs(error).mean():.2g} %",
    )  # fmt: skip
    colour_bar(axes, drawn, "|relative error|, %", extend)


def _end_of_colours(error: np.ndarray) -> tuple[float, str]:
    """The error of the darkest colour, and which end is open: a few must not pale the rest."""
    size = np.abs(error)
    most, usual = float(size.max()), float(np.quantile(size, _USUAL))
    return (usual, "max") if most > _FAR * usual > 0.0 else (max(most, 1e-12), "neither")


def _draw_held_out(
    axes: Axes, fitted: Runs, held_out: Runs, error: np.ndarray, *, is_few: bool
) -> None:
    """The fitted runs as circles, the others as stars, with the regions that they lie in."""
    area = _STAR_IN_COLUMN if is_narrow(axes) else _STAR
    regions = _regions(fitted, held_out)
    axes.scatter(
        fitted.N, fitted.D, s=13, color=COLOURS[4], edgecolor="white", lw=0.4,
        label=f"{len(fitted)} fitted runs", zorder=2,
    )  # fmt: skip
    most, extend = _end_of_colours(error)
    drawn = None
    for name, edge in _REGIONS.items():
        mine = regions == name
        if not mine.any():
            continue
        look: Any = {"color": edge, "edgecolor": "white", "lw": 0.5}
        if not is_few:
            look = {"c": np.abs(error[mine]), "cmap": _MAP, "vmin": 0.0, "vmax": most}
            look |= {"edgecolor": edge, "lw": 0.7}
        drawn = axes.scatter(
            held_out.N[mine], held_out.D[mine], s=area, marker="*", zorder=3, **look
        )
    _tints(axes, fitted)
    if not is_few:
        colour_bar(axes, drawn, "|relative error|, %", extend)
    _legend(axes, error, regions, area)


def _regions(fitted: Runs, held_out: Runs) -> np.ndarray:
    """The name of each held-out run's region."""
    beyond_N = (held_out.N < fitted.N.min()) | (held_out.N > fitted.N.max())
    beyond_D = (held_out.D < fitted.D.min()) | (held_out.D > fitted.D.max())
    names = list(_REGIONS)
    return np.asarray(names)[beyond_N + 2 * beyond_D]


def _worst(N: np.ndarray, error: np.ndarray) -> np.ndarray:
    """The largest error of each size, the largest of all first."""
    by_size = np.abs(error).argsort()[::-1]
    _, first = np.unique(N[by_size], return_index=True)
    return by_size[np.sort(first)]


def _tints(axes: Axes, fitted: Runs) -> None:
    """What lies beyond the fitted N and D, with a frame between."""
    # half a step of a usual grid between the outermost runs and the frame
    (left, right), (low, high) = (
        (float(x.min()) / 1.08, float(x.max()) * 1.08) for x in (fitted.N, fitted.D)
    )
    x, y = axes.get_xlim(), axes.get_ylim()
    axes.set(xlim=x, ylim=y)
    for begin, end in ((x[0], left), (right, x[1])):
        axes.axvspan(begin, end, color=_REGIONS["beyond N"], alpha=0.09, lw=0, zorder=0)
    for begin, end in ((y[0], low), (high, y[1])):
        axes.axhspan(begin, end, color=_REGIONS["beyond D"], alpha=0.13, lw=0, zorder=0)
    frame = Rectangle(
        (left, low), right - left, high - low, fill=False, ec=GREY, lw=0.9, ls="--", zorder=1
    )
    axes.add_patch(frame)


def _legend(axes: Axes, error: np.ndarray, regions: np.ndarray, area: float) -> None:
    """A legend below the axes, with the mean error of each region."""
    for name, colour in _REGIONS.items():
        mine = np.abs(error[regions == name])
        if mine.size:
            label = f"{mine.size} {name}: mean {mine.mean():.2g} %"
            axes.scatter([], [], s=area, marker="*", color=colour, lw=0, label=label)
    legend_outside(axes, ncols=2)
