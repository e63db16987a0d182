"""The settings of end-to-end fits by optimisers of optax."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.links import Link
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.end_to_end.multi_start import MultiStartMethod
from farseer_jax.methods.restarts.optimisers import NAMES, check_optimiser
from farseer_jax.methods.restarts.solve import solve
from farseer_jax.objectives import Objective, as_objective
from farseer_jax.solvers.optima import Optima

if TYPE_CHECKING:
    import optax


@dataclass(frozen=True)
class Restarts(MultiStartMethod):
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
        tolerance: relative decrease of the objective below which a start has converged.
        fixed: parameters at fixed values, by name: ``{"E": 1.69}``.
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
    numbers: ClassVar[tuple[str, ...]] = ("num_starts", "num_steps", "refit_starts", "tolerance")

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
        self.normalise({"num_starts": 1, "refit_starts": 0, "num_steps": 1})

    def describe(self, link: Link) -> str:
        """A few words for reports."""
        named = self.optimiser if isinstance(self.optimiser, str) else "an optimiser of one's own"
        return f"{super().describe(link)}, {named}"

    def not_converged(self) -> str:
        """What to do where a search has not converged, for warnings."""
        if as_objective(self.objective).delta == 0.0:
            return (
                "No gradient vanishes at an optimum of absolute residuals, so no start can be "
                "shown to have converged: LeastSquares reaches it."
            )
        return "Raise num_steps, or fix a parameter that runs off (fixed=)."

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
        """Fit every row of losses and weights, ``(row, run)``, from every start."""
        del refits  # its steps need no hint
        return solve(self, layout, free, starts, losses, weights)

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON; of an optimiser of one's own, and such starts, only words."""
        named = self.optimiser if isinstance(self.optimiser, str) else repr(self.optimiser)
        return {"name": self.name, "optimiser": named, **super().to_dict()}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`.

        Raises:
            NotImplementedError: the optimiser was one of one's own.
        """
        if settings["optimiser"] not in NAMES:
            raise NotImplementedError(
                "the fit was made with an optimiser of one's own, which no file can keep "
                f"({settings['optimiser']}): fit again with it"
            )
        return super().from_dict(settings)
