"""Figures of runs themselves, and of laws and methods that are fitted to them."""

from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli.analysis import Source
from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.extrapolate import FORECAST, candidate, candidate_of
from farseer_jax.cli.inspect import inspect
from farseer_jax.cli.model import LAWS
from farseer_jax.cli.options import (
    FROM_1,
    POSITIVE,
    Group,
    NumberRange,
    Settings,
    WholeRange,
    named,
    option,
    reads,
    spelled,
)
from farseer_jax.cli.output import Output
from farseer_jax.cli.plot.kind import Figure, figure_kind, of_command
from farseer_jax.cli.runs import (
    DATA,
    EXAMPLE,
    OF_TABLES,
    RECIPE_GROUPS,
    RUNS,
    SELECTING,
    SELECTING_BY_ANY,
    read_recipe,
    within_bounds,
)
from farseer_jax.cli.values import expected, names

if TYPE_CHECKING:
    from farseer_jax.runs.runs import Runs

_VIEWS = ("D,D", "D,N", "N,D", "N,N")
_SHOW = ("differences", "coefficient", "exponent")
_OF_COLUMNS = ("N", "D", "response", "N_unit", "D_unit", *OF_TABLES)


def _check(settings: Settings) -> None:
    if (settings["path"] is None) != settings["example"]:
        raise click.UsageError("Name a file of runs, such as runs.csv, or --example.")
    for name in _OF_COLUMNS:
        if settings["example"] and named(name):
            raise click.UsageError(
                f"{spelled(name)} is for the columns of a file: leave it out with --example."
            )


def _read(settings: Settings) -> "Runs":
    runs = read_recipe(settings)
    return runs.select(mask=within_bounds(runs, settings))


_SOURCE = Source(
    arguments=[RUNS],
    options=[EXAMPLE],
    groups=[*RECIPE_GROUPS, SELECTING, SELECTING_BY_ANY],
    title=DATA,
    check=_check,
    read=_read,
    files=["path"],
)
_DIFFERENCES = Group(
    DATA,
    option(
        "--ratio",
        NumberRange(1, min_open=True),
        "Step of D and N that forms a pair, such as 1.41; that of the runs unless given.",
    ),
    option("--min-pairs", WholeRange(3), "Pairs that a line needs.", default=5),
)
_SHOWN = option(
    "--show", click.Choice(_SHOW), f"What to draw: {', '.join(_SHOW)}; the first unless given."
)
_HELD_OUT = option(
    "--held-out", POSITIVE, "N from which on runs are held out; the largest unless given."
)


@reads("ALONG,AGAINST")
def _view(text: str) -> tuple[str, str]:
    if text not in _VIEWS:
        raise expected(f"one of {' '.join(_VIEWS)}", text)
    along, against = text.split(",")
    return along, against


@figure_kind(
    _SOURCE,
    _DIFFERENCES,
    figure=Figure(
        "plot_differences",
        [
            option(
                "--view",
                _view,
                "The variable that steps and that of the lines, such as D,N; D,D unless given.",
            ),
            _SHOWN,
        ],
        ["DifferenceAnalysis"],
    ),
    summary="Differences of the loss along D or N.",
    examples=[
        "farseer plot differences runs.csv",
        "farseer plot differences runs.csv --view N,D --show exponent",
    ],
)
def differences(runs: "Runs", **settings: Any) -> Any:
    """Draw differences of the loss of neighbouring runs, which are power laws."""
    import farseer_jax

    return farseer_jax.analyse_differences(runs, **settings)


@figure_kind(
    _SOURCE,
    _DIFFERENCES,
    figure=Figure("plot_views", [_SHOWN], ["DifferenceAnalysis"]),
    summary="All four views of the differences of the loss.",
    examples=["farseer plot views runs.csv --save views.pdf"],
)
def views(runs: "Runs", **settings: Any) -> Any:
    """Draw differences of the loss along D and N, against D and N."""
    import farseer_jax

    return farseer_jax.analyse_differences(runs, **settings)


