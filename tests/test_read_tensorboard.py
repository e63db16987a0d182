"""Event files of TensorBoard, written by TensorBoard's own writers."""

import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.scalar.metadata import create_summary_metadata
from tensorboard.summary import Writer
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_tensor_proto
from tensorboardX import SummaryWriter

import farseer_jax as fj


def scalar(tag: str, step: int, value: float) -> Event:
    """A scalar as PyTorch and most others write it."""
    return Event(step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)]))


def tensor(tag: str, step: int, value: float, *, first: bool) -> Event:
    """A scalar as TensorFlow 2 writes it: the first event of a tag says of which plugin it is."""
    written = Summary.Value(tag=tag, tensor=make_tensor_proto(np.float32(value)))
    if first:
        written.metadata.CopyFrom(create_summary_metadata(tag, ""))
    return Event(step=step, summary=Summary(value=[written]))


def hparams(values: Mapping[str, Any]) -> Event:
    return Event(summary=hparams_pb(values, trial_id="trial"))


def write(folder: Path, events: Iterable[Event], suffix: str = "") -> Path:
    """A file of events; a later one of the same folder sorts after it."""
    writer = EventFileWriter(str(folder), filename_suffix=suffix)
    for event in events:
        writer.add_event(event)
    writer.close()
    return max(folder.glob("events.out.tfevents.*"))


