"""The Box–Cox curve against 60-digit decimal arithmetic and closed forms."""

import math
from collections.abc import Iterator
from decimal import Decimal, localcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farseer_jax import StretchedExponential
from farseer_jax.laws.catalogue.stretched_exponential import box_cox, expm1_ratio

EPS = np.finfo(np.float64).eps
# both branches of the implementation, the seam at 1/2 from both sides, and 0 with its neighbours
POINTS = np.array(
    [0.0, 5e-324, 1e-300, 1e-20, 1e-9, 1e-3, 0.1, 0.3, 0.4999999, 0.5, 0.5000001, 0.7, 1.0, 3.0,
     12.5, 40.0]
)  # fmt: skip
POINTS = np.concatenate([-POINTS[::-1], POINTS])


@pytest.fixture(autouse=True, scope="module")
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def exact_ratio(x: float, order: int = 0) -> float:
    """``d^order/dx^order`` of ``(e^x − 1)/x = Σ x^k / (k+1)!``, by its series in 60+ digits."""
    with localcontext(prec=120):
        total, k, value = Decimal(0), order, Decimal(x)
        while True:
            falling = math.perm(k, order)
            term = Decimal(falling) * value ** (k - order) if k > order else Decimal(falling)
            term /= Decimal(math.factorial(k + 1))
            total += term
            if k > order + 5 and abs(term) <= abs(total) * Decimal("1e-60"):
                return float(total)
            k += 1


def box_cox_exact(z: float, p: float, order: int = 0) -> float:
    """``d^order/dp^order`` of ``h(z; p) = z · expm1_ratio(p z)``, the product taken exactly."""
    with localcontext(prec=120):
        product = Decimal(z) * Decimal(p)
        total, k = Decimal(0), order
        while True:
            power = product ** (k - order) if k > order else Decimal(1)
            term = Decimal(math.perm(k, order)) * power / Decimal(math.factorial(k + 1))
            total += term
            if k > order + 5 and abs(term) <= abs(total) * Decimal("1e-60"):
                return float(total * Decimal(z) ** (order + 1))
            k += 1


def test_value_to_rounding() -> None:
    expected = np.array([exact_ratio(x) for x in POINTS])
    np.testing.assert_allclose(jax.jit(expm1_ratio)(jnp.asarray(POINTS)), expected, rtol=1e-15)


@pytest.mark.parametrize(("order", "tolerance"), [(1, 2e-14), (2, 2e-13)])
def test_derivatives_to_rounding(order: int, tolerance: float) -> None:
    """Outside the series the quotient rule cancels: a factor 5 for the first, 30 for the second."""
    derivative = expm1_ratio
    for _ in range(order):
        derivative = jax.grad(derivative)
    found = jax.jit(jax.vmap(derivative))(jnp.asarray(POINTS))
    expected = np.array([exact_ratio(x, order) for x in POINTS])
    np.testing.assert_allclose(found, expected, rtol=tolerance)
    at_zero = np.asarray(found)[POINTS == 0]
    np.testing.assert_array_equal(at_zero, 1 / (order + 1))  # the series' own coefficients


def test_box_cox_over_the_range_in_use() -> None:
    z, p = np.meshgrid(
        [-20.0, -7.3, -1.0, -1e-3, 0.0, 1e-8, 0.5, 2.0, 11.1, 20.0],
        [-2.0, -0.5, -0.16, -0.01, -1e-6, -1e-15, 0.0, 1e-300, 1e-12, 1e-4, 0.05, 0.3, 1.0, 2.0],
    )
    expected = np.vectorize(box_cox_exact)(z, p)
    found = jax.jit(box_cox)(jnp.asarray(z), jnp.asarray(p))
    # the product p·z is rounded once, which e^(p z) magnifies by |p z|
    error = np.abs(np.asarray(found) - expected)
    assert np.all(error <= np.abs(expected) * (1e-15 + np.abs(p * z) * EPS))
    np.testing.assert_array_equal(np.asarray(found)[p == 0], z[p == 0])


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_of_box_cox_in_the_exponent(order: int) -> None:
    """At p = 0 they are z²/2 and z³/3; nothing special happens in its neighbourhood."""
    z, p = np.meshgrid([-7.0, -0.5, 0.3, 2.0, 11.0], [-0.4, -1e-4, -1e-9, 0.0, 1e-12, 1e-6, 0.02])
    derivative = jax.grad(box_cox, argnums=1)
    if order == 2:
        derivative = jax.grad(derivative, argnums=1)
    found = jax.jit(jax.vmap(derivative))(jnp.asarray(z.ravel()), jnp.asarray(p.ravel()))
    expected = np.vectorize(box_cox_exact)(z, p, order).ravel()
    np.testing.assert_allclose(found, expected, rtol=2e-13)
    zero = (p == 0).ravel()
    closed = z.ravel() ** (order + 1) / (order + 1)
    np.testing.assert_allclose(np.asarray(found)[zero], closed[zero], rtol=1e-15)


