"""Folders of runs whose kind is recognised, and columns of records of any kind."""

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboardX import SummaryWriter

from farseer_jax.tables import run_folders
from farseer_jax.tables.records import columns_of, concatenated, flattened, repeated
from farseer_jax.tables.run_folders import read_folder


def write_states(folder: Path) -> None:
    folder.mkdir(parents=True)
    text = json.dumps({"global_step": 9, "log_history": [{"step": 8, "loss": 2}, {"step": 9}]})
    (folder / "trainer_state.json").write_text(text)


def write_events(folder: Path) -> None:
    with SummaryWriter(str(folder)) as writer:
        writer.add_scalar("loss", 3.0, 1)
        writer.add_scalar("loss", 2.0, 2)


def write_offline(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "run-a1.wandb").write_bytes(b"")


@pytest.mark.parametrize(
    ("write", "name"), [(write_states, "run"), (write_events, "run"), (write_offline, "ID")]
)
def test_the_kind_of_a_folder_is_recognised(tmp_path: Path, write: Any, name: str) -> None:
    write(tmp_path / "out" / "a1")
    columns = read_folder(tmp_path / "out")
    assert columns is not None
    assert columns[name].tolist() == ["a1"]


@pytest.mark.parametrize("write", [write_states, write_events])
def test_history_is_read_if_asked_for(tmp_path: Path, write: Any) -> None:
    write(tmp_path / "a")
    columns = read_folder(str(tmp_path), history=True)
    assert columns is not None
    assert len(columns["step"]) == 2


def test_a_folder_of_two_kinds_is_read_as_the_kind_that_is_named(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_states(out / "a")
    write_events(out / "a" / "runs")
    with pytest.raises(ValueError, match="out: has trainer_state.json of Hugging Face and event "
                       f"files of TensorBoard; say which to read, trainer:{out} or "
                       f"tensorboard:{out}$"):  # fmt: skip
        read_folder(out)
    states, events = read_folder(f"trainer:{out}"), read_folder(f"tensorboard:{out}")
    assert states is not None
    assert events is not None
    assert (states["run"].tolist(), events["run"].tolist()) == (["a"], ["a/runs"])


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("N,D,loss\n")
    with pytest.raises(ValueError, match=r"is a folder without runs; expected trainer_state\.json"):
        read_folder(tmp_path)


@pytest.mark.parametrize("path", ["runs.csv", "-", "trainer:", "C:/runs.csv", "sqlite:runs.db"])
def test_what_is_not_a_folder_is_left_to_others(folder: Path, path: str) -> None:
    (folder / "runs.csv").write_text("N,D,loss\n")
    assert read_folder(path) is None


def test_a_folder_that_is_not_there_is_refused_if_its_kind_is_named(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        read_folder("tensorboard:nowhere")


def test_a_project_of_wandb_is_named_by_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    run = SimpleNamespace(config={}, summary={"loss": 3})
    monkeypatch.setattr(wandb, "Api", lambda: SimpleNamespace(runs=lambda *_, **__: [run]))
    columns = run_folders.read_folder("wandb:entity/project")
    assert columns is not None
    assert columns["loss"].tolist() == [3]


# records

VALUES = {
    "float": st.floats(allow_nan=False),
    "int": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
    "text": st.text(max_size=3).filter(lambda text: text not in ("NaN", "Infinity", "-Infinity")),
}


def same(value: Any, expected: Any) -> bool:
    """Whether a value of a column is that of the record; missing numbers are NaN."""
    if expected is None:
        return value is None or math.isnan(value)
    return type(value) is type(expected) and value == expected


@given(st.data(), st.sampled_from(sorted(VALUES)))
def test_values_of_one_kind_keep_it(data: st.DataObject, kind: str) -> None:
    values = data.draw(st.lists(st.one_of(st.none(), VALUES[kind]), min_size=1))
    column = columns_of([{} if value is None else {"x": value} for value in values]).get("x")
    if column is None:
        assert set(values) == {None}
        return
    if kind == "int" and None in values:
        values = [None if value is None else float(value) for value in values]
    assert all(map(same, column.tolist(), values))


@given(st.lists(st.lists(st.dictionaries(
    st.sampled_from("abc"), st.one_of(st.none(), *VALUES.values()), max_size=3
), max_size=4), max_size=4))  # fmt: skip
def test_tables_below_each_other_are_the_table_of_all_records(
    parts: list[list[dict[str, Any]]],
) -> None:
    tables = [columns_of(part) for part in parts]
    together = concatenated(tables, [len(part) for part in parts])
    records = [record for part in parts for record in part]
    assert set(together) == {name for record in records for name in record}
    for name, column in together.items():
        for value, record in zip(column.tolist(), records, strict=True):
            expected = record.get(name)
            if expected is None:
                assert value is None or math.isnan(value)
            elif isinstance(expected, str | bool) and isinstance(value, str):
                assert value == str(expected)
            else:  # a whole number may have become a real one, and a number text
                assert float(value) == float(expected)


def test_numbers_that_json_lacks_and_numbers_too_large_are_numbers() -> None:
    columns = columns_of([{"x": "NaN", "y": 2**70}, {"x": "-Infinity", "y": 10**400}, {"x": 1}])
    np.testing.assert_array_equal(columns["x"], [np.nan, -np.inf, 1])
    np.testing.assert_array_equal(columns["y"], [2.0**70, np.inf, np.nan])


def test_numpys_values_count_as_python_ones() -> None:
    columns = columns_of([{"x": np.float32(1.5), "n": np.int64(3), "b": np.bool_(True)}])
    assert {name: values.dtype.kind for name, values in columns.items()} == {
        "x": "f", "n": "i", "b": "b"
    }  # fmt: skip


def test_numbers_and_text_in_one_column_are_text() -> None:
    assert columns_of([{"lr": 3e-4}, {"lr": "auto"}])["lr"].tolist() == ["0.0003", "auto"]
    tables = [columns_of([{"lr": 0.5}, {}]), columns_of([{"lr": "auto"}])]
    assert concatenated(tables, [2, 1])["lr"].tolist() == ["0.5", None, "auto"]


def test_rows_are_repeated_and_settings_flattened() -> None:
    assert repeated({"a": np.array([1, 2])}, [0, 3])["a"].tolist() == [2, 2, 2]
    settings = {"a": {"b": {}, "c": (1, 2)}, 3: None, "s": {1, 2} - {2}, "o": Path("x")}
    assert flattened(settings, "c.") == {"c.a.c": "[1, 2]", "c.3": None, "c.s": "[1]", "c.o": "x"}
