"""Methods that search from many starts and keep the best optimum."""

import abc
from dataclasses import replace
from functools import lru_cache
from threading import Lock
from typing import Any, NamedTuple

import jax
import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.choose_starts import check_law, starts_of
from farseer_jax.methods.end_to_end.derivatives import EndToEndRefit, build_refit
from farseer_jax.methods.end_to_end.doubtful_refits import (
    NUM_AGAIN,
    are_doubtful,
    padded,
    solve_doubtful,
)
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.large_tables import MANY_RUNS, parts_of, search
from farseer_jax.methods.end_to_end.layout import Layout, build_layout
from farseer_jax.methods.end_to_end.optima import (
    best_of_each,
    best_of_starts,
    law_of,
    refit_starts,
    refits_at,
)
from farseer_jax.methods.end_to_end.settings import EndToEndMethod, check_number, free_of
from farseer_jax.methods.end_to_end.start_report import StartReport
from farseer_jax.methods.end_to_end.storable import lost_rows, put_back, storable, within_reach
from farseer_jax.methods.method import Solved, SolvedBatch, weights_of
from farseer_jax.runs.runs import Runs
from farseer_jax.solvers.optima import Optima


class MultiStartMethod(EndToEndMethod):
    """A fit is the best of many starts; a refit starts from those of all runs.

    Attributes:
        num_starts: number of starts of a fit.
        refit_starts: further optima of all runs, at most, from which each refit starts as well;
            none for a large table, whose refits stay near the best.
        seed: seed of the starts.
        starts: laws to start from instead, leaves ``(start,)``.
    """

    num_starts: int
    refit_starts: int
    seed: int
    starts: Law | None

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON; of your own ``starts`` only their number."""
        own = self.starts
        num = self.num_starts if own is None else len(np.atleast_1d(jax.tree.leaves(own)[0]))
        return {**super().to_dict(), "num_starts": num}

    @abc.abstractmethod
    def solve(
        self,
        layout: Layout,
        free: Free,
        starts: np.ndarray,
        losses: np.ndarray,
        weights: np.ndarray,
        *,
        refits: bool = False,
    ) -> Optima:
        """Fit every row of losses and weights from every start.

        Args:
            layout: layout of the runs.
            free: free parameters.
            starts: ``(start, free)``.
            losses: ``(row, run)``.
            weights: ``(row, run)``.
            refits: the first start lies near an optimum, and the digits of a row must not depend
                on how many rows there are.
        """

    def columns_of(self, layout: Layout) -> np.ndarray | None:
        """The columns of correlated errors, ``(run, column)``; None if errors are independent."""
        del layout
        return None

    def prepare(self, law: type[Law], runs: Runs) -> Layout:
        """Lay the runs out, and refuse laws, runs and settings that cannot be fitted."""
        check_law(law, runs, self.starts)
        layout = build_layout(law, runs)
        free_of(self, layout)
        return layout

    def prepare_refits(self, runs: Runs, law: Law, found: StartReport) -> Layout:
        """Lay the runs out for refits of a fit, which start from its law if it has no rivals."""
        layout = self.prepare(type(law), runs)
        if found.has_rivals:
            return layout
        return replace(layout, fitted=law, least=found.objective)

    def fit_one(self, design: Layout, losses: np.ndarray, weights: np.ndarray) -> Solved:
        """Fit one set of losses and weights, in float64."""
        free = free_of(self, design)
        check_number(design, weights, free)
        found = self.search(design, free, losses, weights)
        return best_of_starts(design, free, found, losses, weights)

    def search(self, layout: Layout, free: Free, losses: np.ndarray, weights: np.ndarray) -> Optima:
        """Where each start of a fit ends, ``(start,)``; of a large table see :func:`search`."""

        def solve(
            own: Layout, starts: np.ndarray, losses: np.ndarray, weights: np.ndarray
        ) -> Optima:
            return self._solve_all(own, free, starts, losses[None], weights[None], starts)

        few = next(parts_of(layout, losses, weights, self.seed, self.num_starts)).layout
        starts = starts_of(self, few, free, self.num_starts)
        return search(solve, layout, free, starts, losses, weights, self.seed)

    def _solve_all(
        self,
        layout: Layout,
        free: Free,
        starts: np.ndarray,
        losses: np.ndarray,
        weights: np.ndarray,
        around: np.ndarray | None,
        *,
        refits: bool = False,
    ) -> Optima:
        """:meth:`solve`, with parameters that can be stored: near given starts if nowhere else."""
        found = self.solve(layout, free, starts, losses, weights, refits=refits)
        found = storable(self.objective, layout, free, found, losses, weights)
        rows = lost_rows(found, len(losses))
        if around is None or not rows.size:
            return found
        own = padded(rows) if refits else rows
        near = within_reach(free, around)
        starts = np.clip(starts, near.lower, near.upper)
        stacks = losses[own], weights[own]
        ended = self.solve(layout, near, starts, *stacks, refits=refits)
        ended = storable(self.objective, layout, free, ended, *stacks)
        return put_back(found, ended, rows, len(losses))

    def fit_block(self, design: Layout, losses: np.ndarray, weights: np.ndarray) -> SolvedBatch:
        """Refit stacks of losses and weights, ``(batch, run)``, from the optima of all runs.

        Those that may have missed their own are solved again, from random starts as well.
        """
        free = free_of(self, design)
        with _ONE_AT_A_TIME:  # blocks run in threads: the first one finds them for all
            starts = _refit_starts(design, self)

        def solve(points: np.ndarray, rows: Any, around: np.ndarray | None) -> Optima:
            own = losses[rows], weights[rows]
            found = self._solve_all(design, free, points, *own, around, refits=True)
            return best_of_each(found, len(own[0]))

        best = solve(starts.near, slice(None), None)
        expected = starts.least * (weights @ design.run_share)
        doubtful = are_doubtful(free, best, expected, starts.random)
        every = np.concatenate([starts.near, starts.random])
        best = solve_doubtful(lambda rows: solve(every, rows, starts.random), doubtful, best)
        return refits_at(design, free, best, losses, weights)

    def refit(self, design: Layout, runs: Runs, law: Law, found: Any) -> EndToEndRefit:
        """The fit as a function of losses and weights that JAX differentiates."""
        del found  # the law is the optimum
        free = free_of(self, design)
        start = _point_of(law, free)
        objective, columns = design.objective(self.objective), self.columns_of(design)
        return build_refit(design, free, objective, start, runs.loss, columns=columns)


_ONE_AT_A_TIME = Lock()


class _Starts(NamedTuple):
    """Where refits start.

    Attributes:
        near: the optima of all runs, the best first, ``(start, free)``.
        random: where those start as well that may have missed their optimum, ``(start, free)``.
        least: the objective of the best, by weight.
    """

    near: np.ndarray
    random: np.ndarray
    least: float


@lru_cache(maxsize=4)
def _refit_starts(layout: Layout, method: MultiStartMethod) -> _Starts:
    free = free_of(method, layout)
    random = starts_of(method, layout, free, NUM_AGAIN)[:NUM_AGAIN]
    weights = weights_of(layout.runs)
    total = float(weights @ layout.run_share)
    if layout.fitted is not None:
        point = _point_of(layout.fitted, free)
        if np.isfinite(point).all():  # a parameter that is exactly 0 has no logarithm
            return _Starts(point[None], random, layout.least / total)
    found = method.search(layout, free, layout.runs.loss, weights)
    num_further = method.refit_starts if len(layout.runs) < MANY_RUNS else 0
    best, *others = refit_starts(found, num_further)
    point = _point_of(law_of(layout, free, best), free)  # to the last digit that of a fit
    near = np.stack([point if np.isfinite(point).all() else best, *others])
    return _Starts(near, random, float(found.value.min()) / total)


def _point_of(law: Law, free: Free) -> np.ndarray:
    """The free parameters of a law, ``(free,)``."""
    with jax.enable_x64(True), np.errstate(divide="ignore", invalid="ignore"):
        vector = np.asarray(law.to_vector(), np.float64)
        return free.free(vector[:, None])[0]
