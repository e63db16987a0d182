"""Loss curves simulated from a known law, with noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from farseer_jax.curves.curve import Curve
from farseer_jax.curves.curve_noise import curve_noise
from farseer_jax.curves.curves import Curves
from farseer_jax.curves.schedule import Schedule

_N = 1e8
# Parameters of the multi-power law, similar to those of Luo et al. for 100 M parameters.
_L0, _A, _ALPHA, _B, _C, _BETA, _GAMMA = 2.65, 0.59, 0.43, 370.0, 2.06, 0.59, 0.64
_EVERY = 128
_WARMUP = 2_000


def example_curves(*, noise: float = 7e-4, seed: int = 0) -> Curves:
    """Curves of one model under three schedules, simulated from the multi-power law (Luo et al.).

    ``L = L0 + A·S1^−α − B·Σ_k (η_{k−1} − η_k)·(1 − (1 + C·η_k^−γ·(S1(t) − S1(k)))^−β)``.
    After a warmup of 2,000 steps, the learning rate is constant, drops to a second constant at
    step 8,000, or decays as a cosine. The loss is logged every 128 steps.

    Args:
        noise: standard deviation of the noise in ln loss of each row.
        seed: of the noise.

    Example:
        >>> from farseer_jax import example_curves
        >>> curves = example_curves()
        >>> curves.names
        ('constant', 'two-stage', 'cosine')
        >>> round(float(curves["cosine"].losses[-1]), 2)
        2.88
    """
    schedules = {
        "constant": Schedule.constant(24_000, 3e-4, warmup=_WARMUP),
        "two-stage": Schedule.multi_step(16_000, 3e-4, at=8_000, to=9e-5, warmup=_WARMUP),
        "cosine": Schedule.cosine(24_000, 3e-4, final=3e-5, warmup=_WARMUP),
    }
    random = np.random.default_rng(seed)
    curves = []
    for name, schedule in schedules.items():
        steps = np.arange(-(-_WARMUP // _EVERY) * _EVERY, schedule.steps + 1, _EVERY)
        losses = _multi_power(schedule, steps) * np.exp(noise * random.standard_normal(len(steps)))
        found = curve_noise(steps, losses)
        curves.append(Curve(name, steps, losses, schedule, {"N": _N}, found.noise))
    return Curves(tuple(curves), source="made by the multi-power law")


def _multi_power(schedule: Schedule, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """The loss at these steps, ``(point,)``, after the warmup."""
    rates, areas = schedule.rates, schedule.areas
    falls = -np.diff(rates)
    at = np.flatnonzero(falls[schedule.warmup :]) + schedule.warmup  # of the step before each fall
    gained = np.zeros(len(steps))
    for row, step in enumerate(steps.tolist()):
        own = at[at + 1 < step]
        grown = _C * rates[own + 1] ** -_GAMMA * (areas[step - 1] - areas[own])
        gained[row] = _B * (falls[own] * (1.0 - (1.0 + grown) ** -_BETA)).sum()
    return np.asarray(_L0 + _A * areas[steps - 1] ** -_ALPHA - gained)
