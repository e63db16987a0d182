"""Annealed losses: of a known law, of runs themselves, as a table, and reasons for doubt."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

import farseer_jax as fj
from farseer_jax.curve_fitting.result import CurveFit
from farseer_jax.curve_laws.multi_power import MultiPower

PEAK, WARMUP = 3e-4, 500
LAW = MultiPower.published("100M")


def curve(name: str, schedule: fj.Schedule, last: int, batch: float) -> fj.Curve:
    steps = np.arange(WARMUP + 100, last + 1, 50)
    return fj.Curve(name, steps, LAW.losses(schedule, steps), schedule, {"N": 1e8, "batch": batch})


@cache
def curve_fit() -> CurveFit:
    """Of curves without noise: one of a stable rate, still running, and one of a cosine."""
    steady = fj.Schedule.constant(8000, PEAK, warmup=WARMUP)
    cosine = fj.Schedule.cosine(6000, PEAK, warmup=WARMUP)
    wsd = fj.Schedule.wsd(6000, PEAK, decay=2000, warmup=WARMUP)
    curves = [
        curve("steady", steady, 7000, 5e5),
        curve("cosine", cosine, 6000, 1e6),
        curve("wsd", wsd, 6000, 1e6),
    ]
    return fj.fit_curves(fj.Curves(tuple(curves)), "multi-power", points=32)


@cache
def annealed() -> fj.AnnealedLosses:
    return fj.anneal_curves(curve_fit(), over=0.25, tokens_per_step="batch", points=8)


@pytest.mark.parametrize(
    ("shape", "final", "same_steps"), [("linear", 0.0, False), ("exponential", 3e-6, True)]
)
def test_losses_are_those_of_the_law_that_made_the_curves(
    shape: str, final: float, same_steps: bool
) -> None:
    found = fj.anneal_curves(
        curve_fit(), over=0.25, shape=shape, final=final, same_steps=same_steps, points=6
    )  # type: ignore[call-overload]
    for row in np.flatnonzero(found.at_peak):
        schedule = found.schedule(row)
        assert schedule.steps == found.final_step[row]
        assert schedule.rates[-1] == final
        assert schedule.rates[found.step[row] - 1] > 0.9 * PEAK
        true = LAW.losses(schedule, [schedule.steps])[0]
        assert found.lower[row] < true < found.upper[row]
        assert found.loss[row] == pytest.approx(true, rel=3e-3)


def test_a_run_that_was_annealed_keeps_its_loss() -> None:
    """The curve wsd was annealed linearly over its last third: its own loss is known."""
    found = fj.anneal_curves(curve_fit(), over=2000, same_steps=True, points=4)
    own = curve_fit().curves["wsd"]
    row = max(np.flatnonzero(np.array(found.curve) == "wsd"))
    assert found.final_step[row] == 6000
    assert found.step[row] == 4000
    assert found.loss[row] == pytest.approx(own.losses[-1], rel=3e-4)
    assert found.sd[row] < 0.5 * found.sd[np.array(found.curve) == "steady"].max()


def test_steps_are_those_asked_for() -> None:
    found = annealed()
    over = np.array([round(0.25 * step) for step in found.step])
    assert (found.final_step == found.step + over).all()
    steady = found.step[np.array(found.curve) == "steady"]
    assert len(steady) == 8
    assert steady[-1] == 7000
    assert steady[0] == 3 * WARMUP  # earlier losses are those of the warmup
    same = fj.anneal_curves(curve_fit(), over=0.25, same_steps=True, points=8)
    assert (same.step >= 3 * WARMUP).all()
    early = fj.anneal_curves(curve_fit(), points=3, first_step=WARMUP)
    assert early.step.min() == WARMUP + 100
    assert set(same.final_step) <= set(curve_fit().curves["steady"].steps.tolist())


def test_longer_runs_end_lower_and_tokens_count_the_anneal() -> None:
    found = annealed()
    steady = np.array(found.curve) == "steady"
    assert (np.diff(found.loss[steady]) < 0.0).all()
    assert found.D is not None
    assert found.D[steady] == pytest.approx(5e5 * found.final_step[steady])
    assert found.D[~steady] == pytest.approx(1e6 * found.final_step[~steady])


def test_draws_are_joint() -> None:
    found = annealed()
    drawn = np.log(found.draws(400, seed=1))
    assert drawn.shape == (400, len(found))
    assert drawn.std(0) == pytest.approx(found.sd, rel=0.35)
    last = np.flatnonzero(np.array(found.curve) == "steady")[-2:]
    difference = drawn[:, last[1]] - drawn[:, last[0]]
    assert difference.std() < np.hypot(*found.sd[last])  # neighbours share their errors
    assert (found.draws(5, seed=1) == found.draws(5, seed=1)).all()


def test_few_rows_of_each_run_are_a_table_for_fits() -> None:
    last = annealed().to_columns("last")
    assert last["curve"].tolist() == ["steady", "cosine", "wsd"]
    assert last["annealed_to"][0] == 8750
    assert last["loss_se"] == pytest.approx(
        annealed().sd[np.isin(annealed().loss, last["loss"])] * last["loss"]
    )
    doubling = annealed().to_columns()
    ends = doubling["annealed_to"][doubling["curve"] == "steady"]
    assert len(ends) > 1
    assert (ends[1:] >= 2 * ends[:-1]).all()
    assert any("are not independent runs" in note for note in doubling.notes)
    assert not any("are not independent runs" in note for note in last.notes)
    assert any("after the learning rate has decayed" in note for note in last.notes)


def test_runs_have_weights_and_the_csv_is_read_as_runs(tmp_path: Path) -> None:
    runs = annealed().to_runs()
    assert runs.weights is not None
    assert runs.weights == pytest.approx((runs.loss / runs.extra["loss_se"]) ** 2)
    assert any("not independent" in note for note in runs.notes)
    path = tmp_path / "annealed.csv"
    annealed().to_csv(path)
    read = fj.read_runs(path, standard_error="loss_se")
    assert read.N == pytest.approx(runs.N)
    assert read.D == pytest.approx(runs.D)
    assert read.loss == pytest.approx(runs.loss)


def test_reasons_for_doubt_are_said() -> None:
    text = "\n".join(annealed().warnings)
    assert "begin after the learning rate has already decayed" in text
    assert "cosine from step" in text
    assert "no curve was logged below" not in text  # the wsd curve ended at 0
    far = fj.anneal_curves(curve_fit(), over=9000, points=2)
    assert "more than 1.5 times the steps of the longest curve (7,000)" in "\n".join(far.warnings)
    steady = fj.fit_curves(curve_fit().curves.select("steady"), "multi-power", points=32)
    unseen = fj.anneal_curves(steady, points=2)
    assert "no curve was annealed far" in unseen.warnings[0]
    assert "last part of the decay is extrapolated" in "\n".join(unseen.warnings)
    seen = annealed().sd[np.array(annealed().curve) == "steady"]
    assert unseen.sd.max() > 3.0 * seen.max()


def test_it_prints_its_rows() -> None:
    text = str(annealed())
    assert text.startswith(
        "Losses of 3 runs, annealed from 8 steps each: linear decay to a rate of 0 over 0.25 of "
        "the steps"
    )
    assert "annealed from" in text
    assert "8,750" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"over": 0.0}, "over= must be a fraction between 0 and 1 or a number of steps, got 0.0"),
        ({"over": 1.5}, "over= must be a fraction between 0 and 1 or a number of steps, got 1.5"),
        ({"shape": "square"}, "shape: unknown shape of a decay 'square'"),
        ({"shape": "exponential"}, "an exponential decay never reaches 0"),
        (
            {"final": 1e-3},
            "no curve has a learning rate above 0.001 .* from 3 times its warmup on",
        ),
        (
            {"first_step": 9000},
            "no curve has a learning rate above 0 at a logged step from step 9,",
        ),
        ({"first_step": 0}, "first_step: expected a whole number of at least 1"),
        ({"points": 0}, "points: expected a whole number of at least 1"),
        ({"tokens_per_step": "batches"}, "unknown input 'batches'"),
        ({"tokens_per_step": -1.0}, "tokens_per_step= must be positive"),
        ({"level": 0.0}, "level"),
    ],
)
def test_bad_input(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fj.anneal_curves(curve_fit(), **arguments)  # type: ignore[arg-type]


def test_other_bad_input() -> None:
    with pytest.raises(TypeError, match="fit: expected a fit of curves, got Curves"):
        fj.anneal_curves(curve_fit().curves)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='rows: expected "last" or "doubling", got \'all\''):
        annealed().to_columns("all")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="runs need N and D: give tokens_per_step"):
        fj.anneal_curves(curve_fit(), points=1).to_runs()
