"""Derivatives of laws over a domain, and where they rise."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import jax
import numpy as np
import pytest
from weighted_mean import fit_of

import farseer_jax as fj
from farseer_jax.plots import plot_shape, plot_surface

DOMAIN: dict[str, Any] = {"N": (2e8, 1e13), "D": (1e9, 1e15)}


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MPLBACKEND", "agg")
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def all_runs(shared_data: Any) -> fj.Runs:
    return fj.read_runs(shared_data / "farseer_404.csv").select(min_N=2e8)


@pytest.fixture(scope="module")
def shape() -> fj.Shape:
    return fj.check_shape(fj.example_law(), **DOMAIN)


def by_N(law: fj.Farseer, N: Any, D: Any) -> Any:
    """∂ ln L / ∂ ln N of the law in its paper's numbers, by hand."""
    p = law.parameters()
    U = np.exp(p["a3"] * N ** p["gamma"] + p["b3"])
    A = np.exp(p["a1"] * N ** p["alpha"] + p["b1"])
    term = np.exp(p["a2"] * N ** p["beta"] + p["b2"]) * D**-A
    U_slope = p["a3"] * p["gamma"] * N ** p["gamma"]
    B_slope = p["a2"] * p["beta"] * N ** p["beta"]
    A_slope = A * p["a1"] * p["alpha"] * N ** p["alpha"]
    return (U * U_slope + term * (B_slope - A_slope * np.log(D))) / (U + term)


class TestRealRuns:
    def test_the_fit_up_to_the_largest_size_rises_near_1e11(self, all_runs: fj.Runs) -> None:
        found = fj.check_shape(fj.fit(fj.Farseer, all_runs), **DOMAIN)
        (rise,) = found.regions
        assert rise.along == "N"
        assert 9e10 < rise.begins.min() < 1.2e11
        assert 4e11 < rise.other.min() < 1e12
        assert rise.share == pytest.approx(0.12, abs=0.005)
        assert (found.dL_dD < 0).all()
        assert (found.dL_dN[(found.N <= 6.4e9)] < 0).all()
        assert "15 times the runs' largest N" in str(found)

    def test_the_fit_up_to_5_B_rises_from_7e10(self, all_runs: fj.Runs) -> None:
        found = fj.check_shape(fj.fit(fj.Farseer, all_runs.select(max_N=5.36e9)), **DOMAIN)
        (rise,) = found.regions
        assert rise.begins[rise.other > 1e12].min() == pytest.approx(7.4e10, rel=0.02)
        assert rise.share == pytest.approx(0.216, abs=0.005)

    def test_the_printed_law_falls_everywhere(self) -> None:
        """As the paper says of Eq. 15 (Figs. 19 and 20)."""
        found = fj.check_shape(fj.Farseer.published(), **DOMAIN)
        assert not found.rises
        assert (found.dL_dN < 0).all()
        assert (found.dL_dD < 0).all()
        assert "decreases in N and in D at every point" in str(found)


class TestDerivatives:
    def test_by_hand(self, shape: fj.Shape) -> None:
        law = fj.example_law()
        expected = by_N(law, shape.N[:, None], shape.D)
        np.testing.assert_allclose(shape.by_N, expected, rtol=1e-8, atol=1e-10)
        loss = np.asarray(law(shape.N[:, None], shape.D))
        np.testing.assert_allclose(shape.loss, loss, rtol=1e-5)
        np.testing.assert_allclose(
            shape.dL_dN, expected * shape.loss / shape.N[:, None], rtol=1e-8, atol=1e-25
        )

    def test_differences(self) -> None:
        """Of the loss itself: first and second central differences in ln N and ln D."""
        found = fj.check_shape(fj.example_law(), N=(1e9, 1.2e9), D=(1e11, 1.2e11))
        log_loss = np.log(found.loss)
        steps = np.log(found.N[1] / found.N[0]), np.log(found.D[1] / found.D[0])
        gradient = np.gradient(log_loss, *steps)
        inner = (slice(1, -1), slice(1, -1))
        np.testing.assert_allclose(found.by_N[inner], gradient[0][inner], rtol=1e-5)
        np.testing.assert_allclose(found.by_D[inner], gradient[1][inner], rtol=1e-5)
        second = np.gradient(found.by_N, *steps)
        np.testing.assert_allclose(found.by_NN[inner], second[0][inner], rtol=1e-4)
        np.testing.assert_allclose(found.by_ND[inner], second[1][inner], rtol=1e-4)
        along_D = np.gradient(found.by_D, steps[1], axis=1)
        np.testing.assert_allclose(found.by_DD[inner], along_D[inner], rtol=1e-4)

    def test_elasticities_of_a_power_law_are_its_exponents(self) -> None:
        law = fj.Chinchilla(E=1e-12, A=400.0, B=1e-12, alpha=0.34, beta=0.28)
        found = fj.check_shape(law, N=(1e8, 1e10), D=(1e9, 1e12))
        np.testing.assert_allclose(found.by_N, -0.34, rtol=1e-9)
        np.testing.assert_allclose(found.by_NN, 0.0, atol=1e-9)


