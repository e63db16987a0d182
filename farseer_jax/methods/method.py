"""The interface of fitting methods, as ``fit`` and ``fit_batch`` use it."""

from numbers import Integral
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.methods.outcome import Outcome
from farseer_jax.runs.runs import Runs


class Solved(NamedTuple):
    """One fit, in NumPy.

    Attributes:
        law: the fitted law.
        outcome: how the fit ended.
        relative_error: ``|predicted / observed − 1|`` of each (averaged) run that was fitted.
        diagnostics: the method's report.
    """

    law: Law
    outcome: Outcome
    relative_error: np.ndarray
    diagnostics: Any


class SolvedBatch(NamedTuple):
    """Many fits, in NumPy; every array has a leading axis ``batch``."""

    law: Law
    outcome: np.ndarray
    mean_relative_error: np.ndarray


@runtime_checkable
class Method(Protocol):
    """A way to fit laws to runs: immutable, hashable settings and the kernels they steer.

    A method that uses all cores by itself has an attribute ``block``, the largest number of refits
    in one call; others get blocks of one size, several in parallel. A method whose ``fit_block``
    needs its own compilation, which takes longer than a few dozen refits without it, has
    ``prepare_few`` or ``fit_few`` or both: the same without that compilation.
    """

    @property
    def name(self) -> str:
        """The method's name in files and in the shell."""
        ...

    def prepare(self, law: type[Law], runs: Runs) -> Any:
        """Lay the runs out; refuse a law or runs that the method cannot fit."""
        ...

    def fit_one(self, design: Any, losses: np.ndarray, weights: np.ndarray) -> Solved:
        """Fit one set of losses and weights."""
        ...

    def fit_block(self, design: Any, losses: np.ndarray, weights: np.ndarray) -> SolvedBatch:
        """Fit stacks of losses and weights, ``(batch, run)``, in one call."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        ...


def is_count(value: object, least: int) -> bool:
    """Whether a setting is a whole number, and not smaller than the least allowed one."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def require_log_link(method: str, runs: Runs) -> None:
    """Refuse responses that are not fitted on the log scale.

    Raises:
        ValueError: the runs have another link.
    """
    if runs.link.name != "log":
        raise ValueError(
            f"the {method} method fits the logarithms of positive losses (link='log'), but the "
            f"runs have the link {runs.link.name!r}: use LeastSquares()"
        )


def weights_of(runs: Runs) -> np.ndarray:
    """The runs' own weights, 1 where they have none, ``(run,)``."""
    return np.ones(len(runs)) if runs.weights is None else np.asarray(runs.weights)
