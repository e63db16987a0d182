"""Optimal inputs: closed forms, allocate, SciPy's minima, whole numbers, intervals, refusals."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize

import farseer_jax as fj
from farseer_jax.fitting.fit_batch import BatchFit
from farseer_jax.fitting.fits import Fits
from farseer_jax.uncertainty.draws import MemoryDraws

LAW = fj.Chinchilla(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
BUDGETS = np.array([1e19, 1e21, 1e23])
Streams = fj.law("N, P | E + (A/(N*(k*log(P) + 1)))**alpha")
STREAMS = Streams(E=1.3, A=1.6e8, k=0.34, alpha=0.2)
Mixed = fj.law("N, h | (E + A/N**a)/sum(c[h]*h**g[h])").with_shares({"h": ("web", "code", "math")})
MIXED = Mixed(E=1.7, A=300.0, a=0.33, c=np.array([0.4, 0.5, 0.1]), g=np.array([0.2, 0.6, 1.2]))
Falling = fj.law("h | E + A*exp(-sum(t[h]*h))", real=["t"]).with_shares({"h": ("a", "b", "c")})


class Experts(fj.Law):
    """A law with a number of experts that costs memory."""

    E: fj.Positive
    A: fj.Positive
    alpha: fj.Exponent

    def loss(self, N: Any, experts: fj.Count) -> Any:
        """Falls with N and with the experts."""
        return self.E + self.A / (N * experts**0.7) ** self.alpha


class TestSizesAndTokens:
    @pytest.mark.parametrize(
        "law",
        [
            LAW,
            fj.example_law(),
            fj.Coupled(E=0.2, A=2.0e4, B=2.0e5, alpha=0.6, beta=0.5, k=0.6),
        ],
        ids=["chinchilla", "farseer", "coupled"],
    )
    def test_equal_allocate(self, law: fj.Law) -> None:
        found = fj.optimise(law, ["N", "D"], cost="6*N*D", budget=BUDGETS)
        expected = fj.allocate(law, BUDGETS)
        assert np.isfinite(expected.N).all()
        np.testing.assert_allclose(found.inputs["N"], expected.N, rtol=1e-8)
        np.testing.assert_allclose(found.inputs["D"], expected.D, rtol=1e-8)
        np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-12)
        # the multiplier of the budget is the power with which the loss falls
        (power,) = found.multipliers.values()
        np.testing.assert_allclose(power, -expected.exponent_loss, rtol=1e-6)
        assert (found.residual < 1e-12).all()
        assert (found.num_arrived == found.num_starts).all()

    def test_the_closed_form(self) -> None:
        found = fj.optimise(LAW, ["N", "D"], budget=BUDGETS)
        G = (0.34 * 406.4 / (0.28 * 410.7)) ** (1 / (0.34 + 0.28))
        expected = G * (BUDGETS / 6) ** (0.28 / (0.34 + 0.28))
        np.testing.assert_allclose(found.inputs["N"], expected, rtol=1e-10)
        np.testing.assert_allclose(found.inputs["D"], BUDGETS / 6 / expected, rtol=1e-10)

    def test_a_cost_by_a_function_equals_the_text(self) -> None:
        by_text = fj.optimise(LAW, ["N", "D"], cost="6*N*D + 2*N*1e12", budget=1e22)
        by_function = fj.optimise(
            LAW, ["N", "D"], cost=lambda N, D: 6 * N * D + 2 * N * 1e12, budget=1e22
        )
        served = fj.allocate(LAW, 1e22, tokens_served=1e12)
        for found in (by_text, by_function):
            np.testing.assert_allclose(found.inputs["N"], served.N, rtol=1e-8)

    def test_limits_of_tokens(self) -> None:
        found = fj.optimise(LAW, ["N", "D"], budget=1e23, at_most={"D": 2e11})
        assert found.inputs["D"][0] == pytest.approx(2e11, rel=1e-10)
        assert found.inputs["N"][0] == pytest.approx(1e23 / 6 / 2e11, rel=1e-10)
        assert found.limited_by[0] == ("6*N*D <= budget", "D <= 200 B")
        assert "D: the optimum is at at_most=2e+11" in found.warnings[0]

    def test_tokens_are_not_below_given_unique_tokens(self) -> None:
        law = fj.with_effective(fj.Chinchilla, D=fj.RepeatedTokens)(
            E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28, R_D=15.0
        )
        U = float(2.0 * fj.allocate(LAW, 1e21).D[0])
        found = fj.optimise(law, ["N", "D"], given={"U": U}, budget=1e21)
        assert found.inputs["D"][0] == pytest.approx(U, rel=1e-8)
        assert "U <= D" in found.limited_by[0]

    def test_budgets_and_points_at_once_equal_each_alone(self) -> None:
        law = fj.with_effective(fj.Chinchilla, D=fj.RepeatedTokens)(
            E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28, R_D=15.0
        )
        U, budgets = np.array([1e10, 1e11]), np.array([1e21, 1e22])
        found = fj.optimise(law, ["N", "D"], given={"U": U}, budget=budgets)
        assert found.given["U"].tolist() == [1e10, 1e10, 1e11, 1e11]
        assert found.budget is not None
        assert found.budget.tolist() == [1e21, 1e22, 1e21, 1e22]
        for k in range(4):
            own = {"U": found.given["U"][k]}
            alone = fj.optimise(law, ["N", "D"], given=own, budget=found.budget[k])
            np.testing.assert_allclose(found.inputs["N"][k], alone.inputs["N"][0], rtol=1e-9)

            # repeating is worth less than new tokens: by SciPy along the budget, where U <= D
            def loss(u: float, k: int = k) -> float:
                C, own = float(np.asarray(found.budget)[k]), float(found.given["U"][k])
                N = min(np.exp(u), C / 6 / own)
                return float(law(N=N, D=C / 6 / N, U=own))

            with jax.enable_x64(True):
                scipy = minimize(
                    lambda u: loss(u[0]),
                    np.log(1e9),
                    method="Nelder-Mead",
                    options={"xatol": 1e-10, "fatol": 1e-15},
                )
            assert found.loss[k] == pytest.approx(scipy.fun, rel=1e-10)


class TestStreams:
    def test_the_hand_solved_number_of_streams(self) -> None:
        """N = C/(1 + c·P), and (k·ln P + 1)/(1 + c·P) is greatest."""
        c, k = 0.05, 0.34
        P = brentq(lambda p: k / p * (1 + c * p) - c * (k * np.log(p) + 1), 1.0, 100.0)
        found = fj.optimise(
            STREAMS, ["N", "P"], cost="N*(1 + 0.05*P)", budget=1e9, at_least={"P": 1},
            at_most={"P": 64},
        )  # fmt: skip
        assert found.inputs["P"][0] == pytest.approx(P, rel=1e-9)
        assert found.inputs["N"][0] == pytest.approx(1e9 / (1 + c * P), rel=1e-9)
        assert found.residual[0] < 1e-12

    def test_a_memory_limit_sets_the_streams(self) -> None:
        found = fj.optimise(
            STREAMS, "P", given={"N": [1e9, 2e9]}, subject_to="2*N*(1 + P) <= 2e10",
            at_least={"P": 1}, at_most={"P": 64},
        )  # fmt: skip
        np.testing.assert_allclose(found.inputs["P"], [9.0, 4.0], rtol=1e-9)
        assert found.limited_by == (("2*N*(1 + P) <= 2e10",),) * 2

    def test_two_constraints_and_the_multipliers(self) -> None:
        def found(C: float) -> fj.Optimum:
            return fj.optimise(
                STREAMS, ["N", "P"], cost="N*(1 + 0.05*P)", budget=C,
                subject_to=["N*P <= 2e9", "1 <= P"], at_least={"P": 0.5}, at_most={"P": 64},
            )  # fmt: skip

        at = found(1e9)
        assert at.inputs["P"][0] * at.inputs["N"][0] == pytest.approx(2e9, rel=1e-9)
        step = 1e-4
        low, high = found(1e9 * np.exp(-step)).loss[0], found(1e9 * np.exp(step)).loss[0]
        power = -np.log(high / low) / (2 * step)
        assert at.multipliers["N*(1 + 0.05*P) <= budget"][0] == pytest.approx(power, rel=1e-5)


def by_slsqp(loss: Callable[[np.ndarray], float], corners: np.ndarray, num: int = 12) -> float:
    """The least loss over convex combinations of corners."""
    rng = np.random.default_rng(1)
    size = len(corners)
    found = [
        minimize(
            lambda w: loss(np.maximum(w, 0.0) @ corners), rng.dirichlet(np.ones(size)),
            method="SLSQP", bounds=[(0.0, 1.0)] * size, options={"ftol": 1e-13, "maxiter": 400},
            constraints=[{"type": "eq", "fun": lambda w: w.sum() - 1.0}],
        )
        for _ in range(num)
    ]  # fmt: skip
    return min(own.fun for own in found)


def mixed_loss(h: np.ndarray) -> float:
    """The law of mixtures at N = 1e9, in plain NumPy."""
    parts = np.array([0.4, 0.5, 0.1]) * h ** np.array([0.2, 0.6, 1.2])
    return float((1.7 + 300.0 / 1e9**0.33) / parts.sum())


@pytest.fixture(scope="module")
def runs() -> fj.Runs:
    """Simulated runs of the law of mixtures."""
    rng = np.random.default_rng(0)
    h = rng.dirichlet([2.0, 2.0, 2.0], 24).repeat(3, axis=0)
    N = np.tile([1e8, 5e8, 2e9], 24)
    parts = (np.array([0.4, 0.5, 0.1]) * h ** np.array([0.2, 0.6, 1.2])).sum(1)
    loss = (1.7 + 300.0 / N**0.33) / parts * np.exp(0.002 * rng.normal(size=len(N)))
    shares = {"h": ("web", "code", "math")}
    return fj.Runs(N=N, loss=loss, inputs={"h": h}, kinds={"h": "mixture"}, shares=shares)


@pytest.fixture(scope="module")
def fitted(runs: fj.Runs) -> fj.Fit:
    method = fj.LeastSquares(fixed={"E": 1.7})
    return fj.fit(fj.law("N, h | (E + A/N**a)/sum(c[h]*h**g[h])"), runs, method=method)


class TestMixtures:
    def test_the_whole_simplex_equals_slsqp(self) -> None:
        found = fj.optimise(MIXED, "h", given={"N": 1e9}, whole_simplex=True)
        assert found.loss[0] == pytest.approx(by_slsqp(mixed_loss, np.eye(3)), rel=1e-9)
        assert sum(found.inputs[name][0] for name in ("web", "code", "math")) == pytest.approx(1)
        assert found.residual[0] < 1e-10
        assert found.num_arrived[0] == found.num_starts[0]

    def test_the_hull_of_the_mixtures_tried_equals_slsqp(self, fitted: fj.Fit) -> None:
        found = fj.optimise(fitted, "h", given={"N": 1e9})
        own = fitted.law.parameters()

        def loss(h: np.ndarray) -> float:
            c, g = (np.array(list(own[name].values())) for name in ("c", "g"))
            return float((own["E"] + own["A"] / 1e9 ** own["a"]) / (c * h**g).sum())

        corners = np.unique(fitted.runs.inputs["h"], axis=0)
        assert found.loss[0] == pytest.approx(by_slsqp(loss, corners), rel=1e-9)
        assert found.limited_by == (("hull of h",),)
        assert "the loss still falls with more" in found.warnings[0]
        assert found.inside_data is not None
        assert found.inside_data.tolist() == [True]

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_is_the_same_from_every_start(self, fitted: fj.Fit, seed: int) -> None:
        first = fj.optimise(fitted, ["h", "N"], subject_to="N <= 1e9", at_most={"N": 1e10})
        other = fj.optimise(
            fitted, ["h", "N"], subject_to="N <= 1e9", at_most={"N": 1e10}, num_starts=3, seed=seed
        )
        for name, own in first.inputs.items():
            np.testing.assert_allclose(other.inputs[name], own, rtol=1e-9)

    def test_an_unused_share_is_exactly_zero(self) -> None:
        law = Falling(E=2.0, A=1.0, t=np.array([2.0, 1.0, -1.0]))
        found = fj.optimise(law, "h", whole_simplex=True)
        assert [found.inputs[name][0] for name in "abc"] == [1.0, 0.0, 0.0]
        assert found.limited_by == (("b >= 0", "c >= 0"),)

    def test_a_direction_that_is_left_open_is_named(self) -> None:
        law = Falling(E=2.0, A=1.0, t=np.array([2.0, 2.0, -1.0]))
        found = fj.optimise(law, "h", whole_simplex=True)
        assert any(
            s.startswith("the fit does not determine the best a and b") for s in found.warnings
        )
        again = fj.optimise(law, "h", whole_simplex=True, seed=5, num_starts=2)
        for optimum in (found, again):  # any split of the two
            assert optimum.inputs["a"][0] + optimum.inputs["b"][0] == pytest.approx(1.0)
            assert optimum.loss[0] == pytest.approx(2.0 + np.exp(-2.0))

    def test_ends_of_a_share(self) -> None:
        found = fj.optimise(
            MIXED,
            "h",
            given={"N": 1e9},
            whole_simplex=True,
            at_most={"code": 0.5},
            at_least={"math": 0.1},
        )
        assert found.inputs["code"][0] == pytest.approx(0.5, abs=1e-12)
        assert found.inputs["math"][0] == pytest.approx(0.1, abs=1e-12)
        assert found.limited_by == (("math >= 0.1", "code <= 0.5"),)

    def test_a_mixture_of_real_runs(self, shared_data: Path) -> None:
        import pandas as pd

        table = pd.read_csv(shared_data / "named_inputs" / "mixture_five_domains.csv")
        fitted = fj.fit(
            fj.law("h | c + k*exp(sum(t[h]*h))", real=["t"]),
            table[table.model == table.model.iloc[0]].reset_index(drop=True),
            response="loss_1", columns_of={"h": "share_*"}, method=fj.LeastSquares(fixed={"c": 2}),
        )  # fmt: skip
        found = fj.optimise(fitted, "h")
        assert found.residual[0] < 1e-9
        assert found.loss[0] <= fitted.predict(h=fitted.runs.inputs["h"]).min() + 1e-12
        assert found.num_arrived[0] == found.num_starts[0]


class TestWholeNumbersAndLabels:
    def test_experts_are_the_best_whole_number(self) -> None:
        law = Experts(E=1.5, A=300.0, alpha=0.3)
        found = fj.optimise(
            law, ["N", "experts"], cost="N*(1 + 0.11*experts)", budget=[1e9, 7e9],
            at_least={"experts": 1}, at_most={"experts": 64},
        )  # fmt: skip
        for k, C in enumerate((1e9, 7e9)):
            e = np.arange(1, 65)
            losses = 1.5 + 300.0 / (C / (1 + 0.11 * e) * e**0.7) ** 0.3
            assert found.inputs["experts"][k] == e[losses.argmin()]
            assert found.loss[k] == pytest.approx(losses.min(), rel=1e-10)

    def test_a_count_alone_up_to_a_limit_that_is_met_exactly(self) -> None:
        law = Experts(E=1.5, A=300.0, alpha=0.3)
        found = fj.optimise(
            law, "experts", given={"N": 1e9}, subject_to="N*experts <= 8.5e9",
            at_least={"experts": 1}, at_most={"experts": 64},
        )  # fmt: skip
        assert found.inputs["experts"].tolist() == [8.0]

    def test_the_best_label(self) -> None:
        table = {
            "N": [1e8, 2e8, 4e8, 8e8] * 2, "arm": ["x"] * 4 + ["y"] * 4,
            "loss": [3.5, 3.2, 3.0, 2.86, 3.1, 2.8, 2.6, 2.46],
        }  # fmt: skip
        law = fj.law("N, arm | E + sum(A[arm]*arm)/N**a", kinds={"arm": "category"})
        found = fj.optimise(fj.fit(law, table), "arm", given={"N": 1e9})
        assert found.inputs["arm"].tolist() == ["y"]


Rates = fj.law("lr | E + k*(log(lr) + u)**2")


def rates(seed: int) -> fj.Fit:
    """A fit of a bowl in ln lr with its lowest point at e^−6."""
    rng = np.random.default_rng(seed)
    lr = np.exp(np.linspace(-8, -4, 24))
    loss = 2.5 + 0.02 * (np.log(lr) + 6.0) ** 2 + 0.01 * rng.normal(size=24)
    return fj.fit(Rates, {"lr": lr, "loss": loss})


def refitted(fitted: fj.Fit, law: fj.Law, laws: fj.Law) -> fj.Bootstrap:
    """A bootstrap with given refits."""
    num = len(jax.tree.leaves(laws)[0])
    batch = BatchFit(laws, np.full(num, fj.Outcome.success.code), np.full(num, 0.01))
    return fj.Bootstrap(replace(fitted, law=law), fj.ResampleRuns(), 0, MemoryDraws(batch))


class TestIntervals:
    def test_are_quantiles_of_the_refits_optima(self) -> None:
        refits = fj.bootstrap(rates(0), 200, seed=3)
        found = fj.optimise(refits, "lr")
        assert found.intervals is not None
        own = found.intervals["lr"]
        lr = np.exp(-np.asarray(refits.laws.u))
        expected = np.quantile(lr, [0.05, 0.95], method="weibull")
        np.testing.assert_allclose([own.lower[0], own.upper[0]], expected, rtol=1e-7)
        assert own.lower[0] < found.inputs["lr"][0] < own.upper[0]
        assert set(found.intervals) == {"lr", "loss"}

    def test_contain_the_true_optimum_as_often_as_they_say(self) -> None:
        """Estimates around u = 6, and refits around each estimate with the same spread."""
        fitted, rng, held = rates(0), np.random.default_rng(0), 0
        for _ in range(40):
            estimate = rng.normal(6.0, 0.1)
            law = Rates(E=2.5, k=0.02, u=estimate)
            draws = {"E": np.full(400, 2.5), "k": np.full(400, 0.02)}
            refits = refitted(fitted, law, Rates(**draws, u=rng.normal(estimate, 0.1, 400)))
            found = fj.optimise(refits, "lr", num_starts=2)
            assert found.intervals is not None
            own = found.intervals["lr"]
            held += bool(own.lower[0] <= np.exp(-6.0) <= own.upper[0])
        assert 31 <= held  # 36 expected, standard deviation 1.9

    def test_of_a_mixture_are_batched_over_points(self, fitted: fj.Fit) -> None:
        rng = np.random.default_rng(0)
        draws = jax.tree.map(
            lambda leaf: np.asarray(leaf) * np.exp(0.02 * rng.normal(size=(200, *np.shape(leaf)))),
            fitted.law,
        )
        refits = refitted(fitted, fitted.law, draws)
        found = fj.optimise(refits, "h", given={"N": [1e8, 1e9]})
        alone = jax.tree.map(lambda leaf: leaf[7], draws)
        best = fj.optimise(replace(fitted, law=alone), "h", given={"N": 1e9})
        assert found.intervals["web"].lower[1] < best.inputs["web"][0] + 0.1
        assert found.intervals is not None
        assert found.intervals["web"].lower.shape == (2,)
        assert "90 % interval" in str(found)


class TestOtherLaws:
    def test_losses_may_be_negative(self) -> None:
        law = fj.law("V | k*(log(V) - u)**2 - E")(k=0.1, u=9.0, E=1.5)
        found = fj.optimise(law, "V", at_least={"V": 1e3}, at_most={"V": 1e5})
        assert found.inputs["V"][0] == pytest.approx(np.exp(9.0), rel=1e-9)
        assert found.loss[0] == pytest.approx(-1.5)

    def test_an_accuracy_is_maximised(self) -> None:
        law = fj.law("lr | b - k*(log(lr) + u)**2", real=["b"])(b=0.6, k=0.05, u=6.0)
        ends = {"at_least": {"lr": 1e-5}, "at_most": {"lr": 1e-1}}
        found = fj.optimise(law, "lr", maximise=True, **ends)
        assert found.inputs["lr"][0] == pytest.approx(np.exp(-6.0), rel=1e-7)
        assert found.loss[0] == pytest.approx(0.6)
        capped = fj.optimise(law, "lr", maximise=True, at_least={"lr": 1e-5}, at_most={"lr": 1e-3})
        assert "the response still rises with larger values" in capped.warnings[0]

    def test_a_constraint_between_inputs(self) -> None:
        found = fj.optimise(LAW, ["N", "D"], budget=1e22, subject_to="D - 20*N <= 0")
        np.testing.assert_allclose(found.inputs["D"] / found.inputs["N"], 20.0, rtol=1e-7)

    def test_an_operation_that_must_be_compiled(self) -> None:
        @fj.law
        def sorted_terms(N, D, *, E, A, B, alpha):  # type: ignore[no-untyped-def]
            return E + jnp.sort(jnp.stack([A / N**alpha, B / D**alpha])).sum()

        law = sorted_terms(E=1.7, A=400.0, B=410.0, alpha=0.3)
        plain = fj.Chinchilla(E=1.7, A=400.0, B=410.0, alpha=0.3, beta=0.3)
        found = fj.optimise(law, ["N", "D"], budget=1e21)
        np.testing.assert_allclose(
            found.inputs["N"], fj.optimise(plain, ["N", "D"], budget=1e21).inputs["N"], rtol=1e-8
        )

    def test_an_end_of_the_runs_is_told(self) -> None:
        table = {"N": [1e8, 4e8] * 3, "P": [1, 1, 2, 2, 4, 4]}
        N, P = (np.array(table[name], float) for name in ("N", "P"))
        fitted = fj.fit(
            Streams, {**table, "loss": 1.3 + (1.6e8 / (N * (0.34 * np.log(P) + 1))) ** 0.2}
        )
        found = fj.optimise(fitted, "P", given={"N": 2e8})
        assert found.inputs["P"][0] == pytest.approx(4.0)
        assert found.warnings[0].startswith(
            "P: the optimum is at the largest value of the runs (4)"
        )
        assert "P from 1 to 4 (the runs)" in str(found)

    def test_a_loss_without_a_least_value_is_told(self) -> None:
        law = fj.Chinchilla(E=1.69, A=406.4, B=0.0, alpha=0.34, beta=0.28)
        found = fj.optimise(law, ["N", "D"], budget=1e21)
        assert "no optimum between 0.1 and 100,000 tokens per parameter" in found.warnings[0]


GIVEN = {"given": {"N": 1e9}}
UP_TO = {"at_most": {"N": 1e9}}
EXPERTS = Experts(E=1.0, A=1.0, alpha=0.3)
REFUSED: list[tuple[fj.Law, str | list[str], dict[str, Any], str]] = [
    (LAW, "X", {}, "over: unknown input 'X'; the law chinchilla has the inputs N, D"),
    (LAW, [], {}, "over: expected names of inputs"),
    (LAW, "N", {}, "given: the law chinchilla also needs D; give a value"),
    (LAW, ["N", "D"], GIVEN, r"given: 'N' is in over too"),
    (LAW, ["N", "D"], {}, "over: nothing limits N and D, and the loss falls with them; give"),
    (LAW, "D", GIVEN, "over: nothing limits D, and the loss falls with it"),
    (LAW, ["N", "D"], {"budget": 1e21, "cost": "6*N*Z"}, "cost: unknown input 'Z'"),
    (LAW, ["N", "D"], {"cost": "6*N*D"}, "budget: the cost needs a limit"),
    (LAW, ["N", "D"], {"budget": -1}, "budget: values must be positive"),
    (LAW, ["N", "D"], {"budget": 1e21, "subject_to": "N"}, "subject_to: expected one inequality"),
    (LAW, ["N", "D"], {"budget": 1e21, "at_most": {"P": 3}}, "at_most: 'P' is not optimised"),
    (LAW, ["N", "D"], {"budget": 1e21, "at_least": {"N": 0}}, "expected a positive number"),
    (LAW, ["N", "D"], {"budget": 1e21, "level": 0.9}, "level: only a bootstrap has intervals"),
    (LAW, ["N", "D"], {"budget": 1e21, "num_starts": 0}, "num_starts: expected a whole number"),
    (
        LAW, ["N", "D"], {"budget": 1e15, "at_least": {"N": 1e9, "D": 1e9}},
        r"satisfies 6\*N\*D <= 1e\+15, where 6\*N\*D is at least 6e\+18; raise the limit",
    ),
    (LAW, "N", {"given": {"D": 1e9}, "at_least": {"N": 2}, "at_most": {"N": 1}}, "N: at_least=2"),
    (STREAMS, "P", GIVEN, "P: the law has no runs, and so no range for it; give at_least"),
    (STREAMS, ["N", "P"], {"budget": 1}, "cost: the budget needs a cost"),
    (MIXED, "web", GIVEN, "'web' is a share of the mixture 'h': give the mixture"),
    (MIXED, "h", GIVEN, "h: a law without runs has no mixtures to search between"),
    (MIXED, "N", {"given": {"h": [0.5, 0.2, 0.2]}, **UP_TO}, "shares from 0 to 1 that sum to 1"),
    (MIXED, "h", {**GIVEN, "whole_simplex": True, "at_least": {"web": -1}}, "a share from 0 to 1"),
    (
        MIXED, "h", {**GIVEN, "whole_simplex": True, "at_least": {"web": 0.7, "code": 0.7}},
        "no h within the ranges satisfies",
    ),
    (
        MIXED, "h", {**GIVEN, "whole_simplex": True, "at_least": {"web": 0.5, "code": 0.5}},
        "web >= 0.5 and code >= 0.5 leave the search no room",
    ),
    (
        LAW, ["N", "D"], {"budget": 1e21, "subject_to": ["D <= 20*N", "D >= 20*N"]},
        r"D <= 20\*N and 20\*N <= D leave the search no room, .* equations: loosen one of these",
    ),
    (LAW, ["N", "D"], {"budget": []}, "budget: expected at least one budget, got none"),
    (
        MIXED, "h", {**GIVEN, "whole_simplex": True, "subject_to": "h <= 0.3"},
        r"subject_to: 'h' is not a number, but the shares web, code, math: limit its shares",
    ),
    (
        MIXED, "h", {**GIVEN, "whole_simplex": True, "subject_to": "web <= 0.3"},
        r"subject_to: 'web' is a share of a mixture, .*: limit it by at_most=\{'web': 0.3\}",
    ),
    (EXPERTS, "N", {"given": {"experts": 0}, **UP_TO}, "experts: values must be positive"),
    (EXPERTS, "N", {"given": {"experts": 1.5}, **UP_TO}, "experts: expected whole numbers"),
    (
        EXPERTS, "experts",
        {**GIVEN, "at_least": {"experts": 0}, "at_most": {"experts": 8}}, "a number from 1",
    ),
]  # fmt: skip


def test_a_response_without_a_greatest_value_is_told() -> None:
    law = fj.law("N, D | E - A/N**a - B/D**b", name="accuracy")(E=0.9, A=3.0, B=3.0, a=0.1, b=0.1)
    found = fj.optimise(law, "N", given={"D": 1e12}, subject_to="N <= 1e30", maximise=True)
    text = str(found).replace("\n", " ")
    assert "greatest loss over N" in text
    assert "the response has no maximum" in text
    assert "minimum" not in text


class TestRefusals:
    @pytest.mark.parametrize(("law", "over", "settings", "message"), REFUSED)
    def test_with_one_sentence(
        self, law: fj.Law, over: str | list[str], settings: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            fj.optimise(law, over, **settings)

    def test_more_unique_tokens_than_tokens(self) -> None:
        law = fj.with_effective(fj.Chinchilla, D=fj.RepeatedTokens)(
            E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28, R_D=15.0
        )
        with pytest.raises(ValueError, match="must not be above D"):
            fj.optimise(law, "N", given={"D": 1e11, "U": 1e12}, at_most={"N": 1e9})

    def test_what_is_not_a_fit(self) -> None:
        with pytest.raises(TypeError, match="optimise: expected a fit, a bootstrap or a law, got"):
            fj.optimise(3, "N")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="got Fits; choose one of them, such as fits"):
            fj.optimise(Fits((rates(0),)), "lr")  # type: ignore[arg-type]

    def test_a_cost_that_is_not_of_jax(self) -> None:
        with pytest.raises(TypeError, match="cost: the function must be made of JAX operations"):
            fj.optimise(LAW, ["N", "D"], cost=lambda N, D: 6 * float(N) * D, budget=1e21)
