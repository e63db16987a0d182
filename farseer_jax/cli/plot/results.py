"""Figures of the results of commands: the same options, or a saved result."""

from typing import Any

import click

from farseer_jax.cli.accuracy import accuracy as accuracy_command
from farseer_jax.cli.allocate import allocate
from farseer_jax.cli.anneal import anneal
from farseer_jax.cli.choices import choices as choices_command
from farseer_jax.cli.compare import compare
from farseer_jax.cli.curves import curves as curves_command
from farseer_jax.cli.extrapolate import extrapolate
from farseer_jax.cli.forecast import forecast as forecast_command
from farseer_jax.cli.influence import influence as influence_command
from farseer_jax.cli.optimise import optimise
from farseer_jax.cli.options import FROM_0, option, reads
from farseer_jax.cli.plot.kind import Figure, of_command
from farseer_jax.cli.plot.saved import DRAWS, FIT
from farseer_jax.cli.predictions import named_points
from farseer_jax.cli.schedule import schedule as schedule_command
from farseer_jax.cli.suggest import suggest
from farseer_jax.cli.values import expected, names, positives, values
from farseer_jax.tables.number_texts import number_of

_COURSES = {"N": "N", "D": "D", "C": "compute", "D/N": "tokens_per_parameter"}
_ERRORS = ("held-out", "inner", "next", "targets")


@reads("NAME")
def _errors(text: str) -> str:
    """Which errors are drawn, as the function of the figure names them."""
    if text in _ERRORS:
        return text.replace("-", " ")
    raise click.BadParameter(f"unknown errors {text!r}; choose from {', '.join(_ERRORS)}.")


@reads("NAME=NUMBER")
def _course(text: str) -> dict[str, float]:
    """What is fixed along a line, as :meth:`~farseer_jax.FitComparison.line` names it."""
    name, _, value = text.partition("=")
    number = number_of(value)
    if name not in _COURSES or number is None or number <= 0:
        raise expected("N, D, C or D/N with a positive number (such as D/N=20)", text)
    return {_COURSES[name]: number}


def _line(comparison: Any, arguments: dict[str, Any]) -> Any:
    """Both losses along a line; runs of two tables have none."""
    course = arguments.pop("along", None) or {"tokens_per_parameter": 20.0}
    from farseer_jax import FitComparison

    if not isinstance(comparison, FitComparison):
        raise click.UsageError(
            "a line is drawn of two fits: add --law to fit both tables, or use `farseer plot "
            "comparison`."
        )
    return comparison.line(**course)


@reads("NAME=NUMBER", joined=True)
def _held(text: str) -> list[tuple[str, float]]:
    """Held values by name, ``N=7B`` or ``D/N=20,100``."""
    found = [(name, number_of(value)) for name, value in values.read(text)]
    if any(value is None for _, value in found):
        raise expected("NAME=NUMBER (such as N=7B or D/N=20,100)", text)
    return [(name, value) for name, value in found if value is not None]


@reads("NUMBER,...")
def _levels(text: str) -> list[float]:
    """Nominal probabilities, separated by commas."""
    found = positives.read(text)
    if max(found) >= 1:
        raise expected("probabilities between 0 and 1 (such as 50%,90%)", text)
    return found


def _at_points(model: Any, arguments: dict[str, Any]) -> Any:
    """The model itself, with points and held values as its figure takes them."""
    held: dict[str, list[float]] = {}
    for name, value in arguments.pop("given", ()):
        held.setdefault(name, []).append(value)
    if held:
        arguments["given"] = held
    if points := arguments.pop("points", ()):
        fit = getattr(model, "fit", model)  # of draws
        law = getattr(fit, "law_class", None) or type(fit.law)
        columns = getattr(fit, "columns", {})
        arguments["targets"] = named_points(law, fit.runs.shares, points, columns).inputs
    return model


