"""Rows marked as targets or as failed runs, in the many ways people mark them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from wild_tables import example_ladder, true_rows, truth_of, ways_to_read

import farseer_jax as fj

RUNS = example_ladder()
BAD = [1, 6]


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        ("diverged", True, False),
        ("config.crashed", 1, 0),
        ("finished", False, True),
        ("completed", "no", "yes"),
        ("exclude", "Y", "n"),
        ("used_for_fit", 0.0, 1.0),
        ("is_target", "y", "n"),
        ("heldout", "yes", "no"),
        ("outlier", "x", None),
        ("status", "crashed (OOM)", "done"),
        ("outcome", "NaN loss at step 8k", "ok"),
        ("run_type", "target", "ladder"),
        ("phase", "final run", "ladder"),
        ("kind", "hero run", "sweep"),
        ("dataset_split", "holdout-1", "train"),
        ("run_role", "Target model", None),
    ],
)
def test_marked_rows_are_not_fitted(name: str, bad: Any, good: Any) -> None:
    marks = [bad if row in BAD else good for row in range(len(RUNS))]
    found, said = ways_to_read(RUNS.assign(**{name: marks}))
    if (name, good) == ("outlier", None):  # a mark that is neither yes nor no
        assert found == [true_rows(RUNS)]
        return
    assert found == [true_rows(truth_of(RUNS).drop(BAD))], said
    assert repr(name) in said


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("status", ["done", "finished, no crash"]),
        ("finished", [True, True]),
        ("notes", ["ok", "restarted after OOM"]),
        ("outlier", [0.1, 0.7]),
        ("type", ["error-free", "small"]),
    ],
)
def test_other_columns_mark_nothing(name: str, labels: list[Any]) -> None:
    assert ways_to_read(RUNS.assign(**{name: np.resize(labels, len(RUNS))})) == (
        [true_rows(RUNS)],
        "",
    )


def test_runs_are_read_with_a_note_on_failed_ones() -> None:
    table = RUNS.assign(state=np.where(RUNS.index < 2, "crashed", "finished"))
    assert "where=\"state = 'finished'\"" in fj.read_runs(table).notes[-1]


@pytest.mark.parametrize("loss", [[None] * 4, ["diverged"] * 4, [float("nan")] * 4])
def test_a_loss_without_numbers_is_refused_without_a_warning(loss: list[Any]) -> None:
    with pytest.raises(fj.TableError, match="rows 0"):
        fj.read_runs(pd.DataFrame({"N": [1e8] * 4, "D": [2e9] * 4, "loss": loss}))
