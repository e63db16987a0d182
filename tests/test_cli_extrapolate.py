"""``farseer extrapolate``: what it hands to the library, prints and refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands import farseer, refused
from weighted_mean import WeightedMean, mean_fit

import farseer_jax
import farseer_jax as fj

BOTH: Any = {"mean": (fj.Chinchilla, WeightedMean())}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the library is asked; it answers with what costs nothing."""
    calls: list[Any] = []
    made = fj.extrapolate(mean_fit().runs, BOTH)

    def fake(*args: Any, **kwargs: Any) -> fj.Extrapolation:
        calls.append((args, kwargs))
        return made

    monkeypatch.setattr(farseer_jax, "extrapolate", fake)
    return calls


def test_prints_the_tables_and_writes_them(
    seen: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = farseer_jax.extrapolate()
    monkeypatch.chdir(tmp_path)
    result = farseer("extrapolate", "--example", "--json", "errors.json")
    assert (result.exit_code, result.stdout) == (0, f"{expected}\n")
    assert result.stderr == "Errors written to errors.json\n"
    content = json.loads(Path("errors.json").read_text())
    assert content == expected.to_dict()
    names = {"law", "method", "max_N", "fitted_error", "held_out_error"}
    assert names <= content["rows"][0].keys()


def test_options_reach_the_library(seen: list[Any]) -> None:
    options = ["--candidate", "farseer", "--candidate", "chinchilla:least-squares:huber"]
    options += ["--candidate", "farseer:least-squares", "--along", "C", "--held-out", "1e21"]
    options += ["--limit", "1e19", "--limit", "1e20", "--target", "25.1e9,5e11,0.41"]
    assert farseer("extrapolate", "--example", *options).exit_code == 0
    assert farseer("extrapolate", "--example", "--min-fitted", 5).exit_code == 0
    (args, given), (_, nothing) = seen
    assert args[0] == fj.example_runs()
    assert args[1] == [
        (fj.Farseer, fj.Piecewise()),
        (fj.Chinchilla, fj.LeastSquares("huber")),
        (fj.Farseer, fj.LeastSquares()),
    ]
    assert given.pop("targets") == fj.Runs([25.1e9], [5e11], [0.41])
    assert given == {"along": "C", "held_out": 1e21, "limits": [1e19, 1e20], "min_fitted": None}
    usual = {"along": "N", "held_out": None, "limits": None, "min_fitted": 5, "targets": None}
    assert nothing == usual


def test_refusals() -> None:
    refused(farseer("extrapolate"), "name a file of runs, or add --example")
    for bad, part in (
        ("chinchila", "unknown law 'chinchila'; choose from farseer"),
        ("farseer:isoflop", "the method isoflop does not fit the law farseer"),
        ("farseer:newton", "unknown method 'newton'"),
        ("farseer:piecewise:huber", "the method piecewise has no objective"),
        ("farseer:least-squares:hubert", "unknown objective 'hubert'"),
    ):
        refused(farseer("extrapolate", "--example", "--candidate", bad), part)
    refused(farseer("extrapolate", "--example", "--target", "1e9,1e11"), "expected a run N,D,LOSS")
    both = ("--limit", "1e9", "--min-fitted", "3")
    refused(farseer("extrapolate", "--example", *both), "--min-fitted does not go with --limit")
    refused(farseer("extrapolate", "--example", "--held-out", "1e12"), "held_out: expected at most")
    refused(farseer("extrapolate", "--example", "--along", "arm"), "no column 'arm'")
