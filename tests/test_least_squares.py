"""End-to-end fits: real data, agreement with SciPy, recovery, constraints, bad input."""

import jax
import numpy as np
import pytest
from compiling import compilations
from scipy.optimize import least_squares, linprog

import farseer_jax as fj
from farseer_jax.methods.end_to_end.layout import build_layout, thinned
from farseer_jax.methods.end_to_end.problem import Problem
from farseer_jax.methods.least_squares import coarse as _coarse
from farseer_jax.methods.least_squares import solve as _solve
from farseer_jax.methods.least_squares import tiles as _tiles
from farseer_jax.methods.least_squares.batches import solve_batch
from farseer_jax.methods.least_squares.normal_equations import evaluate_normal
from farseer_jax.methods.least_squares.tiles import tiled

HUBER = fj.LeastSquares("huber")
NAMES = ("squared", "huber", "asymmetric", "squared-relative")
LAWS = (fj.Chinchilla, fj.Coupled, fj.Kaplan, fj.Farseer)


def numbers(law):
    return np.array([float(getattr(law, name)) for name in law.parameter_names()])


@pytest.fixture(scope="session")
def epoch(shared_data):
    import pandas as pd

    table = pd.read_csv(shared_data / "chinchilla_epoch.csv")
    return fj.Runs.from_dataframe(table[table["besiroglu_outlier"] == 0])


@pytest.fixture(scope="session")
def grid(shared_data):
    return fj.read_runs(shared_data / "farseer_404.csv")


@pytest.fixture(scope="session")
def by_huber(epoch):
    return fj.fit(fj.Chinchilla, epoch, HUBER)


@pytest.fixture(scope="session")
def by_absolute(epoch):
    return fj.fit(fj.Chinchilla, epoch, fj.LeastSquares("absolute"))


def test_hoffmann_huber(by_huber):
    fit = by_huber
    assert f"{fit.diagnostics.objective:.7e}" == "1.0182740e-03"
    assert np.allclose(
        numbers(fit.law), [1.81722, 477.826, 2143.418, 0.347310, 0.367172], rtol=3e-6
    )
    assert fit.diagnostics.fraction_at_best() == 1.0


def test_besiroglu_absolute(epoch, by_absolute):
    fit, law = by_absolute, by_absolute.law
    with jax.enable_x64(True):
        total = np.abs(np.log(np.asarray(law(epoch.N, epoch.D)) / epoch.loss)).sum()
    assert fit.diagnostics.objective == pytest.approx(total, rel=1e-9)
    assert np.allclose(numbers(law), [1.81686, 482.00, 2085.4, 0.3478, 0.3658], rtol=2e-4)
    assert np.allclose(numbers(law), [1.8172, 482.01, 2085.43, 0.3478, 0.3658], rtol=2e-4)


def test_log_least_squares(epoch):
    law = fj.fit(fj.Chinchilla, epoch, fj.LeastSquares()).law
    assert np.allclose(numbers(law), [1.86455, 593.32, 4875.6, 0.36025, 0.40588], rtol=2e-5)
    huber = fj.Objective.named("huber").value(np.asarray(law(epoch.N, epoch.D)), epoch.loss)
    assert f"{huber:.4e}" == "1.0888e-03"


def test_absolute_is_optimal_by_linear_programming(epoch, by_absolute):
    """No direction lowers the sum of absolute residuals, to first order."""
    center = fj.Center.of(epoch)
    with jax.enable_x64(True):
        vector = np.asarray(by_absolute.law.to_vector())

        def residuals(v):
            return fj.Chinchilla.from_vector(v, center).log_loss(epoch.N, epoch.D)

        J = np.asarray(jax.jacfwd(residuals)(vector)) @ np.linalg.inv(
            fj.Chinchilla.centering(center)
        )
        r = np.asarray(residuals(vector)) - np.log(epoch.loss)
    n, p = J.shape
    cost = np.concatenate([np.zeros(p), np.ones(n)])
    above = np.hstack([J, -np.eye(n)])
    below = np.hstack([-J, -np.eye(n)])
    bounds = [(-1e-4, 1e-4)] * p + [(0, None)] * n
    best = linprog(cost, np.vstack([above, below]), np.concatenate([-r, r]), bounds=bounds)
    assert best.fun > np.abs(r).sum() * (1 - 1e-7)


