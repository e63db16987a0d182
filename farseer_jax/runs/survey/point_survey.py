"""Reading a table of points to predict: its columns recognised and checked as those of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farseer_jax.link_functions import Link
from farseer_jax.runs.groups_and_responses import Binding
from farseer_jax.runs.survey.survey import Survey, surveyed
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.number_texts import numbers_of


def surveyed_points(columns: Columns, binding: Binding, responses: Sequence[str]) -> Survey:
    """Recognise and check the columns of a table of points.

    Args:
        columns: the table.
        binding: how it is read, without the response.
        responses: columns of observed responses. They may be absent, or missing in some rows.

    Raises:
        TableError: the table cannot be read as it is; its options read it.
        ValueError: an option names a column that is not there.
    """
    survey = _of_inputs(columns, binding, responses[0])
    kept = np.isin(columns.row_numbers(), survey.columns.row_numbers())
    own = columns.take(kept)
    observed = {name: _numbers(own, name) for name in responses if name in columns}
    known = [name for name, values in observed.items() if _has_number(values)]
    inputs = {name: values for name, values in survey.columns.items() if name not in responses}
    own = Columns(
        {**own, **inputs, **observed},
        columns.source,
        own.rows,
        drop_missing=columns.drop_missing,
        as_is=columns.as_is,
    )
    if known:
        own = _of_responses(own, binding, known)
    return survey._replace(columns=own)


def _of_inputs(columns: Columns, binding: Binding, response: str) -> Survey:
    """The inputs checked, whatever the response: a constant stands in for it."""
    constant = columns.with_columns({response: np.ones(columns.num_rows)}, ())
    how = binding._replace(response=[response], link=Link("identity"))
    return surveyed(constant, how, one_fit=False)


def _of_responses(columns: Columns, binding: Binding, responses: Sequence[str]) -> Columns:
    """The observed responses checked beside the inputs."""
    return surveyed(columns, binding._replace(response=[*responses]), one_fit=False).columns


def _numbers(columns: Columns, name: str) -> NDArray[Any]:
    """An observed response; what is not a number is missing if rows may lack one."""
    return numbers_of(columns[name]).numbers if columns.drop_missing else columns[name]


def _has_number(values: NDArray[Any]) -> bool:
    """Whether a value was observed at all."""
    read = numbers_of(values)
    return bool(np.isfinite(read.numbers).any()) or bool(len(read.not_numbers))
