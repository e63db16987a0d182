"""Progress: silent unless asked for, counted once, the same fits with it and without."""

import io
import re
import time

import jax
import numpy as np
import pytest
from rich.console import Console

import farseer_jax as fj
from farseer_jax.methods.method import SolvedBatch
from farseer_jax.runtime import progress as _progress

CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
METHOD = fj.Restarts(num_starts=16, num_steps=300)


class Copying:
    """A method that finds the same law for each refit, and says so once too often."""

    name = "copying"

    def prepare(self, law, runs):
        return law(*np.ones(4))

    def fit_one(self, design, losses, weights):
        raise NotImplementedError

    def fit_block(self, design, losses, weights):
        _progress.report(0, 1)
        num = len(losses)
        law = jax.tree.map(lambda leaf: np.full(num, leaf), design)
        return SolvedBatch(law, np.zeros(num, dtype=int), np.zeros(num))

    def to_dict(self):
        return {}


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def reported(monkeypatch):
    """Collects what is reported, in place of a bar."""
    found = []
    monkeypatch.setattr(
        _progress._Display, "count", lambda _, done, total: found.append((done, total))
    )
    return found


def kaplan(method=METHOD):
    return fj.fit(fj.Kaplan, fj.example_runs(), method)


def refits():
    runs = fj.example_runs()
    return fj.fit_batch(fj.Kaplan, runs, weights=np.ones((70, len(runs))), method=Copying())


def recorded(compute, *, force_terminal=True, after=0.0, width=100, to_the_end=True):
    """What is drawn; the bar is on the console as soon as the block begins."""
    console = Console(file=io.StringIO(), force_terminal=force_terminal, width=width)
    with fj.progress_bar(console, after=after):
        if not after:
            _progress._display.get().appear()
        compute()
        during = console.file.getvalue()
    return console.file.getvalue() if to_the_end else during


def drawn_lines(compute, **options):
    """The bar after each draw, without codes."""
    text = CODES.sub("", recorded(compute, to_the_end=False, **options))
    return [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]


def drawing(done, total):
    """Report, and draw at once."""
    _progress.report(done, total)
    _progress._display.get()._bar.refresh()


def test_the_bar_shows_name_count_rate_and_time():
    def compute():
        with _progress.stage("fitting kaplan"):
            drawing(0, 16)
            time.sleep(0.01)
            drawing(8, 16)

    lines = drawn_lines(compute)
    assert lines[0].startswith("computing ━")
    assert any(re.fullmatch(r"fitting kaplan +━+ +0/16 0:00:00", line) for line in lines)
    assert re.fullmatch(r"fitting kaplan +━+[╸╺]?━+ +8/16 [\d,]+/s, 0:00:00 left", lines[-1])


def test_each_count_begins_anew_and_a_complete_one_is_no_more_shown():
    def compute():
        drawing(70, 70)
        drawing(0, 16)

    lines = drawn_lines(compute)
    assert not any("70/70" in line for line in lines)
    assert "0/16" in lines[-1]


def test_it_is_gone_when_finished_and_the_cursor_is_back():
    text = recorded(lambda: drawing(1, 2))
    assert text.rpartition("left")[2].endswith("\x1b[2K")
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1


def test_it_appears_only_after_a_while_and_not_after_the_end():
    assert recorded(lambda: _progress.report(0, 2), after=60.0) == ""
    text = recorded(lambda: time.sleep(0.2), after=0.05)
    assert "computing" in text


def test_items_are_counted_whatever_they_report_themselves():
    def compute():
        for _ in _progress.in_stages("fitting laws", ["a", "b"]):
            with _progress.stage("fitting one"):
                drawing(0, 64)

    lines = drawn_lines(compute)
    assert not any("64" in line or "one" in line for line in lines)
    assert any(line.startswith("fitting laws") and "0/2" in line for line in lines)
    assert "1/2" in lines[-1]
    assert list(_progress.in_stages("without a bar", ["a", "b"])) == ["a", "b"]


def test_a_stage_ends_with_an_error_and_is_not_shown_where_reports_are_suppressed():
    def compute():
        with pytest.raises(ZeroDivisionError), _progress.stage("failing"):
            raise ZeroDivisionError
        with _progress.unreported(), _progress.stage("hidden"):
            drawing(0, 5)

    lines = drawn_lines(compute)
    assert all(line.startswith("computing") for line in lines)


def test_compilation_is_named():
    shown = []

    def compute():
        display = _progress._display.get()
        draw = display._drawn
        with _progress.stage("fitting"):
            assert _progress._watch_compilations.cache_info().currsize == 1
            compiled = jax.jit(lambda x: x + len(shown) + 123.0).lower(1.0)
            shown.append(Console(file=io.StringIO(), width=90))
            shown[0].print(draw())
            compiled.compile()
            shown.append(Console(file=io.StringIO(), width=90))
            shown[1].print(draw())

    recorded(compute)
    during, after = (console.file.getvalue() for console in shown)
    assert "fitting, compiling …" in during
    assert "compiling" not in after


def test_a_narrow_terminal_gets_one_line():
    lines = drawn_lines(lambda: drawing(8, 16), width=50)
    assert max(map(len, lines)) <= 50
    assert "8/16" in lines[-1]


def test_nothing_is_shown_where_there_is_no_terminal(capfd, monkeypatch):
    assert recorded(kaplan, force_terminal=False, after=1e-3) == ""
    monkeypatch.setenv("FORCE_COLOR", "1")  # colours in a file, but no bar
    with fj.progress_bar(after=1e-3):  # standard error of a test is none
        kaplan()
    assert capfd.readouterr() == ("", "")


def test_pace():
    def pace(done, total, seconds, since=0.0):
        own = _progress._Stage("", done, total, begin=0.0, reported=seconds)
        return own.pace(seconds + since)

    assert pace(500, 2_000, 0.25) == "2,000/s, 0:00:01 left"
    assert pace(1, 61, 60.0) == "0.017/s, 1:00:00 left"
    assert pace(1, 61, 60.0, since=600.0) == "0.017/s, 0:50:00 left"
    assert pace(1, 2, 1.0, since=600.0) == "1/s, 0:00:00 left"
    assert pace(0, 64, 4.0) == pace(0, None, 4.0) == pace(64, 64, 4.0) == "0:00:04"


def test_restarts_report_each_chunk(reported, monkeypatch):
    from farseer_jax.methods.restarts import solve as _solve

    monkeypatch.setattr(_solve, "_WIDTHS", {"cpu": (16,)})
    monkeypatch.setattr(_solve, "_ROUNDS", 1)
    with fj.progress_bar():
        kaplan(fj.Restarts(num_starts=40, num_steps=300))
    assert reported == [(0, 40), (16, 40), (32, 40), (40, 40)]


def test_a_batch_counts_its_refits_and_not_what_each_of_them_does(reported):
    """The blocks run in threads, which know of the bar."""
    with fj.progress_bar():
        assert len(refits()) == 70
    assert reported == [(0, 70), (32, 70), (64, 70), (70, 70)]


def test_reports_end_with_the_block_and_with_errors(reported):
    def fail():
        with fj.progress_bar():
            _progress.report(0, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    _progress.report(1, 1)
    assert reported == [(0, 1)]


def test_a_bar_changes_no_digit(reported):
    with fj.progress_bar():
        shown = kaplan()
    assert reported[-1] == (16, 16)
    assert shown.predict(1e9, 1e11) == kaplan().predict(1e9, 1e11)
