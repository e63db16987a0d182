"""Partial derivatives of functions of several arrays, elementwise."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from farseer_jax.types import Array

Function = Callable[[list[Array]], Any]


def partial_derivative(function: Function, k: int) -> Function:
    """The derivative in the k-th array of a function of several, itself such a function.

    Args:
        function: elementwise, from a list of arrays to arrays.
        k: index of the array.
    """

    def derivative(values: list[Array]) -> Any:
        def along(x: Array) -> Any:
            return function([*values[:k], x, *values[k + 1 :]])

        return jax.jvp(along, (values[k],), (jnp.ones_like(values[k]),))[1]

    return derivative
