"""Checks of the runs of a piecewise fit; each message says what is wrong and what to do."""

import numpy as np

from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.piecewise.design import Design
from farseer_jax.methods.piecewise.diagnostics import Solution, size_note
from farseer_jax.methods.piecewise.outcome import MIN_SIZES

_NEEDS = (
    f"The piecewise method needs at least {MIN_SIZES} sizes N, each trained with several D in "
    "even steps. "
)
_END_TO_END = (
    "Runs without such a grid need an end-to-end fit (all parameters at once, by nonlinear least "
    "squares)."
)


def check_design(design: Design, min_pairs: int) -> None:
    """Refuse layouts with too few sizes or pairs.

    Raises:
        ValueError: there are too few.
    """
    num_sizes = len(design.N)
    if num_sizes < MIN_SIZES:
        sizes = ", ".join(f"{N:g}" for N in design.N)
        raise ValueError(
            f"column 'N': the runs have {num_sizes} size{'s'[: num_sizes > 1]} ({sizes}). {_NEEDS}"
            "Add runs of other sizes, or widen the selection (min_N, max_N)."
        )
    if not design.neighbours.any():
        raise ValueError(
            f"column 'D': no size has two different D ({num_sizes} sizes). {_NEEDS}"
            f"{_close_sizes(design.N)}{_END_TO_END}"
        )
    num_enough = np.count_nonzero(design.pair_ok.sum(axis=1) >= min_pairs)
    if num_enough < MIN_SIZES:
        raise ValueError(
            f"column 'D': only {num_enough} of {num_sizes} sizes "
            f"have {min_pairs} or more pairs of neighbouring D one step apart "
            f"({_ratio_text(design)}). {_NEEDS}Set ratio=(low, high) if the steps of D differ, "
            f"or lower min_pairs (now {min_pairs}). {_close_sizes(design.N)}{_END_TO_END}"
        )


def check_solution(design: Design, solution: Solution, outcome: Outcome, min_pairs: int) -> None:
    """Refuse losses that leave too few sizes.

    Raises:
        ValueError: the sizes that were lost, and why.
    """
    if outcome.usable:
        return
    lost = np.flatnonzero(~solution.sizes.live)
    if not len(lost):
        _refuse_no_remainder(design, solution)
    pairs = np.asarray(solution.non_positive), np.asarray(solution.sizes.num_pairs)
    shown = "; ".join(
        f"N={design.N[i]:g} ({size_note(design, *pairs, int(i), min_pairs)})" for i in lost[:5]
    )
    more = f"; and {len(lost) - 5} more" if len(lost) > 5 else ""
    raise ValueError(
        f"column 'loss': {outcome.message} {_NEEDS}Sizes that could not be used: {shown}{more}. "
        "The loss must decrease as D grows: check that the column is a loss (lower is better), "
        "average repeated runs, or leave out unfinished ones. " + _END_TO_END
    )


def _refuse_no_remainder(design: Design, solution: Solution) -> None:
    empty = np.flatnonzero(~solution.size_term.usable)
    first = f" (first N={design.N[empty[0]]:g})" if len(empty) else ""
    raise ValueError(
        f"column 'loss': the data term exceeds the mean loss of {len(empty)} of {len(design.N)} "
        f"sizes{first}, so nothing is left for the size term: the loss decreases too steeply in "
        "D; check the runs with the smallest D"
    )


def _ratio_text(design: Design) -> str:
    steps = np.diff(design.log_D, axis=1)[design.neighbours]
    return f"the typical ratio of neighbours is {np.exp(np.median(steps)):.3g}"


def _close_sizes(sizes: np.ndarray) -> str:
    """A hint where sizes differ so little that they are probably one."""
    if np.any(np.diff(np.log(sizes)) < 0.01):
        return "Some sizes differ by less than 1 %: if they are one model, give them the same N. "
    return ""
