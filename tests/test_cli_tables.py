"""The shell alone: rows of a kind, one arm of six, last checkpoints, outliers left out by name."""

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from commands import farseer, refused

QUICK = ("--law", "chinchilla", "--json", "fit.json")
OUTLIERS = [f"chinchilla_{number}" for number in (188, 196, 205, 211, 227)]


def runs_of(*args: object) -> tuple[dict[str, Any], str]:
    """The runs of a fit, and what the command printed."""
    result = farseer("fit", *args, *QUICK)
    assert result.exit_code == 0, result.stderr
    return json.loads(Path("fit.json").read_text())["runs"], result.stdout + result.stderr


def assert_same(runs: dict[str, Any], table: pd.DataFrame) -> None:
    for name in ("N", "D", "loss"):
        np.testing.assert_array_equal(runs[name], table[name].to_numpy())


@pytest.mark.usefixtures("folder")
class TestRows:
    def test_the_ladder_of_olmo(self, shared_data: Path) -> None:
        file = shared_data / "olmo_ladder.csv"
        runs, said = runs_of(file, "--where", "role = 'ladder'")
        table = pd.read_csv(file)
        assert_same(runs, table[table.role == "ladder"])
        assert "25 of 33 rows meet role = 'ladder'" in said

    def test_one_arm_of_six(self, shared_data: Path) -> None:
        file = shared_data / "complexkda_ladder.csv"
        runs, _ = runs_of(file, "--where", "arm = 'attn'")
        table = pd.read_csv(file)
        assert_same(runs, table[table.arm == "attn"])

    def test_the_last_checkpoints_of_an_export(self, shared_data: Path) -> None:
        ladder = pd.read_csv(shared_data / "olmo_ladder.csv").query("role == 'ladder'")
        parts = [
            pd.DataFrame(
                {
                    "Name": ladder.run_id,
                    "_step": (ladder.steps * part).round(),
                    "config.model.n_params": ladder.N,
                    "tokens_seen": ladder.D * part,
                    "eval/loss": ladder.loss * (1.0 + 0.2 * (1.0 - part)),
                }
            )
            for part in (1.0, 0.25, 0.5, 0.75)
        ]
        pd.concat(parts).to_csv("export.csv", index=False)
        runs, said = runs_of("export.csv", "--last-by", "Name,_step")
        assert_same(runs, ladder)
        assert "the last row of each Name by _step: 25 of 100 rows" in said

    def test_outliers_by_name(self, shared_data: Path) -> None:
        file = shared_data / "chinchilla_epoch.csv"
        runs, said = runs_of(file, "--drop", ",".join(OUTLIERS), "--objective", "huber")
        table = pd.read_csv(file)
        assert_same(runs, table[table.besiroglu_outlier == 0])
        assert said.startswith("left out: run_id 'chinchilla_188', ")
        assert "objective, summed           1.0182740e-03" in said

    def test_outliers_that_the_others_show(self, shared_data: Path) -> None:
        runs, said = runs_of(shared_data / "chinchilla_epoch.csv", "--drop-outliers")
        assert len(runs["N"]) < 245
        assert all(f"run_id '{name}'" in said.splitlines()[0] for name in OUTLIERS)

    def test_rows_keep_their_numbers_in_the_file(self) -> None:
        N, D = (x.ravel() for x in np.meshgrid([1e8, 2e8, 4e8, 8e8], [1e9, 2e9, 4e9]))
        loss = 1.7 + (2e7 / N) ** 0.3 + (3e8 / D) ** 0.35
        pd.DataFrame({"N": N, "D": D, "loss": loss}).to_csv("runs.csv", index=False)
        runs, said = runs_of("runs.csv", "--where", "D > 1e9", "--drop", "11")
        assert_same(runs, pd.DataFrame({"N": N, "D": D, "loss": loss})[4:11])
        assert "left out: row 11\n" in said
        result = farseer("fit", "runs.csv", "--where", "D > 1e9", "--drop", "2", *QUICK)
        assert result.exit_code == 2
        assert "drop: there is no run '2' in the rows 4 to 11" in result.stderr


@pytest.mark.usefixtures("folder")
class TestMissingLosses:
    """A run without a loss is left out and named by every command."""

    @pytest.mark.parametrize(
        "command", [("allocate", "nan.csv", "--compute", "1e21"), ("compare", "nan.csv", "all.csv")]
    )
    def test_of_one_recipe(self, command: tuple[str, ...]) -> None:
        N, D = (own.ravel() for own in np.meshgrid(1e8 * 2.0 ** np.arange(4), [2e9, 8e9, 3e10]))
        table = pd.DataFrame({"N": N, "D": D, "loss": 1.7 + 406.4 / N**0.34 + 410.7 / D**0.28})
        table.to_csv("all.csv", index=False)
        table.assign(loss=table.loss.where(table.index != 4)).to_csv("nan.csv", index=False)
        result = farseer(*command)
        assert result.exit_code == 0, result.stderr
        assert "left out: row 4 (column 'loss': missing)" in result.stderr


