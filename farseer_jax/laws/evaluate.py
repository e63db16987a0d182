"""Losses of a law at many points, in NumPy and float64, regardless of JAX's precision.

A law is traced once and evaluated by NumPy, without compilation. Only a law with an operation
without a NumPy rule is compiled.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.laws.input_limits import InputLimit, refuse_outside
from farseer_jax.laws.law import Law, batch_shape
from farseer_jax.laws.law_inputs import in_order, one_hot
from farseer_jax.laws.separable import OneDataTerm, is_separable
from farseer_jax.runs.checks import floats_of
from farseer_jax.runs.inputs import SUM_TOLERANCE
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.compiled import compiled
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction, UnsupportedPrimitiveError
from farseer_jax.types import Array

_BUCKET = 1024  # points per compilation, at least
_MAX_LOSSES = 1 << 17  # per call: fits in a CPU's cache


def curves(law: OneDataTerm, N: Array) -> Array:
    """U, B and A at sizes, ``(3, size)``; pure, for use under ``jit`` and ``vmap``."""
    log_U, log_B, A = (jnp.broadcast_to(curve, N.shape) for curve in law.of_size(N))
    return jnp.stack([jnp.exp(log_U), jnp.exp(log_B), A])


_curves = compiled()(curves)


def evaluate_curves(law: OneDataTerm, N: ArrayLike) -> np.ndarray:
    """U, B and A at sizes N, ``(3, size)``, in float64."""
    sizes = numbers("N", N, "positive")
    leaves, structure = jax.tree.flatten(law)
    vector = np.array([leaves], dtype=np.float64)
    try:
        functions = _numpy_curves(structure, ((),) * len(leaves))
    except UnsupportedPrimitiveError:
        return _compiled_curves(law, sizes)
    found = [function.bind({"N": sizes}).value(vector)[0] for function in functions]
    log_U, log_B, A = (np.broadcast_to(own, sizes.shape) for own in found)
    return np.stack([np.exp(log_U), np.exp(log_B), A])


def _compiled_curves(law: OneDataTerm, sizes: np.ndarray) -> np.ndarray:
    with jax.enable_x64(True):
        padded = _padded(sizes, _bucket(len(sizes)))
        return np.asarray(_curves(law, padded))[:, : len(sizes)]


def evaluate(law: Law, *args: ArrayLike, **inputs: ArrayLike) -> np.ndarray:
    """Losses at points; inputs in the order of the law's ``loss`` or by name, broadcastable.

    A leading axis of the law's leaves becomes the first axis of the losses.

    Raises:
        ValueError: an input is not of its kind, or the inputs do not broadcast.
        TypeError: an input is missing or unknown.
    """
    flat, shape = flat_points(type(law), args, inputs)
    stack = batch_shape(law)
    return losses_at(law, flat, stack).reshape((*stack, *shape))[()]


def flat_points(
    law: type[Law],
    args: tuple[ArrayLike, ...],
    inputs: Mapping[str, ArrayLike],
    limits: Sequence[InputLimit] | None = None,
) -> tuple[dict[str, np.ndarray], tuple[int, ...]]:
    """Check and broadcast the inputs of a law at points.

    Args:
        law: the law's class.
        args: inputs in the order of the law's ``loss``.
        inputs: inputs by name; a category as labels or one-hot.
        limits: conditions on the inputs; None for all of the law's.

    Returns:
        Each input, ``(point,)``, a mixture or category ``(point, share)``; and the broadcast
        shape.

    Raises:
        ValueError, TypeError: as for :func:`evaluate`.
    """
    kinds = law.inputs()
    named = law.named(args, inputs)
    points = {name: _values(law, name, named[name], kind) for name, kind in kinds.items()}
    shares = {name for name, kind in kinds.items() if kind in ("mixture", "category")}
    shapes = {name: x.shape[:-1] if name in shares else x.shape for name, x in points.items()}
    try:
        shape = np.broadcast_shapes(*shapes.values())
    except ValueError:
        listed = " and ".join(str(s) for s in shapes.values())
        raise ValueError(f"{' and '.join(points)}: shapes {listed} do not broadcast") from None
    flat = {
        name: np.broadcast_to(x, (*shape, *x.shape[-1:]) if name in shares else shape).reshape(
            -1, *x.shape[-1:] if name in shares else ()
        )
        for name, x in points.items()
    }
    refuse_outside(law.limits if limits is None else limits, flat)
    return flat, shape


def refuse_options_names(
    law: type[Law], args: tuple[Any, ...], inputs: Mapping[str, Any], options: tuple[str, ...]
) -> None:
    """Refuse an input that has the name of an option of a method, and is not passed by position.

    Raises:
        TypeError: there is such an input.
    """
    names = tuple(law.inputs())
    for name in names[len(args) :]:
        if name in options and name not in inputs:
            raise TypeError(
                f"the law's input {name!r} has the name of an option of this method: give the "
                f"inputs by position, in the order {', '.join(names)}"
            )


def by_column(law: type[Law], points: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Flat points as columns: one for each share of a mixture, labels for a category."""
    columns: dict[str, np.ndarray] = {}
    entries = dict(law.shares)
    for name, kind in law.inputs().items():
        values = points[name]
        if kind == "category":
            columns[name] = np.array(entries[name], dtype=object)[values.argmax(axis=1)]
        elif kind == "mixture":
            columns |= dict(zip(entries[name], values.T, strict=True))
        else:
            columns[name] = values
    return columns