def test_nine_parameters_on_all_runs(grid):
    fit = fj.fit(fj.Farseer, grid, HUBER)
    assert fit.diagnostics.objective < 3.8873e-4
    assert fit.diagnostics.num_copies == 4
    assert fit.diagnostics.fraction_at_best() > 0.95


def test_copies_counted_twice(grid):
    """The figure 3.8873e-4 counts the four copied rows twice; here a copy counts once."""
    loss = grid.loss * (1 + 1e-13 * np.arange(len(grid)))  # no row copies another any more
    fit = fj.fit(fj.Farseer, fj.Runs(grid.N, grid.D, loss), HUBER)
    assert fit.diagnostics.num_copies == 0
    assert fit.diagnostics.objective == pytest.approx(3.8873e-4, rel=2e-5)


def test_end_to_end_extrapolation(grid):
    fit = fj.fit(fj.Farseer, grid.select(min_N=2e8, max_N=5.5e9), fj.LeastSquares())
    held_out = fit.evaluate(grid.select(min_N=6e9)).mean_relative_error
    assert round(fit.mean_relative_error * 1e3, 2) == pytest.approx(1.24, abs=0.01)
    assert round(held_out * 1e3, 2) == pytest.approx(1.24, abs=0.025)
    assert fit.diagnostics.fraction_at_best() > 0.95
    raw = fj.fit(
        fj.RawFarseer, grid.select(min_N=2e8, max_N=5.5e9), fj.LeastSquares(num_starts=256)
    )
    assert raw.diagnostics.objective >= fit.diagnostics.objective * (1 - 1e-9)
    best = fit.diagnostics.objective * (1 + 1e-6)
    assert np.mean(raw.diagnostics.start_objective <= best) < 0.02


def test_chinchilla_extrapolation(grid):
    fit = fj.fit(fj.Chinchilla, grid.select(min_N=2e8, max_N=5.5e9), HUBER)
    held_out = fit.evaluate(grid.select(min_N=6e9)).mean_relative_error
    assert held_out == pytest.approx(9.6e-3, abs=5e-5)


@pytest.mark.parametrize(("largest", "error"), [(1.0e9, 9.9e-3), (1.95e9, 2.4e-3)])
def test_coupled_extrapolates_from_small_ranges(grid, largest, error):
    fit = fj.fit(fj.Coupled, grid.select(min_N=2e8, max_N=largest), fj.LeastSquares())
    held_out = fit.evaluate(grid.select(min_N=6e9)).mean_relative_error
    assert held_out == pytest.approx(error, rel=0.06)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("law", LAWS)
