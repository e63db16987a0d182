"""Fits by optimisers of optax: real data, agreement with NumPy, SciPy and least squares."""

from dataclasses import replace

import jax
import numpy as np
import optax
import pytest
from compiling import compilations
from scipy.optimize import minimize

import farseer_jax as fj
from farseer_jax.methods.end_to_end.choose_starts import starts_of
from farseer_jax.methods.end_to_end.problem import build_problem
from farseer_jax.methods.end_to_end.settings import free_of
from farseer_jax.methods.restarts import solve as _solve
from farseer_jax.methods.restarts.gradients import Form, misfit, misfit_and_gradient
from farseer_jax.methods.restarts.solve import predicted_decreases

HUBER = fj.Restarts(num_starts=64, objective="huber")
SQUARED = fj.Restarts(num_starts=64)  # the same kernel


def numbers(law):
    return np.array([float(getattr(law, name)) for name in law.parameter_names()])


@pytest.fixture(scope="session")
def epoch(shared_data):
    import pandas as pd

    table = pd.read_csv(shared_data / "chinchilla_epoch.csv")
    return fj.Runs.from_dataframe(table[table["besiroglu_outlier"] == 0])


@pytest.fixture(scope="session")
def robust(epoch):
    return fj.fit(fj.Chinchilla, epoch, HUBER)


class Setting:
    """A method, laid out for runs."""

    def __init__(self, law, runs, method):
        self.layout = method.prepare(law, runs)
        self.free = free_of(method, self.layout)
        self.starts = starts_of(method, self.layout, self.free, method.num_starts)
        objective = method.objective
        self.form = Form(
            law, self.layout.link, objective.residual, is_absolute=objective.delta == 0.0
        )
        cells = self.layout.cells(runs.loss[None], np.ones((1, len(runs))))
        self.problem = build_problem(self.layout, self.free, objective, objective.delta, *cells)

    def law(self, free):
        return self.layout.law.from_vector(self.free.vector(free), self.layout.center)


def test_hoffmann_huber(robust):
    assert f"{robust.diagnostics.objective:.7e}" == "1.0182740e-03"
    known = [1.81722, 477.826, 2143.418, 0.347310, 0.367172]
    assert np.allclose(numbers(robust.law), known, rtol=3e-6)
    assert robust.outcome is fj.Outcome.success
    assert robust.diagnostics.fraction_at_best() == 1.0
    assert robust.diagnostics.num_converged == 64


def test_same_optimum_as_least_squares_on_real_runs(epoch, robust):
    known = fj.fit(fj.Chinchilla, epoch, fj.LeastSquares("huber"))
    assert robust.diagnostics.objective == pytest.approx(known.diagnostics.objective, rel=1e-12)
    # a line search sees the objective alone: it ends where that falls by less than rounding, which
    # along the flattest direction leaves parameters to some 1e-7, whatever the tolerance
    assert np.allclose(numbers(robust.law), numbers(known.law), rtol=1e-6)


@pytest.mark.parametrize("law", [fj.Chinchilla, fj.Farseer])
def test_same_optimum_as_least_squares_on_the_example(law):
    runs = fj.example_runs()
    fit = fj.fit(law, runs, SQUARED)
    known = fj.fit(law, runs, fj.LeastSquares(num_starts=16))
    assert fit.diagnostics.objective == pytest.approx(known.diagnostics.objective, rel=1e-9)
    assert fit.outcome is fj.Outcome.success
    assert fit.diagnostics.fraction_at_best() > 0.7
    value = fit.method.objective.value(fit.predict(runs.N, runs.D), runs.loss)
    assert fit.diagnostics.objective == pytest.approx(float(value), rel=1e-10)
    # few optima, each found to the last digits by many
    converged = fit.diagnostics.start_objective[fit.diagnostics.start_outcome == 0]
    assert len(converged) > 60
    assert len(np.unique(np.round(np.log(converged), 8))) < 6


