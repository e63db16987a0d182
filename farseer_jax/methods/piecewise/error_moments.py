"""The squared ℓ_R where all candidates α are known beforehand: prepared once for all rounds.

With A given, ℓ_R is a quadratic in each size's coefficient. About the middle candidate's, b₀, and
with T = D0^−A − D1^−A in units that make b₀ of order R,

    Σ w (b T − R)² = error + 2 (b − b₀) P + (b − b₀)² Q,
    error = Σ w (b₀ T − R)²,   P = Σ w (b₀ T − R) T,   Q = Σ w T².

These sums need all the exponentials of a search of α, and do not depend on β: every round uses
them. No digits cancel, because all candidates' curves B(N) are near each other; Stage 1's own B_N
of a size with few pairs may be far off.

In a batch the sums are interpolated: they are entire functions of A, which differs little between
the candidates of one size.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.polynomial import chebyshev

from farseer_jax.laws.catalogue.stretched_exponential import expm1_ratio
from farseer_jax.methods.piecewise.stage1 import Differences
from farseer_jax.solvers import chebyshev as _chebyshev
from farseer_jax.types import Array, Candidates, PerSizeCandidate, Sizes

_NUM_NODES = 12
_Sums = tuple[Array, Array, Array]


class ErrorMoments(NamedTuple):
    """ℓ_R at candidate exponents A(N), as a function of the coefficients B(N).

    Attributes:
        error: for the coefficients b₀, summed over sizes.
        P: half its derivative by the size's coefficient.
        Q: half its second derivative.
        b: b₀.
        own_log_B: its ``ln B``.
    """

    error: Candidates
    P: PerSizeCandidate
    Q: PerSizeCandidate
    b: Sizes
    own_log_B: Sizes


class _Size(NamedTuple):
    """The arguments of the sums, each with the axis of A last.

    Attributes:
        own_A: A of the middle candidate.
        b: b₀.
        centre: mean ``ln D``.
        log_D: ``ln D`` less the centre.
        R: as in the differences.
        weight: as in the differences.
    """

    own_A: Array
    b: Array
    centre: Array
    log_D: Array
    R: Array
    weight: Array


def error_moments(
    log_A: PerSizeCandidate, log_B: PerSizeCandidate, pairs: Differences
) -> ErrorMoments:
    """The sums that all searches of α over the same candidates share.

    Args:
        log_A: curves of the candidates α.
        log_B: curves of the candidates β; the one in the middle gives b₀.
        pairs: the differences.
    """
    middle = log_A.shape[1] // 2
    A, own_log_B = jnp.exp(log_A), log_B[:, middle]
    own_A = A[:, middle]
    centre = jnp.mean(pairs.log_D, axis=1)
    b = jnp.exp(own_log_B - own_A * centre)
    each = _Size(own_A, b, centre, pairs.log_D - centre[:, None], pairs.R, pairs.weight)
    if A.ndim == 2:
        error, P, Q = _sums_at_candidates(jax.tree.map(lambda x: x[..., None], each), A)
    else:
        error, P, Q = _sums_of_batch(each, A)
    return ErrorMoments(jnp.sum(error, axis=0), P, Q, b, own_log_B)


def moments_error(log_B: Sizes, moments: ErrorMoments) -> Candidates:
    """The squared ℓ_R of the candidates, for fixed coefficients B(N)."""
    apart = log_B - moments.own_log_B
    excess = (moments.b * apart * expm1_ratio(apart))[:, None]
    return moments.error + jnp.sum(excess * (2 * moments.P + excess * moments.Q), axis=0)


def _sums_at_candidates(each: _Size, A: Array) -> _Sums:
    """Error, P and Q at exponents A, ``(size, candidate)`` or ``(size, batch)``."""
    log_unit = (each.own_A - A) * each.centre
    return _sums_of(each, jnp.exp(log_unit[:, None] - A[:, None] * each.log_D))


def _sums_of(each: _Size, power: Array) -> _Sums:
    """Error, P and Q from D^−A, ``(size, slot, …)``."""
    T = power[:, :-1] - power[:, 1:]
    residual = each.b[:, None] * T - each.R
    terms = (each.weight * residual**2, each.weight * residual * T, each.weight * T**2)
    error, P, Q = (jnp.sum(term, axis=1) for term in terms)
    return error, P, Q


def _sums_of_batch(each: _Size, A: Array) -> _Sums:
    """Interpolated through a few nodes between a size's lowest A and its highest.

    A batch element that the nodes do not resolve is computed as if alone, so that its result does
    not depend on the others.
    """
    lowest, highest = jnp.min(A, axis=1), jnp.max(A, axis=1)
    middle, half = 0.5 * (lowest + highest), 0.5 * (highest - lowest)
    widest = jnp.max(half * jnp.max(jnp.abs(each.log_D), axis=1), axis=0)
    resolved = widest < _widest(float(np.finfo(half.dtype).eps))
    inputs = (each, A, middle, jnp.where(half > 0, half, 1.0))

    def of_size(inputs: tuple[_Size, Array, Array, Array]) -> _Sums:
        one = jax.tree.map(lambda x: x[None], inputs)
        return jax.tree.map(lambda x: x[0], _interpolated(*one))

    # size by size: all sizes together overflow the cache
    by_nodes = jax.lax.map(of_size, inputs)

    def each_by_its_own() -> _Sums:
        in_turn = jax.lax.map(partial(_sums_at_candidates, each), jnp.moveaxis(A, 1, 0))
        alone = jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), in_turn)
        return jax.tree.map(lambda *two: jnp.where(resolved, *two), by_nodes, alone)

    return jax.lax.cond(jnp.all(resolved), lambda: by_nodes, each_by_its_own)


def _interpolated(each: _Size, A: Array, middle: Array, half: Array) -> _Sums:
    """Error, P and Q of a batch, ``(size, candidate, batch)``.

    They are interpolated in units that do not depend on A: those of ``D^−A`` are steep.
    """
    nodes = jnp.asarray(_chebyshev.nodes(_NUM_NODES), A.dtype)[:, None, None]
    to_series = jnp.asarray(_to_series(_NUM_NODES), A.dtype)[:, :, None, None]
    powers = jnp.exp(-(middle + half * nodes)[:, :, None] * each.log_D)
    at_nodes = jax.vmap(partial(_sums_of, each))(powers)
    x = (A - middle[:, None]) / half[:, None]
    # a sum, not a matrix product: the call of a small product costs more
    error, P, Q = (
        _clenshaw(jnp.sum(to_series * values, axis=1)[:, :, None], x) for values in at_nodes
    )
    unit = jnp.exp((each.own_A[:, None] - A) * each.centre[:, None])
    excess = each.b[:, None] * (unit - 1.0)
    slope = P + excess * Q
    return error + excess * (P + slope), unit * slope, unit * (unit * Q)


def _clenshaw(series: Array, x: Array) -> Array:
    """Chebyshev series, terms along the first axis, at ``x``."""
    last, current = jnp.zeros_like(series[0] * x), series[-1]
    for term in series[-2:0:-1]:
        last, current = current, 2 * x * current - last + term
    return x * current - last + series[0]


def _to_series(num_nodes: int) -> np.ndarray:
    """From values at the nodes to the interpolant's Chebyshev series."""
    matrix = 2 / num_nodes * chebyshev.chebvander(_chebyshev.nodes(num_nodes), num_nodes - 1).T
    matrix[0] /= 2
    return matrix


def _widest(eps: float) -> float:
    """Half the range of A, times the range of ln D, that the nodes resolve to rounding.

    The sums contain exp(−2 A ln D), whose Chebyshev series decreases as ``(A ln D)^n / n!``.
    """
    factorial = float(np.prod(np.arange(1.0, _NUM_NODES + 1)))
    return float((0.25 * eps * factorial) ** (1 / _NUM_NODES))
