"""Two surfaces against each other: where they cross, who wins, how surely, and by what compute."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from weighted_mean import fit_of, law_of, mean_fit

import farseer_jax as fj
from farseer_jax.decisions.comparison_warnings import AgainstRuns
from farseer_jax.decisions.matching_runs import match
from farseer_jax.decisions.parity_curves import crossings, parity_curves
from farseer_jax.plots import (
    plot_comparison,
    plot_comparison_surface,
    plot_counts,
    plot_line,
)
from farseer_jax.uncertainty.draws import MemoryDraws

# L = E + A / N^α + B / D^β: equal where 2 D^−0.37 = D^−0.34, at D = 2^(1 / 0.03) for every N
A = fj.Chinchilla(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37)
B = fj.Chinchilla(E=1.8, A=480.0, B=1000.0, alpha=0.35, beta=0.34)
D_EQUAL = 2.0 ** (1 / 0.03)
DECADES = np.geomspace(2e9, 2e11, 5)
METHOD = fj.LeastSquares(num_starts=8)  # of 30 runs, here and on the ladder: one compilation
DOMAIN: Any = {"N": (1e8, 1e11), "D": (1e9, 1e12)}


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MPLBACKEND", "agg")
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def found() -> fj.FitComparison:
    return fj.compare_fits(A, B, **DOMAIN)


@pytest.fixture(scope="module")
def swapped() -> fj.FitComparison:
    return fj.compare_fits(B, A, **DOMAIN)


def loss(law: fj.Chinchilla, N: Any, D: Any) -> Any:
    """Chinchilla's law in NumPy."""
    E, a, b, alpha, beta = (float(x) for x in (law.E, law.A, law.B, law.alpha, law.beta))
    return E + a / np.asarray(N) ** alpha + b / np.asarray(D) ** beta


class TestSurfaces:
    def test_the_difference_is_the_papers(self, found: fj.FitComparison) -> None:
        N, D = found.N[:, None], found.D
        expected = (loss(A, N, D) - loss(B, N, D)) / loss(B, N, D)
        np.testing.assert_allclose(found.difference, expected, atol=1e-14)
        assert found.difference.shape == (33, 33)
        assert found.inside.all()  # nothing is known to be outside

    def test_swapping_reverses_every_sign(
        self, found: fj.FitComparison, swapped: fj.FitComparison
    ) -> None:
        assert (np.sign(swapped.difference) == -np.sign(found.difference)).all()
        own, other = found.multipliers, swapped.multipliers
        assert (np.sign(own.optimal - 1) == -np.sign(other.optimal - 1)).all()
        assert (np.sign(own.at_ratio - 1) == -np.sign(other.at_ratio - 1)).all()
        np.testing.assert_allclose(own.parity, other.parity, rtol=1e-12)
        for one, two in zip(found.parity, swapped.parity, strict=True):
            np.testing.assert_allclose(one.D, two.D, rtol=1e-12)

    def test_a_law_against_itself_is_parity_everywhere(self) -> None:
        same = fj.compare_fits(A, A, **DOMAIN)
        assert (same.difference == 0).all()
        assert same.parity == ()
        assert (same.multipliers.optimal == 1).all()
        assert (same.multipliers.at_ratio == 1).all()
        assert "Both are equal everywhere" in str(same)
        assert "both are equal everywhere" in str(same.line(N=1e9))

    def test_parity_is_found(self, found: fj.FitComparison) -> None:
        (curve,) = found.parity
        np.testing.assert_allclose(curve.D, D_EQUAL, rtol=1e-10)
        np.testing.assert_allclose(np.sort(curve.N), found.N)
        assert (np.diff(curve.N) > 0).all() or (np.diff(curve.N) < 0).all()  # in order

    @pytest.mark.parametrize(
        ("along", "N", "D"),
        [
            ({"N": 7e9}, 7e9, D_EQUAL),
            ({"tokens_per_parameter": 20.0}, D_EQUAL / 20, D_EQUAL),
            ({"compute": 1e21}, 1e21 / 6 / D_EQUAL, D_EQUAL),
        ],
    )
    def test_lines_cross_where_they_must(
        self, found: fj.FitComparison, along: Any, N: float, D: float
    ) -> None:
        line = found.line(**along)
        np.testing.assert_allclose(line.parity_N, [N], rtol=1e-10)
        np.testing.assert_allclose(line.parity_D, [D], rtol=1e-10)
        np.testing.assert_allclose(line.loss_a, loss(A, line.N, line.D), rtol=1e-13)

    def test_a_line_without_a_crossing_names_the_winner(self, found: fj.FitComparison) -> None:
        assert "A is better all along" in str(found.line(D=1e11))
        assert "B is better all along" in str(found.line(D=2e9))

    def test_a_crossing_of_simulated_recipes_is_found_to_a_percent(self) -> None:
        """Runs of two laws that cross at one N, fitted by the laws they were drawn from."""
        a, b = (
            fj.Coupled(E=E, A=A, B=400.0, alpha=alpha, beta=0.3, k=1.1)
            for E, A, alpha in ((1.8, 480.0, 0.35), (1.83, 600.0, 0.37))
        )
        N, D = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e8, 6e9, 6), DECADES))
        fits = [
            fj.fit(fj.Coupled, fj.simulate(law, N, D, noise=0.0, seed=0), METHOD) for law in (a, b)
        ]
        line = fj.compare_fits(*fits, N=(1e7, 1e11)).line(D=1e11)
        expected = crossings(lambda t: np.asarray(a(t, 1e11) - b(t, 1e11)), np.geomspace(1e7, 1e11))
        assert len(expected) == 1
        np.testing.assert_allclose(line.parity_N, expected, rtol=0.01)


