"""Runs from tables: what `read_table` and `read_runs` take from them, and how they refuse."""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import farseer_jax as fj
from farseer_jax.runs.read_table import read_runs, read_table
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.table_problems import TableError

HEADER = "run_id,params,tokens,val_loss\n"
TEXT = HEADER + "a,100000000,1e9,3.5\nb,2e8,2000000000,3.25\n"


def written(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def refusal(path: Path, **options: Any) -> str:
    """The message of a refusal, which is one line and names the file."""
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: ") as caught:
        read_runs(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


# What is read


def test_runs_of_a_file(tmp_path: Path) -> None:
    path = written(tmp_path / "runs.csv", TEXT)
    for source in (path, str(path), read_table(path)):
        runs = read_runs(source)
        assert (runs.N.tolist(), runs.D.tolist()) == ([1e8, 2e8], [1e9, 2e9])
        assert (runs.loss.tolist(), runs.loss_name) == ([3.5, 3.25], "val_loss")
        assert runs.extra["run_id"].tolist() == ["a", "b"]


def test_options_reach_the_runs(tmp_path: Path) -> None:
    path = written(tmp_path / "runs.csv", "x,y,z,N\n0.1,1,3.5,p\n0.2,2,3.25,q\n")
    runs = read_runs(path, N="x", D="y", loss="z", N_unit=1e9, D_unit=1e9)
    assert (runs.N.tolist(), runs.D.tolist()) == ([1e8, 2e8], [1e9, 2e9])
    assert runs.extra["N_other"].tolist() == ["p", "q"]


def test_tables_in_order_of_their_options(tmp_path: Path) -> None:
    """Formulas first, then the condition, then the last row of each run."""
    path = written(
        tmp_path / "runs.csv",
        "run,step,size,tokens_per_param,loss\na,1,7B,10,3.5\na,2,7B,20,3.25\na,3,7B,0,9\nb,1,70M,20,4.5\n",
    )
    table = read_table(
        path, derive="D = tokens_per_param * N", last_by="run,step", where="D > 1e10"
    )
    assert table["D"].tolist() == [1.4e11]
    assert table.row_numbers().tolist() == [1]
    assert len(table.notes) == 3
    options = {"derive": "D = tokens_per_param * N", "last_by": ["run", "step"], "where": "D > 0"}
    runs = read_runs(path, N="size", **options)
    assert runs.D.tolist() == [1.4e11, 1.4e9]


@pytest.mark.parametrize(
    ("name", "where", "num_runs", "num_copies", "num_sizes"),
    [
        ("farseer_404.csv", None, 404, 4, 25),
        ("olmo_ladder.csv", "role = 'ladder'", 25, 0, 5),
        ("gadre_overtrain.csv", "corpus = 'C4'", 34, 0, 6),
        ("complexkda_ladder.csv", "arm = 'attn'", 30, 0, 6),
        ("chinchilla_epoch.csv", None, 245, 0, 142),
    ],
)
def test_real_runs_need_no_other_option(
    shared_data: Path,
    name: str,
    where: str | None,
    num_runs: int,
    num_copies: int,
    num_sizes: int,
) -> None:
    runs = read_runs(shared_data / name, where=where)
    assert (len(runs), runs.num_copies, runs.num_sizes) == (num_runs, num_copies, num_sizes)
    assert len(runs.extra["run_id"]) == num_runs
    assert Runs.from_dict(json.loads(json.dumps(runs.to_dict(), allow_nan=False))) == runs


def test_real_runs_with_the_wrong_sizes(shared_data: Path) -> None:
    runs = read_runs(shared_data / "farseer_404.csv", N="N_with_embedding")
    without = runs.extra["N_other"]
    assert np.all(without < runs.N)
    assert math.isclose(without.max(), 6.37e9, rel_tol=1e-2)


# What is refused


def test_all_problems_at_once_with_the_options_that_read_it(tmp_path: Path) -> None:
    rows = "a,0.1,1,3.5\nb,0.2,2,diverged\nc,0.2,4,\nd,0.4,4,3.0\n"
    path = written(tmp_path / "runs.csv", "run_id,params,tokens,val_loss\n" + rows)
    with pytest.raises(TableError) as caught:
        read_runs(path)
    error = caught.value
    assert error.source == str(path)
    assert "column 'val_loss'" in error.problems[0]
    assert "('diverged')" in error.problems[0]
    options = dict(error.options)
    units = {f"{name}_unit": unit for name, unit in options.pop("units").items()}
    runs = read_runs(path, **options, **units)
    assert (runs.N.tolist(), runs.D.tolist()) == ([1e8, 4e8], [1e9, 4e9])
    assert runs.loss.tolist() == [3.5, 3.0]


def test_files_with_other_names_for_the_same(tmp_path: Path) -> None:
    files = [
        written(tmp_path / "a.csv", "N,D,val_loss,train_loss\n1e8,2e9,3.5,3.4\n2e8,2e9,3.2,3.1\n"),
        written(tmp_path / "b.csv", "params,D,eval_loss,train_loss\n4e8,2e9,3.0,2.9\n"),
    ]
    told = r"N is column 'N' in \S*a\.csv and 'params' in \S*b\.csv"
    for options in ({}, {"drop_missing": True}):
        with pytest.raises(TableError, match=told):
            read_runs(files, loss="train_loss", **options)
    with pytest.raises(TableError, match=r"loss is column 'val_loss' in \S*a\.csv and 'eval_loss'"):
        read_runs([files[0], written(tmp_path / "b.csv", "N,D,eval_loss\n4e8,2e9,3\n")])
    assert len(read_runs(files, N="N", loss="train_loss", drop_missing=True)) == 2  # as named
    files[1].write_text("N,params,D,val_loss\n4e8,5e8,2e9,3\n8e8,9e8,2e9,2.8\n")
    assert read_runs(files).N.tolist() == [1e8, 2e8, 4e8, 8e8]  # N has all


def test_events_of_runs(tmp_path: Path) -> None:
    """No option helps: rows of a size have no loss, and those of a loss have no size."""
    events = [{"run": "a", "N": 1e8}, {"run": "a", "D": 2e9, "train_loss": 3.6}]
    events += [{"run": "a", "D": 2e9, "val_loss": 3.5}, {"run": "b", "N": 2e8}]
    with pytest.raises(
        TableError, match="no row has values of 'N', 'D' and 'val_loss' together"
    ) as e:
        read_runs(events)
    assert e.value.options == {}
    with pytest.raises(TableError, match="column 'D': rows 0, 3 are missing"):
        read_runs([*events, {"N": 1e8, "D": 1e9, "val_loss": 3}])


def test_text_among_numbers(tmp_path: Path) -> None:
    path = written(tmp_path / "runs.csv", TEXT + "c,4e8,4e9,diverged\nd,4e8,8e9,3.0\n")
    message = refusal(path)
    assert "column 'val_loss' (loss): row 2 is not a number ('diverged')" in message
    assert "drop_missing=True" in message
    runs = read_runs(path, drop_missing=True)
    assert runs.loss.tolist() == [3.5, 3.25, 3.0]
    assert any("row 2" in note for note in runs.notes)


@pytest.mark.parametrize("value", ["", "nan", "NA", "NULL", "-"])
def test_missing_numbers(tmp_path: Path, value: str) -> None:
    path = written(tmp_path / "runs.csv", TEXT + f"c,4e8,{value},3.0\n")
    assert "column 'tokens' (D): row 2 is missing or NaN" in refusal(path)
    assert read_runs(path, drop_missing=True).N.tolist() == [1e8, 2e8]


def test_missing_column_shows_the_option(tmp_path: Path) -> None:
    message = refusal(written(tmp_path / "runs.csv", TEXT.replace("tokens", "other")))
    for part in ("D (training tokens)", "'run_id', 'params', 'other', 'val_loss'"):
        assert part in message


def test_units_are_noticed(tmp_path: Path) -> None:
    path = written(tmp_path / "runs.csv", "N,D,loss\n0.1,1e9,3.5\n")
    assert "N_unit=1e9" in refusal(path)
    assert read_runs(path, N_unit=1e9).N.tolist() == [1e8]


def test_numbers_without_names_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "runs.csv", "1e8,1e9,3.5\n2e8,2e9,3.25\n")
    assert "'0', '1', '2'" in refusal(path)
    assert read_runs(path, N="0", D="1", loss="2").N.tolist() == [1e8, 2e8]


def test_repeated_columns_are_told_apart(tmp_path: Path) -> None:
    path = written(tmp_path / "runs.csv", "N,D,loss,loss\n1e8,1e9,3.5,3.6\n2e8,1e9,3.25,3.3\n")
    assert "'loss (1)', 'loss (2)'" in refusal(path)
    assert read_runs(path, loss="loss (2)").loss.tolist() == [3.6, 3.3]


def test_formulas_and_conditions_name_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "runs.csv", TEXT)
    assert "unknown name steps" in refusal(path, derive="D = steps * 2")
    assert "there is no column 'param'" in refusal(path, where="param > 1")


def test_what_is_not_a_table() -> None:
    for source in (7, None, np.ones((2, 3)), fj.Farseer):
        with pytest.raises(TypeError, match="expected a pandas, polars or pyarrow table"):
            read_table(source)
    with pytest.raises(FileNotFoundError, match=r"none\.csv: no such file"):
        read_runs("none.csv")


def test_a_table_in_memory_has_no_name() -> None:
    with pytest.raises(ValueError, match=r"^no column was recognised as N"):
        read_runs(pd.DataFrame({"x": [1.0], "D": [1e9], "loss": [3.0]}))