def test_adam_reaches_the_same_optimum(epoch, robust):
    method = fj.Restarts("adam", num_starts=16, objective="huber")
    fit = fj.fit(fj.Chinchilla, epoch, method)
    assert fit.outcome is fj.Outcome.success
    assert fit.diagnostics.objective == pytest.approx(robust.diagnostics.objective, rel=1e-10)
    assert (fit.diagnostics.start_steps == 2_000).all()


@pytest.mark.parametrize(
    "objective",
    [
        *("squared", "huber", "absolute", "asymmetric", "squared-relative"),
        fj.Objective("absolute"),
        fj.Objective("relative", 0.0, 0.3),
    ],
    ids=str,
)
def test_objective_and_gradient_against_numpy(objective):
    runs = fj.example_runs().select(max_N=3e8)
    method = fj.Restarts(objective=objective, num_starts=4)
    own = Setting(fj.Chinchilla, runs, method)

    def plain(x):
        ln_E, ln_A, ln_B, alpha, beta = own.free.vector(x)
        loss = np.exp(ln_E) + np.exp(ln_A) * runs.N**-alpha + np.exp(ln_B) * runs.D**-beta
        return method.objective.value(loss, runs.loss)

    with jax.enable_x64(True):
        value, gradient = misfit_and_gradient(own.form, own.problem, own.starts.T)
        alone = misfit(own.form, own.problem, own.starts.T)
    for start, x in enumerate(own.starts):
        assert np.isclose(value[start], plain(x), rtol=1e-12)
        assert np.isclose(alone[start], plain(x), rtol=1e-12)
        steps = 1e-6 * np.eye(len(x))
        differences = [(plain(x + step) - plain(x - step)) / 2e-6 for step in steps]
        size = np.abs(differences).max()
        assert np.allclose(gradient[:, start], differences, rtol=1e-6, atol=1e-7 * size)


def test_gradient_descent_against_numpy():
    """Scale, steps, and the best point kept: against a loop in NumPy, start by start."""
    runs = fj.example_runs().select(max_N=3e8)
    method = fj.Restarts(optax.sgd(0.02), num_starts=3, num_steps=12)
    fit = fj.fit(fj.Chinchilla, runs, method)
    assert fit.outcome is fj.Outcome.not_converged
    assert "Raise num_steps" in fit.warnings[0]
    found = fit.diagnostics
    assert np.array_equal(found.start_outcome, [1, 1, 1])
    own = Setting(fj.Chinchilla, runs, method)
    assert np.array_equal(found.start_steps, [12, 12, 12])
    for start, x in enumerate(own.starts):
        values = []
        for _ in range(12):
            vector = own.free.vector(x)
            terms = np.exp(vector[:3])[:, None] * [
                np.ones(len(runs)), runs.N ** -vector[3], runs.D ** -vector[4],
            ]  # fmt: skip
            loss = terms.sum(0)
            r = np.log(loss / runs.loss)
            values.append(0.5 * (r**2).sum())
            parts = [*terms, -terms[1] * np.log(runs.N), -terms[2] * np.log(runs.D)]
            slope = own.free.basis.T @ [(r * part / loss).sum() for part in parts]
            x = x - 0.02 * slope / values[0]
        assert found.start_objective[start] == pytest.approx(min(values), rel=1e-9)


def test_not_beaten_by_scipy(epoch, robust):
    """SciPy's L-BFGS-B from our optimum moved a little: nothing lower, and it does come back."""
    own = Setting(fj.Chinchilla, epoch, HUBER)
    optimum = own.free.free(np.asarray(robust.law.to_vector())[:, None])[0]
    scale = robust.diagnostics.objective

    @jax.jit
    def both(x):
        value, gradient = misfit_and_gradient(own.form, own.problem, x[:, None])
        return value[0] / scale, gradient[:, 0] / scale

    with jax.enable_x64(True):
        found = minimize(
            lambda x: [np.asarray(part) for part in both(x)], optimum + 1e-2, jac=True,
            method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-12},
        )  # fmt: skip
    assert 1 - 1e-9 < found.fun < 1 + 1e-6


