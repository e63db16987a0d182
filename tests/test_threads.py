"""BLAS on one core where its threads would only wait."""

import os
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from farseer_jax.runtime.threads import num_cores, one_blas_thread


def threads_of_blas() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_scipys_own_blas_is_limited_too_though_it_is_loaded_later() -> None:
    with one_blas_thread():
        np.ones((2, 2)) @ np.ones((2, 2))
    import scipy.linalg  # has another OpenBLAS than NumPy

    assert "scipy.linalg" in sys.modules
    before = threads_of_blas()
    with one_blas_thread():
        assert set(threads_of_blas()) == {1}
    assert threads_of_blas() == before
    assert scipy.linalg.norm([3.0, 4.0]) == 5.0


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity of processes")
def test_cores_are_those_that_this_process_may_use() -> None:
    before = os.sched_getaffinity(0)
    assert num_cores() == len(before)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert num_cores() == 1
    finally:
        os.sched_setaffinity(0, before)
