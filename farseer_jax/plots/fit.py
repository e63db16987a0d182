"""Figures of one fit: its losses (paper Fig. 2) and its curves of N (Figs. 4 and 5a)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.fitting.fits import Fits
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.separable import OneDataTerm
from farseer_jax.methods.piecewise.diagnostics import Diagnostics
from farseer_jax.plots._any_fit import check_held_out, draw_fits
from farseer_jax.plots._room import fit_texts
from farseer_jax.plots._style import COLOURS, GREY, axes_of, count_ticks, grid_of
from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.bootstrap_result import Bootstrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_SIZES = 8  # of a figure in which each is still told apart
_REACH = 1.25  # beyond the runs, as a factor
_LINE = 9.5  # height of the name of a size, in points
_DARKEST, _LIGHTEST = 0.0, 0.82  # of the colour map: its yellow end is lost on white


def plot_fit(
    fit: Fit | Fits,
    held_out: Runs | None = None,
    *,
    sizes: ArrayLike | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Loss against D, observed (dots) and fitted (lines), a colour per size.

    Runs that were not fitted are rings, and the lines of their sizes are dashed. Of a law over
    other inputs the loss stands against the first of them, in a colour for each value (or range) of
    the second; where further inputs differ too, dashes are fitted losses. Of a mixture alone fitted
    losses stand against observed ones. Several fits have a colour each.

    Args:
        fit: the fit, or the fits of groups.
        held_out: further runs, which it has not seen.
        sizes: the N to show; by default eight of the fitted ones, smallest and largest among
            them, and up to four of the held-out ones.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        ValueError: there is no run of one of the sizes; ``held_out`` or ``sizes`` of a law over
            other inputs, or of several fits.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit
        >>> from farseer_jax.plots import plot_fit
        >>> runs = example_runs()
        >>> result = fit(Farseer, runs.select(max_N=5.5e9))
        >>> plot_fit(result, runs.select(min_N=6e9)).get_xlabel()
        'D (tokens)'
    """
    if isinstance(fit, Fits) or set(type(fit.law).inputs()) != {"N", "D"}:
        check_held_out(held_out, sizes)
        return _draw_any(fit, ax)
    shown = _sizes(fit.runs, held_out, sizes)
    with axes_of(ax, (6.4, 4.0)) as axes:
        labels = []
        for N, colour in zip(shown, _sequence(len(shown)), strict=True):
            end = _draw_size(axes, fit, held_out, N, colour)
            labels.append((end, quantity_text(N), colour))
        axes.scatter([], [], s=16, color=GREY, label="fitted runs")
        if held_out is not None:
            axes.scatter([], [], s=26, facecolor="none", edgecolor=GREY, label="held-out runs")
        axes.set(xscale="log", xlabel="D (tokens)", ylabel="loss")
        count_ticks(axes.xaxis)
        axes.margins(x=0.03)
        _name_lines(axes, labels)
        axes.legend(loc="upper right")
        axes.set_title(f"{type(fit.law).__name__} law, {len(fit.runs)} runs")
        fit_texts(axes)
    return axes


def _draw_any(fit: Fit | Fits, ax: "Axes | None") -> "Axes":
    """Losses over any inputs."""
    fits = fit.fits if isinstance(fit, Fits) else (fit,)
    labels = [", ".join([*map(str, one.group.values())]) or one.response for one in fits]
    num_runs = sum(len(one.runs) for one in fits)
    with axes_of(ax, (6.4, 4.2)) as axes:
        draw_fits(axes, fits, labels)
        many = f"{len(fits)} fits, " if len(fits) > 1 else ""
        axes.set_title(f"{fits[0].law.formula or fits[0].law.name}, {many}{num_runs} runs")
        fit_texts(axes)
    return axes


