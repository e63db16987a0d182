"""``farseer doublings``: what twice the parameters or tokens change."""

from typing import Any

from farseer_jax.cli.factory import Source, command
from farseer_jax.cli.options import Group, option
from farseer_jax.cli.predictions import check_points
from farseer_jax.cli.tasks import file_argument, read_fit
from farseer_jax.cli.values import point

_OPTIONS = Group(
    "Doublings",
    option(
        "--at points",
        point,
        "Where, such as 7e9,1e12 (may be repeated).",
        multiple=True,
        required=True,
    ),
)


@command(
    Source(
        arguments=[file_argument("fit_path", "FIT.json")],
        read=lambda settings: read_fit(settings["fit_path"]),
        files=["fit_path"],
    ),
    _OPTIONS,
    summary="What twice the parameters or tokens change.",
    json="the changes",
    delivers="Doublings",
    picture="plot_doublings",
    examples=["farseer doublings fit.json --at 7e9,1e12"],
)
def doublings(fit: Any, points: Any) -> Any:
    """Say what twice the parameters, twice the tokens or both do to the loss."""
    import farseer_jax

    check_points(fit, points)
    return farseer_jax.doublings(fit, *map(list, zip(*points, strict=True)))
