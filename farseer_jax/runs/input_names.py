"""The input that a name refers to: one rule for options, points and tables of points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from farseer_jax.runs.column_names import roles_of
from farseer_jax.runs.survey.named_units import unit_of_column
from farseer_jax.runs.usual_names import USUAL_NAMES


def input_named(
    name: str, inputs: Iterable[str], columns: Mapping[str, str] | None = None
) -> str | None:
    """The input that a name refers to.

    That is the input of this name, the input fitted from a column of this name, or the only input
    with this name among its usual names.

    Args:
        name: an input's name, as the user writes it.
        inputs: names of the inputs: those of a law, or columns.
        columns: the columns from which inputs were fitted, where they have other names.

    Returns:
        The input; None if there is none, or if the name is ambiguous.

    Example:
        >>> input_named("params", ["N", "D"]), input_named("batch_size", ["N", "B"])
        ('N', 'B')
        >>> input_named("N", ["Model Params (B)", "tokens"])
        'Model Params (B)'
        >>> input_named("x", ["N", "P"], {"P": "x"}), input_named("arm", ["N", "P"])
        ('P', None)
    """
    own, columns = list(inputs), columns or {}
    if name in own:
        return name
    fitted = [one for one in own if columns.get(one) == name]
    if fitted:
        return fitted[0]
    roles = set(_roles(name))
    usual = [
        one
        for one in own
        if roles & set(_roles(one)) or (one in columns and roles & set(_roles(columns[one])))
    ]
    return usual[0] if len(usual) == 1 else None


def column_of_input(
    name: str, names: Sequence[str], columns: Mapping[str, str] | None = None
) -> str | None:
    """The column of a table that an input refers to, as :func:`input_named` in reverse.

    Example:
        >>> column_of_input("Model Params (B)", ["N", "tokens"])
        'N'
    """
    if name in names:
        return name
    found = [own for own in names if input_named(own, [name], columns) == name]
    return found[0] if len(found) == 1 else None


def unit_of_name(written: str, name: str, values: NDArray[np.float64]) -> float:
    """The unit in the name that the user wrote for an input, as a factor; 1 if it has none.

    Args:
        written: the name that the user wrote, such as ``params_B``.
        name: the input.
        values: its values.

    Example:
        >>> unit_of_name("params_B", "N", np.array([7.0])), unit_of_name("N", "N", np.array([7.0]))
        (1000000000.0, 1.0)
    """
    if written == name:
        return 1.0
    return next((u for r in _roles(written) if (u := unit_of_column(r, written, values))), 1.0)


def _roles(name: str) -> list[str]:
    """The inputs of laws that a name may mean; D is never a width."""
    return [name] if name in USUAL_NAMES else roles_of(name)
