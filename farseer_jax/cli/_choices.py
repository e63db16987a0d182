"""``farseer choices``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli._fitted import fit_one, over_N_and_D
from farseer_jax.cli._jax import set_up_jax
from farseer_jax.cli._methods import method_name
from farseer_jax.cli._model_options import model_options
from farseer_jax.cli._options import (
    POSITIVE,
    Decorated,
    command,
    decorate,
    json_option,
    option,
    point_option,
)
from farseer_jax.cli._output import check_target, deliver, json_text, with_warnings
from farseer_jax.cli._points import predict_points
from farseer_jax.cli._source_options import (
    DATA,
    check_source,
    read_source,
    reading_options,
    source_argument,
)

if TYPE_CHECKING:
    from farseer_jax.diagnostics.choice_comparison import ChoiceComparison
    from farseer_jax.fitting.result import Fit

CHOICES = "Choices"

# As in farseer_jax.analysis, which is not imported for the help; a test compares.
GROUPS = (
    "count", "size", "smallest", "D", "criterion", "rounds", "pairs", "objective", "residual",
    "method",
)  # fmt: skip

_EPILOG = """\b
Examples:
  farseer choices runs.csv --at 25.1e9,5e11
  farseer choices runs.csv --at 25.1e9,5e11 --group size --group method
  farseer choices runs.csv --at 25.1e9,5e11 --embeddings N_total
"""


def _choice_options(command: Decorated) -> Decorated:
    return decorate(
        command,
        [
            point_option(
                "--at", CHOICES, "Where, such as 25.1e9,5e11 (may be repeated).", required=True
            ),
            option(
                "--group",
                "groups",
                type=click.Choice(GROUPS),
                multiple=True,
                metavar="NAME",
                group=CHOICES,
                help=f"Only these choices (may be repeated): {', '.join(GROUPS)}.",
            ),
            option(
                "--embeddings",
                metavar="COLUMN",
                group=CHOICES,
                help="Column that counts N with embeddings; one such as N_with_embedding is found.",
            ),
            option(
                "--target-embeddings",
                "target_embeddings",
                type=POSITIVE,
                multiple=True,
                metavar="NUMBER",
                group=CHOICES,
                help="Embedding parameters of each point, in the order of --at; a power law of "
                "the runs' unless given.",
            ),
        ],
    )


@command(
    "choices",
    short_help="How predicted losses move with the choices made.",
    epilog=_EPILOG,
)
@source_argument
@json_option("the table", DATA)
@_choice_options
@reading_options
@model_options(seed="--seed")
def choices(path: Path | None, target: str | None, **settings: Any) -> None:
    """Fit a scaling law, and say how its predictions move with each choice.

    RUNS, the law and the method are those of `farseer fit`. One choice at a
    time is made otherwise: how N is counted, which runs are left out, settings
    of the method, other methods.
    """
    check_source(path, settings)
    name = method_name(settings)
    _check_embeddings(settings)
    check_target(target, [path])
    set_up_jax()
    source = read_source(path)
    from farseer_jax import progress_bar

    with progress_bar():
        fit = over_N_and_D(fit_one(source, name, settings), "farseer choices")
        found = _compared(fit, settings)
    deliver(lambda: with_warnings(found, fit), lambda: _json_text(found, fit), target, "Choices")


def _check_embeddings(settings: dict[str, Any]) -> None:
    given, num_points = len(settings["target_embeddings"]), len(settings["points"])
    if given not in (0, num_points):
        raise click.UsageError(
            f"--target-embeddings was given {given} times and --at {num_points} times: give one "
            "for each point, or none."
        )


def _compared(fit: "Fit", settings: dict[str, Any]) -> "ChoiceComparison":
    import farseer_jax

    N, D = (list(values) for values in zip(*settings["points"], strict=True))
    predict_points(fit, N, D)  # refuses points without a finite loss
    return farseer_jax.compare_choices(
        fit,
        N,
        D,
        groups=settings["groups"] or None,
        embeddings=settings["embeddings"],
        target_embeddings=settings["target_embeddings"] or None,
    )


def _json_text(found: "ChoiceComparison", fit: "Fit") -> str:
    return json_text({**found.to_dict(), "warnings": list(fit.warnings)})
