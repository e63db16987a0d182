"""Tables whose rows are events of runs: the size in one, the tokens and the loss in others."""

from __future__ import annotations

import numpy as np

from farseer_jax.runs.groups_and_responses import Found
from farseer_jax.runs.table_problems import Problem
from farseer_jax.tables.columns import Columns


def scattered(columns: Columns, found: Found) -> list[Problem]:
    """The problem that no row has all that a fit needs, though each column has values.

    Args:
        columns: the table.
        found: the columns of inputs and responses.

    Example:
        >>> table = {"run": ["a", "a"], "N": [1e8, np.nan], "loss": [np.nan, 3.4]}
        >>> columns = Columns({name: np.array(own) for name, own in table.items()})
        >>> print(scattered(columns, Found({"N": "N"}, ["loss"], []))[0].what)
        no row has values of 'N' and 'loss' together: give one row for each run, with all of them
    """
    import pandas as pd  # not at the top: importing the package needs none

    inputs = [own for own in found.inputs.values() if isinstance(own, str)]
    held = [~pd.isna(columns[name]) for name in inputs]
    responses = [~pd.isna(columns[name]) for name in found.responses]
    held += [np.any(responses, axis=0)] if responses else []
    if not columns.num_rows or not all(own.any() for own in held) or np.all(held, axis=0).any():
        return []
    *first, last = map(repr, [*inputs, *found.responses])
    told = f"no row has values of {', '.join(first)} and {last} together"
    return [Problem(f"{told}: give one row for each run, with all of them")]
