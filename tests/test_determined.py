"""What the runs do not determine is said first, with a remedy that works; what they do is not."""

import json
import re
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

import farseer_jax as fj
from tests.commands import farseer

TWO_SIZES = {
    "N": [2e8] * 4 + [8e8] * 4,
    "D": [1e9, 4e9, 16e9, 64e9] * 2,
    "loss": [3.543, 3.142, 2.871, 2.686, 3.310, 2.912, 2.640, 2.457],
}
TRUTH = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
NO_FLOOR = {"E": 0.0, "A": 40.0, "B": 60.0, "alpha": 0.2, "beta": 0.2}
SIZES, TOKENS = np.geomspace(1e8, 1e10, 8), np.geomspace(2e9, 64e9, 8)
SQUARES = fj.LeastSquares(num_starts=16)
METHODS = (SQUARES, fj.VariableProjection(), fj.Restarts(num_starts=16))
Table = dict[str, Any]


def losses(N: Any, D: Any, E: float, A: float, B: float, alpha: float, beta: float) -> Any:
    return E + A / N**alpha + B / D**beta


def table(N: Any, D: Any, noise: float = 0.0, seed: int = 0, **truth: float) -> Table:
    """Runs of Chinchilla's law with relative noise, computed by NumPy."""
    N, D = (np.ravel(x).astype(float) for x in np.broadcast_arrays(N, D))
    error = noise * np.random.default_rng(seed).standard_normal(len(N))
    return {"N": N, "D": D, "loss": losses(N, D, **(truth or TRUTH)) * np.exp(error)}


def grid(N: Any, D: Any, noise: float = 0.0, seed: int = 0, **truth: float) -> Table:
    return table(np.asarray(N)[:, None], np.asarray(D), noise, seed, **truth)


def undetermined(law: object, runs: object, method: object = SQUARES) -> str:
    """The first warning of a fit whose runs do not determine it, in text and JSON."""
    fit = fj.fit(law, runs, method)
    assert fit.outcome is fj.Outcome.undetermined
    assert not fit.success
    first = fit.warnings[0]
    assert str(fit).index(first) < str(fit).index("mean relative error")
    assert json.loads(fit.to_json())["warnings"][0] == first
    assert fj.Fit.from_json(fit.to_json(), law=type(fit.law)).warnings == fit.warnings
    assert not any("did not converge" in warning for warning in fit.warnings)
    return str(first)


def doubts(fit: Any) -> list[str]:
    return [w for w in fit.warnings if "determine" in w or "tell" in w]