def test_recovery_of_a_known_law():
    known = fj.Chinchilla(1.7, 400.0, 2000.0, 0.34, 0.37)
    runs = fj.simulate(known, *fj.paper_grid(), noise=0.0, seed=0)
    fit = fj.fit(fj.Chinchilla, runs, fj.Restarts(num_starts=64))
    assert np.allclose(numbers(fit.law), numbers(known), rtol=1e-6)
    assert fit.mean_relative_error < 1e-8


def test_what_newton_predicts_is_what_can_be_gained(epoch):
    own, fit = Setting(fj.Chinchilla, epoch, SQUARED), fj.fit(fj.Chinchilla, epoch, SQUARED)
    with jax.enable_x64(True):
        optimum = own.free.free(np.asarray(fit.law.to_vector())[:, None])[0]
        points = optimum + 1e-4 * np.random.default_rng(0).standard_normal((64, 5))
        points[0] = optimum
        points[1] = optimum + [0.0, 0.0, 0.0, 5.0, 5.0]  # where the objective is no bowl
        rows = np.zeros(64, dtype=int)
        falls = np.asarray(predicted_decreases(own.problem, points, rows, form=own.form, width=64))
        value = np.asarray(misfit(own.form, own.problem, points.T))
    assert falls[0] < 1e-12 * value[0]
    assert not falls[1] < 1e-3 * value[1]
    assert np.allclose(falls[2:], value[2:] - value[0], rtol=0.05)


def test_absolute_residuals_never_count_as_converged(epoch):
    fit = fj.fit(fj.Chinchilla, epoch, fj.Restarts(num_starts=64, objective="absolute"))
    # Besiroglu et al., who publish this optimum
    assert np.allclose(numbers(fit.law), [1.8172, 482.01, 2085.43, 0.3478, 0.3658], rtol=1e-3)
    assert fit.diagnostics.num_converged == 0
    assert fit.outcome is fj.Outcome.not_converged
    assert "absolute residuals" in fit.warnings[0]


def test_fixed_tied_and_bounded(epoch, robust):
    def fitted(**settings):
        return fj.fit(
            fj.Chinchilla, epoch, fj.Restarts(num_starts=64, objective="huber", **settings)
        )

    fixed = fitted(fixed={"E": 1.69})
    assert float(fixed.law.E) == pytest.approx(1.69, rel=1e-14)
    tied = fitted(tied=[("alpha", "beta")])
    assert float(tied.law.alpha) == pytest.approx(float(tied.law.beta), rel=1e-12)
    bounded = fitted(bounds={"alpha": (0, 0.34)})
    assert bounded.outcome is fj.Outcome.bound_active
    assert "bound" in bounded.warnings[0]
    assert float(bounded.law.alpha) == 0.34
    assert bounded.diagnostics.fraction_at_best() > 0.95
    assert bounded.diagnostics.num_converged > 60
    held = fitted(fixed={"alpha": 0.34})
    assert bounded.diagnostics.objective == pytest.approx(held.diagnostics.objective, rel=1e-9)
    wide = fitted(bounds={"A": (1.0, 1e5)})
    assert wide.diagnostics.objective == pytest.approx(robust.diagnostics.objective, rel=1e-9)


@pytest.mark.parametrize("optimiser", [optax.adamw(0.1), optax.lbfgs()], ids=["adamw", "lbfgs"])
def test_an_optimiser_of_ones_own(epoch, robust, optimiser):
    """Also one that searches lines; and both within bounds."""
    method = fj.Restarts(optimiser, num_starts=8, num_steps=40, objective="huber")
    free = fj.fit(fj.Chinchilla, epoch, method)
    bounded = fj.fit(fj.Chinchilla, epoch, replace(method, bounds={"alpha": (0.35, 0.36)}))
    assert (free.diagnostics.start_steps == 40).all()
    best = robust.diagnostics.objective
    assert best * (1 - 1e-9) < free.diagnostics.objective < 2 * best
    assert 0.35 <= float(bounded.law.alpha) <= 0.36
    assert best < bounded.diagnostics.objective < 2 * best


