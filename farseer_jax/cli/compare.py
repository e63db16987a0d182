"""``farseer compare``: which of two recipes is better, and at which scale."""

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from farseer_jax.cli.analysis import Source
from farseer_jax.cli.command_factory import command
from farseer_jax.cli.file_labels import file_labels
from farseer_jax.cli.model import AUTO, law_text
from farseer_jax.cli.options import (
    POSITIVE,
    Group,
    Settings,
    check_goes_with,
    named,
    option,
    refit_options,
)
from farseer_jax.cli.output import Output
from farseer_jax.cli.runs import PREPARING, preparing
from farseer_jax.cli.tasks import file_argument, is_result, read_fit
from farseer_jax.cli.two_tables import runs_beside, runs_of_both
from farseer_jax.cli.values import point, span, two_names

if TYPE_CHECKING:
    from farseer_jax import Fit, Runs

_NUM_BUDGETS = 7
_LAW = "farseer"


class Sources(NamedTuple):
    """Two recipes.

    Attributes:
        both: the fit, or the runs, of each.
        names: names of both, unless an option gives others.
        by_fits: whether fits are compared; runs are fitted first.
    """

    both: "list[Fit | Runs]"
    names: tuple[str, str]
    by_fits: bool


_OPTIONS = Group(
    "Comparison",
    option(
        "--law",
        law_text,
        "Fit this law, a name or an expression of N and D, to the tables and compare the fits; by "
        f"default {_LAW} if another option of fits is given.",
    ),
    option(
        "--N",
        span,
        "Range of parameters to compare fits over, such as 1e8:1e11; by default that of the runs, "
        "up to ten times its end.",
    ),
    option(
        "--D",
        span,
        "Range of tokens to compare fits over, such as 1e9:1e13; the default is as for --N.",
    ),
    option(
        "--at points",
        point,
        "Point to compare at, such as 25.1B,500B (may be repeated); by default, for tables, the "
        "largest pair of runs, and 10 and 100 times its compute.",
        multiple=True,
    ),
    option("--compute", span, "Range of FLOPs of the compute multipliers, such as 1e20:1e24."),
    option(
        "--tokens-per-parameter", POSITIVE, "D/N of the multipliers at a fixed D/N.", default=20.0
    ),
    option(
        "--names",
        two_names,
        "Names of the two recipes, separated by a comma; by default those of the files or of "
        "their folders.",
    ),
    option(
        "--by",
        "COLUMN",
        "Column of A whose two values distinguish the recipes, such as arm.",
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


_OF_FITS = ("law", "N", "D", "compute", "tokens_per_parameter", "bootstrap", "seed")


def _are_fits(settings: Settings) -> list[bool]:
    """Whether each file is a fit, and not a table of runs."""
    paths = [settings["path_a"], settings["path_b"]]
    return [is_result(path) for path in paths if path is not None]


def _check(settings: Settings) -> None:
    if (settings["path_b"] is None) != (settings["by"] is not None):
        raise click.UsageError(
            "Name two files A and B, or one table A of both recipes and the column that "
            "distinguishes them, such as --by arm."
        )
    if settings["law"] == AUTO:
        raise click.UsageError(f"--law {AUTO} is for `farseer fit`: name a law here.")
    are_fits = _are_fits(settings)
    if settings["path_b"] is None and any(are_fits):
        raise click.UsageError(
            "--by needs a table of both recipes, got a fit: name two fits instead."
        )
    if any(are_fits) and settings["law"] is not None:
        raise click.UsageError(
            "--law needs two tables of runs: a table beside a fit is fitted with the law of that "
            "fit. Leave --law out."
        )
    if _by_fits(settings):
        check_goes_with("bootstrap", ("level", "seed"), settings)


def _by_fits(settings: Settings) -> bool:
    """Whether fits are compared: one file is a fit, or an option is about fits."""
    return any(_are_fits(settings)) or any(map(named, _OF_FITS))


def _read(settings: Settings) -> Sources:
    from farseer_jax.runs.read_table import read_table  # without JAX: mistakes come immediately

    by_fits = _by_fits(settings)
    paths = [settings["path_a"], settings["path_b"]]
    are_fits = _are_fits(settings)
    if not any(are_fits):
        runs, names = runs_of_both(paths[0], paths[1], settings["by"], settings)
        return Sources([*runs], names, by_fits)
    tables = [
        None if is_fit else read_table(path, **preparing(settings))
        for path, is_fit in zip(paths, are_fits, strict=True)
    ]
    read: list[Fit | Runs] = [
        read_fit(path) if table is None else runs_beside(table, f"{path}: ", path, other)
        for path, table, other in zip(paths, tables, tables[::-1], strict=True)
    ]
    return Sources(read, file_labels(*paths), by_fits)


def _fits_of(sources: Sources, law: str | None) -> "list[Fit]":
    """The fits of both; runs are fitted by the law and the method of the other fit."""
    import farseer_jax

    known = [own for own in sources.both if isinstance(own, farseer_jax.Fit)]
    of: Any = (type(known[0].law), known[0].method) if known else (law or _LAW, None)
    return [
        own if isinstance(own, farseer_jax.Fit) else farseer_jax.fit(of[0], own, of[1])
        for own in sources.both
    ]


@command(
    Source(
        arguments=[file_argument("path_a", "A"), file_argument("path_b", "[B]", required=False)],
        read=_read,
        files=["path_a", "path_b"],
        groups=PREPARING,
    ),
    _OPTIONS,
    _INTERVALS,
    summary="Which of two recipes is better, and at which scale.",
    json="the comparison",
    delivers="Comparison",
    figure="plot_comparison",
    examples=[
        "farseer compare a.csv b.csv --at 7B,2T",
        "farseer compare runs.csv --by arm --where \"arm in ('attn', 'mla')\"",
        "farseer compare a.json b.json --names old,new --N 1e8:1e11 --D 1e9:1e13",
        "farseer compare a.csv b.csv --law chinchilla --at 7B,2T --bootstrap 1000",
    ],
    check=_check,
)
def compare(
    sources: Sources,
    points: tuple[tuple[float, float], ...],
    compute: tuple[float, float] | None,
    bootstrap: int | None,
    seed: int,
    law: str | None,
    names: tuple[str, str] | None,
    by: str | None,
    **options: Any,
) -> Output:
    """Compare two recipes by their runs or by their fits.

    A and B are tables of runs, or fits written by `farseer fit --json`. Both
    recipes may be in one table A, with a column --by that distinguishes them.

    From runs: which recipe wins at each point, by how much and with what
    probability, using the differences of runs at the same N and D. From fits
    (also of tables, with --law or another option of fits): the difference of
    the losses over N and D, where the winner changes, and how much less compute
    A needs for B's loss; with --bootstrap also the probability that A is
    better. A table beside a fit is fitted with the law and method of that fit.
    """
    import farseer_jax

    options["names"] = names or sources.names
    if not sources.by_fits:
        a, b = sources.both
        kept: Any = {name: options[name] for name in ("names", "level", "comparable")}
        return Output(farseer_jax.compare_runs(a, b, list(points) or None, **kept))
    import numpy as np

    both: list[Any] = _fits_of(sources, law)
    if bootstrap is not None:
        both = [farseer_jax.bootstrap(fit, bootstrap, seed=seed) for fit in both]
    budgets = None if compute is None else np.geomspace(*compute, _NUM_BUDGETS)
    found = farseer_jax.compare_fits(*both, compute=budgets, **options)
    if not points:
        return Output(found)
    at = found.at(*zip(*points, strict=True))
    return Output(found, above=[at], more={"points": at.to_dict()["points"]})
