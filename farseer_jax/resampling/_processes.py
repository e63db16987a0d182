"""Several processes at one bootstrap, by ``jax.distributed``: who makes what, and waiting."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import jax
import numpy as np

from farseer_jax._fit_batch import BatchFit
from farseer_jax.resampling._draws import join

_Item = TypeVar("_Item")
Range = tuple[int, int]


def several() -> bool:
    """Whether other processes take part."""
    return jax.process_count() > 1


def is_first() -> bool:
    """Whether this is the process that does what only one may."""
    return jax.process_index() == 0


def share(items: Sequence[_Item]) -> Sequence[_Item]:
    """This process's items: every k-th of k processes."""
    return items[jax.process_index() :: jax.process_count()]


def wait(for_what: str) -> None:
    """Wait until all processes are here."""
    if several():
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(for_what)


@contextmanager
def one_first(begin: Callable[[], None]) -> Iterator[None]:
    """The first process begins; the others wait, and fail where it failed.

    Raises:
        RuntimeError: in the others, where the first could not begin.
    """
    if not several():
        begin()
        yield
        return
    error: Exception | None = None
    if is_first():
        try:
            begin()
        except Exception as own:
            error = own
    failed = _of_all(np.array([error is not None])).any()
    if error is not None:
        raise error
    if failed:
        raise RuntimeError("the first process could not begin; its own error says why")
    yield


def gathered(own: Sequence[BatchFit], ranges: Sequence[Range]) -> BatchFit:
    """All batches in order, in every process, from those that each made of :func:`share`."""
    width = max(stop - start for start, stop in ranges)
    num = -(-len(ranges) // jax.process_count())
    if len(ranges) < jax.process_count():
        raise ValueError(
            f"{jax.process_count()} processes share {len(ranges)} chunks: choose a smaller "
            "chunk_size, or fewer processes"
        )
    leaves, structure = jax.tree.flatten(own[0].law)
    block = np.full((num, len(leaves) + 2, width), np.nan)
    for place, batch in enumerate(own):
        columns = [*jax.tree.leaves(batch.law), batch.outcome_code, batch.mean_relative_error]
        block[place, :, : len(batch)] = np.stack(columns)
    everyone = _of_all(block)
    batches = []
    for index, (start, stop) in enumerate(ranges):
        process, place = index % jax.process_count(), index // jax.process_count()
        rows = everyone[process, place, :, : stop - start]
        law = jax.tree.unflatten(structure, list(rows[:-2]))
        batches.append(BatchFit(law, rows[-2].astype(int), rows[-1]))
    return join(batches)


def _of_all(array: np.ndarray) -> np.ndarray:
    """Every process's array, ``(process, …)``."""
    from jax.experimental import multihost_utils

    with jax.enable_x64(True):
        return np.asarray(multihost_utils.process_allgather(array))
