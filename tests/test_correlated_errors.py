"""Correlated errors: their covariance, and fits by least squares that have them."""

import jax
import numpy as np
import pytest
from scipy.optimize import least_squares

import farseer_jax as fj
from farseer_jax.methods.correlated_errors import columns_at_runs
from farseer_jax.solvers.correlated_residuals import CorrelatedWeights

KINDS = {"N": "positive", "D": "positive"}


def dense_covariance(
    errors: fj.CorrelatedErrors, N: np.ndarray, D: np.ndarray, M: np.ndarray, E: np.ndarray
) -> np.ndarray:
    """The covariance of the documentation between points and others, over the noise's variance."""
    z, t, first = np.log(N)[:, None], np.log(D)[:, None], np.log(N.min())
    dz, dt = z - np.log(M), t - np.log(E)
    size = errors.size**2 * np.exp(-np.abs(dz) / errors.size_length)
    smooth = errors.smooth**2 * np.exp(-0.5 * (dz**2 + dt**2) / errors.smooth_length**2)
    p, q = np.maximum(z - first, 0.0), np.maximum(np.log(M) - first, 0.0)
    low, high = np.minimum(p, q), np.maximum(p, q)
    wiener = low**2 * (3.0 * high - low) / 6.0
    return size + smooth + errors.growth**2 * wiener * np.exp(-0.5 * dt**2 / 9.0)


def test_columns_are_the_covariance() -> None:
    runs, errors = fj.example_runs(), fj.CorrelatedErrors()
    matrix = columns_at_runs(errors, fj.Chinchilla, runs)
    exact = dense_covariance(errors, runs.N, runs.D, runs.N, runs.D)
    assert matrix.shape[1] < 0.4 * len(runs)
    np.testing.assert_allclose(matrix @ matrix.T, exact, atol=3e-5 * exact.max())


def test_columns_at_new_points_are_the_covariance_with_the_runs() -> None:
    runs, errors = fj.example_runs(), fj.CorrelatedErrors()
    columns = errors.columns(KINDS, {"N": runs.N, "D": runs.D})
    at = {"N": np.array([25.1e9, 1e9, 6.37e9]), "D": np.array([5e11, 7e10, 1e13])}
    found, own = columns.at(at), columns.at({"N": runs.N, "D": runs.D})
    exact = np.array(
        [
            dense_covariance(errors, np.append(runs.N.min(), N), np.append(1e9, D), runs.N, runs.D)[
                1
            ]
            for N, D in zip(at["N"], at["D"], strict=True)
        ]
    )
    np.testing.assert_allclose(found.matrix @ own.matrix.T, exact, atol=3e-4 * exact.max())
    variance = (found.matrix**2).sum(1) + found.size_left + found.smooth_left
    z = np.log(at["N"] / runs.N.min())
    size = errors.size**2 + errors.own_size**2  # of sizes without runs
    np.testing.assert_allclose(
        variance, size + errors.smooth**2 + errors.growth**2 * z**3 / 3.0, rtol=1e-12
    )


def test_weights_are_the_inverse_covariance() -> None:
    rng = np.random.default_rng(0)
    weights, columns = rng.uniform(0.2, 2.0, (3, 30)), rng.standard_normal((30, 5))
    r, J = rng.standard_normal((3, 30)), rng.standard_normal((3, 4, 30))
    found = CorrelatedWeights.of(weights, columns)
    for k in range(3):
        covariance = np.diag(1.0 / weights[k]) + columns @ columns.T
        exact = np.linalg.inv(covariance)
        np.testing.assert_allclose(found.times(r)[k], exact @ r[k], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(
            found.product(J)[k], J[k] @ exact @ J[k].T, rtol=1e-9, atol=1e-11
        )
        _, log_determinant = np.linalg.slogdet(covariance * weights[k])
        assert found.log_determinant[k] == pytest.approx(log_determinant, rel=1e-10)


def test_a_weight_of_zero_leaves_a_run_out() -> None:
    rng = np.random.default_rng(1)
    columns, r = rng.standard_normal((20, 4)), rng.standard_normal((1, 20))
    weights = np.ones((1, 20))
    weights[0, 12:] = 0.0
    some = CorrelatedWeights.of(weights, columns).times(r)
    few = CorrelatedWeights.of(weights[:, :12], columns[:12]).times(r[:, :12])
    np.testing.assert_allclose(some[:, :12], few, rtol=1e-12)
    assert (some[:, 12:] == 0.0).all()


@pytest.fixture(scope="module")
def runs() -> fj.Runs:
    """Chinchilla's law with an offset for each size."""
    rng = np.random.default_rng(3)
    law = fj.Chinchilla(E=1.7, A=400.0, B=410.0, alpha=0.34, beta=0.28)
    N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e8, 1e10, 7), np.geomspace(2e9, 2e11, 8)))
    offsets = 2e-3 * rng.standard_normal(7)[np.unique(N, return_inverse=True)[1]]
    return fj.Runs(N, D, np.asarray(law(N, D)) * np.exp(offsets + 1e-3 * rng.standard_normal(56)))


def by_scipy(
    law: type, runs: fj.Runs, errors: fj.CorrelatedErrors, start: np.ndarray
) -> np.ndarray:
    """The same fit, with a dense Cholesky factor, by SciPy."""
    covariance = np.eye(len(runs)) + dense_covariance(errors, runs.N, runs.D, runs.N, runs.D)
    whiten = np.linalg.inv(np.linalg.cholesky(covariance))

    def residuals(v: np.ndarray) -> np.ndarray:
        E, A, B, a, b = np.exp(v)
        return whiten @ (np.log(E + A / runs.N**a + B / runs.D**b) - np.log(runs.loss))

    return np.exp(least_squares(residuals, np.log(start), xtol=1e-15, ftol=1e-15, gtol=1e-15).x)


