"""Reading and selecting runs: a file with its columns and units, or the example."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from farseer_jax.cli.errors import in_options
from farseer_jax.cli.options import NUMBER, Group, Settings, option, spelled
from farseer_jax.cli.terminal import styled
from farseer_jax.cli.values import columns, link, names, numbers_by_name, patterns

if TYPE_CHECKING:
    from farseer_jax.runs.binding import Points
    from farseer_jax.runs.runs import Runs
    from farseer_jax.runs.selection import Bound
    from farseer_jax.runs.survey.survey import Survey
    from farseer_jax.tables.columns import Columns

    Table: TypeAlias = Runs | Columns  # the example, or the columns of a file

DATA = "Data and output"
READING = "Reading RUNS"
SELECTION = "Selecting runs (bounds included)"

_ROLES = {"N": "parameters", "D": "training tokens", "loss": "final loss"}
_UNITS = ("N_unit", "D_unit")
_BOUNDS = ("min_N", "max_N", "min_D", "max_D")
_NAMED = ("columns_of", "response", "link", "weights", "standard_error")
OF_TABLES = ("table_name", "derive", "where", "last_by", "drop_missing", "as_is")
OF_COLUMNS = (*OF_TABLES, "loss", "response", "columns_of", *_UNITS, *_BOUNDS, "min_of", "max_of")


def runs_argument(metavar: str) -> click.Argument:
    """Any number of paths of runs: None, a path, or a list of paths."""
    return click.Argument(
        ["path"],
        metavar=metavar,
        nargs=-1,
        type=click.Path(path_type=Path, allow_dash=True),
        callback=lambda context, parameter, paths: (
            [*paths] if len(paths) > 1 else paths[0] if paths else None
        ),
    )


RUNS = runs_argument("RUNS|--example")
EXAMPLE = option("--example", help="Fit made-up runs instead of a file.", is_flag=True)
UNITS = Group(
    READING,
    *(
        option(f"--{role}-unit", NUMBER, f"Unit of the column {role}, such as 1e9 for billions.")
        for role in ("N", "D")
    ),
)
SELECTING = Group(
    SELECTION,
    *(
        option(
            f"--{end}-{role}", NUMBER, f"{which} number of {meaning} to keep, such as {example}."
        )
        for role, meaning, example in (("N", "parameters", "2e8"), ("D", "tokens", "1e11"))
        for end, which in (("min", "Smallest"), ("max", "Largest"))
    ),
)
SELECTING_BY_ANY = Group(
    SELECTION,
    *(
        option(
            f"--{end} {end}_of",
            numbers_by_name,
            f"{which} value to keep of any input or column, such as {example}.",
        )
        for end, which, example in (("min", "Smallest", "P=2"), ("max", "Largest", "loss=4"))
    ),
)
DROPPING = Group(
    SELECTION,
    option(
        "--drop",
        names,
        "Runs to leave out, by their label (in a column such as run_id) or by their row in RUNS, "
        "counted from 0; separate several by commas. The result lists them.",
        metavar="RUN",
    ),
)
# for a table of any columns
PREPARING = (
    Group(
        READING,
        option(
            "--table table_name",
            "NAME|SQL",
            "Sheet of an Excel file, table of a DuckDB or SQLite database, or a query in SQL.",
        ),
        option(
            "--derive",
            help="Compute a column from others, such as 'D = tokens_per_param * N' (may be "
            "repeated); put names with characters other than letters, digits and _ in double "
            "quotes.",
            metavar="FORMULA",
            multiple=True,
        ),
        option(
            "--as-is",
            help="Read columns and rows that look wrong, such as checkpoints or a perplexity, with "
            "a note instead of an error.",
            is_flag=True,
        ),
    ),
    Group(
        SELECTION,
        option(
            "--where",
            help="Keep the rows that meet a condition in SQL, such as "
            "\"arm = 'attn' and N > 1e8\".",
            metavar="CONDITION",
        ),
        option(
            "--last-by",
            names,
            "Keep the last row of each run, such as run,step: the columns that identify a run, "
            "then that of its steps.",
            metavar="COLUMN",
        ),
        option(
            "--drop-missing",
            help="Leave out rows without a usable number in a required column, and list them.",
            is_flag=True,
        ),
    ),
)
# for runs over N and D
COLUMN_GROUPS = (
    *PREPARING,
    Group(
        READING,
        *(
            option(f"--{role}", "COLUMN", f"Column with the {meaning}.")
            for role, meaning in _ROLES.items()
        ),
    ),
    UNITS,
    SELECTING,
)
# for runs over N and D of one recipe, whose loss has no own option
RECIPE_GROUPS = (
    *PREPARING,
    Group(
        READING,
        option("--N", "COLUMN", "Column with the parameters."),
        option("--D", "COLUMN", "Column with the training tokens."),
        option("--response", "COLUMN", "Column with the final loss."),
    ),
    UNITS,
)
# for runs over the inputs of any law
READING_GROUPS = (
    *COLUMN_GROUPS,
    Group(
        READING,
        option(
            "--input columns_of",
            columns,
            "Column of an input that is not found by its name, such as P=parallel_size; for a "
            "mixture all columns of its shares, h=share_*.",
        ),
        option(
            "--response",
            patterns,
            "Column to fit, as --loss; or several that are fitted one by one, a,b or loss_*.",
        ),
        option(
            "--link",
            link,
            "Scale of the response's errors: log (default); identity for responses of any sign; "
            "logit, or logit:FLOOR:CEILING, for accuracies.",
        ),
        option("--weights", "COLUMN", "Column with weights of runs."),
        option(
            "--standard-error",
            "COLUMN",
            "Column with standard errors of the response, instead of weights.",
        ),
        option(
            "--keep-copies",
            help="Count each of several rows that are equal in all inputs and the response, "
            "instead of all of them once; rows with another seed always count.",
            is_flag=True,
        ),
    ),
    SELECTING_BY_ANY,
    DROPPING,
)
# for a command that fits a law
TASK_GROUPS = (
    *READING_GROUPS,
    Group(
        SELECTION,
        option(
            "--drop-outliers",
            help="Leave out runs too far from what the law predicts from the others; the result "
            "lists them.",
            is_flag=True,
        ),
    ),
)


def check_runs(settings: Settings) -> None:
    """Check that the command line names either a file or the example, and no column twice.

    Raises:
        UsageError: it names neither or both, or a column twice.
    """
    path, example = settings["path"], settings["example"]
    if path is None and not example:
        raise click.UsageError("Missing argument 'RUNS': name a file of runs, or add --example.")
    if path is not None and example:
        raise click.UsageError("--example does not go with RUNS: leave one of them out.")
    names = (*_ROLES, *_UNITS, *_NAMED, *OF_TABLES)
    about_columns = [name for name in names if settings.get(name) not in (None, (), False)]
    if example and about_columns:
        raise click.UsageError(
            f"{spelled(about_columns[0])} is for the columns of a file: leave it out with "
            "--example."
        )
    check_columns(settings)


def check_columns(settings: Settings) -> None:
    """Check that no column is named by two options.

    Raises:
        UsageError: one is named twice.
    """
    for name in ("N", "D"):
        if settings[name] and name in (settings.get("columns_of") or {}):
            raise click.UsageError(
                f"--{name} and --input {name}=… name the same input: leave one of them out."
            )
    if settings["loss"] and settings.get("response"):
        raise click.UsageError("--loss and --response name the same: leave one of them out.")


def read_table(settings: Settings) -> "Table":
    """The columns of the file, or the example's runs."""
    if settings["path"] is None:
        from farseer_jax import example_runs

        return example_runs()
    from farseer_jax.runs import (
        read_table as read,  # without JAX: mistakes are reported immediately
    )

    return read.read_table(
        settings["path"],
        **preparing(settings),
        columns_of=columns_of(settings),
        units=units_of(settings),
    )


