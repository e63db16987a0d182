"""``farseer forecast``: what it hands to the library, prints, writes and refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import farseer, refused, write

import farseer_jax as fj
from farseer_jax import plots

POINT = (2e10, 4e11)
TAKEN = "N is column 'params'; D is column 'tokens'; loss is column 'val_loss'.\n"
pytestmark = pytest.mark.usefixtures("folder")


def table() -> fj.Runs:
    """A few of the example's runs."""
    runs = fj.example_runs()
    return runs.select(mask=np.isin(runs.N, np.unique(runs.N)[::5]), max_N=7e9)


@pytest.fixture
def runs(folder: Path) -> fj.Runs:
    """The runs, in a file with columns of usual names."""
    own = table()
    write("runs.csv", params=own.N, tokens=own.D, val_loss=own.loss)
    return own


@pytest.fixture(scope="module")
def found() -> fj.Forecast:
    return fj.forecast(table(), [POINT])


def content(*args: object) -> dict[str, Any]:
    result = farseer("forecast", *args, "--json", "-")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_prints_the_answer_of_the_library_and_writes_it(runs: fj.Runs) -> None:
    expected = fj.forecast(runs, [POINT])
    result = farseer("forecast", "runs.csv", "--at", "2e10,4e11", "--json", "f.json")
    assert (result.exit_code, result.stderr) == (0, f"{TAKEN}Forecast written to f.json\n")
    shown = str(expected).replace("loss at N 20 B", "val_loss at N 20 B")
    assert result.stdout == f"{shown}\n"
    written = json.loads(Path("f.json").read_text())
    content = json.loads(json.dumps(expected.to_dict())) | {"response": "val_loss"}
    assert content.items() <= written.items()
    assert str(fj.Forecast.from_json("f.json")) == shown
    (row,) = written["rows"]
    low, high = expected.interval(*POINT)
    assert (row["lower"], row["upper"]) == (low, high)
    assert row["predicted"] == expected.predict(*POINT)
    assert written["warnings"] == list(expected.warnings)
    laws = [own["law"] for own in written["usual_laws"]]
    assert laws == ["farseer", "chinchilla", "coupled", "kaplan"]
    assert sum(own["share"] for own in written["members"]) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.usefixtures("runs")
def test_several_points_and_a_level() -> None:
    points = ["--at", "2e10,4e11", "--at", "N=1e10,D=2e11"]
    wide = content("runs.csv", *points, "--level", 0.99, "--no-usual")
    usual = content("runs.csv", *points, "--no-usual")
    assert [(row["N"], row["D"]) for row in wide["rows"]] == [(2e10, 4e11), (1e10, 2e11)]
    assert (wide["level"], usual["level"]) == (0.99, 0.9)
    for one, other in zip(wide["rows"], usual["rows"], strict=True):
        assert one["predicted"] == other["predicted"]
        assert one["lower"] < other["lower"] < other["upper"] < one["upper"]
    assert usual["usual_laws"] == []
    text = farseer("forecast", "runs.csv", *points, "--level", 0.99, "--no-usual").stdout
    assert "99 % interval" in text
    assert "kaplan" not in text
    assert max(map(len, text.splitlines())) <= 120


def test_runs_with_losses_are_compared_and_fitted_ones_left_out(runs: fj.Runs) -> None:
    result = farseer("forecast", "runs.csv", "--max-N", "3e9", "--on", "runs.csv", "--no-usual")
    larger = runs.N > 3e9
    assert result.exit_code == 0
    assert result.stderr == f"{TAKEN}{(~larger).sum()} fitted runs of runs.csv left out\n"
    assert f"{larger.sum()} observed values" in result.stdout
    assert "R²" in result.stdout
    found = content("runs.csv", "--max-N", "3e9", "--on", "runs.csv", "--no-usual")
    rows = found["rows"]
    assert [row["observed"] for row in rows] == runs.loss[larger].tolist()
    for row in rows:
        error = (row["predicted"] - row["observed"]) / row["observed"]
        assert row["error"] == pytest.approx(error, rel=1e-12)
        assert row["inside"] == (row["run_lower"] <= row["observed"] <= row["run_upper"])


@pytest.mark.usefixtures("runs")
def test_a_table_of_plans_needs_no_losses() -> None:
    write("plans.csv", N=[2e10, 4e10], D=[4e11, 8e11])
    found = content("runs.csv", "--on", "plans.csv", "--no-usual")
    assert [row["N"] for row in found["rows"]] == [2e10, 4e10]
    assert "observed" not in found["rows"][0]
    write("some.csv", N=[2e10, 4e10], D=[4e11, 8e11], val_loss=[0.42, None])
    some = content("runs.csv", "--on", "some.csv", "--no-usual")["rows"]
    assert [row["observed"] for row in some] == [0.42, None]
    assert [row["inside"] is None for row in some] == [False, True]
    assert "of 1 observed value" in farseer("forecast", "runs.csv", "--on", "some.csv").stdout