class TestContours:
    def test_a_circle_closes(self) -> None:
        def gap(N: Any, D: Any) -> Any:
            return np.hypot(np.log(N), np.log(D)) - 1.0

        (curve,) = parity_curves(gap, np.geomspace(0.1, 10, 12), np.geomspace(0.1, 10, 11))
        np.testing.assert_allclose(np.hypot(np.log(curve.N), np.log(curve.D)), 1, rtol=1e-12)
        assert curve.N[0] == curve.N[-1]
        steps = np.hypot(np.diff(np.log(curve.N)), np.diff(np.log(curve.D)))
        assert steps.max() < 0.62  # within a cell: neighbours follow each other

    @settings(max_examples=20)
    @given(st.floats(-0.3, 0.3), st.booleans())
    def test_a_saddle_is_two_curves(self, shift: float, turned: bool) -> None:
        """One cell, all four edges crossed: the middle decides, whatever the sign."""
        sign = -1.0 if turned else 1.0
        axis = np.exp([-1.0, 1.0])
        curves = parity_curves(lambda N, D: sign * (np.log(N) * np.log(D) + shift), axis, axis)
        assert len(curves) == 2
        for curve in curves:
            u, v = np.log(curve.N), np.log(curve.D)
            np.testing.assert_allclose(u * v, -shift, atol=1e-12)
            if abs(shift) > 1e-9:  # both ends on one branch of the hyperbola
                assert np.sign(u[0]) == np.sign(u[1]) or np.sign(v[0]) == np.sign(v[1])
                middle = u.mean() * v.mean()
                assert np.sign(middle) == np.sign(-shift)


