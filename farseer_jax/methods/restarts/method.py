"""The settings of end-to-end fits by optimisers of optax, and their doors for NumPy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.links import Link
from farseer_jax.methods.end_to_end.derivatives import EndToEndRefit
from farseer_jax.methods.end_to_end.layout import Layout
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
from farseer_jax.methods.method import Solved, SolvedBatch, weights_of
from farseer_jax.methods.restarts.optimisers import NAMES, check_optimiser
from farseer_jax.methods.restarts.solve import solve
from farseer_jax.objectives import Objective, as_objective
from farseer_jax.runs.runs import Runs

if TYPE_CHECKING:
    import optax


@dataclass(frozen=True)
class Restarts:
    """All parameters at once, by an optimiser of optax from many random starts.

    The way of the literature: Hoffmann et al. start L-BFGS from a grid (Approach 3), the Farseer
    paper takes 30,000 starts (App. H). The optimum is that of :class:`LeastSquares`, which needs
    fewer evaluations; use this to compare, or to try an optimiser. The same seed draws the same
    starts for both.

    The optimiser sees free parameters of order 1 (the law's own centring; logarithms of positive
    ones) and the objective divided by its value at the start. A point outside the bounds is put
    onto them after each step. Of each start the best point seen counts. It has converged only where
    the gradient vanishes: where the Hessian is positive definite, and Newton's step would gain
    less than ``tolerance`` of the objective. For absolute residuals no start is called converged.

    Args:
        optimiser: ``"lbfgs"``; ``"adam"``, with a warm-up and a cosine schedule over all steps;
            or an optimiser of optax, such as ``optax.adamw(1e-2)`` or ``optax.lbfgs()``.
        num_starts: starts of a fit, spread by the law's own ``starts``.
        num_steps: evaluations that a start may take by ``"lbfgs"``, which ends where it has
            converged; steps that it does take by all others.
        objective: an :class:`Objective` or the name of one.
        refit_starts: starts of each refit of a batch, beside the optimum of all runs.
        seed: of the starts; more of them begin with the same.
        tolerance: relative fall of the objective below which a start has converged.
        fixed: parameters held, by name: ``{"E": 1.69}``.
        tied: groups of parameters that are equal: ``[("alpha", "beta")]``.
        bounds: ``{"alpha": (0.0, 1.0)}``, ends included.
        starts: laws to start from instead, a law with leaves ``(start,)``.

    Raises:
        ValueError: a setting is out of its range.
        TypeError: the optimiser is none.

    Example:
        >>> from farseer_jax import Chinchilla, Restarts, example_runs, fit
        >>> found = fit(Chinchilla, example_runs(), Restarts(num_starts=64, objective="huber"))
        >>> found.outcome.name, found.diagnostics.fraction_at_best() > 0.9
        ('success', True)
    """

    name: ClassVar[str] = "restarts"

    optimiser: "str | optax.GradientTransformation" = "lbfgs"
    num_starts: int = 30_000
    num_steps: int = 2_000
    objective: Objective | str = "squared"
    refit_starts: int = 2
    seed: int = 0
    tolerance: float = 1e-10
    fixed: Any = ()
    tied: Any = ()
    bounds: Any = ()
    starts: Law | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        check_optimiser(self.optimiser)
        normalise(self)
        check_counts(self, {"num_starts": 1, "refit_starts": 0, "num_steps": 1})
        if not 0.0 <= self.tolerance < 1e-3:
            raise ValueError(f"tolerance must lie in [0, 1e-3), got {self.tolerance!r}")

    def describe(self, link: Link) -> str:
        """A few words for reports."""
        named = self.optimiser if isinstance(self.optimiser, str) else "an optimiser of one's own"
        return f"{as_objective(self.objective).describe(link)}, {named}"

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

    def fit_block(self, design: Layout, losses: np.ndarray, weights: np.ndarray) -> SolvedBatch:
        """Refit stacks of losses and weights, ``(batch, run)``: from the optimum of all runs."""
        layout, free = design, free_of(self, design)
        with _ONE_AT_A_TIME:  # blocks run in threads, and one of them is enough to find it
            starts = _optimum(layout, self)[None]
        if self.refit_starts:
            more = starts_of(self, layout, free, self.refit_starts)
            starts = np.concatenate([starts, more])
        found = solve(self, layout, free, starts, losses, weights)
        return best_of_each(layout, free, found, losses, weights)

    def refit(self, design: Layout, runs: Runs, law: Law, found: Any) -> EndToEndRefit:
        """The fit as a function of losses and weights that JAX differentiates."""
        del found  # the law says where the optimum is
        return refit_of(self, design, law, runs.loss)

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON; of an optimiser of one's own, and such starts, only words."""
        numbers = ("num_starts", "num_steps", "refit_starts", "tolerance")
        own = {name: getattr(self, name) for name in numbers}
        named = self.optimiser if isinstance(self.optimiser, str) else repr(self.optimiser)
        return {"name": self.name, "optimiser": named, **own, **shared_to_dict(self)}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "Restarts":
        """The inverse of :meth:`to_dict`.

        Raises:
            NotImplementedError: the optimiser was one of one's own.
        """
        if settings["optimiser"] not in NAMES:
            raise NotImplementedError(
                "the fit was made with an optimiser of one's own, which no file can keep "
                f"({settings['optimiser']}): fit again with it"
            )
        return cls(**shared_from_dict(settings))


_ONE_AT_A_TIME = Lock()


@lru_cache(maxsize=4)
def _optimum(layout: Layout, method: Restarts) -> np.ndarray:
    """Free numbers of the fit to all runs: where refits start."""
    free = free_of(method, layout)
    starts = starts_of(method, layout, free, method.num_starts)
    own = weights_of(layout.runs)[None]
    found = solve(method, layout, free, starts, layout.runs.loss[None], own)
    return best_point(found)
