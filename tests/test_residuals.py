"""What residuals still hold: the paper's Fig. 5, tests that find patterns and nothing else."""

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from weighted_mean import fit_of

import farseer_jax as fj
from farseer_jax.diagnostics.whiteness import whiteness
from farseer_jax.plots import plot_residuals

LAW = fj.Chinchilla(E=1.7, A=400.0, B=410.0, alpha=0.34, beta=0.28)


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")


@pytest.fixture(scope="module")
def real(shared_data: Path) -> fj.ResidualDiagnostics:
    runs = fj.read_runs(shared_data / "farseer_404.csv").select(min_N=2e8)
    return fj.diagnose_residuals(fj.fit(fj.Farseer, runs))


def known(change: Any = None, noise: float = 5e-4, seed: int = 0) -> fj.Fit:
    """Runs of a known law, and the law as their fit; ``change`` multiplies their losses."""
    runs = fj.simulate(LAW, *fj.paper_grid(), noise=noise, seed=seed)
    if change is not None:
        runs = fj.Runs(runs.N, runs.D, runs.loss * change(runs))
    return fit_of(LAW, runs, fj.LeastSquares())


@pytest.fixture(scope="module")
def white() -> fj.ResidualDiagnostics:
    return fj.diagnose_residuals(known())


# The real runs


def test_the_papers_figure_5(real: fj.ResidualDiagnostics) -> None:
    """Scatter of O − G from 2.2e-3 at small N to 2e-4; G by U to about 0.1 %."""
    assert real.offset_rms[0] == pytest.approx(2.2e-3, abs=0.05e-3)
    assert real.offset_rms.min() == pytest.approx(2.3e-4, abs=0.05e-4)
    assert (real.offset_rms[-2:] < 3e-4).all()
    assert real.G.min() > 0.21
    assert np.abs(real.U / real.G - 1).mean() < 1.1e-3
    assert real.noise is not None
    assert real.noise.pooled == pytest.approx(4.6e-4, abs=0.1e-4)


def test_the_real_residuals_are_not_white(real: fj.ResidualDiagnostics) -> None:
    """The paper calls them white noise by eye: five times the noise, and alike in neighbours."""
    assert real.total_rms == pytest.approx(2.43e-3, abs=0.01e-3)
    assert real.noise is not None
    assert real.misfit > 5 * real.noise.pooled
    for test, ratio in ((real.against_D, 0.50), (real.against_N, 1.01)):
        assert test.mean_ratio == pytest.approx(ratio, abs=0.01)
        assert test.mean_p_value == 1 / 5000
    assert real.against_D.p_value[-1] > 0.1  # the largest size shows no pattern
    assert "along D, within each size: mean ratio 0.50 (white: 2), p < 0.0004" in str(real)
    assert len(real.outliers) == 1
    assert "row 1 (201 M, 2 B) -0.4" in str(real)  # 0.54 % above its neighbours


# Numbers by hand


def test_offsets_are_those_of_the_fits_own_stage_3(real: fj.ResidualDiagnostics) -> None:
    runs = fj.example_runs()
    fit = fj.fit(fj.Farseer, runs)
    found = fj.diagnose_residuals(fit)
    np.testing.assert_allclose(found.G, fit.diagnostics.G, rtol=1e-9)  # type: ignore[union-attr]
    expected = fit.diagnostics.residual_scatter  # type: ignore[union-attr]
    np.testing.assert_allclose(found.offset_rms, expected, rtol=1e-6)
    residual = np.log(np.asarray(fit.predict(runs.N, runs.D)) / runs.loss)
    np.testing.assert_allclose(found.residual, residual, rtol=1e-9, atol=1e-15)
    mine = runs.N == found.size[3]
    assert found.rms[3] == pytest.approx(np.sqrt(np.mean(residual[mine] ** 2)))
    assert found.mean[3] == pytest.approx(residual[mine].mean())


