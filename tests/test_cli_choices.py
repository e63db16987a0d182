"""``farseer choices``: what it hands to the library, prints and refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands import farseer, refused
from weighted_mean import mean_fit

import farseer_jax
import farseer_jax as fj
from farseer_jax.cli import choices
from farseer_jax.diagnostics.alternative_choices import GROUPS
from farseer_jax.results.digest import json_text

AT = ("--at", "25.1e9,5e11", "--at", "7e9,1e12")
N, D = [25.1e9, 7e9], [5e11, 1e12]


@pytest.fixture
def fit(monkeypatch: pytest.MonkeyPatch) -> fj.Fit:
    """What every fit comes to: one that costs nothing."""
    made = mean_fit(min_sizes=3)
    made.__dict__["warnings"] = ("this fit is odd.",)
    monkeypatch.setattr(farseer_jax, "fit", lambda *args: made)
    return made


def test_prints_the_table_and_writes_it(
    fit: fj.Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    groups = ["size", "smallest"]
    options = ["--group", "size", "--group", "smallest", "--json", "choices.json"]
    result = farseer("choices", "--example", *AT, *options)
    expected = fj.compare_choices(fit, N, D, groups=groups)
    assert (result.exit_code, result.stdout) == (0, f"{expected}\nwarning: this fit is odd.\n")
    assert result.stderr == "Choices written to choices.json\n"
    content = json.loads(Path("choices.json").read_text())
    own = {**json.loads(expected.to_json()), "warnings": ["this fit is odd."]}
    assert content == json.loads(json_text(own))
    as_json = farseer("choices", "--example", *AT, "--group", "size", "--json", "-")
    assert len(json.loads(as_json.stdout)["choices"]) == 5


def test_options_reach_the_library(fit: fj.Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    found = fj.compare_choices(fit, N, D, groups=["size"])

    def fake(*args: Any, **kwargs: Any) -> fj.ChoiceComparison:
        seen.append((args, kwargs))
        return found

    monkeypatch.setattr(farseer_jax, "compare_choices", fake)
    options = ["--embeddings", "total", "--target-embeddings", "6e8", "--target-embeddings", "4e8"]
    assert farseer("choices", "--example", *AT, *options).exit_code == 0
    assert farseer("choices", "--example", *AT).exit_code == 0
    given = {"groups": None, "embeddings": "total", "target_embeddings": [6e8, 4e8]}
    nothing = {"groups": None, "embeddings": None, "target_embeddings": None}
    assert seen == [((fit, N, D), given), ((fit, N, D), nothing)]


def test_groups_are_those_of_the_library() -> None:
    assert tuple(GROUPS) == choices.GROUPS


def test_refusals() -> None:
    refused(farseer("choices", "--example"), "Missing option '--at'")
    refused(farseer("choices", *AT), "name a file of runs, or add --example")
    refused(
        farseer("choices", "--example", *AT, "--target-embeddings", "6e8"),
        "--target-embeddings was given 1 times and --at 2 times",
    )
    refused(farseer("choices", "--example", *AT, "--group", "sizes"), "'sizes'")
    refused(farseer("choices", "--example", "--at", "1e9"), "expected a point N,D")
