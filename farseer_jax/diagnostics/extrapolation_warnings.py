"""What to know before trusting the errors of an extrapolation, in sentences."""

from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.numbers import percent_text

if TYPE_CHECKING:
    from farseer_jax.diagnostics.extrapolation_result import Extrapolation
    from farseer_jax.diagnostics.leaderboard import CandidateResult


def warnings_of(found: "Extrapolation") -> tuple[str, ...]:
    """All that is odd, in the order of the places."""
    lines: list[str] = []
    for place in found.leaderboard:
        result = found[place.name]
        if result.note:
            lines.append(f"{result.name}: {result.note}")
            continue
        lines += [*_missing(found, result), *_unconverged(result)]
        if found.targets is not None and result.target_outcome is Outcome.not_converged:
            lines.append(
                f"{result.name}: the fit to all runs did not converge; do not use what it "
                "predicts of the targets"
            )
    first = found.leaderboard[0]
    if first.complete and found.noise is not None and first.held_out_error < found.noise.pooled:
        lines.append(
            f"the best errors are below the run-to-run noise ({found.noise.pooled:.3%}): "
            "such differences say nothing of the laws"
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
    return [f"{line}. {_beside(found, result)}".rstrip(" .")]


def _beside(found: "Extrapolation", result: "CandidateResult") -> str:
    """Against the first, over the limits that both have a converged fit at."""
    first = found[found.leaderboard[0].name]
    both = result.trusted & first.trusted
    if first is result or not both.any():
        return ""
    own, other = (
        percent_text(float(np.exp(np.log(one.held_out_error[both]).mean())))
        for one in (result, first)
    )
    shared = "limit" if both.sum() == 1 else f"{both.sum()} limits"
    return f"Over the {shared} that it shares with {first.name} its error is {own} against {other}"


def _unconverged(result: "CandidateResult") -> list[str]:
    num = int(result.unconverged.sum())
    if not num:
        return []
    return [
        f"{result.name} did not converge at {_of(num, len(result.outcomes))} (marked *), and "
        "cannot be called best: leave it out, give other limits, hold a parameter that runs off "
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
