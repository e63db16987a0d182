"""A bootstrap in several processes (``jax.distributed``): sharing the work, synchronising."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import jax
import numpy as np

from farseer_jax.fitting.fit_batch import BatchFit
from farseer_jax.laws.law import Law
from farseer_jax.uncertainty.draws import join
from farseer_jax.uncertainty.draws_table import Range

_Item = TypeVar("_Item")


def several() -> bool:
    """Whether there are several processes."""
    return jax.process_count() > 1


def is_first() -> bool:
    """Whether this is the first process, which does what only one may do."""
    return jax.process_index() == 0


def share(items: Sequence[_Item]) -> Sequence[_Item]:
    """This process's items: every k-th, for k processes."""
    return items[jax.process_index() :: jax.process_count()]


@contextmanager
def together(what: str) -> Iterator[None]:
    """Synchronise the processes at the end of the block; all fail if one fails.

    Raises:
        RuntimeError: another process failed.
    """
    if not several():
        yield
        return
    error: Exception | None = None
    try:
        yield
    except Exception as own:
        error = own
    failed = np.flatnonzero(_of_all(np.array(error is not None)))
    if error is not None:
        raise error
    if len(failed):
        raise RuntimeError(f"process {failed[0]} failed at {what}; see its error")


def gathered(own: Sequence[BatchFit], ranges: Sequence[Range], template: Law) -> BatchFit:
    """All batches in order, in every process, from the share that each has made."""
    width = max(stop - start for start, stop in ranges)
    num = -(-len(ranges) // jax.process_count())
    leaves, structure = jax.tree.flatten(template)
    sizes = [int(np.size(leaf)) for leaf in leaves]
    block = np.full((num, sum(sizes) + 2, width), np.nan)
    for place, batch in enumerate(own):
        numbers = [leaf.reshape(len(batch), -1).T for leaf in jax.tree.leaves(batch.law)]
        others = np.stack([batch.outcome_code, batch.mean_relative_error])
        block[place, :, : len(batch)] = np.concatenate([*numbers, others])
    everyone = _of_all(block)
    batches = []
    for index, (start, stop) in enumerate(ranges):
        process, place = index % jax.process_count(), index // jax.process_count()
        rows = everyone[process, place, :, : stop - start]
        parts = np.split(rows[:-2], np.cumsum(sizes)[:-1])
        stacks = [p.T.reshape(-1, *np.shape(leaf)) for p, leaf in zip(parts, leaves, strict=True)]
        law = jax.tree.unflatten(structure, stacks)
        batches.append(BatchFit(law, rows[-2].astype(int), rows[-1]))
    return join(batches)


def _of_all(array: np.ndarray) -> np.ndarray:
    """Every process's array, ``(process, …)``."""
    from jax.experimental import multihost_utils

    with jax.enable_x64(True):
        return np.asarray(multihost_utils.process_allgather(array))
