"""``farseer bootstrap``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli._draws_file import check_free, check_out, keeping_draws, out_options
from farseer_jax.cli._errors import Refusal
from farseer_jax.cli._fitted import fit_task, single_task
from farseer_jax.cli._jax import set_up_jax
from farseer_jax.cli._methods import method_name
from farseer_jax.cli._model_options import model_options
from farseer_jax.cli._options import (
    Decorated,
    command,
    decorate,
    json_option,
    level_option,
    named_point_option,
    noise_option,
    option,
    seed_option,
)
from farseer_jax.cli._output import check_target, deliver, json_text, with_warnings
from farseer_jax.cli._points import by_name
from farseer_jax.cli._predictions import at_points, bound_points
from farseer_jax.cli._source_options import (
    DATA,
    check_source,
    read_source,
    reading_options,
    source_argument,
)

if TYPE_CHECKING:
    from farseer_jax.cli._fitted import Task
    from farseer_jax.fitting.result import Fit
    from farseer_jax.uncertainty.bootstrap_result import Bootstrap
    from farseer_jax.uncertainty.intervals import Intervals

RESAMPLES = "Resamples"
INTERVALS = "Intervals of the loss"

# As in farseer_jax.uncertainty, which is not imported for the help; a test compares.
SCHEMES = (
    "runs", "sizes", "within-sizes", "bayesian", "residual", "wild", "parametric",
    "jackknife-runs", "jackknife-sizes",
)  # fmt: skip
JACKKNIFES = tuple(name for name in SCHEMES if name.startswith("jackknife"))
KINDS = ("calibrated", "percentile", "basic", "bca", "normal")
DEFAULTS = {"scheme": "wild", "kind": "calibrated", "num_resamples": 1000}

_EPILOG = """\b
Examples:
  farseer bootstrap runs.csv
  farseer bootstrap runs.csv --at 25.1e9,5e11 --at 7e10,1.5e12 --level 0.95
  farseer bootstrap runs.csv --num-resamples 1000000 --out draws.parquet
