"""Where each run stands in the arrays of the solver."""

from dataclasses import dataclass

import numpy as np

from farseer_jax.laws.law import AbstractLaw, Center
from farseer_jax.runs.runs import Runs

_MAX_PADDING = 1.5  # cells per run, above which every run gets a row of its own


@dataclass(frozen=True, eq=False)  # compared by identity: solvers remember a layout's optimum
class Layout:
    """Runs in a table of rows that share N, ``(row, slot)``.

    A law's curves of N are then computed once per row. Where too many cells would stay empty,
    every run has a row of its own: the same arrays, one slot wide.

    Attributes:
        log_D: logarithm of the tokens, ``(row, slot)``; empty cells repeat a run.
        N: size of each row, ``(row,)``.
        run: index of each cell's run, ``(row, slot)``.
        share: 1 for a run, 1/2 for each of two copies of one run, 0 for empty cells.
        center: centre of the runs.
        law: the law's class.
        runs: the runs.
    """

    log_D: np.ndarray
    N: np.ndarray
    run: np.ndarray
    share: np.ndarray
    center: Center
    law: type[AbstractLaw]
    runs: Runs

    @property
    def num_copies(self) -> int:
        """Rows of the table of runs that copy another one exactly."""
        return len(self.runs) - round(float(self.share.sum()))

    def cells(self, losses: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logarithms of losses, and weights, ``(set, run)``, as ``(row, slot, set)``."""
        log_loss = np.moveaxis(np.log(losses)[:, self.run], 0, -1)
        return log_loss, np.moveaxis(weights[:, self.run] * self.share, 0, -1)


def build_layout(law: type[AbstractLaw], runs: Runs) -> Layout:
    """Lay out runs for a law."""
    sizes, row_of_run, counts = np.unique(runs.N, return_inverse=True, return_counts=True)
    if len(sizes) * counts.max() <= _MAX_PADDING * len(runs):
        order = np.lexsort((runs.D, runs.N))
        slot_of_run = np.arange(len(runs)) - np.repeat(np.cumsum(counts) - counts, counts)
        index = np.repeat(order[np.cumsum(counts) - counts][:, None], counts.max(), axis=1)
        index[row_of_run[order], slot_of_run] = order
        filled = np.arange(counts.max()) < counts[:, None]
    else:
        sizes, index = runs.N, np.arange(len(runs))[:, None]
        filled = np.ones_like(index, dtype=bool)
    rows = np.stack([runs.N, runs.D, runs.loss])
    _, which, copies = np.unique(rows, axis=1, return_inverse=True, return_counts=True)
    share = filled / copies[which.ravel()][index]
    return Layout(np.log(runs.D)[index], sizes, index, share, Center.of(runs), law, runs)
