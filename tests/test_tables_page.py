"""The commands of the page on tables, run on tables of the kinds that they are for."""

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import farseer
from wild_tables import example_ladder

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tables.md"
BLOCKS = re.findall(
    r"^```bash\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
COMMANDS = [shlex.split(line, comments=True) for block in BLOCKS for line in block.splitlines()]


@pytest.fixture
def files(folder: Path) -> None:
    """The tables that the page names, in the current folder."""
    runs = example_ladder()
    later = runs.assign(role="target", N=10 * runs.N)
    other = runs.assign(arm="kda", loss=0.98 * runs.loss)
    steps = [runs.assign(run=runs.run_id, step=step, D=runs.D * step / 4) for step in (1, 2, 3, 4)]
    far = runs.loss.where(np.arange(len(runs)) != 7, 1.3 * runs.loss)
    tables = {
        "export": runs.rename(columns={"N": "config.model.n_params", "loss": "eval/loss"}),
        "ladder": pd.concat([runs.assign(role="ladder"), later]),
        "arms": pd.concat([runs.assign(arm="attn"), other]),
        "curves": pd.concat(steps),
        "ratios": runs.assign(tokens_per_param=runs.D / runs.N).drop(columns="D"),
        "crashed": runs.assign(
            loss=runs.loss.astype(object).where(np.arange(len(runs)) != 3, "nan?")
        ),
        "scattered": runs.assign(loss=far),
    }
    for name, table in tables.items():
        table.to_csv(f"{name}.csv", index=False)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("command", COMMANDS, ids=[" ".join(own) for own in COMMANDS])
def test_a_command_runs(command: list[str]) -> None:
    result = farseer(*command[1:])
    assert result.exit_code == 0, result.stderr
    if "--drop-outliers" in command:
        assert result.stdout.startswith("left out: run_id 'run-7'\n")
    if "--drop-missing" in command:
        assert "row 3 (column 'loss': not a number ('nan?'))" in result.stderr
