"""The published figures, from the authors' own runs (measured; the paper where it is named)."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from reference import Curve, distinct_runs, fit_reference, line

from farseer_jax import Farseer, Fit, Piecewise, Runs, fit, fit_batch, read_runs

# largest N fitted: bound, and the figure of a plain NumPy version as printed
HELD_OUT = {
    1.95e9: (6.3e-3, "6.03e-3"),
    2.8e9: (1.4e-3, "1.22e-3"),
    3.9e9: (8.5e-4, "8.37e-4"),
    4.6e9: (7.0e-4, "6.03e-4"),
    5.36e9: (5.5e-4, "5.28e-4"),
}


@pytest.fixture(scope="module")
def runs(shared_data: Path) -> Runs:
    """The paper's 21 sizes."""
    return read_runs(shared_data / "farseer_404.csv").select(min_N=2e8)


@pytest.fixture(scope="module")
def fitted(runs: Runs) -> Fit:
    """Up to 5.35 B, squared criterion."""
    return fit(Farseer, runs.select(max_N=5.36e9))


@pytest.fixture(scope="module")
def fitted_whole(runs: Runs) -> Fit:
    return fit(Farseer, runs)


def mean_error(N: np.ndarray, D: np.ndarray, loss: np.ndarray, predict: Any) -> float:
    """Mean relative error over distinct runs, by hand."""
    N, D, loss = distinct_runs(N, D, loss)
    return float(np.abs(predict(N, D) / loss - 1).mean())


def half_a_unit(printed: str) -> float:
    """Half of the last printed digit: 0.005e-3 of 6.03e-3."""
    mantissa, exponent = printed.split("e")
    return 0.5 * 10.0 ** (int(exponent) - len(mantissa.partition(".")[2]))


# The error on the 6.37 B runs, never fitted


@pytest.mark.parametrize("max_N", HELD_OUT)
def test_error_on_the_largest_size(runs: Runs, max_N: float) -> None:
    found = fit(Farseer, runs.select(max_N=max_N))
    held_out = runs.select(min_N=6e9)
    assert held_out.num_sizes == 1
    error = found.evaluate(held_out).mean_relative_error
    assert error == pytest.approx(
        mean_error(held_out.N, held_out.D, held_out.loss, found.predict), rel=1e-12
    )
    bound, printed = HELD_OUT[max_N]
    assert error <= bound
    tolerance = half_a_unit(printed)
    if max_N == 1.95e9:
        # printed with all steps of D taken as exactly √2 (6.025e-3); as they are: 6.024e-3
        tolerance *= 1.2
    assert abs(error - float(printed)) <= tolerance


def test_errors_on_the_largest_size_from_one_batch(runs: Runs) -> None:
    """Hold-outs by zero weights: the same five figures from one call."""
    weights = np.array([max_N >= runs.N for max_N in HELD_OUT], dtype=float)
    batch = fit_batch(Farseer, runs, weights=weights)
    held_out = runs.select(min_N=6e9)
    for row, max_N in enumerate(HELD_OUT):
        law_of_row = batch.law_at(row)
        with jax.enable_x64(True):
            error = mean_error(held_out.N, held_out.D, held_out.loss, law_of_row)
        alone = fit(Farseer, runs.select(max_N=max_N)).evaluate(held_out).mean_relative_error
        assert error == pytest.approx(alone, rel=1e-8)


def test_error_on_the_fitted_runs(fitted: Fit) -> None:
    runs = fitted.runs
    by_hand = mean_error(runs.N, runs.D, runs.loss, fitted.predict)
    assert fitted.mean_relative_error == pytest.approx(by_hand, rel=1e-10)
    assert fitted.mean_relative_error <= 1.9e-3
    assert fitted.mean_relative_error == pytest.approx(1.83e-3, abs=0.005e-3)