@pytest.mark.usefixtures("folder")
class TestTwoTables:
    """Options of a comparison are those of both tables."""

    @pytest.fixture(autouse=True)
    def files(self, folder: Path) -> None:
        N, D = (own.ravel() for own in np.meshgrid(1e8 * 2.0 ** np.arange(4), [2e9, 8e9, 3e10]))
        table = pd.DataFrame({"N": N, "D": D, "loss": 1.7 + 406.4 / N**0.34 + 410.7 / D**0.28})
        table.to_csv("plain.csv", index=False)
        table.assign(D=table.D / table.N).rename(columns={"D": "tokens_per_param"}).to_csv(
            "ratio.csv", index=False
        )

    def test_options_that_read_one_table_only_are_not_proposed(self) -> None:
        result = farseer("compare", "plain.csv", "ratio.csv")
        fit = "farseer fit ratio.csv --derive 'D = tokens_per_param*N' --json FIT.json"
        refused(result, "for both tables", fit)
        assert "This reads it" not in result.stderr

    def test_options_that_read_both_are(self) -> None:
        result = farseer("compare", "ratio.csv", "ratio.csv")
        refused(result, "farseer compare ratio.csv ratio.csv --derive 'D = tokens_per_param*N'")


@pytest.mark.usefixtures("folder")
def test_a_table_of_a_database_is_named_by_an_option() -> None:
    table = pd.DataFrame({"N": [1e8], "D": [2e9], "loss": [3.5]})
    with contextlib.closing(sqlite3.connect("x.db")) as connection:
        for name in ("evals", "runs"):
            table.to_sql(name, connection, index=False)
    refused(farseer("fit", "x.db"), "name one, --table evals, or give a query, --table 'SELECT …'")


@pytest.mark.usefixtures("folder")
class TestRefusals:
    def test_two_of_six_arms_are_proposed(self, shared_data: Path) -> None:
        file = shared_data / "complexkda_ladder.csv"
        two = "--by arm --where \"arm in ('attn', 'attn-qknorm')\""
        refused(farseer("report", file), f"\n  farseer report {file} {two}\n")
        refused(farseer("fit", file, "--law", "chinchilla"), "--law chinchilla --by arm\n")
        assert "--by" not in farseer("forecast", file).stderr

    def test_a_law_of_the_inputs_that_the_table_has(self, shared_data: Path) -> None:
        file = shared_data / "named_inputs" / "parallel.csv"
        for words in (("report",), ("forecast",), ("fit", "--law", "chinchilla")):
            command, *options = words
            found = farseer(command, file, *options)
            refused(found, "no column was recognised as D", "the law parscale needs only N, P")
            condition = "--law parscale --where \"corpus = 'stack'\""
            assert f"\n  farseer {command} {file} {condition}\n" in found.stderr
            assert ("--law parscale --by corpus" in found.stderr) == (command == "fit")
        other = farseer("forecast", file, "--where", "corpus = 'stack'", "--D", "tokens")
        assert "parscale" not in other.stderr

    def test_notes_of_both_recipes_are_told_once(self) -> None:
        rng = np.random.default_rng(0)
        N, D = (
            own.ravel() for own in np.meshgrid([1e8, 2e8, 4e8, 8e8], np.geomspace(1e9, 1e11, 5))
        )
        loss = 1.7 + 400 / N**0.34 + 410 / D**0.28
        parts = [
            pd.DataFrame({"N": N, "D": D, "eval_loss": loss * own * np.exp(1e-3 * noise)})
            for own, noise in zip((1.0, 0.97), rng.standard_normal((2, 20)), strict=True)
        ]
        table = pd.concat(parts).assign(arm=np.repeat(["a", "b"], 20), size="47M")
        pd.concat([table, table[-3:]]).to_csv("both.csv", index=False)
        found = farseer("compare", "both.csv", "--by", "arm", "--at", "8e8,1e11")
        assert found.exit_code == 0, found.stderr
        assert found.stderr.splitlines() == [
            "loss is column 'eval_loss'.",
            "b: 3 of 23 rows are copies of others and count once.",
        ]

    def test_copies_are_told(self, shared_data: Path) -> None:
        found = farseer("fit", shared_data / "farseer_404.csv", *QUICK)
        assert "4 of 404 rows are copies of others and count once.\n" in found.stderr
        kept = farseer("fit", shared_data / "farseer_404.csv", "--keep-copies", *QUICK)
        assert "copies of others" not in kept.stderr
