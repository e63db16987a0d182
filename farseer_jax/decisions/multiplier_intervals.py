"""Intervals of compute multipliers, from pairs of refits and the calibrated misfit of the laws.

A reaches at the budget C / × the loss that B reaches at C. So the error of ln × is the sum of two
errors over the slope of A's frontier: that of the difference of the fits at B's point, and that of
A between this point and its own.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.decisions.compute_multipliers import REACH, ComputeMultipliers
from farseer_jax.decisions.optimal_allocations import optimal_ratio_and_loss
from farseer_jax.decisions.win_probability import WinProbability
from farseer_jax.flops import size_at_ratio
from farseer_jax.laws.compute_optimal import optimal_ratio
from farseer_jax.laws.law import Law
from farseer_jax.runs.coverage import extrapolation_length
from farseer_jax.runtime.compiled import compiled
from farseer_jax.types import Array
from farseer_jax.uncertainty.draws import join
from farseer_jax.uncertainty.intervals import Intervals, percentile
from farseer_jax.uncertainty.standard_errors import standard_error

_DRAW_BLOCK = 32  # with 8 budgets and the grid of ratios, what fits a core's cache
_BUDGET_BLOCK = 8
_NUM_STEPS = 12  # Newton steps: frontiers are convex in ln C, and nearly straight
_LOG_REACH = np.log(REACH)
_RESOLUTION = 1e-9  # of ln loss
_NAMES = {"optimal": "×, each optimal", "at_ratio": "×, at one D/N"}


def with_intervals(
    found: ComputeMultipliers, chances: WinProbability | None, level: float
) -> ComputeMultipliers:
    """The multipliers with intervals of the same kind as the probabilities, if there are draws."""
    if chances is None:
        return found
    draws, slopes = _of_draws(chances, found)
    kinds = ("optimal", "at_ratio")
    parts = {
        kind: _intervals(chances, found, kind, level, draws[:, i], slopes[i])
        for i, kind in enumerate(kinds)
    }
    return replace(found, intervals=parts)


def _intervals(
    chances: WinProbability,
    found: ComputeMultipliers,
    kind: str,
    level: float,
    draws: np.ndarray,
    slope: np.ndarray,
) -> Intervals:
    """Intervals of one multiplier, from the logs of its draws ``(pair, budget)`` and A's slope."""
    estimate, a, b = getattr(found, kind), chances.a, chances.b
    answered = np.abs(draws) < _LOG_REACH
    if chances.calibration is None:
        lower, upper = _ends(draws, level)
    else:
        enough = answered.mean(axis=0) >= level  # else the draws alone have no such interval
        known = enough & np.isfinite(estimate) & (slope < 0)
        half = np.full(len(estimate), np.nan)
        error = standard_error(np.where(answered, draws, np.nan))[known] * -slope[known]
        far = [length[known] for length in _lengths(chances, found, kind, estimate)]
        way = a.calibration, np.abs(far[2] - far[0])
        gap = chances.calibration.half_width(error, (far[0], far[1]), level=level, along=way)
        half[known] = gap / -slope[known]
        lower, upper = estimate * np.exp(-half), estimate * np.exp(half)
    answers = answered.sum(axis=0)
    num = min(a.num_resamples, b.num_resamples)
    return Intervals(
        quantity=_NAMES[kind],
        at={"compute": found.compute},
        estimate=estimate,
        lower=np.where(np.isfinite(estimate), lower, np.nan),
        upper=np.where(np.isfinite(estimate), upper, np.nan),
        level=level,
        kind=chances.kind,
        errors=" and ".join(dict.fromkeys([a.assumed_errors, b.assumed_errors])),
        scheme=" and ".join(dict.fromkeys([a.scheme.name, b.scheme.name])),
        seed=a.seed,
        num_resamples=num,
        num_failed=int(num - answers.min(initial=num)),
        note=chances.note.removeprefix(f"{chances.kind}, "),
    )


