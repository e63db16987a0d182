"""A jaxpr as a graph of scalars: one rule per primitive.

An array of a jaxpr is held as an array of node numbers in its shape, so that NumPy's own reshape,
transpose and slices arrange nodes.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from farseer_jax.solvers.scalar_graph import OPERATIONS, ScalarGraph

Nodes: TypeAlias = np.ndarray
Rule: TypeAlias = Callable[..., Any]


class UnsupportedPrimitiveError(NotImplementedError):
    """A function uses an operation that NumPy has no rule for here; JAX can compile it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the law uses the JAX primitive {name!r}, which has no NumPy rule here")
        self.name = name


def add_jaxpr(
    graph: ScalarGraph, jaxpr: Any, constants: Sequence[Any], arguments: Sequence[Nodes]
) -> list[Nodes]:
    """Add a jaxpr's operations to a graph.

    Args:
        graph: what grows.
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
        return [_map(graph, _ELEMENTWISE[name], *arguments)]
    if name in _IDENTITY:
        return arguments
    if name in _ARRANGE:
        return [np.asarray(_ARRANGE[name](*arguments, **params))]
    if name in _CALLS:
        return _call(graph, equation, arguments)
    if name in _RULES:
        result = _RULES[name](graph, *arguments, equation=equation, **params)
        return result if isinstance(result, list) else [np.asarray(result)]
    raise UnsupportedPrimitiveError(name)


def _map(graph: ScalarGraph, operation: str, *arguments: Nodes) -> Nodes:
    """An elementwise operation; scalars are broadcast."""
    return _map_function(functools.partial(graph.apply, operation), *arguments)


def _map_function(function: Callable[..., int], *arguments: Nodes) -> Nodes:
    arrays = np.broadcast_arrays(*arguments)
    rows = zip(*(array.reshape(-1).tolist() for array in arrays), strict=True)
    result = np.array([function(*row) for row in rows], dtype=np.int64)
    return result.reshape(arrays[0].shape)


# --- calls ---------------------------------------------------------------------------------------


def _call(graph: ScalarGraph, equation: Any, arguments: list[Nodes]) -> list[Nodes]:
    params = equation.params
    inner = params.get("call_jaxpr", params.get("jaxpr", params.get("fun_jaxpr")))
    if _is_our_log(params, inner):
        return [_map(graph, "log", *arguments)]
    if hasattr(inner, "jaxpr"):
        return add_jaxpr(graph, inner.jaxpr, inner.consts, arguments)
    return add_jaxpr(graph, inner, (), arguments)


def _is_our_log(params: dict[str, Any], inner: Any) -> bool:
    """Whether this is ``farseer_jax._log.log``, written for a compiler: ``np.log`` is the same."""
    equations = getattr(getattr(inner, "jaxpr", inner), "eqns", ())
    first = equations[0].primitive.name if equations else ""
    return params.get("name") == "log" and first == "bitcast_convert_type"


# --- arrangements: NumPy's own functions on arrays of nodes --------------------------------------


def _broadcast_in_dim(x: Nodes, *, shape: Any, broadcast_dimensions: Any, **_: Any) -> Nodes:
    spread = [1] * len(shape)
    for axis, size in zip(broadcast_dimensions, x.shape, strict=True):
        spread[axis] = size
    return np.broadcast_to(x.reshape(spread), shape)


def _slice(x: Nodes, *, start_indices: Any, limit_indices: Any, strides: Any) -> Nodes:
    steps = strides if strides is not None else [1] * x.ndim
    bounds = zip(start_indices, limit_indices, steps, strict=True)
    return x[tuple(slice(*bound) for bound in bounds)]


_ARRANGE: dict[str, Rule] = {
    "broadcast_in_dim": _broadcast_in_dim,
    "reshape": lambda x, *, new_sizes, **_: x.reshape(new_sizes),
    "squeeze": lambda x, *, dimensions: np.squeeze(x, tuple(dimensions)),
    "expand_dims": lambda x, *, dimensions: np.expand_dims(x, tuple(dimensions)),
    "transpose": lambda x, *, permutation: np.transpose(x, permutation),
    "tile": lambda x, *, reps: np.tile(x, reps),
    "stack": lambda *xs, axis: np.stack(xs, axis),
    "concatenate": lambda *xs, dimension: np.concatenate(xs, axis=dimension),
    "rev": lambda x, *, dimensions: np.flip(x, tuple(dimensions)),
    "slice": _slice,
}


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
    return functools.reduce(functools.partial(_map, graph, operation), flat)


def _cumulate(
    operation: str, graph: ScalarGraph, x: Nodes, *, axis: int, reverse: bool, **_: Any
) -> Nodes:
    rows = np.moveaxis(x, axis, 0)
    rows = rows[::-1] if reverse else rows
    sums = list(itertools.accumulate(rows, functools.partial(_map, graph, operation)))
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
    products = _map(graph, "mul", left, np.expand_dims(right, middle))
    return _reduce("add", graph, products, axes=(products.ndim - 1,))


def _iota(graph: ScalarGraph, *, dtype: Any, shape: Any, dimension: int, **_: Any) -> Nodes:
    spread = [1] * len(shape)
    spread[dimension] = shape[dimension]
    numbers = np.arange(shape[dimension], dtype=dtype).reshape(spread)
    return constant_nodes(graph, np.broadcast_to(numbers, shape))


def _split(graph: ScalarGraph, x: Nodes, *, sizes: Any, axis: int, **_: Any) -> list[Nodes]:
    return np.split(x, np.cumsum(sizes)[:-1], axis=axis)


def _unstack(graph: ScalarGraph, x: Nodes, *, axis: int, **_: Any) -> list[Nodes]:
    return list(np.moveaxis(x, axis, 0))


def _pad(graph: ScalarGraph, x: Nodes, value: Nodes, *, padding_config: Any, **_: Any) -> Nodes:
    shape, source, target = [], [], []
    for size, (low, high, inner) in zip(x.shape, padding_config, strict=True):
        places = low + np.arange(size) * (inner + 1)
        length = int(low + high + max(size + (size - 1) * inner, 0))
        inside = np.flatnonzero((places >= 0) & (places < length))
        shape.append(length)
        source.append(inside)
        target.append(places[inside])
    padded = np.full(shape, int(value), dtype=np.int64)
    padded[np.ix_(*target)] = x[np.ix_(*source)]
    return padded


def _gather(graph: ScalarGraph, x: Nodes, indices: Nodes, *, equation: Any, **_: Any) -> Nodes:
    """Entries at known places: JAX itself arranges the numbers of the nodes."""
    import jax

    places = np.array([_known(graph, k, "gather") for k in indices.reshape(-1)])
    places = places.reshape(indices.shape).astype(equation.invars[1].aval.dtype)
    return np.asarray(equation.primitive.bind(jax.numpy.asarray(x), places, **equation.params))


def _scatter_add(
    graph: ScalarGraph, x: Nodes, indices: Nodes, updates: Nodes, *, equation: Any, **_: Any
) -> Nodes:
    """Each update added at its known place, which a gather of places finds."""
    import jax

    places = np.array([_known(graph, k, "scatter-add") for k in indices.reshape(-1)])
    places = places.reshape(indices.shape).astype(equation.invars[1].aval.dtype)
    params = {**equation.params, "update_jaxpr": None, "update_consts": ()}
    result = x.copy()
    for k in range(updates.size):
        one = np.zeros(updates.size, dtype=np.int64)
        one[k] = 1
        hit = jax.lax.scatter_add_p.bind(
            jax.numpy.zeros(x.shape, dtype=np.int64), places, one.reshape(updates.shape), **params
        )
        place = np.asarray(hit) != 0
        term = np.asarray(updates.reshape(-1)[k])
        result[place] = _map(graph, "add", result[place], term)
    return result


def _dynamic_slice(
    graph: ScalarGraph, x: Nodes, *starts: Nodes, slice_sizes: Any, **_: Any
) -> Nodes:
    cut = []
    for start, size, length in zip(starts, slice_sizes, x.shape, strict=True):
        low = min(max(int(_known(graph, int(start), "dynamic_slice")), 0), length - size)
        cut.append(slice(low, low + size))
    return x[tuple(cut)]


def _known(graph: ScalarGraph, number: int, name: str) -> Any:
    node = graph.nodes[int(number)]
    if node.operation != "constant":
        raise UnsupportedPrimitiveError(name)
    return node.value


def _convert(graph: ScalarGraph, x: Nodes, *, new_dtype: Any, equation: Any, **_: Any) -> Nodes:
    old, new = equation.invars[0].aval.dtype, np.dtype(new_dtype)
    if old == new:
        return x
    if f"to_{new.name}" not in OPERATIONS:
        raise UnsupportedPrimitiveError(f"convert_element_type to {new.name}")
    return _map(graph, f"to_{new.name}", x)


def _bitcast(graph: ScalarGraph, x: Nodes, *, new_dtype: Any, **_: Any) -> Nodes:
    name = f"bits_as_{np.dtype(new_dtype).name}"
    if name not in OPERATIONS:
        raise UnsupportedPrimitiveError("bitcast_convert_type")
    return _map(graph, name, x)


def _select(graph: ScalarGraph, which: Nodes, *cases: Nodes, **_: Any) -> Nodes:
    if len(cases) == 1:
        return cases[0]
    if len(cases) != 2:
        raise UnsupportedPrimitiveError("select_n of more than two cases")
    return _map(graph, "select", which, *cases)


def _clamp(graph: ScalarGraph, low: Nodes, x: Nodes, high: Nodes, **_: Any) -> Nodes:
    return _map(graph, "min", _map(graph, "max", x, low), high)


def _div(graph: ScalarGraph, x: Nodes, y: Nodes, *, equation: Any, **_: Any) -> Nodes:
    whole = equation.outvars[0].aval.dtype.kind in "iu"
    return _map(graph, "whole_div" if whole else "div", x, y)


def _round(graph: ScalarGraph, x: Nodes, *, rounding_method: Any, **_: Any) -> Nodes:
    to_even = int(rounding_method) == 1
    return _map(graph, "round" if to_even else "round_away", x)


def _rsqrt(graph: ScalarGraph, x: Nodes, **_: Any) -> Nodes:
    root = _map(graph, "sqrt", x)
    return _map(graph, "div", np.asarray(graph.constant(1.0)), root)


def _pow(graph: ScalarGraph, x: Nodes, y: Nodes, **_: Any) -> Nodes:
    return _map_function(graph.power, x, y)


def _integer_pow(graph: ScalarGraph, x: Nodes, *, y: int, **_: Any) -> Nodes:
    return _map_function(lambda node: graph.integer_power(node, int(y)), x)


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
    "split": _split,
    "unstack": _unstack,
    "pad": _pad,
    "gather": _gather,
    "scatter-add": _scatter_add,
    "dynamic_slice": _dynamic_slice,
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
