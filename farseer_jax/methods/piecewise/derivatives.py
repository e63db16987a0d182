"""The piecewise fit of Farseer as a function that JAX differentiates."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.farseer import Farseer
from farseer_jax.laws.law import Law
from farseer_jax.laws.stretched_exponential import StretchedExponential
from farseer_jax.methods.derivatives import (
    NoDerivativeError,
    Refit,
    Response,
    Sensitivity,
    no_derivative_at_zero,
)
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.piecewise._chain import Chain, Exponents, Own, own
from farseer_jax.methods.piecewise._removal import step_each_search
from farseer_jax.methods.piecewise.design import Design
from farseer_jax.methods.piecewise.diagnostics import Diagnostics
from farseer_jax.methods.piecewise.kernel import Curves, PiecewiseSolution, solve
from farseer_jax.methods.piecewise.stage2 import Curve
from farseer_jax.solvers import implicit as _implicit
from farseer_jax.solvers.search import Grid, Search
from farseer_jax.types import Array, RunValues

if TYPE_CHECKING:
    from farseer_jax.methods.piecewise.method import Piecewise


# Newton's step from a minimum that a search has found: kinked objectives locate it to 5e-8.
_LARGEST_STEP = 1e-6
_PER_SIZE = ("log_D", "run_index", "run_share", "pair_ok")


class Evidence(NamedTuple):
    """What the derivatives rest on, ``(search,)``: of Stage 2, then of Stage 3.

    Attributes:
        step: Newton's step from where the searches have ended.
        bend: derivative of each condition in its own exponent.
        strict: see :class:`Standing`.
    """

    step: Array
    bend: Array
    strict: Array

    @property
    def holds(self) -> Array:
        """Whether each minimum has the derivative that its condition gives."""
        return (abs(self.step) < _LARGEST_STEP) & (self.bend > 0) & self.strict


class PiecewiseRefit(Refit):
    """See :class:`Refit`.

    Attributes:
        design: layout of the runs.
        row: the size of each run, ``(run,)``.
        found: where the fit's searches have ended.
        options: settings.
    """

    design: Design
    row: np.ndarray
    found: Exponents
    options: "Piecewise" = eqx.field(static=True)

    @property
    def steps_removals(self) -> bool:
        """A sum of absolute errors jumps from kink to kink, which no step foresees."""
        return self.options.criterion == "squared"

    def __call__(self, losses: RunValues, weights: RunValues) -> Farseer:
        """The kernel's searches, then the chain at what they have found."""
        solution = solve(self.design, *jax.lax.stop_gradient((losses, weights)), self.options)
        at = exponents(solution, self.options)
        curves, evidence = self._join(self._own(losses, weights), at, _implicit.root)
        valid = jnp.isin(solution.outcome, jnp.asarray(Outcome.usable_codes()))
        valid &= jnp.all(evidence.holds)
        return self._law(jax.tree.map(lambda leaf: jnp.where(valid, leaf, jnp.nan), curves))

    def response(self, losses: RunValues, weights: RunValues) -> Response:
        """In two parts: through what joins the sizes, and through what each gives by itself."""
        now, pull_own = jax.vjp(self._own, losses, weights)
        join = jax.vjp(lambda own: self._join(own, self.found, _implicit.step), now, has_aux=True)
        curves, pull, evidence = join
        (by_own,) = jax.vmap(pull)(_unit_rows(curves))
        by_losses, by_weights = map(_curves, jax.vmap(pull_own)(by_own))
        return Response(
            law=self._law(curves),
            by_losses=self._law(by_losses, pivot=0.0),
            by_weights=self._law(by_weights, pivot=0.0),
            evidence=evidence,
        )

    def sensitivity(
        self, functions: Callable[[Law], Array], losses: RunValues, weights: RunValues
    ) -> Sensitivity:
        """One pull through the chain for each function, instead of one for each parameter."""

        def values(losses: Array) -> tuple[Array, tuple[Array, Evidence]]:
            own = self._own(losses, weights)
            curves, evidence = self._join(own, self.found, _implicit.step)
            return functions(self._law(curves)), (own.weight > 0, evidence)

        now, pull, (live, evidence) = jax.vjp(values, losses, has_aux=True)
        (by_losses,) = jax.vmap(pull)(jnp.eye(len(now), dtype=now.dtype))
        return Sensitivity(by_losses, (weights > 0) & live[self.row], evidence)

    def holds(self, evidence: Evidence) -> Array:
        """Whether every minimum has the derivative that its condition gives."""
        return jnp.all(evidence.holds)

    def without_each(self, losses: RunValues, weights: RunValues) -> Farseer:
        """What each size gives by itself exactly, then a Newton step of each search."""
        now = self._own(losses, weights)
        chain = Chain(self.design, now, self.options)

        def without(run: Array, row: Array) -> Curves:
            left = self._own(losses, weights.at[run].set(0.0), row)
            own = jax.tree.map(lambda all, mine: all.at[row].set(mine[0]), now, left)
            if self.options.rounds == "joint":
                return self._join(own, self.found, _implicit.step)[0]
            return step_each_search(chain.z, chain.log_D, own, self.found)

        return self._law(jax.vmap(without)(jnp.arange(len(self.row)), jnp.asarray(self.row)))

    def check(self, losses: np.ndarray, weights: np.ndarray, evidence: Evidence) -> None:
        """Refuse minima without a derivative."""
        del losses, weights
        if reason := why_not(evidence, self._names()):
            raise NoDerivativeError(reason)

    def _names(self) -> list[str]:
        num_rounds = len(self.found.data) // 2
        if self.options.rounds == "joint":
            return ["α", "β", "γ"]
        alphas = [f"α of round {k + 1}" for k in range(num_rounds)]
        return [*alphas, "β at the start", *(f"β of round {k + 1}" for k in range(num_rounds)), "γ"]

    def _own(self, losses: RunValues, weights: RunValues, row: Array | None = None) -> Own:
        """What all sizes give, or one of them, as an only size."""
        design = self.design
        if row is not None:
            mine: Any = {name: jnp.asarray(getattr(design, name))[row][None] for name in _PER_SIZE}
            design = design._replace(**mine)
        return own(design, losses, no_derivative_at_zero(weights), self.options.min_pairs)

    def _join(
        self, own: Own, at: Exponents, find: Callable[[Any, Array], Array]
    ) -> tuple[Curves, Evidence]:
        """The curves, their exponents expressed as a root; and what its conditions say."""
        chain = Chain(self.design, own, self.options)
        where = chain.standing(at)

        def conditions(exponents: Array) -> Array:
            return chain.conditions(where, _split(exponents))

        start = jax.lax.stop_gradient(jnp.concatenate(at))
        exponents = find(conditions, start)
        bend = jax.lax.stop_gradient(jnp.diag(jax.jacfwd(conditions)(start)))
        strict = jnp.concatenate([where.data.strict, where.size.strict])
        step = jax.lax.stop_gradient(exponents - start)
        return chain.curves(_split(exponents)), Evidence(step, bend, strict)

    def _law(self, curves: Curves, *, pivot: float = 1.0) -> Farseer:
        """The law of curves; of derivatives of curves, that of a constant pivot is 0."""
        like = curves.A.level
        N = pivot * jnp.exp(jnp.asarray(self.design.log_pivot, like.dtype))
        at = jnp.broadcast_to(N, like.shape)
        named = zip(curves._fields, curves, strict=True)
        return Farseer(**{name: StretchedExponential(*curve, at) for name, curve in named})


