"""Runs: every check of input, selection, tables and JSON."""

import copy
import dataclasses
import json
import math
import pickle
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from farseer_jax.runs.read_table import read_table
from farseer_jax.runs.runs import Runs

GOOD: dict[str, list[Any]] = {"N": [1e8, 2e8, 4e8], "D": [1e9, 2e9, 4e9], "loss": [3.5, 3.2, 3.0]}
ROWS_FROM_0 = "rows are counted from 0, without the header"


def make(**changes: Any) -> Runs:
    return Runs(**{**GOOD, **changes})


def refusal(**changes: Any) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - callers look at the message
        make(**changes)
    return str(caught.value)


def with_value(role: str, row: int, value: Any) -> dict[str, list[Any]]:
    return {role: [value if at == row else v for at, v in enumerate(GOOD[role])]}


@st.composite
def tables(draw: st.DrawFn) -> dict[str, np.ndarray]:
    """Columns N, D, loss and three extra ones."""
    num_runs = draw(st.integers(1, 12))

    def column(low: float, high: float) -> np.ndarray:
        return draw(hnp.arrays(np.float64, num_runs, elements=st.floats(low, high)))

    texts = draw(st.lists(st.text("abcé ", max_size=3), min_size=num_runs, max_size=num_runs))
    return {
        "N": column(1e5, 1e14),
        "D": column(1e7, 1e17),
        "loss": column(1e-3, 20.0),
        "arm": np.array(texts, dtype=object),
        "steps": draw(hnp.arrays(np.int64, num_runs)),
        "lr": column(-1.0, 1.0),
    }


def runs_of(table: dict[str, np.ndarray]) -> Runs:
    extra = {name: table[name] for name in table if name not in GOOD}
    return Runs(table["N"], table["D"], table["loss"], extra)


# What a table of runs is


def test_arrays_are_read_only_float64_copies() -> None:
    table = np.array([[1e8, 2e8], [1e9, 2e9], [3.0, 2.5]], order="F")
    runs = Runs(table[0], table[1], table[2], {"lr": table[2]})
    for array in (runs.N, runs.D, runs.loss):
        assert array.dtype == np.float64
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        runs.extra["lr"][0] = 1.0
    table[:] = 7.0
    assert runs.N.tolist() == [1e8, 2e8]
    assert runs.extra["lr"].tolist() == [3.0, 2.5]


def test_runs_are_frozen() -> None:
    runs = make()
    with pytest.raises(dataclasses.FrozenInstanceError):
        runs.N = runs.D  # type: ignore[misc]
    with pytest.raises(TypeError, match="does not support item assignment"):
        runs.extra["x"] = runs.D  # type: ignore[index]


def test_equality_is_by_content() -> None:
    extra = {"arm": ["a", "b", None], "lr": [0.1, math.nan, 0.3]}
    assert make() == make()
    assert make(extra=extra) == make(extra=extra)
    assert make() != make(extra=extra)
    assert make() != make(loss=[3.5, 3.2, 3.1])
    assert make(extra=extra) != make(extra={**extra, "lr": [0.1, 0.2, 0.3]})
    assert make(extra=extra) != make(extra={**extra, "arm": ["a", "b", "c"]})
    assert make() != "runs"


def test_missing_text_is_equal_however_it_is_written() -> None:
    one, other = (np.array(["a", gap, "b"], dtype=object) for gap in (math.nan, None))
    runs = make(extra={"arm": one})
    assert runs == make(extra={"arm": other})
    assert Runs.from_dict(runs.to_dict()) == runs


@pytest.mark.parametrize(
    "clone", [copy.copy, copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))]
)
def test_copies_and_pickles_are_equal_and_still_read_only(clone: Any) -> None:
    runs = make(extra={"arm": ["a", "b", "c"]}).select(max_N=2e8)
    again = clone(runs)
    assert again == runs
    assert not again.N.flags.writeable
    assert not again.extra["arm"].flags.writeable


def test_replace_keeps_the_rest() -> None:
    runs = dataclasses.replace(make(extra={"lr": [1, 2, 3]}), loss=np.array([4.0, 3.0, 2.0]))
    assert runs == make(loss=[4.0, 3.0, 2.0], extra={"lr": [1, 2, 3]})


