"""Columns of tables bound to the inputs of a law, by group and response."""

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import farseer_jax as fj
from farseer_jax.link_functions import Link
from farseer_jax.runs.binding import Part, bind_points, bind_runs
from farseer_jax.runs.find_columns import find_inputs, usual_input
from farseer_jax.runs.read_table import read_runs, read_table
from farseer_jax.runs.runs import Runs

TABLE: dict[str, list[Any]] = {
    "params": [1e8, 2e8, 4e8, 8e8],
    "streams": [1, 2, 1, 2],
    "corpus": ["pile", "stack", "pile", "stack"],
    "loss": [3.5, 3.0, 3.2, 2.9],
    "w": [1, 2, 0, 1],
}


def refusal(inputs: Any, table: Any = None, **options: Any) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - callers look at the message
        bind_runs({**TABLE, **(table or {})}, inputs, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def only(parts: list[Part]) -> Runs:
    assert len(parts) == 1
    return parts[0].runs


# Which column is which input


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("U", "unique_tokens"),
        ("P", "parallel_size"),
        ("V", "Vocab size"),
        ("E", "num_experts"),
        ("lr", "learning-rate"),
        ("B", "batch_size"),
        ("C", "train_flops"),
        ("N_active", "n_active"),
    ],
)
def test_usual_names_of_further_inputs(name: str, column: str) -> None:
    found = find_inputs(["steps", column, "N", "loss"], {name: "positive", "N": "positive"})
    assert found == {name: column, "N": "N"}


def test_only_what_is_asked_for_must_be_there() -> None:
    runs = only(bind_runs(TABLE, ["N", "P"]))
    assert runs == Runs(
        TABLE["params"], loss=TABLE["loss"], inputs={"P": TABLE["streams"]},
        extra={"corpus": TABLE["corpus"], "w": TABLE["w"]},
    )  # fmt: skip
    assert runs.loss_name == "loss"


def test_an_exact_name_is_no_candidate_for_another_input() -> None:
    names = ["params", "model_size", "loss"]
    found = find_inputs(names, {"N": "positive", "model_size": "positive"})
    assert found == {"N": "params", "model_size": "model_size"}


def test_names_of_parameters_are_not_taken_for_columns() -> None:
    columns = ["params", "experts", "batch_size", "unique_tokens"]
    assert [usual_input(name, columns) for name in "NEBU"] == [
        "params", None, None, "unique_tokens",
    ]  # fmt: skip
    assert usual_input("E", ["E"]) == "E"


@pytest.mark.parametrize("option", ["share_*", "share_web,share_code", ["share_web", "share_code"]])
def test_ways_to_name_a_mixture(option: Any) -> None:
    names = ["share_web", "N", "share_code", "weight_a", "weight_b"]
    found = find_inputs(names, {"h": "mixture"}, {"h": option})
    assert found == {"h": ("share_web", "share_code")}


def test_a_mixture_is_found_by_its_own_or_a_usual_name() -> None:
    kinds = {"h": "mixture"}
    assert find_inputs(["h_1", "h_2", "share_1", "share_2"], kinds)["h"] == ("h_1", "h_2")
    assert find_inputs(["N", "weight_1", "weight_2"], kinds)["h"] == ("weight_1", "weight_2")
    with pytest.raises(ValueError, match=r"share_\* and weight_\* could each be the mixture h"):
        find_inputs(["share_1", "share_2", "weight_1", "weight_2"], kinds)


