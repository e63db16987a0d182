"""Runs grouped by compute budget, and laid out as budgets × slots, padded."""

from typing import NamedTuple

import numpy as np

from farseer_jax.runs.runs import Runs

# Budgets of public runs scatter by up to 10 % from run to run and lie 30 % and more apart.
_MIN_GAP = 0.15
_MAX_SPREAD = 0.3
_REMEDY = (
    'Name a column that holds the budget of each run (budgets="isoflop_budget"), or bin a grid of '
    "N and D by its diagonals (width=0.35 for steps of √2), or fit end to end (`LeastSquares()`)."
)

Budgets = str | tuple[float | None, ...] | None


def compute_of(runs: Runs, budgets: Budgets) -> np.ndarray:
    """The compute of each run, NaN for runs without a budget, ``(run,)``.

    Raises:
        ValueError: the column is missing, or the numbers have the wrong length or are not positive.
    """
    if budgets is None:
        return runs.flops
    if isinstance(budgets, str):
        if budgets not in runs.extra:
            known = ", ".join(map(repr, runs.extra)) or "none"
            raise ValueError(
                f"budgets: the runs have no column {budgets!r}; their other columns: {known}"
            )
        values, name = runs.extra[budgets], f"column {budgets!r}"
    else:
        values, name = np.array(budgets, dtype=object), "budgets"
    if len(values) != len(runs):
        raise ValueError(f"budgets: expected {len(runs)} numbers, one per run, got {len(values)}")
    try:
        compute = np.array([np.nan if value is None else value for value in values], np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected numbers, the compute of each run") from None
    bad = np.flatnonzero(~np.isnan(compute) & ~((compute > 0) & np.isfinite(compute)))
    if bad.size:
        raise ValueError(
            f"{name}: row {bad[0]} is {compute[bad[0]]:g}; a budget must be positive and finite, "
            "or missing for a run without one"
        )
    return compute


def assign_budgets(compute: np.ndarray, width: float | None) -> np.ndarray:
    """The index of each run's budget, ascending from 0; −1 for runs without one.

    Args:
        compute: compute of each run; NaN for runs without a budget.
        width: width of bins of ``ln C``; None takes values that repeat as labels, and splits
            others at gaps.

    Raises:
        ValueError: the values leave no gaps.
    """
    known = np.flatnonzero(np.isfinite(compute))
    budget = np.full(len(compute), -1)
    if not known.size:
        raise ValueError(f"budgets: no run has a budget. {_REMEDY}")
    log_C = np.log(compute[known])
    if width is not None:
        keys = _bins(log_C, width)
    elif len(np.unique(log_C)) <= len(log_C) // 2:
        keys = log_C
    else:
        keys = _by_gaps(log_C)
    budget[known] = np.unique(keys, return_inverse=True)[1]
    return budget


def check_budgets(num_runs: np.ndarray, min_runs: int, min_budgets: int) -> None:
    """Refuse runs with too few budgets.

    Raises:
        ValueError: there are too few.
    """
    enough = int(np.count_nonzero(num_runs >= min_runs))
    if enough < min_budgets:
        raise ValueError(
            f"only {enough} of {len(num_runs)} compute budgets have {min_runs} or more runs, but "
            f"at least {min_budgets} are needed. {_REMEDY}"
        )


def _bins(log_C: np.ndarray, width: float) -> np.ndarray:
    """Bins of one width, whose edges lie in the widest gap between runs."""
    turns = log_C / width
    phases = np.sort(turns % 1.0)
    gaps = np.diff(np.append(phases, phases[0] + 1.0))
    widest = int(np.argmax(gaps))
    return np.floor(turns - phases[widest] - 0.5 * gaps[widest])


def _by_gaps(log_C: np.ndarray) -> np.ndarray:
    order = np.argsort(log_C)
    ordered = log_C[order]
    number = np.concatenate([[0], np.cumsum(np.diff(ordered) > _MIN_GAP)])
    starts = np.flatnonzero(np.concatenate([[True], np.diff(number) > 0]))
    ends = np.append(starts[1:], len(ordered)) - 1
    widest = int(np.argmax(ordered[ends] - ordered[starts]))
    low, high = ordered[starts[widest]], ordered[ends[widest]]
    if high - low > _MAX_SPREAD:
        raise ValueError(
            f"the compute of the runs does not fall into budgets: from {np.exp(low):.3g} to "
            f"{np.exp(high):.3g} FLOP it leaves no gap of {np.expm1(_MIN_GAP):.0%}. {_REMEDY}"
        )
    keys = np.empty(len(log_C), dtype=int)
    keys[order] = number
    return keys


class BudgetDesign(NamedTuple):
    """Runs by budget, ``(budget, slot)``, shared by all refits of one set of runs.

    Attributes:
        log_N: ln N; padding repeats the budget's first run.
        log_D: ln D.
        log_C: logarithm of the run's compute.
        run_index: position of the run in the table.
        run_share: 0 for padding, 1 for a run, 1/k for each of k copies of one run.
        pivot: mean of ``ln(C / 6)``.
    """

    log_N: np.ndarray
    log_D: np.ndarray
    log_C: np.ndarray
    run_index: np.ndarray
    run_share: np.ndarray
    pivot: np.ndarray

    @property
    def num_runs(self) -> np.ndarray:
        """How many distinct runs each budget has."""
        return np.rint(self.run_share.sum(axis=1)).astype(int)

    def runs_of(self, budgets: np.ndarray, num_runs: int) -> np.ndarray:
        """Which runs belong to some of the budgets ``(budget,)``, as ``(run,)``."""
        own = np.zeros(num_runs, dtype=bool)
        own[self.run_index[(self.run_share > 0) & budgets[:, None]]] = True
        return own


def build_budget_design(runs: Runs, compute: np.ndarray, budget: np.ndarray) -> BudgetDesign:
    """Lay out runs by budget; those without one (−1) are left out."""
    order = np.lexsort((runs.N, budget))
    order = order[np.count_nonzero(budget < 0) :]
    counts = np.bincount(budget[order])
    first = np.cumsum(counts) - counts
    slot = np.arange(len(order)) - np.repeat(first, counts)
    index = np.repeat(order[first][:, None], counts.max(), axis=1)
    index[budget[order], slot] = order
    rows = np.stack([runs.N, runs.D, runs.loss])
    _, which, copies = np.unique(rows, axis=1, return_inverse=True, return_counts=True)
    filled = np.arange(counts.max()) < counts[:, None]
    log_C = np.log(compute[index])
    return BudgetDesign(
        log_N=np.log(runs.N)[index],
        log_D=np.log(runs.D)[index],
        log_C=log_C,
        run_index=index,
        run_share=filled / copies[which.ravel()][index],
        pivot=np.asarray(log_C[:, 0].mean() - np.log(6.0)),
    )