def preparing(settings: Settings) -> dict[str, Any]:
    """How a table is prepared, as arguments of ``read_table`` and ``read_runs``."""
    own = {name: settings[name] for name in OF_TABLES if name != "table_name"}
    return {**own, "table": settings["table_name"], "derive": [*settings["derive"]]}


def checked(
    table: "Table",
    inputs: Mapping[str, Any],
    settings: Settings,
    *,
    link: str = "log",
    law: str = "",
) -> "Table":
    """A table whose columns are recognised and checked; prints how each was read.

    Args:
        table: runs, or the columns of a file.
        inputs: the inputs that are needed, with their kinds.
        settings: settings of the command.
        link: of the law, unless an option names another.
        law: name of the law, for messages.

    Raises:
        TableError: the table cannot be read as it is.
    """
    if not isinstance(table, Mapping):
        return table
    from farseer_jax.link_functions import as_link
    from farseer_jax.runs.groups_and_responses import Binding
    from farseer_jax.runs.survey.survey import surveyed
    from farseer_jax.runs.table_problems import TableError
    from farseer_jax.tables.read import as_columns

    options = naming(settings)
    own: dict[str, Any] = {"by": settings.get("by") or (), "law": law}
    if "against" in settings:
        own["num_groups"] = 2  # a report compares two, and fits one
    binding = Binding(inputs, **{"link": as_link(link), **options, **own})
    columns, can_group = as_columns(table), "by" in settings
    try:
        survey = surveyed(columns, binding, one_fit=True, can_group=can_group)
    except TableError as error:
        from farseer_jax.cli.other_laws import with_another_law

        raise with_another_law(error, columns, binding, can_group=can_group) from None
    print_notes((*survey.notes, *_of_copies(survey)))
    return survey.columns.told()