@pytest.fixture(scope="module")
def fitted(runs: fj.Runs) -> fj.Fit:
    return fj.fit(fj.Chinchilla, runs, fj.LeastSquares(errors=fj.CorrelatedErrors()))


def test_a_fit_agrees_with_scipy(runs: fj.Runs, fitted: fj.Fit) -> None:
    found = np.array(list(fitted.law.parameters().values()))
    exact = by_scipy(fj.Chinchilla, runs, fj.CorrelatedErrors(), found * 1.05)
    assert fitted.success
    N, D = np.array([25e9, 1e9]), np.array([5e11, 2e10])
    other = exact[0] + exact[1] / N ** exact[3] + exact[2] / D ** exact[4]
    np.testing.assert_allclose(fitted.predict(N, D), other, rtol=1e-5)


def test_a_hold_out_is_a_row_of_weights(runs: fj.Runs) -> None:
    method = fj.LeastSquares(errors=fj.CorrelatedErrors())
    few = runs.select(max_N=5e9)
    held_out = (runs.N <= 5e9).astype(float)[None]
    batch = fj.fit_batch(fj.Chinchilla, runs, weights=held_out, method=method)
    alone = fj.fit(fj.Chinchilla, few, method)
    np.testing.assert_allclose(batch.predict(25e9, 5e11)[0], alone.predict(25e9, 5e11), rtol=1e-5)


def test_derivatives_agree_with_differences_of_refits(runs: fj.Runs, fitted: fj.Fit) -> None:
    refit = fj.differentiable(fitted)
    with jax.enable_x64(True):
        slope = jax.grad(lambda losses: refit(losses, np.ones(len(runs)))(25e9, 5e11))(runs.loss)
    step, rows = 1e-6, [0, 30, 55]
    losses = np.repeat(runs.loss[None], 2 * len(rows), axis=0)
    for k, row in enumerate(rows):
        losses[2 * k, row] += step
        losses[2 * k + 1, row] -= step
    moved = fj.fit_batch(fj.Chinchilla, runs, losses=losses, method=fitted.method)
    ends = moved.predict(25e9, 5e11)
    np.testing.assert_allclose(
        np.asarray(slope)[rows], (ends[::2] - ends[1::2]) / (2.0 * step), rtol=1e-4
    )


def test_settings_go_through_json(fitted: fj.Fit) -> None:
    again = fj.Fit.from_json(fitted.to_json())
    assert again.method == fitted.method
    assert again.method.errors == fj.CorrelatedErrors()


def test_groups_have_errors_of_their_own(runs: fj.Runs) -> None:
    method = fj.LeastSquares(errors=fj.CorrelatedErrors(), num_starts=8)
    table = {
        "N": np.tile(runs.N, 2),
        "D": np.tile(runs.D, 2),
        "loss": np.concatenate([runs.loss, 1.1 * runs.loss]),
        "arm": np.repeat(["a", "b"], len(runs)),
    }
    law = fj.Chinchilla
    fits = fj.fit(law, table, method, by="arm")
    alone = fj.fit(law, runs, method)
    np.testing.assert_allclose(fits[0].predict(2e10, 4e11), alone.predict(2e10, 4e11), rtol=1e-6)
    shared = fj.fit(law, table, method, by="arm", shared=["alpha", "beta"])
    np.testing.assert_allclose(  # the arms differ by a factor: a common exponent costs nothing
        shared[1].predict(2e10, 4e11), 1.1 * alone.predict(2e10, 4e11), rtol=1e-4
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "huber"}, "correlated errors need the objective 'squared'"),
        ({"objective": "absolute"}, "correlated errors need the objective 'squared'"),
    ],
)
def test_refused_settings(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fj.LeastSquares(errors=fj.CorrelatedErrors(), **settings)


def test_refused_amplitudes() -> None:
    with pytest.raises(ValueError, match=r"size must be finite and not negative, got -1\.0"):
        fj.CorrelatedErrors(size=-1.0)
    with pytest.raises(ValueError, match=r"smooth_length must be positive, got 0\.0"):
        fj.CorrelatedErrors(smooth_length=0.0)
    with pytest.raises(ValueError, match="along: expected an input that is a number"):
        fj.fit(
            fj.Chinchilla,
            fj.example_runs(),
            fj.LeastSquares(errors=fj.CorrelatedErrors(along="U")),
        )


def test_amplitudes_may_be_whole_numbers() -> None:
    at = {"N": np.array([1e8, 1e9]), "D": np.array([1e10, 1e10])}
    whole, real = (
        fj.CorrelatedErrors(size=s, smooth=a).columns(KINDS, at).at(at).matrix
        for s, a in ((1, 15), (1.0, 15.0))
    )
    np.testing.assert_array_equal(whole, real)


def test_errors_over_any_inputs() -> None:
    """A real input is standardised, a category shares nothing between labels."""
    rng = np.random.default_rng(5)
    kinds = {"x": "real", "arm": "category"}
    x, arm = rng.normal(50.0, 10.0, 12), np.repeat(np.eye(2), 6, axis=0)
    errors = fj.CorrelatedErrors(growth=0.0)
    found = errors.columns(kinds, {"x": x, "arm": arm}).at({"x": x, "arm": arm}).matrix
    z = (x - x.mean()) / x.std()
    exact = 64.0 * np.exp(-0.5 * (z[:, None] - z) ** 2 / 9.0) * (arm @ arm.T)
    np.testing.assert_allclose(found @ found.T, exact, atol=1e-3)
