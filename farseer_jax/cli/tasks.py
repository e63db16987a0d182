"""Inputs of commands: a task of fitting from options, or a fit from a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from farseer_jax.cli.analysis import Source
from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.model import build_method, law_class, method_name, model_groups
from farseer_jax.cli.options import Settings
from farseer_jax.cli.runs import (
    DATA,
    EXAMPLE,
    RUNS,
    TASK_GROUPS,
    check_runs,
    checked,
    drop,
    naming,
    read_table,
    select,
)

if TYPE_CHECKING:
    from farseer_jax.cli.runs import Table
    from farseer_jax.fitting.result import Fit
    from farseer_jax.laws.law import Law
    from farseer_jax.methods.method import Method
    from farseer_jax.runs.runs import Runs


_HEAD_BYTES = 4096


class Task(NamedTuple):
    """A law, runs and a method, by options.

    Attributes:
        law: the law's class.
        runs: selected runs, or rows of a table.
        method: the method with its settings.
        options: further arguments of ``farseer_jax.fit``.
        dropped: runs that options left out, by name.
        outliers: those of them that are outliers, by label, or by position among the selected runs.
    """

    law: "type[Law]"
    runs: "Table"
    method: "Method"
    options: dict[str, Any]
    dropped: tuple[str, ...] = ()
    outliers: tuple[str | int, ...] = ()

    def fit(self, **options: Any) -> Any:
        """The fit; :class:`~farseer_jax.Fits` for several groups or responses."""
        import farseer_jax

        return farseer_jax.fit(self.law, self.runs, self.method, **self.options, **options)

    def fit_over_N_and_D(self) -> "Fit":
        """The fit, for a command that needs a law over N and D.

        Raises:
            Refusal: its law has other inputs.
        """
        return _over_N_and_D(self.fit(), "the law")

    def bound(self) -> "Runs":
        """The runs that are fitted."""
        return self.law_and_runs()[1]

    def without_outliers(self) -> "Task":
        """The task without the runs that the others show to be outliers by its law.

        Raises:
            Refusal: there are several groups or responses.
        """
        from farseer_jax.fitting.arguments import as_parts
        from farseer_jax.fitting.outliers import find_outliers
        from farseer_jax.runs.row_labels import drop_argument, row_name

        law, parts = as_parts(self.law, self.runs, **self.options)
        if len(parts) > 1:
            raise Refusal(
                "--drop-outliers needs a single fit, but there are several groups or responses: "
                "select one with --where or --response, or list the runs to leave out with --drop"
            )
        (part,) = parts
        extra = part.runs.extra
        rows = sorted(find_outliers(law, part.runs, self.method).rows.tolist())
        names = tuple(row_name(extra, row) for row in rows)
        own = tuple(drop_argument(extra, row) for row in rows)
        runs = part.runs.select(mask=[row not in rows for row in range(len(part.runs))])
        return Task(self.law, runs, self.method, {}, (*self.dropped, *names), own)

    def law_and_runs(self) -> "tuple[type[Law], Runs]":
        """The law's class with the entries of its inputs, and the runs that are fitted."""
        from farseer_jax.fitting.arguments import as_parts

        law, parts = as_parts(self.law, self.runs, **self.options)
        return law, parts[0].runs


def read_task(settings: Settings) -> Task:
    """The law and the method that the options name, and the runs that they select.

    Raises:
        ValueError: the law is unreadable, or no run is left.
    """
    table = read_table(settings)
    if isinstance(table, Mapping):
        options, names = naming(settings), [*table]
    else:  # the columns of runs have their names already
        options, names = dict[str, Any](), [*table.inputs, *table.extra]
    options |= {name: settings[name] for name in ("by", "shared") if settings.get(name)}
    bound, units = options.get("columns_of", {}), options.get("units", {})
    law = law_class(settings, names, tuple(bound))
    table = checked(table, law.inputs(), settings, link=law.response_link, law=law.name)
    runs, dropped = drop(select(table, law.inputs(), settings, bound, units), settings)
    task = Task(law, runs, build_method(method_name(settings), settings), options, dropped)
    return task.without_outliers() if settings["drop_outliers"] else task


def read_single_task(settings: Settings) -> Task:
    """The task of a command that takes a single fit.

    Raises:
        Refusal: there are several responses.
    """
    task = read_task(settings)
    response = settings["response"]
    if response and isinstance(task.runs, Mapping):
        from farseer_jax.runs.find_columns import match_columns

        names = match_columns(list(task.runs), response, "as a response")
        if len(names) > 1:
            raise Refusal(
                f"--response: expected one column for this command, got {', '.join(names)}; name "
                "one of them"
            )
    return task


def _check(settings: Settings) -> None:
    check_runs(settings)
    method_name(settings)


ANY_TASK = Source(
    arguments=[RUNS],
    options=[EXAMPLE],
    groups=[*TASK_GROUPS, *model_groups()],
    title=DATA,
    check=_check,
    read=read_task,
    files=["path"],
)
TASK = ANY_TASK._replace(read=read_single_task)


def file_argument(name: str, metavar: str, *, required: bool = True) -> click.Argument:
    """A file, such as one that `farseer fit --json` wrote."""
    path = click.Path(path_type=Path)
    return click.Argument([name], metavar=metavar, type=path, required=required)


def is_result(path: Path) -> bool:
    """Whether a file holds a result of this package, and not a table in JSON."""
    try:
        with path.open("rb") as file:
            return b'"farseer_jax.' in file.read(_HEAD_BYTES)
    except OSError:
        return path.suffix.lower() == ".json"  # the reader says what is wrong


def read_fit(path: Path) -> "Fit":
    """The single fit over N and D of a file.

    Raises:
        Refusal: the file has several fits, or one over other inputs.
    """
    from farseer_jax import Fits

    fits = Fits.from_json(path)
    fit = _over_N_and_D(fits[0], f"the law of {path}")
    if len(fits) > 1:
        raise Refusal(
            f"{path}: {_this_command()} expected one fit, got {len(fits)}: fit one group and one "
            "response"
        )
    return fit


def _over_N_and_D(fit: "Fit", of: str) -> "Fit":
    inputs = tuple(type(fit.law).inputs())
    if set(inputs) != {"N", "D"}:
        raise Refusal(
            f"{_this_command()} needs a law over N and D alone, and {of} has the inputs "
            f"{', '.join(inputs)}: use `farseer fit` and `farseer predict` for it"
        )
    return fit


def _this_command() -> str:
    context = click.get_current_context()
    own = context.command_path.removeprefix(context.find_root().command_path)
    return f"`farseer{own}`"