def test_errors_near_the_papers_own(runs: Runs) -> None:
    """Fig. 6: 6.01e-3 fitted up to 1.9 B, 5.87e-4 up to 5.4 B; ours are within a tenth."""
    held_out = runs.select(min_N=6e9)
    for max_N, published in ((1.95e9, 6.01e-3), (5.36e9, 5.87e-4)):
        found = fit(Farseer, runs.select(max_N=max_N))
        assert found.evaluate(held_out).mean_relative_error == pytest.approx(published, rel=0.11)


def test_counting_embeddings_predicts_clearly_worse(runs: Runs, fitted: Fit) -> None:
    """2.3e-3, and more than four times the error (paper, App. G)."""
    table = runs.to_dataframe()
    counted = Runs.from_dataframe(table, N="N_with_embedding")
    small, large = runs.N <= 5.36e9, runs.N > 6e9
    with_embeddings = fit(Farseer, counted.select(mask=small))
    error = with_embeddings.evaluate(counted.select(mask=large)).mean_relative_error
    assert error == pytest.approx(2.3e-3, abs=0.1e-3)
    assert error > 4 * fitted.evaluate(runs.select(mask=large)).mean_relative_error


def test_released_code(runs: Runs) -> None:
    """It fits the runs as well, predicts worse than the text's criterion, and says how much."""
    found = fit(Farseer, runs.select(max_N=5.36e9), Piecewise.released_code())
    held_out = runs.select(min_N=6e9)
    numbers = found.law.parameters()
    assert numbers["beta"] < 0
    assert numbers["a2"] > 0

    def equation_3(N: np.ndarray, D: np.ndarray) -> np.ndarray:
        A, B, U = (
            np.exp(numbers[f"a{i}"] * N ** numbers[p] + numbers[f"b{i}"])
            for i, p in ((1, "alpha"), (2, "beta"), (3, "gamma"))
        )
        return U + B * D**-A

    for part, reported in (
        (found.runs, found.mean_relative_error),
        (held_out, found.evaluate(held_out).mean_relative_error),
    ):
        assert reported == pytest.approx(
            mean_error(part.N, part.D, part.loss, equation_3), rel=1e-8
        )
    assert found.mean_relative_error <= 1.9e-3
    # the text's criterion, 5.28e-4 here, comes nearer the paper's 5.87e-4 than the code's does
    assert 5.87e-4 < found.evaluate(held_out).mean_relative_error < 1e-3


# Fig. 3: R² of the four log–log views


def test_first_view_from_the_diagnostics(fitted_whole: Fit) -> None:
    found = fitted_whole.diagnostics
    assert np.all(found.num_pairs >= 5)
    assert found.r_squared.mean() == pytest.approx(0.983, abs=0.0005)


def test_r_squared_of_the_four_views(runs: Runs) -> None:
    """0.983, 0.749, 0.855, 0.862 (paper: 0.9807, 0.7457, 0.8484, 0.8733).

    A slice is the differences at one N (or one D), of at least 5 pairs. √2 is a half octave of D
    and two neighbouring sizes of N; a difference along N stands at the middle of its two sizes.
    """
    N, D, loss = distinct_runs(runs.N, runs.D, runs.loss)
    sizes = np.unique(N)
    quarter_octave = np.round(4 * np.log2(D / 1e9)).astype(int)
    np.testing.assert_allclose(D, 1e9 * 2 ** (quarter_octave / 4), rtol=1e-3)
    table = dict(
        zip(zip(np.searchsorted(sizes, N), quarter_octave, strict=True), loss, strict=True)
    )

    def differences(size_step: int, D_step: int) -> np.ndarray:
        rows = [
            (i, k, np.log(sizes[i] * sizes[i + size_step]) / 2, k, table[i, k] - table[other])
            for i, k in table
            if (other := (i + size_step, k + D_step)) in table
        ]
        return np.array(rows)

    def mean_r_squared(rows: np.ndarray, held: int, x: int) -> float:
        assert np.all(rows[:, 4] > 0)
        slices = [rows[rows[:, held] == value] for value in np.unique(rows[:, held])]
        return float(
            np.mean(
                [
                    np.corrcoef(part[:, x], np.log(part[:, 4]))[0, 1] ** 2
                    for part in slices
                    if len(part) >= 5
                ]
            )
        )

    along_D, along_N = differences(0, 2), differences(2, 0)
    views = [
        mean_r_squared(along_D, held=0, x=3),
        mean_r_squared(along_D, held=1, x=2),
        mean_r_squared(along_N, held=0, x=3),
        mean_r_squared(along_N, held=1, x=2),
    ]
    np.testing.assert_allclose(views, [0.983, 0.749, 0.855, 0.862], rtol=0, atol=0.0005)
    np.testing.assert_allclose(views, [0.9807, 0.7457, 0.8484, 0.8733], rtol=0, atol=0.012)


