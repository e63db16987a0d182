"""Tables of several files that have other names for the same."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.runs.find_columns import usual_columns
from farseer_jax.runs.groups_and_responses import Binding
from farseer_jax.runs.table_problems import Problem
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.row_numbers import shortened

_FILE: Final = "file"
_MOST_FILES: Final = 2


def file_problems(columns: Columns, binding: Binding) -> list[Problem]:
    """Inputs and the loss that some files have in one column and the others in another.

    Columns that are named by an option are taken as they are.

    Args:
        columns: of several files below each other, with a column ``file``.
        binding: how the table is read.

    Example:
        >>> table = {"N": [1e8, np.nan], "params": [np.nan, 2e8], "file": ["a.csv", "b.csv"]}
        >>> columns = Columns({name: np.array(own) for name, own in table.items()})
        >>> print(file_problems(columns, Binding({"N": "positive"}))[0].what)
        N is column 'N' in a.csv and 'params' in b.csv: rename columns so that all files have the
        same names
    """
    if _FILE not in columns or columns.as_is:
        return []
    import pandas as pd  # not at the top: importing the package needs none

    files, names = pd.factorize(columns[_FILE])
    if (files < 0).any():  # the table's own column, with missing values
        return []
    roles = [name for name in binding.kinds if name not in binding.columns_of]
    roles += ["loss"] if binding.response is None else []
    texts = [_differing(role, columns, files, [*map(str, names)]) for role in roles]
    told = "; ".join(filter(None, texts))
    remedy = "rename columns so that all files have the same names"
    return [Problem(f"{told}: {remedy}")] if told else []


def _differing(role: str, columns: Columns, files: NDArray[np.intp], names: list[str]) -> str:
    """Which files have an input in which column; empty if one column has it for all."""
    candidates = [name for own in usual_columns(role, list(columns)) for name in own]
    if len(candidates) < 2:
        return ""
    import pandas as pd

    held = {name: set(files[~pd.isna(columns[name])].tolist()) for name in candidates}
    everywhere = set(files.tolist())
    if everywhere in held.values() or set.union(*held.values()) != everywhere:
        return ""
    parts, told = list[str](), set[int]()
    for name, own in held.items():
        if new := sorted(own - told):
            files_of = shortened([names[at] for at in new], _MOST_FILES)
            parts.append(f"{name!r} in {files_of}")
            told |= own
    return f"{role} is column {' and '.join(parts)}"