def test_text_of_runs() -> None:
    runs = Runs([1e8, 1e8, 1.23456e9], [1e9, 1e9, 2e9], [3.5, 3.5, 0.25], {"arm": list("abc")})
    assert repr(runs) == "Runs(3 runs, 2 sizes)"
    assert str(runs).splitlines() == [
        "runs    3",
        "N       2 sizes, 1e8 to 1.23e9",
        "D       1e9 to 2e9",
        "loss    0.25 to 3.5",
        "copies  1 (N, D and loss as in an earlier run)",
        "extra   arm",
    ]
    assert len(str(make()).splitlines()) == 4


def test_counts_of_sizes_and_copies() -> None:
    runs = Runs(
        N=[1e8, 1e8, 1e8, 2e8, 1e8], D=[1e9, 1e9, 1e9, 1e9, 1e9], loss=[3.0, 3.0, 3.1, 3.0, 3.0]
    )
    assert len(runs) == 5
    assert runs.num_sizes == 2
    assert runs.num_copies == 2


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.float64, object])
def test_flops_do_not_overflow(dtype: Any) -> None:
    runs = Runs(np.array([10**11], dtype), np.array([10**12], dtype), [1.9])
    assert runs.flops.tolist() == [6e23]


def test_integers_beyond_64_bits() -> None:
    runs = Runs([10**20, 1], [10**30, 2**63], [1.0, 2.0])
    assert runs.N.tolist() == [1e20, 1.0]
    assert runs.D.tolist() == [1e30, 2.0**63]
    assert "infinite" in refusal(**with_value("D", 1, 10**400))


@pytest.mark.parametrize(
    "loss",
    [
        ["3.5", " 3.2 ", "30e-1"],
        [Decimal("3.5"), 3.2, np.float64(3.0)],
        np.array([3.5, 3.2, 3.0]),
        np.array([b"3.5", b"3.2", b"3.0"]),
        pd.Series([3.5, 3.2, 3.0], index=[7, 8, 9]),
        pl.Series([3.5, 3.2, 3.0]),
        pa.array([3.5, 3.2, 3.0]),
        np.ma.masked_array([3.5, 3.2, 3.0]),
        (3.5, 3.2, 3.0),
    ],
)
def test_numbers_of_any_kind_are_taken(loss: Any) -> None:
    assert make(loss=loss).loss.tolist() == [3.5, 3.2, 3.0]


def test_float32_and_strided_input() -> None:
    runs = make(loss=np.array([3.0, 0, 3.25, 0, 3.5], np.float32)[::-2])
    assert runs.loss.tolist() == [3.5, 3.25, 3.0]
    assert runs.loss.dtype == np.float64
    assert runs.loss.flags.c_contiguous


# What is refused


@pytest.mark.parametrize("role", ["N", "D", "loss"])
@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("abc", "is not a number ('abc')"),
        (True, "is not a number (True)"),
        (1j, "is not a number (1j)"),
        ([1.0], "is not a number ([1.0])"),
        (None, "is missing or NaN"),
        (pd.NA, "is missing or NaN"),
        ("", "is missing or NaN"),
        ("nan", "is missing or NaN"),
        (math.nan, "is missing or NaN"),
        (math.inf, "is infinite"),
        (-math.inf, "is infinite"),
        (0.0, "is not positive (0.0)"),
        (0, "is not positive (0.0)"),
        (-5.5, "is not positive (-5.5)"),
        ("-5.5", "is not positive (-5.5)"),
    ],
)
def test_bad_values_name_column_row_and_remedy(role: str, value: Any, what: str) -> None:
    column = np.empty(3, dtype=object)
    for row, good in enumerate(GOOD[role]):
        column[row] = value if row == 1 else good
    message = refusal(**{role: column})
    assert message.startswith(f"column '{role}': row 1 {what}; ")
    assert "correct these rows or leave them out" in message
    assert ROWS_FROM_0 in message


def test_true_in_a_plain_list_is_refused() -> None:
    assert "column 'loss': row 2 is not a number (True)" in refusal(loss=[1.0, 2.0, True])


def test_text_in_a_plain_list_is_refused() -> None:
    assert "column 'loss': row 1 is not a number ('OOM')" in refusal(loss=[1.0, "OOM", 2.0])
    assert "column 'loss': row 1 is missing or NaN" in refusal(loss=[1.0, "n/a", 2.0])


