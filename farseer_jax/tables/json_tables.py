"""Tables in JSON: arrays of objects, an object per line, or columns as pandas writes them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from farseer_jax.tables.frames import columns_of_frame, columns_of_records
from farseer_jax.tables.records import unwrapped


def read_json(file: Path) -> dict[str, NDArray[Any]]:
    """The columns of a file in UTF-8: an array of objects, an object of columns, or JSON lines.

    Raises:
        ValueError: it is not JSON, or not a table; the message gives the line or the object.
    """
    text = file.read_text(encoding="utf-8")
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        first = text.lstrip().partition("\n")[0].strip()
        if not (first.startswith("{") and first.endswith("}")):
            raise ValueError(_not_json(error.lineno, error)) from None
        return _columns_of_objects([*_json_lines(text)])
    except (RecursionError, ValueError) as error:  # too deep, or too long a number
        raise ValueError(f"cannot be read as JSON: {error}") from None
    if isinstance(content, list):
        return _columns_of_objects([*enumerate(content, start=1)])
    return _columns_of_object(content)


def _json_lines(text: str) -> Iterator[tuple[int, Any]]:
    """The objects of the lines that are not blank, with the numbers of the lines."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(_not_json(number, error)) from None
        except (RecursionError, ValueError) as error:
            raise ValueError(f"line {number} cannot be read as JSON: {error}") from None


def _not_json(line: int, error: json.JSONDecodeError) -> str:
    return f"line {line} is not JSON: {error.msg} at column {error.colno}"


def _columns_of_object(content: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """An object of columns, in the ways in which pandas writes them, or a single run."""
    import pandas as pd

    if isinstance(content.get("data"), list) and "columns" in content:  # orient="split"
        return columns_of_frame(pd.DataFrame(content["data"], columns=content["columns"]))
    if isinstance(content.get("data"), list) and "schema" in content:  # orient="table"
        return _columns_of_objects([*enumerate(content["data"], start=1)])
    values = [*content.values()]
    if (wrapped := _only_list_of_objects(values)) is not None:
        return _columns_of_objects([*enumerate(wrapped, start=1)])
    if values and all(isinstance(own, list) for own in values):
        lengths = {name: len(own) for name, own in content.items()}
        if len({*lengths.values()}) > 1:
            counts = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
            raise ValueError(f"columns of unequal length: {counts} values; give one value per run")
        if any(isinstance(value, dict) for own in values for value in own):
            records = [dict(zip(content, row, strict=True)) for row in zip(*values, strict=True)]
            return _columns_of_objects([*enumerate(records, start=1)])
        return columns_of_frame(content)
    are_objects = bool(values) and all(isinstance(own, dict) for own in values)
    if are_objects and len({tuple(own) for own in values}) == 1:
        if all(map(str.isdecimal, content)) and not all(map(str.isdecimal, values[0])):
            return _columns_of_objects([*enumerate(values, start=1)])  # {"0": {"N": 1e8, …}, …}
        if all(map(str.isdecimal, values[0])) or not _are_rows(values):
            return columns_of_frame({name: [*own.values()] for name, own in content.items()})
    if are_objects and len(values) > 1 and set.intersection(*map(set, values)):
        return _columns_of_objects([*enumerate(_with_names(content), start=1)])
    return _columns_of_objects([(1, content)])


def _only_list_of_objects(values: list[Any]) -> list[Any] | None:
    """The runs of ``{"runs": [{…}, …], "date": …}``."""
    lists = [own for own in values if isinstance(own, list)]
    filled = [own for own in lists if own and all(isinstance(value, dict) for value in own)]
    return filled[0] if len(filled) == 1 and (len(lists) == 1 or len(lists) < len(values)) else None


def _are_rows(objects: list[dict[str, Any]]) -> bool:
    """Whether objects with the same names are rows: their values differ more than a column's."""
    rows = [[*own.values()] for own in objects]
    return len(rows) > 1 and _spread(rows) > _spread(
        [[*column] for column in zip(*rows, strict=True)]
    )


def _spread(groups: list[list[Any]]) -> float:
    """How much the types and the orders of magnitude differ within groups of values."""
    total = 0.0
    for group in groups:
        numbers = [abs(value) for value in group if type(value) in (int, float) and value]
        total += len({type(value) is str for value in group}) > 1
        total += math.log10(max(numbers) / min(numbers)) if numbers else 0.0
    return total / len(groups)


def _with_names(content: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs of ``{"small": {…}, "large": {…}}``, with their names in a column."""
    column = next(
        name
        for name in ("run", "run_name", "key", "")
        if not any(name in own for own in content.values())
    )
    return [{column: name, **own} for name, own in content.items()]


def _columns_of_objects(records: list[tuple[int, Any]]) -> dict[str, NDArray[Any]]:
    for number, record in records:
        if not isinstance(record, dict):
            raise ValueError(
                f"object {number} is not a JSON object; each must be one run, such as "
                '{"N": 1e8, "D": 2e9, "loss": 3.4}'
            )
    if not records:
        raise ValueError("the table has no rows; give at least one run")
    return columns_of_records([unwrapped(record) for _, record in records])
