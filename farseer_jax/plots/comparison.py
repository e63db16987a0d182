"""Figures of two loss surfaces against each other (paper App. E, Fig. 15)."""

from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.decisions.compared_fits import ComparedFit
from farseer_jax.decisions.compared_points import ComparedPoints
from farseer_jax.decisions.fit_comparison import FitComparison
from farseer_jax.fitting.type_checks import instance_of
from farseer_jax.plots._room import fit_texts, legend_outside
from farseer_jax.plots._style import COLOURS, GREY, axes_of, count_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#222222"
_MAP = "PuOr_r"  # from purple through white to orange: apart for every kind of colour blindness


def plot_comparison(comparison: FitComparison, ax: "Axes | None" = None) -> "Axes":
    """The normalised difference over N and D: purple where A is better, orange where B is.

    The heavy line is parity. Dots are the runs of A and rings those of B, and beyond the dashed
    frame, which holds what both have, somebody extrapolates. With two bootstraps dotted lines
    hold what is sure to 95 %.

    Args:
        comparison: from :func:`compare_fits`, of at least two N and two D.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        TypeError: ``comparison`` is none.
        ValueError: there is one N or one D: no surface.

    Example:
        >>> from farseer_jax import Chinchilla, compare_fits
        >>> from farseer_jax.plots import plot_comparison
        >>> a = Chinchilla(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37)
        >>> b = Chinchilla(E=1.8, A=480.0, B=1000.0, alpha=0.35, beta=0.34)
        >>> found = compare_fits(a, b, N=(1e8, 1e11), D=(1e9, 1e12))
        >>> plot_comparison(found).get_ylabel()
        'tokens D'
    """
    a, b = surface_of(comparison).names
    percent = 100 * comparison.difference.T
    most = max(float(np.abs(percent).max()), 1e-12)
    with axes_of(ax, (6.0, 4.3)) as axes:
        axes.set(xscale="log", yscale="log")
        drawn = axes.pcolormesh(
            comparison.N, comparison.D, percent,
            cmap=_MAP, vmin=-most, vmax=most, shading="gouraud", rasterized=True,
        )  # fmt: skip
        axes.grid(visible=False)
        bar = axes.figure.colorbar(drawn, ax=axes, pad=0.02)
        bar.outline.set_visible(False)
        bar.set_label(f"loss of {a} less that of {b}, %")
        for curve in comparison.parity:
            axes.plot(curve.N, curve.D, color="black", lw=2.6, solid_capstyle="butt", zorder=4)
        if comparison.probability is not None:
            levels = [0.05, 0.95]
            axes.contour(
                comparison.N, comparison.D, comparison.probability.T, levels,
                colors="black", linewidths=0.8, linestyles="dotted", zorder=4,
            )  # fmt: skip
        _draw_runs(axes, comparison)
        axes.set(
            xlabel="parameters N",
            ylabel="tokens D",
            xlim=(comparison.N[0], comparison.N[-1]),
            ylim=(comparison.D[0], comparison.D[-1]),
        )
        count_ticks(axes.xaxis)
        count_ticks(axes.yaxis)
        _add_legend(axes, comparison)
        axes.set_title(f"{a} against {b}", loc="left", pad=8)
        fit_texts(axes, bar.ax)
    return axes


def _draw_runs(axes: "Axes", comparison: FitComparison) -> None:
    from matplotlib.patches import Rectangle

    fits = [one for one in (comparison.fits.a, comparison.fits.b) if one.runs is not None]
    for one in fits:
        assert one.runs is not None
        is_a = one is comparison.fits.a
        runs = one.runs
        shown = (runs.N >= comparison.N[0]) & (runs.N <= comparison.N[-1])
        shown &= (runs.D >= comparison.D[0]) & (runs.D <= comparison.D[-1])
        axes.scatter(
            runs.N[shown], runs.D[shown], zorder=5, lw=0.6, s=5 if is_a else 22, clip_on=False,
            color=INK if is_a else "none", edgecolor=INK,
        )  # fmt: skip
    if not fits:
        return
    low_N, high_N, low_D, high_D = _common(fits)
    if low_N < high_N and low_D < high_D:
        frame = Rectangle(
            (low_N, low_D), high_N - low_N, high_D - low_D,
            fill=False, ec=INK, lw=0.9, ls="--", zorder=3,
        )  # fmt: skip
        axes.add_patch(frame)


