"""Two recipes by their paired runs: the difference, the winner, and how sure both are."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student

import farseer_jax as fj
from farseer_jax.decisions.recipe_difference import fit_difference
from farseer_jax.plots import plot_comparison
from farseer_jax.results.numbers import quantity_text

HYBRID = "kda-sig-hybrid-lowrank"
FAR = [(70e9, 15e12)]


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")


@pytest.fixture(scope="module")
def ladder(shared_data: Path) -> dict[str, fj.Runs]:
    """The runs of six recipes on one grid, in the same order."""
    import pandas as pd

    table = pd.read_csv(shared_data / "complexkda_ladder.csv").sort_values(["N", "D"])
    return {
        str(arm): fj.Runs.from_dataframe(rows.drop(columns="arm"))
        for arm, rows in table.groupby("arm")
    }


@pytest.fixture(scope="module")
def attention(ladder: dict[str, fj.Runs]) -> fj.RunComparison:
    return fj.compare_runs(ladder["attn"], ladder[HYBRID], FAR, names=("attention", "hybrid"))


def grid(num: int = 5) -> tuple[np.ndarray, np.ndarray]:
    sizes, tokens = np.geomspace(1e8, 2e9, num), np.geomspace(2e9, 5e10, 5)
    N, D = np.meshgrid(sizes, tokens, indexing="ij")
    return N.ravel(), D.ravel()


def tables(difference: Any, noise: float = 1e-3, seed: int = 0) -> tuple[fj.Runs, fj.Runs]:
    """Runs of two recipes on one grid, whose ln losses differ by a function of ln N and ln D."""
    N, D = grid()
    rng = np.random.default_rng(seed)
    base = 1.7 + 400.0 * N**-0.34 + 410.0 * D**-0.28
    y = difference(np.log(N / 1e9), np.log(D / 1e10)) + noise * rng.normal(size=len(N))
    return fj.Runs(N, D, base * np.exp(y)), fj.Runs(N, D, base)


class TestRealRuns:
    def test_the_winner_of_all_runs_is_the_winner(self, attention: fj.RunComparison) -> None:
        """Attention loses to the hybrid at 30 of 30 runs; two piecewise fits named it at 70 B."""
        assert attention.num_wins == (0, 30)
        assert attention.mean_difference == pytest.approx(0.0303, abs=1e-4)
        own = attention.at({"N": attention.points.N, "D": attention.points.D})
        assert own.winner == ("hybrid",) * 30
        np.testing.assert_allclose(own.difference, attention.points.difference, atol=0.005)

    def test_far_beyond_the_runs_it_is_undecided(self, attention: fj.RunComparison) -> None:
        far = attention.forecast
        assert far.winner == ("undecided",)
        assert far.lower[0] < -0.03 < 0.03 < far.upper[0]
        assert far.beyond[0] == pytest.approx(
            np.hypot(*np.log([70e9 / 1.713e9, 15e12 / 5e10])), 0.01
        )
        text = str(attention)
        assert "N = 70 B, D = 15 T: the winner is undecided" in text
        assert "attention is better at 0, hybrid at 30" in text
        assert "partners differ by up to 0.79%" in text
        (told,) = attention.warnings
        assert told.startswith("The runs do not decide the winner at N = 70 B, D = 15 T")

    def test_signs_of_the_larger_runs_from_the_smaller(self, ladder: dict[str, fj.Runs]) -> None:
        """All 15 pairs, fitted up to .7e9: two separate forecasts have a Brier score of .05."""
        square, sure, right = [], [], []
        for first, second in itertools.combinations(ladder, 2):
            a, b = ladder[first], ladder[second]
            far = a.N > 7e8
            found = fj.compare_runs(a.select(max_N=7e8), b.select(max_N=7e8))
            said = found.at({"N": a.N[far], "D": a.D[far]})
            won = a.loss[far] < b.loss[far]
            square += list((said.probability - won) ** 2)
            named = np.array(said.winner) != "undecided"
            sure += list(named)
            right += list((np.array(said.winner) == np.where(won, "A", "B"))[named])
        assert len(square) == 150
        assert np.mean(square) < 0.04
        assert sum(sure) > 100
        assert all(right)

    def test_swapped_recipes_give_the_mirror_image(
        self, ladder: dict[str, fj.Runs], attention: fj.RunComparison
    ) -> None:
        other = fj.compare_runs(ladder[HYBRID], ladder["attn"], FAR).forecast
        own = attention.forecast
        assert other.probability[0] == pytest.approx(1 - own.probability[0], abs=1e-6)
        assert other.difference[0] == pytest.approx(-own.difference[0] / (1 + own.difference[0]))
        assert other.lower[0] == pytest.approx(1 / (1 + own.upper[0]) - 1, rel=1e-6)

    def test_recipes_at_other_points_are_two_forecasts(self, ladder: dict[str, fj.Runs]) -> None:
        a, b = ladder["attn"], ladder[HYBRID]
        moved = fj.Runs(1.2 * b.N, b.D, b.loss)
        found = fj.compare_runs(a, moved, [(2e9, 5e10)])
        assert not found.paired
        assert np.isnan([found.noise, found.mean_difference]).all()
        one, other = (fj.forecast(runs, usual=False) for runs in (a, moved))
        expected = one.predict(2e9, 5e10) / other.predict(2e9, 5e10) - 1
        assert found.forecast.difference[0] == pytest.approx(expected, rel=1e-9)
        drawn = one.draws(2e9, 5e10, num=4000, seed=5) / other.draws(2e9, 5e10, num=4000, seed=6)
        low, high = np.quantile(drawn - 1, [0.05, 0.95])
        width = found.forecast.upper[0] - found.forecast.lower[0]
        assert width == pytest.approx(high - low, rel=0.1)
        assert found.forecast.probability[0] == pytest.approx((drawn < 1).mean(), abs=0.03)
        assert "taken as independent: train both at the same N and D" in found.warnings[0]
        assert "By separate forecasts from 30 and 30 runs" in str(found)


class TestModel:
    def test_a_plane_is_recovered(self) -> None:
        a, b = tables(lambda z, t: -0.01 + 0.004 * z - 0.002 * t)
        found = fj.compare_runs(a, b)
        assert found.noise == pytest.approx(1e-3, rel=0.5)
        at = found.at([(1e9, 1e10), (4e9, 1e11)])
        expected = np.expm1(-0.01 + 0.004 * np.log([1, 4]) - 0.002 * np.log([1, 10]))
        assert ((at.lower < expected) & (expected < at.upper)).all()
        assert at.difference[0] == pytest.approx(expected[0], abs=1e-3)
        assert at.winner[0] == "A"

    def test_it_is_the_regression_with_this_covariance(self) -> None:
        """Generalised least squares by plain NumPy, at the noise and weights that were found."""
        (N, D), rng = grid(), np.random.default_rng(1)
        y = 0.01 - 0.003 * np.log(N / 1e9) + 2e-3 * rng.normal(size=len(N))
        errors = fj.CorrelatedErrors()
        found = fit_difference(N, D, y, errors)
        laplace = found.stack.posteriors[0].laplace
        noise, weights = laplace.noise[0], laplace.weights[0]
        columns = errors.columns({"N": "positive", "D": "positive"}, {"N": N, "D": D})
        point = {"N": np.array([5e9]), "D": np.array([1e11])}
        own, there = columns.at({"N": N, "D": D}), columns.at(point)
        z, t = np.log(N), np.log(D)
        plane = np.stack([np.ones(len(N)), z - z.mean(), t - t.mean()])
        at = np.array([1.0, np.log(5e9) - z.mean(), np.log(1e11) - t.mean()])
        # precisions are those of the last round, in units of its noise
        prior = np.diag(1.0 / laplace.prior_precision[0])
        among = np.diag(1 / weights) + own.matrix @ own.matrix.T + plane.T @ prior @ plane
        cross = own.matrix @ there.matrix[0] + plane.T @ prior @ at
        left = there.size_left[0] + there.smooth_left[0]
        before = there.matrix[0] @ there.matrix[0] + left + at @ prior @ at
        mean = cross @ np.linalg.solve(among, y)
        variance = noise**2 * (before - cross @ np.linalg.solve(among, cross))
        got = found.at(point, 0.9)
        assert got.mean[0] == pytest.approx(mean, rel=1e-6)
        sd = found.stack.widening[0] * np.sqrt(variance)
        half = student.ppf(0.95, laplace.degrees[0]) * sd
        assert got.upper[0] - got.mean[0] == pytest.approx(half, rel=1e-5)
        assert got.probability[0] == pytest.approx(
            student.cdf(-mean / sd, laplace.degrees[0]), abs=1e-6
        )

    def test_calls_at_larger_sizes_are_as_often_right_as_they_say(self) -> None:
        """Simulated recipes: a plane, noise; 90 % intervals hold and sure calls are right."""
        rng, inside, wrong = np.random.default_rng(0), [], 0
        for seed in range(40):
            c, p, q = rng.normal(size=3) * [0.01, 0.002, 0.002]
            a, b = tables(lambda z, t, c=c, p=p, q=q: c + p * z + q * t, seed=seed)
            said = fj.compare_runs(a, b).at([(1e10, 1e11)])
            truth = np.expm1(c + p * np.log(10) + q * np.log(10))
            inside.append(said.lower[0] < truth < said.upper[0])
            wrong += said.winner[0] not in ("undecided", "A" if truth < 0 else "B")
        assert np.mean(inside) >= 0.9  # the model allows for a misfit that these do not have
        assert wrong <= 1

    def test_an_outlier_hardly_counts_and_is_named(self) -> None:
        a, b = tables(lambda z, t: -0.01 + 0 * z)
        loss = a.loss.copy()
        loss[7] *= 1.1
        found = fj.compare_runs(fj.Runs(a.N, a.D, loss), b)
        clean = fj.compare_runs(a, b)
        gap = found.forecast.difference - clean.forecast.difference
        assert np.abs(gap).max() < 0.004
        (told,) = [line for line in found.warnings if "far from the others" in line]
        assert told == (
            f"1 pair lies far from the others and has little weight: N {quantity_text(a.N[7])}, "
            f"D {quantity_text(a.D[7])} ({found.points.difference[7]:+.2%})"
        )

    def test_equal_recipes_are_undecided(self) -> None:
        runs = fj.example_runs()
        found = fj.compare_runs(runs, runs)
        np.testing.assert_allclose(found.forecast.probability, 0.5)
        assert set(found.forecast.winner) == {"undecided"}


class TestForms:
    def test_points_level_and_names(self) -> None:
        a, b = tables(lambda z, t: -0.01 + 0 * z)
        found = fj.compare_runs(a, b, [(1e9, 1e10), (2e9, 2e10)], names=("new", "old"), level=0.5)
        assert len(found.forecast.N) == 2
        wide = found.at(found.asked, level=0.9)
        assert (wide.lower < found.forecast.lower).all()
        assert (wide.upper > found.forecast.upper).all()
        assert "P(new wins)" in str(found)
        default = fj.compare_runs(a, b).forecast
        np.testing.assert_allclose(default.N * default.D / (a.N * a.D).max(), [1, 10, 100])
        np.testing.assert_allclose(default.D / default.N, (a.D / a.N)[np.argmax(a.N * a.D)])

    def test_tables_are_taken_too(self) -> None:
        a, b = tables(lambda z, t: -0.01 + 0 * z)
        found = fj.compare_runs(a.to_dataframe(), b.to_dataframe(), [(1e9, 1e10)])
        assert found.forecast.winner == fj.compare_runs(a, b, [(1e9, 1e10)]).forecast.winner

    def test_it_is_kept_in_json(self, tmp_path: Path) -> None:
        a, b = tables(lambda z, t: -0.01 + 0.001 * z)
        found = fj.compare_runs(a, b)
        found.to_json(tmp_path / "found.json")
        again = fj.RunComparison.from_json(tmp_path / "found.json")
        assert str(again) == str(found)
        assert again.to_dict() == found.to_dict()
        content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert content["forecast"][0]["winner"] == found.forecast.winner[0]
        assert len(content["points"]) == 25

    def test_the_map(self) -> None:
        import matplotlib.pyplot as plt

        a, b = tables(lambda z, t: -0.01 + 0.004 * z)
        axes = plot_comparison(fj.compare_runs(a, b, names=("new", "old")))
        assert axes.get_title("left") == "new against old"
        assert axes.get_xlim()[1] == pytest.approx(10 * a.N.max())
        labels = [text.get_text() for text in axes.figure.findobj(match=plt.Text)]
        assert "90 % certain" in labels
        assert "equal" in labels
        plt.close("all")

    def test_few_pairs_are_told(self) -> None:
        a, b = tables(lambda z, t: -0.01 + 0 * z)
        three = [own.select(mask=np.arange(len(own)) < 3) for own in (a, b)]
        found = fj.compare_runs(*three)
        assert found.paired
        assert "3 pairs of runs are few" in found.warnings[0]

    def test_refusals(self) -> None:
        a, b = tables(lambda z, t: -0.01 + 0 * z)
        with pytest.raises(TypeError, match="runs_b: expected Runs or a table, got the path"):
            fj.compare_runs(a, "runs.csv")
        with pytest.raises(ValueError, match="tolerance: expected a number in"):
            fj.compare_runs(a, b, tolerance=-1.0)
        with pytest.raises(ValueError, match="level"):
            fj.compare_runs(a, b, level=1.0)
        with pytest.raises(ValueError, match="two different names"):
            fj.compare_runs(a, b, names=("x", "x"))
        with pytest.raises(ValueError, match="they seem to be in different units"):
            fj.compare_runs(fj.Runs(a.N, a.D, 1.5 * a.loss), b)
        assert fj.compare_runs(fj.Runs(a.N, a.D, 1.5 * a.loss), b, comparable=True).num_wins[1] > 20
        with pytest.raises(ValueError, match="points"):
            fj.compare_runs(a, b, [(1e9,)])  # type: ignore[list-item]
        with pytest.raises(TypeError, match="compare tables of runs by compare_runs"):
            fj.compare_fits(a, b)
