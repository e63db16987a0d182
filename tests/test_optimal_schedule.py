"""Optimal schedules: gradients, published optima, a dense grid, and what is said of them."""

import dataclasses
import json
import re
from functools import cache

import jax
import numpy as np
import pytest

import farseer_jax as fj
from farseer_jax.curve_fitting.free_schedule import best_free_schedule
from farseer_jax.curve_fitting.optimal_schedule import best_schedules
from farseer_jax.curve_fitting.result import CurveFit
from farseer_jax.curve_fitting.schedule_families import FAMILIES
from farseer_jax.curve_fitting.schedule_objective import FinalLoss
from farseer_jax.curve_laws.annealing import Annealing
from farseer_jax.curve_laws.functional_scaling import FunctionalScaling
from farseer_jax.curve_laws.law import CurveLaw
from farseer_jax.curve_laws.multi_power import MultiPower

PEAK = 3e-4
POWER = {"L0": 2.6, "A": 0.6, "warmup_weight": 1.0}
LAWS: dict[str, CurveLaw] = {
    "multi-power": MultiPower.published("400M"),
    "annealing": Annealing(**POWER, alpha=0.5, C=0.3, tau=1000.0),
    "functional-scaling": FunctionalScaling(**POWER, s=0.5, B=400.0, G=0.5, C=60.0, kappa=0.5),
}


@cache
def curve_fit() -> CurveFit:
    return fj.fit_curves(fj.example_curves(), "multi-power", points=32)


@cache
def optimum() -> fj.OptimalSchedule:
    return fj.optimise_schedule(curve_fit(), 3000, warmup=300, knots=40)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("ends", ["zero", "low", "constant"])
def test_the_gradient_agrees_with_finite_differences(name: str, ends: str) -> None:
    objective = FinalLoss(LAWS[name], 120, PEAK, 20, {})
    rates = PEAK * {"zero": np.linspace(1, 0, 100), "low": np.linspace(1, 0.1, 100)}.get(
        ends, np.ones(100)
    )
    loss, slopes = objective(rates)
    # the last rate can only rise from 0, where the multi-power law has no derivative
    for step in (1, 40, 97, *([98] if ends == "zero" else [99])):
        moved = [rates.copy(), rates.copy()]
        width = 1e-4 * rates[step]
        moved[0][step] += width
        moved[1][step] -= width
        difference = (objective(moved[0])[0] - objective(moved[1])[0]) / (2.0 * width)
        assert slopes[step] == pytest.approx(difference, rel=1e-5, abs=1e-6 * abs(slopes).max())
    given = np.concatenate([PEAK * np.arange(1, 21) / 20, rates])
    own = LAWS[name].losses(fj.Schedule(given, 20), [120])
    assert loss == pytest.approx(own[0], rel=1e-6)


@pytest.mark.parametrize("name", LAWS)
def test_one_step_has_a_gradient(name: str) -> None:
    loss, slopes = FinalLoss(LAWS[name], 1, PEAK, 0, {})(np.array([PEAK]))
    assert np.isfinite([loss, *slopes]).all()


def test_the_published_law_has_the_published_optimum() -> None:
    """Luo et al.: a stable rate, then a decay like a power of 1.5, to nearly 0."""
    objective = FinalLoss(LAWS["multi-power"], 24_000, PEAK, 2160, {})
    found, search = best_schedules(objective, ["wsd", "free"], None, 60)
    assert search is not None
    assert search.converged
    assert search.gap < 1e-5
    rates = search.rates / PEAK
    assert (np.diff(rates) <= 1e-15).all()
    assert rates[0] == 1.0
    begins = int((rates > 0.999).sum())
    assert 0.83 < begins / len(rates) < 0.9
    left = 1.0 - np.arange(len(rates) - begins) / (len(rates) - begins)
    middle = (left > 0.05) & (left < 0.95)
    power = np.polyfit(np.log(left[middle]), np.log(rates[begins:][middle]), 1)[0]
    assert power == pytest.approx(1.5, abs=0.05)
    assert rates[-1] < 0.01
    losses = {name: objective(own.rates[2160:])[0] for name, own in found.items()}
    assert min(losses, key=lambda name: losses[name]) == "free"


def test_a_dense_grid_has_no_better_member_of_a_family() -> None:
    """The annealing law is convex in the rates: the grid and the search have one optimum."""
    steps = 600
    objective = FinalLoss(LAWS["annealing"], steps, PEAK, 60, {})
    found, _ = best_schedules(objective, ["wsd", "cosine"], None, 10)
    best = objective(found["wsd linear"].rates[60:])[0]
    grid = [
        objective(
            fj.Schedule.wsd(steps, PEAK, decay=decay, final=final * PEAK, warmup=60).rates[60:]
        )[0]
        for decay in range(11, 541, 23)
        for final in (1e-3, 0.01, 0.05, 0.1, 0.3, 0.6, 1.0)
    ]
    assert best <= min(grid) + 1e-7
    cosine = objective(found["cosine"].rates[60:])[0]
    ends = np.linspace(1e-3, 1.0, 60)
    grid = [
        objective(fj.Schedule.cosine(steps, PEAK, final=own * PEAK, warmup=60).rates[60:])[0]
        for own in ends
    ]
    assert cosine <= min(grid) + 1e-7


