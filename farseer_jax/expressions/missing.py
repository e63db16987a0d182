"""Where the value of a formula depends on a missing number."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farseer_jax.expressions.expression import Expression, value_of
from farseer_jax.expressions.tree import Call, Name, Node, children


def missing_rows(expression: Expression, values: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Whether a number that the value depends on is missing (NaN).

    ``where`` depends on its condition and on the branch that is taken. A NaN result is no test:
    ``NaN < 1`` is false, ``NaN**0`` is 1, and ``log(-1)`` is NaN though nothing is missing.

    Args:
        expression: a formula without mixtures.
        values: numbers for each name; they broadcast.

    Example:
        >>> from farseer_jax.expressions.expression import parse
        >>> formula = parse("where(a > 0, a, b)")
        >>> missing_rows(formula, {"a": np.array([1, -1, np.nan]), "b": np.nan})
        array([False,  True,  True])
    """
    with np.errstate(all="ignore"):
        return np.asarray(_missing(expression.tree, values), bool)


def _missing(node: Node, values: Mapping[str, Any]) -> Any:
    match node:
        case Name(name):
            return np.isnan(values[name])
        case Call("where", (condition, first, second)):
            holds = value_of(condition, values)
            taken = np.where(holds, _missing(first, values), _missing(second, values))
            return _missing(condition, values) | taken
    missing = np.zeros((), bool)
    for child in children(node):
        missing = missing | _missing(child, values)
    return missing
