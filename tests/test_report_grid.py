"""The grid of a report's explorer: what its interpolation returns, beside exact answers."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farseer_jax.reporting.explorer import logarithmic_axis, packed
from farseer_jax.reporting.grid import Axis, Grid

numbers = st.floats(-2.0, 2.0)
shares = st.floats(0.0, 1.0)


def logarithmic(num: int = 9) -> Axis:
    return Axis("N", np.geomspace(1e8, 1e11, num))


def grid_of(function: object, *axes: Axis) -> Grid:
    return Grid.of(axes, lambda inputs: {"value": function(**inputs)})  # type: ignore[operator]


@given(c=st.tuples(numbers, numbers, numbers, numbers), x=shares, y=shares)
def test_cubics_of_logarithms_are_exact(
    c: tuple[float, float, float, float], x: float, y: float
) -> None:
    def cubic(N: np.ndarray, rate: np.ndarray) -> np.ndarray:
        u = np.log(N / 1e9)
        return c[0] + u * (c[1] + u * (c[2] + u * c[3])) + rate**3 - c[1] * u * rate

    other = Axis("rate", np.linspace(-1.0, 2.0, 5), is_log=False)
    at = {"N": np.array([1e8 * 1e3**x]), "rate": np.array([-1.0 + 3.0 * y])}
    found = grid_of(cubic, logarithmic(), other).at(at, "value")
    np.testing.assert_allclose(found, cubic(**at), rtol=1e-9, atol=1e-9)


@given(x=shares, kink=st.integers(3, 12))
def test_no_interpolation_crosses_a_kink(x: float, kink: int) -> None:
    values = np.geomspace(1e8, 1e11, 16)

    def bent(N: np.ndarray) -> np.ndarray:
        return np.abs(np.log(N / values[kink]))

    at = {"N": np.array([1e8 * 1e3**x])}
    found = grid_of(bent, Axis("N", values, kinks=(kink,))).at(at, "value")
    np.testing.assert_allclose(found, bent(**at), atol=1e-12)
    if 0.02 < abs(np.log(at["N"][0] / values[kink])) < 0.4:  # between its nodes, it would
        crossed = grid_of(bent, Axis("N", values)).at(at, "value")
        assert abs(crossed - bent(**at)) > 1e-6


def test_nodes_have_their_own_answers() -> None:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(9, 2))
    axes = (logarithmic(), Axis("arm", np.array(["a", "b"], dtype=object), is_log=False))
    grid = Grid(axes, {"value": table})
    for arm, column in zip("ab", table.T, strict=True):
        arms = np.array([arm] * 9, dtype=object)
        found = grid.at({"N": axes[0].values, "arm": arms}, "value")
        np.testing.assert_allclose(found, column, rtol=1e-12)


def test_choices_are_not_interpolated() -> None:
    axis = Axis("arm", np.array(["a", "b", "c"], dtype=object), is_log=False)
    assert axis.is_choice
    assert not logarithmic().is_choice

    def answer(arm: np.ndarray, N: np.ndarray) -> np.ndarray:
        return np.array([{"a": 1.0, "b": 20.0, "c": 300.0}[own] for own in arm]) * np.log(N)

    arms, N = np.array(["c", "a", "b"], dtype=object), np.array([2e8, 3e9, 5e10])
    found = grid_of(answer, axis, logarithmic()).at({"arm": arms, "N": N}, "value")
    np.testing.assert_allclose(found, answer(arms, N), rtol=1e-9)


def law(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A loss with an interval, at any N."""
    value = 1.7 + 400.0 * inputs["N"] ** -0.34
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


@pytest.mark.parametrize("num", [6, 12, 24, 48])
def test_the_error_is_told_in_half_widths(num: int) -> None:
    grid = Grid.of((logarithmic(num),), law)
    N = np.exp(np.random.default_rng(1).uniform(*np.log([1e8, 1e11]), 2000))
    worst = float(np.max(np.abs(grid.at({"N": N}, "value") - law({"N": N})["value"]))) / 0.01
    assert grid.error(law, "value") == pytest.approx(worst, rel=0.3)


def test_more_nodes_are_closer_by_the_fourth_power() -> None:
    coarse, fine = (Grid.of((logarithmic(num),), law).error(law, "value") for num in (13, 25))
    assert coarse / fine == pytest.approx(16.0, rel=0.35)


@given(
    sizes=st.lists(st.floats(1e7, 1e10), min_size=1, max_size=8, unique=True),
    most=st.integers(20, 96),
)
def test_an_axis_reaches_beyond_the_values_with_kinks_as_nodes(
    sizes: list[float], most: int
) -> None:
    values = np.sort(np.array(sizes))
    axis = logarithmic_axis("N", values, values, most)
    assert (np.diff(axis.values) > 0).all()
    assert axis.values[0] == pytest.approx(values[0] / 2.0, rel=1e-5)
    assert axis.values[-1] == pytest.approx(values[-1] * 2.0, rel=1e-5)
    assert len(axis.values) <= most + 1
    if axis.kinks:
        nodes = axis.values[list(axis.kinks)]
        nearest = nodes[np.argmin(np.abs(np.subtract.outer(values, nodes)), axis=1)]
        np.testing.assert_allclose(nearest, values, rtol=1e-3)  # rounded sizes are one
        assert (np.diff([0, *axis.kinks, len(axis.values) - 1]) >= 3).all()
    assert not np.isin(axis.values, values).any()  # a trained size's own effect is known


def test_numbers_are_packed_as_the_page_reads_them() -> None:
    import base64

    values = np.array([[1.5, -2.25], [3.0, 0.1]])
    read = np.frombuffer(base64.b64decode(packed(values)), "<f4")
    np.testing.assert_array_equal(read, values.astype(np.float32).ravel())
