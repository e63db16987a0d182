"""Stage 2: the curves A(N) and B(N) (paper Algorithm 2, lines 7–14).

For each candidate exponent the line through ln A_N (or ln B_N) on h(z; p) is re-fitted in closed
form, and the candidate with the smallest global residual ℓ_R over all pairs wins. β is searched
first, with the A_N of Stage 1 as they are; then rounds of α with β fixed, β with α fixed.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.laws.catalogue.stretched_exponential import box_cox
from farseer_jax.methods.piecewise.error_moments import (
    ErrorMoments,
    error_moments,
    moments_error,
)
from farseer_jax.methods.piecewise.pair_error import (
    Criterion,
    coefficient_error,
    coefficient_terms,
    pair_error,
    shape_of,
    squared_error,
)
from farseer_jax.methods.piecewise.stage1 import Differences, SizeEstimates
from farseer_jax.solvers.linear_regression import LinePoints, fit_line, line_points
from farseer_jax.solvers.search import Look, Minimum, Search, Shape
from farseer_jax.types import Array, Candidates, Flag, PerSizeCandidate, Scalar, Sizes


class Curve(NamedTuple):
    """``ln f = level + slope · h(z; exponent)``."""

    level: Scalar
    slope: Scalar
    exponent: Scalar


class Round(NamedTuple):
    """How a round ended, or with a leading axis how each of several did.

    Attributes:
        alpha: α, NaN before the first search of it.
        beta: β.
        pair_error: ℓ_R.
        at_edge: α or β ended at a bound of its search.
        resolved: the searches converged.
    """

    alpha: Array
    beta: Array
    pair_error: Array
    at_edge: Array
    resolved: Array


class DataTerm(NamedTuple):
    """Curves A(N) and B(N) and how they were found.

    Attributes:
        A: curve of the exponent of D.
        B: curve of the coefficient.
        rounds: the start (β alone) and each round; the joint minimum is one round.
    """

    A: Curve
    B: Curve
    rounds: Round


class _Prepared(NamedTuple):
    """What the searches of all rounds share where their candidates are known beforehand.

    Attributes:
        look: the candidates, the same for α and β.
        moments: ℓ_R at candidates α.
        ratio: B(N) of candidates β, in units of Stage 1's.
    """

    look: Look
    moments: ErrorMoments
    ratio: PerSizeCandidate


class _Problem(NamedTuple):
    """What all searches of Stage 2 share; closed over, never passed through a transformation."""

    z: Sizes
    sizes: SizeEstimates
    A_points: LinePoints
    B_points: LinePoints
    pairs: Differences
    criterion: Criterion
    search: Search
    falling_B: bool
    prepared: _Prepared | None = None


def fit_curve(z: Sizes, points: LinePoints, exponent: Scalar) -> Curve:
    """Least-squares line through ``ln f`` on ``h(z; exponent)``."""
    line = fit_line(points, box_cox(z, exponent))
    return Curve(line.intercept, line.slope, exponent)


def evaluate(curve: Curve, z: Sizes) -> Sizes:
    """``ln f`` at the sizes."""
    return curve.level + curve.slope * box_cox(z, curve.exponent)


def candidate_lines(
    z: Sizes, points: LinePoints, exponents: Candidates
) -> tuple[PerSizeCandidate, Candidates]:
    """``ln f`` of each candidate's line at the sizes, and the lines' slopes."""
    h = box_cox(z[:, None], exponents.reshape(-1, *z.shape[1:]))
    between = points._replace(weights=points.weights[:, None], pull=points.pull[:, None])
    line = fit_line(between, h)
    return line(h), line.slope


def fit_data_term(
    z: Sizes,
    sizes: SizeEstimates,
    pairs: Differences,
    *,
    criterion: Criterion,
    search: Search,
    rounds: int | None,
    falling_B: bool,
    num_rounds: Array | int | None = None,
) -> DataTerm:
    """Run Stage 2; ``rounds=None`` takes the joint minimum over α and β instead of rounds.

    Of ``num_rounds``, where it is given, only so many rounds are run; those after them repeat the
    last: one compiled kernel serves all numbers of rounds up to ``rounds``.
    """
    A_points = line_points(sizes.log_A, sizes.weight)
    B_points = line_points(sizes.log_B, sizes.weight)
    problem = _Problem(z, sizes, A_points, B_points, pairs, criterion, search, falling_B)
    if rounds is not None:
        return _rounds(problem._replace(prepared=_prepare(problem)), rounds, num_rounds)
    trace = jax.tree.map(lambda value: value[None], _joint_minimum(problem))
    return DataTerm(
        A=fit_curve(z, A_points, trace.alpha[-1]),
        B=fit_curve(z, B_points, trace.beta[-1]),
        rounds=trace,
    )


def _prepare(problem: _Problem) -> _Prepared | None:
    """None where the criterion or the search leave nothing to prepare."""
    look = problem.search.look(shape_of(problem.criterion), problem.z.dtype)
    if look is None or problem.falling_B:
        return None
    sizes = problem.sizes
    log_A, _ = candidate_lines(problem.z, problem.A_points, look.candidates)
    log_B, _ = candidate_lines(problem.z, problem.B_points, look.candidates)
    return _Prepared(
        look,
        error_moments(log_A, log_B, problem.pairs),
        jnp.exp(log_B - sizes.log_B[:, None]),
    )


def _rounds(problem: _Problem, rounds: int, num_rounds: Array | int | None) -> DataTerm:
    """β with the A_N as they are, then α and β in turn; one loop body, compiled once."""
    A_points, B_points = problem.A_points, problem.B_points  # their weights are the same

    def search(logs: tuple[Sizes, Sizes], index: Array) -> tuple[tuple[Sizes, Sizes], Any]:
        if num_rounds is None:
            return searched(logs, index)
        return jax.lax.cond(index <= 2 * num_rounds, searched, skipped, logs, index)

    def searched(logs: tuple[Sizes, Sizes], index: Array) -> tuple[tuple[Sizes, Sizes], Any]:
        is_beta = index % 2 == 0
        found = _search(problem, is_beta, *logs)
        points = B_points._replace(
            mean=jnp.where(is_beta, B_points.mean, A_points.mean),
            pull=jnp.where(is_beta, B_points.pull, A_points.pull),
        )
        curve = fit_curve(problem.z, points, found.exponent)
        values, (log_A, log_B) = evaluate(curve, problem.z), logs
        logs = jnp.where(is_beta, log_A, values), jnp.where(is_beta, values, log_B)
        return logs, (found, curve)

    def skipped(logs: tuple[Sizes, Sizes], index: Array) -> tuple[tuple[Sizes, Sizes], Any]:
        nothing = jax.eval_shape(searched, logs, index)[1]
        return logs, jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), nothing)

    start = problem.sizes.log_A, problem.sizes.log_B
    _, (found, curves) = jax.lax.scan(search, start, jnp.arange(2 * rounds + 1))
    if num_rounds is not None:
        index = jnp.arange(2 * rounds + 1)
        run = jnp.minimum(index, 2 * num_rounds - index % 2)
        found, curves = jax.tree.map(lambda values: values[run], (found, curves))
    beta = jax.tree.map(lambda value: value[0::2], found)
    alpha = jax.tree.map(lambda value: value[1::2], found)

    def after(first: Any, value: Array) -> Array:  # the start has no α
        return jnp.concatenate([jnp.full_like(value[:1], first), value])

    return DataTerm(
        A=Curve(*(value[-2] for value in curves)),
        B=Curve(*(value[-1] for value in curves)),
        rounds=_round(Minimum(*map(after, (jnp.nan, jnp.nan, False, True), alpha)), beta),
    )


def _round(alpha: Minimum, beta: Minimum) -> Round:
    return Round(
        alpha=alpha.exponent,
        beta=beta.exponent,
        pair_error=beta.value,
        at_edge=alpha.at_edge | beta.at_edge,
        resolved=alpha.resolved & beta.resolved,
    )


def _A_at(problem: _Problem, alpha: Scalar) -> Sizes:
    return jnp.exp(evaluate(fit_curve(problem.z, problem.A_points, alpha), problem.z))


def _search(problem: _Problem, is_beta: Flag, log_A: Sizes, log_B: Sizes) -> Minimum:
    """A search of β beside A(N), or of α beside B(N)."""
    known = problem.prepared

    def of_beta() -> Any:
        A = jnp.exp(log_A)
        return _search_beta(problem, A) if known is None else _errors_of_beta(problem, A, known)

    def of_alpha() -> Any:
        return _search_alpha(problem, log_B) if known is None else _errors_of_alpha(log_B, known)

    found = jax.lax.cond(is_beta, of_beta, of_alpha)
    return found if known is None else known.look.pick(found)


def _errors_of_alpha(log_B: Sizes, known: _Prepared) -> Candidates:
    """ℓ_R at the candidates that are known beforehand."""
    return moments_error(log_B, known.moments)


def _errors_of_beta(problem: _Problem, A: Sizes, known: _Prepared) -> Candidates:
    """Likewise."""
    terms = coefficient_terms(A, problem.pairs)
    own_B = jnp.exp(problem.sizes.log_B + terms.log_scale)
    return squared_error(own_B[:, None] * known.ratio, terms)


def _search_alpha(problem: _Problem, log_B: Sizes) -> Minimum:
    z, pairs = problem.z, problem.pairs

    def objective(exponents: Candidates) -> Candidates:
        log_A, _ = candidate_lines(z, problem.A_points, exponents)
        return pair_error(log_B[:, None], jnp.exp(log_A), pairs, problem.criterion)

    return problem.search.minimise(objective, shape_of(problem.criterion), z.dtype)


def _search_beta(problem: _Problem, A: Sizes) -> Minimum:
    terms = coefficient_terms(A, problem.pairs)

    def objective(exponents: Candidates) -> Candidates:
        log_B, slope = candidate_lines(problem.z, problem.B_points, exponents)
        errors = coefficient_error(log_B, terms, problem.pairs, problem.criterion)
        allowed = (exponents < 0) & (slope < 0) if problem.falling_B else True
        return jnp.where(allowed, errors, jnp.inf)

    shape = "kinked" if problem.falling_B else shape_of(problem.criterion)
    return problem.search.minimise(objective, shape, problem.z.dtype)


def _joint_minimum(problem: _Problem) -> Round:
    """Best (α, β): a search of α over the profile that a search of β leaves."""

    def best_beta(alpha: Scalar) -> Minimum:
        return _search_beta(problem, _A_at(problem, alpha))

    def profile(exponents: Candidates) -> Candidates:
        return jax.lax.map(lambda alpha: best_beta(alpha).value, exponents)

    # where β meets a bound, the profile has a kink
    smooth = problem.criterion == "squared" and not problem.falling_B
    shape: Shape = "locally smooth" if smooth else "kinked"
    alpha = problem.search.minimise(profile, shape, problem.z.dtype)
    return _round(alpha, best_beta(alpha.exponent))
