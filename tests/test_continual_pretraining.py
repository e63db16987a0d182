"""The D-CPT laws: formulas, recovery, SciPy, shares at the ends, and the shell."""

from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest
from commands import farseer
from scipy_fits import best_of_scipy

import farseer_jax as fj

KNOWN = {
    "E": 1.2, "A": 120.0, "B": 900.0, "C": 0.2, "alpha": 0.3, "beta": 0.35,
    "gamma": 0.4, "eta": 0.2, "epsilon": 0.1,
}  # fmt: skip
CROSS = {**KNOWN, "F": 0.5, "mu": 0.6}
SHARES = np.array([0.0, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1.0])


def plain(p, N, D, r, K=None):
    y = p["E"] + p["A"] / N ** p["alpha"] + p["B"] * r ** p["eta"] / D ** p["beta"]
    y = y + p["C"] / (r + p["epsilon"]) ** p["gamma"]
    return y if K is None else y + p["F"] / K ** p["mu"]


def grid(*more: np.ndarray) -> list[np.ndarray]:
    axes = np.meshgrid([5e8, 1.8e9, 4e9], np.geomspace(1e9, 2e10, 6), SHARES, *more)
    return [x.ravel() for x in axes]


@pytest.fixture(scope="module")
def noisy() -> fj.Fit:
    N, D, r = grid()
    y = plain(KNOWN, N, D, r) * np.exp(1e-3 * np.random.default_rng(0).standard_normal(N.size))
    return fj.fit(
        fj.ContinualPretraining, {"N": N, "D": D, "r": r, "loss": y}, fj.LeastSquares("huber")
    )


def test_recovers_the_parameters() -> None:
    N, D, r = grid()
    fit = fj.fit(fj.ContinualPretraining, {"N": N, "D": D, "r": r, "loss": plain(KNOWN, N, D, r)})
    assert fit.diagnostics.fraction_at_best() > 0.9
    for name, value in KNOWN.items():
        assert fit.law.parameters()[name] == pytest.approx(value, rel=1e-4), name


def test_recovers_the_learnability_of_domains() -> None:
    N, D, r, K = grid(np.array([0.5, 1.0, 2.0, 4.0]))
    table = {"N": N, "D": D, "r": r, "K": K, "loss": plain(CROSS, N, D, r, K)}
    fit = fj.fit(fj.CrossDomainContinualPretraining, table, fj.LeastSquares(num_starts=16))
    assert fit.diagnostics.fraction_at_best() > 0.9
    for name, value in CROSS.items():
        assert fit.law.parameters()[name] == pytest.approx(value, rel=1e-4), name
    # a new domain needs its K alone
    assert fit.predict(N=7e9, D=1e10, r=0.4, K=3.0) == pytest.approx(
        plain(CROSS, 7e9, 1e10, 0.4, 3.0)
    )


def test_equals_the_best_of_scipy(noisy: fj.Fit) -> None:
    (N, D, r), y = grid(), noisy.runs.loss
    best = best_of_scipy(noisy, lambda p: np.log(plain(p, N, D, r) / y), 1e-3, num_starts=3)
    own = float(fj.Objective.named("huber").value(noisy.predict(N=N, D=D, r=r), y))
    assert own <= best * (1.0 + 1e-8)
    assert own == pytest.approx(best, rel=1e-6)


def test_slopes_are_finite_without_any_of_the_domain() -> None:
    def loss(p):
        return fj.ContinualPretraining(**p).loss(1e9, 1e10, 0.0)

    with jax.enable_x64(True):
        slopes = jax.grad(loss)({name: np.float64(value) for name, value in KNOWN.items()})
    assert np.isfinite(list(slopes.values())).all()
    assert float(slopes["eta"]) == 0.0


def test_the_best_share_for_a_constrained_general_loss(noisy: fj.Fit) -> None:
    shares = np.linspace(0.2, 1.0, 9)
    losses = noisy.predict(N=1.8e9, D=1e10, r=shares)
    assert losses.argmin() == 8  # all of the domain, if nothing else is asked


def test_the_shell(folder: Path) -> None:
    N, D, r = grid()
    table = {"N": N, "D": D, "domain_share": r, "loss": plain(KNOWN, N, D, r)}
    pd.DataFrame(table).to_csv("runs.csv", index=False)
    done = farseer("fit", "runs.csv", "--law", "d-cpt", "--num-starts", 16, "--json", "fit.json")
    assert done.exit_code == 0, done.stderr
    assert fj.Fit.from_json("fit.json").predict(N=7e9, D=1e10, r=0.5) == pytest.approx(
        plain(KNOWN, 7e9, 1e10, 0.5), rel=1e-5
    )
