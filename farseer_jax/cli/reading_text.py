"""Python code that reads a table as the options of a command do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from farseer_jax.cli.options import Settings
from farseer_jax.cli.runs import columns_of, preparing, units_of

_BOUNDS = ("min_N", "max_N", "min_D", "max_D")


def reading_text(
    settings: Settings, name: str, path: Path | list[Path] | None, rows: str | None = None
) -> str:
    """A line of Python: ``runs = fj.read_runs("runs.csv", …)``.

    Args:
        settings: of the command.
        name: of the variable.
        path: the file or files; None is the example.
        rows: a further condition in SQL.
    """
    selected = _call("", _selection(settings))
    chosen = f".select{selected}" if selected != "()" else ""
    if path is None:
        return f"{name} = fj.example_runs(){chosen}"
    files = [str(own) for own in path] if isinstance(path, list) else str(path)
    prepared = {n: v for n, v in preparing(settings).items() if v}
    if rows:
        known = prepared.get("where")
        prepared["where"] = f"({known}) and {rows}" if known else rows
    if settings.get("law") is not None:
        rest = {n: v for n, v in _selection(settings).items() if v}
        note = f"  # and its rows selected by {', '.join(rest)}" if rest else ""
        return f"{name} = fj.read_table{_call(repr(files), prepared)}{note}"
    own = columns_of(settings)
    columns: dict[str, Any] = {n: own[n] for n in ("N", "D") if n in own}
    units = {f"{n}_unit": unit for n, unit in units_of(settings).items()}
    loss = settings["loss"] or settings["response"]
    given = {**prepared, **columns, **units, **({"loss": loss} if loss else {})}
    return f"{name} = fj.read_runs{_call(repr(files), given)}{chosen}"


def _selection(settings: Settings) -> dict[str, Any]:
    """Arguments of ``Runs.select`` by options."""
    bounds = {name: settings[name] for name in _BOUNDS}
    others = {"at_least": settings["min_of"], "at_most": settings["max_of"]}
    drop = {"drop": list(settings["drop"] or ())}
    return {n: v for n, v in {**bounds, **others, **drop}.items() if v not in (None, [], {})}


def _call(first: str, named: Mapping[str, Any]) -> str:
    arguments = [*filter(None, [first]), *(f"{name}={value!r}" for name, value in named.items())]
    return f"({', '.join(arguments)})"