class TestTooFewValuesOfAnInput:
    @pytest.mark.parametrize("method", METHODS, ids=lambda own: own.name)
    def test_two_sizes(self, method: Any) -> None:
        assert undetermined(fj.Chinchilla, TWO_SIZES, method) == (
            "the runs do not determine E, A and alpha: they have two sizes; train runs of another "
            "size, fix alpha (fixed={'alpha': 0.34}), or tie alpha to beta "
            "(tied=[('alpha', 'beta')])."
        )

    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_no_seed_hides_it(self, seed: int) -> None:
        undetermined(fj.Chinchilla, TWO_SIZES, fj.LeastSquares(num_starts=16, seed=seed))

    @pytest.mark.parametrize("method", METHODS, ids=lambda own: own.name)
    @pytest.mark.parametrize("num", [1, 2])
    def test_few_sizes_or_few_D(self, method: Any, num: int) -> None:
        of_sizes = undetermined(fj.Chinchilla, grid([2e8, 8e8][:num], TOKENS), method)
        of_D = undetermined(fj.Chinchilla, grid(SIZES, [1e10, 1e11][:num]), method)
        counted, more = ("one", "two other"), ("two", "another")
        count, further = (counted, more)[num - 1]
        assert f"they have {count} {'size' if num == 1 else 'sizes'}; train runs of" in of_sizes
        assert re.search(r"determine E, A and alpha|determine A and alpha", of_sizes)
        assert f"they have {count} D; train runs of {further} D" in of_D
        assert re.search(r"determine E, B and beta|determine B and beta", of_D)

    def test_laws_that_are_no_sum(self) -> None:
        kaplan = undetermined(fj.Kaplan, grid([2e8], TOKENS))
        assert "determine N_c and alpha_N: they have one size; train runs of another" in kaplan
        assert "they have one D" in undetermined(fj.Coupled, grid(SIZES, [1e10]))

    def test_runs_that_the_sentence_asks_for(self) -> None:
        for num in (1, 2, 3):
            fit = fj.fit(fj.Chinchilla, grid([2e8, 8e8, 3.2e9][:num], TOKENS, 1e-3), SQUARES)
            assert (fit.outcome is fj.Outcome.undetermined) == (num < 3)

    def test_settings_that_the_sentence_asks_for(self) -> None:
        for settings in ({"fixed": {"alpha": 0.34}}, {"tied": [("alpha", "beta")]}):
            fit = fj.fit(fj.Chinchilla, TWO_SIZES, fj.LeastSquares(num_starts=16, **settings))
            assert fit.success
            assert not doubts(fit)

    def test_an_input_that_does_not_vary(self) -> None:
        N = np.geomspace(1e8, 1e10, 8)
        runs = {"N": N, "P": np.full(8, 2.0), "loss": 1.5 + 300 / N**0.3}
        found = undetermined("N, P | E + (A/(N*(k*log(P)+1)))**alpha", runs)
        assert "determine A and k: they have one value of P; train runs of another" in found

    def test_in_the_shell(self, tmp_path: Path) -> None:
        rows = zip(*TWO_SIZES.values(), strict=True)
        (tmp_path / "runs.csv").write_text(
            "N,D,loss\n" + "".join(f"{N:g},{D:g},{loss}\n" for N, D, loss in rows)
        )
        command = f"fit {tmp_path}/runs.csv --law chinchilla --method least-squares"
        found = farseer(*command.split())
        assert found.exit_code == 0
        assert "fix alpha (--fix alpha=0.34), or tie alpha to beta (--tie alpha=beta)." in (
            found.stdout
        )
        fit = tmp_path / "fit.json"
        assert farseer(*command.split(), "--json", fit).exit_code == 0
        predicted = farseer("predict", fit, "--N", "7e9", "--D", "1e11").stdout
        assert "Warning: the runs do not determine E, A and alpha" in predicted
        for remedy in ("--fix alpha=0.34", "--tie alpha=beta"):
            assert "do not determine" not in farseer(*command.split(), *remedy.split()).stdout


