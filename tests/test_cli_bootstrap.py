"""``farseer bootstrap``: what it prints and keeps, how it fails, and how it goes on."""

import dataclasses
import inspect
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
import jax
import numpy as np
import pytest
from commands import command_named, farseer, refused

import farseer_jax
import farseer_jax as fj
from farseer_jax.cli import bootstrap
from farseer_jax.fitting.fit_batch import Refits
from farseer_jax.runtime import progress as _progress
from farseer_jax.uncertainty.intervals import KINDS
from farseer_jax.uncertainty.schemes_by_name import SCHEMES

EXAMPLE = ("bootstrap", "--example", "--num-resamples")
AT = ("--at", "25.1e9,5e11", "--at", "7e9,1e12")
N, D = [25.1e9, 7e9], [5e11, 1e12]
FILE = "draws.parquet"
SIGNATURE = inspect.signature(fj.bootstrap)


@pytest.fixture(scope="module")
def fit() -> fj.Fit:
    return fj.fit(fj.Farseer, fj.example_runs())


@pytest.fixture(scope="module")
def refits(fit: fj.Fit) -> fj.Bootstrap:
    return fj.bootstrap(fit, 64)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def recorded(fit: fj.Fit, refits: fj.Bootstrap, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What ``farseer bootstrap`` hands to the library, which then computes nothing."""
    seen: dict[str, Any] = {}

    def fake_fit(law: object, runs: object, method: object) -> fj.Fit:
        seen.update(law=law, runs=runs, method=method)
        return fit

    def fake_bootstrap(*args: object, **kwargs: object) -> fj.Bootstrap:
        bound = SIGNATURE.bind(*args, **kwargs)
        seen.update(bound.arguments)
        return refits

    monkeypatch.setattr(farseer_jax, "fit", fake_fit)
    monkeypatch.setattr(farseer_jax, "bootstrap", fake_bootstrap)
    return seen


def numbers(bootstrap: fj.Bootstrap) -> np.ndarray:
    """All of the draws' numbers."""
    return np.stack(jax.tree.leaves(bootstrap.laws))


class TestOutput:
    def test_prints_intervals_and_writes_them(self, fit: fj.Fit) -> None:
        options = "--level 0.8 --interval basic --seed 5 --json intervals.json"
        result = farseer(*EXAMPLE, 64, *AT, *options.split())
        expected = fj.bootstrap(fit, 64, seed=5).interval(N, D, level=0.8, kind="basic")
        said = f"{expected}\n".replace("kind='calibrated'", "--interval calibrated")
        assert (result.exit_code, result.stdout) == (0, said)
        assert result.stderr == "Intervals written to intervals.json\n"
        assert os.listdir() == ["intervals.json"]
        content = json.loads(Path("intervals.json").read_text())
        assert content == json.loads(expected.to_json())
        keys = ["N", "D", "predicted", "lower", "upper", "level", "kind"]
        assert [list(row) for row in content["intervals"]] == [keys, keys]
        assert (content["num_resamples"], content["num_failed"]) == (64, 0)
        assert (content["scheme"], content["seed"]) == (bootstrap.DEFAULTS["scheme"], 5)

    def test_the_seed_alone_decides(self) -> None:
        first, same, other = (
            farseer(*EXAMPLE, 64, *AT, "--json", "-", "--seed", seed, "--chunk-size", chunk).stdout
            for seed, chunk in ((1, 64), (1, 32), (2, 64))
        )
        assert json.loads(first)["seed"] == 1
        assert first == same
        assert json.loads(first)["intervals"] != json.loads(other)["intervals"]

    def test_prints_a_summary_without_points(self, refits: fj.Bootstrap) -> None:
        result = farseer(*EXAMPLE, 64)
        assert (result.exit_code, result.stdout, result.stderr) == (0, f"{refits}\n", "")

    def test_a_new_run(self, refits: fj.Bootstrap) -> None:
        result = farseer(*EXAMPLE, 64, *AT, "--of", "run")
        assert result.stdout == f"{refits.interval(N, D, of='run')}\n"

    def test_warnings_of_the_fit_are_not_lost(
        self, fit: fj.Fit, recorded: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        odd = dataclasses.replace(fit)
        odd.__dict__["warnings"] = ("this fit is odd.",)
        monkeypatch.setattr(farseer_jax, "fit", lambda *args: odd)
        for points in ((), AT):
            assert farseer(*EXAMPLE, 64, *points).stdout.endswith("\nwarning: this fit is odd.\n")
        as_json = json.loads(farseer(*EXAMPLE, 64, *AT, "--json", "-").stdout)
        assert as_json["warnings"][-1] == "this fit is odd."

    def test_the_bar_counts_refits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found: list[tuple[int, int]] = []
        monkeypatch.setattr(_progress._Display, "count", lambda _, *of: found.append(of))
        farseer(*EXAMPLE, 96, "--chunk-size", 64)
        done = [number for number, _ in found]
        assert {total for _, total in found} == {96}
        assert done == sorted(set(done))
        assert {0, 64, 96} < set(done)  # and between: it moves within a chunk


class TestOptions:
    def test_lists_and_defaults_are_those_of_the_library(self, refits: fj.Bootstrap) -> None:
        assert set(bootstrap.SCHEMES) == set(SCHEMES)
        assert {name for name in SCHEMES if hasattr(SCHEMES[name], "num_draws")} == set(
            bootstrap.JACKKNIFES
        )
        assert bootstrap.KINDS == KINDS
        own = inspect.signature(fj.bootstrap).parameters
        assert own["scheme"].default is None
        assert bootstrap.DEFAULTS == {
            "scheme": refits.scheme.name,
            "kind": refits.interval(N, D).kind,
            "num_resamples": 1000,
        }
        assert own["num_resamples"].default is None
        chunk_size = next(p for p in command_named("bootstrap").params if p.name == "chunk_size")
        assert chunk_size.default == own["chunk_size"].default

    def test_they_reach_the_library(self, recorded: dict[str, Any], fit: fj.Fit) -> None:
        assert farseer("bootstrap", "--example").exit_code == 0
        assert recorded["num_resamples"] is None
        assert (recorded["seed"], recorded["out"], recorded["resume"]) == (0, None, False)
        options = f"--scheme bayesian --seed 7 --out {FILE} --resume --chunk-size 5"
        assert farseer("bootstrap", "--example", *options.split()).exit_code == 0
        assert recorded["fit"] is fit
        assert (recorded["scheme"], recorded["seed"]) == ("bayesian", 7)
        assert (recorded["out"], recorded["resume"], recorded["chunk_size"]) == (FILE, True, 5)

    def test_runs_law_and_method_are_those_of_fit(self, recorded: dict[str, Any]) -> None:
        options = "--max-N 1e9 --law chinchilla --objective huber --num-starts 8 --starts-seed 3"
        assert farseer("bootstrap", "--example", *options.split(), "--seed", 4).exit_code == 0
        assert recorded["runs"] == fj.example_runs().select(max_N=1e9)
        assert recorded["law"] is fj.Chinchilla
        assert recorded["method"] == fj.LeastSquares("huber", num_starts=8, seed=3)
        assert recorded["seed"] == 4
        assert farseer("bootstrap", "--example", "--rounds", "joint").exit_code == 0
        assert recorded["method"] == fj.Piecewise(rounds="joint")

    def test_noise_is_that_of_the_scheme_and_of_a_run(
        self, recorded: dict[str, Any], refits: fj.Bootstrap
    ) -> None:
        assert farseer(*EXAMPLE, 64, "--scheme", "parametric", "--noise", 3e-4).exit_code == 0
        assert recorded["scheme"] == fj.ParametricBootstrap(3e-4)
        result = farseer(*EXAMPLE, 64, *AT, "--of", "run", "--noise", 3e-4)
        assert result.stdout == f"{refits.interval(N, D, of='run', noise=3e-4)}\n"

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            ("", "Missing argument 'RUNS'"),
            ("--example --at 25.1e9", "expected a point N,D of positive numbers"),
            ("--example --at 1,2,3", "got '1,2,3'"),
            ("--example --at 1e9,-5", "got '1e9,-5'"),
            ("--example --at 1e9,inf", "got '1e9,inf'"),
            ("--example --at 1e9,many", "got '1e9,many'"),
            ("--example --at 1e-300,1e-300", "no finite loss at N=1e-300, D=1e-300"),
            ("--example --at 1,1 --level 1.5", "'--level': 1.5 is not in the range"),
            ("--example --num-resamples 1", "'--num-resamples': 1 is not in the range"),
            ("--example --scheme shuffle", "'--scheme': 'shuffle' is not one of"),
            ("--example --at 1,1 --interval exact", "'--interval': 'exact' is not one of"),
            (
                "--example --at 1,1 --interval bca --of run",
                "--interval bca does not go with --of run",
            ),
            ("--example --at 1,1 --interval bca --scheme jackknife-runs", "needs random resamples"),
            ("--example --num-resamples 9 --scheme jackknife-sizes", "which fixes the number"),
            ("--example --noise 5e-4", "--noise is for --scheme parametric and for --of run"),
            ("--example --level 0.9", "--level needs points for intervals"),
            ("--example --json -", "--json needs points for intervals"),
            ("--example --resume", "--resume continues the refits of a file"),
            ("--example --starts-seed 1", "--starts-seed does not go with the method piecewise"),
            ("--example --out -", "--out needs a file"),
            (f"--example --out {os.devnull}", "it is not a regular file; name a Parquet file"),
            ("--example --out missing/draws.parquet", "there is no folder 'missing'"),
            ("--example --at 1,1 --out x --json ./x", "--out and --json name the same file, 'x'"),
            ("runs.csv --out runs.csv", "it is a file that this command reads"),
        ],
    )
    def test_misuse(
        self, args: str, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(farseer_jax, "bootstrap", None)  # nothing gets that far
        Path("runs.csv").write_text("N,D,loss\n")
        refused(farseer("bootstrap", *args.split()), message)
        assert os.listdir(folder) == ["runs.csv"]

    @pytest.mark.parametrize("args", ["--scheme parametric", "--at 1,1 --of run"])
    def test_runs_that_show_no_noise(self, args: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(farseer_jax, "fit", None)  # said before anything is fitted
        rows = ["N,D,loss", *(f"{n}e8,{d}e9,{5 - n / d}" for n in (1, 2, 3, 4) for d in (9, 18))]
        Path("few.csv").write_text("\n".join(rows))
        refused(farseer("bootstrap", "few.csv", *args.split()), "give it by --noise")


class TestFile:
    def test_resumed_with_more_is_as_in_one_go(self, refits: fj.Bootstrap) -> None:
        first = farseer(*EXAMPLE, 32, "--out", FILE)
        assert (first.exit_code, first.stderr) == (0, f"Refits written to {FILE}\n")
        assert os.listdir() == [FILE]
        result = farseer(*EXAMPLE, 64, *AT, "--out", FILE, "--resume")
        assert result.stdout == f"{refits.interval(N, D)}\n"
        np.testing.assert_array_equal(numbers(fj.Bootstrap.from_parquet(FILE)), numbers(refits))
        assert os.listdir() == [FILE]

    def test_a_file_that_is_there_is_refused_before_the_fit(
        self, refits: fj.Bootstrap, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(farseer_jax, "fit", None)
        Path(FILE).write_bytes(b"mine")
        refused(farseer(*EXAMPLE, 64, "--out", FILE), f"{FILE} already exists", "(--resume)")
        assert Path(FILE).read_bytes() == b"mine"

    def test_what_the_library_refuses_is_a_sentence(self) -> None:
        farseer(*EXAMPLE, 32, "--out", FILE)
        again = (*EXAMPLE, 32, "--out", FILE, "--resume")
        refused(farseer(*again, "--seed", 1), FILE, "another seed, 0 (here 1)")
        refused(farseer(*again, "--scheme", "bayesian"), "another scheme")
        Path(f"{FILE}.parts").mkdir()
        with filelock.FileLock(f"{FILE}.parts/lock"):
            refused(farseer(*again), f"another process is writing {FILE}")
        Path(FILE).write_bytes(b"mine")
        refused(farseer(*again), f"{FILE} is not a valid Parquet file")

    def test_a_full_disk(self, monkeypatch: pytest.MonkeyPatch, refits: fj.Bootstrap) -> None:
        calls = iter(range(100))

        def full(handle: int) -> None:
            if next(calls) >= 2:  # after the manifest and the first part
                raise OSError(28, "No space left on device")

        command = (*EXAMPLE, 64, "--chunk-size", 32, "--out", FILE)
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            refused(farseer(*command), "No space left", "earlier draws are kept", "(--resume)")
        assert farseer(*command, "--resume").exit_code == 0
        np.testing.assert_array_equal(numbers(fj.Bootstrap.from_parquet(FILE)), numbers(refits))

    @pytest.mark.parametrize(
        "interrupt",
        [
            lambda: signal.raise_signal(signal.SIGINT),
            pytest.param(
                lambda: signal.raise_signal(signal.SIGTERM),
                marks=pytest.mark.skipif(sys.platform == "win32", reason="signals differ"),
            ),
        ],
        ids=["Ctrl-C", "kill"],
    )
    def test_interrupted_and_gone_on_with(
        self,
        interrupt: Callable[[], None],
        refits: fj.Bootstrap,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        calls: list[int] = []
        refit, before = Refits.__call__, signal.getsignal(signal.SIGTERM)

        def second_is_interrupted(self: Refits, *stacks: Any) -> Any:
            calls.append(len(next(stack for stack in stacks if stack is not None)))
            if len(calls) == 2:
                interrupt()
            return refit(self, *stacks)

        monkeypatch.setattr(Refits, "__call__", second_is_interrupted)
        command = (*EXAMPLE, 64, "--chunk-size", 32, "--out", FILE)
        result = farseer(*command)
        assert (result.exit_code, result.stdout) == (130, "")
        assert result.stderr == (
            f"Interrupted: 32 refits are kept in {FILE}.parts; the same command with --resume "
            "continues from there.\n"
        )
        assert signal.getsignal(signal.SIGTERM) is before
        refused(farseer(*command), f"{FILE}.parts already exists", "(--resume)")
        assert farseer(*command, "--resume").exit_code == 0
        assert calls == [32, 32, 32]
        np.testing.assert_array_equal(numbers(fj.Bootstrap.from_parquet(FILE)), numbers(refits))


class TestCheck:
    """``--check`` reads what it needs from the file."""

    @pytest.fixture
    def made(self, fit: fj.Fit) -> Path:
        fj.bootstrap(fit, 64, out=FILE)
        return Path(FILE)

    def test_an_intact_file(self, made: Path) -> None:
        result = farseer("bootstrap", "--check", made, "--num-resamples", 4, "--json", "check.json")
        expected = fj.check_draws(made, num_refits=4)
        assert (result.exit_code, result.stdout) == (0, f"{expected}\n")
        assert result.stderr == "Check written to check.json\n"
        assert "refitted   4 resamples, 0 to 63: bit-for-bit the same" in result.stdout
        assert fj.DrawsCheck.from_json("check.json").refitted.tolist() == [0, 21, 42, 63]

    def test_a_file_with_a_fault(self, made: Path) -> None:
        made.write_bytes(made.read_bytes()[:-20])
        result = farseer("bootstrap", "--check", made)
        assert result.exit_code == 1
        assert result.stdout.startswith(f"{FILE}: 1 fault\n\nfault: {FILE} is not a valid Parquet")
        assert result.stderr == ""
        as_json = farseer("bootstrap", "--check", made, "--json", "-")
        assert (as_json.exit_code, json.loads(as_json.stdout)["intact"]) == (1, False)

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (("absent.parquet",), "absent.parquet: no such file"),
            ((".",), ". is a directory; name a file of draws"),
            ((FILE, "--seed", 1), "--seed does not go with --check"),
            ((FILE, "--law", "chinchilla"), "--law does not go with --check"),
            ((FILE, "--example"), "--example does not go with --check"),
            ((FILE, "--out", "more.parquet"), "--out does not go with --check"),
            ((FILE, "runs.csv"), "RUNS does not go with --check"),
            ((FILE, "--json", FILE), "it is a file that this command reads"),
        ],
    )
    def test_misuse(self, made: Path, args: tuple[object, ...], message: str) -> None:
        refused(farseer("bootstrap", "--check", *args), message)


class TestBelowAFit:
    def test_prints_intervals_that_are_no_part_of_the_file(
        self, fit: fj.Fit, refits: fj.Bootstrap
    ) -> None:
        result = farseer("fit", "--example", "--bootstrap", 64, "--json", "fit.json")
        assert (result.exit_code, result.stdout) == (0, f"{fit}\n\n{refits}\n")
        assert Path("fit.json").read_text() == fit.to_json()

    def test_json_on_standard_output_would_hide_them(self) -> None:
        result = farseer("fit", "--example", "--bootstrap", 64, "--json", "-")
        refused(result, "--bootstrap does not go with --json -")
