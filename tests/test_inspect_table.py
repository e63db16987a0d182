"""What a table holds, what can be done with it, and whether that is true."""

import ast
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import farseer_jax as fj
from farseer_jax import plots
from farseer_jax.inspection.column_summary import ColumnKind, summaries
from farseer_jax.inspection.run_grid import run_grid
from tests.commands import farseer, refused, shell


def ladder(num_arms: int = 1) -> pd.DataFrame:
    """Runs of a known law on a small grid, of one recipe or several."""
    N, D = (x.ravel() for x in np.meshgrid(1e8 * 2.0 ** np.arange(5), 2e9 * 2.0 ** np.arange(6)))
    rng = np.random.default_rng(0)
    arms = []
    for arm in range(num_arms):
        loss = 1.7 + (406.4 + 40.0 * arm) / N**0.34 + 410.7 / D**0.28
        own = pd.DataFrame({"N": N, "D": D, "loss": loss * np.exp(1e-3 * rng.normal(size=len(N)))})
        arms.append(own.assign(arm="abc"[arm]))
    return pd.concat(arms, ignore_index=True)


def role_of(found: fj.TableInspection, column: str) -> Any:
    return next(own for own in found.columns if own.name == column)


class TestColumns:
    @pytest.mark.parametrize(
        ("values", "kind", "missing", "distinct", "low", "high"),
        [
            (np.array([3, 1, 3]), ColumnKind.NUMBERS, 0, 2, 1.0, 3.0),
            (np.array([np.nan, 2.5]), ColumnKind.NUMBERS, 1, 1, 2.5, 2.5),
            (np.array(["7B", "1.4T", None], object), ColumnKind.NUMBERS_IN_TEXT, 1, 2, 7e9, 1.4e12),
            (np.array([3.1, 2.9, "diverged", ""], object), ColumnKind.MIXED, 1, 3, 2.9, 3.1),
            (np.array(["a", "b", "a"], object), ColumnKind.TEXT, 0, 2, np.nan, np.nan),
            (np.array([True, False]), ColumnKind.FLAGS, 0, 2, np.nan, np.nan),
            (np.array(["2024-01-05", "NaT"], "M8[s]"), ColumnKind.TIMES, 1, 1, np.nan, np.nan),
            (np.array([np.nan, np.nan]), ColumnKind.EMPTY, 2, 0, np.nan, np.nan),
            (np.array([None, ""], object), ColumnKind.EMPTY, 2, 0, np.nan, np.nan),
        ],
    )
    def test_what_they_hold(
        self, values: Any, kind: Any, missing: int, distinct: int, low: float, high: float
    ) -> None:
        (found,) = summaries({"x": values})
        assert (found.kind, found.num_missing, found.num_distinct) == (kind, missing, distinct)
        np.testing.assert_equal((found.low, found.high), (low, high))

    @given(st.lists(st.floats(allow_infinity=False) | st.none(), min_size=1))
    def test_ranges_are_those_of_numpy(self, values: list[float | None]) -> None:
        column = np.array([np.nan if value is None else value for value in values])
        (found,) = summaries({"x": column})
        known = column[~np.isnan(column)]
        assert found.num_missing == len(column) - len(known)
        assert found.num_distinct == len(np.unique(known))
        if len(known):
            assert (found.low, found.high) == (known.min(), known.max())

    def test_roles_units_and_what_could_be_meant(self) -> None:
        table = {
            "params_B": [0.1, 0.1, 0.4, 0.4], "tokens_B": [2, 4, 2, 4], "eval/loss": [4, 3.5, 3, 2],
            "train/loss": [3.9, 3.4, 2.9, 2.1], "eval/loss_se": [0.1] * 4, "seed": [1, 2, 3, 4],
            "flops": [1e18] * 4, "name": list("abcd"),
        }  # fmt: skip
        found = fj.inspect_table(table)
        roles = {own.name: (own.role, own.unit, own.note) for own in found.columns}
        assert roles == {
            "params_B": ("N", 1e9, "N: parameters, in billions"),
            "tokens_B": ("D", 1e9, "D: training tokens, in billions"),
            "eval/loss": ("loss", 1.0, "loss"),
            "train/loss": ("", 1.0, "could be loss"),
            "eval/loss_se": ("", 1.0, "standard error of eval/loss"),
            "seed": ("", 1.0, "seed"),
            "flops": ("", 1.0, "compute"),
            "name": ("", 1.0, "names the runs"),
        }

    def test_thousands_of_columns_are_shortened(self) -> None:
        table = {f"c{i}": np.arange(30.0) for i in range(3000)}
        table |= {name: ladder()[name].to_numpy() for name in ("N", "D", "loss")}
        found = fj.inspect_table(table)
        assert len(found.to_dataframe()) == 3003
        lines = str(found).splitlines()
        assert len(lines) < 100
        assert "… and 2,963 more columns" in lines
        assert any(line.startswith("loss ") for line in lines)
        assert [role_of(found, name).role for name in ("N", "D", "loss")] == ["N", "D", "loss"]


