"""More D per size never raise a fit's error: 2, 4 and 16 times as many, evenly or not."""

from typing import Any

import numpy as np
import pytest

import farseer_jax as fj
from farseer_jax.laws.evaluate import evaluate

SIZES = np.geomspace(2e8, 6e9, 12)
NUM_D = (10, 20, 40, 160)
TARGET = (25e9, 5e11)
NOISE, SEEDS = 5e-4, 12
# the ratio of two root mean squares of so many draws scatters by 1/√SEEDS about 1
SCATTER = 1.0 + 2.0 / np.sqrt(SEEDS)
CHINCHILLA = fj.Chinchilla(E=1.7, A=400.0, B=410.0, alpha=0.34, beta=0.28)


def table(law: fj.Law, num_D: int, seed: int, jitter: float = 0.0) -> fj.Runs:
    N, D = (x.ravel() for x in np.meshgrid(SIZES, np.geomspace(1e9, 5e11, num_D), indexing="ij"))
    off = np.random.default_rng(seed).standard_normal(len(D))
    return fj.simulate(law, N, D * np.exp(jitter * off), noise=NOISE, seed=seed)


def error(law: fj.Law, method: Any, num_D: int, jitter: float = 0.0) -> float:
    """Root mean square of the relative error at the target."""
    kind, truth = type(law), float(evaluate(law, *TARGET))
    off = [
        float(fj.fit(kind, table(law, num_D, seed, jitter), method).predict(*TARGET)) / truth - 1.0
        for seed in range(SEEDS)
    ]
    return float(np.sqrt(np.mean(np.square(off))))


@pytest.fixture(scope="module")
def farseer() -> fj.Law:
    return fj.example_law()


@pytest.mark.parametrize("jitter", [0.0, 0.03])
def test_piecewise_farseer(farseer: fj.Law, jitter: float) -> None:
    few, *more = (error(farseer, fj.Piecewise(), num, jitter) for num in NUM_D)
    assert few < 6e-3
    assert max(more) < SCATTER * few
    assert more[-1] < 0.7 * few


@pytest.mark.parametrize(
    "method",
    [fj.Piecewise(), fj.LeastSquares(num_starts=8), fj.VariableProjection(num_candidates=12)],
    ids=lambda m: m.name,
)
def test_chinchilla(method: Any) -> None:
    few, *more = (error(CHINCHILLA, method, num) for num in NUM_D)
    assert max(more) < SCATTER * few
    assert more[-1] < 0.7 * few


def test_five_thousand_runs_fit(farseer: fj.Law) -> None:
    runs = table(farseer, 417, 0)
    assert len(runs) > 5000
    fitted = fj.fit(fj.Farseer, runs)
    assert fitted.success
    assert fitted.predict(*TARGET) == pytest.approx(float(evaluate(farseer, *TARGET)), rel=2e-3)
    assert not [text for text in fitted.warnings if "noisy" in text]
