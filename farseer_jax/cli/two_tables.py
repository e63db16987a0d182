"""The tables of a comparison: one of both recipes, or two with the same options."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from farseer_jax.cli.command_line import command_with, shell_word
from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.file_labels import file_labels
from farseer_jax.cli.options import Settings
from farseer_jax.cli.runs import preparing, print_notes, recipe_and_notes
from farseer_jax.runs.table_problems import OF_TABLES, TableError, Way, merged

if TYPE_CHECKING:
    from farseer_jax.runs.runs import Runs
    from farseer_jax.tables.columns import Columns

_MOST_LABELS = 6  # that a message shows


def runs_of_both(
    path: Path, other: Path | None, by: str | None, settings: Settings
) -> "tuple[tuple[Runs, Runs], tuple[str, str]]":
    """The runs of two recipes, and their names: from two tables, or from one.

    Args:
        path: the table of A, or of both.
        other: the table of B; None if one table has both.
        by: the column that distinguishes both in one table.
        settings: how tables are prepared.

    Raises:
        TableError: a table cannot be read as it is, or has rows of several recipes.
        Refusal: the column does not have exactly two values.
    """
    from farseer_jax.runs.read_table import read_table  # without JAX: mistakes come immediately

    table = read_table(path, **preparing(settings))
    if other is None:
        print_notes(table.notes)
        recipes = two_recipes(replace(table, notes=()), by or "")
        (one, of_one), (another, of_another) = (
            _read_beside(own, path, None) for own in recipes.values()
        )
        a, b = recipes
        print_notes(note for note in of_one if note in of_another)
        print_notes(f"{a}: {note}" for note in of_one if note not in of_another)
        print_notes(f"{b}: {note}" for note in of_another if note not in of_one)
        return (one, another), (a, b)
    second = read_table(other, **preparing(settings))
    both = (
        runs_beside(table, f"{path}: ", path, second),
        runs_beside(second, f"{other}: ", other, table),
    )
    return both, file_labels(path, other)


def runs_beside(columns: "Columns", label: str, path: Path, other: "Columns | None") -> "Runs":
    """The runs of one recipe; an error has options that read the other table too."""
    runs, notes = _read_beside(columns, path, other)
    print_notes(f"{label}{note}" for note in notes)
    return runs


def _read_beside(
    columns: "Columns", path: Path, other: "Columns | None"
) -> "tuple[Runs, tuple[str, ...]]":
    try:
        return recipe_and_notes(columns)
    except TableError as error:
        raise for_both(error, str(path), other) from None


def two_recipes(table: "Columns", by: str) -> "dict[str, Columns]":
    """The rows of both recipes of a table, by label.

    Raises:
        ValueError: there is no such column.
        Refusal: the column does not have exactly two values.
    """
    from farseer_jax.runs.find_columns import match_columns
    from farseer_jax.runs.survey.labels import condition_in

    (name,) = match_columns([*table], by, "as that of the recipes")[:1]
    labels = table[name].astype(str)
    found = list(dict.fromkeys(labels.tolist()))
    if len(found) != 2:
        more = ", …" if len(found) > _MOST_LABELS else ""
        condition = shell_word(condition_in(name, table[name], [found[0], found[-1]]))
        hint = f": select two of them, such as --where {condition}" if len(found) > 2 else ""
        raise Refusal(
            f"--by {by}: expected two values, got {len(found)} ({', '.join(found[:_MOST_LABELS])}"
            f"{more}){hint}"
        )
    return {label: table.take(labels == label) for label in found}


def for_both(error: TableError, path: str, other: "Columns | None") -> TableError:
    """The error about a table, with the options that a comparison has and that read both tables.

    Without such options the problems say how the table is compared all the same: by its fit.

    Args:
        error: about the table.
        path: of the table.
        other: the other table; None where one table holds both recipes.
    """
    ways = [Way(way.case, _of_tables(way.options)) for way in error.ways]
    usable = [way for way in ways if {*way.options} <= {*OF_TABLES} and _reads(way, other)]
    if usable or not error.ways or other is None:
        return TableError(error.problems, usable, error.source)
    fit = command_with("fit", [path], error.options, ["--json", "FIT.json"])
    hint = f": {fit}" if fit else ""
    how = f"the options of a comparison are for both tables; compare fits of each instead{hint}"
    return TableError([*error.problems[:-1], f"{error.problems[-1]}; {how}"], [], error.source)


def _of_tables(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options with columns that are derived instead of named."""
    from farseer_jax.expressions.names import name_text

    named = {name: own for name, own in options.get("columns_of", {}).items() if own is not None}
    own = {name: value for name, value in options.items() if name != "columns_of"}
    if not named:
        return own
    formulas = [f"{name} = {name_text(column)}" for name, column in named.items()]
    return merged({"derive": formulas}, own)


def _reads(way: Way, other: "Columns | None") -> bool:
    """Whether the other table is read with these options too."""
    from farseer_jax.runs.groups_and_responses import Binding
    from farseer_jax.runs.survey.survey import surveyed, with_options

    if other is None:
        return True
    kinds: dict[str, Any] = {"N": "positive", "D": "positive"}
    try:
        columns, binding = with_options(other, Binding(kinds), way.options)
        surveyed(columns, binding, one_fit=True, can_group=False)
    except ValueError:
        return False
    return True