class TestOneRatio:
    @pytest.mark.parametrize("method", METHODS, ids=lambda own: own.name)
    @pytest.mark.parametrize("noise", [0.0, 1e-3])
    def test_D_is_20_N(self, method: Any, noise: float) -> None:
        found = undetermined(fj.Chinchilla, table(SIZES, 20.0 * SIZES, noise), method)
        assert found.startswith(
            "the runs do not tell N from D: D/N is the same in all (20), so that each may explain "
            "the effect of the other; train some of the sizes at another D/N, or fix alpha and beta"
        )

    def test_each_may_explain_the_effect_of_the_other(self) -> None:
        """Swapped terms give the same losses at the runs, and others elsewhere."""
        swapped = {"E": 1.69, "alpha": 0.28, "beta": 0.34}
        swapped |= {"A": 410.7 / 20.0**0.28, "B": 406.4 * 20.0**0.34}
        own, other = (losses(SIZES, 20.0 * SIZES, **law) for law in (TRUTH, swapped))
        assert np.allclose(own, other, rtol=1e-12)
        assert abs(losses(1e9, 1e12, **swapped) / losses(1e9, 1e12, **TRUTH) - 1.0) > 0.01

    def test_a_power_of_N(self) -> None:
        found = undetermined(fj.Chinchilla, table(SIZES, 3.0 * SIZES**1.2, 1e-3))
        assert "D is the same power of N in all (N^1.2)" in found

    def test_the_remedies_work(self) -> None:
        N = np.concatenate([SIZES, SIZES])
        fit = fj.fit(fj.Chinchilla, table(N, np.repeat([20.0, 200.0], 8) * N, 1e-3), SQUARES)
        assert fit.outcome is not fj.Outcome.undetermined
        fixed = fj.LeastSquares(num_starts=16, fixed={"alpha": 0.34, "beta": 0.28})
        fit = fj.fit(fj.Chinchilla, table(SIZES, 20.0 * SIZES, 1e-5), fixed)
        assert fit.success
        assert abs(float(fit.law.E) / 1.69 - 1.0) < 0.05

    @pytest.mark.parametrize("seed", range(4))
    def test_whatever_the_noise(self, seed: int) -> None:
        for method in METHODS[:2]:
            fit = fj.fit(fj.Chinchilla, table(SIZES, 20.0 * SIZES, 1e-3, seed), method)
            assert fit.outcome is fj.Outcome.undetermined
            assert fit.warnings[0].startswith("the runs do not tell N from D")

    def test_laws_that_need_no_other_ratio(self) -> None:
        """A law of N alone, and one of compute."""
        runs = table(SIZES, 20.0 * SIZES, 1e-4)
        assert not doubts(fj.fit("E + A/(6*N*D)**a", runs, SQUARES))
        assert not doubts(fj.fit("E + A/N**a", runs, SQUARES))


class TestOtherLaws:
    def test_two_terms_that_are_one(self) -> None:
        found = undetermined("E + F + A/N**alpha + B/D**beta", fj.example_runs())
        assert found.startswith("the runs do not determine E and F: other values fit them as well")
        assert "fix F (fixed={'F': …})" in found

    @pytest.mark.parametrize("law", ["E + A/N**a + B/D**b", fj.Chinchilla, fj.Kaplan, fj.Coupled])
    def test_a_grid_determines_the_usual_laws(self, law: object) -> None:
        assert not doubts(fj.fit(law, fj.example_runs(), SQUARES))

    def test_a_grid_determines_farseer(self) -> None:
        fit = fj.fit(fj.Farseer, fj.example_runs(), fj.LeastSquares(num_starts=16))
        assert fit.success
        assert fit.warnings == ()

    @pytest.mark.parametrize("noise", [0.0, 1e-3, 1e-2])
    def test_a_small_grid_determines_chinchilla(self, noise: float) -> None:
        runs = grid(np.geomspace(1e8, 1e10, 4), np.geomspace(1e9, 1e11, 4), noise)
        for method in (SQUARES, fj.VariableProjection()):
            assert not doubts(fj.fit(fj.Chinchilla, runs, method))

    def test_groups_that_share_what_one_alone_leaves_open(self) -> None:
        """One size of a second corpus determines its E once A and alpha are shared."""
        first = grid(SIZES, TOKENS, 1e-4)
        second = grid([2e8], TOKENS, 1e-4, 1, **{**TRUTH, "E": 2.0})
        runs: Table = {name: np.concatenate([first[name], second[name]]) for name in first}
        runs["corpus"] = np.repeat(["a", "b"], [len(first["N"]), len(second["N"])])
        shared = ("A", "alpha", "B", "beta")
        together = fj.fit(fj.Chinchilla, runs, SQUARES, by="corpus", shared=shared)
        assert [fit.outcome.name for fit in together] == ["success", "success"]
        assert float(together.fits[1].law.E) == pytest.approx(2.0, rel=1e-2)
        alone = fj.fit(fj.Chinchilla, runs, SQUARES, by="corpus")
        assert [fit.outcome.name for fit in alone] == ["success", "undetermined"]
        one = {name: np.concatenate([own, own]) for name, own in second.items()}
        one["corpus"] = np.repeat(["a", "b"], len(second["N"]))
        one["loss"] = one["loss"] * np.repeat([1.0, 1.01], len(second["N"]))
        open_ = fj.fit(fj.Chinchilla, one, SQUARES, by="corpus", shared=shared)
        assert all("share, fix or tie more of them" in fit.warnings[0] for fit in open_)

    def test_optima_that_differ_beyond_the_runs(self) -> None:
        """k and −k give the same losses where x is ±1, and others beyond."""

        class Odd(fj.Law):
            a: fj.Real
            k: Annotated[fj.Real, fj.Domain(-3.0, 3.0)]

            def loss(self, x: fj.Real) -> Any:
                import jax.numpy as jnp

                return self.a + jnp.sin(self.k * x) ** 2 + self.k * (x**3 - x)

        x = np.tile([-1.0, 0.0, 1.0], 3)
        runs = fj.Runs.from_dataframe(
            {"x": x, "y": 0.5 + np.sin(0.7 * x) ** 2},
            inputs={"x": "real"},
            loss="y",
            link="identity",
        )
        found = undetermined(Odd, runs)
        assert found.startswith("the runs do not determine the law: several optima fit them")


