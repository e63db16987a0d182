"""Conversion of the fields of results to JSON and back, exactly, by cattrs."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from functools import cache, partial
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin

import numpy as np

if TYPE_CHECKING:
    from cattrs import Converter

_OWN: list[tuple[Callable[[Any], bool], Callable[[Any], Any], Callable[[Any], Any]]] = []

_GIVEN: ContextVar[tuple[type, ...]] = ContextVar("classes given to the reader", default=())


class UnknownNameError(ValueError):
    """An intact file names a law or a method that the reader does not know."""


@contextmanager
def classes_given(classes: type | Sequence[type] | None) -> Iterator[None]:
    """Allow files read inside the block to name these classes, such as your own law."""
    own = () if classes is None else (classes,) if isinstance(classes, type) else tuple(classes)
    token = _GIVEN.set(own)
    try:
        yield
    finally:
        _GIVEN.reset(token)


def given_classes() -> tuple[type, ...]:
    """The classes given by :func:`classes_given`."""
    return _GIVEN.get()


def register(
    is_kind: type | Callable[[Any], bool],
    to_plain: Callable[[Any], Any],
    from_plain: Callable[[Any], Any],
) -> None:
    """Register the conversion of a type that is neither an array nor a dataclass, such as a law.

    Args:
        is_kind: the type (including its subclasses), or a test of an annotation.
        to_plain: converts a value to what JSON can represent.
        from_plain: its inverse.
    """
    if isinstance(is_kind, type):
        is_kind = partial(_is_class, of=is_kind)
    _OWN.append((is_kind, to_plain, from_plain))
    converter.cache_clear()


def state_of(result: Any) -> Any:
    """The fields of a result, by name.

    Raises:
        TypeError: a field cannot be written to a file.
    """
    return converter().unstructure(result, type(result))


def restore(kind: type, state: Any, name: str) -> Any:
    """The inverse of :func:`state_of`.

    Raises:
        ValueError: the state is damaged; the message begins with the name of its source.
    """
    try:
        return converter().structure(state, kind)
    except Exception as error:  # cattrs groups errors by field
        cause: BaseException = error
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        if isinstance(cause, UnknownNameError):
            raise ValueError(f"{name} {cause}") from None
        raise ValueError(f"{name} is damaged ({cause_of(cause)}); write it again") from error


def cause_of(error: BaseException) -> str:
    """What was wrong with a content, in a few words."""
    if isinstance(error, KeyError):
        return f"{error} is missing or unknown"
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


@cache
def converter() -> "Converter":
    """The converter, built on first use since importing cattrs is slow."""
    from cattrs import Converter

    own = Converter(unstruct_collection_overrides={tuple: list})
    own.register_unstructure_hook_func(partial(_is_class, of=np.generic), _from_scalar)
    for kind, read in ((bool, _bool), (int, _int), (float, _float), (str, _str)):
        own.register_structure_hook(kind, _ignoring_kind(read))
    own.register_unstructure_hook(float, _float_to_plain)
    own.register_unstructure_hook_func(_is_array, array_to_plain)
    own.register_structure_hook_func(_is_array, _ignoring_kind(array_from_plain))
    is_enum = partial(_is_class, of=Enum)
    own.register_unstructure_hook_func(is_enum, lambda value: value.name)
    own.register_structure_hook_func(is_enum, lambda value, kind: kind[value])
    own.register_unstructure_hook_func(_describes_itself, lambda value: value.to_dict())
    own.register_structure_hook_func(_describes_itself, lambda value, kind: kind.from_dict(value))
    own.register_structure_hook_func(_is_union_of_plain, lambda value, _: value)
    for test, to_plain, from_plain in _OWN:
        own.register_unstructure_hook_func(test, to_plain)
        own.register_structure_hook_func(test, _ignoring_kind(from_plain))
    return own


def _ignoring_kind(from_plain: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, _: from_plain(value)


def _is_class(kind: Any, of: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, of)


def _from_scalar(value: np.generic) -> Any:
    own = value.item()
    return _float_to_plain(own) if isinstance(own, float) else own


def _is_array(kind: Any) -> bool:
    """Whether an annotation is a NumPy array, plain or of jaxtyping."""
    return np.ndarray in (kind, get_origin(kind), getattr(kind, "array_type", None))


def _is_union_of_plain(kind: Any) -> bool:
    """Whether an annotation is like ``str | Sequence[str]``, which JSON tells apart."""
    return isinstance(kind, UnionType) and all(map(_is_plain, get_args(kind)))


def _is_plain(kind: Any) -> bool:
    if get_origin(kind) in (Sequence, Mapping):
        return all(map(_is_plain, get_args(kind)))
    return kind in (str, bool, Any)


def _describes_itself(kind: Any) -> bool:
    """Whether a class has its own conversion, such as settings and runs."""
    return isinstance(kind, type) and hasattr(kind, "to_dict") and hasattr(kind, "from_dict")


def _float_to_plain(value: float) -> float | str:
    """A float for JSON, which has no NaN or infinity: ``"nan"``, ``"inf"``."""
    return value if np.isfinite(value) else str(value)


def _float(value: Any) -> float:
    """The inverse of :func:`_float_to_plain`; a whole number may lack its ``.0``."""
    if type(value) is float or type(value) is int:
        return float(value)
    if isinstance(value, str) and value in _NOT_FINITE:
        return float(value)
    raise ValueError(f"expected a number, got {value!r:.50}")


def _int(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(f"expected a whole number, got {value!r:.50}")
    return value


def _bool(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"expected true or false, got {value!r:.50}")
    return value


def _str(value: Any) -> str:
    if type(value) is not str:
        raise ValueError(f"expected text, got {value!r:.50}")
    return value


def array_to_plain(array: np.ndarray) -> dict[str, Any]:
    """An array for JSON, with its dtype and shape; texts as objects are those of NumPy."""
    if array.dtype.kind == "O":
        array = np.array(array.tolist())
    flat = np.asarray(array).ravel().tolist()
    values = [_float_to_plain(own) if isinstance(own, float) else own for own in flat]
    return {"dtype": array.dtype.str, "shape": list(array.shape), "values": values}


def array_from_plain(plain: dict[str, Any]) -> np.ndarray:
    """The inverse of :func:`array_to_plain`: numbers, true and false, or texts.

    Raises:
        ValueError: another dtype, such as Python objects; or values of another type or number.
    """
    if not isinstance(plain, dict) or set(plain) != {"dtype", "shape", "values"}:
        raise ValueError("expected an array with dtype, shape and values")
    dtype, shape, values = plain["dtype"], plain["shape"], plain["values"]
    if not isinstance(dtype, str) or not (found := _DTYPE.fullmatch(dtype)):
        raise ValueError(f"expected the dtype of numbers or text, got {dtype!r:.50}")
    if not isinstance(values, list) or not isinstance(shape, list):
        raise ValueError("expected lists of the values and of the shape of an array")
    sizes = [_int(size) for size in shape]
    if min(sizes, default=0) < 0 or math.prod(sizes) != len(values):
        raise ValueError(f"an array of shape {tuple(sizes)} has {len(values)} values")
    read = _READERS[found[1][0]]
    try:
        return np.array([read(own) for own in values], dtype=dtype).reshape(sizes)
    except OverflowError:
        raise ValueError(f"a number of an array is beyond the range of {dtype}") from None


_NOT_FINITE = ("nan", "inf", "-inf")
_DTYPE = re.compile(r"[<>|=]?(f[248]|[iu][1248]|b1|U\d{1,4})")
_READERS: dict[str, Callable[[Any], Any]] = {
    "f": _float,
    "i": _int,
    "u": _int,
    "b": _bool,
    "U": _str,
}
