"""The verdict of an extrapolation: one recommendation in sentences, and warnings."""

from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.diagnostics.holdout_predictions import LEVEL
from farseer_jax.diagnostics.small_groups import part_text
from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.numbers import level_text, percent_text, quantity_text

if TYPE_CHECKING:
    from farseer_jax.diagnostics.extrapolation import Extrapolation
    from farseer_jax.diagnostics.leaderboard import CandidateResult, LeaderboardRow

_MANY_TIMES = 10.0
_MOST_NAMED = 3
_MOST_TIMES = 1000.0


def verdict(found: "Extrapolation") -> str:
    """The best candidate on these runs, how certain the choice is, and its test."""
    ranked = [row for row in found.leaderboard if row.num_limits]
    if not ranked:
        return "No candidate could be fitted up to any limit."
    lines = [_first(found)]
    complete = [row for row in ranked if row.complete]
    if len(complete) > 1:
        lines.append(_second(found, complete[1]))
    return "\n".join([*lines, *_test(found), *_coverage(found)])


def _first(found: "Extrapolation") -> str:
    """Names the best candidate, if one has an error at every limit."""
    first, num = found.leaderboard[0], len(found.limits)
    if not first.complete:
        return (
            f"No candidate is best: none has an error at each of the {num} limits. "
            f"{first.name} has the most, {first.num_limits}."
        )
    error, num_inner = error_text(found, first.inner_error), int(found.inner.any(axis=1).sum())
    if not num_inner:
        return (
            f"{first.name} extrapolates best on these runs: "
            f"its error on the held-out runs is {error}.\n"
            "There are no inner hold-outs, so the held-out runs chose it and cannot test it: give "
            "smaller limits."
        )
    if num_inner == 1:
        return (
            f"{first.name} extrapolates best on these runs: its error on the inner hold-outs is "
            f"{error}."
        )
    over = "all limits"
    if first.num_limits < num:
        over = f"the {first.num_limits} of {num} limits at which any candidate can be fitted"
    return (
        f"{first.name} extrapolates best on these runs: "
        f"its error on the inner hold-outs is {error}\n"
        f"(geometric mean over {over}), the smallest at {first.num_best} of {num_inner} limits."
    )


def _second(found: "Extrapolation", second: "LeaderboardRow") -> str:
    """The next candidate, its error, and the probability that the first is better."""
    first = found.leaderboard[0]
    times = second.times_best / first.times_best
    many = f"more than {_MOST_TIMES:.0f}" if times > _MOST_TIMES else times_text(times)
    line = f"{second.name} is next, with {many} times the error"
    if not found.undecided:
        return f"{line}; probability that {first.name} is better: {second.probability:.0%}."
    *names, last = found.undecided
    rows = [row for row in found.leaderboard if row.name in found.undecided[1:]]
    least = min(row.probability for row in rows)
    return (
        f"{line}.\nUndecided between {', '.join(names)} and {last}: the probability that "
        f"{first.name} is better\nis {least:.0%}{' for one of them' if len(rows) > 1 else ''}."
    )


def _test(found: "Extrapolation") -> list[str]:
    """The error of the chosen candidate on the held-out runs, which did not choose it."""
    first = found.leaderboard[0]
    if not first.complete or not found.inner.any():
        return []
    r2 = f"R² {first.held_out_r2:.4f}, " if np.isfinite(first.held_out_r2) else ""
    return [
        f"Test of {first.name} on the held-out runs, fitted to {found.along} up to "
        f"{coordinate_text(found.along, found.limits[-1])}: {r2}"
        f"mean error {error_text(found, first.held_out_error)}."
    ]


def _coverage(found: "Extrapolation") -> list[str]:
    """The fraction of held-out runs within the intervals of a forecast."""
    return [
        f"{result.name}: {np.nanmean(result.inside):.0%} of the held-out runs lie in their "
        f"{level_text(LEVEL)} intervals, over all limits."
        for result in found.results
        if np.isfinite(result.inside).any()
    ]


def coordinate_text(along: str, value: Any) -> str:
    """A value of the quantity that orders the runs, or of an input."""
    if isinstance(value, str):
        return value
    return quantity_text(value) if along in ("N", "D") else f"{value:.3g}"


