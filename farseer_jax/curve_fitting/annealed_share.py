"""The share by which annealing has reduced the loss at a step, by the law at its prior means."""

from collections.abc import Mapping
from functools import lru_cache

import jax
import numpy as np

from farseer_jax.curve_laws.function import law_function
from farseer_jax.curve_laws.law import CurveScale
from farseer_jax.curve_laws.multi_power import MultiPower


class _AfterWarmup(MultiPower):
    """The multi-power law with changes after the warmup only."""

    counts_warmup = False


def annealed_share(inputs: Mapping[str, np.ndarray], scale: CurveScale) -> np.ndarray:
    """The share by which decreases of the learning rate have reduced the loss, ``(point,)``.

    Args:
        inputs: ``"schedule"`` and ``"step"``, ``(point,)`` each.
        scale: of the curves.
    """
    annealed = _parameters(scale)
    steady = np.where(np.array(_AfterWarmup.parameter_names()) == "B", 0.0, annealed)
    losses = law_function(_AfterWarmup).bind(inputs).value(np.stack([annealed, steady]))
    return np.asarray(1.0 - losses[0] / losses[1])


@lru_cache(maxsize=32)
def _parameters(scale: CurveScale) -> np.ndarray:
    """The parameters at the means of their priors, ``(parameter,)``."""
    means = [prior.mean for prior in _AfterWarmup.searched.values()]
    with jax.enable_x64(True):
        law = _AfterWarmup.of_searched(np.array(means), scale)
    return np.array([float(getattr(law, name)) for name in law.parameter_names()])