def test_the_same_starts_as_least_squares():
    runs = fj.example_runs()
    ours, theirs = fj.Restarts(seed=3, num_starts=5), fj.LeastSquares(seed=3, num_starts=5)
    layout = ours.prepare(fj.Farseer, runs)
    free = free_of(ours, layout)
    assert np.array_equal(starts_of(ours, layout, free, 5), starts_of(theirs, layout, free, 5))


def test_reproducible_whatever_the_chunks(epoch, robust, monkeypatch):
    again = fj.fit(fj.Chinchilla, epoch, HUBER).diagnostics
    assert np.array_equal(again.start_objective, robust.diagnostics.start_objective)
    monkeypatch.setattr(_solve, "_WIDTHS", {"cpu": (16,)})
    monkeypatch.setattr(_solve, "_ROUNDS", 2)
    chunks = fj.fit(fj.Chinchilla, epoch, fj.Restarts(num_starts=70, objective="huber"))
    found = chunks.diagnostics
    assert found.num_starts == 70
    assert np.allclose(found.start_objective[:64], again.start_objective, rtol=1e-10)
    assert np.array_equal(found.start_outcome[:64], again.start_outcome)
    other = fj.fit(fj.Chinchilla, epoch, fj.Restarts(num_starts=64, objective="huber", seed=1))
    assert not np.array_equal(other.diagnostics.start_steps, again.start_steps)


def test_a_second_fit_does_not_compile(epoch, robust):
    loss = epoch.loss * (1 + 1e-3 * np.sin(np.arange(len(epoch))))
    fj.fit(fj.Chinchilla, epoch, HUBER)
    with compilations() as events:
        fj.fit(fj.Chinchilla, fj.Runs(epoch.N, epoch.D, loss), HUBER)
        fj.fit(fj.Chinchilla, epoch, fj.Restarts(num_starts=64, seed=2))
        fj.fit(fj.Chinchilla, epoch, fj.Restarts(num_starts=64, bounds={"alpha": (0, 0.34)}))
    assert not events
    with compilations() as events:
        jax.jit(lambda x: x + 1)(1.0)
    assert events, "the counter must count"


def test_refits_agree_with_fits_of_the_same_weights(epoch):
    rng = np.random.default_rng(0)
    weights = rng.multinomial(len(epoch), np.ones(len(epoch)) / len(epoch), 3).astype(float)
    losses = epoch.loss * np.exp(1e-3 * rng.standard_normal((3, len(epoch))))
    weights[2] = 0.0
    refits = fj.fit_batch(fj.Chinchilla, epoch, losses=losses, weights=weights, method=HUBER)
    assert refits.usable.tolist() == [True, True, False]
    assert refits.outcome(0) is fj.Outcome.success
    assert refits.outcome(2) is fj.Outcome.too_few_runs
    layout = HUBER.prepare(fj.Chinchilla, epoch)
    for i in range(2):
        alone = HUBER.fit_one(layout, losses[i], weights[i])
        assert np.allclose(numbers(refits.law_at(i)), numbers(alone.law), rtol=1e-5)


class Broken(fj.Law):
    """NaN where its parameter is below 1/2."""

    name = "broken"
    level: fj.Real

    def loss(self, N, D):
        import jax.numpy as jnp

        return jnp.exp(jnp.where(self.level < 0.5, jnp.nan, self.level) + 0.0 * jnp.log(N * D))

    @classmethod
    def starts(cls, runs, cube):
        return cls(cube[:, 0])


