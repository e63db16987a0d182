"""``farseer choices``: how predictions change with an analyst's choices."""

from typing import Any

import click

from farseer_jax.cli.command_factory import command
from farseer_jax.cli.options import Choice, Group, Settings, option
from farseer_jax.cli.output import Output
from farseer_jax.cli.predictions import check_points
from farseer_jax.cli.tasks import TASK, Task
from farseer_jax.cli.values import point, positives

# As in farseer_jax.diagnostics, which is not imported for the help; a test compares.
GROUPS = (
    "count", "size", "smallest", "D", "criterion", "rounds", "pairs", "objective", "residual",
    "method"
)  # fmt: skip

_OPTIONS = Group(
    "Choices",
    option(
        "--at points",
        point,
        "Point to predict, such as 25.1B,500B (may be repeated).",
        multiple=True,
        required=True,
    ),
    option(
        "--group groups",
        Choice(GROUPS),
        f"Only these choices (may be repeated): {', '.join(GROUPS)}.",
        multiple=True,
    ),
    option(
        "--embeddings",
        "COLUMN",
        "Column that counts N with embeddings; found if its name is usual, as N_with_embedding.",
    ),
    option(
        "--target-embeddings",
        positives,
        "Embedding parameters of each point, in the order of --at, such as 400M,800M; by a power "
        "law through the runs' unless given.",
    ),
)


def _check(settings: Settings) -> None:
    given, num_points = len(settings["target_embeddings"] or ()), len(settings["points"])
    if given not in (0, num_points):
        raise click.UsageError(
            f"--target-embeddings was given {given} times and --at {num_points} times: give one "
            "for each point, or none."
        )


@command(
    TASK,
    _OPTIONS,
    summary="How predicted losses change with an analyst's choices.",
    json="the table",
    delivers="Choices",
    figure="plot_choices",
    examples=[
        "farseer choices runs.csv --at 25.1B,500B",
        "farseer choices runs.csv --at 25.1B,500B --group size --group method",
        "farseer choices runs.csv --at 25.1B,500B --embeddings N_total",
    ],
    check=_check,
)
def choices(task: Task, points: Any, **options: Any) -> Output:
    """Fit a scaling law, and show how its predictions change with each choice.

    RUNS, the law and the method are as for `farseer fit`. One choice is changed
    at a time: how N is counted, which runs are left out, settings of the
    method, other methods.
    """
    import farseer_jax

    fit = task.fit_over_N_and_D()
    check_points(fit, points)
    N, D = map(list, zip(*points, strict=True))
    given = {name: value or None for name, value in options.items()}
    return Output(farseer_jax.compare_choices(fit, N, D, **given), warnings=fit.warnings)
