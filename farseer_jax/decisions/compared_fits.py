"""The two sides of a comparison: a law, and what is known of where it came from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import shown
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import Law, require_N_and_D
from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.bootstrap_result import Bootstrap


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two.

    Attributes:
        name: how reports call it.
        law: its law.
        runs: that the law was fitted to; None of a law alone.
        bootstrap: refits of it, where they are known.
        fit: that the law is of; None of a law alone.
    """

    name: str
    law: Law
    runs: Runs | None = None
    bootstrap: Bootstrap | None = None
    fit: Fit | None = None

    def holds(self, N: np.ndarray, D: np.ndarray) -> np.ndarray:
        """Whether points lie within the ranges of N and of D of the runs; without runs, all."""
        if self.runs is None:
            return np.ones(np.broadcast_shapes(N.shape, D.shape), dtype=bool)
        own = self.runs
        inside_N = (own.N.min() <= N) & (own.N.max() >= N)
        inside_D = (own.D.min() <= D) & (own.D.max() >= D)
        return inside_N & inside_D


@dataclass(frozen=True, eq=False)
class Sides:
    """Both, A first."""

    a: Side
    b: Side

    @property
    def names(self) -> tuple[str, str]:
        """How reports call them."""
        return self.a.name, self.b.name

    def losses(self, N: np.ndarray, D: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Loss of each, of the broadcast shape of N and D."""
        return evaluate(self.a.law, N, D), evaluate(self.b.law, N, D)

    def gap(self, N: np.ndarray, D: np.ndarray) -> np.ndarray:
        """Loss of A less that of B: its sign says who loses, exactly reversed when they swap."""
        loss_a, loss_b = self.losses(N, D)
        return loss_a - loss_b

    def inside(self, N: np.ndarray, D: np.ndarray) -> np.ndarray:
        """Whether points lie within the runs of both, as far as they have runs."""
        return self.a.holds(N, D) & self.b.holds(N, D)


def checked_names(names: Sequence[str]) -> tuple[str, str]:
    """Names of A and B.

    Raises:
        ValueError: they are not two different ones.
    """
    match [] if isinstance(names, str) else list(names):
        case [str(a), str(b)] if a.strip() and b.strip() and a != b:
            return a, b
    raise ValueError(f'names: give two different names, such as ("old", "new"), got {names!r}')


def side_of(given: object, argument: str, name: str) -> Side:
    """What was given as a side.

    Raises:
        TypeError: it is no fit, law or bootstrap.
        ValueError: a law over other inputs than N and D, a stack of laws, or a bootstrap without
            draws.
    """
    side = _side_of(given, argument, name)
    require_N_and_D(f"compare_fits ({argument})", type(side.law))
    return side


def _side_of(given: object, argument: str, name: str) -> Side:
    if isinstance(given, Bootstrap):
        if given.is_jackknife:
            raise ValueError(
                f"{argument}: a jackknife has no draws to take probabilities from; take another "
                "scheme, such as 'wild', or compare the fits"
            )
        return Side(name, given.fit.law, given.fit.runs, given, given.fit)
    if isinstance(given, Fit):
        return Side(name, given.law, given.runs, fit=given)
    if isinstance(given, Law):
        if np.ndim(given.to_vector()) > 1:
            raise ValueError(f"{argument}: a stack of laws, give one of them")
        return Side(name, given)
    raise TypeError(
        f"{argument}: expected a Fit, a law such as `Farseer.published()` or a Bootstrap, "
        f"got {shown(given)}"
    )
