"""Variable projection: real data, agreement with SciPy and least squares, active bounds, refits."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiling import compilations
from scipy.optimize import minimize, minimize_scalar, nnls

import farseer_jax as fj
from farseer_jax.methods.variable_projection.method import _plan
from farseer_jax.methods.variable_projection.profile import (
    Found,
    _derivatives,
    distinct,
    local_minima,
    solve_at,
)
from farseer_jax.methods.variable_projection.solve import build_problem, profile
from farseer_jax.solvers.optima import CONVERGED
from farseer_jax.solvers.small_systems import minimise_in_box

HUBER = fj.VariableProjection("huber")
OBJECTIVES = {
    **{name: fj.Objective.named(name) for name in (
        "squared", "huber", "absolute", "asymmetric", "squared-relative",
    )},
    "squared differences": fj.Objective("absolute"),
    "huber of relative": fj.Objective("relative", 1e-3),
    "quantile of relative": fj.Objective("relative", 0.0, 0.3),
    "huber of differences": fj.Objective("absolute", 5e-3),
    "absolute differences": fj.Objective("absolute", 0.0),
}  # fmt: skip


class Square(fj.Law):
    """One exponent; its terms come from the loss itself."""

    name = "square"
    E: fj.Positive
    A: fj.Positive
    B: fj.Positive
    alpha: fj.Exponent

    def loss(self, N, D):
        return self.E + self.A * N**-self.alpha + self.B / jnp.sqrt(D)


def numbers(law):
    return np.array([float(getattr(law, name)) for name in law.parameter_names()])


def value_of(fit, objective):
    """The objective over the runs; copies count once."""
    N, D, loss = np.unique(np.stack([fit.runs.N, fit.runs.D, fit.runs.loss]), axis=1)
    return float(objective.value(fit.predict(N, D), loss))


def parts(method, law, runs):
    """What kernels get for a fit."""
    layout = method.prepare(law, runs)
    plan = _plan(method, layout)
    return plan, build_problem(plan, layout, runs.loss[None], np.ones((1, len(runs))))


LANES = 64  # of the kernel that a fit compiles for its candidates


def profile_at(plan, problem, exponents, start):
    """The profile at exponents ``(exponent, point)``, without another compilation."""
    num = exponents.shape[1]
    filled = np.pad(exponents, ((0, 0), (0, LANES - num)), mode="edge")
    begin = np.repeat(np.asarray(start)[:, None], LANES, axis=1)
    with jax.enable_x64(True):
        found = solve_at(problem, filled, begin, 200, form=plan.form)
    return np.asarray(found.value)[:num], np.asarray(found.coefficients)[:, :num]


def terms(runs, alpha, beta):
    return np.stack([np.ones(len(runs)), runs.N**-alpha, runs.D**-beta], 1)


@pytest.fixture(scope="session")
def epoch(shared_data):
    import pandas as pd

    table = pd.read_csv(shared_data / "chinchilla_epoch.csv")
    return fj.Runs.from_dataframe(table[table["besiroglu_outlier"] == 0])


@pytest.fixture(scope="session")
def grid(shared_data):
    return fj.read_runs(shared_data / "farseer_404.csv").select(min_N=2e8, max_N=5.36e9)


def scattered(law, noise, num=240):
    rng = np.random.default_rng(0)
    N = np.exp(rng.uniform(np.log(5e7), np.log(1.6e10), num))
    return fj.simulate(law, N, N * np.exp(rng.uniform(1.0, 5.0, num)), noise=noise, seed=1)


@pytest.fixture(scope="session")
def no_floor():
    """A surface that bends below any positive floor: the best E is exactly 0."""
    runs = scattered(fj.Chinchilla(0.1, 9.0, 30.0, 0.08, 0.12), noise=5e-3)
    return fj.Runs(runs.N, runs.D, runs.loss - 0.4)


def test_hoffmann_huber(epoch):
    fit = fj.fit(fj.Chinchilla, epoch, HUBER)
    assert f"{fit.diagnostics.objective:.7e}" == "1.0182740e-03"
    expected = [1.81722, 477.826, 2143.418, 0.347310, 0.367172]
    assert np.allclose(numbers(fit.law), expected, rtol=3e-6)
    assert fit.diagnostics.num_minima == 1
    assert fit.success


def test_besiroglu_absolute(epoch):
    law = fj.fit(fj.Chinchilla, epoch, fj.VariableProjection("absolute")).law
    assert np.allclose(numbers(law), [1.81686, 482.00, 2085.4, 0.3478, 0.3658], rtol=2e-4)


def test_log_least_squares(epoch):
    law = fj.fit(fj.Chinchilla, epoch, fj.VariableProjection()).law
    assert np.allclose(numbers(law), [1.86455, 593.32, 4875.6, 0.36025, 0.40588], rtol=2e-5)


def same_optimum(runs, objective, num_starts):
    # all candidates follow the path to absolute deviations: few show as well where it ends
    num = 12 if objective.delta == 0.0 else 32
    own = fj.fit(fj.Chinchilla, runs, fj.VariableProjection(objective, num_candidates=num))
    other = fj.fit(fj.Chinchilla, runs, fj.LeastSquares(objective, num_starts=num_starts))
    ours, theirs = value_of(own, objective), value_of(other, objective)
    assert own.diagnostics.objective == pytest.approx(ours, rel=1e-9)
    assert own.diagnostics.profile.min() >= own.diagnostics.objective
    assert ours == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_same_optimum_as_least_squares(epoch, name):
    same_optimum(epoch, OBJECTIVES[name], num_starts=8)


@pytest.mark.parametrize("name", ["squared", "huber", "absolute"])
def test_same_optimum_on_the_farseer_grid(grid, name):
    same_optimum(grid, OBJECTIVES[name], num_starts=8)


@pytest.mark.parametrize("name", ["squared", "huber", "absolute"])
def test_same_optimum_on_simulated_runs(name):
    runs = scattered(fj.Chinchilla(1.7, 400.0, 2000.0, 0.34, 0.37), noise=5e-3)
    same_optimum(runs, OBJECTIVES[name], num_starts=8)


def test_recovery_of_a_known_law():
    known = fj.Chinchilla(1.7, 400.0, 2000.0, 0.34, 0.37)
    fit = fj.fit(fj.Chinchilla, scattered(known, noise=0.0), fj.VariableProjection())
    assert np.allclose(numbers(fit.law), numbers(known), rtol=1e-9)
    assert fit.diagnostics.objective < 1e-24


# Linear parameters of given exponents


def test_inner_solution_is_scipys_nonnegative_least_squares(epoch):
    plan, problem = parts(fj.VariableProjection(fj.Objective("absolute")), fj.Chinchilla, epoch)
    found = profile(plan, problem)
    assert (found.status == CONVERGED).all()
    for i in range(0, found.value.size, 37):
        X = terms(epoch, *found.exponents[:, i])
        scale = np.linalg.norm(X, axis=0)
        c, rest = nnls(X / scale, epoch.loss)
        assert found.value[i] == pytest.approx(rest**2 / 2, rel=1e-10)
        assert np.allclose(found.coefficients[:, i] * scale, c, rtol=1e-7, atol=1e-8 * c.max())
        assert ((found.coefficients[:, i] == 0) == (c == 0)).all()


@pytest.mark.parametrize("name", ["huber", "asymmetric", "absolute"])
def test_inner_solution_against_scipy(epoch, name):
    """From our solution and from one beside it, SciPy finds nothing lower."""
    objective = OBJECTIVES[name]
    plan, problem = parts(fj.VariableProjection(objective), fj.Chinchilla, epoch)
    found = profile(plan, problem)
    for alpha, beta in [(0.35, 0.37), (0.15, 0.6), (0.9, 0.2)]:
        i = np.argmin(np.abs(found.exponents - np.array([[alpha], [beta]])).sum(0))
        X = terms(epoch, *found.exponents[:, i])
        scale = np.linalg.norm(X, axis=0)
        own = found.coefficients[:, i] * scale

        def value(c, X=X, scale=scale):
            return float(objective.value(np.maximum(X / scale @ c, 1e-9), epoch.loss))

        for start in (own, own * [1.01, 0.98, 1.01]):
            best = minimize(
                value, start, method="Nelder-Mead", bounds=[(0, None)] * 3,
                options={"xatol": 1e-12, "fatol": 1e-16, "maxfev": 4000, "adaptive": True},
            )  # fmt: skip
            assert found.value[i] <= best.fun * (1 + 1e-8)
        assert found.value[i] == pytest.approx(value(own), rel=1e-8)


@pytest.mark.parametrize("name", ["huber", "squared-relative", "squared differences"])
def test_active_bounds_satisfy_the_conditions_of_optimality(no_floor, name):
    """The gradient is 0 in positive parameters, and not negative in those at 0."""
    objective = OBJECTIVES[name]
    plan, problem = parts(fj.VariableProjection(objective), fj.Chinchilla, no_floor)
    found = profile(plan, problem)
    at_zero = (found.coefficients == 0.0).sum(1)
    assert (at_zero > 50).any()
    assert (found.coefficients >= 0.0).all()
    for i in np.flatnonzero((found.coefficients == 0.0).any(0))[::41]:
        X = terms(no_floor, *found.exponents[:, i])
        scale = np.linalg.norm(X, axis=0)
        predicted = X @ found.coefficients[:, i]
        r = {"link": np.log(predicted / no_floor.loss), "relative": predicted / no_floor.loss - 1}
        r = r.get(objective.residual, predicted - no_floor.loss)
        slope = {"link": 1 / predicted, "relative": 1 / no_floor.loss}.get(objective.residual, 1.0)
        gradient = (np.clip(r, -objective.delta, objective.delta) * slope) @ (X / scale)
        size = np.abs(gradient).max() + np.sqrt(found.value[i])
        rests = found.coefficients[:, i] == 0.0
        assert (np.abs(gradient[~rests]) < 1e-7 * size).all()
        assert (gradient[rests] > -1e-7 * size).all()


def test_minimum_in_a_box_against_every_corner():
    """Random convex quadratics: no point of a fine grid of the box lies lower."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((50, 4, 2))
    M = np.einsum("bki,bkj->ijb", A, A) + 0.01 * np.eye(2)[..., None]
    scale = np.sqrt(np.array([M[0, 0], M[1, 1]]))
    M = M / (scale[:, None] * scale)
    g, low, high = rng.standard_normal((2, 50)), -rng.random((2, 50)), rng.random((2, 50))
    with jax.enable_x64(True):
        x, solved = jax.jit(minimise_in_box, static_argnums=4)(M, g, low, high, ((True, True),) * 2)
    x = np.asarray(x)
    assert np.asarray(solved).all()
    points = np.stack(np.meshgrid(*[np.linspace(0, 1, 101)] * 2)).reshape(2, -1, 1)
    points = low[:, None] + points * (high - low)[:, None]

    def value(x):
        return np.sum(x * (g[:, None] + 0.5 * np.einsum("ijb,jpb->ipb", M, x)), axis=0)

    assert (value(x[:, None]) <= value(points).min(0) + 1e-12).all()
    assert ((x >= low) & (x <= high)).all()


