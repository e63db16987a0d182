"""Stage 1: per size, A_N and B_N from a log–log line through the differences (paper Eq. 7)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax._linear import mean_weight, safe_divide
from farseer_jax._log import log
from farseer_jax._types import Array, Pairs, SizeCounts, SizeMask, Sizes
from farseer_jax.methods.piecewise._differences import Differences

# Each pass multiplies the error of A by cov(A·l², m)/(12·var(m)): about 1e-3 for the unequal
# grids in use, 0 for even steps. Four passes reach rounding.
_RATIO_PASSES = 4
# ln(sinh(x)/x) = Σ (−1)^(n+1) ζ(2n) / (n π^2n) · x^2n: ten terms are exact to rounding to 0.5.
_SERIES_RADIUS = 0.5
_LOG_SINHC = (
    1 / 6,
    -1 / 180,
    1 / 2835,
    -1 / 37800,
    1 / 467775,
    -691 / 3831077250,
    2 / 127702575,
    -3617 / 2605132530000,
    43867 / 350813659321125,
    -174611 / 15313294652906250,
)


class SizeEstimates(NamedTuple):
    """What Stage 1 says of each size.

    Attributes:
        log_A: ``ln A_N``; 0 where the size is not live.
        log_B: ``ln B_N``; 0 where the size is not live.
        weight: of the size in the lines of Stage 2; 0 where it is not live.
        live: enough pairs, and differences that fall with D.
        num_pairs: pairs used.
        r_squared: of the size's log–log line.
    """

    log_A: Sizes
    log_B: Sizes
    weight: Sizes
    live: SizeMask
    num_pairs: SizeCounts
    r_squared: Sizes


def estimate_sizes(pairs: Differences, min_pairs: int, *, unroll: bool = False) -> SizeEstimates:
    """Fit ``ln R = ln B + ln(D0^−A − D1^−A)``, size by size.

    With ``m`` the mean and ``l`` the difference of ``ln D0`` and ``ln D1``,

        D0^−A − D1^−A = exp(−A m) · 2 sinh(A l / 2) = exp(−A m) · A · l · sinhc(A l / 2),

    so ``ln R − ln l − ln sinhc(A l / 2)`` is a line in ``m`` with slope −A. For even steps the
    last term is a constant, and the line is the paper's ``R ∝ D^−A`` corrected by
    ``1 − λ^−A``; for unequal steps the line is fitted again with the last A until both agree.
    """
    middle = 0.5 * (pairs.log_D[:, 1:] + pairs.log_D[:, :-1])
    step = pairs.log_D[:, 1:] - pairs.log_D[:, :-1]
    used = pairs.weight > 0
    log_rate = log(pairs.R / jnp.where(used, step, 1.0))
    step = jnp.where(used, step, 0.0)
    num_pairs = jnp.sum(used, axis=1)
    enough = num_pairs >= min_pairs

    # a slope is linear in the ordinates: Σ pull · y, with the same pull in every pass
    shares = safe_divide(pairs.weight, jnp.sum(pairs.weight, axis=1, keepdims=True))
    centred = middle - jnp.sum(shares * middle, axis=1, keepdims=True)
    pull = safe_divide(shares * centred, jnp.sum(shares * centred**2, axis=1, keepdims=True))
    pull = jnp.where(enough[:, None], pull, 0.0)  # rounding, where there is one pair
    A_without_steps = -jnp.sum(pull * log_rate, axis=1)

    def one_pass(_: int, state: tuple[Sizes, ...]) -> tuple[Sizes, ...]:
        A = state[1]
        of_steps = _log_sinhc(0.5 * A[:, None] * step)
        better = A_without_steps + jnp.sum(pull * of_steps, axis=1)
        return A, better, jnp.sum(shares * of_steps, axis=1)

    # a loop compiles once, and costs time where thousands of derivatives are mapped over it
    start = (A_without_steps, A_without_steps, jnp.zeros_like(A_without_steps))
    A, _, of_steps = jax.lax.fori_loop(0, _RATIO_PASSES + 1, one_pass, start, unroll=unroll)
    intercept = jnp.sum(shares * (log_rate + A[:, None] * middle), axis=1) - of_steps
    live = enough & (A > 0)
    log_A = jnp.log(jnp.where(live, A, 1.0))
    y = log_rate - _log_sinhc(0.5 * A[:, None] * step)
    residual = y - (intercept[:, None] - A[:, None] * middle)
    return SizeEstimates(
        log_A=log_A,
        log_B=jnp.where(live, intercept - log_A, 0.0),
        weight=jnp.where(live, mean_weight(pairs.weight, axis=1), 0.0),
        live=live,
        num_pairs=num_pairs,
        r_squared=_r_squared(y, residual, shares),
    )


def keep_live_sizes(pairs: Differences, sizes: SizeEstimates) -> Differences:
    """Drop the pairs of sizes that Stage 1 could not estimate."""
    return pairs._replace(weight=jnp.where(sizes.live[:, None], pairs.weight, 0.0))


def _log_sinhc(x: Array) -> Array:
    """``ln(sinh(x)/x)`` for small and moderate |x|, exact to rounding, smooth at 0."""
    x = jnp.abs(x)
    near = x < _SERIES_RADIUS
    square = jnp.where(near, x, 0.0) ** 2
    series = jnp.full_like(x, _LOG_SINHC[-1])
    for coefficient in reversed(_LOG_SINHC[:-1]):
        series = series * square + coefficient

    def far_too() -> Array:
        far = jnp.where(near, 1.0, x)
        return jnp.where(near, series * square, far + jnp.log(-jnp.expm1(-2 * far) / (2 * far)))

    # steps of D by up to 4 meet the series alone, which costs a tenth
    return jax.lax.cond(jnp.all(near), lambda: series * square, far_too)


def _r_squared(y: Pairs, residual: Pairs, shares: Pairs) -> Sizes:
    variance = jnp.sum(shares * y**2, axis=1) - jnp.sum(shares * y, axis=1) ** 2
    return 1.0 - safe_divide(jnp.sum(shares * residual**2, axis=1), variance)
