"""The shell: what it prints, what it writes, and how it fails."""

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from commands import command_named, farseer, refused

import farseer_jax
import farseer_jax as fj
from farseer_jax import Chinchilla, Farseer, Fit, Grid, Piecewise, Refined, example_runs
from farseer_jax import fit as fit_runs
from farseer_jax.cli import jax_settings, main, model
from farseer_jax.cli.shell import COMMANDS
from farseer_jax.methods.piecewise import method as piecewise_method
from farseer_jax.methods.piecewise.pair_error import CRITERIA

PARAMETERS = {"a1", "alpha", "b1", "a2", "beta", "b2", "a3", "gamma", "b3"}
TABLE = "n_params,tokens,final,bpc\n1e8,1e9,3.6,3.7\n1e8,2e9,3.4,3.5\n4e8,2e9,3.1,3.2\n"


@pytest.fixture(scope="module")
def example() -> Fit:
    return fit_runs(Farseer, example_runs())


@pytest.fixture(scope="module")
def fit_file(example: Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fits") / "fit.json"
    example.to_json(path)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the working directory."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def recorded(example: Fit, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What ``farseer fit`` hands to the library, which then fits nothing."""
    seen: dict[str, Any] = {}

    def fake(law: object, runs: object, method: object, **options: object) -> Fit:
        seen.update(law=law, runs=runs, method=method, options=options)
        return example

    monkeypatch.setattr(farseer_jax, "fit", fake)
    return seen


def shell(
    *args: object, before: str = "", python: tuple[str, ...] = (), **kwargs: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    code = f"{before}\nfrom farseer_jax.cli import main\nmain(prog_name='farseer')"
    how = ["-c", code] if before else ["-m", "farseer_jax.cli"]
    environment = {**os.environ, "FARSEER_NO_CACHE": "1", **kwargs.pop("env", {})}
    environment.pop("XLA_FLAGS", None)  # of the tests: the shell has its own
    kwargs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **kwargs}
    command = [sys.executable, *python, *how, *map(str, args)]
    return subprocess.run(command, text=True, env=environment, timeout=300, check=False, **kwargs)


class TestHelp:
    @pytest.mark.parametrize(
        "args",
        [
            [],
            ["-h"],
            ["--help"],
            ["fit", "-h"],
            ["fit", "--help"],
            ["predict", "-h"],
            ["bootstrap", "-h"],
            ["choices", "-h"],
            ["extrapolate", "-h"],
        ],
    )
    def test_help_has_an_example_and_fits_a_narrow_terminal(self, args: list[str]) -> None:
        result = farseer(*args)
        assert (result.exit_code, result.stderr) == (0, "")
        assert "Example" in result.stdout
        assert max(len(line) for line in result.stdout.splitlines()) <= 80
        assert result.stdout.isascii()

    @pytest.mark.parametrize("name", COMMANDS)
    def test_help_shows_every_option_in_a_group(self, name: str) -> None:
        text = farseer(name, "--help").stdout
        options, _, others = text.partition("\nOther:\n")
        for param in command_named(name).params:
            if isinstance(param, click.Option):
                assert re.search(rf"\n  {param.opts[0]}( |\n)", options)
        assert others.startswith("  -h, --help  Show this message")

    def test_version(self) -> None:
        result = farseer("--version")
        assert (result.exit_code, result.stdout) == (0, f"farseer {farseer_jax.__version__}\n")

    def test_choices_and_defaults_are_those_of_the_library(self, recorded: dict[str, Any]) -> None:
        criterion = next(p for p in command_named("fit").params if p.name == "criterion")
        assert isinstance(criterion.type, click.Choice)
        assert set(criterion.type.choices) == set(CRITERIA)
        assert farseer("fit", "--example").exit_code == 0
        assert recorded["method"] == Piecewise()
        ranges = {law.name: bounds for law, bounds in piecewise_method._RANGES.items()}
        assert model.DEFAULT_SEARCH == ranges
        options = "--law chinchilla --method piecewise"
        assert farseer("fit", "--example", *options.split()).exit_code == 0
        assert (recorded["law"], recorded["method"]) == (Chinchilla, Piecewise())
        assert farseer("fit", "--example", *options.split(), "--candidates", "9").exit_code == 0
        assert recorded["method"] == Piecewise(search=Grid(0.01, 1.0, 9))

    def test_help_and_usage_errors_load_no_library(self) -> None:
        commands = ["--help", "--version", "fit --help", "predict -h", "fitt", "fit", "fit --foo"]
        commands += ["fit --example --candidates 1", "fit --example --ratio x", "predict x.json"]
        commands += ["predict x.json --N a --D 1", "fit x.csv --json missing/fit.json"]
        commands += ["choices -h", "choices --example", "fit x.csv --law kapla"]
        commands += ["fit x.csv --link probit", "fit x.csv --fix E", "predict x.json --given P"]
        commands += ["bootstrap -h", "bootstrap --example --at 1e9", "bootstrap x.csv --out ."]
        code = f"""
import contextlib, sys
from farseer_jax.cli import main
for command in {commands!r}:
    with contextlib.suppress(SystemExit):
        main(command.split())
print([name for name in ("jax", "numpy", "pandas", "pyarrow", "rich") if name in sys.modules])
"""
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert result.stdout.splitlines()[-1] == "[]"
        assert "Traceback" not in result.stderr

    def test_mistakes_in_a_file_are_told_without_jax(self, folder: Path) -> None:
        code = """
import contextlib, sys
from farseer_jax.cli import main
with contextlib.suppress(SystemExit):
    main(["fit", "missing.csv"])
print("jax" in sys.modules)
"""
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (result.stdout, result.stderr) == ("False\n", "Error: missing.csv: no such file\n")


class TestLazyImport:
    def test_an_unknown_name_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="No farseer_jax attribute nothing"):
            _ = farseer_jax.nothing

    def test_star_import(self) -> None:
        names: dict[str, Any] = {}
        exec("from farseer_jax import *", names)
        assert set(farseer_jax.__all__) <= set(names)


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
        assert table == {"size": [0.1], "data": [2], "out": [3.5]}
        assert recorded["options"] == {
            "columns_of": {"N": "size", "D": "data"},
            "units": {"N": 1e9, "D": 1e10},
            "response": "out",
        }

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            ("", "Missing argument 'RUNS'"),
            ("--example runs.csv", "leave RUNS out, or --example"),
            ("--example --N size", "--N is about the columns of a file"),
            ("--example --D-unit 1e9", "--D-unit is about the columns of a file"),
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
            ("--example --min-N small", "'--min-N': 'small' is not a valid float"),
            ("--example --search 1:-1", "expected a range LOW:HIGH (such as -0.3:0.4), got '1:-1'"),
            ("--example --min-N 1e15", "no run is left with --min-N 1e+15"),
            ("--example --mini-N 1e15", "No such option"),
        ],
    )
    def test_misuse(self, args: str, message: str) -> None:
        refused(farseer("fit", *args.split()), message)


