"""``farseer fit``: what it hands to the library, prints, writes and refuses."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from commands import farseer, refused, write

import farseer_jax as fj
from farseer_jax import Farseer, Fit, Grid, Piecewise, Refined, example_runs
from farseer_jax.cli import main, model

PARAMETERS = {"a1", "alpha", "b1", "a2", "beta", "b2", "a3", "gamma", "b3"}
CHINCHILLA = ("--law", "chinchilla", "--method")
SMALL = "E + A/N**a"  # quickly fitted


class TestFit:
    def test_prints_the_fit_and_writes_all_of_it(self, example: Fit, folder: Path) -> None:
        result = farseer("fit", "--example", "--json", "fit.json")
        assert result.exit_code == 0
        assert result.stdout == f"{example}\n"
        assert result.stderr == "Fit written to fit.json\n"
        assert os.listdir(folder) == ["fit.json"]
        content = json.loads(Path("fit.json").read_text(encoding="utf-8"))
        assert content["law"] == "farseer"
        assert set(content["parameters"]) == PARAMETERS
        assert set(content["curves"]) == {"U", "B", "A"}
        assert content["metrics"]["mean_relative_error"] == example.mean_relative_error
        assert {"diagnostics", "runs", "method", "version"} <= set(content)
        assert Fit.from_json("fit.json").to_json() == example.to_json()

    def test_json_on_standard_output_replaces_the_table(self, example: Fit) -> None:
        result = farseer("fit", "--example", "--json", "-")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == example.to_json()

    def test_options_reach_the_method(self, recorded: dict[str, Any]) -> None:
        options = "--criterion relative --search -0.3:0.4 --candidates 50 --rounds joint"
        assert farseer("fit", "--example", *options.split()).exit_code == 0
        grid = Grid(-0.3, 0.4, num_candidates=50)
        assert recorded["method"] == Piecewise("relative", grid, rounds="joint")
        options = "--search -1:1 --rounds 5 --min-pairs 4 --ratio 1.35:1.45"
        assert farseer("fit", "--example", *options.split()).exit_code == 0
        expected = Piecewise(search=Refined(-1, 1), rounds=5, min_pairs=4, ratio=(1.35, 1.45))
        assert recorded["method"] == expected
        assert recorded["law"] is Farseer
        assert farseer("fit", "--example", "--ratio", "1.41").exit_code == 0
        assert recorded["method"].ratio == 1.41

    def test_selection_reaches_the_runs(self, recorded: dict[str, Any]) -> None:
        options = "--min-N 3e8 --max-N 5.36e9 --min-D 2e9 --max-D 1e11"
        assert farseer("fit", "--example", *options.split()).exit_code == 0
        expected = example_runs().select(min_N=3e8, max_N=5.36e9, min_D=2e9, max_D=1e11)
        assert recorded["runs"] == expected

    def test_columns_and_units_reach_the_runs(self, recorded: dict[str, Any], folder: Path) -> None:
        Path("runs.tsv").write_text("size\tdata\tout\n0.1\t2\t3.5\n0.4\t4\t3.1\n")
        options = "--N size --D data --loss out --N-unit 1e9 --D-unit 1e10 --max-N 2e8"
        assert farseer("fit", "runs.tsv", *options.split()).exit_code == 0
        table = {name: values.tolist() for name, values in recorded["runs"].items()}
        assert table == {"size": [0.1], "data": [2], "out": [3.5], "row": [0]}
        assert recorded["options"] == {
            "columns_of": {"N": "size", "D": "data"},
            "units": {"N": 1e9, "D": 1e10},
            "response": "out",
        }

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            ("", "Missing argument 'RUNS'"),
            ("--example runs.csv", "--example does not go with RUNS"),
            ("--example --N size", "--N is for the columns of a file"),
            ("--example --D-unit 1e9", "--D-unit is for the columns of a file"),
            ("--example --candidates 1", "'--candidates': 1 is not in the range"),
            ("--example --candidates 1.5", "'--candidates'"),
            ("--example --criterion huber", "'--criterion': 'huber' is not one of"),
            ("--example --rounds 0", "expected a whole number from 1 or joint, got '0'"),
            ("--example --rounds many", "from 1 or joint, got 'many'"),
            (
                "--example --ratio 0.9",
                "expected a number above 1 (such as 1.41) or a range LOW:HIGH",
            ),
            ("--example --ratio 1.5:1.2", "got '1.5:1.2'"),
            ("--example --ratio 1:2:3", "got '1:2:3'"),
            ("--example --min-pairs 1", "'--min-pairs': 1 is not in the range"),
            (
                "--example --min-N small",
                "'--min-N': expected a number (such as 2e8 or 7B), got 'small'",
            ),
            ("--example --search 1:-1", "expected a range LOW:HIGH (such as -0.3:0.4), got '1:-1'"),
            ("--example --min-N 1e15", "no run is left with --min-N 1e+15"),
            ("--example --mini-N 1e15", "No such option"),
        ],
    )
    def test_misuse(self, args: str, message: str) -> None:
        refused(farseer("fit", *args.split()), message)


@pytest.mark.usefixtures("folder")
class TestAnyLaw:
    @pytest.mark.usefixtures("table")
    def test_is_that_of_the_library(self, table: dict[str, Any]) -> None:
        law = "E + A/(N*P)**a"
        options = ["--input", "P=streams_of", "--by", "arm", "--shared", "a", "--weights", "w"]
        result = farseer("fit", "runs.csv", "--law", law, *options, "--json", "fit.json")
        rows = {**table, "row": np.arange(len(table["loss"]))}  # a file's rows have numbers
        expected = fj.fit(
            law, rows, by="arm", shared="a", columns_of={"P": "streams_of"}, weights="w"
        )
        assert result.stdout == f"{expected}\n"
        lines = ["inputs N, P; parameters E, A, a", "Fits written to fit.json"]
        assert result.stderr.splitlines() == lines
        assert Path("fit.json").read_text() == expected.to_json()
        content = json.loads(Path("fit.json").read_text())
        assert content["expression"] == law
        streams = {"kind": "positive", "column": "streams_of"}
        assert content["inputs"] == {"N": {"kind": "positive"}, "P": streams}
        assert (content["link"], content["shared"], content["by"]) == ("log", ["a"], ["arm"])
        assert [fit["group"] for fit in content["fits"]] == [{"arm": "old"}, {"arm": "new"}]
        first, second = (fit["parameters"] for fit in content["fits"])
        assert first["a"] == second["a"] == pytest.approx(0.25, abs=1e-6)
        assert first["E"] - second["E"] == pytest.approx(0.1, abs=1e-6)
        assert "parameters" not in content

    @pytest.mark.usefixtures("table")
    def test_one_fit_stands_at_the_top_of_its_json_too(self) -> None:
        of_new = ("--where", "arm = 'new'")
        result = farseer("fit", "runs.csv", "--law", SMALL, *of_new, "--min", "w=2", "--json", "-")
        content = json.loads(result.stdout)
        (own,) = content["fits"]
        assert (content["parameters"], content["outcome"]) == (own["parameters"], own["outcome"])
        assert (own["group"], own["response"], content["shared"]) == ({}, "loss", [])

    def test_runs_without_a_response_are_left_out_and_counted(self, table: dict[str, Any]) -> None:
        table["loss"][3] = None
        write("runs.csv", **table)
        result = farseer("fit", "runs.csv", "--law", SMALL, "--json", "fit.json")
        assert result.exit_code == 0, result.stderr
        assert "runs without a response, left out  1\n" in result.stdout
        content = json.loads(Path("fit.json").read_text())
        assert (content["num_left_out"], content["metrics"]["num_runs"]) == (1, 9)
        by_arm = farseer("fit", "runs.csv", "--law", SMALL, "--by", "arm", "--json", "fit.json")
        assert "\n1 run was left out, without a response\n" in f"{by_arm.stdout}\n"
        counts = [own["num_left_out"] for own in json.loads(Path("fit.json").read_text())["fits"]]
        assert counts == [1, 0]


def test_another_law_end_to_end(tmp_path):
    from farseer_jax.fitting.registry import METHODS
    from farseer_jax.laws.registry import LAWS
    from farseer_jax.objectives import NAMED_OBJECTIVES

    assert set(model.LAWS) == set(LAWS) - {"raw-farseer"}
    assert set(model.METHODS) == set(METHODS) - {"monotone"}  # which holds another
    assert model.OBJECTIVES == tuple(NAMED_OBJECTIVES)
    for optimiser in model.OPTIMISERS:
        assert fj.Restarts(optimiser).optimiser == optimiser
    target = tmp_path / "fit.json"
    arguments = ["fit", "--example", "--law", "chinchilla", "--objective", "huber"]
    arguments += ["--num-starts", "8", "--seed", "3", "--json", str(target)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "L(N, D) = E + A/N^α + B/D^β" in result.stdout
    method = fj.LeastSquares("huber", num_starts=8, seed=3)
    assert fj.Fit.from_json(target).method == method
    same = fj.fit(fj.Chinchilla, fj.example_runs(), method)
    assert fj.Fit.from_json(target).diagnostics.objective == pytest.approx(
        same.diagnostics.objective, rel=1e-9
    )


@pytest.mark.parametrize(
    ("arguments", "method"),
    [
        (["restarts", "--num-starts", "16", "--num-steps", "300", "--seed", "2"],
         fj.Restarts("lbfgs", 16, 300, seed=2)),
        (["restarts", "--optimiser", "adam", "--num-starts", "4"], fj.Restarts("adam", 4)),
        (["variable-projection", "--objective", "huber"], fj.VariableProjection("huber")),
        (["variable-projection", "--candidates", "20"], fj.VariableProjection(num_candidates=20)),
        (["isoflop"], fj.IsoFLOP()),
        (["isoflop", "--budgets", "flops", "--width", "0.4"], fj.IsoFLOP("flops", 0.4)),
        (["piecewise", "--candidates", "50"], fj.Piecewise(search=fj.Grid(0.01, 1.0, 50))),
        (["piecewise", "--search", "0.1:0.9"], fj.Piecewise(search=fj.Refined(0.1, 0.9))),
    ],
)  # fmt: skip
def test_every_method_with_its_options(
    recorded: dict[str, Any], arguments: list[str], method: object
) -> None:
    result = farseer("fit", "--example", *CHINCHILLA, *arguments)
    assert result.exit_code == 0, result.output
    assert recorded["law"] is fj.Chinchilla
    assert recorded["method"] == method


def test_isoflop_by_a_column_of_budgets(tmp_path: Path) -> None:
    law = fj.Chinchilla(1.7, 400.0, 2000.0, 0.34, 0.34)
    lines = ["params,tokens,loss,budget"]
    for C in (1e18, 4e18, 1.6e19, 6.4e19, 2.56e20):
        N = np.sqrt(C / 6 / 20) * np.geomspace(0.25, 4, 9)
        rows = zip(N, C / 6 / N, np.asarray(law(N, C / 6 / N)), strict=True)
        lines += [f"{n!r},{d!r},{loss!r},{C}" for n, d, loss in (map(float, row) for row in rows)]
    path, target = tmp_path / "runs.csv", tmp_path / "fit.json"
    path.write_text("\n".join(lines))
    arguments = ["isoflop", "--budgets", "budget", "--json", target]
    result = farseer("fit", path, *CHINCHILLA, *arguments)
    assert result.exit_code == 0, result.output
    assert fj.Fit.from_json(target).diagnostics.a == pytest.approx(0.5, abs=1e-6)
    refused(farseer("fit", path, *CHINCHILLA, "isoflop", "--budgets", "nothing"), "nothing")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--law", "kaplan", "--method", "piecewise"], "fits the laws farseer and chinchilla only"),
        (["--method", "isoflop"], "--method isoflop fits the law chinchilla only"),
        (["--law", "kaplan", "--rounds", "3"], "--rounds does not go with the method"),
        (["--seed", "1"], "--seed does not go with the method piecewise"),
        ([*CHINCHILLA, "least-squares", "--num-steps", "9"], "but with restarts"),
        ([*CHINCHILLA, "isoflop", "--objective", "huber"], "--objective does not go with"),
        ([*CHINCHILLA, "isoflop", "--width", "-1"], "width must be positive"),
        ([*CHINCHILLA, "variable-projection", "--candidates", "5000"], "at most 1,000"),
        (
            [*CHINCHILLA, "variable-projection", "--seed", "1"],
            "--seed does not go with the method variable-projection",
        ),
        (["--method", "variable-projection"], "variable-projection fits the law chinchilla only"),
    ],
)
def test_options_of_the_other_method(arguments, message):
    result = CliRunner().invoke(main, ["fit", "--example", *arguments])
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
