"""``farseer influence``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from farseer_jax.cli._fitted import fit_one
from farseer_jax.cli._jax import set_up_jax
from farseer_jax.cli._methods import method_name
from farseer_jax.cli._model_options import model_options
from farseer_jax.cli._options import command, json_option, noise_option, option
from farseer_jax.cli._output import check_target, deliver, json_text
from farseer_jax.cli._points import by_name, named_point
from farseer_jax.cli._predictions import at_points, bound_points
from farseer_jax.cli._source_options import (
    DATA,
    check_source,
    read_source,
    reading_options,
    source_argument,
)

if TYPE_CHECKING:
    from farseer_jax.fitting.result import Fit
    from farseer_jax.uncertainty.influence_result import Influence

INFLUENCE = "Influence"

_EPILOG = """\b
Examples:
  farseer influence runs.csv --at 25.1e9,5e11
  farseer influence runs.csv --at 25.1e9,5e11 --noise 5e-4 --json influence.json
"""


@command(
    "influence",
    short_help="What a predicted loss owes to each run.",
    epilog=_EPILOG,
)
@source_argument
@json_option("what the loss owes to every run", DATA)
@option(
    "--at",
    "at",
    type=named_point,
    required=True,
    metavar="N,D|NAME=VALUE,...",
    group=INFLUENCE,
    help="Where, such as 25.1e9,5e11, or N=4e9,P=8.",
)
@noise_option(INFLUENCE)
@reading_options
@model_options(seed="--seed")
def influence(path: Path | None, target: str | None, **settings: Any) -> None:
    """Fit a scaling law, and say what a predicted loss owes to each run.

    RUNS, the law and the method are those of `farseer fit`. Of each run: how
    the predicted loss changes if the run's loss moves up by its noise, by the
    exact derivative of the fit, and how it changes if the run is left out.
    """
    check_source(path, settings)
    name = method_name(settings)
    check_target(target, [path])
    set_up_jax()
    source = read_source(path)
    from farseer_jax import progress_bar

    with progress_bar():
        found = _found(fit_one(source, name, settings), settings)
    deliver(lambda: str(found), lambda: json_text(found.to_dict()), target, "Influence")


def _found(fit: "Fit", settings: dict[str, Any]) -> "Influence":
    import farseer_jax

    given = by_name([settings["at"]])
    at_points([fit], given)  # refuses a point without a finite loss
    at = {name: values[0] for name, values in bound_points(fit, given).inputs.items()}
    return farseer_jax.influence(fit, at=at, noise=settings["noise"])