def test_several_kinds_of_bad_rows_in_one_message() -> None:
    message = refusal(D=[math.nan, -1.0, math.inf])
    assert "row 0 is missing or NaN; row 2 is infinite; row 1 is not positive (-1.0)" in message


def test_many_bad_rows_are_counted() -> None:
    values = np.full(50, 1e9)
    values[3:] = -values[3:]
    with pytest.raises(ValueError, match="column 'D'") as caught:
        Runs(np.full(50, 1e8), values, np.full(50, 3.0))
    assert "rows 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 37 more are not positive" in str(caught.value)


def test_long_text_is_cut() -> None:
    message = refusal(**with_value("loss", 0, "x" * 10_000))
    assert "xxx…" in message
    assert len(message) < 300


def test_masked_values_are_missing() -> None:
    masked = np.ma.masked_array([3.5, 3.2, 3.0], mask=[False, True, False])
    assert make(extra={"lr": masked}).to_dict()["extra"]["lr"] == [3.5, None, 3.0]
    assert "row 1 is missing or NaN" in refusal(loss=masked)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (np.array([True, True, False]), "expected numbers, got True/False values"),
        (np.array([1j, 2j, 3j]), "expected numbers, got complex128 values"),
        (
            np.array(["2020", "2021", "2022"], "datetime64[Y]"),
            "expected numbers, got datetime64[Y] values",
        ),
        ([[1.0], [2.0], [3.0]], "expected one number per run, in one dimension, got shape (3, 1)"),
        (3.0, "expected one number per run, in one dimension, got shape ()"),
        (
            [[1.0], [2.0, 3.0], []],
            "expected one number per run, in one dimension, got unequal lengths",
        ),
    ],
)
def test_wrong_kinds_of_column(values: Any, what: str) -> None:
    message = refusal(loss=values)
    assert message.startswith("column 'loss': ")
    assert what in message


def test_unequal_lengths() -> None:
    message = refusal(D=[1e9, 2e9])
    assert "unequal length: column 'N' has 3, column 'D' has 2, column 'loss' has 3" in message
    assert "one value per run" in message


def test_no_rows() -> None:
    with pytest.raises(ValueError, match=r"the table has no rows.*give at least one run"):
        Runs([], [], [])


