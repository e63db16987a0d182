"""The same draws from 3 devices, from 2 processes, and after ``kill -9``."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from test_bootstrap import FITS, farseer, found
from test_draws import assert_alone, assert_same, content

from farseer_jax import bootstrap

TESTS = Path(__file__).parent
NUM = 64
FLAGS = os.environ.get("XLA_FLAGS", "")


def start(script: str, *arguments: object) -> "subprocess.Popen[str]":
    """Python on 3 devices that its host pretends to have: each compiles kernels of its own."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, *map(str, arguments)],
        cwd=TESTS,
        env={**os.environ, "XLA_FLAGS": f"{FLAGS} --xla_force_host_platform_device_count=3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


# kill -9

LONG = """
import sys
import jax
from farseer_jax import Fit, bootstrap

assert jax.local_device_count() == 3
bootstrap(Fit.from_json(sys.argv[1]), 10**6, "wild", seed=5, out=sys.argv[2], chunk_size=64)
"""


def test_killed_on_three_devices_and_resumed_on_one(tmp_path: Path) -> None:
    fit_file, out = tmp_path / "fit.json", tmp_path / "out" / "draws.parquet"
    out.parent.mkdir()
    farseer().to_json(fit_file)
    process = start(LONG, fit_file, out)
    parts = out.with_name("draws.parquet.parts")
    try:
        while len(list(parts.glob("0*.parquet"))) < 3 and process.poll() is None:
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        said, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, said
    made = max(int(path.stem.split("-")[1]) for path in parts.glob("0*.parquet"))
    assert not out.exists()
    resumed = bootstrap(farseer(), made + 100, "wild", seed=5, out=out, resume=True)
    assert_same(resumed, bootstrap(farseer(), made + 100, "wild", seed=5))
    assert_alone(out)


# Two processes

TOGETHER = """
import sys
import jax
import numpy as np

port, index, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
jax.distributed.initialize(f"localhost:{port}", 2, index)
from farseer_jax import Fit, bootstrap
from farseer_jax.uncertainty import draws_file as _store
from test_bootstrap_processes import NUM
from test_draws import content, draws

assert (jax.local_device_count(), jax.device_count()) == (3, 6)
for method in ("piecewise", "least-squares"):
    fit = Fit.from_json(f"{folder}/{method}.json")
    in_memory = bootstrap(fit, NUM, "wild", seed=5)  # fewer chunks than processes
    np.savez(f"{folder}/{method}-{index}.npz", *content(in_memory))
    on_disk = bootstrap(fit, NUM, "wild", seed=5, out=f"{folder}/{method}.parquet", chunk_size=16)
    np.savez(f"{folder}/{method}-disk-{index}.npz", *content(on_disk))

np.savez(f"{folder}/few-{index}.npz", *content(draws(None, 3, chunk_size=2)))
try:  # the first process refuses the file, and the other knows
    draws(f"{folder}/piecewise.parquet")
except (FileExistsError, RuntimeError) as error:
    print(type(error).__name__, error)

write = _store._write
def full(table, path):
    raise OSError("no room")
if index == 1:
    _store._write = full
try:  # the second process cannot write, and the first knows
    draws(f"{folder}/mean.parquet", chunk_size=50)
except (OSError, RuntimeError) as error:
    print(type(error).__name__, error)
_store._write = write
draws(f"{folder}/mean.parquet", chunk_size=50, resume=True)
"""


def loaded(path: Path) -> list[np.ndarray]:
    with np.load(path) as arrays:
        return [arrays[name] for name in arrays.files]


def free_port() -> int:
    with socket.socket() as own:
        own.bind(("localhost", 0))
        return int(own.getsockname()[1])


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder that two processes of one bootstrap wrote to, and what they said."""
    folder = tmp_path_factory.mktemp("two")
    for method, make in FITS.items():
        make().to_json(folder / f"{method}.json")
    port = free_port()
    processes = [start(TOGETHER, port, index, folder) for index in range(2)]
    try:
        said = [process.communicate(timeout=500)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)
    return folder, said


def expected_of(method: str) -> list[np.ndarray]:
    return [column[:NUM] for column in content(found(method, "wild"))]


@pytest.mark.parametrize("method", FITS)
@pytest.mark.parametrize("place", ["", "-disk"])
def test_two_processes_give_the_same_draws(
    two_processes: tuple[Path, list[str]], method: str, place: str
) -> None:
    """Both processes have all of them, in memory and on disk."""
    folder, _ = two_processes
    for index in range(2):
        own = loaded(folder / f"{method}{place}-{index}.npz")
        for column, expected in zip(own, expected_of(method), strict=True):
            np.testing.assert_array_equal(column, expected)


def test_two_processes_share_three_draws(two_processes: tuple[Path, list[str]]) -> None:
    from test_draws import draws

    expected = content(draws(None, 3))
    for index in range(2):
        for column, other in zip(
            loaded(two_processes[0] / f"few-{index}.npz"), expected, strict=True
        ):
            np.testing.assert_array_equal(column, other)


def test_processes_fail_together(two_processes: tuple[Path, list[str]]) -> None:
    folder, (first, second) = two_processes
    assert "FileExistsError" in first
    assert "RuntimeError process 0 failed at opening the file; see its error" in second
    assert "RuntimeError process 1 failed at making the draws; see its error" in first
    assert "OSError cannot write" in second
    assert "earlier draws are kept" in second
    names = sorted(path.name for path in folder.glob("*parquet*"))
    assert names == ["least-squares.parquet", "mean.parquet", "piecewise.parquet"]


def test_draws_of_failed_and_resumed_processes(two_processes: tuple[Path, list[str]]) -> None:
    from test_draws import draws

    found_there: Any = draws(two_processes[0] / "mean.parquet", resume=True)
    assert_same(found_there)
    assert jax.process_count() == 1
