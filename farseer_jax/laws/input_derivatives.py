"""A loss, or any function of a law's inputs, with its derivatives in these inputs.

Inputs that are positive numbers are coordinates as logarithms, others as they are. Functions are
traced once and computed by NumPy; only a function with an operation without a NumPy rule is
compiled.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.runtime.compiled import compiled
from farseer_jax.solvers.constrained.problem import Derivatives
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction, UnsupportedPrimitiveError

Numbers: TypeAlias = Mapping[str, np.ndarray]  # of an element each, or of an element and a share
Function: TypeAlias = Callable[..., Any]  # of inputs by name, in operations of JAX


class Coordinate(NamedTuple):
    """An input that is varied: its number of coordinates, and whether they are logarithms.

    Attributes:
        name: of the input.
        size: the number of shares of a mixture; 0 for a number.
        is_log: whether the coordinate is the logarithm of the input.
    """

    name: str
    size: int
    is_log: bool


class Bound:
    """A function of coordinates, with all else known for each element.

    Args:
        traced: the function, by NumPy; None if it has to be compiled.
        compiled: the same function, by JAX.
        known: what is known of each element, by name.
    """

    def __init__(self, traced: NumpyFunction | None, compiled: Any, known: Numbers) -> None:
        self._traced = None if traced is None else traced.bind(known)
        self._compiled, self._known = compiled, known

    def value(self, x: np.ndarray) -> np.ndarray:
        """Values ``(element,)`` at coordinates ``(element, coordinate)``."""
        if self._traced is None:
            return self._by_jax(x).value
        return self._traced.value(_columns(x))[0]

    def derivatives(self, x: np.ndarray) -> Derivatives:
        """The same with gradients and Hessians."""
        if self._traced is None:
            return self._by_jax(x)
        num, size = x.shape
        columns = _columns(x)
        value, slopes = self._traced.value_and_gradient(columns)
        rows, places = _upper(size)
        hessian = np.empty((num, size, size))
        second = self._traced.summed_hessian(columns, lambda own: own)
        for i, j, own in zip(rows, places, second, strict=True):
            hessian[:, i, j] = hessian[:, j, i] = np.ravel(own)
        return Derivatives(value[0], slopes[0].T, hessian)

    def _by_jax(self, x: np.ndarray) -> Derivatives:
        with jax.enable_x64(True):
            return Derivatives(*(np.asarray(part) for part in self._compiled(x, self._known)))


@lru_cache(maxsize=64)
def _upper(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of an upper triangle, row by row."""
    return np.triu_indices(size)


def _columns(x: np.ndarray) -> list[np.ndarray]:
    # one column of no meaning where nothing is varied, from which the shape is taken
    return [x[None, :, k] for k in range(x.shape[1])] or [np.zeros((1, len(x)))]


@dataclass(frozen=True)
class FunctionOfInputs:
    """A function of inputs, some of which are coordinates.

    Attributes:
        function: takes inputs by name, in operations of JAX.
        names: of the inputs that it takes.
        varied: the coordinates, in order; those that it does not take are ignored.
    """

    function: Function
    names: tuple[str, ...]
    varied: tuple[Coordinate, ...]

    def bind(self, known: Numbers, num: int) -> Bound:
        """For a number of elements, with all other inputs known: of each element, or one."""
        own = {name: known[name] for name in self.names if name in known}
        # the shape is taken from what is known, and there may be nothing
        return _bound(self, own | {" ": np.zeros(num)})


@dataclass(frozen=True)
class LossOfInputs:
    """The loss of laws of one class, some of whose inputs are coordinates.

    Attributes:
        structure: the laws' tree.
        names: of the inputs.
        varied: the coordinates, in order.
    """

    structure: Any
    names: tuple[str, ...]
    varied: tuple[Coordinate, ...]

    @classmethod
    def of(cls, law: Law, varied: Sequence[Coordinate]) -> "LossOfInputs":
        """The loss of laws like this one."""
        return cls(jax.tree.structure(law), tuple(type(law).inputs()), tuple(varied))

    def function(self, **inputs: Any) -> Any:
        """The loss; the law's leaves are among the inputs, by number."""
        leaves = [inputs.pop(f" {k}") for k in range(self.structure.num_leaves)]
        return jax.tree.unflatten(self.structure, leaves).loss(**inputs)

    def bind(self, leaves: Sequence[np.ndarray], known: Numbers) -> Bound:
        """For a law of each element, leaves ``(element, …)``, with all other inputs known."""
        own = {name: known[name] for name in self.names if name in known}
        numbered = {f" {k}": leaf for k, leaf in enumerate(leaves)}
        return _bound(self, own | numbered)


def _bound(function: FunctionOfInputs | LossOfInputs, known: Numbers) -> Bound:
    shapes = tuple((name, array.shape[1:]) for name, array in known.items())
    try:
        return Bound(_traced(function, shapes), None, known)
    except UnsupportedPrimitiveError:
        return Bound(None, partial(_compiled, function), known)


@lru_cache(maxsize=256)
def _traced(
    function: FunctionOfInputs | LossOfInputs, shapes: tuple[tuple[str, tuple[int, ...]], ...]
) -> NumpyFunction:
    sizes = [(own.size,) if own.size else () for own in function.varied]
    traced = NumpyFunction(partial(_evaluated, function), sizes, dict(shapes))
    if sizes:
        _ = traced.hessian_program  # raises for an operation whose derivatives have no rule
    return traced


def _evaluated(
    function: FunctionOfInputs | LossOfInputs, coordinates: Sequence[Any], known: Mapping[str, Any]
) -> Any:
    inputs = {name: value for name, value in known.items() if name != " "}
    for own, value in zip(function.varied, coordinates, strict=True):
        if own.name in function.names:
            inputs[own.name] = jnp.exp(value) if own.is_log else value
    return jnp.asarray(function.function(**inputs), dtype=float)


@compiled(static=("function",))
def _compiled(function: FunctionOfInputs | LossOfInputs, x: Any, known: Any) -> Any:
    ends = np.cumsum([own.size or 1 for own in function.varied])[:-1]

    def value(at: Any, own: Any) -> Any:
        parts = jnp.split(at, ends)
        pairs = zip(function.varied, parts, strict=True)
        return _evaluated(function, [part if v.size else part[0] for v, part in pairs], own)

    def both(at: Any, own: Any) -> Any:
        return *jax.value_and_grad(value)(at, own), jax.hessian(value)(at, own)

    return jax.vmap(both)(x, known)