class TestMultipliers:
    def test_at_a_fixed_ratio_is_the_root_in_numpy(self, found: fj.FitComparison) -> None:
        own = found.multipliers

        def at_ratio(law: fj.Chinchilla, C: Any) -> Any:
            N = np.sqrt(C / 120)
            return loss(law, N, 20 * N)

        for compute, factor in zip(own.compute, own.at_ratio, strict=True):
            assert at_ratio(A, compute / factor) == pytest.approx(at_ratio(B, compute), rel=1e-12)

    def test_optimal_is_the_minimum_in_numpy(self, found: fj.FitComparison) -> None:
        own = found.multipliers

        def best(law: fj.Chinchilla, C: float) -> float:
            N = np.geomspace(1e6, 1e13, 200_001)
            return float(loss(law, N, C / 6 / N).min())

        for compute, factor in zip(own.compute, own.optimal, strict=True):
            assert best(A, compute / factor) == pytest.approx(best(B, compute), rel=1e-9)
        (crossed,) = own.parity
        assert best(A, crossed) == pytest.approx(best(B, crossed), rel=1e-9)

    def test_half_the_compute_is_a_factor_of_two(self) -> None:
        """A reaches with C what B does with 2 C: its N and D each count √2 times as much."""
        root = np.sqrt(2.0)
        a = fj.Chinchilla(E=1.8, A=480.0 / root**0.35, B=2000.0 / root**0.37, alpha=0.35, beta=0.37)
        runs = fj.Runs([1e9, 1e9, 1e10, 1e10], [1e9, 1e12] * 2, [2.9, 2.5, 2.8, 2.4])
        compute = 120 * np.array([1.2e9, 2e9, 2e10]) ** 2  # N at D/N = 20; A's is √2 times smaller
        own = fj.compare_fits(
            *(fit_of(law, runs, None) for law in (a, A)), compute=compute, **DOMAIN
        ).multipliers
        np.testing.assert_allclose(own.optimal, 2.0, rtol=1e-9)
        np.testing.assert_allclose(own.at_ratio, 2.0, rtol=1e-9)
        assert own.inside_at_ratio.tolist() == [False, True, False]

    def test_no_optimum_is_no_multiplier(self) -> None:
        flat = law_of(np.float64(2.0))
        found = fj.compare_fits(flat, A, comparable=True, **DOMAIN)
        assert np.isnan(found.multipliers.optimal).any()
        assert "\n–: does not exist; a law has no compute-optimal D/N, or does not" in str(found)

    def test_what_is_beyond_the_runs_or_a_thousand_is_marked(self, found: fj.FitComparison) -> None:
        own = found.multipliers
        at_ratio, inside = own.at_ratio.copy(), own.inside_at_ratio.copy()
        at_ratio[:4], inside[1:] = [9885.119, 9885.119, 1e-5, np.nan], False
        odd = dataclasses.replace(own, at_ratio=at_ratio, inside_at_ratio=inside)
        text = str(dataclasses.replace(found, multipliers=odd))
        rows = [line.split("   ")[-1].strip() for line in text.splitlines() if "e+" in line]
        assert rows[:4] == ["> 1000", "(> 1000)", "(< 0.001)", "–"]
        assert rows[4] == f"({at_ratio[4]:.3f})"
        assert "A needs less); ( ) outside the runs of one or both" in text
        assert "–: does not exist" in text


def draws_of(levels: Any, seed: int = 0, runs_seed: int = 0, scheme: Any = None) -> fj.Bootstrap:
    """A bootstrap whose refits differ in E alone; NaN is a refit that failed."""
    fit = mean_fit(seed=runs_seed)
    levels = np.asarray(levels, dtype=float)
    good, bad = fj.Outcome.success.code, fj.Outcome.too_few_sizes.code
    batch = fj.BatchFit(law_of(levels), np.where(np.isnan(levels), bad, good), 0.0 * levels)
    return fj.Bootstrap(fit, scheme or fj.WildBootstrap(), seed, MemoryDraws(batch))


def chance(a: fj.Bootstrap, b: fj.Bootstrap) -> float:
    found = fj.compare_fits(a, b, N=[1e9], D=[1e10], compute=[1e20])
    assert found.probability is not None
    return float(found.probability[0, 0])