def _common(fits: list[ComparedFit]) -> tuple[float, float, float, float]:
    """The ranges of N and D that all have runs in."""
    runs = [one.runs for one in fits if one.runs is not None]
    return (
        max(float(r.N.min()) for r in runs),
        min(float(r.N.max()) for r in runs),
        max(float(r.D.min()) for r in runs),
        min(float(r.D.max()) for r in runs),
    )


def _add_legend(axes: "Axes", comparison: FitComparison) -> None:
    """Below the axes: what lines and points are."""
    from matplotlib.lines import Line2D

    (a, b), handles = comparison.names, []
    if comparison.parity:
        handles.append(Line2D([], [], color="black", lw=2.6, label="equal"))
    if comparison.probability is not None:
        handles.append(Line2D([], [], color="black", lw=0.8, ls=":", label="95 % sure"))
    look: Any = {"ls": "", "marker": "o", "mec": INK, "mew": 0.6}
    if comparison.fits.a.runs is not None:
        handles.append(Line2D([], [], ms=3.0, mfc=INK, label=f"runs of {a}", **look))
    if comparison.fits.b.runs is not None:
        handles.append(Line2D([], [], ms=5.0, mfc="none", label=f"runs of {b}", **look))
    if handles:
        legend_outside(
            axes, handles=handles, ncols=4, fontsize=8, handlelength=1.5, columnspacing=1.1,
            handletextpad=0.5,
        )  # fmt: skip


def surface_of(comparison: object) -> FitComparison:
    """A comparison over at least two N and two D.

    Raises:
        TypeError: it is none.
        ValueError: there is one N or one D: no surface.
    """
    found = instance_of(FitComparison, comparison, "comparison", "such as `compare_fits(a, b)`")
    if min(found.difference.shape) < 2:
        raise ValueError("comparison: one N or one D is no surface; draw its line by plot_line")
    return found


def plot_line(line: ComparedPoints, ax: "Axes | None" = None) -> "Axes":
    """The normalised difference along a line: below 0 A is better.

    Dashed where it lies outside the runs of one or both; the dot is parity.

    Args:
        line: from :meth:`FitComparison.line`.
        ax: axes to draw on; new ones by default. Several lines may share them.

    Returns:
        The axes.

    Raises:
        TypeError: ``line`` is no such line.

    Example:
        >>> from farseer_jax import Chinchilla, compare_fits
        >>> from farseer_jax.plots import plot_line
        >>> a = Chinchilla(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37)
        >>> b = Chinchilla(E=1.8, A=480.0, B=1000.0, alpha=0.35, beta=0.34)
        >>> found = compare_fits(a, b, N=(1e8, 1e11), D=(1e9, 1e12))
        >>> plot_line(found.line(D=1e11)).get_xlabel()
        'parameters N'
    """
    line = instance_of(ComparedPoints, line, "line", "such as `compare_fits(a, b).line(D=1e11)`")
    along_D = len(line.N) > 1 and line.N[0] == line.N[-1]
    x, crossed = (line.D, line.parity_D) if along_D else (line.N, line.parity_N)
    a, b = line.names
    percent = 100 * line.difference
    with axes_of(ax, (5.2, 3.4)) as axes:
        first = not axes.lines
        colour = COLOURS[len([one for one in axes.lines if one.get_gid() == "all"]) % len(COLOURS)]
        axes.plot(x, percent, color=colour, lw=1.3, ls=(0, (3, 2)), gid="all")
        within = np.where(line.inside, percent, np.nan)
        axes.plot(x, within, color=colour, lw=2.4, label=line.along)
        axes.scatter(crossed, np.zeros(len(crossed)), color=colour, s=30, zorder=4)
        if first:
            axes.axhline(0.0, color=GREY, lw=0.9, zorder=1)
            axes.set(xscale="log", xlabel="tokens D" if along_D else "parameters N")
            axes.set_ylabel(f"loss of {a} less that of {b}, %")
            axes.set_title(f"{a} against {b} at {line.along}", loc="left", pad=8)
            axes.margins(x=0.0)
            count_ticks(axes.xaxis)
        else:
            axes.set_title(f"{a} against {b}", loc="left", pad=8)
            axes.legend(fontsize=8.5, frameon=False)
        fit_texts(axes)
    return axes