def test_same_optimum_as_scipy(law, name):
    """From the same start, a random one: the same optimum to 8 digits of the objective."""
    runs = fj.example_runs()
    objective = fj.Objective.named(name)
    center = fj.Center.of(runs)
    cube = np.full((1, len(law.parameter_names())), 0.45)
    ours = fj.fit(law, runs, fj.LeastSquares(name, starts=law.starts(runs, cube)))
    assert ours.success
    robust = np.isfinite(objective.delta)

    with jax.enable_x64(True):
        C = law.centering(center)

        @jax.jit
        def residuals_of(u):
            log_loss = law.from_vector(jax.numpy.linalg.solve(C, u), center).log_loss(
                runs.N, runs.D
            )
            r = log_loss - np.log(runs.loss)
            if objective.residual != "link":
                r = jax.numpy.expm1(r) * (runs.loss if objective.residual == "absolute" else 1.0)
            if objective.quantile == 0.5:
                return r
            # SciPy has no asymmetric loss: the root of ρ as a residual, its sign kept
            side = jax.numpy.where(r > 0, 2 * objective.quantile, 2 - 2 * objective.quantile)
            size = abs(r)
            rho = jax.numpy.where(size < objective.delta, r**2 / 2,
                                  objective.delta * (size - objective.delta / 2))  # fmt: skip
            return jax.numpy.sign(r) * jax.numpy.sqrt(2 * side * rho)

        jacobian = jax.jit(jax.jacfwd(residuals_of))
        huber = robust and objective.quantile == 0.5
        found = least_squares(
            lambda u: np.asarray(residuals_of(u)),
            C @ np.asarray(law.starts(runs, cube).to_vector())[:, 0],
            lambda u: np.asarray(jacobian(u)),
            loss="huber" if huber else "linear",
            f_scale=objective.delta if huber else 1.0,
            x_scale="jac", xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=5000,
        )  # fmt: skip
    value = ours.diagnostics.objective
    if objective.quantile == 0.5:
        assert value == pytest.approx(found.cost, rel=1e-8)
    else:  # its residuals have no second derivative where ρ turns: SciPy stops a little above
        assert found.cost * (1 - 1e-3) < value < found.cost * (1 + 1e-8)
    assert value == pytest.approx(
        float(objective.value(np.asarray(ours.predict(runs.N, runs.D)), runs.loss)), rel=1e-10
    )


@pytest.mark.parametrize("law", LAWS)
def test_recovery_of_a_known_law(law):
    known = {
        fj.Chinchilla: fj.Chinchilla(1.7, 400.0, 2000.0, 0.34, 0.37),
        fj.Coupled: fj.Coupled(1.7, 800.0, 4000.0, 0.4, 0.42, 0.8),
        fj.Kaplan: fj.Kaplan(6.4e13, 1.8e13, 0.076, 0.103),
        fj.Farseer: fj.example_law(),
    }[law]
    N, D = fj.paper_grid()
    fit = fj.fit(law, fj.simulate(known, N, D, noise=0.0, seed=0), fj.LeastSquares())
    points = np.array([1e10, 3e10])[:, None], np.array([1e11, 1e12])
    with jax.enable_x64(True):
        assert np.allclose(fit.predict(*points), known(*points), rtol=1e-6)
    assert fit.mean_relative_error < 1e-8


@pytest.mark.parametrize("law", [*LAWS, fj.RawFarseer])
@pytest.mark.parametrize("residual", ["link", "relative", "absolute"])
def test_derivatives_against_autodiff(law, residual):
    runs = fj.example_runs().select(max_N=3e8)
    layout, num_tiles = tiled(build_layout(law, runs))
    cube = np.full((4, len(law.parameter_names())), 0.4) + 0.02 * np.arange(4)[:, None]
    with jax.enable_x64(True):
        vector = law.starts(runs, cube).to_vector()
        num = len(vector)
        problem = Problem(
            {name: values[..., None] for name, values in layout.inputs.items()},
            np.log(runs.loss)[layout.run][..., None], layout.share[..., None], 0.05, 0.7,
            np.eye(num), np.zeros(num), -np.inf, np.inf, np.array(layout.center), num_tiles,
        )  # fmt: skip
        own = evaluate_normal(law, residual, np.ones(4, bool), problem, vector)

        def value(v):
            built = law.from_vector(v, layout.center)
            loss = built(runs.N, runs.D)
            r = {"link": jax.numpy.log(loss / runs.loss), "relative": loss / runs.loss - 1}.get(
                residual, loss - runs.loss
            )
            side = jax.numpy.where(r > 0, 1.4, 0.6)
            size = abs(r)
            huber = jax.numpy.where(size < 0.05, r**2 / 2, 0.05 * (size - 0.025))
            return (side * huber).sum()

        # compiled at once: operation by operation, each would be compiled on its own
        expected = jax.jit(lambda v: (value(v), jax.grad(value)(v), jax.hessian(value)(v)))
        for member in range(4):
            of_value, gradient, hessian = map(np.asarray, expected(vector[:, member]))
            assert np.isclose(own.value[member], of_value, rtol=1e-11)
            size = abs(hessian).max()
            assert np.allclose(own.gradient[:, member], gradient, rtol=1e-8, atol=1e-9 * size)
            assert np.allclose(own.matrix[..., member], hessian, rtol=1e-6, atol=1e-8 * size)


