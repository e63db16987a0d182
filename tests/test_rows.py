"""Rows of tables: conditions in SQL, and the last row of each run."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from commands import farseer, refused, write

from farseer_jax import read_table
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.read import as_columns
from farseer_jax.tables.rows import last_by, where

TABLE = {
    "size": ["7B", "1.4B", None, "70M"],
    "N": [7e9, np.nan, 4e8, 7e7],
    "arm": ["attn", "kda", "it's", None],
    "config.model.lr": [1, 2, 3, 4],
    "Model Params (B)": [1, 2, 3, 4],
    'a "quoted" name': [1, 2, 3, 4],
    "annealed": [True, False, True, False],
    "order": [4, 3, 2, 1],
    "created": ["2024-01-05", "2024-02-05", "2024-03-01", None],
    "row": [9, 9, 9, 9],
    "Größe": [1, 2, 3, 4],
}


def table() -> Columns:
    return as_columns(pd.DataFrame(TABLE))


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("size = '7B'", [0]),
        ("size in ('7B', '70M') and N > 1e8", [0]),
        ("N > 1e8", [0, 2]),
        ("N <> 7e9", [2, 3]),
        ("N is null", [1]),
        ("N is not null and arm is null", [3]),
        ("not (arm = 'attn')", [1, 2]),
        ("arm = 'it''s' -- the third", [2]),
        ("arm like '%t%'", [0, 2]),
        ("ARM = 'attn'", [0]),
        ('"config.model.lr" > 2', [2, 3]),
        ('"Model Params (B)" = 2', [1]),
        ('"a ""quoted"" name" = 2', [1]),
        ("annealed", [0, 2]),
        ("not annealed", [1, 3]),
        ('"order" > 2', [0, 1]),
        ("created > '2024-02-01'", [1, 2]),
        ("row = 9 and Größe between 2 and 3", [1, 2]),
        ("N > (select median(N) from runs)", [0]),
    ],
)
def test_conditions(condition: str, rows: list[int]) -> None:
    found = where(table(), condition)
    assert found.row_numbers().tolist() == rows
    assert found["config.model.lr"].tolist() == [row + 1 for row in rows]
    assert found.notes == (f"{len(rows)} of 4 rows meet {condition}",)


def test_a_condition_that_all_meet_says_nothing() -> None:
    assert where(table(), '"order" > 0').notes == ()


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table, dict])
def test_tables_of_every_library(make: type) -> None:
    own = as_columns(make({"N": ["7B", None, "x"], "D": [1, None, 3]}))
    assert where(own, "N = '7B' and D = 1").row_numbers().tolist() == [0]
    assert where(own, "N is null and D is null").row_numbers().tolist() == [1]


@pytest.mark.parametrize(
    ("condition", "parts"),
    [
        ("arm = 'atn'", ["no row meets", "column 'arm' has the values 'attn', 'kda', \"it's\""]),
        ("N > 1e12", ["no row meets", "column 'N' is from 7e+07 to 7e+09"]),
        ("arms = 'attn'", ["there is no column 'arms'", "did you mean 'arm'?"]),
        ("arm = attn", ["there is no column 'attn'", "put text in single quotes"]),
        ("config.model.lr > 2", ["did you mean 'config.model.lr'?", "in double quotes"]),
        ("order > 2", ['order is a word of SQL: write the column as "order"']),
        ("size > 1e9", ["text is compared as it is written, size = '7B'", "derive="]),
        ("arm = 3", ["'attn'", "text is compared as it is written"]),
        ("size = 7B", ["cannot be read as a condition in SQL", "syntax error"]),
        ("N > 1 or", ["cannot be read as a condition in SQL", "syntax error"]),
        (" ", ["expected a condition in SQL", "got none"]),
        ("1=1; drop table runs", ["syntax error"]),
        ("N>0) UNION ALL SELECT 0 FROM range(5) WHERE (true", ["cannot be read as a condition"]),
        ("true UNION ALL SELECT true", ["cannot be read as a condition"]),
        ("N > 1, arm = 'attn'", ["cannot be read as a condition"]),
        ("exists (select * from read_csv('x.csv'))", ["disabled by configuration"]),
    ],
)
def test_bad_conditions(condition: str, parts: list[str]) -> None:
    with pytest.raises(ValueError, match=r"^where: ") as caught:
        where(table(), condition)
    for part in parts:
        assert part in str(caught.value)


def test_columns_of_other_types() -> None:
    months = pd.period_range("2024-01", periods=2, freq="M")
    frame = pd.DataFrame({"N": [1e8, 2e8], "month": months, "root": [1j, 2.0]})
    frame["exact"] = np.array([1, 2], np.longdouble)
    assert where(as_columns(frame), "N > 1e8 and exact = 2").row_numbers().tolist() == [1]
    assert where(as_columns(frame), "month > '2024-01'").row_numbers().tolist() == [1]


def test_names_that_differ_by_case_only() -> None:
    """SQL would take one for the other."""
    own = as_columns({"N": [1e8, 2e8], "n": [3, 4], "label": ["n", "x"]})
    assert where(own, "label = 'n'").row_numbers().tolist() == [0]
    for condition in ("n > 3", '"N" > 1e8'):
        with pytest.raises(ValueError, match="'N' and 'n' differ by case only"):
            where(own, condition)


def test_the_last_row_of_each_run() -> None:
    own = as_columns(
        {"run": ["a", "a", None, "b", None], "step": ["1k", "2k", "5", None, "4"], "seed": [1] * 5}
    )
    assert last_by(own, ["run", "step"]).row_numbers().tolist() == [1, 2, 3]
    assert last_by(own, ["run"]).row_numbers().tolist() == [1, 3, 4]
    assert last_by(own, ["run", "seed", "step"]).num_rows == 3
    with pytest.raises(ValueError, match=r"there is no column 'steps'.*did you mean 'step'"):
        last_by(own, ["run", "steps"])
    with pytest.raises(ValueError, match="column 'run' holds no numbers"):
        last_by(own, ["step", "run"])


def test_the_last_of_the_rows_that_meet_a_condition() -> None:
    curves = {"run": ["a", "a", "a"], "step": [1, 2, 3], "eval_loss": [3.5, 3.2, None]}
    kept = read_table(curves, where="eval_loss is not null", last_by="run,step")
    assert kept["eval_loss"].tolist() == [3.2]


@pytest.mark.usefixtures("folder")
def test_conditions_of_the_shell() -> None:
    write("runs.csv", N=[1e8, 2e8, 4e8], arm=["a", "a", "b"], loss=[3.5, 3.2, 3.0])
    law = ("--law", "E + A/N**a")
    refused(
        farseer("fit", "runs.csv", *law, "--where", "arm = 'c'"),
        "runs.csv: where: no row meets \"arm = 'c'\"; column 'arm' has the values 'a', 'b'",
    )
