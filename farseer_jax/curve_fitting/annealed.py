"""``anneal_curves``: the losses that runs would have reached if annealed earlier."""

from typing import NamedTuple

import numpy as np

from farseer_jax.close_names import unknown_name
from farseer_jax.curve_fitting.annealed_result import AnnealedLosses
from farseer_jax.curve_fitting.annealed_warnings import warnings_of
from farseer_jax.curve_fitting.result import CurveFit
from farseer_jax.curve_fitting.schedule_ends import ScheduleEnd, end_losses
from farseer_jax.curves.curve import Curve
from farseer_jax.curves.decay_shapes import DecayShape
from farseer_jax.curves.schedule import Schedule
from farseer_jax.curves.schedule_checks import checked_count, checked_rate
from farseer_jax.runs.checks import check_level

_AFTER = 3.0  # times the warmup: from there on losses are those of the law of training


def anneal_curves(
    fit: CurveFit,
    *,
    over: float = 0.2,
    shape: DecayShape = "linear",
    final: float = 0.0,
    same_steps: bool = False,
    points: int = 16,
    first_step: int | None = None,
    tokens_per_step: float | str | None = None,
    level: float | None = None,
) -> AnnealedLosses:
    """The loss that each run would have reached if it had been annealed from earlier steps.

    A run with a constant learning rate, or the stable phase of a WSD schedule, thus gives the loss
    of a shorter run at each of its steps. The prediction takes into account the offset and the
    misfit of the run's own curve where it was logged.

    Args:
        fit: the fitted law of the curves.
        over: the length of an anneal, as a number of steps (from 1) or, below 1, as a fraction of
            the steps before it; with ``same_steps``, as a fraction of all steps.
        shape: of the decay, ``"linear"``, ``"cosine"``, ``"exponential"`` or ``"sqrt"``.
        final: the learning rate of the last step.
        same_steps: whether an anneal ends at the step instead of beginning there, so that the step
            is the total number of steps of the run.
        points: number of anneals of each curve, at logged steps.
        first_step: at which an anneal may begin; None is three times the warmup of each curve.
            Earlier losses still depend on the warmup, and bias fits of scaling laws.
        tokens_per_step: batch size in tokens, or the name of the input of the curves that holds
            it; if given, each row has its tokens D.
        level: nominal coverage of intervals; that of the fit unless given.

    Raises:
        TypeError: ``fit`` is not a fit of curves.
        ValueError: an argument is out of range, or no later step of any curve has a rate above
            ``final``.

    Example:
        >>> from farseer_jax import anneal_curves, example_curves, fit_curves
        >>> found = anneal_curves(fit_curves(example_curves(), "multi-power"), over=0.2)
        >>> first = found.to_dataframe().query("curve == 'constant'")
        >>> bool((first["loss"].diff().dropna() < 0).all())  # longer runs reach lower losses
        True
    """
    if not isinstance(fit, CurveFit):
        raise TypeError(f"fit: expected a fit of curves, got {type(fit).__name__}")
    length, end = _checked_length(over), checked_rate("final", final)
    level = fit.level if level is None else level
    check_level(level)
    num = checked_count("points", points, 1)
    earliest = None if first_step is None else checked_count("first_step", first_step, 1)
    found = [_anneals(own, length, shape, end, same_steps, num, earliest) for own in fit.curves]
    rows = [(own, row) for own, anneals in zip(fit.curves, found, strict=True) for row in anneals]
    if not rows:
        after = f"{_AFTER:g} times its warmup" if earliest is None else f"step {earliest:,}"
        raise ValueError(
            f"no curve has a learning rate above {end:g} at a logged step from {after} on: give a "
            "lower final= or an earlier first_step="
        )
    batch = None if tokens_per_step is None else _tokens(tokens_per_step, fit)
    last = np.array([row.schedule.steps for _, row in rows])
    ends = [ScheduleEnd(own.name, row.schedule, own.inputs) for own, row in rows]
    losses = end_losses(fit, ends, level)
    result = AnnealedLosses(
        fit=fit,
        over=length,
        shape=shape,
        final=end,
        same_steps=same_steps,
        level=level,
        curve=tuple(own.name for own, _ in rows),
        step=np.array([row.step for _, row in rows]),
        final_step=last,
        D=None if batch is None else last * np.array([batch[own.name] for own, _ in rows]),
        **losses._asdict(),
    )
    return result.with_warnings(warnings_of(result))


class _Anneal(NamedTuple):
    """The step at which an anneal begins, and the schedule up to its end."""

    step: int
    schedule: Schedule


def _checked_length(over: float) -> float:
    if isinstance(over, float) and 0.0 < over < 1.0:
        return over
    try:
        return checked_count("over", over, 1)
    except ValueError:
        raise ValueError(
            f"over= must be a fraction between 0 and 1 or a number of steps, got {over!r}"
        ) from None


def _anneals(
    curve: Curve,
    over: float,
    shape: DecayShape,
    final: float,
    same_steps: bool,
    points: int,
    first_step: int | None,
) -> list[_Anneal]:
    """The anneals of a curve, from some of its logged steps whose rate can decrease."""
    begin = np.array([_start(int(step), over, same_steps) for step in curve.steps])
    warmup = curve.schedule.warmup
    earliest = _AFTER * warmup if first_step is None else max(first_step, warmup + 1)
    usable = (begin >= earliest) & (begin > 0)
    usable[usable] = curve.schedule.at(begin[usable]) > final
    found = []
    for row in _spread(curve.steps, np.flatnonzero(usable), points):
        start = int(begin[row])
        num = int(curve.steps[row]) - start if same_steps else _steps_of(over, start)
        found.append(
            _Anneal(start, curve.schedule.with_decay(start, num, shape=shape, final=final))
        )
    return found


def _spread(steps: np.ndarray, rows: np.ndarray, points: int) -> list[int]:
    """Up to so many rows, including the last, spread evenly in the logarithm of the step."""
    if len(rows) <= points:
        return rows.tolist()
    place = np.log(steps[rows])
    wanted = np.linspace(place[-1], place[0], points)
    nearest = np.abs(place - wanted[:, None]).argmin(1)
    return rows[np.unique(nearest)].tolist()


def _steps_of(over: float, before: int) -> int:
    return max(round(over * before), 1) if over < 1 else int(over)


def _start(step: int, over: float, same_steps: bool) -> int:
    return step - _steps_of(over, step) if same_steps else step


def _tokens(tokens_per_step: float | str, fit: CurveFit) -> dict[str, float]:
    """The batch size of each curve, in tokens.

    Raises:
        ValueError: the curves have no such input, or it is not positive.
    """
    curves = fit.curves
    if isinstance(tokens_per_step, str):
        if tokens_per_step not in curves.inputs:
            known = tuple(curves.inputs)
            raise ValueError(f"{unknown_name('input', tokens_per_step, known)} (tokens_per_step=)")
        values = curves.inputs[tokens_per_step]
    else:
        values = np.full(len(curves), float(tokens_per_step))
    if not (np.isfinite(values) & (values > 0.0)).all():
        raise ValueError(f"tokens_per_step= must be positive, got {tokens_per_step!r}")
    return dict(zip(curves.names, values.tolist(), strict=True))
