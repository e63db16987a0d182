"""Is the stated winner the winner? Probabilities by noise alone, and calibrated by hold-outs."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import numpy as np
import pytest
from test_compare_fits import DOMAIN, A, B
from weighted_mean import fit_of, mean_fit

import farseer_jax as fj
from farseer_jax.decisions import difference_calibration as _calibrated
from farseer_jax.decisions.compared_fits import FitPair, compared_fit
from farseer_jax.decisions.difference_calibration import DifferenceCalibration, calibrate_difference
from farseer_jax.decisions.multiplier_intervals import _ends
from farseer_jax.decisions.parity_curves import parity_curves
from farseer_jax.decisions.win_probability import is_paired, win_probability
from farseer_jax.methods.method import SolvedBatch
from farseer_jax.uncertainty.calibration import Calibration
from farseer_jax.uncertainty.draws import MemoryDraws

ALPHA, BETA = 0.3, 0.3
FAR = np.array([1e10, 1e10, 3e10, 3e10, 1e11]), np.array([2e11, 1e12, 2e11, 1e12, 2e12])
TRUTH = fj.example_law()


@dataclass(frozen=True)
class FixedExponents:
    """E, A and B of Chinchilla's law by linear least squares: NumPy alone, nothing to compile."""

    name: ClassVar[str] = "fixed-exponents"

    def prepare(self, law: Any, runs: fj.Runs) -> np.ndarray:
        return np.stack([np.ones(len(runs)), runs.N**-ALPHA, runs.D**-BETA], axis=1)

    def fit_one(self, design: Any, losses: np.ndarray, weights: np.ndarray) -> Any:
        raise NotImplementedError

    def fit_block(self, design: Any, losses: np.ndarray, weights: np.ndarray) -> SolvedBatch:
        rows = design / losses[..., None]
        inner = np.einsum("rni,rn,rnj->rij", rows, weights, rows)
        outer = np.einsum("rni,rn->ri", rows, weights)[..., None]
        E, of_N, of_D = np.linalg.solve(inner, outer)[..., 0].T
        law = fj.Chinchilla(E=E, A=of_N, B=of_D, alpha=ALPHA + 0 * E, beta=BETA + 0 * E)
        return SolvedBatch(law, np.full(len(E), fj.Outcome.success.code), 0 * E)

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name}


def refitted(runs: fj.Runs, seed: int = 0, num: int = 100, **given: Any) -> fj.Bootstrap:
    method = FixedExponents()
    design = method.prepare(None, runs)
    law = method.fit_block(design, runs.loss[None], np.ones((1, len(runs)))).law
    one = fj.Chinchilla(*(float(leaf[0]) for leaf in (law.E, law.A, law.B, law.alpha, law.beta)))
    return fj.bootstrap(fit_of(one, runs, method), num, seed=seed, **given)


def changed(curve: fj.StretchedExponential, **by: float) -> fj.StretchedExponential:
    names = ("level", "slope", "exponent", "pivot")
    return fj.StretchedExponential(
        **{name: float(getattr(curve, name)) + by.get(name, 0.0) for name in names}
    )


def recipe(rng: np.random.Generator) -> fj.Farseer:
    """Near the example's law, with another curvature in ln N, which Chinchilla's has not."""
    level, exponent = np.array([0.002, 0.02]) * rng.standard_normal(2)
    return fj.Farseer(U=changed(TRUTH.U, level=level, exponent=exponent), B=TRUTH.B, A=TRUTH.A)


def grid() -> tuple[np.ndarray, np.ndarray]:
    """Every third size of the paper's."""
    N, D = fj.paper_grid()
    kept = np.isin(N, np.unique(N)[::3])
    return N[kept], D[kept]


def pair_of(a: fj.Bootstrap, b: fj.Bootstrap) -> FitPair:
    return FitPair(compared_fit(a, "a", "A"), compared_fit(b, "b", "B"))


