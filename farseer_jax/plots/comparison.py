"""Comparisons of two loss surfaces as a map, a line and a surface (paper App. E, Fig. 15)."""

from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from farseer_jax.decisions.compare_runs import RunComparison
from farseer_jax.decisions.compared_points import ComparedPoints
from farseer_jax.decisions.fit_comparison import FitComparison
from farseer_jax.decisions.matching_runs import match
from farseer_jax.decisions.parity_curves import ParityCurve, parity_curves
from farseer_jax.plots.draws import draws
from farseer_jax.plots.layout import is_narrow, legend_outside
from farseer_jax.plots.log_ticks import input_axis, map_axes
from farseer_jax.plots.style import COLOURS, GREY, INK, axes_of, colour_bar
from farseer_jax.plots.surface import SIZE, draw_surface, finish_surface, on_surface
from farseer_jax.runs.runs import Runs

# from purple through white to orange, apart for every kind of colour blindness; without its
# darkest ends, on which runs would not be seen
_MAP = LinearSegmentedColormap.from_list("", mpl.colormaps["PuOr_r"](np.linspace(0.12, 0.88, 65)))
_NUM_DRAWN = 97
_NUM_OF_RUNS, _BEYOND = 49, 10.0  # points of a map of runs, and how far it goes beyond them
_BELOW = 0.8  # of the smallest run: a map of runs shows its marker whole
_LONGEST_LABEL = 50  # letters
_SPECK = 0.03  # of the map's width or height
_PLANE = "#8a8a8a"
_SQUARE = "#009e73"


class _Map(NamedTuple):
    """What a map of a difference shows: by fits, or by paired runs."""

    names: tuple[str, str]
    N: np.ndarray
    D: np.ndarray
    difference: np.ndarray
    probability: np.ndarray | None
    certain: float
    parity: tuple[ParityCurve, ...]
    runs: tuple[Runs | None, Runs | None]


@draws(FitComparison, RunComparison, example="compare_fits(a, b)")
def plot_comparison(comparison: FitComparison | RunComparison, ax: Axes | None = None) -> Axes:
    """The normalised difference over N and D: purple where A is better, orange where B is.

    The heavy line is parity. Dots are the runs of A and rings those of B; outside the dashed frame,
    the range that both share, the difference is extrapolated. Beyond the dotted lines the winner is
    certain, with 95 % by two bootstraps, 90 % by runs.

    Args:
        comparison: from :func:`compare_runs`; or from :func:`compare_fits`, of at least two N and
            two D.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        TypeError: ``comparison`` is not a comparison.
        ValueError: there is one N or one D, so no surface.

    Example:
        >>> from farseer_jax import Chinchilla, compare_fits
        >>> from farseer_jax.plots import plot_comparison
        >>> a = Chinchilla(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37)
        >>> b = Chinchilla(E=1.8, A=480.0, B=1000.0, alpha=0.35, beta=0.34)
        >>> found = compare_fits(a, b, N=(1e8, 1e11), D=(1e9, 1e12))
        >>> plot_comparison(found).get_ylabel()
        'tokens D'
    """
    if isinstance(comparison, RunComparison):
        shown = _map_of_runs(comparison)
    else:
        shown = _map_of_fits(comparison)
    (a, b), N, D, percent = shown.names, shown.N, shown.D, 100 * shown.difference.T
    most = max(float(np.abs(percent).max()), 1e-12)
    with axes_of(ax, (6.0, 4.3)) as axes:
        map_axes(axes)
        drawn = axes.pcolormesh(
            N, D, percent, cmap=_MAP, vmin=-most, vmax=most, shading="gouraud", rasterized=True
        )
        colour_bar(axes, drawn, _difference_label(shown))
        for curve in shown.parity:
            axes.plot(curve.N, curve.D, color="black", lw=2.6, solid_capstyle="butt", zorder=4)
        if shown.probability is not None:
            axes.contour(
                N, D, shown.probability.T, [1.0 - shown.certain, shown.certain],
                colors="black", linewidths=0.8, linestyles="dotted", zorder=4,
            )  # fmt: skip
        _draw_runs(axes, shown)
        axes.set(xlim=(N[0], N[-1]), ylim=(D[0], D[-1]), title=f"{a} against {b}")
        _add_legend(axes, shown)
    return axes


