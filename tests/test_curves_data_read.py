"""Loss curves read from tables and logged runs as people have them."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import farseer_jax as fj
from farseer_jax.runs.table_problems import TableError

COSINE = "cosine steps=4000 peak=0.0003 final=3e-05 warmup=200"
NOISE = 1e-3
Columns = dict[str, Any]


def loss_at(step: Any) -> np.ndarray:
    return 2.5 + 6.0 * np.asarray(step, dtype=float) ** -0.3


def table(text: str = COSINE, every: int = 50, run: str = "a", **constant: Any) -> Columns:
    """A run logged every few steps."""
    schedule = fj.Schedule.parse(text)
    step = np.arange(every, schedule.steps + 1, every)
    noise = np.exp(NOISE * np.random.default_rng(0).standard_normal(len(step)))
    others = {name: np.full(len(step), value) for name, value in constant.items()}
    own = {"run": np.full(len(step), run, dtype=object), "step": step, "lr": schedule.at(step)}
    return {**own, "loss": loss_at(step) * noise, **others}


def joined(*tables: Columns) -> Columns:
    return {name: np.concatenate([own[name] for own in tables]) for name in tables[0]}


def without(columns: Columns, name: str) -> Columns:
    return {own: values for own, values in columns.items() if own != name}


def notes(curves: fj.Curves) -> str:
    return "\n".join(curves.notes)


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Path:
    return shared_data / "named_inputs" / "schedule_curves.csv"


def test_schedules_of_real_curves(real: Path) -> None:
    curves = fj.read_curves(real, run="N_million,curve", warmup=2160)
    assert len(curves) == 9
    assert curves.inputs["N"].tolist() == [25e6] * 3 + [100e6] * 3 + [400e6] * 3
    for size in (25, 100, 400):
        constant = curves[f"{size} constant_24000"].schedule
        assert (constant.name, constant.warmup, constant.peak) == ("constant", 2160, 3e-4)
        cosine = fj.Schedule.cosine(24_000, 3e-4, final=3e-5, warmup=2160)
        assert curves[f"{size} cosine_24000"].schedule == cosine
        two = curves[f"{size} wsdcon_9"].schedule
        expected = fj.Schedule.multi_step(two.steps, 3e-4, at=8_000, to=9e-5, warmup=2160)
        assert two == expected
    assert not curves.warnings
    assert 1e-4 < curves.noise < 3e-4


def test_real_curves_without_options(real: Path) -> None:
    """The warmup, which is not in the log, is found from the cosine."""
    curves = fj.read_curves(real)
    given = fj.read_curves(real, run="curve,N_million", warmup=2160)
    assert curves.fingerprint == given.fingerprint
    assert "inferred from the cosine" in notes(curves)


def test_a_table_of_curves_is_not_fitted_as_runs(real: Path) -> None:
    columns = pd.read_csv(real)
    with pytest.raises(TableError, match=r"last_by.*read_curves in Python or farseer curves"):
        fj.fit("chinchilla", columns.assign(D=columns.step * 5e5))
    with pytest.raises(TableError, match=r"last_by.*read_curves in Python or farseer curves"):
        fj.fit("chinchilla", columns)


def test_one_run_needs_no_column_of_runs() -> None:
    curves = fj.read_curves(without(table(), "run"))
    assert str(curves[0].schedule) == COSINE
    assert curves.names == ("curve",)
    assert int(curves[0].steps[0]) == 200  # the warmup is left out
    assert "3 losses of the warmup are left out" in notes(curves)
    assert len(fj.read_curves(table(), drop_warmup=False)[0]) == 80


def test_runs_are_told_apart_where_steps_begin_anew() -> None:
    curves = fj.read_curves(without(joined(table(), table()), "run"))
    assert curves.names == ("curve 1", "curve 2")


def test_runs_are_told_apart_by_several_columns() -> None:
    parts = [table(run=run, params_M=size) for size in (25, 100) for run in ("a", "b")]
    curves = fj.read_curves(joined(*parts))
    assert curves.names == ("a 25", "b 25", "a 100", "b 100")
    assert curves.inputs["N"].tolist() == [25e6, 25e6, 1e8, 1e8]


def resumed() -> Columns:
    own = table()
    return {name: np.r_[values[:40], values[30:]] for name, values in own.items()}


def test_of_a_resumed_run_the_later_rows_count() -> None:
    own = resumed()
    own["loss"][30:40] = 9.0
    curves = fj.read_curves(own)
    np.testing.assert_array_equal(curves[0].losses, fj.read_curves(table())[0].losses)
    assert "after step 2,000 it continues from step 1,550" in notes(curves)


def test_a_resumed_run_without_a_name_is_refused_with_the_remedy() -> None:
    own = without(resumed(), "run")
    with pytest.raises(ValueError, match=r"step goes back from 2,000 to 1,550 at row 40.*run = 1"):
        fj.read_curves(own)
    assert len(fj.read_curves(own, derive="run = 1")) == 1


def test_a_resumed_run_with_another_rate() -> None:
    own = resumed()
    own["lr"][40:] *= 0.5
    curves = fj.read_curves(own)
    schedule = curves[0].schedule
    assert (schedule.name, schedule.jumps.size) == ("given", 1)
    assert 1_500 < schedule.jumps[0] <= 1_550
    assert "jumps between the logged steps 1,500 and 1,550" in notes(curves)


@pytest.mark.parametrize("end", [np.nan, np.inf, "diverged"])
def test_a_run_whose_loss_is_no_longer_a_number_is_cut(end: Any) -> None:
    own = table()
    own["loss"] = np.r_[own["loss"][:60].astype(object), [end] * 20]
    curves = fj.read_curves(own)
    assert int(curves[0].steps[-1]) == 3_000
    assert "diverged after step 3,000, where it is cut: its loss is not" in curves.warnings[0]
    assert curves.warnings[0].endswith(
        "; its predicted final loss is what it would have reached otherwise"
    )
    assert curves[0].is_running


def test_a_run_that_diverges_is_cut() -> None:
    own = table()
    own["loss"][58:60] = 3.4, 3.8  # it begins to rise
    own["loss"][60:] = np.linspace(5, 9, 20)
    curves = fj.read_curves(own)
    assert int(curves[0].steps[-1]) == 2_900
    assert "diverged after step 2,900, where it is cut: its loss rises from" in curves.warnings[0]
    end = table()
    end["loss"][-1] = 6.8
    curves = fj.read_curves(end)
    assert int(curves[0].steps[-1]) == 3_950
    assert "rises from" in curves.warnings[0]
    assert "would have reached" not in curves.warnings[0]


def test_spikes_are_left_out_and_only_they() -> None:
    own = table()
    own["loss"][[20, 50]] *= [1.5, 1.03]
    curves = fj.read_curves(own)
    assert not {1_050, 2_550} & set(curves[0].steps.tolist())
    assert len(curves[0]) == 75
    assert "loss spikes are left out, at steps 1,050, 2,550" in notes(curves)
    assert len(fj.read_curves(own, drop_spikes=False)[0]) == 77
    assert len(fj.read_curves(table())[0]) == 77


def test_losses_of_micro_batches_are_averaged() -> None:
    own = {name: np.repeat(values, 4) for name, values in table().items()}
    own["loss"] = own["loss"] * np.tile([0.99, 1.01, 0.98, 1.02], 80)
    curves = fj.read_curves(own)
    np.testing.assert_allclose(curves[0].losses, fj.read_curves(table())[0].losses)
    assert "4 on average, are averaged" in notes(curves)


def test_rows_in_any_order() -> None:
    order = np.random.default_rng(1).permutation(80)
    curves = fj.read_curves({name: values[order] for name, values in table().items()})
    assert curves.fingerprint == fj.read_curves(table()).fingerprint
    assert "sorted by step" in notes(curves)


def test_a_loss_of_another_cadence_than_the_rate() -> None:
    own = {**without(table(every=10), "loss"), "val_loss": np.full(400, np.nan)}
    own["val_loss"][9::10] = loss_at(own["step"][9::10])
    own["train_loss"] = np.where(np.arange(400) % 10 == 9, np.nan, loss_at(own["step"]))
    curves = fj.read_curves(own)
    assert curves.columns["loss"] == "val_loss"
    assert "'val_loss' (40 rows); use loss='train_loss' for the other (360 rows)" in notes(curves)
    assert str(curves[0].schedule) == COSINE
    assert len(curves[0]) == 39
    assert len(fj.read_curves(own, loss="train_loss")[0]) == 342


def test_an_evaluation_at_the_end_is_not_the_curve() -> None:
    own = {**table(), "val_loss": np.r_[np.full(79, np.nan), 2.9]}
    own["train_loss"] = own.pop("loss")
    assert fj.read_curves(own).columns["loss"] == "train_loss"


@pytest.mark.parametrize("shift", [0, 1])
def test_loggers_that_count_steps_from_0_or_1(shift: int) -> None:
    step = np.arange(1, 4_001)
    rates = np.r_[0.0, fj.Schedule.parse(COSINE).rates][step - shift]
    schedule = fj.Schedule.from_points(step, rates)
    assert (schedule.name, schedule.warmup, schedule.steps) == ("cosine", 200 + shift, 4000 + shift)


def test_the_step_before_training_is_left_out() -> None:
    own = {name: np.r_[values[:1], values] for name, values in table().items()}
    own["step"][0], own["lr"][0], own["loss"][0] = 0, 0.0, 11.0
    curves = fj.read_curves(own)
    assert curves.fingerprint == fj.read_curves(table()).fingerprint
    assert "the loss at step 0, before training, is left out" in notes(curves)


def test_tokens_instead_of_steps() -> None:
    own = table()
    tokens = own.pop("step") * 2.0**19
    for name, values in (("tokens_B", tokens / 1e9), ("tokens", [f"{t / 1e6}M" for t in tokens])):
        curves = fj.read_curves({**own, name: values}, tokens_per_step=2**19)
        assert curves.fingerprint == fj.read_curves(table()).fingerprint
    curves = fj.read_curves({**own, "tokens": tokens})
    assert "steps of 100 k tokens" in notes(curves)
    assert curves[0].steps[-1] == round(tokens[-1] / 1e5)


def test_tokens_whose_batch_is_not_known() -> None:
    """Rounded steps hide the form of a schedule, and so its end."""
    own = {name: values[:40] for name, values in table().items()}
    tokens = own.pop("step") * 2.0**19 + 12_345.0
    own["loss"][20] *= 1.5
    curves = fj.read_curves({**own, "tokens": tokens})
    assert curves.warnings[0].startswith("no schedule was recognised, so its last logged step is")
    assert curves.warnings[0].endswith("give tokens_per_step= or schedule=")
    assert "loss spikes are left out, at 550 M tokens" in notes(curves)
    late = {name: values[10:] for name, values in {**own, "tokens": tokens}.items()}
    assert fj.read_curves(late).warnings[1].endswith("first logged step: give tokens_per_step=")
    assert not fj.read_curves({**own, "tokens": tokens}, tokens_per_step=2**19).warnings


@pytest.mark.parametrize("name", ["max_steps", "config.total_steps", "num_training_steps"])
def test_the_length_of_a_run_is_a_setting_of_its_trainer(name: str) -> None:
    def read(text: str, last: int, length: float) -> fj.Curves:
        own = {key: values[: last // 50] for key, values in table(text).items()}
        return fj.read_curves({**own, name: np.full(last // 50, length)})

    stable = read("constant steps=4000 peak=0.0003 warmup=200", 2_000, 8_000)
    assert stable[0].schedule == fj.Schedule.constant(8_000, 3e-4, warmup=200)
    assert stable[0].is_running
    assert len(stable.warnings) == 1
    assert "taken to stay so up to step 8,000, the length of the run" in stable.warnings[-1]
    wsd = "wsd steps=4000 peak=0.0003 decay=2000 final=1e-05 warmup=200"
    assert str(read(wsd, 2_500, 4_000)[0].schedule) == wsd
    linear = "linear steps=4000 peak=0.0003 warmup=200"
    assert str(read(linear, 2_000, 4_000)[0].schedule) == linear
    for length in (9_000, 4_000, 1_000, -1, np.nan):  # its form tells the end
        assert str(read(COSINE, 2_000, length)[0].schedule) == COSINE
    assert not read(COSINE, 2_000, 9_000)[0].inputs


def test_peaks_that_differ_are_warned_about() -> None:
    other = "cosine steps=4000 peak=0.0004 warmup=200"
    curves = fj.read_curves(joined(table(), table(other, run="b")))
    assert "peaks of the learning rates differ, from 0.0003 to 0.0004" in curves.warnings[0]


def test_schedules_that_are_given() -> None:
    own = without(joined(table(run="a"), table(run="b")), "lr")
    text = fj.read_curves(own, schedule=COSINE)
    assert text.fingerprint == fj.read_curves(joined(table(run="a"), table(run="b"))).fingerprint
    each = {"a": COSINE, "b": fj.Schedule.constant(5_000, 3e-4, warmup=200)}
    assert fj.read_curves(own, schedule=each)["b"].schedule.steps == 5_000
    by_step = fj.read_curves(own, schedule=lambda step: 3e-4 * np.minimum(1.0, step / 200))
    assert (by_step["a"].schedule.warmup, by_step["a"].schedule.steps) == (200, 4_000)
    with pytest.raises(ValueError, match="none is given for curve 'b', only for a"):
        fj.read_curves(own, schedule={"a": COSINE})
    with pytest.raises(ValueError, match=r"curve 'a' has a loss at step 4,000, but its schedule"):
        fj.read_curves(own, schedule="constant steps=400 peak=1e-3")
    with pytest.raises(ValueError, match="schedule and lr are both given"):
        fj.read_curves(table(), schedule=COSINE, lr="lr")


def test_warnings_of_what_the_log_does_not_tell() -> None:
    constant = fj.read_curves({**table(), "lr": np.full(80, 3e-4)})
    assert "read as a constant learning rate" in constant.warnings[0]
    late = fj.read_curves({name: values[40:42] for name, values in table().items()})
    assert len(late[0]) == 2
    assert "no schedule was recognised, so its last logged step is" in late.warnings[0]
    assert "log begins at step 2,050" in late.warnings[1]
    smooth = {**table(every=5), "loss": loss_at(np.arange(5, 4_001, 5))}
    errors = np.zeros(800)
    for row, own in enumerate(np.random.default_rng(0).standard_normal(800)):
        errors[row] = 0.9 * errors[row - 1] + 0.1 * 1e-2 * own
    smooth["loss"] = smooth["loss"] * np.exp(errors)
    found = fj.read_curves(smooth)
    assert "correlated between rows" in found.warnings[0]
    assert found[0].correlation > 0.5
    assert found[0].thinned(40).standard_errors[-1] > found[0].noise / np.sqrt(20)


@pytest.mark.parametrize(
    ("columns", "options", "words"),
    [
        (without(table(), "lr"), {}, r"no column holds the learning rate.*such as schedule="),
        (without(table(), "step"), {}, r"no column holds the steps or tokens"),
        (without(table(), "loss"), {}, r"no column has a usual name for the loss"),
        (
            {**without(table(), "loss"), "eval/ppl": np.full(80, 9.0)},
            {},
            r"compute it, such as derive='loss = log\(\"eval/ppl\"\)', or name it",
        ),
        (table(), {"loss": "los"}, r"no column 'los'; did you mean 'loss'"),
        (table(), {"run": "runn"}, r"no column 'runn'; did you mean 'run'"),
        (table(), {"inputs": "N"}, r"inputs: the table has no column 'N'"),
        (table(), {"inputs": "lr"}, r"column 'lr' varies within a run"),
        (table(), {"tokens_per_step": 512}, r"column 'step' holds steps"),
        ({**table(), "lr": -table()["lr"]}, {}, r"curve 'a': rates: .*not negative; steps 1"),
        ({**table(), "loss": np.full(80, np.nan)}, {}, r"column 'loss' holds no finite number"),
        ({name: own[:0] for name, own in table().items()}, {}, r"the table has no rows"),
        ({name: own[40:41] for name, own in table().items()}, {}, r"no curve has 2 losses"),
        ({**table(), "step": table()["step"] / 1e3}, {}, r"are not whole numbers"),
        ({**table(), "global_step": table()["step"] + 1}, {}, r"may hold the step; name one"),
        ({**table(), "lr/b": table()["lr"] / 2, "lr/a": table()["lr"]}, {"lr": "x"}, r"no column"),
    ],
)
def test_tables_that_are_refused(columns: Columns, options: Columns, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fj.read_curves(columns, **options)


def test_trainer_states(tmp_path: Path) -> None:
    schedule = fj.Schedule.parse(COSINE)
    for run, factor in (("small/seed1", 1.0), ("big", 0.9)):
        log: list[dict[str, float]] = [
            {"step": t, "loss": factor * float(loss_at(t)), "learning_rate": float(schedule.at(t))}
            for t in range(10, 4_001, 10)
        ]
        log += [{"step": t, "eval_loss": float(loss_at(t))} for t in range(500, 4_001, 500)]
        folder = tmp_path / run / "checkpoint-4000"
        folder.mkdir(parents=True)
        state = {"global_step": 4_000, "log_history": log, "max_steps": 4_000}
        state["train_batch_size"] = 8 if run == "big" else 4  # of one device
        (folder / "trainer_state.json").write_text(json.dumps(state))
    curves = fj.read_curves(tmp_path)
    assert curves.names == ("big", "small/seed1")
    assert {str(own.schedule) for own in curves} == {COSINE}
    assert curves.columns["loss"] == "train/loss"
    assert not curves.inputs
    assert len(fj.read_curves(tmp_path, loss="eval_loss")["big"]) == 8


def test_histories_of_wandb() -> None:
    schedule = fj.Schedule.parse(COSINE)
    history = [
        {
            "_step": row,
            "trainer/global_step": step,
            "train/loss": float(loss_at(step)),
            "lr-AdamW": float(schedule.at(step)),
        }
        for row, step in enumerate(range(10, 4_001, 10))
    ]
    config = {"model": {"n_params": 2e8}, "lr": 3e-4}
    run = SimpleNamespace(name="small", config=config, summary={}, history=history)
    curves = fj.read_curves(fj.read_wandb([run], history=True))
    assert str(curves["small"].schedule) == COSINE
    assert curves.columns["step"] == "trainer/global_step"
    assert curves["small"].inputs == {"N": 2e8}


def test_a_file_of_any_dialect(tmp_path: Path) -> None:
    own = pd.DataFrame(table(params_M=25))
    own.to_csv(tmp_path / "curves.csv", sep=";", decimal=",", index=False)
    curves = fj.read_curves(tmp_path / "curves.csv")
    assert str(curves["a"].schedule) == COSINE
    assert curves.source.endswith("curves.csv")


def test_losses_of_an_evaluation_in_rows_below_those_of_training() -> None:
    own = table()
    blank = np.full(8, np.nan)
    below = {
        "run": np.full(8, "a", dtype=object),
        "step": np.arange(500, 4_001, 500),
        "lr": blank,
        "loss": blank,
        "eval_loss": np.full(8, 3.0),
    }
    both = joined({**own, "eval_loss": np.full(80, np.nan)}, below)
    curves = fj.read_curves(both)
    assert curves.fingerprint == fj.read_curves(own).fingerprint
    assert len(fj.read_curves(both, loss="eval_loss")[0]) == 8


def test_numbers_that_are_no_steps() -> None:
    own = table()
    samples = own.pop("step") * 2**20
    with pytest.raises(ValueError, match=r"goes to 4\.19e\+09, too many for training steps"):
        fj.read_curves({**own, "step": samples})
    curves = fj.read_curves({**own, "seen": samples}, step="seen", tokens_per_step=2**20)
    assert curves.fingerprint == fj.read_curves(table()).fingerprint


def test_a_single_logged_rate() -> None:
    once = fj.read_curves({**table(), "lr": np.r_[3e-4, np.full(79, np.nan)]})
    assert str(once[0].schedule) == "constant steps=4000 peak=0.0003"


def test_a_rate_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="curve 'a': lr is 0 at every step: is it another column"):
        fj.read_curves({**table(), "lr": np.zeros(80)})
    late = np.where(np.arange(80) < 9, 0.0, 3e-4)
    with pytest.raises(ValueError, match="curve 'a': lr is 0 up to its first loss, at step 50:"):
        fj.read_curves({**table(), "lr": late})


def test_columns_that_are_named_as_inputs_and_are_none() -> None:
    two = joined(table(N=25e6, batch_size=64), table(run="b", N=100e6, batch_size=64))
    assert fj.read_curves(two).inputs["N"].tolist() == [25e6, 100e6]
    two["N"][-1] = 101e6
    curves = fj.read_curves(two)
    assert "N" not in curves.inputs
    assert "column 'N' varies within run 'b', from 1e+08 to 1.01e+08, and is not" in notes(curves)
    with pytest.raises(ValueError, match="inputs: column 'N' varies within run 'b'"):
        fj.read_curves(two, inputs="N")
    two["N"] = np.where(two["run"] == "a", 25e6, np.nan)
    assert "column 'N' has no number for run b, and is not taken for N" in notes(
        fj.read_curves(two)
    )
    two["N"] = np.full(160, np.nan)
    assert "column 'N' holds no number, and is not taken for N" in notes(fj.read_curves(two))
    twice = {**two, "N": np.full(160, 1e8), "params": np.full(160, 1.1e8)}
    assert "columns 'N' and 'params' may each be N" in notes(fj.read_curves(twice))
    with pytest.raises(ValueError, match="curve 'a': N must be positive and finite, got -1"):
        fj.read_curves({**two, "N": np.full(160, -1.0)})


def test_a_run_without_a_learning_rate_is_left_out_beside_others() -> None:
    second = table(run="b")
    second["lr"] = np.full(80, np.nan)
    curves = fj.read_curves(joined(table(), second))
    assert curves.names == ("a",)
    assert "curve b: left out, having no learning rate" in notes(curves)
    with pytest.raises(ValueError, match="no run has a learning rate; give the schedule"):
        fj.read_curves(second)
    with pytest.raises(ValueError, match="unknown curve 'c'"):
        fj.read_curves(without(second, "lr"), schedule={"b": COSINE, "c": COSINE})