def refuse_grids(searches: Iterable[Search]) -> None:
    """Refuse exponents that were searched on a grid.

    Raises:
        NoDerivativeError: one was.
    """
    if any(isinstance(search, Grid) for search in searches):
        raise NoDerivativeError(
            "the exponents of a grid search jump from candidate to candidate, and have no "
            "derivative: take the method's own search, Piecewise(search=None), or a Refined(…)"
        )


def why_not(evidence: Evidence, names: list[str]) -> str | None:
    """Why a fit has no derivative: a sentence that names a search, or None."""
    bad = np.flatnonzero(~evidence.holds)
    if not len(bad):
        return None
    first = bad[0]
    if not evidence.strict[first]:
        reason = (
            "ended at a bound of its search, or on a kink of the criterion, which small "
            "changes of the losses would make it leave"
        )
    elif evidence.bend[first] <= 0:
        reason = "has no minimum where its search ended: the objective does not bend upwards"
    else:
        reason = (
            f"ended {abs(evidence.step[first]):.1e} from its minimum: its search cannot vouch "
            "for more"
        )
    return (
        f"the fit has no derivative: {names[first]} {reason}. Widen the search, as in "
        "Piecewise(search=Refined(-1.0, 1.0)), or take the squared criterion"
    )


def build_refit(
    options: "Piecewise",
    design: Design,
    runs_N: np.ndarray,
    law: Farseer,
    found: Diagnostics | None,
) -> PiecewiseRefit:
    """The function that gave a fit, or, without diagnostics, that gives a law back from its losses.

    Where nothing was found, the losses lie on the law: every search of every round then ends at
    the law's own exponent, whatever runs have weight.

    Raises:
        NoDerivativeError: an exponent was searched on a grid, or both jointly by absolute errors.
    """
    refuse_grids(options.searches(Farseer))
    joint = options.rounds == "joint"
    if joint and options.criterion == "relative":
        raise NoDerivativeError(
            'the joint minimum by the relative criterion (rounds="joint") lies where two errors '
            "vanish, and has no derivative here: take rounds=2, or the squared criterion"
        )
    at = (
        _found_by_law(options, law)
        if found is None
        else _found(found, float(law.U.exponent), joint)
    )
    return PiecewiseRefit(design, np.searchsorted(design.N, runs_N), at, options)