def test_refits_agree_with_fits_of_the_same_weights(epoch):
    rng = np.random.default_rng(0)
    weights = rng.multinomial(len(epoch), np.ones(len(epoch)) / len(epoch), 3).astype(float)
    refits = fj.fit_batch(fj.Chinchilla, epoch, weights=weights, method=HUBER)
    assert refits.usable.all()
    for i, row in enumerate(weights):
        repeated = np.repeat(np.arange(len(epoch)), row.astype(int))
        # repeats move by a hair, so that they do not count as copies
        loss = epoch.loss[repeated] * (1 + 1e-13 * np.arange(len(repeated)))
        alone = fj.fit(fj.Chinchilla, fj.Runs(epoch.N[repeated], epoch.D[repeated], loss), HUBER)
        assert np.allclose(refits.predict(1e10, 1e12)[i], alone.predict(1e10, 1e12), rtol=1e-6)


def test_a_weight_of_zero_leaves_out():
    runs = fj.example_runs()
    small = runs.select(max_N=3e9)
    refit = fj.fit_batch(fj.Chinchilla, runs, weights=(runs.N <= 3e9) * 1.0, method=HUBER)
    assert np.isclose(
        refit.predict(1e10, 1e12)[0], fj.fit(fj.Chinchilla, small, HUBER).predict(1e10, 1e12)
    )


def test_more_starts_begin_with_the_same():
    runs = fj.example_runs()
    few = fj.fit(fj.Coupled, runs, fj.LeastSquares(num_starts=5)).diagnostics
    many = fj.fit(fj.Coupled, runs, fj.LeastSquares(num_starts=300)).diagnostics
    assert np.allclose(few.start_objective, many.start_objective[:5], rtol=1e-9)


@pytest.mark.parametrize("objective", ["squared", "absolute"])
def test_many_starts_end_as_few_do(monkeypatch, grid, objective):
    """Many approach an optimum on some of the runs, where most meet: each ends as if alone."""
    runs = grid.select(min_N=2e8, max_N=5.5e9)
    few = fj.fit(fj.Farseer, runs, fj.LeastSquares(objective, num_starts=48)).diagnostics
    monkeypatch.setattr(_coarse, "_MANY", 512)
    continued = []

    def met(*args):
        found = _coarse.met(*args)
        continued.append(len(found[0]))
        return found

    monkeypatch.setattr(_solve, "met", met)
    many = fj.fit(fj.Farseer, runs, fj.LeastSquares(objective, num_starts=512)).diagnostics
    assert continued[0] < 64
    assert many.objective == pytest.approx(few.objective, rel=1e-11)
    assert many.fraction_at_best() > 0.95
    assert many.num_starts == 512
    same = np.isclose(many.start_objective[:48], few.start_objective, rtol=1e-9)
    assert same.mean() > 0.9
    better = many.start_objective[:48] < few.start_objective
    assert (same | better).mean() > 0.95


@pytest.mark.parametrize("law", [fj.Farseer, fj.Chinchilla])
def test_some_of_the_runs_span_all_of_them(law, epoch):
    for runs in (fj.example_runs(), epoch):
        layout = build_layout(law, runs)
        coarse = thinned(layout)
        chosen = np.unique(coarse.run[coarse.share > 0])
        assert len(chosen) == np.count_nonzero(coarse.share) <= 42
        for values in (runs.N, runs.D):
            low, high = np.log(values[chosen].min()), np.log(values[chosen].max())
            assert high - low > 0.8 * np.ptp(np.log(values))
        assert np.array_equal(coarse.inputs["log_D"], np.log(runs.D)[coarse.run])
    assert thinned(build_layout(law, fj.example_runs().select(max_N=3e8))) is None


