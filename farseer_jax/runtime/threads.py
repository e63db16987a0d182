"""Compiled calls in parallel threads: how many, on which devices, in which context."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from functools import cache
from queue import SimpleQueue
from typing import Any, TypeVar

import jax

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def num_threads() -> int:
    """One per core on a CPU, where XLA runs a call on one core; otherwise 1 fills the device."""
    return num_cores() if platform() == "cpu" else 1


def num_cores() -> int:
    """Cores that this process may use: on a shared machine often fewer than it has."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _blas(has_scipy: bool) -> Any:
    """The BLAS libraries that are loaded; SciPy has its own, which is loaded with it."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[Any]:
    """Within it BLAS uses one core: on batches of small matrices its threads only wait."""
    blas = _blas("scipy.linalg" in sys.modules)
    limits: AbstractContextManager[Any] = blas.limit(limits=1, user_api="blas")
    return limits


def default_device() -> Any:
    """The caller's default device, or None where the caller has not set one."""
    return jax.config.jax_default_device  # type: ignore[attr-defined]


def platform() -> str:
    """The kind of device on which a call runs, such as ``"cpu"``: the default device's."""
    device = default_device()
    return jax.default_backend() if device is None else str(getattr(device, "platform", device))


def in_threads(
    function: Callable[[_Item], _Result],
    items: Iterable[_Item],
    devices: Sequence[Any] | None = None,
) -> Iterator[_Result]:
    """``map``, in order, over parallel threads.

    XLA runs a call on one core and releases Python's lock meanwhile. Every thread has the caller's
    context variables and default device, which JAX keeps per thread.

    Args:
        function: called with one item.
        items: its arguments.
        devices: the default device of each thread, one thread per device; None is the caller's
            device, with :func:`num_threads` threads.
    """
    items = list(items)
    if devices is None:
        devices = [default_device()] * num_threads()
    if len(items) <= 1 or len(devices) == 1:
        with _on(devices[0]):
            yield from map(function, items)
        return
    free: SimpleQueue[Any] = SimpleQueue()
    for device in devices:
        free.put(device)

    def call(context: Any, item: _Item) -> _Result:
        device = free.get()  # never waits: there are as many devices as threads
        try:
            with _on(device):
                return context.run(function, item)
        finally:
            free.put(device)

    with ThreadPoolExecutor(len(devices)) as pool:
        yield from pool.map(call, [copy_context() for _ in items], items)


def _on(device: Any) -> AbstractContextManager[Any]:
    return nullcontext() if device is None else jax.default_device(device)