class TestProbability:
    a, b = (3.0, 3.1, np.nan, 3.2), (3.05, 3.05, 3.3, 3.25)

    def test_draws_of_the_same_runs_are_paired(self) -> None:
        a, b = draws_of(self.a), draws_of(self.b)
        assert fj.compare_fits(a, b, N=[1e9], D=[1e10]).paired is True
        assert chance(a, b) == pytest.approx(2 / 3)  # of the three rows that both have

    @pytest.mark.parametrize("other", [{"seed": 1}, {"scheme": fj.ResidualBootstrap()}])
    def test_other_draws_are_independent(self, other: Any) -> None:
        a, b = draws_of(self.a), draws_of(self.b, **other)
        assert fj.compare_fits(a, b, N=[1e9], D=[1e10]).paired is False
        every = [x < y for x in (3.0, 3.1, 3.2) for y in self.b]
        assert chance(a, b) == pytest.approx(np.mean(every))

    def test_made_up_noise_is_shared_by_the_same_losses_alone(self) -> None:
        scheme = fj.ParametricBootstrap()
        one, same, other = (draws_of(self.a, scheme=scheme, runs_seed=seed) for seed in (0, 0, 1))
        assert fj.compare_fits(one, same, N=[1e9], D=[1e10]).paired is True
        assert fj.compare_fits(one, other, N=[1e9], D=[1e10]).paired is False

    @settings(max_examples=5)  # each takes a second
    @given(
        st.lists(st.integers(30, 34), min_size=4, max_size=4),
        st.lists(st.integers(30, 34), min_size=4, max_size=4),
        st.integers(0, 1),
    )
    def test_both_chances_add_up_to_one(self, a: Any, b: Any, seed: int) -> None:
        one, two = draws_of(np.array(a) / 10), draws_of(np.array(b) / 10, seed=seed)
        won = chance(one, two)
        assert won + chance(two, one) == pytest.approx(1.0, abs=1e-15)
        if seed:
            wins = np.mean([(x < y) + (x == y) / 2 for x in a for y in b])
        else:
            wins = np.mean([(x < y) + (x == y) / 2 for x, y in zip(a, b, strict=True)])
        assert won == pytest.approx(wins)

    def test_refusals(self) -> None:
        with pytest.raises(ValueError, match="no refit is usable in both"):
            chance(draws_of([np.nan, np.nan]), draws_of([3.0, 3.0]))
        jackknife = fj.bootstrap(mean_fit(), scheme=fj.JackknifeSizes())
        with pytest.raises(ValueError, match="a: a jackknife has no draws"):
            fj.compare_fits(jackknife, A, **DOMAIN)


