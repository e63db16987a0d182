"""Laws of accuracy: recovery, SciPy, derivatives through a chain of laws, and the shell."""

import jax
import numpy as np
import pytest
from commands import farseer
from scipy.optimize import curve_fit

import farseer_jax as fj
from farseer_jax.laws.evaluate import evaluate

N, D = (x.ravel() for x in np.meshgrid([2e8, 4e8, 8e8, 1.6e9, 3.2e9], [5e9, 2e10, 8e10, 3e11]))
LOSS = 0.4 + 80.0 / N**0.28 + 130.0 / D**0.27
CEILING = fj.LeastSquares(fixed={"ceiling": 1.0})
KNOWN = [
    (fj.LogisticAccuracy(floor=0.25, ceiling=1.0, steepness=6.0, midpoint=0.9), "task_loss"),
    (fj.ExponentialAccuracy(epsilon=0.76, k=1.6, gamma=1.4), "task_loss"),
    (fj.ComputeAccuracy(floor=0.25, ceiling=1.0, C_half=3e21, exponent=0.5), "C"),
]


def logistic(loss: np.ndarray, floor: float, steepness: float, midpoint: float) -> np.ndarray:
    return np.asarray(floor + (1.0 - floor) / (1.0 + np.exp(steepness * (loss - midpoint))))


@pytest.mark.parametrize(("law", "name"), KNOWN, ids=lambda own: getattr(own, "name", own))
def test_known_parameters_are_recovered(law: fj.Law, name: str) -> None:
    x = LOSS if name == "task_loss" else 6.0 * N * D
    table = {name: x, "acc": evaluate(law, x)}
    method = CEILING if "ceiling" in law.parameters() else None
    found = fj.fit(type(law), table, method, response="acc")
    assert found.success
    for own, value in law.parameters().items():
        assert found.law.parameters()[own] == pytest.approx(value, rel=1e-6), own


def test_a_single_step_is_recovered() -> None:
    law = fj.SingleStepAccuracy(
        floor=0.25, ceiling=1.0, limit=3.0, N_scale=8e9, alpha=0.35, D_scale=9e10, beta=0.3
    )
    table = {"N": N, "D": D, "acc": evaluate(law, N, D)}
    found = fj.fit("single-step-accuracy", table, CEILING, response="acc")
    assert np.abs(evaluate(found.law, N, D) - table["acc"]).max() < 1e-9
    assert float(found.law.alpha) == pytest.approx(0.35, rel=1e-4)


def test_the_fit_is_that_of_scipy() -> None:
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(LOSS))
    accuracy = logistic(LOSS, 0.25, 6.0, 0.9) + noise
    table = {"task_loss": LOSS, "acc": accuracy}
    found = fj.fit("logistic-accuracy", table, CEILING, response="acc").law.parameters()
    options = {"p0": (0.25, 6.0, 0.9), "xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
    scipy, _ = curve_fit(logistic, LOSS, accuracy, **options)
    ours = [found[name] for name in ("floor", "steepness", "midpoint")]
    np.testing.assert_allclose(ours, scipy, rtol=1e-8)


def test_derivatives_go_through_both_laws() -> None:
    first = fj.Chinchilla(E=0.4, A=80.0, B=130.0, alpha=0.28, beta=0.27)
    second = KNOWN[0][0]
    with jax.enable_x64(True):
        slope = jax.grad(lambda size: second(task_loss=first(N=size, D=1e11)))(1e9)
        ends = [float(second(task_loss=first(N=1e9 + side, D=1e11))) for side in (1e3, -1e3)]
    assert float(slope) == pytest.approx((ends[0] - ends[1]) / 2e3, rel=1e-6)
    assert float(slope) > 0.0


def test_columns_with_other_names_and_the_shell(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    frame = fj.example_tasks()
    lines = [",".join(("easy_bpb", "easy_acc"))]
    lines += [f"{x!r},{y!r}" for x, y in zip(frame["easy_bpb"], frame["easy_acc"], strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(lines).replace("np.float64(", "").replace(")", ""))
    words = "fit t.csv --law logistic-accuracy --response easy_acc --fix ceiling=1"
    done = farseer(*words.split(), "--input", "task_loss=easy_bpb", "--json", "f.json")
    assert done.exit_code == 0, done.stderr
    found = fj.Fit.from_json("f.json")
    own = fj.fit(
        "logistic-accuracy", frame, CEILING, response="easy_acc",
        columns_of={"task_loss": "easy_bpb"},
    )  # fmt: skip
    assert found.law.parameters() == pytest.approx(own.law.parameters(), rel=1e-6)
    assert found.runs.link.name == "identity"
