"""The settings of end-to-end least squares."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.link_functions import Link
from farseer_jax.methods.correlated_errors import CorrelatedErrors, columns_at_runs
from farseer_jax.methods.end_to_end.layout import Layout, build_layout
from farseer_jax.methods.end_to_end.multi_start import MultiStartMethod
from farseer_jax.methods.least_squares.groups import fit_each, fit_with_shared
from farseer_jax.methods.least_squares.refit_tables import refit_each
from farseer_jax.methods.least_squares.solve import solve_from_starts
from farseer_jax.methods.method import Solved, SolvedBatch, weights_of
from farseer_jax.objectives import Objective, as_objective
from farseer_jax.runs.runs import Runs


@dataclass(frozen=True)
class LeastSquares(MultiStartMethod):
    """Fit all parameters at once, by batched Levenberg–Marquardt from many starts.

    Robust objectives are solved to their own optimum: steps come from squares that lie above the
    objective, and near the optimum from its exact Hessian. A start has converged only where the
    undamped model predicts no further decrease.

    Args:
        objective: an :class:`Objective` or the name of one.
        num_starts: number of starts of a fit, spread by the law's own ``starts``.
        refit_starts: maximum number of further optima of all runs from which each refit of a batch
            starts, in addition to the best.
        seed: seed of the starts; the first ones do not depend on their number.
        max_steps: evaluations that a start may take.
        tolerance: relative decrease of the objective below which a start has converged.
        fixed: parameters at fixed values, by name: ``{"E": 1.69}``.
        tied: groups of parameters that are equal: ``[("alpha", "beta")]``.
        bounds: ``{"alpha": (0.0, 1.0)}``, ends included.
        starts: your own starts instead, a law with leaves ``(start,)``.
        errors: correlated errors, :class:`CorrelatedErrors`; None for independent ones.
            Only for the objective ``"squared"``. The fit is the law alone; :func:`forecast` adds
            what the errors are expected to be at a point.

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
        >>> from farseer_jax import CorrelatedErrors
        >>> together = fit(Chinchilla, example_runs(), LeastSquares(errors=CorrelatedErrors()))
        >>> together.outcome.name
        'success'
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
    errors: CorrelatedErrors | None = None

    def __post_init__(self) -> None:
        self.normalise({"num_starts": 1, "refit_starts": 0, "seed": 0, "max_steps": 1})
        objective = as_objective(self.objective)
        if self.errors is not None and not (
            objective.is_squared and objective.residual in ("link", "log")
        ):
            raise ValueError(
                f"errors: correlated errors need the objective 'squared', got "
                f"{objective.describe(Link())!r}; leave errors out, or use forecast, in which "
                "outliers lose weight"
            )

    solve = solve_from_starts

    def prepare(self, law: type[Law], runs: Runs) -> Layout:
        """Lay the runs out; run by run where errors are correlated."""
        layout = super().prepare(law, runs)
        if self.errors is None or not layout.by_curves:
            return layout
        return build_layout(law, runs, by_curves=False)

    def columns_of(self, layout: Layout) -> np.ndarray | None:
        """The columns of correlated errors, ``(run, column)``; None if errors are independent."""
        return None if self.errors is None else _columns(self.errors, layout)

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

    def refit_many(
        self,
        designs: Sequence[Layout],
        losses: Sequence[np.ndarray],
        weights: Sequence[np.ndarray],
    ) -> list[SolvedBatch]:
        """Refit several tables to rows of losses and weights in one batch; :func:`refit_each`."""
        return refit_each(self, designs, losses, weights)

    def prepare_many(self, law: type[Law], parts: Sequence[Runs]) -> list[Layout]:
        """Lay several tables out, run by run, with a common centre."""
        layouts = [self.prepare(law, runs) for runs in parts]
        center = layouts[0].center
        return [build_layout(law, runs, by_curves=False, center=center) for runs in parts]

    def prepare_few(self, law: type[Law], runs: Runs) -> Layout:
        """Lay the runs out, run by run, for refits by NumPy.

        Kinked objectives keep the compiled solver, which follows them down to their optimum.
        """
        objective = as_objective(self.objective)
        if objective.delta == 0.0 or objective.quantile != 0.5:
            return self.prepare(law, runs)
        return self.prepare_many(law, [runs])[0]


@lru_cache(maxsize=8)
def _columns(errors: CorrelatedErrors, layout: Layout) -> np.ndarray:
    """The columns of correlated errors, computed once for a layout.

    Amplitudes are multiples of the noise of a run of mean weight.
    """
    weights = weights_of(layout.runs)
    columns = columns_at_runs(errors, layout.law, layout.runs)
    return np.asarray(columns / np.sqrt(weights[weights > 0.0].mean()))
