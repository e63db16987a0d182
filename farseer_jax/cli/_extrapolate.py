"""``farseer extrapolate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli._jax import set_up_jax
from farseer_jax.cli._law import LAWS
from farseer_jax.cli._methods import FITS, OPTIONS
from farseer_jax.cli._model_options import OBJECTIVES
from farseer_jax.cli._options import POSITIVE, Decorated, command, decorate, json_option, option
from farseer_jax.cli._output import check_target, deliver, json_text
from farseer_jax.cli._source_options import (
    DATA,
    check_source,
    column_options,
    read_runs,
    source_argument,
)
from farseer_jax.cli._values import number

if TYPE_CHECKING:
    from farseer_jax.diagnostics.extrapolation import Extrapolation
    from farseer_jax.runs.runs import Runs

EXTRAPOLATION = "Extrapolation"

_EPILOG = """\b
Examples:
  farseer extrapolate runs.csv
  farseer extrapolate runs.csv --along C --json errors.json
  farseer extrapolate runs.csv --candidate farseer:piecewise \\
      --candidate chinchilla:least-squares:huber --target 25.1e9,5e11,0.4116
"""

Named = tuple[str, str, str | None]


def candidate(text: str) -> Named:
    """A law, a method and perhaps an objective: ``LAW``, ``LAW:METHOD`` or with ``:OBJECTIVE``.

    Raises:
        BadParameter: the text is anything else, or the method does not fit the law.
    """
    law, *rest = text.split(":")
    usual = "piecewise" if law == "farseer" else "least-squares"
    method, *objectives = rest or [usual]
    objective = objectives[0] if objectives else None
    for value, known, what in ((law, LAWS, "law"), (method, tuple(OPTIONS), "method")):
        if value not in known:
            raise click.BadParameter(f"{value!r} is no {what}; choose of {', '.join(known)}.")
    if law not in FITS.get(method, LAWS):
        raise click.BadParameter(f"the method {method} does not fit the law {law}.")
    if len(objectives) > 1 or (objective is not None and objective not in OBJECTIVES):
        raise click.BadParameter(
            f"{':'.join(objectives)!r} is no objective; choose of {', '.join(OBJECTIVES)}."
        )
    if objective is not None and "objective" not in OPTIONS[method]:
        raise click.BadParameter(f"the method {method} has no objective; leave {objective!r} out.")
    return law, method, objective


def target_point(text: str) -> tuple[float, float, float]:
    """Three positive numbers ``N,D,LOSS``.

    Raises:
        BadParameter: the text is anything else.
    """
    match [number(part) for part in text.split(",")]:
        case [float(N), float(D), float(loss)] if min(N, D, loss) > 0:
            return N, D, loss
    raise click.BadParameter(
        f"{text!r} is no run N,D,LOSS: three positive numbers with commas between them and no "
        "space, such as 25.1e9,5e11,0.4116."
    )


def _extrapolate_options(command: Decorated) -> Decorated:
    def own(*names: str, **settings: Any) -> Any:
        return option(*names, group=EXTRAPOLATION, **settings)

    return decorate(
        command,
        [
            own(
                "--candidate",
                "candidates",
                type=candidate,
                multiple=True,
                metavar="LAW:METHOD[:OBJECTIVE]",
                help="Law and method, such as chinchilla:least-squares:huber (may be repeated); "
                "five usual ones unless given.",
            ),
            own(
                "--along",
                default="N",
                show_default=True,
                metavar="N|D|C|COLUMN",
                help="What orders the runs: N, D, compute C, or a column.",
            ),
            own(
                "--held-out",
                type=POSITIVE,
                metavar="NUMBER",
                help="Runs from this value on are held out; the largest value unless given.",
            ),
            own(
                "--limit",
                "limits",
                type=POSITIVE,
                multiple=True,
                metavar="NUMBER",
                help="Fit the runs up to this value (may be repeated); all values from a third "
                "of them on unless given.",
            ),
            own(
                "--min-fitted",
                type=click.IntRange(1),
                metavar="NUMBER",
                help="Distinct values in the smallest fitted range; 3 unless given.",
            ),
            own(
                "--target",
                "targets",
                type=target_point,
                multiple=True,
                metavar="N,D,LOSS",
                help="A run that is not among RUNS, to predict (may be repeated).",
            ),
        ],
    )


@command(
    "extrapolate",
    short_help="Which law and method predict larger runs best.",
    epilog=_EPILOG,
)
@source_argument
@json_option("all errors", DATA)
@_extrapolate_options
@column_options
def extrapolate(path: Path | None, target: str | None, **settings: Any) -> None:
    """Say which law and method to trust beyond the runs.

    Laws are fitted to the runs up to one size after another, and predict the
    largest runs, which none of them has seen, and those right above each
    limit.
    """
    check_source(path, settings)
    check_target(target, [path])
    if settings["limits"] and settings["min_fitted"] is not None:
        raise click.UsageError("--min-fitted does not go with --limit: leave one of them out.")
    set_up_jax()
    runs = read_runs(path, settings)
    from farseer_jax import progress_bar

    with progress_bar():
        found = _found(runs, settings)
    deliver(lambda: str(found), lambda: json_text(found.to_dict()), target, "Errors")


def _found(runs: "Runs", settings: dict[str, Any]) -> "Extrapolation":
    import farseer_jax

    return farseer_jax.extrapolate(
        runs,
        [_pair(named) for named in settings["candidates"]] or None,
        along=settings["along"],
        held_out=settings["held_out"],
        limits=list(settings["limits"]) or None,
        min_fitted=settings["min_fitted"],
        targets=_targets(settings["targets"]),
    )


def _pair(named: Named) -> tuple[Any, Any]:
    from farseer_jax.fitting.registry import METHODS
    from farseer_jax.laws.registry import LAWS as CLASSES

    law, method, objective = named
    own = {} if objective is None else {"objective": objective}
    return CLASSES[law], METHODS[method](**own)


def _targets(points: tuple[tuple[float, float, float], ...]) -> "Runs | None":
    from farseer_jax import Runs

    if not points:
        return None
    N, D, loss = zip(*points, strict=True)
    return Runs(N, D, loss, N_unit=1.0, D_unit=1.0)