class TestRises:
    def test_begins_at_a_root_of_the_slope(self, shape: fj.Shape) -> None:
        (rise,) = shape.regions
        law = fj.example_law()
        assert (by_N(law, rise.begins * (1 + 1e-6), rise.other) > 0).all()
        assert (by_N(law, rise.begins * (1 - 1e-6), rise.other) < 0).all()

    def test_the_worst_point_and_the_area(self, shape: fj.Shape) -> None:
        (rise,) = shape.regions
        assert rise.slope == shape.by_N.max()
        assert by_N(fj.example_law(), *rise.worst) == pytest.approx(rise.slope, rel=1e-8)
        n, d = (np.geomspace(*DOMAIN[name], 1001) for name in ("N", "D"))
        share = (by_N(fj.example_law(), n[:, None], d) > 0).mean()
        assert rise.share == pytest.approx(share, abs=2e-3)
        decades = np.log10(1e13 / 2e8) * 6
        assert rise.area == pytest.approx(share * decades, abs=0.06)

    def test_a_rise_from_the_first_node_begins_there(self) -> None:
        found = fj.check_shape(fj.example_law(), N=(1e12, 1e13), D=(1e14, 1e15))
        (rise,) = found.regions
        assert (rise.begins == 1e12).all()
        assert (found.by_N[0] > 0).sum() == len(rise.other)

    def test_along_D(self) -> None:
        law = fj.Chinchilla(E=0.5, A=400.0, B=0.01, alpha=0.34, beta=-0.1)
        found = fj.check_shape(law, N=(1e8, 1e10), D=(1e9, 1e12))
        (rise,) = found.regions
        assert (rise.along, rise.share) == ("D", 1.0)
        assert rise.worst[1] == 1e12
        assert (rise.begins == 1e9).all()
        np.testing.assert_allclose(rise.other, found.N)
        assert "The loss rises with D in 100.0% of the domain" in str(found)

    def test_numbers_for_others(self, shape: fj.Shape) -> None:
        content = json.loads(json.dumps(shape.to_dict(), allow_nan=False))
        assert content["rises"] is True
        assert content["N"] == [2e8, 1e13]
        (region,) = content["regions"]
        assert region["worst"]["slope"] == content["ranges"]["by_N"][1]
        assert len(region["begins"]) == len(shape.regions[0].other)
        assert set(region["begins"][0]) == {"N", "D"}
        table = shape.to_dataframe()
        assert len(table) == shape.by_N.size
        assert table["by_N"].max() == shape.regions[0].slope
        assert repr(shape) == f"Shape(farseer, 129 x 129, {shape.regions[0]!r})"


class TestPlot:
    def test_maps_with_the_line_where_the_loss_turns(self, shape: fj.Shape) -> None:
        axes = plot_shape(shape)
        assert "rises in" in axes.get_title(loc="left")
        thick = [c for c in axes.collections if np.max(c.get_linewidth()) == 2.0]
        (vertices,) = (path.vertices for path in thick[0].get_paths())
        np.testing.assert_allclose(by_N(fj.example_law(), *np.array(vertices).T), 0.0, atol=1e-4)
        assert "falls everywhere" in plot_shape(shape, "D").get_title(loc="left")
        assert plot_shape(shape, of="loss").get_xlabel() == "parameters N"
        with pytest.raises(ValueError, match="of: unknown 'U'; choose from 'N'"):
            plot_shape(shape, "U")  # type: ignore[arg-type]


