"""Runs of Weights & Biases: of objects, of a project, and of files that the library wrote."""

import os
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import wandb
from wandb.apis.public import Run
from wandb.proto.wandb_internal_pb2 import Record

import farseer_jax as fj

LONG_AGO = 1_700_000_000


def run(config: Any = None, summary: Any = None, **more: Any) -> SimpleNamespace:
    return SimpleNamespace(config=config or {}, summary=summary or {}, **more)


def lists(columns: dict[str, np.ndarray]) -> dict[str, list[Any]]:
    return {name: values.tolist() for name, values in columns.items()}


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two offline runs; in a process of its own, as the library keeps a service running."""
    folder = tmp_path_factory.mktemp("wandb")
    script = Path(__file__).with_name("wandb_runs.py")
    environment = {name: v for name, v in os.environ.items() if not name.startswith("WANDB_")}
    environment["WANDB_MODE"] = "offline"
    subprocess.run([sys.executable, script, folder], check=True, env=environment, cwd=folder)
    return folder


@pytest.fixture
def offline(written: Path, tmp_path: Path) -> Path:
    """A copy of them, to be changed."""
    return Path(shutil.copytree(written / "wandb", tmp_path / "wandb", symlinks=True))


def files(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("offline-run-*/run-*.wandb"))


# offline runs


def test_offline_runs_are_a_row_each(written: Path) -> None:
    columns = lists(fj.read_wandb(written))
    assert columns.pop("Created")[0].startswith("20")
    assert columns.pop("long") == ["x" * 100_000] * 2  # longer than three blocks of the file
    assert {name for name in columns if name[0] == "_"} == {"_timestamp", "_runtime", "_step"}
    assert np.isnan([columns.pop("config.lr"), columns.pop("nan")]).all()
    assert {name: values for name, values in columns.items() if name[0] != "_"} == {
        "Name": ["small 0", "small 1"],
        "ID": ["run0", "run1"],
        "State": ["finished", "failed"],
        "Group": ["ladder"] * 2,
        "Tags": ["a, b"] * 2,
        "config.model.n_params": [1e8, 2e8],
        "config.model.heads": ["[4, 8]"] * 2,
        "config.arm": ["attn"] * 2,
        "train/loss": [2] * 2,
        "tokens": [2e9] * 2,
        "best.min": [1] * 2,
        "eval/loss": [3.25] * 2,
        "nested.a": [1] * 2,
        "final": [1.5] * 2,
    }


def test_offline_history_is_a_row_for_each_step(written: Path) -> None:
    columns = fj.read_wandb(written, history=True)
    assert columns["_step"].tolist() == [0, 1, 2, 3, 4] * 2
    assert columns["ID"].tolist() == ["run0"] * 5 + ["run1"] * 5
    assert columns["config.model.n_params"].tolist() == [1e8] * 5 + [2e8] * 5
    np.testing.assert_array_equal(columns["train/loss"][:5], [4, 3, 2, np.nan, np.nan])
    np.testing.assert_array_equal(columns["eval/loss"][:5], [np.nan] * 3 + [3.25, np.nan])
    assert "final" not in columns  # of the summary alone
    assert not [name for name in columns if "picture" in name]


@pytest.mark.parametrize("as_text", [True, False])
def test_one_file_and_one_folder_are_read_as_well(written: Path, as_text: bool) -> None:
    second = list(files(written / "wandb"))[1]
    for path in (second, second.parent):
        source = str(path) if as_text else path
        assert fj.read_wandb(source)["ID"].tolist() == ["run1"]


def test_a_run_that_was_killed_stays_with_what_it_had_logged(offline: Path) -> None:
    killed = next(files(offline))
    log = killed.read_bytes()
    killed.write_bytes(log[: log.index(b"eval/loss")])
    assert fj.read_wandb(offline)["State"].tolist() == ["running", "failed"]  # just written
    os.utime(killed, (LONG_AGO, LONG_AGO))
    columns = fj.read_wandb(offline)
    assert columns["State"].tolist() == ["crashed", "failed"]
    assert columns["train/loss"].tolist() == [2, 2]
    np.testing.assert_array_equal(columns["eval/loss"], [np.nan, 3.25])


@pytest.mark.parametrize("size", [0, 3, 7, 20])
def test_a_run_that_logged_nothing_is_a_row_of_missing_values(offline: Path, size: int) -> None:
    killed = next(files(offline))
    killed.write_bytes(killed.read_bytes()[:size])
    os.utime(killed, (LONG_AGO, LONG_AGO))
    for history, rows in ((False, 2), (True, 6)):
        columns = fj.read_wandb(offline, history=history)
        assert columns["ID"].tolist() == ["run0"] + ["run1"] * (rows - 1)
        assert columns["State"][0] == "crashed"
        assert np.isnan(columns["eval/loss"][0])


def test_space_that_was_reserved_at_the_end_is_no_damage(offline: Path) -> None:
    expected = lists(fj.read_wandb(offline))
    path = next(files(offline))
    path.write_bytes(path.read_bytes() + bytes(70_000))
    np.testing.assert_equal(lists(fj.read_wandb(offline)), expected)


def test_a_resumed_run_is_one_run(offline: Path) -> None:
    first, _ = files(offline)
    again = offline / "offline-run-29991231_235959-run0" / first.name
    again.parent.mkdir()
    shutil.copy(first, again)
    assert fj.read_wandb(offline)["ID"].tolist() == ["run0", "run1"]
    assert fj.read_wandb(offline, history=True)["ID"].tolist() == ["run0"] * 10 + ["run1"] * 5


def test_damage_is_noticed(offline: Path) -> None:
    path = next(files(offline))
    log = bytearray(path.read_bytes())
    for position in (9, 12, 500, 40_000, len(log) - 60):
        damaged = log.copy()
        damaged[position] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"{path.name}: is damaged at byte \d+ of {len(log)}"):
            fj.read_wandb(offline)


BLOCK = 32768


def framed(records: list[bytes]) -> bytes:
    """Records in blocks, as https://github.com/google/leveldb/blob/main/doc/log_format.md says."""
    log = bytearray(b":W&B\xe1\xbe\x00")
    for record in records:
        rest, begun = record, False
        while True:
            left = BLOCK - len(log) % BLOCK
            if left < 7:
                log += bytes(left)
                left = BLOCK
            part, rest = rest[: left - 7], rest[left - 7 :]
            kind = (3 if rest else 4) if begun else (2 if rest else 1)
            log += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
            begun = True
            if not rest:
                break
    return bytes(log)