class TestHardlyDetermined:
    def test_a_wide_floor_is_named_and_usable(self) -> None:
        runs = grid(np.geomspace(1e8, 3e8, 3), np.geomspace(2e9, 6e9, 3), 1e-2)
        fit = fj.fit(fj.Chinchilla, runs, SQUARES)
        assert any(w.startswith("the runs hardly determine") for w in fit.warnings)
        assert fit.outcome is not fj.Outcome.undetermined

    def test_standard_errors_are_those_of_least_squares(self) -> None:
        """Named ± numbers agree with the inverse of the normal equations, by NumPy."""
        runs = grid(np.geomspace(1e8, 3e8, 3), np.geomspace(2e9, 6e9, 3), 1e-2)
        fit = fj.fit(fj.Chinchilla, runs, SQUARES)
        law = {name: float(value) for name, value in fit.law.parameters().items()}
        N, D = fit.runs.N, fit.runs.D
        size, data = law["A"] / N ** law["alpha"], law["B"] / D ** law["beta"]
        slopes = np.stack(
            [np.ones_like(N), size, data, -size * np.log(N), -data * np.log(D)], axis=1
        )
        slopes /= losses(N, D, **law)[:, None]
        residual = np.log(losses(N, D, **law) / fit.runs.loss)
        noise = np.sqrt(residual @ residual / (len(N) - 5))
        errors = noise * np.sqrt(np.diag(np.linalg.inv(slopes.T @ slopes)))
        (sentence,) = [w for w in fit.warnings if w.startswith("the runs hardly determine")]
        for name, place in (("E", 0), ("alpha", 3), ("beta", 4)):
            if found := re.search(rf"\b{name} = \S+ ± ([\d.e+]+)", sentence):
                assert float(found[1]) == pytest.approx(errors[place], rel=0.06)

    @pytest.mark.parametrize("method", METHODS[:2], ids=lambda own: own.name)
    def test_ten_losses_at_one_decimal(self, method: Any) -> None:
        N = np.repeat([1e8, 3e8, 1e9, 3e9, 1e10], 2)
        D = np.array([2.0, 20.0, 4.0, 60.0, 10.0, 100.0, 30.0, 200.0, 50.0, 500.0]) * 1e9
        runs = table(N, D)
        rounded = fj.fit(fj.Chinchilla, runs | {"loss": runs["loss"].round(1)}, method)
        (found,) = [w for w in rounded.warnings if "rounding" in w]
        assert found.startswith("the column 'loss' has one decimal: its rounding, 1.1% of the loss")
        for digits in (3, 12):
            fine = fj.fit(fj.Chinchilla, runs | {"loss": runs["loss"].round(digits)}, method)
            assert fine.warnings == ()

    def test_rounding_below_the_noise_is_no_concern(self) -> None:
        runs = grid(SIZES, TOKENS, 3e-2)
        fit = fj.fit(fj.Chinchilla, runs | {"loss": runs["loss"].round(1)}, SQUARES)
        assert not any("rounding" in w for w in fit.warnings)

    @pytest.mark.parametrize("method", METHODS[:2], ids=lambda own: own.name)
    def test_six_runs_for_five_parameters(self, method: Any) -> None:
        N, D = np.repeat([1e8, 1e9, 1e10], 2), np.array([1e9, 1e10, 3e9, 3e10, 1e10, 1e11])
        fit = fj.fit(fj.Chinchilla, table(N, D, 1e-3), method)
        assert any(
            w.startswith("6 runs for 5 free parameters: one degree of freedom is left")
            for w in fit.warnings
        )


