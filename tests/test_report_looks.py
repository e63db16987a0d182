"""What a report's figures and tables look like: one look per law, and one style of numbers."""

import numpy as np
import pytest

import farseer_jax as fj
from farseer_jax.decisions.run_pool import continued_grid
from farseer_jax.reporting.content import Figure
from farseer_jax.reporting.figure_style import coloured, flops_axis, looks
from farseer_jax.reporting.page import _nice
from farseer_jax.reporting.sections.fits import fits
from farseer_jax.reporting.sections.runs_map import runs_map


def test_a_law_has_one_colour_whatever_stands_beside_it() -> None:
    usual = looks(["forecast", "farseer", "chinchilla", "coupled", "kaplan"])
    assert len({own.colour for own in usual.values()}) == len(usual)
    assert len({(own.dash, own.symbol) for own in usual.values()}) == len(usual)
    shown = ["Kaplan, least-squares", "Farseer, piecewise", "my law", "Forecast", "Farseer, huber"]
    found = looks(shown)
    assert found["Kaplan, least-squares"] == usual["kaplan"]
    assert found["Farseer, piecewise"] == usual["farseer"]
    assert found["Forecast"] == usual["forecast"]
    again = found["Farseer, huber"]
    assert again.colour == usual["farseer"].colour
    assert again.dash != usual["farseer"].dash
    assert found["my law"].colour not in {own.colour for own in usual.values()}
    assert len({(own.dash, own.symbol) for own in found.values()}) == len(found)


@pytest.mark.parametrize(
    ("values", "name", "texts"),
    [
        ([1.0, 2.0, 4.0, 8.0] * 3, "P", ["1", "2", "4", "8"]),
        (np.linspace(1.101, 1.109, 20), "loss", ["1.101", "1.103", "1.105", "1.107", "1.109"]),
        (np.geomspace(2.01e8, 6.37e9, 9), "N", ["201 M", "477 M", "1.13 B", "2.68 B", "6.37 B"]),
        ([3.0] * 4, "loss", ["3"]),
    ],
)
def test_ticks_of_a_colour_bar_differ(values: list[float], name: str, texts: list[str]) -> None:
    bar = coloured(values, name)["colorbar"]
    assert bar["ticktext"] == texts
    assert len(bar["tickvals"]) == len(texts)
    assert (np.diff(bar["tickvals"]) > 0).all()


@pytest.mark.parametrize(
    ("most", "texts"),
    [
        (1.05e23, ["0", "2×10<sup>22</sup>", "4×10<sup>22</sup>", "6×10<sup>22</sup>",
                   "8×10<sup>22</sup>", "10<sup>23</sup>"]),
        (3e21, ["0", "5×10<sup>20</sup>", "10<sup>21</sup>", "1.5×10<sup>21</sup>",
                "2×10<sup>21</sup>", "2.5×10<sup>21</sup>", "3×10<sup>21</sup>"]),
        (9e19, ["0", "2×10<sup>19</sup>", "4×10<sup>19</sup>", "6×10<sup>19</sup>",
                "8×10<sup>19</sup>"]),
    ],
)  # fmt: skip
def test_ticks_of_flops_have_whole_digits(most: float, texts: list[str]) -> None:
    axis = flops_axis("FLOPs", most)
    assert axis["ticktext"] == texts
    np.testing.assert_allclose(np.diff(axis["tickvals"]), axis["tickvals"][1], rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-0.69%", "−0.69 %"),
        ("(-1.5 to +2%)", "(−1.5 to +2 %)"),
        ("6.37 B", "6.37 B"),
        ("1e+22 and 2e-05", "1e22 and 2e-5"),
        ("2026-01-05, run-7, kda-sig", "2026-01-05, run-7, kda-sig"),
    ],
)
def test_numbers_of_a_page_have_one_style(text: str, expected: str) -> None:
    assert _nice(text).replace("\u00a0", " ") == expected


@pytest.fixture(scope="module")
def many() -> fj.Forecast:
    """A forecast of runs that all have sizes of their own."""
    rng = np.random.default_rng(0)
    N, D = np.exp(rng.uniform(np.log([[1e8], [2e9]]), np.log([[6e9], [2e11]]), (2, 300)))
    loss = (1.7 + 400.0 * N**-0.34 + 410.0 * D**-0.28) * np.exp(2e-3 * rng.normal(size=300))
    return fj.forecast(fj.Runs(N, D, loss), [(2e10, 4e11)], usual=False)


def test_traces_do_not_grow_with_the_sizes(many: fj.Forecast) -> None:
    every = [own for own in fits(many).items if isinstance(own, Figure)]
    assert [len(own.traces) for own in every] == [2, 2]
    assert "Click" not in "".join(own.caption for own in every)  # there is no law to click
    runs = every[0].traces[0]
    assert "colorbar" in runs["marker"]
    curves = every[0].traces[1]
    known = np.array([y is not None for y in curves["y"]])
    x, y = (np.array(curves[axis], dtype=object)[known].astype(float) for axis in "xy")
    sizes = np.unique(many.runs.N)
    np.testing.assert_allclose(y[:60], many.predict(sizes[0], x[:60]), rtol=1e-6)
    np.testing.assert_allclose(y[-60:], many.predict(sizes[-1], x[-60:]), rtol=1e-6)
    assert str(runs_map(many, None, None).items[0]).startswith("runs 300; N 300 sizes, 10")


def test_suggestions_do_not_grow_with_the_sizes(many: fj.Forecast) -> None:
    target = {"N": np.array([2e10]), "D": np.array([4e11])}
    found = continued_grid({"N": many.runs.N, "D": many.runs.D}, target, 1e23)
    assert len(np.unique(found["N"][found["N"] <= many.runs.N.max()])) <= 32
    assert many.runs.N.max() in found["N"]
