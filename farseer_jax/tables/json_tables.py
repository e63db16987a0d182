"""Tables in JSON: arrays of objects, an object per line, or columns as pandas writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from farseer_jax.tables.frames import columns_of_frame, columns_of_records


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
    if values and all(isinstance(own, list) for own in values):
        lengths = {name: len(own) for name, own in content.items()}
        if len({*lengths.values()}) > 1:
            counts = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
            raise ValueError(f"columns of unequal length: {counts} values; give one value per run")
        return columns_of_frame(content)
    are_objects = bool(values) and all(isinstance(own, dict) for own in values)
    if are_objects and len({tuple(own) for own in values}) == 1:
        if all(map(str.isdecimal, content)) and not all(map(str.isdecimal, values[0])):
            return _columns_of_objects([*enumerate(values, start=1)])  # {"0": {"N": 1e8, …}, …}
        return columns_of_frame({name: [*own.values()] for name, own in content.items()})
    return _columns_of_objects([(1, content)])


def _columns_of_objects(records: list[tuple[int, Any]]) -> dict[str, NDArray[Any]]:
    for number, record in records:
        if not isinstance(record, dict):
            raise ValueError(
                f"object {number} is not a JSON object; each must be one run, such as "
                '{"N": 1e8, "D": 2e9, "loss": 3.4}'
            )
    if not records:
        raise ValueError("the table has no rows; give at least one run")
    return columns_of_records([record for _, record in records])
