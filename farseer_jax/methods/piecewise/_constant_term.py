"""Stage 2 for Chinchilla: one exponent β and one coefficient B for the pairs of all sizes."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax._linear import safe_divide
from farseer_jax._search import Search, Shape
from farseer_jax._types import Array, Candidates, PerSizeCandidate, Scalar
from farseer_jax.methods.piecewise._differences import Differences
from farseer_jax.methods.piecewise._pair_error import UNROLL, Criterion, error, total
from farseer_jax.methods.piecewise._stage2 import Round


class ConstantTerm(NamedTuple):
    """``B · D^−β``, and how its search ended.

    Attributes:
        log_B: ``ln B``.
        beta: β.
        rounds: the one search, with a leading axis of 1; it has no α.
    """

    log_B: Scalar
    beta: Scalar
    rounds: Round


def fit_constant_term(pairs: Differences, criterion: Criterion, search: Search) -> ConstantTerm:
    """Search β over the global residual ℓ_R of ``R̃ = B · S``, ``S = D0^−β − D1^−β``.

    For each candidate B is the least-squares line of R through the origin, under either criterion:
    as in the curves of Stage 2, the criterion compares candidates and no more.
    """
    centre = jnp.mean(pairs.log_D)  # D in units of it: terms of order 1, B of the size of R
    pairs = pairs._replace(log_D=pairs.log_D - centre)
    sum_R2 = jnp.sum(pairs.weight * pairs.R**2)

    def objective(exponents: Candidates) -> Candidates:
        sum_SR, sum_S2 = _moments(pairs, exponents)
        B = safe_divide(sum_SR, sum_S2)
        if criterion == "squared":  # what B leaves, without another walk
            return sum_R2 - B * sum_SR
        return _pair_error(pairs, exponents, B, criterion)

    # the profile has poles where ΣS² is 0, at complex β: a second look is far from them
    shape: Shape = "locally smooth" if criterion == "squared" else "kinked"
    beta = search.minimise(objective, shape, centre.dtype)
    B = safe_divide(*_moments(pairs, beta.exponent[None]))
    trace = Round(
        alpha=jnp.full_like(beta.exponent, jnp.nan)[None],
        beta=beta.exponent[None],
        pair_error=_pair_error(pairs, beta.exponent[None], B, criterion),
        at_edge=beta.at_edge[None],
        resolved=beta.resolved[None],
    )
    return ConstantTerm(
        log_B=jnp.log(jnp.where(B > 0, B, 1.0))[0] + beta.exponent * centre,
        beta=beta.exponent,
        rounds=trace,
    )


def _pair_error(
    pairs: Differences, exponents: Candidates, B: Candidates, criterion: Criterion
) -> Candidates:
    """ℓ_R of candidate exponents and their coefficients."""

    def errors(S: PerSizeCandidate, R: Array) -> Array:
        return error(B * S, R, criterion)[None]

    return total(_sum_over_pairs(pairs, exponents, errors, 1)[0], pairs, criterion)


def _moments(pairs: Differences, exponents: Candidates) -> Array:
    """``ΣSR`` and ``ΣS²``, ``(2, candidate)``."""

    def products(S: PerSizeCandidate, R: Array) -> Array:
        return jnp.stack([S * R, S**2])

    return _sum_over_pairs(pairs, exponents, products, 2)


def _sum_over_pairs(
    pairs: Differences,
    exponents: Candidates,
    contribution: Callable[[PerSizeCandidate, Array], Array],
    num: int,
) -> Array:
    """Weighted sums of contributions ``(num, size, candidate)``: ``(num, candidate)``.

    One exponential per slot and candidate, and a walk along D, as in :func:`pair_error`.
    """

    def term(log_D: Array) -> PerSizeCandidate:
        return jnp.exp(-exponents * log_D[:, None])

    def add_pair(
        state: tuple[Array, PerSizeCandidate], slot: tuple[Array, Array, Array]
    ) -> tuple[tuple[Array, PerSizeCandidate], None]:
        sums, last = state
        log_D, R, weight = slot
        current = term(log_D)
        sums += weight[:, None] * contribution(last - current, R[:, None])
        return (sums, current), None

    first = term(pairs.log_D[:, 0])
    slots = (pairs.log_D[:, 1:].T, pairs.R.T, pairs.weight.T)
    start = (jnp.zeros((num, *first.shape), first.dtype), first)
    (sums, _), _ = jax.lax.scan(add_pair, start, slots, unroll=UNROLL)
    return jnp.sum(sums, axis=1)