@figure_kind(
    _SOURCE,
    Group(
        DATA,
        option(
            "--transform transforms",
            names,
            "Transformations to try, such as identity,log; identity, log and power unless given.",
        ),
        option(
            "--criterion",
            click.Choice(["relative", "held-out"]),
            "Errors that rank forms: on the fitted sizes, or on those held out.",
            default="relative",
        ),
        option("--num-held-out", FROM_1, "Largest sizes to leave out; a quarter unless given."),
    ),
    figure=Figure("plot_forms", classes=["FormChoice"]),
    summary="The best functional forms of A(N), B(N) and U(N).",
    examples=["farseer plot forms runs.csv", "farseer plot forms runs.csv --criterion held-out"],
)
def forms(runs: "Runs", **settings: Any) -> Any:
    """Draw the best forms of the curves A(N), B(N) and U(N), and their errors."""
    import farseer_jax

    return farseer_jax.choose_forms(runs, **settings)


@figure_kind(
    _SOURCE,
    Group(
        DATA,
        _HELD_OUT,
        option(
            "--embeddings",
            "COLUMN",
            "Column that counts N with embeddings; found by a usual name (N_with_embedding).",
        ),
    ),
    figure=Figure("plot_counts", classes=["CountComparison"]),
    summary="Errors with N counted with and without embeddings.",
    examples=["farseer plot counts runs.csv --embeddings N_total --held-out 3e9"],
)
def counts(runs: "Runs", held_out: float | None, embeddings: str | None) -> Any:
    """Draw the errors of two fits, with N counted in two ways."""
    import farseer_jax

    start = float(runs.N.max()) if held_out is None else held_out
    return farseer_jax.compare_counts(runs, held_out=start, embeddings=embeddings)


@figure_kind(
    _SOURCE,
    Group(
        DATA,
        option(
            "--law candidates",
            candidate,
            f"Law to fit: {', '.join(LAWS)}, or an expression of N and D; optionally with a method "
            "and an objective, as in chinchilla:least-squares:huber (may be repeated); those of "
            "`farseer extrapolate` unless given.",
            multiple=True,
        ),
        _HELD_OUT,
    ),
    figure=Figure("plot_methods", classes=["MethodComparison"]),
    summary="Errors of laws and methods on fitted and larger runs.",
    examples=[
        "farseer plot methods runs.csv --held-out 3e9",
        "farseer plot methods runs.csv --law farseer \\",
        "    --law chinchilla:least-squares:huber",
    ],
)
def methods(runs: "Runs", candidates: Any, held_out: float | None) -> Any:
    """Draw the errors of laws and methods on the fitted runs and on larger ones."""
    import farseer_jax
    from farseer_jax.diagnostics.candidates import as_candidates
    from farseer_jax.fitting.arguments import as_law

    start = float(runs.N.max()) if held_out is None else held_out
    if FORECAST in candidates or any(one[1] == FORECAST for one in candidates):
        raise Refusal("--law: a forecast has no method; leave it out, or use `farseer extrapolate`")
    found = as_candidates([candidate_of(one) for one in candidates] or None)
    columns = [*runs.inputs, *runs.extra]
    own = {
        one.name: (as_law(one.law, columns) if isinstance(one.law, str) else one.law, one.method)
        for one in found
        if one.law is not None and one.method is not None
    }
    is_held_out = runs.N >= start
    fitted, held = (runs.select(mask=mask) for mask in (~is_held_out, is_held_out))
    return Output(farseer_jax.compare_methods(fitted, held, own))


inspection = of_command(
    inspect,
    Figure("plot_inspection", classes=["TableInspection"]),
    summary="The runs of a table over two of their inputs.",
    help="""Draw the runs of a table over N and D, coloured by their loss.

    RUNS and options are as for `farseer inspect`, whose JSON is drawn as it is.
    Nothing is fitted.
    """,
    examples=["farseer plot inspection runs.csv", "farseer plot inspection inspection.json"],
)
