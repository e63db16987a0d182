"""Laws of learning rate and batch size: recovery, the runs of Step Law, and SciPy."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest
from commands import farseer
from scipy_fits import best_of_scipy

import farseer_jax as fj
from farseer_jax.laws.catalogue.learning_rate_batch import lopsided

KNOWN = {
    "E": 1.7, "A": 400.0, "C": 410.0, "alpha": 0.34, "beta": 0.28,
    "c_lr": 1.79, "lr_N": -0.713, "lr_D": 0.307, "c_B": 0.58, "B_N": 0.1, "B_D": 0.5,
    "k_lr": 0.03, "k_B": 0.02,
}  # fmt: skip
LOPSIDED = {**KNOWN, "s_lr": 0.7, "s_B": -0.3, "lr_B": 0.3, "c_lr": 0.05}
ROBUST = fj.Objective(delta=4e-3)
TOKENS = 2048  # of a sequence in the runs of Step Law
MOST = 60  # runs of a cell that was searched for its best


def plain(p: Any, N: Any, D: Any, lr: Any, B: Any) -> np.ndarray:
    u = np.log(lr / (p["c_lr"] * N ** p["lr_N"] * D ** p["lr_D"]))
    v = np.log(B / (p["c_B"] * N ** p["B_N"] * D ** p["B_D"]))
    if "s_lr" in p:
        u = u - p["lr_B"] * np.log(B)
        u, v = bowl(u, p["s_lr"]), bowl(v, p["s_B"])
    else:
        u, v = u * u / 2, v * v / 2
    best = p["E"] + p["A"] / N ** p["alpha"] + p["C"] / D ** p["beta"]
    return np.asarray(best * (1 + p["k_lr"] * u + p["k_B"] * v))


def bowl(x: np.ndarray, s: float) -> np.ndarray:
    return (np.expm1(s * x) - s * x) / s**2


def simulated(law: type[fj.Law], known: dict[str, float]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    N, D = np.repeat([6e7, 2e8, 4e8, 1e9], 120), np.tile(np.repeat([2e9, 1e10, 5e10], 40), 4)
    lr, B = law(**known).optimum(N, D)
    columns = {"N": N, "D": D, "lr": np.asarray(lr) * np.exp(rng.uniform(-2, 2, 480))}
    columns["B"] = np.asarray(B) * np.exp(rng.uniform(-2, 2, 480))
    return {**columns, "loss": plain(known, **columns)}


@pytest.fixture(scope="module")
def runs(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "named_inputs" / "learning_rate_batch.csv")


@pytest.mark.parametrize(
    ("law", "known"),
    [(fj.LearningRateBatch, KNOWN), (fj.AsymmetricLearningRateBatch, LOPSIDED)],
)
def test_recovers_the_parameters(law: type[fj.Law], known: dict[str, float]) -> None:
    fit = fj.fit(law, simulated(law, known), fj.LeastSquares(num_starts=8))
    assert fit.diagnostics.fraction_at_best() > 0.8
    for name, value in known.items():
        assert fit.law.parameters()[name] == pytest.approx(value, rel=1e-4), name


def test_the_bowls_are_smooth_through_symmetry() -> None:
    with jax.enable_x64(True):
        for s in (-2.0, -0.3, -1e-9, 0.0, 1e-4, 0.0249, 0.0251, 0.7, 3.0):
            x = np.array([-3.0, -2.0, 0.0, 2.0, 3.0])
            expected = bowl(x, s) if abs(s) > 1e-2 else x**2 / 2 + s * x**3 / 6
            assert np.allclose(lopsided(x, s), expected, rtol=1e-7 if abs(s) <= 1e-2 else 1e-11)
            slope = float(jax.grad(lambda s: lopsided(2.0, s))(s))
            near = (lopsided(2.0, s + 1e-4) - lopsided(2.0, s - 1e-4)) / 2e-4
            assert slope == pytest.approx(float(near), rel=1e-5)


def test_asymmetric_bowls_nest_symmetric_ones() -> None:
    flat = fj.AsymmetricLearningRateBatch(**KNOWN, s_lr=0.0, s_B=0.0, lr_B=0.0)
    at = {"N": 1e9, "D": 1e11, "lr": 1e-3, "B": 2e6}
    assert float(flat(**at)) == pytest.approx(float(fj.LearningRateBatch(**KNOWN)(**at)))


def test_the_optimum_is_where_the_slopes_vanish() -> None:
    law = fj.AsymmetricLearningRateBatch(**LOPSIDED)
    with jax.enable_x64(True):
        lr, B = law.optimum(1e9, 1e11)
        slopes = jax.grad(lambda x: law.loss(1e9, 1e11, *np.e**x))(np.log([lr, B]))
        assert np.abs(slopes).max() < 1e-10
        best = fj.Chinchilla(1.7, 400.0, 410.0, 0.34, 0.28)(1e9, 1e11)
        assert float(law(1e9, 1e11, lr, B)) == pytest.approx(float(best), rel=1e-12)


def test_equals_the_best_of_scipy(runs: pd.DataFrame) -> None:
    fit = fj.fit(fj.LearningRateBatch, runs, fj.LeastSquares(ROBUST, num_starts=8))
    names = ("N", "D", "lr", "batch_size")
    N, D, lr, B = (runs[name].to_numpy() for name in names)
    observed = runs["loss"].to_numpy()
    best = best_of_scipy(
        fit,
        lambda p: np.log(plain(p, N, D, lr, B) / observed),
        ROBUST.delta,
        num_starts=2,
        spread=0.05,
    )
    own = float(ROBUST.value(fit.predict(N=N, D=D, lr=lr, B=B), observed))
    assert own <= best * (1.0 + 1e-8)
    assert own == pytest.approx(best, rel=1e-8)
    assert fit.law.E == 0.0  # the runs do not show an irreducible loss,
    assert fit.outcome.name == "bound_active"  # which the outcome says
    assert fit.diagnostics.fraction_at_best() > 0.9


@pytest.mark.parametrize(
    ("left_out", "symmetric", "asymmetric"), [("compute", 0.80, 0.92), ("tokens", 0.24, 0.69)]
)
def test_asymmetric_bowls_reach_further(
    runs: pd.DataFrame, left_out: str, symmetric: float, asymmetric: float
) -> None:
    C = runs["N"] * runs["D"]
    held_out = C > C.quantile(0.8) if left_out == "compute" else runs["D"] >= 8e10
    new = runs[held_out]
    for law, expected in (
        (fj.LearningRateBatch, symmetric),
        (fj.AsymmetricLearningRateBatch, asymmetric),
    ):
        fit = fj.fit(law, runs[~held_out], fj.LeastSquares(ROBUST, num_starts=2))
        predicted = fit.predict(N=new["N"], D=new["D"], lr=new["lr"], B=new["batch_size"])
        misses = np.sum((predicted - new["loss"]) ** 2)
        found = 1.0 - misses / np.sum((new["loss"] - new["loss"].mean()) ** 2)
        assert round(float(found), 2) == expected  # as the catalogue says


def best_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The best run of each cell of N and D that was searched."""
    cells = runs[runs.groupby(["N", "D"])["loss"].transform("size") > MOST].groupby(["N", "D"])
    best = runs.loc[cells["loss"].idxmin()]
    return best.assign(tokens=best["batch_size"] * TOKENS)


