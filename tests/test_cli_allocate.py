"""``farseer allocate``: what it hands to the library, prints and refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import farseer, refused
from weighted_mean import WeightedMean, fit_of, mean_fit

import farseer_jax
import farseer_jax as fj
from farseer_jax.cli.values import budgets
from farseer_jax.fitting.fits import Fits
from farseer_jax.results.digest import json_text


@pytest.fixture
def fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> fj.Fit:
    """What every file holds: a fit that costs nothing."""
    law = fj.Chinchilla(1.69, 406.4, 410.7, 0.34, 0.28)
    made = fit_of(law, mean_fit().runs, WeightedMean())
    made.__dict__["warnings"] = ("this fit is odd.",)
    monkeypatch.setattr(Fits, "from_json", lambda path: Fits((made,)))
    monkeypatch.chdir(tmp_path)
    return made


class TestCommand:
    def test_prints_the_table_and_writes_it(self, fit: fj.Fit) -> None:
        result = farseer("allocate", "fit.json", "--compute", "1e20:1e26", "--json", "a.json")
        expected = fj.allocate(fit, [1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26])
        printed = f"{expected}\nwarning: this fit is odd.\n"
        assert (result.exit_code, result.stdout) == (0, printed)
        assert result.stderr == "Allocations written to a.json\n"
        content = json.loads(Path("a.json").read_text())
        own = json.loads(expected.to_json())
        own = {**own, "warnings": [*own["warnings"], "this fit is odd."]}
        assert content == json.loads(json_text(own))
        row = content["allocations"][0]
        keys = ["compute", "N", "D", "tokens_per_parameter", "loss", "inside_data"]
        assert [key for key in row if key in keys] == keys

    def test_options_reach_the_library(self, fit: fj.Fit, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[Any] = []
        found = fj.allocate(fit, 1e20)

        def fake(*args: Any, **kwargs: Any) -> fj.Allocation:
            seen.append((args, kwargs))
            return found

        monkeypatch.setattr(farseer_jax, "allocate", fake)
        monkeypatch.setattr(farseer_jax, "bootstrap", lambda fit, num, seed: ("refits", num, seed))
        Path("shapes.csv").write_text("width,N,num_layers\n2048,1.6e9,32\n1024,2e8,16\n")
        named = ["--architecture", "shapes.csv", "--sequence-length", "8192", "--vocabulary", "5e4"]
        limits = ["--tokens-served", "1e12", "--max-D", "1e13", "--max-N", "7e10"]
        refits = ["--bootstrap", "50", "--seed", "3", "--level", "0.5"]
        result = farseer("allocate", "fit.json", "--loss", "0.5", *named, *limits, *refits)
        assert result.exit_code == 0
        assert farseer("allocate", "fit.json", "--compute", "1e20").exit_code == 0
        paper = ["--compute", "1e20", "--compute", "1e22:1e24", "--architecture", "paper"]
        assert farseer("allocate", "fit.json", *paper).exit_code == 0
        (source, compute), given = seen[0]
        assert (source, compute) == (("refits", 50, 3), None)
        table = ((2e8, 1.6e9), (16, 32), (1024, 2048))
        assert given == {
            "loss": [0.5],
            "flops": fj.TransformerFLOPs(*table, 8192, 5e4),
            "level": 0.5,
            "tokens_served": 1e12,
            "max_D": 1e13,
            "max_N": 7e10,
        }
        (source, compute), given = seen[1]
        assert source is fit
        nothing = dict.fromkeys(("loss", "flops", "tokens_served", "max_D", "max_N"))
        assert (compute, given) == ([1e20], {**nothing, "level": None})
        assert seen[2][0][1] == [1e20, 1e22, 1e23, 1e24]
        assert seen[2][1]["flops"] == fj.TransformerFLOPs.paper()

    def test_budgets_from_the_largest_of_the_runs_on(self, fit: fj.Fit) -> None:
        result = farseer("allocate", "fit.json", "--json", "-")
        assert result.exit_code == 0, result.stderr
        largest = float((6 * fit.runs.N * fit.runs.D).max())
        found = np.array([row["compute"] for row in json.loads(result.stdout)["allocations"]])
        np.testing.assert_allclose(found, largest * 10.0 ** np.arange(4), rtol=0.05)
        np.testing.assert_array_equal(found, [float(f"{own:.1e}") for own in found])

    @pytest.mark.usefixtures("fit")
    def test_refusals(self) -> None:
        command = ("allocate", "fit.json")
        refused(
            farseer(*command, "--compute", "1e20", "--loss", "2"),
            "--compute does not go with --loss",
        )
        refused(farseer(*command, "--compute", "20"), "20 is too small for a budget in FLOPs")
        refused(
            farseer(*command, "--compute", "1e20:1e19"),
            "expected a positive number (such as 1e22) or a range",
        )
        for option in ("--sequence-length", "--vocabulary"):
            refused(farseer(*command, "--compute", "1e20", option, "4096"), "--architecture: add")
        for option in ("--level", "--seed"):
            refused(farseer(*command, "--compute", "1e20", option, "0"), option)
        Path("shapes.csv").write_text("N,width\n1e9,2048\n2e9,4096\n")
        named = ("--compute", "1e20", "--architecture")
        refused(farseer(*command, *named, "shapes.csv"), "no column 'num_layers'")
        refused(
            farseer(*command, *named, "nothing.csv"), "--architecture nothing.csv: no such file"
        )
        for number in ("1", "2.5", "100000"):
            many = farseer(*command, "--compute", f"1e20:1e24:{number}")
            refused(many, f"1e20:1e24:{number}", "a whole number from 2 to 10,000")

    def test_runs_are_forecast(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[Any] = []
        found = fj.allocate(fj.Chinchilla(1.69, 406.4, 410.7, 0.34, 0.28), 1e20)

        def fake(*args: Any, **kwargs: Any) -> fj.Allocation:
            seen.append((args, kwargs))
            return found

        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(farseer_jax, "allocate", fake)
        monkeypatch.setattr(farseer_jax, "forecast", lambda runs, usual: (runs, usual))
        rows = "".join(f"{N},{20 * N},{3.0 + N / 1e10},1\n" for N in (1e8, 2e8, 4e8))
        Path("runs.csv").write_text(f"params,tokens,val,loss\n{rows}")
        options = ["--response", "val", "--min", "N=2e8", "--max-N", "7e10", "--level", "0.8"]
        result = farseer("allocate", "runs.csv", "--compute", "1e20", *options)
        assert (result.exit_code, result.stdout) == (0, f"{found}\n")
        ((runs, usual), compute), given = seen[0]
        assert (runs.N.tolist(), runs.loss.tolist()) == ([2e8, 4e8], [3.02, 3.04])
        assert (usual, compute, given["level"], given["max_N"]) == (False, [1e20], 0.8, 7e10)
        assert farseer("allocate", "--example", "--compute", "1e20").exit_code == 0
        assert len(seen[1][0][0][0]) == 337

    @pytest.mark.usefixtures("fit")
    def test_options_of_another_source(self) -> None:
        budget = ("--compute", "1e20")
        refused(farseer("allocate", *budget), "Name one of: a file of runs, a fit")
        refused(farseer("allocate", "fit.json", "--example", *budget), "Name one of")
        for option in (("--min", "N=1e8"), ("--N", "params"), ("--response", "loss")):
            refused(farseer("allocate", "fit.json", *budget, *option), f"{option[0]} is for RUNS")
        refused(farseer("allocate", "--example", *budget, "--N", "params"), "leave it out with")
        for option in (("--bootstrap", "10"), ("--seed", "1")):
            refused(farseer("allocate", "--example", *budget, *option), "is for FIT.json")

    @pytest.mark.usefixtures("fit")
    def test_no_answer_is_an_error(self) -> None:
        """Of one budget in two it is a warning."""
        command = ("allocate", "fit.json", "--max-D", "1e10", "--json", "a.json", "--compute")
        refused(farseer(*command, "1e23"), "no budget has an optimum: max_D = 10 B")
        assert not Path("a.json").exists()
        some = farseer(*command, "1e21:1e23:2")
        assert some.exit_code == 0
        assert "warning: 1 of 2 budgets has no optimum: max_D = 10 B" in some.stdout


def test_a_fit_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    refused(farseer("allocate", path, "--compute", "1e20"), "none.json")


def test_ranges_of_budgets() -> None:
    assert budgets("1e20") == [1e20]
    assert budgets("1e20:1e23") == [1e20, 1e21, 1e22, 1e23]
    assert budgets("2e20:3e20") == [2e20, 3e20]
    np.testing.assert_allclose(budgets("2e20:8e20:3"), [2e20, 4e20, 8e20], rtol=1e-12)
