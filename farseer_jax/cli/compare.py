"""``farseer compare``: which of two fits is better, and at which scale."""

from typing import Any

from farseer_jax.cli.command_factory import Source, command
from farseer_jax.cli.options import (
    POSITIVE,
    Group,
    Settings,
    check_goes_with,
    option,
    reads,
    refit_options,
)
from farseer_jax.cli.output import Output
from farseer_jax.cli.tasks import file_argument, read_fit
from farseer_jax.cli.values import expected, point, span

_NUM_BUDGETS = 7


@reads("A,B")
def _two_names(text: str) -> tuple[str, str]:
    match [name.strip() for name in text.split(",")]:
        case [str(a), str(b)] if a and b and a != b:
            return a, b
    raise expected("two different names with a comma between them (such as old,new)", text)


_OPTIONS = Group(
    "Comparison",
    option(
        "--N",
        span,
        "Parameters to compare over, such as 1e8:1e11; the range of the runs up to ten times its "
        "end unless given.",
    ),
    option("--D", span, "Tokens to compare over, such as 1e9:1e13; as for --N unless given."),
    option(
        "--at points",
        point,
        "Point to compare at as well, such as 25.1e9,5e11 (may be repeated).",
        multiple=True,
    ),
    option("--compute", span, "Range of FLOPs of the compute multipliers, such as 1e20:1e24."),
    option(
        "--tokens-per-parameter", POSITIVE, "D/N of the multipliers at a fixed D/N.", default=20.0
    ),
    option(
        "--names",
        _two_names,
        "Names of both in the output, with a comma between them.",
        default="A,B",
    ),
    option(
        "--comparable",
        help="Compare even losses from different columns, or in what seem to be different units.",
        is_flag=True,
    ),
)
_INTERVALS = Group(
    "Probabilities and intervals",
    *refit_options(
        "Add the probability that A is better, and intervals of the compute multipliers, from "
        "this many refits of each fit's runs, such as 1000.",
        "Seed of the refits of both fits.",
    ),
)


def _check(settings: Settings) -> None:
    check_goes_with("bootstrap", ("level", "seed"), settings)


@command(
    Source(
        arguments=[file_argument("path_a", "A.json"), file_argument("path_b", "B.json")],
        read=lambda settings: [read_fit(settings["path_a"]), read_fit(settings["path_b"])],
        files=["path_a", "path_b"],
    ),
    _OPTIONS,
    _INTERVALS,
    summary="Which of two fits is better, and at which scale.",
    json="the comparison",
    delivers="Comparison",
    picture="plot_comparison",
    examples=[
        "farseer compare a.json b.json",
        "farseer compare a.json b.json --names old,new --N 1e8:1e11 --D 1e9:1e13",
        "farseer compare a.json b.json --at 7e9,2e12 --bootstrap 1000 --json comparison.json",
    ],
    check=_check,
)
def compare(
    sources: list[Any],
    points: tuple[tuple[float, float], ...],
    compute: tuple[float, float] | None,
    bootstrap: int | None,
    seed: int,
    **options: Any,
) -> Output:
    """Compare two fits written by `farseer fit --json`.

    Prints the difference of the losses over N and D, where the winner changes,
    and how much less compute A needs for B's loss; with --bootstrap also the
    probability that A is better.
    """
    import numpy as np

    import farseer_jax

    if bootstrap is not None:
        sources = [farseer_jax.bootstrap(fit, bootstrap, seed=seed) for fit in sources]
    budgets = None if compute is None else np.geomspace(*compute, _NUM_BUDGETS)
    found = farseer_jax.compare_fits(*sources, compute=budgets, **options)
    if not points:
        return Output(found)
    at = found.at(*zip(*points, strict=True))
    return Output(found, above=[at], more={"points": at.to_dict()["points"]})
