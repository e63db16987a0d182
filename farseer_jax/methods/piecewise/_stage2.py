"""Stage 2: the curves A(N) and B(N) (paper Algorithm 2, lines 7–14).

For each candidate exponent the line through ln A_N (or ln B_N) on h(z; p) is re-fitted in closed
form, and the candidate with the smallest global residual ℓ_R over all pairs wins. β is searched
first, with the A_N of Stage 1 as they are; then rounds of α with β held, β with α held.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax._curve import box_cox
from farseer_jax._linear import weighted_line
from farseer_jax._search import Minimum, Search
from farseer_jax._types import Array, Candidates, Flag, PerSizeCandidate, Scalar, Sizes
from farseer_jax.methods.piecewise._differences import Differences
from farseer_jax.methods.piecewise._pair_error import Criterion, coefficient_error, pair_error
from farseer_jax.methods.piecewise._stage1 import SizeEstimates


class Curve(NamedTuple):
    """``ln f = level + slope · h(z; exponent)``."""

    level: Scalar
    slope: Scalar
    exponent: Scalar


class Round(NamedTuple):
    """Exponents and ℓ_R after a round, or after each of several."""

    alpha: Array
    beta: Array
    pair_error: Array


class DataTerm(NamedTuple):
    """Curves A(N) and B(N) and how they were found.

    Attributes:
        A: curve of the exponent of D.
        B: curve of the coefficient.
        A_at_edge: α ended at a bound of its search.
        B_at_edge: β ended at a bound of its search.
        trace: α (NaN at the start), β and ℓ_R after the start and each round.
    """

    A: Curve
    B: Curve
    A_at_edge: Flag
    B_at_edge: Flag
    trace: Round


class _Problem(NamedTuple):
    z: Sizes
    sizes: SizeEstimates
    pairs: Differences


def fit_curve(z: Sizes, log_values: Sizes, weights: Sizes, exponent: Scalar) -> Curve:
    """Least-squares line through ``ln f`` on ``h(z; exponent)``."""
    level, slope = weighted_line(box_cox(z, exponent), log_values, weights, axis=0)
    return Curve(level, slope, exponent)


def evaluate(curve: Curve, z: Sizes) -> Sizes:
    """``ln f`` at the sizes."""
    return curve.level + curve.slope * box_cox(z, curve.exponent)


def candidate_lines(
    z: Sizes, log_values: Sizes, weights: Sizes, exponents: Candidates
) -> tuple[PerSizeCandidate, Candidates]:
    """``ln f`` of each candidate's line at the sizes, and the lines' slopes."""
    h = box_cox(z[:, None], exponents)
    level, slope = weighted_line(h, log_values[:, None], weights[:, None], axis=0)
    return level + slope * h, slope


def fit_data_term(
    z: Sizes,
    sizes: SizeEstimates,
    pairs: Differences,
    *,
    criterion: Criterion,
    search: Search,
    rounds: int | None,
    falling_B: bool,
) -> DataTerm:
    """Run Stage 2; ``rounds=None`` takes the joint minimum over α and β instead of rounds."""
    problem = _Problem(z, sizes, pairs)
    options = (criterion, search, falling_B)
    if rounds is None:
        alpha, beta = _joint_minimum(problem, *options)
        trace = Round(alpha.exponent[None], beta.exponent[None], beta.value[None])
    else:
        alpha, beta, trace = _rounds(problem, rounds, *options)
    return DataTerm(
        A=fit_curve(z, sizes.log_A, sizes.weight, alpha.exponent),
        B=fit_curve(z, sizes.log_B, sizes.weight, beta.exponent),
        A_at_edge=alpha.at_edge,
        B_at_edge=beta.at_edge,
        trace=trace,
    )


def _rounds(
    problem: _Problem, num_rounds: int, criterion: Criterion, search: Search, falling_B: bool
) -> tuple[Minimum, Minimum, Round]:
    """β with the A_N as they are, then α and β in turn; one loop body, compiled once."""
    sizes = problem.sizes

    def from_stage_1(_: Scalar) -> tuple[Minimum, Sizes]:
        nothing = jnp.full_like(sizes.log_A[0], jnp.nan)
        return Minimum(nothing, nothing, jnp.asarray(False)), jnp.exp(sizes.log_A)

    def from_search(beta: Scalar) -> tuple[Minimum, Sizes]:
        alpha = _search_alpha(problem, beta, criterion, search)
        return alpha, jnp.exp(_line_of_A(problem, alpha.exponent))

    def one_round(
        state: tuple[Minimum, Minimum], index: Array
    ) -> tuple[tuple[Minimum, Minimum], Round]:
        beta = state[1].exponent
        alpha, A = jax.lax.cond(index == 0, from_stage_1, from_search, beta)
        new_beta = _search_beta(problem, A, criterion, search, falling_B)
        return (alpha, new_beta), Round(alpha.exponent, new_beta.exponent, new_beta.value)

    zero = jnp.zeros_like(sizes.log_A[0])
    start = Minimum(zero, zero, jnp.asarray(False))
    (alpha, beta), trace = jax.lax.scan(one_round, (start, start), jnp.arange(num_rounds + 1))
    return alpha, beta, trace


def _line_of_A(problem: _Problem, alpha: Scalar) -> Sizes:
    curve = fit_curve(problem.z, problem.sizes.log_A, problem.sizes.weight, alpha)
    return evaluate(curve, problem.z)


def _search_alpha(problem: _Problem, beta: Scalar, criterion: Criterion, search: Search) -> Minimum:
    z, sizes, pairs = problem
    log_B = evaluate(fit_curve(z, sizes.log_B, sizes.weight, beta), z)

    def objective(exponents: Candidates) -> Candidates:
        log_A, _ = candidate_lines(z, sizes.log_A, sizes.weight, exponents)
        return pair_error(log_B[:, None], jnp.exp(log_A), pairs, criterion)

    return search.minimise(objective, smooth=criterion == "squared")


def _search_beta(
    problem: _Problem, A: Sizes, criterion: Criterion, search: Search, falling_B: bool
) -> Minimum:
    z, sizes, pairs = problem

    def objective(exponents: Candidates) -> Candidates:
        log_B, slope = candidate_lines(z, sizes.log_B, sizes.weight, exponents)
        errors = coefficient_error(log_B, A, pairs, criterion)
        allowed = (exponents < 0) & (slope < 0) if falling_B else True
        return jnp.where(allowed, errors, jnp.inf)

    return search.minimise(objective, smooth=criterion == "squared" and not falling_B)


def _joint_minimum(
    problem: _Problem, criterion: Criterion, search: Search, falling_B: bool
) -> tuple[Minimum, Minimum]:
    """Best (α, β): a search of α over the profile that a search of β leaves."""

    def best_beta(alpha: Scalar) -> Minimum:
        A = jnp.exp(_line_of_A(problem, alpha))
        return _search_beta(problem, A, criterion, search, falling_B)

    def profile(exponents: Candidates) -> Candidates:
        return jax.lax.map(lambda alpha: best_beta(alpha).value, exponents)

    alpha = search.minimise(profile, smooth=criterion == "squared" and not falling_B)
    return alpha, best_beta(alpha.exponent)
