"""The final loss of a law of curves as a function of the learning rates, with its gradient."""

from collections.abc import Mapping

import jax
import numpy as np

from farseer_jax.curve_laws.law import CurveLaw
from farseer_jax.runtime.compiled import compiled
from farseer_jax.types import Array


class FinalLoss:
    """The loss after the last step as a function of the rates after the warmup.

    Args:
        law: the law.
        steps: the number of steps.
        peak: the learning rate at the end of the warmup.
        warmup: steps of linear warmup from 0.
        inputs: quantities that are constant along the run, such as N.
    """

    def __init__(
        self, law: CurveLaw, steps: int, peak: float, warmup: int, inputs: Mapping[str, float]
    ) -> None:
        self.steps, self.peak, self.warmup = steps, peak, warmup
        self._rise = peak * np.arange(1, warmup + 1) / max(warmup, 1)
        with jax.enable_x64(True):
            self._law = jax.tree.map(lambda own: np.asarray(own, dtype=np.float64), law)
        self._inputs = {name: np.float64(value) for name, value in inputs.items()}

    @property
    def num_free(self) -> int:
        """The number of steps after the warmup."""
        return self.steps - self.warmup

    def __call__(self, rates: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss and its gradient by the rates.

        Args:
            rates: of the steps after the warmup, ``(step,)``.
        """
        with jax.enable_x64(True):
            all_rates = np.concatenate([self._rise, rates])
            loss, slopes = _loss_and_slopes(all_rates, self._law, self._inputs, self.warmup)
            return float(loss), np.asarray(slopes)[self.warmup :]


@compiled(static=("warmup",))
def _loss_and_slopes(
    rates: Array, law: CurveLaw, inputs: dict[str, Array], warmup: int
) -> tuple[Array, Array]:
    def loss(own: Array) -> Array:
        return law.final_loss(own, warmup, **inputs)

    return jax.value_and_grad(loss)(rates)
