"""Laws of loss curves: sums over a schedule, published figures, derivatives, sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import farseer_jax as fj
from farseer_jax.curve_laws.changes import changes_before
from farseer_jax.curve_laws.function import law_function
from farseer_jax.curve_laws.registry import CURVE_LAWS, SIZED, curve_law_named

PEAK, WARMUP, STEPS = 3e-4, 300, 6_000

SCHEDULES = {
    "constant": fj.Schedule.constant(STEPS, PEAK, warmup=WARMUP),
    "cosine": fj.Schedule.cosine(STEPS, PEAK, final=3e-5, warmup=WARMUP),
    "restarts": fj.Schedule.cosine(STEPS, PEAK, final=3e-5, warmup=WARMUP, cycles=3),
    "linear to 0": fj.Schedule.wsd(STEPS, PEAK, decay=1_500, warmup=WARMUP),
    "exponential": fj.Schedule.wsd(
        STEPS, PEAK, decay=1_500, final=3e-6, shape="exponential", warmup=WARMUP
    ),
    "sqrt": fj.Schedule.wsd(STEPS, PEAK, decay=1_500, shape="sqrt", warmup=WARMUP),
    "jumps": fj.Schedule.multi_step(
        STEPS, PEAK, at=[2_000, 2_010, 4_000], to=[1e-4, 0.0, 2e-4], warmup=WARMUP
    ),
    "no warmup": fj.Schedule.cosine(STEPS, PEAK),
    "one step": fj.Schedule.constant(1, PEAK),
    "noisy": fj.Schedule(
        PEAK * np.exp(0.1 * np.random.default_rng(0).standard_normal(2_000)), warmup=0
    ),
    "up and down": fj.Schedule(1e-4 * (2.0 + np.sin(np.arange(1, STEPS + 1) / 300.0)), warmup=0),
}
LAWS = {
    "multi-power": fj.MultiPower.published("100M"),
    "annealing": fj.Annealing(L0=2.6, A=0.6, alpha=0.45, C=0.4, tau=800.0, warmup_weight=0.7),
    "functional-scaling": fj.FunctionalScaling(
        L0=2.6, A=0.6, s=0.45, B=300.0, G=0.5, C=60.0, kappa=0.5, warmup_weight=1.3
    ),
    "free": fj.MultiPower(
        L0=2.5, A=0.6, alpha=0.4, B=400.0, C=0.15, beta=0.2, gamma=0.9, q=0.9, warmup_weight=0.7
    ),
}


def plain_loss(law: fj.CurveLaw, schedule: fj.Schedule, step: int) -> float:
    """The loss as printed in the papers: a sum over all steps."""
    own = {name: float(value) for name, value in law.parameters().items()}
    rates = np.concatenate([[0.0], schedule.rates[:step]])
    area = np.cumsum(rates)
    first = 1 if law.counts_warmup else schedule.warmup + 2
    first = max(first, 1 if law.counts_warmup else 2)
    k = np.arange(first, step + 1)
    fall, since = rates[k - 1] - rates[k], area[step] - area[k - 1]
    if isinstance(law, fj.Annealing):
        decay = np.exp(-1.0 / own["tau"])
        terms = own["C"] * fall * (1.0 - decay ** (step - k + 1)) / (1.0 - decay)
    elif isinstance(law, fj.FunctionalScaling):
        followed = 1.0 - (1.0 + own["C"] * since) ** -own["kappa"]
        terms = own["B"] * fall * (own["G"] + area[k - 1] ** -own["s"]) * followed
    else:
        with np.errstate(divide="ignore", invalid="ignore"):  # a rate of 0 changes nothing
            speed = np.where(rates[k] > 0.0, own["C"] * rates[k] ** -own["gamma"], 0.0)
        fall = rates[k - 1] ** own["q"] - rates[k] ** own["q"]
        terms = own["B"] * fall * (1.0 - (1.0 + speed * since) ** -own["beta"])
    weighed = area[step] + (own["warmup_weight"] - 1.0) * area[min(schedule.warmup, step)]
    exponent = own["s"] if "s" in own else own["alpha"]
    return own["L0"] + own["A"] * weighed**-exponent - terms.sum()


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("name", SCHEDULES)
def test_losses_are_those_of_the_printed_sums(law: fj.CurveLaw, name: str) -> None:
    schedule = SCHEDULES[name]
    steps = [k for k in (1, 400, 2_000, 4_100, 5_990, STEPS) if k <= schedule.steps]
    steps = steps[schedule.steps > 1 :]
    expected = [plain_loss(law, schedule, step) for step in steps]
    # blocks are short beside their distance, but not beside what is singular at their start
    close = 2e-5 if name in ("sqrt", "restarts", "no warmup", "up and down") else 2e-6
    assert law.losses(schedule, steps) == pytest.approx(expected, abs=close)
    with jax.enable_x64(True):
        exact = [float(law.final_loss(schedule.rates[:k], schedule.warmup)) for k in steps]
    assert exact == pytest.approx(expected, abs=1e-10)


def test_a_rate_of_0_changes_nothing_in_the_multi_power_law() -> None:
    law, schedule = LAWS["multi-power"], SCHEDULES["jumps"]
    stopped = law.losses(schedule, [2_500, 3_500])
    assert stopped[1] - stopped[0] == pytest.approx(0.0, abs=1e-12)


def test_a_step_needs_terms_for_the_logarithm_of_the_steps() -> None:
    number = {}
    for steps in (4_000, 64_000):
        schedule = fj.Schedule.cosine(steps, PEAK, final=3e-5, warmup=100)
        number[steps] = len(changes_before(schedule.rates, 100, [steps]).drop)
    assert number[4_000] < 150
    assert number[64_000] - number[4_000] < 80  # four doublings


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_derivatives_by_the_schedule_and_the_parameters(law: fj.CurveLaw) -> None:
    schedule = fj.Schedule.wsd(400, PEAK, decay=100, warmup=40)
    with jax.enable_x64(True):
        rates = jnp.asarray(schedule.rates)
        by_rate = jax.grad(lambda own: law.final_loss(own, 40))(rates)
        assert np.isfinite(np.asarray(by_rate)).all()  # the last rate is 0
        for step in (0, 100, 299, 350, 398):
            way = jnp.zeros(400).at[step].set(1e-6 * PEAK)
            two = (law.final_loss(rates + way, 40) - law.final_loss(rates - way, 40)) / 2e-6
            assert float(by_rate[step]) * PEAK == pytest.approx(float(two), rel=1e-4, abs=1e-10)
    function = law_function(type(law))
    values = np.array([[float(law.parameters()[name]) for name in law.parameter_names()]])
    points = {"schedule": np.array([schedule] * 2, dtype=object), "step": np.array([300, 400])}
    bound = function.bind(points)
    slopes = bound.value_and_gradient(values)[1][0]
    for place in range(values.shape[1]):
        by = np.zeros_like(values)
        by[0, place] = 1e-5 * values[0, place]
        two = (bound.value(values + by) - bound.value(values - by))[0] / (2.0 * by[0, place])
        assert slopes[place] == pytest.approx(two, rel=2e-5, abs=1e-9)


@pytest.mark.parametrize("name", SIZED)
def test_the_law_over_sizes_is_that_of_each_size(name: type[fj.CurveLaw]) -> None:
    kind = SIZED[name]
    rng = np.random.default_rng(0)
    values = {own: float(rng.uniform(0.1, 0.3)) for own in kind.parameter_names()}
    law = kind(**values)
    for size in (1e7, 1e9):
        of_size = law.at_size(size).losses(SCHEDULES["cosine"], [1_000, STEPS])
        assert law.losses(SCHEDULES["cosine"], [1_000, STEPS], N=size) == pytest.approx(of_size)
        assert isinstance(law.at_size(size), kind.base)


def test_published_parameters_on_the_published_curves(schedule_curves: fj.Curves) -> None:
    """Mean absolute errors of the authors' parameters on the curves that they fitted."""
    found = {}
    for size in ("25M", "100M", "400M"):
        law = fj.MultiPower.published(size)
        own = schedule_curves.where(lambda curve, N=float(size[:-1]) * 1e6: curve.inputs["N"] == N)
        found[size] = [np.abs(law.losses(c.schedule, c.steps) - c.losses).mean() for c in own]
    assert found["25M"] == pytest.approx([0.0040, 0.0044, 0.0029], abs=1e-4)
    assert found["100M"] == pytest.approx([0.0024, 0.0034, 0.0049], abs=1e-4)
    assert found["400M"] == pytest.approx([0.0017, 0.0072, 0.0067], abs=1e-4)


