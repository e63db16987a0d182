"""The jackknife: leaves out each run, or each size, in turn."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farseer_jax.fitting.fit_batch import BatchFit, Refits
from farseer_jax.fitting.result import Fit
from farseer_jax.runtime.progress import stage
from farseer_jax.uncertainty.resampling import Draw, Named, Scheme, Setting


@dataclass(frozen=True)
class JackknifeRuns(Named):
    """Leave out each distinct run in turn; deterministic.

    Example:
        >>> from farseer_jax import Farseer, JackknifeRuns, bootstrap, example_runs, fit
        >>> jackknife = bootstrap(fit(Farseer, example_runs()), scheme=JackknifeRuns())
        >>> jackknife.num_resamples
        337
    """

    name: ClassVar[str] = "jackknife-runs"

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Weight 0 for one run in each resample."""
        return Draw(weights=(setting.unit != index[:, None]).astype(float))

    def num_draws(self, setting: Setting) -> int:
        """One per distinct run."""
        return setting.num_units


@dataclass(frozen=True)
class JackknifeSizes(Named):
    """Leave out each size in turn; deterministic.

    Example:
        >>> from farseer_jax import Farseer, JackknifeSizes, bootstrap, example_runs, fit
        >>> jackknife = bootstrap(fit(Farseer, example_runs()), scheme=JackknifeSizes())
        >>> jackknife.num_resamples
        21
    """

    name: ClassVar[str] = "jackknife-sizes"
    by_size: ClassVar[bool] = True

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Weight 0 for the runs of one size in each resample."""
        return Draw(weights=(setting.size != index[:, None]).astype(float))

    def num_draws(self, setting: Setting) -> int:
        """One per size."""
        return setting.num_sizes


def is_jackknife(scheme: Scheme) -> bool:
    """Whether the scheme is a jackknife, with a fixed number of resamples."""
    return hasattr(scheme, "num_draws")


def leave_out(fit: Fit, *, by_size: bool) -> BatchFit:
    """Refits of a fit without each run, or without each size, in turn: for BCa."""
    setting = Setting.of(fit)
    jackknife = JackknifeSizes() if by_size else JackknifeRuns()
    index = np.arange(jackknife.num_draws(setting))
    weights = jackknife.draw(setting, np.random.default_rng(0), index).weights
    with stage(f"refitting without each {'size' if by_size else 'run'}"):
        return Refits.of_fit(fit)(weights=weights)