@pytest.mark.parametrize(
    ("inputs", "options", "parts"),
    [
        (["N", "U"], {}, ["recognised as U (unique tokens)", 'columns_of={"U": "column"}']),
        (["N", "U"], {}, ["--input U=column", "'params', 'streams', 'corpus', 'loss', 'w'"]),
        (["N", "stream"], {}, ["no column was recognised as stream", "did you mean 'streams'?"]),
        (["N"], {"columns_of": {"N": "parms"}}, ["no column 'parms'", "did you mean 'params'?"]),
        (["N"], {"columns_of": {"Q": "w"}}, ["named for Q, which is not an input", "are N"]),
        (
            ["N"],
            {"columns_of": {"N": "par*"}},
            ["expected one column named as N (parameters), got 'par*'"],
        ),
        (
            ["N"],
            {"columns_of": {"N": ["w", "loss"]}},
            ["expected one column named as N (parameters), got 'w', 'loss'"],
        ),
        (["N", "P"], {"columns_of": {"N": "w", "P": "w"}}, ["'w' is named as both N and P"]),
        ({"h": "mixture"}, {}, ["no columns were recognised as the mixture h", "share_*"]),
        ({"h": "mixture"}, {"columns_of": {"h": "x_*"}}, ["no column matches 'x_*', named as h"]),
        (["N"], {"response": "los"}, ["no column 'los', named as a response", "mean 'loss'?"]),
        (
            ["N"],
            {"response": "loss,w", "columns_of": {"N": "w"}},
            ["column 'w' is named as a response, but is used otherwise too"],
        ),
        (["N"], {"by": "corpu"}, ["no column 'corpu', named as a group", "mean 'corpus'?"]),
        (["N"], {"weights": "ww"}, ["no column 'ww', named as weights"]),
        (["N"], {"weights": "w*"}, ["expected one column named as weights, got 'w*'"]),
        (["N"], {"weights": "w", "standard_error": "w"}, ["are both given; name one"]),
        ({"N": "integer"}, {}, ["input 'N': unknown kind 'integer'"]),
    ],
)
def test_what_is_not_found_is_named(inputs: Any, options: Any, parts: list[str]) -> None:
    message = refusal(inputs, **options)
    for part in parts:
        assert part in message


# What is wrong in a column


@pytest.mark.parametrize(
    ("inputs", "table", "options", "message"),
    [
        (["N", "P"], {"streams": [1, 0, 1, 1]}, {}, "column 'streams' (P): row 1 is not positive"),
        ({"P": "count"}, {"streams": [1, 2.5, 1, 1]}, {}, "row 1 is not a positive whole number"),
        (["N"], {"params": [1e8, None, 1e8, 1e8]}, {}, "column 'params' (N): row 1 is missing"),
        (["N"], {"params": [0.1, 0.2, 0.4, 0.8]}, {}, "give N_unit=1e9 (shell: --N-unit 1e9)"),
        (["N"], {"loss": [3, 2, -1, 1]}, {}, "column 'loss': row 2 is not positive (-1.0)"),
        (["N"], {"loss": [3, "x", 1, 1]}, {}, "column 'loss': row 1 is not a number ('x')"),
        (["N"], {"loss": [math.nan] * 4}, {}, "column 'loss': is missing in all 4 rows; name"),
        (["N"], {"loss": [math.nan, 3, math.nan, 3]}, {"by": "corpus"}, "with corpus='pile'"),
        (["N"], {"w": [1, -1, 1, 1]}, {"weights": "w"}, "column 'w' (weights): row 1 is negative"),
        (["N"], {}, {"standard_error": "w"}, "column 'w' (standard error): row 2 is not positive"),
        (["N"], {"corpus": ["a", "", "a", "b"]}, {"by": "corpus"}, "'corpus' (group): row 1 is mi"),
        ({"corpus": "category"}, {"corpus": ["a"] * 4}, {}, "the same value 'a' in all runs, so"),
        ({"corpus": "category"}, {}, {"by": "corpus"}, "in all runs with corpus='pile', so its"),
        (
            ["N"],
            {"corpus": [[1]] * 4},
            {"by": "corpus"},
            "which cannot be a label",
        ),
        (
            ["N"],
            {"corpus": ["a"]},
            {"by": "corpus"},
            "column 'corpus': expected one value for each of the 4 runs, got shape (1,)",
        ),
        (
            ["N"],
            {"w": [1]},
            {"weights": "w"},
            "column 'w' (weights): expected one value per run, for 4 runs or more, got 1",
        ),
        (["N"], {}, {"units": {"D": 1e9}}, "D_unit: D is not an input; the inputs are"),
        (["loss"], {}, {}, "'loss' is the name of the response and cannot be an input: rename it"),
        (["N"], {"loss": []}, {}, "unequal length: column 'params' (N) has 4, column 'loss' has 0"),
        (
            {"h": "mixture"},
            {"h_a": [0.5, 0.5, 0.5, 1], "h_b": [0.5, 0.4, 0.4, 0]},
            {},
            "columns 'h_a', 'h_b' (h): rows 1, 2 do not sum to 1 (0.9, 0.9)",
        ),
    ],
)
def test_bad_columns_name_column_rows_and_remedy(
    inputs: Any, table: Any, options: Any, message: str
) -> None:
    assert message in refusal(inputs, table, **options)