def _of_copies(survey: "Survey") -> list[str]:
    """A note on rows that count once with others."""
    num = survey.num_copies
    if not num:
        return []
    rows = f"{num:,} of {survey.columns.num_rows:,} rows"
    copies = "is a copy of another" if num == 1 else "are copies of others"
    return [f"{rows} {copies} and count{'s'[: num == 1]} once"]


def recipe_and_notes(
    columns: "Columns",
    *,
    response: str | None = None,
    of: Mapping[str, str] | None = None,
    units: Mapping[str, float] | None = None,
) -> "tuple[Runs, tuple[str, ...]]":
    """Runs over N and D whose rows belong together, and how columns were read.

    Args:
        columns: of a table.
        response: column of the loss; None finds it.
        of: columns of N and D that are not found by name.
        units: factors of N and D.

    Raises:
        TableError: the table cannot be read as it is, or has rows of several recipes.
    """
    from farseer_jax.runs.binding import bind_runs
    from farseer_jax.runs.groups_and_responses import Binding
    from farseer_jax.runs.survey.survey import surveyed

    of, units = of or {}, units or {}
    kinds: dict[str, Any] = {"N": "positive", "D": "positive"}
    binding = Binding(kinds, of, response, units=units)
    survey = surveyed(columns, binding, one_fit=True, can_group=False)
    how = survey.binding
    (part,) = bind_runs(
        survey.columns.told(),
        kinds,
        columns_of=how.columns_of,
        response=how.response,
        units=how.units,
    )
    return part.runs, (*survey.notes, *_of_copies(survey))


def read_recipe(settings: Settings) -> "Runs":
    """Runs over N and D of one recipe, or the example's.

    Raises:
        TableError: the table cannot be read as it is, or has rows of several recipes.
    """
    import farseer_jax

    if settings["example"]:
        return farseer_jax.example_runs()
    of = {name: settings[name] for name in ("N", "D") if settings[name]}
    units = units_of(settings)
    columns = farseer_jax.read_table(
        settings["path"], **preparing(settings), columns_of=of, units=units
    )
    runs, notes = recipe_and_notes(columns, response=settings["response"], of=of, units=units)
    print_notes(notes)
    return runs


def within_bounds(runs: "Runs", settings: Settings) -> Any:
    """Whether each run lies within the bounds given by options, ``(run,)``.

    Raises:
        ValueError: a bound has no column, or no run is left.
    """
    from farseer_jax.runs.checks import floats_of
    from farseer_jax.runs.coverage import flat_inputs as inputs_of_runs
    from farseer_jax.runs.selection import selected

    known = {**inputs_of_runs(runs, runs.inputs), "loss": runs.loss, **runs.extra}
    numbers = {n: floats_of(own, n) for n, own in known.items() if own.dtype.kind in "iuf"}
    return selected(numbers, _bounds(settings), None)


def print_notes(notes: Iterable[str]) -> None:
    """Print how a table was read, on standard error."""
    for note in notes:
        click.echo(styled(f"{in_options(note)}.", sys.stderr, dim=True), err=True, color=True)


