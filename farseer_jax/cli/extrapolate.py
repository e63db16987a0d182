"""``farseer extrapolate``: which law and method predict larger runs best."""

from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli.command_factory import command
from farseer_jax.cli.model import FITS, LAWS, METHODS, OBJECTIVES
from farseer_jax.cli.options import FROM_1, POSITIVE, Group, Settings, option, reads
from farseer_jax.cli.runs import RUNS_OVER_N_AND_D
from farseer_jax.cli.values import run

if TYPE_CHECKING:
    from farseer_jax.runs.runs import Runs

Named = tuple[str, str, str | None]
FORECAST = "forecast"


@reads("forecast|LAW:METHOD[:OBJECTIVE]")
def candidate(text: str) -> Named | str:
    """The forecast, or a law, possibly with a method and an objective.

    Raises:
        BadParameter: a name is unknown, or the names do not go together.
    """
    if text == FORECAST:
        return text
    law, *rest = text.split(":")
    usual = "piecewise" if law == "farseer" else "least-squares"
    method, *objectives = rest or [usual]
    objective = ":".join(objectives) if objectives else None
    for value, known, what in (
        (law, LAWS, "law"),
        (method, METHODS, "method"),
        (objective, (*OBJECTIVES, None), "objective"),
    ):
        if value not in known:
            names = ", ".join(name for name in known if name)
            raise click.BadParameter(f"unknown {what} {value!r}; choose from {names}.")
    if law not in FITS.get(method, LAWS):
        raise click.BadParameter(f"the method {method} does not fit the law {law}.")
    if objective is not None and "objective" not in METHODS[method]:
        raise click.BadParameter(f"the method {method} has no objective; leave {objective!r} out.")
    return law, method, objective


_OPTIONS = Group(
    "Extrapolation",
    option(
        "--candidate candidates",
        candidate,
        "The forecast, or a law and a method, such as chinchilla:least-squares:huber (may be "
        "repeated); the forecast and five usual candidates unless given.",
        multiple=True,
    ),
    option(
        "--along",
        "N|D|C|COLUMN",
        "Quantity that orders the runs: N, D, compute C, or a column.",
        default="N",
    ),
    option(
        "--held-out",
        POSITIVE,
        "Runs from this value on are held out; the largest value unless given.",
    ),
    option(
        "--limit limits",
        POSITIVE,
        "Fit the runs up to this value (may be repeated); all values above the smallest third "
        "unless given.",
        multiple=True,
    ),
    option("--min-fitted", FROM_1, "Distinct values in the smallest fitted range; 3 unless given."),
    option(
        "--target targets",
        run,
        "Further run to predict, not among RUNS (may be repeated).",
        multiple=True,
    ),
)


def _check(settings: Settings) -> None:
    if settings["limits"] and settings["min_fitted"] is not None:
        raise click.UsageError("--min-fitted does not go with --limit: leave one of them out.")


@command(
    RUNS_OVER_N_AND_D,
    _OPTIONS,
    summary="What predicts larger runs best: the forecast, or which law and method.",
    json="all errors",
    delivers="Errors",
    picture="plot_extrapolation",
    examples=[
        "farseer extrapolate runs.csv",
        "farseer extrapolate runs.csv --along C --json errors.json",
        "farseer extrapolate runs.csv --candidate forecast \\",
        "    --candidate chinchilla:least-squares:huber --target 25.1e9,5e11,0.4116",
    ],
    check=_check,
)
def extrapolate(runs: "Runs", candidates: Any, limits: Any, targets: Any, **options: Any) -> Any:
    """Show which law and method to trust beyond the runs.

    Laws are fitted to the runs up to one size after another, and predict the
    largest runs, which are held out from all fits, and the runs right above
    each limit.
    """
    import farseer_jax

    return farseer_jax.extrapolate(
        runs,
        [_candidate(one) for one in candidates] or None,
        limits=list(limits) or None,
        targets=_runs(targets) if targets else None,
        **options,
    )


def _candidate(one: Named | str) -> Any:
    if isinstance(one, str):
        return one
    law, method, objective = one
    from farseer_jax.fitting.registry import METHODS as METHOD_CLASSES
    from farseer_jax.laws.registry import LAWS as LAW_CLASSES

    own = {} if objective is None else {"objective": objective}
    return LAW_CLASSES[law], METHOD_CLASSES[method](**own)


def _runs(targets: tuple[tuple[float, float, float], ...]) -> "Runs":
    from farseer_jax import Runs

    N, D, loss = zip(*targets, strict=True)
    return Runs(N, D, loss, N_unit=1.0, D_unit=1.0)