def test_rows_in_messages_are_those_of_the_table() -> None:
    table = {"loss": [math.nan, 3.0, math.nan, 2.0], "w": [1, 1, 1, -1]}
    message = refusal(["N"], {**table, "corpus": ["a", "a", "b", "a"]}, weights="w")
    assert message.startswith("column 'w' (weights): row 3 is negative (-1.0)")


def test_a_table_without_rows() -> None:
    with pytest.raises(ValueError, match="the table has no rows: columns N and loss are empty"):
        bind_runs({"N": [], "loss": []}, ["N"])


# Groups, responses, weights


def test_groups_in_order_of_appearance() -> None:
    parts = bind_runs(TABLE, ["N"], by="corpus")
    assert [part.group for part in parts] == [{"corpus": "pile"}, {"corpus": "stack"}]
    assert [part.runs.N.tolist() for part in parts] == [[1e8, 4e8], [2e8, 8e8]]
    assert parts[0].runs.extra["corpus"].tolist() == ["pile", "pile"]
    by_two = bind_runs(pd.DataFrame(TABLE), ["N"], by="corpus,streams")
    assert [part.group for part in by_two] == [
        {"corpus": "pile", "streams": 1},
        {"corpus": "stack", "streams": 2},
    ]


def test_a_column_can_be_an_input_and_make_groups() -> None:
    parts = bind_runs(TABLE, ["N", "P"], by=["streams"])
    assert [part.group for part in parts] == [{"streams": 1}, {"streams": 2}]
    assert parts[1].runs.inputs["P"].tolist() == [2.0, 2.0]
    assert parts[1].runs.extra["streams"].tolist() == [2, 2]


def test_runs_without_a_response_are_left_out_and_counted() -> None:
    table = {**TABLE, "loss_a": [1.0, math.nan, 2.0, 3.0], "loss_b": [None, 1.0, None, 2.0]}
    parts = bind_runs(table, ["N"], response="loss_*")
    assert [part.response for part in parts] == ["loss_a", "loss_b"]
    assert [part.num_left_out for part in parts] == [1, 2]
    assert parts[0].runs.N.tolist() == [1e8, 4e8, 8e8]
    assert parts[1].runs.loss.tolist() == [1.0, 2.0]
    assert parts[1].runs.loss_name == "loss_b"
    assert "loss_a" in parts[1].runs.extra
    assert parts[1].runs.extra["loss_other"].tolist() == [3.0, 2.9]  # the column named loss


def test_a_pattern_of_responses_leaves_other_columns_alone() -> None:
    table = {**TABLE, "loss_a": TABLE["loss"], "loss_weight": [1, 1, 2, 2]}
    runs = only(bind_runs(table, ["N"], response="loss_*", weights="loss_weight"))
    assert runs.loss_name == "loss_a"
    assert runs.weights is not None
    assert runs.weights.tolist() == [1.0, 1.0, 2.0, 2.0]