def _map_of_fits(comparison: FitComparison) -> _Map:
    own = _surface_of(comparison)
    runs = own.fits.a.runs, own.fits.b.runs
    return _Map(own.names, own.N, own.D, own.difference, own.probability, 0.95, own.parity, runs)


def _map_of_runs(comparison: RunComparison) -> _Map:
    """From a little below the smallest run to ten times the largest."""
    a, b = comparison.runs
    N, D = (
        np.geomspace(_BELOW * min(x.min(), y.min()), _BEYOND * max(x.max(), y.max()), _NUM_OF_RUNS)
        for x, y in ((a.N, b.N), (a.D, b.D))
    )
    grid = dict(zip(("N", "D"), (x.ravel() for x in np.meshgrid(N, D, indexing="ij")), strict=True))
    found, shape = comparison.at(grid), (len(N), len(D))
    difference, probability = found.difference.reshape(shape), found.probability.reshape(shape)

    def gap(at_N: np.ndarray, at_D: np.ndarray) -> np.ndarray:
        at_N, at_D = np.broadcast_arrays(at_N, at_D)
        points = {"N": at_N.ravel(), "D": at_D.ravel()}
        return comparison.at(points).difference.reshape(at_N.shape)

    parity = parity_curves(gap, N, D)
    return _Map(comparison.names, N, D, difference, probability, 0.9, parity, (a, b))


def _surface_of(comparison: FitComparison) -> FitComparison:
    """A comparison over at least two N and two D."""
    if min(comparison.difference.shape) < 2:
        raise ValueError(
            "comparison: a surface needs at least two N and two D; draw a line by plot_line"
        )
    return comparison


def _difference_label(of: FitComparison | ComparedPoints | _Map) -> str:
    whole = "(loss {0} − loss {1}) / loss {1}, %".format(*of.names)
    return whole if len(whole) <= _LONGEST_LABEL else f"difference relative to {of.names[1]}, %"


def _draw_runs(axes: Axes, shown: _Map) -> None:
    """The runs of A as dots, those of B as rings, and a frame around the range of both."""
    ranges = []
    looks: Any = ({"s": 5, "color": INK}, {"s": 22, "color": "none"})
    for runs, look in zip(shown.runs, looks, strict=True):
        if runs is None:
            continue
        near = _within(shown, runs.N, runs.D)
        axes.scatter(
            runs.N[near], runs.D[near], zorder=5, lw=0.6, clip_on=False, edgecolor=INK, **look
        )
        points = np.stack([runs.N, runs.D])
        ranges.append((points.min(axis=1), points.max(axis=1)))
    if not ranges:
        return
    low, high = np.max([r[0] for r in ranges], axis=0), np.min([r[1] for r in ranges], axis=0)
    if (low < high).all():
        frame = Rectangle(low, *(high - low), fill=False, ec=INK, lw=0.9, ls="--", zorder=3)
        axes.add_patch(frame)


def _within(comparison: FitComparison | _Map, N: np.ndarray, D: np.ndarray) -> np.ndarray:
    """Which runs lie in the domain."""
    return np.asarray(
        (N >= comparison.N[0]) & (N <= comparison.N[-1])
        & (D >= comparison.D[0]) & (D <= comparison.D[-1])
    )  # fmt: skip


