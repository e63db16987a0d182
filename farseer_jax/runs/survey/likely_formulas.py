"""Formulas of N, D or the loss by columns of other meanings, checked by what these hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from farseer_jax.expressions.names import name_text
from farseer_jax.runs.survey.other_meanings import formula_for, meaning_of
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.number_texts import numbers_of

_LEAST_TOKENS: Final = 1e5  # per batch; batches have fewer sequences


def likely_formulas(
    role: str, names: Sequence[str], known: Sequence[str], columns: Columns
) -> dict[str, str]:
    """The formulas that may give N, D or the loss, and the case for each; empty without.

    A batch size of 100,000 and more counts tokens. Beside several devices it may be of all or of
    each.

    Args:
        role: ``"N"``, ``"D"`` or ``"loss"``.
        names: of the columns that may be used.
        known: those of N and D that the table has.
        columns: the table.

    Example:
        >>> table = Columns({"steps": np.array([3641]), "batch_size": np.array([524288])})
        >>> list(likely_formulas("D", list(table), ["N"], table))
        ['D = steps*batch_size']
    """
    batches = [own for own in names if meaning_of(own) == "sequences per batch"]
    in_tokens = [own for own in batches if _largest(own, columns) >= _LEAST_TOKENS]
    formula = formula_for(role, names, known, in_tokens)
    if formula is None:
        return {}
    devices = [
        own for own in names if meaning_of(own) == "devices" and _largest(own, columns) > 1.0
    ]
    used = [own for own in batches if name_text(own) in formula.split(" = ")[1].split("*")]
    if not devices or not used or "global" in used[0].lower():
        return {formula: ""}
    each = f"{formula}*{name_text(devices[0])}"
    return {formula: f"if {used[0]!r} is of all devices", each: f"if {used[0]!r} is of each device"}


def _largest(column: str, columns: Columns) -> float:
    """The largest number of a column; 0 without any."""
    values = numbers_of(columns[column]).numbers
    values = values[np.isfinite(values)]
    return float(values.max()) if len(values) else 0.0