def test_standard_errors_become_weights_on_the_scale_of_the_link() -> None:
    errors = np.array([0.1, 0.2, 0.1, 0.4])
    table = {"x": [1, 2, 3, 4], "y": [0.2, 0.5, 0.8, 0.6], "se": errors}
    y = np.array(table["y"])
    slopes = {"log": 1 / y, "identity": np.ones(4), "logit": 1 / (y * (1 - y))}
    for link, slope in slopes.items():
        options: dict[str, Any] = {"response": "y", "link": link, "standard_error": "se"}
        runs = only(bind_runs(table, ["x"], **options))
        expected = (errors * slope) ** -2
        assert runs.weights is not None
        np.testing.assert_allclose(runs.weights, expected / expected.mean(), rtol=1e-14)
        assert runs.extra["se"].tolist() == errors.tolist()


def test_units_of_any_input() -> None:
    table = {"N": [0.1, 0.2], "U": [1.0, 2.0], "loss": [3.0, 2.9]}
    runs = only(bind_runs(table, ["N", "U"], units={"N": 1e9, "U": 1e6}))
    assert runs.N.tolist() == [1e8, 2e8]
    assert runs.inputs["U"].tolist() == [1e6, 2e6]


def test_runs_of_a_table_by_the_same_rules(tmp_path: Path) -> None:
    frame = pd.DataFrame({**TABLE, "share_a": [0.5, 1, 0, 0.2], "share_b": [0.5, 0, 1, 0.8]})
    options: dict[str, Any] = {
        "inputs": {"N": "positive", "P": "count", "h": "mixture"},
        "columns_of": {"h": "share_*"},
        "weights": "w",
        "link": "identity",
    }
    runs = Runs.from_dataframe(frame, **options)
    assert runs == only(bind_runs(frame, **options))
    frame.to_csv(tmp_path / "runs.csv", index=False)
    assert read_runs(tmp_path / "runs.csv", **options) == runs
    with pytest.raises(ValueError, match="column 'loss': row 1 is missing or NaN"):
        Runs.from_dataframe({**TABLE, "loss": [1, None, 2, 3]}, inputs=["N"])
    other = Runs.from_dataframe(frame, inputs=["N"], response="share_a", link="identity")
    assert other.loss_name == "share_a"
    with pytest.raises(ValueError, match="loss and response are both given"):
        Runs.from_dataframe(frame, inputs=["N"], response="share_a", loss="loss")
    with pytest.raises(ValueError, match="response: expected one column, got 2"):
        Runs.from_dataframe(TABLE, inputs=["N"], loss="loss,w", link="identity")


# Points


def test_points_need_no_response() -> None:
    first, second = bind_points(TABLE, ["N", "P"], by="corpus", responses=["loss", "bpb"])
    assert second.group == {"corpus": "stack"}
    assert second.rows.tolist() == [1, 3]
    assert second.inputs["N"].tolist() == [2e8, 8e8]
    assert first.observed["loss"].tolist() == [3.5, 3.2]
    assert np.isnan(first.observed["bpb"]).all()
    with pytest.raises(ValueError, match="recognised as U"):
        bind_points(TABLE, ["U"])
    with pytest.raises(ValueError, match=r"'streams' \(P\): row 0 is not positive"):
        bind_points({"streams": [-1]}, ["P"])


# Real tables


def bound(folder: Path, name: str, inputs: Any, **options: Any) -> list[Part]:
    return bind_runs(read_table(folder / "named_inputs" / name), inputs, **options)


def test_parallel_streams_by_corpus(shared_data: Path) -> None:
    parts = bound(shared_data, "parallel.csv", {"N": "positive", "P": "count"}, by="corpus")
    assert [part.group["corpus"] for part in parts] == ["stack", "pile"]
    assert [len(part.runs) for part in parts] == [18, 18]


