"""How many steps a run is to have, by a setting of its trainer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.curves.curve_inputs import values_of_runs
from farseer_jax.runs.survey.marked_rows import last_word
from farseer_jax.tables.columns import Columns

# of Hugging Face, PyTorch Lightning, Megatron and others, the likeliest first
_NAMES: Final = (
    *("maxsteps", "totalsteps", "numtrainingsteps", "maxtrainsteps", "totaltrainingsteps"),
    *("numtrainsteps", "trainingsteps", "trainsteps", "trainiters", "maxiters", "numiterations"),
)


def length_columns(columns: Columns) -> list[str]:
    """Columns that hold the number of steps of the whole run, by their names.

    Example:
        >>> from farseer_jax.tables.columns import Columns
        >>> table = Columns({"step": np.arange(3), "config.max_steps": np.full(3, 9)})
        >>> length_columns(table)
        ['config.max_steps']
    """
    found = [name for name in columns if _word(name) in _NAMES and columns[name].ndim == 1]
    return sorted(found, key=lambda name: _NAMES.index(_word(name)))


def lengths_of_runs(
    columns: Columns, codes: NDArray[np.intp], names: Sequence[str]
) -> dict[str, int]:
    """The number of steps that each run is to have, by its name; without runs that do not say.

    Args:
        columns: of the table.
        codes: the number of each row's run, ``(row,)``.
        names: of the runs.
    """
    found: dict[str, int] = {}
    for column in length_columns(columns):
        values = values_of_runs(columns[column], codes)
        if values is not None:
            known = (np.isfinite(values)) & (values >= 1) & (values == np.round(values))
            own = {name: int(values[at]) for at, name in enumerate(names) if known[at]}
            found = own | found
    return found


def _word(name: str) -> str:
    return re.sub(r"[^a-z]", "", last_word(name).lower())