# The profile


def test_minima_of_a_grid():
    values = np.array([[3.0, 2.0, 4.0], [4.0, 5.0, 6.0], [1.0, 7.0, np.inf]])
    assert local_minima(values, 4).tolist() == [6, 1, 6, 6]
    assert local_minima(values, 1).tolist() == [6]
    exponents = np.array([[0.3, 0.1, 0.3, 0.1 + 1e-7]])
    value = np.array([2.0, 1.5, 2.0, 1.0])
    found = distinct(Found(exponents, exponents, value, np.zeros(4)), np.array([1e-5]))
    assert found.exponents.tolist() == [[0.1 + 1e-7, 0.3]]
    assert found.value.tolist() == [1.0, 2.0]


def test_derivatives_of_the_profile_against_finite_differences(epoch):
    objective = fj.Objective("link", 0.05, 0.7)
    plan, problem = parts(fj.VariableProjection(objective), fj.Chinchilla, epoch)
    center, step = np.array([0.3, 0.5]), 1e-4
    offsets = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1], indexing="ij")).reshape(2, -1)
    exponents = center[:, None] + step * offsets
    F, c = profile_at(plan, problem, exponents, [1.9, 200.0, 40000.0])
    F = F.reshape(3, 3)
    with jax.enable_x64(True):
        model, extra = jax.jit(_derivatives, static_argnums=0)(plan.form, problem, exponents, c)
    gradient = [(F[2, 1] - F[0, 1]) / (2 * step), (F[1, 2] - F[1, 0]) / (2 * step)]
    mixed = (F[2, 2] - F[2, 0] - F[0, 2] + F[0, 0]) / (4 * step**2)
    diagonal = [F[2, 1] - 2 * F[1, 1] + F[0, 1], F[1, 2] - 2 * F[1, 1] + F[1, 0]]
    hessian = np.array([[diagonal[0] / step**2, mixed], [mixed, diagonal[1] / step**2]])
    assert np.allclose(model.gradient[:, 4], gradient, rtol=1e-5)
    assert np.allclose(model.hessian[..., 4], hessian, rtol=1e-4, atol=1e-4 * hessian.max())
    slopes = np.stack([(c[:, 7] - c[:, 1]), (c[:, 5] - c[:, 3])], 1) / (2 * step)
    assert np.allclose(extra.slopes[..., 4], slopes, rtol=1e-4)


