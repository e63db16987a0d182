"""From the kernel's arrays to diagnostics that a person reads; NumPy only."""

import numpy as np

from farseer_jax._design import Design
from farseer_jax.methods._diagnostics import Diagnostics
from farseer_jax.methods.piecewise._chinchilla import ChinchillaSolution
from farseer_jax.methods.piecewise._kernel import PiecewiseSolution

Solution = PiecewiseSolution | ChinchillaSolution

NOT_ONE_STEP = "its ratio of D is not one step"
NOT_FALLING = "the loss does not fall"
SIZE_UNUSABLE = "its size has no A_N and B_N"


def diagnose(design: Design, losses: np.ndarray, solution: Solution, min_pairs: int) -> Diagnostics:
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
        size_note=_size_notes(design, solution, min_pairs),
        round_alpha=np.asarray(trace.alpha),
        round_beta=np.asarray(trace.beta),
        round_error=np.asarray(trace.pair_error),
        left_out_N=left_out_N,
        left_out_D=left_out_D,
        left_out_note=notes,
        ratio=float(design.ratio),
        num_copies=num_rows - num_distinct,
        num_repeats=num_distinct - int(num_runs.sum()),
        repeat_spread=_repeat_spread(design, losses),
    )


def _repeat_spread(design: Design, losses: np.ndarray) -> float:
    if design.run_share.shape[-1] == 1:
        return 0.0
    held = design.run_share > 0
    of_slot = losses[design.run_index]
    highest = np.where(held, of_slot, 0.0).max(axis=-1)
    lowest = np.where(held, of_slot, np.inf).min(axis=-1)
    return float(np.max(highest / lowest) - 1.0)


def _size_notes(design: Design, solution: Solution, min_pairs: int) -> tuple[str, ...]:
    live = solution.sizes.live
    if np.all(live):
        return ("",) * len(live)
    return tuple(
        "" if live[i] else size_note(design, solution, i, min_pairs) for i in range(len(live))
    )


def size_note(design: Design, solution: Solution, size: int, min_pairs: int) -> str:
    """Why a size has no A_N and B_N."""
    num_steps = int(design.pair_ok[size].sum())
    num_lost = int(solution.non_positive[size].sum())
    if solution.sizes.num_pairs[size] >= min_pairs:
        return "the steps of the loss grow with D"
    if num_lost:
        return f"the loss does not fall in {num_lost} of {num_steps} steps of D"
    return f"{num_steps} usable pairs, {min_pairs} needed"


def _left_out(design: Design, solution: Solution) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
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
