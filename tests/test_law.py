"""The Farseer law against Eq. 3 in plain NumPy: values, derivatives, precisions, pytrees."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import box_cox, distinct_runs

from farseer_jax import Farseer, StretchedExponential, example_law, read_runs

CURVES = ("U", "B", "A")
FIELDS = ("level", "slope", "exponent", "pivot")
PAPER = {
    "a1": -0.97065, "alpha": 0.0594394, "b1": 2.1494,
    "a2": 220.199, "beta": -0.169737, "b2": -1.66431,
    "a3": -0.0316688, "gamma": 0.154427, "b3": -0.0170484,
}  # fmt: skip


def zero_exponents() -> Farseer:
    return Farseer(
        U=StretchedExponential(-0.8, -0.12, 0.0, 1e9),
        B=StretchedExponential(4.9, -1.1, 0.0, 1e9),
        A=StretchedExponential(-1.18, -0.2, 0.0, 1e9),
    )


LAWS = {"published": Farseer.published, "example": example_law, "exponents zero": zero_exponents}
# 1e6–1e14 parameters, 1e8–1e17 tokens
WIDE_N, WIDE_D = (
    axis.ravel() for axis in np.meshgrid(np.geomspace(1e6, 1e14, 9), np.geomspace(1e8, 1e17, 10))
)


@pytest.fixture(params=LAWS)
def law(request: pytest.FixtureRequest) -> Farseer:
    return LAWS[request.param]()


@pytest.fixture
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@pytest.fixture(params=[False, True], ids=["x64 off", "x64 on"])
def any_default(request: pytest.FixtureRequest) -> Iterator[bool]:
    with jax.enable_x64(request.param):
        yield request.param


def log_loss_numpy(numbers: np.ndarray, log_N: Any, log_D: Any) -> np.ndarray:
    """Eq. 3 in NumPy from the twelve numbers of a law; also for complex arguments."""
    U, B, A = (
        level + slope * box_cox(log_N - np.log(pivot), exponent)
        for level, slope, exponent, pivot in numbers.reshape(3, 4)
    )
    return np.log(np.exp(U) + np.exp(B - np.exp(A) * log_D))


def numbers_of(law: Farseer) -> np.ndarray:
    return np.array([float(getattr(getattr(law, c), f)) for c in CURVES for f in FIELDS])


def complex_step(function: Any, x: np.ndarray, index: int) -> np.ndarray:
    """Derivative by one argument: a difference quotient in which no digits cancel."""
    shifted = x.astype(complex)
    shifted[index] += 1e-30j
    return np.imag(function(shifted)) / 1e-30


# Values


@pytest.mark.usefixtures("float64")
def test_law_is_equation_3() -> None:
    p = PAPER
    N, D = WIDE_N, WIDE_D
    A = np.exp(p["a1"] * N ** p["alpha"] + p["b1"])
    B = np.exp(p["a2"] * N ** p["beta"] + p["b2"])
    U = np.exp(p["a3"] * N ** p["gamma"] + p["b3"])
    law = Farseer.from_parameters(p)
    np.testing.assert_allclose(law(N, D), U + B * D**-A, rtol=1e-12)
    np.testing.assert_allclose(law.U(N), U, rtol=1e-12)
    np.testing.assert_allclose(law.B(N), B, rtol=1e-12)
    np.testing.assert_allclose(law.A(N), A, rtol=1e-12)
    np.testing.assert_allclose(law.log_loss(N, D), np.log(U + B * D**-A), rtol=1e-12)


@pytest.mark.usefixtures("float64")
def test_published_law_is_equation_15() -> None:
    N, D = 6.37e9, 1e11
    expected = np.exp(-0.021 * N**0.169 - 0.091)
    expected += np.exp(88.01 * N**-0.1 - 6.287) * D ** -np.exp(-0.124 * N**0.123 + 0.424)
    assert float(Farseer.published()(N, D)) == pytest.approx(expected, rel=1e-13)


def test_paper_parameters_round_trip() -> None:
    for pivot in (1.0, 1e9, 1e12):
        again = Farseer.from_parameters(PAPER, pivot=pivot).parameters()
        assert again == pytest.approx(PAPER, rel=1e-12)


@pytest.mark.usefixtures("float64")
def test_law_round_trips_through_its_parameters(law: Farseer) -> None:
    if float(law.A.exponent) == 0:
        assert law.parameters()["a1"] == -np.inf
        return
    again = Farseer.from_parameters(law.parameters())
    np.testing.assert_allclose(again(WIDE_N, WIDE_D), law(WIDE_N, WIDE_D), rtol=1e-11)


@pytest.mark.parametrize("wrong", ["missing", "unknown"])
def test_wrong_parameter_names_are_refused(wrong: str) -> None:
    numbers = dict(PAPER)
    if wrong == "missing":
        del numbers["beta"]
    else:
        numbers["delta"] = 1.0
    with pytest.raises(ValueError, match="needs exactly the parameters") as caught:
        Farseer.from_parameters(numbers)
    assert "'beta'" in str(caught.value)


def test_published_law_is_too_rounded_to_describe_the_runs(shared_data: Path) -> None:
    runs = read_runs(shared_data / "farseer_404.csv").select(min_N=2e8)
    N, D, loss = distinct_runs(runs.N, runs.D, runs.loss)
    with jax.enable_x64(True):
        error = np.abs(np.asarray(Farseer.published()(N, D)) / loss - 1).mean()
    assert error == pytest.approx(0.025, abs=0.0005)


# Derivatives. Jitted once for all laws: a law is an argument.


def log_loss_by_logs(law: Farseer, log_N: jax.Array, log_D: jax.Array) -> jax.Array:
    return law.log_loss(jnp.exp(log_N), jnp.exp(log_D))


value_and_log_gradients = jax.jit(
    jax.vmap(jax.value_and_grad(log_loss_by_logs, argnums=(0, 1, 2)), in_axes=(None, 0, 0))
)
plain_gradients = jax.jit(
    jax.vmap(jax.grad(lambda law, N, D: law(N, D), argnums=(1, 2)), in_axes=(None, 0, 0))
)


@pytest.mark.usefixtures("float64")
def test_gradients_in_float64(law: Farseer) -> None:
    """Against difference quotients of Eq. 3 in NumPy, by complex steps."""
    log_N, log_D = np.log(WIDE_N), np.log(WIDE_D)
    value, (by_law, by_log_N, by_log_D) = value_and_log_gradients(law, log_N, log_D)
    numbers = numbers_of(law)
    np.testing.assert_allclose(value, log_loss_numpy(numbers, log_N, log_D), rtol=1e-11, atol=1e-11)

    found = [np.asarray(getattr(getattr(by_law, c), f)) for c in CURVES for f in FIELDS]
    for index, derivative in enumerate(found):
        expected = complex_step(lambda x: log_loss_numpy(x, log_N, log_D), numbers, index)
        # ln N − ln pivot is 0 only to rounding at the pivot itself
        scale = np.abs(expected).max()
        np.testing.assert_allclose(derivative, expected, rtol=1e-9, atol=1e-14 * scale)
    point = np.stack([log_N, log_D])
    for index, derivative in enumerate((by_log_N, by_log_D)):
        expected = complex_step(lambda x: log_loss_numpy(numbers, *x), point, index)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(derivative, expected, rtol=1e-9, atol=1e-14 * scale)


@pytest.mark.usefixtures("float64")
def test_gradients_by_N_and_D_agree_with_central_differences(law: Farseer) -> None:
    N, D = np.array([1e6, 1e9, 1e14]), np.array([1e17, 1e11, 1e8])
    for argument, found in enumerate(plain_gradients(law, N, D)):
        step = 1e-5 * (N, D)[argument]
        moves = (step, 0.0) if argument == 0 else (0.0, step)
        above = np.asarray(law(N + moves[0], D + moves[1]))
        below = np.asarray(law(N - moves[0], D - moves[1]))
        by_hand = (above - below) / (2 * step)
        # losses rounded at 1e-16 of themselves
        rounding = 1e-15 * above / step
        assert np.all(np.abs(found - by_hand) <= 1e-7 * np.abs(by_hand) + rounding)


def test_values_and_gradients_in_float32(law: Farseer) -> None:
    """Finite from 1e6 to 1e14 parameters and 1e8 to 1e17 tokens, to 1e-5 of float64."""
    results = []
    for dtype in (np.float32, np.float64):
        with jax.enable_x64(dtype == np.float64):
            own = jax.tree.map(lambda leaf, dtype=dtype: jnp.asarray(leaf, dtype), law)
            arguments = (np.log(axis).astype(dtype) for axis in (WIDE_N, WIDE_D))
            leaves = jax.tree.leaves(value_and_log_gradients(own, *arguments))
        assert all(leaf.dtype == dtype for leaf in leaves)
        assert all(np.all(np.isfinite(leaf)) for leaf in leaves)
        results.append([np.asarray(leaf, np.float64) for leaf in leaves])
    for single, double in zip(*results, strict=True):
        np.testing.assert_allclose(single, double, rtol=1e-5, atol=1e-5 * np.abs(double).max())


def test_gradients_by_N_and_D_in_float32(law: Farseer) -> None:
    """Not by logarithms: dL/dD reaches 1e-20, which float32 still holds."""
    single = plain_gradients(law, np.float32(WIDE_N), np.float32(WIDE_D))
    with jax.enable_x64(True):
        double = plain_gradients(law, WIDE_N, WIDE_D)
    for found, exact, axis in zip(single, double, (WIDE_N, WIDE_D), strict=True):
        assert found.dtype == jnp.float32
        assert np.all(np.isfinite(found))
        elasticity = np.abs(np.asarray(exact)) * axis
        deviation = np.abs(np.asarray(found, np.float64) - np.asarray(exact)) * axis
        assert np.all(deviation <= 1e-5 * (elasticity + elasticity.max()))


# Precision follows the caller


def test_precision_follows_the_arrays(law: Farseer, any_default: bool) -> None:
    N, D = np.float32([1e8, 25.1e9]), np.float32([1e10, 5e11])
    for single in (law(N, D), law(jnp.asarray(N), jnp.asarray(D)), law.U(N)):
        assert single.dtype == jnp.float32
    double = law(N.astype(np.float64), D.astype(np.float64))
    assert double.dtype == (jnp.float64 if any_default else jnp.float32)
    np.testing.assert_allclose(law(N, D), double, rtol=1e-5)


@pytest.mark.usefixtures("any_default")
def test_precision_of_an_array_beside_a_python_number() -> None:
    """A Python number has no precision of its own: the array decides."""
    law = example_law()
    N = jnp.asarray([1e8, 25.1e9], jnp.float32)
    assert law(N, 5e11).dtype == jnp.float32
    assert law(25_100_000_000, N).dtype == jnp.float32


@pytest.mark.usefixtures("any_default")
def test_precision_is_the_same_under_jit() -> None:
    law = example_law()
    N, D = (jnp.asarray(x, jnp.float32) for x in ([1e8, 25.1e9], [1e10, 5e11]))
    assert jax.jit(lambda N, D: law(N, D))(N, D).dtype == jnp.float32
    assert jax.jit(lambda law, N, D: law(N, D))(law, N, D).dtype == jnp.float32


@pytest.mark.usefixtures("any_default")
def test_large_python_integers(law: Farseer) -> None:
    found = float(law(25_100_000_000, 500_000_000_000))
    assert found == pytest.approx(float(law(25.1e9, 5e11)), rel=1e-6)
    array = np.array([25_100_000_000, 10**14])
    np.testing.assert_allclose(law(array, 10**17), law(array.astype(float), 1e17), rtol=1e-6)


# A law is a pytree


@pytest.mark.usefixtures("float64")
def test_jit_and_vmap_over_laws() -> None:
    laws = [Farseer.published(), example_law(), zero_exponents()]
    stack = jax.tree.map(lambda *leaves: jnp.stack(leaves), *laws)
    N, D = jnp.asarray([1e9, 5e9]), jnp.asarray([1e11, 2e10])
    together = jax.jit(jax.vmap(lambda law: law(N, D)))(stack)
    for row, law in zip(together, laws, strict=True):
        np.testing.assert_allclose(row, law(N, D), rtol=1e-14)


def test_law_of_other_numbers_does_not_compile_again() -> None:
    traces = []

    @jax.jit
    def loss(law: Farseer, N: jax.Array, D: jax.Array) -> jax.Array:
        traces.append(law)  # runs only while JAX traces the function anew
        return law(N, D)

    N, D = jnp.asarray([1e9, 5e9]), jnp.asarray([1e11, 2e10])
    first = loss(example_law(), N, D)
    second = loss(Farseer.published(), N, D)
    assert len(traces) == 1
    assert not np.allclose(first, second)


def test_leaves_are_the_twelve_numbers() -> None:
    law = example_law()
    leaves = jax.tree.leaves(law)
    assert len(leaves) == 12
    assert all(eqx.is_array(leaf) for leaf in leaves)
    np.testing.assert_array_equal(np.array(leaves, float), numbers_of(law))
    assert Farseer.from_dict(law.to_dict()).to_dict() == law.to_dict()
