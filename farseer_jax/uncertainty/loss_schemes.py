"""Schemes that resample losses: the same runs, trained again."""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np

from farseer_jax.uncertainty.resampling import Draw, Named, Setting

Multiplier = Literal["webb", "rademacher", "mammen", "normal"]


@dataclass(frozen=True)
class ResidualBootstrap(Named):
    """Fitted losses with residuals of ln loss drawn with replacement.

    Residuals are centred, and enlarged by √(n / (n − p)) for n distinct runs and the p parameters
    of the law. Treats the grid as fixed, and residuals as noise. There is no correction for the
    means removed by centring, one per size: sizes with few runs vary too little, and those with a
    single run not at all.

    Args:
        within_sizes: draw a run's residual from those of its size, since noise differs between
            sizes.

    Example:
        >>> from farseer_jax import Farseer, ResidualBootstrap, bootstrap, example_runs, fit
        >>> bootstrap(fit(Farseer, example_runs()), 100, ResidualBootstrap()).num_failed
        0
    """

    name: ClassVar[str] = "residual"

    within_sizes: bool = True

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Fitted losses times ``exp(residual)``."""
        if self.within_sizes:
            chosen = setting.pick_within_sizes(rng, len(index))
        else:
            chosen = rng.integers(0, setting.num_units, (len(index), setting.num_units))
        residual = setting.residuals(by_size=self.within_sizes)
        return Draw(losses=setting.perturbed(residual[chosen]))


@dataclass(frozen=True)
class WildBootstrap(Named):
    """Fitted losses with each run's residual times a random number.

    The numbers have mean 0 and variance 1 (Wu 1986), so that each run keeps its own
    scatter, however it differs over the grid. The default, one number for all runs of a size
    (Cameron, Gelbach & Miller 2008), preserves misfit that is common along D; one number per run
    would turn it into rough differences, to which the piecewise method is sensitive.

    Args:
        multiplier: ``"webb"`` (six points, for few sizes; Webb 2014), ``"rademacher"`` (±1),
            ``"mammen"`` (two points, skewed; 1993) or ``"normal"``.
        by_size: one number for all runs of a size, instead of one per run.

    Raises:
        ValueError: an unknown multiplier.

    Example:
        >>> from farseer_jax import Farseer, WildBootstrap, bootstrap, example_runs, fit
        >>> bootstrap(fit(Farseer, example_runs()), 100, WildBootstrap("mammen")).num_failed
        0
    """

    name: ClassVar[str] = "wild"

    multiplier: Multiplier = "webb"
    by_size: bool = True

    def __post_init__(self) -> None:
        if self.multiplier not in get_args(Multiplier):
            raise ValueError(
                f"multiplier must be one of {get_args(Multiplier)}, got {self.multiplier!r}"
            )

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Fitted losses times ``exp(multiplier · residual)``."""
        num = setting.num_sizes if self.by_size else setting.num_units
        numbers = _multipliers(self.multiplier, rng, (len(index), num))
        if self.by_size:
            numbers = numbers[:, setting.size[setting.first]]
        residual = setting.residuals(by_size=False, centred=False)
        return Draw(losses=setting.perturbed(residual * numbers))


@dataclass(frozen=True)
class ParametricBootstrap(Named):
    """Fitted losses with normal noise, estimated for each size.

    Args:
        noise: run-to-run standard deviation of ln loss, for all sizes; None estimates it per size
            from the runs (:func:`estimate_noise`), unaffected by the misfit of a law.

    Raises:
        ValueError: the noise is not positive and finite.

    Example:
        >>> from farseer_jax import Farseer, ParametricBootstrap, bootstrap, example_runs, fit
        >>> bootstrap(fit(Farseer, example_runs()), 100, ParametricBootstrap(5e-4)).num_failed
        0
    """

    name: ClassVar[str] = "parametric"

    noise: float | None = None

    def __post_init__(self) -> None:
        if self.noise is not None and not 0 < self.noise < np.inf:
            raise ValueError(f"noise must be positive and finite, got {self.noise!r}")

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Fitted losses times ``exp(noise · z)``."""
        noise = setting.noise if self.noise is None else self.noise
        z = rng.standard_normal((len(index), setting.num_units))
        return Draw(losses=setting.perturbed(noise * z))


def _multipliers(kind: Multiplier, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Random numbers with mean 0 and variance 1."""
    if kind == "normal":
        return rng.standard_normal(shape)
    if kind == "webb":  # gives many more distinct resamples of few sizes than ±1
        points = np.sqrt([0.5, 1.0, 1.5])
        return np.concatenate([-points, points])[rng.integers(0, 6, shape)]
    if kind == "rademacher":
        return np.where(rng.integers(0, 2, shape, dtype=np.int8), 1.0, -1.0)
    root = np.sqrt(5.0)  # Mammen's two points, whose third moment is 1 as well
    low = rng.random(shape) < (root + 1) / (2 * root)
    return np.where(low, (1 - root) / 2, (1 + root) / 2)
