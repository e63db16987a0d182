"""The settings of end-to-end fits by optax's optimisers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from farseer_jax.laws.law import Law
from farseer_jax.link_functions import Link
from farseer_jax.methods.end_to_end.multi_start import MultiStartMethod
from farseer_jax.methods.restarts.optimisers import NAMES, check_optimiser
from farseer_jax.methods.restarts.solve import solve_from_starts
from farseer_jax.objectives import Objective, as_objective

if TYPE_CHECKING:
    import optax


@dataclass(frozen=True)
class Restarts(MultiStartMethod):
    """Fit all parameters at once, by an optimiser of optax from many random starts.

    This is how the literature fits: Hoffmann et al. start L-BFGS from a grid (Approach 3), the
    Farseer paper takes 30,000 starts (App. H). The optimum is that of :class:`LeastSquares`, which
    needs fewer evaluations; use this to compare, or to try an optimiser. The same seed draws the
    same starts for both.

    The optimiser sees free parameters of order 1 (the law's own centring; logarithms of positive
    ones) and the objective divided by its value at the start. A point outside the bounds is put
    onto them after each step. A start's result is the best point that it has seen. It has converged
    only where the gradient vanishes: where the Hessian is positive definite, and Newton's step
    would gain less than ``tolerance`` of the objective. For absolute residuals no start is called
    converged.

    Args:
        optimiser: ``"lbfgs"``; ``"adam"``, with a warm-up and a cosine schedule over all steps;
            or an optimiser of optax, such as ``optax.adamw(1e-2)`` or ``optax.lbfgs()``.
        num_starts: number of starts of a fit, spread by the law's own ``starts``.
        num_steps: for ``"lbfgs"``, which stops once it has converged, the evaluations that a start
            may take; for all others the steps that it takes.
        objective: an :class:`Objective` or the name of one.
        refit_starts: maximum number of further optima of all runs from which each refit of a batch
            starts, in addition to the best.
        seed: seed of the starts; the first ones do not depend on their number.
        tolerance: relative decrease of the objective below which a start has converged.
        fixed: parameters at fixed values, by name: ``{"E": 1.69}``.
        tied: groups of parameters that are equal: ``[("alpha", "beta")]``.
        bounds: ``{"alpha": (0.0, 1.0)}``, ends included.
        starts: your own starts instead, a law with leaves ``(start,)``.

    Raises:
        ValueError: a setting is out of its range.
        TypeError: the optimiser is not an optimiser of optax.

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
        self.normalise({"num_starts": 1, "refit_starts": 0, "seed": 0, "num_steps": 1})

    def describe(self, link: Link) -> str:
        """A few words for reports."""
        named = self.optimiser if isinstance(self.optimiser, str) else "your own optimiser"
        return f"{super().describe(link)}, {named}"

    def not_converged(self) -> str:
        """The remedy where a search has not converged, for warnings."""
        if as_objective(self.objective).delta == 0.0:
            return (
                "The gradient does not vanish at an optimum of absolute residuals, so no start can "
                "be shown to have converged: use LeastSquares(), which reaches it."
            )
        return "Raise num_steps, or fix a parameter that diverges (fixed=)."

    solve = solve_from_starts

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON; of your own optimiser only its text, ``starts`` not at all."""
        named = self.optimiser if isinstance(self.optimiser, str) else repr(self.optimiser)
        return {**super().to_dict(), "optimiser": named}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`.

        Raises:
            NotImplementedError: the optimiser was your own.
        """
        if settings["optimiser"] not in NAMES:
            raise NotImplementedError(
                "the fit was made with your own optimiser, which a file cannot store "
                f"({settings['optimiser']}): fit again with it"
            )
        return super().from_dict(settings)
