"""``optimise_schedule``: the learning-rate schedule with the lowest predicted final loss."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from farseer_jax.close_names import unknown_name
from farseer_jax.curve_fitting.free_schedule import FreeSearch, best_free_schedule
from farseer_jax.curve_fitting.optimal_schedule_result import OptimalSchedule, ScheduleCandidate
from farseer_jax.curve_fitting.result import NEW_RUN, CurveFit
from farseer_jax.curve_fitting.schedule_ends import (
    ScheduleEnd,
    end_draws,
    end_losses,
)
from farseer_jax.curve_fitting.schedule_families import FAMILIES, LOWEST, families_named, plain_rate
from farseer_jax.curve_fitting.schedule_objective import FinalLoss
from farseer_jax.curve_fitting.schedule_warnings import schedule_warnings
from farseer_jax.curve_laws.law import checked_constants
from farseer_jax.curves.curves import Curves
from farseer_jax.curves.schedule import Schedule
from farseer_jax.curves.schedule_checks import checked_count, checked_rate
from farseer_jax.runs.checks import check_level
from farseer_jax.runtime.progress import in_stages
from farseer_jax.runtime.threads import one_blas_thread

FREE = "free"
COSINE, CONSTANT = "cosine to 10 %", "constant"  # what others are compared with
_NUM_DRAWS = 1000
_SHORTEST_RUN = 20  # steps after the warmup
_GAP = 1e-3  # of the loss


def optimise_schedule(
    fit: CurveFit,
    steps: int,
    *,
    peak: float | None = None,
    family: str | Sequence[str] | None = None,
    final: float | None = None,
    warmup: int | None = None,
    knots: int = 100,
    level: float | None = None,
    **inputs: float,
) -> OptimalSchedule:
    """The schedule of a given length with the lowest final loss, by a fitted law of curves.

    The best schedule of each family is found by gradient, then the best of all schedules that do
    not increase after the warmup (``"free"``), which is never worse. The peak is not searched,
    because no law of curves can tell at which peak training becomes unstable. The optimum exploits
    the law: it may be right about which schedule is better and wrong about by how much.
    ``warnings`` say where it goes beyond the schedules that were fitted. The simplest of the
    schedules that cannot be told from the best is ``recommended``.

    Args:
        fit: the fitted law of the curves.
        steps: the number of steps, including the warmup.
        peak: the peak learning rate; None takes the highest peak of the curves.
        family: ``"wsd"``, ``"cosine"``, ``"linear"``, ``"multi-step"`` (two drops) or ``"free"``,
            or several; None searches all.
        final: the rate at the last step; None searches it, down to a thousandth of the peak.
        warmup: steps of warmup; None takes the most common warmup of the curves, at most a fifth
            of ``steps``.
        knots: number of knots of the free schedule, between which its rate is linear.
        level: nominal coverage of intervals; that of the fit unless given.
        inputs: quantities that are constant along the run, such as N.

    Raises:
        TypeError: ``fit`` is not a fit of curves; an input is missing or unknown.
        ValueError: a family is unknown, the peak is above that of every curve by more than a
            tenth, or a number is out of range.

    Example:
        >>> from farseer_jax import example_curves, fit_curves, optimise_schedule
        >>> fit = fit_curves(example_curves(), "multi-power")
        >>> found = optimise_schedule(fit, 4_000, family=["wsd", "cosine"])
        >>> found.best.family.startswith("wsd"), found.best.minus_cosine < 0
        (True, True)
    """
    if not isinstance(fit, CurveFit):
        raise TypeError(f"fit: expected a fit of curves, got {type(fit).__name__}")
    level = fit.level if level is None else level
    check_level(level)
    names = _checked_families(family)
    total = checked_count("steps", steps, 1)
    rise = _checked_warmup(warmup, total, fit)
    highest = _checked_peak(peak, fit)
    end = None if final is None else checked_rate("final", final)
    if end is not None and end >= highest:
        raise ValueError(f"final= must be below the peak {highest:g}, got {end:g}")
    constant = checked_constants(type(fit.law), inputs, "a run")
    num_knots = checked_count("knots", knots, 5, 1000)
    objective = FinalLoss(fit.law, total, highest, rise, constant)
    with one_blas_thread():
        found, search = best_schedules(objective, names, end, num_knots)
        candidates = _compared(fit, found | _references(objective), constant, level)
    result = OptimalSchedule(
        fit=fit,
        steps=total,
        peak=highest,
        warmup=rise,
        inputs=constant,
        level=level,
        candidates=candidates,
        gap=None if search is None else search.gap,
        converged=None if search is None else search.converged,
        num_iterations=0 if search is None else search.num_iterations,
    )
    found_warnings = schedule_warnings(fit, {"the best schedule": result.schedule})
    return result.with_warnings((*found_warnings, *_not_converged(result), *fit.warnings))


def _not_converged(found: OptimalSchedule) -> Iterator[str]:
    if found.converged is False or (found.gap is not None and found.gap > _GAP):
        yield (
            "the search of the free schedule did not converge: the loss could be lower by about "
            f"{found.gap:.1g}"
        )


def best_schedules(
    objective: FinalLoss, names: Sequence[str], final: float | None, knots: int
) -> tuple[dict[str, Schedule], FreeSearch | None]:
    """The best schedule of each family, and the search of the free schedule if requested."""
    is_free = FREE in names
    known = [name for name in names if name != FREE] or (["wsd"] if is_free else [])
    families = families_named(known, objective, final)
    best = {
        own.name: own.best(objective)
        for own in in_stages("searching families of schedules", families)
    }
    if not is_free:
        return best, None
    losses = {name: objective(own.rates[objective.warmup :])[0] for name, own in best.items()}
    leader = min(losses, key=lambda name: losses[name])
    start = best[leader].rates[objective.warmup :]
    lowest = LOWEST * objective.peak if final is None else final
    search = best_free_schedule(
        objective, start, knots=knots, lowest=lowest, ends_there=final is not None
    )
    if search.loss > losses[leader]:  # a jump between two knots
        search = search.replaced(start, losses[leader])
    rates = np.concatenate([best[leader].rates[: objective.warmup], search.rates])
    if not set(names) - {FREE}:
        best = {}
    return {FREE: Schedule(rates, objective.warmup, FREE), **best}, search


def _references(objective: FinalLoss) -> dict[str, Schedule]:
    own = objective.steps, objective.peak
    return {
        COSINE: Schedule.cosine(
            *own, final=plain_rate(0.1 * objective.peak), warmup=objective.warmup
        ),
        CONSTANT: Schedule.constant(*own, warmup=objective.warmup),
    }


def _compared(
    fit: CurveFit, schedules: Mapping[str, Schedule], constant: Mapping[str, float], level: float
) -> tuple[ScheduleCandidate, ...]:
    """Losses and differences, best first, of one new run trained under each schedule."""
    names = list(schedules)
    ends = [ScheduleEnd(NEW_RUN, own, constant) for own in schedules.values()]
    found = end_losses(fit, ends, level)
    drawn = end_draws(fit, ends, _NUM_DRAWS, 0)
    tails = [0.5 * (1.0 - level), 0.5 * (1.0 + level)]
    known = [place for place, name in enumerate(names) if name not in (COSINE, CONSTANT)]
    best = min(known, key=lambda place: found.loss[place])
    others = {"best": best, "cosine": names.index(COSINE), "constant": names.index(CONSTANT)}
    differences: dict[str, np.ndarray] = {}  # ``(schedule,)`` and ``(2, schedule)``
    for what, place in others.items():
        differences[f"minus_{what}"] = found.loss - found.loss[place]
        quantiles = np.quantile(drawn - drawn[:, [place]], tails, axis=0)
        differences[f"minus_{what}_ends"] = quantiles
    candidates = [
        ScheduleCandidate(
            family=name,
            schedule=schedules[name],
            loss=float(found.loss[row]),
            lower=float(found.lower[row]),
            upper=float(found.upper[row]),
            **{own: _plain(values[..., row]) for own, values in differences.items()},
            is_reference=name in (COSINE, CONSTANT),
        )
        for row, name in enumerate(names)
    ]
    return tuple(sorted(candidates, key=lambda own: own.loss))


def _plain(values: np.ndarray) -> Any:
    """A number, or several."""
    return tuple(values.tolist()) if values.ndim else float(values)


def usual_warmup(curves: Curves, steps: int) -> int:
    """The steps of warmup of most curves, at most a fifth of those of a schedule."""
    usual = Counter(own.schedule.warmup for own in curves).most_common(1)[0][0]
    return min(usual, steps // 5)


def _checked_families(family: str | Sequence[str] | None) -> list[str]:
    known = (*FAMILIES, FREE)
    if family is None:
        return list(known)
    names = [family] if isinstance(family, str) else list(family)
    for name in names:
        if name not in known:
            raise ValueError(f"family: {unknown_name('family of schedules', str(name), known)}")
    if not names:
        raise ValueError(f"family: expected at least one of {', '.join(known)}")
    return names


def _checked_warmup(warmup: int | None, steps: int, fit: CurveFit) -> int:
    own = usual_warmup(fit.curves, steps) if warmup is None else warmup
    rise = checked_count("warmup", own, 0)
    if steps - rise < _SHORTEST_RUN:
        raise ValueError(
            f"a schedule needs at least {rise + _SHORTEST_RUN:,} steps, {_SHORTEST_RUN} after its "
            f"warmup of {rise:,}, got {steps:,}"
        )
    return rise


def _checked_peak(peak: float | None, fit: CurveFit) -> float:
    peaks = [own.schedule.peak for own in fit.curves]
    highest = max(peaks)
    if peak is None:
        return highest
    own = checked_rate("peak", peak)
    if own <= 0.0:
        raise ValueError("peak= must be above 0")
    if own > 1.1 * highest:
        raise ValueError(
            f"a peak of {own:g} is above the peak of every curve (at most {highest:g}), and a law "
            "of curves cannot tell at which peak training becomes unstable; fit curves with that "
            "peak, or give a lower peak="
        )
    return own
