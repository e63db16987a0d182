"""Figures of extrapolation inside the data (paper Figs. 1a, 6, 8; App. G, Fig. 16)."""

from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from farseer_jax.decisions.compare_counts import CountComparison
from farseer_jax.diagnostics.extrapolation import Extrapolation
from farseer_jax.diagnostics.holdout_errors import misses
from farseer_jax.diagnostics.leaderboard import CandidateResult
from farseer_jax.diagnostics.order_of_runs import values_along
from farseer_jax.methods.outcome import Outcome
from farseer_jax.plots.draws import draws
from farseer_jax.plots.labels import name_lines, note
from farseer_jax.plots.layout import is_narrow, legend_outside
from farseer_jax.plots.log_ticks import input_label, input_ticks, plain_ticks
from farseer_jax.plots.style import COLOURS, GREY, axes_of, one_of
from farseer_jax.runs.binding import Part
from farseer_jax.runs.runs import Runs

Errors = Literal["held out", "inner", "next", "targets"]
_MARKERS = "osD^vPX"
_NOISE, _FAINT = "run-to-run noise", 0.16
_SHORT_LEGEND = 0.3  # inches, for which a figure does not grow
_LARGEST = 10.0  # that is drawn: a diverged law would compress all others into one line
_UNITS = {"N": " (parameters)", "D": " (tokens)", "C": " (6ND, FLOPs)"}
_ERRORS = {
    "held out": "error on the held-out runs",
    "inner": "error on the inner hold-outs",
    "next": "error on the next runs",
    "targets": "error on the targets",
}


@draws(Extrapolation, example="extrapolate(runs)")
def plot_extrapolation(
    found: Extrapolation, errors: Errors = "held out", ax: Axes | None = None
) -> Axes:
    """Error of each candidate against the largest fitted value, on log axes (Figs. 6 and 8).

    The grey band is the run-to-run noise of the runs: errors within it say nothing about a law.
    Hollow markers are fits that did not converge; errors above 1000 % are not drawn.

    Args:
        found: from :func:`extrapolate`.
        errors: errors on the ``"held out"`` runs, on the ``"inner"`` hold-outs, which choose, on
            the ``"next"`` runs right above each limit, or on the ``"targets"``, where the last
            point is the fit to all runs.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        ValueError: ``errors`` is unknown, or there are no targets.

    Example:
        >>> from farseer_jax import Chinchilla, Farseer, example_runs, extrapolate
        >>> from farseer_jax.plots import plot_extrapolation
        >>> found = extrapolate(example_runs(), [Farseer, Chinchilla], limits=[1e9, 2e9, 4e9])
        >>> plot_extrapolation(found).get_xlabel()
        'largest N fitted (parameters)'
    """
    limits = found.limits
    if errors == "targets":
        limits = np.append(limits, found.values.max())
    lines = [(result, _errors(found, result, errors)) for result in found.results]
    with axes_of(ax, (6.4, 3.9)) as axes:
        ends = []
        for i, (result, values) in enumerate(lines):
            if not np.isfinite(values).any():
                continue
            colour, marker = COLOURS[i % len(COLOURS)], _MARKERS[i % len(_MARKERS)]
            axes.plot(limits, values, color=colour, lw=1.7, marker=marker, ms=4.5)
            doubt = _unconverged(result, errors)
            if doubt.any():
                axes.plot(
                    limits[doubt], values[doubt], ls="", marker=marker, ms=4.5, mfc="white",
                    mec=colour, mew=1.2, zorder=3,
                )  # fmt: skip
            last = int(np.flatnonzero(np.isfinite(values))[-1])
            ends.append((limits[last], values[last], result.name, colour))
        _scale(axes, found, f"{_ERRORS[errors]}{_unit(found)}")
        axes.set_xlabel(f"largest {found.along} fitted{_UNITS.get(found.along, '')}")
        _name(axes, ends, _noise(axes, found), grows=ax is None)
    return axes


