"""Stage 1: differences along D; per size, A_N and B_N from a log–log line (paper Eq. 7)."""

from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.methods.piecewise.design import Design
from farseer_jax.runtime.fast_log import log
from farseer_jax.solvers.linear_regression import mean_weight, safe_divide
from farseer_jax.types import Array, Pairs, RunValues, SizeCounts, SizeMask, Sizes, Slots

if TYPE_CHECKING:
    from farseer_jax.methods.piecewise.layout import Layout


class Gathered(NamedTuple):
    """One (averaged) run per slot."""

    loss: Slots
    weight: Slots


class Differences(NamedTuple):
    """Pairs of neighbouring slots: ``R = L(N, D0) − L(N, D1)`` (paper Eq. 6).

    Attributes:
        log_D: ``ln D`` per slot; pair k spans slots k and k + 1.
        R: the difference; 1 where the pair is not used.
        weight: 0 where the pair is not used.
        non_positive: pairs left out because the loss did not fall.
    """

    log_D: Slots
    R: Pairs
    weight: Pairs
    non_positive: Array


def with_batch_axes(constant: np.ndarray, like: Array, num_axes: int) -> Array:
    """A constant of the design in the precision of an array, with axes of 1 for the batch.

    Args:
        constant: of the design; may have fewer axes than ``num_axes``.
        like: an array of a kernel.
        num_axes: how many of its axes come before those of the batch.
    """
    ones = (1,) * (like.ndim - num_axes)
    return jnp.asarray(constant, like.dtype).reshape(*constant.shape, *ones)


def gather(design: Design, losses: RunValues, weights: RunValues) -> Gathered:
    """Average the repeats of one (N, D); k exact copies count as one run."""
    share = with_batch_axes(design.run_share, losses, 1)
    # a slot without a run, of weight 0, has no derivative: it must not reach the run of its index
    own = jnp.where(share > 0, weights[design.run_index], 0.0)
    if design.run_share.shape[2] == 1:  # no repeats anywhere: nothing to average
        return Gathered(losses[design.run_index[:, :, 0]], (own * share)[:, :, 0])
    repeat_loss = losses[design.run_index]
    repeat_weight = own
    total = jnp.sum(share * repeat_weight, axis=2)
    loss = safe_divide(jnp.sum(share * repeat_weight * repeat_loss, axis=2), total)
    return Gathered(loss, mean_weight(repeat_weight, 2, share))


def difference(design: "Design | Layout", runs: Gathered) -> Differences:
    """Differences of neighbouring D, with the weight that their two runs leave them.

    The weight is the harmonic mean of the runs' weights, read as precisions the precision of a
    difference: it keeps 0 and 1 exact and has a derivative everywhere but at two zeros.
    """
    first, second = runs.weight[:, :-1], runs.weight[:, 1:]
    weight = safe_divide(2 * first * second, first + second)
    weight *= with_batch_axes(design.pair_ok, weight, 2)
    R = runs.loss[:, :-1] - runs.loss[:, 1:]
    live = weight > 0
    usable = live & (R > 0)
    return Differences(
        log_D=with_batch_axes(design.log_D, R, 2),
        R=jnp.where(usable, R, 1.0),
        weight=jnp.where(usable, weight, 0.0),
        non_positive=live & ~usable,
    )


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


def estimate_sizes(pairs: Differences, min_pairs: int | Array) -> SizeEstimates:
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

    start = (A_without_steps, A_without_steps, jnp.zeros_like(A_without_steps))
    A, _, of_steps = jax.lax.fori_loop(0, _RATIO_PASSES + 1, one_pass, start)
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
