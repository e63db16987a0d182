"""``farseer influence``: the influence of each run on a prediction."""

from typing import Any

from farseer_jax.cli.command_factory import command
from farseer_jax.cli.options import Group, noise_option, option
from farseer_jax.cli.predictions import bound_points
from farseer_jax.cli.tasks import TASK, Task
from farseer_jax.cli.values import named_point

_OPTIONS = Group(
    "Influence",
    option("--at", named_point, "Point to predict, such as 25.1B,500B or N=4B,P=8.", required=True),
    noise_option(),
)


@command(
    TASK,
    _OPTIONS,
    summary="The influence of each run on a predicted loss.",
    json="the influence of every run",
    delivers="Influence",
    figure="plot_influence",
    examples=[
        "farseer influence runs.csv --at 25.1B,500B",
        "farseer influence runs.csv --at 25.1B,500B --noise 5e-4 --json influence.json",
    ],
)
def influence(task: Task, at: dict[str, str], noise: float | None) -> Any:
    """Fit a scaling law, and show the influence of each run on a predicted loss.

    RUNS, the law and the method are as for `farseer fit`. Prints how the
    predicted loss changes if a run's loss rises by its noise, by the exact
    derivative of the fit, and how it changes if the run is left out.
    """
    import farseer_jax

    fit = task.fit()
    point = {name: values[0] for name, values in bound_points(fit, [at]).items()}
    return farseer_jax.influence(fit, at=point, noise=noise)
