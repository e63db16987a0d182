"""Figures of residuals (paper, Fig. 5)."""

from typing import TYPE_CHECKING, Literal

import numpy as np

from farseer_jax.analysis.residuals._table import ResidualDiagnostics
from farseer_jax.plots._room import fit_texts, legend_outside
from farseer_jax.plots._style import COLOURS, GREY, axes_of, count_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

View = Literal["residuals", "offsets", "curve"]
_VIEWS = ("residuals", "offsets", "curve")
_NAMES = {"N": "parameters N", "D": "tokens D"}


def plot_residuals(
    found: ResidualDiagnostics,
    view: View = "residuals",
    against: Literal["N", "D"] = "N",
    ax: "Axes | None" = None,
) -> "Axes":
    """Residuals against N or D, coloured by the other; or O − G (Fig. 5 b), or G (Fig. 5 a).

    The grey band is two standard deviations of the run-to-run noise to each side: residuals of a
    law that misses nothing keep to it, in no order of colours. Rings are outliers of their size.

    Args:
        found: from :func:`diagnose_residuals`.
        view: ``"residuals"`` in per cent; ``"offsets"``, ``O − G(N)``, and ``"curve"``, G(N) and
            the law's own U(N), for laws of the form ``U(N) + B(N) · D^−A(N)``, in units of loss.
        against: what is drawn to the right.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        ValueError: there is no such view, or the law has no such terms.

    Example:
        >>> from farseer_jax import Farseer, diagnose_residuals, example_runs, fit
        >>> from farseer_jax.plots import plot_residuals
        >>> found = diagnose_residuals(fit(Farseer, example_runs()))
        >>> plot_residuals(found).get_ylabel()
        'ln predicted − ln observed, %'
    """
    _check(found, view, against)
    with axes_of(ax, (6.4, 3.7)) as axes:
        if view == "curve":
            _draw_curve(axes, found)
            against = "N"
        else:
            _draw_runs(axes, found, view, against)
        axes.set(xscale="log", xlabel=_NAMES[against])
        _ticks(axes)
        fit_texts(axes)
    return axes


def _check(found: ResidualDiagnostics, view: str, against: str) -> None:
    if view not in _VIEWS:
        raise ValueError(f"view: {view!r} is none of {', '.join(map(repr, _VIEWS))}")
    if against not in _NAMES:
        raise ValueError(f"against: {against!r} is neither 'N' nor 'D'")
    if view != "residuals" and not np.isfinite(found.G).any():
        raise ValueError(
            f"view: the law {found.law!r} has no term U(N) beside B(N) · D^−A(N): draw 'residuals'"
        )


def _draw_runs(axes: "Axes", found: ResidualDiagnostics, view: str, against: str) -> None:
    from matplotlib.colors import LogNorm

    relative = view == "residuals"
    values = 100 * found.residual if relative else found.offset
    place, other = (found.N, found.D) if against == "N" else (found.D, found.N)
    _noise_band(axes, found, against, relative)
    axes.axhline(0.0, color=GREY, lw=0.9, zorder=1)
    drawn = axes.scatter(place, values, c=other, norm=LogNorm(), cmap="viridis", s=15, lw=0)
    far = found.outliers
    if relative and len(far):
        axes.scatter(
            place[far], values[far], facecolor="none", edgecolor=COLOURS[1], s=70, lw=1.3,
            label="outliers",
        )  # fmt: skip
    axes.margins(y=0.08)
    label = "ln predicted − ln observed, %" if relative else "O(N, D) − G(N), loss"
    axes.set_ylabel(label)
    if axes.get_legend_handles_labels()[0]:
        legend_outside(axes, above=True, ncols=2)
    _colour_bar(axes, drawn, "D" if against == "N" else "N")


def _noise_band(axes: "Axes", found: ResidualDiagnostics, against: str, relative: bool) -> None:
    """Two standard deviations, at each size; in units of loss, at its mean loss."""
    if found.noise is None:
        return
    label = "run-to-run noise, 2 SD"
    if against == "N":
        loss = np.array([found.loss[found.N == N].mean() for N in found.size])
        wide = 2 * found.size_noise * (100 if relative else loss)
        axes.fill_between(found.size, -wide, wide, color=GREY, alpha=0.18, lw=0, label=label)
        return
    wide = 2 * found.noise.pooled * (100 if relative else float(found.loss.mean()))
    axes.axhspan(-wide, wide, color=GREY, alpha=0.18, lw=0, label=label)


def _colour_bar(axes: "Axes", drawn: object, name: str) -> None:
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(drawn, ax=axes, pad=0.02, aspect=28)  # type: ignore[arg-type]
    bar.outline.set_visible(False)
    bar.set_label(_NAMES[name])
    count_ticks(bar.ax.yaxis)


def _draw_curve(axes: "Axes", found: ResidualDiagnostics) -> None:
    error = float(np.mean(np.abs(found.U / found.G - 1.0)))
    axes.plot(
        found.curve_N, found.curve_U, color=COLOURS[1], lw=1.5, label="U(N) of the law", zorder=2
    )
    axes.scatter(
        found.size, found.G, color=COLOURS[0], s=26, lw=0, label="G(N), mean over D", zorder=3
    )
    axes.set(yscale="log", ylabel="loss without its data term")
    axes.annotate(
        f"mean relative error {error:.2%}", (0.03, 0.06), xycoords="axes fraction", fontsize=8.5,
        color="#333333",
    )  # fmt: skip
    axes.legend(loc="upper right", fontsize=8.5)


def _ticks(axes: "Axes") -> None:
    from matplotlib.ticker import MaxNLocator, NullLocator

    count_ticks(axes.xaxis)
    if axes.get_yscale() == "log":  # a curve within a factor of two: no powers of ten in sight
        axes.yaxis.set_major_locator(MaxNLocator(6))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