def test_the_profile_is_flat_at_the_polished_minimum(epoch):
    plan, problem = parts(HUBER, fj.Chinchilla, epoch)
    best = fj.fit(fj.Chinchilla, epoch, HUBER)
    step = 1e-5
    moves = np.array([[0, 1, -1, 0, 0], [0, 0, 0, 1, -1]])
    exponents = best.diagnostics.minima[0][:, None] + step * moves
    F, _ = profile_at(plan, problem, exponents, numbers(best.law)[:3])
    assert (F[1:] > F[0]).all()
    slope, bend = (F[[1, 3]] - F[[2, 4]]) / (2 * step), (F[[1, 3]] + F[[2, 4]] - 2 * F[0]) / step**2
    assert (np.abs(slope) < 1e-3 * bend * step).all()


def test_report(epoch):
    fit = fj.fit(fj.Chinchilla, epoch, HUBER)
    found = fit.diagnostics
    assert repr(found) == "ProfileReport(1024 candidates of alpha and beta, 1 minimum)"
    table = found.to_dataframe()
    assert list(table) == ["alpha", "beta", "objective"]
    assert table["objective"].min() == found.profile.min()
    row = table.iloc[table["objective"].argmin()]
    i, j = np.unravel_index(found.profile.argmin(), found.profile.shape)
    assert (row["alpha"], row["beta"]) == (found.axes[0][i], found.axes[1][j])
    narrow, wide = found.within(0.0), found.within(0.5)
    assert narrow == {"alpha": (fit.law.alpha,) * 2, "beta": (fit.law.beta,) * 2}
    assert wide["alpha"][0] < fit.law.alpha < wide["alpha"][1]
    near = table[table["objective"] <= 1.5 * found.objective]
    assert wide["beta"] == (near["beta"].min(), near["beta"].max())
    with pytest.raises(ValueError, match="rise must be 0 or more"):
        found.within(-0.1)
    text = str(fit)
    assert "fitted by variable-projection, Huber (δ = 0.001) of log residuals" in text
    assert "candidates" in text
    assert "1024 of alpha and beta" in text
    assert "minima found" in text


