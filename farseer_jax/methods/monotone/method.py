"""A method that projects another method's fits onto laws that decrease over a domain."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import Center, Law, require_N_and_D
from farseer_jax.laws.slopes import ROUNDING
from farseer_jax.link_functions import Link
from farseer_jax.methods.derivatives import Differentiable, NoDerivativeError, Refit
from farseer_jax.methods.method import Method, Solved, SolvedBatch
from farseer_jax.methods.monotone.problem import Problem, build_problem, largest_slopes
from farseer_jax.methods.monotone.projection import Projected, project
from farseer_jax.methods.monotone.report import MonotoneReport, averaged_errors
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.registry import METHODS
from farseer_jax.objectives import relative_error
from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.checks import Range, as_range
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import to_numpy
from farseer_jax.runtime.compiled import compiled
from farseer_jax.types import Array

_STACK = 64  # stacks are padded to multiples of so many laws, to share a compilation


class MonotoneDesign(NamedTuple):
    """Runs laid out for the method that fits, and for the projection."""

    law: type[Law]
    runs: Runs
    design: Any
    problem: Problem


@dataclass(frozen=True)
class MonotoneOver:
    """Another method's fits, projected onto laws whose loss decreases with N and D over a domain.

    A fit that rises in the domain is replaced by the nearest law of its kind that decreases there:
    nearest in the weighted root mean square of ln L at the fitted runs. A refit to the losses
    themselves would undo what a method does beside minimising, such as the two rounds of
    :class:`Piecewise`. A fit that does not rise is returned unchanged, to the last bit.

    The law is constrained on a grid of 16 × 16 points in ln N and ln D, and checked on one ten
    times as fine, with an allowance for the gaps between its points. A fit whose law cannot be
    projected ends as ``Outcome.not_monotone``, with the law that rises.

    Derivatives are those of the method where its fit does not rise; elsewhere there are none.

    Args:
        method: the method that fits.
        N: smallest and largest N of the domain.
        D: smallest and largest D of the domain.

    Raises:
        TypeError: ``method`` is not a method.
        ValueError: the domain is empty, or not positive and finite.

    Example:
        >>> from farseer_jax import Farseer, MonotoneOver, Piecewise, check_shape, example_runs, fit
        >>> domain = dict(N=(2e8, 1e13), D=(1e9, 1e15))
        >>> free = fit(Farseer, example_runs())
        >>> falling = fit(Farseer, example_runs(), MonotoneOver(Piecewise(), **domain))
        >>> check_shape(free, **domain).rises, check_shape(falling, **domain).rises
        (True, False)
    """

    name: ClassVar[str] = "monotone"

    method: Any
    N: Range
    D: Range

    def __post_init__(self) -> None:
        if isinstance(self.method, (type, MonotoneOver)) or not isinstance(self.method, Method):
            raise TypeError(
                f"method must be a fitting method such as `Piecewise()`, got {self.method!r}"
            )
        for name in ("N", "D"):
            object.__setattr__(self, name, as_range(name, getattr(self, name)))

    # AttributeError where the method that fits has no such attribute, as `fit_batch` expects.

    @property
    def block(self) -> int:
        """Refits in one call, of a method that uses all cores by itself."""
        return int(self.method.block)

    @property
    def cpu_block(self) -> int:
        """Refits in one call on a CPU."""
        return int(self.method.cpu_block)

    def describe(self, link: Link, *, decreases: bool = True) -> str:
        """A few words for reports; ``decreases`` is False where the projection failed."""
        own = self.method.describe(link) if hasattr(self.method, "describe") else ""
        ends = [" to ".join(map(quantity_text, pair)) for pair in (self.N, self.D)]
        how = f"{self.method.name}, {own}" if own else self.method.name
        not_ = "" if decreases else "not "
        return f"{how}, {not_}kept decreasing over N from {ends[0]} and D from {ends[1]}"

    def prepare(self, law: type[Law], runs: Runs) -> MonotoneDesign:
        """Lay the runs out; refuse what the method refuses."""
        design = self.method.prepare(law, runs)
        require_N_and_D(f"the {self.name} method", law)
        return MonotoneDesign(
            law, runs, design, build_problem(law, runs, self.method, (self.N, self.D))
        )

    def fit_one(self, design: MonotoneDesign, losses: np.ndarray, weights: np.ndarray) -> Solved:
        """Fit one set of losses and weights, and project the law, in float64."""
        solved: Solved = self.method.fit_one(design.design, losses, weights)
        stack = jax.tree.map(lambda leaf: np.asarray(leaf)[None], solved.law)
        laws, found = _projected(design, stack, weights[None])
        rose, decreases = bool(_rises(found.before)[0]), bool(_decreases(found.after)[0])
        law, errors = solved.law, solved.relative_error
        outcome = solved.outcome
        if not decreases and outcome.usable:
            outcome = Outcome.not_monotone
        projected = rose and decreases
        if projected:
            law = jax.tree.map(lambda leaf: leaf[0], laws)
            errors = averaged_errors(law, design.runs, losses, weights > 0)
        fitted = weights > 0
        N, D = design.runs.N[fitted], design.runs.D[fitted]
        change = relative_error(evaluate(law, N, D), evaluate(solved.law, N, D))
        report = MonotoneReport(
            method=self.method.name,
            found=solved.diagnostics,
            N=self.N,
            D=self.D,
            projected=projected,
            slopes_without=_pair(found.before[0]),
            slopes=_pair((found.after if decreases else found.before)[0]),
            error_without=float(solved.relative_error.mean()),
            error=float(errors.mean()),
            largest_move=float(change.max()),
        )
        return Solved(law, outcome, errors, report)

    def fit_block(
        self, design: MonotoneDesign, losses: np.ndarray, weights: np.ndarray
    ) -> SolvedBatch:
        """Fit stacks of losses and weights, ``(batch, run)``, and project each law."""
        solved: SolvedBatch = self.method.fit_block(design.design, losses, weights)
        laws, found = _projected(design, solved.law, weights)
        usable = np.isin(solved.outcome, Outcome.usable_codes())
        decreases = _decreases(found.after)
        projected, fails = usable & _rises(found.before) & decreases, usable & ~decreases
        law = jax.tree.map(lambda new, old: np.where(projected, new, old), laws, solved.law)
        errors = relative_error(evaluate(law, design.runs.N, design.runs.D), losses)
        fitted = weights > 0
        mean = (errors * fitted).sum(1) / np.maximum(fitted.sum(1), 1)
        return SolvedBatch(
            law=law,
            outcome=np.where(fails, Outcome.not_monotone.code, solved.outcome),
            mean_relative_error=np.where(projected, mean, solved.mean_relative_error),
        )

    def refit(self, design: MonotoneDesign, runs: Runs, law: Law, found: Any) -> Refit:
        """The fit as a function that JAX differentiates, where it is the method's own.

        Raises:
            NoDerivativeError: the law was projected, or the method has no derivatives.
        """
        method: Any = self.method
        if not isinstance(method, Differentiable):
            raise NoDerivativeError(
                f"the method {self.method.name!r} has no derivatives of its fits (no `refit`)"
            )
        projected = _touches(design, law) if found is None else found.projected
        if projected:
            raise NoDerivativeError(
                f"the fit by {self.method.name!r} rises in the domain and was projected onto laws "
                "that decrease there, which has no derivative here: differentiate the fit without "
                "`MonotoneOver` (monotone_over=), or over a smaller domain"
            )
        return method.refit(design.design, runs, law, None if found is None else found.found)

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        return {
            "name": self.name,
            "method": self.method.to_dict(),
            "N": list(self.N),
            "D": list(self.D),
        }

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "MonotoneOver":
        """The inverse of :meth:`to_dict`.

        Raises:
            ValueError: the method that fits is not one of the library's.
        """
        own = settings["method"]
        if own["name"] not in METHODS:
            raise ValueError(f"unknown method {own['name']!r}; choose from {list(METHODS)}")
        method = METHODS[own["name"]].from_dict(own)
        return cls(method, N=tuple(settings["N"]), D=tuple(settings["D"]))


@compiled(static=("kind",))
def _project(
    problem: Problem,
    vectors: Array,
    centers: Array,
    weights: Array,
    num: Array,
    kind: type[Law],
) -> Projected:
    """Project the first ``num`` of a stack of laws, one after another, each in its own steps."""

    def one(i: Array, found: Projected) -> Projected:
        new = project(kind, problem, vectors[i], centers[i], weights[i])
        return jax.tree.map(lambda all_, this: all_.at[i].set(this), found, new)

    nothing = jnp.full((len(vectors), 2), jnp.nan, vectors.dtype)
    return jax.lax.fori_loop(0, num, one, Projected(vectors, nothing, nothing))


@compiled(static=("kind",))
def _largest(problem: Problem, vector: Array, center: Array, kind: type[Law]) -> Array:
    return largest_slopes(kind.from_vector(vector, Center(*center)), problem)


def _projected(design: MonotoneDesign, laws: Law, weights: np.ndarray) -> tuple[Law, Any]:
    """The projections of a stack of laws, leaves ``(batch,)``, and their slopes."""
    kind = design.law
    with jax.enable_x64(True):
        vectors = jnp.moveaxis(jnp.asarray(laws.to_vector(), dtype=np.float64), 0, -1)
        centers = _centers(design, laws, len(weights))
        num, rows = len(weights), -len(weights) % _STACK
        stacks = (np.pad(x, ((0, rows), (0, 0)), mode="edge") for x in (vectors, centers))
        runs = len(design.problem.N) - weights.shape[1]
        weights = np.pad(weights, ((0, rows), (0, runs)))  # padding has no weight
        found = _project(design.problem, *stacks, weights, num, kind=kind)
        found = jax.tree.map(lambda values: values[:num], found)
        built = jax.vmap(lambda v, c: kind.from_vector(v, Center(*c)))(found.vector, centers)
        found = to_numpy(found)
        rose = _rises(found.before)
        laws = jax.tree.map(lambda new, old: np.where(rose, new, old), built, laws)
    return laws, found


def _centers(design: MonotoneDesign, laws: Law, num: int) -> Array:
    """The centre of each law's parameters, ``(batch, 2)``: for Farseer's N, its own pivot."""
    center = Center.of(design.runs)
    N = np.asarray(laws.U.pivot) if isinstance(laws, Farseer) else np.full(num, center.N)
    return jnp.stack([jnp.asarray(N), jnp.full(num, center.D)], axis=1)


def _touches(design: MonotoneDesign, law: Law) -> bool:
    """Whether a law rises, or lies where projections end."""
    stack = jax.tree.map(lambda leaf: np.asarray(leaf)[None], law)
    with jax.enable_x64(True):
        (center,) = _centers(design, stack, 1)
        vector = jnp.asarray(law.to_vector())
        largest = np.asarray(_largest(design.problem, vector, center, kind=design.law))
    return bool(largest[0] > -1e-5)


def _rises(largest: np.ndarray) -> np.ndarray:
    return np.any(largest > ROUNDING, axis=-1)


def _decreases(largest: np.ndarray) -> np.ndarray:
    """False where a slope is NaN."""
    return np.all(largest <= ROUNDING, axis=-1)


def _pair(largest: np.ndarray) -> tuple[float, float]:
    return float(largest[0]), float(largest[1])