@pytest.fixture(scope="module")
def worlds() -> list[tuple[fj.Farseer, fj.Farseer, fj.Bootstrap, fj.Bootstrap]]:
    """Pairs of recipes of Farseer's law, fitted by Chinchilla's."""
    rng, found = np.random.default_rng(5), []
    for world in range(40):
        a, b = recipe(rng), recipe(rng)
        one, two = (
            refitted(fj.simulate(law, *grid(), noise=5e-4, seed=2 * world + i), world)
            for i, law in enumerate((a, b))
        )
        found.append((a, b, one, two))
    return found


class TestHonesty:
    def test_a_wrong_law_is_too_sure_by_noise_alone_and_not_when_calibrated(
        self, worlds: Any
    ) -> None:
        wins = np.concatenate([np.asarray(a(*FAR) < b(*FAR)) for a, b, _, _ in worlds])
        stated = {}
        for kind in ("percentile", "calibrated"):
            p = np.concatenate(
                [win_probability(pair_of(one, two), kind).at(*FAR) for _, _, one, two in worlds]
            )
            sure = np.maximum(p, 1 - p)
            right = np.where(p >= 0.5, wins, ~wins)
            stated[kind] = sure.mean(), right.mean(), right[sure > 0.95].mean(), (p - wins) ** 2
            num_sure = int((sure > 0.95).sum())  # at last: of the calibrated
        said, won, won_if_sure, brier = stated["percentile"]
        assert said > won + 0.15
        assert won_if_sure < 0.8  # said: more than 0.95
        said, won, won_if_sure, calibrated_brier = stated["calibrated"]
        assert said < won + 0.1
        assert won_if_sure > 0.95
        assert num_sure >= 20
        assert calibrated_brier.mean() < brier.mean() - 0.03

    def test_what_both_laws_get_wrong_alike_cancels(self, worlds: Any) -> None:
        _, _, one, two = worlds[0]
        own = calibrate_difference(one, two, paired=True)
        assert own.is_shared
        assert own.num_holdouts == one.calibration.num_holdouts == 3
        ratios = []
        for _, _, one, two in worlds:
            (difference,) = calibrate_difference(one, two, paired=True).parts
            alone = one.calibration.rate_quantile(0.5)
            ratios.append(difference.rate_quantile(0.5) / alone)
        assert np.median(ratios) < 0.25
        assert max(ratios) < 1.0

    def test_without_common_points_both_misfits_are_added(self, worlds: Any) -> None:
        a, _, one, _ = worlds[0]
        N, D = grid()
        other = refitted(fj.simulate(a, 1.3 * N, D, noise=5e-4, seed=9))
        own = calibrate_difference(one, other, paired=False)
        assert not own.is_shared
        assert own.parts == (one.calibration, other.calibration)
        found = win_probability(pair_of(one, other), None)
        assert "misfits of both added" in found.note
        assert "independent draws" in found.note

    def test_sizes_that_differ_a_little_are_common_points(self, worlds: Any) -> None:
        a, _, one, _ = worlds[0]
        N, D = grid()
        order = np.random.default_rng(0).permutation(len(N))  # nor need they be in one order
        near = refitted(fj.simulate(a, 1.01 * N[order], D[order], noise=5e-4, seed=9))
        assert calibrate_difference(one, near, paired=False).is_shared

    def test_both_chances_add_up_to_one(self, worlds: Any) -> None:
        _, _, one, two = worlds[0]
        there, back = (
            win_probability(pair_of(*pair), None).at(*FAR) for pair in ((one, two), (two, one))
        )
        np.testing.assert_allclose(there + back, 1.0, atol=1e-12)

    def test_intervals_of_multipliers_hold_beyond_the_runs(self, worlds: Any) -> None:
        compute, domain = [1e22, 1e24], {"N": [1e9, 2e10], "D": [1e10, 1e12]}
        held: dict[str, list[np.ndarray]] = {"percentile": [], "calibrated": []}
        for a, b, one, two in worlds[:8]:
            true = fj.compare_fits(a, b, **domain, compute=compute).multipliers
            for kind, own in held.items():
                found = fj.compare_fits(one, two, **domain, compute=compute, kind=kind).multipliers
                assert found.intervals is not None
                for name, ends in found.intervals.items():
                    known = getattr(true, name)
                    own.append((ends.lower <= known) & (known <= ends.upper))
        assert np.mean(held["percentile"]) < 0.1  # said: 0.9
        assert np.mean(held["calibrated"]) > 0.75  # 32, of few worlds

    def test_what_a_law_misses_between_two_budgets_counts(self) -> None:
        """B is A for m times the compute, so that both fits are wrong alike, at other budgets."""
        m, (N, D) = 2.0, grid()
        noise = np.exp(5e-4 * np.random.default_rng(0).standard_normal((2, len(N))))
        shift = np.sqrt(m)
        one, two = (
            refitted(fj.Runs(N, D, np.asarray(TRUTH(N / by, D / by)) * own), 1)
            for by, own in zip((1.0, shift), noise, strict=True)
        )
        found = fj.compare_fits(one, two, compute=[1e23, 1e24]).multipliers.intervals
        assert found is not None
        for ends in found.values():
            assert (ends.lower < m).all()
            assert (ends.upper > m).all()

    def test_a_hold_out_counts_once(self, worlds: Any) -> None:
        """Two cutoffs of A between two sizes of B fit the same of the common points."""
        a, _, one, _ = worlds[0]
        N, D = grid()
        kept = np.isin(N, np.unique(N)[[0, 1, 2, 3, 5, 6]])
        half = refitted(fj.simulate(a, N[kept], D[kept], noise=5e-4, seed=9))
        for pair in ((one, half), (half, one)):
            (own,) = calibrate_difference(*pair, paired=False).parts
            assert own.num_holdouts == half.calibration.num_holdouts == 2

    def test_a_law_against_itself_has_no_misfit(
        self, worlds: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, _, one, _ = worlds[0]
        twin = refitted(one.fit.runs)
        assert is_paired(one, twin)
        for more in (0, 1):  # sizes that hold-outs of the twin's law need in addition
            monkeypatch.setattr(
                _calibrated, "least_sizes", lambda fit, n=more: 3 + n * (fit is twin.fit)
            )
            own = calibrate_difference(one, twin, paired=True)
            assert own.is_shared
            assert own.parts[0].rate.tolist() == [0.0]
        found = fj.compare_fits(one, twin, compute=[1e20, 1e24])
        assert found.multipliers.intervals is not None
        for ends in found.multipliers.intervals.values():
            np.testing.assert_allclose([ends.lower, ends.upper], 1.0, rtol=1e-9)


class TestModel:
    def node(self, rate: float) -> Calibration:
        return Calibration(np.array([rate]), np.ones(1), 3, 1.0, 0.0)

    def test_probability_is_that_of_a_normal_miss(self) -> None:
        from scipy.special import ndtr

        gap, error = np.array([-0.01, 0.004, 0.0]), np.array([0.003, 0.002, 0.001])
        far = np.array([1.0, 0.0, 2.0]), np.array([0.5, 0.0, 3.0])
        shared = DifferenceCalibration((self.node(0.01),)).probability_below(gap, error, far)
        expected = ndtr(-gap / np.hypot(error, 0.01 * np.maximum(*far)))
        np.testing.assert_allclose(shared, expected, atol=1e-6)
        each = DifferenceCalibration((self.node(0.01), self.node(0.02)))
        spread = np.sqrt(error**2 + (0.01 * far[0]) ** 2 + (0.02 * far[1]) ** 2)
        np.testing.assert_allclose(
            each.probability_below(gap, error, far), ndtr(-gap / spread), atol=1e-6
        )
        half = each.half_width(error, far, level=0.9)
        np.testing.assert_allclose(half, 1.6448536 * spread, rtol=1e-4)

    def test_no_spread_is_a_certain_winner(self) -> None:
        zero = np.zeros(3)
        own = DifferenceCalibration((self.node(0.01),))
        found = own.probability_below(np.array([-1e-3, 0.0, 1e-3]), zero, (zero, zero))
        assert found.tolist() == [1.0, 0.5, 0.0]

    def test_rates_are_a_mixture(self) -> None:
        two = Calibration(np.array([0.0, 1.0]), np.array([0.7, 0.3]), 3, 1.0, 0.0)
        one = np.ones(1)
        found = DifferenceCalibration((two,)).probability_below(-one, 0.001 * one, (one, one))
        assert found[0] == pytest.approx(0.7 + 0.3 * 0.8413447, abs=1e-6)


class TestKinds:
    def test_the_default_is_calibrated_and_says_so(self, worlds: Any) -> None:
        _, _, one, two = worlds[0]
        found = fj.compare_fits(one, two, N=[1e9, 2e10], D=[1e10, 1e12], compute=[1e20, 1e24])
        assert found.chances is not None
        assert found.chances.kind == "calibrated"
        assert "from 3 hold-outs of the difference" in str(found)
        alone = fj.compare_fits(
            one, two, N=[1e9, 2e10], D=[1e10, 1e12], compute=[1e20, 1e24], kind="percentile"
        )
        assert "percentile, paired draws, the laws are assumed to be exact" in str(alone)
        content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert content["probability_kind"] == "calibrated"
        assert content["level"] == 0.9
        np.testing.assert_array_equal(
            found.probability, found.chances.at(found.N[:, None], found.D)
        )
        own, noise = (f.multipliers.intervals for f in (found, alone))
        assert own is not None
        assert noise is not None
        wide, narrow = (np.log(i["at_ratio"].upper / i["at_ratio"].lower) for i in (own, noise))
        assert wide[1] > 3 * narrow[1]  # far beyond the runs
        assert own["optimal"].kind == "calibrated"
        assert "its 90 % interval" in str(found)

    def test_refusals(self, worlds: Any) -> None:
        _, _, one, two = worlds[0]
        with pytest.raises(ValueError, match="kind: expected 'calibrated' or 'percentile'"):
            fj.compare_fits(one, two, kind="bca")
        with pytest.raises(ValueError, match="needs a Bootstrap of both a and b"):
            fj.compare_fits(one.fit, two, kind="percentile")
        few = pair_of_draws()
        with pytest.raises(ValueError, match="kind 'calibrated' needs hold-outs of both"):
            win_probability(pair_of(*few), "calibrated")
        assert win_probability(pair_of(*few), None).kind == "percentile"
        with pytest.raises(ValueError, match="level"):
            fj.compare_fits(one, two, level=90)


def pair_of_draws() -> tuple[fj.Bootstrap, fj.Bootstrap]:
    """Seven refits each, the third of A failed; too few sizes for a hold-out."""
    rng = np.random.default_rng(1)
    good, bad = fj.Outcome.success.code, fj.Outcome.too_few_sizes.code
    boots = []
    for law, failed in ((A, 2), (B, 99)):
        centre = np.array([law.E, law.A, law.B, law.alpha, law.beta])
        moved = centre * (1 + [0.001, 0.01, 0.01, 0.001, 0.001] * rng.standard_normal((7, 5)))
        code = np.where(np.arange(7) == failed, bad, good)
        batch = fj.BatchFit(fj.Chinchilla(*moved.T), code, np.zeros(7))
        fit = fit_of(law, mean_fit().runs, FixedExponents())
        boots.append(fj.Bootstrap(fit, fj.WildBootstrap(), 0, MemoryDraws(batch)))
    return boots[0], boots[1]


class TestMultipliers:
    def test_each_pair_of_refits_has_its_own(self) -> None:
        """Ends are quantiles of what two laws alone give."""
        a, b = pair_of_draws()
        compute = [1e20, 1e22]
        own = fj.compare_fits(a, b, **DOMAIN, compute=compute, level=0.5).multipliers
        assert own.intervals is not None
        pairs = []
        for i in (0, 1, 3, 4, 5, 6):
            laws = [
                jax.tree.map(lambda leaf, i=i: leaf[i], next(iter(one.draws.batches())).law)
                for one in (a, b)
            ]
            pairs.append(fj.compare_fits(*laws, **DOMAIN, compute=compute).multipliers)
        for name in ("optimal", "at_ratio"):
            found = own.intervals[name]
            each = np.array([getattr(pair, name) for pair in pairs])
            ends = np.exp(np.quantile(np.log(each), [0.25, 0.75], axis=0, method="weibull"))
            np.testing.assert_allclose([found.lower, found.upper], ends, rtol=1e-9)
            np.testing.assert_array_equal(found.estimate, getattr(own, name))
            assert (found.num_failed, found.num_resamples, found.level) == (1, 7, 0.5)
        table = own.to_dataframe()
        assert table["optimal_lower"].tolist() == own.intervals["optimal"].lower.tolist()
        assert {"at_ratio_lower", "at_ratio_upper", "inside"} < set(table)

    def test_draws_beyond_the_search_are_at_its_ends(self) -> None:
        """Left out, they would make the interval narrow where least is known."""
        draws = np.zeros((99, 3))
        draws[:40, 1], draws[:, 2] = np.inf, np.nan
        lower, upper = _ends(draws, 0.9)
        np.testing.assert_array_equal(lower, [1.0, 1.0, np.nan])
        np.testing.assert_array_equal(upper, [1.0, np.inf, np.nan])
        lower, upper = _ends(-draws, 0.9)
        np.testing.assert_array_equal(lower, [1.0, 0.0, np.nan])


class TestParity:
    # 2000 D^-0.37 − 1000 D^-0.34 is lowest at D = (2 · 0.37 / 0.34)^(1 / 0.03); lifted nearly to 0
    LOWEST = np.log(2 * 0.37 / 0.34) / 0.03
    HALF = 0.02  # e-folds between the lowest point and a crossing: a fifth of a step of a line

    def laws(self) -> tuple[fj.Chinchilla, fj.Chinchilla, np.ndarray]:
        from scipy.optimize import brentq

        def gap(x: float) -> float:
            return float(2000 * np.exp(-0.37 * x) - 1000 * np.exp(-0.34 * x))

        level = gap(self.LOWEST + self.HALF)
        ends = [(self.LOWEST - 0.1, self.LOWEST), (self.LOWEST, self.LOWEST + 0.1)]
        roots = [brentq(lambda x: gap(x) - level, *end, xtol=1e-14) for end in ends]
        lifted = fj.Chinchilla(E=1.8 - level, A=480.0, B=2000.0, alpha=0.35, beta=0.37)
        return lifted, B, np.exp(roots)

    def test_two_crossings_within_a_step(self) -> None:
        one, two, roots = self.laws()
        for a, b in ((one, two), (two, one)):
            found = fj.compare_fits(a, b, N=(1e8, 1e11), D=(1.05e9, 1.05e12), compute=[1e20])
            assert (np.sign(found.difference) == np.sign(found.difference[0, 0])).all()
            assert len(found.parity) == 2
            for curve, root in zip(
                sorted(found.parity, key=lambda curve: curve.D[0]), roots, strict=True
            ):
                np.testing.assert_allclose(curve.D, root, rtol=1e-9)
                np.testing.assert_allclose(np.sort(curve.N), found.N)
            np.testing.assert_allclose(found.line(N=1e9).parity_D, roots, rtol=1e-9)
            assert "178 B, 185 B" in str(found)

    def test_two_laws_that_nearly_touch_do_not_cross(self) -> None:
        one, two, _ = self.laws()
        apart = fj.Chinchilla(E=one.E + 1e-3, A=one.A, B=one.B, alpha=one.alpha, beta=one.beta)
        found = fj.compare_fits(apart, two, **DOMAIN, compute=[1e20])
        assert found.parity == ()
        assert found.line(N=1e9).parity_D.size == 0

    @pytest.mark.parametrize("slope", [0.2, 0.7, -1.3, 3.0])
    @pytest.mark.parametrize("half", [0.3, 0.05, 0.02])
    def test_a_strip_narrower_than_a_step_has_two_sides(self, slope: float, half: float) -> None:
        def gap(N: Any, D: Any) -> Any:
            return (np.log(D) - slope * np.log(N) - 0.37) ** 2 - half**2

        axis = np.exp(np.linspace(-2, 2, 17))
        curves = parity_curves(gap, axis, axis)
        assert len(curves) == 2
        for curve in curves:
            off = np.log(curve.D) - slope * np.log(curve.N) - 0.37
            np.testing.assert_allclose(off, np.sign(off[0]) * half, atol=1e-12)