class TestBounds:
    @pytest.mark.parametrize("method", METHODS, ids=lambda own: own.name)
    @pytest.mark.parametrize("noise", [0.0, 1e-3])
    def test_no_floor(self, method: Any, noise: float) -> None:
        fit = fj.fit(fj.Chinchilla, grid(SIZES, TOKENS, noise, 1, **NO_FLOOR), method)
        assert fit.outcome is fj.Outcome.bound_active
        assert fit.warnings[0].startswith("E ended at 0, the least allowed: the runs show nothing")
        assert "(fixed={'E': 0.0})" in fit.warnings[0]
        assert float(fit.law.E) < 1e-5

    def test_no_floor_by_closed_forms(self) -> None:
        fit = fj.fit(fj.Chinchilla, grid(SIZES, TOKENS, 1e-3, 1, **NO_FLOOR), fj.Piecewise())
        assert fit.outcome is fj.Outcome.bound_active
        assert fit.warnings[0].startswith("E is fixed at 0")

    def test_no_floor_of_a_constrained_fit(self) -> None:
        runs = grid(SIZES, TOKENS, 1e-3, 1, **NO_FLOOR)
        domain = ((1e8, 1e11), (1e9, 1e12))
        fit = fj.fit(fj.Chinchilla, runs, SQUARES, monotone_over=domain)
        assert fit.outcome is fj.Outcome.bound_active
        assert any(w.startswith("E ended at 0") for w in fit.warnings)

    @pytest.mark.parametrize("method", METHODS, ids=lambda own: own.name)
    def test_a_floor_fixed_at_0(self, method: Any) -> None:
        runs = grid(SIZES, TOKENS, 1e-3, 1, **NO_FLOOR)
        settings = {"num_starts": 16} if hasattr(method, "num_starts") else {}
        fit = fj.fit(fj.Chinchilla, runs, type(method)(fixed={"E": 0.0}, **settings))
        assert fit.success
        assert fit.warnings == ()
        assert float(fit.law.E) == 0.0
        free = fj.fit(fj.Chinchilla, runs, method)
        assert float(fit.law.alpha) == pytest.approx(float(free.law.alpha), rel=1e-5)
        again = fj.Fit.from_json(fit.to_json())
        assert float(again.law.E) == 0.0
        refits = fj.fit_batch(
            fj.Chinchilla,
            fit.runs,
            losses=fit.runs.loss * np.array([[1.0], [1.01]]),
            method=fit.method,
        )
        assert np.all(np.asarray(refits.law.E) == 0.0)

    def test_a_term_fixed_at_0(self) -> None:
        runs = grid(SIZES, TOKENS, 1e-3)
        both = fj.LeastSquares(num_starts=16, fixed={"A": 0.0, "alpha": 0.3})
        assert float(fj.fit(fj.Chinchilla, runs, both).law.A) == 0.0
        one = fj.LeastSquares(num_starts=16, fixed={"A": 0.0})
        assert "do not determine alpha" in undetermined(fj.Chinchilla, runs, one)

    def test_0_where_the_law_is_not_finite(self) -> None:
        method = fj.LeastSquares(fixed={"alpha_D": 0.0})
        with pytest.raises(ValueError, match="'kaplan' is not finite with alpha_D at 0"):
            fj.fit(fj.Kaplan, grid(SIZES, TOKENS), method)
        with pytest.raises(ValueError, match="'E' must be 0 or a positive number, got -1"):
            fj.fit(fj.Chinchilla, grid(SIZES, TOKENS), fj.LeastSquares(fixed={"E": -1.0}))


