"""Tables of runs varied in every way: names, units, order, rows, marks, files; nothing misread."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wild_tables import (
    TOKENS_PER_BATCH,
    example_ladder,
    real_ladder,
    rows_of,
    several_arms,
    true_rows,
    truth_of,
    ways_to_read,
)

LADDER = example_ladder()
few = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


def words(text: str) -> list[str]:
    return [word.strip() for word in text.replace("\n", "|").split("|") if word.strip()]


N_NAMES = {
    1.0: words("""N|n_params|config.model.n_params|model/num_parameters|parameter_count|# Params
        Model Size|n_params_non_embedding|N_no_embed|total_params|hparams.model_size|N (params)
        trainable_params|num-parameters|nparams"""),
    1e6: words("params_M|Params [M]|n_params (M)|Model size (M)|N_M|params (millions)|N_million"),
    1e9: words("params_B|N_B|Model Params (B)|size (B)|params_in_billions|n_params_B"),
}
D_NAMES = {
    1.0: words("""D|tokens|tokens_seen|train/tokens_seen|train/num_input_tokens_seen|total_tokens
        throughput/total_tokens|consumed_train_tokens|Training Tokens|summary.total_tokens
        dataset_size|trainer.tokens"""),
    1e6: words("tokens_M|Tokens (M)|tokens in millions"),
    1e9: words("tokens_B|D (B)|budget_BT|billions_of_tokens|tokens_bn"),
}
LOSS_NAMES = words("""loss|val_loss|eval/loss|validation_loss|final_loss|lm loss|val/loss|bpb|nll
    summary.eval/loss|c4_val_loss|eval/c4/loss|final val loss|cross_entropy|val/cross_entropy""")
MARKS = ["diverged", None, "", "NaN", "-", "inf", "OOM", float("nan")]
EXTRAS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "lr": lambda runs: 3e-4,
    "learning_rate": lambda runs: 10.0 ** (-3 - np.arange(len(runs)) % 7 / 7),
    "n_layers": lambda runs: 8 + np.log(runs.N).astype(int),
    "d_model": lambda runs: (runs.N**0.33).astype(int),
    "notes": lambda runs: np.resize(["ok", "restarted, twice", 'said "fine"', ""], len(runs)),
    "Created": lambda runs: [f"2024-01-{day % 28 + 1:02d}" for day in range(len(runs))],
    "Runtime": lambda runs: 1e5 + np.arange(len(runs)) ** 2,
    "Tags": lambda runs: None,
    "host": lambda runs: np.resize(["a1", "b2", "c3"], len(runs)),
    "State": lambda runs: "finished",
    "train/loss": lambda runs: runs.loss + 0.05,
    "perplexity": lambda runs: np.exp(runs.loss),
    "flops": lambda runs: 6.0 * runs.N * runs.D,
    "D/N": lambda runs: runs.D / runs.N,
    "accuracy": lambda runs: 1.0 / runs.loss,
    "epoch": lambda runs: 1,
    "vocab_size": lambda runs: 50304,
    "_timestamp": lambda runs: 1.7e9 + np.arange(len(runs)),
}


@st.composite
def some_runs(draw: st.DrawFn, least: int = 8) -> pd.DataFrame:
    """Some of the ladder's runs, in any order."""
    seed, num = draw(st.integers(0, 999)), draw(st.integers(least, 25))
    return LADDER.sample(num, random_state=seed).reset_index(drop=True)