def lists(columns: dict[str, np.ndarray]) -> dict[str, list[Any]]:
    return {name: values.tolist() for name, values in columns.items()}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs, the second without an evaluation."""
    losses = [scalar("train/loss", step, 4 - step / 10) for step in range(3)]
    write(tmp_path / "ladder" / "small", [hparams({"lr": 0.25, "arm": "a"}), *losses,
                                          scalar("eval/loss", 2, 3.5)])  # fmt: skip
    write(tmp_path / "ladder" / "large", [hparams({"lr": 0.5, "tied": True}), *losses[:2]])
    return tmp_path


def test_a_run_is_a_folder_with_the_last_value_of_each_tag(runs: Path) -> None:
    columns = fj.read_tensorboard(runs)
    assert list(columns) == [
        "run", "step", "train/loss", "eval/loss", "hparams.lr", "hparams.tied", "hparams.arm"
    ]  # fmt: skip
    assert columns["run"].tolist() == ["ladder/large", "ladder/small"]
    assert columns["step"].tolist() == [1, 2]
    np.testing.assert_array_equal(columns["train/loss"], np.float32([3.9, 3.8]))
    np.testing.assert_array_equal(columns["eval/loss"], [np.nan, 3.5])
    assert columns["hparams.lr"].tolist() == [0.5, 0.25]
    assert columns["hparams.arm"].tolist() == [None, "a"]
    assert columns["hparams.tied"].tolist() == [True, None]


def test_history_is_a_row_for_each_step(runs: Path) -> None:
    columns = fj.read_tensorboard(runs, history=True)
    assert columns["run"].tolist() == ["ladder/large"] * 2 + ["ladder/small"] * 3
    assert columns["step"].tolist() == [0, 1, 0, 1, 2]
    np.testing.assert_array_equal(columns["train/loss"], np.float32([4, 3.9, 4, 3.9, 3.8]))
    np.testing.assert_array_equal(columns["eval/loss"], [np.nan] * 4 + [3.5])
    assert columns["hparams.lr"].tolist() == [0.5] * 2 + [0.25] * 3


def test_the_folder_itself_may_be_the_run(runs: Path) -> None:
    assert fj.read_tensorboard(runs / "ladder" / "small")["run"].tolist() == ["small"]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [("eval/loss", {"eval/loss"}), (["*/loss"], {"eval/loss", "train/loss"})],
)
def test_tags_select_what_is_read(runs: Path, tags: Any, expected: set[str]) -> None:
    columns = fj.read_tensorboard(runs, tags=tags)
    assert {name for name in columns if name.endswith("loss")} == expected
    assert len(columns["run"]) == 2


def test_a_tag_that_no_run_has_is_refused(runs: Path) -> None:
    with pytest.raises(ValueError, match="no run has scalars with the tag 'evl/\\*'"):
        fj.read_tensorboard(runs, tags=["train/*", "evl/*"])


def test_scalars_stored_as_tensors_are_read_and_other_tensors_are_not(tmp_path: Path) -> None:
    other = Summary.Value(tag="weights", histo=HistogramProto(min=0, max=1))
    write(tmp_path, [tensor("loss", step, 4.0 - step, first=step == 0) for step in range(3)]
          + [Event(step=3, summary=Summary(value=[other]))])  # fmt: skip
    columns = fj.read_tensorboard(tmp_path, history=True)
    assert lists(columns) == {
        "run": [tmp_path.name] * 3, "step": [0, 1, 2], "loss": [4.0, 3.0, 2.0]
    }  # fmt: skip


def test_the_writer_of_tensorboard_is_read(tmp_path: Path) -> None:
    with closing(Writer(str(tmp_path))) as writer:
        for step in range(3):
            writer.add_scalar("loss", 4.0 - step, step)
    assert fj.read_tensorboard(tmp_path, history=True)["loss"].tolist() == [4, 3, 2]


def test_the_summary_writer_that_pytorch_has_is_read(tmp_path: Path) -> None:
    for name, rate in (("a", 0.25), ("b", 0.5)):
        with SummaryWriter(str(tmp_path / name)) as writer:
            for step in range(3):
                writer.add_scalar("train/loss", 4.0 - step, step)
            writer.add_histogram("weights", np.arange(9.0), 2)
            writer.add_text("notes", "long", 2)
            writer.add_hparams({"lr": rate, "arm": "attn"}, {"eval/loss": 3.5})
    columns = fj.read_tensorboard(tmp_path)
    assert lists(columns) == {
        "run": ["a", "b"],
        "step": [2, 2],
        "eval/loss": [3.5, 3.5],
        "train/loss": [2, 2],
        "hparams.arm": ["attn", "attn"],
        "hparams.lr": [0.25, 0.5],
    }


def test_a_restarted_run_has_the_values_written_last(tmp_path: Path) -> None:
    write(tmp_path, [scalar("loss", step, 1.0) for step in range(6)], ".0")
    write(tmp_path, [scalar("loss", step, 2.0) for step in range(3, 5)], ".1")
    columns = fj.read_tensorboard(tmp_path, history=True)
    assert columns["step"].tolist() == [0, 1, 2, 3, 4, 5]
    assert columns["loss"].tolist() == [1, 1, 1, 2, 2, 1]


def test_steps_after_a_restart_that_says_so_are_left_out(tmp_path: Path) -> None:
    restart = Event(step=3, session_log=SessionLog(status=SessionLog.START))
    write(tmp_path, [scalar("loss", step, 1.0) for step in range(6)], ".0")
    write(tmp_path, [restart, *(scalar("loss", step, 2.0) for step in range(3, 5))], ".1")
    assert fj.read_tensorboard(tmp_path, history=True)["loss"].tolist() == [1, 1, 1, 2, 2]


def test_hyperparameters_that_pytorch_writes_below_a_run_are_joined_to_it(tmp_path: Path) -> None:
    write(tmp_path / "a", [scalar("loss", step, 4.0 - step) for step in range(3)])
    write(tmp_path / "a" / "170.5", [hparams({"lr": 0.5}), scalar("final", 0, 2.0)])
    write(tmp_path / "b", [scalar("loss", 0, 4.0)])
    columns = fj.read_tensorboard(tmp_path)
    assert columns["run"].tolist() == ["a", "b"]
    assert columns["loss"].tolist() == [2, 4]
    np.testing.assert_array_equal(columns["final"], [2, np.nan])
    np.testing.assert_array_equal(columns["hparams.lr"], [0.5, np.nan])


def test_runs_of_a_sweep_below_a_folder_with_events_stay_runs(tmp_path: Path) -> None:
    write(tmp_path, [scalar("best", 0, 1.0)])
    for name, rate in (("a", 0.25), ("b", 0.5)):
        write(tmp_path / name, [hparams({"lr": rate}), scalar("loss", 0, 3.0)])
    columns = fj.read_tensorboard(tmp_path)
    assert columns["run"].tolist() == ["a", "b", tmp_path.name]
    np.testing.assert_array_equal(columns["hparams.lr"], [0.25, 0.5, np.nan])


def test_training_and_validation_have_the_hyperparameters_above_them(tmp_path: Path) -> None:
    write(tmp_path / "a", [hparams({"lr": 0.5})])
    for part in ("train", "validation"):
        write(tmp_path / "a" / part, [scalar("epoch_loss", step, 3.0) for step in range(2)])
    columns = fj.read_tensorboard(tmp_path)
    assert columns["run"].tolist() == ["a", "a/train", "a/validation"]
    assert columns["hparams.lr"].tolist() == [0.5] * 3


def test_a_tag_does_not_replace_a_column_of_the_table(tmp_path: Path) -> None:
    write(tmp_path, [scalar("step", 7, 1.0), scalar("loss", 7, 3.0)])
    for history in (False, True):
        columns = fj.read_tensorboard(tmp_path, history=history)
        assert (columns["step"].tolist(), columns["scalars.step"].tolist()) == ([7], [1.0])


def test_a_run_without_scalars_stays_as_a_row(tmp_path: Path) -> None:
    write(tmp_path / "crashed", [])
    write(tmp_path / "done", [scalar("loss", 5, 3.0)])
    for history in (False, True):
        columns = fj.read_tensorboard(tmp_path, history=history)
        assert columns["run"].tolist() == ["crashed", "done"]
        np.testing.assert_array_equal(columns["loss"], [np.nan, 3])


def test_a_record_cut_off_at_the_end_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, [scalar("loss", step, 4.0 - step) for step in range(3)])
    path.write_bytes(path.read_bytes()[:-5])
    assert fj.read_tensorboard(tmp_path, history=True)["loss"].tolist() == [4, 3]


@pytest.mark.parametrize("place", [0.0, 0.5])
def test_damage_is_refused_as_the_rest_would_be_lost(
    tmp_path: Path, place: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, [scalar("loss", step, 4.0 - step) for step in range(3)])
    events = bytearray(path.read_bytes())
    events[int(place * len(events))] ^= 1
    path.write_bytes(events)
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: is damaged"):
        fj.read_tensorboard(tmp_path)
    assert capfd.readouterr() == ("", "")


def test_a_folder_without_events_and_no_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no event files of TensorBoard"):
        fj.read_tensorboard(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        fj.read_tensorboard(tmp_path / "nowhere")


def test_without_the_library_one_sentence_says_what_to_install(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "tensorboard.backend.event_processing.event_accumulator"
    monkeypatch.setitem(sys.modules, module, None)
    message = (
        "event files of TensorBoard need tensorboard: python -m pip install "
        "'farseer-jax[tensorboard]'"
    )
    with pytest.raises(ModuleNotFoundError, match=re.escape(message)):
        fj.read_tensorboard(runs)


def test_runs_go_through_event_files(tmp_path: Path) -> None:
    runs = fj.example_runs()
    rows = list(zip(runs.N.tolist(), runs.D.tolist(), runs.loss.tolist(), strict=True))[:12]
    for number, (N, D, loss) in enumerate(rows):
        write(tmp_path / f"{number:02}", [hparams({"N": N, "D": D}), scalar("eval/loss", 9, loss)])
    again = fj.Runs.from_dataframe(fj.read_tensorboard(tmp_path), "hparams.N", "hparams.D",
                                   "eval/loss")  # fmt: skip
    np.testing.assert_array_equal(again.N, runs.N[:12])
    np.testing.assert_array_equal(again.D, runs.D[:12])
    np.testing.assert_array_equal(again.loss, runs.loss[:12].astype(np.float32))
