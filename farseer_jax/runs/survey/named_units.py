"""Units in names of columns, such as ``tokens_B``, where the values agree."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from farseer_jax.runs.column_names import SCALED, name_and_unit
from farseer_jax.runs.survey.implausible import LEAST, MOST

_LIKE: Final = {"N_active": "N", "U": "D", "characters": "D"}  # of similar size


def unit_of_column(role: str, column: str, values: Any) -> float | None:
    """The unit in the name of an input's column; None if it has none.

    Also None if the values are plausible numbers of parameters or tokens without it, or if the
    input has the same name, as in a user's formula.

    Args:
        role: the input.
        column: its column.
        values: ``(row,)``, NaN where missing.

    Example:
        >>> unit_of_column("N", "params_B", np.array([0.2, 1.4]))
        1000000000.0
        >>> unit_of_column("N", "params_B", np.array([2e8, 1.4e9])) is None
        True
    """
    if role not in SCALED or role == column:
        return None
    unit = name_and_unit(column).unit
    return None if unit is None or not in_unit(role, unit, values) else unit


def in_unit(role: str, unit: float, values: Any) -> bool:
    """Whether values may be in a unit: values such as 2e8 parameters are not in billions.

    Args:
        role: the input.
        unit: a factor.
        values: ``(row,)``, NaN where missing.

    Example:
        >>> in_unit("N", 1e9, np.array([0.2, 1.4])), in_unit("N", 1e9, np.array([2e8, 1.4e9]))
        (True, False)
    """
    like, finite = _LIKE.get(role, role), values[np.isfinite(values)]
    if not len(finite) or like not in LEAST:
        return True
    largest = float(finite.max())
    return not (LEAST[like] <= largest <= MOST[like] < largest * unit)
