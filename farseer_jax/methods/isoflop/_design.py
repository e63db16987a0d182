"""Where each run stands: budgets × slots, padded."""

from typing import NamedTuple

import numpy as np

from farseer_jax.runs.runs import Runs


class BudgetDesign(NamedTuple):
    """Runs by budget; every refit of one set of runs shares it.

    Attributes:
        log_N: ``(budget, slot)``; padding repeats the budget's first run.
        log_D: likewise.
        log_C: logarithm of the run's compute, likewise.
        run_index: position of the run in the table, likewise.
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
        """Distinct runs of each budget."""
        return np.rint(self.run_share.sum(axis=1)).astype(int)


def build_budget_design(runs: Runs, compute: np.ndarray, budget: np.ndarray) -> BudgetDesign:
    """Lay out runs by budget; those of none (−1) are left out."""
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