def test_json_keeps_every_digit(epoch):
    fit = fj.fit(fj.Chinchilla, epoch, HUBER)
    again = fj.Fit.from_json(fit.to_json())
    assert again.method == fit.method
    assert again.predict(1e10, 1e12) == fit.predict(1e10, 1e12)
    for name in ("profile", "minima", "minima_objective", "axes"):
        assert np.array_equal(getattr(again.diagnostics, name), getattr(fit.diagnostics, name))
    odd = fj.ProfileReport(
        np.inf, ("p",), (np.arange(2.0),), np.array([np.inf, 1.0]), np.ones((1, 1)), np.ones(1), 0
    )
    kept = fj.ProfileReport.from_dict(json.loads(json.dumps(odd.to_dict(), allow_nan=False)))
    assert np.array_equal(kept.profile, odd.profile)
    assert repr(kept) == "ProfileReport(2 candidates of p, 1 minimum)"


# Bounds that are active


def test_a_loss_without_a_floor(no_floor):
    """E = 0 is reached, where steps in ln E can only creep towards it."""
    own = fj.fit(fj.Chinchilla, no_floor, HUBER)
    assert float(own.law.E) == 0.0
    assert own.outcome is fj.Outcome.bound_active
    assert own.warnings[0].startswith("E ended at 0, the least allowed")
    creeping = fj.fit(fj.Chinchilla, no_floor, fj.LeastSquares("huber", num_starts=8))
    assert 0.0 < float(creeping.law.E)
    assert own.diagnostics.objective <= creeping.diagnostics.objective * (1 + 1e-12)
    assert np.isfinite(own.predict(1e11, 1e13))
    again = fj.Fit.from_json(own.to_json())
    assert float(again.law.E) == 0.0


