"""Columns of tables in memory, and which of them is N, D and loss."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from farseer_jax.runs.find_columns import find_inputs
from farseer_jax.tables.frames import columns_of_frame


def find_columns(names: list[str], **options: str) -> dict[str, object]:
    return dict(find_inputs(names, dict.fromkeys(("N", "D", "loss"), "positive"), options))


# Which column is what: names of the wild are in test_column_names.py


def test_exact_name_wins_over_other_usual_names() -> None:
    columns = ["params", "n", "N", "tokens", "d", "D", "L", "val_loss", "Loss", "loss"]
    assert find_columns(columns) == {"N": "N", "D": "D", "loss": "loss"}


def test_option_wins_over_exact_name() -> None:
    columns = ["N", "N_with_embedding", "D", "loss", "bpc"]
    found = find_columns(columns, N="N_with_embedding", loss="bpc")
    assert found == {"N": "N_with_embedding", "D": "D", "loss": "bpc"}


def test_column_taken_by_an_option_is_not_a_candidate() -> None:
    found = find_columns(["size", "params", "D", "loss"], loss="size")
    assert found == {"N": "params", "D": "D", "loss": "size"}


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        (["params", "model_size", "D", "loss"], ["'params', 'model_size'", 'N="params"']),
        (["N", "tokens", "Train Tokens", "loss"], ["'tokens', 'Train Tokens'", 'D="tokens"']),
        (["N", "D", "val_loss", "bpc"], ["'val_loss', 'bpc'", 'loss="val_loss"']),
    ],
)
def test_ambiguous_columns_are_named(columns: list[str], parts: list[str]) -> None:
    with pytest.raises(ValueError, match="say which") as caught:
        find_columns(columns)
    for part in parts:
        assert part in str(caught.value)


def test_missing_column_lists_the_columns_and_the_option() -> None:
    with pytest.raises(ValueError, match="recognised as D") as caught:
        find_columns(["N", "steps", "loss"])
    for part in ("training tokens", 'D="column"', "'N', 'steps', 'loss'"):
        assert part in str(caught.value)


def test_a_wide_table_is_listed_in_part() -> None:
    with pytest.raises(ValueError, match="and 80 more") as caught:
        find_columns([f"x{number}" for number in range(100)])
    assert "'x19'" in str(caught.value)
    assert "'x20'" not in str(caught.value)


def test_a_table_without_columns() -> None:
    with pytest.raises(ValueError, match="the columns are none"):
        find_columns([])


def test_misnamed_option_suggests_the_nearest() -> None:
    with pytest.raises(ValueError, match="no column 'tokns', named as D") as caught:
        find_columns(["N", "tokens", "loss"], D="tokns")
    assert "'N', 'tokens', 'loss'" in str(caught.value)
    assert "did you mean 'tokens'?" in str(caught.value)


def test_one_column_for_two_roles_is_refused() -> None:
    with pytest.raises(
        ValueError, match="'D' is named as both N and D: name two different columns"
    ):
        find_columns(["D", "loss"], N="D", D="D")


# Tables in memory


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table, dict])
def test_columns_of_every_library(make: Callable[[Any], Any]) -> None:
    columns = columns_of_frame(make({"N": [1, 2], "arm": ["a", None], "loss": [3.0, 2.5]}))
    assert list(columns) == ["N", "arm", "loss"]
    assert columns["N"].tolist() == [1, 2]
    assert columns["arm"].tolist() == ["a", None]
    assert columns["loss"].tolist() == [3.0, 2.5]


def test_records() -> None:
    columns = columns_of_frame([{"N": 1, "eval": {"loss": 3.0}}, {"N": 2, "arm": "x"}])
    assert list(columns) == ["N", "eval.loss", "arm"]
    assert columns["arm"].tolist() == [None, "x"]
    assert np.array_equal(columns["eval.loss"], [3.0, np.nan], equal_nan=True)


def test_named_levels_of_an_index_are_columns() -> None:
    frame = pd.DataFrame({"N": [1, 1, 2], "D": [5, 5, 6], "loss": [3.0, 4.0, 5.0]})
    means = columns_of_frame(frame.groupby(["N", "D"]).mean())
    assert {name: own.tolist() for name, own in means.items()} == {
        **{"N": [1, 2], "D": [5, 6], "loss": [3.5, 5.0]}
    }
    both = frame.groupby(["N", "D"]).agg({"loss": ["mean", "std"]})
    assert list(columns_of_frame(both)) == ["N", "D", "loss_mean", "loss_std"]
    kept = columns_of_frame(frame.set_index("N", drop=False))
    assert kept["N"].tolist() == [1, 1, 2]
    by_run = columns_of_frame(frame.set_index(pd.Index(["a", "b", "c"], name="run")))
    assert by_run["run"].tolist() == ["a", "b", "c"]
    assert list(columns_of_frame(frame.iloc[::-1])) == ["N", "D", "loss"]
    wide = frame.pivot_table(index="N", columns="D", values="loss")
    assert list(columns_of_frame(wide)) == ["N", "5", "6"]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame([[1, 2, 3]], columns=["N", "loss", "N"]),
        pa.table([[1], [2], [3]], names=["N", "loss", "N"]),
    ],
    ids=["pandas", "pyarrow"],
)
def test_repeated_names_are_numbered(table: object) -> None:
    columns = columns_of_frame(table)
    assert {name: own.tolist() for name, own in columns.items()} == {
        **{"N (1)": [1], "loss": [2], "N (2)": [3]}
    }


def test_numbers_as_names() -> None:
    assert list(columns_of_frame(pd.DataFrame([[1, 2, 3]]))) == ["0", "1", "2"]
    labels = pd.Index([1, "1"], dtype=object)
    assert list(columns_of_frame(pd.DataFrame([[1, 2]], columns=labels))) == ["1 (1)", "1 (2)"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.array([1, None], dtype="Int64"), [1.0, np.nan]),
        (pd.array([1.5, None], dtype="Float64"), [1.5, np.nan]),
        (pd.array([1, None], dtype="int64[pyarrow]"), [1.0, np.nan]),
        (pd.array(["7B", None], dtype="string"), ["7B", None]),
        (pd.array(["7B", None], dtype="string[pyarrow]"), ["7B", None]),
        (pd.Categorical(["x", "y"]), ["x", "y"]),
        (pd.Categorical([3, 1]), [3, 1]),
        (pd.array([True, None], dtype="boolean"), [True, None]),
        ([Decimal("1.5"), None], [Decimal("1.5"), None]),
        ([2**70, 1], [2**70, 1]),
    ],
)
def test_types_of_pandas(values: Any, expected: list[Any]) -> None:
    (found,) = columns_of_frame(pd.DataFrame({"own": values})).values()
    if found.dtype.kind == "f":
        assert np.array_equal(found, expected, equal_nan=True)
    else:
        assert found.tolist() == expected


def test_what_is_not_a_table_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"expected a pandas, polars or pyarrow table.*builtins.int"
    ):
        columns_of_frame(3)
    with pytest.raises(TypeError, match=r"LazyFrame: call \.collect\(\) on it first"):
        columns_of_frame(pl.LazyFrame({"N": [1]}))
