"""From the kernel's arrays to a report that a person reads; NumPy only."""

import numpy as np

from farseer_jax.methods._isoflop_report import IsoFLOPReport
from farseer_jax.methods.isoflop._design import BudgetDesign
from farseer_jax.methods.isoflop._kernel import IsoFLOPSolution
from farseer_jax.methods.outcome import Outcome
from farseer_jax.runs.runs import Runs


def build_report(
    runs: Runs,
    design: BudgetDesign,
    found: IsoFLOPSolution,
    weights: np.ndarray,
    min_runs: int,
) -> IsoFLOPReport:
    """Collect what the budgets and the power laws gave."""
    held = (design.run_share > 0) & (weights[design.run_index] > 0)
    num_runs = np.rint((design.run_share * held).sum(axis=1)).astype(int)
    usable = np.asarray(found.usable)
    # of a budget whose runs are all left out, the compute that they would have
    all_runs = (design.log_C * design.run_share).sum(axis=1) / design.run_share.sum(axis=1)
    compute = np.exp(np.where(num_runs > 0, found.log_C, all_runs))
    N_opt = np.where(usable, np.exp(found.parabola.x_opt), np.nan)
    curvature = np.asarray(found.parabola.curvature)
    num_rows = int(np.count_nonzero(design.run_share))
    notes = tuple(
        _note(num_runs[i], curvature[i], bool(usable[i]), min_runs) for i in range(len(usable))
    )
    return IsoFLOPReport(
        compute=compute,
        num_runs=num_runs,
        N_min=_size(held, np.where(held, design.log_N, np.inf).min(axis=1)),
        N_max=_size(held, np.where(held, design.log_N, -np.inf).max(axis=1)),
        N_opt=N_opt,
        D_opt=compute / (6.0 * N_opt),
        loss_opt=np.where(usable, found.parabola.loss_opt, np.nan),
        curvature=curvature,
        note=notes,
        a=float(found.a),
        b=1.0 - float(found.a),
        gamma=float(found.frontier.exponent),
        coefficient=float(np.exp(found.log_G)),
        num_left_out=len(runs) - num_rows,
        num_copies=num_rows - round(float(design.run_share.sum())),
    )


def _size(held: np.ndarray, log_N: np.ndarray) -> np.ndarray:
    """NaN where no run is held."""
    return np.exp(np.where(held.any(axis=1), log_N, np.nan))


def _note(num_runs: int, curvature: float, usable: bool, min_runs: int) -> str:
    if usable:
        return ""
    if num_runs < min_runs:
        return f"{num_runs} runs, {min_runs} needed"
    if not curvature > 0:
        return "the parabola has no minimum"
    return "the minimum lies outside the sizes of its runs"


def refusal(outcome: Outcome, report: IsoFLOPReport) -> str:
    """Why the budgets give no law, and what to do."""
    if outcome is Outcome.too_few_budgets:
        lost = [i for i, note in enumerate(report.note) if note]
        shown = "; ".join(f"{report.compute[i]:.3g}: {report.note[i]}" for i in lost[:5])
        more = f"; and {len(lost) - 5} more" if len(lost) > 5 else ""
        return (
            f"{outcome.message} Budgets left out: {shown}{more}. Train sizes on both sides of each "
            "optimum, or fit end to end (`LeastSquares()`)."
        )
    return (
        f"{outcome.message} N_opt grows as C^{report.a:.3g} and L_opt as C^−{report.gamma:.3g}: "
        "check the budgets, or fit end to end (`LeastSquares()`)."
    )
