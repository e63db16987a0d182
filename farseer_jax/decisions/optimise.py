"""``optimise``: the inputs at which a fitted loss is least."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.discrete_inputs import LabelledOptima, solve
from farseer_jax.decisions.input_constraints import Cost
from farseer_jax.decisions.inputs_by_name import input_of, values_by_input
from farseer_jax.decisions.loss_profiles import loss_profiles
from farseer_jax.decisions.optimise_arguments import Arguments
from farseer_jax.decisions.optimise_checks import names_of, refuse_infeasible
from farseer_jax.decisions.optimum import Optimum
from farseer_jax.decisions.optimum_warnings import limits_of, optimum_warnings
from farseer_jax.decisions.search_space import SCALES, Free
from farseer_jax.decisions.sources import law_fit_bootstrap
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import by_column
from farseer_jax.laws.law import Law
from farseer_jax.runs.checks import check_level
from farseer_jax.runs.coverage import beyond_runs
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.threads import one_blas_thread
from farseer_jax.uncertainty.bootstrap_intervals import Quantity, intervals
from farseer_jax.uncertainty.bootstrap_result import Bootstrap
from farseer_jax.uncertainty.intervals import Intervals, Kind

_STARTS_OF_DRAWS = 4


def optimise(
    source: Fit | Bootstrap | Law,
    over: str | Sequence[str],
    *,
    given: Mapping[str, Any] | None = None,
    cost: Cost | None = None,
    budget: ArrayLike | None = None,
    subject_to: str | Sequence[str] = (),
    at_least: Mapping[str, float] | None = None,
    at_most: Mapping[str, float] | None = None,
    whole_simplex: bool = False,
    maximise: bool = False,
    level: float | None = None,
    kind: Kind | None = None,
    num_starts: int = 16,
    seed: int = 0,
) -> Optimum:
    """Find the inputs that minimise a fitted loss: N and D, a mixture, experts, a learning rate.

    The search covers the range of the runs for numbers other than N and D, the convex hull of the
    mixtures in the runs for a mixture, and whole numbers for counts. The result states these
    limits, and warns of an optimum at a limit. If both N and D are optimised, tokens per parameter
    stay between 0.1 and 1e5, as in :func:`allocate`; use that function for the split of compute
    over N and D, which may include inference and forecasts. Unique tokens U, given or optimised,
    stay at most D: optimise U too if fewer than are at hand may be used.

    Searches start from many points. Each uses exact derivatives of the law and converges to a
    solution of the Karush–Kuhn–Tucker conditions, up to rounding.

    Args:
        source: a fit; a bootstrap, which adds intervals from the optima of its refits; or a law,
            which has no runs, so that ranges must be given.
        over: the inputs to optimise, such as ``"h"`` or ``["N", "D"]``: numbers, mixtures, whole
            numbers and categories. Inputs may also be named by the fitted column or by
            another usual name, here and below.
        given: values of all other inputs, as for :meth:`Fit.predict`; arrays give several points.
        cost: the cost that the budgets limit: an expression in the law's inputs, or a JAX function
            of named inputs; by default ``"6*N*D"`` if there are budgets.
        budget: the largest allowed ``cost``; each budget is combined with each given point.
        subject_to: further constraints as expressions, such as ``"2*N*P <= 8e10"``.
        at_least: lower bounds of inputs or shares, by name.
        at_most: upper bounds of inputs or shares, by name.
        whole_simplex: whether to search all mixtures, including those outside the convex hull of
            the runs, where no run supports the law.
        maximise: maximise the response, such as an accuracy, instead of minimising it.
        level: nominal probability of a bootstrap's intervals; None is 0.9.
        kind: kind of a bootstrap's intervals, as for :meth:`Bootstrap.interval_of`.
        num_starts: number of searches for each point.
        seed: seed of their starts.

    Raises:
        ValueError: an input is unknown, missing, given twice or of the wrong kind; nothing limits N
            or D; no inputs satisfy the constraints; ``level`` or ``kind`` without a bootstrap.
        TypeError: ``source`` is not a fit, a bootstrap or a law; a cost is not a JAX function.

    Example:
        >>> import farseer_jax as fj
        >>> law = fj.Chinchilla(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
        >>> best = fj.optimise(law, ["N", "D"], cost="6*N*D", budget=1e22)
        >>> bool(abs(best.inputs["N"][0] / fj.allocate(law, 1e22).N[0] - 1) < 1e-8)
        True
        >>> capped = fj.optimise(law, "D", given={"N": 1e9}, subject_to="6*N*D <= 1e21")
        >>> f"{capped.inputs['D'][0]:.4g}", capped.limited_by
        ('1.667e+11', (('6*N*D <= 1e21',),))
    """
    law, fit, bootstrap = law_fit_bootstrap(source, "optimise", "a fit, a bootstrap or a law")
    if bootstrap is None and (level is not None or kind is not None):
        name = "level" if level is not None else "kind"
        raise ValueError(
            f"{name}: only a bootstrap has intervals; pass bootstrap(fit, 1000), or leave it out"
        )
    level = 0.9 if level is None else level
    check_level(level)
    if not isinstance(num_starts, int | np.integer) or num_starts < 1:
        raise ValueError(f"num_starts: expected a whole number from 1, got {num_starts!r}")
    arguments = Arguments(
        law=type(law),
        runs=None if fit is None else fit.runs,
        over=tuple(input_of(name, law, fit) for name in names_of("over", over)),
        given=values_by_input(given or {}, law, fit),
        cost=cost,
        budget=budget,
        subject_to=subject_to,
        at_least=values_by_input(at_least or {}, law, fit),
        at_most=values_by_input(at_most or {}, law, fit),
        whole_simplex=whole_simplex,
        maximise=maximise,
        seed=seed,
    )
    with one_blas_thread():
        stack = jax.tree.map(lambda leaf: np.asarray(leaf, float)[None], law)
        found = solve(arguments.problem, stack, num_starts)
        refuse_infeasible(arguments.problem, found.optima, arguments.over)
        of_draws = None
        if bootstrap is not None:
            several = (found.optima.num_arrived < found.optima.num_starts).any()
            num = num_starts if several else min(num_starts, _STARTS_OF_DRAWS)
            draws = _Refits(arguments, bootstrap, num)
            of_draws = draws.intervals(found, level, kind)
        return _result(arguments, law, fit, found, of_draws)


@dataclass(frozen=True)
class _Refits:
    """The optima of a bootstrap's refits.

    Attributes:
        arguments: what is optimised.
        bootstrap: the refits.
        num_starts: number of searches for each.
    """

    arguments: Arguments
    bootstrap: Bootstrap
    num_starts: int

    def rows(self, laws: Law) -> dict[str, np.ndarray]:
        """The optimum of each law by column, and its loss, ``(law, point)``."""
        found = solve(self.arguments.problem, laws, self.num_starts).optima
        numbers = self.arguments.space.by_column(found.x) | {"loss": found.loss}
        return {name: own.reshape(-1, self.arguments.num_points) for name, own in numbers.items()}

    @cached_property
    def left_out(self) -> dict[str, np.ndarray]:
        """The same of the jackknife's refits, for BCa."""
        return self.rows(self.bootstrap.left_out.law)

    def intervals(
        self, found: LabelledOptima, level: float, kind: Kind | None
    ) -> dict[str, Intervals]:
        """Intervals of the optimum and of its loss."""
        arguments, bootstrap = self.arguments, self.bootstrap
        kind = kind or ("normal" if bootstrap.is_jackknife else "percentile")
        at = dict(arguments.given_columns)
        if arguments.budgets is not None:
            at["budget"] = arguments.budgets
        draws = self.rows(bootstrap.laws)
        estimate = arguments.space.by_column(found.optima.x) | {"loss": found.optima.loss}
        return {
            name: intervals(
                bootstrap,
                Quantity(name, at, own, draws[name], partial(self._of_left_out, name)),
                level,
                kind,
            )
            for name, own in estimate.items()
        }

    def _of_left_out(self, name: str) -> np.ndarray:
        return self.left_out[name]


def _result(
    arguments: Arguments,
    law: Law,
    fit: Fit | None,
    found: LabelledOptima,
    of_draws: dict[str, Intervals] | None,
) -> Optimum:
    optima, space, runs = found.optima, arguments.space, arguments.runs
    known = np.isfinite(optima.loss)
    inside = None
    if runs is not None:
        inside = np.zeros(len(known), bool)
        rows = np.flatnonzero(known)
        flat = by_column(arguments.law, arguments.points(found, rows))
        inside[rows] = ~beyond_runs(runs, flat)
    multipliers = {
        text: np.where(known, own, np.nan)
        for text, own in zip(arguments.texts, optima.multipliers.T, strict=False)
    }
    result = Optimum(
        law=arguments.law.name,
        method="" if fit is None else fit.method.name,
        num_runs=0 if runs is None else len(runs),
        over=arguments.over,
        response="loss" if fit is None else fit.response,
        maximise=arguments.maximise,
        given=arguments.given_columns,
        cost="" if arguments.budgets is None else arguments.constraints[0].label,
        budget=arguments.budgets,
        constraints=tuple(own.text for own in arguments.constraints if own.text),
        ranges={own.name: (own.lower, own.upper, _why(own, runs)) for own in space.numbers},
        hulls={
            own.name: "the whole simplex"
            if own.is_whole
            else f"the convex hull of the {len(own.corners)} mixtures in the runs"
            for own in space.hulls
        },
        inputs=arguments.columns(found),
        loss=optima.loss,
        limited_by=limits_of(arguments.problem, arguments.texts, optima),
        multipliers=multipliers,
        residual=optima.residual,
        num_starts=optima.num_starts,
        num_arrived=optima.num_arrived,
        inside_data=inside,
        intervals=of_draws,
        profiles=loss_profiles(
            arguments.problem, law, arguments.points(found, np.zeros(1, int)), optima.multipliers[0]
        )
        if known[0]
        else (),
    )
    return replace(result, warnings=optimum_warnings(arguments.problem, result, optima))


def _why(own: Free, runs: Runs | None) -> str:
    """Why a number is sought in its range, in parentheses; empty if nothing limits it."""
    words = {True: "given", False: "the runs" if own.name not in SCALES else ""}
    low, high = (words[is_given] for is_given in own.given)
    if not (low or high):
        return ""
    return f" ({low})" if low == high else f" ({low or 'no limit'} and {high or 'no limit'})"
