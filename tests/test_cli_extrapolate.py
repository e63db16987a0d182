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
    assert content == json.loads(expected.to_json())
    names = {"law", "method", "fitted_error", "held_out_error"}
    assert names <= content["rows"][0].keys()


def test_options_reach_the_library(seen: list[Any]) -> None:
    options = ["--law", "farseer:piecewise", "--law", "chinchilla:least-squares:huber"]
    options += ["--law", "farseer:least-squares", "--law", "kaplan", "--law", "coupled:forecast"]
    options += ["--along", "C", "--held-out", "1e21"]
    options += ["--limit", "1e19", "--limit", "1e20", "--target", "25.1e9,5e11,0.41"]
    assert farseer("extrapolate", "--example", *options).exit_code == 0
    assert farseer("extrapolate", "--example", "--min-fitted", 5).exit_code == 0
    (args, given), (nothing, usual) = seen
    assert args[0] == fj.example_runs()
    assert args[1] == [
        ("farseer", fj.Piecewise()),
        ("chinchilla", fj.LeastSquares("huber")),
        ("farseer", fj.LeastSquares()),
        "kaplan",
        ("coupled", "forecast"),
    ]
    assert given.pop("targets") == {"N": [25.1e9], "D": [5e11], "loss": [0.41]}
    assert given == {"along": "C", "held_out": 1e21, "limits": [1e19, 1e20], "min_fitted": None}
    assert nothing[1] is None
    assert usual == {
        "along": None, "held_out": None, "limits": None, "min_fitted": 5, "targets": None
    }  # fmt: skip


def test_how_the_table_is_read_reaches_the_library(seen: list[Any], table: dict[str, Any]) -> None:
    options = ["--law", "E + A/(N*P)**a + b*h_web", "--input", "P=streams_of,h_web=share_web"]
    options += ["--by", "arm", "--real", "b", "--kind", "h_web=real", "--link", "identity"]
    options += ["--min", "P=2", "--drop", "4"]
    assert farseer("extrapolate", "runs.csv", *options).exit_code == 0
    ((args, given),) = seen
    kept = [i for i, P in enumerate(table["streams_of"]) if P >= 2 and i != 4]
    assert args[0]["N"].tolist() == [table["N"][i] for i in kept]
    assert args[1] == ["E + A/(N*P)**a + b*h_web"]
    columns = {"P": "streams_of", "h_web": "share_web"}
    assert (given["columns_of"], given["by"], given["real"]) == (columns, ["arm"], ["b"])
    assert (given["kinds"], given["link"]) == ({"h_web": "real"}, fj.Link("identity"))


def test_refusals() -> None:
    refused(farseer("extrapolate"), "name a file of runs, or add --example")
    for bad, part in (
        ("chinchila", "unknown law 'chinchila'; did you mean 'chinchilla'?"),
        ("farseer:isoflop", "the method isoflop does not fit the law farseer"),
        ("farseer:newton", "unknown method 'newton'"),
        ("E + A/N**a:piecewise", "the method piecewise does not fit an expression"),
        ("farseer:piecewise:huber", "the method piecewise has no objective"),
        ("farseer:least-squares:hubert", "unknown objective 'hubert'"),
    ):
        refused(farseer("extrapolate", "--example", "--law", bad), part)
    refused(farseer("extrapolate", "--example", "--target", "1e9,1e11"), "expected a run N,D,LOSS")
    both = ("--limit", "1e9", "--min-fitted", "3")
    refused(farseer("extrapolate", "--example", *both), "--min-fitted does not go with --limit")
    refused(farseer("extrapolate", "--example", "--held-out", "1e12"), "held_out: expected at most")
    refused(farseer("extrapolate", "--example", "--along", "arm"), "no column 'arm'")
    two = ("--target", "1e9,1e11,2.1", "--target", "N=1e9,P=2,loss=3")
    refused(farseer("extrapolate", "--example", *two), "One --target names N, D, loss, another N")


def test_a_missing_input_is_told_with_its_option(table: dict[str, Any]) -> None:
    laws = ("--law", "E + A/N**a", "--law", "N, P | E + A/(N*P)**a")
    result = farseer("extrapolate", "runs.csv", *laws)
    refused(
        result,
        "no column was recognised as P (parallel streams): ",
        "name it, --input P=column; the columns are 'N', 'arm', 'streams_of'",
    )
