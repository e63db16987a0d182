"""Optima of one law along budgets, and the budgets that reach target losses."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.compute_optimal import (
    HIGHEST,
    INTERIOR,
    LOWEST,
    Cost,
    Limits,
    lower_end,
    optimum,
)
from farseer_jax.laws.law import Law
from farseer_jax.laws.quantities import of_one
from farseer_jax.solvers.root_finding import find_roots
from farseer_jax.types import Array

CHINCHILLA = 20.0  # tokens per parameter (Hoffmann et al. 2022)
_BLOCK = 16  # budgets in one call: calls of any length share one compilation
_FRONTIER = np.geomspace(1e12, 1e30, 8 * _BLOCK)

LossesOf: TypeAlias = Callable[[np.ndarray], np.ndarray]  # optimal losses of budgets


class Circumstances(NamedTuple):
    """What an optimum depends on besides the law and the budget: numbers of NumPy or of JAX."""

    tokens_served: Any
    max_N: Any
    max_D: Any


@dataclass(frozen=True)
class Optima:
    """N, D, D/N and loss of each budget, ``(4, budget)``, as a function of a law.

    Hashable, so that calls for the same cost share compiled code.
    """

    cost: Cost
    is_limited: bool

    def at(self, law: Law, log_C: Array, around: Circumstances) -> tuple[Array, ...]:
        """Logs of N, D and loss of one budget, and what limits them."""
        limits = Limits(around.max_N, around.max_D) if self.is_limited else None
        split = optimum(law, jnp.exp(log_C), self.cost, around.tokens_served, limits)
        log_loss = law.log_loss(jnp.exp(split.log_N), jnp.exp(split.log_D))
        return split.log_N, split.log_D, log_loss, split.limit

    def __call__(self, law: Law, compute: Array, *around: Array) -> Array:
        """The rows; pure, for use under ``jit`` and ``vmap``."""
        here = Circumstances(*around)
        log_N, log_D, log_loss, _ = jax.vmap(lambda c: self.at(law, jnp.log(c), here))(compute)
        return jnp.exp(jnp.stack([log_N, log_D, log_D - log_N, log_loss]))


@dataclass(frozen=True)
class OptimaOfDraws(Optima):
    """The same of a bootstrap's refits: one without a minimum counts at the end where it is lower.

    Leaving such refits out would cut the intervals off on that side.
    """

    def at(self, law: Law, log_C: Array, around: Circumstances) -> tuple[Array, ...]:
        """Logs of N, D and loss of one budget, and what limits them."""
        *logs, limit = super().at(law, log_C, around)
        limits = Limits(around.max_N, around.max_D) if self.is_limited else None
        end = lower_end(law, jnp.exp(log_C), self.cost, around.tokens_served, limits)
        log_loss = law.log_loss(jnp.exp(end.log_N), jnp.exp(end.log_D))
        is_missing = jnp.isnan(logs[0]) & (limit == INTERIOR) & end.found
        at_end = (end.log_N, end.log_D, log_loss)
        kept = [jnp.where(is_missing, x, own) for x, own in zip(at_end, logs, strict=True)]
        return *kept, limit


def share_at_ends(ratios: np.ndarray) -> np.ndarray:
    """Share of the draws that count at an end of the range of D/N, ``(budget,)``.

    Args:
        ratios: D/N of draws by :class:`OptimaOfDraws`, ``(draw, budget)``.
    """
    logs = np.log(ratios)
    is_end = [np.isclose(logs, np.log(end), rtol=0.0, atol=1e-9) for end in (LOWEST, HIGHEST)]
    return np.asarray(np.logical_or(*is_end).mean(axis=0))


@dataclass(frozen=True)
class Details(Optima):
    """All that :class:`Allocation` shows of each budget, ``(10, budget)``.

    The rows of :class:`Optima`; what limits the optimum; the derivatives of ln N, ln D and ln loss
    in ln compute; the training FLOPs; and the loss at 20 tokens per parameter.
    """

    def __call__(self, law: Law, compute: Array, *around: Array) -> Array:
        """The rows; pure, for use under ``jit`` and ``vmap``."""
        here = Circumstances(*around)

        def one(budget: Array) -> Array:
            log_C = jnp.log(budget)

            def optimum_at(log_C: Array) -> tuple[Array, Array]:
                *logs, limit = self.at(law, log_C, here)
                return jnp.stack(logs), limit

            logs, slopes, limit = jax.jvp(optimum_at, (log_C,), (jnp.ones(()),), has_aux=True)
            N, D, loss = jnp.exp(logs)
            by_rule = self._loss_at_twenty(law, log_C, here)
            training = self.cost.training(N, D)
            rows = [N, D, jnp.exp(logs[1] - logs[0]), loss, limit, *slopes, training, by_rule]
            return jnp.stack(rows)

        return jax.vmap(one, out_axes=1)(compute)

    def _loss_at_twenty(self, law: Law, log_C: Array, around: Circumstances) -> Array:
        """For the same budget; NaN where the limits exclude it."""
        ratio = jnp.log(CHINCHILLA)
        log_N, log_D, found = self.cost.at_ratio(ratio, log_C, around.tokens_served)
        N, D = jnp.exp(log_N), jnp.exp(log_D)
        if self.is_limited:
            found = found & (N <= around.max_N) & (D <= around.max_D)
        return jnp.where(found, law(N, D), jnp.nan)


def rows_of(optima: Optima, law: Law, compute: np.ndarray, around: Circumstances) -> np.ndarray:
    """The rows of any number of budgets, ``(row, budget)``, in float64."""
    parts = []
    for start in range(0, len(compute), _BLOCK):
        part = compute[start : start + _BLOCK]
        padded = np.pad(part, (0, _BLOCK - len(part)), mode="edge")
        parts.append(of_one(optima, law, padded, *around)[:, : len(part)])
    return np.concatenate(parts, axis=1)


def optimal_ratio_and_loss(law: Law, compute: np.ndarray) -> np.ndarray:
    """Compute-optimal D/N and loss of budgets for C = 6 N D, ``(2, budget)``, in float64."""
    without_limits = Circumstances(0.0, np.inf, np.inf)
    return rows_of(Optima(Cost(), is_limited=False), law, compute, without_limits)[2:4]


def range_of_optima(losses_at: LossesOf) -> tuple[float, float] | None:
    """The longest range of budgets, within 1e12 to 1e30 FLOPs, that have an optimum; or None."""
    known = np.isfinite(losses_at(_FRONTIER))
    if not known.any():
        return None
    # where each stretch of budgets with an optimum starts, and the first budget beyond it
    steps = np.diff(np.concatenate([[False], known, [False]]).astype(int))
    begins, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    longest = np.argmax(ends - begins)
    return float(_FRONTIER[begins[longest]]), float(_FRONTIER[ends[longest] - 1])


def budgets_for(losses_at: LossesOf, loss: np.ndarray) -> np.ndarray:
    """The least budgets whose optima reach the losses, ``(loss,)``.

    The least cost of a loss and the best loss at a cost are the same frontier.

    Raises:
        ValueError: a loss is out of reach; the message gives the range of losses.
    """
    frontier = losses_at(_FRONTIER)
    known = np.isfinite(frontier)
    if not known.any():
        raise ValueError(
            "loss: no budget from 1e12 to 1e30 FLOPs has an interior optimum: set max_N= or "
            "max_D=, or train more sizes, each with few and with many tokens"
        )
    log_C, log_loss = np.log(_FRONTIER[known]), np.log(frontier[known])
    ends = []
    for target in loss:
        reached = log_loss <= np.log(target)
        first = int(np.argmax(reached))
        if not reached.any() or first == 0:
            raise ValueError(
                f"loss: no optimum reaches {target:g}; from {np.exp(log_C[0]):.3g} to "
                f"{np.exp(log_C[-1]):.3g} FLOPs optimal losses go from "
                f"{np.exp(log_loss[0]):.4g} down to {np.exp(log_loss.min()):.4g}"
            )
        ends.append(log_C[first - 1 : first + 1])

    def excess(log_C: np.ndarray, log_target: np.ndarray) -> np.ndarray:
        return np.log(losses_at(np.exp(log_C))) - log_target

    return np.exp(find_roots(excess, *np.transpose(ends), np.log(loss)))
