"""``farseer compare``: which of two recipes is better, and at which scale."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from farseer_jax.cli.command_factory import Source, command
from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.options import (
    POSITIVE,
    Group,
    Settings,
    check_goes_with,
    named,
    option,
    refit_options,
    spelled,
)
from farseer_jax.cli.output import Output
from farseer_jax.cli.runs import PREPARING, preparing, print_notes, runs_of_one_recipe
from farseer_jax.cli.tasks import file_argument, is_result, read_fit
from farseer_jax.cli.two_tables import for_both
from farseer_jax.cli.values import point, span, two_names
from farseer_jax.runs.table_problems import TableError

if TYPE_CHECKING:
    from farseer_jax.runs.runs import Runs
    from farseer_jax.tables.columns import Columns

_NUM_BUDGETS = 7
_MOST_LABELS = 6  # that a message shows


class Sources(NamedTuple):
    """Two fits, or the runs of two recipes and, from one table, their labels."""

    both: list[Any]
    labels: tuple[str, str] | None = None


_OPTIONS = Group(
    "Comparison",
    option(
        "--N",
        span,
        "Parameters to compare fits over, such as 1e8:1e11; the range of the runs up to ten times "
        "its end unless given.",
    ),
    option("--D", span, "Tokens to compare fits over, such as 1e9:1e13; as for --N unless given."),
    option(
        "--at points",
        point,
        "Point to compare at, such as 25.1B,500B (may be repeated); for tables the largest pair "
        "of runs, and 10 and 100 times its compute, unless given.",
        multiple=True,
    ),
    option("--compute", span, "Range of FLOPs of the compute multipliers, such as 1e20:1e24."),
    option(
        "--tokens-per-parameter", POSITIVE, "D/N of the multipliers at a fixed D/N.", default=20.0
    ),
    option(
        "--names",
        two_names,
        "Names of both in the output, with a comma between them.",
        default="A,B",
    ),
    option(
        "--by",
        "COLUMN",
        "Column of A, a table of both recipes, whose two values distinguish them, such as arm.",
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


_FOR_FITS = ("N", "D", "compute", "tokens_per_parameter", "bootstrap", "seed")


def _are_fits(settings: Settings) -> bool:
    """Whether both files are fits; both are tables of runs otherwise."""
    if settings["path_b"] is None:
        return False
    paths = [settings["path_a"], settings["path_b"]]
    fits = [is_result(path) for path in paths]
    if fits[0] != fits[1]:
        raise click.UsageError(
            f"{paths[fits.index(True)]} is a fit and {paths[fits.index(False)]} a table of runs: "
            "name two tables, or two fits."
        )
    return fits[0]


def _check(settings: Settings) -> None:
    if (settings["path_b"] is None) != (settings["by"] is not None):
        raise click.UsageError(
            "Name two files A and B, or one table A of both recipes with the column that "
            "distinguishes them, such as --by arm."
        )
    if _are_fits(settings):
        check_goes_with("bootstrap", ("level", "seed"), settings)
        return
    for name in _FOR_FITS:
        if named(name):
            raise click.UsageError(
                f"{spelled(name)} is for two fits (A.json B.json): leave it out, or fit both "
                "tables."
            )


def _read(settings: Settings) -> Sources:
    paths = [settings["path_a"], settings["path_b"]]
    if _are_fits(settings):
        return Sources([read_fit(path) for path in paths])
    from farseer_jax.runs.read_table import read_table  # without JAX: mistakes come immediately

    if settings["path_b"] is None:
        table = read_table(settings["path_a"], **preparing(settings))
        print_notes(table.notes)
        recipes = _two_recipes(replace(table, notes=()), settings["by"])
        path = str(settings["path_a"])
        both = [_runs_of(own, f"{label}: ", path, None) for label, own in recipes.items()]
        a, b = recipes
        return Sources(both, (a, b))
    tables = {path: read_table(path, **preparing(settings)) for path in paths}
    others = {path: tables[other] for path, other in zip(paths, paths[::-1], strict=True)}
    return Sources([_runs_of(tables[path], f"{path}: ", str(path), others[path]) for path in paths])


def _runs_of(columns: "Columns", label: str, path: str, other: "Columns | None") -> "Runs":
    """The runs of one recipe; an error has options that read the other table too."""
    try:
        return runs_of_one_recipe(columns, label=label)
    except TableError as error:
        raise for_both(error, path, other) from None


def _two_recipes(table: "Columns", by: str) -> "dict[str, Columns]":
    """The rows of both recipes of a table, by label.

    Raises:
        ValueError: there is no such column.
        Refusal: the column does not have exactly two values.
    """
    from farseer_jax.runs.find_columns import match_columns

    (name,) = match_columns([*table], by, "as that of the recipes")[:1]
    labels = table[name].astype(str)
    found = list(dict.fromkeys(labels.tolist()))
    if len(found) != 2:
        more = ", …" if len(found) > _MOST_LABELS else ""
        condition = f"{name} in ('{found[0]}', '{found[-1]}')"
        hint = f': select two of them, such as --where "{condition}"' if len(found) > 2 else ""
        raise Refusal(
            f"--by {by}: expected two values, got {len(found)} ({', '.join(found[:_MOST_LABELS])}"
            f"{more}){hint}"
        )
    return {label: table.take(labels == label) for label in found}


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
    picture="plot_comparison",
    examples=[
        "farseer compare a.csv b.csv --at 7B,2T",
        "farseer compare runs.csv --by arm --where \"arm in ('attn', 'mla')\"",
        "farseer compare a.json b.json --names old,new --N 1e8:1e11 --D 1e9:1e13",
        "farseer compare a.json b.json --at 7B,2T --bootstrap 1000 --json comparison.json",
    ],
    check=_check,
)
def compare(
    sources: Sources,
    points: tuple[tuple[float, float], ...],
    compute: tuple[float, float] | None,
    bootstrap: int | None,
    seed: int,
    by: str | None,
    **options: Any,
) -> Output:
    """Compare two recipes by their tables of runs, or two fits (A.json B.json).

    Both recipes may be in one table A, with a column --by that distinguishes
    them.

    From tables: which recipe wins at each point, by how much and how sure that
    is, by the differences of runs at the same N and D. From fits written by
    `farseer fit --json`: the difference of the losses over N and D, where the
    winner changes, and how much less compute A needs for B's loss; with
    --bootstrap also the probability that A is better.
    """
    import farseer_jax

    if isinstance(sources.both[0], farseer_jax.Runs):
        a, b = sources.both
        kept: Any = {name: options[name] for name in ("names", "level", "comparable")}
        if sources.labels is not None and not named("names"):
            kept["names"] = sources.labels
        return Output(farseer_jax.compare_runs(a, b, list(points) or None, **kept))
    import numpy as np

    both = sources.both
    if bootstrap is not None:
        both = [farseer_jax.bootstrap(fit, bootstrap, seed=seed) for fit in both]
    budgets = None if compute is None else np.geomspace(*compute, _NUM_BUDGETS)
    found = farseer_jax.compare_fits(*both, compute=budgets, **options)
    if not points:
        return Output(found)
    at = found.at(*zip(*points, strict=True))
    return Output(found, above=[at], more={"points": at.to_dict()["points"]})
