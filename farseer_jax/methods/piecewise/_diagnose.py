"""From the kernel's arrays to diagnostics that a person reads; NumPy only."""

import numpy as np

from farseer_jax._design import Design
from farseer_jax.methods._diagnostics import Diagnostics
from farseer_jax.methods.piecewise._kernel import PiecewiseSolution

NOT_ONE_STEP = "its ratio of D is not one step"
NOT_FALLING = "the loss does not fall"
SIZE_UNUSABLE = "its size has no A_N and B_N"


def diagnose(design: Design, solution: PiecewiseSolution, min_pairs: int) -> Diagnostics:
    """Collect what the stages found."""
    sizes, trace = solution.sizes, solution.data_term.rounds
    live = sizes.live
    left_out_N, left_out_D, notes = _left_out(design, solution)
    occupied = design.occupied
    squares = np.where(occupied, solution.size_term.residual**2, 0.0).sum(axis=1)
    num_runs = occupied.sum(axis=1)
    num_rows = int(np.count_nonzero(design.run_share))
    num_distinct = round(float(design.run_share.sum()))
    return Diagnostics(
        N=design.N,
        num_runs=num_runs,
        num_pairs=np.asarray(sizes.num_pairs, dtype=int),
        A=np.where(live, np.exp(sizes.log_A), np.nan),
        B=np.where(live, np.exp(sizes.log_B), np.nan),
        r_squared=np.where(live, sizes.r_squared, np.nan),
        G=np.asarray(solution.size_term.G),
        residual_scatter=np.sqrt(squares / num_runs),
        size_note=_size_notes(solution, min_pairs),
        round_alpha=np.asarray(trace.alpha),
        round_beta=np.asarray(trace.beta),
        round_error=np.asarray(trace.pair_error),
        left_out_N=left_out_N,
        left_out_D=left_out_D,
        left_out_note=notes,
        ratio=float(design.ratio),
        num_copies=num_rows - num_distinct,
        num_repeats=num_distinct - int(num_runs.sum()),
    )


def _size_notes(solution: PiecewiseSolution, min_pairs: int) -> tuple[str, ...]:
    if np.all(solution.sizes.live):
        return ("",) * len(solution.sizes.live)
    enough = solution.sizes.num_pairs >= min_pairs
    too_few = f"fewer than {min_pairs} usable pairs"
    growing = "its differences grow with D"
    return tuple(
        "" if live else growing if many else too_few
        for live, many in zip(solution.sizes.live, enough, strict=True)
    )


def _left_out(
    design: Design, solution: PiecewiseSolution
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Pairs that took no part in Stage 2, with the first reason that applies."""
    neighbours, falling = design.neighbours, ~solution.non_positive
    used = design.pair_ok & falling & solution.sizes.live[:, None]
    size, slot = np.nonzero(neighbours & ~used)
    notes = tuple(
        NOT_ONE_STEP
        if not design.pair_ok[i, k]
        else NOT_FALLING
        if not falling[i, k]
        else SIZE_UNUSABLE
        for i, k in zip(size, slot, strict=True)
    )
    return design.N[size], np.exp(design.log_D[size, slot]), notes
