"""A law of curves as a member of a forecast: its parameters, priors and starting points."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from farseer_jax.curve_fitting.errors import CurveErrors
from farseer_jax.curve_laws.function import CurveFunction
from farseer_jax.curve_laws.law import CurveLaw, CurveScale
from farseer_jax.forecasting.members import Member
from farseer_jax.link_functions import Link
from farseer_jax.solvers.estimated_noise import Noise

_LOG = Link("log")
_NUM_STARTS = 4
_STRENGTH = 10.0  # degrees of freedom of the prior of the noise


def member_of(law: type[CurveLaw], scale: CurveScale) -> Member:
    """The member of a law, on the scale of ln loss."""
    priors = list(law.searched.values())
    mean, sd = (np.array([getattr(own, name) for own in priors]) for name in ("mean", "sd"))
    num = len(priors)

    def law_of(parameters: np.ndarray) -> CurveLaw:
        with jax.enable_x64(True):
            law_at = law.of_searched(list(np.moveaxis(parameters, -1, 0)), scale)
            return jax.tree.map(np.asarray, law_at)

    return Member(
        law.name,
        True,
        {},
        _function(law, scale),  # type: ignore[arg-type]  # what least squares needs of one
        _inputs_of,
        np.eye(num),
        np.zeros(num),
        np.full(num, -np.inf),
        np.full(num, np.inf),
        _starts(mean, sd),
        mean,
        sd,
        np.full(num, np.inf),
        law_of,
    )


def noise_of(errors: CurveErrors) -> Noise:
    """The prior of the noise of a point."""
    return Noise(guess=errors.noise, strength=_STRENGTH)


@lru_cache(maxsize=32)
def _function(law: type[CurveLaw], scale: CurveScale) -> CurveFunction:
    def make(numbers: Any) -> CurveLaw:
        return law.of_searched(numbers, scale)

    return CurveFunction(law, make, len(law.searched), _LOG)


def _inputs_of(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return dict(inputs)


def _starts(mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Starting points within the priors, the same in every fit, ``(start, number)``."""
    rng = np.random.default_rng(0)
    reach = np.minimum(sd, 1.0)
    return mean + np.vstack([0.0 * mean, rng.uniform(-1, 1, (_NUM_STARTS - 1, len(mean))) * reach])