@pytest.mark.parametrize(
    ("extra", "what"),
    [
        (
            {"lr": [1, 2]},
            r"extra column 'lr': expected one value for each of the 3 runs, got shape \(2,\)",
        ),
        (
            {"lr": np.ones((3, 2))},
            r"extra column 'lr': expected one value for each of the 3 runs, got shape \(3, 2\)",
        ),
        ({"N": [1, 2, 3]}, "extra column 'N': the runs have a column of this name; rename it"),
    ],
)
def test_bad_extra_columns(extra: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        make(extra=extra)


# Units


@pytest.mark.parametrize(("role", "factor"), [("N", 1e-9), ("N", 1e-6), ("D", 1e-9), ("D", 1e-6)])
def test_columns_in_billions_or_millions_are_noticed(role: str, factor: float) -> None:
    scaled = (np.array(GOOD[role]) * factor).tolist()
    message = refusal(**{role: scaled})
    assert message.startswith(f"column '{role}': its largest value is ")
    for part in (f"{role}_unit=1e9", f"--{role}-unit 1e9", f"{role}_unit=1 ", f"--{role}-unit 1)"):
        assert part in message
    runs = make(**{role: scaled, f"{role}_unit": 1 / factor})
    np.testing.assert_allclose(getattr(runs, role), GOOD[role], rtol=1e-15)


def test_limits_of_the_unit_check() -> None:
    assert len(make(N=[1.0, 2.0, 1e5], D=[1.0, 2.0, 1e7])) == 3
    assert "N_unit" in refusal(N=[1.0, 2.0, 99_999.0])
    assert "D_unit" in refusal(D=[1.0, 2.0, 9_999_999.0])


def test_unit_one_declares_small_numbers() -> None:
    runs = make(N=[1, 2, 3], D=[4, 5, 6], N_unit=1, D_unit=1)
    assert runs.N.tolist() == [1.0, 2.0, 3.0]
    assert runs.D.tolist() == [4.0, 5.0, 6.0]


@pytest.mark.parametrize("unit", [0, -1e9, math.nan, math.inf])
@pytest.mark.parametrize("option", ["N_unit", "D_unit"])
def test_bad_units(option: str, unit: float) -> None:
    message = f"{option} must be positive and finite, such as 1e9, got {unit!r}"
    assert refusal(**{option: unit}) == message


def test_unit_that_overflows() -> None:
    message = refusal(D_unit=1e305)
    assert message.startswith("column 'D' times its unit 1e+305: rows 0, 1, 2 are infinite")


# Selection


def test_bounds_are_inclusive_and_extras_follow() -> None:
    runs = make(extra={"arm": ["a", "b", "c"]})
    chosen = runs.select(min_N=2e8, max_N=4e8, min_D=2e9, max_D=2e9)
    assert chosen == Runs([2e8], [2e9], [3.2], {"arm": ["b"]})
    assert runs.select() == runs
    assert runs.select(mask=[True, False, True]).extra["arm"].tolist() == ["a", "c"]
    assert not chosen.N.flags.writeable
    assert not chosen.extra["arm"].flags.writeable


def test_selection_does_not_repeat_the_unit_check() -> None:
    runs = Runs([1e3, 1e9], [1e3, 1e10], [3.0, 2.0])
    assert runs.select(max_N=1e4).N.tolist() == [1e3]


def test_empty_selection_gives_the_range_present() -> None:
    with pytest.raises(ValueError, match="no run is left") as caught:
        make().select(min_N=1e12, max_D=5e9)
    for part in ("min_N=1e+12, max_D=5e+09", "3 runs", "N from 1e8 to 4e8", "D from 1e9 to 4e9"):
        assert part in str(caught.value)
    with pytest.raises(ValueError, match="no run is left with this mask"):
        make().select(mask=np.zeros(3, bool))


@pytest.mark.parametrize("mask", [[1, 0, 1], [True, False], np.ones((3, 1), bool), True])
def test_bad_mask(mask: Any) -> None:
    with pytest.raises(
        ValueError, match=r"mask: expected True or False for each of the 3 runs, got"
    ):
        make().select(mask=mask)


def test_selection_leaves_the_mask_alone() -> None:
    mask = np.ones(3, bool)
    make().select(mask=mask, max_N=1e8)
    assert mask.all()


@given(tables(), st.floats(1e5, 1e14))
def test_the_two_sides_of_a_bound_are_all_runs(table: dict[str, np.ndarray], bound: float) -> None:
    runs = runs_of(table)
    below = np.less_equal(runs.N, bound)
    parts = []
    if below.any():
        parts.append(runs.select(max_N=bound).to_dataframe())
    if not below.all():
        parts.append(runs.select(min_N=np.nextafter(bound, np.inf)).to_dataframe())
    order = np.argsort(~below, kind="stable")
    expected = runs.to_dataframe().iloc[order].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), expected)


@given(tables(), st.randoms(use_true_random=False))
def test_permuted_rows_are_permuted_runs(table: dict[str, np.ndarray], random: Any) -> None:
    order = list(range(len(table["N"])))
    random.shuffle(order)
    runs, shuffled = runs_of(table), runs_of({name: v[order] for name, v in table.items()})
    assert shuffled.loss.tolist() == runs.loss[order].tolist()
    assert shuffled.extra["arm"].tolist() == runs.extra["arm"][order].tolist()
    assert shuffled.num_sizes == runs.num_sizes
    assert shuffled.num_copies == runs.num_copies
    assert str(shuffled) == str(runs)


# Tables of other libraries


def as_it_is(table: object) -> Runs:
    """Runs of any numbers, which need not look like runs of language models."""
    return Runs.from_dataframe(read_table(table, as_is=True))


@given(tables())
def test_pandas_round_trip(table: dict[str, np.ndarray]) -> None:
    frame = pd.DataFrame(table)
    runs = as_it_is(frame)
    assert runs == runs_of(table)
    pd.testing.assert_frame_equal(runs.to_dataframe(), frame)


@given(tables())
def test_polars_round_trip(table: dict[str, np.ndarray]) -> None:
    frame = pl.DataFrame({name: values.tolist() for name, values in table.items()})
    runs = as_it_is(frame)
    assert runs == runs_of(table)
    assert pl.from_pandas(runs.to_dataframe()).equals(frame)


@given(tables())
def test_pyarrow_and_mappings_give_the_same(table: dict[str, np.ndarray]) -> None:
    columns = {name: values.tolist() for name, values in table.items()}
    assert as_it_is(pa.table(columns)) == runs_of(table)
    assert as_it_is(columns) == runs_of(table)