class TestForms:
    def test_json_and_pandas(self, found: fj.FitComparison) -> None:
        content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert np.array_equal(content["difference"], found.difference)
        assert content["parity"][0]["D"] == found.parity[0].D.tolist()
        assert {"compute", "optimal", "at_ratio", "inside"} < set(content["multipliers"][0])
        assert content["probability"] is None
        table = found.to_dataframe()
        assert len(table) == 33 * 33
        row = table.iloc[40]
        assert row["difference"] == found.difference[1, 7]
        assert len(found.line(N=1e9).to_dataframe()) == 65
        json.dumps(found.line(N=1e9).to_dict(), allow_nan=False)

    def test_text(self, found: fj.FitComparison) -> None:
        text = str(found)
        assert "A is better in 64% of this domain" in text
        assert "10.8 B" in text
        assert "– " not in text
        assert "( )" not in text
        assert "Compute-optimal losses are equal at" in text
        assert "A is a law without runs" in text
        assert repr(found).startswith("FitComparison(A against B, difference -0.6")

    def test_fits_give_the_domain_and_say_where_it_leaves_their_runs(self) -> None:
        a = fit_of(A, mean_fit().runs, None)
        b = fit_of(B, fj.Runs([1e12, 2e12], [1e10, 2e10], [2.0, 1.9]), None)
        far = fj.compare_fits(a, b)
        assert (far.N[0], far.N[-1]) == pytest.approx((2e8, 2e13))
        assert not far.inside.any()
        assert "have no N in common" in far.warnings[0]
        assert "( ) outside the runs" in str(far)
        near = fj.compare_fits(a, a, D=(1e9, 1.6e10), N=(2e8, 1.6e9))
        assert near.inside.all()
        assert near.warnings == ()

    def test_figures(self, found: fj.FitComparison) -> None:
        axes = plot_comparison(found)
        assert axes.get_xlabel() == "parameters N"
        drawn = plot_comparison(
            fj.compare_fits(draws_of([3, 3.1]), draws_of([3.1, 3]), N=(1e9, 2e9))
        )
        assert drawn.get_ylabel() == "tokens D"
        line = plot_line(found.line(N=7e9))
        assert line.get_xlabel() == "tokens D"
        assert "N = 7 B" in line.get_title(loc="left")

    def test_surface(self, found: fj.FitComparison, swapped: fj.FitComparison) -> None:
        axes: Any = plot_comparison_surface(found)
        (parity,) = [line for line in axes.lines if line.get_label() == "equal"]
        _, log_D, height = np.asarray(parity.get_data_3d(), dtype=float)
        np.testing.assert_allclose(10**log_D, D_EQUAL, rtol=1e-9)
        assert (height == 0).all()
        lines = [np.array(line.get_data_3d()) for line in axes.lines]
        kept = np.concatenate(lines, axis=1)[:, ::7]
        log_N, log_D, percent = kept[:, np.isfinite(kept[2])]
        a, b = loss(A, 10**log_N, 10**log_D), loss(B, 10**log_N, 10**log_D)
        np.testing.assert_allclose(percent, 100 * (a - b) / b, atol=2e-2)
        other: Any = plot_comparison_surface(swapped)
        low, high = axes.get_zlim()
        assert other.get_zlim() == pytest.approx((-high, -low), rel=0.05)

    def test_surface_has_the_runs_of_both(self) -> None:
        N, D = np.meshgrid(DECADES, DECADES)
        sides = [
            fj.Runs(N.ravel()[keep], D.ravel()[keep], loss(law, N, D).ravel()[keep] * 1.001**i)
            for i, (law, keep) in enumerate([(A, slice(0, 20)), (B, slice(5, 25))])
        ]
        fits = [dataclasses.replace(mean_fit(), runs=runs) for runs in sides]
        axes: Any = plot_comparison_surface(fj.compare_fits(*fits, N=(1e9, 1e12), D=(1e9, 1e12)))
        z = axes.collections[-1]._offsets3d[2]
        both = slice(5, 20)
        order = np.lexsort((D.ravel()[both], N.ravel()[both]))
        expected = (loss(A, N, D) / (1.001 * loss(B, N, D)) - 1).ravel()[both]
        np.testing.assert_allclose(z, 100 * expected[order], rtol=1e-9)


