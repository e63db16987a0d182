"""The settings of end-to-end least squares, and its doors for NumPy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import jax
import numpy as np

from farseer_jax._evaluate import evaluate
from farseer_jax._law import AbstractLaw
from farseer_jax._metrics import relative_error
from farseer_jax._objective import Objective, as_objective
from farseer_jax._outcome import Outcome
from farseer_jax._runs import Runs
from farseer_jax.methods._method import Solved, SolvedBatch
from farseer_jax.methods._starts import StartReport
from farseer_jax.methods.least_squares._check import check_law, check_starts
from farseer_jax.methods.least_squares._free import Free, build_free
from farseer_jax.methods.least_squares._layout import Layout, build_layout
from farseer_jax.methods.least_squares._solve import Optima, solve
from farseer_jax.methods.least_squares._step import CONVERGED, NOT_FINITE


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

    objective: Objective | str = "squared"
    num_starts: int = 64
    refit_starts: int = 2
    seed: int = 0
    max_steps: int = 500
    tolerance: float = 1e-13
    fixed: Any = ()
    tied: Any = ()
    bounds: Any = ()
    starts: AbstractLaw | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        put = object.__setattr__  # settings are compared and hashed
        put(self, "objective", as_objective(self.objective))
        put(self, "fixed", tuple((n, float(v)) for n, v in dict(self.fixed).items()))
        put(self, "tied", tuple(tuple(group) for group in self.tied))
        bounds = dict(self.bounds).items()
        put(self, "bounds", tuple((n, (float(low), float(high))) for n, (low, high) in bounds))
        for name, least in (("num_starts", 1), ("refit_starts", 0), ("max_steps", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be a whole number from {least}, got {value!r}")
        if not 0.0 <= self.tolerance < 1e-3:
            raise ValueError(f"tolerance must lie in [0, 1e-3), got {self.tolerance!r}")

    def prepare(self, law: type[AbstractLaw], runs: Runs) -> Layout:
        """Lay the runs out, and refuse what cannot be fitted."""
        check_law(law, runs, self.starts)
        layout = build_layout(law, runs)
        self._free(layout)
        return layout

    def fit_one(self, design: Layout, losses: np.ndarray, weights: np.ndarray) -> Solved:
        """Fit one set of losses and weights, in float64."""
        layout, free = design, self._free(design)
        _check_number(layout, weights, free)
        starts = self._starts(layout, free, self.num_starts)
        found = solve(self, layout, free, starts, losses[None], weights[None], shared=True)
        best = int(np.nanargmin(np.where(found.status == NOT_FINITE, np.inf, found.value)))
        if found.status[best] == NOT_FINITE:
            raise ValueError(
                f"the law {layout.law.name!r} gives no finite loss or derivative at any of "
                f"{len(starts)} starts: check its `log_loss` and `starts`, or give `starts=`"
            )
        law = self._law(layout, free, found.free[best])
        runs = layout.runs
        rows = np.stack([runs.N, runs.D, losses])[:, weights > 0]
        N, D, observed = np.unique(rows, axis=1)
        return Solved(
            law=law,
            outcome=Outcome.from_code(int(_outcome(found, free)[best])),
            relative_error=relative_error(evaluate(law, N, D), observed),
            diagnostics=StartReport(
                objective=float(found.value[best]),
                start_objective=found.value,
                start_outcome=_start_codes(found.status),
                start_steps=found.steps,
                num_copies=layout.num_copies,
            ),
        )

    def fit_block(self, design: Layout, losses: np.ndarray, weights: np.ndarray) -> SolvedBatch:
        """Refit stacks of losses and weights, ``(batch, run)``: from the optimum of all runs."""
        layout, free = design, self._free(design)
        starts = _optimum(layout, self)[None]
        if self.refit_starts:
            more = self._starts(layout, free, self.refit_starts)
            starts = np.concatenate([starts, more])
        found = solve(self, layout, free, starts, losses, weights, shared=False)
        num = len(losses)
        value = np.where(found.status == NOT_FINITE, np.inf, found.value).reshape(num, -1)
        best = value.argmin(1) + np.arange(num) * value.shape[1]
        few = (weights > 0).sum(1) < free.basis.shape[1]
        outcome = np.where(few, Outcome.too_few_runs.code, _outcome(found, free)[best])
        law = self._law(layout, free, found.free[best])
        error = relative_error(evaluate(law, layout.runs.N, layout.runs.D), losses)
        fitted = weights > 0
        mean = (error * fitted).sum(1) / np.maximum(fitted.sum(1), 1)
        return SolvedBatch(law=law, outcome=outcome, mean_relative_error=mean)

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON; starts of one's own are not kept."""
        numbers = ("num_starts", "refit_starts", "seed", "max_steps", "tolerance")
        return {
            "name": self.name,
            "objective": as_objective(self.objective).to_dict(),
            **{name: getattr(self, name) for name in numbers},
            "fixed": dict(self.fixed),
            "tied": [list(group) for group in self.tied],
            "bounds": {n: [_or_none(v) for v in pair] for n, pair in self.bounds},
        }

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "LeastSquares":
        """The inverse of :meth:`to_dict`."""
        own = {key: value for key, value in settings.items() if key != "name"}
        own["objective"] = Objective.from_dict(own["objective"])
        own["bounds"] = {
            name: (-np.inf if low is None else low, np.inf if high is None else high)
            for name, (low, high) in own["bounds"].items()
        }
        return cls(**own)

    def _free(self, layout: Layout) -> Free:
        return build_free(layout.law, layout.center, dict(self.fixed), self.tied, dict(self.bounds))

    def _starts(self, layout: Layout, free: Free, num: int) -> np.ndarray:
        """Starts in free numbers, ``(start, free)``."""
        if self.starts is not None:
            return free.free(check_starts(layout.law, self.starts, dict(self.bounds)))
        cube = np.random.default_rng(self.seed).random((num, len(layout.law.parameter_names())))
        law = layout.law.starts(layout.runs, cube)
        return free.free(check_starts(layout.law, law, {}))

    def _law(self, layout: Layout, free: Free, numbers: np.ndarray) -> AbstractLaw:
        with jax.enable_x64(True):
            law = layout.law.from_vector(jax.numpy.asarray(free.vector(numbers)), layout.center)
            return jax.tree.map(lambda leaf: np.asarray(leaf, dtype=np.float64), law)


