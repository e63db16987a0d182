"""A forecast's surface of losses without effects of sizes: its mean, and joint draws of it.

A size that has not been chosen yet has no effect of its own: what remains are the law and its
smooth misfit, a function of N and D that has optima.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from farseer_jax.forecasting.posterior import Posterior
from farseer_jax.forecasting.stack import Stack
from farseer_jax.link_functions import Link


@dataclass(frozen=True, eq=False)
class ForecastSurface:
    """The surface of a forecast over N and D.

    Attributes:
        stack: the posteriors of the forecast's members.
        link: the scale of its responses.
    """

    stack: Stack
    link: Link

    def mean(self, log_N: np.ndarray, log_D: np.ndarray) -> np.ndarray:
        """The expected response on the link's scale, of any shape."""
        inputs = {"N": np.exp(log_N).ravel(), "D": np.exp(log_D).ravel()}
        total = np.zeros(log_N.size)
        for share, posterior in zip(self.stack.shares, self.stack.posteriors, strict=True):
            total += share * _mean_without_size(posterior, inputs)
        return total.reshape(log_N.shape)

    def draws(self, log_N: np.ndarray, log_D: np.ndarray, num: int, seed: int) -> np.ndarray:
        """Joint draws at points ``(point,)`` on the link's scale, ``(draw, point)``."""
        inputs = {"N": np.exp(log_N), "D": np.exp(log_D)}
        return self.stack.draws(inputs, num, seed, size=False)[0]


def _mean_without_size(posterior: Posterior, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The member's expected response at points, ``(point,)``."""
    member = posterior.member
    parameters = member.parameters(posterior.laplace.free[:1])
    value: np.ndarray = member.function.bind(member.inputs_of(inputs)).value(parameters)[0]
    if posterior.columns is None:
        return value
    first = posterior.columns.num_size
    return value + posterior.columns.misfit_at(inputs) @ posterior.coefficients[0][0, first:]
