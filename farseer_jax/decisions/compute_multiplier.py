"""How much less compute one law needs for the loss of another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.decisions.compared_fits import Side, Sides
from farseer_jax.decisions.parity import crossings
from farseer_jax.laws.compute_optimal import optimal_ratio
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import Law
from farseer_jax.results.numbers import json_numbers
from farseer_jax.types import Array
from farseer_jax.uncertainty.intervals import Intervals

if TYPE_CHECKING:
    import pandas as pd


_BUCKET = 64  # budgets of one call: all calls share a compilation
REACH = 1e4  # factor of compute within which the other law is searched
_PER_DECADE = 8

Frontier = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class ComputeMultipliers:
    """By which factor A reaches B's loss with less compute, C = 6 N D.

    Attributes:
        compute: budgets of B in FLOPs, ``(budget,)``.
        optimal: B's budget over the one at which A has B's loss, both at their own compute-optimal
            N and D: 2 means that A needs half, ``(budget,)``; NaN where there is none.
        at_ratio: the same with both at one number of tokens per parameter, ``(budget,)``.
        tokens_per_parameter: that number.
        optimal_ratio_a: A's compute-optimal tokens per parameter, ``(budget,)``.
        optimal_ratio_b: B's, ``(budget,)``.
        inside: whether what ``optimal`` compares lies within the runs, ``(budget,)``: the
            compute-optimal N and D of both at the budget, and of A where it has B's loss.
        inside_at_ratio: the same of ``at_ratio``.
        parity: budgets at which both have the same compute-optimal loss, ``(crossing,)``.
        intervals: of ``"optimal"`` and ``"at_ratio"``, from two bootstraps; None without them.
    """

    compute: np.ndarray
    optimal: np.ndarray
    at_ratio: np.ndarray
    tokens_per_parameter: float
    optimal_ratio_a: np.ndarray
    optimal_ratio_b: np.ndarray
    inside: np.ndarray
    inside_at_ratio: np.ndarray
    parity: np.ndarray
    intervals: Mapping[str, Intervals] | None = None

    def rows(self) -> list[dict[str, Any]]:
        """One per budget, in plain numbers for JSON; what does not exist is None."""
        columns = {
            name: json_numbers(getattr(self, name))
            for name in ("compute", "optimal", "at_ratio", "optimal_ratio_a", "optimal_ratio_b")
        }
        for name, own in (self.intervals or {}).items():
            columns[f"{name}_lower"] = json_numbers(own.lower)
            columns[f"{name}_upper"] = json_numbers(own.upper)
        columns["inside"] = self.inside.tolist()
        columns["inside_at_ratio"] = self.inside_at_ratio.tolist()
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per budget."""
        import pandas as pd

        return pd.DataFrame(self.rows())


def compute_multipliers(sides: Sides, compute: np.ndarray, ratio: float) -> ComputeMultipliers:
    """Both multipliers at budgets.

    Args:
        sides: what is compared.
        compute: ascending budgets of B, ``(budget,)``.
        ratio: tokens per parameter of the second.
    """
    best = [partial(_optimal_loss, side.law) for side in (sides.a, sides.b)]
    along = [partial(_loss_at_ratio, side.law, ratio) for side in (sides.a, sides.b)]
    ratios = [optima(side.law, compute)[0] for side in (sides.a, sides.b)]
    optimal = _multiplier(best[0], best[1], compute)
    at_ratio = _multiplier(along[0], along[1], compute)
    # where A has B's loss; no such budget leaves the other two points to judge by
    budgets = [np.where(np.isnan(own), compute, compute / own) for own in (optimal, at_ratio)]
    a, b = sides.a, sides.b
    fixed = np.full(len(compute), ratio)
    return ComputeMultipliers(
        compute=compute,
        optimal=optimal,
        at_ratio=at_ratio,
        tokens_per_parameter=ratio,
        optimal_ratio_a=ratios[0],
        optimal_ratio_b=ratios[1],
        inside=_held(a, compute, ratios[0])
        & _held(b, compute, ratios[1])
        & _held(a, budgets[0], optima(a.law, budgets[0])[0]),
        inside_at_ratio=_held(a, compute, fixed)
        & _held(b, compute, fixed)
        & _held(a, budgets[1], fixed),
        parity=_parity(best[0], best[1], compute),
    )


def _held(side: Side, compute: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Whether N and D at this D/N lie within the side's runs; not where there is no D/N."""
    known = np.isfinite(ratio)
    N = np.sqrt(compute / (6.0 * np.where(known, ratio, 1.0)))
    return known & side.holds(N, N * np.where(known, ratio, 1.0))


def _multiplier(a: Frontier, b: Frontier, compute: np.ndarray) -> np.ndarray:
    wanted = b(compute)
    ahead = a(compute)
    return np.array([_factor(a, *one) for one in zip(compute, wanted, ahead, strict=True)])


def _factor(a: Frontier, compute: float, wanted: float, ahead: float) -> float:
    """B's budget over the nearest one at which A's loss is the wanted one."""
    if not (np.isfinite(wanted) and np.isfinite(ahead)):
        return float("nan")
    if ahead == wanted:
        return 1.0
    num = int(np.log10(REACH) * _PER_DECADE) + 1
    factors = np.geomspace(1.0, 1.0 / REACH if ahead < wanted else REACH, num)
    budgets = np.sort(compute * factors)
    found = crossings(lambda C: _before_nan(a(C) - wanted), budgets)
    if not found.size:
        return float("nan")
    return float(compute / found[np.abs(np.log(found / compute)).argmin()])


def _before_nan(values: np.ndarray) -> np.ndarray:
    """No crossing is found where there is no optimum: signs of its neighbours stand there."""
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        return np.ones_like(values)
    nearest = known[np.abs(np.arange(len(values))[:, None] - known).argmin(axis=1)]
    return values[nearest]


def _parity(a: Frontier, b: Frontier, compute: np.ndarray) -> np.ndarray:
    if len(compute) < 2:
        return np.empty(0)
    fine = np.geomspace(compute[0], compute[-1], _BUCKET)
    return crossings(lambda C: _before_nan(a(C) - b(C)), fine)


def _optimal_loss(law: Law, compute: np.ndarray) -> np.ndarray:
    return optima(law, compute)[1]


def _loss_at_ratio(law: Law, ratio: float, compute: np.ndarray) -> np.ndarray:
    N = np.sqrt(compute / (6.0 * ratio))
    return evaluate(law, N, N * ratio)


def optima(law: Law, compute: np.ndarray) -> np.ndarray:
    """Compute-optimal D/N and loss, ``(2, budget)``, in float64."""
    parts = []
    with jax.enable_x64(True):
        for i in range(0, len(compute), _BUCKET):
            some = compute[i : i + _BUCKET]
            padded = np.pad(some, (0, _BUCKET - len(some)), mode="edge")
            parts.append(np.asarray(_optimum(law, jnp.asarray(padded)))[:, : len(some)])
    return np.concatenate(parts, axis=1)


@jax.jit
def _optimum(law: Law, compute: Array) -> Array:
    ratio = jax.vmap(partial(optimal_ratio, law))(compute)
    N = jnp.sqrt(compute / (6.0 * ratio))
    return jnp.stack([ratio, law(N, N * ratio)])
