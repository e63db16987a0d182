"""Checkpoints along training by any label or none, and ladders that look like them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from wild_tables import rows_of, ways_to_read


def losses(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(loss=1.7 + 406.4 / table.N**0.34 + 410.7 / table.D**0.28)


@pytest.fixture
def curves() -> pd.DataFrame:
    step = np.arange(1, 21) * 7000
    parts = [
        pd.DataFrame({"N": N, "step": step, "D": step * 2097152.0}) for N in (7e7, 4.1e8, 1e9, 2e9)
    ]
    return losses(pd.concat(parts, ignore_index=True))


@pytest.mark.parametrize("label", ["", "size", "folder", "wandb_id", "seed"])
@pytest.mark.parametrize("has_steps", [True, False])
def test_checkpoints(curves: pd.DataFrame, label: str, has_steps: bool) -> None:
    last = curves[curves.step == curves.step.max()]
    if label:
        curves[label] = [f"{N / 1e6:.0f}M" for N in curves.N]
    table = curves if has_steps else curves.drop(columns="step")
    found, said = ways_to_read(table.sample(frac=1.0, random_state=0))
    assert found == [rows_of(last.N, last.D, last.loss)], said
    assert "checkpoints" in said


def test_a_file_for_each_run(curves: pd.DataFrame, tmp_path: Path) -> None:
    for N, rows in curves.groupby("N"):
        rows.to_csv(tmp_path / f"r{N:.0f}.csv", index=False)
    last = curves[curves.step == curves.step.max()]
    found, said = ways_to_read(str(tmp_path / "*.csv"))
    assert found == [rows_of(last.N, last.D, last.loss)]
    assert "last_by='file,step'" in said


LADDERS = {"geometric": 2e9 * 2.0 ** np.arange(5), "equal steps": 2e9 * np.arange(1, 6)}


@pytest.mark.parametrize("kind", LADDERS)
def test_a_ladder_without_labels(kind: str) -> None:
    N, D = (own.ravel() for own in np.meshgrid(1e8 * 2.0 ** np.arange(5), LADDERS[kind]))
    table = losses(pd.DataFrame({"N": N, "D": D}))
    assert ways_to_read(table) == ([rows_of(table.N, table.D, table.loss)], "")


@pytest.mark.parametrize("name", ["experiment", "run_name", "model"])
@pytest.mark.parametrize("num_seeds", [1, 3])
def test_a_ladder_with_an_experiment_for_each_size(name: str, num_seeds: int) -> None:
    N, D = (own.ravel() for own in np.meshgrid(1e8 * 2.0 ** np.arange(5), LADDERS["geometric"]))
    table = losses(pd.DataFrame({"N": N, "D": D}))
    table[name] = [f"exp{np.log2(N / 1e8):.0f}" for N in table.N]
    noise = 1.0 + 1e-4 * np.random.default_rng(0).standard_normal((num_seeds, len(table)))
    parts = [table.assign(seed=at, loss=table.loss * own) for at, own in enumerate(noise)]
    table = pd.concat(parts, ignore_index=True)
    assert ways_to_read(table) == ([rows_of(table.N, table.D, table.loss)], "")
