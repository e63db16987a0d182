"""Where runs come from: a file with its columns and units, or the example."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli._jax import set_up_jax
from farseer_jax.cli._options import (
    BOUNDS,
    READING,
    UNITS,
    Decorated,
    decorate,
    option,
    selection_options,
    unit_options,
)

if TYPE_CHECKING:
    from farseer_jax.runs.runs import Runs

DATA = "Data and output"

_READ = ("N", "D", "loss", *UNITS)


def source_argument(command: Decorated) -> Decorated:
    """``RUNS`` or ``--example``."""
    path = click.Path(path_type=Path)
    return decorate(
        command,
        [
            click.argument("path", metavar="RUNS|--example", required=False, type=path),
            option(
                "--example", is_flag=True, group=DATA, help="Fit made-up runs instead of a file."
            ),
        ],
    )


def reading_options(command: Decorated) -> Decorated:
    """Columns, their units, and which runs are kept."""
    columns = (("N", "parameters"), ("D", "training tokens"), ("loss", "final loss"))
    return decorate(
        command,
        [
            *(
                option(
                    f"--{role}",
                    role,
                    metavar="COLUMN",
                    group=READING,
                    help=f"Column with the {meaning}.",
                )
                for role, meaning in columns
            ),
            unit_options,
            selection_options,
        ],
    )


def check_source(path: Path | None, settings: dict[str, Any]) -> None:
    """Refuse a command line that names no runs, or both a file and the example.

    Raises:
        UsageError: what to change.
    """
    example = settings["example"]
    if path is None and not example:
        raise click.UsageError("Missing argument 'RUNS': name a file of runs, or say --example.")
    if path is not None and example:
        raise click.UsageError("--example fits made-up runs: leave RUNS out, or --example.")
    named = [name for name in _READ if settings[name] is not None]
    if example and named:
        raise click.UsageError(
            f"--{named[0].replace('_', '-')} is about the columns of a file: leave it out "
            "with --example."
        )


def read_source(path: Path | None, settings: dict[str, Any]) -> "Runs":
    """The runs that the options mean."""
    bounds = {name: settings[name] for name in BOUNDS}
    if path is None:
        set_up_jax()
        from farseer_jax import example_runs

        return example_runs().select(**bounds)
    from farseer_jax import read_runs  # without JAX: mistakes in the file are told at once

    reading = {name: settings[name] for name in _READ}
    return read_runs(path, **reading).select(**bounds)