class TestWarnings:
    N, D = (axis.ravel() for axis in np.meshgrid(DECADES, DECADES))
    HIGHER = fj.Chinchilla(E=1.81, A=480.0, B=2000.0, alpha=0.35, beta=0.37)

    def between(
        self, factor: float, other: fj.Chinchilla = HIGHER, max_D: float = 1e12
    ) -> tuple[str, ...]:
        """Runs of B have the losses of those of A by a factor; the fits' laws are A and another."""
        N, D = self.N[max_D > self.D], self.D[max_D > self.D]
        observed = loss(A, N, D)
        fits = [
            fit_of(law, fj.Runs(N, D, losses), None)
            for law, losses in ((A, observed), (other, factor * observed))
        ]
        domain: Any = {"N": (2e9, 2e11), "D": (2e9, 2e11), "names": ("old", "new")}
        return fj.compare_fits(*fits, **domain, compute=[1e21]).warnings

    def test_runs_that_contradict_the_fits(self) -> None:
        missed, contradicted = self.between(0.99)
        assert (
            "observed differences, 1.01%, by 1.45% (root mean squares): trust the points" in missed
        )
        assert contradicted == (
            "the runs and the fits disagree on the winner: new is better at 25 of the 25 points "
            "where both have runs; by the fits, at 0 of them and in 0% of this domain: compare the "
            "tables of runs themselves (compare_runs, `farseer compare A.csv B.csv`)."
        )

    def test_runs_that_agree_or_do_not_differ_say_nothing(self) -> None:
        """One table fitted twice shows no difference of recipes."""
        fitted, domain = np.array([-0.01, -0.006]), np.array([[-0.01, 0.01, -0.01]])
        for observed, num in ((fitted + 0.001, 0), (0 * fitted, 0), (-fitted, 2)):
            assert len(AgainstRuns(("a", "b"), observed, fitted).sentences(domain)) == num

    def test_a_winner_of_the_points_that_loses_most_of_the_domain(self) -> None:
        """By the fits B is better below D = 10.8 B: at two D of three, in 12 columns of 33."""
        (told,) = [w for w in self.between(0.999, B, max_D=3e10) if "disagree on the winner" in w]
        assert "new is better at 15 of the 15 points" in told
        assert "by the fits, at 10 of them and in 36% of this domain" in told

    def test_each_fit_has_its_own_by_name(self) -> None:
        runs = mean_fit().runs
        losses = np.append(runs.loss, 1.1 * runs.loss)
        twice = fj.Runs(np.tile(runs.N, 2), np.tile(runs.D, 2), losses)
        found = fj.compare_fits(A, fit_of(A, twice, None), names=("old", "new"), **DOMAIN)
        assert found.warnings[0].startswith("new: 20 rows repeat an (N, D) with losses that differ")


class TestBadInput:
    def test_losses_of_other_names(self) -> None:
        runs = mean_fit().runs
        named = [
            fj.Runs(runs.N, runs.D, runs.loss, loss_name=name) for name in ("val_loss", "bpc", None)
        ]
        val, bpc, unknown = (fit_of(A, one, None) for one in named)
        with pytest.raises(ValueError, match=r"'val_loss' of A and 'bpc' of B.*comparable=True"):
            fj.compare_fits(val, bpc)
        assert fj.compare_fits(val, bpc, comparable=True).parity == ()
        assert fj.compare_fits(val, unknown).parity == ()

    def test_nats_against_bits_per_character(self) -> None:
        per_character = 1 / np.log(2) / 4.2
        bpc = fj.Chinchilla(
            E=1.8 * per_character, A=480 * per_character, B=2000 * per_character,
            alpha=0.35, beta=0.37,
        )  # fmt: skip
        with pytest.raises(ValueError, match=r"2.91 to 2.91 times.*different units.*convert_loss"):
            fj.compare_fits(A, bpc, **DOMAIN)

    def test_a_domain_where_a_law_is_nan(self) -> None:
        odd = fj.Chinchilla(E=np.nan, A=480.0, B=2000.0, alpha=0.35, beta=0.37)
        with pytest.raises(
            ValueError, match=r"law of B \(chinchilla\) has no finite positive loss"
        ):
            fj.compare_fits(A, odd, **DOMAIN)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"N": None}, "N: laws without runs"),
            (
                {"N": (1e11, 1e8)},
                r"N: .*the lower one first, got \(1e\+11, 1e\+08\)",
            ),
            ({"D": [1e9, -1.0]}, "D: values must be positive"),
            ({"D": []}, "D: expected .low, high"),
            ({"compute": [0.0]}, "compute: values must be positive"),
            ({"tokens_per_parameter": -20.0}, "tokens_per_parameter: values must be positive"),
            ({"tokens_per_parameter": [20, 30]}, "tokens_per_parameter: expected one number"),
            ({"compute": [1e20, 1e306]}, "compute: expected at most 1.8e.304 FLOPs, got 1e.306"),
            ({"compute": "x"}, "compute: expected numbers, got 'x'"),
            ({"tolerance": 1.0}, "tolerance: expected a number in"),
            (
                {"N": (1e8, 1e300), "D": (1e9, 1e300)},
                r"domain, N from 1e\+08 to 1e\+300 and D from 1e\+09 to 1e\+300, is so wide",
            ),
            ({"N": (1e-300, 1e8), "D": (1e-300, 1e9)}, "N from 1e-300 to 1e.08 .* is so wide"),
        ],
    )
    def test_numbers(self, options: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            fj.compare_fits(A, B, **{**DOMAIN, **options})

    def test_kinds(self) -> None:
        with pytest.raises(TypeError, match=r"a: expected a Fit, a law .*or a Bootstrap"):
            fj.compare_fits("a.json", B, **DOMAIN)
        for names in (("a", "a"), ("a", "b", "c"), ("a", ""), "ab"):
            with pytest.raises(ValueError, match="names: expected two different names"):
                fj.compare_fits(A, B, names=names, **DOMAIN)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="b: expected one law, got a stack"):
            fj.compare_fits(A, law_of(np.ones(3)), **DOMAIN)

    def test_lines(self, found: fj.FitComparison) -> None:
        with pytest.raises(
            ValueError, match="expected exactly one of N, D, compute, tokens_per_parameter"
        ):
            found.line()
        with pytest.raises(ValueError, match=r"compute=1e\+30 misses the domain"):
            found.line(compute=1e30)
        with pytest.raises(ValueError, match="compute: expected numbers, got 'x'"):
            found.line(compute="x")  # type: ignore[arg-type]


