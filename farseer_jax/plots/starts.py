"""A figure of random starts: whether they agree, which optima they reach, and failures."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from farseer_jax.fitting.result import Fit
from farseer_jax.methods.end_to_end.start_report import ENDINGS, StartReport
from farseer_jax.plots.draws import draws
from farseer_jax.plots.layout import is_narrow, legend_outside
from farseer_jax.plots.log_ticks import RoomyLogLocator
from farseer_jax.plots.style import COLOURS, GREY, INK, axes_of

_SAME = 1e-6  # relative difference of objectives below which two starts ended in one optimum
_LEAST_EXCESS = 1e-10  # of an objective over the best: less is rounding
_LEAST_AGREEMENT = 1e-9  # that is told
_ROUNDING = 1e-22  # an objective below this is an exact fit
_MOST_NAMED = 5  # optima with their numbers of starts
_LEFT = 3e-11  # limit of the axis


@draws(StartReport, Fit, example="fit(Farseer, runs, LeastSquares()).diagnostics", several=True)
def plot_starts(
    reports: Fit | StartReport | Mapping[str, Fit | StartReport], ax: Axes | None = None
) -> Axes:
    """The share of starts that end within each relative distance of the best objective.

    Each step is an optimum, labelled with the number of starts that reached it. Crosses are starts
    that did not converge; starts without a finite objective are not counted in the curve. If all
    starts agree, the figure states this and the precision of the agreement instead.

    Args:
        reports: a fit from several starts, or its report; or several by name, of fits that minimise
            one objective over one family of surfaces.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        TypeError: not a report, or a fit without starts.
        ValueError: there are no reports.

    Example:
        >>> from farseer_jax import Farseer, LeastSquares, example_runs, fit
        >>> from farseer_jax.plots import plot_starts
        >>> found = fit(Farseer, example_runs(), LeastSquares(num_starts=32))
        >>> [text.get_text() for text in plot_starts(found).texts]
        ['31 starts']
    """
    named = reports if isinstance(reports, Mapping) else {"": reports}
    if not named:
        raise ValueError("reports: expected at least one, got none")
    known = {name: _report(report) for name, report in named.items()}
    best = min(report.objective for report in known.values())
    endings = {name: _endings(report, best) for name, report in known.items()}
    with axes_of(ax, (6.0, 3.6)) as axes:
        if all(own.agree for own in endings.values()):
            _say_that_they_agree(axes, endings, best)
        else:
            _draw(axes, endings)
    return axes


class _Endings(NamedTuple):
    """Where the starts of one fit ended.

    Attributes:
        excess: of the objective over the best, relative, ascending, ``(start,)``; infinite where it
            is not finite.
        outcome: index in :data:`ENDINGS` of each, ``(start,)``.
    """

    excess: np.ndarray
    outcome: np.ndarray

    @property
    def num(self) -> int:
        return len(self.excess)

    @property
    def agree(self) -> bool:
        """Whether all starts converged to the best optimum."""
        return bool((self.outcome == 0).all() and self.excess[-1] <= _SAME)

    @property
    def optima(self) -> list[np.ndarray]:
        """Places in the order of the starts that ended in each optimum, the best first."""
        known = np.flatnonzero(np.isfinite(self.excess) & (self.outcome == 0))
        if not len(known):
            return []
        value = 1.0 + self.excess[known]
        breaks = np.flatnonzero(np.diff(value) > _SAME * value[:-1]) + 1
        return np.split(known, breaks)


def _report(report: Any) -> StartReport:
    found = report.diagnostics if isinstance(report, Fit) else report
    found = getattr(found, "found", found)  # of a fit constrained to decrease
    if isinstance(found, StartReport):
        return found
    raise TypeError(
        f"reports: expected fits from several starts, such as fit(law, runs, LeastSquares()), got "
        f"one by the method {report.method.name!r}, which has none"
    )


def _endings(report: StartReport, best: float) -> _Endings:
    value = np.where(np.isfinite(report.start_objective), report.start_objective, np.inf)
    excess = np.maximum((value - best) / max(best, _ROUNDING), 0.0)
    excess[value <= _ROUNDING] = 0.0
    order = np.argsort(excess, kind="stable")
    return _Endings(excess[order], report.start_outcome[order])


def _say_that_they_agree(axes: Axes, endings: Mapping[str, _Endings], best: float) -> None:
    lines = []
    for name, own in endings.items():
        most = max(float(own.excess[-1]), _LEAST_AGREEMENT)
        power = int(np.ceil(np.log10(most) - 1e-9))
        begins = f"{name}: all" if name else "All"
        lines.append(f"{begins} {own.num:,} starts agree to 1e{power}.")
    axes.set(xticks=[], yticks=[])
    axes.set_axis_off()
    size = 9.0 if is_narrow(axes) else 11.0
    text = "\n".join([*lines, "", f"objective {best:.7e}"])
    axes.text(
        0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=size,
        color=INK, linespacing=1.5, wrap=True,
    )  # fmt: skip


def _draw(axes: Axes, endings: Mapping[str, _Endings]) -> None:
    finite = np.concatenate([own.excess[np.isfinite(own.excess)] for own in endings.values()])
    right = 10.0 * max(float(finite.max(initial=0.0)), 1e-3)
    failed = 0
    for colour, (name, own) in zip(COLOURS, endings.items(), strict=False):
        known = np.isfinite(own.excess)
        excess = np.maximum(own.excess[known], _LEAST_EXCESS)
        share = np.arange(1, len(excess) + 1) / own.num
        last = share[-1] if len(share) else 0.0
        axes.step(
            [_LEFT, *excess, right], [0.0, *share, last], where="post", color=colour, lw=1.6,
            label=f"{name or 'starts'} ({own.num:,})", zorder=2,
        )  # fmt: skip
        bad = own.outcome[known] != 0
        axes.plot(excess[bad], share[bad], "x", color=colour, ms=4.5, mew=1.0, zorder=3)
        failed += int((own.outcome != 0).sum())
        if len(endings) == 1:
            _name_optima(axes, own)
    if failed:
        axes.plot([], [], "x", color=GREY, ms=4.5, label=_failures(endings))
    axes.axvline(_SAME, color=GREY, lw=0.8, ls=":")
    axes.set(
        xscale="log",
        xlabel="objective above the best, relative",
        ylabel="share of starts",
        ylim=(0.0, 1.06),
        xlim=(_LEFT, right),
    )
    axes.xaxis.set_major_locator(RoomyLogLocator())
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    legend_outside(axes, above=True, ncols=2)


def _failures(endings: Mapping[str, _Endings]) -> str:
    """How many starts did not converge, and how they ended."""
    outcome = np.concatenate([own.outcome for own in endings.values()])
    counts = {name: int((outcome == code).sum()) for code, name in enumerate(ENDINGS) if code}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _name_optima(axes: Axes, own: _Endings) -> None:
    """The number of starts in each of the largest optima, left of its step."""
    optima = sorted(own.optima, key=len, reverse=True)[:_MOST_NAMED]
    for places in optima:
        if len(places) < 0.04 * own.num:  # no room between its neighbours
            continue
        x = max(float(own.excess[places[0]]), _LEAST_EXCESS)
        y = (float(places.mean()) + 0.5) / own.num
        at_left = x > 1e-5
        axes.annotate(
            f"{len(places):,} start{'s'[: len(places) != 1]}", (x, y),
            xytext=(-5 if at_left else 5, 0), textcoords="offset points", fontsize=7.5, color=INK,
            ha="right" if at_left else "left", va="center",
        )  # fmt: skip
