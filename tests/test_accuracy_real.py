"""Accuracies on public tables: earlier extrapolations, intervals, and the numbers of the page."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import farseer_jax as fj

ROOT = Path(__file__).resolve().parents[1]


def inside(found: fj.AccuracyForecast) -> float:
    """The share of earlier extrapolations in their 90 % intervals, before any widening."""
    own = [found.record(task, k) for k in range(len(found.chains)) for task in found.tasks]
    scores = np.concatenate([(x.predicted - x.observed) / x.sd for x in own])
    return float(np.mean(np.abs(scores) < 1.645))


def test_the_ladder_of_olmo(shared_data: Path) -> None:
    table = fj.read_table(shared_data / "named_inputs" / "olmo_tasks.csv")
    tasks = "hellaswag_acc,arc_challenge_acc,piqa_acc"
    found = fj.forecast_accuracy(table, [(6.9e9, 3.9e12)], tasks=tasks)
    assert found.columns[0].loss == "hellaswag_bpb"
    assert {own.verdict for own in found.predictability} == {"predictable"}
    rows = found.approach_table().to_dataframe().set_index("approach").error
    assert rows["two-step"] < 0.015
    assert rows["two-step"] < 0.4 * rows["largest run repeated"]
    assert inside(found) >= 0.8
    row = found.to_dataframe().iloc[0]
    assert row.lower < 0.813 < row.upper  # HellaSwag of OLMo's 7 B model
    assert row.predicted == pytest.approx(0.813, abs=0.02)


def test_the_average_over_many_tasks(shared_data: Path) -> None:
    table = fj.read_table(shared_data / "named_inputs" / "gadre_tasks.csv")
    found = fj.forecast_accuracy(table, tasks="avg_acc", task_loss="loss", by="corpus")
    assert found.labels == ("C4", "RedPajama", "RefinedWeb")
    rows = found.approach_table().to_dataframe().set_index("approach").error
    assert rows["two-step"] < 0.008
    assert rows["two-step"] < 0.5 * rows["largest run repeated"]
    assert inside(found) >= 0.8
    assert found.ranking is not None
    assert 0.2 < found.ranking.correlation < 0.95  # the corpora have the same grid of N and D
    text = str(found)
    assert "46 other columns of accuracies (agi_eval_lsat_ar, …) not asked for" in text
    assert "undecided which recipe is best on avg_acc" in text


def test_the_page_has_the_numbers_of_the_benchmark() -> None:
    page = (ROOT / "docs" / "accuracy.md").read_text("utf-8")
    text = (ROOT / "benchmarks" / "results" / "accuracy.json").read_text("utf-8")
    results = json.loads(text)
    lines = [line for line in page.splitlines() if re.match(r"^\| (OLMo|Gadre|the same) ", line)]
    names = ("two-step", "single-step", "exponential", "largest run repeated")
    for line, own in zip(lines, ("olmo", "gadre_average", "gadre_tasks"), strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")][2:]
        shown = [*(f"{results[own]['error'][name]:.1f}" for name in names)]
        ahead = results[own]["two_sizes_ahead"]
        inside_90 = f"{100 * results[own]['inside_90']:.0f} %"
        assert cells == [*shown, inside_90, f"{ahead['error']:.1f}",
                         f"{100 * ahead['inside_90']:.0f} %"]  # fmt: skip
    made = results["made"]
    share = f"{made['inside_90']:.0%}".replace("%", " %")
    assert f"Over {made['num_tables']} simulated tables, {share} of the true" in page
