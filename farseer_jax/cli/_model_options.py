"""Options for a law and a method, which every command that fits has."""

import click

from farseer_jax.cli import _pairs
from farseer_jax.cli._law import LAWS, law_text
from farseer_jax.cli._methods import OPTIONS
from farseer_jax.cli._options import Decorated, Decorator, decorate, option
from farseer_jax.cli._values import interval, ratio, rounds

MODEL = "Law and method"
END_TO_END = "Methods that fit all parameters at once"
METHOD = "Method piecewise"
ISOFLOP = "Method isoflop"

OBJECTIVES = (  # as in farseer_jax.objectives, which is not imported for the help; a test compares
    "squared", "huber", "absolute", "asymmetric", "squared-relative",
)  # fmt: skip
OPTIMISERS = ("lbfgs", "adam")  # likewise
_MAX_STARTS = 10_000_000
_MAX_CANDIDATES = 100_000  # a second, compiled as `_jax` has it


def model_options(seed: str) -> Decorator:
    """All options for a law and a method, as settings of the names that ``_methods`` reads.

    Args:
        seed: what the option for the seed of the starts is called.
    """

    def decorated(command: Decorated) -> Decorated:
        return decorate(command, [*_model(), *_end_to_end(seed), *_piecewise(), *_isoflop()])

    return decorated


def _model() -> list[Decorator]:
    return [
        option(
            "--law",
            type=law_text,
            default="farseer",
            show_default=True,
            metavar="NAME|EXPRESSION",
            group=MODEL,
            help=f"The law to fit: {', '.join(LAWS)}, or an expression such as "
            "'E + A/N**alpha', whose names that are no columns are parameters.",
        ),
        _pairs.list_option(
            "--real",
            parse=_pairs.names,
            metavar="NAME",
            group=MODEL,
            help="Parameters of an expression that may be negative, such as b,c.",
        ),
        _pairs.list_option(
            "--kind",
            "kinds",
            parse=_pairs.kinds,
            metavar="NAME=KIND",
            group=MODEL,
            help="Kind of an expression's input, positive unless given or summed over: "
            f"{', '.join(_pairs.KINDS)}.",
        ),
        option(
            "--method",
            type=click.Choice(tuple(OPTIONS)),
            metavar="NAME",
            group=MODEL,
            help=f"How: {', '.join(OPTIONS)}; piecewise for farseer unless given, least-squares "
            "for others. Piecewise fits farseer and chinchilla, isoflop chinchilla only.",
        ),
    ]


def _end_to_end(seed: str) -> list[Decorator]:
    return [
        option(
            "--objective",
            type=click.Choice(OBJECTIVES),
            metavar="NAME",
            group=END_TO_END,
            help=f"What to minimise: {', '.join(OBJECTIVES)}; the first unless given.",
        ),
        *_constraints(),
        option(
            "--num-starts",
            type=click.IntRange(1, _MAX_STARTS),
            metavar="NUMBER",
            group=END_TO_END,
            help="Random starts; 64 unless given, 30,000 for restarts.",
        ),
        option(
            seed,
            "seed",
            type=click.IntRange(0),
            metavar="NUMBER",
            group=END_TO_END,
            help="Seed of the starts; 0 unless given.",
        ),
        option(
            "--optimiser",
            type=click.Choice(OPTIMISERS),
            group=END_TO_END,
            help="Of restarts; lbfgs unless given.",
        ),
        option(
            "--num-steps",
            type=click.IntRange(1),
            metavar="NUMBER",
            group=END_TO_END,
            help="Steps of each of the restarts; 2,000 unless given.",
        ),
    ]


def _constraints() -> list[Decorator]:
    return [
        _pairs.list_option(
            "--fix",
            "fixed",
            parse=_pairs.numbers,
            metavar="NAME=NUMBER",
            group=END_TO_END,
            help="Parameters that are not fitted, such as E=1.69,k=1.",
        ),
        _pairs.list_option(
            "--tie",
            "tied",
            parse=_pairs.ties,
            metavar="NAME=NAME",
            group=END_TO_END,
            help="Parameters that are equal, such as alpha=beta.",
        ),
        _pairs.list_option(
            "--bounds",
            parse=_pairs.bounds,
            metavar="NAME=LOW:HIGH",
            group=END_TO_END,
            help="Where a parameter may lie, such as alpha=0:1; k=0.5: has no upper end.",
        ),
    ]


def _piecewise() -> list[Decorator]:
    return [
        option(
            "--criterion",
            type=click.Choice(["squared", "relative"]),
            default="squared",
            show_default=True,
            group=METHOD,
            help="Errors to minimise: squared as in the paper, relative as in its code.",
        ),
        _search(),
        option(
            "--candidates",
            type=click.IntRange(3, _MAX_CANDIDATES),
            metavar="NUMBER",
            group=METHOD,
            help="Search each exponent on a grid of so many, instead of refining; with "
            "variable-projection the grid to begin with, 32 unless given.",
        ),
        *_stages(),
    ]


def _search() -> Decorator:
    return option(
        "--search",
        type=interval,
        metavar="LOW:HIGH",
        group=METHOD,
        help="Where the exponents are searched; -0.5:0.5 (farseer) or 0.01:1 (chinchilla) "
        "unless given.",
    )


def _stages() -> list[Decorator]:
    return [
        option(
            "--rounds",
            type=rounds,
            metavar="NUMBER|joint",
            default="2",
            show_default=True,
            group=METHOD,
            help="Rounds of Stage 2; joint goes to the minimum itself, and predicts worse.",
        ),
        option(
            "--min-pairs",
            type=click.IntRange(2),
            metavar="NUMBER",
            default=3,
            show_default=True,
            group=METHOD,
            help="Pairs of runs that a size needs to take part.",
        ),
        option(
            "--ratio",
            type=ratio,
            metavar="NUMBER|LOW:HIGH",
            group=METHOD,
            help="Steps of D that form a pair, 1.41 or 1.35:1.45; found in the runs unless given.",
        ),
    ]


def smooth_options(command: Decorated) -> Decorated:
    """Options of the piecewise method that leave a fit its derivatives."""
    return decorate(command, [_search(), *_stages()])


def _isoflop() -> list[Decorator]:
    return [
        option(
            "--budgets",
            metavar="COLUMN",
            group=ISOFLOP,
            help="Column with the compute budget of each run; 6 N D unless given.",
        ),
        option(
            "--width",
            type=float,
            metavar="NUMBER",
            group=ISOFLOP,
            help="Bins of ln compute, such as 0.35, for runs without clear budgets.",
        ),
    ]
