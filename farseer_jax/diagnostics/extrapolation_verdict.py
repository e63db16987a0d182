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

_INNER = "the inner hold-outs (runs above a limit that are not held out)"
_MANY_TIMES = 10.0
_MOST_NAMED = 3
_MOST_TIMES = 1000.0


def verdict(found: "Extrapolation") -> str:
    """How certain the choice is, the best candidate on these runs, and its test; one line each."""
    ranked = [row for row in found.leaderboard if row.num_limits]
    if not ranked:
        return "No candidate could be fitted up to any limit."
    first = found.leaderboard[0]
    if not first.complete:
        lines = [
            f"No candidate is best: none has an error at each of the {len(found.limits)} limits. "
            f"{first.name} has the most, {first.num_limits}."
        ]
    elif reasons := undecided_reasons(found):
        lines = [f"Undecided: {'; '.join(reasons)}.", _smallest(found)]
    else:
        is_chosen = len(ranked) > 1
        lines = [_best(found) if is_chosen else _only(found)]
    complete = [row for row in ranked if row.complete]
    if len(complete) > 1:
        lines.append(_second(found, complete[1]))
    return "\n".join([*lines, *_test(found), *_coverage(found)])


def undecided_reasons(found: "Extrapolation") -> list[str]:
    """Why none of several candidates is called the best; empty where one is."""
    first, num = found.leaderboard[0], int(found.inner.any(axis=1).sum())
    if sum(row.num_limits > 0 for row in found.leaderboard) < 2:
        return []
    reasons = [_too_close(found)] if found.undecided else []
    if num == 0:
        reasons.append(
            "there are no inner hold-outs, so the held-out runs chose and cannot test it: give "
            "smaller limits"
        )
    elif num == 1:
        reasons.append("only one limit has inner hold-outs")
    missing = int(found[first.name].unconverged.sum())
    if missing:
        at = _of(missing, len(found.limits))
        reasons.append(f"{first.name}, the first, did not converge at {at}")
    return reasons


def _too_close(found: "Extrapolation") -> str:
    """The candidates that may be as good as the first, and how likely they are worse."""
    first, *others = found.undecided
    least = min(row.probability for row in found.leaderboard if row.name in others)
    names = f"{len(others)} others" if len(others) > 2 else " and ".join(others)
    one = len(others) == 1
    return (
        f"{names} {'is' if one else 'are'} too close to {first} (probability that {first} is "
        f"better: {least:.0%}{'' if one else ' for one of them'})"
    )


def _best(found: "Extrapolation") -> str:
    return (
        f"{found.leaderboard[0].name} extrapolates best on these runs: its error on {_INNER} is "
        f"{_inner_error(found)}."
    )


def _only(found: "Extrapolation") -> str:
    name = found.leaderboard[0].name
    on = _INNER if found.inner.any() else "the held-out runs"
    return f"{name} is the only candidate: its error on {on} is {_inner_error(found)}."


def _smallest(found: "Extrapolation") -> str:
    on = _INNER if found.inner.any() else "the held-out runs"
    return f"{found.leaderboard[0].name} has the smallest error on {on}: {_inner_error(found)}."


def _inner_error(found: "Extrapolation") -> str:
    """The first candidate's error that ranks, and over which limits."""
    first, num = found.leaderboard[0], len(found.limits)
    num_inner = int(found.inner.any(axis=1).sum())
    error = error_text(found, first.inner_error)
    if num_inner < 2:
        return error
    over = "all limits"
    if first.num_limits < num:
        over = f"the {first.num_limits} of {num} limits at which any candidate can be fitted"
    best = f"the smallest at {first.num_best} of {num_inner} limits"
    return f"{error} (geometric mean over {over}), {best}"


def _second(found: "Extrapolation", second: "LeaderboardRow") -> str:
    """The next candidate, its error, and the probability that the first is better."""
    first = found.leaderboard[0]
    times = second.times_best / first.times_best
    many = f"more than {_MOST_TIMES:.0f}" if times > _MOST_TIMES else times_text(times)
    line = f"{second.name} is next, with {many} times the error"
    if found.undecided:
        return f"{line}."
    return f"{line}; probability that {first.name} is better: {second.probability:.0%}."


def _test(found: "Extrapolation") -> list[str]:
    """The errors on the held-out runs, which did not choose: of the first, or of the leaders."""
    first = found.leaderboard[0]
    if not first.complete or not found.inner.any():
        return []
    limit = f"{found.along} up to {coordinate_text(found.along, found.limits[-1])}"
    if not undecided_reasons(found):
        r2 = f"R² {first.held_out_r2:.4f}, " if np.isfinite(first.held_out_r2) else ""
        return [
            f"Test of {first.name} on the held-out runs, fitted to {limit}: {r2}"
            f"mean error {error_text(found, first.held_out_error)}."
        ]
    known = [row for row in found.leaderboard if np.isfinite(row.held_out_error)]
    least = min(known, key=lambda row: row.held_out_error, default=first)
    shown = [row for i, row in enumerate(known) if i < _MOST_NAMED or row is least]
    listed = "; ".join(
        f"{row.name} {error_text(found, row.held_out_error)}{' (least)' if row is least else ''}"
        for row in shown
    )
    return [f"Errors on the held-out runs, which chose nothing, fitted to {limit}: {listed}."]


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
