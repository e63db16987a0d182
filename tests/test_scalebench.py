"""The page of ScaleBench's tables is what the benchmark measured."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tasks() -> dict[str, Any]:
    content = json.loads((ROOT / "benchmarks" / "results" / "scalebench.json").read_text())
    found: dict[str, Any] = content["tasks"]
    return found


def test_the_pages_table_is_the_benchmarks(
    tasks: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    from scalebench import TASKS, table_of

    page = (ROOT / "docs" / "scalebench.md").read_text(encoding="utf-8")
    assert table_of(tasks) in page
    assert {*tasks} <= {*TASKS}


def test_the_choice_is_the_one_with_the_least_inner_error(tasks: dict[str, Any]) -> None:
    """Of the laws with an error at each limit; nobody looked at the held-out runs."""
    for own in tasks.values():
        whole = [row for row in own["laws"].values() if not row["note"]]
        chosen = own["laws"][own["chosen"]]
        least = min(row["inner_error"] for row in whole)
        assert chosen["inner_error"] <= 1.2 * least  # ranked by ratios at each limit


def test_averages_of_laws_are_the_safer_choice(tasks: dict[str, Any]) -> None:
    ahead = [
        own["automatic"]["held_out_r2"] - own["laws"][own["chosen"]]["held_out_r2"]
        for own in tasks.values()
        if "automatic" in own
    ]
    assert min(ahead) > -0.02
    assert sum(value > 0.0 for value in ahead) > len(ahead) / 2
