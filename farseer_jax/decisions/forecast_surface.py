"""A forecast's surface of losses without effects of sizes: its mean, and joint draws of it.

A size that has not been chosen yet has no effect of its own: what remains are the law and its
smooth misfit, a function of N and D that has optima.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from farseer_jax.forecasting.posterior import Posterior
from farseer_jax.forecasting.result import Forecast
from farseer_jax.forecasting.stack import Stack


@dataclass(frozen=True, eq=False)
class ForecastSurface:
    """The surface of a forecast over N and D.

    Attributes:
        forecast: the forecast.
    """

    forecast: Forecast

    def mean(self, log_N: np.ndarray, log_D: np.ndarray) -> np.ndarray:
        """The expected response on the link's scale, of any shape."""
        inputs = {"N": np.exp(log_N).ravel(), "D": np.exp(log_D).ravel()}
        stack, total = self.forecast.stack, np.zeros(log_N.size)
        for share, posterior in zip(stack.shares, stack.posteriors, strict=True):
            total += share * _mean_without_size(posterior, inputs)
        return total.reshape(log_N.shape)

    def draws(self, log_N: np.ndarray, log_D: np.ndarray, num: int, seed: int) -> np.ndarray:
        """Joint draws at points ``(point,)`` on the link's scale, ``(draw, point)``."""
        inputs = {"N": np.exp(log_N), "D": np.exp(log_D)}
        stack = with_columns_for(self.forecast, inputs, size=False)
        return stack.draws(inputs, num, seed, size=False)[0]


def with_columns_for(
    forecast: Forecast, inputs: Mapping[str, np.ndarray], *, size: bool = True
) -> Stack:
    """The stack with error columns from which the errors at further points follow, too.

    Args:
        forecast: a forecast over N and D.
        inputs: the points, ``(point,)`` each.
        size: whether effects of sizes follow as well.
    """
    stack, runs = forecast.stack, {"N": forecast.runs.N, "D": forecast.runs.D}
    columns = next((own.columns for own in stack.posteriors if own.columns is not None), None)
    if columns is None:
        return stack
    extended = columns.extended(inputs, size=size)
    features = extended.at(runs)
    posteriors = [
        own if own.columns is None else replace(own, columns=extended, features=features)
        for own in stack.posteriors
    ]
    return replace(stack, posteriors=posteriors)


def _mean_without_size(posterior: Posterior, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The member's expected response at points, ``(point,)``."""
    member = posterior.member
    parameters = member.parameters(posterior.laplace.free[:1])
    value: np.ndarray = member.function.bind(member.inputs_of(inputs)).value(parameters)[0]
    if posterior.columns is None:
        return value
    first = posterior.columns.num_size
    smooth = posterior.columns.at(inputs).matrix[:, first:]
    return value + smooth @ posterior.coefficients[0][0, first:]
