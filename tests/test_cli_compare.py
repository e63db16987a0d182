"""``farseer compare``: what it hands to the library, prints and refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import farseer, refused
from test_compare_fits import A, B
from test_winner import pair_of_draws

import farseer_jax as fj
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.results.digest import json_text

WHERE: Any = ("--N", "1e8:1e11", "--D", "1e9:1e12")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two fits as `farseer fit --json` writes them; their laws are put in."""
    folder = tmp_path_factory.mktemp("fits")
    N, D = np.array([1e8, 1e9, 1e10]), np.full(3, 1e10)
    doubt = "the runs do not determine B: fix or tie it (fixed=, tied=)."
    zero, one = np.zeros(1, dtype=int), np.ones(1, dtype=int)
    report = fj.StartReport(0.0, np.zeros(1), zero, one, 0, doubts_about_runs=(doubt,))
    paths = []
    for name, law in (("a", A), ("b", B)):
        method, runs = fj.LeastSquares(num_starts=1), fj.Runs(N, D, evaluate(law, N=N, D=D))
        fit = fj.Fit(law, runs, method, fj.Outcome.success, np.zeros(3), report)
        paths.append(folder / f"{name}.json")
        fit.to_json(paths[-1])
    return paths[0], paths[1]


def test_prints_the_comparison_and_writes_it(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    at = ("--at", "7e9,1e11", "--names", "old,new", "--json", "found.json")
    result = farseer("compare", *files, *WHERE, *at)
    expected = fj.compare_fits(
        *map(fj.Fit.from_json, files), N=(1e8, 1e11), D=(1e9, 1e12), names=("old", "new")
    )
    point = expected.at(7e9, 1e11)
    printed = f"{point}\n\n{expected}\n"
    assert "(fixed=, tied=)" in printed  # which the shell calls by its options
    in_options = printed.replace("(fixed=, tied=)", "(--fix, --tie)")
    assert (result.exit_code, result.stdout) == (0, in_options)
    assert result.stderr == "Comparison written to found.json\n"
    content = json.loads(Path("found.json").read_text())
    own = {**json.loads(expected.to_json()), "points": point.to_dict()["points"]}
    assert content == json.loads(json_text(own))


def test_options_reach_the_library(files: tuple[Path, Path]) -> None:
    budgets = ("--compute", "1e20:1e22", "--tokens-per-parameter", "30", "--comparable")
    result = farseer("compare", *files, *WHERE, *budgets, "--json", "-")
    content = json.loads(result.stdout)
    assert content["tokens_per_parameter"] == 30.0
    computes = [row["compute"] for row in content["multipliers"]]
    np.testing.assert_allclose(computes, np.geomspace(1e20, 1e22, 7))
    assert content["N"][0] == pytest.approx(1e8)
    assert content["names"] == ["a", "b"]  # the names of the files
    np.testing.assert_allclose(content["parity"][0]["D"], 2.0 ** (1 / 0.03))


def test_bootstrap_gives_probabilities_and_intervals(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refits are made up: what they are is tested elsewhere."""
    boots, asked = pair_of_draws(), []

    def refits(fit: fj.Fit, num: int, *, seed: int) -> fj.Bootstrap:
        asked.append((float(fit.law.B), num, seed))  # type: ignore[attr-defined]
        return boots[len(asked) % 2 - 1]

    monkeypatch.setattr(fj, "bootstrap", refits)
    options = (*WHERE, "--bootstrap", "7", "--seed", "3", "--level", "0.5", "--at", "7e9,1e11")
    result = farseer("compare", *files, *options, "--json", tmp_path / "found.json")
    content = json.loads((tmp_path / "found.json").read_text())
    assert asked == [(2000.0, 7, 3), (1000.0, 7, 3)]
    laws = [next(iter(boot.draws.batches())).law for boot in boots]
    loss_a, loss_b = (
        law.E + law.A / 7e9**law.alpha + law.B / 1e11**law.beta  # type: ignore[attr-defined]
        for law in laws
    )
    wins = np.delete(loss_a < loss_b, 2)  # the third refit of A failed
    assert content["points"][0]["probability"] == pytest.approx(wins.mean())
    assert (content["level"], content["probability_kind"]) == (0.5, "percentile")
    some = content["multipliers"][3]
    assert some["optimal_lower"] < some["optimal_upper"]
    assert "P(a wins)" in result.stdout
    assert "its 50 % interval" in result.stdout


@pytest.fixture
def recipes(tmp_path: Path) -> tuple[Path, Path]:
    """Two tables of runs on one grid; the first recipe is better by 1 %."""
    N, D = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e8, 2e9, 5), [5e9, 1e10, 2e10]))
    loss, paths = 1.7 + 400 / N**0.34 + 410 / D**0.28, []
    for name, factor in (("new", 0.99), ("old", 1.0)):
        paths.append(tmp_path / f"{name}.csv")
        rows = zip(N, D, factor * loss, strict=True)
        lines = ["N,D,loss", *(",".join(map(repr, map(float, row))) for row in rows)]
        paths[-1].write_text("\n".join(lines) + "\n")
    return paths[0], paths[1]


def test_tables_are_compared_run_by_run(recipes: tuple[Path, Path], tmp_path: Path) -> None:
    options = ("--names", "new,old", "--at", "70e9,15e12", "--at", "4e9,4e10", "--level", "0.8")
    saved, figure = tmp_path / "found.json", tmp_path / "map.png"
    result = farseer("compare", *recipes, *options, "--json", saved, "--save", figure)
    expected = fj.compare_runs(
        *map(fj.read_runs, recipes), [(70e9, 15e12), (4e9, 4e10)], names=("new", "old"), level=0.8
    )
    assert (result.exit_code, result.stdout) == (0, f"{expected}\n")
    assert "P(new wins)" in result.stdout
    content = json.loads(saved.read_text())
    assert content == json.loads(expected.to_json())
    assert content["forecast"][1]["winner"] == "new"
    assert figure.stat().st_size > 10_000
    assert farseer("compare", *recipes).exit_code == 0


def test_names_are_those_of_the_files_or_of_their_folders(
    recipes: tuple[Path, Path], tmp_path: Path
) -> None:
    assert "new is better at 15" in farseer("compare", *recipes).stdout
    for folder, path in zip(("dense", "moe"), recipes, strict=True):
        (tmp_path / folder / "ladder").mkdir(parents=True)
        path.rename(tmp_path / folder / "ladder" / "runs.csv")
    moved = [tmp_path / folder / "ladder" / "runs.csv" for folder in ("dense", "moe")]
    assert "dense is better at 15" in farseer("compare", *moved).stdout
    assert "x is better at 15" in farseer("compare", *moved, "--names", "x,y").stdout
    assert "A is better at 0, B at 0" in farseer("compare", moved[0], moved[0]).stdout


def test_tables_are_fitted_where_fits_are_asked_for(recipes: tuple[Path, Path]) -> None:
    options = ("--law", "chinchilla", "--D", "1e9:1e11", "--json", "-")
    result = farseer("compare", *recipes, *options)
    expected = fj.compare_fits(
        *(fj.fit("chinchilla", fj.read_runs(path)) for path in recipes),
        D=(1e9, 1e11),
        names=("new", "old"),
    )
    assert json.loads(result.stdout) == json.loads(expected.to_json())


def test_a_table_is_fitted_like_the_fit_beside_it(
    recipes: tuple[Path, Path], tmp_path: Path
) -> None:
    method = fj.LeastSquares(num_starts=4, fixed={"beta": 0.28})
    fits = [fj.fit("chinchilla", fj.read_runs(path), method) for path in recipes]
    fits[1].to_json(tmp_path / "base.json")
    result = farseer("compare", recipes[0], tmp_path / "base.json", "--json", "-")
    expected = fj.compare_fits(*fits, names=("new", "base"))
    assert json.loads(result.stdout) == json.loads(expected.to_json())
    law = farseer("compare", recipes[0], tmp_path / "base.json", "--law", "kaplan")
    refused(law, "with the law of that fit")


def test_refusals(files: tuple[Path, Path], tmp_path: Path) -> None:
    refused(farseer("compare", files[0]), "Name two files A and B, or one table A of both recipes")
    refused(farseer("compare", files[0], tmp_path / "none.json"), "no such file")
    refused(farseer("compare", *files, "--N", "1e11:1e8"), "expected a range LOW:HIGH")
    refused(farseer("compare", *files, "--names", "same,same"), "expected two different names")
    refused(farseer("compare", *files, "--at", "7e9"), "expected a point N,D")
    refused(farseer("compare", *files, "--seed", "1"), "--seed goes with --bootstrap")
    refused(farseer("compare", *files, "--bootstrap", "1"), "'--bootstrap'")
    refused(farseer("compare", *files, "--law", "auto"), "--law auto is for `farseer fit`")
    refused(farseer("compare", files[0], "--by", "arm"), "--by needs a table of both recipes")
    refused(farseer("compare", *files, "--json", files[0]), "it is a file that this command reads")
    first, other = tmp_path / "first.json", tmp_path / "other.json"
    for path, name in ((first, "val_loss"), (other, "bpc")):
        content = json.loads(files[1].read_text())
        content["runs"]["loss_name"] = content["fits"][0]["response"] = name
        path.write_text(json_text(content))
    refused(
        farseer("compare", first, other), "'val_loss' of first and 'bpc' of other", "--comparable"
    )
    assert farseer("compare", first, other, "--comparable").exit_code == 0
