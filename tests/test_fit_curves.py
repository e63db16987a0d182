"""``fit_curves``: recovery, SciPy, real curves, running runs, spikes, and bad input."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

import farseer_jax as fj
from farseer_jax.curve_fitting.holdouts import curve_holdouts
from farseer_jax.curve_fitting.points import points_of

WARMUP, PEAK = 300, 3e-4
EXACT = fj.CurveErrors(offset=0.0, smooth=0.0, annealing=0.0, noise=1e-9)
TRUTH = {
    "multi-power": fj.MultiPower(
        L0=2.5, A=0.6, alpha=0.45, B=300.0, C=0.1, beta=0.25, gamma=0.9, q=0.95, warmup_weight=0.9
    ),
    "annealing": fj.Annealing(L0=2.6, A=0.6, alpha=0.45, C=0.4, tau=800.0, warmup_weight=0.7),
    "functional-scaling": fj.FunctionalScaling(
        L0=2.6, A=0.6, s=0.45, B=150.0, G=0.5, C=200.0, kappa=0.4, warmup_weight=1.3
    ),
}
SCHEDULES = {
    "constant": fj.Schedule.constant(8_000, PEAK, warmup=WARMUP),
    "cosine": fj.Schedule.cosine(8_000, PEAK, final=3e-5, warmup=WARMUP),
    "jump": fj.Schedule.multi_step(6_000, PEAK, at=3_000, to=6e-5, warmup=WARMUP),
}
NEW = fj.Schedule.wsd(12_000, PEAK, decay=3_000, warmup=WARMUP)


def made(
    law: fj.CurveLaw,
    *,
    noise: float = 0.0,
    seed: int = 0,
    schedules: Any = None,
    inputs: Any = None,
    size: str = "",
) -> list[fj.Curve]:
    """Curves that a law gives, logged every 80 steps."""
    rng, found = np.random.default_rng(seed), []
    for name, schedule in (SCHEDULES if schedules is None else schedules).items():
        steps = np.arange(WARMUP + 20, schedule.steps + 1, 80)
        losses = law.losses(schedule, steps, **(inputs or {}))
        losses = losses * np.exp(noise * rng.standard_normal(len(steps)))
        found.append(fj.Curve(name + size, steps, losses, schedule, inputs or {}, noise or None))
    return found


@pytest.fixture(scope="module")
def noisy() -> fj.CurveFit:
    return fj.fit_curves(fj.Curves(made(TRUTH["multi-power"], noise=1e-3)), "multi-power")


@pytest.mark.parametrize("name", TRUTH)
def test_a_made_law_is_recovered(name: str) -> None:
    found = fj.fit_curves(fj.Curves(made(TRUTH[name])), name, errors=EXACT, points=200)
    steps = [500, 9_000, 10_500, 12_000]
    assert found.predict(NEW, steps) == pytest.approx(TRUTH[name].losses(NEW, steps), rel=1e-6)
    for own, value in TRUTH[name].parameters().items():
        assert found.law.parameters()[own] == pytest.approx(value, rel=1e-3), own


def test_a_law_over_sizes_is_recovered() -> None:
    law = fj.MultiPowerSize(
        E=1.6, F=40.0, phi=0.2, a=0.05, b=0.1, omega=0.05, A=0.25, alpha=0.45, B=40.0, C=0.1,
        beta=0.25, gamma=0.9, q=0.95, warmup_weight=0.35,
    )  # fmt: skip
    curves = [
        own
        for size in (2e7, 1e8, 5e8, 2e9)
        for own in made(law, inputs={"N": size}, size=f" {size:g}")
    ]
    found = fj.fit_curves(fj.Curves(curves), "multi-power", errors=EXACT)
    assert isinstance(found.law, fj.MultiPowerSize)
    expected = law.losses(NEW, [9_000, 12_000], N=1e10)
    assert found.predict(NEW, [9_000, 12_000], N=1e10) == pytest.approx(expected, rel=2e-5)


def test_the_fit_is_the_optimum_that_scipy_finds(noisy: fj.CurveFit) -> None:
    """Of the same posterior, written out with a dense covariance; weights of points as found."""
    law, errors, thinned = type(noisy.law), noisy.errors, noisy.thinned
    points = points_of(thinned, law, errors)
    curve, step = points.inputs["curve"].astype(str), points.inputs["step"]
    share = points.inputs["annealed_share"].astype(float)
    apart = (np.log(step)[:, None] - np.log(step)) / errors.length
    near = np.exp(-0.5 * apart**2)
    alike = errors.offset**2 + errors.smooth**2 * near
    alike += errors.annealing**2 * np.outer(share, share) * (1.0 + near)
    covariance = (curve[:, None] == curve) * alike / errors.noise**2 + np.diag(1.0 / noisy.weights)
    precision = np.linalg.inv(covariance) / noisy.noise**2
    prior = np.array(list(law.searched.values()))

    def objective(numbers: np.ndarray) -> float:
        own = law.of_searched(jnp.asarray(numbers), noisy.scale)
        lines = [np.log(own.losses(c.schedule, c.steps)) for c in thinned]
        residual = points.target - np.concatenate(lines)
        pull = ((numbers - prior[:, 0]) / prior[:, 1]) ** 2
        return float(0.5 * residual @ precision @ residual + 0.5 * pull.sum())

    with jax.enable_x64(True):
        least = objective(noisy.free)
        better = minimize(objective, noisy.free, method="BFGS", options={"maxiter": 30})
    assert better.fun == pytest.approx(least, abs=2e-5)


def test_predictions_of_other_schedules_lie_in_their_intervals(noisy: fj.CurveFit) -> None:
    steps = np.array([6_000, 9_000, 10_500, 12_000])
    truth = TRUTH["multi-power"].losses(NEW, steps)
    low, high = noisy.interval(NEW, steps)
    assert (low < truth).all()
    assert (truth < high).all()
    assert ((high - low) / truth < 0.02).all()
    of_one = noisy.interval(NEW, new_run=True)
    assert of_one[0] < low[-1] < high[-1] < of_one[1]
    wide = noisy.interval(NEW, level=0.99)
    assert wide[0] < low[-1] < high[-1] < wide[1]


def test_draws_have_the_moments_of_the_intervals_and_what_points_have_in_common(
    noisy: fj.CurveFit,
) -> None:
    points = [(NEW, 9_000, None), (NEW, 12_000, None), (SCHEDULES["constant"], 8_000, "constant")]
    drawn = noisy.draws(points, num=2_000)
    assert drawn.shape == (2_000, 3)
    assert np.median(drawn, 0)[:2] == pytest.approx(noisy.predict(NEW, [9_000, 12_000]), rel=1e-3)
    low, high = noisy.interval(NEW)
    inside = ((drawn[:, 1] > low) & (drawn[:, 1] < high)).mean()
    assert inside == pytest.approx(0.9, abs=0.03)
    assert np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1] > 0.15  # one run, one law
    assert drawn[:, 2].std() < drawn[:, 1].std() / 2  # a point that was logged


def test_the_order_of_curves_and_units_do_not_matter(noisy: fj.CurveFit) -> None:
    curves = noisy.curves
    expected = float(noisy.predict(NEW))
    turned = fj.fit_curves(replace(curves, curves=curves.curves[::-1]), "multi-power")
    assert float(turned.predict(NEW)) == pytest.approx(expected, rel=1e-7)
    scaled = [
        replace(own, schedule=fj.Schedule(1e3 * own.schedule.rates, warmup=WARMUP))
        for own in curves
    ]
    faster = fj.Schedule(1e3 * NEW.rates, warmup=WARMUP)
    of_rates = fj.fit_curves(fj.Curves(scaled), "multi-power")
    assert float(of_rates.predict(faster)) == pytest.approx(expected, rel=1e-7)
    bits = [replace(own, losses=own.losses / np.log(2.0)) for own in curves]
    of_bits = fj.fit_curves(fj.Curves(bits), "multi-power")
    assert float(of_bits.predict(NEW)) * np.log(2.0) == pytest.approx(expected, rel=1e-6)


def test_a_spike_hardly_moves_the_fit_and_is_named(noisy: fj.CurveFit) -> None:
    first = noisy.curves[0]
    losses = first.losses.copy()
    losses[-10] *= 1.2
    spiked = replace(noisy.curves, curves=(replace(first, losses=losses), *noisy.curves.curves[1:]))
    found = fj.fit_curves(spiked, "multi-power")
    assert float(found.predict(NEW)) == pytest.approx(float(noisy.predict(NEW)), rel=1e-3)
    assert any(
        "far from the law, such as spikes, has little weight: constant at" in w
        for w in found.warnings
    )


def test_the_law_is_chosen_by_hold_outs() -> None:
    found = fj.fit_curves(fj.Curves(made(TRUTH["annealing"], noise=3e-4)))
    assert found.law.name == "annealing"
    assert sorted(own.law for own in found.records) == sorted(TRUTH)
    assert found.records[0].rms == min(own.rms for own in found.records)


def test_a_fit_comes_back_from_its_file_exactly(noisy: fj.CurveFit) -> None:
    again = fj.CurveFit.from_json(noisy.to_json())
    assert again.law == noisy.law
    assert again.interval(NEW) == noisy.interval(NEW)
    assert str(again) == str(noisy)


def test_arguments_of_predictions(noisy: fj.CurveFit) -> None:
    text = "wsd steps=12000 peak=3e-4 decay=3000 warmup=300"
    assert noisy.predict(text) == noisy.predict(NEW)
    with pytest.raises(TypeError, match="expected a Schedule, or a text such as 'cosine steps=24"):
        noisy.predict(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="steps: expected one or more steps, got none"):
        noisy.predict(NEW, [])
    with pytest.raises(ValueError, match="the learning rates up to step 2 are all 0"):
        noisy.predict(fj.Schedule([0.0, 0.0, 1e-4]), [2, 3])
    with pytest.raises(ValueError, match="draws: expected one or more points"):
        noisy.draws([])


def test_parts_that_do_not_belong_together_are_refused(noisy: fj.CurveFit) -> None:
    for part in ({"records": ()}, {"points": 20}, {"free": noisy.free[1:]}):
        with pytest.raises(ValueError, match="contradict each other"):
            replace(noisy, **part)
    with pytest.raises(ValueError, match="is not that of the numbers that it found"):
        replace(noisy, free=noisy.free + 1.0)


def test_curves_that_never_anneal_say_that_the_gain_is_not_theirs() -> None:
    curves = made(TRUTH["multi-power"], noise=1e-3, schedules={"a": SCHEDULES["constant"]})
    found = fj.fit_curves(fj.Curves(curves), "multi-power")
    assert "no curve was annealed far" in found.warnings[0]
    low, high = found.interval(NEW)
    truth = TRUTH["multi-power"].losses(NEW, [12_000])[0]
    assert low < truth < high
    constant_low, constant_high = found.interval(SCHEDULES["constant"])
    assert high - low > 5.0 * (constant_high - constant_low)


def test_holdouts_hide_curves_and_their_ends() -> None:
    curve = np.repeat(["a", "b", "c", "d"], [12, 12, 12, 3])
    step = np.concatenate([100 * np.arange(1, 13)] * 3 + [np.array([1, 2, 3])])
    found = curve_holdouts(curve, step)
    assert found.names[:4] == ("curve a", "curve b", "curve c", "curve d")
    assert found.names[4:] == ("end of curve a", "end of curve b", "end of curve c")
    assert (found.fitted == ~found.predicted).all()
    assert step[found.predicted[4]].min() == 800


class Logarithmic(fj.CurveLaw):
    """A law of a user's own: the loss follows a change by the logarithm of the steps since."""

    L0: fj.Positive
    A: fj.Positive
    alpha: fj.Exponent
    C: fj.Positive

    searched = {  # noqa: RUF012
        "L0": fj.Prior(-0.1, 0.3),
        "A": fj.Prior(-2.0, 1.0),
        "alpha": fj.Prior(-0.8, 0.5),
        "C": fj.Prior(-5.0, 2.0),
    }

    def effect(self, change: fj.Change) -> Any:
        return jnp.log1p(change.age)

    def loss(self, area: Any, annealed: Any) -> Any:
        return self.L0 + self.A * area**-self.alpha - self.C * annealed

    @classmethod
    def of_searched(cls, numbers: Any, scale: fj.CurveScale) -> "Logarithmic":
        L0, A, alpha, C = (jnp.exp(number) for number in numbers)
        return cls(
            L0=L0 * scale.loss,
            A=A * scale.loss * scale.area**alpha,
            alpha=alpha,
            C=C * scale.loss / scale.rate,
        )


