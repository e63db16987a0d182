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


TRUE = {"N": [1e8, 2e8, 4e8], "D": [2e9, 4e9, 8e9], "loss": [3.4, 3.1, 2.9]}
ALL = {"N": [1.5e8, 2.6e8, 4.8e8]}  # with the embedding


def by_the_command(table: dict[str, list[object]], word: str, place: int = 0) -> fj.Runs:
    """The runs of a refused table, as one of the proposed options reads it."""
    with pytest.raises(fj.TableError, match=word) as caught:
        fj.read_runs(table)
    return fj.read_runs(table, **caught.value.ways[place].options)


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"N": [1, 2, 3], "params": TRUE["N"], "D": TRUE["D"]}, "does not look like N"),
        ({"N": TRUE["N"], "D": [512, 768, 1024], "tokens": TRUE["D"]}, "does not look like D"),
        ({"size": ["100M", "200M", "400M"], "n_params": TRUE["N"], "D": TRUE["D"]}, "say which"),
        ({"params": ALL["N"], "params_non_emb": TRUE["N"], "D": TRUE["D"]}, "say which"),
        ({"N": TRUE["N"], "budget_BT": [2, 4, 8], "tokens": TRUE["D"]}, "say which"),
        ({"params": ALL["N"], "non_emb_params": TRUE["N"], "D/N": [20.0] * 3}, "3 problems"),
        ({"C": [1.2e18, 4.8e18, 1.92e19], "tokens_per_param": [20.0] * 3}, "2 problems"),
        (
            {"N": TRUE["N"], "steps": [3815, 7629, 15259], "batch_size": [524288] * 3}
            | {"seq_len": [2048] * 3},
            "recognised as D",
        ),
        (
            {"N": TRUE["N"], "steps": [3815, 7629, 15259], "per_device_batch_size": [16] * 3}
            | {"num_gpus": [16] * 3, "seq_len": [2048] * 3},
            "recognised as D",
        ),
    ],
)
def test_the_likeliest_columns_are_proposed(table: dict[str, list[object]], word: str) -> None:
    loss = "c4_loss" if "D/N" in table else "loss"
    runs = by_the_command({**table, loss: TRUE["loss"]}, word)
    assert runs.N == pytest.approx(TRUE["N"])
    assert runs.D == pytest.approx(TRUE["D"], rel=1e-3)
    assert runs.loss.tolist() == TRUE["loss"]


def test_a_column_of_layers_is_not_taken_as_the_loss() -> None:
    table = {"N": TRUE["N"], "D": TRUE["D"], "loss": [6, 8, 10], "final_loss": TRUE["loss"]}
    assert by_the_command(table, "does not look like the loss").loss.tolist() == TRUE["loss"]


@pytest.mark.parametrize("total", ["total_params", "params", "N_total"])
def test_active_or_total_parameters_are_asked_for(total: str) -> None:
    table = {total: [4e8, 8e8, 1.6e9], "Activated params (B)": [0.1, 0.2, 0.4]}
    table |= {"D": TRUE["D"], "loss": TRUE["loss"]}
    assert by_the_command(table, "counts active parameters").N == pytest.approx(TRUE["N"])
    assert by_the_command(table, "counts active parameters", 1).N.tolist() == table[total]
    assert fj.read_runs(table, N=total).N.tolist() == table[total]


def test_active_parameters_beside_N_are_noted() -> None:
    runs = fj.read_runs({**TRUE, "N_active": [5e7, 1e8, 2e8]})
    assert runs.N.tolist() == TRUE["N"]
    assert any("'N_active' could be meant too" in note for note in runs.notes)


def test_a_batch_may_be_of_each_device() -> None:
    table = {"N": TRUE["N"], "steps": [3815, 7629, 15259], "batch_size": [16] * 3}
    table |= {"num_gpus": [16] * 3, "seq_len": [2048] * 3, "loss": TRUE["loss"]}
    assert by_the_command(table, "recognised as D").D == pytest.approx(
        [1.25e8, 2.5e8, 5e8], rel=1e-3
    )
    assert by_the_command(table, "recognised as D", 1).D == pytest.approx(TRUE["D"], rel=1e-3)


def test_tokens_that_cannot_be_are_not_derived() -> None:
    table = {"N": TRUE["N"], "compute": [0.014, 0.056, 0.22], "loss": TRUE["loss"]}
    with pytest.raises(fj.TableError, match=r"gives .* at most, not training tokens") as caught:
        fj.read_runs(table)
    assert caught.value.ways == ()


def test_checkpoints_are_read_by_their_last_tokens() -> None:
    table = {
        "n_params": [1e8, 1e8, 2e8, 2e8, 4e8, 4e8],
        "tokens_seen": [1e9, 2e9, 2e9, 4e9, 4e9, 8e9],
        "total_tokens": [2e9, 2e9, 4e9, 4e9, 8e9, 8e9],
        "val_loss": [3.6, 3.4, 3.3, 3.1, 3.0, 2.9],
    }
    runs = by_the_command(table, "as of checkpoints")
    assert (runs.N.tolist(), runs.D.tolist()) == (TRUE["N"], TRUE["D"])
    assert runs.loss.tolist() == TRUE["loss"]


def test_the_columns_are_listed_once() -> None:
    with pytest.raises(fj.TableError) as caught:
        fj.fit(fj.Chinchilla, {"one": [1.0], "two": [2.0]})
    assert str(caught.value).count("the columns are 'one', 'two'") == 1
    assert "the loss" in str(caught.value)
