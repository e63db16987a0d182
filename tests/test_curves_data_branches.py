"""Curves that continue others: logged from the fork on, or with the losses of their parent."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import farseer_jax as fj
from farseer_jax.cli.errors import in_options

TRUNK = "constant steps=8000 peak=0.0003 warmup=400"
ANNEAL = "wsd steps=6000 peak=0.0003 decay=2000 warmup=400"


def table(run: str, text: str, begin: int = 50, seed: int = 0, **others: float) -> pd.DataFrame:
    """A run logged every 50 steps."""
    schedule = fj.Schedule.parse(text)
    step = np.arange(begin, schedule.steps + 1, 50)
    noise = 1e-3 * np.random.default_rng(seed).standard_normal(len(step))
    loss = (2.5 + 6.0 * step**-0.3) * np.exp(noise)
    return pd.DataFrame({"run": run, "step": step, "lr": schedule.at(step), "loss": loss, **others})


def joined(*tables: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)


FORK = 4_050
LATE = joined(table("trunk", TRUNK), table("anneal", ANNEAL, FORK, seed=1))


@pytest.mark.parametrize("every", [1, 2])
def test_a_branch_has_the_schedule_of_its_parent_before_the_fork(every: int) -> None:
    logged = LATE[(LATE.run == "anneal") | (LATE.step % (50 * every) == 0)]
    curves = fj.read_curves(logged, branches={"anneal": "trunk"})
    assert str(curves["anneal"].schedule) == ANNEAL
    assert int(curves["anneal"].steps[0]) == FORK
    assert "curve anneal: its learning rate before step 4,050 is that of 'trunk'" in curves.notes


def test_a_branch_of_a_branch_and_of_a_given_schedule() -> None:
    again = "constant steps=9000 peak=0.0003 warmup=400; decay at=7000 over=1000"
    both = joined(LATE, table("again", again, 7_050, seed=2))
    both = both[(both.run != "trunk") | (both.step <= 7_000)]
    curves = fj.read_curves(both, branches={"again": "trunk", "anneal": "trunk"})
    assert str(curves["again"].schedule) == "wsd steps=8000 peak=0.0003 decay=1000 warmup=400"
    first = joined(both[both.run != "anneal"], table("mid", TRUNK, 6_050))
    first = first[(first.run != "trunk") | (first.step <= 6_000)]
    chained = fj.read_curves(first, branches={"again": "mid", "mid": "trunk"})
    assert chained["again"].schedule == curves["again"].schedule
    names = {"anneal": "trunk", "again": "trunk"}
    given = fj.read_curves(both, schedule={"trunk": TRUNK}, branches=names)
    assert given["anneal"].schedule == curves["anneal"].schedule


def test_a_branch_without_its_parent_is_refused_with_both_remedies() -> None:
    with pytest.raises(ValueError, match="begins at step 4,050 with the learning rate") as error:
        fj.read_curves(LATE)
    sentence = str(error.value)
    assert "if it continues 'trunk', give branches={'anneal': 'trunk'}" in sentence
    assert "otherwise its schedule, schedule={'anneal': '…'}" in sentence
    shell = in_options(sentence)
    assert "give --branch 'anneal=trunk'; otherwise its schedule, --schedule 'anneal: …'" in shell
    cosine = table("cosine", "cosine steps=8000 peak=0.0003 warmup=400", seed=3)
    with pytest.raises(ValueError, match="if it continues 'trunk'"):  # which is at its peak there
        fj.read_curves(joined(LATE, cosine))
    with pytest.raises(ValueError, match="continues a run that is not here, add that run and give"):
        fj.read_curves(joined(cosine.assign(N=1e8), table("anneal", ANNEAL, FORK, N=2e8)), warmup=9)


def test_late_logs_whose_beginning_is_known_are_read() -> None:
    cosine = "cosine steps=8000 peak=0.0003 warmup=400"
    late = joined(table("trunk", TRUNK), table("cosine", cosine, 4_000, seed=1))
    assert str(fj.read_curves(late)["cosine"].schedule) == cosine
    same = joined(table("trunk", TRUNK), table("anneal", ANNEAL, 3_000, seed=1))
    assert fj.read_curves(same)["anneal"].schedule.rates[2_000] == 3e-4
    linear = fj.read_curves(table("a", "linear steps=8000 peak=0.0003", 4_000), warmup=400)
    assert "inferred from what follows" in linear.warnings[0]


@pytest.mark.parametrize(
    ("branches", "words"),
    [
        ({"anneal": "trnk"}, "branches: unknown curve 'trnk'; did you mean 'trunk'"),
        ({"anneal": "trunk", "trunk": "anneal"}, "'anneal' continues itself"),
        ({"trunk": "anneal"}, "'trunk' begins at step 50, and 'anneal', .*does not begin before"),
    ],
)
def test_refused_branches(branches: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fj.read_curves(LATE, branches=branches)


def test_a_parent_must_reach_the_fork() -> None:
    short = LATE[(LATE.run != "trunk") | (LATE.step <= 3_000)]
    with pytest.raises(
        ValueError, match=r"begins at step 4,050, and 'trunk', .*ends at step 3,000"
    ):
        fj.read_curves(short, branches={"anneal": "trunk"})
    with pytest.raises(ValueError, match=r"'anneal' has a schedule too \(schedule=\)"):
        fj.read_curves(LATE, branches={"anneal": "trunk"}, schedule={"anneal": ANNEAL})
    with pytest.raises(ValueError, match="schedule and branches are both given"):
        fj.read_curves(LATE, branches={"anneal": "trunk"}, schedule=ANNEAL)


def test_a_schedule_for_some_curves_beside_a_column() -> None:
    curves = fj.read_curves(LATE, schedule={"anneal": ANNEAL}, lr="lr")
    assert [str(own.schedule) for own in curves] == [TRUNK, ANNEAL]
    without = LATE.drop(columns="lr")
    with pytest.raises(ValueError, match="none is given for curve 'trunk', only for anneal"):
        fj.read_curves(without, schedule={"anneal": ANNEAL})


def test_losses_that_a_branch_shares_with_its_parent_count_once() -> None:
    """Also where the parent is the shorter one, and with a branch of another fork."""
    late = "wsd steps=9000 peak=0.0003 decay=2000 warmup=400"
    tables = {name: table(name, text) for name, text in {"anneal": ANNEAL, "late": late}.items()}
    trunk = table("trunk", TRUNK)
    for own, fork in ((tables["anneal"], 4_000), (tables["late"], 7_000)):
        is_own = own.step > fork
        own.loss = np.where(is_own, own.loss * 0.99, 0.0)
        own.loc[~is_own, "loss"] = trunk.loss[: (~is_own).sum()].to_numpy()
    curves = fj.read_curves(joined(tables["anneal"], trunk, tables["late"]))
    once = curves.thinned(1_000)
    assert [int(own.steps[0]) for own in once] == [4_050, 400, 7_050]
    assert [len(own) for own in once] == [40, 153, 40]
    assert curves.select(["anneal", "late"]).thinned(1_000).curves[0].steps[0] == 4_050
    assert len(curves.select("anneal").thinned(1_000)[0]) == len(curves["anneal"]) == 113
    assert str(curves["anneal"].schedule) == ANNEAL
    note = "curve anneal: the first 73 losses, up to step 4,000, are those of 'trunk', and count"
    assert any(own.startswith(note) for own in curves.notes)


def test_copies_of_a_curve_are_warned_about() -> None:
    curves = fj.read_curves(joined(table("a", TRUNK), table("b", TRUNK)))
    assert "curve b: all its losses are those of 'a'; leave one of them out" in curves.warnings
    once = curves.thinned(1_000)
    assert len(once["a"]) == len(once["b"]) == 153


@pytest.fixture(scope="module")
def real(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "named_inputs" / "schedule_curves.csv")


@pytest.mark.parametrize("warmup", [None, 2160])
def test_a_real_branch_logged_from_its_fork_on(real: pd.DataFrame, warmup: int | None) -> None:
    own = real[real.N_million == 25]
    whole = fj.read_curves(own, run="curve", warmup=2160)
    late = own[(own.curve != "wsdcon_9") | (own.step >= 8_000)]
    options: dict[str, Any] = {"run": "curve", "warmup": warmup}
    curves = fj.read_curves(late, **options, branches={"wsdcon_9": "constant_24000"})
    assert [a.schedule for a in curves] == [b.schedule for b in whole]
    with pytest.raises(ValueError, match=r"branches=\{'wsdcon_9': 'constant_24000'\}"):
        fj.read_curves(late, **options)


def test_real_branches_share_rows_with_their_parents_to_the_digit(real: pd.DataFrame) -> None:
    curves = fj.read_curves(real, run="N_million,curve", warmup=2160)
    once = curves.thinned(1_000)
    firsts = {size: int(once[f"{size} wsdcon_9"].steps[0]) for size in (25, 100, 400)}
    assert firsts[25] < 2_200
    assert firsts[100] >= 8_000 <= firsts[400]
    for size in (100, 400):
        note = f"curve {size} wsdcon_9: the first 46 losses, up to step 7,936, are those of"
        assert any(own.startswith(note) for own in curves.notes)
