"""Tab completion: what it offers, and its installation."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import CompletionItem, ShellComplete
from commands import farseer, refused, write

import farseer_jax
from farseer_jax.cli import main
from farseer_jax.cli.completed_values import column_names, completer
from farseer_jax.cli.model import LAWS
from farseer_jax.cli.shell import COMMANDS


def items(line: str) -> list[CompletionItem]:
    """What a shell offers for the last word of a line."""
    *words, last = line.split(" ")
    return ShellComplete(main, {}, "farseer", "_FARSEER_COMPLETE").get_completions(words, last)


def offered(line: str) -> list[str]:
    return [item.value for item in items(line)]


@pytest.fixture
def runs(folder: Path) -> str:
    write("runs.csv", n_params=[1e8], tokens=[1e9], loss=[3.0], **{"val loss": [2.0]}, arm=["a"])
    return "runs.csv"


def test_commands_and_options() -> None:
    assert offered("") == sorted(COMMANDS)
    assert offered("fo") == ["forecast"]
    assert offered("fit --la") == ["--last-by", "--law"]
    assert offered("bootstrap --scheme jack") == ["jackknife-runs", "jackknife-sizes"]


def test_names() -> None:
    assert offered("fit --law ") == [*LAWS, "auto"]
    assert offered("fit --link log") == ["log", "logit"]
    assert offered("extrapolate --example --law fo") == ["forecast"]
    assert offered("fit --law E+A/N**al") == []


def test_files() -> None:
    for line in ("fit ", "fit --json ", "forecast --on ", "allocate --architecture ", "compare a "):
        assert [item.type for item in items(line)] == ["file"], line


def test_columns_of_the_table(runs: str) -> None:
    for line in (f"fit {runs} --loss ", f"fit {runs} --law kaplan --loss ", f"inspect {runs} --N "):
        assert offered(line) == ["n_params", "tokens", "loss", "arm"], line
    assert offered(f"fit {runs} --by a") == ["arm"]
    assert offered(f"fit {runs} --by arm,t") == ["arm,tokens"]
    assert offered(f"fit {runs} --by arm,") == ["arm,n_params", "arm,tokens", "arm,loss"]
    assert offered(f"compare {runs} --by ar") == ["arm"]
    assert offered("fit --by ") == []


def test_what_cannot_be_read_offers_nothing(folder: Path) -> None:
    (folder / "noise.csv").write_bytes(bytes(range(256)))
    for name in ("noise.csv", "missing.csv", "wandb:entity/project", "."):
        assert column_names(Path(name)) == []
    assert completer("NUMBER") is None
    assert completer(None) is None


@pytest.fixture
def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    return folder


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_installed_once_and_removed_again(home: Path, shell: str) -> None:
    startup, script = home / f".{shell}rc", home / f".local/share/farseer_jax/completion.{shell}"
    startup.write_bytes(b"alias x='caf\xe9'\nno newline at the end")
    startup.chmod(0o600)
    first = farseer("completion", shell, "--install")
    assert (first.exit_code, first.stderr) == (0, "")
    for part in (str(script), str(startup), f"farseer completion {shell} --uninstall"):
        assert part in first.stdout
    assert startup.read_bytes().startswith(b"alias x='caf\xe9'\nno newline at the end\n[ -r ")
    assert startup.stat().st_mode & 0o777 == 0o600
    assert "_FARSEER_COMPLETE" in script.read_text()
    written = startup.read_bytes()
    second = farseer("completion", shell, "--install")
    assert "up to date" in second.stdout
    assert "already loads it" in second.stdout
    assert startup.read_bytes() == written
    assert "Removed" in farseer("completion", shell, "--uninstall").stdout
    assert startup.read_bytes() == b"alias x='caf\xe9'\nno newline at the end\n"
    assert not script.exists()
    assert farseer("completion", shell, "--uninstall").stdout.startswith("Nothing to remove")


def test_a_moved_script_replaces_its_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    farseer("completion", "bash", "--install")
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    farseer("completion", "bash", "--install")
    (line,) = (home / ".bashrc").read_text().splitlines()
    assert str(home / "data") in line


def test_fish_finds_its_script_by_itself(home: Path) -> None:
    farseer("completion", "fish", "--install")
    assert (home / ".config/fish/completions/farseer.fish").exists()
    assert [path.name for path in home.iterdir()] == [".config"]


def test_the_shell_is_that_of_the_user(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/zsh")
    assert farseer("completion").stdout == farseer("completion", "zsh").stdout
    assert "compdef" in farseer("completion").stdout
    monkeypatch.setenv("SHELL", "/bin/csh")
    refused(farseer("completion"), "unknown shell: name it", "bash|zsh|fish")
    refused(farseer("completion", "bahs"), "Did you mean 'bash'?")
    refused(farseer("completion", "bash", "--install", "--uninstall"), "leave one of them out")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes(home: Path, runs: str) -> None:
    program = home / "farseer"
    code = "from farseer_jax.cli import main; main(prog_name='farseer')"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$@"\n')
    program.chmod(0o700)
    farseer("completion", "bash", "--install")
    line = f"farseer fit {runs} --loss l"
    ask = (
        f". ~/.bashrc; PATH=$PWD:$PATH; COMP_WORDS=({line}); COMP_CWORD=4; "
        "_farseer_completion farseer; echo ${COMPREPLY[@]}"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(farseer_jax.__file__).parents[1])}
    found = subprocess.run(
        ["bash", "--norc", "-c", ask],
        capture_output=True,
        text=True,
        cwd=home,
        env=environment,
        check=False,
    )
    assert (found.stdout, found.stderr) == ("loss\n", "")


def test_every_option_with_a_file_or_column_is_completed() -> None:
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        for param in command.params:
            if str(param.metavar).split("|")[0] in ("FILE", "COLUMN") and isinstance(
                param, click.Option
            ):
                kinds = param.type.shell_complete(click.Context(command), param, "")
                assert param._custom_shell_complete or kinds, (name, param.name)