def test_units_of_the_learning_rate_do_not_matter_to_what_is_searched() -> None:
    for law in CURVE_LAWS.values():
        numbers = np.array([prior.mean + 0.1 for prior in law.searched.values()])
        losses = []
        for unit in (1.0, 1e3):
            schedule = fj.Schedule(unit * SCHEDULES["cosine"].rates, warmup=WARMUP)
            scale = fj.CurveScale(3.0, unit * PEAK, float(schedule.areas[-1]), 1e8)
            inputs = {"N": 2e8} if law.inputs_of_curves() else {}
            with jax.enable_x64(True):
                own = law.of_searched(numbers, scale)
            losses.append(own.losses(schedule, [500, STEPS], **inputs))
        assert losses[0] == pytest.approx(losses[1], rel=1e-10)


def test_unknown_names_and_inputs() -> None:
    with pytest.raises(ValueError, match="unknown law of curves 'anealing'; did you mean 'anneal"):
        curve_law_named("anealing")
    law = LAWS["annealing"]
    with pytest.raises(TypeError, match="needs the inputs none of a curve; got N"):
        law.losses(SCHEDULES["cosine"], [10], N=1e8)
    with pytest.raises(ValueError, match="expected 1 to 6,000, got 6001"):
        law.losses(SCHEDULES["cosine"], [6_001])
    with pytest.raises(ValueError, match=r"expected whole numbers, got 1\.5"):
        law.losses(SCHEDULES["cosine"], [1.5])
    with pytest.raises(TypeError, match="law: 'annealing' is a law of loss curves: fit it by"):
        fj.fit("annealing", fj.example_runs())
    with pytest.raises(TypeError, match="law: 'multi-power' is a law of loss curves"):
        fj.fit(fj.MultiPower, fj.example_runs())
