"""Use each dependency once, as the library does: python each_dependency.py TESTS.

What other versions of a dependency break shows in a minute of one core: all modules are imported,
and tables, kernels, draws, figures, pages and logs are made and read. Run by `.ci/matrix`.
"""

import importlib
import os
import pkgutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import polars as pl
import pyarrow as pa
from pyarrow import parquet

import farseer_jax as fj

POINT = {"N": [25.1e9], "D": [5e11]}
TESTS = Path(sys.argv[1]).resolve()
TRUE = fj.Chinchilla(1.7, 400.0, 600.0, 0.34, 0.28)
RUNS = fj.simulate(TRUE, *fj.paper_grid(), noise=0.0, seed=0)
TABLE = RUNS.to_dataframe()
CHECKS: list[Callable[[], None]] = []


def check(function: Callable[[], None]) -> Callable[[], None]:
    """Add a check, in the order of the file."""
    CHECKS.append(function)
    return function


def shell(*arguments: object) -> str:
    """What a command prints, in a process of its own."""
    command = [sys.executable, "-m", "farseer_jax.cli", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def same(table: object, **options: str) -> None:
    """Reading a table gives the runs."""
    found = fj.read_runs(table, **options)
    np.testing.assert_allclose(found.loss, RUNS.loss, rtol=1e-12)


@check
def modules() -> None:
    for own in pkgutil.walk_packages(fj.__path__, "farseer_jax."):
        if not own.name.endswith("__main__"):
            importlib.import_module(own.name)


@check
def tables() -> None:
    columns = {name: TABLE[name].to_numpy() for name in TABLE}
    for frame in (TABLE, pl.DataFrame(columns), pa.table(columns), columns):
        same(frame)
    TABLE.to_csv("runs.csv", index=False, float_format="%.17g")
    TABLE.to_excel("runs.xlsx", index=False, engine="openpyxl")
    parquet.write_table(pa.table(columns), "runs.parquet")
    for name in ("runs.csv", "runs.xlsx", "runs.parquet"):
        same(name)
        same(name, where="N > 0", derive="C = 6*N*D")
    assert openpyxl.load_workbook("runs.xlsx").active.max_row == len(RUNS) + 1


@check
def fits() -> None:
    methods = (None, fj.LeastSquares(num_starts=4), fj.Restarts(num_starts=4))
    for method in methods:
        fit = fj.fit(fj.Chinchilla, RUNS, *([] if method is None else [method]))
        assert np.allclose(fit.predict(**POINT), TRUE(25.1e9, 5e11), rtol=1e-6), method
    by_text = fj.fit("E + A/N**a + B/D**b", RUNS)
    assert np.allclose(by_text.predict(**POINT), TRUE(25.1e9, 5e11), rtol=1e-6)
    fit.to_json("fit.json")
    assert fj.Fit.from_json("fit.json").law.E == fit.law.E
    assert len(fit.to_dataframe()) == len(RUNS)


@check
def draws() -> None:
    fit = fj.fit(fj.Farseer, fj.example_runs())
    made = fj.bootstrap(fit, 16, "wild", seed=1, out="draws.parquet")
    again = fj.Bootstrap.from_parquet("draws.parquet")
    losses = [own.values(lambda law: law(25.1e9, 5e11)) for own in (made, again)]
    np.testing.assert_array_equal(*losses)


@check
def logs() -> None:
    from tensorboardX import SummaryWriter

    with SummaryWriter("events") as writer:
        for step in range(3):
            writer.add_scalar("eval/loss", 4.0 - step, step)
    assert fj.read_tensorboard("events")["eval/loss"].tolist() == [2.0]
    subprocess.run([sys.executable, TESTS / "wandb_runs.py", "."], check=True, capture_output=True)
    assert fj.read_wandb("wandb")["ID"].tolist() == ["run0", "run1"]


@check
def pages_and_figures() -> None:
    assert "E" in shell("fit", "runs.csv", "--law", "chinchilla", "--json", "shell.json")
    assert "loss" in shell("predict", "shell.json", "--N", "25.1e9", "--D", "5e11")
    for name in ("fit.svg", "fit.png", "fit.pdf"):
        shell("plot", "fit", "shell.json", "--save", name)
        assert Path(name).stat().st_size > 1000
    shell("report", "runs.csv", "--at", "25.1e9,5e11", "--out", "report.html")
    assert "plotly" in Path("report.html").read_text("utf-8").lower()
    assert "farseer" in shell("completion", "bash")


@check
def downloads() -> None:
    import pooch

    known = pooch.file_hash("runs.csv")
    where = Path("runs.csv").absolute().parent
    assert pooch.retrieve("http://nowhere.invalid/runs.csv", known, fname="runs.csv", path=where)
    assert fj.datasets.names()


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    print(f"  farseer_jax {fj.__version__} in {Path(fj.__file__).parent}")
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for own in CHECKS:
            try:
                own()
                print(f"  {own.__name__}: passed", flush=True)
            except Exception as error:
                failed.append(own.__name__)
                print(f"  {own.__name__}: {type(error).__name__}: {error}", flush=True)
        os.chdir("/")
    sys.exit(bool(failed))
