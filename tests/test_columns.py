"""Which column is N, D and loss."""

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from farseer_jax.runs.columns import table_columns
from farseer_jax.runs.find_columns import find_inputs

USUAL = {
    "N": """N n params Params n_params N-Params num_params Num Parameters model_size ModelSize
        parameters size non_embedding_params Non-Embedding Params MODEL_SIZE""",
    "D": """D d tokens Tokens n_tokens num_tokens train_tokens training_tokens Train.Tokens
        TOKENS total_tokens""",
    "loss": """loss Loss LOSS L bpc BPC val_loss Val-Loss validation_loss final_loss eval_loss
        test_loss bits_per_character""",
}
CASES = [(role, name) for role, names in USUAL.items() for name in names.split()]
CASES = [(role, name) for role, name in CASES if name not in ("Num", "Non-Embedding")]
CASES += [("N", "Model size"), ("N", "# params"), ("D", "train tokens"), ("loss", "final val loss")]


def find_columns(names: list[str], **options: str) -> dict[str, object]:
    return dict(find_inputs(names, dict.fromkeys(("N", "D", "loss"), "positive"), options))


@pytest.mark.parametrize(("role", "name"), CASES)
def test_usual_names_are_recognised(role: str, name: str) -> None:
    names = {"N": "N", "D": "D", "loss": "loss"} | {role: name}
    columns = ["run_id", *reversed(names.values()), "lr", "flops", "D/N", "D_over_N"]
    assert find_columns(columns) == names


def test_exact_name_wins_over_other_usual_names() -> None:
    columns = ["params", "n", "N", "tokens", "d", "D", "L", "val_loss", "Loss", "loss"]
    assert find_columns(columns) == {"N": "N", "D": "D", "loss": "loss"}


def test_option_wins_over_exact_name() -> None:
    columns = ["N", "N_with_embedding", "D", "loss", "bpc"]
    found = find_columns(columns, N="N_with_embedding", loss="bpc")
    assert found == {"N": "N_with_embedding", "D": "D", "loss": "bpc"}


def test_column_taken_by_an_option_is_no_candidate() -> None:
    found = find_columns(["size", "params", "D", "loss"], loss="size")
    assert found == {"N": "params", "D": "D", "loss": "size"}


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        (
            ["params", "model_size", "D", "loss"],
            ["'params', 'model_size'", "could each be N", 'N="params"', "--N params"],
        ),
        (
            ["N", "tokens", "Train Tokens", "loss"],
            ["'tokens', 'Train Tokens'", "could each be D", 'D="tokens"', "--D tokens"],
        ),
        (
            ["N", "D", "val_loss", "bpc"],
            ["'val_loss', 'bpc'", "could each be loss", "--loss val_loss"],
        ),
    ],
)
def test_ambiguous_columns_are_named(columns: list[str], parts: list[str]) -> None:
    with pytest.raises(ValueError, match="say which") as caught:
        find_columns(columns)
    for part in parts:
        assert part in str(caught.value)


def test_missing_column_lists_columns_and_both_options() -> None:
    with pytest.raises(ValueError, match="recognised as D") as caught:
        find_columns(["N", "steps", "loss"])
    for part in ("training tokens", 'D="column"', "--D column", "'N', 'steps', 'loss'"):
        assert part in str(caught.value)


def test_a_wide_table_is_listed_in_part() -> None:
    with pytest.raises(ValueError, match="and 60 more") as caught:
        find_columns([f"x{number}" for number in range(100)])
    assert "'x39'" in str(caught.value)
    assert "'x40'" not in str(caught.value)


def test_a_table_without_columns() -> None:
    with pytest.raises(ValueError, match="the columns are none"):
        find_columns([])


def test_misnamed_option_suggests_the_nearest() -> None:
    with pytest.raises(ValueError, match="no column 'tokns', named as D") as caught:
        find_columns(["N", "tokens", "loss"], D="tokns")
    assert "'N', 'tokens', 'loss'" in str(caught.value)
    assert "did you mean 'tokens'?" in str(caught.value)


def test_one_column_for_two_roles_is_refused() -> None:
    with pytest.raises(
        ValueError, match="'D' is named as both N and D: name two different columns"
    ):
        find_columns(["D", "loss"], N="D", D="D")


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_table_columns_of_every_library(make: object) -> None:
    assert callable(make)
    columns = table_columns(make({"N": [1, 2], "arm": ["a", "b"], "loss": [3.0, 2.5]}))
    assert list(columns) == ["N", "arm", "loss"]
    assert columns["N"].tolist() == [1, 2]
    assert columns["arm"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame([[1, 2, 3]], columns=["N", "D", "N"]),
        pa.table([[1], [2], [3]], names=["N", "D", "N"]),
    ],
    ids=["pandas", "pyarrow"],
)
def test_repeated_names_are_refused(table: object) -> None:
    with pytest.raises(ValueError, match="'N' 2 times; give every column a different name"):
        table_columns(table)


def test_labels_that_read_alike_are_refused() -> None:
    with pytest.raises(ValueError, match="'1' 2 times"):
        table_columns(pd.DataFrame([[1, 2]], columns=pd.Index([1, "1"], dtype=object)))


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"expected a pandas, polars or pyarrow table.*builtins.int"
    ):
        table_columns(3)
    with pytest.raises(TypeError, match=r"LazyFrame: call \.collect\(\) on it first"):
        table_columns(pl.LazyFrame({"N": [1]}))