def test_the_second_call_does_not_compile():
    runs = fj.example_runs()
    method = fj.LeastSquares("huber", num_starts=16)
    weights = np.random.default_rng(0).random((40, len(runs)))
    fj.fit(fj.Chinchilla, runs, method)
    fj.fit_batch(fj.Chinchilla, runs, weights=weights[:10], method=method)
    solve_batch.clear_cache()
    fj.fit(fj.Chinchilla, runs, method)
    fj.fit_batch(fj.Chinchilla, runs, weights=weights[:10], method=method)
    compiled = solve_batch.num_kept
    other = fj.Runs(runs.N, runs.D, runs.loss * 1.01)
    fj.fit(fj.Chinchilla, other, fj.LeastSquares("huber", num_starts=16, seed=1, tolerance=1e-9))
    fj.fit_batch(fj.Chinchilla, runs, weights=weights[10:20], method=method)
    assert solve_batch.num_kept == compiled > 0


def test_tables_of_other_sizes_do_not_compile():
    """A limit, a fold, a removal, and refits of each: the compiled solver takes them all."""
    runs, method = fj.example_runs(), fj.LeastSquares("huber", num_starts=8)

    def fit_all(own):
        weights = np.random.default_rng(0).random((3, len(own)))
        return fj.fit(fj.Chinchilla, own, method), fj.fit_batch(
            fj.Chinchilla, own, weights=weights, method=method
        )

    fit_all(runs)
    number = np.arange(len(runs))
    tables = (
        runs.select(max_N=3e9),
        runs.select(min_D=1e10),
        runs.select(mask=number % 5 > 0),
        runs.select(mask=number > 0),
    )
    with compilations() as events:
        fits = [fit_all(own) for own in tables]
    assert events == []
    assert all(fit.success and refits.usable.all() for fit, refits in fits)


@pytest.mark.parametrize(
    ("law", "tables"),
    [
        (fj.Chinchilla, lambda epoch: (fj.example_runs(), epoch)),
        (fj.Farseer, lambda epoch: (fj.example_runs(),)),
    ],
    ids=["Chinchilla", "Farseer"],
)
def test_digits_do_not_depend_on_the_room(law, tables, epoch, monkeypatch):
    for runs in tables(epoch):
        fit = fj.fit(law, runs, fj.LeastSquares("huber", num_starts=8))
        monkeypatch.setattr(_tiles, "_ROOM", 2 * _tiles._ROOM)
        wide = fj.fit(law, runs, fj.LeastSquares("huber", num_starts=8))
        assert np.array_equal(wide.diagnostics.start_objective, fit.diagnostics.start_objective)
        assert np.array_equal(wide.law.to_vector(), fit.law.to_vector())
        monkeypatch.undo()


def test_tiles_hold_every_run_once(epoch):
    N, D = np.meshgrid(np.geomspace(1e8, 1e10, 5), np.geomspace(1e9, 1e12, 40), indexing="ij")
    long_rows = fj.simulate(fj.example_law(), N.ravel(), D.ravel(), noise=0.0, seed=0)
    for runs, slots in ((fj.example_runs(), 18), (epoch, 1), (long_rows, 18)):
        layout, num_tiles = tiled(build_layout(fj.Farseer, runs))
        filled = layout.share > 0
        whole = build_layout(fj.Farseer, runs)
        assert layout.run.shape[-1] == slots
        assert filled[num_tiles - 1].any()
        assert not filled[num_tiles:].any()
        assert np.array_equal(np.sort(layout.run[filled]), np.sort(whole.run[whole.share > 0]))
        assert layout.share.sum() == whole.share.sum()
        assert np.array_equal(layout.inputs["log_D"], np.log(runs.D)[layout.run])
        assert np.array_equal(
            np.broadcast_to(layout.inputs["N"][..., None], filled.shape)[filled],
            runs.N[layout.run[filled]],
        )