def test_step_law_and_the_best_of_each_cell(runs: pd.DataFrame) -> None:
    best = best_runs(runs)
    assert len(best) == 16
    fit = fj.fit(fj.OptimalHyperparameter, best, response="lr")
    design = np.column_stack([np.ones(16), np.log(best["N"]), np.log(best["D"])])
    ours = np.linalg.lstsq(design, np.log(best["lr"]), rcond=None)[0]
    assert [float(fit.law.a), float(fit.law.b)] == pytest.approx(ours[1:], rel=1e-8)
    assert np.round(ours[1:], 2).tolist() == [-0.82, 0.29]
    of_tokens = fj.fit(
        fj.OptimalHyperparameter, best, fj.LeastSquares(fixed={"a": 0.0}), response="tokens"
    )
    assert round(float(of_tokens.law.b), 2) == 0.53
    misses = {
        name: np.log(
            np.asarray(
                fj.OptimalHyperparameter.published(f"step-law {name}")(
                    best["N"].to_numpy(), best["D"].to_numpy()
                )
            )
            / best[column]
        )
        for name, column in (("learning rate", "lr"), ("batch size", "tokens"))
    }
    rms = {name: round(float(np.sqrt(np.mean(miss**2))), 2) for name, miss in misses.items()}
    assert rms == {"learning rate": 0.3, "batch size": 0.27}  # as the catalogue says


def test_deepseek_is_further_from_the_best(runs: pd.DataFrame) -> None:
    best = best_runs(runs)
    C = (6.0 * best["N"] * best["D"]).to_numpy()
    for name, column, expected in (("learning rate", "lr", 1.0), ("batch size", "tokens", 0.62)):
        law = fj.OptimalHyperparameterOfCompute.published(f"deepseek {name}")
        miss = np.log(np.asarray(law(C)) / best[column])
        assert round(float(np.sqrt(np.mean(miss**2))), 2) == expected


def test_the_shell(folder: Path) -> None:
    table = simulated(fj.LearningRateBatch, KNOWN)
    table["batch_size"] = table.pop("B")
    pd.DataFrame(table).to_csv("runs.csv", index=False)
    law = "learning-rate-batch"
    done = farseer("fit", "runs.csv", "--law", law, "--num-starts", 8, "--json", "fit.json")
    assert done.exit_code == 0, done.stderr
    assert fj.Fit.from_json("fit.json").law.parameters()["lr_D"] == pytest.approx(0.307, rel=1e-4)