def test_derivatives_in_the_exponent_agree_with_central_differences() -> None:
    z, step = jnp.asarray(3.0), 1e-4
    for p in (-0.3, 0.0, 1e-7, 0.2):

        def slope(q: float) -> jax.Array:
            return jax.grad(box_cox, argnums=1)(z, jnp.asarray(q))

        by_hand = (box_cox(z, jnp.asarray(p + step)) - box_cox(z, jnp.asarray(p - step))) / (
            2 * step
        )
        assert float(slope(p)) == pytest.approx(float(by_hand), rel=1e-7)
        curvature = jax.grad(jax.grad(box_cox, argnums=1), argnums=1)(z, jnp.asarray(p))
        by_hand = (slope(p + step) - slope(p - step)) / (2 * step)
        assert float(curvature) == pytest.approx(float(by_hand), rel=1e-7)


def test_float32() -> None:
    points = POINTS[np.abs(POINTS) <= 40].astype(np.float32)
    found = jax.jit(expm1_ratio)(jnp.asarray(points))
    assert found.dtype == jnp.float32
    expected = [exact_ratio(float(x)) for x in points]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


# The curve


def test_curve_is_the_papers_formula() -> None:
    curve = StretchedExponential.from_raw(88.01, -0.1, -6.287)
    N = np.geomspace(1e6, 1e14, 9)
    np.testing.assert_allclose(curve(N), np.exp(88.01 * N**-0.1 - 6.287), rtol=1e-13)


@given(
    a=st.floats(-50, 50).filter(lambda a: abs(a) > 1e-3),
    p=st.floats(-0.5, 0.5).filter(lambda p: abs(p) > 1e-3),
    b=st.floats(-20, 20),
    log_pivot=st.floats(np.log(1e6), np.log(1e12)),
)
def test_raw_parameters_round_trip(a: float, p: float, b: float, log_pivot: float) -> None:
    """``level = a·N0^p + b`` and back: b loses what the larger of its two terms rounds off."""
    curve = StretchedExponential.from_raw(a, p, b, pivot=np.exp(log_pivot))
    back = curve.to_raw()
    scale = abs(a) * np.exp(p * log_pivot) + abs(b)
    assert back[0] == pytest.approx(a, rel=1e-13)
    assert back[1] == p
    assert back[2] == pytest.approx(b, abs=8 * EPS * scale)


@given(
    level=st.floats(-5, 10),
    slope=st.floats(-2, 2).filter(lambda slope: abs(slope) > 1e-6),
    exponent=st.floats(-0.5, 0.5).filter(lambda p: abs(p) > 1e-3),
)
def test_centred_parameters_round_trip(level: float, slope: float, exponent: float) -> None:
    curve = StretchedExponential(level, slope, exponent, pivot=1e9)
    again = StretchedExponential.from_raw(*curve.to_raw(), pivot=1e9)
    scale = abs(level) + abs(slope / exponent)
    assert float(again.level) == pytest.approx(level, abs=8 * EPS * scale)
    assert float(again.slope) == pytest.approx(slope, rel=1e-13)
    assert float(again.exponent) == exponent


def test_raw_parameters_do_not_exist_at_exponent_zero() -> None:
    assert StretchedExponential(0.3, -0.5, 0.0, 1e9).to_raw() == (-math.inf, 0.0, math.inf)
    assert StretchedExponential(0.3, 0.5, 0.0, 1e9).to_raw() == (math.inf, 0.0, -math.inf)
    a, p, b = StretchedExponential(0.3, 0.0, 0.0, 1e9).to_raw()
    assert p == 0
    assert math.isnan(a)
    assert math.isnan(b)


def test_pivot_changes_nothing_but_the_form() -> None:
    N = np.geomspace(1e7, 1e12, 6)
    one, other = (StretchedExponential.from_raw(-0.97, 0.06, 2.1, pivot) for pivot in (1e8, 3e10))
    np.testing.assert_allclose(one(N), other(N), rtol=1e-14)


def test_dictionary_is_exact() -> None:
    curve = StretchedExponential(0.1, -1 / 3, 1e-17, np.pi * 1e9)
    again = StretchedExponential.from_dict(curve.to_dict())
    assert again.to_dict() == curve.to_dict()
    assert curve.to_dict()["slope"] == -1 / 3