def test_a_law_of_ones_own() -> None:
    law = Logarithmic(L0=2.5, A=0.6, alpha=0.4, C=30.0)
    found = fj.fit_curves(fj.Curves(made(law)), Logarithmic, errors=EXACT, points=200)
    assert found.predict(NEW) == pytest.approx(law.losses(NEW, [12_000])[0], rel=1e-6)
    again = fj.CurveFit.from_json(found.to_json(), law=Logarithmic)
    assert again.law.parameters() == found.law.parameters()


def test_a_schedule_that_a_run_cannot_have_followed_is_refused(noisy: fj.CurveFit) -> None:
    later = SCHEDULES["constant"].with_decay(6_000, 2_000)
    assert noisy.predict(later, curve="constant") < noisy.predict(SCHEDULES["constant"])
    other = fj.Schedule.constant(8_000, 2e-4, warmup=WARMUP)
    with pytest.raises(
        ValueError, match=r"has the rate \S+ at step 1, and the run had \S+: it cannot"
    ):
        noisy.predict(other, curve="constant")


def test_bad_input() -> None:
    curves = fj.Curves(made(TRUTH["annealing"]))
    with pytest.raises(TypeError, match=r"curves: expected Curves, such as read_curves\(path\), g"):
        fj.fit_curves("runs.csv")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="law: expected a law of curves"):
        fj.fit_curves(curves, fj.Chinchilla)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown law of curves 'multipower'; did you mean 'multi"):
        fj.fit_curves(curves, "multipower")
    with pytest.raises(ValueError, match="needs the input N of each curve"):
        fj.fit_curves(curves, "multi-power-size")
    with pytest.raises(ValueError, match="level"):
        fj.fit_curves(curves, level=1.5)
    with pytest.raises(ValueError, match="noise must be positive"):
        fj.CurveErrors(noise=0.0)
    with pytest.raises(ValueError, match="smooth must be finite and not negative"):
        fj.CurveErrors(smooth=-1.0)
    with pytest.raises(ValueError, match="N: expected a positive number, got -1"):
        fj.MultiPowerSize(**dict.fromkeys(fj.MultiPowerSize.parameter_names(), 0.5)).losses(
            NEW, [10], N=-1
        )
    short = fj.Curves([own.where(np.arange(len(own)) < 4) for own in curves][:1])
    with pytest.raises(ValueError, match=r"curves: \d points are too few"):
        fj.fit_curves(short)


