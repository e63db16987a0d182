"""The shell in a process of its own: signals, pipes, and how it sets JAX up."""

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import shell

from farseer_jax import Fit
from farseer_jax.cli import jax_settings


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
from farseer_jax.runs import read_table as read
def read_table(path, **options):
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
from farseer_jax.runs import read_table as read
def read_table(path, **options):
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
        for refits, flags in ((False, jax_settings.QUICK_FLAGS), (True, jax_settings.REFIT_FLAGS)):
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
