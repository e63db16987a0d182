"""Final losses of other schedules, and their differences."""

import numpy as np
import pytest

import farseer_jax as fj

COSINE = fj.Schedule.cosine(24_000, 3e-4, final=3e-5, warmup=2_000)
WSD = fj.Schedule.wsd(24_000, 3e-4, decay=5_000, final=3e-5, warmup=2_000)


@pytest.fixture(scope="module")
def fit() -> fj.CurveFit:
    *complete, last = fj.example_curves()
    return fj.fit_curves(fj.Curves([*complete, last.truncated(14_400)]), "multi-power")


@pytest.fixture(scope="module")
def found(fit: fj.CurveFit) -> fj.ScheduleComparison:
    return fj.compare_schedules(fit, [COSINE, COSINE, WSD], curves=["cosine", None, None])


def test_losses_are_those_of_the_fit(fit: fj.CurveFit, found: fj.ScheduleComparison) -> None:
    known = fit.predict(COSINE, curve="cosine"), fit.predict(COSINE), fit.predict(WSD)
    np.testing.assert_allclose(found.loss, known, rtol=1e-12)
    np.testing.assert_allclose([found.lower[1], found.upper[1]], fit.interval(COSINE), rtol=1e-12)


def test_differences_are_more_certain_than_losses(found: fj.ScheduleComparison) -> None:
    assert (found.difference[0], found.difference_lower[0], found.difference_upper[0]) == (0, 0, 0)
    np.testing.assert_allclose(found.difference, found.loss - found.loss[0], rtol=1e-12)
    length = found.difference_upper - found.difference_lower
    two = found.upper - found.lower
    assert length[2] < np.hypot(two[0], two[2])
    assert found.difference_lower[2] < found.difference[2] < found.difference_upper[2]


def test_a_run_that_continues_is_more_certain_than_a_new_one(
    found: fj.ScheduleComparison,
) -> None:
    assert found.upper[0] - found.lower[0] < found.upper[1] - found.lower[1]


def test_the_true_losses_lie_in_the_intervals(found: fj.ScheduleComparison) -> None:
    true = fj.example_curves(noise=0.0)["cosine"].losses[-1]  # of 64 steps earlier
    assert found.lower[0] < true < found.upper[0]
    assert found.lower[1] < true < found.upper[1]


def test_text_names_what_continues_and_marks_the_best(found: fj.ScheduleComparison) -> None:
    heading, _, first, *_ = str(found).splitlines()
    assert heading.split()[:3] == ["schedule", "continues", "final"]
    assert first.split()[:6] == [*str(COSINE).split(), "cosine"]
    assert first.endswith("–")
    assert found.table().best == (int(found.loss.argmin()),)


def test_what_lies_beyond_the_curves_is_told(fit: fj.CurveFit) -> None:
    far = fj.Schedule.wsd(100_000, 6e-4, warmup=2_000)
    peak, length, rate, decay = fj.compare_schedules(fit, [far]).warnings
    assert peak.startswith(
        "the peak rate of the schedule (0.0006) is above the peaks of all curves"
    )
    assert "largest of the curves (100,000 steps, and these up to 23,936)" in length
    assert "last learning rate of the schedule (0) is below the lowest logged one (9e-05)" in rate
    assert "takes 19% of the steps, and that of no curve less than 50%" in decay
    assert not fj.compare_schedules(fit, [COSINE.truncated(20_000)]).warnings


def test_schedules_that_are_warned_about_are_named(fit: fj.CurveFit) -> None:
    low = fj.Schedule.cosine(24_000, 1e-4, final=9e-5, warmup=2_000)
    (peak,) = fj.compare_schedules(fit, [COSINE.truncated(20_000), low]).warnings
    assert peak.startswith(
        "the peak rate of the cosine schedule of 24,000 steps (0.0001) is below the peaks of all "
    )


def test_another_warmup_is_told(fit: fj.CurveFit) -> None:
    """A warmup of 0 where the curves had 2,000 steps changes the loss by more than a law does."""
    bare = fj.Schedule.cosine(24_000, 3e-4, final=9e-5)
    (warning,) = fj.compare_schedules(fit, [bare]).warnings
    assert warning == (
        "the warmup of the schedule has 0 steps, and that of the curves 2,000: make schedules "
        "with warmup=2000 to compare like with like"
    )
    near = fj.Schedule.cosine(24_000, 3e-4, final=9e-5, warmup=1_900)
    assert not fj.compare_schedules(fit, [near]).warnings


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "expected one for each curve, got 0 schedules and 0 curves"),
        (([COSINE], {"curves": ["cosine", None]}), "got 1 schedules and 2 curves"),
        (([COSINE], {"curves": ["cosin"]}), "did you mean 'cosine'?"),
        (([COSINE], {"N": 1e9}), "has no input N"),
    ],
)
def test_refusals(fit: fj.CurveFit, arguments: tuple, message: str) -> None:  # type: ignore[type-arg]
    schedules, *options = arguments
    with pytest.raises((TypeError, ValueError), match=message.replace("?", r"\?")):
        fj.compare_schedules(fit, schedules, **(options[0] if options else {}))
