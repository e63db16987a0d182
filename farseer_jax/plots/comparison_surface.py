"""The difference of two loss surfaces in three dimensions (paper App. E, Fig. 15)."""

from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.decisions.fit_comparison import FitComparison
from farseer_jax.decisions.matching_runs import Matched, match
from farseer_jax.plots._surfaces import (
    axes_3d_of,
    draw_surface,
    dress,
    name_height,
    name_parts,
    on_surface,
)
from farseer_jax.plots.comparison import surface_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAP = "PuOr_r"  # that of the map: purple where A is better, orange where B is
_SIZE = (5.6, 4.4)
_NUM_DRAWN = 97
_PLANE = "#8a8a8a"
_SQUARE = "#009e73"


def plot_comparison_surface(comparison: FitComparison, ax: "Axes | None" = None) -> "Axes":
    """The normalised difference as a surface over N and D, with the plane of parity (Fig. 15).

    Purple below the plane, where A is better, orange above, where B is; the heavy line is parity.
    Squares are observed differences, of runs that both have at the same N and D.

    Args:
        comparison: from :func:`compare_fits`, of at least two N and two D.
        ax: 3-D axes to draw on; new ones by default.

    Returns:
        The axes. On the first two, coordinates are log10 N and log10 D.

    Raises:
        TypeError: ``comparison`` is none, or the axes are not 3-D.
        ValueError: there is one N or one D: no surface.

    Example:
        >>> from farseer_jax import Chinchilla, compare_fits
        >>> from farseer_jax.plots import plot_comparison_surface
        >>> a = Chinchilla(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37)
        >>> b = Chinchilla(E=1.8, A=480.0, B=1000.0, alpha=0.35, beta=0.34)
        >>> found = compare_fits(a, b, N=(1e8, 1e11), D=(1e9, 1e12))
        >>> plot_comparison_surface(found).get_zlabel()
        'loss of A less that of B, %'
    """
    import matplotlib as mpl

    a, b = surface_of(comparison).names
    N, D = (np.geomspace(x[0], x[-1], _NUM_DRAWN) for x in (comparison.N, comparison.D))
    percent = _drawn(comparison, N[:, None], D)
    most = max(float(np.abs(percent).max()), 1e-12)
    look: Any = {"cmap": mpl.colormaps[_MAP], "norm": mpl.colors.Normalize(-most, most)}
    with axes_3d_of(ax, _SIZE) as axes:
        draw_surface(axes, N, D, percent, shown=percent < 0.0, **look)
        _draw_plane(axes, N, D)
        draw_surface(axes, N, D, percent, shown=percent >= 0.0, zorder=2.5, **look)
        for i, curve in enumerate(comparison.parity):
            axes.plot(
                np.log10(curve.N), np.log10(curve.D), 0.0, color="black", lw=2.4, zorder=3,
                label="equal" if i == 0 else None,
            )  # fmt: skip
        _draw_points(axes, comparison)
        dress(axes, N, D, f"{a} against {b}", from_above=_falls_to_large(percent))
        name_height(axes, f"loss of {a} less that of {b}, %")
        handles, _ = axes.get_legend_handles_labels()
        if handles:
            name_parts(axes)
    return axes


def _falls_to_large(percent: np.ndarray) -> bool:
    """Whether the surface is seen better from large N and D."""
    half_N, half_D = (length // 2 for length in percent.shape)
    near = percent[half_N:, half_D:].mean()
    return bool(near < percent[: half_N + 1, : half_D + 1].mean())


def _drawn(comparison: FitComparison, N: np.ndarray, D: np.ndarray) -> np.ndarray:
    """The difference in per cent, between nodes of the comparison linear: its colours are even."""
    return 100 * on_surface(comparison.N, comparison.D, comparison.difference, N, D)


def _draw_plane(axes: Any, N: np.ndarray, D: np.ndarray) -> None:
    """Of no difference."""
    x, y = np.meshgrid(np.log10(N[[0, -1]]), np.log10(D[[0, -1]]), indexing="ij")
    axes.plot_surface(x, y, np.zeros((2, 2)), color=_PLANE, alpha=0.28, shade=False, lw=0, zorder=2)


def _draw_points(axes: Any, comparison: FitComparison) -> None:
    """Observed differences, on a stalk from the surface where they are off it."""
    found = _points(comparison)
    if found is None or not len(found.N):
        return
    observed = 100 * (found.loss_a - found.loss_b) / found.loss_b
    fitted = _drawn(comparison, found.N, found.D)
    x, y = np.log10(found.N), np.log10(found.D)
    for ends in zip(x, y, fitted, observed, strict=True):
        axes.plot([ends[0]] * 2, [ends[1]] * 2, ends[2:], color=_SQUARE, lw=0.7, zorder=3.5)
    axes.scatter(
        x, y, observed, s=9, marker="s", color=_SQUARE, edgecolor="white", lw=0.25,
        depthshade=False, zorder=4, label="runs of both, observed",
    )  # fmt: skip


def _points(comparison: FitComparison) -> Matched | None:
    """Runs that both have within the domain."""
    a, b = comparison.fits.a.runs, comparison.fits.b.runs
    if a is None or b is None:
        return None
    found = match(a, b, tolerance=0.0)
    shown = (found.N >= comparison.N[0]) & (found.N <= comparison.N[-1])
    shown &= (found.D >= comparison.D[0]) & (found.D <= comparison.D[-1])
    kept = (found.N[shown], found.D[shown], found.loss_a[shown], found.loss_b[shown])
    return Matched(*kept, found.num_alone, found.largest_mismatch)
