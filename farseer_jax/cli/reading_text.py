"""Python code that reads a table as the options of a command do."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from farseer_jax.cli.options import Settings
from farseer_jax.cli.runs import columns_of, naming, preparing, read_table, units_of

if TYPE_CHECKING:
    from farseer_jax.cli.tasks import Task
    from farseer_jax.runs.runs import Runs

_BOUNDS = ("min_N", "max_N", "min_D", "max_D")
_OF_N_AND_D = {"N": "positive", "D": "positive"}


def reading_text(settings: Settings, path: Path | list[Path] | None, task: "Task") -> str:
    """Lines of Python that read and select the runs of a task: ``runs = fj.read_runs("a.csv", …)``.

    Args:
        settings: of the command.
        path: the file or files; None is the example.
        task: the task that the settings made.
    """
    runs = task.bound()
    selection = _selection(settings, runs)
    if settings["drop"]:
        rows = _rows(settings, task)
        labels = f".select(drop={[*settings['drop']]!r})"
        selection = f".select(drop={rows!r}){selection}" if rows else f"{selection}{labels}"
    error = settings["standard_error"] if selection else None  # weights of the runs selected
    own = {**settings, "standard_error": None} if error else settings
    read = "fj.example_runs()" if path is None else _read(own, path, runs)
    weighted = _weighted(runs, error) if error else ""
    return f"runs = {read}{selection}{weighted}{_without_outliers(task.outliers)}"


def _weighted(runs: "Runs", error: str) -> str:
    """A line of Python that takes the weights from standard errors of the runs selected."""
    name = runs.loss_name or "loss"
    shares = {own: [*columns] for own, columns in runs.shares.items()}
    named = "" if name == "loss" else f".rename(columns={{'loss': {name!r}}})"
    given = {
        **_kinds_and_link(runs),
        "loss": name,
        **({"columns_of": shares} if shares else {}),
        "units": {own: 1.0 for own, kind in runs.kinds.items() if kind == "positive"},
        "standard_error": error,
    }
    table = f"runs.to_dataframe(){named}"
    return f"\nruns = fj.Runs.from_dataframe({table}, {_arguments(None, given)})"


def _kinds_and_link(runs: "Runs") -> dict[str, Any]:
    """The inputs and the link, where they are not those of losses over N and D."""
    own = {} if runs.kinds == _OF_N_AND_D else {"inputs": dict(runs.kinds)}
    return own if runs.link.name == "log" else {**own, "link": runs.link}


def recipe_text(settings: Settings, name: str, path: Path, rows: str | None = None) -> str:
    """A line of Python that reads the runs of a recipe.

    Args:
        settings: of the command.
        name: of the variable.
        path: the file.
        rows: a further condition in SQL.
    """
    prepared = {n: v for n, v in preparing(settings).items() if v}
    if rows:
        known = prepared.get("where")
        prepared["where"] = f"({known}) and {rows}" if known else rows
    return f"{name} = fj.read_runs({_arguments(str(path), prepared)})"


def _read(settings: Settings, path: Path | list[Path], runs: "Runs") -> str:
    """The call that reads the file, with all options that change what is read."""
    files = [str(own) for own in path] if isinstance(path, list) else str(path)
    own = naming(settings)
    columns, units = columns_of(settings), units_of(settings)
    short: dict[str, Any] = {name: columns[name] for name in ("N", "D") if name in columns}
    others = {name: column for name, column in columns.items() if name not in short}
    response = own.get("response")
    given: dict[str, Any] = {
        **preparing(settings),
        **short,
        "loss": response[0] if isinstance(response, list) and len(response) == 1 else response,
        **{f"{name}_unit": unit for name, unit in units.items()},
        "columns_of": others,
        **_kinds_and_link(runs),
        **{name: own.get(name) for name in ("weights", "standard_error", "copies")},
    }
    return f"fj.read_runs({_arguments(files, {n: v for n, v in given.items() if v})})"


def _selection(settings: Settings, runs: "Runs") -> str:
    """The selection within the bounds of options; those of further columns come by masks."""
    known = {*runs.inputs, *runs.shares, *(one for own in runs.shares.values() for one in own)}
    bounds = [(name, name[-1], settings[name], name.startswith("min")) for name in _BOUNDS]
    given: dict[str, Any] = {
        text: value for text, name, value, _ in bounds if value is not None and name in known
    }
    others = [(name, value, low) for _, name, value, low in bounds if name not in known]
    masks = []
    for argument, low in (("at_least", True), ("at_most", False)):
        named = (settings["min_of" if low else "max_of"] or {}).items()
        own = [(name, value) for name, value in named if name in known or name == "loss"]
        own += [("loss", value) for name, value in named if name == runs.loss_name != "loss"]
        others += [(name, value, low) for name, value in named if name not in {*dict(own)}]
        given |= {argument: dict(own)} if own else {}
    for name, value, low in others:
        if value is not None and name != runs.loss_name:
            sign = ">=" if low else "<="
            masks.append(f"\nruns = runs.select(mask=runs.extra[{name!r}] {sign} {value!r})")
    chosen = f".select({_arguments(None, given)})" if given else ""
    return chosen + "".join(masks)


def _rows(settings: Settings, task: "Task") -> list[int]:
    """The rows that ``--drop`` names by their number in the file, among those that were read.

    Empty if it names runs by a column with their labels.
    """
    table = read_table(settings)
    num = len(set(settings["drop"]))
    by_number = all(name.startswith("row ") for name in task.dropped[:num])
    if not isinstance(table, Mapping) or "row" in table or not by_number:
        return []
    places = {str(number): at for at, number in enumerate(table.row_numbers().tolist())}
    return [places[own] for own in settings["drop"]]


def _without_outliers(outliers: Sequence[str | int]) -> str:
    """The selection without outliers, by label or by position."""
    if not outliers:
        return ""
    if all(isinstance(own, str) for own in outliers):
        return f".select(drop={[*outliers]!r})"
    rows = "{" + ", ".join(map(str, outliers)) + "}"
    return f"\nruns = runs.select(mask=[row not in {rows} for row in range(len(runs))])"


def _arguments(first: Any, named: dict[str, Any]) -> str:
    from farseer_jax.reporting.python_value import python_arguments, python_value

    own = [] if first is None else [python_value(first)]
    return ", ".join([*own, *python_arguments(named)])