@draws(Extrapolation, example="extrapolate(runs)")
def plot_error_by_value(found: Extrapolation, limit: int = -1, ax: Axes | None = None) -> Axes:
    """Mean relative error at each size (or D, C), fitted and beyond (Fig. 1a).

    The fitted range is shaded; stars are the targets, by the same fits.

    Args:
        found: from :func:`extrapolate`.
        limit: index of the limit up to which the candidates are fitted.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        IndexError: there is no such limit.

    Example:
        >>> from farseer_jax import Chinchilla, Farseer, example_runs, extrapolate
        >>> from farseer_jax.plots import plot_error_by_value
        >>> found = extrapolate(example_runs(), [Farseer, Chinchilla], limits=[1e9, 2e9, 4e9])
        >>> plot_error_by_value(found).get_xlabel()
        'parameters N'
    """
    if not -len(found.limits) <= limit < len(found.limits):
        raise IndexError(f"limit: expected an index below {len(found.limits)}, got {limit}")
    with axes_of(ax, (6.4, 3.9)) as axes:
        ends = []
        for i, result in enumerate(found.results):
            values, error = found.error_by_value(result.name, limit)
            if not np.isfinite(error).any():
                continue
            colour, marker = COLOURS[i % len(COLOURS)], _MARKERS[i % len(_MARKERS)]
            axes.plot(values, _drawn(found, error), color=colour, lw=1.5, marker=marker, ms=4.5)
            start = (float(values[-1]), float(_drawn(found, error)[-1]))
            end = _draw_targets(axes, found, result, limit, start, colour)
            ends.append((*end, result.name, colour))
        kind = "relative" if found.is_relative else "absolute"
        _scale(axes, found, f"mean {kind} error{_unit(found)}")
        low = found.values.min()
        axes.axvspan(low, found.limits[limit], color=COLOURS[4], alpha=0.12, lw=0)
        note(axes, "fitted", (low, 1.0), (4, 3), xycoords=("data", "axes fraction"), color=GREY)
        _name(axes, ends, _noise(axes, found), grows=ax is None)
    return axes


@draws(CountComparison, example="compare_counts(runs, held_out=6e9)")
def plot_counts(comparison: CountComparison, ax: Axes | None = None) -> Axes:
    """Relative errors of all runs by both fits, and their means at each size.

    Fitted sizes are filled dots; held-out sizes are rings on a grey background.

    Args:
        comparison: from :func:`compare_counts`.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Example:
        >>> from farseer_jax import Runs, compare_counts, example_runs
        >>> from farseer_jax.plots import plot_counts
        >>> runs = example_runs()
        >>> extra = {"N_total": runs.N + 4e5 * runs.N ** (1 / 3)}
        >>> found = compare_counts(Runs(runs.N, runs.D, runs.loss, extra), held_out=6e9)
        >>> plot_counts(found).get_ylabel()
        'predicted / observed loss − 1, %'
    """
    N, far = comparison.N, comparison.is_held_out
    sizes = np.unique(N)
    with axes_of(ax, (6.0, 3.9)) as axes:
        axes.axhline(0.0, color=GREY, lw=0.9, zorder=1)
        if N[~far].max() < N[far].min():
            edge = np.sqrt(N[~far].max() * N[far].min())
            axes.axvspan(edge, 1.25 * sizes[-1], color=GREY, alpha=0.13, lw=0, zorder=0)
        for row, colour, shift in zip(comparison.rows, COLOURS, (0.988, 1.012), strict=False):
            error = 100 * comparison.relative_errors(row)
            axes.scatter(N * shift, error, s=4, color=colour, alpha=0.35, lw=0, zorder=2)
            mean = np.array([error[size == N].mean() for size in sizes])
            beyond = np.array([far[size == N].all() for size in sizes])
            axes.plot(sizes * shift, mean, color=colour, lw=1.1, zorder=3)
            axes.scatter(sizes[~beyond] * shift, mean[~beyond], s=20, color=colour, zorder=4)
            axes.scatter(
                sizes[beyond] * shift, mean[beyond], s=52, lw=1.7, fc="white", ec=colour, zorder=4
            )
            label = f"{row.count}: held-out error {row.held_out_error:.2%}"
            axes.plot([], [], "o-", color=colour, ms=4.5, lw=1.1, label=label)
        axes.set(
            xscale="log",
            xlabel="parameters N, the runs' own count",
            ylabel="predicted / observed loss − 1, %",
            xlim=(sizes[0] / 1.12, sizes[-1] * 1.25),
        )
        input_ticks(axes.xaxis, "N")
        legend_outside(axes, above=True, ncols=1)
    return axes


