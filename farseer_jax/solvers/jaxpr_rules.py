"""A jaxpr as a graph of scalars: one rule per primitive."""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from farseer_jax.solvers.jaxpr_arrays import (
    ARRANGEMENTS,
    Nodes,
    Rule,
    UnsupportedPrimitiveError,
    dynamic_slice,
    gather,
    map_function,
    map_nodes,
    pad,
    scatter_add,
    split,
    unstack,
)
from farseer_jax.solvers.numpy_operations import OPERATIONS
from farseer_jax.solvers.scalar_graph import ScalarGraph


def add_jaxpr(
    graph: ScalarGraph, jaxpr: Any, constants: Sequence[Any], arguments: Sequence[Nodes]
) -> list[Nodes]:
    """Add a jaxpr's operations to a graph.

    Args:
        graph: the graph to extend.
        jaxpr: an open jaxpr.
        constants: its captured arrays.
        arguments: arrays of nodes.

    Returns:
        Arrays of nodes, one per output.

    Raises:
        UnsupportedPrimitiveError: there is no rule for a primitive.
    """
    known: dict[Any, Nodes] = {}
    for variable, value in zip(jaxpr.constvars, constants, strict=True):
        known[variable] = constant_nodes(graph, value)
    known.update(zip(jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> Nodes:
        if hasattr(atom, "val"):
            return constant_nodes(graph, np.asarray(atom.val, dtype=atom.aval.dtype))
        return known[atom]

    for equation in jaxpr.eqns:
        results = _apply(graph, equation, [read(atom) for atom in equation.invars])
        known.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def constant_nodes(graph: ScalarGraph, value: Any) -> Nodes:
    """An array of numbers as an array of nodes."""
    array = np.asarray(value)
    nodes = [graph.constant(entry) for entry in array.reshape(-1)]
    return np.array(nodes, dtype=np.int64).reshape(array.shape)


def _apply(graph: ScalarGraph, equation: Any, arguments: list[Nodes]) -> list[Nodes]:
    name, params = equation.primitive.name, equation.params
    if name in _ELEMENTWISE:
        return [map_nodes(graph, _ELEMENTWISE[name], *arguments)]
    if name in _IDENTITY:
        return arguments
    if name in ARRANGEMENTS:
        return [np.asarray(ARRANGEMENTS[name](*arguments, **params))]
    if name in _CALLS:
        return _call(graph, equation, arguments)
    if name in _RULES:
        result = _RULES[name](graph, *arguments, equation=equation, **params)
        return result if isinstance(result, list) else [np.asarray(result)]
    raise UnsupportedPrimitiveError(name)


# --- calls ---------------------------------------------------------------------------------------


def _call(graph: ScalarGraph, equation: Any, arguments: list[Nodes]) -> list[Nodes]:
    params = equation.params
    inner = params.get("call_jaxpr", params.get("jaxpr", params.get("fun_jaxpr")))
    if _is_our_log(params, inner):
        return [map_nodes(graph, "log", *arguments)]
    if hasattr(inner, "jaxpr"):
        return add_jaxpr(graph, inner.jaxpr, inner.consts, arguments)
    return add_jaxpr(graph, inner, (), arguments)


def _is_our_log(params: dict[str, Any], inner: Any) -> bool:
    """Whether this is ``runtime.fast_log.log``, for which NumPy uses ``np.log``."""
    equations = getattr(getattr(inner, "jaxpr", inner), "eqns", ())
    first = equations[0].primitive.name if equations else ""
    return params.get("name") == "log" and first == "bitcast_convert_type"


# --- rules that make nodes -----------------------------------------------------------------------


def _reduce(operation: str, graph: ScalarGraph, x: Nodes, *, axes: Any, **_: Any) -> Nodes:
    if not axes:
        return x
    rest = [axis for axis in range(x.ndim) if axis not in axes]
    flat = np.transpose(x, [*axes, *rest])
    flat = flat.reshape(-1, *(x.shape[axis] for axis in rest))
    if not len(flat):
        empty = {"add": 0.0, "mul": 1.0, "max": -np.inf, "min": np.inf}[operation]
        return np.full(flat.shape[1:], graph.constant(empty))
    return functools.reduce(functools.partial(map_nodes, graph, operation), flat)


def _cumulate(
    operation: str, graph: ScalarGraph, x: Nodes, *, axis: int, reverse: bool, **_: Any
) -> Nodes:
    rows = np.moveaxis(x, axis, 0)
    rows = rows[::-1] if reverse else rows
    sums = list(itertools.accumulate(rows, functools.partial(map_nodes, graph, operation)))
    stacked = np.stack(sums[::-1] if reverse else sums)
    return np.moveaxis(stacked, 0, axis)


def _dot_general(
    graph: ScalarGraph, x: Nodes, y: Nodes, *, dimension_numbers: Any, **_: Any
) -> Nodes:
    (x_sum, y_sum), (x_batch, y_batch) = dimension_numbers
    x_free = [k for k in range(x.ndim) if k not in (*x_sum, *x_batch)]
    y_free = [k for k in range(y.ndim) if k not in (*y_sum, *y_batch)]
    left = np.transpose(x, [*x_batch, *x_free, *x_sum])
    right = np.transpose(y, [*y_batch, *y_free, *y_sum])
    num_batch, num_sum = len(x_batch), len(x_sum)
    left = left.reshape(*left.shape[: left.ndim - num_sum], -1)
    right = right.reshape(*right.shape[: right.ndim - num_sum], -1)
    left = np.expand_dims(left, tuple(range(left.ndim - 1, left.ndim - 1 + len(y_free))))
    middle = tuple(range(num_batch, num_batch + len(x_free)))
    products = map_nodes(graph, "mul", left, np.expand_dims(right, middle))
    return _reduce("add", graph, products, axes=(products.ndim - 1,))


def _iota(graph: ScalarGraph, *, dtype: Any, shape: Any, dimension: int, **_: Any) -> Nodes:
    spread = [1] * len(shape)
    spread[dimension] = shape[dimension]
    numbers = np.arange(shape[dimension], dtype=dtype).reshape(spread)
    return constant_nodes(graph, np.broadcast_to(numbers, shape))


def _convert(graph: ScalarGraph, x: Nodes, *, new_dtype: Any, equation: Any, **_: Any) -> Nodes:
    old, new = equation.invars[0].aval.dtype, np.dtype(new_dtype)
    if old == new:
        return x
    if f"to_{new.name}" not in OPERATIONS:
        raise UnsupportedPrimitiveError(f"convert_element_type to {new.name}")
    return map_nodes(graph, f"to_{new.name}", x)


def _bitcast(graph: ScalarGraph, x: Nodes, *, new_dtype: Any, **_: Any) -> Nodes:
    name = f"bits_as_{np.dtype(new_dtype).name}"
    if name not in OPERATIONS:
        raise UnsupportedPrimitiveError("bitcast_convert_type")
    return map_nodes(graph, name, x)


def _select(graph: ScalarGraph, which: Nodes, *cases: Nodes, **_: Any) -> Nodes:
    if len(cases) == 1:
        return cases[0]
    if len(cases) != 2:
        raise UnsupportedPrimitiveError("select_n of more than two cases")
    return map_nodes(graph, "select", which, *cases)


def _clamp(graph: ScalarGraph, low: Nodes, x: Nodes, high: Nodes, **_: Any) -> Nodes:
    return map_nodes(graph, "min", map_nodes(graph, "max", x, low), high)


def _div(graph: ScalarGraph, x: Nodes, y: Nodes, *, equation: Any, **_: Any) -> Nodes:
    whole = equation.outvars[0].aval.dtype.kind in "iu"
    return map_nodes(graph, "whole_div" if whole else "div", x, y)


def _round(graph: ScalarGraph, x: Nodes, *, rounding_method: Any, **_: Any) -> Nodes:
    to_even = int(rounding_method) == 1
    return map_nodes(graph, "round" if to_even else "round_away", x)


def _rsqrt(graph: ScalarGraph, x: Nodes, **_: Any) -> Nodes:
    root = map_nodes(graph, "sqrt", x)
    return map_nodes(graph, "div", np.asarray(graph.constant(1.0)), root)


def _pow(graph: ScalarGraph, x: Nodes, y: Nodes, **_: Any) -> Nodes:
    return map_function(graph.power, x, y)


def _integer_pow(graph: ScalarGraph, x: Nodes, *, y: int, **_: Any) -> Nodes:
    return map_function(lambda node: graph.integer_power(node, int(y)), x)


_RULES: dict[str, Rule] = {
    "reduce_sum": functools.partial(_reduce, "add"),
    "reduce_prod": functools.partial(_reduce, "mul"),
    "reduce_max": functools.partial(_reduce, "max"),
    "reduce_min": functools.partial(_reduce, "min"),
    "reduce_and": functools.partial(_reduce, "and"),
    "reduce_or": functools.partial(_reduce, "or"),
    "cumsum": functools.partial(_cumulate, "add"),
    "cumprod": functools.partial(_cumulate, "mul"),
    "cummax": functools.partial(_cumulate, "max"),
    "cummin": functools.partial(_cumulate, "min"),
    "dot_general": _dot_general,
    "iota": _iota,
    "split": split,
    "unstack": unstack,
    "pad": pad,
    "gather": gather,
    "scatter-add": scatter_add,
    "dynamic_slice": dynamic_slice,
    "convert_element_type": _convert,
    "bitcast_convert_type": _bitcast,
    "select_n": _select,
    "clamp": _clamp,
    "div": _div,
    "round": _round,
    "rsqrt": _rsqrt,
    "pow": _pow,
    "integer_pow": _integer_pow,
    "square": functools.partial(_integer_pow, y=2),
}
_ELEMENTWISE: dict[str, str] = {
    name: name for name in OPERATIONS if name not in ("div", "round", "select", "power")
} | {"add_any": "add", "nextafter": "nextafter"}
_IDENTITY = frozenset(
    {"copy", "copy_p", "stop_gradient", "optimization_barrier", "reduce_precision"}
)
_CALLS = frozenset(
    {
        "jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint",
        "custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr",
    }
)  # fmt: skip
