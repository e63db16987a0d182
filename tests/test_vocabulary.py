"""The vocabulary laws: formulas, recovery, the runs of Tao et al., and the shell."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import farseer
from scipy_fits import best_of_scipy

import farseer_jax as fj

KNOWN = {"E": 5.7, "A1": 480.0, "A2": 79.0, "B": 3000.0, "alpha1": 0.4, "alpha2": 0.7, "h": -0.3}
RAW = fj.Objective(residual="absolute", delta=1e-3)
WIDTHS = (512, 768, 768, 1024, 1536, 2048)  # of the six sizes


def simulated() -> dict[str, np.ndarray]:
    N, V, H = np.meshgrid(
        np.geomspace(3e7, 1e9, 5), np.geomspace(4e3, 6e4, 5), np.geomspace(1e9, 2e11, 6)
    )
    columns = {"N": N.ravel(), "V": V.ravel(), "characters": H.ravel()}
    return {**columns, "loss": plain(KNOWN, **columns)}


def plain(p, N, V, characters):
    data = p["B"] / (characters * V ** p["h"]) ** p["alpha1"]
    return p["A1"] / N ** p["alpha1"] + p["A2"] / V ** p["alpha2"] + data - p["E"]


@pytest.fixture(scope="module")
def runs(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "named_inputs" / "vocabulary.csv")


@pytest.fixture(scope="module")
def fitted(runs: pd.DataFrame) -> fj.Fit:
    return fj.fit(fj.Vocabulary, runs, fj.published_method(fj.Vocabulary))


def test_recovers_the_parameters() -> None:
    fit = fj.fit(fj.Vocabulary, simulated(), fj.LeastSquares(num_starts=16))
    assert fit.runs.link.name == "identity"  # the losses are negative
    assert fit.diagnostics.fraction_at_best() > 0.9
    for name, value in KNOWN.items():
        assert fit.law.parameters()[name] == pytest.approx(value, rel=1e-5)


def test_a_link_of_your_own_wins() -> None:
    with pytest.raises(ValueError, match="positive"):
        fj.fit(fj.Vocabulary, simulated(), link="log")


def test_equals_the_best_of_scipy(runs: pd.DataFrame, fitted: fj.Fit) -> None:
    N, V, H = (runs[name].to_numpy() for name in ("N_nonvocab", "V", "characters"))
    observed = runs["loss"].to_numpy()
    best = best_of_scipy(fitted, lambda p: plain(p, N, V, H) - observed, RAW.delta, num_starts=3)
    own = float(RAW.value(fitted.predict(N=N, V=V, characters=H), observed, link="identity"))
    assert own == pytest.approx(best, rel=1e-8)
    assert fitted.diagnostics.fraction_at_best() > 0.9
    assert fitted.law.h < -0.1  # larger vocabularies make fewer tokens


def test_the_largest_vocabularies_follow_from_the_others(runs: pd.DataFrame) -> None:
    held_out = runs["V"] >= 48_000
    fit = fj.fit(fj.Vocabulary, runs[~held_out], fj.LeastSquares(RAW, num_starts=16))
    new = runs[held_out]
    predicted = fit.predict(N=new["N_nonvocab"], V=new["V"], characters=new["characters"])
    assert r_squared(predicted, new["loss"]) > 0.98


def test_published_parameters_describe_the_runs(runs: pd.DataFrame) -> None:
    sizes = dict(zip(np.unique(runs["N_nonvocab"]), WIDTHS, strict=True))
    law = fj.VocabularyWidth.published()
    at = {"N": runs["N_nonvocab"], "V": runs["V"], "width": runs["N_nonvocab"].map(sizes)}
    predicted = np.asarray(
        law(**{k: v.to_numpy() for k, v in at.items()}, characters=runs["characters"].to_numpy())
    )
    errors = predicted - runs["loss"]
    assert round(float(np.sqrt(np.mean(errors**2))), 3) == 0.106  # as the docstring says
    assert round(r_squared(predicted, runs["loss"]), 3) == 0.982
    # with V itself in the authors' quadratic, instead of thousands
    right = fj.VocabularyWidth.published_parameters["Tao et al."]
    x = np.log(runs["V"])
    tokens = runs["characters"] * (0.00639222 * x**2 - 0.15811069 * x + 1.20470122)
    other = (
        right["A1"] / at["N"] ** right["alpha1"]
        + right["A2"] / (at["V"] * at["width"]) ** right["alpha2"]
        + right["B"] / tokens ** right["alpha1"]
        - right["E"]
    )
    assert round(float(np.sqrt(np.mean((other - runs["loss"]) ** 2))), 3) == 0.754


def test_the_width_is_found_by_usual_names() -> None:
    law = fj.VocabularyWidth.published()
    table = {"N": np.repeat([1e8, 3e8, 1e9], 6), "vocab_size": np.tile([8e3, 3e4], 9)}
    table |= {"d_model": np.repeat([512.0, 1024.0, 2048.0], 6)}
    table |= {"num_characters": np.tile([1e9, 1e10, 1e11], 6)}
    loss = np.asarray(law(*table.values()))
    fit = fj.fit(fj.VocabularyWidth, {**table, "loss": loss}, fj.LeastSquares(num_starts=16))
    predicted = fit.predict(N=2e9, V=5e4, width=2048, characters=1e12)
    assert predicted == pytest.approx(float(law(2e9, 5e4, 2048.0, 1e12)), abs=1e-4)


def test_the_shell_needs_no_options(folder: Path) -> None:
    pd.DataFrame(simulated()).rename(columns={"N": "N_nonvocab"}).to_csv("runs.csv", index=False)
    done = farseer(
        "fit", "runs.csv", "--law", "vocabulary", "--num-starts", 16, "--json", "fit.json"
    )
    assert done.exit_code == 0, done.stderr
    assert fj.Fit.from_json("fit.json").law.parameters()["E"] == pytest.approx(5.7, rel=1e-4)


def r_squared(predicted, observed) -> float:
    predicted, observed = np.asarray(predicted), np.asarray(observed)
    return 1.0 - float(
        np.sum((predicted - observed) ** 2) / np.sum((observed - observed.mean()) ** 2)
    )
