"""The Farseer law as a member of a forecast, with priors.

``ln L = ln(exp(u) + exp(d − a t))``, where ln u, d and ln a are curves of ``z = ln N`` from the
centre, each ``level + slope · h(z; p)``, ``h(z; p) = expm1(p z) / p``, and t is ln D from the
centre. The law's D is in tokens: level and slope of d are shifted by those of a times ln D0.
"""

from functools import cache, partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from farseer_jax.forecasting.members import Member, from_center
from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.catalogue.stretched_exponential import StretchedExponential
from farseer_jax.laws.law import Center, Law
from farseer_jax.runs.runs import Runs
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction

#                   u: level, slope, p;  d: level, slope, p;  a: ln level, slope, p
_MEAN = np.array([-0.3, -0.07, 0.0, -1.5, 0.0, 0.0, np.log(0.35), -0.06, 0.0])
_SD = np.array([0.3, 0.05, 0.15, 1.0, 0.15, 0.15, 0.3, 0.06, 0.15])
_START_SHARES = (0.15, 0.3, 0.5)  # of the data term in the loss at the centre


def farseer_member(runs: Runs, center: Center) -> Member:
    """The member for runs over N and D, with correlated errors.

    Args:
        runs: the runs, with positive losses.
        center: N and D where z and t are 0.
    """
    middle = float(np.median(np.log(runs.loss)))
    num = len(_MEAN)
    shift = np.zeros(num)
    shift[[0, 3]] = middle

    def law_of(parameters: np.ndarray) -> Law:
        return _law(np.asarray(parameters), center)

    return Member(
        Farseer.name,
        True,
        {"N": "positive", "D": "positive"},
        _log_loss(float(np.log(center.D))),
        partial(from_center, center),
        np.eye(num),
        np.zeros(num),
        np.full(num, -np.inf),
        np.full(num, np.inf),
        np.array([_start(middle, share) for share in _START_SHARES]),
        _MEAN + shift,
        _SD,
        np.full(num, np.inf),
        law_of,
    )


@cache
def _log_loss(log_D0: float) -> NumpyFunction:
    """``ln L`` from the nine parameters and the inputs z and t."""

    def curve(z: Any, p: Any) -> Any:
        small = jnp.abs(p) < 1e-6
        safe = jnp.where(small, 1.0, p)
        return jnp.where(small, z + 0.5 * p * z * z, (jnp.exp(safe * z) - 1.0) / safe)

    def log_loss(parameters: list[Any], inputs: dict[str, Any]) -> Any:
        u, u_slope, u_p, d, d_slope, d_p, log_a, a_slope, a_p = parameters
        z, t = inputs["z"], inputs["t"]
        a0 = jnp.exp(log_a)
        floor = u + u_slope * curve(z, u_p)
        # in tokens: what the exponent's change with N adds to the coefficient's slope
        level, slope = d + a0 * log_D0, d_slope + a0 * a_slope * log_D0
        a = jnp.exp(log_a + a_slope * curve(z, a_p))
        term = level + slope * curve(z, d_p) - a * (t + log_D0)
        return jnp.log(jnp.exp(floor) + jnp.exp(term))

    return NumpyFunction(log_loss, [()] * len(_MEAN), {"z": (), "t": ()})


def _start(middle: float, share: float) -> list[float]:
    return [
        middle + np.log(1.0 - share), -0.07, 0.0,
        middle + np.log(share), 0.0, 0.0,
        np.log(0.35), -0.1, 0.0,
    ]  # fmt: skip


def _law(parameters: np.ndarray, center: Center) -> Farseer:
    u, u_slope, u_p, d, d_slope, d_p, log_a, a_slope, a_p = parameters
    a0, log_D0 = np.exp(log_a), np.log(center.D)
    pivot = np.full_like(u, center.N)
    return Farseer(
        U=StretchedExponential(u, u_slope, u_p, pivot),
        B=StretchedExponential(d + a0 * log_D0, d_slope + a0 * a_slope * log_D0, d_p, pivot),
        A=StretchedExponential(log_a, a_slope, a_p, pivot),
    )
