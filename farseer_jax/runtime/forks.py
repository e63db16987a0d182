"""Forked processes: if JAX computed before the fork, a kernel would never end."""

import os
from functools import cache

_REMEDY = 'start processes with multiprocessing.get_context("spawn") or get_context("forkserver")'
_forked = False


def refuse_forked() -> None:
    """Called before a kernel runs.

    JAX itself warns when a process that has used it is forked; whether that was a mistake is only
    known in the child, which may never compute.

    Raises:
        RuntimeError: this process was forked from one in which a kernel had run. It lacks the
            threads that run kernels, and would wait for them forever.
    """
    if _forked:
        raise RuntimeError(
            f"process {os.getpid()} was forked from one in which JAX had already computed, and JAX "
            f"does not work after a fork: {_REMEDY}"
        )
    _watch()


@cache
def _watch() -> None:
    if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
        os.register_at_fork(after_in_child=_mark)


def _mark() -> None:
    global _forked
    _forked = True
