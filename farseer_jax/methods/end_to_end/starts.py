"""Starts in free numbers: those of the settings, of the law, or drawn from its domains."""

from typing import Any, Protocol

import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.links import Link
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.layout import Layout, scaled_loss
from farseer_jax.methods.end_to_end.settings import check_starts, own_starts
from farseer_jax.methods.method import weights_of
from farseer_jax.solvers.fit_problem import FitProblem
from farseer_jax.solvers.starts import Domain, draw_starts


class Settings(Protocol):
    """Fields of a method's frozen dataclass; see :class:`LeastSquares` for their meaning."""

    @property
    def seed(self) -> int:
        """Of random starts."""
        ...

    @property
    def starts(self) -> Law | None:
        """Starts, or None for those of the law."""
        ...

    @property
    def bounds(self) -> Any:
        """Bounds of parameters."""
        ...


def starts_of(settings: Settings, layout: Layout, free: Free, num: int) -> np.ndarray:
    """Starts in free numbers, ``(start, free)``; more of them begin with the same."""
    law = layout.law
    if settings.starts is not None:
        return free.free(check_starts(law, settings.starts, dict(settings.bounds)))
    cube = np.random.default_rng(settings.seed).random((num, len(law.parameter_names())))
    own = own_starts(law, layout.runs, cube)
    if own is not None:
        return free.free(check_starts(law, own, {}))
    return _drawn(layout, free, num, settings.seed)


def _drawn(layout: Layout, free: Free, num: int, seed: int) -> np.ndarray:
    """From the domains: parameters themselves are drawn, which the loss may be linear in."""
    law, link, runs = layout.law, layout.link, layout.runs
    domains = list(law.domains().values())
    positive = np.isin(law.parameter_names(), law.log_parameters())
    leaders, basis = _tied(free)
    offset = np.where(positive & (free.basis == 0).all(1), np.exp(free.offset), free.offset)
    offset = np.where((free.basis != 0).any(1), 0.0, offset)
    own = [
        Domain(
            max(domains[k].lower, low),
            min(domains[k].upper, high),
            domains[k].start,
        )
        for k, (low, high) in zip(leaders, _bounds(free, leaders, positive), strict=True)
    ]
    inputs = law.columns(runs)
    weights = weights_of(runs) * layout.run_share
    common: dict[str, Any] = {"offset": offset, "basis": basis}
    scaled = FitProblem(scaled_loss(law, link), inputs, link.forward(runs.loss), weights, **common)
    slope = link.slope(runs.loss)
    response = FitProblem(
        scaled_loss(law, Link("identity")), inputs, runs.loss, weights * slope**2, **common
    )
    with np.errstate(all="ignore"):
        drawn = draw_starts(scaled, own, num, response=response, seed=seed)[0]
    natural = drawn @ basis.T + offset
    vector = np.where(positive, np.log(np.maximum(natural, np.finfo(float).tiny)), natural)
    return free.free(vector.T)


def _tied(free: Free) -> tuple[list[int], np.ndarray]:
    """The first parameter of each free number, and a basis of ones in natural numbers."""
    used = np.abs(free.basis) > 1e-9
    leaders = [int(np.flatnonzero(column)[0]) for column in used.T]
    return leaders, used.astype(float)


def _bounds(free: Free, leaders: list[int], positive: np.ndarray) -> list[tuple[float, float]]:
    """Bounds of the free numbers in natural terms."""
    ends = []
    for column, leader in enumerate(leaders):
        factor = free.basis[leader, column]
        low, high = factor * free.lower[column], factor * free.upper[column]
        ends.append((np.exp(low), np.exp(high)) if positive[leader] else (low, high))
    return ends