def _ends(draws: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles of multipliers; 0 or infinite beyond the reach of the search."""
    found = np.array(percentile(np.clip(draws, -2 * _LOG_REACH, 2 * _LOG_REACH), level))
    is_near = np.abs(found) < _LOG_REACH
    lower, upper = np.where(is_near, np.exp(found), np.where(found < 0, 0, np.inf))
    missing = np.isnan(draws).all(axis=0)
    return np.where(missing, np.nan, lower), np.where(missing, np.nan, upper)


def _lengths(
    chances: WinProbability, found: ComputeMultipliers, kind: str, multiplier: np.ndarray
) -> list[np.ndarray]:
    """Lengths of extrapolation of A at its budget for B's loss, and of B and A at B's budget."""
    lengths = []
    a, b = chances.a, chances.b
    here, equal = found.compute, found.compute / multiplier
    for own, compute in ((a, equal), (b, here), (a, here)):
        known = np.isfinite(compute)
        compute = np.where(known, compute, found.compute)
        ratio = np.full(len(compute), found.tokens_per_parameter)
        if kind == "optimal":
            ratio = optimal_ratio_and_loss(own.fit.law, compute)[0]
        N = size_at_ratio(compute, ratio)
        lengths.append(extrapolation_length(own.fit.runs, N, N * ratio))
    return lengths


def _of_draws(chances: WinProbability, found: ComputeMultipliers) -> tuple[np.ndarray, np.ndarray]:
    """Logs of both multipliers for each pair of refits, and slopes of A's frontiers for the fits.

    ``(pair, 2, budget)`` and ``(2, budget)``. Independent draws are paired in their order.
    """
    laws = [join(list(bootstrap.draws.batches())) for bootstrap in (chances.a, chances.b)]
    usable = [batch.usable for batch in laws]
    num = min(map(len, usable))
    if chances.paired:
        rows = [np.flatnonzero(usable[0][:num] & usable[1][:num])] * 2
    else:
        each = [np.flatnonzero(own) for own in usable]
        rows = [own[: min(map(len, each))] for own in each]
    stacks = [
        jax.tree.map(lambda leaf, one, i=i: np.append(one, leaf[i]), batch.law, boot.fit.law)
        for batch, boot, i in zip(laws, (chances.a, chances.b), rows, strict=True)
    ]
    values = _solved(stacks[0], stacks[1], np.log(found.compute), found.tokens_per_parameter)
    return values[1:, 0], values[0, 1]


def _solved(a: Law, b: Law, log_C: np.ndarray, ratio: float) -> np.ndarray:
    """``(pair, 2, 2, budget)``: log multiplier and slope, each optimal and at the ratio."""
    num, budgets = len(jax.tree.leaves(a)[0]), len(log_C)
    padded = np.pad(log_C, (0, -budgets % _BUDGET_BLOCK), mode="edge")
    columns = []
    with jax.enable_x64(True):
        for at in range(0, len(padded), _BUDGET_BLOCK):
            some, rows = padded[at : at + _BUDGET_BLOCK], []
            for i in range(0, num, _DRAW_BLOCK):
                index = np.minimum(np.arange(i, i + _DRAW_BLOCK), num - 1)
                laws = (
                    jax.tree.map(lambda leaf, j=index: jnp.asarray(leaf[j]), one) for one in (a, b)
                )
                rows.append(np.asarray(_multipliers(*laws, some, np.log(ratio))))
            columns.append(np.concatenate(rows)[:num])
    return np.concatenate(columns, axis=-1)[..., :budgets]


@compiled()
def _multipliers(a: Law, b: Law, log_C: Array, log_ratio: Array) -> Array:
    """``(pair, 2, 2, budget)``."""

    def of_pair(one: Law, other: Law) -> Array:
        kinds = (lambda law, x: jnp.log(optimal_ratio(law, jnp.exp(x))), lambda law, x: log_ratio)
        found = [
            jax.vmap(partial(_equal, partial(_frontier, one, k), partial(_frontier, other, k)))(
                log_C
            )
            for k in kinds
        ]
        return jnp.stack([jnp.stack(own) for own in found], axis=1)

    return jax.vmap(of_pair)(a, b)


def _frontier(
    law: Law, ratio_at: Callable[[Law, Array], Array], log_C: Array
) -> tuple[Array, Array]:
    """Log of the loss at a budget, and its slope; at an optimum, D/N does not contribute to it."""
    log_ratio = jax.lax.stop_gradient(ratio_at(law, log_C))

    def log_loss(x: Array) -> Array:
        log_N = 0.5 * (x - np.log(6.0) - log_ratio)
        return law.log_loss(jnp.exp(log_N), jnp.exp(log_N + log_ratio))

    return jax.jvp(log_loss, (log_C,), (jnp.ones_like(log_C),))


def _equal(
    a: Callable[[Array], tuple[Array, Array]],
    b: Callable[[Array], tuple[Array, Array]],
    log_C: Array,
) -> tuple[Array, Array]:
    """Log of B's budget over A's budget for the same loss, and A's slope there, by Newton steps.

    Infinite where A has that loss at no budget within reach: −∞ if A is worse even at the largest.
    """
    target, _ = b(log_C)

    def step(_: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        x = state[1]
        value, slope = a(x)  # only one call in the program: compiling it takes most of the time
        new = jnp.clip(x - (value - target) / slope, log_C - _LOG_REACH, log_C + _LOG_REACH)
        return x, new, value, slope

    start = (log_C, log_C, target, target)
    x, _, value, slope = tuple(jax.lax.fori_loop(0, _NUM_STEPS + 1, step, start))
    found = jnp.abs(value - target) < _RESOLUTION
    beyond = jnp.where(jnp.isfinite(value - target), jnp.sign(target - value) * jnp.inf, jnp.nan)
    return jnp.where(found, log_C - x, beyond), jnp.where(found, slope, jnp.nan)