def test_repeats_of_several_recipes_are_named():
    runs = fj.example_runs()
    N, D, loss = (np.append(v, v[:5]) for v in (runs.N, runs.D, runs.loss))
    loss[-5:] *= 1.05
    fit = fj.fit(fj.Chinchilla, fj.Runs(N, D, loss), HUBER)
    (told,) = [w for w in fit.warnings if "repeat an (N, D)" in w]
    assert told.startswith("5 rows repeat an (N, D) with losses that differ by up to 5.0%")
    assert not any("repeat" in w for w in fj.fit(fj.Chinchilla, runs, HUBER).warnings)


def test_fixed_tied_and_bounded(epoch, by_huber):
    free = by_huber
    fixed = fj.fit(fj.Chinchilla, epoch, fj.LeastSquares("huber", fixed={"E": 1.69}))
    assert float(fixed.law.E) == pytest.approx(1.69, rel=1e-14)
    tied = fj.fit(fj.Chinchilla, epoch, fj.LeastSquares("huber", tied=[("alpha", "beta")]))
    assert float(tied.law.alpha) == pytest.approx(float(tied.law.beta), rel=1e-12)
    bounded = fj.fit(fj.Chinchilla, epoch, fj.LeastSquares("huber", bounds={"alpha": (0, 0.34)}))
    assert bounded.outcome is fj.Outcome.bound_active
    assert "bound" in bounded.warnings[0]
    assert float(bounded.law.alpha) == 0.34
    held = fj.fit(fj.Chinchilla, epoch, fj.LeastSquares("huber", fixed={"alpha": 0.34}))
    assert bounded.diagnostics.objective == pytest.approx(held.diagnostics.objective, rel=1e-9)
    wide = fj.fit(fj.Chinchilla, epoch, fj.LeastSquares("huber", bounds={"A": (1.0, 1e5)}))
    assert wide.diagnostics.objective == pytest.approx(free.diagnostics.objective, rel=1e-8)


def test_json_keeps_every_digit():
    method = fj.LeastSquares("absolute", num_starts=8, fixed={"alpha_N": 0.1})
    fit = fj.fit(fj.Kaplan, fj.example_runs(), method)
    again = fj.Fit.from_json(fit.to_json())
    assert again.predict(1e9, 1e11) == fit.predict(1e9, 1e11)
    assert again.method == fit.method
    assert np.array_equal(again.diagnostics.start_objective, fit.diagnostics.start_objective)
    assert list(again.diagnostics.to_dataframe()) == ["objective", "outcome", "steps"]


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
    runs = fj.example_runs()
    fit = fj.fit(Broken, runs, fj.LeastSquares(num_starts=40))
    codes = fit.diagnostics.start_outcome
    assert 0 < (codes == 3).sum() < 40
    assert np.isinf(fit.diagnostics.start_objective[codes == 3]).all()


def test_bad_input():
    runs = fj.example_runs()
    with pytest.raises(ValueError, match="no parameter 'gamma'"):
        fj.fit(fj.Chinchilla, runs, fj.LeastSquares(fixed={"gamma": 1.0}))
    with pytest.raises(ValueError, match="twice"):
        fj.fit(fj.Chinchilla, runs, fj.LeastSquares(fixed={"E": 1.0}, bounds={"E": (0, 2)}))
    with pytest.raises(ValueError, match="objective must be one of"):
        fj.LeastSquares("hubert")
    with pytest.raises(ValueError, match="num_starts"):
        fj.LeastSquares(num_starts=0)
    with pytest.raises(TypeError, match="law's class"):
        fj.fit(fj.example_law(), runs, fj.LeastSquares())
    few = fj.Runs(runs.N[:4], runs.D[:4], runs.loss[:4])
    with pytest.raises(ValueError, match="4 runs cannot determine the 5 free parameters"):
        fj.fit(fj.Chinchilla, few)
    outside = fj.Chinchilla(*(np.full(2, v) for v in (0.4, 80.0, 170.0, 0.3, 0.9)))
    with pytest.raises(ValueError, match=r"'beta' of start 0 is 0.9, outside its bounds"):
        fj.fit(fj.Chinchilla, runs, fj.LeastSquares(starts=outside, bounds={"beta": (0, 0.5)}))


