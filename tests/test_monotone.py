"""Fits held over a domain: they cannot rise there, and are the nearest that do not."""

import dataclasses
import json
from pathlib import Path
from typing import Any, ClassVar

import jax
import numpy as np
import pytest
from commands import farseer, refused
from compiling import compilations
from scipy.optimize import minimize
from weighted_mean import mean_fit

import farseer_jax as fj
from farseer_jax.fitting import fit_warnings
from farseer_jax.methods.monotone import method as monotone
from farseer_jax.methods.monotone import problem as _problem
from farseer_jax.methods.monotone import projection as _kernel

DOMAIN: dict[str, Any] = {"N": (2e8, 1e13), "D": (1e9, 1e15)}
BOTH = (DOMAIN["N"], DOMAIN["D"])
HELD = fj.MonotoneOver(fj.Piecewise(), **DOMAIN)


def log_loss(law: Any, n: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Of a Farseer law in its paper's numbers, at logarithms of N and D."""
    p = law.parameters()
    U = p["a3"] * np.exp(p["gamma"] * n) + p["b3"]
    B = p["a2"] * np.exp(p["beta"] * n) + p["b2"]
    A = np.exp(p["a1"] * np.exp(p["alpha"] * n) + p["b1"])
    return np.logaddexp(U, B - A * d)


def rises_at(law: Any, n: np.ndarray, d: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Central differences in ln N, and in ln D."""
    along_N = log_loss(law, n + step, d) - log_loss(law, n - step, d)
    along_D = log_loss(law, n, d + step) - log_loss(law, n, d - step)
    return np.maximum(along_N, along_D) / (2 * step)


@pytest.fixture(scope="module")
def all_runs(shared_data: Any) -> fj.Runs:
    return fj.read_runs(shared_data / "farseer_404.csv").select(min_N=2e8)


@pytest.fixture(scope="module")
def example() -> fj.Fit:
    return fj.fit(fj.Farseer, fj.example_runs(), HELD)


class TestRealRuns:
    @pytest.mark.parametrize(("max_N", "cost"), [(5.36e9, 0.0012), (6.4e9, 0.0034)])
    def test_the_rise_is_gone_and_hardly_costs(
        self, all_runs: fj.Runs, max_N: float, cost: float
    ) -> None:
        runs = all_runs.select(max_N=max_N)
        free = fj.fit(fj.Farseer, runs)
        held = fj.fit(fj.Farseer, runs, monotone_over=BOTH)
        assert held.success
        n, d = (np.linspace(*np.log(ends), 1501) for ends in BOTH)
        d = d[::10]
        assert rises_at(free.law, n[:, None], d).max() > 0.025
        assert rises_at(held.law, n[:, None], d).max() < 0
        found = held.diagnostics
        assert isinstance(found, fj.MonotoneReport)
        assert found.cost == pytest.approx(cost, abs=1e-4)
        assert found.error_without == pytest.approx(free.mean_relative_error, rel=1e-12)
        assert found.largest_move < 5e-4
        assert f"to {found.error:.3%}" in held.warnings[0]
        assert f"{found.error_without:.3e}" in str(held)

    def test_what_was_never_fitted_is_predicted_about_as_well(self, all_runs: fj.Runs) -> None:
        runs, far = all_runs.select(max_N=5.36e9), all_runs.select(min_N=6e9)
        held = fj.fit(fj.Farseer, runs, HELD)
        assert held.evaluate(far).mean_relative_error == pytest.approx(6.4e-4, rel=0.02)

    def test_all_parameters_at_once(self, all_runs: fj.Runs) -> None:
        method = fj.LeastSquares(num_starts=8)
        held = fj.fit(fj.Farseer, all_runs, method, monotone_over=BOTH)
        assert isinstance(held.diagnostics, fj.MonotoneReport)
        assert held.diagnostics.error_without == pytest.approx(1.219e-3, rel=0.01)
        assert held.mean_relative_error == pytest.approx(1.252e-3, rel=0.01)


class TestProjection:
    def test_agrees_with_scipy(self) -> None:
        runs = fj.example_runs().select(max_D=3e10)
        method = fj.LeastSquares(num_starts=4, max_steps=60)
        noisy = dataclasses.replace(runs, loss=runs.loss * np.exp(0.001 * np.sin(runs.N / 3e8)))
        free = fj.fit(fj.Farseer, noisy, method)
        design = fj.MonotoneOver(method, **DOMAIN).prepare(fj.Farseer, noisy)
        margin = 1e-6
        with jax.enable_x64(True):
            vector = np.asarray(free.law.to_vector())
            ones = np.pad(np.ones(len(noisy)), (0, -len(noisy) % 128))
            center = np.array([float(np.asarray(free.law.U.pivot)), 1e10])  # type: ignore[attr-defined]
            problem = design.problem

            def local() -> Any:  # traced within each function, which is compiled as one
                return _kernel._localised(fj.Farseer, problem, vector, center, ones)

            start, margins = jax.numpy.zeros(9), jax.numpy.array([margin, 0.0])
            found = np.asarray(jax.jit(lambda x: _kernel._solve(local(), x, margins))(start))

            @jax.jit
            def residuals(x: Any) -> Any:
                return local().residuals(x)

            @jax.jit
            def slopes(x: Any) -> Any:
                return local().slopes(x)

            @jax.jit
            def log_losses(x: Any) -> Any:
                return local().law(x).log_loss(noisy.N, noisy.D)

            by_residuals, by_slopes = (jax.jit(jax.jacfwd(f)) for f in (residuals, slopes))
            assert slopes(start).max() > 1e-3
            solved = minimize(
                lambda x: 0.5 * float(residuals(x) @ residuals(x)),
                np.zeros(9),
                jac=lambda x: np.asarray(by_residuals(x).T @ residuals(x)),
                method="SLSQP",
                constraints={
                    "type": "ineq",
                    "fun": lambda x: -100 * np.asarray(slopes(x) + margins[:, None]).ravel(),
                    "jac": lambda x: -100 * np.asarray(by_slopes(x)).reshape(-1, 9),
                },
                options={"maxiter": 300, "ftol": 1e-14},
            )
            assert solved.success
            both = [np.asarray(log_losses(x)) for x in (found, solved.x)]
        np.testing.assert_allclose(both[0], both[1], atol=1e-5)
        start_losses = np.log(np.asarray(free.predict(noisy.N, noisy.D)))
        assert np.abs(both[0] - start_losses).max() > 1e-4  # it moved by far more than that

    def test_never_rises_at_random_points(self) -> None:
        runs, random = fj.example_runs(), np.random.default_rng(0)
        losses = runs.loss * np.exp(1e-3 * random.standard_normal((24, len(runs))))
        free = fj.fit_batch(fj.Farseer, runs, losses=losses)
        held = fj.fit_batch(fj.Farseer, runs, losses=losses, method=HELD)
        assert held.usable.all()
        n, d = (random.uniform(*np.log(ends), 4000) for ends in BOTH)
        before = np.array([rises_at(free.law_at(i), n, d).max() for i in range(24)])
        after = np.array([rises_at(held.law_at(i), n, d).max() for i in range(24)])
        assert (before > 1e-3).any()
        assert after.max() < 1e-9  # the rounding of a difference
        unmoved = np.flatnonzero(held.mean_relative_error == free.mean_relative_error)
        assert len(unmoved) == (before < 0).sum() > 0
        for i in unmoved:
            assert jax.tree.all(jax.tree.map(np.array_equal, held.law_at(i), free.law_at(i)))

    def test_one_fit_and_a_refit_agree(self, example: fj.Fit) -> None:
        runs = example.runs
        weights = np.ones((2, len(runs)))
        weights[1, runs.N > 5e9] = 0.0
        refits = fj.fit_batch(fj.Farseer, runs, weights=weights, method=HELD)
        np.testing.assert_allclose(
            refits.predict(1e11, 1e13)[0], example.predict(1e11, 1e13), rtol=1e-6
        )
        assert refits.mean_relative_error[0] == pytest.approx(example.mean_relative_error, rel=1e-4)
        assert refits.predict(1e11, 1e13)[1] != pytest.approx(refits.predict(1e11, 1e13)[0])

    def test_a_law_that_falls_is_unchanged_to_the_last_bit(self) -> None:
        runs = fj.example_runs()
        inside: dict[str, Any] = {"N": (2e8, 1e10), "D": (1e9, 1e12)}
        free, held = (
            fj.fit(fj.Farseer, runs, method)
            for method in (fj.Piecewise(), fj.MonotoneOver(fj.Piecewise(), **inside))
        )
        assert jax.tree.all(jax.tree.map(np.array_equal, free.law, held.law))
        assert np.array_equal(free.relative_error, held.relative_error)
        assert isinstance(held.diagnostics, fj.MonotoneReport)
        assert not held.diagnostics.projected
        assert held.diagnostics.cost == 0.0
        assert held.warnings == free.warnings
        assert type(fj.differentiable(held)) is type(fj.differentiable(free))

    def test_simulated_losses_of_a_law_that_falls_are_recovered(self) -> None:
        law = fj.fit(fj.Farseer, fj.example_runs(), HELD).law
        grid = fj.example_runs()
        runs = fj.simulate(law, grid.N, grid.D, noise=0.0, seed=0)
        again = fj.fit(fj.Farseer, runs, HELD)
        np.testing.assert_allclose(again.predict(1e11, 1e12), law(1e11, 1e12), rtol=1e-4)

    def test_what_is_held_by_the_method_stays(self) -> None:
        # the fit ends within these bounds; without them, what holds it would move A's to 0.038
        bounds = {"A.exponent": (-0.5, 0.01)}
        settings: dict[str, Any] = {"fixed": {"U.exponent": 0.1}, "bounds": bounds}
        method = fj.LeastSquares(num_starts=4, max_steps=60, **settings)
        fit = fj.fit(fj.Farseer, fj.example_runs(), method, monotone_over=BOTH)
        assert isinstance(fit.diagnostics, fj.MonotoneReport)
        assert fit.diagnostics.projected
        assert float(np.asarray(fit.law.U.exponent)) == pytest.approx(0.1, abs=1e-12)  # type: ignore[attr-defined]
        A_exponent = float(np.asarray(fit.law.A.exponent))  # type: ignore[attr-defined]
        assert A_exponent == pytest.approx(0.01, abs=1e-9)
        assert rises_at(fit.law, *np.log([[1e12], [1e14]])).max() < 0

    def test_the_second_call_does_not_compile(self, example: fj.Fit) -> None:
        runs = dataclasses.replace(example.runs, loss=example.runs.loss * 1.01)
        other = fj.MonotoneOver(fj.Piecewise(), N=(2e8, 1e12), D=(1e9, 1e14))
        with compilations() as compiled:
            fj.fit(fj.Farseer, runs, other)
        assert compiled == []


class Rising(fj.Law):
    """A law whose loss rises with N whatever its parameters are."""

    name: ClassVar[str] = "rising"
    level: fj.Real
    beta: fj.Real

    def loss(self, N: Any, D: Any) -> Any:
        return jax.numpy.exp(self.level) * N**0.1 * D**-self.beta

    @classmethod
    def starts(cls, runs: fj.Runs, cube: np.ndarray) -> "Rising":
        return cls(level=cube[:, 0], beta=cube[:, 1])


def test_a_law_that_cannot_fall_says_so() -> None:
    runs = fj.example_runs()
    method = fj.MonotoneOver(fj.LeastSquares(num_starts=2), **DOMAIN)
    fit = fj.fit(Rising, runs, method)
    assert fit.outcome is fj.Outcome.not_monotone
    assert not fit.outcome.usable
    assert fit.warnings[0].startswith(
        "the law could not be kept decreasing: it rises within N from 200 M"
    )
    assert ", not kept decreasing over N from 200 M to 10 T and D from" in str(fit).splitlines()[0]
    assert isinstance(fit.diagnostics, fj.MonotoneReport)
    assert not fit.diagnostics.projected
    free = fj.fit(Rising, runs, method.method)
    assert np.array_equal(free.law.level, fit.law.level)  # type: ignore[attr-defined]
    batch = fj.fit_batch(Rising, runs, weights=np.ones((2, len(runs))), method=method)
    assert not batch.usable.any()


def test_only_what_rises_gets_a_margin() -> None:
    slopes = np.array([[0.0, -1e-9], [1e-14, -1.0]])
    assert monotone._decreases(slopes).all()
    assert not monotone._rises(slopes).any()
    assert not monotone._decreases(np.array([np.nan, -1.0]))


def test_the_check_covers_what_lies_between_its_nodes() -> None:
    runs = fj.example_runs()
    problem = _problem.build_problem(fj.Farseer, runs, fj.Piecewise(), BOTH)
    law = fj.fit(fj.Farseer, runs).law
    with jax.enable_x64(True):
        largest = np.asarray(_problem.largest_slopes(law, problem))
    fine = fj.check_shape(law, **DOMAIN, num=901)
    assert fine.by_N.max() <= largest[0] + 1e-12
    assert fine.by_D.max() <= largest[1] + 1e-12
    assert largest[0] == pytest.approx(fine.by_N.max(), rel=0.01)


def test_there_and_back(example: fj.Fit) -> None:
    again = fj.Fit.from_json(example.to_json())
    assert again.method == example.method == HELD
    assert hash(again.method) == hash(HELD)
    assert isinstance(again.diagnostics, fj.MonotoneReport)
    assert again.diagnostics.to_dict() == example.diagnostics.to_dict()
    assert again.warnings == example.warnings
    assert json.loads(example.to_json())["diagnostics"]["error"] == example.mean_relative_error
    assert repr(example.diagnostics).startswith("MonotoneReport(piecewise, error -")


def test_the_shell_page_shows_the_held_fit_of_the_example(example: fj.Fit) -> None:
    page = (Path(__file__).parents[1] / "docs" / "shell.md").read_text(encoding="utf-8")
    assert "\nfarseer fit --example --monotone-over 2e8:1e13,1e9:1e15\n" in page
    assert f"```text\n{example}\n```" in page


def test_a_bootstrap_of_a_held_fit_holds_every_refit(example: fj.Fit) -> None:
    refits = fj.bootstrap(example, 24, "wild", seed=1)
    assert refits.num_failed == 0
    n, d = (np.linspace(*np.log(ends), 301) for ends in BOTH)
    rises = [
        rises_at(jax.tree.map(lambda leaf, i=i: leaf[i], refits.laws), n[:, None], d).max()
        for i in range(24)
    ]
    assert max(rises) < 1e-9  # the rounding of a difference
    # each is the projection of the refit that the fit without a domain has for the same losses
    free = fj.bootstrap(fj.fit(fj.Farseer, example.runs), 24, "wild", seed=1)
    at = example.runs.N[::40], example.runs.D[::40]
    moved = np.abs(np.log(refits.predict(*at) / free.predict(*at)))
    assert 0 < moved.max() < 1e-3
    # a fit that was moved lies on the edge of what may be: refits go to one side of it
    assert (refits.predict(1e11, 1e13) < example.predict(1e11, 1e13)).mean() > 0.9


def test_the_shell_holds_a_fit_over_a_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    made = mean_fit(min_sizes=3)

    def fake(*args: Any, **kwargs: Any) -> fj.Fit:
        seen.append(kwargs)
        return made

    monkeypatch.setattr(fj, "fit", fake)
    held = farseer("fit", "--example", "--monotone-over", "2e8:1e13,1e9:1e15")
    assert (held.exit_code, farseer("fit", "--example").exit_code) == (0, 0)
    assert seen == [{"monotone_over": BOTH}, {}]
    for wrong in ("2e8:1e13", "1e13:2e8,1e9:1e15", "0:1e13,1e9:1e15", "a:b,c:d"):
        refused(
            farseer("fit", "--example", "--monotone-over", wrong),
            "expected ranges LOW:HIGH,LOW:HIGH of N and D",
        )


def test_refusals(example: fj.Fit) -> None:
    with pytest.raises(fj.NoDerivativeError, match="was projected onto laws that decrease there"):
        fj.differentiable(example)
    with pytest.raises(TypeError, match=r"method must be a fitting method such as `Piecewise"):
        fj.MonotoneOver(fj.Piecewise, **DOMAIN)
    with pytest.raises(TypeError, match="method must be a fitting method"):
        fj.fit(fj.Farseer, fj.example_runs(), HELD, monotone_over=BOTH)
    with pytest.raises(ValueError, match=r"^N: expected a range .* got \(2, 1\)"):
        fj.MonotoneOver(fj.Piecewise(), N=(2, 1), D=(1e9, 1e15))
    with pytest.raises(
        ValueError, match=r"^D: expected a range .*such as \(1e9, 1e14\).* got 1000000000000000"
    ):
        fj.MonotoneOver(fj.Piecewise(), N=(2e8, 1e13), D=1e15)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^monotone_over: expected \(\(N_low"):
        fj.fit(fj.Farseer, fj.example_runs(), monotone_over=1e13)
    settings = HELD.to_dict() | {"method": {"name": "mine"}}
    with pytest.raises(ValueError, match="unknown method 'mine'; choose from"):
        fj.MonotoneOver.from_dict(settings)


# What is said


def said_of(domain: fj.MonotoneReport | None) -> list[str]:
    """Of a law that rises with N where D is below 62 M, and of runs from 50 M on."""

    class Low(Rising):
        def loss(self, N: Any, D: Any) -> Any:
            crossing = jax.numpy.log(6.2e7) - jax.numpy.log(D)
            return jax.numpy.exp(self.level + 0.01 * jax.numpy.log(N) * crossing)

    runs = fj.Runs([1.06e7, 6.9e9], [5.28465e7, 5e12], [3.0, 2.0])
    return fit_warnings.rising_sentences(Low(level=0.5, beta=0.0), runs, domain)


def domain_of(N: tuple[float, float], D: tuple[float, float]) -> fj.MonotoneReport:
    slopes = (-0.1, -0.1)
    return fj.MonotoneReport("piecewise", None, N, D, True, slopes, slopes, 0.1, 0.1, 0.1)


def test_runs_beyond_the_domain_are_said_to_be() -> None:
    (free,) = said_of(None)
    (within,) = said_of(domain_of((1e7, 1e12), (1e7, 1e14)))
    (below,) = said_of(domain_of((1e7, 1e12), (1e8, 1e14)))
    (both,) = said_of(domain_of((1e7, 1e9), (1e8, 1e12)))
    assert free == within
    assert free.startswith("the fitted loss rises with N in 3% of the range of the runs, first ")
    assert below == free[:-1] + (
        ": the domain of the constraint does not contain the runs, which reach below it, to "
        "D = 52.8 M; constrain the law over D from 5.28e7 to 1e14."
    )
    assert fit_warnings._share(0.004) == "less than 1%"
    assert both.endswith("; constrain the law over N from 1e7 to 6.9e9 and D from 5.28e7 to 5e12.")


def test_a_fit_that_could_not_be_held_is_refused_by_the_shell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before anything is printed or written, as other fits that fail."""
    failed = dataclasses.replace(mean_fit(), outcome=fj.Outcome.not_monotone)
    monkeypatch.setattr(fj, "fit", lambda *_: failed)
    target = tmp_path / "fit.json"
    refused(farseer("fit", "--example", "--json", target), "rises within the domain over which")
    assert not target.exists()