# Tables 2 and 3: how well the curves follow A_N, B_N and G(N)


def test_table_2(fitted: Fit) -> None:
    """Mean relative errors of A(N) and of B(N) against A_N and B_N, added: 0.1125 in the paper.

    0.1129 for the curves of the fit. 0.1127 is that of the curves whose exponents make
    this very error least (the paper's table chooses between forms by it, before ℓ_R refines).
    """
    found, law = fitted.diagnostics, fitted.law

    def relative(curve: Any, values: np.ndarray) -> float:
        return float(np.abs(np.asarray(curve(found.N)) / values - 1).mean())

    of_the_fit = relative(law.A, found.A) + relative(law.B, found.B)
    assert of_the_fit == pytest.approx(0.1125, abs=0.0005)

    def best(values: np.ndarray) -> float:
        pivot = float(np.exp(np.log(found.N).mean()))
        candidates = np.arange(-500, 500) / 1000
        return min(relative(through(found.N, values, p, pivot), values) for p in candidates)

    assert best(found.A) + best(found.B) == pytest.approx(0.1127, abs=0.00005)


def through(sizes: np.ndarray, values: np.ndarray, p: float, pivot: float) -> Curve:
    z = np.log(sizes / pivot)
    level, slope = line(z if p == 0 else np.expm1(p * z) / p, np.log(values))
    return Curve(float(level), float(slope), p, pivot)


def test_table_3(fitted: Fit, fitted_whole: Fit) -> None:
    """Relative error of the curve through G(N): 0.0010, of a power law 0.0073–0.0090.

    The paper has 0.0011 and 0.0083.
    """
    power_law = []
    for found in (fitted, fitted_whole):
        N, G = found.diagnostics.N, found.diagnostics.G
        stretched = np.abs(np.asarray(found.law.U(N)) / G - 1).mean()
        assert stretched == pytest.approx(0.0010, abs=0.00005)
        straight = through(N, G, 0.0, 1e9)
        power_law.append(np.abs(straight(N) / G - 1).mean())
    np.testing.assert_allclose(power_law, [0.0073, 0.0089], rtol=0, atol=0.00005)
    assert power_law[0] < 0.0083 < power_law[1]


def test_figure_5(fitted_whole: Fit) -> None:
    """Scatter of O(N, D) about G(N): 2.2e-3 at the smallest size, falling to 2e-4."""
    N, scatter = fitted_whole.diagnostics.N, fitted_whole.diagnostics.residual_scatter
    assert scatter[0] == pytest.approx(2.2e-3, abs=0.05e-3)
    assert scatter.min() == pytest.approx(2e-4, abs=0.5e-4)
    assert np.argmin(scatter) >= len(N) - 3
    ranks = np.argsort(np.argsort(scatter))
    assert np.corrcoef(ranks, np.arange(len(N)))[0, 1] < -0.9
    # "negligible", says the paper, beside G(N) > 0.21
    assert np.all(scatter < 0.01 * fitted_whole.diagnostics.G)
    reference = fit_reference(fitted_whole.runs.N, fitted_whole.runs.D, fitted_whole.runs.loss)
    np.testing.assert_allclose(fitted_whole.diagnostics.G, reference.G, rtol=1e-8)
