"""Layout of the runs in the arrays of the solver."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.laws.law import Center, Law
from farseer_jax.laws.separable import is_separable
from farseer_jax.link_functions import Link
from farseer_jax.objectives import Objective, as_objective, relative_error
from farseer_jax.runs.runs import Runs

_MAX_PADDING = 1.5  # cells per run, above which every run gets its own row

_NUM_ROWS, _NUM_SLOTS = 7, 6  # of a grid; where every run has its own row, their product
_LEAST_GAIN = 4  # factor in the number of cells from which on a second solver pays


@dataclass(frozen=True, eq=False)  # compared by identity: solvers remember a layout's optimum
class Layout:
    """Runs in a table of rows, ``(row, slot)``.

    For a law with curves of N, a row is a size: the curves are computed once per row. Where too
    many cells would stay empty, and for all other laws, every run has its own row, one slot wide.

    Attributes:
        inputs: for a law with curves, N, ``(row,)``, and ln D, ``(row, slot)``, where empty cells
            repeat a run; for other laws each input, ``(row,)``, a mixture ``(row, share)``.
        run: index of each cell's run, ``(row, slot)``.
        share: 1 for a run, 1/2 for each of two copies of one run, 0 for empty cells.
        center: centre of the runs; None where the law has no inputs N and D.
        law: the law's class.
        runs: the runs.
        by_curves: whether the law is solved by its curves of N.
        fitted: the law fitted to the runs, where refits start; None: they search for it.
        least: its objective.
    """

    inputs: Mapping[str, np.ndarray]
    run: np.ndarray
    share: np.ndarray
    center: Center | None
    law: type[Law]
    runs: Runs
    by_curves: bool
    fitted: Law | None = None
    least: float = np.nan

    @property
    def num_copies(self) -> int:
        """Rows of the table of runs that copy another one exactly."""
        return len(self.runs) - round(float(self.share.sum()))

    @property
    def run_share(self) -> np.ndarray:
        """1 for a run, 1/k for each of k copies, ``(run,)``."""
        shares, filled = np.zeros(len(self.runs)), self.share > 0
        shares[self.run[filled]] = self.share[filled]
        return shares

    @property
    def link(self) -> Link:
        """The scale on which the solver predicts: ln L for every law with curves of N."""
        return Link("log") if self.by_curves else self.runs.link

    def objective(self, objective: Objective | str) -> Objective:
        """An objective in terms of the scale of :attr:`link`.

        Raises:
            ValueError: it needs positive losses.
        """
        objective, link = as_objective(objective), self.runs.link
        if objective.residual == "link" and link != self.link:
            return replace(objective, residual="absolute")
        if objective.residual == "relative" and link.name != "log":
            raise ValueError(
                f"relative residuals need the link 'log', but the runs have {link.name!r}: use an "
                "objective on the link's own scale, such as 'squared' or 'huber'"
            )
        return objective

    def cells(self, losses: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Losses on the link's scale, and weights, ``(set, run)``, as ``(row, slot, set)``."""
        observed = np.moveaxis(self.link.forward(losses)[:, self.run], 0, -1)
        return observed, np.moveaxis(weights[:, self.run] * self.share, 0, -1)


def uses_curves(law: type[Law], runs: Runs) -> bool:
    """Whether a law is solved by its curves of N, in ln L, which needs positive losses."""
    name = runs.link.name
    return is_separable(law) and (
        name == "log" or (name == "identity" and bool((runs.loss > 0.0).all()))
    )


