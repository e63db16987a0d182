"""The verdict of an extrapolation in sentences, and its warnings."""

from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.numbers import percent_text, quantity_text

if TYPE_CHECKING:
    from farseer_jax.diagnostics.extrapolation import Extrapolation
    from farseer_jax.diagnostics.leaderboard import CandidateResult, LeaderboardRow

_MANY_TIMES = 10.0
_NEAR = 1.05  # ratio of geometric means below which two candidates are equally good
_MOST_TIMES = 1000.0


def verdict(found: "Extrapolation") -> str:
    """Which candidate to trust on these runs, and how clearly it wins, in sentences."""
    ranked = [row for row in found.leaderboard if row.num_limits]
    if not ranked:
        return "No candidate could be fitted up to any limit."
    lines = [_first(found), *_ranking_rule(found)]
    complete = [row for row in ranked if row.complete]
    if len(complete) > 1:
        lines.append(_second(*complete[:2]))
    lines += _last_limits(found, ranked[0].name)
    if complete:
        first, by_next = complete[0], min(complete, key=lambda row: row.next_error)
        if by_next is not first:
            above = "the limit" if len(found.limits) == 1 else "each limit"
            lines.append(
                f"On the runs right above {above} {by_next.name} is better: "
                f"{percent_text(by_next.next_error)} against {percent_text(first.next_error)}."
            )
    return "\n".join(lines)


def _first(found: "Extrapolation") -> str:
    """The best candidate, if one has a converged fit at every limit."""
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
        over = f"the {first.num_limits} of {num} limits at which any candidate can be fitted,"
    return (
        f"Over {over} {first.name} extrapolates best on these runs: {error} on average,\n"
        f"smallest after {first.num_best} of {num} limits."
    )


def _ranking_rule(found: "Extrapolation") -> list[str]:
    """The rule of the ranking, where it makes a difference."""
    if len({row.num_converged for row in found.leaderboard if row.num_limits}) < 2:
        return []
    return ["Candidates are ranked by the number of converged fits, then by error."]


def _last_limits(found: "Extrapolation", first: str) -> list[str]:
    """The best candidate after the last limits (short extrapolations), if it is another."""
    errors = np.array([result.held_out_error for result in found.results])
    trusted = np.array([result.trusted for result in found.results])
    if not trusted[:, -1].any():
        return []
    best = np.where(trusted, errors, np.inf).argmin(axis=0)
    name = found.results[best[-1]].name
    if name == first:
        return []
    num = len(best) - int(np.flatnonzero(np.append(-1, best) != best[-1])[-1])
    where = coordinate_text(found.along, found.limits[-num])
    last = "the last limit" if num == 1 else f"the last {num} limits, from {where} on"
    return [f"After {last}, {name} is best: prefer it for an extrapolation as short as those."]


def _second(first: "LeaderboardRow", second: "LeaderboardRow") -> str:
    times = second.times_best / first.times_best
    if times < _NEAR:
        return f"{second.name} is as good: these limits do not distinguish the two."
    many = f"more than {_MOST_TIMES:.0f}" if times > _MOST_TIMES else times_text(times)
    return f"{second.name} is next, with {many} times the error."


def coordinate_text(along: str, value: float) -> str:
    """A value of the quantity that orders the runs."""
    return quantity_text(value) if along in ("N", "D") else f"{value:.3g}"


def times_text(value: float) -> str:
    """A ratio of errors."""
    if not np.isfinite(value):
        return "–"
    if value > _MOST_TIMES:
        return f"> {_MOST_TIMES:.0f}"
    return f"{value:,.0f}" if value >= _MANY_TIMES else f"{value:.2f}"


def warnings_of(found: "Extrapolation") -> tuple[str, ...]:
    """All warnings, in the order of the leaderboard."""
    lines: list[str] = []
    for row in found.leaderboard:
        result = found[row.name]
        if result.note:
            lines.append(f"{result.name}: {result.note}")
            continue
        lines += [*_missing(found, result), *_unconverged(result)]
        if found.targets is not None and result.target_outcome is Outcome.not_converged:
            lines.append(
                f"{result.name}: the fit to all runs did not converge; do not use its predictions "
                "of the targets"
            )
    first = found.leaderboard[0]
    if first.complete and found.noise is not None and first.held_out_error < found.noise.pooled:
        lines.append(
            f"the best errors are below the run-to-run noise ({found.noise.pooled:.3%}): "
            "such differences say nothing about the laws"
        )
    return tuple(lines)


def _missing(found: "Extrapolation", result: "CandidateResult") -> list[str]:
    num = int(result.missing.sum())
    if not num:
        return []
    reasons = list(
        dict.fromkeys(_reason(result.outcomes[i]) for i in np.flatnonzero(result.missing))
    )
    line = (
        f"{result.name} has no usable fit at {_of(num, len(result.outcomes))} "
        f"({'; '.join(reasons)}): give larger limits, or leave it out"
    )
    return [f"{line}. {_compared_with_first(found, result)}".rstrip(" .")]


def _compared_with_first(found: "Extrapolation", result: "CandidateResult") -> str:
    """Its error compared with the first's, over the limits at which both converged."""
    first = found[found.leaderboard[0].name]
    both = result.trusted & first.trusted
    if first is result or not both.any():
        return ""
    own, other = (
        percent_text(float(np.exp(np.log(one.held_out_error[both]).mean())))
        for one in (result, first)
    )
    shared = "limit" if both.sum() == 1 else f"{both.sum()} limits"
    return (
        f"Over the {shared} at which {first.name} converged too, its error is {own} against {other}"
    )


def _unconverged(result: "CandidateResult") -> list[str]:
    num = int(result.unconverged.sum())
    if not num:
        return []
    return [
        f"{result.name} did not converge at {_of(num, len(result.outcomes))} (marked *), and "
        "cannot be called best: leave it out, give other limits, fix a parameter that diverges "
        "(fixed=), or allow its method more steps"
    ]


def _reason(outcome: Outcome | None) -> str:
    if outcome is None or outcome.usable:
        return "its losses are not finite"
    return outcome.message[0].lower() + outcome.message[1:].rstrip(".")


def _of(num: int, total: int) -> str:
    if total == 1:
        return "the one limit"
    return f"{'any' if num == total else num} of the {total} limits"