def test_a_law_of_ones_own_over_other_inputs() -> None:
    N, P = np.repeat(np.geomspace(5e8, 4.5e9, 6), 4), np.tile([1, 2, 4, 8], 6)
    loss = 1.33 + (1.6e8 / (N * (0.34 * np.log(P) + 1))) ** 0.21
    noise = np.exp(1e-3 * np.random.default_rng(0).standard_normal(24))
    write("runs.csv", N=N, streams_of=P, loss=loss * noise)
    law = ["--law", "E + (A/(N*(k*log(P) + 1)))**alpha", "--input", "P=streams_of"]
    found = content("runs.csv", *law, "--at", "N=7e9,P=8", "--num-starts", 8)
    (row,) = found["rows"]
    assert row["lower"] < 1.33 + (1.6e8 / (7e9 * (0.34 * np.log(8) + 1))) ** 0.21 < row["upper"]
    assert found["usual_laws"] == []
    assert {own["law"] for own in found["members"]} == {"expression"}
    fixed = content("runs.csv", *law, "--at", "N=7e9,P=8", "--fix", "E=1.33", "--num-starts", 8)
    assert fixed["rows"][0]["upper"] - fixed["rows"][0]["lower"] < row["upper"] - row["lower"]


@pytest.mark.usefixtures("runs")
def test_draws_a_figure() -> None:
    options = ["--at", "2e10,4e11", "--no-usual", "--save", "f.png"]
    result = farseer("forecast", "runs.csv", *options)
    assert result.stderr == f"{TAKEN}Figure written to f.png\n"
    assert Path("f.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--at 0,5e11", "'--at': expected a point N,D of positive numbers"),
        ("--at 1e9,0", "'--at': expected a point N,D of positive numbers"),
        ("--at N=1e9,D=0", "expected a positive number (such as D=4), got D=0"),
        ("--at big", "got 'big'"),
        ("--at N=1e9", "the law also needs D"),
        ("--at N=1e9,D=1e11,P=2", "the law has no input P"),
        ("--at 1e9,1e11 --level 0", "0.0 is not in the range 0<x<1"),
        ("--at 1e9,1e11 --level 1", "1.0 is not in the range 0<x<1"),
        ("--at 1e9,1e11 --on runs.csv", "--at does not go with --on"),
        ("--on missing.csv", "missing.csv: no such file"),
        ("--on sizes.csv", "sizes.csv: no column was recognised as D"),
        ("--on zero.csv", "zero.csv: column 'val_loss'"),
        ("--on runs.csv", "runs.csv: all of its runs are among the fitted ones"),
        ("--fix E=1", "--fix goes with --law"),
        ("--real b", "--real goes with --law"),
        ("--law chinchilla --real b", "--real is only for an expression"),
        ("--law kapla", "unknown law 'kapla'"),
        ("--max-N 1e6", "no run is left"),
        ("--response val_loss,other", "expected one column for this command"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(options: str, sentence: str, runs: fj.Runs) -> None:
    own = {"params": runs.N, "tokens": runs.D, "val_loss": runs.loss}
    write("runs.csv", **own, other=runs.loss)
    write("sizes.csv", params=[1e10], val_loss=[0.5])
    write("zero.csv", N=[1e10], D=[1e11], val_loss=[0.0])
    refused(farseer("forecast", "runs.csv", *options.split(), "--json", "f.json"), sentence)
    assert not Path("f.json").exists()


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"N": [1e8, 2e8], "D": [1e9, 2e9], "loss": [0.5, -0.1]}, "row 1 is not positive"),
        ({"N": [1e8] * 3, "D": [1e9] * 3, "loss": [0.5, 0.6, 0.7]}, "have the same N and D"),
    ],
)
def test_runs_that_show_nothing_are_refused(columns: dict[str, Any], sentence: str) -> None:
    write("bad.csv", **columns)
    refused(farseer("forecast", "bad.csv", "--json", "f.json"), sentence)
    assert not Path("f.json").exists()


class TestPicture:
    """What is drawn where."""

    def test_one_point_has_a_curve_with_the_usual_laws_and_its_number(
        self, found: fj.Forecast
    ) -> None:
        axes = plots.plot_forecast(found)
        names = [text.get_text() for text in axes.get_legend().get_texts()]
        assert names == ["forecast, 90 % band", "farseer", "chinchilla", "coupled", "kaplan"]
        assert axes.get_title(loc="left") == f"Forecast at D = 400 B from {len(found.runs)} runs"
        curve = axes.lines[0]
        np.testing.assert_allclose(
            curve.get_ydata(), found.predict(curve.get_xdata(), POINT[1]), rtol=1e-12
        )
        (label,) = axes.texts
        low, high = found.interval(*POINT)
        assert label.get_text() == f"{found.predict(*POINT):.4f} ({low:.4f} to {high:.4f})"

    def test_tokens_beyond_the_runs_are_drawn_along_their_ratio(self, found: fj.Forecast) -> None:
        axes = plots.plot_forecast(found.at([(7e10, 1.4e13)]))
        assert " at D/N = 200 " in axes.get_title(loc="left")

    def test_observed_losses_are_drawn_as_errors(self, found: fj.Forecast) -> None:
        runs = found.runs.select(min_N=3e9)
        axes = plots.plot_forecast(found.at(runs))
        assert axes.get_ylabel() == "loss / forecast − 1, %"
        drawn = axes.collections[-1].get_offsets()
        expected = 100.0 * (runs.loss / found.predict(runs.N, runs.D) - 1.0)
        np.testing.assert_allclose(np.sort(np.asarray(drawn)[:, 1]), np.sort(expected), rtol=1e-9)

    def test_many_points_have_bars(self, found: fj.Forecast) -> None:
        sizes = np.geomspace(1e9, 3e10, 9)
        points = [(N, N * ratio) for N, ratio in zip(sizes, range(10, 19), strict=True)]
        axes = plots.plot_forecast(found.at(points))
        assert not axes.lines
        assert axes.get_legend().get_texts()[0].get_text() == "forecast"
