"""The global residual ℓ_R of the differences (paper Algorithm 2, line 9), per candidate curve."""

from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp

from farseer_jax.methods.piecewise.stage1 import Differences
from farseer_jax.solvers.linear_regression import safe_divide
from farseer_jax.solvers.search import Shape
from farseer_jax.types import Array, Candidates, Pairs, PerSizeCandidate, Sizes

Criterion = Literal["squared", "relative"]
CRITERIA: tuple[str, ...] = get_args(Criterion)

# Slots per turn of the loop: 15 % faster on a CPU than one or all, for 32 candidates or 10,000.
UNROLL = 4


def error(predicted: Array, observed: Array, criterion: Criterion) -> Array:
    """One difference's share of ℓ_R: squared (the paper), or relative (the authors' code)."""
    if criterion == "squared":
        return (predicted - observed) ** 2
    return jnp.abs(predicted / observed - 1.0)


def shape_of(criterion: Criterion) -> Shape:
    """The shape of ℓ_R as a function of an exponent."""
    return "smooth" if criterion == "squared" else "kinked"


def total(sums: Array, pairs: Differences, criterion: Criterion) -> Array:
    """ℓ_R from the weighted sum of errors: the sum (squared) or the mean (relative)."""
    return sums if criterion == "squared" else safe_divide(sums, jnp.sum(pairs.weight))


def pair_error(
    log_B: PerSizeCandidate, A: PerSizeCandidate, pairs: Differences, criterion: Criterion
) -> Candidates:
    """ℓ_R for candidate exponents A(N), shape ``(size, candidate)``, with B(N) fixed or varied.

    One exponential per slot and candidate: a pair shares its runs with its neighbours. The scan
    walks along D and keeps only the last slot's term, so that memory is ``size × candidate`` and
    every step is one fused elementwise loop over all candidates.
    """

    def term(log_D: Array) -> PerSizeCandidate:
        return jnp.exp(log_B - A * log_D[:, None])

    def add_pair(
        state: tuple[PerSizeCandidate, PerSizeCandidate], slot: tuple[Array, Array, Array]
    ) -> tuple[tuple[PerSizeCandidate, PerSizeCandidate], None]:
        sums, last = state
        log_D, R, weight = slot
        current = term(log_D)
        sums += weight[:, None] * error(last - current, R[:, None], criterion)
        return (sums, current), None

    first = term(pairs.log_D[:, 0])
    slots = (pairs.log_D[:, 1:].T, pairs.R.T, pairs.weight.T)
    (sums, _), _ = jax.lax.scan(add_pair, (jnp.zeros_like(first), first), slots, unroll=UNROLL)
    return total(jnp.sum(sums, axis=0), pairs, criterion)


class CoefficientTerms(NamedTuple):
    """With A fixed, a predicted difference is ``B · S``, where S does not depend on the candidate.

    Attributes:
        S: ``D0^−A − D1^−A`` with D in units of the size's geometric mean, of order 1.
        log_scale: ``ln`` of that unit's ``D^−A``.
        sum_S2: weighted sum of S² of each size.
        best: the size's own best coefficient, least squares.
        own_error: squared error that the size's own best coefficient leaves.
    """

    S: Pairs
    log_scale: Sizes
    sum_S2: Sizes
    best: Sizes
    own_error: Sizes


def coefficient_terms(A: Sizes, pairs: Differences) -> CoefficientTerms:
    """The parts of ℓ_R that do not depend on B(N)."""
    centre = jnp.mean(pairs.log_D, axis=1)
    log_D = pairs.log_D - centre[:, None]
    # twice the exponentials, but in loops of whole vectors, which slices of one result are not
    S = jnp.exp(-A[:, None] * log_D[:, :-1]) - jnp.exp(-A[:, None] * log_D[:, 1:])
    sum_S2 = jnp.sum(pairs.weight * S**2, axis=1)
    best = safe_divide(jnp.sum(pairs.weight * S * pairs.R, axis=1), sum_S2)
    own = jnp.sum(pairs.weight * error(best[:, None] * S, pairs.R, "squared"), axis=1)
    return CoefficientTerms(S, -A * centre, sum_S2, best, own)


def coefficient_error(
    log_B: PerSizeCandidate, terms: CoefficientTerms, pairs: Differences, criterion: Criterion
) -> Candidates:
    """ℓ_R for candidate coefficients B(N), shape ``(size, candidate)``, at fixed A.

    It needs no exponential per slot.
    """
    B = jnp.exp(log_B + terms.log_scale[:, None])
    if criterion == "squared":
        return squared_error(B, terms)
    errors = error(B[:, None, :] * terms.S[:, :, None], pairs.R[:, :, None], criterion)
    return total(jnp.sum(pairs.weight[:, :, None] * errors, axis=(0, 1)), pairs, criterion)


def squared_error(B: PerSizeCandidate, terms: CoefficientTerms) -> Candidates:
    """The squared ℓ_R for coefficients in the units of S.

    It splits exactly, size by size, into the error of the size's own best coefficient and
    ``ΣS² · (B − best)²``.
    """
    excess = terms.sum_S2[:, None] * (B - terms.best[:, None]) ** 2
    return jnp.sum(terms.own_error[:, None] + excess, axis=0)
