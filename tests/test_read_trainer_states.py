"""States of Hugging Face's Trainer, as transformers writes them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import farseer_jax as fj


def state(step: int, **more: Any) -> dict[str, Any]:
    """What `TrainerState.save_to_json` writes; the loss of step s is 4 − s/1000."""
    log = []
    for logged in range(100, step + 1, 100):
        here = {"epoch": logged / 1000, "step": logged}
        log.append({**here, "grad_norm": 0.5, "learning_rate": 1e-4, "loss": 4 - logged / 1000})
        if logged % 200 == 0:
            log.append({**here, "eval_loss": 4.25 - logged / 1000, "eval_runtime": 1.5})
    return {
        "best_global_step": None,
        "best_metric": None,
        "best_model_checkpoint": None,
        "epoch": step / 1000,
        "eval_steps": 200,
        "global_step": step,
        "is_hyper_param_search": False,
        "is_local_process_zero": True,
        "is_world_process_zero": True,
        "log_history": log,
        "logging_steps": 100,
        "max_steps": 1000,
        "num_input_tokens_seen": step * 2**20,
        "num_train_epochs": 1,
        "save_steps": 200,
        "stateful_callbacks": {"TrainerControl": {"args": {}, "attributes": {}}},
        "total_flos": step * 1e15,
        "train_batch_size": 8,
        "trial_name": None,
        "trial_params": None,
        **more,
    }


def save(folder: Path, values: object, name: str = "trainer_state.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(values, indent=2, sort_keys=True), encoding="utf-8")
    return folder


CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 256,
    "num_hidden_layers": 4,
    "rope_scaling": {"factor": 2.0},
    "vocab_size": 32000,
}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """One finished run, and one that crashed after its checkpoint at step 400."""
    for step in (600, 1000):  # as text 600 comes after 1000
        checkpoint = save(tmp_path / "ladder" / "small" / f"checkpoint-{step}", state(step))
        save(checkpoint, CONFIG, "config.json")
        (checkpoint / "training_args.bin").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    checkpoint = save(tmp_path / "large" / "checkpoint-400", state(400))
    save(checkpoint, {**CONFIG, "hidden_size": 512}, "config.json")
    return tmp_path


def test_a_run_is_its_last_checkpoint(runs: Path) -> None:
    columns = fj.read_trainer_states(runs)
    assert {name: values.tolist() for name, values in columns.items()} == {
        "run": ["ladder/small", "large"],
        "step": [1000, 400],
        "epoch": [1.0, 0.4],
        "grad_norm": [0.5, 0.5],
        "learning_rate": [1e-4, 1e-4],
        "train/loss": [3.0, 3.6],
        "eval_loss": [3.25, 3.85],
        "eval_runtime": [1.5, 1.5],
        "eval_step": [1000, 400],
        "num_input_tokens_seen": [1000 * 2**20, 400 * 2**20],
        "total_flos": [1e18, 4e17],
        "max_steps": [1000, 1000],
        "num_train_epochs": [1, 1],
        "train_batch_size": [8, 8],
        "config.architectures": ['["LlamaForCausalLM"]'] * 2,
        "config.hidden_size": [256, 512],
        "config.num_hidden_layers": [4, 4],
        "config.rope_scaling.factor": [2.0, 2.0],
        "config.vocab_size": [32000, 32000],
    }


def test_history_has_training_and_evaluation_of_a_step_in_one_row(runs: Path) -> None:
    columns = fj.read_trainer_states(runs, history=True)
    assert columns["run"].tolist() == ["ladder/small"] * 10 + ["large"] * 4
    assert columns["step"].tolist() == [*range(100, 1001, 100), *range(100, 401, 100)]
    np.testing.assert_array_equal(columns["train/loss"], 4 - columns["step"] / 1000)
    evaluated = columns["step"] % 200 == 0
    np.testing.assert_array_equal(np.isfinite(columns["eval_loss"]), evaluated)
    assert columns["config.hidden_size"].tolist() == [256] * 10 + [512] * 4


def test_the_state_beside_the_checkpoints_wins_at_the_same_step_and_not_at_an_earlier(
    runs: Path,
) -> None:
    run = runs / "ladder" / "small"
    save(run, state(1000, total_flos=7.0))
    assert fj.read_trainer_states(run)["total_flos"].tolist() == [7.0]
    save(run, state(800))
    assert fj.read_trainer_states(run)["step"].tolist() == [1000]


@pytest.mark.parametrize("below", ["", "checkpoint-1000"])
def test_the_folder_of_one_run_or_checkpoint_is_named_by_the_run(runs: Path, below: str) -> None:
    assert fj.read_trainer_states(runs / "ladder" / "small" / below)["run"].tolist() == ["small"]


def test_links_to_folders_are_followed_and_count_once(runs: Path) -> None:
    links = runs / "links"
    links.mkdir()
    (links / "one").symlink_to(runs / "large", target_is_directory=True)
    columns = fj.read_trainer_states(links)
    assert (columns["run"].tolist(), columns["step"].tolist()) == (["one"], [400])
    (runs / "large" / "around").symlink_to(runs, target_is_directory=True)
    assert fj.read_trainer_states(runs)["run"].tolist() == ["ladder/small", "large"]


def test_tokens_that_the_trainer_did_not_count_are_missing(tmp_path: Path) -> None:
    save(tmp_path / "a", state(100, num_input_tokens_seen=0))
    save(tmp_path / "b", state(100))
    np.testing.assert_array_equal(
        fj.read_trainer_states(tmp_path)["num_input_tokens_seen"], [np.nan, 100 * 2**20]
    )


def test_tokens_logged_at_each_step_are_in_the_history(tmp_path: Path) -> None:
    log = [{"step": s, "loss": 3.0, "num_input_tokens_seen": s * 1024} for s in (1, 2)]
    save(tmp_path, state(2, log_history=log))
    columns = fj.read_trainer_states(tmp_path, history=True)
    assert columns["num_input_tokens_seen"].tolist() == [1024, 2048]


def test_an_evaluation_after_training_fills_in_what_was_not_logged(tmp_path: Path) -> None:
    log = [{"step": 10, "loss": 3.5}]
    save(tmp_path / "a", state(10, log_history=log))
    save(tmp_path / "a", {"eval_loss": 3.75, "loss": 9.0, "perplexity": 42.5}, "all_results.json")
    columns = fj.read_trainer_states(tmp_path)
    assert columns["eval_loss"].tolist() == [3.75]
    assert columns["train/loss"].tolist() == [3.5]


def test_an_evaluation_of_an_earlier_step_says_so(tmp_path: Path) -> None:
    save(tmp_path, state(300))
    columns = fj.read_trainer_states(tmp_path)
    assert (columns["step"].tolist(), columns["eval_step"].tolist()) == ([300], [200])


def test_a_run_that_logged_nothing_stays_as_a_row(tmp_path: Path) -> None:
    save(tmp_path / "a", state(50))
    save(tmp_path / "b", state(200))
    for history, losses in ((False, [np.nan, 3.8]), (True, [np.nan, 3.9, 3.8])):
        columns = fj.read_trainer_states(tmp_path, history=history)
        assert columns["run"].tolist() == ["a"] + ["b"] * (len(losses) - 1)
        assert columns["step"][0] == 50
        np.testing.assert_array_equal(columns["train/loss"], losses)


def test_not_a_number_in_json_is_a_number(tmp_path: Path) -> None:
    save(tmp_path, state(1, log_history=[{"step": 1, "loss": float("nan")}]))
    assert np.isnan(fj.read_trainer_states(tmp_path)["train/loss"][0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"global_step": 5, "log_hi', "cannot be read as JSON: Unterminated string"),
        ("", "cannot be read as JSON: Expecting value"),
        ("[1]", "expected a JSON object, got list"),
        ("{}", "expected a list log_history"),
    ],
)
def test_a_damaged_state_is_refused_by_its_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a" / "trainer_state.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"trainer_state\.json: {message}"):
        fj.read_trainer_states(tmp_path)


def test_a_folder_without_states_no_folder_and_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no trainer_state\.json"):
        fj.read_trainer_states(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        fj.read_trainer_states(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="expected a folder, got a file"):
        fj.read_trainer_states(tmp_path / "file")


def test_runs_go_through_states_unchanged(tmp_path: Path) -> None:
    runs = fj.example_runs()
    for number, (N, D, loss) in enumerate(zip(runs.N, runs.D, runs.loss, strict=True)):
        log = [{"step": 9, "eval_loss": float(loss)}]
        values = state(9, log_history=log, num_input_tokens_seen=int(D))
        save(tmp_path / f"{number:03}" / "checkpoint-9", values)
        save(tmp_path / f"{number:03}" / "checkpoint-9", {"n_params": float(N)}, "config.json")
    columns = fj.read_trainer_states(tmp_path)
    again = fj.Runs.from_dataframe(columns, "config.n_params", "num_input_tokens_seen", "eval_loss")
    np.testing.assert_array_equal(again.N, runs.N)
    np.testing.assert_array_equal(again.D, runs.D.astype(int))
    np.testing.assert_array_equal(again.loss, runs.loss)
