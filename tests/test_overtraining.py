"""The laws of over-training: formulas, recovery, the runs of Gadre et al., and SciPy."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import farseer
from scipy_fits import best_of_scipy

import farseer_jax as fj

KNOWN = {"E": 1.5, "a": 140.0, "b": 190.0, "eta": 0.12}
LAWS = (fj.Overtraining, fj.OvertrainingOneCoefficient)
CORPORA = ("C4", "RedPajama", "RefinedWeb")
RMS = {
    fj.Overtraining: (0.027, 0.026, 0.024),
    fj.OvertrainingOneCoefficient: (0.039, 0.038, 0.036),
}


def plain(p, N, D):
    M, C = D / N, 6.0 * N * D
    return p["E"] + (p["a"] * M ** p["eta"] + p.get("b", p["a"]) * M ** -p["eta"]) * C ** -p["eta"]


@pytest.fixture(scope="module")
def runs(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "gadre_overtrain.csv")


@pytest.mark.parametrize("law", LAWS)
def test_recovers_the_parameters(law: type[fj.Law]) -> None:
    known = {name: KNOWN[name] for name in law.parameter_names()}
    N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e7, 1e9, 5), np.geomspace(1e9, 1e11, 6)))
    fit = fj.fit(law, {"N": N, "D": D, "loss": plain(known, N, D)})
    assert fit.diagnostics.fraction_at_best() > 0.9
    for name, value in known.items():
        assert fit.law.parameters()[name] == pytest.approx(value, rel=1e-6)


def test_is_chinchilla_with_equal_exponents() -> None:
    six = 6.0**-0.12
    same = fj.Chinchilla(E=1.5, A=140.0 * six, B=190.0 * six, alpha=0.24, beta=0.24)
    assert float(fj.Overtraining(**KNOWN)(4e8, 1e11)) == pytest.approx(
        float(same(4e8, 1e11)), rel=1e-6
    )


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("at", range(3))
def test_the_runs_of_its_authors(runs: pd.DataFrame, law: type[fj.Law], at: int) -> None:
    own = runs[runs["corpus"] == CORPORA[at]]
    N, D, observed = (own[name].to_numpy() for name in ("N", "D", "loss"))
    fit = fj.fit(law, own)
    assert fit.diagnostics.fraction_at_best() > 0.9
    squares = float(fj.Objective().value(fit.predict(N, D), observed))
    best = best_of_scipy(fit, lambda p: np.log(plain(p, N, D) / observed))
    assert squares == pytest.approx(best, rel=1e-8)
    assert round(np.sqrt(2 * squares / len(own)), 3) == RMS[law][at]


def test_the_largest_runs_follow_from_the_small(runs: pd.DataFrame) -> None:
    own = runs[runs["corpus"] == "RedPajama"]
    small, large = own[own["N"] < 1e9], own[own["N"] > 1e9]
    errors = {}
    for law in (fj.Overtraining, fj.Chinchilla):
        fit = fj.fit(law, small, fj.LeastSquares("huber"))
        errors[law] = np.abs(fit.predict(large["N"], large["D"]) / large["loss"] - 1.0).max()
    assert errors[fj.Overtraining] < 0.005 < 0.02 < errors[fj.Chinchilla]


def test_authors_minimise_squares_of_the_loss(runs: pd.DataFrame) -> None:
    own = runs[runs["corpus"] == "C4"]
    N, D, observed = (own[name].to_numpy() for name in ("N", "D", "loss"))
    fit = fj.fit(fj.Overtraining, own, fj.published_method(fj.Overtraining))
    best = best_of_scipy(fit, lambda p: plain(p, N, D) - observed)
    assert np.sum((fit.predict(N, D) - observed) ** 2) / 2 == pytest.approx(best, rel=1e-8)


def test_allocates_like_any_law_of_N_and_D() -> None:
    N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e7, 1e9, 5), np.geomspace(1e9, 1e11, 6)))
    fit = fj.fit(fj.Overtraining, {"N": N, "D": D, "loss": plain(KNOWN, N, D)})
    ratio = fj.allocate(fit, 1e20).tokens_per_parameter[0]
    assert ratio == pytest.approx((190.0 / 140.0) ** (1 / 0.24), rel=1e-5)  # a·M^η = b·M^(−η)


def test_the_shell(folder: Path) -> None:
    N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e7, 1e9, 5), np.geomspace(1e9, 1e11, 6)))
    table = {"params": N, "tokens": D, "loss": plain(KNOWN, N, D)}
    pd.DataFrame(table).to_csv("runs.csv", index=False)
    done = farseer("fit", "runs.csv", "--law", "overtraining", "--json", "fit.json")
    assert done.exit_code == 0, done.stderr
    assert fj.Fit.from_json("fit.json").law.parameters()["eta"] == pytest.approx(0.12)