def test_the_ratio_and_its_probability_are_exact_for_few_runs() -> None:
    """Against all 720 orders of six values."""
    values = np.array([0.3, 0.1, 0.4, 0.2, 0.9, 0.7])
    ranks = np.argsort(np.argsort(values))

    def ratio(order: Any) -> float:
        order = np.asarray(order, dtype=float)
        return float(np.sum(np.diff(order) ** 2) / np.sum((order - order.mean()) ** 2))

    ratios = np.array([ratio(order) for order in itertools.permutations(range(6))])
    got = whiteness("D", values, np.ones(6), np.arange(6.0), seed=0)
    assert got.ratio[0] == pytest.approx(ratio(ranks), rel=1e-12)
    exact = np.mean(ratios <= ratio(ranks) * (1 + 1e-12))
    assert got.p_value[0] == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 4999))
    assert ratios.mean() == pytest.approx(2.0, rel=1e-12)


def test_probabilities_of_noise_are_uniform() -> None:
    """Of 200 groups of noise: neither too many small ones nor too few."""
    generator = np.random.default_rng(0)
    group, order = np.repeat(np.arange(200.0), 9), np.tile(np.arange(9.0), 200)
    p = whiteness("D", generator.standard_normal(1800), group, order, seed=1).p_value
    for level in (0.05, 0.25, 0.5, 0.75):
        assert np.mean(p <= level) == pytest.approx(level, abs=3.5 * np.sqrt(0.25 / 200))


@settings(max_examples=15)
@given(st.lists(st.integers(-50, 50), min_size=4, max_size=12), st.floats(0.1, 10.0))
def test_what_leaves_ranks_leaves_the_test(values: list[int], scale: float) -> None:
    residual = np.array(values, dtype=float)
    order, group = np.arange(len(values)) + 1.0, np.ones(len(values))
    one = whiteness("D", residual, group, order, seed=0)
    other = whiteness("D", scale * residual**3, group, order**2, seed=0)
    assert one.ratio.tolist() == other.ratio.tolist()
    assert one.p_value.tolist() == other.p_value.tolist()
    assert 0 < one.p_value[0] <= 1
    assert one.ratio[0] >= 0


# Simulated runs


def test_a_true_law_leaves_white_residuals(white: fj.ResidualDiagnostics) -> None:
    assert white.total_rms == pytest.approx(5e-4, rel=0.1)
    assert white.misfit < 2.5e-4
    assert white.against_D.mean_p_value > 0.01
    assert white.against_N.mean_p_value > 0.01
    assert "no significant pattern, at the level of 0.01" in str(white)


@pytest.mark.parametrize("along", ["N", "D"])
def test_a_pattern_is_found_along_the_variable_that_it_follows(along: str) -> None:
    """A wave of one SD of the noise in ln N or ln D, which the rms hardly shows."""

    def wave(runs: fj.Runs) -> np.ndarray:
        values = {"N": runs.N, "D": runs.D}[along]
        return np.exp(1e-3 * np.sin(1.2 * np.log(values)))

    found = fj.diagnose_residuals(known(wave))
    tests = {"N": found.against_N, "D": found.against_D}
    assert tests[along].mean_p_value < 0.001
    assert tests["D" if along == "N" else "N"].mean_p_value > 0.01


def test_an_outlier_is_named() -> None:
    def spoil(runs: fj.Runs) -> np.ndarray:
        return np.where(np.arange(len(runs)) == 200, 1.004, 1.0)

    found = fj.diagnose_residuals(known(spoil))
    assert found.row[found.outliers][0] == 200
    assert found.z_score[200] < -found.z_limit[200]
    assert "row 200 (" in str(found)


# Other laws, few runs, copies


def test_other_laws_have_residuals_only(white: fj.ResidualDiagnostics) -> None:
    runs = fj.example_runs()
    law = fj.Kaplan(N_c=1e13, D_c=1e13, alpha_N=0.08, alpha_D=0.1)
    found = fj.diagnose_residuals(fit_of(law, runs, fj.LeastSquares()))
    assert np.isnan(found.G).all()
    assert "G(N)" not in str(found)
    assert "G(N)" in str(white)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["sizes"][0]["G"] is None
    with pytest.raises(ValueError, match="the law 'kaplan' has no term U"):
        plot_residuals(found, "offsets")


