"""Progress: silent unless asked for, counted once, the same fits with it and without."""

import io

import jax
import numpy as np
import pytest
from rich.console import Console

import farseer_jax as fj
from farseer_jax.methods.method import SolvedBatch
from farseer_jax.runtime import progress as _progress

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


@pytest.fixture
def reported(monkeypatch):
    """Collects what is reported, in place of a bar."""
    found = []
    monkeypatch.setattr(
        _progress, "_shown_on", lambda bar: lambda done, total: found.append((done, total))
    )
    return found


def kaplan(method=METHOD):
    return fj.fit(fj.Kaplan, fj.example_runs(), method)


def refits():
    runs = fj.example_runs()
    return fj.fit_batch(fj.Kaplan, runs, weights=np.ones((70, len(runs))), method=Copying())


def recorded(*, force_terminal, fits=(kaplan,)):
    console = Console(file=io.StringIO(), force_terminal=force_terminal, width=100)
    with fj.progress_bar(console):
        for fit in fits:
            fit()
    return console.file.getvalue()


def test_the_bar_shows_count_rate_and_time():
    last = recorded(force_terminal=True).split("\r")[-1]
    assert "16/16" in last
    assert "/s, took 0:00:" in last


def test_each_fit_begins_the_bar_anew():
    text = recorded(force_terminal=True, fits=(kaplan, refits))
    assert "0/16" in text
    assert text.split("\r")[-1].count("━") > 1
    assert "70/70" in text.split("\r")[-1]
    assert "16/16" not in text.split("\r")[-1]


def test_nothing_is_shown_where_there_is_no_terminal(capfd):
    assert recorded(force_terminal=False) == ""
    with fj.progress_bar():  # standard error of a test is none
        kaplan()
    kaplan()
    assert capfd.readouterr() == ("", "")


def test_pace():
    assert _progress._pace(500, 2_000, 0.25) == "2,000/s, 0:00:01 left"
    assert _progress._pace(1, 61, 60.0) == "0.017/s, 1:00:00 left"
    assert _progress._pace(64, 64, 4.0) == "16/s, took 0:00:04"


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
