"""Refits on difficult tables, against SciPy from several starts."""

import jax
import numpy as np
import pytest
from scipy.optimize import least_squares

import farseer_jax as fj

METHOD = fj.LeastSquares(num_starts=32)
STARTS = ([1.6, -1.0, -0.5, 0.34, 0.28], [0.5, 0.0, 0.0, 0.15, 0.15])


def table(kind, seed, num=40):
    """Runs of the published law, with the difficulty, and rows of weights."""
    rng = np.random.default_rng(seed)
    N = np.exp(rng.uniform(np.log(1e8), np.log(1e10), num))
    D = N * np.exp(rng.uniform(np.log(3), np.log(300), num))
    E, noise = 1.69, rng.standard_normal(num) * 2e-3
    if kind == "outliers":
        noise[rng.integers(0, num, 2)] += 0.3
    if kind == "E = 0":
        E = 0.0
    if kind == "one D":
        D = 1e10 * np.exp(1e-6 * rng.standard_normal(num))
    runs = fj.Runs(N, D, (E + 406.4 / N**0.34 + 410.7 / D**0.28) * np.exp(noise))
    return runs, rng.multinomial(num, np.ones(num) / num, 8).astype(float)


def least(runs, weights):
    """SciPy's objective, the best of several starts."""
    x, y = np.log(runs.N), np.log(runs.D)
    x, y, root = x - x.mean(), y - y.mean(), np.sqrt(weights)

    def parts(p):
        return np.exp(p[1] - p[3] * x), np.exp(p[2] - p[4] * y)

    def residual(p):
        return root * (np.log(p[0] + sum(parts(p))) - np.log(runs.loss))

    def slopes(p):
        first, second = parts(p)
        columns = np.stack([np.ones_like(x), first, second, -x * first, -y * second], 1)
        return (root / (p[0] + first + second))[:, None] * columns

    bounds = ([0, -9, -9, -3, -3], [9, 9, 9, 9, 9])
    tight = {"ftol": 1e-13, "xtol": 1e-13, "gtol": 1e-13, "max_nfev": 60, "x_scale": "jac"}
    found = [least_squares(residual, p, jac=slopes, bounds=bounds, **tight) for p in STARTS]
    return min(each.cost for each in found)


def objective(refits, runs, weights):
    return 0.5 * (weights * np.log(refits.predict(runs.N, runs.D) / runs.loss) ** 2).sum(1)


# Tables of which refits from the optima of all runs alone miss those of some resamples.
@pytest.mark.parametrize(("kind", "seed"), [("outliers", 2), ("outliers", 4), ("E = 0", 1)])
def test_no_refit_is_worse_than_scipy(kind: str, seed: int) -> None:
    runs, weights = table(kind, seed)
    refits = fj.fit_batch(fj.Chinchilla, runs, weights=weights, method=METHOD)
    best = np.array([least(runs, own) for own in weights])
    assert (objective(refits, runs, weights) <= best * (1.0 + 1e-8)).all()
    assert all(refits.outcome(i).usable for i in range(len(weights)))


@pytest.mark.parametrize("num", [6, 40])
def test_coefficients_beyond_numbers_are_no_success(num: int) -> None:
    runs, weights = table("one D", 0, num)
    weights = weights + 0.5
    refits = fj.fit_batch(fj.Chinchilla, runs, weights=weights, method=METHOD)
    assert {refits.outcome(i).name for i in range(len(weights))} == {"not_converged"}
    assert all(np.isfinite(own).all() for own in jax.tree.leaves(refits.law))
    assert np.isfinite(objective(refits, runs, weights)).all()
    fit = fj.fit(fj.Chinchilla, runs, METHOD)
    assert fit.outcome is not fj.Outcome.success
    assert fj.Fit.from_json(fit.to_json()).law.parameters() == fit.law.parameters()


def test_a_refit_does_not_depend_on_the_others() -> None:
    runs, weights = table("outliers", 4)
    whole = fj.fit_batch(fj.Chinchilla, runs, weights=weights, method=METHOD)
    some = fj.fit_batch(fj.Chinchilla, runs, weights=weights[3:5], method=METHOD)
    for own, full in zip(jax.tree.leaves(some.law), jax.tree.leaves(whole.law), strict=True):
        np.testing.assert_array_equal(own, full[3:5])