def _values(law: type[Law], name: str, values: ArrayLike, kind: str) -> np.ndarray:
    known = dict(law.shares).get(name, ())
    if kind == "category":
        labels = np.asarray(values)
        return labels if _is_one_hot(labels, len(known)) else one_hot(law, name, labels)
    if kind != "mixture":
        return numbers(name, values, kind)
    if isinstance(values, Mapping) or hasattr(values, "columns"):
        values = _by_share(law, name, values)
    array = numbers(name, values, kind)
    if known and array.shape[-1] != len(known):
        raise ValueError(
            f"{name}: expected the {len(known)} shares that the law was fitted to "
            f"({', '.join(known)}) on the last axis, got {array.shape[-1]}"
        )
    return array


def _is_one_hot(values: np.ndarray, num_labels: int) -> bool:
    """Whether an array is one-hot on its last axis."""
    if values.dtype.kind != "f" or values.ndim < 2 or values.shape[-1] != num_labels:
        return False
    return bool(((values == 0.0) | (values == 1.0)).all() and (values.sum(-1) == 1.0).all())


def _by_share(law: type[Law], name: str, values: Any) -> np.ndarray:
    """A mixture given by share as an array ``(…, share)`` in the law's order."""
    columns = [str(column) for column in getattr(values, "columns", values)]
    parts = np.broadcast_arrays(*(numbers(c, values[c], "real") for c in columns))
    return in_order(law, name, np.stack(parts, axis=-1), columns)


def evaluate_runs(law: Law, runs: Runs) -> np.ndarray:
    """Losses at the runs, ``(…, run)``, after the leading axes of the law's leaves."""
    stack = batch_shape(law)
    return losses_at(law, type(law).columns(runs), stack).reshape((*stack, len(runs)))


