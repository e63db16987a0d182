"""``--law auto``: its columns are recognised and checked as those of fits, and keep their names."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from commands import farseer, refused
from hypothesis import given, settings
from hypothesis import strategies as st

import farseer_jax as fj
from farseer_jax.choosing.mixture_columns import plain_mixture
from farseer_jax.choosing.survey_table import surveyed_table
from farseer_jax.choosing.table_reading import TableReading, numbers_of
from farseer_jax.runs.binding import bind_points, bind_runs
from farseer_jax.runs.column_names import holds
from farseer_jax.runs.input_names import column_of_input, input_named, unit_of_name
from farseer_jax.runs.table_problems import TableError
from farseer_jax.tables.read import as_columns

# responses, groups, inputs, shares, link: as before columns were recognised by one rule for all
READINGS: dict[str, tuple[str, str, str, str, str]] = {
    "data_constrained": ("loss", "", "U,N,D", "", "log"),
    "finetuning": ("loss", "model,dataset", "examples", "", "log"),
    "gadre_tasks": ("loss", "corpus", "N,D", "", "log"),
    "learning_rate_batch": ("loss", "", "lr,batch_size,D,N", "", "log"),
    "mixture_five_domains": (
        "loss_1,loss_2,loss_3,loss_4,loss_5", "", "model",
        "share_1,share_2,share_3,share_4,share_5", "log",
    ),
    "mixture_slimpajama": (
        "arxiv_loss,book_loss,c4_loss,github_loss,commoncrawl_loss,stackexchange_loss,"
        "wikipedia_loss,openhermes_loss", "", "model_size,n_tokens",
        "weight_arxiv,weight_book,weight_c4,weight_github,weight_commoncrawl,"
        "weight_stackexchange,weight_wikipedia", "log",
    ),
    "moe": ("loss", "", "experts,N_dense", "", "log"),
    "olmo_tasks": ("loss", "role", "N,D", "", "log"),
    "parallel": ("loss", "corpus", "N,P", "", "log"),
    "schedule_curves": ("loss", "curve", "N_million,lr", "", "log"),
    "sparsity": ("loss", "", "P,N_active,N_dense,D2", "", "log"),
    "vocabulary": ("loss", "", "N_nonvocab,V,characters", "", "identity"),
}  # fmt: skip


def ladder() -> dict[str, Any]:
    """25 runs of a known law, as ``N``, ``D``, ``loss``."""
    N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e8, 2e9, 5), np.geomspace(2e9, 6e10, 5)))
    noise = np.exp(1e-3 * np.random.default_rng(0).standard_normal(25))
    return {"N": N, "D": D, "loss": (1.7 + 400 / N**0.34 + 410 / D**0.28) * noise}


def read(table: Any, **options: Any) -> tuple[dict[str, Any], TableReading]:
    """The columns as numbers, and what they are."""
    columns, reading = surveyed_table(as_columns(table), **options)
    return numbers_of(columns, reading), reading


@pytest.fixture(scope="module")
def few_laws() -> Any:
    """Only two laws are tried."""
    with pytest.MonkeyPatch.context() as patch:
        own = {"chinchilla": fj.Chinchilla}
        patch.setattr("farseer_jax.choosing.candidates.catalogue", lambda: own)
        patch.setattr("farseer_jax.choosing.choose_law.general_forms", lambda *args: [])
        yield


@pytest.fixture(scope="module")
def choice(few_laws: None) -> fj.LawChoice:
    """A choice for columns in billions."""
    own = ladder()
    return fj.choose_law(
        {"Model Params (B)": own["N"] / 1e9, "tokens_B": own["D"] / 1e9, "val_loss": own["loss"]}
    )


class TestReadings:
    @pytest.mark.parametrize("name", READINGS)
    def test_the_files_of_the_benchmarks(self, shared_data: Path, name: str) -> None:
        _, reading = read(str(shared_data / "named_inputs" / f"{name}.csv"))
        found = (reading.responses, reading.groups, reading.inputs, reading.shares)
        assert (*map(",".join, found), reading.link) == READINGS[name]

    @pytest.mark.parametrize(
        ("N", "D", "loss", "units"),
        [
            ("params_B", "tokens_B", "loss", (1e9, 1e9)),
            ("Model Params (M)", "train tokens (B)", "eval/loss", (1e6, 1e9)),
            ("config.model.n_params", "tokens_seen", "val_loss", (1.0, 1.0)),
            ("model size (B)", "num_tokens_in_millions", "lm loss", (1e9, 1e6)),
        ],
    )
    def test_names_and_units(self, N: str, D: str, loss: str, units: Any) -> None:
        own = ladder()
        table = {N: own["N"] / units[0], D: own["D"] / units[1], loss: own["loss"]}
        numbers, reading = read(table)
        assert (reading.inputs, reading.responses) == ((N, D), (loss,))
        np.testing.assert_allclose(numbers[N], own["N"], rtol=1e-12)
        np.testing.assert_allclose(numbers[D], own["D"], rtol=1e-12)

    def test_units_by_options(self) -> None:
        own = ladder()
        table = own | {"N": own["N"] / 1e9, "D": own["D"] / 1e6}
        numbers, _ = read(table, units={"N": 1e9, "D": 1e6})
        np.testing.assert_allclose(numbers["N"], own["N"], rtol=1e-12)
        np.testing.assert_allclose(numbers["D"], own["D"], rtol=1e-12)

    def test_other_inputs(self) -> None:
        own = ladder()
        U = np.tile([1e9, 4e9, 2e9, 1e9, 8e9], 5)
        P = np.tile([1, 2, 4, 8, 1], 5)
        numbers, reading = read(own | {"#streams": P, "unique_tokens_B": U / 1e9})
        assert reading.inputs == ("N", "D", "#streams", "unique_tokens_B")
        np.testing.assert_array_equal(numbers["unique_tokens_B"], U)
        assert "unique_tokens_B (in billions)" in "\n".join(reading.sentences())

    def test_a_plain_mixture_has_a_note(self) -> None:
        own, shares = ladder(), np.random.default_rng(0).dirichlet([1, 1, 1], 25)
        names = ("web", "code", "math")
        dropout = {"dropout": np.tile([0.0, 0.1], 13)[:25]}
        _, reading = read(dict(zip(names, shares.T, strict=True)) | dropout | own)
        assert reading.shares == names
        assert "web, code, math sum to 1 in every row: a mixture" in reading.notes

    @given(st.integers(2, 5), st.integers(0, 3), st.integers(0, 3), st.randoms())
    @settings(max_examples=25, deadline=None)
    def test_any_plain_mixture(self, num: int, before: int, after: int, random: Any) -> None:
        rng = np.random.default_rng(random.randrange(10**6))
        shares = rng.dirichlet(np.ones(num), 12)
        names = [f"domain{place}" for place in range(num)]
        other = {f"x{place}": rng.uniform(2.0, 9.0, 12) for place in range(before + after)}
        first, rest = list(other)[:before], list(other)[before:]
        columns = other | dict(zip(names, shares.T, strict=True))
        assert plain_mixture(columns, [*first, *names, *rest]) == tuple(names)

    def test_losses_that_could_be_meant(self) -> None:
        own = ladder()
        _, reading = read(own | {"val_loss": 1.01 * own["loss"], "train_loss": 0.9 * own["loss"]})
        assert reading.responses == ("loss",)
        (note,) = reading.notes
        assert "'val_loss', 'train_loss' would also match" in note

    def test_standard_errors_and_scales_are_no_losses(self) -> None:
        own = ladder()
        table = {"N": own["N"], "D": own["D"], "web_loss": own["loss"], "code_loss": own["loss"]}
        _, reading = read(table | {"loss_scale": np.tile([1.0, 2.0], 13)[:25]})
        assert reading.responses == ("web_loss", "code_loss")

    def test_pooled_groups_are_said(self) -> None:
        own = {name: np.tile(values, 4) for name, values in ladder().items()}
        own["arm"] = np.repeat(["a", "b"], 50)
        own["cluster"] = np.tile(np.repeat(["x", "y"], 25), 2)
        own["loss"] = own["loss"] * np.where(own["arm"] == "a", 1.0, 1.05)
        _, reading = read(own, by=("arm",))
        assert reading.groups == ("arm",)
        assert any("rows of different cluster are pooled" in note for note in reading.notes)


def bad_tables() -> dict[str, dict[str, Any]]:
    """Tables that must not be fitted as they are, whose truth is that of :func:`ladder`."""
    own = ladder()
    tables = {
        "ratio": {"N": own["N"], "tokens_per_param": own["D"] / own["N"], "loss": own["loss"]},
        "compute": {"N": own["N"], "C": 6 * own["N"] * own["D"], "loss": own["loss"]},
        "billions": own | {"N": own["N"] / 1e9, "D": own["D"] / 1e9},
        "perplexity": {"N": own["N"], "D": own["D"], "ppl": np.exp(own["loss"])},
    }
    mixed = own["N"].copy()
    mixed[::2] /= 1e6
    tables["mixed units"] = own | {"N": mixed}
    steps = [
        {"run": np.arange(25), "step": np.full(25, step), "N": own["N"], "D": own["D"] * step / 4,
         "loss": own["loss"] * (1.0 + 0.1 * (4 - step))}
        for step in (1, 2, 3, 4)
    ]  # fmt: skip
    tables["checkpoints"] = {
        name: np.concatenate([part[name] for part in steps]) for name in steps[0]
    }
    role = np.where(own["N"] == own["N"].max(), "target", "ladder")
    tables["roles"] = own | {"role": role}
    return tables


class TestProblems:
    @pytest.mark.parametrize("name", list(bad_tables()))
    def test_the_options_of_the_error_read_the_table(self, name: str) -> None:
        table = bad_tables()[name]
        with pytest.raises(TableError) as caught:
            fj.choose_law(table)
        options = dict(caught.value.options)
        own = {key: options.pop(key) for key in [*options] if key in ("derive", "where", "last_by")}
        numbers, reading = read(fj.read_table(table, **own), **options)
        kept = ladder()
        if name == "roles":
            kept = {key: v[kept["N"] < kept["N"].max()] for key, v in kept.items()}
        (response,) = reading.responses
        for key, column in (("N", "N"), ("D", "D"), ("loss", response)):
            np.testing.assert_allclose(numbers[column], kept[key], rtol=1e-9)

    def test_missing_rows_are_left_out_by_an_option(self) -> None:
        own = ladder()
        table = own | {"loss": [*own["loss"][:3].tolist(), "diverged", *own["loss"][4:].tolist()]}
        with pytest.raises(TableError, match="row 3 is not a number") as caught:
            read(table)
        assert caught.value.options == {"drop_missing": True}
        numbers, reading = read(fj.read_table(table, drop_missing=True))
        np.testing.assert_array_equal(numbers["N"], np.delete(own["N"], 3))
        assert any("left out: row 3" in note for note in reading.notes)

    @pytest.mark.parametrize("inputs", [("N", "D"), ("examples",)])
    def test_an_accuracy_is_not_fitted_as_a_loss(self, inputs: tuple[str, ...]) -> None:
        own = ladder()
        table = dict(zip(inputs, (own["N"], own["D"]), strict=False))
        table["accuracy"] = 1.0 / (1.0 + np.exp(own["loss"] - 2.5))
        with pytest.raises(TableError, match="accuracy by its name") as caught:
            fj.choose_law(table, response="accuracy")
        assert caught.value.options == {"response": "accuracy", "link": "logit"}

    def test_the_logit_link(self, few_laws: None) -> None:
        own = ladder()
        table = {"N": own["N"], "D": own["D"], "error_rate": 1 / (1 + np.exp(2.5 - own["loss"]))}
        found = fj.choose_law(table, response="error_rate", link="logit")
        assert found.reading.link == "logit"
        predicted = found.predict({"N": [4e9], "D": [1e11]})
        assert 0.0 < predicted[0] < table["error_rate"].min()
        with pytest.raises(TableError, match="column 'loss'"):
            fj.choose_law(own, link="logit")

    def test_advice_on_groups_keeps_those_that_were_named(self) -> None:
        own = {name: np.tile(values, 4) for name, values in ladder().items()}
        own["arm"] = np.repeat(["a", "b"], 50)
        own["corpus"] = np.tile(np.repeat(["x", "y"], 25), 2)
        own["loss"] = own["loss"] * np.where(own["corpus"] == "x", 1.0, 1.1)
        with pytest.raises(TableError) as caught:
            read(own, by=("arm",))
        assert caught.value.options == {"by": "arm,corpus"}
        _, reading = read(own, by=("arm", "corpus"))
        assert reading.groups == ("arm", "corpus")


class TestNames:
    @pytest.mark.parametrize(
        ("name", "inputs", "columns", "expected"),
        [
            ("N", ["N", "D"], {}, "N"),
            ("params", ["N", "D"], {}, "N"),
            ("N_nonvocab", ["N", "V"], {}, "N"),
            ("batch_size", ["N", "B"], {}, "B"),
            ("parallel_size_2", ["N", "P"], {"P": "parallel_size_2"}, "P"),
            ("D", ["n_tokens", "d_model"], {}, "n_tokens"),
            ("d_model", ["D", "N"], {}, None),
            ("tokens", ["train_tokens", "n_tokens"], {}, None),
            ("arm", ["N"], {}, None),
        ],
    )
    def test_the_input_that_a_name_means(
        self, name: str, inputs: list[str], columns: dict[str, str], expected: str | None
    ) -> None:
        assert input_named(name, inputs, columns) == expected

    def test_columns_and_units(self) -> None:
        assert column_of_input("Model Params (B)", ["D", "n_params"]) == "n_params"
        assert unit_of_name("params_B", "N", np.array([7.0])) == 1e9
        assert unit_of_name("params_B", "N", np.array([7e9])) == 1.0
        assert holds("unique_tokens_B", "U")
        assert not holds("num_experts_B", "E")

    @pytest.mark.parametrize(
        "at",
        [
            {"Model Params (B)": [7.0], "tokens_B": [1000.0]},
            {"N": [7e9], "D": [1e12]},
            {"params": [7e9], "tokens_T": [1.0]},
        ],
    )
    def test_a_choice_predicts_tables_with_other_names(
        self, choice: fj.LawChoice, at: dict[str, list[float]]
    ) -> None:
        assert choice[0].members[0].law is not None
        expected = choice[0].predict(**{"Model Params (B)": 7e9, "tokens_B": 1e12})
        assert choice.predict(at)[0] == pytest.approx(float(expected), rel=1e-12)

    def test_a_choice_survives_a_file(self, choice: fj.LawChoice, tmp_path: Path) -> None:
        choice.to_json(tmp_path / "c.json")
        again = fj.LawChoice.from_json(tmp_path / "c.json")
        assert again.reading == choice.reading
        assert again.predict({"N": [7e9], "D": [1e12]}) == choice.predict({"N": [7e9], "D": [1e12]})


@pytest.mark.usefixtures("folder")
class TestShell:
    def test_points_by_any_name(self, choice: fj.LawChoice) -> None:
        choice.to_json("auto.json")
        own = choice.predict({"N": [7e9], "D": [1e12]})[0]
        for options in (
            ["--N", "7B", "--D", "1T"],
            ["--given", "params=7B", "--D", "1T"],
            ["--given", "params_B=7", "--given", "tokens=1T"],
        ):
            found = farseer("predict", "auto.json", *options, "--json", "-")
            assert found.exit_code == 0, found.stderr
            (row,) = json.loads(found.stdout)["predictions"]
            assert row["predicted"] == pytest.approx(own, rel=1e-12)
        refused(farseer("predict", "auto.json", "--N", "7B", "--given", "params=8B", "--D", "1T"),
                "params and another option both give")  # fmt: skip

    def test_points_of_a_fit_by_the_names_of_its_columns(self) -> None:
        own = ladder()
        pd.DataFrame({"weights": own["N"], "tokens_B": own["D"] / 1e9, "loss": own["loss"]}).to_csv(
            "runs.csv", index=False
        )
        law = ["--law", "chinchilla", "--N", "weights"]
        assert farseer("fit", "runs.csv", *law, "--json", "fit.json").exit_code == 0
        answers = []
        for options in (
            ["--N", "7B", "--D", "1T"],
            ["--given", "weights=7B", "--given", "tokens=1T"],
            ["--given", "n_params=7e9", "--given", "tokens_B=1000"],
        ):
            found = farseer("predict", "fit.json", *options, "--json", "-")
            assert found.exit_code == 0, found.stderr
            answers.append(json.loads(found.stdout)["predictions"][0]["predicted"])
        np.testing.assert_allclose(answers, answers[0], rtol=1e-12)
        least = farseer("optimise", "fit.json", "--over", "tokens", "--given", "weights=7B",
                        "--at-most", "tokens_B=1000", "--json", "-")  # fmt: skip
        assert least.exit_code == 0, least.stderr
        assert "1e+12" in least.stdout or "1000000000000" in least.stdout
        ahead = farseer("forecast", "runs.csv", "--N", "weights", "--no-usual",
                        "--at", "weights=7B,tokens_B=1000", "--json", "-")  # fmt: skip
        assert ahead.exit_code == 0, ahead.stderr

    @pytest.mark.parametrize("source", ["fit", "choice"])
    def test_points_without_a_number_are_left_out(self, choice: fj.LawChoice, source: str) -> None:
        own = ladder()
        pd.DataFrame(own).to_csv("runs.csv", index=False)
        if source == "fit":
            fitted = farseer("fit", "runs.csv", "--law", "chinchilla", "--json", "fit.json")
            assert fitted.exit_code == 0
        else:
            choice.to_json("fit.json")
        N, loss = own["N"].astype(object), own["loss"].astype(object)
        N[3], loss[7] = "", "diverged"
        pd.DataFrame(own | {"N": N, "loss": loss}).to_csv("points.csv", index=False)
        assert farseer("predict", "fit.json", "points.csv").exit_code == 2
        found = farseer("predict", "fit.json", "points.csv", "--drop-missing", "--json", "-")
        assert found.exit_code == 0, found.stderr
        assert "left out: row 3" in found.stderr
        assert len(json.loads(found.stdout)["predictions"]) == 24

    @pytest.mark.parametrize("name", ["ratio", "billions", "mixed units", "roles"])
    def test_the_command_that_reads_the_table(self, few_laws: None, name: str) -> None:
        pd.DataFrame(bad_tables()[name]).to_csv("runs.csv", index=False)
        found = farseer("fit", "runs.csv", "--law", "auto", "--json", "c.json")
        assert found.exit_code == 2
        lines = found.stderr.splitlines()
        (place,) = [at for at, line in enumerate(lines) if re.match("This reads it", line)][:1]
        again = farseer(*shlex.split(lines[place + 1])[1:])
        assert again.exit_code == 0, again.stderr
        choice = fj.LawChoice.from_json("c.json")
        expected = 1.7 + 400 / 4e9**0.34 + 410 / 1e11**0.28
        assert choice.predict({"N": [4e9], "D": [1e11]})[0] == pytest.approx(expected, rel=0.02)

    def test_the_unit_of_a_column(self, few_laws: None) -> None:
        own = ladder()
        pd.DataFrame(own | {"N": own["N"] / 1e9}).to_csv("runs.csv", index=False)
        found = farseer("fit", "runs.csv", "--law", "auto", "--N-unit", "1e9", "--json", "c.json")
        assert found.exit_code == 0, found.stderr
        assert "inputs: N (in billions), D" in found.stdout
        at = farseer("predict", "c.json", "--N", "4B", "--D", "100B", "--json", "-")
        (row,) = json.loads(at.stdout)["predictions"]
        expected = 1.7 + 400 / 4e9**0.34 + 410 / 1e11**0.28
        assert row["predicted"] == pytest.approx(expected, rel=0.01)

    def test_other_commands_answer_in_options(self) -> None:
        pd.DataFrame(ladder()).to_csv("runs.csv", index=False)
        for command in ("extrapolate", "bootstrap"):
            refused(farseer(command, "runs.csv", "--law", "auto"), "auto is for `farseer fit`")


class TestRecipes:
    @pytest.fixture(autouse=True)
    def arms(self, folder: None) -> None:
        own = {name: np.tile(values, 2) for name, values in ladder().items()}
        own["arm"] = np.repeat(["old", "new"], 25)
        own["loss"] = own["loss"] * np.where(own["arm"] == "old", 1.0, 0.95)
        pd.DataFrame(own).to_csv("arms.csv", index=False)

    @pytest.mark.parametrize(
        "options",
        [
            ["suggest", "--target", "4e9,1e11", "--budget", "1e21"],
            ["forecast", "--no-usual"],
            ["allocate", "--compute", "1e22"],
            ["bootstrap", "--law", "chinchilla"],
            ["extrapolate", "--law", "chinchilla"],
        ],
    )
    def test_rows_of_several_recipes_are_refused(self, options: list[str]) -> None:
        command, *rest = options
        found = farseer(command, "arms.csv", *rest)
        assert found.exit_code == 2
        assert "differ by up to 5.3 %, by column 'arm' ('old', 'new')" in found.stderr
        assert "--where \"arm = 'old'\"" in found.stderr

    def test_both_recipes_of_one_table(self) -> None:
        found = farseer("compare", "arms.csv", "--by", "arm", "--json", "-")
        assert found.exit_code == 0, found.stderr
        content = json.loads(found.stdout)
        assert content["names"] == ["old", "new"]
        np.testing.assert_allclose(content["mean_difference"], 1 / 0.95 - 1, rtol=1e-6)
        refused(farseer("compare", "arms.csv"), "Name two files A and B, or one table A")
        refused(farseer("compare", "arms.csv", "--by", "N"), "--by N: expected two values, got 5")
        refused(farseer("compare", "arms.csv", "--by", "recipe"), "no column 'recipe'")

    def test_rows_of_two_tables_are_selected(self) -> None:
        where = ["--where", "D > 5e9", "--drop-missing"]
        for command, *rest in (
            ["forecast", "arms.csv", "--no-usual", "--at", "4e9,1e11"],
            ["allocate", "arms.csv", "--compute", "1e22"],
        ):
            condition = ["--where", "arm = 'new' and D > 5e9"]
            found = farseer(command, *rest, *condition)
            assert found.exit_code == 0, found.stderr
            assert "15 of 50 rows meet" in found.stderr
        both = farseer("compare", "arms.csv", "--by", "arm", *where)
        assert both.exit_code == 0, both.stderr
        assert "30 of 50 rows meet D > 5e9" in both.stderr


class TestUnitsOfFits:
    def test_units_apply_where_inputs_are_bound(self) -> None:
        own = ladder()
        U = np.tile([1e9, 4e9, 2e9, 1e9, 8e9], 5)
        table = {"N_B": own["N"] / 1e9, "D": own["D"], "unique_tokens_B": U / 1e9,
                 "loss": own["loss"]}  # fmt: skip
        (part,) = bind_runs(table, ["N", "D", "U"], checked=True)
        np.testing.assert_allclose(part.runs.inputs["U"], U, rtol=1e-12)
        np.testing.assert_allclose(part.runs.N, own["N"], rtol=1e-12)
        assert "U is column 'unique_tokens_B' in billions" in "; ".join(part.runs.notes)
        (points,) = bind_points(table, ["N", "D", "U"])
        np.testing.assert_allclose(points.inputs["U"], U, rtol=1e-12)

    def test_tokens_alone_are_in_their_unit_too(self) -> None:
        own = ladder()
        (part,) = bind_runs({"tokens_B": own["D"] / 1e9, "loss": own["loss"]}, ["D"], checked=True)
        np.testing.assert_allclose(part.runs.inputs["D"], own["D"], rtol=1e-12)

    def test_an_input_of_a_formula_is_in_the_unit_of_its_column(self) -> None:
        own = ladder()
        fit = fj.fit("E + A/tokens_B**a", {"tokens_B": own["D"] / 1e9, "loss": own["loss"]})
        assert fit.runs.inputs["tokens_B"].max() == pytest.approx(60.0)


def test_options_that_leave_too_few_runs_are_not_proposed() -> None:
    """The last checkpoints of five runs are too few to choose a law by."""
    sizes, steps = 1e8 * 2.0 ** np.arange(5), np.arange(1, 9)
    table = {
        "run": np.repeat(np.arange(5), 8),
        "step": np.tile(1000 * steps, 5),
        "N": np.repeat(sizes, 8),
        "D": np.outer(20 * sizes, steps / 8).ravel(),
    }
    table["loss"] = 1.7 + 406.4 / table["N"] ** 0.34 + 410.7 / table["D"] ** 0.28
    with pytest.raises(fj.TableError, match="then 5 runs are too few") as caught:
        fj.choose_law(table)
    assert caught.value.ways == ()
