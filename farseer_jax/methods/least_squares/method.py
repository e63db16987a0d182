"""The settings of end-to-end least squares, and its doors for NumPy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.links import Link
from farseer_jax.methods.end_to_end.derivatives import EndToEndRefit
from farseer_jax.methods.end_to_end.layout import Layout, build_layout
from farseer_jax.methods.end_to_end.settings import (
    best_of_each,
    best_of_starts,
    best_point,
    check_counts,
    check_number,
    free_of,
    lay_out,
    normalise,
    refit_of,
    shared_from_dict,
    shared_to_dict,
)
from farseer_jax.methods.end_to_end.starts import starts_of
from farseer_jax.methods.least_squares.groups import fit_each, fit_with_shared
from farseer_jax.methods.least_squares.solve import solve
from farseer_jax.methods.method import Solved, SolvedBatch, weights_of
from farseer_jax.objectives import Objective, as_objective
from farseer_jax.runs.runs import Runs


@dataclass(frozen=True)
class LeastSquares:
    """All parameters at once, by batched Levenberg–Marquardt from many starts.

    Robust objectives are solved to their own optimum: steps come from squares that lie above the
    objective, and near the optimum from its exact Hessian. A start has converged only where the
    undamped model predicts no further fall.

    Args:
        objective: an :class:`Objective` or the name of one.
        num_starts: starts of a fit, spread by the law's own ``starts``.
        refit_starts: starts of each refit of a batch, beside the optimum of all runs.
        seed: of the starts; more of them begin with the same.
        max_steps: evaluations that a start may take.
        tolerance: relative fall of the objective below which a start has converged.
        fixed: parameters held, by name: ``{"E": 1.69}``.
        tied: groups of parameters that are equal: ``[("alpha", "beta")]``.
        bounds: ``{"alpha": (0.0, 1.0)}``, ends included.
        starts: laws to start from instead, a law with leaves ``(start,)``.

    Raises:
        ValueError: a setting is out of its range.

    Example:
        >>> from farseer_jax import Chinchilla, LeastSquares, example_runs, fit
        >>> robust = fit(Chinchilla, example_runs(), LeastSquares("huber"))
        >>> robust.outcome.name, robust.diagnostics.fraction_at_best() > 0.9
        ('success', True)
        >>> tied = LeastSquares("huber", tied=[("alpha", "beta")])
        >>> law = fit(Chinchilla, example_runs(), tied).law
        >>> float(law.alpha) == float(law.beta)
        True
    """

    name: ClassVar[str] = "least-squares"
    block: ClassVar[int] = 4096

    objective: Objective | str = "squared"
    num_starts: int = 64
    refit_starts: int = 2
    seed: int = 0
    max_steps: int = 500
    tolerance: float = 1e-13
    fixed: Any = ()
    tied: Any = ()
    bounds: Any = ()
    starts: Law | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        normalise(self)
        check_counts(self, {"num_starts": 1, "refit_starts": 0, "max_steps": 1})
        if not 0.0 <= self.tolerance < 1e-3:
            raise ValueError(f"tolerance must lie in [0, 1e-3), got {self.tolerance!r}")

    def describe(self, link: Link) -> str:
        """A few words for reports."""
        return as_objective(self.objective).describe(link)

    def prepare(self, law: type[Law], runs: Runs) -> Layout:
        """Lay the runs out, and refuse what cannot be fitted."""
        return lay_out(self, law, runs)

    def fit_one(self, design: Layout, losses: np.ndarray, weights: np.ndarray) -> Solved:
        """Fit one set of losses and weights, in float64."""
        layout, free = design, free_of(self, design)
        check_number(layout, weights, free)
        starts = starts_of(self, layout, free, self.num_starts)
        found = solve(self, layout, free, starts, losses[None], weights[None])
        return best_of_starts(layout, free, found, losses, weights)

    def fit_many(
        self,
        designs: Sequence[Layout],
        losses: Sequence[np.ndarray],
        weights: Sequence[np.ndarray],
        shared: Sequence[str] = (),
    ) -> list[Solved]:
        """Fit several tables in one batch; see :func:`fit_each` and :func:`fit_with_shared`."""
        if shared:
            return fit_with_shared(self, designs, losses, weights, shared)
        return fit_each(self, designs, losses, weights)

    def prepare_many(self, law: type[Law], parts: Sequence[Runs]) -> list[Layout]:
        """Lay several tables out, run by run, with one centre."""
        layouts = [lay_out(self, law, runs) for runs in parts]
        center = layouts[0].center
        return [build_layout(law, runs, by_curves=False, center=center) for runs in parts]

    def prepare_few(self, law: type[Law], runs: Runs) -> Layout:
        """Lay the runs out, run by run, for refits by NumPy."""
        return self.prepare_many(law, [runs])[0]

    def fit_few(self, design: Layout, losses: np.ndarray, weights: np.ndarray) -> SolvedBatch:
        """As :meth:`fit_block`, of a layout by :meth:`prepare_few`."""
        return self.fit_block(design, losses, weights)

    def fit_block(self, design: Layout, losses: np.ndarray, weights: np.ndarray) -> SolvedBatch:
        """Refit stacks of losses and weights, ``(batch, run)``: from the optimum of all runs."""
        layout, free = design, free_of(self, design)
        starts = _optimum(layout, self)[None]
        if self.refit_starts:
            more = starts_of(self, layout, free, self.refit_starts)
            starts = np.concatenate([starts, more])
        found = solve(self, layout, free, starts, losses, weights, num_warm=1, refits=True)
        return best_of_each(layout, free, found, losses, weights)

    def refit(self, design: Layout, runs: Runs, law: Law, found: Any) -> EndToEndRefit:
        """The fit as a function of losses and weights that JAX differentiates."""
        del found  # the law says where the optimum is
        return refit_of(self, design, law, runs.loss)

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON; starts of one's own are not kept."""
        numbers = ("num_starts", "refit_starts", "max_steps", "tolerance")
        own = {name: getattr(self, name) for name in numbers}
        return {"name": self.name, **own, **shared_to_dict(self)}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "LeastSquares":
        """The inverse of :meth:`to_dict`."""
        return cls(**shared_from_dict(settings))


@lru_cache(maxsize=4)
def _optimum(layout: Layout, method: LeastSquares) -> np.ndarray:
    """Free numbers of the fit to all runs: where refits start."""
    free = free_of(method, layout)
    starts = starts_of(method, layout, free, method.num_starts)
    own = weights_of(layout.runs)[None]
    found = solve(method, layout, free, starts, layout.runs.loss[None], own)
    return best_point(found)
