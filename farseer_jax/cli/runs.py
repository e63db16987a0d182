"""Reading and selecting runs: a file with its columns and units, or the example."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from farseer_jax.cli.options import NUMBER, Group, Settings, option, spelled
from farseer_jax.cli.values import columns, link, names, numbers_by_name, patterns

if TYPE_CHECKING:
    from farseer_jax.runs.binding import Points
    from farseer_jax.runs.runs import Runs
    from farseer_jax.runs.selection import Bound

    Table: TypeAlias = Runs | Mapping[str, Any]  # the example, or the columns of a file

DATA = "Data and output"
READING = "Reading RUNS"
SELECTION = "Selecting runs (bounds included)"

_ROLES = {"N": "parameters", "D": "training tokens", "loss": "final loss"}
_UNITS = ("N_unit", "D_unit")
_BOUNDS = ("min_N", "max_N", "min_D", "max_D")
_NAMED = ("columns_of", "response", "link", "weights", "standard_error")
OF_COLUMNS = ("loss", "response", "columns_of", *_UNITS, *_BOUNDS, "min_of", "max_of")

RUNS = click.Argument(
    ["path"], metavar="RUNS|--example", required=False, type=click.Path(path_type=Path)
)
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
        "Runs to leave out, by their label (in a column such as run_id) or by their row among the "
        "selected runs, counted from 0; several with commas between them. The result names them.",
        metavar="RUN",
    ),
)
# for runs over N and D
COLUMN_GROUPS = (
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
    about_columns = [n for n in (*_ROLES, *_UNITS, *_NAMED) if settings.get(n) is not None]
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

    return read.read_table(settings["path"])


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
    units: Mapping[str, float],
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
    return {name: values[keep] for name, values in table.items()}


def drop(table: "Table", settings: Settings) -> "tuple[Table, tuple[str, ...]]":
    """The table without the runs that ``--drop`` names, and how a result names these.

    Where rows have no labels, those left keep their numbers in a column, for the next ``--drop``:
    so do the rows of groups.

    Raises:
        ValueError: there is no such run, or none is left.
    """
    if not (settings["drop"] or settings.get("by")):
        return table, ()
    import numpy as np

    from farseer_jax.runs.row_labels import dropped_rows, label_column, refuse_none, row_name

    if not isinstance(table, Mapping):
        table = {str(name): column.to_numpy() for name, column in table.to_dataframe().items()}
    columns = {name: np.asarray(values) for name, values in table.items()}
    num_rows = len(next(iter(columns.values())))
    dropped = dropped_rows(columns, num_rows, settings["drop"] or ())
    refuse_none(~dropped)
    named = tuple(row_name(columns, int(row)) for row in np.flatnonzero(dropped))
    if label_column(columns) is None:
        columns["row"] = np.arange(num_rows)
    return {name: values[~dropped] for name, values in columns.items()}, named


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