@st.composite
def tables(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table with any names, units, further columns and order, and the truth."""
    runs = draw(some_runs())
    columns: dict[str, Any] = {}
    for role, names in (("N", N_NAMES), ("D", D_NAMES)):
        unit = draw(st.sampled_from(sorted(names)))
        is_told = draw(st.booleans())
        name = draw(st.sampled_from(names[unit if is_told else 1.0]))
        columns[name] = runs[role] / unit
    columns[draw(st.sampled_from(LOSS_NAMES))] = runs.loss
    for name in draw(st.lists(st.sampled_from(sorted(EXTRAS)), unique=True, max_size=6)):
        columns.setdefault(name, EXTRAS[name](runs))
    order = draw(st.permutations(sorted(columns)))
    return pd.DataFrame({name: columns[name] for name in order}, index=runs.index), truth_of(runs)


def is_right(table: Any, truth: pd.DataFrame, **options: Any) -> str:
    """What is said of a table that is read right, at once or by what a refusal proposes."""
    found, said = ways_to_read(table, **options)
    assert true_rows(truth) in found, said
    return said


@few
@given(tables())
def test_names_units_and_further_columns(case: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    is_right(*case)


@few
@given(some_runs(), st.data())
def test_marks_and_missing_cells_are_left_out_by_name(runs: pd.DataFrame, data: Any) -> None:
    rows = data.draw(st.lists(st.integers(0, len(runs) - 1), min_size=1, max_size=3, unique=True))
    table = runs.astype({"loss": object})
    for row in rows:
        table.loc[row, "loss"] = data.draw(st.sampled_from(MARKS))
    said = is_right(table, truth_of(runs).drop(rows))
    assert all(str(row) in said for row in rows)


@few
@given(some_runs(), st.sampled_from(["N", "D"]), st.sampled_from([1e6, 1e9]), st.data())
def test_mixed_units_in_any_rows(runs: pd.DataFrame, role: str, unit: float, data: Any) -> None:
    num = len(runs)
    rows = data.draw(st.lists(st.integers(0, num - 1), min_size=1, max_size=num // 2, unique=True))
    table = runs.astype({role: float})
    table.loc[rows, role] /= unit
    assert "mixes units" in is_right(table, truth_of(runs))


STYLES: dict[str, dict[str, Any]] = {
    "comma": {},
    "semicolon": {"sep": ";"},
    "decimal comma": {"sep": ";", "decimal": ","},
    "tab": {"sep": "\t"},
    "bar": {"sep": "|"},
    "byte order mark": {"encoding": "utf-8-sig"},
    "UTF-16": {"encoding": "utf-16"},
    "Windows": {"encoding": "cp1252", "lineterminator": "\r\n"},
    "gzip": {"compression": "gzip"},
    "zip": {"compression": "zip"},
}


@few
@given(tables(), st.sampled_from(sorted(STYLES)))
def test_files(tmp_path: Path, case: tuple[pd.DataFrame, pd.DataFrame], style: str) -> None:
    table, truth = case
    table.to_csv(tmp_path / "runs.csv", index=False, **STYLES[style])
    is_right(tmp_path / "runs.csv", truth)


@few
@given(some_runs(), st.sampled_from(["commas", "suffix", "spaces", "underscores", "powers"]))
def test_numbers_as_people_write_them(runs: pd.DataFrame, style: str) -> None:
    write = {
        "commas": lambda D: f"{D:,.0f}",
        "suffix": lambda D: f"{D / 1e9:.3f}B",
        "spaces": lambda D: f"{D:,.0f}".replace(",", " "),
        "underscores": lambda D: f"{D:_.0f}",
        "powers": lambda D: f"{D / 1e9:.3f}x10^9",
    }[style]
    digits = 1e6 if style in ("suffix", "powers") else 1.0
    known = (runs.D / digits).round() * digits
    is_right(runs.assign(D=[write(D) for D in runs.D]), truth_of(runs, D=known))


MEANINGS = {
    "tokens per parameter": words("""tokens_per_param|tokens/param|D/N|tpp|config.tokens_per_param
        tokens per parameter|token_param_ratio|D_over_N|data/param ratio"""),
    "compute": words("""C|compute|flops|train_flops|training compute (FLOP)|train/total_flos
        flops_6ND|C (FLOPs)"""),
    "EFLOPs": words("EFLOPs|flops_1e18|compute (EFLOPs)"),
    "multiples": words("chinchilla_mult|chinchilla_ratio|xC|chinchilla_multiplier|Chinchilla x"),
    "perplexity": words("ppl|perplexity|val_ppl|eval/perplexity|wikitext_ppl|test_ppl"),
    "accuracy": words("accuracy|acc|avg_acc|eval/accuracy|mmlu_acc|acc_norm|win_rate"),
    "per cent": words("accuracy|acc|avg_acc|eval/accuracy|mmlu_acc"),
    "log-likelihood": words("log_likelihood|loglik|avg_logprob|eval/log_likelihood"),
}


def with_meaning(runs: pd.DataFrame, meaning: str) -> tuple[str, Any, pd.DataFrame]:
    """The role that a column of another meaning stands for, its values, and the truth."""
    compute, right = 6.0 * runs.N * runs.D, 1.0 / (1.5 + runs.loss - runs.loss.min())
    of_D = {
        "tokens per parameter": runs.D / runs.N,
        "compute": compute,
        "EFLOPs": compute / 1e18,
        "multiples": runs.D / runs.N / 20.0,
    }
    of_loss = {
        "perplexity": (np.exp(runs.loss), runs.loss),
        "accuracy": (right, right),
        "per cent": (100.0 * right, right),
        "log-likelihood": (-runs.loss, runs.loss),
    }
    if meaning in of_D:
        return "D", of_D[meaning], truth_of(runs)
    values, loss = of_loss[meaning]
    return "loss", values, truth_of(runs, loss=loss)


@pytest.mark.parametrize("meaning", MEANINGS)
@settings(few, max_examples=8)
@given(some_runs(), st.data())
def test_columns_of_other_meanings(meaning: str, runs: pd.DataFrame, data: Any) -> None:
    role, values, truth = with_meaning(runs, meaning)
    name = data.draw(st.sampled_from(MEANINGS[meaning]))
    table = runs.drop(columns=role).assign(**{name: values})
    is_right(table, truth)
    # named for the role by an option
    option = {"response": name} if role == "loss" else {"columns_of": {role: name}}
    if (meaning, name) not in (("accuracy", "win_rate"), ("log-likelihood", name)):
        is_right(table, truth, **option)
    # and under the usual name of the role, where its size or trend tells
    if meaning not in ("multiples", "EFLOPs"):
        is_right(runs.assign(**{role: values}), truth)


LABELS = words("run_id|Name|run|id|run_name|experiment|config.run_name|run id|job_id")
STEPS = words("step|_step|global_step|trainer/global_step|iteration|Step|train/step")


@few
@given(
    some_runs(),
    st.sampled_from(LABELS),
    st.sampled_from([*STEPS, ""]),
    st.integers(3, 8),
    st.booleans(),
)
def test_checkpoints_with_and_without_steps(
    runs: pd.DataFrame, label: str, step: str, num: int, is_shuffled: bool
) -> None:
    parts = [
        pd.DataFrame(
            {
                label: runs.run_id,
                **({step: np.round(share * runs.D / TOKENS_PER_BATCH)} if step else {}),
                "n_params": runs.N,
                "tokens": share * runs.D,
                "loss": runs.loss * (1.3 - 0.3 * share),
            }
        )
        for share in np.arange(1, num + 1) / num
    ]
    table = pd.concat(parts, ignore_index=True)
    said = is_right(
        table.sample(frac=1.0, random_state=0) if is_shuffled else table, truth_of(runs)
    )
    assert "checkpoints" in said


FACTORS = {"text": ["base", "gqa", "mla", "moe"], "numbers": [0, 1, 2, 3], "flags": [False, True]}


@few
@given(some_runs(), st.sampled_from(sorted(FACTORS)), st.sampled_from([0.004, 0.01, 0.05]))
def test_arms_on_one_grid(runs: pd.DataFrame, kind: str, effect: float) -> None:
    factors = {label: 1.0 + effect * at for at, label in enumerate(FACTORS[kind])}
    table = several_arms(runs, factors, "variant")
    assert "'variant'" in is_right(table, truth_of(runs))


@few
@given(some_runs(least=16), st.sampled_from(sorted(FACTORS)), st.sampled_from([0.01, 0.05]))
def test_arms_whose_sizes_differ_a_little(runs: pd.DataFrame, kind: str, effect: float) -> None:
    factors = {label: 1.0 + effect * at for at, label in enumerate(FACTORS[kind])}
    table = several_arms(runs, factors, "variant")
    table["N"] = table.N * 1.013 ** np.repeat(np.arange(len(factors)), len(runs))
    assert "'variant'" in is_right(table, truth_of(runs))


@few
@given(some_runs(), st.sampled_from([1e-4, 1e-3]), st.integers(0, 999), st.data())
def test_repeats_and_seeds_are_no_arms(
    runs: pd.DataFrame, noise: float, seed: int, data: Any
) -> None:
    rng = np.random.default_rng(seed)
    name = data.draw(st.sampled_from(words("seed|random_seed|config.seed|replicate|rerun of")))
    parts = [runs.assign(**{name: at}) for at in range(3)]
    table = pd.concat(parts, ignore_index=True)
    table["loss"] = table.loss * (1.0 + noise * rng.standard_normal(len(table)))
    table["host"] = rng.choice(["a", "b", "c"], len(table))
    found, said = ways_to_read(table)
    assert (found, said) == ([true_rows(table)], "")


@few
@given(some_runs(), st.sampled_from(words("Name|run|model|model_name|experiment")), st.booleans())
def test_sizes_as_labels_are_no_runs_of_checkpoints(
    runs: pd.DataFrame, name: str, has_steps: bool
) -> None:
    table = runs.drop(columns="run_id").assign(**{name: [f"{N / 1e6:.0f}M" for N in runs.N]})
    if has_steps:
        table["steps"] = (runs.D / TOKENS_PER_BATCH).round()
    assert ways_to_read(table) == ([true_rows(runs)], "")


@few
@given(some_runs(), st.sampled_from(words("role|split|set|kind|Type|purpose")), st.data())
def test_targets_are_not_fitted(runs: pd.DataFrame, name: str, data: Any) -> None:
    target = data.draw(st.sampled_from(words("target|test|held-out|holdout|Target|extrapolation")))
    other = data.draw(st.sampled_from(["ladder", "train", "fit", "small", None]))
    is_target = runs.N >= runs.N.quantile(0.8)
    table = runs.assign(**{name: np.where(is_target, target, other)})
    assert repr(name) in is_right(table, truth_of(runs)[~is_target])


@pytest.fixture(scope="module")
def real_tables(shared_data: Path) -> list[pd.DataFrame]:
    """Tables of real runs that belong into one fit."""
    names = ["farseer_404", "chinchilla_epoch", "complexkda_ladder", "gadre_overtrain"]
    farseer, chinchilla, ladder, gadre = (pd.read_csv(shared_data / f"{n}.csv") for n in names)
    olmo = pd.read_csv(shared_data / "olmo_ladder.csv")
    more = [
        pd.read_csv(shared_data / "named_inputs" / f"{name}.csv")
        for name in ("data_constrained", "learning_rate_batch")
    ]
    return [
        farseer,
        chinchilla,
        ladder[ladder.arm == "attn"],
        gadre[gadre.corpus == "C4"],
        olmo[olmo.role.isin(["ladder", "ladder_rerun"])],
        *more,
    ]


@settings(few, max_examples=40)
@given(st.integers(0, 6), st.integers(0, 999), st.integers(5, 60))
def test_any_real_runs_are_read_as_they_are(
    real_tables: list[pd.DataFrame], place: int, seed: int, num: int
) -> None:
    table = real_tables[place]
    rows = table.sample(min(num, len(table)), random_state=seed)
    assert ways_to_read(rows)[0] == [rows_of(rows.N, rows.D, rows.loss)]


def test_the_real_ladder_is_read_as_it_is(shared_data: Path) -> None:
    runs = real_ladder(shared_data)
    assert ways_to_read(runs) == ([true_rows(runs)], "")
