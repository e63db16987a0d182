"""The rectified law of fine-tuning: recovery, 42 curves in one call, and SciPy."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import farseer
from scipy_fits import best_of_scipy

import farseer_jax as fj

KNOWN = {"E": 1.5, "B": 60.0, "D_l": 20.0, "beta": 0.4}
EXAMPLES = 200.0 * 2.0 ** np.arange(12)


def plain(p, examples):
    return p["E"] + p["B"] / (p["D_l"] + examples ** p["beta"])


@pytest.fixture(scope="module")
def runs(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "named_inputs" / "finetuning.csv")


@pytest.fixture(scope="module")
def curves(runs: pd.DataFrame) -> fj.Fits:
    return fj.fit(fj.FineTuning, runs, by=["model", "dataset"])


def test_recovers_the_parameters() -> None:
    fit = fj.fit(fj.FineTuning, {"examples": EXAMPLES, "loss": plain(KNOWN, EXAMPLES)})
    assert fit.diagnostics.fraction_at_best() > 0.9
    for name, value in KNOWN.items():
        assert fit.law.parameters()[name] == pytest.approx(value, rel=1e-5)


def test_all_curves_in_one_call(curves: fj.Fits) -> None:
    assert len(curves) == 42
    assert min(fit.diagnostics.fraction_at_best() for fit in curves) > 0.9


def test_each_curve_equals_the_best_of_scipy(curves: fj.Fits) -> None:
    for fit in curves:
        x, y = fit.runs.inputs["examples"], fit.runs.loss
        best = best_of_scipy(fit, lambda p, x=x, y=y: np.log(plain(p, x) / y))
        own = float(fj.Objective().value(fit.predict(examples=x), y))
        assert own <= best * (1.0 + 1e-8), fit.group
        assert own == pytest.approx(best, rel=1e-8), fit.group


def test_the_next_point_of_each_curve(runs: pd.DataFrame) -> None:
    last = runs["examples"] == runs["examples"].max()
    fits = fj.fit(fj.FineTuning, runs[~last], by=["model", "dataset"])
    new = runs[last].set_index(["model", "dataset"])["loss"]
    predicted = [fit.predict(examples=409_600) for fit in fits]
    observed = np.array([new[fit.group["model"], fit.group["dataset"]] for fit in fits])
    spread = np.sum((observed - observed.mean()) ** 2)
    assert 1.0 - np.sum((predicted - observed) ** 2) / spread > 0.99


def test_the_shell_finds_the_examples(folder: Path) -> None:
    table = {"num_samples": EXAMPLES.astype(int), "test_loss": plain(KNOWN, EXAMPLES)}
    pd.DataFrame(table).to_csv("curve.csv", index=False)
    done = farseer("fit", "curve.csv", "--law", "fine-tuning", "--json", "fit.json")
    assert done.exit_code == 0, done.stderr
    assert fj.Fit.from_json("fit.json").predict(examples=1e6) == pytest.approx(plain(KNOWN, 1e6))
