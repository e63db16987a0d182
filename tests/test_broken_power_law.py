"""Broken power laws: recovery, SciPy, any input, files and pickles."""

import pickle
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest
from commands import farseer
from scipy_fits import best_of_scipy

import farseer_jax as fj
from farseer_jax.laws.registry import law_named

ONE = {"a": 0.5, "b": 4.0, "c0": 0.1, "c1": 0.8, "d1": 1e4, "f1": 0.2}
TWO = {
    "a": 0.2,
    "b": 4.0,
    "c0": 0.3,
    "c1": -0.25,
    "d1": 1e3,
    "f1": 0.2,
    "c2": 0.6,
    "d2": 1e6,
    "f2": 0.3,
}
X = np.geomspace(30, 3e8, 60)


def plain(p, x):
    y = p["b"] * x ** -p["c0"]
    for i in range(1, 3):
        if f"c{i}" in p:
            y = y * (1 + (x / p[f"d{i}"]) ** (1 / p[f"f{i}"])) ** (-p[f"c{i}"] * p[f"f{i}"])
    return p["a"] + y


@pytest.fixture(scope="module")
def noisy() -> fj.Fit:
    y = plain(ONE, X) * np.exp(0.01 * np.random.default_rng(0).standard_normal(60))
    return fj.fit(fj.BrokenPowerLaw, {"x": X, "loss": y})


def test_recovers_one_break() -> None:
    fit = fj.fit(fj.BrokenPowerLaw, {"x": X, "loss": plain(ONE, X)})
    assert fit.diagnostics.fraction_at_best() > 0.3
    for name, value in ONE.items():
        assert fit.law.parameters()[name] == pytest.approx(value, rel=1e-5)


def test_recovers_two_breaks() -> None:
    fit = fj.fit(fj.broken_power_law(2), {"x": X, "loss": plain(TWO, X)})
    found = fit.law.parameters()
    assert np.allclose(fit.predict(x=X), plain(TWO, X), rtol=1e-7)
    assert sorted([found["d1"], found["d2"]]) == pytest.approx([1e3, 1e6], rel=1e-4)


def test_equals_the_best_of_scipy(noisy: fj.Fit) -> None:
    y = noisy.runs.loss
    best = best_of_scipy(noisy, lambda p: np.log(plain(p, X) / y))
    assert float(fj.Objective().value(noisy.predict(x=X), y)) == pytest.approx(best, rel=1e-8)


def test_without_breaks_it_is_a_power_law() -> None:
    law = fj.broken_power_law(0)
    fit = fj.fit(law, {"x": X, "loss": plain({"a": 0.3, "b": 5.0, "c0": 0.3}, X)})
    assert list(fit.law.parameters().values()) == pytest.approx([0.3, 5.0, 0.3], rel=1e-6)
    assert fj.broken_power_law(1) is fj.BrokenPowerLaw


def test_sharp_breaks_do_not_overflow() -> None:
    law = fj.BrokenPowerLaw(**{**ONE, "f1": 1e-4})
    with jax.enable_x64(True):
        corner = 0.5 + 4.0 * np.where(X < 1e4, X**-0.1, X**-0.9 * 1e4**0.8)
        assert np.allclose(law(X), corner, rtol=1e-3)


def test_any_input_and_a_response_that_rises() -> None:
    y = 0.1 + 0.02 * X**0.1 * (1 + (X / 1e5) ** 5) ** (0.2 * 0.1)  # an error that grows with x
    fit = fj.fit(fj.BrokenPowerLaw, {"N": X, "loss": y}, columns_of={"x": "N"})
    assert np.allclose(fit.predict(x=X), y, rtol=1e-5)


def test_files_and_pickles_keep_laws_of_several_breaks(tmp_path: Path) -> None:
    law = fj.broken_power_law(2)
    assert law_named("broken-power-law-2") is law
    assert pickle.loads(pickle.dumps(law)) is law
    assert type(pickle.loads(pickle.dumps(law(**TWO)))) is law
    fit = fj.fit(law, {"x": X, "loss": plain(TWO, X)}, fj.LeastSquares(num_starts=4))
    fit.to_json(tmp_path / "fit.json")
    again = fj.Fit.from_json(tmp_path / "fit.json")
    assert type(again.law) is law
    assert np.array_equal(again.predict(x=X), fit.predict(x=X))


@pytest.mark.parametrize("num", [-1, 10, 1.5, True, "two"])
def test_refuses_other_numbers_of_breaks(num: object) -> None:
    with pytest.raises(ValueError, match=r"num_breaks: expected a whole number from 0 to 9"):
        fj.broken_power_law(num)


def test_the_shell(folder: Path) -> None:
    pd.DataFrame({"tokens": X, "loss": plain(ONE, X)}).to_csv("runs.csv", index=False)
    for law in ("broken-power-law", "broken-power-law-2"):
        options = ("--law", law, "--input", "x=tokens", "--num-starts", 8, "--json", "fit.json")
        done = farseer("fit", "runs.csv", *options)
        assert done.exit_code == 0, done.stderr
        assert fj.Fit.from_json("fit.json").predict(x=1e5) == pytest.approx(
            plain(ONE, 1e5), rel=1e-3
        )
