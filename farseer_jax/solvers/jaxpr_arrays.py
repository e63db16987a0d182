"""Arrays of nodes: rearranging the entries of an array costs nothing once it is traced.

An array of a jaxpr is kept as an array of node indices in its shape, so that NumPy's own reshape,
transpose and slices rearrange nodes.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from farseer_jax.solvers.scalar_graph import ScalarGraph

Nodes: TypeAlias = np.ndarray
Rule: TypeAlias = Callable[..., Any]


class UnsupportedPrimitiveError(NotImplementedError):
    """A function uses an operation that NumPy has no rule for here; JAX can compile it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the law uses the JAX primitive {name!r}, which has no NumPy rule here")
        self.name = name


def map_nodes(graph: ScalarGraph, operation: str, *arguments: Nodes) -> Nodes:
    """An elementwise operation; scalars are broadcast."""
    return map_function(functools.partial(graph.apply, operation), *arguments)


def map_function(function: Callable[..., int], *arguments: Nodes) -> Nodes:
    """A function of one node of each array; scalars are broadcast."""
    arrays = np.broadcast_arrays(*arguments)
    rows = zip(*(array.reshape(-1).tolist() for array in arrays), strict=True)
    result = np.array([function(*row) for row in rows], dtype=np.int64)
    return result.reshape(arrays[0].shape)


def _broadcast_in_dim(x: Nodes, *, shape: Any, broadcast_dimensions: Any, **_: Any) -> Nodes:
    spread = [1] * len(shape)
    for axis, size in zip(broadcast_dimensions, x.shape, strict=True):
        spread[axis] = size
    return np.broadcast_to(x.reshape(spread), shape)


def _slice(x: Nodes, *, start_indices: Any, limit_indices: Any, strides: Any) -> Nodes:
    steps = strides if strides is not None else [1] * x.ndim
    bounds = zip(start_indices, limit_indices, steps, strict=True)
    return x[tuple(slice(*bound) for bound in bounds)]


ARRANGEMENTS: dict[str, Rule] = {
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


def split(graph: ScalarGraph, x: Nodes, *, sizes: Any, axis: int, **_: Any) -> list[Nodes]:
    """Pieces along an axis."""
    return np.split(x, np.cumsum(sizes)[:-1], axis=axis)


def unstack(graph: ScalarGraph, x: Nodes, *, axis: int, **_: Any) -> list[Nodes]:
    """Slices along an axis, without it."""
    return list(np.moveaxis(x, axis, 0))


def pad(graph: ScalarGraph, x: Nodes, value: Nodes, *, padding_config: Any, **_: Any) -> Nodes:
    """Pad by one node before, after and between entries; negative padding cuts."""
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


def gather(graph: ScalarGraph, x: Nodes, indices: Nodes, *, equation: Any, **_: Any) -> Nodes:
    """Entries at known places: JAX itself rearranges the indices of the nodes."""
    import jax

    places = np.array([_known(graph, k, "gather") for k in indices.reshape(-1)])
    places = places.reshape(indices.shape).astype(equation.invars[1].aval.dtype)
    return np.asarray(equation.primitive.bind(jax.numpy.asarray(x), places, **equation.params))


def scatter_add(
    graph: ScalarGraph, x: Nodes, indices: Nodes, updates: Nodes, *, equation: Any, **_: Any
) -> Nodes:
    """Each update added at its known place."""
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
        result[place] = map_nodes(graph, "add", result[place], term)
    return result


def dynamic_slice(
    graph: ScalarGraph, x: Nodes, *starts: Nodes, slice_sizes: Any, **_: Any
) -> Nodes:
    """A part that starts at a known place."""
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
