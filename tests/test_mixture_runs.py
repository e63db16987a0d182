"""Laws of mixtures on public runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import farseer_jax as fj
from farseer_jax.laws.evaluate import evaluate

SIZES = {"70M": 7e7, "160M": 1.6e8, "305M": 3.05e8, "410M": 4.1e8}
NUM_MIXTURES, NUM_FOLDS = 20, 4


def read(path: Path) -> dict[str, Any]:
    rows = np.genfromtxt(path, delimiter=",", names=True, dtype=None, encoding="utf-8")
    return {name: rows[name] for name in rows.dtype.names}


@pytest.fixture(scope="module")
def five_domains(shared_data: Path) -> dict[str, Any]:
    table = read(shared_data / "named_inputs" / "mixture_five_domains.csv")
    return table | {"N": np.array([SIZES[str(model)] for model in table["model"]])}


def r_squared(observed: np.ndarray, predicted: np.ndarray) -> float:
    return 1.0 - float(
        np.sum((observed - predicted) ** 2) / np.sum((observed - observed.mean()) ** 2)
    )


def test_mixtures_that_were_held_out_are_predicted(five_domains: dict[str, Any]) -> None:
    """Each quarter of the mixtures from the others: R² pooled, and by size and target."""
    mixture = np.arange(len(five_domains["N"])) % NUM_MIXTURES
    fold = np.random.default_rng(0).permutation(NUM_MIXTURES)[mixture] % NUM_FOLDS
    method = fj.LeastSquares(num_starts=32, refit_starts=8)
    observed, predicted = [], []
    for target in range(1, 6):
        fit = fj.fit(
            fj.MixturePowerSize, five_domains, method, response=f"loss_{target}",
            columns_of={"h": "share_*"},
        )  # fmt: skip
        held_out = np.array([fold == k for k in range(NUM_FOLDS)])
        batch = fj.fit_batch(type(fit.law), fit.runs, weights=1.0 * ~held_out, method=method)
        observed.append(fit.runs.loss)
        predicted.append(evaluate(batch.law, **fit.runs.inputs)[fold, np.arange(len(fold))])
    y, p = np.array(observed), np.array(predicted)
    assert r_squared(y, p) > 0.997
    parts = [five_domains["N"] == size for size in SIZES.values()]
    each = [r_squared(y[k, part], p[k, part]) for k in range(5) for part in parts]
    assert np.mean(each) > 0.96


def test_starts_of_the_additive_law_reach_the_best_optimum_known(shared_data: Path) -> None:
    table = read(shared_data / "named_inputs" / "mixture_slimpajama.csv")
    fit = fj.fit(
        "optimal-mixture", table, fj.LeastSquares("huber", num_starts=32), response="c4_loss",
        columns_of={"h": "weight_*", "N": "model_size", "D": "n_tokens"},
    )  # fmt: skip
    assert fit.outcome.name == "success"
    assert fit.diagnostics.objective < 7.51191e-3  # by 64 starts, each searched on all runs
    assert fit.mean_relative_error == pytest.approx(4.768e-3, rel=1e-3)
