"""Extrapolations as a person reads them: who won, the errors by limit, the targets."""

from typing import TYPE_CHECKING

import numpy as np

from farseer_jax import _tables
from farseer_jax._numbers import loss_text, percent_text, quantity_text

if TYPE_CHECKING:
    from farseer_jax.analysis.extrapolation._table import Extrapolation, Standing

_MANY_TIMES = 10.0
_NEAR = 1.05  # geometric means closer than this tell nobody apart
_BEYOND = 1e-9


def text(found: "Extrapolation") -> str:
    """The whole of ``print(extrapolation)``."""
    parts = [_title(found), "", _places(found), "", _by_limit(found), "", closing(found)]
    if found.targets is not None:
        parts += ["", _targets(found)]
    return "\n".join([*parts, *_warnings(found)])


def value_text(along: str, value: float) -> str:
    """A value of what orders the runs."""
    return quantity_text(value) if along in ("N", "D") else f"{value:.3g}"


def _title(found: "Extrapolation") -> str:
    values = found.values[found.held_out]
    low, high = (value_text(found.along, v) for v in (values.min(), values.max()))
    which = low if low == high else f"{low} to {high}"
    return (
        f"{len(found.runs)} runs, held out: {int(found.held_out.sum())} with {found.along} "
        f"{which}; mean relative errors"
    )


def _places(found: "Extrapolation") -> str:
    num = len(found.limits)
    header = ["", "held out", "times the best", "best at", "next runs", "bias at last limit"]
    rows = []
    for i, place in enumerate(found.leaderboard):
        bias = found[place.name].held_out_bias[-1]
        rows.append([
            f"{i + 1} {place.name}", percent_text(place.held_out_error), _times(place.times_best),
            f"{place.num_best} of {num}", percent_text(place.next_error), percent_text(bias, "+"),
        ])  # fmt: skip
    return _tables.text(header, rows, left=1)


def _by_limit(found: "Extrapolation") -> str:
    places = found.leaderboard
    header = [f"{found.along} up to", "runs", *(_header(place.name) for place in places)]
    errors = [found[place.name].held_out_error for place in places]
    rows = [
        [
            value_text(found.along, limit),
            str(found.num_fitted[i]),
            *(percent_text(error[i]) for error in errors),
        ]
        for i, limit in enumerate(found.limits)
    ]
    return _tables.text(header, rows)


def closing(found: "Extrapolation") -> str:
    """Whom to trust on these runs, and how surely, in sentences."""
    ranked = [place for place in found.leaderboard if place.num_limits]
    if not ranked:
        return "No candidate could be fitted up to any limit."
    first, num = ranked[0], len(found.limits)
    lines = [
        f"Over all limits {first.name} extrapolates best on these runs: "
        f"{percent_text(first.held_out_error)} on average,\n"
        f"smallest after {first.num_best} of {num} limits."
    ]
    if len(ranked) > 1:
        lines.append(_second(first, ranked[1]))
    lines += _last_limits(found, first.name)
    by_next = min(ranked, key=lambda place: place.next_error)
    if by_next is not first:
        lines.append(
            f"On the runs right above each limit {by_next.name} is better: "
            f"{percent_text(by_next.next_error)} against {percent_text(first.next_error)}."
        )
    return "\n".join(lines)


def _last_limits(found: "Extrapolation", first: str) -> list[str]:
    """Who is best after the last limits, the shortest extrapolations, if it is another."""
    errors = np.array([result.held_out_error for result in found.results])
    best = np.where(np.isfinite(errors), errors, np.inf).argmin(axis=0)
    name = found.results[best[-1]].name
    if name == first:
        return []
    num = len(best) - int(np.flatnonzero(np.append(-1, best) != best[-1])[-1])
    where = value_text(found.along, found.limits[-num])
    last = "the last limit" if num == 1 else f"the last {num} limits, from {where} on"
    return [f"After {last}, {name} is best: go by that for an extrapolation as short as those."]


def _second(first: "Standing", second: "Standing") -> str:
    times = second.times_best / first.times_best
    if times < _NEAR:
        return f"{second.name} is as good: these limits do not tell the two apart."
    return f"{second.name} is next, with {_times(times)} times the error."


def _targets(found: "Extrapolation") -> str:
    targets = found.targets
    assert targets is not None
    places = found.leaderboard
    header = ["N", "D", "loss", *(_header(p.name) for p in places), "", "outside the runs by"]
    errors = [found[place.name].target_predicted[-1] / targets.loss - 1.0 for place in places]
    length = found.target_length()
    rows = [
        [
            quantity_text(targets.N[i]),
            quantity_text(targets.D[i]),
            loss_text(loss),
            *(percent_text(error[i], "+") for error in errors),
            "",
            f"{length[i]:.2f} e-folds" if length[i] > _BEYOND else "–",
        ]
        for i, loss in enumerate(targets.loss)
    ]
    means = [percent_text(float(np.mean(np.abs(error)))) for error in errors]
    rows.append(["", "", "mean error", *means, "", ""])
    title = "targets, from fits to all runs: predicted against observed loss"
    return f"{title}\n\n{_tables.text(header, rows)}"


def _warnings(found: "Extrapolation") -> list[str]:
    lines = []
    num = len(found.limits)
    for result, place in ((found[p.name], p) for p in found.leaderboard):
        if result.note:
            lines.append(f"{result.name}: {result.note}")
        elif place.num_limits < num:
            lines.append(
                f"warning: {result.name} has no usable fit up to {num - place.num_limits} of {num} "
                "limits; its means are over the others"
            )
    best = found.leaderboard[0].held_out_error
    if found.noise is not None and best < found.noise.pooled:
        lines.append(
            f"warning: the best errors are below the run-to-run noise ({found.noise.pooled:.3%}): "
            "such differences say nothing of the laws"
        )
    return lines


def _header(name: str) -> str:
    """A name above a column of numbers: long ones in lines."""
    return name.replace(", ", ",\n")


def _times(value: float) -> str:
    if not np.isfinite(value):
        return "–"
    return f"{value:,.0f}" if value >= _MANY_TIMES else f"{value:.2f}"
