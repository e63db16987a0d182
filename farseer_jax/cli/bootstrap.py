"""``farseer bootstrap``: intervals of predicted losses, from refits of resampled runs."""

from pathlib import Path
from typing import Any

import click

from farseer_jax.cli.command_factory import command
from farseer_jax.cli.draws_option import (
    OUT,
    check_alone,
    check_free,
    check_out,
    checked,
    keeping_draws,
)
from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.model import model_groups
from farseer_jax.cli.options import (
    FROM_2,
    Choice,
    Group,
    Settings,
    level_option,
    named,
    noise_option,
    option,
    seed_option,
    spelled,
)
from farseer_jax.cli.output import Output
from farseer_jax.cli.predictions import bound_points
from farseer_jax.cli.runs import TASK_GROUPS
from farseer_jax.cli.tasks import TASK, Task
from farseer_jax.cli.values import named_point

# As in farseer_jax.uncertainty, which is not imported for the help; a test compares.
SCHEMES = (
    "runs", "sizes", "within-sizes", "bayesian", "residual", "wild", "parametric",
    "jackknife-runs", "jackknife-sizes"
)  # fmt: skip
JACKKNIFES = tuple(name for name in SCHEMES if name.startswith("jackknife"))
KINDS = ("calibrated", "percentile", "basic", "bca", "normal")
DEFAULTS = {"scheme": "sizes", "kind": "calibrated", "num_resamples": 1000}

_INTERVALS = Group(
    "Intervals of the loss",
    option(
        "--at points",
        named_point,
        "Point to predict, such as 25.1B,500B or N=4B,P=8 (may be repeated); without one, a "
        "summary is printed.",
        multiple=True,
    ),
    level_option(),
    option(
        "--interval kind",
        Choice(KINDS),
        f"Kind of interval: {', '.join(KINDS)}; {DEFAULTS['kind']} unless given, percentile for "
        "laws over other inputs than N and D. A jackknife has normal intervals only.",
    ),
    option(
        "--of",
        Choice(["mean", "run"]),
        "Interval of the law's mean loss, or of the loss of one new run with its noise.",
        default="mean",
    ),
)
_RESAMPLES = Group(
    "Resamples",
    option(
        "--num-resamples",
        FROM_2,
        f"Number of refits; {DEFAULTS['num_resamples']:,} unless given. Fixed for a jackknife.",
    ),
    option(
        "--scheme",
        Choice(SCHEMES),
        f"How runs are resampled: {', '.join(SCHEMES)}; {DEFAULTS['scheme']} unless given, "
        "bayesian where fewer than four sizes have several runs.",
    ),
    seed_option(
        "--seed resamples_seed",
        "Seed of the resamples; that of a method's starts is --starts-seed.",
    ),
    noise_option(", for --scheme parametric and --of run"),
)


def _check_source(settings: Settings) -> None:
    """Check the runs and the method, which ``--check`` reads from its file."""
    if settings["check"] is None:
        TASK.check(settings)


def _read(settings: Settings) -> Task | None:
    return None if settings["check"] is not None else TASK.read(settings)


def _check(settings: Settings) -> None:
    """Check before the refits what the library would refuse after them."""
    if settings["check"] is not None:
        check_alone()
        return
    about_points = [name for name in ("level", "kind", "of", "target") if named(name)]
    if about_points and not settings["points"]:
        raise click.UsageError(
            f"{spelled(about_points[0])} needs points for intervals: add --at N,D, or leave it out."
        )
    kind, scheme = settings["kind"], settings["scheme"]
    if scheme in JACKKNIFES and settings["num_resamples"] is not None:
        raise click.UsageError(
            f"--num-resamples does not go with --scheme {scheme}, which fixes the number: leave it "
            "out."
        )
    if scheme in JACKKNIFES and kind not in (None, "normal"):
        raise click.UsageError(
            f"--interval {kind} needs random resamples, and --scheme {scheme} has none: leave "
            "--interval out, or choose another scheme."
        )
    if kind == "bca" and settings["of"] == "run":
        raise click.UsageError(
            "--interval bca does not go with --of run: choose another, or use --of mean."
        )
    if settings["noise"] is not None and not _needs_noise(scheme, settings["of"]):
        raise click.UsageError("--noise is for --scheme parametric and for --of run: leave it out.")
    check_out(settings)


def _needs_noise(scheme: str | None, of: str) -> bool:
    return of == "run" or scheme == "parametric"


@command(
    TASK._replace(
        groups=[*TASK_GROUPS, *model_groups(seed="--starts-seed")],
        check=_check_source,
        read=_read,
        files=["path", "check"],
    ),
    _INTERVALS,
    _RESAMPLES,
    OUT,
    summary="Intervals of predicted losses, from refits of resampled runs.",
    json="the intervals",
    delivers="Intervals",
    figure="plot_prediction",
    examples=[
        "farseer bootstrap runs.csv",
        "farseer bootstrap runs.csv --at 25.1B,500B --at 70B,1.5T --level 0.95",
        "farseer bootstrap runs.csv --num-resamples 1000000 --out draws.parquet",
        "farseer bootstrap --check draws.parquet",
    ],
    check=_check,
    refits=True,
)
def bootstrap(
    task: Task | None,
    points: tuple[dict[str, str], ...],
    level: float,
    kind: Any,
    of: Any,
    num_resamples: int | None,
    scheme: str | None,
    resamples_seed: int,
    noise: float | None,
    out: str | None,
    resume: bool,
    chunk_size: int,
    check: Path | None,
) -> Output:
    """Fit a scaling law, refit it to resamples of the runs, and print intervals.

    RUNS, the law and the method are as for `farseer fit`, but the seed of the
    starts is called --starts-seed. The same seed gives the same intervals.

    --out keeps every refit in a file. Add --resume to continue a command that
    was killed, or to add refits with a larger --num-resamples. --check verifies
    such a file and repeats a few of its refits.
    """
    import farseer_jax

    if task is None:
        return checked(str(check), num_resamples)
    of_run = _noise(task, scheme, of, noise)
    if out is not None:
        check_free(out, resume)
    fit = task.fit()
    at = bound_points(fit, points) if points else {}
    with keeping_draws(out):
        refits = farseer_jax.bootstrap(
            fit,
            num_resamples,
            farseer_jax.ParametricBootstrap(noise) if scheme == "parametric" else scheme,
            seed=resamples_seed,
            out=out,
            resume=resume,
            chunk_size=chunk_size,
        )
    found: Any = refits
    if at:
        found = refits.interval(**at, level=level, kind=kind, of=of, noise=of_run)
    note = None if out is None else f"Refits written to {out}"
    drawing = {"targets": at, "levels": (0.5, level)} if at else {}
    return Output(found, warnings=fit.warnings, note=note, drawn=refits, drawing=drawing)


def _noise(task: Task, scheme: str | None, of: str, noise: float | None) -> float | None:
    """Noise of a new run, for intervals of one.

    Raises:
        Refusal: the noise is needed but not given, and the runs do not show it.
    """
    if noise is None and _needs_noise(scheme, of) and set(task.law.inputs()) == {"N", "D"}:
        from farseer_jax import estimate_noise

        try:
            noise = estimate_noise(task.bound()).pooled
        except ValueError as error:
            raise Refusal(f"{error}; give it by --noise, such as --noise 5e-4") from None
    return noise if of == "run" else None
