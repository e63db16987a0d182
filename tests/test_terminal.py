"""What a terminal shows: colours, narrow tables; and that pipes and files get plain text."""

import io
import os
import re
from dataclasses import replace

import numpy as np
import pytest
from commands import shell

from farseer_jax.cli import terminal
from farseer_jax.cli.output import Output
from farseer_jax.cli.terminal import is_coloured, is_terminal, shown_on
from farseer_jax.results.result import Headline, Result, warned
from farseer_jax.results.table import Column, Table

CODES = re.compile(r"\x1b\[[0-9;]*m")
TABLE = Table(
    [
        Column("law", ["farseer", "chinchilla"], left=True),
        Column("error", [0.001, 0.02], heading="error on larger runs"),
        Column("R²", [0.9, 0.8], secondary=True),
    ],
    best=(0,),
    note="larger runs: those held out",
)


class Stream(io.StringIO):
    """Standard output as a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")


@pytest.mark.parametrize(
    ("stream", "environment", "coloured"),
    [
        (Stream(), {}, True),
        (Stream(), {"NO_COLOR": "1"}, False),
        (Stream(), {"NO_COLOR": ""}, True),
        (Stream(), {"TERM": "dumb"}, False),
        (Stream(), {"FORCE_COLOR": "0"}, False),
        (io.StringIO(), {}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (None, {}, False),
    ],
)
def test_where_colours_are_wanted(
    stream: io.StringIO | None,
    environment: dict[str, str],
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_coloured(stream) == coloured


def test_pipes_and_files_get_the_text_of_print() -> None:
    parts = [Headline("loss: 0.42"), TABLE, warned("a note", ["far beyond the runs"])]
    assert shown_on(io.StringIO(), parts) == "\n\n".join(map(str, parts))


def test_no_color_leaves_no_code_but_fits_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    text = shown_on(Stream(), ["word " * 40, TABLE])
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 60


def test_a_forced_pipe_has_colours_and_its_full_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    line = "word " * 40
    assert CODES.sub("", shown_on(io.StringIO(), [line, TABLE])) == f"{line.strip()}\n\n{TABLE}"


def test_roles_have_their_styles() -> None:
    headline = Headline("loss at N 7 B: 0.42\nthe rest")
    text = shown_on(Stream(), [headline, TABLE, warned("a note", ["too far"]), "Warning: so"])
    assert "loss at N 7 B: \x1b[1m0.42\x1b[0m\nthe rest" in text
    assert "\x1b[33mwarning: too far\x1b[0m" in text
    assert "\x1b[33mWarning: so\x1b[0m" in text
    assert "\x1b[32mfarseer" in text
    assert "chinchilla" in text
    assert "\x1b[32mchinchilla" not in text
    assert "\x1b[2m" in text  # the secondary column, the rule and the note
    plain = shown_on(io.StringIO(), [headline, TABLE, warned("a note", ["too far"]), "Warning: so"])
    assert [own.rstrip() for own in CODES.sub("", text).splitlines()] == plain.splitlines()


def test_a_headline_without_a_number_is_bold_as_a_whole() -> None:
    text = shown_on(Stream(), [Headline("farseer is best: its error is small\nmore")])
    assert text == "\x1b[1mfarseer is best: its error is small\x1b[0m\nmore"


def test_a_wide_table_gets_headings_in_lines_then_blocks_of_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    lines = shown_on(Stream(), [TABLE]).splitlines()
    assert len(lines) == 5  # 46 columns of the terminal: as in a file
    monkeypatch.setenv("COLUMNS", "40")
    longer = replace(TABLE, columns=[*TABLE.columns, Column("x", [1.0, 2.0])])
    text = shown_on(Stream(), [longer])
    assert "error on larger runs" in str(longer)
    assert "error on larger runs" not in text
    assert len(text.splitlines()) == 7  # three lines of heading, a rule, two rows, a note
    wide = Table([Column(f"a long name {i}", [12345.0 + i, 1.0]) for i in range(12)])
    text = shown_on(Stream(), [wide])
    assert max(map(len, text.splitlines())) <= 40
    assert [text.count(f"{12345 + i}") for i in range(1, 12)] == [1] * 11
    assert text.count("12345") == text.count("──\n")  # the first column begins each block


def test_quantities_stay_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    for shift in range(30):
        text = shown_on(Stream(), ["x" * shift + " ranges from N 6.37 B to 512 B in 90 % of runs"])
        assert {"N 6.37 B", "512 B", "90 %"} <= {
            found
            for line in text.splitlines()
            for found in re.findall(r"N 6.37 B|512 B|90 %", line)
        }


def test_text_in_cells_is_wrapped_and_aligned_lines_break_between_their_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    words = "the loss of the runs that were held out " * 3
    text = shown_on(Stream(), [Table([Column("n", [1.0]), Column("why", [words], left=True)])])
    assert max(map(len, text.splitlines())) <= 60
    assert " ".join(text.split()).count("the loss of") == 3
    line = "A = exp(a1 N + b1)  a1 = -3.27457    alpha = 0.0317939  b1 = 5.14824"
    assert shown_on(Stream(), [line]) == line.replace("  b1", "\n  b1")
    options = "it needs --drop-missing or " * 4
    assert shown_on(Stream(), [options]).count("--drop-missing") == 4


def test_commands_are_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    command = "  farseer fit runs.csv --law " + "x" * 60 + " --json fit.json"
    assert shown_on(Stream(), [f"try next\n{command}"]) == f"try next\n{command}"


class Two(Result):
    """A result whose text ends with a table."""

    def table(self) -> Table:
        return TABLE


def test_warnings_of_a_fit_come_directly_under_the_last_part() -> None:
    plain = "\n\n".join(
        map(str, Output(Two(), warnings=["fix it (fixed=)"], above=["first"]).parts())
    )
    assert plain == f"first\n\n{TABLE}\nwarning: fix it (fixed=)"


def test_the_order_of_selected_rows_keeps_the_best() -> None:
    assert TABLE.at([1, 0]).best == (1,)
    assert TABLE.at([1]).best == ()
    assert Table([Column("x", np.arange(3))]).best == ()


def test_a_closed_or_missing_stream_is_no_terminal() -> None:
    closed = Stream()
    closed.close()
    assert not is_terminal(closed)
    assert terminal.styled("text", closed, fg="red") == "text"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals")
@pytest.mark.parametrize(("name", "coloured"), [("TERM", True), ("NO_COLOR", False)])
def test_a_real_terminal(name: str, coloured: bool) -> None:
    """An error in a process whose streams are a pseudo-terminal."""
    reader, writer = os.openpty()
    streams = {"stdin": writer, "stdout": writer, "stderr": writer}
    shell("fit", "--exmple", env={name: "xterm"}, **streams)
    os.write(writer, b"END")
    text = b""
    while not text.endswith(b"END"):
        text += os.read(reader, 4096)
    os.close(reader)
    os.close(writer)
    shown = text.decode()
    assert "No such option" in shown
    assert ("\x1b[31m\x1b[1mError:\x1b[0m" in shown) == coloured
    assert bool(CODES.search(shown)) == coloured
