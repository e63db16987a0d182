"""The runs of each group and response of a table, for the hold-outs and for each law."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from farseer_jax.choosing.candidates import Candidate
from farseer_jax.choosing.fit_members import ChoicePart, error_columns
from farseer_jax.choosing.holdouts import holdouts
from farseer_jax.choosing.mixture_columns import MIXTURE
from farseer_jax.choosing.table_reading import TableReading
from farseer_jax.link_functions import Link
from farseer_jax.runs.binding import bind_runs
from farseer_jax.runs.groups_and_responses import groups_of
from farseer_jax.runs.runs import Runs

_ROW = "row of the table"


def choice_parts(
    numbers: Mapping[str, Any], reading: TableReading, link: Link, along: str | None
) -> list[ChoicePart]:
    """The runs of each group and response, with their hold-outs."""
    num = len(np.asarray(next(iter(numbers.values()))))
    found = []
    for group, rows in groups_of(numbers, list(reading.groups), num):
        for response in reading.responses:
            loss = np.asarray(numbers[response], dtype=float)
            own = rows[np.isfinite(loss[rows])]
            found.append(_part(numbers, reading, group, response, own, link, along))
    return found


def _part(
    numbers: Mapping[str, Any],
    reading: TableReading,
    group: dict[str, Any],
    response: str,
    rows: np.ndarray,
    link: Link,
    along: str | None,
) -> ChoicePart:
    inputs = {name: np.asarray(numbers[name], dtype=float)[rows] for name in reading.inputs}
    if reading.shares:
        shares = [np.asarray(numbers[name], dtype=float)[rows] for name in reading.shares]
        inputs[MIXTURE] = np.stack(shares, axis=1)
    loss = np.asarray(numbers[response], dtype=float)[rows]
    held = holdouts(
        {name: own for name, own in inputs.items() if name != MIXTURE}, inputs.get(MIXTURE)
    )
    errors = error_columns(inputs, along)
    features = None if errors is None else errors.of_runs(inputs)
    return ChoicePart(group, response, inputs, loss, held, rows, errors, features)


def runs_of(
    candidate: Candidate,
    parts: Sequence[ChoicePart],
    numbers: Mapping[str, Any],
    reading: TableReading,
    link: Link,
) -> list[Runs]:
    """The runs of each part by the inputs of a law, in the order of the part's rows.

    Raises:
        ValueError: a column cannot be an input of the law.
    """
    columns_of = {
        name: list(reading.shares) if column == MIXTURE else column
        for name, column in candidate.columns.items()
    }
    kept = {*reading.inputs, *reading.shares, *reading.responses, *reading.groups}
    table = {name: numbers[name] for name in numbers if name in kept}
    table[_ROW] = np.arange(len(np.asarray(next(iter(numbers.values())))))
    found = bind_runs(
        table,
        candidate.law.inputs(),
        columns_of=columns_of,
        response=list(reading.responses),
        link=link,
        by=reading.groups,
        units=dict.fromkeys(candidate.law.inputs(), 1.0),
        copies="keep",
    )
    for part, own in zip(parts, found, strict=True):
        assert (np.asarray(own.runs.extra[_ROW]).astype(int) == part.rows).all()
    return [own.runs for own in found]
