"""The shell where nothing is as usual: no home, read-only folders, ASCII, narrow terminals."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import farseer

import farseer_jax as fj
from farseer_jax.cli.terminal import shown_on
from farseer_jax.results.files import written_aside

# One process for all commands, in the place that refuses files even to the superuser.
ALL = """
import sys
from farseer_jax.cli import main
for line in {lines!r}:
    try:
        main(line.split(), prog_name="farseer")
    except SystemExit as end:
        print(end.code, line, file=sys.stderr)
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no folder that refuses files")
def test_no_home_no_cache_no_letters_no_input(fit_file: Path, tmp_path: Path) -> None:
    figure = tmp_path / "fit.svg"
    lines = [
        "--help",
        "fit --example",
        f"predict {fit_file} --N 25.1e9 --D 5e11",
        f"allocate {fit_file} --compute 1e20:1e24",
        f"compare {fit_file} {fit_file}",
        f"plot fit {fit_file} --save {figure}",
        "completion bash",
    ]
    environment = {
        "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "LANG": "C", "TERM": "dumb", "COLUMNS": "20",
        "HOME": "/proc/none", "XDG_CACHE_HOME": "/proc/none", "XDG_CONFIG_HOME": "/proc/none",
        "TMPDIR": "/nowhere", "TZ": "Pacific/Kiritimati", "FARSEER_NO_CACHE": "0",
        "PYTHONPATH": str(Path(fj.__file__).parents[1]),
    }  # fmt: skip
    options = ("-O", "-s", "-W", "error", "-c", ALL.format(lines=lines))
    result = redirected("<&-", *options, env=environment, cwd="/proc", umask=0o077)
    said = result.stderr.splitlines()
    assert [line for line in said if line.startswith("0 ")] == [f"0 {line}" for line in lines]
    assert len(said) == len(lines) + 1  # and that the figure was written
    assert result.stdout.isascii()
    assert figure.stat().st_mode & 0o777 == 0o600


def redirected(how: str, *arguments: object, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Python with a stream that a shell has closed or redirected."""
    environment = {**os.environ, "FARSEER_NO_CACHE": "1", **settings.pop("env", {})}
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {how}', "sh", sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=False,
        **settings,
    )


class Terminal(io.StringIO):
    """Standard output as a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", ["", "0", "20", "60", "300", "many"])
def test_terminals_of_any_width(
    columns: str, example: fj.Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("NO_COLOR", "1")
    text = shown_on(Terminal(), example.text_parts())
    shown, printed = (set(own.replace("─", "").split()) for own in (text, str(example)))
    assert printed <= shown  # words; a narrow table repeats its first column
    lines = [line for line in text.splitlines() if " " in line.strip()]
    if columns == "60":
        assert max(map(len, lines)) <= 60


@pytest.mark.parametrize("name", ["two words.json", 'it\'s "so".json', "a\nb.json", "🎲 L(N).json"])
def test_names_of_files(name: str, fit_file: Path, folder: Path) -> None:
    result = farseer("predict", fit_file, "--N", "1e9", "--D", "1e11", "--json", name)
    assert (result.exit_code, os.listdir()) == (0, [name])
    again = farseer("predict", name, "--N", "1e9", "--D", "1e11")  # predictions, not a fit
    assert again.exit_code == 2
    assert name.replace("\n", " ") in again.stderr


def test_a_link_stays_and_what_it_names_is_replaced(fit_file: Path, folder: Path) -> None:
    Path("real.json").write_text("old")
    Path("link.json").symlink_to("real.json")
    farseer("predict", fit_file, "--N", "1e9", "--D", "1e11", "--json", "link.json")
    assert Path("link.json").is_symlink()
    assert "predicted" in Path("real.json").read_text()


def test_names_as_long_as_can_be(folder: Path) -> None:
    name = "é" * 125 + ".json"  # 255 bytes
    with written_aside(name) as aside:
        aside.write_text("{}")
    assert os.listdir() == [name]
    with pytest.raises(OSError, match="File name too long"), written_aside("x" * 256):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="no such shell")
def test_closed_output(fit_file: Path) -> None:
    command = ("-m", "farseer_jax.cli", "predict", fit_file, "--N", "1e9", "--D", "1e11")
    result = redirected(">&-", *command)
    assert (result.returncode, result.stderr) == (0, "")
