"""Allocations and suggested runs by a forecast: optima, intervals, and variances with new runs."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import farseer_jax as fj
from farseer_jax.decisions.curve_minima import minima
from farseer_jax.decisions.forecast_optima import containing
from farseer_jax.decisions.forecast_surface import ForecastSurface
from farseer_jax.decisions.posterior_variance import PosteriorVariance, posterior_variance
from farseer_jax.forecasting.fit_stack import fit_stack
from farseer_jax.forecasting.stack import Stack

LAW = fj.Chinchilla(1.69, 406.4, 410.7, 0.34, 0.28)
BUDGETS = 10.0 ** np.arange(19, 26)
TARGET = (2e10, 4e11)


def runs_of(law: fj.Law, seed: int = 0, num_sizes: int = 5) -> fj.Runs:
    sizes = 2e8 * 2.0 ** np.arange(num_sizes)
    N, D = (x.ravel() for x in np.meshgrid(sizes, 2e9 * 2.0 ** np.arange(6)))
    return fj.simulate(law, N, D, noise=5e-4, seed=seed)


@pytest.fixture(scope="module")
def answer() -> fj.Forecast:
    return fj.forecast(runs_of(LAW), [TARGET], usual=False)


@pytest.fixture(scope="module")
def found(answer: fj.Forecast) -> fj.Allocation:
    return fj.allocate(answer, BUDGETS)


def holds(found: fj.Allocation) -> np.ndarray:
    """Whether each interval holds its estimate."""
    assert found.intervals is not None
    own = found.intervals.values()
    return np.array([(one.lower <= one.estimate) & (one.estimate <= one.upper) for one in own])


class TestMinima:
    def test_the_parabola_is_exact_and_the_lowest_counts(self) -> None:
        x = np.arange(40.0)
        best = minima((x - 17.3)[None] ** 2, low_counts=False, high_counts=False)
        np.testing.assert_allclose(best.position, 17.3, rtol=1e-12)
        two = np.minimum((x - 8.0) ** 2, (x - 30.0) ** 2 - 1.0)[None]
        assert minima(two, low_counts=False, high_counts=False).position[0] == pytest.approx(30.0)

    @pytest.mark.parametrize("counts", [False, True])
    def test_without_one_it_is_the_lower_end(self, counts: bool) -> None:
        x = np.arange(5.0)
        both = minima(np.stack([x, -x]), low_counts=counts, high_counts=counts)
        assert both.position.tolist() == [0.0, 4.0]
        assert both.found.tolist() == [counts, counts]

    def test_an_interval_holds_its_estimate_and_its_share_of_draws(self) -> None:
        draws = np.random.default_rng(0).normal(size=2000)
        for estimate in (-3.0, -1.9, 0.0, 1.7, 2.5):
            low, high = containing(draws, estimate, 0.9)
            assert low <= estimate <= high
            assert np.mean((draws >= low) & (draws <= high)) == pytest.approx(0.9, abs=2e-3)


class TestAllocation:
    def test_the_optimum_is_scipys(self, answer: fj.Forecast, found: fj.Allocation) -> None:
        surface = ForecastSurface(answer.stack, answer.runs.link)

        def loss(u: float, C: float) -> float:
            log_N = np.array([0.5 * (np.log(C / 6.0) - u)])
            return float(surface.mean(log_N, log_N + u)[0])

        for row in (0, 3):
            C, u = BUDGETS[row], np.log(found.tokens_per_parameter[row])
            best = minimize_scalar(loss, bounds=(u - 0.7, u + 0.7), args=(C,), method="bounded")
            assert found.tokens_per_parameter[row] == pytest.approx(np.exp(best.x), rel=1e-3)
            assert found.loss[row] == pytest.approx(np.exp(best.fun), rel=1e-8)
        np.testing.assert_allclose(6.0 * found.N * found.D, BUDGETS, rtol=1e-9)
        assert (found.excess_at_20 >= 0.0).all()

    def test_it_is_that_of_the_law_near_the_runs_and_vague_far_away(
        self, found: fj.Allocation
    ) -> None:
        truth = fj.allocate(LAW, BUDGETS)
        np.testing.assert_allclose(np.log(found.N / truth.N)[:3], 0.0, atol=0.1)
        assert found.intervals is not None
        own = found.intervals["N"]
        assert ((own.lower < truth.N) & (truth.N < own.upper)).all()
        width = np.log(own.upper / own.lower)
        assert (np.diff(width[2:]) > 0.0).all()
        assert "the optimal D/N is poorly determined at" in found.warnings[1]
        assert "`farseer suggest`" in found.warnings[1]

    @pytest.mark.parametrize("seed", range(2))
    @pytest.mark.parametrize("law", [LAW, fj.example_law()], ids=["chinchilla", "farseer"])
    def test_estimates_lie_in_their_intervals(self, law: fj.Law, seed: int) -> None:
        source = fj.forecast(runs_of(law, seed), usual=False)
        for level in (0.5, 0.9):
            many = fj.allocate(source, np.geomspace(1e18, 1e27, 13), level=level)
            known = np.isfinite(many.N)
            assert holds(many)[:, known].all()

    def test_intervals_of_N_D_and_ratio_are_one(self, found: fj.Allocation) -> None:
        assert found.intervals is not None
        N, D, ratio = (found.intervals[name] for name in ("N", "D", "tokens per parameter"))
        np.testing.assert_allclose(N.lower * D.upper * 6.0, BUDGETS, rtol=1e-9)
        np.testing.assert_allclose(D.upper / N.lower, ratio.upper, rtol=1e-9)

    def test_exponents_are_slopes(self, answer: fj.Forecast, found: fj.Allocation) -> None:
        near = fj.allocate(answer, BUDGETS[:4] * np.exp(0.02))
        for name in ("N", "D", "loss"):
            slope = np.log(getattr(near, name) / getattr(found, name)[:4]) / 0.02
            np.testing.assert_allclose(getattr(found, f"exponent_{name}")[:4], slope, atol=0.02)

    def test_limits(self, answer: fj.Forecast, found: fj.Allocation) -> None:
        limited = fj.allocate(answer, BUDGETS, max_N=1e9, max_D=1e12)
        assert limited.limited_by[0] == ""
        assert limited.N[0] == pytest.approx(found.N[0], rel=1e-4)
        assert limited.limited_by[-3:] == ("N and D",) * 3
        assert limited.N[2:].max() <= 1e9 * (1 + 1e-9)
        assert holds(limited).all()
        assert limited.intervals is not None
        assert limited.intervals["N"].upper.max() <= 1e9 * (1 + 1e-9)
        with pytest.raises(ValueError, match="level must lie between 0 and 1"):
            fj.allocate(answer, 1e20, level=1.0)

    def test_other_costs_and_inference(self, answer: fj.Forecast) -> None:
        cost = fj.TransformerFLOPs.paper()
        spent = fj.allocate(answer, BUDGETS[1:5], flops=cost, tokens_served=1e12)
        np.testing.assert_allclose(spent.training + spent.inference, BUDGETS[1:5], rtol=1e-5)
        assert holds(spent).all()

    def test_the_least_budget_for_a_loss_has_it(
        self, answer: fj.Forecast, found: fj.Allocation
    ) -> None:
        cheapest = fj.allocate(answer, loss=found.loss[1:3])
        np.testing.assert_allclose(cheapest.compute, BUDGETS[1:3], rtol=1e-4)
        np.testing.assert_allclose(cheapest.loss, found.loss[1:3], rtol=1e-8)

    def test_runs_that_show_no_optimum(self) -> None:
        """Data do not help: the loss falls up to the largest N."""
        law = fj.Chinchilla(1.69, 406.4, 1e-9, 0.34, 0.28)
        own = fj.forecast(runs_of(law), law=fj.Chinchilla, usual=False)
        nothing = fj.allocate(own, [1e21])
        assert np.isnan(nothing.N).all()
        assert "Set max_N= or max_D=" in nothing.warnings[0]

    def test_an_own_law_and_a_law_of_other_inputs(self) -> None:
        own = fj.forecast(runs_of(LAW, num_sizes=8), law=fj.Chinchilla, usual=False)
        ratio = fj.allocate(own, [1e20]).tokens_per_parameter
        np.testing.assert_allclose(ratio, fj.allocate(LAW, 1e20).tokens_per_parameter, rtol=0.15)
        other = fj.forecast(own.runs, law="E + A/N**alpha", usual=False)
        with pytest.raises(ValueError, match="allocate needs a law over N and D"):
            fj.allocate(other, 1e20)

    def test_kinds_are_a_bootstraps(self, answer: fj.Forecast) -> None:
        with pytest.raises(ValueError, match="kind: only a bootstrap has kinds"):
            fj.allocate(answer, 1e20, kind="percentile")

    def test_text_and_file(self, found: fj.Allocation) -> None:
        text = str(found)
        assert text.startswith("Forecast, 30 runs: lowest loss for C = 6 N D")
        assert "90 % interval: optima of 400 joint draws" in text
        assert str(fj.Allocation.from_json(found.to_json())) == text
        assert found.level == 0.9

    def test_the_papers_runs(self, shared_data: Path) -> None:
        """Its isoFLOP optimum at 1e21 is 29 tokens per parameter; at 1e25 no one knows."""
        runs = fj.read_runs(shared_data / "farseer_404.csv").select(min_N=2e8)
        own = fj.allocate(fj.forecast(runs, usual=False), [1e21, 1e25])
        assert own.intervals is not None
        ends = own.intervals["tokens per parameter"]
        assert ends.lower[0] < 29.0 < ends.upper[0] < 1.5 * ends.lower[0]
        assert ends.upper[1] > 10.0 * ends.lower[1]


Points = dict[str, np.ndarray]
NONE: Points = {"N": np.zeros(0), "D": np.zeros(0)}


def points(*rows: tuple[float, float]) -> Points:
    return dict(zip("ND", np.array(rows).T, strict=True))


def take(own: Points, rows: list[int]) -> Points:
    return {name: values[rows] for name, values in own.items()}


class TestVariance:
    candidates = points((6.4e9, 4e9), (6.4e9, 6.4e10), (8e8, 2e11))
    at = points(TARGET)

    def of(self, answer: fj.Forecast, *more: Points) -> PosteriorVariance:
        return posterior_variance(answer.stack, 1.0, *more)

    def test_now_it_is_that_of_the_forecast(self, answer: fj.Forecast) -> None:
        at = points(TARGET, (8e8, 3e10))
        nothing = np.zeros((1, 3), dtype=bool)
        own = self.of(answer, self.candidates, NONE, at, NONE).of(nothing)[0]
        np.testing.assert_allclose(own, answer.stack.moments(at).variance, rtol=1e-5)

    @pytest.mark.parametrize("chosen", [[0], [1], [0, 1], [0, 1, 2]])
    def test_with_new_runs_it_is_that_of_a_refit(
        self, answer: fj.Forecast, chosen: list[int]
    ) -> None:
        rows = np.isin(np.arange(3), chosen)[None]
        own = self.of(answer, self.candidates, NONE, self.at, NONE).of(rows)[0]
        new, runs = take(self.candidates, chosen), answer.runs
        losses = np.append(runs.loss, answer.predict(**new))
        more = fj.Runs(np.append(runs.N, new["N"]), np.append(runs.D, new["D"]), losses)
        refit = fit_stack(more, None, answer.errors, answer.method).stack
        same = Stack(refit.posteriors, answer.stack.shares, answer.stack.widening)
        expected = same.moments(self.at).variance
        # the refit's noise, weights and linearisation differ a little
        np.testing.assert_allclose(np.sqrt(own), np.sqrt(expected), rtol=0.05)

    def test_runs_in_progress_are_runs_that_are_always_there(self, answer: fj.Forecast) -> None:
        whole = self.of(answer, self.candidates, NONE, self.at, NONE)
        first, rest = take(self.candidates, [0]), take(self.candidates, [1, 2])
        part = self.of(answer, rest, first, self.at, NONE)
        chosen = np.array([[True, False, True], [True, False, False]])
        np.testing.assert_allclose(part.of(chosen[:, 1:]), whole.of(chosen), rtol=1e-6)

    def test_more_runs_never_harm(self, answer: fj.Forecast) -> None:
        own = replace(
            answer,
            members=tuple(
                replace(member, share=float(i == 0)) for i, member in enumerate(answer.members)
            ),
        )
        rows = np.tri(4, 3, -1, dtype=bool)
        variance = self.of(own, self.candidates, NONE, self.at, NONE).of(rows)[:, 0]
        assert all(after <= before * (1 + 1e-12) for before, after in pairwise(variance))

    def test_the_optimal_ratio_is_that_of_the_draws(
        self, answer: fj.Forecast, found: fj.Allocation
    ) -> None:
        best = {"N": found.N[2:4], "D": found.D[2:4]}
        variance = self.of(answer, self.candidates, NONE, NONE, best)
        own = variance.of(np.zeros((1, 3), dtype=bool))[0]
        assert found.intervals is not None
        ends = found.intervals["tokens per parameter"]
        half = 0.5 * np.log(ends.upper / ends.lower)[2:4]
        np.testing.assert_allclose(1.7 * np.sqrt(own), half, rtol=0.3)


class TestSuggestions:
    def test_the_interval_now_is_the_forecasts(self, answer: fj.Forecast) -> None:
        found = fj.suggest_runs(answer, TARGET, budget=1e22)
        (target,) = found.targets
        np.testing.assert_allclose(target.before, answer.interval(*TARGET), rtol=1e-6)
        assert target.predicted == answer.predict(*TARGET)
        assert np.diff(target.after) < 0.5 * np.diff(target.before)
        assert found.standard_error_after[-1] < 0.5 * found.standard_error_now
        assert found.spent <= found.budget
        wide = fj.suggest_runs(answer, TARGET, budget=1e22, level=0.99)
        assert np.diff(wide.targets[0].before) > np.diff(target.before)

    def test_suggested_runs_are_worth_more_than_others_of_their_price(
        self, answer: fj.Forecast
    ) -> None:
        N, D = (x.ravel() for x in np.meshgrid([8e8, 3.2e9, 6.4e9], 2e9 * 2.0 ** np.arange(6)))
        found = fj.suggest_runs(answer, TARGET, (N, D), budget=2e21)
        variance = posterior_variance(
            answer.stack, 1.0, {"N": N, "D": D}, NONE, points(TARGET), NONE
        )
        rng, cost = np.random.default_rng(0), 6.0 * N * D
        for _ in range(50):
            order = rng.permutation(len(N))
            row = np.zeros((1, len(N)), dtype=bool)
            row[0, order[np.cumsum(cost[order]) <= 2e21]] = True
            assert found.standard_error_after[-1] <= 1.05 * np.sqrt(variance.of(row)[0, 0])

    def test_losses_and_splits(self, answer: fj.Forecast) -> None:
        found = fj.suggest_runs(answer, TARGET, budget=1e21, compute=[1e22])
        (split,) = found.splits
        best = fj.allocate(answer, 1e22)
        assert split.tokens_per_parameter == pytest.approx(best.tokens_per_parameter[0])
        assert split.before[0] < split.after[0] < split.tokens_per_parameter < split.after[1]
        text = str(found)
        assert text.startswith("Forecast, 30 runs: ")
        assert "new runs are assumed to lie on the predicted mean" in text
        assert str(fj.Suggestions.from_json(found.to_json())) == text

    def test_splits_without_an_optimum_are_refused(self) -> None:
        law = fj.Chinchilla(1.69, 406.4, 1e-9, 0.34, 0.28)
        own = fj.forecast(runs_of(law), law=fj.Chinchilla, usual=False)
        with pytest.raises(ValueError, match="the law has no interior optimum"):
            fj.suggest_runs(own, compute=1e21, budget=1e21)

    def test_responses_of_either_sign_have_errors_on_their_own_scale(self) -> None:
        runs = runs_of(LAW)
        scores = fj.Runs(runs.N, runs.D, -runs.loss, link="identity")
        own = fj.forecast(scores, law="-E - A/N**alpha - B/D**beta", usual=False)
        found = fj.suggest_runs(own, TARGET, budget=1e21)
        (target,) = found.targets
        np.testing.assert_allclose(target.before, own.interval(*TARGET), rtol=1e-6)
        assert target.before[0] < target.after[0] < target.predicted < 0.0
        assert "the response on the scale 'identity'" in str(found)
        assert "%" not in str(found).split("target ")[0]
