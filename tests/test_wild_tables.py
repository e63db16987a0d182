"""Tables as people have them: read right, or refused with the command that reads them."""

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from commands import farseer
from wild_tables import CASES, Wild, example_ladder, real_ladder

import farseer_jax as fj
from farseer_jax.runs.table_problems import TableError

QUICK = ("--law", "kaplan")


@pytest.fixture(scope="module", params=["example", "real"])
def ladder(request: pytest.FixtureRequest) -> pd.DataFrame:
    """Runs whose N, D and loss are known."""
    if request.param == "example":
        return example_ladder()
    return real_ladder(request.getfixturevalue("shared_data"))


def rows_of(N: Any, D: Any, loss: Any) -> list[tuple[float, ...]]:
    """Runs to compare in any order, to eleven digits: formulas round."""
    columns = [[float(f"{value:.11g}") for value in column] for column in (N, D, loss)]
    return sorted(zip(*columns, strict=True))


def true_rows(wild: Wild) -> list[tuple[float, ...]]:
    return rows_of(*(wild.truth[name] for name in ("N", "D", "loss")))


def as_arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an error as arguments of ``read_runs``."""
    given = dict(options)
    units = {f"{name}_unit": unit for name, unit in given.pop("units", {}).items()}
    return {**given, **units}


def read_in_python(source: Any, **options: Any) -> tuple[list[list[tuple[float, ...]]], str]:
    """The runs that each way to read a table gives, and what was said."""
    try:
        runs = fj.read_runs(source, **options)
    except TableError as error:
        assert error.ways, str(error)
        found = [fj.read_runs(source, **as_arguments(way.options)) for way in error.ways]
        return [rows_of(runs.N, runs.D, runs.loss) for runs in found], str(error)
    return [rows_of(runs.N, runs.D, runs.loss)], "; ".join(runs.notes)


def commands_of(message: str) -> list[list[str]]:
    """The commands that a message proposes, each as words."""
    lines = message.splitlines()
    return [
        shlex.split(after)
        for line, after in zip(lines, lines[1:], strict=False)
        if re.match(r"This reads it.*:$", line)
    ]


def fitted(path: Path) -> list[list[tuple[float, ...]]]:
    """The runs of each fit in a file."""
    content = json.loads(path.read_text())
    all_runs = [own["runs"] for own in ([content] if "runs" in content else content["fits"])]
    return [rows_of(runs["N"], runs["D"], runs["loss"]) for runs in all_runs]


@pytest.mark.parametrize("name", CASES)
def test_read_in_python(name: str, ladder: pd.DataFrame, tmp_path: Path) -> None:
    wild = CASES[name](ladder)
    for source in (wild.table, wild.file(tmp_path)):
        found, said = read_in_python(source)
        assert true_rows(wild) in found, said
        assert wild.word in said


@pytest.mark.parametrize("name", CASES)
def test_read_by_the_shell(name: str, folder: Path) -> None:
    wild = CASES[name](example_ladder())
    path = wild.file(folder)
    result = farseer("fit", path.name, *QUICK, "--json", "fit.json")
    if result.exit_code == 0:
        assert fitted(Path("fit.json")) == [true_rows(wild)]
        return
    assert wild.word in result.stderr
    commands = commands_of(result.stderr)
    assert commands, result.stderr
    found = []
    for program, *words in commands:
        assert program == "farseer"
        again = farseer(*words)
        assert again.exit_code == 0, again.stderr
        found += fitted(Path("fit.json"))
    assert true_rows(wild) in found