"""


def _resample_options(command: Decorated) -> Decorated:
    return decorate(
        command,
        [
            option(
                "--num-resamples",
                type=click.IntRange(2),
                metavar="NUMBER",
                group=RESAMPLES,
                help=f"How many refits; {DEFAULTS['num_resamples']:,} unless given. A jackknife "
                "has a number of its own.",
            ),
            option(
                "--scheme",
                type=click.Choice(SCHEMES),
                metavar="NAME",
                default=DEFAULTS["scheme"],
                group=RESAMPLES,
                help=f"How runs are resampled: {', '.join(SCHEMES)}; {DEFAULTS['scheme']} unless "
                "given.",
            ),
            seed_option(
                "resamples_seed",
                RESAMPLES,
                "Seed of the resamples; that of a method's starts is --starts-seed.",
            ),
            noise_option(RESAMPLES, ", for --scheme parametric and --of run"),
        ],
    )


def _interval_options(command: Decorated) -> Decorated:
    return decorate(
        command,
        [
            named_point_option(
                "--at",
                INTERVALS,
                "Where, such as 25.1e9,5e11, or N=4e9,P=8 (may be repeated); without it a summary "
                "is printed.",
            ),
            level_option(INTERVALS),
            option(
                "--interval",
                type=click.Choice(KINDS),
                metavar="NAME",
                group=INTERVALS,
                help=f"How its ends are found: {', '.join(KINDS)}; {DEFAULTS['kind']} unless "
                "given, percentile for laws of other inputs than N and D. A jackknife gives normal "
                "ones only.",
            ),
            option(
                "--of",
                type=click.Choice(["mean", "run"]),
                default="mean",
                show_default=True,
                group=INTERVALS,
                help="Of the law's loss, or of one new run with noise of its own.",
            ),
        ],
    )


@command(
    "bootstrap",
    short_help="Intervals of predicted losses, from refits of resampled runs.",
    epilog=_EPILOG,
)
@source_argument
@json_option("the intervals", DATA)
@_interval_options
@_resample_options
@out_options
@reading_options
@model_options(seed="--starts-seed")
def bootstrap(
    path: Path | None,
    target: str | None,
    out: str | None,
    resume: bool,
    **settings: Any,
) -> None:
    """Fit a scaling law, refit it to resamples of the runs, and print intervals.

    RUNS, the law and the method are those of `farseer fit`, whose seed of the
    starts is called --starts-seed here. The same seed gives the same intervals.

    --out keeps every refit in a file. A command that was killed goes on where
    it was if --resume is added, and so does one with more --num-resamples.
    """
    check_source(path, settings)
    name = method_name(settings)
    _check_together(target, settings)
    check_target(target, [path])
    check_out(out, target, path, resume)
    set_up_jax(refits=True)
    source = read_source(path)
    from farseer_jax import progress_bar

    task = single_task(source, settings)
    noise = _noise(task, settings)
    if out is not None:
        check_free(out, resume)
    with progress_bar():
        fit: Any = fit_task(task, name, settings)
        given = by_name(settings["points"]) if settings["points"] else {}
        if given:
            at_points([fit], given)  # refuses points without a finite loss
        with keeping_draws(out):
            refits = _refits(fit, out, resume, settings)
        found = _intervals(refits, given, noise, settings) if given else None
    table = refits if found is None else found
    deliver(lambda: with_warnings(table, fit), lambda: _json_text(found, fit), target, "Intervals")
    if out is not None:
        click.echo(f"Refits written to {out}", err=True)


def _check_together(target: str | None, settings: dict[str, Any]) -> None:
    """Refuse, before anything is computed, what the library would refuse after the refits."""
    given = click.core.ParameterSource.COMMANDLINE
    context = click.get_current_context()
    named = [
        f"--{n}" for n in ("level", "interval", "of") if context.get_parameter_source(n) is given
    ]
    named += [] if target is None else ["--json"]
    if named and not settings["points"]:
        raise click.UsageError(
            f"{named[0]} is about intervals at points: name one or more by --at N,D."
        )
    kind, scheme = settings["interval"], settings["scheme"]
    if scheme in JACKKNIFES and settings["num_resamples"] is not None:
        raise click.UsageError(
            f"--num-resamples does not go with --scheme {scheme}, which has a number of its own: "
            "leave it out."
        )
    if scheme in JACKKNIFES and kind not in (None, "normal"):
        raise click.UsageError(
            f"--interval {kind} needs random resamples, and --scheme {scheme} has none: leave "
            "--interval out, or choose another scheme."
        )
    if kind == "bca" and settings["of"] == "run":
        raise click.UsageError("--interval bca is for --of mean: choose another for a run.")
    if settings["noise"] is not None and not _needs_noise(settings):
        raise click.UsageError("--noise is for --scheme parametric and for --of run: leave it out.")


def _noise(task: "Task", settings: dict[str, Any]) -> float | None:
    """Of a new run, where one is asked for.

    Raises:
        Refusal: the noise is needed, not given, and the runs do not show it.
    """
    if settings["noise"] is not None or not _needs_noise(settings):
        return settings["noise"] if settings["of"] == "run" else None
    if set(task.law.inputs()) != {"N", "D"}:
        return None  # what the fit leaves
    from farseer_jax import estimate_noise

    try:
        pooled = estimate_noise(task.bound()).pooled
    except ValueError as error:
        raise Refusal(f"{error}; give it by --noise, such as --noise 5e-4") from None
    return pooled if settings["of"] == "run" else None


def _needs_noise(settings: dict[str, Any]) -> bool:
    return settings["of"] == "run" or settings["scheme"] == "parametric"


def _refits(fit: "Fit", out: str | None, resume: bool, settings: dict[str, Any]) -> "Bootstrap":
    import farseer_jax

    scheme, noise = settings["scheme"], settings["noise"]
    if scheme == "parametric":
        scheme = farseer_jax.ParametricBootstrap(noise)
    return farseer_jax.bootstrap(
        fit,
        settings["num_resamples"],
        scheme,
        seed=settings["resamples_seed"],
        out=out,
        resume=resume,
        chunk_size=settings["chunk_size"],
    )


def _intervals(
    refits: "Bootstrap",
    given: dict[str, list[str]],
    noise: float | None,
    settings: dict[str, Any],
) -> "Intervals":
    return refits.interval(
        **bound_points(refits.fit, given).inputs,
        level=settings["level"],
        kind=settings["interval"],
        of=settings["of"],
        noise=noise,
    )


def _json_text(found: "Intervals | None", fit: "Fit") -> str:
    """The intervals, whose warnings are followed by those of the fit, as in the table."""
    assert found is not None  # --json without --at was refused
    content = found.to_dict()
    content["warnings"] += fit.warnings
    return json_text(content)