class TestRuns:
    def test_points_are_matched(self) -> None:
        a = fj.Runs([1e9, 1e9, 2e9, 2e9], [1e10, 2e10, 1e10, 1e10], [3.0, 2.9, 2.8, 2.6])
        b = fj.Runs([1.01e9, 2e9, 4e9], [1e10, 1e10, 1e10], [3.3, 2.7, 2.5])
        both = match(a, b, 0.02)
        np.testing.assert_allclose(both.N, [1e9 * np.sqrt(1.01), 2e9])
        np.testing.assert_allclose(both.loss_a, [3.0, 2.7])  # repeats are averaged
        np.testing.assert_allclose(both.loss_b, [3.3, 2.7])
        assert both.num_alone == (1, 1)
        assert both.largest_mismatch == pytest.approx(0.01)
        assert match(a, b, 1e-3).N.tolist() == [2e9]


class TestCounts:
    def test_bad_input(self) -> None:
        runs = fj.example_runs()
        with pytest.raises(ValueError, match="no extra column has a usual name"):
            fj.compare_counts(runs, held_out=6e9)
        total = fj.Runs(runs.N, runs.D, runs.loss, {"N_total": 1.1 * runs.N})
        with pytest.raises(ValueError, match="held_out: no run is held out"):
            fj.compare_counts(total, held_out=1e12)
        with pytest.raises(ValueError, match="held_out: every run is held out"):
            fj.compare_counts(total, held_out=1e6)
        with pytest.raises(ValueError, match="held_out: expected the smallest N"):
            fj.compare_counts(total, held_out=[True])
        with pytest.raises(ValueError, match="no column 'total'"):
            fj.compare_counts(total, held_out=6e9, embeddings="total")


@pytest.fixture(scope="module")
def ladder(shared_data: Path) -> dict[str, fj.Runs]:
    import pandas as pd

    table = pd.read_csv(shared_data / "complexkda_ladder.csv")
    return {
        str(arm): fj.Runs.from_dataframe(rows.drop(columns="arm"))
        for arm, rows in table.groupby("arm")
    }


