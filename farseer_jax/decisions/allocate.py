"""``allocate``: how to split a budget of compute between parameters and tokens."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.allocation_result import (
    FORECAST,
    LIMITS,
    Allocation,
    Answers,
    DataRange,
    warnings_of,
)
from farseer_jax.decisions.forecast_optima import ForecastOptima
from farseer_jax.decisions.forecast_surface import ForecastSurface
from farseer_jax.decisions.optimal_allocations import (
    Circumstances,
    Details,
    LossesOf,
    Optima,
    OptimaOfDraws,
    budgets_for,
    range_of_optima,
    rows_of,
    share_at_ends,
)
from farseer_jax.decisions.sources import law_fit_bootstrap
from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import shown
from farseer_jax.forecasting.forecast_warnings import undetermined
from farseer_jax.forecasting.result import Forecast
from farseer_jax.laws.compute_optimal import HIGHEST, LOWEST, Cost, FLOPs
from farseer_jax.laws.law import Law, require_N_and_D
from farseer_jax.laws.quantities import positive
from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.checks import check_level
from farseer_jax.runs.coverage import extrapolation_length
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.compiled import compiled
from farseer_jax.runtime.progress import stage
from farseer_jax.runtime.threads import one_blas_thread
from farseer_jax.uncertainty.bootstrap_intervals import intervals_of, mapped_draws
from farseer_jax.uncertainty.bootstrap_result import Bootstrap
from farseer_jax.uncertainty.intervals import Intervals, Kind

_LEAST_BUDGET = 1e10  # FLOPs: no language model was trained for less
_ESTIMATED = ("N", "D", "tokens per parameter", "loss")


def allocate(
    source: Forecast | Fit | Bootstrap | Law,
    compute: ArrayLike | None = None,
    *,
    loss: ArrayLike | None = None,
    flops: FLOPs | None = None,
    tokens_served: float | None = None,
    max_D: float | None = None,
    max_N: float | None = None,
    level: float | None = None,
    kind: Kind | None = None,
) -> Allocation:
    """Split budgets of compute between parameters and tokens so that the loss is lowest.

    The interior minimum of the loss along each budget, between 0.1 and 1e5 tokens per parameter:
    laws have lower losses at absurd N and D, which mean nothing. An optimum outside the N, D or D/N
    of the runs is flagged (``inside_data``): it is an extrapolation of the law.

    With ``tokens_served`` the budget pays for training and for inference, ``2 N`` FLOPs per token
    (Sardana et al. 2024): smaller models, trained for longer. With ``max_D`` or ``max_N`` the
    optimum stops there, and the rest of the budget goes into the other of the two.

    By a forecast the optimum is that of its expected loss (law and smooth misfit, without effects
    of sizes), and the intervals are those of the optima of its joint draws. The interval of the
    loss is that of the estimated split. A draw of a forecast, or a refit of a bootstrap, without an
    interior minimum counts at the end of the range where its loss is lower.

    Args:
        source: a forecast; a fit; a bootstrap, which adds intervals to its fit's optima, as if the
            errors of runs were independent; or a law, which has no runs to be inside.
        compute: budgets in FLOPs, of training and inference together.
        loss: instead of budgets, losses to reach at the least compute. Intervals are then at the
            budgets that the law, or the forecast, needs.
        flops: training FLOPs, a function of N and D in JAX operations that increases in both,
            such as :class:`TransformerFLOPs`; None is 6 N D. Functions that are equal share
            compiled code.
        tokens_served: tokens of inference expected over the model's lifetime.
        max_D: the most tokens available.
        max_N: the most parameters allowed.
        level: nominal probability of the intervals; None is that of the forecast, else 0.9.
        kind: kind of a bootstrap's intervals, as for :meth:`Bootstrap.allocation`.

    Raises:
        ValueError: budgets are not positive, or too small to be FLOPs; both or neither of
            ``compute`` and ``loss`` are given; a loss is out of reach; ``flops`` is not positive
            and finite, or decreases in N or D; ``level`` or ``kind`` of what has no intervals, or
            no kinds of them.
        TypeError: ``source`` is not a forecast, a fit, a bootstrap or a law; ``flops`` is not a
            function in JAX operations.

    Example:
        >>> from farseer_jax import Farseer, allocate, example_runs, fit, forecast
        >>> found = allocate(forecast(example_runs(), usual=False), [1e20, 1e22])
        >>> ends = found.intervals["tokens per parameter"]
        >>> bool(((ends.lower < 50) & (ends.upper > 36)).all())  # the example's law: 37 and 50
        True
        >>> result = fit(Farseer, example_runs())
        >>> allocate(result, [1e20, 1e21, 1e22]).tokens_per_parameter.round().tolist()
        [37.0, 36.0, 50.0]
        >>> served = allocate(result, 1e22, tokens_served=2e12)
        >>> bool(served.N[0] < allocate(result, 1e22).N[0])
        True
    """
    kind_of_law = source.law_class if isinstance(source, Forecast) else type(_parts(source)[0])
    require_N_and_D("allocate", kind_of_law)
    level = _level(level, kind, source)
    if (compute is None) == (loss is None):
        raise ValueError("give either compute= (budgets in FLOPs) or loss= (losses to reach)")
    served = 0.0 if tokens_served is None else _number("tokens_served", tokens_served, least=0.0)
    most_N, most_D = (
        np.inf if value is None else _number(name, value, least=1.0)
        for name, value in (("max_N", max_N), ("max_D", max_D))
    )
    cost = Cost(flops, served > 0)
    around = Circumstances(*(np.asarray(number) for number in (served, most_N, most_D)))
    is_limited = bool(np.isfinite([most_N, most_D]).any())
    if isinstance(source, Forecast):
        solver = _by_forecast(source, level, cost, around, is_limited)
    else:
        solver = _by_law(source, level, kind, cost, around, is_limited)
    with one_blas_thread(), stage("splitting budgets"):
        if loss is not None:
            check_flops(flops, np.array([1e18, 1e26]))
            budgets = budgets_for(solver.losses_at, positive("loss", loss))
        else:
            budgets = _budgets(compute)
            check_flops(flops, budgets)
        rows = solver.rows_at(budgets)
        return _result(solver, cost, budgets, rows, around)


_parts = partial(
    law_fit_bootstrap, what="allocate", expected="a forecast, a fit, a bootstrap or a law"
)


class _Solver(NamedTuple):
    """How optima and their intervals are found.

    Attributes:
        law: the law's name.
        method: how it was fitted.
        runs: the runs, if there are any.
        losses_at: the optimal loss of each budget, ``(budget,)``.
        rows_at: what is shown of each, as :class:`Details` has it, ``(row, budget)``.
        intervals_at: its intervals, and the share of draws without an optimum, ``(budget,)``.
        warnings: what the runs do not determine.
    """

    law: str
    method: str
    runs: Runs | None
    losses_at: LossesOf
    rows_at: Callable[[np.ndarray], np.ndarray]
    intervals_at: Callable[[np.ndarray], tuple[dict[str, Intervals] | None, np.ndarray]]
    warnings: tuple[str, ...] = ()


def _by_forecast(
    source: Forecast, level: float, cost: Cost, around: Circumstances, is_limited: bool
) -> _Solver:
    optima = ForecastOptima(
        ForecastSurface(source.stack, source.runs.link), cost, around, is_limited
    )
    intervals = partial(optima.intervals, level=level)
    doubts = tuple(undetermined(source))
    return _Solver(FORECAST, "", source.runs, optima.losses, optima.rows, intervals, doubts)


def _by_law(
    source: Fit | Bootstrap | Law,
    level: float,
    kind: Kind | None,
    cost: Cost,
    around: Circumstances,
    is_limited: bool,
) -> _Solver:
    law, fit, bootstrap = _parts(source)

    def rows_at(budgets: np.ndarray) -> np.ndarray:
        return rows_of(Details(cost, is_limited), law, budgets, around)

    def losses_at(budgets: np.ndarray) -> np.ndarray:
        return rows_at(budgets)[3]  # of the same kernel, so that it compiles once

    def intervals_at(budgets: np.ndarray) -> tuple[dict[str, Intervals] | None, np.ndarray]:
        if bootstrap is None:
            return None, np.zeros(len(budgets))
        optima, of_draws = Optima(cost, is_limited), OptimaOfDraws(cost, is_limited)
        at, given = {"compute": budgets}, (budgets, *around)
        draws = mapped_draws(bootstrap, of_draws, *given)
        found = intervals_of(
            bootstrap, _ESTIMATED, at, level, kind, optima, *given, of_draws=of_draws, draws=draws
        )
        return found, share_at_ends(draws[:, 2])

    method, runs = ("", None) if fit is None else (fit.method.name, fit.runs)
    return _Solver(law.name, method, runs, losses_at, rows_at, intervals_at)


def _level(level: float | None, kind: Kind | None, source: object) -> float:
    """The level of the intervals; refused for a source that has none."""
    if level is not None:
        check_level(level)
    if isinstance(source, Forecast):
        if kind is not None:
            raise ValueError("kind: only a bootstrap has kinds of intervals; leave it out")
        return source.level if level is None else level
    for name, value in (("level", level), ("kind", kind)):
        if value is not None and not isinstance(source, Bootstrap):
            raise ValueError(
                f"{name}: only a forecast or a bootstrap has intervals, got {shown(source)}; pass "
                f"forecast(runs) or bootstrap(fit, 1000), or leave {name} out"
            )
    return 0.9 if level is None else level


def _budgets(compute: Any) -> np.ndarray:
    budgets = positive("compute", compute)
    if not len(budgets):
        raise ValueError("compute: expected at least one budget, got none")
    if (small := budgets < _LEAST_BUDGET).any():
        raise ValueError(
            f"compute: {budgets[small][0]:g} is too small for a budget in FLOPs; write 1e20, "
            "not 20, and multiply PFLOP/s-days by 8.64e19"
        )
    return budgets


def _number(name: str, value: Any, least: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not (np.isfinite(number) and number >= least):
        raise ValueError(f"{name}: expected a finite number of at least {least:g}, got {value!r}")
    return number


def _result(
    solver: _Solver, cost: Cost, budgets: np.ndarray, rows: np.ndarray, around: Circumstances
) -> Allocation:
    N, D, _, loss, limit, slope_N, slope_D, slope_loss, training, at_20 = rows
    intervals, without = solver.intervals_at(budgets)
    runs = solver.runs
    data = None if runs is None else DataRange.of(runs, run_flops(cost, runs))
    inside = None if runs is None else extrapolation_length(runs, N, D) == 0.0
    known = np.isfinite(N)
    codes = np.where(known, limit, 0).astype(int)
    answers = Answers(
        budgets, known, limit, inside, without, float(around.max_N), float(around.max_D)
    )
    return Allocation(
        law=solver.law,
        method=solver.method,
        num_runs=0 if runs is None else len(runs),
        cost="6 N D" if cost.flops is None else _name(cost.flops),
        compute=budgets,
        N=N,
        D=D,
        loss=loss,
        limited_by=tuple(LIMITS[code] for code in codes),
        exponent_N=slope_N,
        exponent_D=slope_D,
        exponent_loss=slope_loss,
        training=training,
        inference=2.0 * N * float(around.tokens_served),
        loss_at_20=at_20,
        inside_data=inside,
        data_range=data,
        intervals=intervals,
        tokens_served=float(around.tokens_served),
        max_N=float(around.max_N),
        max_D=float(around.max_D),
        warnings=(
            *solver.warnings,
            *warnings_of(answers, partial(range_of_optima, solver.losses_at), intervals),
        ),
    )


def _name(flops: FLOPs) -> str:
    """How reports call a FLOP function: by its text, or by its name."""
    if not hasattr(flops, "__name__"):
        return str(flops)
    return f"{flops.__name__}(N, D)".replace("<lambda>", "flops")


_NUM_EACH = 49  # grid points along N and along D at which a FLOP function is checked


def run_flops(cost: Cost, runs: Runs) -> np.ndarray:
    """Training FLOPs of each run."""
    with jax.enable_x64(True):
        return np.asarray(cost.training(jnp.asarray(runs.N), jnp.asarray(runs.D)))


def check_flops(flops: FLOPs | None, budgets: np.ndarray) -> None:
    """Check a FLOP function at all N and D that the budgets could buy.

    Raises:
        ValueError: it is not positive, finite and increasing in N and in D, or does not return one
            number for each N and D.
        TypeError: it is not a function in JAX operations.
    """
    if flops is None:
        return
    if not callable(flops):
        raise TypeError(f"flops: expected a function of N and D, got {type(flops).__name__}")
    low, high = budgets.min() / 6.0, budgets.max() / 6.0
    N = np.geomspace(np.sqrt(low / HIGHEST), np.sqrt(high / LOWEST), _NUM_EACH)[:, None]
    D = np.geomspace(np.sqrt(low * LOWEST), np.sqrt(high * HIGHEST), _NUM_EACH)[None]
    N, D = np.broadcast_arrays(N, D)
    values = _values(flops, N, D)
    bad = ~(np.isfinite(values) & (values > 0))
    if bad.any():
        i = tuple(np.argwhere(bad)[0])
        raise ValueError(
            f"flops: FLOPs must be positive and finite, got {values[i]:g} at {_point(N[i], D[i])}"
        )
    for axis, name in enumerate(("N", "D")):
        flat = np.argwhere(np.diff(values, axis=axis) <= 0)
        if len(flat):
            i = tuple(flat[0])
            j = (i[0] + 1, i[1]) if axis == 0 else (i[0], i[1] + 1)
            raise ValueError(
                f"flops: FLOPs must increase in {name}, but go from {values[i]:.4g} at "
                f"{_point(N[i], D[i])} to {values[j]:.4g} at {_point(N[j], D[j])}"
            )


def _values(flops: FLOPs, N: np.ndarray, D: np.ndarray) -> np.ndarray:
    try:
        with jax.enable_x64(True):
            values = compiled()(lambda N, D: jnp.asarray(flops(N, D)))(N, D)
    except TypeError as error:  # JAX's errors on tracers are all TypeErrors
        raise TypeError(
            "flops: the function must be made of JAX operations (jax.numpy, no float(…), numpy or "
            f"branches on values): {str(error).splitlines()[0]}"
        ) from None
    if values.shape != N.shape:
        raise ValueError(
            f"flops: expected one number for each N and D, shape {N.shape}; got an array of shape "
            f"{values.shape}"
        )
    return np.asarray(values, dtype=float)


def _point(N: float, D: float) -> str:
    return f"N = {quantity_text(N)}, D = {quantity_text(D)}"
