"""Names of columns as people and trackers write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import farseer_jax as fj
from farseer_jax.runs.column_names import (
    holds,
    is_non_embedding,
    loss_rank,
    name_and_unit,
    roles_of,
    unit_of,
)
from farseer_jax.runs.find_columns import find_inputs, usual_columns
from farseer_jax.runs.usual_names import USUAL_NAMES

# Names that trackers, training codes and published tables have, with the unit in the name.
RECOGNISED: dict[str, dict[str, float | None]] = {
    "N": {
        "config.model.n_params": None,  # W&B export
        "model/num_parameters": None,  # Hugging Face's Trainer on W&B
        "config/num_params": None,
        "hparams.model_size": None,
        "model.size": None,
        "parameter_count": None,
        "n_params_non_embedding": None,
        "params (non-embedding)": None,
        "#params": None,
        "# Params": None,
        "Number of parameters": None,
        "Parameters": None,  # Epoch
        "Model Size": None,
        "modelParams": None,
        "config.N": None,
        "params_B": 1e9,
        "params_b": 1e9,
        "paramsB": 1e9,
        "n_params_M": 1e6,
        "Params [M]": 1e6,
        "Model Params (B)": 1e9,
        "model size (B)": 1e9,
        "#params (M)": 1e6,
        "Size (M params)": 1e6,
        "Parameters (billions)": 1e9,
        "parameters in billions": 1e9,
        "N (B)": 1e9,
        "N_B": 1e9,
        "N_1e9": 1e9,
        "N/1e6": 1e6,
        "config.model.params_M": 1e6,
        "million_params": 1e6,
        "Model size (M params, non-emb)": 1e6,
        "num_params (excl. embeddings)": None,
        "config/model/num_parameters_excl_embeddings": None,
        "backbone_params": None,
        "n_params_total": None,
        "N_total": None,
        "Parameter (Mio.)": 1e6,
    },
    "N_active": {"Activated params (B)": 1e9, "n_active_params": None, "activated_params": None},
    "D": {
        "tokens_seen": None,
        "train/tokens_seen": None,
        "train/num_input_tokens_seen": None,  # Hugging Face
        "throughput/total_tokens": None,  # OLMo
        "consumed_train_tokens": None,  # Megatron-DeepSpeed
        "consumed_tokens": None,  # Nanotron
        "summary.total_tokens": None,
        "Training Tokens": None,
        "Training dataset size (datapoints)": None,  # Epoch
        "trainingTokens": None,
        "D (tokens)": None,
        "tokens_B": 1e9,
        "tokens (billions)": 1e9,
        "Tokens (B)": 1e9,
        "tokens_in_billions": 1e9,
        "num_tokens_in_millions": 1e6,
        "training_tokens_T": 1e12,
        "tokens_bn": 1e9,
        "billions_of_tokens": 1e9,
        "B tokens": 1e9,
        "D (B)": 1e9,
        "budget_BT": 1e9,
        "config.data.tokens [T]": 1e12,
        "dataset_size": None,
        "throughput/tokens_seen": None,
        "progress/tokens_seen": None,
        "Tokens [Btok]": 1e9,
        "tok": None,
        "n_tok": None,
        "Training data (GT)": 1e9,
        "Token horizon (B)": 1e9,
        "Tokens (Mrd.)": 1e9,
        "Tokens in Milliarden": 1e9,
    },
    "U": {"data/unique_tokens": None, "uniqueTokens": None},
    "P": {"#streams": None, "config.num_streams": None, "n_streams": None},
    "V": {"config.vocab_size": None, "model.vocab_size": None},
    "C": {
        "train/total_flos": None,
        "Training compute (FLOP)": None,  # Epoch
        "FLOPs budget": None,
    },
    "lr": {"optim.learning_rate": None, "optimizer/lr": None, "config.lr": None, "train/lr": None},
    "B": {"config.global_batch_size": None, "train.batch_size": None},
    "width": {"model.d_model": None, "config.hidden_size": None},
}
CASES = [(role, column, unit) for role, own in RECOGNISED.items() for column, unit in own.items()]

LOSSES = """
    loss|eval/loss|eval_loss|val/loss|valid/loss|validation.loss|val loss|valLoss|test/loss|
    summary/eval/loss|metrics.val_loss|lm loss validation|lm-loss-validation/lm loss validation|
    eval/c4_en-validation/CrossEntropyLoss|metrics/eval/LanguageCrossEntropy|loss/val|Loss/valid|
    val/bpb|eval/bits_per_byte|final_val_loss|summary.loss|eval/lm_loss|val_nll|xent|
    c4_val_loss|eval/mean_loss
    """
TRAINING_LOSSES = """
    train/loss|train_loss|training_loss|trainLoss|loss/train|train/CrossEntropyLoss|
    metrics/train/LanguageCrossEntropy|lm-loss-training/lm loss|train.ce_loss|summary/train/loss|
    mean_loss|avg loss|smoothed_loss|loss_mean|train_loss_smooth
    """
NEITHER = """
    tokens_per_param|tokens_per_second|tokens_per_batch|loss_se|loss_lo95|n_layers|batch_tokens|
    train_loss_std|params_ratio|loss_scale|tokens/s|tokens/sec|D/N|N/D|D_over_N|flops_6ND|
    throughput/device/tokens_per_second|train/tokens_per_sec|eval/tokens|tokens per parameter|
    tokens_per_param_B|num_layers|head_size|config.model.d|model.n_heads|loss_weight|aux_loss|z_loss|
    train/grad_norm|eval/runtime|eval/samples_per_second|best_val_loss|loss_B|perplexity|accuracy|
    params_per_layer|train/z_loss|eval/accuracy|steps|epoch|_step|_runtime|tok_k|top_k|arm|seed|
    train_loss_last_std|n_b|d_m|config.d|param_norm|loss %|tokens (%)|N (% of total)|train_size|
    training_size|train/size|dataset_N|data_params|embedding_params|training_data|M (tokens/param)
    """


def names(text: str) -> list[str]:
    return [name.strip() for name in text.replace("\n", "").split("|")]


@pytest.mark.parametrize(("role", "column", "unit"), CASES)
def test_names_of_the_wild_are_recognised(role: str, column: str, unit: float | None) -> None:
    assert holds(column, role)
    assert unit_of(column) == unit
    assert loss_rank(column) is None
    columns = ["run_id", column, *names(NEITHER)]
    assert find_inputs(columns, {role: "positive"}) == {role: column}
    others = [own for own in RECOGNISED if own != role and holds(column, own)]
    assert others == []


@pytest.mark.parametrize("column", names(LOSSES))
def test_losses_are_recognised(column: str) -> None:
    assert loss_rank(column) == 0
    assert usual_columns("loss", ["train/loss", column]) == ([column], ["train/loss"])


@pytest.mark.parametrize("column", names(TRAINING_LOSSES))
def test_training_losses_come_after_others(column: str) -> None:
    assert loss_rank(column) == 1
    assert find_inputs([column, "N"], {"loss": "positive"}) == {"loss": column}
    assert find_inputs([column, "eval/loss"], {"loss": "positive"}) == {"loss": "eval/loss"}


@pytest.mark.parametrize("column", names(NEITHER))
def test_what_is_neither_is_not_taken_for_it(column: str) -> None:
    assert loss_rank(column) is None
    assert not any(holds(column, role) for role in ("N", "D", "U", "C", "P"))


@pytest.mark.parametrize(
    ("column", "role", "unit"),
    [
        ("unique_tokens_B", "U", 1e9),
        ("vocab_size_k", "V", 1e3),
        ("compute (EFLOPs)", "C", 1e18),
        ("Compute (petaflop/s-days)", "C", 8.64e19),
        ("compute (PF-days)", "C", 8.64e19),
        ("flops_1e18", "C", 1e18),
    ],
)
def test_other_inputs_may_have_a_unit(column: str, role: str, unit: float) -> None:
    assert unit_of(column) == unit
    assert roles_of(column) == [role]


@pytest.mark.parametrize(("column", "role"), [("num_experts_K", "E"), ("peak_lr (m)", "lr")])
def test_units_do_not_apply_to_all_inputs(column: str, role: str) -> None:
    assert not holds(column, role)


PATHS = st.sampled_from(["", "config.", "config.model.", "summary/", "cfg/", "hparams."])
SCALES = {"_B": 1e9, "_M": 1e6, " (B)": 1e9, "_in_millions": 1e6, " [T]": 1e12, "_1e9": 1e9}
LONG = {role: [n for n in USUAL_NAMES[role] if len(n) > 3] for role in ("N", "D")}


@given(
    st.sampled_from("ND").flatmap(lambda r: st.tuples(st.just(r), st.sampled_from(LONG[r]))),
    PATHS,
    st.sampled_from(["", *SCALES]),
)
def test_paths_and_units_do_not_matter(pair: tuple[str, str], path: str, scale: str) -> None:
    role, name = pair
    assert holds(path + name + scale, role)
    assert unit_of(path + name + scale) == SCALES.get(scale)


@given(st.text())
def test_any_text_is_a_name(text: str) -> None:
    words, unit = name_and_unit(text)
    assert all(word == word.lower() for word in words)
    assert unit is None or unit > 1


@pytest.mark.parametrize(
    ("column", "expected"),
    [("num_parameters_excl_embeddings", True), ("N_no_embed", True), ("embedding_params", False)],
)
def test_parameters_without_embeddings(column: str, expected: bool) -> None:
    assert is_non_embedding(column) is expected


# A table


def test_the_columns_of_a_tracker_are_read() -> None:
    table = {
        "Name": ["a", "b"],
        "_step": [100, 100],
        "config.model.n_params": [1e8, 2e8],
        "tokens_seen": [2e9, 4e9],
        "train/loss": [3.5, 3.1],
        "eval/loss": [3.6, 3.2],
    }
    runs = fj.Runs.from_dataframe(table)
    assert runs.N.tolist() == [1e8, 2e8]
    assert runs.loss.tolist() == [3.6, 3.2]
    assert runs.loss_name == "eval/loss"