def test_an_exponent_at_the_edge_of_its_range(epoch):
    fit = fj.fit(fj.Chinchilla, epoch, fj.VariableProjection("huber", bounds={"alpha": (0.1, 0.3)}))
    assert fit.outcome is fj.Outcome.exponent_at_edge
    assert float(fit.law.alpha) == 0.3
    assert fit.warnings[0].startswith("alpha = 0.3 ended at a bound of its search [0.1, 0.3]")
    inside = fj.fit(
        fj.Chinchilla, epoch, fj.VariableProjection("huber", bounds={"alpha": (0.3, 0.4)})
    )
    assert inside.success
    assert inside.diagnostics.objective == pytest.approx(1.0182740e-3, rel=1e-7)


def test_out_of_steps_says_so(epoch):
    fit = fj.fit(fj.Chinchilla, epoch, fj.VariableProjection("huber", max_steps=1))
    assert fit.outcome is fj.Outcome.not_converged
    assert "max_steps" in fit.warnings[0]


# Parameters held and tied, laws of one's own


def test_fixed_and_tied(epoch):
    """Against SciPy: a search of one exponent over non-negative least squares."""
    tied = [("alpha", "beta")]
    method = fj.VariableProjection("squared-relative", fixed={"E": 1.69}, tied=tied)
    fit = fj.fit(fj.Chinchilla, epoch, method)
    assert float(fit.law.E) == 1.69
    assert float(fit.law.alpha) == float(fit.law.beta)
    assert fit.diagnostics.exponents == ("alpha",)
    assert fit.diagnostics.profile.shape == (32,)

    def value(exponent):
        X = terms(epoch, exponent, exponent)[:, 1:] / epoch.loss[:, None]
        scale = np.linalg.norm(X, axis=0)
        return nnls(X / scale, 1 - 1.69 / epoch.loss)[1] ** 2 / 2

    best = minimize_scalar(value, bounds=(0.1, 0.9), method="bounded", options={"xatol": 1e-10})
    assert fit.diagnostics.objective == pytest.approx(best.fun, rel=1e-10)
    assert float(fit.law.alpha) == pytest.approx(best.x, rel=1e-6)
    assert fj.Fit.from_json(fit.to_json()).method == method


