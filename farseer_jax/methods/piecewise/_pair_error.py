"""The global residual ℓ_R of the differences (paper Algorithm 2, line 9), per candidate curve."""

from typing import Literal, get_args

import jax
import jax.numpy as jnp

from farseer_jax._linear import safe_divide
from farseer_jax._types import Array, Candidates, PerSizeCandidate
from farseer_jax.methods.piecewise._differences import Differences

Criterion = Literal["squared", "relative"]
CRITERIA: tuple[str, ...] = get_args(Criterion)

# A loop turn costs as much as 2,000 exponentials. Few candidates: no loop at all (a third faster
# on a CPU). Many: 4 slots a turn keep the candidates' sums in cache (15 % faster than all slots).
_MANY_CANDIDATES = 256
_UNROLL_FEW, _UNROLL_MANY = 32, 4


def error(predicted: Array, observed: Array, criterion: Criterion) -> Array:
    """One difference's share of ℓ_R: squared (the paper), or relative (the authors' code)."""
    if criterion == "squared":
        return (predicted - observed) ** 2
    return jnp.abs(predicted / observed - 1.0)


def total(sums: Array, pairs: Differences, criterion: Criterion) -> Array:
    """ℓ_R from the weighted sum of errors: the sum (squared) or the mean (relative)."""
    return sums if criterion == "squared" else safe_divide(sums, jnp.sum(pairs.weight))


def pair_error(
    log_B: PerSizeCandidate, A: PerSizeCandidate, pairs: Differences, criterion: Criterion
) -> Candidates:
    """ℓ_R for candidate exponents A(N), shape ``(size, candidate)``, with B(N) held or varied.

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
    unroll = _UNROLL_MANY if A.shape[-1] > _MANY_CANDIDATES else _UNROLL_FEW
    unroll = min(unroll, pairs.R.shape[1])
    (sums, _), _ = jax.lax.scan(add_pair, (jnp.zeros_like(first), first), slots, unroll=unroll)
    return total(jnp.sum(sums, axis=0), pairs, criterion)


def coefficient_error(
    log_B: PerSizeCandidate, A: Array, pairs: Differences, criterion: Criterion
) -> Candidates:
    """ℓ_R for candidate coefficients B(N), shape ``(size, candidate)``, at held A, ``(size,)``.

    With A held, a predicted difference is ``B · S`` with ``S = D0^−A − D1^−A`` free of the
    candidate: no exponential per slot. The squared error then splits exactly, size by size, into
    the error of the size's own best B and ``ΣS² · (B − B_best)²``.
    """
    # D in units of each size's geometric mean D: D^−A of order 1, also in float32
    centre = jnp.mean(pairs.log_D, axis=1)
    power = jnp.exp(-A[:, None] * (pairs.log_D - centre[:, None]))
    S = power[:, :-1] - power[:, 1:]
    B = jnp.exp(log_B - (A * centre)[:, None])
    if criterion == "squared":
        sum_S2 = jnp.sum(pairs.weight * S**2, axis=1)
        best_B = safe_divide(jnp.sum(pairs.weight * S * pairs.R, axis=1), sum_S2)
        own = jnp.sum(pairs.weight * error(best_B[:, None] * S, pairs.R, criterion))
        return own + jnp.sum(sum_S2[:, None] * (B - best_B[:, None]) ** 2, axis=0)
    predicted = B[:, None, :] * S[:, :, None]
    errors = error(predicted, pairs.R[:, :, None], criterion)
    return total(jnp.sum(pairs.weight[:, :, None] * errors, axis=(0, 1)), pairs, criterion)
