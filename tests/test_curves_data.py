"""Learning-rate schedules and loss curves as data."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farseer_jax import Curve, Schedule, example_curves
from farseer_jax.curves.decay_shapes import DECAY_SHAPES
from farseer_jax.curves.logged_rates import schedule_of_log

TEXTS = [
    "constant steps=100 peak=0.0003 warmup=10",
    "cosine steps=24000 peak=0.0003 final=3e-05 warmup=2160",
    "cosine steps=90 peak=0.0003 cycles=3 warmup=10",
    "linear steps=10 peak=1.0 final=0.1",
    "wsd steps=100 peak=1.0 decay=20 shape=sqrt",
    "wsd steps=100 peak=1.0 decay=20 final=0.1 shape=exponential warmup=5",
    "multi_step steps=100 peak=1.0 at=20,40 to=0.5,0.1",
    "inverse_sqrt steps=100 peak=1.0 warmup=10",
    "constant steps=100 peak=1.0; stop step=60; decay at=50 over=7 final=0.1 shape=cosine",
]


@pytest.mark.parametrize("text", TEXTS)
def test_text_and_schedule_are_inverse(text: str) -> None:
    schedule = Schedule.parse(text)
    assert str(schedule) == text
    assert Schedule.from_dict(schedule.to_dict()) == schedule


@st.composite
def usual_schedules(draw: st.DrawFn) -> Schedule:
    """A schedule of any constructor, perhaps stopped and annealed."""
    steps, peak = draw(st.integers(2, 60)), draw(st.floats(1e-6, 10.0))
    warmup, part = draw(st.integers(0, steps // 2)), st.floats(0.01, 1.0)
    final, shape = draw(part) * peak, draw(st.sampled_from(DECAY_SHAPES))
    at = draw(st.lists(st.integers(warmup + 1, steps), unique=True, max_size=4).map(sorted))
    decay = draw(st.one_of(st.integers(0, steps - warmup), st.floats(1e-3, 0.5)))
    made = draw(
        st.sampled_from(
            [
                lambda: Schedule.constant(steps, peak, warmup=warmup),
                lambda: Schedule.linear(steps, peak, final=final, warmup=warmup),
                lambda: Schedule.cosine(steps, peak, final=final, warmup=warmup),
                lambda: Schedule.cosine(steps, peak, warmup=warmup, cycles=2),
                lambda: Schedule.wsd(
                    steps, peak, decay=decay, final=final, shape=shape, warmup=warmup
                ),
                lambda: Schedule.multi_step(
                    steps, peak, at=at, to=[peak / (2 + own) for own in at], warmup=warmup
                ),
                lambda: Schedule.inverse_sqrt(steps, peak, warmup=warmup + 1),
            ]
        )
    )()
    if draw(st.booleans()):
        made = made.truncated(draw(st.integers(1, steps)))
    if draw(st.booleans()):
        last = draw(st.integers(1, made.steps))
        end = draw(part) * float(made.rates[last - 1])
        made = made.with_decay(last, draw(st.integers(1, 9)), shape=shape, final=end)
    return made


@given(schedule=usual_schedules())
@settings(max_examples=200)
def test_every_usual_schedule_is_read_back_from_its_text(schedule: Schedule) -> None:
    again = Schedule.parse(str(schedule))
    assert again == schedule == Schedule.from_dict(schedule.to_dict())
    assert str(again) == str(schedule)


def test_a_schedule_without_changes_of_the_rate_is_constant() -> None:
    assert str(Schedule.multi_step(10, 1.0, at=[], to=[])) == "constant steps=10 peak=1.0"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("cosine steps=24,000 peak=3e-4", "cosine steps=24000 peak=0.0003"),
        ("cosine steps=1,200,000 peak=3e-4", "cosine steps=1200000 peak=0.0003"),
        ("linear steps=24k peak=3e-4 final=10%", "linear steps=24000 peak=0.0003 final=3e-05"),
        ("cosine final=10% steps=24k peak=3e-4", "cosine steps=24000 peak=0.0003 final=3e-05"),
        ("wsd steps=1k peak=1 decay=20% warmup=1%", "wsd steps=1000 peak=1.0 decay=200 warmup=10"),
        ("wsd steps=1k peak=1 decay=100%", "wsd steps=1000 peak=1.0 decay=1000"),
        ("wsd steps=10 peak=1 decay=0.01", "wsd steps=10 peak=1.0 decay=1"),
        (
            "multi_step steps=1k peak=3e-4 at=800,900 to=31.6%,10%",
            "multi_step steps=1000 peak=0.0003 at=800,900 to=9.48e-05,3e-05",
        ),
        (
            "constant steps=9 peak=3e-4; decay at=5 over=4 final=10%",
            "constant steps=9 peak=0.0003; decay at=5 over=4 final=3e-05 shape=linear",
        ),
    ],
)
def test_numbers_as_people_write_them(written: str, text: str) -> None:
    assert str(Schedule.parse(written)) == text


def test_numbers_of_numpy_are_numbers() -> None:
    own = Schedule.wsd(
        np.int64(10), np.float32(1.0), decay=np.float32(0.2), final=np.float64(0.5),
        warmup=np.int32(1),
    )  # fmt: skip
    assert str(own) == "wsd steps=10 peak=1.0 decay=2 final=0.5 warmup=1"
    assert own.at(np.float32(10.0)) == 0.5
    assert own.truncated(np.int16(3)).steps == 3


def test_cosine_is_that_of_the_field() -> None:
    schedule = Schedule.cosine(24_000, 3e-4, final=3e-5, warmup=2_160)
    step = np.arange(1, 24_001)
    cosine = 3e-5 + 1.35e-4 * (1 + np.cos(np.pi * (step - 2_160) / (24_000 - 2_160)))
    expected = np.where(step <= 2_160, 3e-4 * step / 2_160, cosine)
    np.testing.assert_allclose(schedule.rates, expected, rtol=1e-12)


@pytest.mark.parametrize("shape", ["linear", "cosine", "exponential", "sqrt"])
def test_decays_begin_at_the_peak_and_end_at_the_final_rate(shape: str) -> None:
    schedule = Schedule.wsd(100, 1.0, decay=20, final=0.1, shape=shape)
    assert schedule.rates[79] == 1.0
    assert schedule.rates[-1] == 0.1
    assert (np.diff(schedule.rates[79:]) < 0).all()


def test_a_decay_from_a_constant_rate_is_wsd() -> None:
    wsd = Schedule.wsd(100, 1.0, decay=20, shape="sqrt", warmup=10)
    assert Schedule.constant(300, 1.0, warmup=10).with_decay(80, 20, shape="sqrt") == wsd


def test_schedules_with_one_step_zero_rates_and_restarts() -> None:
    assert Schedule([0.0]).steps == 1
    assert Schedule.constant(1, 0.0).rates.tolist() == [0.0]
    restarts = Schedule.cosine(300, 1.0, cycles=3)
    np.testing.assert_array_equal(restarts.rates[:100], restarts.rates[100:200])
    assert restarts.jumps.tolist() == [101, 201]


def test_the_leading_increasing_stretch_is_the_warmup() -> None:
    given = Schedule(Schedule.cosine(100, 1.0, warmup=10).rates)
    assert given.warmup == 10
    assert Schedule(np.ones(5)).warmup == 0
    assert Schedule([0.0, 0.5, 1.0, 1.0]).warmup == 3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Schedule([]), "one rate for each step"),
        (lambda: Schedule([1.0, -1.0, np.nan]), r"steps 2 \(-1\), 3 \(nan\)"),
        (lambda: Schedule(["a"]), "expected a number"),
        (lambda: Schedule([1.0], warmup=2), "warmup: expected a whole number from 0 to 1"),
        (lambda: Schedule.constant(0, 1.0), "steps: expected a whole number of at least 1"),
        (lambda: Schedule.constant(2.5, 1.0), "steps: expected a whole number"),
        (lambda: Schedule.constant(2, -1.0), "peak: expected a learning rate"),
        (lambda: Schedule.wsd(9, 1.0, decay=8, warmup=2), "together longer"),
        (lambda: Schedule.wsd(9, 1.0, shape="exponential"), "never reaches 0"),
        (lambda: Schedule.wsd(9, 1.0, shape="cosin"), "did you mean 'cosine'"),
        (lambda: Schedule.multi_step(9, 1.0, at=[5, 3], to=[1, 2]), "increasing steps"),
        (lambda: Schedule.multi_step(9, 1.0, at=[5], to=[1, 2]), "a rate for each"),
        (lambda: Schedule.parse("cosin steps=9"), "did you mean 'cosine'"),
        (lambda: Schedule.parse("cosine steps=9"), "cosine needs peak="),
        (lambda: Schedule.parse("cosine steps=9 peak = 1"), "without spaces around '='"),
        (lambda: Schedule.parse("cosine steps=9 peak=x"), "expected a number for peak="),
        (lambda: Schedule.parse("cosine steps=9 peek=1"), "did you mean 'peak'"),
        (lambda: Schedule.parse("cosine steps=9 steps=9 peak=1"), "given twice"),
        (lambda: Schedule.parse("linear steps=9 peak=1; halt step=3"), "unknown change 'halt'"),
        (lambda: Schedule.parse("cosine steps=24,00 peak=1"), "a number for steps=, got '24,00'"),
        (lambda: Schedule.parse("cosine steps=9 peak=0,003"), "a number for peak=, got '0,003'"),
        (lambda: Schedule.parse("wsd steps=9 peak=1 decay=200%"), "decay= from 0% to 100% of the"),
        (lambda: Schedule.parse("wsd steps=9 peak=10%"), "for peak=, without '%'"),
        (lambda: Schedule.parse("linear steps=9 peak=1; stop step=50%"), "step=, without '%'"),
        (
            lambda: Schedule.parse("multi_step steps=9k peak=1 at=8,000 to=.1"),
            "write at=8000 rather than 8,000",
        ),
        (lambda: Schedule.parse("cosine steps=9 peak=3e-4 final=.1"), "of at most 0.0003"),
        (lambda: Schedule.wsd(9, 1.0, final=2.0), "final: expected a learning rate of at most 1"),
        (lambda: Schedule.cosine(9, 1.0).with_decay(9, 5, final=0.1), "of at most 0"),
        (lambda: Schedule.wsd(9, 1.0, decay=0, shape="cosin"), "did you mean 'cosine'"),
        (lambda: Schedule.parse("cosine steps=1e12 peak=1"), "at most 100,000,000 steps"),
        (lambda: Schedule.multi_step(1e12, 1.0, at=1, to=1), "steps: a schedule has at most"),
        (lambda: Schedule.from_function(lambda step: 1.0, 1e12), "at most 100,000,000 steps"),
        (lambda: Schedule.constant(9, 1.0).with_decay(5, 1e12), "over: a schedule has at most"),
        (lambda: Schedule.from_function(lambda step: [1, 2], 5), r"each of 5 steps, got .*\(2,\)"),
        (
            lambda: Schedule.from_function(lambda step: [1] if step > 3 else 2, 5),
            "one learning rate for each step",
        ),
        (lambda: Schedule.constant(9, 1.0).at([10]), "expected 1 to 9"),
        (lambda: Schedule.constant(9, 1.0).at([1.5]), "steps: expected whole numbers, got 1.5"),
        (lambda: Schedule.constant(9, 1.0).at(np.nan), "steps: expected whole numbers, got nan"),
        (lambda: Schedule.constant(9, 1.0).at(["a"]), "steps: expected whole numbers"),
        (lambda: Schedule.constant(9, 1.0).truncated(10), "from 1 to 9"),
    ],
)
def test_refused_schedules(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Schedule.parse(None), "expected a text such as 'cosine.*got None"),
        (lambda: Schedule.parse(5), "expected a text"),
        (lambda: Schedule.from_function(5, 5), "expected a function of the step, got 5"),
    ],
)
def test_schedules_of_another_type(make, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        make()


@pytest.mark.parametrize("every", [1, 50, 128])
@pytest.mark.parametrize(
    "text",
    [
        "constant steps=12800 peak=0.0003 warmup=1280",
        "cosine steps=12800 peak=0.0003 final=3e-05 warmup=1200",
        "linear steps=12800 peak=0.0003 warmup=1200",
        "cosine steps=12800 peak=0.0003 final=3e-05 cycles=4 warmup=1280",
        "wsd steps=12800 peak=0.0003 decay=2000 final=3e-05 shape=exponential warmup=1200",
        "wsd steps=12800 peak=0.0003 decay=2000 warmup=1200",
        "wsd steps=12800 peak=0.0003 decay=2000 shape=sqrt warmup=1200",
        "wsd steps=12800 peak=0.0003 decay=2000 final=1e-05 shape=cosine warmup=1200",
        "multi_step steps=12800 peak=0.0003 at=8000 to=9e-05 warmup=1200",
        "inverse_sqrt steps=12800 peak=0.0003 warmup=1200",
    ],
)
def test_usual_forms_are_recognised_from_a_log(text: str, every: int) -> None:
    schedule = Schedule.parse(text)
    step = np.arange(every, schedule.steps + 1, every)
    assert str(Schedule.from_points(step, schedule.at(step))) == text
    assert str(Schedule.from_points(step, rounded(schedule.at(step), 6))) == text


@pytest.mark.parametrize(("digits", "every"), [(2, 10), (2, 50), (2, 128), (3, 50)])
@pytest.mark.parametrize(
    "text",
    [
        "constant steps=12800 peak=0.0003 warmup=1280",
        "cosine steps=12800 peak=0.0003 final=3e-05 warmup=1200",
        "linear steps=12800 peak=0.0003 warmup=1200",
        "cosine steps=12800 peak=0.0003 final=3e-05 cycles=4 warmup=1280",
        "wsd steps=12800 peak=0.0003 decay=2000 final=3e-05 shape=exponential warmup=1200",
        "wsd steps=12800 peak=0.0003 decay=2000 warmup=1200",
        "wsd steps=12800 peak=0.0003 decay=2000 shape=sqrt warmup=1200",
        "wsd steps=12800 peak=0.0003 decay=2000 final=1e-05 shape=cosine warmup=1200",
        "inverse_sqrt steps=12800 peak=0.0003 warmup=1200",
    ],
)
def test_usual_forms_are_recognised_from_few_digits(text: str, digits: int, every: int) -> None:
    schedule = Schedule.parse(text)
    step = np.arange(every, schedule.steps + 1, every)
    found = schedule_of_log(step, rounded(schedule.at(step), digits))
    np.testing.assert_allclose(found.schedule.rates, schedule.rates, atol=1e-3 * schedule.peak)
    assert (len(found.notes), found.warnings) == (1, ())


def test_other_schedules_of_few_digits_have_one_warning_and_no_jumps() -> None:
    rates = Schedule.cosine(24_000, 3e-4, final=3e-5, warmup=2_000).rates ** 1.5 / 3e-4**0.5
    step = np.arange(50, 24_001, 50)
    found = schedule_of_log(step, rounded(Schedule(rates).at(step), 2))
    assert found.schedule.warmup == 2_000
    np.testing.assert_allclose(found.schedule.rates, rates, atol=0.017 * 3e-4)
    assert found.notes == ("the learning rate is interpolated between logged steps",)
    assert len(found.warnings) == 1
    assert "logged to 2 digits, so it may be off by up to 0.85 % of its peak" in found.warnings[0]


def test_round_rates_are_not_taken_for_rounded_ones() -> None:
    levels = np.repeat([3e-4, 2e-4, 1e-4, 3e-5], 20)
    own = schedule_of_log(np.arange(1, 81), levels)
    assert own.schedule.jumps.tolist() == [21, 41, 61]
    assert own.schedule.name == "multi_step"


def rounded(rates: np.ndarray, digits: int) -> np.ndarray:
    """Rates as a logger with so many significant digits writes them."""
    return np.array([float(f"{rate:.{digits - 1}e}") for rate in rates])


def test_a_cosine_that_is_cut_off_is_known_to_its_end() -> None:
    schedule = Schedule.cosine(72_000, 3e-4, warmup=2_000)
    step = np.arange(128, 24_000, 128)
    assert Schedule.from_points(step, schedule.at(step)) == schedule


@pytest.mark.parametrize("warmup", [40, 158, 250])
def test_a_warmup_that_ends_before_the_second_logged_step(warmup: int) -> None:
    schedule = Schedule.constant(9_001, 3.6e-5, warmup=warmup)
    step = np.arange(1, 9_002, 250)
    assert Schedule.from_points(step, schedule.at(step)) == schedule


def test_other_schedules_are_interpolated() -> None:
    schedule = Schedule(Schedule.cosine(9_000, 3e-4, warmup=900, cycles=3).rates ** 1.5)
    step = np.arange(10, 9_001, 10)
    found = Schedule.from_points(step, schedule.at(step))
    assert found.name == "given"
    np.testing.assert_array_equal(found.at(step), schedule.at(step))
    assert len(found.jumps) == 2


def test_a_jump_is_placed_where_the_log_tells_it() -> None:
    step, rates = np.arange(128, 1_280, 128), np.r_[np.full(5, 3e-4), np.full(4, 1e-4)]
    assert Schedule.from_points(step, rates).jumps.tolist() == [700]  # the roundest of 641 … 768
    step[5:] -= 28  # logged anew from a checkpoint on
    assert Schedule.from_points(step, rates).jumps.tolist() == [740]


@pytest.mark.parametrize(
    ("steps", "rates", "words"),
    [
        ([1, 2], [1.0], "expected one for each"),
        ([2, 1], [1.0, 1.0], "increasing"),
        ([1.5, 2], [1.0, 1.0], "whole numbers"),
        ([1, 1e12], [1.0, 1.0], "at most 100,000,000 steps"),
        ([1, 2], [1.0, np.nan], "finite"),
    ],
)
def test_refused_logs(steps, rates, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Schedule.from_points(steps, rates)


def test_a_log_that_goes_beyond_the_given_number_of_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="total: expected at least 20, the last logged step"):
        Schedule.from_points([10, 20], [1.0, 1.0], total=5)


def test_thinning_keeps_the_course_and_tells_the_noise() -> None:
    curves, exact = example_curves(), example_curves(noise=0.0)
    for curve, truth in zip(curves, exact, strict=True):
        thin, smooth = curve.thinned(50), truth.thinned(50)
        assert thin.counts.sum() == len(curve)
        assert 40 <= len(thin) <= 51
        expected = np.interp(thin.steps, truth.steps, truth.losses)
        np.testing.assert_allclose(smooth.losses, expected, rtol=3e-4)
        np.testing.assert_allclose(thin.standard_errors, curve.noise / np.sqrt(thin.counts))
        errors = np.log(thin.losses / smooth.losses) / thin.standard_errors
        assert 0.6 < np.sqrt(np.mean(errors**2)) < 1.4
        if jumps := curve.schedule.jumps.tolist():
            ends = np.cumsum(thin.counts) - 1
            assert curve.steps[ends[ends < len(curve)]].searchsorted(jumps[0]) > 0
            assert np.flatnonzero(curve.steps >= jumps[0])[0] - 1 in ends


def test_noise_of_the_example() -> None:
    assert 5e-4 < example_curves(noise=7e-4).noise < 9e-4
    assert all(own.correlation == 0.0 for own in example_curves())


def test_curves_are_selected_by_name() -> None:
    curves = example_curves()
    assert curves.without("cosine").names == ("constant", "two-stage")
    assert curves.select(["cosine", "constant"]).names == ("cosine", "constant")
    assert curves["cosine"].truncated(10_000).steps.max() <= 10_000
    assert pickle.loads(pickle.dumps(curves)).fingerprint == curves.fingerprint
    assert curves.thinned(20).fingerprint != curves.fingerprint
    with pytest.raises(ValueError, match="unknown curve 'cosin'; did you mean 'cosine'"):
        curves["cosin"]
    with pytest.raises(ValueError, match="at least one"):
        curves.without(curves.names)


@pytest.mark.parametrize(
    ("steps", "losses", "words"),
    [
        ([1, 2], [3.0], "a step for each loss"),
        ([2, 1], [3.0, 2.0], "increasing; row 1"),
        ([1, 2], [3.0, -1.0], "positive and finite; row 1"),
        ([1, 20], [3.0, 2.0], "schedule has only 9 steps"),
        ([], [], "a step for each loss"),
    ],
)
def test_refused_curves(steps, losses, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Curve("a", steps, losses, Schedule.constant(9, 1.0))


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["N", "D", "B"])
def test_counts_of_a_curve_are_positive(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"curve 'a': {name} must be positive and finite, got"):
        Curve("a", [1, 2], [3.0, 2.0], Schedule.constant(9, 1.0), {name: value})


def test_curves_without_a_learning_rate() -> None:
    with pytest.raises(ValueError, match="curve 'a': lr is 0 at every step"):
        Curve("a", [1, 2], [3.0, 2.0], Schedule.constant(9, 0.0))
    late = Schedule([0.0, 0.0, 1.0], warmup=0)
    with pytest.raises(ValueError, match="lr is 0 up to its first loss, at step 2"):
        Curve("a", [2, 3], [3.0, 2.0], late)
    assert len(Curve("a", [3], [2.0], late)) == 1