def test_fine_tuning_curves(shared_data: Path) -> None:
    columns = {"D": "examples"}
    parts = bound(shared_data, "finetuning.csv", ["D"], columns_of=columns, by="model,dataset")
    assert len(parts) == 42
    assert sum(len(part.runs) for part in parts) == 504
    assert list(parts[0].group) == ["model", "dataset"]


def test_mixtures_of_five_domains(shared_data: Path) -> None:
    parts = bound(
        shared_data,
        "mixture_five_domains.csv",
        {"h": "mixture"},
        response="loss_*",
        by="model",
    )
    assert len(parts) == 20
    assert {part.runs.inputs["h"].shape for part in parts} == {(20, 5)}
    assert [part.response for part in parts[:5]] == [f"loss_{domain}" for domain in range(1, 6)]


def test_mixtures_with_missing_losses(shared_data: Path) -> None:
    inputs = {"N": "positive", "D": "positive", "h": "mixture"}
    parts = bound(shared_data, "mixture_slimpajama.csv", inputs, response="*_loss")
    table = pd.read_csv(shared_data / "named_inputs" / "mixture_slimpajama.csv")
    assert len(parts) == 8
    for part in parts:
        assert part.num_left_out == table[part.response].isna().sum()
        assert len(part.runs) == table[part.response].notna().sum()
    assert sum(part.num_left_out for part in parts) == 16
    assert len(parts[0].runs.shares["h"]) == 7


@pytest.mark.parametrize(
    ("name", "inputs", "options", "num_runs"),
    [
        ("vocabulary.csv", ["N_nonvocab", "V", "characters"], {"link": "identity"}, 1080),
        ("moe.csv", {"E": "count", "N": "positive"}, {"columns_of": {"N": "N_dense"}}, 193),
        ("data_constrained.csv", ["N", "D", "U"], {}, 161),
        ("learning_rate_batch.csv", ["N", "D", "lr", "B"], {}, 2702),
        ("sparsity.csv", {"P": "positive", "N_active": "positive", "group": "category"}, {}, 70),
        ("olmo_tasks.csv", ["N", "D"], {"response": "piqa_acc", "link": Link("logit", 0.5)}, 30),
    ],
)
def test_other_tables(
    shared_data: Path, name: str, inputs: Any, options: Any, num_runs: int
) -> None:
    runs = only(bound(shared_data, name, inputs, **options))
    assert len(runs) == num_runs
    assert list(runs.inputs) == list(inputs)
    assert Runs.from_dict(runs.to_dict()) == runs


def test_negative_losses_show_the_link(shared_data: Path) -> None:
    with pytest.raises(ValueError, match=r"and 1070 more are not positive .*--link identity"):
        bound(shared_data, "vocabulary.csv", ["V"])


# Copies and replicates


def test_replicates_that_rounding_made_equal_count_each_with_another_seed() -> None:
    table = {"N": [1e8] * 4, "D": [1e9] * 4, "loss": [3.5, 3.5, 3.5, 3.4], "seed": [0, 1, 1, 2]}
    runs = Runs.from_dataframe(table)
    assert runs.is_copy.tolist() == [False, False, True, False]
    np.testing.assert_allclose(runs.loss, table["loss"], rtol=1e-13)
    del table["seed"]
    assert Runs.from_dataframe(table).num_copies == 2
    assert Runs.from_dataframe(table, copies="keep").num_copies == 0
    with pytest.raises(ValueError, match="copies must be one of"):
        Runs.from_dataframe(table, copies="drop")  # type: ignore[arg-type]