@pytest.mark.parametrize("name", LAWS)
def test_the_free_schedule_is_the_best_of_all_starts(name: str) -> None:
    objective = FinalLoss(LAWS[name], 3000, PEAK, 300, {})
    found, search = best_schedules(objective, [*FAMILIES, "free"], None, 40)
    losses = {own: objective(schedule.rates[300:])[0] for own, schedule in found.items()}
    assert losses["free"] <= min(losses.values()) + 1e-15
    assert search is not None
    assert search.loss == losses["free"]
    other = best_free_schedule(objective, found["linear"].rates[300:], knots=40, lowest=1e-3 * PEAK)
    assert search.loss <= other.loss + 2e-5  # which may lie in another valley, without a late drop
    assert other.loss == pytest.approx(search.loss, abs=3e-3)


def test_a_given_end_is_that_of_each_schedule() -> None:
    objective = FinalLoss(LAWS["multi-power"], 3000, PEAK, 300, {})
    found, search = best_schedules(objective, [*FAMILIES, "free"], 0.1 * PEAK, 40)
    assert {name: own.rates[-1] for name, own in found.items()} == pytest.approx(
        dict.fromkeys(found, 0.1 * PEAK)
    )
    assert search is not None
    assert search.gap < 1e-5
    assert found["wsd linear"].text != found["wsd cosine"].text


def test_differences_are_surer_than_losses() -> None:
    best = optimum().best
    assert best.family == "free"
    low, high = best.minus_constant_ends
    assert low < best.minus_constant < high < 0.0
    assert best.lower < best.loss < best.upper
    low, high = best.minus_cosine_ends
    assert low < best.minus_cosine < high
    assert high - low < best.upper - best.lower
    constant = optimum()["constant"]
    assert constant.minus_constant == 0.0 == max(map(abs, constant.minus_constant_ends))
    assert constant.is_reference
    assert constant.loss == pytest.approx(curve_fit().predict(constant.schedule), rel=1e-9)


def test_candidates_are_sorted_and_have_the_steps() -> None:
    found = optimum()
    losses = [own.loss for own in found.candidates]
    assert losses == sorted(losses)
    assert {own.schedule.steps for own in found.candidates} == {3000}
    assert {own.schedule.warmup for own in found.candidates} == {300}
    assert found.families[0] == "free"
    assert "multi-step" in found.families
    table = found.to_columns("cosine")
    assert fj.Schedule(table["lr"], 300) == found["cosine"].schedule


def test_the_simplest_of_those_that_cannot_be_told_apart_is_recommended() -> None:
    found = optimum()
    spread = curve_fit().errors.offset * found.best.loss
    tied = {own.family for own in found.ties}
    for own in found.candidates:
        low, high = own.minus_best_ends
        assert low <= own.minus_best <= high
        is_tied = low <= 0.0 or own.minus_best <= spread
        assert (own.family in tied) == (is_tied and not own.is_reference)
    assert found.best.minus_best == 0.0
    assert found.best.family == "free"
    assert found.recommended in found.ties
    assert found.recommended.family != "free"
    assert found.schedule == found.recommended.schedule
    linear = dataclasses.replace(found["linear"], minus_best_ends=(-0.1, 0.1))
    others = [linear if own.family == "linear" else own for own in found.candidates]
    assert dataclasses.replace(found, candidates=tuple(others)).recommended is linear


def test_schedules_beyond_those_seen_are_warned_of() -> None:
    assert "and that of no curve less than 50%" in "\n".join(optimum().warnings)
    far = fj.optimise_schedule(curve_fit(), 99_000, family="cosine", peak=2e-4, final=1e-6)
    text = "\n".join(far.warnings)
    assert "best schedule (1e-06) is below the lowest logged one (3e-05)" in text
    assert "times the largest of the curves" in text
    assert "below the peaks of all curves" in text


def test_it_prints_and_has_no_text_of_nan() -> None:
    text = str(optimum())
    heading, *_ = text.splitlines()
    assert heading.startswith("Best schedule of 3,000 steps at a peak of 0.0003: wsd linear, final")
    assert re.search(r"; free, multi-step, .*, within 0.02, cannot be told from it$", heading)
    assert "free schedule: converged" in text
    assert "nan" not in text
    json.dumps(optimum().to_dict())


def test_a_second_search_compiles_nothing() -> None:
    objective = FinalLoss(LAWS["annealing"], 120, PEAK, 20, {})
    objective(np.full(100, PEAK))
    with jax.log_compiles(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax.stages.Lowered, "compile", _refused)
        FinalLoss(LAWS["annealing"], 120, PEAK, 20, {})(np.full(100, 0.5 * PEAK))


def _refused(*_: object, **__: object) -> None:
    raise AssertionError("compiled again")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"peak": 1e-3}, r"a peak of 0.001 is above the peak of every curve \(at most 0.0003\)"),
        ({"peak": 0.0}, "peak= must be above 0"),
        ({"family": "wds"}, "family: unknown family of schedules 'wds'"),
        ({"family": []}, "family: expected at least one of wsd"),
        ({"final": 4e-4}, "final= must be below the peak 0.0003, got 0.0004"),
        ({"final": -1.0}, "final: expected a learning rate of at least 0"),
        ({"warmup": 2990}, "a schedule needs at least 3,010 steps"),
        ({"level": 1.5}, "level"),
        ({"knots": 2}, "knots: expected a whole number from 5"),
    ],
)
def test_bad_input(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fj.optimise_schedule(curve_fit(), 3000, **arguments)  # type: ignore[arg-type]


def test_other_inputs_are_refused() -> None:
    with pytest.raises(TypeError, match="the law multi-power needs the inputs none of a run"):
        fj.optimise_schedule(curve_fit(), 3000, N=1e8)
    with pytest.raises(TypeError, match="expected a fit of curves, got str"):
        fj.optimise_schedule("fit", 3000)  # type: ignore[arg-type]