def error_text(found: "Extrapolation", value: float, sign: str = "") -> str:
    """An error in percent, or in the unit of the response if errors are differences."""
    if found.is_relative:
        return percent_text(value, sign)
    return f"{value:{sign}.4g}" if np.isfinite(value) else "–"


def times_text(value: float) -> str:
    """A ratio of errors."""
    if not np.isfinite(value):
        return "–"
    if value > _MOST_TIMES:
        return f"> {_MOST_TIMES:.0f}"
    return f"{value:,.0f}" if value >= _MANY_TIMES else f"{value:.2f}"


def warnings_of(found: "Extrapolation") -> tuple[str, ...]:
    """All warnings, in the order of the leaderboard."""
    lines: list[str] = list(found.left_out)
    for row in found.leaderboard:
        result = found[row.name]
        if result.note:
            lines.append(f"{result.name}: {result.note}")
            lines += [compared] if (compared := _compared_with_first(found, result)) else []
            continue
        lines += [*_missing(found, result), *_unconverged(result)]
        if found.targets is not None and result.target_outcome is Outcome.not_converged:
            lines.append(
                f"{result.name}: the fit to all runs did not converge; do not use its predictions "
                "of the targets"
            )
    left_out = sum(part.num_left_out for part in found.parts)
    if left_out:
        runs = "1 run was" if left_out == 1 else f"{left_out} runs were"
        lines.append(f"{runs} left out, without a response")
    first = found.leaderboard[0]
    if first.complete and found.noise is not None and first.inner_error < found.noise.pooled:
        lines.append(
            f"the best errors are below the run-to-run noise ({found.noise.pooled:.3%}): "
            "such differences do not distinguish the laws"
        )
    return tuple(lines)


def _missing(found: "Extrapolation", result: "CandidateResult") -> list[str]:
    num = int(result.missing.sum())
    if not num:
        return []
    reasons = list(
        dict.fromkeys(_reason(result.outcomes[i]) for i in np.flatnonzero(result.missing))
    )
    groups, remedy = _groups_missing(found, result)
    line = (
        f"{result.name} has no usable fit{groups} at {_of(num, len(result.outcomes))} "
        f"({'; '.join(reasons)}): give larger limits, or leave {remedy} out"
    )
    return [f"{line}. {_compared_with_first(found, result)}".rstrip(" .")]


def _groups_missing(found: "Extrapolation", result: "CandidateResult") -> tuple[str, str]:
    """The groups without a fit, and what to leave out."""
    if len(found.parts) == 1:
        return "", "it"
    nothing = ~np.isfinite(result.predicted[result.missing])
    bad = [
        part_text(part, found.parts)
        for place, part in enumerate(found.parts)
        if nothing[:, found.part == place].any()
    ]
    if not bad or len(bad) == len(found.parts):
        return "", "it"
    more = f" and {len(bad) - _MOST_NAMED} more" if len(bad) > _MOST_NAMED else ""
    these = "this group's runs" if len(bad) == 1 else "these groups' runs"
    return f" of {'; '.join(bad[:_MOST_NAMED])}{more}", these


def _compared_with_first(found: "Extrapolation", result: "CandidateResult") -> str:
    """Its error compared with the first's, over the limits at which both have one."""
    first = found[found.leaderboard[0].name]
    both = result.known & first.known
    if first is result or not both.any():
        return ""
    own, other = (
        error_text(found, float(np.exp(np.log(one.held_out_error[both]).mean())))
        for one in (result, first)
    )
    shared = "limit" if both.sum() == 1 else f"{both.sum()} limits"
    return (
        f"At the {shared} at which {first.name} has a fit too, its error is {own}, that of "
        f"{first.name} {other}"
    )


def _unconverged(result: "CandidateResult") -> list[str]:
    num = int(result.unconverged.sum())
    if not num:
        return []
    return [
        f"{result.name} did not converge at {_of(num, len(result.outcomes))} (marked *); it is "
        "ranked by its errors nevertheless; to make it converge, fix a parameter that diverges "
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
