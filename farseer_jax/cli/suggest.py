"""``farseer suggest``: which runs to train next."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli.command_factory import command
from farseer_jax.cli.model import SMOOTH_PIECEWISE, build_method
from farseer_jax.cli.options import (
    FROM_1,
    POSITIVE,
    Group,
    Settings,
    level_option,
    named,
    noise_option,
    option,
)
from farseer_jax.cli.output import Output
from farseer_jax.cli.predictions import check_points
from farseer_jax.cli.runs import RUNS_OVER_N_AND_D, read_runs
from farseer_jax.cli.values import point

if TYPE_CHECKING:
    from farseer_jax.fitting.result import Fit
    from farseer_jax.forecasting.result import Forecast

# Only such fits have derivatives: the squared criterion, without a grid.
_FIXED = {"law": "farseer", "criterion": "squared", "candidates": None}
# Options of a fit: with any of them, there is one instead of a forecast.
_OF_FITS = ("misfit", "noise", *(own.name for own in SMOOTH_PIECEWISE.options if own.name))
_FILE = click.Path(path_type=Path)

_OPTIONS = Group(
    "Suggestions",
    option(
        "--target targets",
        point,
        "Where to predict the loss, such as 25.1e9,5e11 (may be repeated).",
        multiple=True,
    ),
    option(
        "--split compute",
        POSITIVE,
        "Budget to split optimally into N and D, such as 1e23 (may be repeated).",
        multiple=True,
        metavar="FLOPS",
    ),
    option(
        "--budget",
        POSITIVE,
        "Most FLOPs of all suggested runs together, at 6 N D each.",
        required=True,
        metavar="FLOPS",
    ),
    option(
        "--candidates",
        _FILE,
        "Table of runs that could be trained, with columns N and D; the grid of RUNS, continued "
        "upwards, unless given.",
        metavar="FILE",
    ),
    option(
        "--in-progress",
        _FILE,
        "Table of runs that are already paid for, with columns N and D.",
        metavar="FILE",
    ),
    option("--max-runs", FROM_1, "Largest number of runs to suggest."),
    option(
        "--misfit",
        click.FloatRange(0),
        "Of a fit: drift of the law beyond the runs, in ln loss per e-fold; 0 for an exact law; "
        "estimated from hold-outs unless given.",
    ),
    noise_option(" of a fit"),
    level_option(),
)


def _check(settings: Settings) -> None:
    if not settings["targets"] and not settings["compute"]:
        raise click.UsageError(
            "Missing option '--target' or '--split': where to predict the loss, or a budget to "
            "split."
        )


def _read(settings: Settings) -> "Forecast | Fit":
    """The forecast of the runs, or with options of a fit that fit."""
    import farseer_jax

    runs = read_runs(settings)
    if not any(named(name) for name in _OF_FITS):
        return farseer_jax.forecast(runs, usual=False)
    return farseer_jax.fit(
        farseer_jax.Farseer, runs, build_method("piecewise", {**settings, **_FIXED})
    )


@command(
    RUNS_OVER_N_AND_D._replace(
        groups=[*RUNS_OVER_N_AND_D.groups, SMOOTH_PIECEWISE],
        read=_read,
        files=["path", "candidates", "in_progress"],
    ),
    _OPTIONS,
    summary="Which runs to train next for a prediction.",
    json="the suggestions",
    delivers="Suggestions",
    examples=[
        "farseer suggest runs.csv --target 25.1e9,5e11 --budget 1e22",
        "farseer suggest runs.csv --split 1e23 --budget 1e22 --max-runs 6",
        "farseer suggest runs.csv --target 25.1e9,5e11 --budget 1e22 --candidates can_train.csv",
    ],
    check=_check,
    refits=True,
)
def suggest(
    source: "Forecast | Fit",
    targets: Any,
    compute: tuple[float, ...],
    budget: float,
    candidates: Path | None,
    in_progress: Path | None,
    misfit: float | None,
    **options: Any,
) -> Output:
    """Forecast the runs, and find those that most reduce its uncertainty.

    RUNS is as for `farseer fit`. The uncertainty is that of the loss at each
    --target, of the optimal D/N of each --split, or of both. Together, the
    suggested runs cost no more than the budget. With --misfit, --noise or an
    option of the piecewise method, the Farseer law is fitted by it instead,
    with errors of runs that are independent.
    """
    import farseer_jax

    if isinstance(source, farseer_jax.Fit):
        check_points(source, targets)
    found = farseer_jax.suggest_runs(
        source,
        list(targets) or None,
        _table(candidates),
        budget,
        compute=compute or None,
        in_progress=_table(in_progress),
        misfit="hold-outs" if misfit is None else misfit,
        **options,
    )
    return Output(found, warnings=source.warnings if isinstance(source, farseer_jax.Fit) else ())


def _table(path: Path | None) -> Any:
    from farseer_jax.runs.read_files import read_table

    return None if path is None else read_table(path)
