"""The targets of suggested runs: responses at points, and optimal splits of budgets."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.forecast_optima import ForecastOptima
from farseer_jax.decisions.forecast_surface import ForecastSurface
from farseer_jax.decisions.optimal_allocations import Circumstances
from farseer_jax.decisions.planning_model import PlanningModel, Reading
from farseer_jax.decisions.run_pool import TableOfPoints
from farseer_jax.forecasting.posterior import Inputs
from farseer_jax.laws.compute_optimal import Cost
from farseer_jax.laws.law import Law, require_N_and_D
from farseer_jax.laws.quantities import positive
from farseer_jax.runs.checks import Floats

LARGEST = "largest"
_LARGEST_SHARE = 0.1  # of the pool's rows, the costliest


class Targets(NamedTuple):
    """Points whose response is a target, and budgets whose optimal D/N is.

    Attributes:
        points: the law's inputs at the points, ``(target,)`` each.
        compute: budgets in FLOPs, ``(budget,)``.
        optima: N and D of their optima, ``(budget,)`` each; empty without budgets.
    """

    points: Inputs
    compute: Floats
    optima: Inputs


def checked_budgets(compute: ArrayLike | None, law: type[Law]) -> Floats:
    """Budgets to split, checked.

    Raises:
        ValueError: one is not positive, or the law is not over N and D.
    """
    if compute is None:
        return np.zeros(0)
    require_N_and_D("suggest_runs with compute", law)
    return positive("compute", compute)


def target_points(
    targets: object, law: type[Law], reading: Reading, pool: TableOfPoints | None, costs: Floats
) -> dict[str, np.ndarray]:
    """The inputs at the points whose response is a target.

    Args:
        targets: points, or ``"largest"`` for the costliest tenth of the pool; None for none.
        law: the law's class.
        reading: how tables are read.
        pool: the runs that could be trained; None without a table of them.
        costs: of the pool, ``(row,)``.

    Raises:
        ValueError: the points are invalid, or the pool is missing.
    """
    if isinstance(targets, str):
        if targets != LARGEST:
            raise ValueError(f'targets: expected points, a table or "{LARGEST}", got {targets!r}')
        if pool is None:
            raise ValueError(f'targets="{LARGEST}" are rows of the pool: give pool=, or points')
        num = max(1, round(_LARGEST_SHARE * len(costs)))
        rows = np.sort(np.argsort(-costs, kind="stable")[:num])
        return {name: values[rows] for name, values in pool.of_law(law).items()}
    if targets is None:
        kinds, shares = law.inputs(), dict(law.shares)
        return {n: np.zeros((0, len(shares[n])) if n in shares else 0) for n in kinds}
    return reading.points(targets, "targets", law).of_law(law)


def optima_of(model: PlanningModel, compute: Floats) -> dict[str, Floats]:
    """N and D of the compute-optimal runs of budgets.

    Raises:
        ValueError: a budget has no interior optimum.
    """
    if not len(compute):
        return {"N": np.zeros(0), "D": np.zeros(0)}
    plain = Circumstances(0.0, np.inf, np.inf)
    surface = ForecastSurface(model.stack, model.link)
    found = ForecastOptima(surface, Cost(), plain, is_limited=False).points(np.log(compute))
    bad = np.flatnonzero(~np.isfinite(found.log_N))
    if len(bad):
        raise ValueError(
            f"compute: at {', '.join(f'{compute[i]:.3g}' for i in bad)} FLOPs the law has no "
            "interior optimum of D/N; give points as targets instead"
        )
    return {"N": np.exp(found.log_N), "D": np.exp(found.log_D)}