# Real curves: each is left out in turn, and the law is fitted to the two others of its size.


def _by_size(curves: fj.Curves) -> dict[float, list[fj.Curve]]:
    found: dict[float, list[fj.Curve]] = {}
    for own in curves:
        found.setdefault(own.inputs["N"], []).append(own)
    return found


def test_real_curves_left_out(schedule_curves: fj.Curves) -> None:
    """The limits are those asked on six further schedules of each size."""
    limits = {25e6: 0.0044, 100e6: 0.0044, 400e6: 0.0060}
    for size, own in _by_size(schedule_curves).items():
        errors = []
        for left in own:
            fitted = fj.Curves([curve for curve in own if curve is not left])
            found = fj.fit_curves(fitted, "multi-power")
            errors.append(np.abs(found.predict(left.schedule, left.steps) - left.losses).mean())
        assert np.mean(errors) < limits[size]


def test_real_curves_of_all_sizes_in_one_fit(schedule_curves: fj.Curves) -> None:
    left = [own for own in schedule_curves if "cosine" in own.name]
    found = fj.fit_curves(schedule_curves.without([own.name for own in left]), "multi-power")
    assert isinstance(found.law, fj.MultiPowerSize)
    for own in left:
        errors = np.abs(found.predict(own.schedule, own.steps, N=own.inputs["N"]) - own.losses)
        assert errors.mean() < 1.3 * 0.0044


def test_final_losses_of_real_runs_that_are_still_going(schedule_curves: fj.Curves) -> None:
    inside, reach = [], []
    for own in schedule_curves:
        seen = own.where(own.steps <= 0.6 * own.steps[-1])
        found = fj.fit_curves(fj.Curves([seen]), "multi-power")
        low, high = found.interval(own.schedule, own.steps[-1], curve=own.name)
        inside.append(low < own.losses[-5:].mean() < high)
        reach.append((high - low) / (low + high))
    assert np.mean(inside) >= 0.85
    assert max(reach) < 0.01
