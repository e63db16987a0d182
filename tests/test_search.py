"""Searches of an exponent: grids, refinement, edges, regions without values."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farseer_jax import Grid, Refined
from farseer_jax.solvers.search import Minimum

FLOAT64 = np.dtype(np.float64)
SHAPES = ("smooth", "locally smooth", "kinked")


@pytest.fixture(autouse=True, scope="module")
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def minimise(search: Any, function: Callable[[Any], Any], shape: str) -> Minimum:
    return jax.jit(lambda: search.minimise(function, shape, FLOAT64))()


# Grids


def test_candidates_leave_the_upper_bound_out() -> None:
    candidates = Grid(-0.5, 0.5, 10_000).candidates()
    np.testing.assert_allclose(candidates, -0.5 + np.arange(10_000) / 10_000, rtol=0, atol=1e-16)
    assert candidates[0] == -0.5
    assert candidates[-1] == pytest.approx(0.4999, abs=1e-15)


@given(below=st.integers(0, 40), above=st.integers(3, 40), step=st.floats(1e-4, 0.3))
def test_a_candidate_at_zero_is_exactly_zero(below: int, above: int, step: float) -> None:
    candidates = Grid(-below * step, above * step, below + above).candidates()
    assert candidates[below] == 0.0
    np.testing.assert_allclose(np.diff(candidates), step, rtol=1e-9)


@pytest.mark.parametrize(
    ("bounds", "step", "num"),
    [((-0.5, 0.5), 1e-4, 10_000), ((-0.3, 0.3), 0.1, 6), ((0.0, 1.0), 0.3, 3), ((0, 1), 5.0, 3)],
)
def test_grid_of_a_given_step(bounds: tuple[float, float], step: float, num: int) -> None:
    grid = Grid.with_step(*bounds, step)
    assert grid == Grid(*bounds, num)
    assert grid.step == pytest.approx((bounds[1] - bounds[0]) / num)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Grid(0.5, -0.5), "finite and ascending"),
        (lambda: Grid(0.1, 0.1), "finite and ascending"),
        (lambda: Grid(-np.inf, 0.5), "finite and ascending"),
        (lambda: Grid(np.nan, 0.5), "finite and ascending"),
        (lambda: Grid(-0.5, 0.5, 2), "at least 3, got 2"),
        (lambda: Grid.with_step(-0.5, 0.5, 0.0), "step must be positive, got 0.0"),
        (lambda: Grid.with_step(-0.5, 0.5, np.inf), "step must be positive, got inf"),
        (lambda: Grid.with_step(-0.5, 0.5, np.nan), "step must be positive, got nan"),
        (lambda: Refined(0.5, -0.5), "finite and ascending"),
        (lambda: Refined(-0.5, np.inf), "finite and ascending"),
        (lambda: Refined(resolution=0.0), "resolution must be positive, got 0.0"),
        (lambda: Refined(resolution=np.nan), "resolution must be positive, got nan"),
    ],
)
def test_impossible_searches_are_refused(make: Callable[[], Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        make()


@pytest.mark.parametrize("num", [3, 1000, 8192, 10_001, 20_000])
def test_grid_takes_the_best_candidate(num: int) -> None:
    """Also in several blocks, of which the last is padded."""

    def function(p: Any) -> Any:
        return (p - 0.4321) ** 2 * (2 + np.pi * p)

    grid = Grid(-0.5, 0.5, num)
    found = minimise(grid, function, "smooth")
    values = function(grid.candidates())
    assert float(found.exponent) == grid.candidates()[np.argmin(values)]
    assert float(found.value) == pytest.approx(values.min(), rel=1e-14)
    assert bool(found.at_edge) == (np.argmin(values) in (0, num - 1))


@pytest.mark.parametrize("sign", [1, -1])
def test_grid_flags_its_ends(sign: int) -> None:
    found = minimise(Grid(-0.5, 0.5, 100), lambda p: sign * p, "smooth")
    assert bool(found.at_edge)
    assert float(found.exponent) == pytest.approx(-0.5 if sign > 0 else 0.49)


# Refined


def valley(p: Any, centre: Any, steep: Any, skew: Any, height: Any, floor: Any) -> Any:
    """Convex and entire, with its minimum ``floor`` at ``centre`` exactly."""
    x = p - centre
    even = 2 * jnp.sinh(0.5 * steep * x) ** 2  # cosh(steep·x) − 1
    odd = jnp.expm1(skew * x) - skew * x
    return floor + height * (even + odd)


@pytest.mark.parametrize("shape", ["smooth", "locally smooth"])
@pytest.mark.parametrize("centre", [-0.4321, -0.031, 0.0, 1e-9, 0.25, 0.487])
def test_minimum_of_an_analytic_function(centre: float, shape: str) -> None:
    found = minimise(Refined(), lambda p: valley(p, centre, 4.0, 1.5, 2.0, 0.3), shape)
    assert abs(float(found.exponent) - centre) <= 1e-10
    assert float(found.value) == pytest.approx(0.3, rel=1e-13)
    assert not bool(found.at_edge)
    assert bool(found.resolved)


@pytest.mark.parametrize("bounds", [(-1.0, 1.0), (-2.0, 2.0), (-0.1, 0.9), (0.2, 0.3)])
def test_other_bounds(bounds: tuple[float, float]) -> None:
    centre = 0.2345678
    found = minimise(Refined(*bounds), lambda p: valley(p, centre, 3.0, -2.0, 1.0, 1.0), "smooth")
    assert abs(float(found.exponent) - centre) <= 1e-10
    assert not bool(found.at_edge)


FINE = Grid(-0.5, 0.5, 10_000)
_valleys = jax.jit(
    lambda *shape: Refined().minimise(lambda p: valley(p, *shape), "smooth", FLOAT64)
)
_valleys_by_grid = jax.jit(
    lambda *shape: FINE.minimise(lambda p: valley(p, *shape), "smooth", FLOAT64)
)


@given(
    centre=st.floats(-0.49, 0.49),
    steep=st.floats(0.5, 8),
    skew=st.floats(-5, 5),
    height=st.floats(1e-6, 1e6),
    floor=st.floats(0, 10),
)
def test_random_smooth_valleys(
    centre: float, steep: float, skew: float, height: float, floor: float
) -> None:
    """To 1e-10 of the exponent, or to what the floor's rounding hides of the curve's slope."""
    found = _valleys(centre, steep, skew, height, floor * height)
    assert bool(found.resolved)
    curvature = steep**2 + skew**2
    rounding = 1e-15 * (floor + curvature) / curvature * 32  # a difference over a node's distance
    assert abs(float(found.exponent) - centre) <= 1e-10 + rounding
    dense = _valleys_by_grid(centre, steep, skew, height, floor * height)
    assert abs(float(found.exponent) - float(dense.exponent)) <= 1.001 * FINE.step


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("centre", [-0.7, -0.51, 0.6, 3.0])
def test_minimum_at_or_beyond_a_bound_is_flagged(centre: float, shape: str) -> None:
    found = minimise(Refined(), lambda p: valley(p, centre, 2.0, 0.5, 1.0, 0.1), shape)
    assert bool(found.at_edge)
    assert float(found.exponent) == pytest.approx(np.sign(centre) * 0.5, abs=1e-9)
    assert -0.5 <= float(found.exponent) <= 0.5


@pytest.mark.parametrize("shape", SHAPES)
def test_minimum_near_a_bound_is_not_flagged(shape: str) -> None:
    found = minimise(Refined(), lambda p: valley(p, -0.4999, 2.0, 0.5, 1.0, 0.1), shape)
    assert not bool(found.at_edge)
    # values alone, flat about a smooth minimum, tell its place to the root of their rounding
    tolerance = 1e-7 if shape == "kinked" else 1e-10
    assert float(found.exponent) == pytest.approx(-0.4999, abs=tolerance)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("shape", SHAPES)
def test_regions_without_values_are_never_chosen(shape: str, bad: float) -> None:
    def function(p: Any) -> Any:
        return jnp.where(p < 0.1, bad, valley(p, 0.2, 4.0, 1.0, 1.0, 0.1))

    found = minimise(Refined(), function, shape)
    assert float(found.exponent) >= 0.1
    assert np.isfinite(float(found.value))
    if shape == "kinked" or bool(found.resolved):
        assert abs(float(found.exponent) - 0.2) <= 1e-9
    grid = minimise(Grid(-0.5, 0.5, 1000), function, shape)
    assert float(grid.exponent) == pytest.approx(0.2, abs=1e-12)


@pytest.mark.parametrize("search", [Refined(), Grid(-0.5, 0.5, 100)], ids=["refined", "grid"])
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_but_nan_is_unresolved(search: Any, shape: str) -> None:
    found = minimise(search, lambda p: p * jnp.nan, shape)
    assert not bool(found.resolved)
    assert not np.isfinite(float(found.value))


@pytest.mark.parametrize("resolution", [1e-4, 1e-7, 1e-10])
@pytest.mark.parametrize("centre", [-0.3217, 0.0, 0.123456789])
def test_kinks_to_the_resolution(centre: float, resolution: float) -> None:
    """Many kinks, as a sum of absolute errors has: the deepest is found, to the resolution."""

    def function(p: Any) -> Any:
        others = jnp.abs(p[:, None] - jnp.linspace(-0.5, 0.5, 30)).mean(axis=1)
        return jnp.abs(p - centre) + 0.2 * others

    found = minimise(Refined(resolution=resolution), function, "kinked")
    assert abs(float(found.exponent) - centre) <= resolution
    assert bool(found.resolved)


def test_a_function_too_fine_for_the_nodes_is_unresolved() -> None:
    found = minimise(Refined(), lambda p: jnp.cos(300 * (p - 0.1)), "smooth")
    assert not bool(found.resolved)


# Against a dense grid, on functions of the kind that the method has

Z = jnp.linspace(-1.6, 1.6, 9)


def profile(p: Any, levels: Any, slope: Any) -> Any:
    """``Σ (e^(level + slope·h(z; p)) − 1)²``: squared errors of a curve."""
    p = p[:, None]
    h = jnp.where(p == 0, Z, jnp.expm1(p * Z) / jnp.where(p == 0, 1.0, p))
    return jnp.sum((jnp.exp(levels + slope * h) - 1.0) ** 2, axis=1)


_by_refinement = jax.jit(lambda *k: Refined().minimise(lambda p: profile(p, *k), "smooth", FLOAT64))
_by_kinks = jax.jit(lambda *k: Refined().minimise(lambda p: profile(p, *k), "kinked", FLOAT64))
_by_grid = jax.jit(lambda *k: FINE.minimise(lambda p: profile(p, *k), "smooth", FLOAT64))
levels = st.lists(st.floats(-1, 1), min_size=9, max_size=9)


@given(levels=levels, slope=st.floats(-1.5, 1.5))
def test_refined_is_as_good_as_a_dense_grid(levels: list[float], slope: float) -> None:
    arguments = (jnp.asarray(levels), slope)
    dense = _by_grid(*arguments)
    for search in (_by_refinement, _by_kinks):
        found = search(*arguments)
        excess = float(found.value) - float(dense.value)
        rounding = 1e-12 * float(dense.value)
        assert excess <= rounding


def test_same_digits_in_a_batch_as_alone() -> None:
    rng = np.random.default_rng(0)
    levels, slopes = rng.uniform(-1, 1, (37, 9)), rng.uniform(-1.5, 1.5, 37)
    for search in (_by_refinement, _by_kinks, _by_grid):
        batch = jax.jit(jax.vmap(search))(levels, slopes)
        for i in (0, 1, 17, 36):
            alone = search(levels[i], slopes[i])
            np.testing.assert_allclose(batch.exponent[i], alone.exponent, rtol=0, atol=1e-13)
            np.testing.assert_allclose(batch.value[i], alone.value, rtol=1e-13)
            assert bool(batch.at_edge[i]) == bool(alone.at_edge)


# As many nodes as the sizes need


@pytest.mark.parametrize(
    ("log_range", "num_nodes"), [(0.0, 24), (1.0, 24), (3.3, 24), (9.2, 40), (20.0, 40)]
)
def test_nodes_follow_the_range_of_sizes(log_range: float, num_nodes: int) -> None:
    for width in (1, 2):
        look = Refined(-0.5, -0.5 + width).suited_to(log_range).look("smooth", FLOAT64)
        assert look is not None
        assert look.candidates.shape == (width * num_nodes,)
    grid = Grid(-0.5, 0.5, 100)
    assert grid.suited_to(log_range) is grid


@pytest.mark.parametrize("log_range", [0.7, 3.3, 5.0, 9.2])
def test_the_nodes_of_a_range_resolve_a_profile_over_it(log_range: float) -> None:
    """A valley that grows like exp(s·p), s twice the range, as a profile may at most."""
    centre, steep = 0.1234, 2 * log_range

    def function(p: Any) -> Any:
        return valley(p, centre, steep, 0.3 * steep, 1.0, 0.1)

    search = Refined().suited_to(log_range)
    found = minimise(search, function, "smooth")
    assert bool(found.resolved)
    look = search.look("smooth", FLOAT64)
    assert look is not None
    # rounding of the highest value, as a slope between nodes, over the curvature
    height = float(jnp.max(function(look.candidates)))
    rounding = 4e-16 * height * len(look.candidates) / steep**2
    assert abs(float(found.exponent) - centre) <= 1e-10 + rounding
