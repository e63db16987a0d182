"""The shell's errors and files: one sentence, an exit code, and nothing half-written."""

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import Result
from commands import TABLE, farseer, refused

import farseer_jax
from farseer_jax import Fit
from farseer_jax.cli import main
from farseer_jax.cli.command_line import COMMAND
from farseer_jax.cli.report import report
from farseer_jax.cli.report_texts import of_the_shell
from farseer_jax.reporting.content import Section, Warnings
from farseer_jax.results.digest import json_text
from farseer_jax.results.files import written_aside


def forged(text: str, **changes: Any) -> str:
    """The text of a file that was changed, with the digest of its new content."""
    return json_text({**json.loads(text), **changes})


class TestBadFiles:
    @pytest.mark.parametrize(
        ("name", "content", "args", "message"),
        [
            ("missing.csv", None, "", "missing.csv: no such file"),
            ("empty.csv", b"", "", "empty.csv: the file is empty"),
            ("binary.csv", bytes(range(256)) * 9, "", "binary.csv: is"),
            ("header.csv", b"N,D,loss\n", "", "no rows"),
            (
                "runs.txt",
                b"N,D,loss\n1,2,3\n1,2\n",
                "",
                "line 3 has 2 fields where the header has 3",
            ),
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
        refused(
            farseer("fit", folder), f"{folder}: is a folder without runs; expected trainer_state"
        )
        refused(farseer("predict", fit_file, folder), f"{folder}: is a folder without runs")
        refused(farseer("predict", folder, "--N", "1e9", "--D", "1e9"), "is a directory")

    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda text: text[: len(text) // 2], "not valid JSON"),
            (lambda text: "", "not valid JSON"),
            (lambda text: "[]", "expected a fit file"),
            (lambda text: text.replace('"version": 2', '"version": 3'), "upgrade farseer_jax"),
            (lambda text: text.replace('"level"', '"lavel"'), "was changed after it was written"),
            (lambda text: forged(text, law="unheard"), "a fit of the law 'unheard'"),
            (lambda text: forged(text, by=["corpus"]), "the fit is damaged"),
        ],
        ids=["truncated", "empty", "other", "later", "changed", "law", "damaged"],
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
        message = "cannot write 'fit.json': No space left on device"
        refused(farseer("fit", "--example", "--json", "fit.json"), message)
        message = r"^cannot write 'r\.svg': No space left on device$"
        with pytest.raises(OSError, match=message), written_aside("r.svg") as aside:
            aside.write_text("half")
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


class TestWording:
    """What the library says of Python's arguments, the shell says of its options."""

    @pytest.mark.parametrize(
        ("sentence", "in_shell"),
        [
            ("fix or tie them (fixed=, tied=), or", "fix or tie them (--fix, --tie), or"),
            ("allow negative values (real=).", "allow negative values (--real)."),
            ("change `bounds=`", "change --bounds"),
            ("name the columns (by=)", "name the columns (--by)"),
            ("rename it (columns_of=)", "rename it (--input)"),
            ("better one; raise num_starts.", "better one; raise --num-starts."),
            ("Raise num_steps, or fix k (fixed=).", "Raise --num-steps, or fix k (--fix)."),
            ("give it, as in influence(fit, at, noise=5e-4)", "give it, as in --noise 5e-4"),
            ("give it (such as noise=5e-4)", "give it (such as --noise 5e-4)"),
            ("Set ratio=(low, high) if", "Set --ratio low:high if"),
            ("no run is left with min_N=1e+12", "no run is left with --min-N 1e+12"),
            ("give N_unit=1e9 (shell: --N-unit 1e9), or", "give --N-unit 1e9, or"),
            ('say link="logit" in Python or --link logit in the shell', "say --link logit"),
            (
                "fix some, method=LeastSquares(fixed={…}) in Python or --fix A=1 in the shell, or",
                "fix some, --fix A=1, or",
            ),
            ("fit it with `LeastSquares(…)`", "fit it with --method least-squares"),
            ("fit end to end (`LeastSquares()`).", "fit end to end (--method least-squares)."),
            ("such as np.array(…), Forecast()", "such as np.array(…), Forecast()"),
            ("positive losses (link='log'), but", "positive losses (--link log), but"),
            ("continue with it (resume)", "continue with it (--resume)"),
            ("the group seed=3, N=1 was not fitted", "the group seed=3, N=1 was not fitted"),
            ("no finite loss at N=1, D=2", "no finite loss at N=1, D=2"),
        ],
    )
    def test_of_errors_and_warnings(
        self, sentence: str, in_shell: str, example: Fit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        odd = dataclasses.replace(example)
        odd.__dict__["warnings"] = (sentence,)
        monkeypatch.setattr(farseer_jax, "fit", lambda *args: odd)
        monkeypatch.setattr(farseer_jax, "bootstrap", lambda *args, **options: example)
        warned = farseer("bootstrap", "--example")
        assert warned.stdout.endswith(f"\nwarning: {in_shell}\n")
        monkeypatch.setattr(farseer_jax, "bootstrap", refusing(sentence))
        refused(farseer("bootstrap", "--example"), f"Error: {in_shell}\n")

    def test_of_pages(self) -> None:
        found = Section("doubts", "Doubts", [Warnings(["fix it (fixed=)"]), "Add runs, or fix= it"])
        with click.Context(report, click.Context(main)) as context:
            context.meta[COMMAND] = report
            warnings, text = of_the_shell(found).items
        assert warnings == Warnings(["fix it (--fix)"])
        assert text == "Add runs, or fix= it"


def refusing(sentence: str) -> Callable[..., None]:
    """A function of the package that refuses."""
    space: dict[str, Any] = {"__name__": "farseer_jax.made_up", "sentence": sentence}
    exec("def refuse(*args, **options): raise ValueError(sentence)", space)
    found: Callable[..., None] = space["refuse"]
    return found
