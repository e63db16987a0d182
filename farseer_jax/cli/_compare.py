"""``farseer compare``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli._fitted import read_fit
from farseer_jax.cli._jax import set_up_jax
from farseer_jax.cli._options import (
    POSITIVE,
    bootstrap_option,
    check_goes_with,
    command,
    json_option,
    level_option,
    option,
    point_option,
    seed_option,
)
from farseer_jax.cli._output import check_target, deliver, json_text
from farseer_jax.cli._values import span

if TYPE_CHECKING:
    from farseer_jax.decisions.compared_points import ComparedPoints
    from farseer_jax.decisions.fit_comparison import FitComparison

COMPARISON = "Comparison"
INTERVALS = "Probabilities and intervals"
OUTPUT = "Output"

_EPILOG = """\b
Examples:
  farseer compare a.json b.json
  farseer compare a.json b.json --names old,new --N 1e8:1e11 --D 1e9:1e13
  farseer compare a.json b.json --at 7e9,2e12 --bootstrap 1000 --json comparison.json
"""


@command(
    "compare",
    short_help="Which of two fits is better, and at which scale.",
    epilog=_EPILOG,
)
@click.argument("path_a", metavar="A.json", type=click.Path(path_type=Path))
@click.argument("path_b", metavar="B.json", type=click.Path(path_type=Path))
@option(
    "--N",
    "N",
    type=span,
    metavar="LOW:HIGH",
    group=COMPARISON,
    help="Parameters to compare over, such as 1e8:1e11; up to ten times those of the runs unless "
    "given.",
)
@option(
    "--D",
    "D",
    type=span,
    metavar="LOW:HIGH",
    group=COMPARISON,
    help="Tokens, likewise.",
)
@point_option("--at", COMPARISON, "Compare at a point too, such as 25.1e9,5e11 (may be repeated).")
@option(
    "--compute",
    type=span,
    metavar="LOW:HIGH",
    group=COMPARISON,
    help="FLOPs at which compute multipliers are given, such as 1e20:1e24.",
)
@option(
    "--tokens-per-parameter",
    type=POSITIVE,
    default=20.0,
    metavar="NUMBER",
    group=COMPARISON,
    help="D/N of the multipliers at a fixed one (20).",
)
@option(
    "--names",
    default="A,B",
    metavar="A,B",
    group=COMPARISON,
    help="What to call both, with a comma between them.",
)
@option(
    "--comparable",
    is_flag=True,
    group=COMPARISON,
    help="Compare even losses of different columns, or that seem to be in different units.",
)
@bootstrap_option(
    INTERVALS,
    "From so many refits of each fit's own runs, such as 1000: the probability that A is better, "
    "and intervals of the compute multipliers.",
)
@level_option(INTERVALS)
@seed_option("seed", INTERVALS, "Seed of the refits of both.")
@json_option("the comparison", OUTPUT)
def compare(path_a: Path, path_b: Path, target: str | None, **settings: Any) -> None:
    """Compare two fits that `farseer fit --json` wrote.

    Prints the difference of the losses over N and D, where the winner changes,
    and how much less compute A needs for B's loss; with --bootstrap, how
    probable it is that A is better.
    """
    names = _names(settings["names"])
    check_goes_with("bootstrap", ("level", "seed"), settings)
    check_target(target, [path_a, path_b])
    set_up_jax(refits=settings["bootstrap"] is not None)
    found = _found(path_a, path_b, names, settings)
    points = None
    if settings["points"]:
        points = found.at(*zip(*settings["points"], strict=True))
    deliver(
        lambda: f"{found}" if points is None else f"{points}\n\n{found}",
        lambda: _json_text(found, points),
        target,
        "Comparison",
    )


def _names(text: str) -> tuple[str, str]:
    names = [name.strip() for name in text.split(",")]
    match names:
        case [str(a), str(b)] if a and b and a != b:
            return a, b
    raise click.BadParameter(
        f"{text!r}: give two different names with a comma between them, such as old,new.",
        param_hint="'--names'",
    )


def _found(
    path_a: Path, path_b: Path, names: tuple[str, str], settings: dict[str, Any]
) -> "FitComparison":
    import numpy as np

    from farseer_jax import bootstrap, compare_fits, progress_bar

    num, budgets = settings["bootstrap"], settings["compute"]
    sources: list[Any] = [read_fit(path, "farseer compare") for path in (path_a, path_b)]
    with progress_bar():
        if num is not None:
            sources = [bootstrap(fit, num, seed=settings["seed"]) for fit in sources]
        return compare_fits(
            *sources,
            N=settings["N"],
            D=settings["D"],
            names=names,
            compute=None if budgets is None else np.geomspace(budgets[0], budgets[1], 7),
            tokens_per_parameter=settings["tokens_per_parameter"],
            level=settings["level"],
            comparable=settings["comparable"],
        )


def _json_text(found: "FitComparison", points: "ComparedPoints | None") -> str:
    content = found.to_dict()
    if points is not None:
        content["points"] = points.to_dict()["points"]
    return json_text(content)