class TestGrid:
    positive = st.floats(1e6, 1e13)

    @settings(max_examples=50)
    @given(st.lists(st.tuples(positive, positive, st.floats(0.1, 9.0)), min_size=2, max_size=80))
    def test_every_run_is_in_a_cell(self, runs: list[tuple[float, float, float]]) -> None:
        N, D, loss = np.array(runs).T
        grid = run_grid(("N", N), ("D", D), ("loss", loss))
        if grid is None:
            assert len(np.unique(N)) == len(np.unique(D)) == 1
            return
        assert grid.counts.sum() == len(runs)
        total = np.nansum(grid.mean * grid.counts)
        assert total == pytest.approx(loss.sum())
        picture = str(grid).splitlines()[1:]
        assert len(picture) <= 30
        assert max(map(len, picture)) <= 76
        assert sum(int(line.rpartition("│ ")[2]) for line in picture[:-2]) == len(runs)

    def test_a_grid_has_a_row_for_each_size_and_a_column_for_each_step(self) -> None:
        table = ladder()
        grid = fj.inspect_table(table).grid
        assert grid is not None
        np.testing.assert_array_equal(grid.y_values, np.unique(table.N))
        np.testing.assert_allclose(grid.x_values, np.unique(table.D))
        expected = table.pivot(index="N", columns="D", values="loss")
        np.testing.assert_allclose(grid.mean, expected)
        assert str(grid).splitlines()[-3] == "   100 M │████████▓▓▒▒│ 6"

    def test_other_inputs_and_no_inputs(self) -> None:
        P, N = (x.ravel() for x in np.meshgrid([1, 2, 4, 8], [5e8, 1e9, 2e9, 4e9]))
        loss = 1.3 + (2e8 / (N * (1 + 0.3 * np.log(P)))) ** 0.2
        found = fj.inspect_table({"N": N, "P": P, "loss": loss})
        assert found.grid is not None
        assert (found.grid.y, found.grid.x, found.grid.counts.sum()) == ("N", "P", 16)
        assert found.is_readable
        assert not found.problems
        assert [own.law for own in found.laws if not own.lacks] == ["parscale"]
        alone = fj.inspect_table({"loss": [3.1, 3.2]})
        assert alone.grid is None
        assert not alone.is_readable
        assert len(alone.problems) == 2


