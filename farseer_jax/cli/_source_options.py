"""Where runs come from: a file with its columns and units, or the example."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from farseer_jax.cli import _pairs
from farseer_jax.cli._jax import set_up_jax
from farseer_jax.cli._options import (
    BOUNDS,
    READING,
    SELECTION,
    UNITS,
    Decorated,
    Decorator,
    decorate,
    option,
    selection_options,
    unit_options,
)

if TYPE_CHECKING:
    from farseer_jax.runs.runs import Runs

    Source: TypeAlias = Runs | Mapping[str, Any]  # the example, or the columns of a file

DATA = "Data and output"

_ROLES = ("N", "D", "loss")
_NAMED = ("inputs", "response", "link", "weights", "standard_error")
_READ = (*_ROLES, *UNITS, *_NAMED)
_SPELLED = {"inputs": "--input"}


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


def column_options(command: Decorated) -> Decorated:
    """``--N``, ``--D``, ``--loss``, their units, and which runs are kept."""
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


def reading_options(command: Decorated) -> Decorated:
    """The same, and inputs, responses, links and weights of any law."""
    return decorate(command, [column_options, *_named_options(), bound_options])


def input_option(help: str) -> Decorator:
    """``--input NAME=COLUMN``."""
    return _pairs.list_option(
        "--input",
        "inputs",
        parse=_pairs.columns,
        metavar="NAME=COLUMN",
        group=READING,
        help=help,
    )


def _named_options() -> list[Decorator]:
    return [
        input_option(
            "Column of an input that is not found by its name, such as P=parallel_size; of a "
            "mixture all of its shares, h=share_*."
        ),
        _pairs.list_option(
            "--response",
            parse=_pairs.one_text,
            metavar="COLUMN",
            group=READING,
            help="Column to fit, as --loss; several are fitted one by one: a,b or loss_*.",
        ),
        option(
            "--link",
            type=_pairs.link,
            metavar="NAME",
            group=READING,
            help="Scale of the response's errors: log unless given; identity for responses of any "
            "sign; logit, or logit:FLOOR:CEILING, for accuracies.",
        ),
        option("--weights", metavar="COLUMN", group=READING, help="Column with weights of runs."),
        option(
            "--standard-error",
            metavar="COLUMN",
            group=READING,
            help="Column with standard errors of the response, instead.",
        ),
    ]


def bound_options(command: Decorated) -> Decorated:
    """``--min NAME=NUMBER`` and ``--max NAME=NUMBER``."""
    return decorate(
        command,
        (
            _pairs.list_option(
                f"--{bound}",
                f"{bound}_of",
                parse=_pairs.numbers,
                metavar="NAME=NUMBER",
                group=SELECTION,
                help=f"{adjective} value kept of any input or column, such as {example}.",
            )
            for bound, adjective, example in (
                ("min", "Smallest", "P=2"),
                ("max", "Largest", "loss=4"),
            )
        ),
    )


def check_source(path: Path | None, settings: Mapping[str, Any]) -> None:
    """Refuse a command line that names no runs, both a file and the example, or a column twice.

    Raises:
        UsageError: what to change.
    """
    example = settings["example"]
    if path is None and not example:
        raise click.UsageError("Missing argument 'RUNS': name a file of runs, or say --example.")
    if path is not None and example:
        raise click.UsageError("--example fits made-up runs: leave RUNS out, or --example.")
    named = [name for name in _READ if settings.get(name) is not None]
    if example and named:
        spelled = _SPELLED.get(named[0], f"--{named[0].replace('_', '-')}")
        raise click.UsageError(
            f"{spelled} is about the columns of a file: leave it out with --example."
        )
    check_columns(settings)


def check_columns(settings: Mapping[str, Any]) -> None:
    """Refuse a column that is named by two options.

    Raises:
        UsageError: which.
    """
    inputs = settings.get("inputs") or {}
    for name in ("N", "D"):
        if settings[name] and name in inputs:
            raise click.UsageError(f"--{name} and --input {name}=… say the same: give one of them.")
    if settings["loss"] and settings.get("response"):
        raise click.UsageError("--loss and --response say the same: give one of them.")


def read_source(path: Path | None) -> "Source":
    """What is to be fitted: the columns of the file, or the example's runs."""
    if path is None:
        set_up_jax()
        from farseer_jax import example_runs

        return example_runs()
    from farseer_jax.runs.read import read_table  # without JAX: mistakes are told at once

    return read_table(path)


def read_runs(path: Path | None, settings: Mapping[str, Any]) -> "Runs":
    """The runs over N and D that the options mean."""
    bounds = {name: settings[name] for name in BOUNDS}
    if path is None:
        set_up_jax()
        from farseer_jax import example_runs

        return example_runs().select(**bounds)
    import farseer_jax  # without JAX: mistakes in the file are told at once

    reading = {name: settings[name] for name in (*_ROLES, *UNITS)}
    return farseer_jax.read_runs(path, **reading).select(**bounds)


def columns_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """The columns of inputs that options name."""
    short = {name: settings[name] for name in ("N", "D") if settings[name]}
    return short | (settings.get("inputs") or {})


def units_of(settings: Mapping[str, Any]) -> dict[str, float | None]:
    """The factors of inputs that options name."""
    return {
        name: settings[f"{name}_unit"]
        for name in ("N", "D")
        if settings[f"{name}_unit"] is not None
    }


def naming(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What options say of a file's columns, as arguments of ``fit``; without what is not given."""
    given = {
        "columns_of": columns_of(settings),
        "units": units_of(settings),
        "response": settings["loss"] or settings.get("response"),
        "weights": settings.get("weights"),
        "standard_error": settings.get("standard_error"),
    }
    if settings.get("link") is not None:
        from farseer_jax.links import Link

        given["link"] = Link(*settings["link"])
    return {name: value for name, value in given.items() if value}