def test_a_law_of_ones_own_with_a_held_exponent(epoch):
    """The same surface in two ways: β held at 1/2, and a law that has it built in."""
    own = fj.fit(Square, epoch, fj.VariableProjection())
    assert own.success
    held = fj.fit(fj.Chinchilla, epoch, fj.VariableProjection(fixed={"beta": 0.5}))
    assert np.allclose(numbers(own.law), numbers(held.law)[:4], rtol=1e-8)
    assert float(held.law.beta) == 0.5
    assert own.diagnostics.objective == pytest.approx(held.diagnostics.objective, rel=1e-12)


def test_terms_of_chinchilla_are_its_derivatives():
    law, N, D = fj.Chinchilla(1.7, 400.0, 2000.0, 0.34, 0.37), np.array([1e8, 1e10]), 1e11
    with jax.enable_x64(True):
        for own, other in zip(law.terms(N, D), fj.Law.terms(law, N, D), strict=True):
            assert np.allclose(own, other, rtol=1e-12, atol=0.0)


# Refits


def test_refits_agree_with_fits_of_repeated_runs(epoch):
    rng = np.random.default_rng(0)
    weights = rng.multinomial(len(epoch), np.ones(len(epoch)) / len(epoch), 30).astype(float)
    refits = fj.fit_batch(fj.Chinchilla, epoch, weights=weights, method=HUBER)
    assert refits.usable.all()
    for i, row in enumerate(weights[:2]):
        repeated = np.repeat(np.arange(len(epoch)), row.astype(int))
        # repeats move by a hair, so that they do not count as copies
        loss = epoch.loss[repeated] * (1 + 1e-13 * np.arange(len(repeated)))
        alone = fj.fit(fj.Chinchilla, fj.Runs(epoch.N[repeated], epoch.D[repeated], loss), HUBER)
        assert np.allclose(refits.predict(1e10, 1e12)[i], alone.predict(1e10, 1e12), rtol=1e-8)
    other = fj.LeastSquares("huber", num_starts=8, refit_starts=0)
    theirs = fj.fit_batch(fj.Chinchilla, epoch, weights=weights, method=other)
    huber = fj.Objective.named("huber")
    values = [
        huber.value(batch.predict(epoch.N, epoch.D), epoch.loss, weights)
        for batch in (refits, theirs)
    ]
    assert np.allclose(*values, rtol=1e-9, atol=0.0)


def test_a_weight_of_zero_leaves_out(epoch):
    part = epoch.select(max_N=3e9)
    weights = np.stack([(epoch.N <= 3e9) * 1.0, np.arange(len(epoch)) < 3.0])
    refits = fj.fit_batch(fj.Chinchilla, epoch, weights=weights, method=HUBER)
    alone = fj.fit(fj.Chinchilla, part, HUBER)
    assert refits.predict(1e10, 1e12)[0] == pytest.approx(alone.predict(1e10, 1e12), rel=1e-8)
    assert refits.outcome(1) is fj.Outcome.too_few_runs


def test_refits_may_try_candidates_of_their_own(epoch):
    """Losses of other laws, far from the optimum of all runs: each is recovered."""
    rng = np.random.default_rng(0)
    alpha, beta = rng.uniform(0.1, 0.9, (2, 16))
    A, B = np.exp(rng.uniform(-3.0, 0.0, (2, 16)))
    center = fj.Center.of(epoch)
    law = fj.Chinchilla(1.5, A * center.N**alpha, B * center.D**beta, alpha, beta)
    with jax.enable_x64(True):
        losses = np.asarray(law(epoch.N[:, None], epoch.D[:, None])).T
    method = fj.VariableProjection(refit_candidates=6)
    refits = fj.fit_batch(fj.Chinchilla, epoch, losses=losses, method=method)
    assert {refits.outcome(i) for i in range(16)} == {fj.Outcome.success}
    assert np.allclose(refits.law.alpha, alpha, rtol=1e-10)
    assert np.allclose(refits.law.beta, beta, rtol=1e-10)


