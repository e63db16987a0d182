"""Schemes of other losses: what would another training of the same runs have given?"""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np

from farseer_jax.uncertainty.resampling import Draw, Named, Setting

Multiplier = Literal["webb", "rademacher", "mammen", "normal"]


@dataclass(frozen=True)
class ResidualBootstrap(Named):
    """Losses of the fitted law with residuals of ln loss drawn with replacement.

    Residuals are centred, and enlarged by √(n / (n − p)) for n distinct runs and the p parameters
    of the law. Takes the grid as given, and residuals for noise. The means that centring takes out,
    one of each size, are not made up for: a size of few runs moves too little, and one of a single
    run not at all.

    Args:
        within_sizes: draw a run's residual from those of its own size, as scatter differs from
            size to size.

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
    """Losses of the fitted law with the runs' own residuals times random numbers.

    The numbers have mean 0 and variance 1 (Wu 1986), so that each run keeps its own
    scatter, however that differs over the grid. The default, one number for all runs of a size
    (Cameron, Gelbach & Miller 2008), keeps what a law's misfit has in common along D; numbers of
    each run's own make rough differences of it, on which the piecewise method lives.

    Args:
        multiplier: ``"webb"`` (six points, for few sizes; Webb 2014), ``"rademacher"`` (±1),
            ``"mammen"`` (two points, skewed; 1993) or ``"normal"``.
        by_size: one number for all runs of a size, or one for each run.

    Raises:
        ValueError: unknown multiplier.

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
    """Losses of the fitted law with normal noise of each size's own level.

    Args:
        noise: standard deviation of ln loss from run to run, for all sizes; None estimates it per
            size from the runs (:func:`estimate_noise`), which the misfit of a law does not enlarge.

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
    """Random numbers of mean 0 and variance 1."""
    if kind == "normal":
        return rng.standard_normal(shape)
    if kind == "webb":  # many more resamples of few sizes than ±1 gives, 2^sizes
        points = np.sqrt([0.5, 1.0, 1.5])
        return np.concatenate([-points, points])[rng.integers(0, 6, shape)]
    if kind == "rademacher":
        return np.where(rng.integers(0, 2, shape, dtype=np.int8), 1.0, -1.0)
    root = np.sqrt(5.0)  # Mammen's two points, whose third moment is 1 as well
    low = rng.random(shape) < (root + 1) / (2 * root)
    return np.where(low, (1 - root) / 2, (1 + root) / 2)
