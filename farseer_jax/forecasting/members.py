"""The laws that a forecast combines: functions of the runs' inputs, with priors and starts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from farseer_jax.laws.law import Center, Law
from farseer_jax.runs.inputs import Kind
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction


@dataclass(frozen=True, eq=False)
class Member:
    """A law and whether its errors are correlated.

    Attributes:
        name: the law's name.
        correlated: whether errors are correlated; otherwise they are independent.
        kinds: the kind of each input of the law.
        function: predictions on the link's scale, from the parameters that the solver searches.
        inputs_of: the function's inputs from the law's, ``(point,)`` each.
        basis: parameters = offset + basis · free ones, ``(parameter, free)``.
        offset: ``(parameter,)``.
        lower: lower bounds of the free parameters, ``(free,)``.
        upper: their upper bounds, ``(free,)``.
        starts: free parameters, ``(start, free)``.
        prior_mean: ``(parameter,)``.
        prior_sd: inf without a prior, ``(parameter,)``.
        prior_degrees: degrees of freedom of Student-t priors, inf for normal ones,
            ``(parameter,)``.
        law_of: the law of parameters ``(parameter, …)``; batches become leading axes of its leaves.
    """

    name: str
    correlated: bool
    kinds: Mapping[str, Kind]
    function: NumpyFunction
    inputs_of: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]
    basis: np.ndarray
    offset: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    starts: np.ndarray
    prior_mean: np.ndarray
    prior_sd: np.ndarray
    prior_degrees: np.ndarray
    law_of: Callable[[np.ndarray], Law]

    def parameters(self, free: np.ndarray) -> np.ndarray:
        """Parameters ``(…, parameter)`` of free parameters ``(…, free)``."""
        return np.asarray(free @ self.basis.T + self.offset)


def from_center(center: Center, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """``z = ln N`` and ``t = ln D`` from the centre of the runs."""
    return {
        "z": np.log(inputs["N"]) - np.log(center.N),
        "t": np.log(inputs["D"]) - np.log(center.D),
    }