forecast = of_command(
    forecast_command,
    Figure("plot_forecast", classes=["Forecast"]),
    summary="The loss that runs will reach, with intervals.",
    help="""Draw a forecast of runs with its intervals and the usual laws.

    RUNS, --at and other options are as for `farseer forecast`, whose JSON is drawn
    as it is.
    """,
    examples=[
        "farseer plot forecast runs.csv --at 25.1B,500B",
        "farseer plot forecast forecast.json --save forecast.pdf",
    ],
)
accuracy = of_command(
    accuracy_command,
    Figure(
        "plot_accuracy",
        [option("--recipe", "NAME", "Which recipe of --by to draw; all unless given.")],
        ["AccuracyForecast", "Chain"],
    ),
    summary="Accuracies on tasks against the loss, with predictions.",
    help="""Draw the accuracy on each task against its loss, with the law and predictions.

    RUNS and options are as for `farseer accuracy`, whose JSON is drawn as it is.
    """,
    examples=[
        "farseer plot accuracy runs.csv --at 7B,2T",
        "farseer plot accuracy accuracies.json --save accuracies.pdf",
    ],
)
predictability = of_command(
    accuracy_command,
    Figure("plot_predictability", classes=["AccuracyForecast"]),
    summary="Which tasks are predictable, and which recipe is best.",
    help="""Draw how well each task was predicted from smaller runs, and the recipes' ranks.

    RUNS and options are as for `farseer accuracy`, whose JSON is drawn as it is.
    """,
    examples=[
        "farseer plot predictability runs.csv --at 7B,2T --by corpus",
        "farseer plot predictability accuracies.json",
    ],
)
prediction = of_command(
    forecast_command,
    Figure(
        "plot_prediction",
        [
            option(
                "--against",
                "INPUT|C",
                "Input on the horizontal axis, or C (6 N D); D unless given, or the first number.",
            ),
            option(
                "--given",
                _held,
                "Value to hold, such as N=7B, D/N=20,100 or C=1e24; those of the points unless "
                "given, and the optimal split against C (may be repeated).",
            ),
            option("--levels", _levels, "Probabilities of the bands; 50%,90% unless given."),
            option("--new-run", help="Bands of a run, with its noise.", is_flag=True),
        ],
        ["Forecast", FIT, DRAWS],
        _at_points,
        asks=["points"],
    ),
    summary="A predicted loss with its bands, against any input.",
    help="""Draw the predicted loss with its intervals against tokens, compute or an input.

    RUNS and options are as for `farseer forecast`, whose JSON is drawn as it is. A
    fit (FIT.json) has bands that rest on its residuals, and a file of draws
    (`farseer bootstrap --out`) those of its refits.
    """,
    examples=[
        "farseer plot prediction runs.csv --at 25.1B,500B",
        "farseer plot prediction forecast.json --against C --save prediction.pdf",
        "farseer plot prediction fit.json --at 7B,1T --given N=7B,70B --levels 90%",
    ],
)
allocation = of_command(
    allocate,
    Figure("plot_allocation", classes=["Allocation"]),
    summary="How to split compute between N and D.",
    help="""Draw the optimal tokens per parameter against compute.

    RUNS, FIT.json and options are as for `farseer allocate`, whose JSON is drawn
    as it is. Points are published models.
    """,
    examples=[
        "farseer plot allocation runs.csv --compute 1e20:1e24",
        "farseer plot allocation fit.json --compute 1e20:1e24 --bootstrap 200",
        "farseer plot allocation allocations.json --save split.pdf",
    ],
)
suggestions = of_command(
    suggest,
    Figure("plot_suggestions", classes=["Suggestions"]),
    summary="Which runs to train next, and the uncertainty after each.",
    help="""Draw the suggested runs on a map, and the standard error after each.

    RUNS and options are as for `farseer suggest`, whose JSON is drawn as it is.
    """,
    examples=[
        "farseer plot suggestions runs.csv --target 25.1B,500B --budget 1e22",
        "farseer plot suggestions suggestions.json --save next.pdf",
    ],
)
choices = of_command(
    choices_command,
    Figure(
        "plot_choices",
        [option("--point", FROM_0, "Which point of --at to draw, counted from 0.")],
        ["ChoiceComparison"],
    ),
    summary="How a prediction changes with choices.",
    help="""Draw how a predicted loss changes with each choice of an analyst.

    RUNS and options are as for `farseer choices`, whose JSON is drawn as it is.
    """,
    examples=[
        "farseer plot choices runs.csv --at 25.1B,500B",
        "farseer plot choices choices.json --point 1 --save choices.pdf",
    ],
)
influence = of_command(
    influence_command,
    Figure("plot_influence", classes=["Influence"]),
    summary="The influence of each run on a prediction.",
    help="""Draw the influence of each run on a predicted loss.

    RUNS and options are as for `farseer influence`, whose JSON is drawn as it is.
    """,
    examples=[
        "farseer plot influence runs.csv --at 25.1B,500B",
        "farseer plot influence influence.json --save influence.svg",
    ],
)
optimum = of_command(
    optimise,
    Figure(
        "plot_optimum",
        [
            option(
                "--along input",
                "INPUT",
                "Input along which to draw the loss; the shares of a mixture unless given, or the "
                "first input.",
            )
        ],
        ["Optimum"],
    ),
    summary="The best mixture, or the loss around an optimum.",
    help="""Draw the best mixture, or the loss around the optimum of a fit.

    FIT.json and options are as for `farseer optimise`, whose JSON is drawn as it
    is.
    """,
    examples=[
        "farseer plot optimum fit.json --over h --given N=7B,D=1T",
        "farseer plot optimum fit.json --over N,D --budget 1e22 --along D",
    ],
)
extrapolation = of_command(
    extrapolate,
    Figure(
        "plot_extrapolation",
        [
            option(
                "--errors",
                _errors,
                f"Runs whose errors are drawn: {', '.join(_ERRORS)}; held-out unless given.",
            )
        ],
        ["Extrapolation"],
    ),
    summary="Errors of laws on larger runs, by the largest run fitted.",
    help="""Draw the error of each law on larger runs, against the largest run fitted.

    RUNS and options are as for `farseer extrapolate`, whose JSON is drawn as it
    is.
    """,
    examples=[
        "farseer plot extrapolation runs.csv",
        "farseer plot extrapolation errors.json --errors inner --save errors.pdf",
    ],
)
error_by_value = of_command(
    extrapolate,
    Figure(
        "plot_error_by_value",
        [
            option(
                "--limit-index limit",
                click.INT,
                "Which limit of the fitted runs, counted from 0; the last unless given.",
            )
        ],
        ["Extrapolation"],
    ),
    summary="Errors of laws at each size, fitted and beyond.",
    help="""Draw the error of each law at each size, among the fitted runs and beyond.

    RUNS and options are as for `farseer extrapolate`, whose JSON is drawn as it
    is.
    """,
    examples=[
        "farseer plot error-by-value runs.csv --along C",
        "farseer plot error-by-value errors.json --limit-index 0",
    ],
)
comparison = of_command(
    compare,
    Figure("plot_comparison", classes=["FitComparison", "RunComparison"]),
    summary="Which of two recipes is better, over N and D.",
    help="""Draw where over N and D which of two recipes has the lower loss.

    A, B and options are as for `farseer compare`, whose JSON is drawn as it is.
    """,
    examples=[
        "farseer plot comparison a.csv b.csv",
        "farseer plot comparison a.json b.json --names old,new --bootstrap 200",
    ],
)
comparison_surface = of_command(
    compare,
    Figure("plot_comparison_surface", classes=["FitComparison"]),
    summary="The difference of two fits as a surface.",
    help="""Draw the difference of two fits as a surface over N and D.

    A.json, B.json and options are as for `farseer compare`, whose JSON is drawn as
    it is.
    """,
    examples=["farseer plot comparison-surface a.json b.json --save difference.pdf"],
)
line = of_command(
    compare,
    Figure(
        "plot_line",
        [
            option(
                "--along",
                _course,
                "What is fixed along the line: N, D, C (6 N D) or D/N; D/N=20 unless given.",
            )
        ],
        ["FitComparison"],
        _line,
    ),
    summary="The difference of two fits along a line.",
    help="""Draw the difference of two fits along a line through N and D.

    A.json, B.json and options are as for `farseer compare`, whose JSON is drawn as
    it is.
    """,
    examples=[
        "farseer plot line a.json b.json --along D/N=20",
        "farseer plot line comparison.json --along N=7B --save line.pdf",
    ],
)
loss_curves = of_command(
    curves_command,
    Figure(
        "plot_loss_curves",
        [option("--show curves", names, "Runs to draw; all unless given.")],
        ["CurveFit"],
    ),
    summary="Loss curves with their forecast and schedules.",
    help="""Draw loss curves with the fitted law, its forecast, and the learning rates.

    TABLE and options are as for `farseer curves`, whose JSON is drawn as it is.
    """,
    examples=[
        "farseer plot loss-curves history.csv --run run_id",
        "farseer plot loss-curves fit.json --show a,b --save curves.pdf",
    ],
)
annealed = of_command(
    anneal,
    Figure(
        "plot_annealed",
        [
            option(
                "--show curves",
                names,
                "Runs to draw; those whose rate has not decayed unless given.",
            )
        ],
        ["AnnealedLosses"],
    ),
    summary="Losses that runs would have reached if annealed.",
    help="""Draw runs, and the losses that they would have reached if annealed earlier.

    TABLE, FIT.json and options are as for `farseer anneal`, whose JSON is drawn as
    it is.
    """,
    examples=[
        "farseer plot annealed history.csv --run run_id --over 20%",
        "farseer plot annealed annealed.json --show constant --save annealed.pdf",
    ],
)
schedule = of_command(
    schedule_command,
    Figure(
        "plot_schedule",
        [option("--show families", names, "Schedules to draw, such as free,cosine.")],
        ["OptimalSchedule"],
    ),
    summary="The best schedules and the loss along each.",
    help="""Draw the best schedule of each family, and the losses along them.

    TABLE, FIT.json and options are as for `farseer schedule`, whose JSON is drawn
    as it is.
    """,
    examples=[
        "farseer plot schedule fit.json --steps 48000",
        "farseer plot schedule schedules.json --save schedules.pdf",
    ],
)