def columns_of(settings: Settings) -> dict[str, str]:
    """Columns of inputs, by options."""
    short = {name: settings[name] for name in ("N", "D") if settings[name]}
    return short | (settings.get("columns_of") or {})


def units_of(settings: Settings) -> dict[str, float]:
    """Units of N and D, by options."""
    units = {name: settings[f"{name}_unit"] for name in ("N", "D")}
    return {name: unit for name, unit in units.items() if unit is not None}


def naming(settings: Settings) -> dict[str, Any]:
    """The columns of a file as arguments of ``fit``, only those that options name."""
    given = {
        "columns_of": columns_of(settings),
        "units": units_of(settings),
        "response": settings["loss"] or settings["response"],
        "weights": settings["weights"],
        "standard_error": settings["standard_error"],
        "copies": "keep" if settings["keep_copies"] else None,
    }
    if settings["link"] is not None:
        from farseer_jax.link_functions import Link

        given["link"] = Link(*settings["link"])
    return {name: value for name, value in given.items() if value}


def select(
    table: "Table",
    inputs: Mapping[str, Any],
    settings: Settings,
    columns_of: Mapping[str, Any],
    units: Mapping[str, float | None],
) -> "Table":
    """The rows within the bounds given by options.

    Args:
        table: runs, or the columns of a file.
        inputs: inputs that may have bounds, with their kinds.
        settings: settings of the command.
        columns_of: columns of inputs that are not found by their names.
        units: factors of inputs.

    Raises:
        ValueError: a bound has no column, or no row is left.
    """
    bounds = _bounds(settings)
    if not bounds:
        return table
    if not isinstance(table, Mapping):
        ends = {name: settings[name] for name in _BOUNDS}
        return table.select(**ends, at_least=settings["min_of"], at_most=settings["max_of"])
    from farseer_jax.runs.binding import bind_points
    from farseer_jax.runs.checks import floats_of
    from farseer_jax.runs.selection import selected

    (points,) = bind_points(table, inputs, columns_of=columns_of, units={**units})
    numbers = {n: values for n, values in flat_inputs(points).items() if values.dtype.kind == "f"}
    asked = {bound.column for bound in bounds}
    for name, values in table.items():  # columns of text only if they have a bound, which fails
        if name not in numbers and (name in asked or values.dtype.kind in "iuf"):
            numbers[name] = floats_of(values, f"column {name!r}")
    keep = selected(numbers, bounds, None)
    return table.take(keep)


def drop(table: "Table", settings: Settings) -> "tuple[Table, tuple[str, ...]]":
    """The table without the runs that ``--drop`` names, and how a result names these.

    Where rows have no labels, those of a selection keep their numbers in the file in a column, for
    the next ``--drop``: so do the rows of groups.

    Raises:
        ValueError: there is no such run, or none is left.
    """
    selects = isinstance(table, Mapping) and table.rows is not None
    if not (settings["drop"] or settings.get("by") or selects):
        return table, ()
    import numpy as np

    from farseer_jax.runs.row_labels import dropped_rows, label_column, refuse_none, row_name
    from farseer_jax.tables.read import as_columns

    columns = as_columns(table if isinstance(table, Mapping) else table.to_dataframe())
    if label_column(columns) is None:
        columns = columns.with_columns({"row": columns.row_numbers()}, ())
    dropped = dropped_rows(columns, columns.num_rows, settings["drop"] or ())
    refuse_none(~dropped)
    named = tuple(row_name(columns, int(row)) for row in np.flatnonzero(dropped))
    return columns.take(~dropped), named


def _bounds(settings: Settings) -> "list[Bound]":
    from farseer_jax.runs.selection import Bound

    named = [(name, name[-1], settings[name], name.startswith("min")) for name in _BOUNDS]
    named += [
        (f"--{end} {name}", name, value, end == "min")
        for end in ("min", "max")
        for name, value in (settings[f"{end}_of"] or {}).items()
    ]
    return [Bound(*own) for own in named if own[2] is not None]


def flat_inputs(points: "Points") -> dict[str, Any]:
    """Inputs by column, ``(point,)`` each; a mixture as its shares."""
    flat: dict[str, Any] = {}
    for name, values in points.inputs.items():
        own = points.shares.get(name)
        flat |= {name: values} if own is None else dict(zip(own, values.T, strict=True))
    return flat
