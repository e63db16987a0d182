"""Laws of the accuracy on a task: of a loss, of N and D, or of compute."""

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Exponent, Fraction, Positive, Real
from farseer_jax.laws.law import Law, spread
from farseer_jax.runs.runs import Runs
from farseer_jax.types import Array

_FLOOR, _CEILING = (0.0, 0.5), (0.85, 1.0)  # of random starts


class LogisticAccuracy(Law):
    """``floor + (ceiling − floor) / (1 + e^(steepness·(task_loss − midpoint)))``.

    The second of two steps: a scaling law predicts the loss on a task, such as the bits per byte of
    its correct answers, and this law predicts the accuracy from that loss. The accuracy approaches
    the floor, about chance level, at a large loss and the ceiling at a small one.

    Runs rarely determine the ceiling: fix it, ``LeastSquares(fixed={"ceiling": 1.0})``, unless the
    largest models are near it. :func:`forecast_accuracy` does so and puts a weak prior on the
    floor.

    Source: Bhagia et al., *Establishing Task Scaling Laws via Compute-Efficient Model Ladders*
    (arXiv 2412.04403), step 2.

    Attributes:
        floor: accuracy at a large loss.
        ceiling: accuracy at a small loss.
        steepness: slope of the logit, per unit of the loss.
        midpoint: the loss half-way between floor and ceiling.

    Example:
        >>> from farseer_jax import LogisticAccuracy
        >>> law = LogisticAccuracy(floor=0.25, ceiling=1.0, steepness=13.0, midpoint=0.75)
        >>> [round(float(law(bits)), 3) for bits in (1.0, 0.75, 0.65)]
        [0.278, 0.625, 0.839]
    """

    name: ClassVar[str] = "logistic-accuracy"
    formula: ClassVar[str] = (
        "y = floor + (ceiling − floor)/(1 + e^(steepness·(task_loss − midpoint)))"
    )
    response_link: ClassVar[str] = "identity"

    floor: Fraction
    ceiling: Fraction
    steepness: Positive
    midpoint: Real

    def loss(self, task_loss: Any) -> Array:
        """The accuracy, which decreases with the loss on the task."""
        height = self.ceiling - self.floor
        logit = self.steepness * (task_loss - self.midpoint)
        value = self.floor + height / (1.0 + jnp.exp(logit))
        return jnp.asarray(value)

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "LogisticAccuracy":
        """Midpoints within and below the runs' losses, and two to eight units over their range."""
        low, width = _range(runs.inputs["task_loss"])
        return cls(
            floor=spread(cube, 0, *_FLOOR),
            ceiling=spread(cube, 1, *_CEILING),
            steepness=np.exp(spread(cube, 2, np.log(2.0), np.log(8.0))) / width,
            midpoint=low + spread(cube, 3, -0.5, 1.0) * width,
        )


class ExponentialAccuracy(Law):
    """``1 − epsilon + k·e^(−gamma·task_loss)``: the error approaches ε as the loss grows.

    Source: Gadre et al., *Language models scale reliably with over-training and on downstream
    tasks* (arXiv 2403.08540), where the error averaged over tasks is ``ε − k·e^(−γL)`` of a
    validation loss L. It has no ceiling and exceeds 1 at a small loss.

    Attributes:
        epsilon: error at a large loss, about that at chance level.
        k: decrease of the error at a loss of 0.
        gamma: rate of the exponential, per unit of the loss.

    Example:
        >>> from farseer_jax import ExponentialAccuracy
        >>> law = ExponentialAccuracy(epsilon=0.76, k=1.2, gamma=0.9)
        >>> [round(float(law(loss)), 3) for loss in (4.0, 3.0, 2.0)]
        [0.273, 0.321, 0.438]
    """

    name: ClassVar[str] = "exponential-accuracy"
    formula: ClassVar[str] = "y = 1 − epsilon + k·e^(−gamma·task_loss)"
    response_link: ClassVar[str] = "identity"

    epsilon: Fraction
    k: Positive
    gamma: Positive

    def loss(self, task_loss: Any) -> Array:
        """The accuracy, which decreases with the loss on the task."""
        value = 1.0 - self.epsilon + self.k * jnp.exp(-self.gamma * task_loss)
        return jnp.asarray(value)

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "ExponentialAccuracy":
        """Gains of up to the range of the accuracies over the range of the losses."""
        low, width = _range(runs.inputs["task_loss"])
        gamma = np.exp(spread(cube, 2, np.log(0.5), np.log(6.0))) / width
        gain = max(float(np.ptp(runs.loss)), 1e-3) * np.exp(spread(cube, 1, -1.0, 0.5))
        return cls(
            epsilon=1.0 - np.clip(runs.loss.min() - 0.1 * cube[:, 0], 0.0, 1.0),
            k=gain * np.exp(gamma * low),
            gamma=gamma,
        )


