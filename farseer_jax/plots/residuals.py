"""Figures of the residuals of a fit (paper, Fig. 5)."""

from typing import Literal, get_args

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.ticker import MaxNLocator, NullLocator

from farseer_jax.diagnostics.residual_diagnostics import ResidualDiagnostics, difference_text
from farseer_jax.plots.draws import draws
from farseer_jax.plots.labels import note, place_labels
from farseer_jax.plots.layout import legend_outside
from farseer_jax.plots.log_ticks import input_axis, input_label, input_ticks, is_log, is_number
from farseer_jax.plots.style import COLOURS, GREY, axes_of, colour_bar, one_of

_MOST_RINGS = 8
_REACH = 18.0  # distance of a row from its ring, in points (1/72 inch)
View = Literal["residuals", "offsets", "curve"]


@draws(ResidualDiagnostics, example="diagnose_residuals(fit)")
def plot_residuals(
    found: ResidualDiagnostics,
    view: View = "residuals",
    against: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Residuals against an input, coloured by another; or O − G (Fig. 5 b), or G (Fig. 5 a).

    The grey band is ± two standard deviations of the run-to-run noise: residuals of a correct law
    stay within it, without order in their colours. Rings are the outliers, up to eight, by the rank
    of their standardised residuals from a fit without them (``found.z_score``); their rows are
    written beside them where there is room. They need not be the largest residuals: an outlier
    pulls the fit towards itself.

    Args:
        found: from :func:`diagnose_residuals`.
        view: ``"residuals"``, in per cent for logarithms; for laws of the form
            ``U(N) + B(N) · D^−A(N)`` also ``"offsets"``, ``O − G(N)``, and ``"curve"``, G(N) and
            the law's U(N), in units of the loss.
        against: input on the horizontal axis; None takes the first numeric one, usually N.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        ValueError: the view or input is unknown, or the law does not have this form.

    Example:
        >>> from farseer_jax import Farseer, diagnose_residuals, example_runs, fit
        >>> from farseer_jax.plots import plot_residuals
        >>> found = diagnose_residuals(fit(Farseer, example_runs()))
        >>> plot_residuals(found).get_ylabel()
        'ln predicted − ln observed, %'
    """
    numbers = [name for name, values in found.inputs.items() if is_number(values)]
    against = numbers[0] if against is None and numbers else against
    _check(found, view, against, numbers)
    assert against is not None  # refused otherwise
    with axes_of(ax, (6.4, 3.7)) as axes:
        if view == "curve":
            _draw_curve(axes, found)
        else:
            _draw_runs(axes, found, view, against)
    return axes


def _check(found: ResidualDiagnostics, view: str, against: str | None, numbers: list[str]) -> None:
    one_of("view", view, get_args(View))
    if against not in numbers:
        raise ValueError(
            f"against: expected a numeric input of the law {found.law!r} "
            f"({', '.join(map(repr, numbers)) or 'it has none'}), got {against!r}"
        )
    if view != "residuals" and not np.isfinite(found.G).any():
        raise ValueError(
            f"view: the law {found.law!r} has no term U(N) + B(N) · D^−A(N); draw 'residuals'"
        )


def _draw_runs(axes: Axes, found: ResidualDiagnostics, view: str, against: str) -> None:
    shows_residuals, of_logs = view == "residuals", found.link.name == "log"
    values = found.residual * (100 if of_logs else 1) if shows_residuals else found.offset
    place = found.inputs[against]
    others = [n for n, x in found.inputs.items() if n != against and is_number(x)]
    _noise_band(axes, found, against, shows_residuals)
    axes.axhline(0.0, color=GREY, lw=0.9, zorder=1)
    if others:
        other = found.inputs[others[0]]
        norm = LogNorm() if is_log(other) else None
        drawn = axes.scatter(place, values, c=other, norm=norm, cmap="viridis", s=15, lw=0)
    else:
        axes.scatter(place, values, color=COLOURS[0], s=15, lw=0)
    far = found.outliers[:_MOST_RINGS]
    if len(far):
        num = len(found.outliers)
        axes.scatter(
            place[far], values[far], facecolor="none", edgecolor=COLOURS[1], s=70, lw=1.3,
            label=f"first {len(far)} of {num} outliers" if num > len(far) else "outliers",
        )  # fmt: skip
    axes.margins(x=0.06, y=0.08)
    difference = difference_text(found.link) + (", %" if of_logs else "")
    axes.set_ylabel(difference if shows_residuals else "O(N, D) − G(N), loss")
    if others:
        bar = colour_bar(axes, drawn, input_label(others[0]))
        if norm is not None:
            input_ticks(bar.ax.yaxis, others[0])
    input_axis(axes, "x", against, place)
    if axes.get_legend_handles_labels()[0]:
        legend_outside(axes, above=True, ncols=2)
    points = np.stack([place, values], axis=1)
    place_labels(
        axes, points[far], [f"row {found.row[i]}" for i in far], points, num_must=1, reach=_REACH
    )


def _noise_band(axes: Axes, found: ResidualDiagnostics, against: str, relative: bool) -> None:
    """Two standard deviations at each size; in units of the loss, at its mean loss."""
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


def _draw_curve(axes: Axes, found: ResidualDiagnostics) -> None:
    error = float(np.mean(np.abs(found.U / found.G - 1.0)))
    axes.plot(
        found.curve_N, found.curve_U, color=COLOURS[1], lw=1.5, label="U(N) of the law", zorder=2
    )
    axes.scatter(
        found.size, found.G, color=COLOURS[0], s=26, lw=0, label="G(N), mean over D", zorder=3
    )
    input_axis(axes, "x", "N", found.N)
    axes.set(yscale="log", ylabel="loss without its data term")
    axes.yaxis.set_major_locator(MaxNLocator(6))  # the range is too short for powers of ten
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:.3g}")
    text = f"mean relative error {error:.2%}"
    note(axes, text, (0.0, 0.0), (8, 8), xycoords="axes fraction")
    axes.legend(loc="upper right")
