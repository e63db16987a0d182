"""``farseer influence``: what a prediction owes to each run."""

from typing import Any

from farseer_jax.cli.factory import command
from farseer_jax.cli.options import Group, noise_option, option
from farseer_jax.cli.predictions import bound_points
from farseer_jax.cli.tasks import TASK, Task
from farseer_jax.cli.values import named_point

_OPTIONS = Group(
    "Influence",
    option("--at", named_point, "Where, such as 25.1e9,5e11, or N=4e9,P=8.", required=True),
    noise_option(),
)


@command(
    TASK,
    _OPTIONS,
    summary="What a predicted loss owes to each run.",
    json="what the loss owes to every run",
    delivers="Influence",
    picture="plot_influence",
    examples=[
        "farseer influence runs.csv --at 25.1e9,5e11",
        "farseer influence runs.csv --at 25.1e9,5e11 --noise 5e-4 --json influence.json",
    ],
)
def influence(task: Task, at: dict[str, str], noise: float | None) -> Any:
    """Fit a scaling law, and say what a predicted loss owes to each run.

    RUNS, the law and the method are those of `farseer fit`. Of each run: how
    the predicted loss changes if the run's loss moves up by its noise, by the
    exact derivative of the fit, and how it changes if the run is left out.
    """
    import farseer_jax

    fit = task.fit()
    point = {name: values[0] for name, values in bound_points(fit, [at]).items()}
    return farseer_jax.influence(fit, at=point, noise=noise)