class TestPredict:
    def test_points_pair_up(self, example: Fit, fit_file: Path) -> None:
        args = ["--N", "7e9", "--D", "1e11", "--N", "25.1e9", "--D", "5e11", "--json", "-"]
        result = farseer("predict", fit_file, *args)
        assert (result.exit_code, result.stderr) == (0, "")
        content = json.loads(result.stdout)
        losses = example.predict([7e9, 25.1e9], [1e11, 5e11])
        known: dict[str, Any] = {"group": {}, "response": "loss"}
        assert content["predictions"] == [
            {"N": 7e9, "D": 1e11, **known, "predicted": losses[0], "observed": None},
            {"N": 25.1e9, "D": 5e11, **known, "predicted": losses[1], "observed": None},
        ]
        assert set(content["metrics"].values()) == {None}

    @pytest.mark.parametrize(
        ("args", "N", "D"),
        [
            ("--N 7e9 --D 1e11 --D 2e11 --D 3e11", [7e9] * 3, [1e11, 2e11, 3e11]),
            ("--D 1e11 --N 7e9 --N 8e9", [7e9, 8e9], [1e11] * 2),
        ],
    )
    def test_one_goes_with_all_of_the_other(
        self, args: str, N: list[float], D: list[float], fit_file: Path
    ) -> None:
        result = farseer("predict", fit_file, *args.split(), "--json", "-")
        rows = json.loads(result.stdout)["predictions"]
        assert [(row["N"], row["D"]) for row in rows] == list(zip(N, D, strict=True))

    def test_prints_a_table(self, fit_file: Path) -> None:
        result = farseer("predict", fit_file, "--N", "25.1e9", "--D", "5e11")
        assert (result.exit_code, result.stderr) == (0, "")
        header, _, row = result.stdout.splitlines()
        assert header.split() == ["N", "D", "predicted"]
        assert row.split()[:4] == ["25.1", "B", "500", "B"]

    def test_runs_stand_beside_their_losses(
        self, example: Fit, fit_file: Path, folder: Path
    ) -> None:
        runs = example_runs(seed=1)
        runs.to_dataframe().rename(columns={"N": "size", "loss": "out"}).to_csv("runs.csv")
        options = "--N size --loss out --min-N 6e9 --max-D 3e10 --json predictions.json"
        result = farseer("predict", fit_file, "runs.csv", *options.split())
        assert result.exit_code == 0
        assert result.stderr == "Predictions written to predictions.json\n"
        expected = example.evaluate(runs.select(min_N=6e9, max_D=3e10))
        assert result.stdout == f"{expected}\n"
        assert f"mean relative error  {expected.mean_relative_error:.3e}" in result.stdout
        assert json.loads(Path("predictions.json").read_text()) == expected.to_dict()

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            ("", "Nothing to predict"),
            ("--N 1e9", "the law needs D too"),
            (
                "--N 1e9 --N 2e9 --D 1e9 --D 2e9 --D 3e9",
                "N was given 2 times and another input 3 times",
            ),
            ("--N size --D 1e9", "'--N': expected a positive number such as 25.1e9, got 'size'"),
            ("--N 1e9 --D -5", "'--D': expected a positive number such as 25.1e9, got '-5'"),
            ("--N 1e9 --D nan", "got 'nan'"),
            ("--N 1e9 --D 1e9 --min-N 1e9", "--min-N is about a table of runs"),
            ("--N 1e9 --D 1e9 --loss bpc", "--loss is about a table of runs"),
            ("--N 1e-300 --D 1e-300", "no finite loss at N=1e-300, D=1e-300"),
            ("runs.csv --N 25.1e9", "--N 25.1e9 names a column (leave RUNS out"),
            ("runs.csv --N a --N b", "with a table RUNS it names one column"),
            ("runs.csv --loss final --min-N 1e12", "no run is left with --min-N 1e+12"),
        ],
    )
    def test_misuse(self, args: str, message: str, fit_file: Path, folder: Path) -> None:
        Path("runs.csv").write_text(TABLE)
        refused(farseer("predict", fit_file, *args.split()), message)


