"""Budgets split: the paper's figures, closed forms, SciPy's minima, limits, and what is refused."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from weighted_mean import WeightedMean, fit_of, mean_fit

import farseer_jax as fj
from farseer_jax import flops as _flops
from farseer_jax.fitting.fit_batch import BatchFit
from farseer_jax.plots import plot_allocation
from farseer_jax.uncertainty.draws import MemoryDraws

LAW = fj.Chinchilla(1.69, 406.4, 410.7, 0.34, 0.28)
BUDGETS = 10.0 ** np.arange(19, 27)
SERVED = 2e12


def loss(N: Any, D: Any) -> Any:
    """The law in plain NumPy."""
    return 1.69 + 406.4 / N**0.34 + 410.7 / D**0.28


def best_split(C: float, cost: Callable[[float, float], float]) -> tuple[float, float]:
    """The best N and D by SciPy: for each D/N the N that costs C, then a search over D/N."""

    def N_of(u: float) -> float:
        return np.exp(brentq(lambda x: np.log(cost(np.exp(x), np.exp(x + u)) / C), -5, 60))

    def loss_at(u: float) -> float:
        return float(loss(N_of(u), N_of(u) * np.exp(u)))

    u = minimize_scalar(loss_at, bounds=(0.0, 11.0), method="bounded", options={"xatol": 1e-9}).x
    return N_of(u), N_of(u) * np.exp(u)


@pytest.fixture(scope="module")
def plain() -> fj.Allocation:
    return fj.allocate(LAW, BUDGETS)


@pytest.fixture(scope="module")
def served() -> fj.Allocation:
    return fj.allocate(LAW, BUDGETS, tokens_served=SERVED)


@pytest.fixture(scope="module")
def limited() -> fj.Allocation:
    return fj.allocate(LAW, BUDGETS, max_N=1e9, max_D=1e12)


@pytest.fixture(scope="module")
def real_fit(shared_data: Path) -> fj.Fit:
    """Of sizes up to 6.37 B."""
    return fj.fit(fj.Farseer, fj.read_runs(shared_data / "farseer_404.csv").select(min_N=2e8))


@pytest.fixture(scope="module")
def real(real_fit: fj.Fit) -> fj.Allocation:
    return fj.allocate(real_fit, [1e20, 1e21, 1e22, 1e23])


class TestRealRuns:
    def test_tokens_per_parameter_are_the_papers(self, real: fj.Allocation) -> None:
        expected = [23.95, 25.75, 41.78, 93.38]
        np.testing.assert_allclose(real.tokens_per_parameter, expected, rtol=2e-4)

    def test_the_largest_lies_outside_the_runs(self, real: fj.Allocation) -> None:
        assert real.inside_data is not None
        assert real.inside_data.tolist() == [True, True, False, False]
        (sentence,) = real.warnings
        assert sentence.startswith("2 of 4 optima lie outside the runs: ")
        assert str(real).endswith(f"warning: {sentence}")

    def test_twenty_costs_more_and_more(self, real_fit: fj.Fit, real: fj.Allocation) -> None:
        assert (np.diff(real.excess_at_20) > 0).all()
        N = np.sqrt(real.compute / 120)
        expected = real_fit.predict(N, 20 * N) / real_fit.predict(real.N, real.D) - 1
        np.testing.assert_allclose(real.excess_at_20, expected, rtol=1e-9)

    def test_what_the_page_says_of_noise_and_law_at_1e23(self, real_fit: fj.Fit) -> None:
        small = fj.fit(fj.Farseer, real_fit.runs.select(max_N=1.95e9))
        found = []
        for fit in (real_fit, small):
            sure = fj.allocate(fj.bootstrap(fit, 300, seed=1), [1e23])
            ends = sure.intervals["tokens per parameter"]
            found += [sure.tokens_per_parameter[0], ends.lower[0], ends.upper[0]]
        for law in (fj.Chinchilla, fj.Coupled):
            fit = fj.fit(law, real_fit.runs, fj.LeastSquares("huber"))
            found.append(fj.allocate(fit, [1e23]).tokens_per_parameter[0])
        assert np.round(found).tolist() == [93, 72, 105, 123, 0, 172, 30, 22]

    def test_larger_budgets_buy_more_tokens_than_parameters(self, real: fj.Allocation) -> None:
        np.testing.assert_allclose(real.exponent_N + real.exponent_D, 1.0, rtol=1e-9)
        assert (np.diff(real.exponent_D) > 0).all()
        assert real.exponent_D[0] < 0.5 < real.exponent_D[1]


class TestClosedForm:
    """Hoffmann et al. 2022, Eq. 4."""

    def test_N_and_D(self, plain: fj.Allocation) -> None:
        G = (0.34 * 406.4 / (0.28 * 410.7)) ** (1 / 0.62)
        N = G * (BUDGETS / 6) ** (0.28 / 0.62)
        np.testing.assert_allclose(plain.N, N, rtol=1e-9)
        np.testing.assert_allclose(plain.D, BUDGETS / (6 * N), rtol=1e-9)
        np.testing.assert_allclose(plain.loss, loss(plain.N, plain.D), rtol=1e-12)
        np.testing.assert_allclose(plain.training, BUDGETS, rtol=1e-12)
        assert (plain.inference == 0).all()

    def test_exponents(self, plain: fj.Allocation) -> None:
        np.testing.assert_allclose(plain.exponent_N, 0.28 / 0.62, rtol=1e-9)
        np.testing.assert_allclose(plain.exponent_D, 0.34 / 0.62, rtol=1e-9)
        # the reducible loss falls with the power αβ/(α+β) (their Eq. 4 in Eq. 2)
        reducible = 0.34 * 0.28 / 0.62 * (1.69 / plain.loss - 1)
        np.testing.assert_allclose(plain.exponent_loss, reducible, rtol=1e-9)

    def test_the_rule_of_twenty(self, plain: fj.Allocation) -> None:
        N = np.sqrt(BUDGETS / 120)
        np.testing.assert_allclose(plain.loss_at_20, loss(N, 20 * N), rtol=1e-12)
        assert (plain.excess_at_20 > 0).all()

    def test_the_least_budget_for_a_loss_is_the_one_whose_optimum_has_it(
        self, plain: fj.Allocation
    ) -> None:
        cheapest = fj.allocate(LAW, loss=plain.loss[::-1])
        np.testing.assert_allclose(cheapest.compute, BUDGETS[::-1], rtol=1e-9)
        np.testing.assert_allclose(cheapest.N, plain.N[::-1], rtol=1e-9)

    def test_a_law_has_no_runs_to_be_inside_of(self, plain: fj.Allocation) -> None:
        assert plain.inside_data is plain.data_range is plain.intervals is None
        assert plain.warnings == ()
        assert "inside" not in str(plain)


class TestInference:
    def test_the_best_loss_is_scipys(self, served: fj.Allocation) -> None:
        for i in (0, 3, 7):
            N, D = best_split(BUDGETS[i], lambda N, D: 6 * N * D + 2 * N * SERVED)
            # a minimum is flat: its place has half the digits
            assert served.N[i] == pytest.approx(N, rel=1e-5)
            assert served.D[i] == pytest.approx(D, rel=1e-5)
            assert served.loss[i] == pytest.approx(loss(N, D), rel=1e-12)

    def test_training_and_inference_are_the_budget(self, served: fj.Allocation) -> None:
        np.testing.assert_allclose(served.training, 6 * served.N * served.D, rtol=1e-12)
        np.testing.assert_allclose(served.inference, 2 * served.N * SERVED, rtol=1e-12)
        np.testing.assert_allclose(served.training + served.inference, BUDGETS, rtol=1e-9)

    def test_smaller_models_trained_for_longer(
        self, plain: fj.Allocation, served: fj.Allocation
    ) -> None:
        assert (served.tokens_per_parameter > plain.tokens_per_parameter).all()
        assert (served.N < plain.N).all()
        # what is served matters less, the more is trained
        np.testing.assert_allclose(served.N[-1], plain.N[-1], rtol=0.1)

    def test_the_cheapest_for_a_loss_is_scipys(self) -> None:
        """Sardana et al. 2024: the least 6 N D + 2 N T with that loss."""
        target = 2.2
        found = fj.allocate(LAW, loss=target, tokens_served=SERVED)

        def cost_at(log_N: float) -> float:
            N = np.exp(log_N)
            D = ((target - 1.69 - 406.4 / N**0.34) / 410.7) ** (-1 / 0.28)
            return float(np.log(6 * N * D + 2 * N * SERVED))

        smallest = np.log((406.4 / (target - 1.69)) ** (1 / 0.34))
        best = minimize_scalar(cost_at, bounds=(smallest + 1e-3, 30), method="bounded")
        assert np.log(found.compute[0]) == pytest.approx(best.fun, abs=1e-9)
        assert np.log(found.N[0]) == pytest.approx(best.x, abs=1e-4)
        assert found.loss[0] == pytest.approx(target, rel=1e-10)

    def test_exponents_are_slopes(self, served: fj.Allocation) -> None:
        near = fj.allocate(LAW, BUDGETS * np.exp(1e-4), tokens_served=SERVED)
        for name in ("N", "D", "loss"):
            slope = np.log(getattr(near, name) / getattr(served, name)) / 1e-4
            np.testing.assert_allclose(getattr(served, f"exponent_{name}"), slope, atol=1e-3)


class TestLimits:
    def test_below_them_nothing_changes(self, plain: fj.Allocation, limited: fj.Allocation) -> None:
        assert limited.limited_by[:2] == ("", "")
        np.testing.assert_allclose(limited.N[:2], plain.N[:2], rtol=1e-9)

    def test_at_them_the_rest_goes_into_the_other(self, limited: fj.Allocation) -> None:
        assert limited.limited_by[2:4] == ("N", "N and D")
        assert limited.N[2] == pytest.approx(1e9, rel=1e-12)
        assert limited.D[2] == pytest.approx(1e21 / 6e9, rel=1e-12)
        assert (limited.exponent_N[2], limited.exponent_D[2]) == pytest.approx((0, 1), abs=1e-9)

    def test_beyond_both_the_rest_is_not_spent(self, limited: fj.Allocation) -> None:
        np.testing.assert_allclose(
            [limited.N[3:], limited.D[3:]], [[1e9] * 5, [1e12] * 5], rtol=1e-12
        )
        assert limited.training[-1] == pytest.approx(6e21, rel=1e-12)
        assert limited.exponent_loss[-1] == pytest.approx(0, abs=1e-12)
        assert "the rest stays unspent" in limited.warnings[0]

    def test_limited_data(self, plain: fj.Allocation) -> None:
        found = fj.allocate(LAW, BUDGETS, max_D=1e12)
        limited = np.array(found.limited_by) == "D"
        assert limited[:-1].tolist() == (plain.D > 1e12)[:-1].tolist()
        assert limited.sum() == 3
        np.testing.assert_allclose(found.D[limited], 1e12, rtol=1e-12)
        np.testing.assert_allclose(found.N[limited], BUDGETS[limited] / 6e12, rtol=1e-12)
        np.testing.assert_allclose(found.exponent_N[limited], 1.0, rtol=1e-9)

    def test_more_than_ten_parameters_per_token_is_no_optimum(self) -> None:
        found = fj.allocate(LAW, [1e22, 1e26], max_D=1e11)
        assert found.limited_by == ("D", "")
        assert np.isnan(found.N[1])


class TestFLOPs:
    flops = fj.TransformerFLOPs.paper()

    def test_at_the_sizes_of_the_table(self) -> None:
        N, layers, width = np.array(_flops._PAPER, dtype=float).T
        with jax.enable_x64(True):
            found = np.asarray(jax.jit(self.flops)(N, 3.0))
        expected = 6 * N + 6 * layers * width * 2048 + 6 * 65536 * width
        np.testing.assert_allclose(found, 3 * expected, rtol=1e-12)

    def test_the_vocabulary_is_that_of_table_4(self) -> None:
        """N with embeddings, of which there are two tables."""
        with_embeddings = {201228288: 335446016, 6369572352: 6805779968}
        for N, _, width in _flops._PAPER:
            if N in with_embeddings:
                assert with_embeddings[N] - N == 2 * 65536 * width

    def test_full_attention_is_twice_causal(self) -> None:
        table = {"N": [6e9, 2e8], "num_layers": [48, 16], "width": [3328, 1024]}
        causal, full = (
            fj.TransformerFLOPs.from_table(table, 8192, causal=causal) for causal in (True, False)
        )
        with jax.enable_x64(True):
            beside = [float(f(1e9, 1.0)) - 6e9 for f in (causal, full)]
        assert beside[1] == pytest.approx(2 * beside[0], rel=1e-12)

    def test_it_rises_smoothly(self) -> None:
        N = np.geomspace(1e7, 1e13, 5000)
        with jax.enable_x64(True):
            slope = np.diff(np.log(np.asarray(jax.jit(self.flops)(N, 1.0)))) / np.diff(np.log(N))
        assert (slope > 0.3).all()
        assert np.abs(np.diff(slope)).max() < 0.02  # no jumps at the sizes

    def test_the_optimum_is_scipys(self) -> None:
        found = fj.allocate(LAW, BUDGETS, flops=self.flops)
        with jax.enable_x64(True):
            cost = jax.jit(lambda N, D: self.flops(N, D))
            N, D = best_split(1e21, lambda N, D: float(cost(N, D)))
        assert found.N[2] == pytest.approx(N, rel=1e-5)
        assert found.loss[2] == pytest.approx(loss(N, D), rel=1e-12)
        np.testing.assert_allclose(found.training, BUDGETS, rtol=1e-9)
        assert "sequences of 2,048, vocabulary of 65,536" in str(found)

    def test_equal_functions_are_one(self) -> None:
        assert self.flops == fj.TransformerFLOPs.paper()
        assert hash(self.flops) == hash(fj.TransformerFLOPs.paper())

    @pytest.mark.parametrize(
        ("columns", "why"),
        [
            (([1e9], [2], [4]), "at least two sizes"),
            (([1e9, 2e9], [2], [4, 5]), "num_layers has 1"),
            (([2e9, 1e9], [2, 3], [4, 5]), "sizes must be ascending"),
            (([1e9, 2e9], [0, 3], [4, 5]), "num_layers: values must be positive"),
        ],
    )
    def test_tables_that_are_none(self, columns: Any, why: str) -> None:
        with pytest.raises(ValueError, match=why):
            fj.TransformerFLOPs(*columns, sequence_length=2048)

    def test_a_missing_column_is_named(self) -> None:
        with pytest.raises(ValueError, match="no column 'width'"):
            fj.TransformerFLOPs.from_table({"N": [1, 2], "num_layers": [1, 2]}, 2048)


class TestBootstrap:
    def test_intervals_are_quantiles_of_each_refits_optimum(self) -> None:
        rng = np.random.default_rng(0)
        values = (
            value * np.exp(0.05 * rng.standard_normal(50))
            for value in (1.69, 406.4, 410.7, 0.34, 0.28)
        )
        laws = fj.Chinchilla(*values)
        one = jax.tree.map(lambda leaf: leaf[0], laws)
        fit = fit_of(one, mean_fit().runs, WeightedMean())
        draws = MemoryDraws(BatchFit(laws, np.zeros(50, dtype=int), np.zeros(50)))
        source = fj.Bootstrap(fit, fj.WildBootstrap(), 0, draws)
        found = fj.allocate(source, [1e20, 1e22], level=0.5)
        assert found.intervals is not None
        assert found.level == 0.5
        E, A, B, alpha, beta = (np.asarray(leaf)[:, None] for leaf in jax.tree.leaves(laws))
        G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
        N = G * (found.compute / 6) ** (beta / (alpha + beta))
        D = found.compute / (6 * N)
        expected = {"N": N, "D": D, "tokens per parameter": D / N}
        expected["loss"] = E + A / N**alpha + B / D**beta
        for name, draws_of_it in expected.items():
            own = found.intervals[name]
            ends = np.quantile(draws_of_it, [0.25, 0.75], axis=0, method="weibull")
            np.testing.assert_allclose([own.lower, own.upper], ends, rtol=1e-9)
            np.testing.assert_allclose(own.estimate, draws_of_it[0], rtol=1e-9)
        row = found.to_dict()["allocations"][0]
        assert row["tokens_per_parameter_lower"] == found.intervals["tokens per parameter"].lower[0]
        assert "50 % interval: percentile" in str(found)
        assert "\nerrors: " in str(found)

    def test_refits_without_a_minimum_count_at_the_end_where_their_loss_is_lower(self) -> None:
        """Leaving them out would cut the interval off on that side of the estimate."""
        num, num_without = 40, 8
        alpha = 0.34 * np.exp(0.01 * np.random.default_rng(0).standard_normal(num))
        B = np.where(np.arange(num) < num - num_without, 410.7, 1e-300)
        laws = fj.Chinchilla(np.full(num, 1.69), np.full(num, 406.4), B, alpha, np.full(num, 0.28))
        one = jax.tree.map(lambda leaf: leaf[0], laws)
        draws = MemoryDraws(BatchFit(laws, np.zeros(num, dtype=int), np.zeros(num)))
        fit = fit_of(one, mean_fit().runs, WeightedMean())
        source = fj.Bootstrap(fit, fj.WildBootstrap(), 0, draws)
        for limits in ({}, {"max_D": 1e13}):
            found = fj.allocate(source, [1e20, 1e22], **limits)
            own = found.intervals["tokens per parameter"]
            np.testing.assert_allclose(own.lower, 0.1, rtol=1e-9)  # without data terms: larger N
            assert (own.estimate < own.upper).all()
            assert own.num_failed == 0
            assert any("20% of the draws have no minimum" in text for text in found.warnings)
            axes = plot_allocation(found, models=())
            (band,) = (one for one in axes.collections if len(one.get_paths()))
            for C, ratio, upper in zip(found.compute, own.estimate, own.upper, strict=True):
                places = band.get_paths()[0].vertices
                ends = places[np.isclose(places[:, 0], C, rtol=1e-9), 1]
                assert ends.min() < ratio < ends.max()
                np.testing.assert_allclose(ends.max(), upper, rtol=1e-9)


class TestResult:
    def test_dict_and_table(self, plain: fj.Allocation) -> None:
        content = json.loads(json.dumps(plain.to_dict(), allow_nan=False))
        rows = content["allocations"]
        assert [row["compute"] for row in rows] == BUDGETS.tolist()
        assert rows[0]["inside_data"] is None
        assert content["max_N"] is None
        table = plain.to_dataframe()
        assert table["N"].tolist() == plain.N.tolist()
        assert set(table.columns) == set(rows[0])

    def test_no_optimum_is_null_and_said(self) -> None:
        """Where data do not help, the loss falls up to the largest N."""
        law = fj.Chinchilla(1.69, 406.4, 1e-300, 0.34, 0.28)
        found = fj.allocate(law, BUDGETS)
        assert np.isnan(found.N).all()
        assert found.warnings == (
            "no budget has an interior optimum: between 0.1 and 100,000 tokens per parameter the "
            "loss has no minimum. No budget from 1e12 to 1e30 FLOPs has one. Set max_N= or max_D=, "
            "or train more sizes, each with few and with many tokens, so that the runs show where "
            "the loss is lowest.",
        )
        row = json.loads(json.dumps(found.to_dict(), allow_nan=False))["allocations"][0]
        assert row["N"] is row["loss"] is row["exponent_N"] is None
        assert str(found).count("–") >= 8
        with pytest.raises(ValueError, match=r"no budget .* has an interior optimum: set"):
            fj.allocate(law, loss=2.0)

    def test_which_budgets_have_an_optimum(self) -> None:
        """Those between the two whose optima are at the ends of the range of D/N."""
        law = fj.Chinchilla(1.69, 1.5e5, 410.7, 0.6, 0.2)
        found = fj.allocate(law, [1e22, 1e29])
        assert np.isfinite(found.N).tolist() == [True, False]
        (sentence,) = found.warnings
        begin, _, end = sentence.partition(" Budgets from ")
        assert begin.startswith("1 of 2 budgets has no interior optimum: between")
        between, _, remedy = end.partition(" FLOPs have one. ")
        assert remedy.startswith("Set max_N= or max_D=")
        low, high = (float(word) for word in between.split(" to "))
        # at an optimum α A N^−α = β B D^−β, with D = r N
        K = 0.6 * law.A / (0.2 * law.B)
        first, last = (6.0 * r * (K * r**0.2) ** (2 / 0.4) for r in (0.1, 1e5))
        # of the budgets that are tried; of the ratios, whose first and last are no interior ones
        step = 10 ** (18 / 127) * np.exp(2 * np.log(1e6) / 128)
        assert first < low < first * step
        assert last / step < high < last

    def test_limits_that_leave_no_ratio_are_said_to(self) -> None:
        """The law has an optimum at each of these budgets."""
        few = fj.allocate(LAW, BUDGETS[[2, -1]], max_D=1e10)
        assert np.isfinite(few.N).tolist() == [True, False]
        assert few.limited_by == ("D", "")
        sentence = few.warnings[0]
        assert sentence.startswith(
            "1 of 2 budgets has no optimum: max_D = 10 B leaves fewer than 0.1 tokens per "
            "parameter, below the range that is searched. Budgets from 1e+12 to "
        )
        last = float(sentence.split(" to ")[-1].split(" ")[0])
        assert last < 6e21 < last * 10 ** (18 / 127) * 1.01  # C = 6 D² / 0.1
        small = fj.allocate(LAW, 1e22, max_N=1e7)
        assert small.warnings[0].startswith("no budget has an optimum: max_N = 10 M leaves")
        assert "leaves more than 100,000 tokens per parameter" in small.warnings[0]

    def test_nothing_inside_the_runs(self) -> None:
        found = fj.allocate(fit_of(LAW, mean_fit().runs, WeightedMean()), BUDGETS[-3:])
        assert found.warnings == (
            "none of the optima lies inside the runs: no run shows that the law holds there.",
        )

    def test_published_models(self) -> None:
        models = fj.published_models()
        assert len({model.name for model in models}) == len(models)
        for model in models:
            assert 1 < model.tokens_per_parameter < 3000
            assert "arXiv:" in model.source
        by_name = {model.name: model for model in models}
        assert by_name["Llama 3.1 405B"].compute == pytest.approx(3.8e25, rel=0.01)  # their 3.8e25


class TestRefusals:
    def test_budgets(self) -> None:
        for compute, why in (
            (20, "20 is too small for a budget in FLOPs; write 1e20, not 20"),
            ([1e20, -1.0], "compute: values must be positive and finite, got -1"),
            ([], "compute: expected at least one budget"),
            (None, "give either compute= .* or loss="),
        ):
            with pytest.raises(ValueError, match=why):
                fj.allocate(LAW, compute)
        with pytest.raises(ValueError, match="give either compute= "):
            fj.allocate(LAW, 1e20, loss=2.0)

    @pytest.mark.parametrize("name", ["tokens_served", "max_D", "max_N"])
    @pytest.mark.parametrize("value", [-1.0, np.nan, np.inf, "many", [1e9, 2e9]])
    def test_numbers(self, name: str, value: Any) -> None:
        with pytest.raises(ValueError, match=f"{name}: expected a finite number"):
            fj.allocate(LAW, 1e20, **{name: value})

    def test_losses_that_are_not_reached(self, plain: fj.Allocation) -> None:
        with pytest.raises(
            ValueError, match=r"no optimum reaches 1\.5; from .* optimal losses go from"
        ):
            fj.allocate(LAW, loss=[2.0, 1.5])

    @pytest.mark.parametrize(
        ("flops", "why"),
        [
            (lambda N, D: -6 * N * D, "must be positive and finite, got -.* at N = .*, D = "),
            (lambda N, D: N * D * jnp.nan, "must be positive and finite, got nan"),
            (lambda N, D: D / N, "must increase in N, but go from .* at N = .* to "),
            (lambda N, D: 6 * N * D * 0 + N, "must increase in D, but go from "),
            (lambda N, D: jnp.sum(N * D), r"got an array of shape \(\)"),
        ],
    )
    def test_flops(self, flops: Any, why: str) -> None:
        with pytest.raises(ValueError, match=f"flops: .*{why}"):
            fj.allocate(LAW, 1e21, flops=flops)

    def test_flops_of_numpy(self) -> None:
        with pytest.raises(TypeError, match="must be made of JAX operations"):
            fj.allocate(LAW, 1e21, flops=lambda N, D: np.maximum(float(N), D))
        with pytest.raises(TypeError, match="expected a function of N and D"):
            fj.allocate(LAW, 1e21, flops=6)  # type: ignore[arg-type]

    def test_sources(self) -> None:
        with pytest.raises(TypeError, match="expected a forecast, a fit, a bootstrap or a law"):
            fj.allocate("fit.json", 1e20)  # type: ignore[arg-type]
        stack = fj.Chinchilla(*(np.ones(3) for _ in range(5)))
        with pytest.raises(ValueError, match="expected one law, got a stack"):
            fj.allocate(stack, 1e20)
        with pytest.raises(ValueError, match="level must lie between 0 and 1"):
            fj.allocate(LAW, 1e20, level=2.0)

    @pytest.mark.parametrize("setting", [{"level": 0.9}, {"kind": "percentile"}])
    def test_intervals_of_what_has_none(self, setting: Any) -> None:
        (name,) = setting
        for source in (LAW, mean_fit()):
            kind = type(source).__name__
            why = f"{name}: only a forecast or a bootstrap has intervals, got a {kind}; pass"
            with pytest.raises(ValueError, match=why):
                fj.allocate(source, 1e20, **setting)


class TestPlot:
    @pytest.fixture(autouse=True)
    def _no_window(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv("MPLBACKEND", "agg")
        yield
        from matplotlib import pyplot as plt

        plt.close("all")

    def test_lines_models_and_the_rule(self, plain: fj.Allocation, served: fj.Allocation) -> None:
        axes = plot_allocation([plain, served], labels=["training", "with inference"])
        lines = {str(line.get_label()): line for line in axes.lines}
        assert {"training", "with inference"} <= set(lines)
        drawn = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == len(BUDGETS)]
        np.testing.assert_array_equal(drawn[0], plain.tokens_per_parameter)
        assert any(list(line.get_ydata()) == [20, 20] for line in axes.lines)
        names = {text.get_text() for text in axes.texts}
        within = [m.name for m in fj.published_models() if m.compute <= BUDGETS[-1]]
        assert names == {"Chinchilla's 20", *within}
        axes.get_figure().canvas.draw()  # type: ignore[union-attr]
        assert {t.get_text() for t in plot_allocation(plain, models=()).texts} == {
            "Chinchilla's 20"
        }

    def test_the_runs_are_shaded_and_bold_is_inside(self, real: fj.Allocation) -> None:
        axes = plot_allocation(real)
        (box,) = axes.patches
        data = real.data_range
        assert data is not None
        left, right = data.compute
        assert (box.get_x(), box.get_width()) == (left, right - left)  # type: ignore[attr-defined]
        thin, bold = (line.get_ydata() for line in axes.lines[1:3])
        assert np.isfinite(thin).all()
        assert np.isfinite(bold).tolist() == [True, True, False, False]

    def test_several_of_one_law_are_told_apart_and_only_one_range_is_shaded(
        self, real: fj.Allocation
    ) -> None:
        assert real.data_range is not None
        left, right = real.data_range.compute
        wider = real.data_range._replace(compute=(left, 2 * right))
        for other, num_boxes in ((real.data_range, 1), (wider, 0)):
            axes = plot_allocation([real, dataclasses.replace(real, data_range=other)], models=())
            assert len(axes.patches) == num_boxes
            names = [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[union-attr]
            assert names[-2:] == [f"{real.law.title()} (1)", f"{real.law.title()} (2)"]

    def test_refusals(self, plain: fj.Allocation) -> None:
        with pytest.raises(ValueError, match="labels: expected one for each of 1 allocations"):
            plot_allocation(plain, labels=["a", "b"])
        with pytest.raises(ValueError, match="allocation: expected at least one"):
            plot_allocation([])
        nothing = dataclasses.replace(plain, N=np.full(len(BUDGETS), np.nan))
        with pytest.raises(ValueError, match="no budget has an optimum to draw"):
            plot_allocation(nothing)
