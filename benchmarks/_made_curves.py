"""Loss curves made by several laws, for `benchmarks/curves.py`: a wrong law is among them."""

from typing import Any, NamedTuple

import numpy as np

import farseer_jax as fj
from farseer_jax.curve_laws.annealing import Annealing
from farseer_jax.curve_laws.functional_scaling import FunctionalScaling
from farseer_jax.curve_laws.law import CurveLaw
from farseer_jax.curve_laws.multi_power import MultiPower

LAWS = ("multi-power", "annealing", "functional-scaling", "two exponentials")
SHAPES = ("linear", "exponential", "sqrt", "cosine", "jump")
PEAK, EVERY = 3e-4, 128
OFFSET, MISFIT, LENGTH = 3e-4, 5e-4, 0.5  # of ln loss: of a run, and smooth in ln step


class TwoExponentials(Annealing):
    """A law that no fit has: half of a fall acts within τ, the rest within 10 τ, of the area."""

    name = "two exponentials"

    def effect(self, change: Any) -> Any:
        """Half within τ steps at the peak, half within 10 τ."""
        import jax.numpy as jnp

        steps = change.since / PEAK
        return -0.5 * jnp.expm1(-steps / self.tau) - 0.5 * jnp.expm1(-0.1 * steps / self.tau)


class Case(NamedTuple):
    """A running curve, complete curves beside it, and where the running one will end."""

    law: str
    shape: str
    noise: float
    seen: bool
    running: fj.Curve
    beside: tuple[fj.Curve, ...]
    final: float


def made_case(seed: int, part: float = 0.6) -> Case:
    """A constant rate and a decay, seen up to a part; beside it a cosine and another decay."""
    rng = np.random.default_rng(seed)
    name, shape = LAWS[seed % len(LAWS)], SHAPES[seed // len(LAWS) % len(SHAPES)]
    law, noise = _law(name, rng), float(np.exp(rng.uniform(np.log(1e-4), np.log(5e-3))))
    steps = int(np.exp(rng.uniform(np.log(6e3), np.log(6e4))))
    schedule = _schedule(shape, steps, rng)
    others = [
        fj.Schedule.cosine(steps, PEAK, final=0.1 * PEAK, warmup=steps // 12),
        _schedule(str(rng.choice(SHAPES)), steps, rng),
    ]
    losses = [_losses(law, own, rng) for own in (schedule, *others)]
    curves = [
        fj.Curve(f"run {place}", at, values * np.exp(noise * rng.standard_normal(len(at))), own)
        for place, (own, (at, values)) in enumerate(zip((schedule, *others), losses, strict=True))
    ]
    whole = curves[0]
    running = whole.where(whole.steps <= part * steps)
    fallen = schedule.rates[running.steps[-1] - 1] < 0.7 * PEAK
    return Case(name, shape, noise, bool(fallen), running, tuple(curves[1:]), losses[0][1][-1])


def _law(name: str, rng: np.random.Generator) -> CurveLaw:
    L0, A, alpha = rng.uniform(2.3, 3.1), rng.uniform(0.5, 0.7), rng.uniform(0.4, 0.55)
    power = {"L0": L0, "A": A, "alpha": alpha, "warmup_weight": 1.0}
    drop = rng.uniform(0.4, 0.7) * A * 7.0**-alpha / PEAK  # of a fall to 0, after long
    if name == "multi-power":
        return MultiPower.published(str(rng.choice(["25M", "100M", "400M"])))
    if name == "annealing":
        tau = np.exp(rng.uniform(np.log(300), np.log(2000)))
        return Annealing(**power, C=drop / tau, tau=tau)
    if name == "functional-scaling":
        floor = 7.0**-alpha
        return FunctionalScaling(
            L0=L0, A=A, s=alpha, warmup_weight=1.0, B=0.7 * drop / floor, G=0.5 * floor,
            C=np.exp(rng.uniform(np.log(30), np.log(300))), kappa=rng.uniform(0.4, 0.7),
        )  # fmt: skip
    return TwoExponentials(**power, C=drop, tau=np.exp(rng.uniform(np.log(200), np.log(1000))))


def _schedule(shape: str, steps: int, rng: np.random.Generator) -> fj.Schedule:
    warmup, share = steps // 12, rng.uniform(0.15, 0.65)
    final = PEAK * rng.uniform(0.0 if shape != "exponential" else 0.03, 0.3)
    if shape == "jump":
        at = int(steps * (1.0 - share))
        return fj.Schedule.multi_step(steps, PEAK, at=at, to=max(final, 0.05 * PEAK), warmup=warmup)
    return fj.Schedule.wsd(steps, PEAK, decay=share, final=final, shape=shape, warmup=warmup)


def _losses(
    law: CurveLaw, schedule: fj.Schedule, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    every = min(EVERY, schedule.steps // 150)
    at = np.unique(np.r_[np.arange(schedule.warmup + every, schedule.steps, every), schedule.steps])
    place = np.log(at)
    near = np.exp(-0.5 * ((place[:, None] - place) / LENGTH) ** 2)
    values, vectors = np.linalg.eigh(near)
    smooth = vectors @ (np.sqrt(np.maximum(values, 0.0)) * rng.standard_normal(len(at)))
    misfit = OFFSET * rng.standard_normal() + MISFIT * smooth
    return at, law.losses(schedule, at) * np.exp(misfit)