def _sizes(runs: Runs, held_out: Runs | None, sizes: ArrayLike | None) -> np.ndarray:
    fitted = np.unique(runs.N)
    others = np.setdiff1d(held_out.N, fitted) if held_out is not None else np.array([])
    if sizes is None:
        return np.union1d(_spread(fitted, _MOST_SIZES), _spread(others, _MOST_SIZES // 2))
    wanted = np.unique(np.atleast_1d(np.asarray(sizes, dtype=np.float64)))
    known = np.concatenate([fitted, others])
    nearest = known[np.abs(np.log(wanted[:, None] / known)).argmin(axis=1)]
    if len(unknown := wanted[np.abs(wanted / nearest - 1.0) > 5e-3]):
        listed = ", ".join(quantity_text(N) for N in np.sort(known))
        raise ValueError(f"sizes: no run has N = {unknown[0]:.6g}; there are {listed}")
    return np.unique(nearest)


def _spread(values: np.ndarray, num: int) -> np.ndarray:
    """Up to so many of the values, evenly chosen, both ends among them."""
    if len(values) <= num:
        return values
    return values[np.linspace(0, len(values) - 1, num).round().astype(int)]


def _sequence(num: int) -> np.ndarray:
    """Colours that keep their order in grey and for the colour-blind."""
    import matplotlib as mpl

    return np.asarray(mpl.colormaps["viridis"](np.linspace(_DARKEST, _LIGHTEST, num)))


def _draw_size(
    axes: "Axes", fit: Fit, held_out: Runs | None, N: float, colour: Any
) -> tuple[float, float]:
    """One size; returns the end of its line."""
    mine = fit.runs.N == N
    other = held_out.N == N if held_out is not None else np.zeros(0, dtype=bool)
    D = np.concatenate([fit.runs.D[mine], held_out.D[other] if held_out is not None else []])
    along = np.geomspace(D.min() / _REACH, D.max() * _REACH, 80)
    losses = np.asarray(fit.predict(N=N, D=along))
    axes.plot(along, losses, color=colour, lw=1.3, ls="-" if mine.any() else (0, (4, 2)))
    axes.scatter(fit.runs.D[mine], fit.runs.loss[mine], s=13, color=colour, zorder=3)
    if held_out is not None:
        axes.scatter(
            held_out.D[other], held_out.loss[other], s=26, facecolor="none", edgecolor=colour,
            lw=1.1, zorder=3,
        )  # fmt: skip
    return float(along[-1]), float(losses[-1])


def _name_lines(axes: "Axes", labels: list[tuple[tuple[float, float], str, Any]]) -> None:
    """N of each line in a column on the right, moved down where two would touch."""
    low, high = axes.get_ylim()
    height = axes.get_window_extent().height / axes.figure.dpi * 72  # in points
    gap = _LINE / height  # of the axes' height
    place = np.inf
    for end, text, colour in sorted(labels, key=lambda label: -label[0][1]):
        place = min((end[1] - low) / (high - low), place - gap)
        axes.annotate(
            text, end, xytext=(1.015, place), textcoords="axes fraction", fontsize=8, color=colour,
            va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.6, "alpha": 0.4, "shrinkA": 1},
        )  # fmt: skip


def plot_curves(
    fit: Fit, bootstrap: Bootstrap | None = None, axes: "Sequence[Axes] | None" = None
) -> "tuple[Axes, Axes, Axes]":
    """U(N), B(N) and A(N) of a law, with what the stages of a piecewise fit found for each size.

    Dots are Stage 1's A_N and B_N (paper Fig. 4) and Stage 3's G(N) (Fig. 5a), to which the
    curves were fitted: where dots leave their curve in order, the form of the law does not hold.

    Args:
        fit: of a law L(N, D) = U(N) + B(N) · D^−A(N).
        bootstrap: of that fit; draws a 90 % band of each curve.
        axes: three axes to draw on, for U, B and A; new ones by default.

    Returns:
        The three axes.

    Raises:
        TypeError: the law has no such curves.
        ValueError: not three axes, or the bootstrap is of another fit.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit
        >>> from farseer_jax.plots import plot_curves
        >>> [axes.get_ylabel() for axes in plot_curves(fit(Farseer, example_runs()))]
        ['U(N)', 'B(N)', 'A(N)']
    """
    if not isinstance(fit.law, OneDataTerm):
        raise TypeError(f"the law {fit.law.name} has no curves U, B and A of N")
    if bootstrap is not None and bootstrap.fit is not fit:
        raise ValueError("bootstrap: these draws are of another fit; give bootstrap(fit)")
    N = np.geomspace(fit.runs.N.min() / _REACH, fit.runs.N.max() * _REACH, 120)
    values = dict(zip("UBA", _curves_of(fit.law, N), strict=True))
    bands = None if bootstrap is None else bootstrap.curves(N)
    found = fit.diagnostics if isinstance(fit.diagnostics, Diagnostics) else None
    with grid_of(axes, (1, 3), (9.6, 2.9)) as panels:
        for name, panel, colour in zip("UBA", panels, COLOURS, strict=False):
            if bands is not None:
                low, high = bands[name].lower, bands[name].upper
                panel.fill_between(N, low, high, color=colour, alpha=0.18, lw=0)
            panel.plot(N, values[name], color=colour, lw=1.5, label=f"{name}(N)")
            _draw_stages(panel, name, found, colour)
            panel.set(xscale="log", xlabel="N (parameters)", ylabel=f"{name}(N)")
            count_ticks(panel.xaxis)
            if name == "B":
                panel.set_yscale("log")
    return cast("tuple[Axes, Axes, Axes]", tuple(panels))


def _curves_of(law: OneDataTerm, N: np.ndarray) -> tuple[np.ndarray, ...]:
    with jax.enable_x64(True):
        log_U, log_B, A = (np.asarray(curve) for curve in law.of_size(jnp.asarray(N)))
    return tuple(np.broadcast_to(curve, N.shape) for curve in (np.exp(log_U), np.exp(log_B), A))


def _draw_stages(axes: "Axes", name: str, found: Diagnostics | None, colour: str) -> None:
    if found is None:
        return
    seen = {"U": found.G, "B": found.B, "A": found.A}[name]
    label = "Stage 3, each size" if name == "U" else "Stage 1, each size"
    axes.scatter(found.N, seen, s=15, color=colour, alpha=0.75, lw=0, zorder=3, label=label)
    axes.legend(loc="best", fontsize=8)
