"""Mistyped names: what was probably meant, said the same way everywhere."""

from pathlib import Path

import click
import pytest
from commands import farseer, refused, write

from farseer_jax import datasets
from farseer_jax.cli.options import Choice
from farseer_jax.close_names import closest, did_you_mean, unknown_name


def test_the_closest_name_whatever_the_case() -> None:
    names = ["N", "Tokens", "val_loss"]
    assert closest("tokens", names) == "Tokens"
    assert closest("valloss", names) == "val_loss"
    assert closest("accuracy", names) is None
    assert closest("anything", []) is None
    assert did_you_mean("accuracy", names) == ""


def test_messages_with_and_without_a_close_name() -> None:
    assert unknown_name("law", "kaplam", ["farseer", "kaplan"]) == (
        "unknown law 'kaplam'; did you mean 'kaplan'? Choose from farseer, kaplan"
    )
    assert unknown_name("law", "mine", ["farseer"]) == "unknown law 'mine'; choose from farseer"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("forcast runs.csv", "No such command 'forcast'. Did you mean 'forecast'?\n"),
        ("Predict fit.json", "No such command 'Predict'. Did you mean 'predict'?\n"),
        ("qqqq", "No such command 'qqqq'.\n"),
        ("fit --exmple", "--exmple"),
        ("fit --example --law farsear", "unknown law 'farsear'; did you mean 'farseer'? Choose"),
        ("fit --example --law kaplan --objective hubr", "Did you mean 'huber'?"),
        ("fit --example --objective zzz", "one of 'squared', 'huber'"),
        ("fit x.csv --link logti", "unknown link 'logti'; did you mean 'logit'? Choose from log,"),
        ("fit x.csv --law E+N**-a --kind N=postive", "did you mean 'positive'?"),
        ("bootstrap --example --scheme baysian", "Did you mean 'bayesian'?"),
        ("extrapolate --example --law kaplan:resarts", "did you mean 'restarts'?"),
    ],
)
def test_the_shell_says_what_was_meant(args: str, message: str) -> None:
    result = farseer(*args.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_table_instead_of_a_command(folder: Path) -> None:
    write("my runs.csv", N=[1], D=[1], loss=[1])
    assert "farseer inspect 'my runs.csv'\n" in farseer("my runs.csv").stderr


def test_columns(folder: Path) -> None:
    write("runs.csv", N=[1e8, 2e8], D=[1e9, 2e9], loss=[3.0, 2.9], step=[1, 2], arm=["a", "b"])
    for option, message in (
        (("--where", "arms = 'a'"), "did you mean 'arm'?"),
        (("--by", "Arms"), "did you mean 'arm'?"),
        (("--loss", "lss"), "did you mean 'loss'?"),
        (("--max", "steps=3"), "did you mean 'step'?"),
    ):
        refused(farseer("fit", "runs.csv", "--law", "kaplan", *option), message)
    with pytest.raises(ValueError, match="unknown dataset 'farser'; did you mean 'farseer'"):
        datasets.load("farser")


def test_a_choice_is_one_of_the_names() -> None:
    choice = Choice(["mean", "run"])
    assert choice.convert("run", None, None) == "run"
    with pytest.raises(click.BadParameter, match="Did you mean 'mean'"):
        choice.convert("maen", None, None)
