"""Resampling schemes: how a set of runs is made anew, as other weights or other losses.

Runs are resampled, or their losses are: the first asks what another choice of runs would have
given, the second what another training of the same runs would have given.
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, get_args, runtime_checkable

import numpy as np

from farseer_jax.resampling._setting import Setting

Multiplier = Literal["webb", "rademacher", "mammen", "normal"]


class Draw(NamedTuple):
    """Losses and weights of resamples, each ``(resample, run)``; None where they are the runs' own.

    Attributes:
        losses: other losses.
        weights: other weights.
    """

    losses: np.ndarray | None = None
    weights: np.ndarray | None = None


@runtime_checkable
class Scheme(Protocol):
    """How resamples are drawn: immutable settings with a name."""

    @property
    def name(self) -> str:
        """How files and the shell call the scheme."""
        ...

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """The resamples at these positions; only ``rng`` makes them random."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        ...


class _Named:
    """Settings of a dataclass as a dictionary."""

    name: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        return {"name": self.name, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class ResampleRuns(_Named):
    """Runs drawn with replacement from all runs (the pairs bootstrap), as counts.

    Assumes nothing of the noise, and takes the grid for chance, which it is not: a size may lose
    most of its runs.

    Example:
        >>> from farseer_jax import Farseer, ResampleRuns, bootstrap, example_runs, fit
        >>> bootstrap(fit(Farseer, example_runs()), 100, ResampleRuns()).num_failed
        0
    """

    name: ClassVar[str] = "runs"

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Counts of a multinomial distribution."""
        return Draw(weights=_counts(rng, len(index), setting.num_units)[:, setting.unit])


@dataclass(frozen=True)
class ResampleSizes(_Named):
    """Whole sizes drawn with replacement (the cluster bootstrap).

    For laws that misfit some sizes as a whole: their runs err together.

    Example:
        >>> from farseer_jax import Farseer, ResampleSizes, bootstrap, example_runs, fit
        >>> bootstrap(fit(Farseer, example_runs()), 100, ResampleSizes()).scheme.name
        'sizes'
    """

    name: ClassVar[str] = "sizes"

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Counts of sizes, each run's being its size's."""
        return Draw(weights=_counts(rng, len(index), setting.num_sizes)[:, setting.size])


@dataclass(frozen=True)
class ResampleWithinSizes(_Named):
    """Runs drawn with replacement from those of their own size: every size keeps its number.

    Example:
        >>> from farseer_jax import Farseer, ResampleWithinSizes, bootstrap, example_runs, fit
        >>> bootstrap(fit(Farseer, example_runs()), 100, ResampleWithinSizes()).num_failed
        0
    """

    name: ClassVar[str] = "within-sizes"

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Counts of multinomial distributions, one per size."""
        chosen = setting.pick_within_sizes(rng, len(index))
        return Draw(weights=_count(chosen, setting.num_units)[:, setting.unit])


@dataclass(frozen=True)
class BayesianBootstrap(_Named):
    """Weights from a flat Dirichlet distribution (Rubin 1981): no run is ever left out.

    The smooth counterpart of :class:`ResampleRuns`, and the safer one for small grids.

    Example:
        >>> from farseer_jax import BayesianBootstrap, Farseer, bootstrap, example_runs, fit
        >>> bootstrap(fit(Farseer, example_runs()), 100, BayesianBootstrap()).num_failed
        0
    """

    name: ClassVar[str] = "bayesian"

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Weights of mean 1."""
        weights = rng.standard_exponential((len(index), setting.num_units))
        weights *= setting.num_units / weights.sum(axis=1, keepdims=True)
        return Draw(weights=weights[:, setting.unit])


@dataclass(frozen=True)
class ResidualBootstrap(_Named):
    """Losses of the fitted law with residuals of ln loss drawn with replacement.

    Residuals are centred, and enlarged by √(n / (n − p)) for the p parameters that were fitted.
    Takes the grid as given, and residuals for noise.

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
class WildBootstrap(_Named):
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
        ValueError: the multiplier is none of these.

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
class ParametricBootstrap(_Named):
    """Losses of the fitted law with normal noise of each size's own level.

    Args:
        noise: standard deviation of ln loss from run to run, for all sizes; None estimates it per
            size from the runs (:func:`estimate_noise`), which the misfit of a law does not enlarge.

    Raises:
        ValueError: the noise is negative or not finite.

    Example:
        >>> from farseer_jax import Farseer, ParametricBootstrap, bootstrap, example_runs, fit
        >>> bootstrap(fit(Farseer, example_runs()), 100, ParametricBootstrap(5e-4)).num_failed
        0
    """

    name: ClassVar[str] = "parametric"

    noise: float | None = None

    def __post_init__(self) -> None:
        if self.noise is not None and not 0 <= self.noise < np.inf:
            raise ValueError(f"noise must be finite and not negative, got {self.noise!r}")

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Fitted losses times ``exp(noise · z)``."""
        noise = setting.noise if self.noise is None else self.noise
        z = rng.standard_normal((len(index), setting.num_units))
        return Draw(losses=setting.perturbed(noise * z))


@dataclass(frozen=True)
class JackknifeRuns(_Named):
    """Every run left out in turn: as many refits as distinct runs, nothing random.

    Example:
        >>> from farseer_jax import Farseer, JackknifeRuns, bootstrap, example_runs, fit
        >>> jackknife = bootstrap(fit(Farseer, example_runs()), scheme=JackknifeRuns())
        >>> jackknife.num_resamples
        337
    """

    name: ClassVar[str] = "jackknife-runs"

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Weight 0 for one run each."""
        return Draw(weights=(setting.unit != index[:, None]).astype(float))

    def num_draws(self, setting: Setting) -> int:
        """One per distinct run."""
        return setting.num_units


@dataclass(frozen=True)
class JackknifeSizes(_Named):
    """Every size left out in turn: as many refits as sizes, nothing random.

    Example:
        >>> from farseer_jax import Farseer, JackknifeSizes, bootstrap, example_runs, fit
        >>> jackknife = bootstrap(fit(Farseer, example_runs()), scheme=JackknifeSizes())
        >>> jackknife.num_resamples
        21
    """

    name: ClassVar[str] = "jackknife-sizes"

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Weight 0 for the runs of one size each."""
        return Draw(weights=(setting.size != index[:, None]).astype(float))

    def num_draws(self, setting: Setting) -> int:
        """One per size."""
        return setting.num_sizes


def _counts(rng: np.random.Generator, num: int, num_items: int) -> np.ndarray:
    return _count(rng.integers(0, num_items, (num, num_items)), num_items)


def _count(chosen: np.ndarray, num_items: int) -> np.ndarray:
    """How often each item was chosen, ``(resample, item)``; one pass over all rows."""
    num = len(chosen)
    flat = (chosen + num_items * np.arange(num)[:, None]).ravel()
    return np.bincount(flat, minlength=num * num_items).reshape(num, num_items).astype(float)


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


SCHEMES: dict[str, Any] = {
    scheme.name: scheme
    for scheme in (
        ResampleRuns,
        ResampleSizes,
        ResampleWithinSizes,
        BayesianBootstrap,
        ResidualBootstrap,
        WildBootstrap,
        ParametricBootstrap,
        JackknifeRuns,
        JackknifeSizes,
    )
}


def as_scheme(scheme: object) -> Scheme:
    """A scheme, or the one of a name.

    Raises:
        ValueError: there is no scheme of this name.
        TypeError: neither a name nor a scheme.
    """
    if isinstance(scheme, str):
        if scheme not in SCHEMES:
            raise ValueError(f"scheme must be one of {', '.join(SCHEMES)}, got {scheme!r}")
        return SCHEMES[scheme]()
    if isinstance(scheme, type) or not isinstance(scheme, Scheme):
        raise TypeError(
            f"scheme must be a name such as 'bayesian' or an object such as BayesianBootstrap(), "
            f"got {scheme!r}"
        )
    return scheme


def scheme_from_dict(settings: dict[str, Any]) -> Scheme:
    """The inverse of a scheme's ``to_dict``.

    Raises:
        ValueError: it is none of the library's schemes.
    """
    own = {key: value for key, value in settings.items() if key != "name"}
    if settings["name"] not in SCHEMES:
        raise ValueError(f"the scheme {settings['name']!r} is none of this library")
    return SCHEMES[settings["name"]](**own)
