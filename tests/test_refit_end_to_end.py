"""Derivatives of end-to-end fits and of IsoFLOP, against differences of whole refits."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiling import compilations

import farseer_jax as fj
from farseer_jax.methods.derivatives import Differentiable, NoDerivativeError

TIGHT = {"tolerance": 1e-16, "refit_starts": 0, "num_starts": 32}
N, D = np.array([8e9, 1e9]), np.array([2e11, 3e10])


@pytest.fixture(scope="module")
def runs():
    whole = fj.example_runs()
    noise = np.exp(3e-3 * np.random.default_rng(1).standard_normal(len(whole)))
    keep = slice(None, None, 5)
    return fj.Runs(whole.N[keep], whole.D[keep], (whole.loss * noise)[keep])


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def made(law, method, runs):
    """A fit, by the kernel that refits as well, and its refit."""
    assert isinstance(method, Differentiable)
    fitted = fj.fit_batch(law, runs, weights=np.ones(len(runs)), method=method).law_at(0)
    return fitted, method.refit(method.prepare(law, runs), runs, fitted, None)


def log_loss(refit, losses, weights):
    return jnp.log(refit(losses, weights)(N, D))


@eqx.filter_jit
def slopes(refit, losses, weights, directions):
    def along(direction):
        def move(t):
            return log_loss(refit, losses + t * direction[0], weights + t * direction[1])

        return jax.jvp(move, (0.0,), (1.0,))[1]

    return jax.vmap(along)(directions)


def directions_of(runs, num=1, seed=0):
    """Of losses (in per cent), of weights, and of both."""
    rng = np.random.default_rng(seed)
    loss = 1e-2 * rng.standard_normal((num, len(runs))) * runs.loss
    weight = rng.standard_normal((num, len(runs)))
    zero = np.zeros_like(loss)
    pairs = [(loss, zero), (zero, weight), (loss, weight)]
    return np.concatenate([np.stack(pair, 1) for pair in pairs])


def differences(law, method, runs, directions, h):
    """Central differences of whole refits, extrapolated to a step of 0."""
    steps = np.array([1.0, -1.0, 0.5, -0.5])[:, None] * h
    losses = np.concatenate([runs.loss + steps * d[0] for d in directions])
    weights = np.concatenate([1.0 + steps * d[1] for d in directions])
    refits = fj.fit_batch(law, runs, losses=losses, weights=weights, method=method)
    y = np.log(refits.predict(N, D)).reshape(len(directions), 4, -1)
    wide, narrow = (y[:, 0] - y[:, 1]) / (2 * h), (y[:, 2] - y[:, 3]) / h
    return (4 * narrow - wide) / 3


def check_slopes(law, method, runs, h, rtol):
    fitted, refit = made(law, method, runs)
    directions = directions_of(runs)
    exact = np.asarray(slopes(refit, runs.loss, np.ones(len(runs)), directions))
    numeric = differences(law, method, runs, directions, h)
    scale = np.abs(exact).max()
    assert scale > 1e-6
    assert np.allclose(exact, numeric, rtol=0.0, atol=rtol * scale)
    return fitted, refit


@pytest.mark.parametrize("law", [fj.Farseer, fj.Chinchilla, fj.Coupled, fj.Kaplan])
def test_squares(law, runs):
    check_slopes(law, fj.LeastSquares(**TIGHT), runs, 0.05, 3e-6)


def test_restarts_have_the_slopes_of_the_optimum_that_they_seek(runs):
    fitted, other = made(fj.Chinchilla, fj.LeastSquares(**TIGHT), runs)
    method = fj.Restarts(objective="squared")
    refit = method.refit(method.prepare(fj.Chinchilla, runs), runs, fitted, None)
    directions, weights = directions_of(runs), np.ones(len(runs))
    exact = np.asarray(slopes(other, runs.loss, weights, directions))
    found = np.asarray(slopes(refit, runs.loss, weights, directions))
    assert np.abs(exact).max() > 1e-6
    np.testing.assert_allclose(found, exact, rtol=0.0, atol=1e-8 * np.abs(exact).max())


ROBUST = {
    "huber": ("huber", 1e-3),
    "asymmetric": ("asymmetric", 1e-3),
    "relative": (fj.Objective("relative", 5e-3), 1e-4),
    "huber of differences": (fj.Objective("absolute", 5e-3), 1e-3),
}


@pytest.mark.parametrize("name", ROBUST)
def test_objectives(name, runs):
    objective, h = ROBUST[name]
    method = fj.VariableProjection(objective, tolerance=1e-16)
    check_slopes(fj.Chinchilla, method, runs, h, 1e-5)


def test_isoflop(runs):
    method, whole = fj.IsoFLOP(width=0.35), fj.example_runs()
    check_slopes(fj.Chinchilla, method, whole, 1e-3, 1e-6)
    with pytest.raises(NoDerivativeError, match="Refined"):
        made(fj.Chinchilla, fj.IsoFLOP(width=0.35, search=fj.Grid(0.005, 0.5, 500)), whole)


def test_reverse_second_order_and_batches(runs):
    """On one law and objective, whose functions compile once each."""
    _, refit = made(fj.Chinchilla, fj.VariableProjection(), runs)
    ones, (direction, *_) = np.ones(len(runs)), directions_of(runs)

    @eqx.filter_jit
    def slope(refit, losses, weights):
        return jax.grad(lambda y, w: log_loss(refit, y, w)[0], (0, 1))(losses, weights)

    def along(h):
        return slope(refit, runs.loss + h * direction[0], ones + h * direction[1])

    losses, weights = slope(refit, runs.loss, ones)
    with compilations() as compiled:
        forward = slopes(refit, runs.loss, ones, directions_of(runs))[:, 0]
        forward = np.asarray(forward)
    reverse = [losses @ d[0] + weights @ d[1] for d in directions_of(runs)]
    assert np.allclose(reverse, forward, rtol=1e-10, atol=1e-10 * np.abs(forward).max())

    @eqx.filter_jit
    def bend(refit, losses, weights, change):
        return jax.jvp(lambda y, w: slope(refit, y, w), (losses, weights), change)[1]

    exact = bend(refit, runs.loss, ones, tuple(direction))
    for own, up, down in zip(exact, along(1e-3), along(-1e-3), strict=True):
        assert np.allclose(own, (up - down) / 2e-3, rtol=0, atol=1e-5 * np.abs(own).max())
    stack = runs.loss * np.array([[1.0], [1.001]])
    batch = eqx.filter_jit(jax.vmap(log_loss, (None, 0, None)))(refit, stack, ones)
    single = eqx.filter_jit(log_loss)
    alone = [single(refit, row, ones) for row in stack]
    assert np.allclose(batch, np.stack(alone), rtol=1e-12)
    with compilations() as compiled:
        single(refit, runs.loss * 0.999, ones)
    assert not compiled


def test_bounds_and_refusals(runs):
    free, refit = made(fj.Chinchilla, fj.VariableProjection(), runs)
    ones, alpha = np.ones(len(runs)), float(free.alpha)
    refit.check(runs.loss, ones, None)
    edge = fj.VariableProjection(bounds={"alpha": (0.01, 0.9 * alpha)}, tolerance=1e-16)
    _, refit = check_slopes(fj.Chinchilla, edge, runs, 0.05, 1e-6)
    refit.check(runs.loss, ones, None)
    far = jax.tree.map(lambda leaf: leaf * 1.3, free)
    method = fj.VariableProjection()
    with pytest.raises(NoDerivativeError, match="has not converged"):
        method.refit(method.prepare(fj.Chinchilla, runs), runs, far, None).check(
            runs.loss, ones, None
        )
    touching = fj.VariableProjection(bounds={"alpha": (0.01, alpha)})
    refit = touching.refit(touching.prepare(fj.Chinchilla, runs), runs, free, None)
    with pytest.raises(NoDerivativeError, match="'alpha' lies on its bound"):
        refit.check(runs.loss, ones, None)


def test_no_floor(runs):
    """E = 0, held there by the runs, moves with none of them."""
    law = fj.Chinchilla(0.0, 3.0, 60.0, 0.08, 0.25)
    tilt = 1.0 - 0.02 * np.log(runs.N / 1e9) - 0.01 * np.log(runs.D / 1e10)
    bent = fj.Runs(runs.N, runs.D, np.asarray(law(runs.N, runs.D)) * tilt)
    method = fj.VariableProjection(tolerance=1e-16)
    fitted, refit = check_slopes(fj.Chinchilla, method, bent, 0.02, 1e-6)
    assert float(fitted.E) == 0.0
    refit.check(bent.loss, np.ones(len(bent)), None)


@pytest.mark.parametrize("quantile", [0.5, 0.7])
@pytest.mark.parametrize("kind", [fj.LeastSquares, fj.VariableProjection])
def test_absolute_residuals_are_refused(kind, quantile, runs):
    """The optimum is a vertex, which jumps from some runs to others."""
    method, law = (
        kind(fj.Objective(delta=0.0, quantile=quantile)),
        fj.Chinchilla(1.8, 4.0, 9.0, 0.4, 0.3),
    )
    with pytest.raises(NoDerivativeError, match=r"absolute residuals has no derivative.*'huber'"):
        method.refit(method.prepare(fj.Chinchilla, runs), runs, law, None)


def test_a_form_that_only_rounding_determines_is_refused(runs):
    """Around exponent 0 the raw form's (a, p, b) say the same curve in many ways."""
    law, method, twice = fj.example_law(), fj.LeastSquares(), np.full(len(runs), 2.0)

    def check(exponent):
        A = fj.StretchedExponential(law.A.level, law.A.slope, exponent, law.A.pivot)
        raw = fj.RawFarseer(**fj.Farseer(U=law.U, B=law.B, A=A).parameters())
        exact = fj.simulate(raw, runs.N, runs.D, noise=0.0, seed=0)
        refit = method.refit(method.prepare(fj.RawFarseer, exact), exact, raw, None)
        refit.check(
            exact.loss, twice, None
        )  # weights of no fit: they have no past to converge from

    check(0.1)
    with pytest.raises(
        NoDerivativeError, match=r"condition number \de\+1[23].*Farseer for RawFarseer"
    ):
        check(0.01)
