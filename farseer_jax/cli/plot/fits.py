"""Figures of a fit, from runs or from a saved fit."""

from pathlib import Path
from typing import Any

import click

from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.options import FROM_2, Group, Settings, option
from farseer_jax.cli.output import Output
from farseer_jax.cli.plot.fitted import FITTED, Fitted
from farseer_jax.cli.plot.kind import Figure, figure_kind
from farseer_jax.cli.runs import DATA
from farseer_jax.cli.values import domain, positives

_HELD_OUT = Group(
    DATA,
    option(
        "--on held_out",
        click.Path(path_type=Path),
        "Table of runs that were not fitted; those that bounds such as --max-N leave out of RUNS "
        "unless given.",
        metavar="FILE",
    ),
)
_OVER = Group(
    DATA,
    option(
        "--over",
        domain,
        "Ranges LOW:HIGH,LOW:HIGH of N and D, such as 2e8:1e13,1e9:1e15; those of the runs, up to "
        "ten times the largest, unless given.",
    ),
)
_BEYOND = 10.0  # times the largest N and D of the runs


def _with_starts(settings: Settings) -> Settings:
    """The settings of a fit by random starts, unless a method is named."""
    return {**settings, "method": settings["method"] or "least-squares"}


def _check_starts(settings: Settings) -> None:
    FITTED.check(_with_starts(settings))


def _read_starts(settings: Settings) -> Fitted:
    found: Fitted = FITTED.read(_with_starts(settings))
    return found


def _choice(names: str, choices: tuple[str, ...], help: str) -> click.Option:
    """An option whose values are those of the figure's argument."""
    return option(names, click.Choice(choices), f"{help}: {', '.join(choices)}.")


@figure_kind(
    FITTED,
    _HELD_OUT,
    figure=Figure(
        "plot_fit",
        [option("--sizes", positives, "N to show, such as 1B,3B; eight of the runs unless given.")],
    ),
    summary="Loss against D, observed and fitted.",
    examples=[
        "farseer plot fit runs.csv --law chinchilla --save fit.pdf",
        "farseer plot fit fit.json --sizes 1B,3B",
        "farseer plot fit runs.csv --max-N 3e9",
    ],
)
def fit(fitted: Fitted, held_out: Path | None) -> Output:
    """Draw the loss of runs against D, with the fitted law as lines.

    RUNS, the law and the method are as for `farseer fit`, which also writes
    FIT.json. Runs that the bounds leave out are rings.
    """
    return Output(fitted.fit, drawing=_with(held_out=fitted.held_out(held_out)))


@figure_kind(
    FITTED,
    _HELD_OUT,
    figure=Figure("plot_map"),
    summary="The runs over N and D, with errors at held-out runs.",
    examples=[
        "farseer plot map runs.csv --max-N 3e9",
        "farseer plot map fit.json --on larger_runs.csv --save map.pdf",
    ],
)
def map(fitted: Fitted, held_out: Path | None) -> Output:
    """Draw the fitted runs over N and D, and the errors at others.

    Runs that bounds such as --max-N leave out of RUNS are predicted by the fit
    of the others, or those of the table --on FILE.
    """
    return Output(fitted.fit, drawing=_with(held_out=fitted.held_out(held_out)))


@figure_kind(
    FITTED,
    Group(
        DATA,
        option("--bootstrap", FROM_2, "Add bands from this many refits, such as 200."),
    ),
    figure=Figure("plot_curves"),
    summary="U(N), B(N) and A(N) of a law over N and D.",
    examples=[
        "farseer plot curves runs.csv --bootstrap 200",
        "farseer plot curves fit.json --save curves.pdf",
        "farseer plot curves draws.parquet",
    ],
)
def curves(fitted: Fitted, bootstrap: int | None) -> Output:
    """Draw the curves U(N), B(N) and A(N) of L = U(N) + B(N) D^-A(N).

    Dots are the values at each size that the piecewise method fitted. A file of
    draws (`farseer bootstrap --out`) adds its bands.
    """
    draws = fitted.draws
    if bootstrap is not None:
        import farseer_jax

        draws = farseer_jax.bootstrap(fitted.fit, bootstrap)
    return Output(fitted.fit, drawing=_with(bootstrap=draws))


@figure_kind(
    FITTED,
    figure=Figure(
        "plot_residuals",
        [
            _choice("--view", ("residuals", "offsets", "curve"), "What to draw"),
            option("--against", "INPUT", "Input on the horizontal axis; the first unless given."),
        ],
        ["ResidualDiagnostics"],
    ),
    summary="Residuals of a fit, with outliers and the noise.",
    examples=[
        "farseer plot residuals runs.csv",
        "farseer plot residuals fit.json --against D --save residuals.svg",
    ],
)
def residuals(fitted: Fitted) -> Any:
    """Draw the residuals of a fit against an input, coloured by another."""
    import farseer_jax

    return farseer_jax.diagnose_residuals(fitted.fit)


@figure_kind(
    FITTED,
    _OVER,
    figure=Figure(
        "plot_shape",
        [_choice("--of", ("N", "D", "loss"), "Elasticity with respect to N or D, or the loss")],
        ["Shape"],
    ),
    summary="Where the loss of a law falls and rises.",
    examples=[
        "farseer plot shape fit.json --over 2e8:1e13,1e9:1e15",
        "farseer plot shape runs.csv --of D",
    ],
)
def shape(fitted: Fitted, over: Any) -> Any:
    """Draw a map of how fast the loss falls with N or D, and where it rises."""
    import farseer_jax

    return farseer_jax.check_shape(fitted.fit, *_ranges(fitted, over))


@figure_kind(
    FITTED,
    _OVER,
    figure=Figure(
        "plot_surface", [_choice("--of", ("loss", "D", "N"), "The loss, or its derivative")]
    ),
    summary="The loss, or a derivative, as a surface over N and D.",
    examples=[
        "farseer plot surface fit.json",
        "farseer plot surface runs.csv --of N --over 2e8:1e12,1e9:1e14",
    ],
)
def surface(fitted: Fitted, over: Any) -> Output:
    """Draw the loss of a law, or a derivative of it, as a surface over N and D."""
    N, D = _ranges(fitted, over)
    return Output(fitted.fit, drawing={"N": N, "D": D})


@figure_kind(
    FITTED._replace(check=_check_starts, read=_read_starts),
    figure=Figure("plot_starts"),
    summary="Where the random starts of a fit ended.",
    examples=[
        "farseer plot starts runs.csv --law chinchilla --objective huber",
        "farseer plot starts runs.csv --method restarts --num-starts 1000",
    ],
)
def starts(fitted: Fitted) -> Output:
    """Draw the objectives that the random starts of a fit reached.

    RUNS, the law and the method are as for `farseer fit`; the method is
    least-squares unless given.
    """
    from farseer_jax import StartReport

    fit = fitted.fit
    if not isinstance(fit.diagnostics, StartReport):
        raise Refusal(
            f"the method {fit.method.name} has no random starts to draw: fit by --method "
            "least-squares or --method restarts"
        )
    return Output(fit, drawn={fit.law.name: fit.diagnostics})


def _ranges(fitted: Fitted, over: Any) -> Any:
    """Ranges of N and D: those given, or those of the runs and beyond."""
    if over is not None:
        return over
    runs = fitted.fit.runs
    return [(float(own.min()), _BEYOND * float(own.max())) for own in (runs.N, runs.D)]


def _with(**arguments: Any) -> dict[str, Any]:
    """The arguments that are given."""
    return {name: value for name, value in arguments.items() if value is not None}