@pytest.mark.parametrize("left", range(16))
def test_records_that_end_anywhere_in_a_block_are_read(tmp_path: Path, left: int) -> None:
    first = Record(run={"run_id": "a", "display_name": "n" * 2 * BLOCK})
    end = 3 * BLOCK - left
    first.run.display_name += "n" * (end - len(framed([first.SerializeToString()])))
    assert len(framed([first.SerializeToString()])) == end
    item = {"nested_key": ["loss"], "value_json": "3.5"}
    rows = [Record(history={"item": [item]}).SerializeToString()] * 3
    (tmp_path / "run-a.wandb").write_bytes(framed([first.SerializeToString(), *rows]))
    columns = fj.read_wandb(tmp_path, history=True)
    assert set(map(len, columns["Name"])) == {len(first.run.display_name)}
    assert columns["loss"].tolist() == [3.5] * 3


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run-1.wandb"
    path.write_text("N,D,loss\n")
    with pytest.raises(ValueError, match=r"run-1\.wandb: is not a W&B file"):
        fj.read_wandb(tmp_path)


def test_a_folder_without_runs_and_no_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no offline runs of W&B"):
        fj.read_wandb(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        fj.read_wandb(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match='a project of W&B is written "entity/project"'):
        fj.read_wandb("nowhere")


def test_without_the_library_one_sentence_says_what_to_install(
    offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb.proto.wandb_internal_pb2", None)
    message = "offline runs of W&B need wandb: python -m pip install 'farseer-jax[wandb]'"
    with pytest.raises(ModuleNotFoundError, match=re.escape(message)):
        fj.read_wandb(offline)
    assert fj.read_wandb([run(summary={"loss": 3})])["loss"].tolist() == [3]


# runs of the API, and objects like them


def api_run(number: int) -> Run:
    """A run as the API makes it from what the server says."""
    attributes = {
        "name": f"id{number}",
        "displayName": f"small {number}",
        "state": "crashed",
        "group": "ladder",
        "jobType": "train",
        "tags": ["x", "y"],
        "createdAt": "2026-01-01T00:00:00Z",
        "config": '{"lr": {"value": 0.001, "desc": null}, "_wandb": {"value": {"t": 1}}}',
        "summaryMetrics": '{"loss": "NaN", "h": {"_type": "histogram"}, "d": {"a": 1}}',
        "systemMetrics": "{}",
        "historyKeys": {},
    }
    return Run(None, "entity", "project", f"id{number}", attributes, lazy=False)


def test_runs_of_the_api_have_the_columns_of_exports() -> None:
    columns = fj.read_wandb([api_run(1), api_run(2)])
    assert np.isnan(columns.pop("loss")).all()
    assert lists(columns) == {
        "Name": ["small 1", "small 2"],
        "ID": ["id1", "id2"],
        "State": ["crashed"] * 2,
        "Group": ["ladder"] * 2,
        "Job Type": ["train"] * 2,
        "Tags": ["x, y"] * 2,
        "Created": ["2026-01-01T00:00:00Z"] * 2,
        "config.lr": [0.001] * 2,
        "d.a": [1] * 2,
    }


def test_a_project_is_fetched_with_its_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    class Api:
        def runs(self, path: str, **options: Any) -> list[Run]:
            asked.update(path=path, **options)
            return [api_run(1)]

    monkeypatch.setattr(wandb, "Api", Api)
    filters = {"state": "finished"}
    assert fj.read_wandb("entity/project", filters=filters)["ID"].tolist() == ["id1"]
    assert asked == {
        "path": "entity/project", "filters": filters, "include_sweeps": False, "lazy": False
    }  # fmt: skip
    with pytest.raises(ValueError, match="filters: expected a project"):
        fj.read_wandb([api_run(1)], filters=filters)


@pytest.mark.parametrize(
    "error", [ValueError("Could not find project p"), wandb.errors.CommError("no")]
)
def test_what_the_api_refuses_is_one_sentence(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(wandb, "Api", lambda: SimpleNamespace(runs=refuse))
    with pytest.raises(
        ValueError,
        match=f"'a/b' is not a folder, and could not be fetched as a W&B project: {error}$",
    ):
        fj.read_wandb("a/b")


def test_a_history_that_the_api_cannot_give_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def scan_history() -> None:
        raise wandb.errors.CommError("the server is away")

    fetched = [run(scan_history=scan_history)]
    monkeypatch.setattr(wandb, "Api", lambda: SimpleNamespace(runs=lambda *_, **__: fetched))
    with pytest.raises(
        ValueError, match=r"could not be fetched as a W&B project: the server is away$"
    ):
        fj.read_wandb("a/b", history=True)


HISTORY = [{"_step": 0, "loss": 4.0}, {"_step": 1, "eval": {"loss": 3.5}}]


@pytest.mark.parametrize(
    "history",
    [
        {"history": HISTORY},
        {"history": lambda: HISTORY},
        {"history": lambda: pd.json_normalize(HISTORY)},
        {"history": pl.DataFrame(pd.json_normalize(HISTORY))},
        {"scan_history": lambda: iter(HISTORY), "history": lambda: HISTORY[:1]},  # a sample
    ],
)
def test_histories_are_methods_lists_or_tables(history: dict[str, Any]) -> None:
    columns = fj.read_wandb([run({"lr": 1}, **history), run({"lr": 2}, history=[])], history=True)
    assert columns["config.lr"].tolist() == [1, 1, 2]
    np.testing.assert_array_equal(columns["_step"], [0, 1, np.nan])
    np.testing.assert_array_equal(columns["loss"], [4, np.nan, np.nan])
    np.testing.assert_array_equal(columns["eval.loss"], [np.nan, 3.5, np.nan])


def test_crashed_runs_stay_as_rows_with_missing_values() -> None:
    columns = fj.read_wandb([run({"N": 1}, {"loss": 3.5}), run({"N": 2}), run()])
    np.testing.assert_array_equal(columns["config.N"], [1, 2, np.nan])
    np.testing.assert_array_equal(columns["loss"], [3.5, np.nan, np.nan])


def test_a_metric_does_not_replace_a_column_of_its_run() -> None:
    columns = fj.read_wandb([run(summary={"State": "ok", "loss": 1.0}, state="finished")])
    assert lists(columns) == {"State": ["finished"], "summary.State": ["ok"], "loss": [1.0]}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3, "expected runs with config and summary, .* got int"),
        ([{"config": {}}], "element 0 is dict, without them"),
    ],
)
def test_what_are_not_runs_is_refused(source: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        fj.read_wandb(source)


def test_a_history_that_is_not_there_is_refused_only_when_asked_for() -> None:
    assert fj.read_wandb(run({"N": 1}))["config.N"].tolist() == [1]
    with pytest.raises(TypeError, match=r"run 'a': expected scan_history\(\) or history"):
        fj.read_wandb([run(name="a")], history=True)


def test_runs_go_through_objects_unchanged() -> None:
    runs = fj.example_runs()
    rows = zip(runs.N.tolist(), runs.D.tolist(), runs.loss.tolist(), strict=True)
    objects = [run({"model": {"n_params": N}}, {"tokens": D, "eval/loss": y}) for N, D, y in rows]
    columns = fj.read_wandb(objects)
    again = fj.Runs.from_dataframe(columns, "config.model.n_params", "tokens", "eval/loss")
    for name in ("N", "D", "loss"):
        np.testing.assert_array_equal(getattr(again, name), getattr(runs, name))