def _found(found: Diagnostics, gamma: float, joint: bool) -> Exponents:
    alpha = found.round_alpha if joint else found.round_alpha[1:]
    return _in_numpy(np.concatenate([alpha, found.round_beta]), gamma)


def _found_by_law(options: "Piecewise", law: Farseer) -> Exponents:
    """On losses of the law itself every search of every round ends at its exponents."""
    num_alpha = options.rounds if isinstance(options.rounds, int) else 1
    num_beta = num_alpha + (options.rounds != "joint")
    alpha, beta = (
        np.full(n, float(c.exponent)) for n, c in ((num_alpha, law.A), (num_beta, law.B))
    )
    return _in_numpy(np.concatenate([alpha, beta]), float(law.U.exponent))


def _in_numpy(data: np.ndarray, gamma: float) -> Exponents:
    new: Any = Exponents  # jit takes NumPy arrays as well
    return new(data, np.array([gamma]))


def exponents(solution: PiecewiseSolution, options: "Piecewise") -> Exponents:
    """Where the kernel's searches have ended."""
    rounds = solution.data_term.rounds
    alpha = rounds.alpha if options.rounds == "joint" else rounds.alpha[1:]
    gamma = solution.size_term.U.exponent
    return Exponents(jnp.concatenate([alpha, rounds.beta]), gamma[None])


def _split(values: Array) -> Exponents:
    return Exponents(values[:-1], values[-1:])


def _unit_rows(curves: Curves) -> Curves:
    """One cotangent for each number of the curves, leaves ``(parameter,)``."""
    leaves, tree = jax.tree.flatten(curves)
    return jax.tree.unflatten(tree, jnp.eye(len(leaves), dtype=leaves[0].dtype))


def _curves(derivatives: Array) -> Curves:
    """Of derivatives ``(parameter, run)``, in the order of :func:`_unit_rows`."""
    return Curves(*(Curve(*derivatives[i : i + 3]) for i in (0, 3, 6)))