@lru_cache(maxsize=4)
def _optimum(layout: Layout, method: LeastSquares) -> np.ndarray:
    """Free numbers of the fit to all runs: where refits start."""
    free = method._free(layout)
    starts = method._starts(layout, free, method.num_starts)
    ones = np.ones((1, len(layout.runs)))
    found = solve(method, layout, free, starts, layout.runs.loss[None], ones, shared=True)
    return found.free[np.where(found.status == NOT_FINITE, np.inf, found.value).argmin()]


def _outcome(found: Optima, free: Free) -> np.ndarray:
    """Code of each member's :class:`Outcome`."""
    code = np.where(found.status == CONVERGED, Outcome.success.code, Outcome.not_converged.code)
    code = np.where(free.at_bound(found.free), Outcome.bound_active.code, code)
    return np.where(found.status == NOT_FINITE, Outcome.not_finite.code, code)


def _start_codes(status: np.ndarray) -> np.ndarray:
    """Codes of the report: 0 converged, 1 out of steps, 2 stalled, 3 not finite."""
    return np.array([1, 0, 2, 3])[status]


def _check_number(layout: Layout, weights: np.ndarray, free: Free) -> None:
    distinct = len(layout.runs) - layout.num_copies
    num, needed = min(int((weights > 0).sum()), distinct), free.basis.shape[1]
    if num < needed:
        raise ValueError(
            f"{num} runs cannot determine the {needed} free parameters of the law "
            f"{layout.law.name!r}: add runs, or hold parameters (fixed=, tied=)"
        )


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