def losses_at(law: Law, inputs: Mapping[str, np.ndarray], stack: tuple[int, ...]) -> np.ndarray:
    """Losses at flat points, ``(law, point)``; inputs ``(point,)`` or ``(point, share)``."""
    leaves, structure = jax.tree.flatten(law)
    rows = [np.asarray(leaf, np.float64) for leaf in leaves]
    rows = [row.reshape(-1, *row.shape[len(stack) :]) for row in rows]
    shapes = tuple(row.shape[1:] for row in rows)
    own = tuple((name, x.shape[1:]) for name, x in inputs.items())
    vectors = np.concatenate([row.reshape(len(row), -1) for row in rows], axis=1)
    try:
        if is_separable(type(law)):
            return _by_curves(type(law), structure, shapes, vectors, inputs)
        function = _numpy_loss(structure, shapes, own)
    except UnsupportedPrimitiveError:
        return _compiled_losses(structure, rows, inputs)
    num_points = len(next(iter(inputs.values())))
    result = np.empty((len(vectors), num_points))
    for part in _slices(num_points, _MAX_LOSSES):
        bound = function.bind({name: x[part] for name, x in inputs.items()})
        for block in _slices(len(vectors), _MAX_LOSSES // (part.stop - part.start)):
            result[block, part] = bound.value(vectors[block])
    return result


def _by_curves(
    law: type[Law],
    structure: Any,
    shapes: tuple[Any, ...],
    vectors: np.ndarray,
    inputs: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Losses of a separable law, whose curves of N are computed once per size."""
    sizes, size_of = np.unique(inputs["N"], return_inverse=True)
    functions, combined = _numpy_curves(structure, shapes), _numpy_combination(law, structure)
    bound = [function.bind({"N": sizes}) for function in functions]
    log_D = np.log(inputs["D"])
    result = np.empty((len(vectors), len(log_D)))
    for part in _slices(len(log_D), _MAX_LOSSES):
        losses = combined.bind({"log_D": log_D[part]})
        for block in _slices(len(vectors), _MAX_LOSSES // (part.stop - part.start)):
            curves = [curve.value(vectors[block])[:, size_of[part]] for curve in bound]
            result[block, part] = losses.value(curves)
    return result


def _slices(num: int, size: int) -> list[slice]:
    size = max(size, 1)
    return [slice(start, min(start + size, num)) for start in range(0, num, size)]


@lru_cache(maxsize=256)
def _numpy_curves(structure: Any, shapes: tuple[Any, ...]) -> tuple[NumpyFunction, ...]:
    """Each of the law's curves of N."""

    def curve(k: int, parameters: list[Any], inputs: dict[str, Any]) -> Any:
        return jnp.asarray(jax.tree.unflatten(structure, parameters).of_size(inputs["N"])[k])

    num = len(_curves_of(structure))
    return tuple(NumpyFunction(partial(curve, k), shapes, {"N": ()}) for k in range(num))


@lru_cache(maxsize=256)
def _numpy_combination(law: Any, structure: Any) -> NumpyFunction:
    """The loss from the curves at one size and ln D."""

    def loss(values: list[Any], inputs: dict[str, Any]) -> Any:
        return jnp.exp(law.combine_anywhere(tuple(values), inputs["log_D"]))

    return NumpyFunction(loss, [()] * len(_curves_of(structure)), {"log_D": ()})


def _curves_of(structure: Any) -> Any:
    number: Any = jax.ShapeDtypeStruct
    numbers = [number((), np.float32)] * structure.num_leaves
    return jax.eval_shape(
        lambda *leaves: jax.tree.unflatten(structure, leaves).of_size(jnp.float32(1e9)), *numbers
    )


@lru_cache(maxsize=256)
def _numpy_loss(structure: Any, shapes: tuple[Any, ...], inputs: tuple[Any, ...]) -> NumpyFunction:
    def loss(parameters: list[Any], named: dict[str, Any]) -> Any:
        return jax.tree.unflatten(structure, parameters).loss(**named)

    return NumpyFunction(loss, shapes, dict(inputs))


@compiled()
def _losses(laws: Law, inputs: dict[str, Array]) -> Array:
    """``(law, point)``: one row per law of a batch."""
    return jax.vmap(lambda law: jax.vmap(lambda own: law.loss(**own))(inputs))(laws)


def _compiled_losses(
    structure: Any, rows: list[np.ndarray], inputs: Mapping[str, np.ndarray]
) -> np.ndarray:
    num = len(next(iter(inputs.values())))
    with jax.enable_x64(True):
        points = {name: _padded(x, _bucket(num)) for name, x in inputs.items()}
        return np.asarray(_losses(jax.tree.unflatten(structure, rows), points))[:, :num]


def numbers(name: str, values: ArrayLike, kind: str) -> np.ndarray:
    """Check an input's values by its kind.

    Raises:
        ValueError: the values are invalid; the message gives their positions.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):  # text such as 7B
        texts = np.asarray(values, dtype=object)
        array = floats_of(texts.ravel(), name).reshape(texts.shape)
    needs = "positive and finite" if kind in ("positive", "count") else "finite"
    good = np.isfinite(array)
    if kind in ("positive", "count"):
        good &= array > 0
    if kind == "fraction":
        needs, good = "from 0 to 1", good & (array >= 0.0) & (array <= 1.0)
    if kind == "mixture":
        needs, good = "shares from 0 to 1 that sum to 1", good & (array >= 0.0)
        good &= (
            (np.abs(array.sum(-1, keepdims=True) - 1.0) <= SUM_TOLERANCE) if array.ndim else False
        )
    if not good.all():
        positions = ", ".join(str(i) for i in np.flatnonzero(~good.ravel())[:10])
        raise ValueError(f"{name}: values must be {needs}; position {positions} is not")
    return array


def _bucket(num: int) -> int:
    """A power of two, so that calls of many sizes share a few compilations."""
    return max(_BUCKET, 1 << max(num - 1, 0).bit_length())


def _padded(values: np.ndarray, num: int) -> np.ndarray:
    padding = ((0, num - len(values)), *((0, 0),) * (values.ndim - 1))
    return np.pad(values, padding, constant_values=1.0)
