"""Reading loss curves: from one long table, or from the histories of logged runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.curves.beginnings import check_beginnings
from farseer_jax.curves.curve import Curve
from farseer_jax.curves.curve_columns import (
    CurveColumns,
    found_columns,
    loss_candidates,
    loss_column,
)
from farseer_jax.curves.curve_doubts import doubts_of_rates, doubts_of_runs
from farseer_jax.curves.curve_inputs import found_inputs
from farseer_jax.curves.curve_noise import curve_noise
from farseer_jax.curves.curve_schedules import (
    FEWEST,
    GIVE,
    AnySchedule,
    GivenSchedules,
    ScheduledRun,
    scheduled,
)
from farseer_jax.curves.curves import Curves
from farseer_jax.curves.run_rows import RunRows, settled
from farseer_jax.curves.runs_of_rows import codes_of_runs
from farseer_jax.curves.schedule_lengths import length_columns, lengths_of_runs
from farseer_jax.curves.sentences import Sentences
from farseer_jax.curves.shared_rows import tell_shared_rows
from farseer_jax.curves.step_numbers import StepUnit, step_numbers
from farseer_jax.runs.read_table import read_table
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.number_texts import numbers_of

_SMOOTHED: Final = (
    "the noise is correlated between rows, as in a smoothed log: its estimate is less certain, and "
    "a smoothed loss lags behind; give the raw loss"
)


def read_curves(
    source: object,
    *,
    run: str | Sequence[str] | None = None,
    step: str | None = None,
    loss: str | None = None,
    lr: str | None = None,
    schedule: AnySchedule | Mapping[str, AnySchedule] | None = None,
    branches: Mapping[str, str] | None = None,
    inputs: str | Sequence[str] | Mapping[str, str] | None = None,
    warmup: int | None = None,
    drop_warmup: bool = True,
    drop_spikes: bool = True,
    tokens_per_step: float | None = None,
    table: str | None = None,
    derive: str | Sequence[str] = (),
    where: str | None = None,
) -> Curves:
    """Read loss curves and their learning-rate schedules.

    The table has a row for each logged step of each run. Losses and learning rates need not be
    logged at the same steps. Schedules come from the column of the learning rate: constant,
    cosine, linear, WSD and other standard schedules are recognised if they match it to rounding;
    any other is interpolated between logged steps. If a run was resumed, the later rows replace
    the earlier ones; if it diverged, it is cut; losses that a branch has in common with its parent
    to the digit count once in a fit; spikes are left out. ``notes`` and ``warnings`` say so.

    Args:
        source: as for :func:`read_table`: a file, several, or a table in memory; a folder of
            TensorBoard events, ``trainer_state.json`` or offline runs of Weights & Biases, or
            ``"wandb:entity/project"``, of which all logged steps are read.
        run: the column or columns that identify a run, such as ``"N_million,curve"``; None finds
            them.
        step: the column of the step, or of the tokens seen; None finds it by its name.
        loss: the column of the loss; None finds it by its name and prefers an evaluation loss.
        lr: the column of the learning rate; None finds it by its name.
        schedule: the schedule of all curves, or of some by name, instead of a column: a
            `Schedule`, its text (``"cosine steps=24000 peak=3e-4 warmup=2000"``), or a function of
            the step.
        branches: curves that were logged from a fork on, each with the curve that it continues,
            ``{"anneal": "constant"}``, whose learning rate it had before.
        inputs: quantities that are constant along a run, such as N: names, or columns by name.
            None finds N, the batch size and others by their usual names and, in tables of up to 12
            columns, all numbers that differ between runs.
        warmup: steps of warmup; None infers them from the column of the learning rate.
        drop_warmup: leave out losses of the warmup.
        drop_spikes: leave out losses far above those of neighbouring rows.
        tokens_per_step: batch size in tokens, if the table counts tokens instead of steps.
        table: sheet of an Excel file, table of a database, or an SQL query.
        derive: formulas for new columns.
        where: a condition in SQL that rows must meet.

    Raises:
        OSError, ValueError: the table cannot be read, a column is missing or ambiguous, or no run
            has two losses; the message names the option.
        TypeError: ``source`` is not a table.

    Example:
        >>> from farseer_jax import Schedule, read_curves
        >>> cosine = Schedule.cosine(4_000, 3e-4, final=3e-5, warmup=200)
        >>> step = range(100, 4_001, 100)
        >>> table = {
        ...     "run": ["a"] * 40, "step": step, "lr": cosine.at(step),
        ...     "loss": [3 + 10 / t**0.5 for t in step], "params_M": [25] * 40,
        ... }
        >>> curves = read_curves(table)
        >>> print(curves["a"].schedule, curves["a"].inputs)
        cosine steps=4000 peak=0.0003 final=3e-05 warmup=200 {'N': 25000000.0}
    """
    columns = read_table(source, table=table, derive=derive, where=where, history=True)
    try:
        given = GivenSchedules(schedule, warmup, branches or {})
        return _curves(
            columns,
            _Options(run, step, loss, lr, given, inputs, drop_warmup, drop_spikes, tokens_per_step),
        )
    except ValueError as error:
        name = f"{columns.source}: " if columns.source else ""
        raise ValueError(f"{name}{error}") from None


@dataclass(frozen=True)
class _Options:
    """The options of :func:`read_curves` about the contents of the table."""

    run: str | Sequence[str] | None
    step: str | None
    loss: str | None
    lr: str | None
    given: GivenSchedules
    inputs: str | Sequence[str] | Mapping[str, str] | None
    drop_warmup: bool
    drop_spikes: bool
    tokens_per_step: float | None


def _curves(columns: Columns, options: _Options) -> Curves:
    found = _columns(columns, options)
    steps, step_note, unit = step_numbers(
        columns[found.step], found.step, found.is_tokens, options.tokens_per_step
    )
    taken = [own for own in (found.step, found.lr, options.loss) if own is not None]
    taken += [*loss_candidates(columns), *length_columns(columns)]
    codes, names, keys = codes_of_runs(columns, options.run, steps, taken)
    inputs = found_inputs(columns, options.inputs, codes, taken, names)
    loss, loss_note = loss_column(columns, options.loss, len(names))
    notes, warnings, curves = Sentences(names), Sentences(names), []
    runs = _settled_runs(columns, found.lr, loss, steps, codes, options, unit)
    lengths = {} if unit.tokens else lengths_of_runs(columns, codes, names)
    schedules = scheduled(names, runs, options.given._replace(lengths=lengths), notes)
    urgent = doubts_of_runs(schedules, Sentences(names), unit)
    check_beginnings(schedules, inputs.values, options.given.branches, warnings)
    for place, run in enumerate(schedules):
        about = {key: float(values[place]) for key, values in inputs.values.items()}
        curve = _curve(run, about, options, notes, warnings)
        curves += [] if curve is None else [curve]
    if not curves:
        raise ValueError(f"no curve has {FEWEST} losses: {'; '.join(notes.merged())}")
    tell_shared_rows(curves, notes, warnings)
    known = {"step": found.step, "loss": loss, "lr": found.lr, "run": ",".join(keys)}
    first = [*columns.notes, loss_note, *inputs.notes, step_note]
    return Curves(
        tuple(curves),
        {**{key: value for key, value in known.items() if value}, **inputs.columns},
        (*filter(None, first), *notes.merged()),
        (
            *urgent.merged(),
            *doubts_of_rates(curves, schedules, found.lr),
            *warnings.merged(),
        ),
        columns.source,
    )


def _columns(columns: Columns, options: _Options) -> CurveColumns:
    """The columns of the step and, unless the schedule of all is given, of the learning rate."""
    is_of_all = options.given.is_of_all
    if is_of_all and (options.lr is not None or options.given.branches):
        other = "lr" if options.lr is not None else "branches"
        raise ValueError(f"schedule and {other} are both given; give one of the two")
    found = found_columns(
        columns,
        options.step,
        options.lr,
        needs_lr=not is_of_all,
        has_tokens=options.tokens_per_step is not None,
    )
    if options.given.schedule is None and found.lr is None:
        raise ValueError(
            f"lr: no column holds the learning rate of each step; name it (lr=), or {GIVE}"
        )
    return found


def _settled_runs(
    columns: Columns,
    lr: str | None,
    loss: str,
    steps: NDArray[np.float64],
    codes: NDArray[np.intp],
    options: _Options,
    unit: StepUnit,
) -> list[RunRows]:
    """The rows of each run in order."""
    losses = numbers_of(columns[loss]).numbers
    rates = np.full(len(steps), np.nan) if lr is None else numbers_of(columns[lr]).numbers
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    return [
        settled(steps[own], losses[own], rates[own], drop_spikes=options.drop_spikes, unit=unit)
        for own in parts
    ]


def _curve(
    run: ScheduledRun,
    inputs: dict[str, float],
    options: _Options,
    notes: Sentences,
    warnings: Sentences,
) -> Curve | None:
    """The curve of one run; None if it has too few losses."""
    name, rows, logged = run
    notes.add(name, *rows.notes)
    if logged is None:
        lacking = _counted(len(rows.steps)) if len(rows.steps) < FEWEST else "no learning rate"
        notes.add(name, f"left out, having {lacking}")
        return None
    schedule = logged.schedule
    notes.add(name, *logged.notes)
    warnings.add(name, *logged.warnings)
    keep = np.full(len(rows.steps), True)
    if options.drop_warmup:
        keep = rows.steps >= max(schedule.warmup, 1)
    if keep.sum() < FEWEST:
        notes.add(name, f"left out, having {_counted(int(keep.sum()))} after the warmup")
        return None
    if not keep.all():
        num = int((~keep).sum())
        notes.add(name, f"{_counted(num)} of the warmup {'is' if num == 1 else 'are'} left out")
    steps, losses = rows.steps[keep], rows.losses[keep]
    noise = curve_noise(steps, losses)
    if noise.correlation:
        warnings.add(name, _SMOOTHED)
    return Curve(name, steps, losses, schedule, inputs, noise.noise, correlation=noise.correlation)


def _counted(num: int) -> str:
    return f"{num:,} loss{'es' if num != 1 else ''}"
