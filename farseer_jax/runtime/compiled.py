"""Functions compiled by JAX that keep a limited number of compilations.

``jax.jit`` keeps every compilation for the life of the process: some megabytes for each law, kind
of objective and shape of table. The memory of a service that fits many laws would grow forever.
"""

import inspect
from collections.abc import Callable
from functools import update_wrapper
from threading import Lock
from typing import Any, Final

import jax
import numpy as np

MOST: Final = 32  # compilations that a function keeps


class Compiled:
    """A function under ``jax.jit`` that keeps a limited number of compilations.

    A call that would exceed the limit first discards all compilations; calls in progress finish
    with their own. Calls within another compiled function belong to that function.

    Args:
        function: pure, of arrays and of static arguments.
        most: compilations that it keeps.
        static: names of the static arguments.
        options: of ``jax.jit``.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        most: int = MOST,
        static: tuple[str, ...] = (),
        **options: Any,
    ) -> None:
        update_wrapper(self, function)
        self._jitted: Any = jax.jit(function, static_argnames=static, **options)
        self._signature, self._static, self._most = inspect.signature(function), static, most
        self._kept: set[Any] = set()
        self._lock = Lock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function's result."""
        given = self._signature.bind(*args, **kwargs).arguments
        static = tuple(given.pop(name, None) for name in self._static)
        leaves, tree = jax.tree.flatten(given)
        if not any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            self._make_room((static, tree, tuple(map(_shape, leaves))))
        return self._jitted(*args, **kwargs)

    @property
    def num_kept(self) -> int:
        """How many compilations it keeps."""
        return len(self._kept)

    def clear_cache(self) -> None:
        """Discard all compilations."""
        with self._lock:
            self._let_go()

    def _make_room(self, key: Any) -> None:
        with self._lock:
            if key not in self._kept and len(self._kept) >= self._most:
                self._let_go()
            self._kept.add(key)

    def _let_go(self) -> None:
        self._jitted.clear_cache()
        self._kept.clear()


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Compiled]:
    """A decorator that makes a :class:`Compiled`; options as there."""
    return lambda function: Compiled(function, **options)


def _shape(leaf: Any) -> Any:
    """What a compilation depends on in an argument."""
    shape = getattr(leaf, "shape", None)
    return type(leaf) if shape is None else (shape, np.dtype(leaf.dtype))