def test_a_bad_start_spoils_no_batch():
    """It counts as such, and the others go on, where a step meets what is not finite too."""
    runs = fj.example_runs()
    middle = np.log(runs.loss).mean()
    assert middle < 0.5  # so that the way down leads to what is not finite
    fit = fj.fit(Broken, runs, fj.Restarts(num_starts=64))
    codes = fit.diagnostics.start_outcome
    assert 0 < (codes == 3).sum() < 64
    assert np.isinf(fit.diagnostics.start_objective[codes == 3]).all()
    assert (fit.diagnostics.start_steps[codes == 3] == 1).all()
    assert 0.5 <= float(fit.law.level) < 0.501
    assert not (codes == 0).any()
    descent = fj.fit(Broken, runs, fj.Restarts(optax.sgd(0.1), num_starts=8, num_steps=40))
    assert np.isfinite(float(descent.law.level))


def test_starts_that_are_never_finite():
    starts = Broken(np.full(64, 0.1))
    with pytest.raises(ValueError, match="no finite loss or derivative at any of 64 starts"):
        fj.fit(Broken, fj.example_runs(), fj.Restarts(starts=starts))


def test_json_keeps_every_digit(robust):
    again = fj.Fit.from_json(robust.to_json())
    assert again.method == robust.method
    assert again.predict(1e9, 1e11) == robust.predict(1e9, 1e11)
    found, known = again.diagnostics, robust.diagnostics
    assert np.array_equal(found.start_objective, known.start_objective)
    assert "fitted by restarts, Huber (δ = 0.001) of log residuals, lbfgs" in str(again)
    full = fj.Restarts(
        "adam", 7, 9, "asymmetric", 0, 4, 1e-6, {"E": 1.0}, [("A", "B")], {"beta": (0, np.inf)}
    )
    assert fj.Restarts.from_dict(full.to_dict()) == full


def test_json_of_an_optimiser_of_ones_own():
    method = fj.Restarts(optax.sgd(0.1))
    assert "GradientTransformation" in method.to_dict()["optimiser"]
    with pytest.raises(NotImplementedError, match="which a file cannot store"):
        fj.Restarts.from_dict(method.to_dict())
    runs = fj.example_runs()
    fit = fj.fit(Broken, runs, fj.Restarts(optax.sgd(0.1), num_starts=8, num_steps=40))
    with pytest.raises(ValueError, match=r"^the JSON text: the fit was made with your own opt"):
        fj.Fit.from_json(fit.to_json(), law=Broken)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"num_steps": 0}, ValueError, "num_steps must be a whole number from 1, got 0"),
        ({"num_starts": 0}, ValueError, "num_starts must be a whole number from 1"),
        ({"refit_starts": -1}, ValueError, "refit_starts must be a whole number from 0"),
        ({"tolerance": 1.0}, ValueError, "tolerance must lie in"),
        ({"objective": "hubert"}, ValueError, "objective must be one of"),
        ({"optimiser": "newton"}, ValueError, r"one of \('lbfgs', 'adam'\) or an optimiser"),
        ({"optimiser": 3.0}, TypeError, "an optimiser of optax such as"),
        ({"optimiser": optax.lbfgs}, TypeError, "an optimiser of optax such as"),
        ({"optimiser": optax.GradientTransformation}, TypeError, "an optimiser of optax such as"),
    ],
)
def test_bad_settings(settings, error, words):
    with pytest.raises(error, match=words):
        fj.Restarts(**settings)


def test_bad_input():
    runs = fj.example_runs()
    with pytest.raises(ValueError, match="no parameter 'gamma'"):
        fj.fit(fj.Chinchilla, runs, fj.Restarts(fixed={"gamma": 1.0}))
    few = fj.Runs(runs.N[:4], runs.D[:4], runs.loss[:4])
    with pytest.raises(ValueError, match="4 runs cannot determine the 5 free parameters"):
        fj.fit(fj.Chinchilla, few, HUBER)
    with pytest.raises(TypeError, match="`Restarts"):
        fj.fit(fj.Chinchilla, runs, fj.Restarts)