class TestRows:
    def test_sizes_repeats_copies_and_noise(self) -> None:
        table = ladder()
        repeats = table.head(4).assign(loss=lambda own: own.loss * 1.002)
        found = fj.inspect_table(pd.concat([table, repeats, table.tail(1)], ignore_index=True))
        text = "\n".join(found.rows)
        assert "35 runs, 5 sizes, N 100 M to 1.6 B, 1.25 to 640 tokens per parameter" in text
        assert "1 of 35 runs equals another in all inputs and the loss: copies count once" in text
        assert "4 of 30 points of N and D have several runs with different losses" in text
        assert "noise of ln loss 0.14 % (repeats, 4 degrees of freedom)" in text  # 0.2 / sqrt(2)

    def test_repeats_that_differ_in_another_input_are_not_noise(self) -> None:
        rng = np.random.default_rng(1)
        table = pd.concat([ladder()] * 3, ignore_index=True).drop(columns="arm")
        table["lr"] = rng.uniform(1e-3, 2e-3, len(table))
        table["batch_size"] = rng.integers(64, 256, len(table)).astype(float)
        table["loss"] *= 1.0 + table["lr"] + 1e-5 * table["batch_size"]
        found = fj.inspect_table(table)
        text = "\n".join(found.rows)
        assert "30 of 30 points of N and D have several runs with different losses, which" in text
        assert "differ in lr, batch_size" in text
        assert "noise" not in text
        assert found.steps[0].settings == ("--law", "learning-rate-batch")

    def test_groups(self) -> None:
        found = fj.inspect_table(ladder(3))
        assert dict(found.options) == {"by": "arm"}
        assert role_of(found, "arm").role == "group"
        assert "90 runs in 3 groups (arm: a 30, b 30, c 30)" in found.rows[0]


class TestProblems:
    def test_all_at_once_and_described_as_the_options_read_it(self) -> None:
        table = ladder()
        ratio = pd.DataFrame({"N": table.N, "tokens_per_param": table.D / table.N})
        ratio["loss"] = table.loss.astype(object)
        ratio.loc[3, "loss"] = "diverged"
        found = fj.inspect_table(ratio)
        assert len(found.problems) == 2
        assert found.options == {"derive": ["D = tokens_per_param*N"], "drop_missing": True}
        runs = fj.read_runs(ratio, **found.options)
        np.testing.assert_allclose(runs.D, table.D.drop(3))
        assert found.num_runs == len(runs) == 29
        assert found.grid is not None
        assert found.grid.counts.sum() == 29

    def test_checkpoints(self) -> None:
        table = ladder().drop(columns="arm")
        steps = [table.assign(D=table.D * f, step=f, run=table.index) for f in (0.5, 1.0)]
        found = fj.inspect_table(pd.concat(steps))
        assert found.options == {"last_by": "run,step"}
        assert found.num_runs == 30

    def test_options_are_those_of_read_runs(self) -> None:
        table = ladder().rename(columns={"N": "size_x", "D": "budget", "loss": "final"})
        found = fj.inspect_table(table, N="size_x", D="budget", loss="final")
        assert not found.problems
        assert found.num_runs == 30
        with pytest.raises(ValueError, match="no column 'x'"):
            fj.inspect_table(table, N="x")
        where = fj.inspect_table(ladder(2), where="arm = 'b'")
        assert where.num_rows == 30
        assert "30 of 60 rows meet arm = 'b'" in where.notes

    def test_what_is_not_a_table(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="no such file"):
            fj.inspect_table(tmp_path / "none.csv")
        with pytest.raises(TypeError, match="expected a pandas"):
            fj.inspect_table(3)