def test_the_users_names_in_messages() -> None:
    frame = pd.DataFrame({"params": [1e8, 2e8], "tokens": [1e9, 0.0], "bpc": [0.8, 0.7]})
    with pytest.raises(ValueError, match=r"column 'tokens' \(D\): row 1 is not positive"):
        Runs.from_dataframe(frame)


def test_options_and_units_of_a_table() -> None:
    frame = pl.DataFrame({"B": [0.1, 0.2], "T": [0.001, 0.002], "y": [3.5, 3.0], "x": ["a", "b"]})
    runs = Runs.from_dataframe(frame, N="B", D="T", loss="y", N_unit=1e9, D_unit=1e12)
    assert runs.N.tolist() == [1e8, 2e8]
    assert runs.D.tolist() == [1e9, 2e9]
    assert list(runs.extra) == ["x"]


def test_other_column_called_n_is_kept_under_another_name() -> None:
    frame = pd.DataFrame({**GOOD, "N_full": [2e8, 3e8, 5e8], "N_other": [0, 0, 0]})
    runs = Runs.from_dataframe(frame, N="N_full")
    assert runs.N.tolist() == [2e8, 3e8, 5e8]
    assert runs.extra["N_other_other"].tolist() == GOOD["N"]
    assert runs.extra["N_other"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({**GOOD, "loss": pd.array([3, None, 2], dtype="Int64")}),
        pl.DataFrame({**GOOD, "loss": [3, None, 2]}),
        pa.table({**GOOD, "loss": [3, None, 2]}),
    ],
    ids=["pandas", "polars", "pyarrow"],
)
def test_missing_integers_of_a_table_are_refused(frame: object) -> None:
    with pytest.raises(ValueError, match="column 'loss': row 1 is missing or NaN"):
        Runs.from_dataframe(frame)


def test_a_table_without_rows() -> None:
    with pytest.raises(ValueError, match="the table has no rows"):
        Runs.from_dataframe(pd.DataFrame({"N": [], "D": [], "loss": []}))


# JSON


@given(tables())
def test_json_round_trip_is_exact(table: dict[str, np.ndarray]) -> None:
    runs = runs_of(table)
    content = json.loads(json.dumps(runs.to_dict(), allow_nan=False))
    assert Runs.from_dict(content) == runs


def test_json_of_odd_extra_columns() -> None:
    extra: dict[str, Any] = {
        "gap": [1.5, math.nan, math.inf],
        "text": ["a", None, "Infinity"],
        "flag": [True, False, True],
        "count": [1, 2, 2**53 + 1],
        "day": np.array(["2024-01-01", "NaT", "2024-01-03"], "datetime64[ns]"),
        "empty": [None, None, None],
    }
    runs = make(extra=extra)
    content = runs.to_dict()
    assert content["extra"]["gap"] == [1.5, None, "Infinity"]
    assert content["extra"]["day"][1] is None
    again = Runs.from_dict(json.loads(json.dumps(content, allow_nan=False)))
    for name in ("gap", "text", "flag", "count", "empty"):
        assert make(extra={name: again.extra[name]}) == make(extra={name: extra[name]})
    assert again.extra["gap"].dtype == np.float64
    assert again.extra["count"].dtype == np.int64
    assert again.extra["flag"].dtype == np.bool_
    assert again.extra["day"][0].startswith("2024-01-01")
    assert again.to_dict() == content


def test_json_of_small_sizes_and_of_something_else() -> None:
    small = make(N=[1, 2, 3], N_unit=1)
    assert Runs.from_dict(small.to_dict()) == small
    with pytest.raises(ValueError, match="expected a table of runs, got one without 'D', 'loss'"):
        Runs.from_dict({"N": [1.0]})


# The module


def test_import_loads_only_numpy() -> None:
    """The module itself; the package's `__init__` is another matter."""
    code = (
        "import sys, types, pathlib\n"
        "package = types.ModuleType('farseer_jax')\n"
        "package.__path__ = [sys.argv[1]]\n"
        "sys.modules['farseer_jax'] = package\n"
        "import farseer_jax.runs.runs\n"
        "heavy = {'jax', 'pandas', 'polars', 'pyarrow', 'narwhals', 'equinox', 'scipy'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    folder = Path(sys.modules[Runs.__module__].__file__ or "").parents[1]
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