def test_other_runs_and_deltas_do_not_compile_again(epoch):
    weights = np.ones((2, len(epoch)))
    fj.fit(fj.Chinchilla, epoch, HUBER)
    fj.fit_batch(fj.Chinchilla, epoch, weights=weights, method=HUBER)
    other = fj.Runs(epoch.N * 3, epoch.D * 1.5, epoch.loss * 1.1)
    shorter = fj.Runs(epoch.N[:-3], epoch.D[:-3], epoch.loss[:-3])
    wider = fj.VariableProjection(fj.Objective("link", 2e-3, 0.4), bounds={"alpha": (0.1, 0.9)})
    with compilations() as events:
        found = HUBER.fit_one(HUBER.prepare(fj.Chinchilla, other), other.loss, np.ones(len(other)))
        wider.fit_one(wider.prepare(fj.Chinchilla, shorter), shorter.loss, np.ones(len(shorter)))
        fj.fit_batch(fj.Chinchilla, other, weights=weights + 1, method=HUBER)
    assert not events
    assert found.outcome is fj.Outcome.success


# Bad input


def test_bad_settings():
    with pytest.raises(ValueError, match="objective must be one of"):
        fj.VariableProjection("hubert")
    with pytest.raises(ValueError, match="num_candidates must be a whole number from 3"):
        fj.VariableProjection(num_candidates=2)
    with pytest.raises(ValueError, match="tolerance must lie in"):
        fj.VariableProjection(tolerance=-1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bounds": {"alpha": (0.5, 0.1)}}, "'alpha' needs low < high"),
        ({"bounds": {"alpha": (0.5, np.inf)}}, "'alpha' needs two finite ends"),
        (
            {"bounds": {"A": (1.0, 10.0)}},
            "linear in 'A', and this method bounds such parameters only by 0",
        ),
        ({"fixed": {"gamma": 1.0}}, "no parameter 'gamma'"),
        ({"fixed": {"alpha": 0.3, "beta": 0.3}}, "0 free parameters that it is not linear in"),
        ({"fixed": {"E": 1.0, "A": 9.0, "B": 9.0}}, "0 free linear parameters"),
        (
            {"tied": [("alpha", "beta")], "bounds": {"alpha": (0.1, 0.2), "beta": (0.3, 0.4)}},
            "the ranges of the tied",
        ),
    ],
)
def test_settings_that_a_law_does_not_bear(settings, message):
    with pytest.raises(ValueError, match=message):
        fj.fit(fj.Chinchilla, fj.example_runs(), fj.VariableProjection(**settings))


def test_laws_that_cannot_be_projected():
    runs = fj.example_runs()
    with pytest.raises(
        ValueError, match=r"is linear in no parameter: fit it with `LeastSquares\(…\)`"
    ):
        fj.fit(fj.Kaplan, runs, fj.VariableProjection())
    with pytest.raises(TypeError, match="law's class"):
        fj.fit(fj.example_law(), runs, fj.VariableProjection())

    class Bent(Square):
        def loss(self, N, D):
            return self.E + self.A**2 * N**-self.alpha + self.B / jnp.sqrt(D)

    assert Bent.linear() == ("E", "B")  # by its trace: what it is linear in needs no declaration
    with pytest.raises(TypeError, match="declares `linear`, which is derived: annotate its param"):

        class Declared(Square):
            linear = ("E", "A", "B")

    class Misstated(Square):
        def terms(self, *args, **inputs):
            return tuple(2 * term for term in super().terms(*args, **inputs))

    with pytest.raises(ValueError, match="is not the sum of its linear parameters"):
        fj.fit(Misstated, runs, fj.VariableProjection())

    class Summed(Square):
        def loss(self, N, D):
            return super().loss(N, D).sum()

    with pytest.raises(ValueError, match="compute elementwise"):
        fj.fit(Summed, runs, fj.VariableProjection())


def test_too_few_runs():
    runs = fj.example_runs()
    few = fj.Runs(runs.N[:4], runs.D[:4], runs.loss[:4])
    with pytest.raises(ValueError, match="4 runs cannot determine the 5 free parameters"):
        fj.fit(fj.Chinchilla, few, fj.VariableProjection())
