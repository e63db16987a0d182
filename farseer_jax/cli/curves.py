"""``farseer curves``: final losses of loss curves, and of other schedules."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from farseer_jax.cli.command_factory import command
from farseer_jax.cli.curve_source import CURVES, inputs_of, schedule_of, schedules
from farseer_jax.cli.options import (
    Group,
    Settings,
    check_goes_with,
    level_option,
    option,
)
from farseer_jax.cli.output import Output
from farseer_jax.cli.values import numbers_by_name

if TYPE_CHECKING:
    from farseer_jax import CurveFit, Schedule

_PREDICTIONS = Group(
    "Forecast",
    option(
        "--predict predicted",
        schedules,
        "Another schedule whose final loss to predict, such as 'wsd steps=48000 peak=3e-4 "
        "decay=8000' (with the warmup of the curves unless it names one), or a file with step "
        "and lr; with RUN: before it, it continues that run (may be repeated).",
    ),
    option("--given", numbers_by_name, "Input of a run to predict, such as N=400M."),
    level_option(),
)


def _check(settings: Settings) -> None:
    check_goes_with("predicted", ("given",), settings)


@command(
    CURVES,
    _PREDICTIONS,
    summary="Final loss of a run, and of other schedules.",
    json="the fit",
    delivers="Fit",
    figure="plot_loss_curves",
    examples=[
        "farseer curves history.csv --run run_id",
        "farseer curves history.csv --schedule 'cosine steps=24k peak=3e-4'",
        "farseer curves fit.json --predict 'wsd steps=48000 peak=3e-4 decay=8000'",
    ],
    check=_check,
)
def curves(
    fit: "CurveFit",
    predicted: list[tuple[str, str]] | None,
    given: dict[str, float] | None,
    level: float,
) -> Output:
    """Fit a law of loss curves, and predict the final loss of each run.

    TABLE has a row for each logged step of each run, with its loss and its
    learning rate. It may also be a folder of logged runs, or
    wandb:ENTITY/PROJECT. A run whose schedule continues past its last loss is
    still going. Prints the law, the final loss of each run with its interval,
    warnings, and the errors of each law on hold-outs.
    """
    fit = replace(fit, level=level)
    if not predicted:
        return Output(fit)
    from farseer_jax import compare_schedules
    from farseer_jax.curve_fitting.curve_fit_text import rests_on
    from farseer_jax.results.result import warned

    inputs: Any = inputs_of(fit, given, needs_all=any(not run for run, _ in predicted))
    read = [_schedule_of(text, run, fit) for run, text in predicted]
    found = compare_schedules(
        fit, [own for own, _ in read], curves=[run or None for run, _ in predicted], **inputs
    )
    return Output(
        fit,
        text=warned(rests_on(fit), fit.warnings),
        above=[found],
        more={"predicted": found.to_dict()["rows"]},
        note="; ".join(dict.fromkeys(note for _, note in read if note)) or None,
    )


def _schedule_of(text: str, run: str, fit: "CurveFit") -> "tuple[Schedule, str]":
    """The schedule of a text, with the warmup of the curves where it has none, and a note."""
    from farseer_jax.curve_fitting.optimal_schedule import usual_warmup

    form, *changes = text.split(";")
    if "=" not in form or "warmup=" in form:
        return schedule_of(text), ""
    curves = fit.curves.select(run) if run else fit.curves
    warmup = usual_warmup(curves, schedule_of(form).steps)
    if not warmup:
        return schedule_of(text), ""
    note = f"warmup={warmup}, as in the curves, where --predict names no warmup"
    return schedule_of(";".join([f"{form} warmup={warmup}", *changes])), note