class TestSurface:
    def test_the_loss_is_the_law_and_dots_are_the_runs(self) -> None:
        runs = fj.example_runs()
        result = fit_of(fj.example_law(), runs, fj.Piecewise())
        axes: Any = plot_surface(result, N=(2e8, 5e9), D=(1e9, 1e12))
        log_N, log_D, loss = axes.lines[0].get_data_3d()
        np.testing.assert_allclose(loss, result.predict(10**log_N, 10**log_D), rtol=1e-9)
        x, y, z = axes.collections[-1]._offsets3d
        runs = runs.select(max_N=5e9)
        np.testing.assert_allclose([10**x, 10**y, z], [runs.N, runs.D, runs.loss])

    def test_a_derivative_is_log_both_ways_with_its_sign(self) -> None:
        law = fj.example_law()
        axes: Any = plot_surface(law, **DOMAIN, of="N")
        log_N, log_D, height = np.concatenate([line.get_data_3d() for line in axes.lines], axis=1)
        N, D = 10**log_N, 10**log_D
        slope = by_N(law, N, D) * np.exp(np.asarray(law.log_loss(N, D))) / N
        np.testing.assert_array_equal(np.sign(height), np.sign(slope))
        far = np.abs(height) > 1
        # a factor of ten in the slope is one of height
        offset = np.abs(height[far]) - np.log10(np.abs(slope[far]))
        np.testing.assert_allclose(offset, np.round(offset[0]), atol=1e-4)
        assert height.min() < -1 < 1 < height.max()

    def test_a_thick_line_is_where_the_loss_turns(self, shape: fj.Shape) -> None:
        axes: Any = plot_surface(fj.example_law(), **DOMAIN, of="N")
        (turn,) = [c for c in axes.collections if np.max(c.get_linewidth()) == 2.0]
        vertices = np.concatenate([path.vertices for path in turn.get_paths()])
        slopes = by_N(fj.example_law(), *10**vertices.T)
        np.testing.assert_allclose(slopes, 0.0, atol=1e-3)
        assert axes.get_title(loc="left") == "Farseer law: rises with N in 2%"

    def test_it_stays_below_zero_where_the_loss_falls(self) -> None:
        axes: Any = plot_surface(fj.example_law(), **DOMAIN, of="D")
        assert axes.get_zlim()[1] == 0.0
        assert all((line.get_data_3d()[2] <= -1).all() for line in axes.lines)
        assert axes.get_title(loc="left").endswith("falls with D everywhere")

    def test_misuse(self) -> None:
        from matplotlib import pyplot as plt

        with pytest.raises(TypeError, match="ax: a surface needs 3-D axes"):
            plot_surface(fj.example_law(), **DOMAIN, ax=plt.figure().add_subplot())
        own = plt.figure().add_subplot(projection="3d")
        assert plot_surface(fj.example_law(), **DOMAIN, ax=own) is own
        with pytest.raises(ValueError, match="of: unknown 'U'"):
            plot_surface(fj.example_law(), **DOMAIN, of="U")  # type: ignore[arg-type]


class Gap(fj.Law):
    """A law without a loss above N = 1e10."""

    name: ClassVar[str] = "gap"
    level: fj.Real

    def loss(self, N: Any, D: Any) -> Any:
        log_loss = self.level + jax.numpy.log(1.0 - N / 1e10) - 0.1 * jax.numpy.log(D)
        return jax.numpy.exp(log_loss)


def test_refusals() -> None:
    law = fj.example_law()
    with pytest.raises(
        ValueError, match=r"the law 'gap' has no finite.* at 50% of the domain, from N = 1e\+10"
    ):
        fj.check_shape(Gap(np.asarray(1.0)), N=(1e9, 1e11), D=(1e9, 1e10))
    with pytest.raises(
        ValueError, match=r"^N: expected a range .* got \(10000000000.0, 1000000000.0\)"
    ):
        fj.check_shape(law, N=(1e10, 1e9), D=(1e9, 1e10))
    with pytest.raises(ValueError, match=r"^D: expected a range"):
        fj.check_shape(law, N=(1e9, 1e10), D=(0, 1e10))
    with pytest.raises(ValueError, match="num: expected a whole number of at least 3, got 2"):
        fj.check_shape(law, N=(1e9, 1e10), D=(1e9, 1e10), num=2)
    with pytest.raises(TypeError, match="law: expected a law or a fit"):
        fj.check_shape(fj.Farseer, N=(1e9, 1e10), D=(1e9, 1e10))  # type: ignore[arg-type]