class TestRealRuns:
    def test_the_largest_models_are_predicted(self, shared_data: Path, folder: Path) -> None:
        table = shared_data / "farseer_404.csv"
        options = ["--min-N", "2e8", "--max-N", "5.36e9", "--json", "fit.json"]
        assert farseer("fit", table, *options).exit_code == 0
        result = farseer("predict", "fit.json", table, "--min-N", "6e9", "--json", "p.json")
        assert result.exit_code == 0
        content = json.loads(Path("p.json").read_text())
        assert content["metrics"]["mean_relative_error"] <= 5.5e-4
        assert f"{content['metrics']['mean_relative_error']:.3e}" in result.stdout
        keys = ["N", "D", "group", "response", "predicted", "observed"]
        assert list(content["predictions"][0]) == keys
        errors = [row["predicted"] / row["observed"] - 1 for row in content["predictions"]]
        assert np.abs(errors).max() < 2e-3


class TestBadFiles:
    @pytest.mark.parametrize(
        ("name", "content", "args", "message"),
        [
            ("missing.csv", None, "", "missing.csv: no such file"),
            ("empty.csv", b"", "", "empty.csv: the file is empty"),
            ("binary.csv", bytes(range(256)) * 9, "", "binary.csv: is"),
            ("header.csv", b"N,D,loss\n", "", "no rows"),
            ("runs.txt", b"N,D,loss\n1,2,3\n", "", "unknown suffix '.txt'"),
            ("runs.csv", TABLE.encode(), "--N params", "no column 'params'"),
            ("runs.csv", TABLE.encode(), "--N params", "did you mean 'n_params'?"),
            ("runs.csv", b"N,D,loss\n1e8,1e9,3\nbig,2e9,2.9\n", "", "column 'N': row 1"),
            ("runs.csv", b"N,D,loss\n0.1,2e9,2.9\n", "", "--N-unit 1e9"),
            ("runs.csv", TABLE.encode(), "--loss final", "at least 3 sizes"),
        ],
    )
    def test_runs(
        self, name: str, content: bytes | None, args: str, message: str, folder: Path
    ) -> None:
        if content is not None:
            Path(name).write_bytes(content)
        refused(farseer("fit", name, *args.split(), "--json", "fit.json"), message)
        assert os.listdir(folder) == ([] if content is None else [name])

    def test_a_directory(self, folder: Path, fit_file: Path) -> None:
        refused(farseer("fit", folder), "is a directory")
        refused(farseer("predict", fit_file, folder), "is a directory")
        refused(farseer("predict", folder, "--N", "1e9", "--D", "1e9"), "is a directory")

    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda text: text[: len(text) // 2], "not a whole JSON file"),
            (lambda text: "", "not a whole JSON file"),
            (lambda text: "[]", "not a fit file"),
            (lambda text: text.replace('"version": 2', '"version": 3'), "upgrade farseer_jax"),
            (lambda text: text.replace('"farseer"', '"unheard"'), "a fit of the law 'unheard'"),
            (lambda text: text.replace('"level"', '"lavel"'), "the fit is damaged"),
        ],
        ids=["truncated", "empty", "other", "later", "law", "damaged"],
    )
    def test_fits(
        self, damage: Callable[[str], str], message: str, fit_file: Path, folder: Path
    ) -> None:
        Path("bad.json").write_text(damage(fit_file.read_text()))
        refused(farseer("predict", "bad.json", "--N", "1e9", "--D", "1e9"), "bad.json", message)

    def test_no_fit(self, folder: Path) -> None:
        refused(farseer("predict", "fit.json", "--N", "1", "--D", "1"), "fit.json: no such file")


