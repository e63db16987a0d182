"""A fit clearly worse than Chinchilla by least squares names it, and no other fit does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import farseer

import farseer_jax as fj

LAW = fj.Chinchilla(E=1.7, A=400.0, B=410.0, alpha=0.34, beta=0.28)


def ragged(seed: int = 0) -> fj.Runs:
    """Six sizes with other D each, at 1 % noise, which the differences of piecewise drown in."""
    generator = np.random.default_rng(seed)
    N = np.repeat(np.geomspace(1e8, 3e9, 6), 12)
    D = np.exp(generator.uniform(np.log(2e9), np.log(2e11), len(N)))
    return fj.simulate(LAW, N, D, noise=1e-2, seed=seed)


def test_a_piecewise_fit_of_no_grid_names_the_better_command(tmp_path: Path) -> None:
    runs = ragged()
    fit = fj.fit(fj.Farseer, runs)
    better = fj.fit(fj.Chinchilla, runs)
    assert fit.mean_relative_error > 1.5 * better.mean_relative_error
    first = fit.warnings[0]
    assert first.startswith("the fit misses its own runs by ")
    assert f"least squares misses them by {better.mean_relative_error:.1%}" in first
    assert not [
        text for text in fit.warnings if "the losses are noisy, or" in text and "own" in text
    ]
    path = tmp_path / "runs.csv"
    runs.to_dataframe().to_csv(path, index=False)
    text = farseer("fit", path).stdout
    assert "Warning: the fit misses its own runs" in text
    assert "--law chinchilla --method least-squares" in text


@pytest.mark.parametrize("method", [None, fj.LeastSquares("huber"), fj.VariableProjection()])
def test_a_fit_as_good_names_none(method: Any) -> None:
    fit = fj.fit(fj.Chinchilla, ragged(), method)
    assert not [text for text in fit.warnings if "describes them better" in text]


def test_a_law_that_misses_real_runs(shared_data: Path) -> None:
    runs = fj.read_runs(shared_data / "farseer_404.csv").select(min_N=2e8)
    assert "misses them by 0.6%" in fj.fit(fj.Kaplan, runs).warnings[0]
    assert fj.fit(fj.Farseer, runs).warnings == ()