def _add_legend(axes: Axes, shown: _Map) -> None:
    """A legend of lines and points below the axes."""
    (a, b), handles = shown.names, []
    if any(_is_seen(curve, shown) for curve in shown.parity):
        handles.append(Line2D([], [], color="black", lw=2.6, label="equal"))
    if shown.probability is not None:
        label = f"{shown.certain:.0%} certain".replace("%", " %")
        handles.append(Line2D([], [], color="black", lw=0.8, ls=":", label=label))
    look: Any = {"ls": "", "marker": "o", "mec": INK, "mew": 0.6}
    if shown.runs[0] is not None:
        handles.append(Line2D([], [], ms=3.0, mfc=INK, label=f"runs of {a}", **look))
    if shown.runs[1] is not None:
        handles.append(Line2D([], [], ms=5.0, mfc="none", label=f"runs of {b}", **look))
    if any(isinstance(one, Rectangle) for one in axes.patches):
        handles.append(Line2D([], [], color=INK, lw=0.9, ls="--", label="range of both"))
    if handles:
        legend_outside(axes, handles=handles, ncols=5)


def _is_seen(curve: ParityCurve, shown: _Map) -> bool:
    """Whether a line of parity is more than a speck in a corner of the map."""
    lengths = [
        np.ptp(np.log(of)) / np.log(within[-1] / within[0])
        for of, within in ((curve.N, shown.N), (curve.D, shown.D))
    ]
    return bool(max(lengths) > _SPECK)


@draws(ComparedPoints, example="compare_fits(a, b).line(D=1e11)")
def plot_line(line: ComparedPoints, ax: Axes | None = None) -> Axes:
    """The normalised difference along a line, negative where A is better.

    Dashed outside the runs of one or both; the dot is parity.

    Args:
        line: from :meth:`FitComparison.line`.
        ax: axes to draw on; new ones by default. Several lines may share them.

    Returns:
        The axes.

    Raises:
        TypeError: ``line`` is not ComparedPoints.

    Example:
        >>> from farseer_jax import Chinchilla, compare_fits
        >>> from farseer_jax.plots import plot_line
        >>> a = Chinchilla(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37)
        >>> b = Chinchilla(E=1.8, A=480.0, B=1000.0, alpha=0.35, beta=0.34)
        >>> found = compare_fits(a, b, N=(1e8, 1e11), D=(1e9, 1e12))
        >>> plot_line(found.line(D=1e11)).get_xlabel()
        'parameters N'
    """
    along_D = len(line.N) > 1 and line.N[0] == line.N[-1]
    x, crossed = (line.D, line.parity_D) if along_D else (line.N, line.parity_N)
    a, b = line.names
    percent = 100 * line.difference
    with axes_of(ax, (5.2, 3.4)) as axes:
        first = not axes.lines
        colour = COLOURS[sum(one.get_gid() == "all" for one in axes.lines) % len(COLOURS)]
        axes.plot(x, percent, color=colour, lw=1.3, ls=(0, (3, 2)), gid="all")
        within = np.where(line.inside, percent, np.nan)
        axes.plot(x, within, color=colour, lw=2.4, label=line.along)
        axes.scatter(crossed, np.zeros(len(crossed)), color=colour, s=30, zorder=4)
        if first:
            axes.axhline(0.0, color=GREY, lw=0.9, zorder=1)
            input_axis(axes, "x", "D" if along_D else "N", x)
            axes.set_ylabel(_difference_label(line))
            axes.set_title(f"{a} against {b} at {line.along}", loc="left")
        else:
            axes.set_title(f"{a} against {b}", loc="left")
            axes.legend(frameon=False)
    return axes