def test_a_law_that_is_negative_at_its_starts() -> None:
    class Difference(fj.Law):
        E: fj.Real
        B: fj.Real

        def loss(self, D: Any) -> Any:
            return self.E - self.B / D**0.3

    starts = Difference(E=np.array([1.0, 2.0]), B=np.array([1e4, 1e5]))
    runs = fj.read_table({"D": TOKENS, "loss": 3.0 - 500.0 / TOKENS**0.3}, as_is=True)  # it rises
    with pytest.raises(ValueError, match="'Difference' is negative or 0 at some of the runs at"):
        fj.fit(Difference, runs, fj.LeastSquares(starts=starts))
    assert fj.fit(Difference, runs, fj.LeastSquares(starts=starts), link="identity").success
    near = Difference(E=np.array([3.0]), B=np.array([400.0]))
    assert fj.fit(Difference, runs, fj.LeastSquares(starts=near)).success


class TestPointsBeyondTheRuns:
    """Where a fitted law rises with N at points asked for, they say so."""

    @pytest.fixture
    def fit(self) -> Any:
        return fj.fit(fj.Farseer, fj.example_runs())

    def test_signs_are_those_of_differences(self, fit: Any) -> None:
        N, D = np.geomspace(1e10, 1e13, 9)[:, None], np.geomspace(1e9, 1e15, 7)
        rises = (fit.predict(1.001 * N, D) > fit.predict(N, D)).sum()
        (found,) = fit.check_points(N, D)
        assert 0 < rises < 63
        assert found.startswith(
            f"the fitted loss rises with N at {rises} of 63 points, most at N ="
        )

    def test_where_it_falls_nothing_is_said(self, fit: Any) -> None:
        assert fit.check_points(25e9, 5e11) == ()
        assert fit.check_points([1e9, 5e9], 1e11) == ()

    def test_predict_in_the_shell(self, fit: Any, tmp_path: Path) -> None:
        fit.to_json(tmp_path / "fit.json")
        command = ("predict", tmp_path / "fit.json", "--N", "1e13", "--D", "1e15")
        found = farseer(*command)
        assert "Warning: the fitted loss rises with N at N = 10 T, D = 1000 T, beyond the runs" in (
            found.stdout
        )
        assert "(--monotone-over)" in found.stdout
        as_json = farseer(*command, "--json", "-")
        assert len(json.loads(as_json.stdout)["warnings"]) == 1
        inside = farseer("predict", tmp_path / "fit.json", "--N", "1e9", "--D", "1e11")
        assert "Warning" not in inside.stdout

    def test_the_attention_arm(self, shared_data: Path) -> None:
        import pandas as pd

        ladder = pd.read_csv(shared_data / "complexkda_ladder.csv")
        runs = fj.Runs.from_dataframe(ladder[ladder["arm"] == "attn"])
        arm = fj.fit(fj.Farseer, runs, fj.Piecewise())
        sizes = np.array([7e9, 20e9, 70e9, 200e9, 1e12])
        predicted = np.asarray(arm.predict(sizes, 15e12))
        (found,) = arm.check_points(sizes, 15e12)
        assert (np.diff(predicted) > 0.0).sum() == 3
        assert "of 5 points, most at N = 1 T, D = 15 T" in found
        compared = fj.compare_fits(
            arm, fj.fit(fj.Chinchilla, runs), N=(7e9, 1e12), D=(1e12, 15e12), names=("attn", "all")
        )
        assert any(w.startswith("the loss of attn rises with N at") for w in compared.warnings)
