"""Extrapolations as a person reads them: who won, the errors by limit, the targets."""

from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.numbers import loss_text, percent_text, quantity_text
from farseer_jax.results.table import aligned

if TYPE_CHECKING:
    from farseer_jax.diagnostics.extrapolation_result import Extrapolation
    from farseer_jax.diagnostics.leaderboard import Standing


_MANY_TIMES = 10.0
_NEAR = 1.05  # geometric means closer than this tell nobody apart
_BEYOND = 1e-9
_MOST_TIMES = 1000.0


def text(found: "Extrapolation") -> str:
    """The whole of ``print(extrapolation)``."""
    parts = [_title(found), "", _places(found), "", _by_limit(found), "", closing(found)]
    if found.targets is not None:
        parts += ["", _targets(found)]
    return "\n".join([*parts, *(f"warning: {line}" for line in found.warnings)])


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
        result = found[place.name]
        doubt = bool(result.unconverged.any())
        rows.append([
            f"{i + 1} {place.name}", _marked(percent_text(place.held_out_error), doubt),
            _times(place.times_best), f"{place.num_best} of {num}",
            _marked(percent_text(place.next_error), doubt),
            _marked(percent_text(result.held_out_bias[-1], "+"), result.unconverged[-1]),
        ])  # fmt: skip
    if any(place.num_converged < num for place in found.leaderboard):
        header.append("converged fits")
        for row, place in zip(rows, found.leaderboard, strict=True):
            row.append(f"{place.num_converged} of {num}")
    return aligned(header, rows, left=1)


def _by_limit(found: "Extrapolation") -> str:
    places = found.leaderboard
    header = [f"{found.along} up to", "runs", *(_header(place.name) for place in places)]
    results = [found[place.name] for place in places]
    rows = [
        [
            value_text(found.along, limit),
            str(found.num_fitted[i]),
            *(_marked(percent_text(r.held_out_error[i]), r.unconverged[i]) for r in results),
        ]
        for i, limit in enumerate(found.limits)
    ]
    table = aligned(header, rows)
    doubt = any(result.unconverged.any() for result in results)
    return f"{table}\n* the fit did not converge" if doubt else table


def closing(found: "Extrapolation") -> str:
    """Whom to trust on these runs, and how surely, in sentences."""
    ranked = [place for place in found.leaderboard if place.num_limits]
    if not ranked:
        return "No candidate could be fitted up to any limit."
    lines = [_whom(found), *_order_told(found)]
    complete = [place for place in ranked if place.complete]
    if len(complete) > 1:
        lines.append(_second(*complete[:2]))
    lines += _last_limits(found, ranked[0].name)
    if complete:
        first, by_next = complete[0], min(complete, key=lambda place: place.next_error)
        if by_next is not first:
            above = "the limit" if len(found.limits) == 1 else "each limit"
            lines.append(
                f"On the runs right above {above} {by_next.name} is better: "
                f"{percent_text(by_next.next_error)} against {percent_text(first.next_error)}."
            )
    return "\n".join(lines)


def _whom(found: "Extrapolation") -> str:
    """Who is best; nobody, where no candidate has a fit to trust at every limit."""
    first, num = found.leaderboard[0], len(found.limits)
    if not first.complete:
        most = f", the most: {first.name}" if first.num_converged else ""
        limits = "the limit" if num == 1 else f"each of the {num} limits"
        has = f" ({first.num_converged} of {num}{most})" if num > 1 else ""
        return f"No candidate is best: none has a converged fit at {limits}{has}."
    error = percent_text(first.held_out_error)
    if num == 1:
        return f"{first.name} extrapolates best on these runs: {error}."
    over = "all limits"
    if first.num_limits < num:
        over = f"the {first.num_limits} of {num} limits that any candidate can be fitted at,"
    return (
        f"Over {over} {first.name} extrapolates best on these runs: {error} on average,\n"
        f"smallest after {first.num_best} of {num} limits."
    )


def _order_told(found: "Extrapolation") -> list[str]:
    """The rule of the places, where it moved any."""
    if len({place.num_converged for place in found.leaderboard if place.num_limits}) < 2:
        return []
    return ["Places go by the number of converged fits first, by error among equals."]


def _last_limits(found: "Extrapolation", first: str) -> list[str]:
    """Who is best after the last limits, the shortest extrapolations, if it is another."""
    errors = np.array([result.held_out_error for result in found.results])
    trusted = np.array([result.trusted for result in found.results])
    if not trusted[:, -1].any():
        return []
    best = np.where(trusted, errors, np.inf).argmin(axis=0)
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
    many = f"more than {_MOST_TIMES:.0f}" if times > _MOST_TIMES else _times(times)
    return f"{second.name} is next, with {many} times the error."


def _targets(found: "Extrapolation") -> str:
    targets = found.targets
    assert targets is not None
    results = [found[place.name] for place in found.leaderboard]
    header = ["N", "D", "loss", *(_header(r.name) for r in results), "", "outside the runs by"]
    errors = [result.target_predicted[-1] / targets.loss - 1.0 for result in results]
    doubts = [result.target_outcome is Outcome.not_converged for result in results]
    length = found.target_length()
    rows = [
        [
            quantity_text(targets.N[i]),
            quantity_text(targets.D[i]),
            loss_text(loss),
            *(_marked(percent_text(e[i], "+"), d) for e, d in zip(errors, doubts, strict=True)),
            "",
            f"{length[i]:.2f} e-folds" if length[i] > _BEYOND else "–",
        ]
        for i, loss in enumerate(targets.loss)
    ]
    means = [
        _marked(percent_text(float(np.mean(np.abs(error)))), doubt)
        for error, doubt in zip(errors, doubts, strict=True)
    ]
    rows.append(["", "", "mean error", *means, "", ""])
    title = "targets, from fits to all runs: predicted against observed loss"
    return f"{title}\n\n{aligned(header, rows)}"


def _marked(text: str, doubt: bool) -> str:
    """With a star in front, so that decimals stay in one column."""
    return f"*{text}" if doubt else text


def _header(name: str) -> str:
    """A name above a column of numbers: long ones in lines."""
    return name.replace(", ", ",\n")


def _times(value: float) -> str:
    if not np.isfinite(value):
        return "–"
    if value > _MOST_TIMES:
        return f"> {_MOST_TIMES:.0f}"
    return f"{value:,.0f}" if value >= _MANY_TIMES else f"{value:.2f}"
