"""Several processes: forks after a fit, and the recipes of docs/processes.md."""

import importlib.util
import os
import re
import runpy
import socket
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

import farseer_jax as fj

PAGE = Path(__file__).resolve().parents[1] / "docs" / "processes.md"
RECIPES = dict(
    re.findall(r"^```python\n# (\w+\.py):[^\n]*\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
)
FLOORS = (1.7, 2.1)  # of the losses in the tables


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two tables of the law that the recipes fit."""
    folder = tmp_path_factory.mktemp("tables")
    N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e8, 1e10, 6), np.geomspace(1e9, 1e11, 6)))
    paths = []
    for number, E in enumerate(FLOORS):
        loss = fj.Chinchilla(E, 400.0, 600.0, 0.34, 0.28)(N, D)
        paths.append(str(folder / f"runs {number}.csv"))
        np.savetxt(
            paths[-1], np.column_stack([N, D, loss]), "%.17g", ",", header="N,D,loss", comments=""
        )
    return paths


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's scripts as files."""
    folder = tmp_path_factory.mktemp("recipes")
    for name, code in RECIPES.items():
        (folder / name).write_text(code, encoding="utf-8")
    return folder


@pytest.fixture
def in_folder(recipes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory of the scripts; what they import is this checkout's or the wheel's."""
    home = str(Path(fj.__file__).parents[1])
    monkeypatch.chdir(recipes)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([home, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(recipes / "compiled"))
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


def started(*command: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said_by(process: "subprocess.Popen[str]") -> str:
    try:
        said, problems = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0, problems
    return said


def expected(tables: list[str]) -> str:
    lines = (f"{path}: E = {E:.4f}\n" for path, E in zip(tables, FLOORS, strict=True))
    return "".join(lines)


# Forks

FORK = """
import os, sys, warnings
import farseer_jax as fj

runs = fj.example_runs()
fit = fj.fit("E + A/N**a + B/D**b", runs)  # by NumPy: nothing to warn of

def forked(child):
    reader, writer = os.pipe()
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        pid = os.fork()
    if pid == 0:
        try:
            said = child()
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writer, f"{said}".encode())
        os._exit(0)
    os.waitpid(pid, 0)
    own = [warning for warning in found if not issubclass(warning.category, DeprecationWarning)]
    print(len(own), os.read(reader, 1000).decode(), flush=True)

forked(lambda: fj.fit(fj.Chinchilla, runs).outcome.name)  # no kernel has run: a fork is safe
fj.fit(fj.Chinchilla, runs)
forked(lambda: fj.fit(fj.Chinchilla, runs).outcome.name)
forked(lambda: fj.fit(fj.Farseer, runs).outcome.name)
forked(lambda: fj.bootstrap(fit, 8, "wild", seed=1, devices=None).num_resamples)
forked(lambda: float(fit.predict(N=1e10, D=1e12)) == float(%r))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks")
@pytest.mark.usefixtures("in_folder")
def test_a_fit_after_a_fork_is_refused_instead_of_hanging() -> None:
    own = fj.fit("E + A/N**a + B/D**b", fj.example_runs())
    loss = float(own.predict(N=1e10, D=1e12))
    before, *after = said_by(started("-c", FORK % loss)).splitlines()
    assert before == "0 success"
    refusal = re.compile(
        r"1 RuntimeError: process \d+ was forked from one in which JAX had already computed, and "
        r"JAX does not work after a fork: start processes with "
        r'multiprocessing\.get_context\("spawn"'
    )
    for line in after[:2]:
        assert refusal.match(line)  # one warning, of JAX, and the remedy
    assert after[2:] == ["1 8", "1 True"]  # by NumPy


# Recipes


def test_the_page_has_the_recipes() -> None:
    scripts = ["array_job.py", "joblib_pool.py", "pool.py", "ray_tasks.py", "together.py"]
    assert sorted(RECIPES) == scripts


@pytest.mark.usefixtures("in_folder")
def test_spawned_processes(tables: list[str]) -> None:
    assert said_by(started("-W", "error", "pool.py", *tables)) == expected(tables)


@pytest.mark.usefixtures("in_folder")
def test_joblib(
    recipes: Path,
    tables: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["joblib_pool.py", *tables])
    with joblib.parallel_config("sequential"):  # two processes of its own take seconds to start
        runpy.run_path(str(recipes / "joblib_pool.py"), run_name="__main__")
    assert capsys.readouterr().out == expected(tables)


@pytest.mark.usefixtures("in_folder")
def test_an_array_of_slurm_jobs(
    recipes: Path, tables: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_ARRAY_TASK_MIN", "1")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    monkeypatch.setattr(sys, "argv", ["array_job.py", *tables])
    outputs = [Path(f"{path}.json") for path in tables]
    for output in outputs:
        output.unlink(missing_ok=True)
    for job, output in enumerate(outputs):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(1 + job))
        assert not output.exists()
        runpy.run_path(str(recipes / "array_job.py"))
        assert fj.Fit.from_json(output).law.E == pytest.approx(FLOORS[job], abs=1e-4)


@pytest.mark.usefixtures("in_folder")
def test_one_bootstrap_in_two_processes(tables: list[str]) -> None:
    with socket.socket() as own:
        own.bind(("localhost", 0))
        address = f"localhost:{own.getsockname()[1]}"
    both = [started("together.py", tables[0], address, 2, number) for number in range(2)]
    first, second = [said_by(process) for process in both]
    assert "interval" not in second  # the first process speaks
    draws = fj.Bootstrap.from_parquet("draws.parquet")
    assert draws.num_resamples == 2000
    assert first.endswith(f"{draws.interval([70e9], [1.4e12])}\n")


@pytest.mark.usefixtures("in_folder")
def test_ray(
    recipes: Path,
    tables: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if importlib.util.find_spec("ray") is None:  # then what it would call, in this process
        monkeypatch.setitem(sys.modules, "ray", ray_of_one_process())
    monkeypatch.setattr(sys, "argv", ["ray_tasks.py", *tables])
    runpy.run_path(str(recipes / "ray_tasks.py"))
    assert capsys.readouterr().out == expected(tables)


def ray_of_one_process() -> Any:
    def remote(**_: object) -> Any:
        return lambda function: types.SimpleNamespace(remote=function)

    return types.SimpleNamespace(remote=remote, get=list, init=lambda: None)