@draws(FitComparison, example="compare_fits(a, b)")
def plot_comparison_surface(comparison: FitComparison, ax: Axes | None = None) -> Axes:
    """The normalised difference as a surface over N and D, with the plane of parity (Fig. 15).

    Purple below the plane, where A is better, orange above it, where B is; the heavy line is
    parity. Squares are observed differences at N and D where both have runs.

    Args:
        comparison: from :func:`compare_fits`, of at least two N and two D.
        ax: 3-D axes to draw on; new ones by default.

    Returns:
        The axes. On the first two, coordinates are log10 N and log10 D.

    Raises:
        TypeError: ``comparison`` is not a FitComparison, or the axes are not 3-D.
        ValueError: there is one N or one D, so no surface.

    Example:
        >>> from farseer_jax import Chinchilla, compare_fits
        >>> from farseer_jax.plots import plot_comparison_surface
        >>> a = Chinchilla(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37)
        >>> b = Chinchilla(E=1.8, A=480.0, B=1000.0, alpha=0.35, beta=0.34)
        >>> found = compare_fits(a, b, N=(1e8, 1e11), D=(1e9, 1e12))
        >>> plot_comparison_surface(found).get_zlabel()
        '(loss A − loss B) / loss B, %'
    """
    a, b = _surface_of(comparison).names
    N, D = (np.geomspace(x[0], x[-1], _NUM_DRAWN) for x in (comparison.N, comparison.D))
    percent = _percent_at(comparison, N[:, None], D)
    most = max(float(np.abs(percent).max()), 1e-12)
    look: Any = {"cmap": _MAP, "norm": mpl.colors.Normalize(-most, most)}
    with axes_of(ax, SIZE, is_3d=True) as axes:
        draw_surface(axes, N, D, percent, shown=percent < 0.0, **look)
        x, y = np.meshgrid(np.log10(N[[0, -1]]), np.log10(D[[0, -1]]), indexing="ij")
        axes.plot_surface(  # the plane of no difference
            x, y, np.zeros((2, 2)), color=_PLANE, alpha=0.28, shade=False, lw=0, zorder=2
        )
        draw_surface(axes, N, D, percent, shown=percent >= 0.0, zorder=2.5, **look)
        for i, curve in enumerate(comparison.parity):
            axes.plot(
                np.log10(curve.N), np.log10(curve.D), 0.0, color="black", lw=2.4, zorder=3,
                label="equal" if i == 0 else None,
            )  # fmt: skip
        _draw_observed(axes, comparison)
        label, title = _difference_label(comparison), f"{a} against {b}"
        finish_surface(axes, N, D, title, label, from_above=_decreases_to_large(percent))
        if axes.get_legend_handles_labels()[0]:
            _legend_above(axes)
    return axes


def _percent_at(comparison: FitComparison, N: np.ndarray, D: np.ndarray) -> np.ndarray:
    """The difference in per cent, linear between nodes of the comparison, for smooth colours."""
    return 100 * on_surface(comparison.N, comparison.D, comparison.difference, N, D)


def _decreases_to_large(percent: np.ndarray) -> bool:
    """Whether the surface is seen better from large N and D."""
    half_N, half_D = (length // 2 for length in percent.shape)
    near = percent[half_N:, half_D:].mean()
    return bool(near < percent[: half_N + 1, : half_D + 1].mean())


def _draw_observed(axes: Any, comparison: FitComparison) -> None:
    """Observed differences where both have runs, joined to the surface by stalks."""
    a, b = comparison.fits.a.runs, comparison.fits.b.runs
    if a is None or b is None:
        return
    found = match(a, b, tolerance=0.0)
    shown = _within(comparison, found.N, found.D)
    if not shown.any():
        return
    N, D, of_b = found.N[shown], found.D[shown], found.loss_b[shown]
    observed = 100 * (found.loss_a[shown] - of_b) / of_b
    x, y = np.log10(N), np.log10(D)
    for ends in zip(x, y, _percent_at(comparison, N, D), observed, strict=True):
        axes.plot([ends[0]] * 2, [ends[1]] * 2, ends[2:], color=_SQUARE, lw=0.7, zorder=3.5)
    axes.scatter(
        x, y, observed, s=4 if is_narrow(axes) else 9, marker="s", color=_SQUARE,
        edgecolor="white", lw=0.25, depthshade=False, zorder=4, label="runs of both, observed",
    )  # fmt: skip


def _legend_above(axes: Any) -> None:
    """A legend that does not cover the surface."""
    if is_narrow(axes):
        axes.legend(
            loc="upper left", bbox_to_anchor=(0.0, 1.0), ncols=2, fontsize=7, frameon=False,
            handlelength=1.2, handletextpad=0.4, columnspacing=0.9, borderpad=0.1,
        )  # fmt: skip
    else:
        axes.legend(loc="upper right", fontsize=8, frameon=False)