def build_layout(
    law: type[Law], runs: Runs, *, by_curves: bool | None = None, center: Center | None = None
) -> Layout:
    """Lay out runs for a law.

    Args:
        law: its class.
        runs: the runs.
        by_curves: False lays the runs out one by one even for a law with curves of N.
        center: centre of a larger table, of which these runs are a group.
    """
    if center is None and {"N", "D"} <= set(law.inputs()):
        center = Center.of(runs)
    if by_curves is False or not uses_curves(law, runs):
        index = np.arange(len(runs))[:, None]
        share = copy_shares(law, runs)[index]
        return Layout(law.columns(runs), index, share, center, law, runs, by_curves=False)
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
    inputs = {"N": sizes, "log_D": np.log(runs.D)[index]}
    share = filled * copy_shares(law, runs)[index]
    return Layout(inputs, index, share, center, law, runs, by_curves=True)


def distinct_rows(law: type[Law], runs: Runs, losses: np.ndarray) -> np.ndarray:
    """Inputs of the law and losses, ``(column, run)``: equal columns are copies of one run."""
    inputs = [np.atleast_2d(np.asarray(x, float).T) for x in law.columns(runs).values()]
    return np.concatenate([*inputs, losses[None]])


def unique_columns(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first of each set of equal columns, in their order, and the set of each column.

    As ``np.unique(rows, axis=1)`` with ``return_index`` and ``return_inverse``, row by row: it
    compares numbers, not columns as bytes, which takes a tenth of the time.
    """
    sets = np.zeros(rows.shape[1], dtype=np.intp)
    for row in rows:
        values, place = np.unique(row, return_inverse=True)
        sets = np.unique(sets * len(values) + place, return_inverse=True)[1]
    return np.unique(sets, return_index=True)[1], sets


def distinct_errors(law: Law, runs: Runs, losses: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """``|predicted / observed − 1|`` of the distinct fitted runs, in the order of their inputs.

    Args:
        law: the fitted law.
        runs: the runs.
        losses: their losses, ``(run,)``.
        fitted: which runs take part, ``(run,)``.
    """
    own = np.flatnonzero(fitted)
    rows = distinct_rows(type(law), runs, losses)[:, own]
    index = own[unique_columns(rows)[0]]
    return relative_error(evaluate_runs(law, runs)[index], losses[index])


def copy_shares(law: type[Law], runs: Runs) -> np.ndarray:
    """1 for a run, 1/k for each of k copies, ``(run,)``."""
    sets = unique_columns(distinct_rows(law, runs, runs.loss))[1]
    return np.asarray(1.0 / np.bincount(sets)[sets])


def thinned(layout: Layout) -> Layout | None:
    """A few of a layout's sizes and D, evenly spread; None where it is small already.

    They lead a random start most of the way to an optimum: on the paper's 326 runs 42 of them do
    so at a fifth of the cost.
    """
    num_rows, num_slots = layout.run.shape
    if num_slots == 1:
        log_D = layout.inputs["log_D"][:, 0]
        ends = [log_D.argmin(), log_D.argmax()]
        order = np.lexsort((log_D, layout.inputs["N"]))
        rows = np.union1d(order[_spread(num_rows, _NUM_ROWS * _NUM_SLOTS - len(ends))], ends)
        slots = np.zeros((len(rows), 1), dtype=int)
        share = np.ones_like(slots)
    else:
        rows = _spread(num_rows, _NUM_ROWS)
        counts = np.count_nonzero(layout.share[rows], axis=1)
        picked = [_spread(count, _NUM_SLOTS) for count in counts]
        width = max(map(len, picked))
        slots = np.stack([np.pad(own, (0, width - len(own))) for own in picked])
        share = np.arange(width) < np.array([len(own) for own in picked])[:, None]
    if layout.run.size < _LEAST_GAIN * slots.size:
        return None
    cells = rows[:, None], slots
    return replace(
        layout,
        inputs={"N": layout.inputs["N"][rows], "log_D": layout.inputs["log_D"][cells]},
        run=layout.run[cells],
        share=layout.share[cells] * share,
    )


def _spread(num: int, most: int) -> np.ndarray:
    """At most ``most`` positions among ``num``, evenly spaced, the ends included."""
    return np.unique(np.linspace(0, num - 1, min(num, most)).round().astype(int))
