"""The members of a forecast over N and D.

Farseer's law has a module of its own. Chinchilla's, the coupled law and the coupled law with an
interaction are one function, ``ln L = ln(E + (a^(1/k) + d^(1/k))^k)`` with ``ln a = A − α z`` and
``ln d = B − β t + b z + g z t``, where z and t are ln N and ln D from the centre of the runs. Its
parameters are those for which there is prior knowledge: how fast L − E decays when N and D grow
together, ``η = w α + (1 − w)(β − b)``, w the share of the size term at the centre, and how much
faster it decays with D than with N, ``δ = β − b − α``.

The priors come from the public tables of runs that the documentation's page on forecasts lists.
"""

from functools import cache, partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from farseer_jax.forecasting.farseer_member import farseer_member
from farseer_jax.forecasting.members import Member, from_center
from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.catalogue.coupled import Coupled
from farseer_jax.laws.catalogue.coupled_interaction import CoupledInteraction
from farseer_jax.laws.law import Center, Law
from farseer_jax.runs.runs import Runs
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction

#                   ln E,       A,    B,    ln η,        δ,    ln k,       b,    g
_MEAN = np.array([np.log(0.6), -2.0, -2.0, np.log(0.26), 0.0, np.log(0.7), 0.0, 0.0])
_SD = np.array([0.5, 2.0, 2.0, 0.18, 0.05, 0.5, 0.25, 0.02])
_DELTA, _DEGREES = 4, 2.0  # δ has a Student-t prior
_LN_K, _B, _G = 5, 6, 7
_FIXED: dict[type[Law], tuple[int, ...]] = {
    Chinchilla: (_LN_K, _B, _G),
    Coupled: (_B, _G),
    CoupledInteraction: (),
}
_START_E, _START_K, _START_EXPONENT = (0.35, 0.65, 0.88), (0.6, 1.0), 0.3

MEMBERS = (
    (Chinchilla, True),
    (Coupled, True),
    (CoupledInteraction, True),
    (Coupled, False),
)


def standard_members(runs: Runs, center: Center) -> list[Member]:
    """The members for runs over N and D; see the module.

    Args:
        runs: the runs, with positive losses.
        center: N and D where z and t are 0.
    """
    own = [_member(law, correlated, runs, center) for law, correlated in MEMBERS]
    return [*own[:3], farseer_member(runs, center), *own[3:]]


def _member(law: type[Law], correlated: bool, runs: Runs, center: Center) -> Member:
    free = [k for k in range(len(_MEAN)) if k not in _FIXED[law]]
    log_loss = np.log(runs.loss)
    lowest, middle = float(log_loss.min()), float(np.median(log_loss))
    mean = _MEAN + np.array([lowest, middle, middle, 0.0, 0.0, 0.0, 0.0, 0.0])
    degrees = np.where(np.arange(len(_MEAN)) == _DELTA, _DEGREES, np.inf)
    if law is Chinchilla:
        mean[_LN_K] = 0.0

    def law_of(parameters: np.ndarray) -> Law:
        return _law(law, np.asarray(parameters), center)

    return Member(
        law.name,
        correlated,
        {"N": "positive", "D": "positive"},
        log_loss_function(),
        partial(from_center, center),
        np.eye(len(_MEAN))[:, free],
        np.zeros(len(_MEAN)),
        np.full(len(free), -np.inf),
        np.full(len(free), np.inf),
        _starts(lowest, middle, free),
        mean,
        np.where(np.isin(np.arange(len(_MEAN)), free), _SD, np.inf),
        degrees,
        law_of,
    )


@cache
def log_loss_function() -> NumpyFunction:
    """``ln L`` from ``ln E, A, B, ln η, δ, ln k, b, g`` and the inputs z and t."""

    def log_loss(parameters: list[Any], inputs: dict[str, Any]) -> Any:
        log_E, A, B, log_eta, delta, log_k, b, g = parameters
        z, t, over_k = inputs["z"], inputs["t"], jnp.exp(-log_k)
        alpha, beta = _exponents(A, B, jnp.exp(log_eta), delta, over_k, b, jnp)
        size = jnp.exp((A - alpha * z) * over_k)
        data = jnp.exp((B - beta * t + b * z + g * z * t) * over_k)
        return jnp.log(jnp.exp(log_E) + jnp.exp(jnp.exp(log_k) * jnp.log(size + data)))

    return NumpyFunction(log_loss, [()] * len(_MEAN), {"z": (), "t": ()})


def _exponents(A: Any, B: Any, eta: Any, delta: Any, over_k: Any, b: Any, xp: Any) -> Any:
    """α and β from the decay with both inputs, η, and the difference δ."""
    share = 1.0 / (1.0 + xp.exp((B - A) * over_k))
    return eta - (1.0 - share) * delta, b + eta + share * delta


def _starts(lowest: float, middle: float, free: list[int]) -> np.ndarray:
    """Fixed starts: a few E, and k where it is free."""
    starts = []
    for share in _START_E:
        for k in _START_K if _LN_K in free else (1.0,):
            rest = np.exp(middle) - share * np.exp(lowest)
            term = np.log(rest) - k * np.log(2.0)
            exponent = np.log(_START_EXPONENT)
            starts.append([np.log(share) + lowest, term, term, exponent, 0.0, np.log(k), 0.0, 0.0])
    return np.array(starts)[:, free]


def _law(law: type[Law], parameters: np.ndarray, center: Center) -> Law:
    log_E, A, B, log_eta, delta, log_k, b, g = parameters
    k = np.exp(log_k)
    alpha, beta = _exponents(A, B, np.exp(log_eta), delta, 1.0 / k, b, np)
    E, N0, D0 = np.exp(log_E), np.full_like(k, center.N), np.full_like(k, center.D)
    if law is CoupledInteraction:
        terms = {"A": np.exp(A), "B": np.exp(B), "alpha": alpha, "beta": beta}
        return CoupledInteraction(E=E, **terms, k=k, b=b, g=g, N0=N0, D0=D0)
    size = np.exp((A + alpha * np.log(N0)) / k)
    data = np.exp((B + beta * np.log(D0)) / k)
    if law is Chinchilla:
        return Chinchilla(E, size, data, alpha, beta)
    return Coupled(E, size, data, alpha / k, beta / k, k)