def _errors(found: Extrapolation, result: CandidateResult, errors: str) -> np.ndarray:
    """Errors as drawn, one per limit; NaN where the law diverged."""
    one_of("errors", errors, _ERRORS)
    if errors == "targets":
        if found.targets is None:
            raise ValueError("errors='targets': expected targets; give them to extrapolate")
        return _drawn(found, _target_errors(found, found.targets, result).mean(axis=1))
    by_name = {
        "held out": result.held_out_error,
        "inner": result.inner_error,
        "next": result.next_error,
    }
    return _drawn(found, by_name[errors])


def _drawn(found: Extrapolation, error: np.ndarray) -> np.ndarray:
    """Errors in per cent, or in the unit of the response if they are differences."""
    return 100 * np.where(error > _LARGEST, np.nan, error) if found.is_relative else error


def _target_errors(found: Extrapolation, targets: Runs, result: CandidateResult) -> np.ndarray:
    """Absolute errors of the targets, ``(limit + 1, target)``."""
    return np.abs(misses(result.target_predicted, targets.loss, relative=found.is_relative))


def _unit(found: Extrapolation) -> str:
    return ", %" if found.is_relative else ""


def _unconverged(result: CandidateResult, errors: str) -> np.ndarray:
    """Which of the errors are of fits that did not converge."""
    if errors != "targets":
        return result.unconverged
    return np.append(result.unconverged, result.target_outcome is Outcome.not_converged)


def _draw_targets(
    axes: Axes,
    found: Extrapolation,
    result: CandidateResult,
    limit: int,
    start: tuple[float, float],
    colour: str,
) -> tuple[float, float]:
    """Stars at the mean errors of targets at each value, and a dashed line; returns its end."""
    if found.targets is None:
        return start
    targets = found.targets
    try:
        values = values_along([Part({}, "loss", targets, 0)], found.along)
    except ValueError:  # the targets lack the column that orders the runs
        return start
    row = range(len(found.limits))[limit]
    error = _drawn(found, _target_errors(found, targets, result)[row])
    distinct, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean = np.bincount(index, error) / counts
    axes.plot(distinct, mean, ls="", marker="*", ms=9, color=colour, mew=0.5, mec="white", zorder=4)
    beyond = distinct > start[0]
    if not beyond.any():
        return start
    line = np.append(start[0], distinct[beyond]), np.append(start[1], mean[beyond])
    axes.plot(*line, ls=(0, (2, 1.5)), lw=1.1, color=colour)
    return float(distinct[-1]), float(mean[-1])


def _scale(axes: Axes, found: Extrapolation, label: str) -> None:
    axes.set(xscale="log", yscale="log", xlabel=input_label(found.along), ylabel=label)
    input_ticks(axes.xaxis, found.along)
    plain_ticks(axes.yaxis)


def _noise(axes: Axes, found: Extrapolation) -> float | None:
    """A band up to the run-to-run noise; returns its upper edge."""
    if found.noise is None or found.noise.pooled <= 0:
        return None
    low, high = axes.get_ylim()
    noise = 100 * found.noise.pooled
    low = min(low, 0.6 * noise)
    axes.axhspan(low, noise, color=GREY, alpha=_FAINT, lw=0)
    axes.set_ylim(low, high)
    return noise


def _name(
    axes: Axes, ends: list[tuple[float, float, str, Any]], noise: float | None, *, grows: bool
) -> None:
    """Names at the ends of lines and of the noise, or a legend in a figure too narrow for them.

    A figure that ``grows`` gets higher by a long legend, and its axes keep their height.
    """
    if not is_narrow(axes):
        edge = float(axes.get_xlim()[1])
        own = [] if noise is None else [(edge, noise, _NOISE, GREY)]
        name_lines(axes, [*ends, *own], size=8.5)
        return
    handles: list[Any] = [Line2D([], [], color=colour, label=name) for _, _, name, colour in ends]
    if noise is not None:
        handles.append(Patch(color=GREY, alpha=_FAINT, lw=0, label=_NOISE))
    legend_outside(axes, handles=handles, ncols=2)
    if grows:
        figure: Any = axes.figure
        legend: Any = axes.get_legend()
        height = legend.get_window_extent().height / figure.dpi
        figure.set_figheight(figure.get_figheight() + max(height - _SHORT_LEGEND, 0.0))
        legend_outside(axes, handles=handles, ncols=2)
