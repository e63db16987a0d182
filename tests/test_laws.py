"""The laws on arrays, their parameter vectors, and where solvers start."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import farseer_jax as fj
from farseer_jax.laws.catalogue.stretched_exponential import box_cox

LAWS = (fj.Chinchilla, fj.Coupled, fj.Kaplan, fj.Farseer, fj.RawFarseer)
NUM = 50


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def drawn(law, num=NUM, seed=0):
    runs = fj.example_runs()
    cube = np.random.default_rng(seed).random((num, len(law.parameter_names())))
    return law.starts(runs, cube), fj.Center.of(runs), runs


def plain(law, N, D):
    """The formulas, written out in NumPy."""
    g = law
    match law:
        case fj.Chinchilla():
            return g.E + g.A / N**g.alpha + g.B / D**g.beta
        case fj.Coupled():
            return g.E + (g.A / N**g.alpha + g.B / D**g.beta) ** g.k
        case fj.Kaplan():
            return ((g.N_c / N) ** (g.alpha_N / g.alpha_D) + g.D_c / D) ** g.alpha_D
        case fj.RawFarseer():
            U, B, A = (
                np.exp(a * N**p + b)
                for a, p, b in (
                    (g.a3, g.gamma, g.b3),
                    (g.a2, g.beta, g.b2),
                    (np.exp(0) * g.a1, g.alpha, g.b1),
                )
            )
            return U + B * D**-A
    z = np.log(N / g.U.pivot)
    U, B, A = (
        np.exp(c.level + c.slope * np.expm1(c.exponent * z) / c.exponent) for c in (g.U, g.B, g.A)
    )
    return U + B * D**-A


@pytest.mark.parametrize("law", LAWS)
def test_formula(law):
    own, _, _ = drawn(law)
    N, D = np.array([2e8, 1e9, 6e9])[:, None], np.array([1e9, 3e10, 5e11])[:, None, None]
    assert np.allclose(own(N, D), plain(own, N, D), rtol=1e-9, atol=0)


@pytest.mark.parametrize("law", LAWS)
def test_vector_and_back(law):
    own, center, _ = drawn(law)
    back = law.from_vector(own.to_vector(), center)
    assert len(own.to_vector()) == len(law.parameter_names())
    for old, new in zip(jax.tree.leaves(own), jax.tree.leaves(back), strict=True):
        assert np.allclose(old, new, rtol=1e-13, atol=0)


@pytest.mark.parametrize("law", LAWS)
def test_combined_curves_are_the_law(law):
    own, _, runs = drawn(law)
    N, D = jnp.asarray(runs.N[:40, None]), jnp.asarray(runs.D[:40, None])
    assert np.allclose(law.combine(own.of_size(N), jnp.log(D)), own.log_loss(N, D), rtol=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_curves_depend_on_the_parameters_that_are_traced(law):
    own, center, _ = drawn(law, num=3)
    vector = own.to_vector()[:, 0]
    N = jnp.array([3e8, 2e9])

    def curves(v):
        return [jnp.broadcast_to(c, N.shape) for c in law.from_vector(v, center).of_size(N)]

    for jacobian, traced in zip(jax.jacfwd(curves)(vector), law.curve_parameters(), strict=True):
        depends = np.flatnonzero((np.asarray(jacobian) != 0).any(0))
        assert set(depends) == set(traced)


@pytest.mark.parametrize("law", LAWS)
def test_starts(law):
    many, _, runs = drawn(law, num=200)
    few, _, _ = drawn(law, num=20)
    losses = np.asarray(many(runs.N[:, None], runs.D[:, None]))
    assert np.isfinite(losses).all()
    assert (losses > 0).all()
    middle = np.asarray(many(np.full(1, fj.Center.of(runs).N), fj.Center.of(runs).D))
    assert (middle > 0.1 * runs.loss.min()).all()
    assert (middle < 10 * runs.loss.max()).all()
    assert np.array_equal(few.to_vector(), many.to_vector()[:, :20])


def test_raw_starts_are_the_same_surfaces():
    centred, _, runs = drawn(fj.Farseer)
    raw, _, _ = drawn(fj.RawFarseer)
    N, D = runs.N[::20, None], runs.D[::20, None]
    assert np.allclose(raw(N, D), centred(N, D), rtol=1e-7)


@pytest.mark.parametrize("law", LAWS)
def test_gradient_against_differences(law):
    own, center, _ = drawn(law, num=1)
    vector = np.asarray(own.to_vector()[:, 0])

    def loss(v):
        return law.from_vector(v, center).log_loss(9e8, 4e10)

    exact = jax.grad(loss)(jnp.asarray(vector))
    for k in range(len(vector)):
        h = 1e-6 * max(1e-3, abs(vector[k]))
        shift = h * np.eye(len(vector))[k]
        slope = (loss(jnp.asarray(vector + shift)) - loss(jnp.asarray(vector - shift))) / (2 * h)
        assert np.isclose(exact[k], slope, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("law", LAWS)
def test_centering_is_unit_triangular(law):
    matrix = law.centering(fj.Center(1e9, 2e10))
    assert np.array_equal(matrix, np.triu(matrix))
    assert np.array_equal(np.diag(matrix), np.ones(len(matrix)))


@given(st.floats(1e-3, 1e3), st.floats(0.1, 0.9))
def test_chinchilla_in_another_unit(unit, alpha):
    with jax.enable_x64(True):
        law = fj.Chinchilla(1.7, 400.0, 2000.0, alpha, 0.37)
        other = fj.Chinchilla(1.7, 400.0 / unit**alpha, 2000.0, alpha, 0.37)
        assert np.isclose(law(1e9, 1e11), other(1e9 / unit, 1e11), rtol=1e-12)


def test_coupled_tends_to_chinchilla():
    numbers = {"E": 1.7, "A": 400.0, "B": 2000.0, "alpha": 0.34, "beta": 0.37}
    assert np.isclose(fj.Coupled(k=1.0, **numbers)(1e9, 1e11), fj.Chinchilla(**numbers)(1e9, 1e11))


def test_box_cox_is_what_the_curves_use():
    assert np.isclose(box_cox(jnp.array(0.7), jnp.array(0.2)), np.expm1(0.14) / 0.2, rtol=1e-14)