class TestOutput:
    @pytest.mark.parametrize(
        ("target", "message"),
        [
            ("missing/fit.json", "there is no folder 'missing'; create it first"),
            ("there", "it is a directory; name a file in it"),
            ("runs.csv", "it is a file that this command reads"),
            ("there/../runs.csv", "it is a file that this command reads"),
            (os.devnull, "it is not a regular file"),
        ],
    )
    def test_an_impossible_target_is_noticed_first(
        self, target: str, message: str, recorded: dict[str, Any], folder: Path
    ) -> None:
        Path("there").mkdir()
        Path("runs.csv").write_text(TABLE)
        refused(farseer("fit", "runs.csv", "--json", target), f"cannot write '{target}'", message)
        assert not recorded
        assert sorted(os.listdir(folder)) == ["runs.csv", "there"]
        assert Path("runs.csv").read_text() == TABLE

    def test_a_fit_is_not_overwritten_by_its_predictions(self, fit_file: Path) -> None:
        args = ["--N", "1e9", "--D", "1e9", "--json", fit_file]
        refused(farseer("predict", fit_file, *args), "it is a file that this command reads")
        Fit.from_json(fit_file)

    def test_a_folder_without_permission(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
        refused(farseer("fit", "--example", "--json", "fit.json"), "no permission to write")

    def test_a_full_disk_leaves_nothing(
        self, recorded: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        refused(farseer("fit", "--example", "--json", "fit.json"), "fit.json", "No space left")
        assert os.listdir(folder) == []

    def test_a_written_file_is_replaced(self, recorded: dict[str, Any], folder: Path) -> None:
        Path("fit.json").write_text("old")
        assert farseer("fit", "--example", "--json", "fit.json").exit_code == 0
        assert os.listdir(folder) == ["fit.json"]
        Fit.from_json("fit.json")


class TestFailures:
    def failing(self, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Result:
        def fail(*args: object) -> None:
            raise error

        monkeypatch.setattr(farseer_jax, "fit", fail)
        return farseer("fit", "--example")

    def test_a_defect_asks_to_be_reported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        result = self.failing(monkeypatch, RuntimeError("two\nlines"))
        refused(result, "RuntimeError: two lines", "please report it", "FARSEER_DEBUG=1", code=1)
        assert len(result.stderr.splitlines()) == 1

    def test_an_error_of_another_library_is_a_defect(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(farseer_jax, "fit", lambda *args, **options: np.zeros(-1))
        refused(farseer("fit", "--example"), "negative dimensions", "please report it", code=1)

    def test_an_error_of_python_in_our_code_is_a_defect(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(farseer_jax, "fit", None)
        refused(farseer("fit", "--example"), "TypeError", "please report it", code=1)

    def test_debugging_shows_the_traceback(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FARSEER_DEBUG", "1")
        result = self.failing(monkeypatch, RuntimeError("boom"))
        assert result.exit_code == 1
        assert "Traceback" in result.stderr
        assert "in fail" in result.stderr

    def test_interrupted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        result = self.failing(monkeypatch, KeyboardInterrupt())
        assert (result.exit_code, result.stdout, result.stderr) == (130, "", "Interrupted.\n")

    def test_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        refused(self.failing(monkeypatch, MemoryError()), "not enough memory")

    def test_an_error_of_the_system_names_the_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        error = PermissionError(13, "Permission denied", "runs.csv")
        refused(self.failing(monkeypatch, error), "Error: runs.csv: Permission denied")


class TestProcess:
    """What only a process of its own can show."""

    def test_numbers_are_those_of_the_library_and_nothing_warns(self, example: Fit) -> None:
        result = shell("fit", "--example", "--json", "-", python=("-W", "error"))
        assert (result.returncode, result.stderr) == (0, "")
        found = Fit.from_json(result.stdout)
        N, D = np.meshgrid(np.geomspace(1e8, 1e11, 9), np.geomspace(1e9, 1e13, 9))
        # the shell compiles for a quick start, so its last digits are its own
        np.testing.assert_allclose(found.predict(N, D), example.predict(N, D), rtol=1e-9)

    def test_warnings_of_libraries_are_not_shown(self) -> None:
        before = """
import warnings
from farseer_jax.runs import read
def read_table(path):
    warnings.warn("litter", stacklevel=1)
    raise ValueError("litter follows")
read.read_table = read_table
"""
        result = shell("fit", "runs.csv", before=before)
        assert "warn" not in result.stderr.lower()

    def test_errors(self, folder: Path) -> None:
        result = shell("fit", "missing.csv")
        assert result.returncode == 2
        assert (result.stdout, result.stderr) == ("", "Error: missing.csv: no such file\n")
        result = shell("fit", "--qqq")
        assert result.returncode == 2
        assert result.stderr.endswith("Error: No such option '--qqq'.\n") or (
            result.stderr.endswith("Error: No such option: --qqq\n")  # click before 8.2
        )

    @pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
    def test_interrupted(self) -> None:
        before = """
import os, signal, time
from farseer_jax.runs import read
def read_table(path):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
read.read_table = read_table
"""
        result = shell("fit", "runs.csv", before=before)
        assert (result.returncode, result.stderr) == (130, "Interrupted.\n")

    @pytest.mark.skipif(sys.platform == "win32", reason="pipes differ")
    @pytest.mark.parametrize("args", ["--help", "fit --help", "predict {fit} --N 1e9 --D 1e9"])
    def test_closed_pipe(self, args: str, fit_file: Path) -> None:
        reader, writer = os.pipe()
        os.close(reader)  # as after `| head -1`
        try:
            result = shell(*args.format(fit=fit_file).split(), stdout=writer)
        finally:
            os.close(writer)
        assert result.stderr == ""

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
    def test_full_standard_output(self) -> None:
        with open("/dev/full", "w") as full:
            result = shell("--help", stdout=full)
        assert (result.returncode, result.stderr) == (2, "Error: No space left on device\n")

    def test_letters_unknown_to_the_terminal(self, fit_file: Path) -> None:
        env = {"PYTHONIOENCODING": "ascii"}
        result = shell("predict", fit_file, "--N", "1e9", "--D", "1e9", env=env)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.isascii()


@pytest.fixture
def at_home(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command in a process whose home is a temporary folder."""
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def run(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
        return shell(*args, env={**home, "FARSEER_NO_CACHE": "0", **env})

    return run


@pytest.fixture
def predict(
    at_home: Callable[..., subprocess.CompletedProcess[str]], fit_file: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A small command, likewise."""
    return functools.partial(at_home, "predict", fit_file, "--N", "25.1e9", "--D", "5e11")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="caches lie elsewhere")
class TestCache:
    def test_compiled_code_is_kept_and_used_again(
        self, at_home: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
    ) -> None:
        fit = functools.partial(at_home, "fit", "--example")  # predictions compile nothing
        first = fit()
        (folder,) = (tmp_path / "cache" / "farseer_jax").iterdir()
        assert folder.name == f"jaxlib-{jax_settings.jaxlib_version()}-{jax_settings.cpu_hash()}"
        entries = {entry.name: entry.stat().st_mtime_ns for entry in folder.iterdir()}
        assert entries
        second = fit()
        assert (second.returncode, second.stdout, second.stderr) == (0, first.stdout, "")
        again = {entry.name: entry.stat().st_mtime_ns for entry in folder.iterdir()}
        assert again == entries
        for entry in folder.iterdir():
            entry.write_bytes(b"damaged")
        third = fit()
        assert (third.returncode, third.stdout, third.stderr) == (0, first.stdout, "")

    def test_switched_off(
        self, predict: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
    ) -> None:
        assert predict(FARSEER_NO_CACHE="1").returncode == 0
        assert not (tmp_path / "cache").exists()

    def test_the_users_own_cache_is_left_alone(
        self, predict: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
    ) -> None:
        assert predict(JAX_COMPILATION_CACHE_DIR=str(tmp_path / "own")).returncode == 0
        assert not (tmp_path / "cache").exists()

    def test_a_folder_that_cannot_be_made(
        self, predict: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
    ) -> None:
        (tmp_path / "cache").write_text("in the way")
        result = predict()
        assert (result.returncode, result.stderr) == (0, "")


class TestSetUp:
    def test_a_process_that_uses_jax_is_left_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "jax" in sys.modules  # as it is in all tests above that run in this process
        before = dict(os.environ)
        jax_settings.set_up_jax()
        assert dict(os.environ) == before

    def settings(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **env: str) -> set[str]:
        """The environment variables that a fresh process would add."""
        monkeypatch.delitem(sys.modules, "jax")
        own = {"XDG_CACHE_HOME": str(tmp_path), **env}
        monkeypatch.setattr(os, "environ", own)
        before = dict(own)
        jax_settings.set_up_jax()
        assert {name: own[name] for name in before} == before
        return set(own) - set(before)

    def test_cpu_quick_compilation_and_cache(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        added = self.settings(monkeypatch, tmp_path)
        assert {"JAX_PLATFORMS", "JAX_COMPILATION_CACHE_DIR"} <= added
        assert ("XLA_FLAGS" in added) == jax_settings.jaxlib_version().startswith("0.10.")

    def test_many_refits_are_compiled_better_than_one_fit(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delitem(sys.modules, "jax")
        monkeypatch.setattr(jax_settings, "jaxlib_version", lambda: "0.10.2")
        for refits, flags in ((False, jax_settings.QUICK_FLAGS), (True, jax_settings._REFIT_FLAGS)):
            own = {"FARSEER_NO_CACHE": "1"}
            monkeypatch.setattr(os, "environ", own)
            jax_settings.set_up_jax(refits=refits)
            jax_settings.set_up_jax(refits=not refits)  # the first call decides
            assert own["XLA_FLAGS"] == flags

    def test_the_users_settings_win(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        flags = "--xla_cpu_enable_fast_math=false"
        assert not self.settings(
            monkeypatch, tmp_path, JAX_PLATFORMS="cpu", XLA_FLAGS=flags, FARSEER_NO_CACHE="1"
        )

    def test_a_gpu_compiles_as_it_likes(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        added = self.settings(monkeypatch, tmp_path, JAX_PLATFORMS="cuda")
        assert "XLA_FLAGS" not in added

    def test_flags_are_kept_from_a_jaxlib_that_may_not_know_them(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(jax_settings, "jaxlib_version", lambda: "0.11.0")
        assert "XLA_FLAGS" not in self.settings(monkeypatch, tmp_path)

    def test_another_cpu_has_another_folder(self, monkeypatch: pytest.MonkeyPatch) -> None:
        here = jax_settings.cpu_hash()
        assert jax_settings.cpu_hash() == here
        monkeypatch.setattr(jax_settings, "_cpu_text", lambda: "a CPU without AVX")
        assert jax_settings.cpu_hash() != here

    def test_a_large_cache_forgets_its_oldest_half(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(jax_settings, "_MAX_CACHE_BYTES", 1000)
        for age in range(6):
            path = tmp_path / f"jaxlib-{age % 2}" / f"{age}-cache"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(bytes(200))
            os.utime(path, (1000 - age, 1000 - age))
        jax_settings._prune(tmp_path)
        left = sorted(path.name for path in tmp_path.glob("*/*"))
        assert left == ["0-cache", "1-cache"]
        jax_settings._prune(tmp_path)
        assert len(list(tmp_path.glob("*/*"))) == 2


def test_another_law_end_to_end(tmp_path):
    from farseer_jax.fitting.registry import LAWS, METHODS
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


CHINCHILLA = ("--law", "chinchilla", "--method")


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