class TestMethods:
    def test_a_grid_can_be_fitted_by_pieces(self) -> None:
        usable = {own.method: own.usable for own in fj.inspect_table(fj.example_runs()).methods}
        assert set(usable) >= {"piecewise", "least-squares", "restarts", "isoflop"}
        assert usable["piecewise"]
        assert fj.fit(fj.Farseer, fj.example_runs()).outcome.usable

    def test_few_sizes_and_few_runs_are_told_why(self) -> None:
        table = ladder().drop(columns="arm")
        two = fj.inspect_table(table[table.N < 3e8])
        why = {own.method: own.why for own in two.methods if not own.usable}
        assert why["piecewise"].startswith("the runs have 2 sizes")
        with pytest.raises(ValueError, match="the runs have 2 sizes"):
            fj.fit(fj.Farseer, table[table.N < 3e8])
        few = {own.method: own for own in fj.inspect_table(table.head(3)).methods}
        assert few["least-squares"].why == "3 runs for 5 parameters of chinchilla"
        assert not few["least-squares"].usable

    def test_losses_that_rise_with_D_are_not_for_pieces(self) -> None:
        table = ladder().drop(columns="arm")
        table["loss"] *= np.where(np.arange(30) // 5 % 2, 1.3, 1.0)
        found = {own.method: own for own in fj.inspect_table(table, as_is=True).methods}
        assert not found["piecewise"].usable
        assert "the loss falls with each step of D in 0 of 5 sizes" in found["piecewise"].why
        with pytest.raises(ValueError, match="loss"):
            fj.fit(fj.Farseer, fj.read_table(table, as_is=True))


def written(path: Path, table: pd.DataFrame) -> Path:
    table.to_csv(path, index=False)
    return path


class TestShell:
    @pytest.mark.parametrize("kind", ["one recipe", "several recipes", "problems", "other inputs"])
    def test_the_commands_that_it_proposes_are_true(self, tmp_path: Path, kind: str) -> None:
        table = ladder(2 if kind == "several recipes" else 1)
        if kind == "problems":
            table = pd.DataFrame({"N": table.N, "D/N": table.D / table.N, "loss": table.loss})
            table = table.rename(columns={"D/N": "tokens per param"})
        if kind == "other inputs":
            P = np.tile([1, 2, 4], 10)
            table = table.assign(P=P).drop(columns=["D", "arm"])
            table["loss"] = 1.3 + (2e8 / (table.N * (1 + 0.3 * np.log(P)))) ** 0.2
        path = written(tmp_path / "my runs.csv", table)
        found = farseer("inspect", path, "--json", "-")
        commands = json.loads(found.stdout)["commands"]
        assert len(commands) >= (2 if kind == "other inputs" else 4)
        text = farseer("inspect", path).stdout
        for command in commands:
            assert command in text
            _, *words = shlex.split(command)
            if kind == "one recipe" or (words[0] in ("fit", "allocate") and "auto" not in words):
                result = farseer(*words)
                assert result.exit_code == 0, (command, result.stderr)

    def test_the_calls_that_it_proposes_are_true(self) -> None:
        table = ladder()
        calls = [step.call for step in fj.inspect_table(table).steps]
        known = {"fj": fj, "table": table, "forecast": fj.forecast}
        assert [ast.parse(call).body for call in calls]
        assert eval(next(call for call in calls if call.startswith("fj.fit")), known).outcome.usable
        assert "fj.forecast(table)" in calls
        assert any(call.startswith("fj.suggest_runs(fj.read_runs(table), (") for call in calls)

    def test_options_of_the_user_stay(self, tmp_path: Path) -> None:
        path = written(tmp_path / "runs.csv", ladder(2).rename(columns={"N": "size_x"}))
        words = ["inspect", path, "--N", "size_x", "--where", "arm = 'a'", "--json", "-"]
        for command in json.loads(farseer(*words).stdout)["commands"]:
            assert f"{path} --N size_x --where \"arm = 'a'\"" in command

    def test_example_standard_input_and_several_files(self, tmp_path: Path) -> None:
        example = farseer("inspect", "--example")
        assert example.exit_code == 0
        assert example.stdout.startswith("337 rows, 3 columns\n")
        assert "farseer forecast --example" in example.stdout
        paths = [written(tmp_path / f"{at}.csv", ladder()) for at in range(2)]
        several = farseer("inspect", *paths, "--json", "-")
        assert json.loads(several.stdout)["num_rows"] == 60
        piped = shell("inspect", "-", input=paths[0].read_text())
        assert piped.returncode == 0, piped.stderr
        assert "30 rows, 4 columns" in piped.stdout

    def test_a_folder_of_runs(self, tmp_path: Path) -> None:
        for at, row in ladder().iterrows():
            state = tmp_path / f"run{at}" / "trainer_state.json"
            state.parent.mkdir()
            log = [{"step": 9, "eval_loss": row.loss, "n_params": row.N}]
            content = {"global_step": 9, "num_input_tokens_seen": int(row.D), "log_history": log}
            state.write_text(json.dumps(content))
        found = fj.inspect_table(tmp_path)
        assert (found.num_rows, found.is_readable) == (30, True)
        assert role_of(found, "num_input_tokens_seen").role == "D"
        assert "farseer forecast" in farseer("inspect", tmp_path).stdout

    def test_what_cannot_be_read(self, tmp_path: Path) -> None:
        refused(farseer("inspect", tmp_path / "none.csv"), "no such file")
        refused(farseer("inspect"), "Missing argument 'RUNS'")
        path = written(tmp_path / "runs.csv", ladder())
        refused(farseer("inspect", path, "--where", "arm = 'x'"), "no row meets")

    def test_problems_name_options_of_the_shell(self, tmp_path: Path) -> None:
        path = written(tmp_path / "runs.csv", ladder(2))
        text = farseer("inspect", path).stdout
        assert "use --by arm" in text
        assert "below, the table is read with --by arm" in text
        assert "by=" not in text


def test_memory_is_that_of_the_columns(tmp_path: Path) -> None:
    """Peak memory, beyond that of a small table, in bytes per row of five numbers."""
    import duckdb

    path = tmp_path / "large.parquet"
    query = (
        "SELECT i // 100 AS run, i % 100 AS step, 1e8 * (1 + i // 100 % 50) AS N, "
        "1e9 * (1 + i % 100) AS D, 3 + random() AS loss FROM range(500000) r(i)"
    )
    duckdb.connect().execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    code = (
        "import resource, farseer_jax as fj\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "str(fj.inspect_table(fj.example_runs())); before = peak()\n"
        f"found = fj.inspect_table({str(path)!r}); str(found)\n"
        "print(found.num_rows, found.num_runs, (peak() - before) * 1024 / found.num_rows)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    num_rows, num_runs, per_row = done.stdout.split()
    assert (num_rows, num_runs) == ("500000", "5000")
    assert float(per_row) < 400.0


class TestTablesThatAreNotRead:
    """They are described as far as they go."""

    N, D = (own.ravel() for own in np.meshgrid(1e8 * 2.0 ** np.arange(4), [2e9, 8e9, 3e10]))
    loss = 1.7 + 406.4 / N**0.34 + 410.7 / D**0.28

    def test_without_a_loss(self) -> None:
        found = fj.inspect_table({"N": self.N, "D": self.D, "rel": self.loss})
        assert not found.is_readable
        assert "lacks" not in str(found)
        assert "than the 0 runs" not in str(found)
        assert found.steps == ()

    def test_arms_with_a_missing_label(self) -> None:
        names = [None, "muon"]
        table = {name: np.tile(own, 2) for name, own in (("N", self.N), ("D", self.D))}
        table["opt"] = np.repeat(np.array(names, dtype=object), len(self.N))
        table["loss"] = np.concatenate([self.loss, 0.97 * self.loss])
        found = fj.inspect_table(table)
        assert found.problems
        assert found.num_rows == 24

    def test_accuracies_are_not_forecast(self) -> None:
        """A forecast is of losses: no call of one is proposed."""
        found = fj.inspect_table({"N": self.N, "D": self.D, "accuracy": 1.0 / self.loss})
        assert found.options == {"response": "accuracy", "link": "logit"}
        assert {step.command for step in found.steps} == {"fit"}

    def test_repeats_of_a_size_are_no_curve_of_a_budget(self) -> None:
        """Two sizes per budget, each with two seeds, are too few for a parabola."""
        N, C = (own.ravel() for own in np.meshgrid([1e8, 3e8], [1e19, 3e19, 1e20]))
        N, C = np.tile(N, 2), np.tile(C, 2)
        D, noise = C / (6 * N), np.random.default_rng(0).normal(0.0, 1e-3, len(N))
        loss = (1.7 + 406.4 / N**0.34 + 410.7 / D**0.28) * np.exp(noise)
        table = {"N": N, "D": D, "seed": np.repeat([0, 1], 6), "loss": loss}
        (isoflop,) = [own for own in fj.inspect_table(table).methods if own.method == "isoflop"]
        assert not isoflop.usable


def test_the_figure_names_the_file_and_rows_that_are_no_runs(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("N,D,loss\n1e8,2e9,3.5\n2e8,2e9,3.3\n1e8,4e9,3.4\n2e8,4e9,\n")
    found = fj.inspect_table(path)
    assert plots.plot_inspection(found).get_title(loc="left") == "3 runs in the 4 rows of runs.csv"
