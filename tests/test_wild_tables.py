"""Tables as people have them: read right, or refused with the command that reads them."""

import itertools
import json
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
from commands import farseer, shell
from wild_tables import (
    CASES,
    arms,
    example_ladder,
    real_ladder,
    rows_of,
    true_rows,
    truth_of,
    wandb,
    wandb_checkpoints,
    ways_to_read,
)

import farseer_jax as fj

QUICK = ("--law", "kaplan", "--json", "fit.json")


@pytest.fixture(scope="module", params=["example", "real"])
def ladder(request: pytest.FixtureRequest) -> pd.DataFrame:
    """Runs whose N, D and loss are known."""
    if request.param == "example":
        return example_ladder()
    return real_ladder(request.getfixturevalue("shared_data"))


def commands_of(message: str) -> list[list[str]]:
    """The words of each command that a message proposes."""
    return [
        shlex.split(command)
        for line, command in itertools.pairwise(message.splitlines())
        if re.fullmatch(r"This reads it.*:", line)
    ]


def fitted() -> list[list[tuple[float, ...]]]:
    """The runs of each fit in ``fit.json``."""
    content = json.loads(Path("fit.json").read_text())
    fits = [content] if "runs" in content else content["fits"]
    return [rows_of(*(fit["runs"][name] for name in ("N", "D", "loss"))) for fit in fits]


@pytest.mark.parametrize("name", CASES)
def test_read_in_python(name: str, ladder: pd.DataFrame) -> None:
    wild = CASES[name](ladder)
    found, said = ways_to_read(wild.table)
    assert true_rows(wild.truth) in found, said
    assert wild.word in said


@pytest.mark.parametrize("name", CASES)
def test_read_by_the_shell(name: str, folder: Path) -> None:
    wild = CASES[name](example_ladder())
    result = farseer("fit", wild.file(folder).name, *QUICK)
    assert wild.word in result.stderr
    if result.exit_code == 0:
        assert fitted() == [true_rows(wild.truth)]
        return
    found = []
    for program, *words in commands_of(result.stderr):
        assert program == "farseer"
        again = farseer(*words)
        assert again.exit_code in (0, 2), again.stderr  # 2: the law cannot give losses below 0
        found += fitted() if again.exit_code == 0 else []
    assert true_rows(wild.truth) in found


def test_six_arms_are_fitted_by_arm_or_one_of_them(ladder: pd.DataFrame, folder: Path) -> None:
    wild = arms(ladder)
    truth = [true_rows(truth_of(ladder, loss=ladder.loss * (1.0 + 0.01 * at))) for at in range(6)]
    with pytest.raises(fj.TableError, match=wild.word) as caught:
        fj.fit(fj.Kaplan, wild.table)
    by, where = caught.value.ways
    fits = fj.fit(fj.Kaplan, wild.table, **by.options)
    assert [rows_of(fit.runs.N, fit.runs.D, fit.runs.loss) for fit in fits] == truth
    one = fj.fit(fj.Kaplan, fj.read_table(wild.table, **where.options)).runs
    assert rows_of(one.N, one.D, one.loss) == truth[0]

    first, second = commands_of(farseer("fit", wild.file(folder).name, *QUICK).stderr)
    for command, expected in ((first, truth), (second, truth[:1])):
        assert farseer(*command[1:]).exit_code == 0
        assert fitted() == expected


def test_runs_of_checkpoints_are_read_and_their_fit_warns() -> None:
    wild = wandb_checkpoints(example_ladder())
    runs = fj.read_runs(wild.table)
    assert "checkpoints" in fj.fit(fj.Kaplan, runs).warnings[0]


def test_a_pipe_is_read(folder: Path) -> None:
    wild = wandb(example_ladder())
    with wild.file(folder).open() as table:
        result = shell("fit", "-", *QUICK, stdin=table)
    assert result.returncode == 0
    assert wild.word in result.stderr
    assert fitted() == [true_rows(wild.truth)]


@pytest.mark.parametrize("options", [{}, {"D": "epochs"}])
def test_epochs_without_their_tokens_are_refused_with_what_is_needed(
    options: dict[str, str],
) -> None:
    table = {"N": [1e8, 2e8, 4e8], "epochs": [1, 2, 4], "loss": [3.0, 2.9, 2.8]}
    with pytest.raises(fj.TableError, match="multiply it by the tokens per epoch") as caught:
        fj.read_runs(table, **options)
    assert caught.value.ways == ()
    assert fj.read_runs(table, derive="D = epochs*2e9").D.tolist() == [2e9, 4e9, 8e9]