def test_kept_copies_have_their_weight() -> None:
    """A run twice is as good as a run of weight 2."""
    N = np.tile([1e8, 3e8, 1e9], 4)
    D = np.repeat([1e9, 3e9, 1e10, 3e10], 3)
    loss = fj.simulate(fj.Chinchilla(1.7, 400.0, 410.0, 0.34, 0.28), N, D, noise=5e-3, seed=0).loss
    twice = np.append(np.arange(12), 4)
    table = {"N": N[twice], "D": D[twice], "loss": loss[twice]}
    kept = fj.fit(fj.Chinchilla, table, copies="keep")
    weighted = {"N": N, "D": D, "loss": loss, "w": 1.0 + (np.arange(12) == 4)}
    expected = fj.fit(fj.Chinchilla, weighted, weights="w")
    assert kept.predict(3e9, 1e11) == pytest.approx(expected.predict(3e9, 1e11), rel=1e-9)
    assert kept.diagnostics.num_copies == 0
    once = fj.fit(fj.Chinchilla, table)
    assert once.diagnostics.num_copies == 1
    assert once.predict(3e9, 1e11) != pytest.approx(expected.predict(3e9, 1e11), rel=1e-6)


class TestNotes:
    """Notes on rows are those of the runs at hand."""

    def test_a_selection_has_no_notes_on_rows(self) -> None:
        table = {"params": [1e8, 2e8, 4e8, 8e8], "D": [2e9] * 4, "loss": [3.6, 3.4, 3.2, 3.1]}
        runs = fj.read_runs(table, where="loss < 3.5")
        of_columns = "N is column 'params'"
        assert runs.notes == ("3 of 4 rows meet loss < 3.5", of_columns)
        assert runs.select(max_N=4e8).notes == (of_columns,)
        assert runs.select(max_N=1e9).notes == runs.notes

    def test_a_group_has_no_notes_on_rows_of_others(self) -> None:
        table = {"N": [1e8, 2e8] * 2, "D": [2e9] * 4, "loss": [3.6, 3.4, 3.2, None]}
        table["arm"] = ["a", "a", "b", "b"]
        a, b = bind_runs(table, ["N", "D"], by="arm", checked=True)
        assert a.runs.notes == ()
        assert b.runs.notes == ("left out: row 3 (column 'loss': missing)",)


class TestAdvice:
    """What an error proposes is a call that works."""

    @pytest.mark.parametrize("drop", [False, True])
    def test_of_a_file(self, drop: bool, tmp_path: Path) -> None:
        path = tmp_path / "runs.csv"
        rows = ["0.1,20,3.6,a", "0.2,40,3.3,b", f"0.4,40,{'' if drop else 3.2},a"]
        path.write_text("\n".join(["size_B,tokens_per_param,loss,arm", *rows]))
        with pytest.raises(fj.TableError) as caught:
            fj.read_runs(path, where="size_B < 10", drop_missing=drop)
        call = str(caught.value).split("This reads it: ")[1]
        assert call.startswith(f"fj.read_table({str(path)!r}, ")
        columns = eval(call, {"fj": fj})
        assert fj.read_runs(columns).D.tolist() == [2e9, 8e9, 1.6e10][: 3 - drop]

    def test_of_a_table_in_memory(self) -> None:
        table = {"N": [1e8, 2e8], "tokens_per_param": [20, 40], "a_loss": [3.6, 3.3]}
        table["b_loss"] = [3.7, 3.4]
        with pytest.raises(fj.TableError) as caught:
            fj.read_runs(table)
        call, options = str(caught.value).split("This reads it: ")[1].split(" with ")
        columns = eval(call, {"fj": fj, "table": table})
        runs = eval(f"fj.read_runs(columns, {options})", {"fj": fj, "columns": columns})
        assert runs.D.tolist() == [2e9, 8e9]

    def test_an_error_can_be_pickled(self) -> None:
        with pytest.raises(fj.TableError) as caught:
            fj.read_runs({"params": [1e8], "tokens_per_param": [20], "loss": [3.6]})
        copy = pickle.loads(pickle.dumps(caught.value))
        assert str(copy) == str(caught.value)
        assert copy.options == caught.value.options