class TestRealRuns:
    def test_two_arms_of_a_ladder(self, ladder: dict[str, fj.Runs]) -> None:
        """Normalised queries and keys win at all 30 points; fits that follow the runs agree."""
        fits = [fj.fit(fj.Coupled, ladder[arm], METHOD) for arm in ("attn", "attn-qknorm")]
        found = fj.compare_fits(*fits, names=("plain", "qk-norm"))
        assert found.contradictions == ()
        own = found.multipliers
        assert own.optimal[own.inside] == pytest.approx(0.78, abs=0.02)
        assert (found.difference[found.inside] > 0).all()

    def test_fits_that_contradict_the_points_are_told(self, ladder: dict[str, fj.Runs]) -> None:
        """Five D per size are too few for the piecewise method here."""
        fits = [fj.fit(fj.Farseer, ladder[arm]) for arm in ("attn", "attn-qknorm")]
        found = fj.compare_fits(*fits)
        runs = fits[0].runs
        fitted = found.at(runs.N, runs.D).difference
        longest = runs.D > 4.9e10
        assert (fitted[longest] < 0).all()
        assert longest.sum() == 6
        missed, contradicted = found.contradictions
        assert "trust the points, not the surfaces; compare the tables of runs" in missed
        assert "compare_runs, `farseer compare A.csv B.csv`" in missed
        assert "B is better at 30 of the 30 points" in contradicted
        assert "by the fits, at 24 of them and in 43% of this domain" in contradicted
        assert found.warnings[:2] == found.contradictions
        assert any(w.startswith("A: the fit misses its own runs by 1.1%") for w in found.warnings)
        assert any(w.startswith("B: the curve A(N) misses") for w in found.warnings)
        text = str(found)
        assert text.startswith(f"warning: {missed}")  # first, and once
        assert text.count("trust the points") == 1

    def test_a_loss_that_rises_is_told_at_the_points(self, ladder: dict[str, fj.Runs]) -> None:
        """Attention by the piecewise method, at 15e12 tokens: 1.52 at 70 B, 1.78 at 200 B."""
        fits = [fj.fit(fj.Farseer, ladder[arm]) for arm in ("attn", "kda-sig-hybrid-lowrank")]
        found = fj.compare_fits(*fits, N=(1e9, 1e11), D=(1e12, 2e13), names=("attn", "hybrid"))
        at = found.at([70e9], [15e12])
        assert at.difference[0] < 0  # against 30 of 30 runs
        assert at.warnings[0].startswith(
            "the loss of attn rises with N at N = 70 B, D = 15 T, beyond"
        )
        assert f"warning: {at.warnings[0]}" in str(at)
        assert any(w.startswith("the loss of attn rises with N at ") for w in found.warnings)

    def test_architectures_with_slightly_different_sizes(self, ladder: dict[str, fj.Runs]) -> None:
        both = match(ladder["attn"], ladder["kda-sig-lowrank"], 0.02)
        assert len(both.N) == 30
        assert both.largest_mismatch == pytest.approx(0.0081, abs=1e-4)

    def test_english_against_chinese_and_counts(self, shared_data: Path) -> None:
        path = shared_data / "farseer_404.csv"
        fits = [
            fj.fit(fj.Farseer, fj.read_runs(path, loss=name).select(min_N=2e8, max_N=5.36e9))
            for name in ("bpc_en_web", "bpc_zh")
        ]
        with pytest.raises(ValueError, match="'bpc_en_web' of A and 'bpc_zh' of B"):
            fj.compare_fits(*fits)
        found = fj.compare_fits(*fits, comparable=True)
        observed = fits[0].runs.loss / fits[1].runs.loss - 1
        at = found.at(fits[0].runs.N, fits[0].runs.D)
        assert at.difference == pytest.approx(observed, abs=0.02)
        assert (found.difference < -0.5).all()  # Chinese costs more bits per character
        runs = fj.read_runs(path).select(min_N=2e8)
        counts = fj.compare_counts(runs, held_out=6e9)
        assert counts.own.held_out_error == pytest.approx(5.28e-4, rel=0.01)
        assert counts.other.held_out_error == pytest.approx(2.39e-3, rel=0.02)
        assert 4.0 < counts.error_ratio < 5.0
        assert counts.other.fitted_error < 1.2 * counts.own.fitted_error  # alike where fitted
        assert "N_with_embedding predicts the held-out runs 4.5 times worse than N." in str(counts)
        json.dumps(counts.to_dict(), allow_nan=False)
        assert counts.to_dataframe()["held_out"].sum() == 12
        assert plot_counts(counts).get_xlabel() == "parameters N, the runs' own count"