def test_too_few_runs_to_test() -> None:
    runs = fj.Runs([1e8, 1e8, 2e8], [1e9, 2e9, 1e9], [3.6, 3.4, 3.1])
    found = fj.diagnose_residuals(fit_of(LAW, runs, fj.LeastSquares()))
    assert found.noise is None
    assert np.isnan(found.misfit)
    text = str(found)
    assert "these runs do not show their run-to-run noise" in text
    assert "along D: no test, no size has 4 runs" in text
    assert "along N: no test, no D has 4 runs" in text
    json.dumps(found.to_dict(), allow_nan=False)
    plot_residuals(found)


def test_copies_count_once_and_rows_stay() -> None:
    fit = known()
    runs = fit.runs
    twice = fj.Runs(*(np.append(v[:3], v) for v in (runs.N, runs.D, runs.loss)))
    found = fj.diagnose_residuals(fit_of(LAW, twice, fj.LeastSquares()))
    assert found.row.tolist() == [0, 1, 2, *range(6, len(runs) + 3)]
    np.testing.assert_array_equal(found.loss, runs.loss)


# What it gives


def test_what_it_gives(white: fj.ResidualDiagnostics) -> None:
    content = json.loads(json.dumps(white.to_dict(), allow_nan=False))
    assert len(content["runs"]) == 337
    assert len(content["sizes"]) == 21
    assert content["against_D"]["mean_p_value"] == white.against_D.mean_p_value
    table = white.to_dataframe()
    assert table["residual"].tolist() == [row["residual"] for row in content["runs"]]
    assert table.columns[0] == "row"


def test_rings_are_the_first_outliers_by_rank_and_not_the_largest_residuals(
    white: fj.ResidualDiagnostics,
) -> None:
    z = np.linspace(0.0, 8.0, len(white.row))
    ordered = np.argsort(-np.abs(white.residual))  # z is largest where residuals are smallest
    scores = np.empty_like(z)
    scores[ordered] = z
    found = replace(white, z_score=scores, z_limit=np.full(len(z), 7.0))
    axes = plot_residuals(found)
    rings = next(own for own in axes.collections if "outliers" in str(own.get_label()))
    num = int((scores > 7.0).sum())
    assert rings.get_label() == f"first 8 of {num} outliers"
    first = np.argsort(-scores)[:8]
    np.testing.assert_allclose(
        rings.get_offsets(), np.stack([white.N[first], 100 * white.residual[first]], axis=1)
    )
    assert {text.get_text() for text in axes.texts} <= {f"row {white.row[i]}" for i in first}
    assert axes.texts[0].get_text() == f"row {white.row[first[0]]}"


def test_figures(white: fj.ResidualDiagnostics) -> None:
    from matplotlib import pyplot as plt

    axes = plot_residuals(white)
    drawn = axes.collections[1].get_offsets()
    np.testing.assert_allclose(drawn[:, 0], white.N)
    np.testing.assert_allclose(drawn[:, 1], 100 * white.residual)
    _, own = plt.subplots()
    assert plot_residuals(white, "offsets", "D", ax=own) is own
    np.testing.assert_allclose(own.collections[-1].get_offsets()[:, 1], white.offset)
    axes = plot_residuals(white, "curve")
    N, U = np.asarray(axes.get_lines()[0].get_data())
    assert len(N) == 100  # a curve between few sizes is no polyline of theirs
    np.testing.assert_allclose(U[[0, -1]], white.U[[0, -1]])
    between = np.exp(np.interp(np.log(white.size), np.log(N), np.log(U)))
    np.testing.assert_allclose(between, white.U, rtol=1e-3)
    with pytest.raises(ValueError, match="view: unknown 'white'; choose from 'residuals'"):
        plot_residuals(white, "white")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="against: expected a numeric input"):
        plot_residuals(white, against="C")  # type: ignore[arg-type]
    plt.close("all")