def test_a_law_of_the_wrong_shape():
    class Twofold(Broken):
        def loss(self, N, D):
            return jax.numpy.stack([self.level * N, self.level * D])

    with pytest.raises(ValueError, match=r"the law Twofold.* shape \(2,\)"):
        fj.fit(Twofold, fj.example_runs(), fj.LeastSquares())


def test_a_law_that_is_never_finite():
    class Never(Broken):
        @classmethod
        def starts(cls, runs, cube):
            return cls(0.1 * cube[:, 0])

    with pytest.raises(ValueError, match="no finite loss or derivative at any of 64 starts"):
        fj.fit(Never, fj.example_runs(), fj.LeastSquares())


def test_out_of_steps_says_so():
    fit = fj.fit(fj.Farseer, fj.example_runs(), fj.LeastSquares(num_starts=4, max_steps=4))
    assert fit.outcome is fj.Outcome.not_converged
    assert "max_steps" in fit.warnings[0]


def test_starts_of_ones_own():
    class Unspread(fj.Chinchilla):
        @classmethod
        def starts(cls, runs, cube):
            raise NotImplementedError

    runs = fj.example_runs()
    given = Unspread(*(np.full(2, v) for v in (0.4, 80.0, 170.0, 0.3, 0.3)))
    fit = fj.fit(Unspread, runs, fj.LeastSquares("huber", starts=given))
    best = fj.fit(fj.Chinchilla, runs, HUBER).diagnostics.objective
    assert fit.diagnostics.objective == pytest.approx(best, rel=1e-9)
    # without any they are drawn from the domains of the parameters
    drawn = fj.fit(Unspread, runs, HUBER).diagnostics
    assert drawn.objective == pytest.approx(best, rel=1e-9)


def test_runs_without_a_grid():
    """Every run of a size of its own: the law that comes back is the one that was fitted."""
    rng = np.random.default_rng(0)
    N, D = np.exp(rng.uniform(np.log(2e8), np.log(6e9), 150)), rng.uniform(2e9, 3e11, 150)
    runs = fj.simulate(fj.example_law(), N, D, noise=0.0, seed=0)
    fit = fj.fit(fj.Farseer, runs, fj.LeastSquares())
    assert fit.mean_relative_error < 1e-8
    with jax.enable_x64(True):
        assert np.isclose(fit.predict(1e10, 1e12), fj.example_law()(1e10, 1e12), rtol=1e-5)


@pytest.mark.parametrize("law", [fj.Chinchilla, "E + A/N**alpha + B/D**beta"])
@pytest.mark.parametrize("delta", [np.inf, 5e-3])
def test_the_identity_link_is_the_objective_of_differences(law, delta):
    """Squares of ``predicted − observed`` by either way of asking for them; so is Huber's ρ."""
    runs = fj.example_runs().select(max_N=2e9)
    same_scale = fj.Runs(runs.N, runs.D, runs.loss, link="identity")
    asked = fj.fit(law, runs, fj.LeastSquares(fj.Objective("absolute", delta)))
    linked = fj.fit(law, same_scale, fj.LeastSquares(fj.Objective(delta=delta)))
    assert linked.success
    assert linked.diagnostics.objective == pytest.approx(asked.diagnostics.objective, rel=1e-9)
    r = np.abs(linked.predict(runs.N, runs.D) - runs.loss)
    rho = np.where(r < delta, r**2 / 2, np.minimum(delta, 1.0) * (r - np.minimum(delta, 1.0) / 2))
    assert linked.diagnostics.objective == pytest.approx(rho.sum(), rel=1e-9)
    assert linked.predict(1e10, 1e12) == pytest.approx(asked.predict(1e10, 1e12), rel=1e-6)
    with pytest.raises(ValueError, match=r"got 'squared-absolute'"):
        fj.LeastSquares("squared-absolute")
