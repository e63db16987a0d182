"""Differential analysis: which differences of the loss are power laws."""

from typing import Literal

import numpy as np

from farseer_jax.diagnostics.difference_analysis import DifferenceAnalysis
from farseer_jax.diagnostics.difference_pairs import (
    Cells,
    Pairs,
    bounds_of,
    cells_of,
    pairs_along_D,
    pairs_along_N,
    ratio_of_N_near,
    typical_ratio_of_D,
)
from farseer_jax.diagnostics.difference_views import view_of
from farseer_jax.fitting.type_checks import runs_over_N_and_D
from farseer_jax.runs.runs import Runs

_MIN_PAIRS = 3  # a line through two points explains everything
_VARIABLES: tuple[Literal["D", "N"], ...] = ("D", "N")


def analyse_differences(
    runs: Runs, *, ratio: float | None = None, min_pairs: int = 5
) -> DifferenceAnalysis:
    """Which differences of the loss are power laws: those along D or N, against D or N?

    Differences cancel what does not depend on the variable that steps: ``L(N, D) − L(N, λD)`` is
    free of every term of N alone, ``L(N, D) − L(λN, D)`` of every term of D alone. Where they
    depend on the other variable as well, the loss is no sum of such terms. Source: Li et al.,
    §3.1 and App. C.2 (Figs. 3, 10–14). On their runs ΔD against D is the most regular, which is
    why the law has the term B(N) · D^(−A(N)).

    A pair is two runs of one size (of one D) about a step apart: the step may miss λ by a quarter
    of ln λ. Copies of a run count once, repeats are averaged, and D of several sizes are one D
    where they agree to 1 %.

    Args:
        runs: the runs, best on a grid.
        ratio: step λ of pairs, above 1. None takes for D the median step of the runs' own, and
            for N the step between sizes (next to each other or further) that is nearest to it.
        min_pairs: pairs that a slice needs for a line, at least 3.

    Returns:
        The four views, with a log–log line per slice.

    Raises:
        TypeError: expected :class:`Runs`.
        ValueError: a setting is out of its range, or no slice has so many pairs.

    Example:
        >>> from farseer_jax import analyse_differences, example_runs
        >>> found = analyse_differences(example_runs())
        >>> print(f"{found.ratio_D:.2f} {found.best.mean_r_squared:.2f}")
        1.41 0.99
    """
    if ratio is not None and not 1 < ratio < np.inf:
        raise ValueError(f"ratio: pairs must differ by a factor above 1, got {ratio}")
    if min_pairs < _MIN_PAIRS:
        raise ValueError(f"min_pairs: a slice needs at least {_MIN_PAIRS} pairs, got {min_pairs}")
    cells = cells_of(runs_over_N_and_D(runs, "runs"))
    step_D = typical_ratio_of_D(cells) if ratio is None else float(np.log(ratio))
    step_N = ratio_of_N_near(cells, step_D) if ratio is None else float(np.log(ratio))
    steps = {"D": step_D, "N": step_N}
    pairs, lost = _falling(cells, steps)
    found = DifferenceAnalysis(
        num_runs=int(np.isfinite(cells.loss).sum()),
        ratio_D=float(np.exp(step_D)),
        ratio_N=float(np.exp(step_N)),
        min_pairs=min_pairs,
        views=tuple(
            view_of(cells, pairs[along], along, against, min_pairs, steps[along])
            for along in _VARIABLES
            for against in _VARIABLES
        ),
        num_not_falling_D=lost["D"],
        num_not_falling_N=lost["N"],
    )
    if not any(len(view.held) for view in found.views):
        raise ValueError(_nothing(found, pairs))
    return found


def _falling(cells: Cells, steps: dict[str, float]) -> tuple[dict[str, Pairs], dict[str, int]]:
    """Pairs along D and along N whose loss falls, and how many others there are."""
    every = {
        "D": pairs_along_D(cells, bounds_of(steps["D"])),
        "N": pairs_along_N(cells, bounds_of(steps["N"])),
    }
    falls = {along: found.difference > 0 for along, found in every.items()}
    pairs = {along: Pairs(*(a[falls[along]] for a in found)) for along, found in every.items()}
    return pairs, {along: int((~ok).sum()) for along, ok in falls.items()}


def _nothing(found: DifferenceAnalysis, pairs: dict[str, Pairs]) -> str:
    counts = ", ".join(
        f"{len(pairs[along].difference)} pairs {ratio:.3g}-fold apart along {along}"
        for along, ratio in (("D", found.ratio_D), ("N", found.ratio_N))
    )
    return (
        f"runs: no size and no D has {found.min_pairs} pairs one step apart (there are {counts}): "
        "give the step of these runs as ratio=, fewer min_pairs, or runs on a grid"
    )
