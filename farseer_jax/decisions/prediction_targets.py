"""Targets of suggested runs: losses at points, and optimal splits of budgets."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.candidate_runs import NONE, Points, as_points
from farseer_jax.laws.compute_optimal import optimal_ratio
from farseer_jax.laws.law import Law
from farseer_jax.laws.quantities import allocation, of_one, positive
from farseer_jax.runs.checks import Floats
from farseer_jax.types import Array


class Targets(NamedTuple):
    """Points whose loss is the target, and budgets whose optimal D/N is.

    Attributes:
        N: parameters of the points, ``(target,)``.
        D: tokens of the points, ``(target,)``.
        compute: budgets in FLOPs, ``(budget,)``.
    """

    N: Floats
    D: Floats
    compute: Floats

    @property
    def points(self) -> Points:
        """The points whose loss is a target."""
        return Points(self.N, self.D)


def as_targets(targets: object, compute: ArrayLike | None) -> Targets:
    """Checked targets.

    Raises:
        ValueError: there are neither points nor budgets, or one of them is invalid.
    """
    budgets = np.zeros(0) if compute is None else positive("compute", compute)
    if targets is None and not len(budgets):
        raise ValueError(
            "targets: expected points (N, D) whose loss to predict, or budgets in FLOPs to split, "
            "as in compute=1e23, got neither"
        )
    points = NONE if targets is None else as_points(targets, "targets")
    return Targets(*points, budgets)


def optimal_points(law: Law, compute: Floats) -> Points:
    """The compute-optimal N and D of budgets.

    Raises:
        ValueError: a budget has no interior optimum.
    """
    if not len(compute):
        return NONE
    N, D, _ = of_one(allocation, law, compute)
    refuse_without_optimum(compute, N)
    return Points(N, D)


def refuse_without_optimum(compute: Floats, N: Floats) -> None:
    """Refuse budgets whose optimal N is not finite.

    Raises:
        ValueError: a budget has no interior optimum.
    """
    bad = np.flatnonzero(~np.isfinite(N))
    if len(bad):
        raise ValueError(
            f"compute: at {', '.join(f'{compute[i]:.3g}' for i in bad)} FLOPs the law has no "
            "interior optimum of D/N that more runs could narrow; give points as targets instead"
        )


def log_quantities(law: Law, N: Array, D: Array, compute: Array) -> Array:
    """``ln`` loss at each point and ``ln`` of each budget's optimal D/N; pure."""
    losses = jnp.asarray(law.log_loss(N, D))
    if not compute.shape[0]:
        return losses
    ratios = jax.vmap(lambda one: optimal_ratio(law, one))(compute)
    return jnp.concatenate([losses, jnp.log(ratios)]) if N.shape[0] else jnp.log(ratios)