class SingleStepAccuracy(Law):
    """The accuracy as a function of N and D in one step, without an intermediate loss.

    ``floor + (ceiling − floor) / (1 + e^((N_scale/N)^alpha + (D_scale/D)^beta − limit))``: a
    logistic function of Chinchilla's law, whose coefficients absorb the steepness.

    Source: the single-step form of Bhagia et al. (arXiv 2412.04403).

    Attributes:
        floor: accuracy of the smallest models.
        ceiling: accuracy of the largest.
        limit: the logit with unlimited N and D.
        N_scale: parameters at which the size term is 1.
        alpha: exponent of the size term.
        D_scale: tokens at which the data term is 1.
        beta: exponent of the data term.

    Example:
        >>> from farseer_jax import SingleStepAccuracy
        >>> law = SingleStepAccuracy(floor=0.25, ceiling=1.0, limit=3.0, N_scale=1e10, alpha=0.3,
        ...                          D_scale=1e11, beta=0.3)
        >>> [round(float(law(N, 20 * N)), 3) for N in (1e8, 1e9, 1e10)]
        [0.261, 0.513, 0.825]
    """

    name: ClassVar[str] = "single-step-accuracy"
    formula: ClassVar[str] = (
        "y = floor + (ceiling − floor)/(1 + e^((N_scale/N)^α + (D_scale/D)^β − limit))"
    )
    response_link: ClassVar[str] = "identity"

    floor: Fraction
    ceiling: Fraction
    limit: Real
    N_scale: Positive
    alpha: Exponent
    D_scale: Positive
    beta: Exponent

    def loss(self, N: Any, D: Any) -> Array:
        """The accuracy, which increases with N and D."""
        size = jnp.exp(self.alpha * jnp.log(self.N_scale / N))
        data = jnp.exp(self.beta * jnp.log(self.D_scale / D))
        height = self.ceiling - self.floor
        value = self.floor + height / (1.0 + jnp.exp(size + data - self.limit))
        return jnp.asarray(value)

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "SingleStepAccuracy":
        """Terms of about 1 to 8 in the middle of the runs."""
        alpha, beta = spread(cube, 4, 0.1, 0.6), spread(cube, 6, 0.1, 0.6)
        N, D = (float(np.exp(np.log(runs.inputs[name]).mean())) for name in ("N", "D"))
        return cls(
            floor=spread(cube, 0, *_FLOOR),
            ceiling=spread(cube, 1, *_CEILING),
            limit=spread(cube, 2, 0.0, 6.0),
            N_scale=N * np.exp(spread(cube, 3, 0.0, 2.0) / alpha),
            alpha=alpha,
            D_scale=D * np.exp(spread(cube, 5, 0.0, 2.0) / beta),
            beta=beta,
        )


class ComputeAccuracy(Law):
    """``floor + (ceiling − floor) / (1 + (C_half/C)^exponent)``: a logistic function of ln C.

    The simplest single step, for runs of one D/N, such as compute-optimal ones.

    Attributes:
        floor: accuracy of the smallest runs.
        ceiling: accuracy of the largest.
        C_half: FLOPs half-way between floor and ceiling.
        exponent: slope of the logit in ln C.

    Example:
        >>> from farseer_jax import ComputeAccuracy
        >>> law = ComputeAccuracy(floor=0.25, ceiling=1.0, C_half=1e22, exponent=0.5)
        >>> [round(float(law(C)), 3) for C in (1e20, 1e22, 1e24)]
        [0.318, 0.625, 0.932]
    """

    name: ClassVar[str] = "compute-accuracy"
    formula: ClassVar[str] = "y = floor + (ceiling − floor)/(1 + (C_half/C)^exponent)"
    response_link: ClassVar[str] = "identity"

    floor: Fraction
    ceiling: Fraction
    C_half: Positive
    exponent: Exponent

    def loss(self, C: Any) -> Array:
        """The accuracy, which increases with compute."""
        height = self.ceiling - self.floor
        logit = self.exponent * jnp.log(self.C_half / C)
        value = self.floor + height / (1.0 + jnp.exp(logit))
        return jnp.asarray(value)

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "ComputeAccuracy":
        """Half-way points within and beyond the runs."""
        low, width = _range(np.log(runs.inputs["C"]))
        return cls(
            floor=spread(cube, 0, *_FLOOR),
            ceiling=spread(cube, 1, *_CEILING),
            C_half=np.exp(low + spread(cube, 2, 0.0, 2.0) * width),
            exponent=np.exp(spread(cube, 3, np.log(2.0), np.log(8.0))) / width,
        )


def _range(values: np.ndarray) -> tuple[float, float]:
    """The least value, and the width of the range; 1 where there is none."""
    low = float(np.min(values))
    return low, float(np.ptp(values)) or 1.0
