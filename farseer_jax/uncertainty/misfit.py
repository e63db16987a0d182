"""The misfit of a law within its runs: what its residuals hold beyond the noise."""

from typing import NamedTuple

import numpy as np

from farseer_jax.fitting.result import Fit
from farseer_jax.methods.method import weights_of
from farseer_jax.runs.noise import noise_if_shown
from farseer_jax.uncertainty.resampling import Setting

_CHANCE = 0.05  # probability that noise alone gives residuals so large


class Misfit(NamedTuple):
    """Residuals of a fit compared with the noise of its runs, on the link's scale (ln loss).

    Attributes:
        residual: standard deviation of the residuals, ``√(Σ r² / (n − p))``.
        noise: run-to-run standard deviation, estimated without the law; NaN if the runs do not
            show it.
        smooth: standard deviation of the residuals' smooth part, ``√(residual² − noise²)``; 0 where
            the noise explains them (an F-test at the level 0.05), all of the residuals where the
            noise is unknown.
    """

    residual: float
    noise: float
    smooth: float

    @property
    def is_shown(self) -> bool:
        """Whether the runs show that the law misses them."""
        return self.smooth > 0.0 and np.isfinite(self.noise)


def misfit_of(fit: Fit) -> Misfit:
    """The misfit of a fit within its runs.

    Example:
        >>> from farseer_jax import Chinchilla, Farseer, example_runs, fit
        >>> for law in (Farseer, Chinchilla):
        ...     found = misfit_of(fit(law, example_runs()))
        ...     print(f"{law.__name__}: {found.smooth:.2%} beside a noise of {found.noise:.2%}")
        Farseer: 0.00% beside a noise of 0.05%
        Chinchilla: 1.01% beside a noise of 0.05%
    """
    setting = Setting.of(fit)
    has = weights_of(fit.runs)[setting.first] > 0
    residual = setting.residuals(by_size=False, centred=False)[has]
    spread = float(np.sqrt(np.mean(residual**2)))
    known = noise_if_shown(fit.runs)
    if known is None:
        return Misfit(spread, np.nan, spread)
    spare = max(len(residual) - len(type(fit.law).parameter_names()), 1)
    if not _exceeds(spread, known.pooled, spare, float(known.dof.sum())):
        return Misfit(spread, known.pooled, 0.0)
    return Misfit(spread, known.pooled, float(np.sqrt(max(spread**2 - known.pooled**2, 0.0))))


def _exceeds(residual: float, noise: float, spare: float, dof: float) -> bool:
    """Whether residuals are larger than noise explains, by an F-test."""
    from scipy.special import fdtrc

    if noise == 0.0 or residual <= noise:
        return residual > noise
    return bool(fdtrc(spare, dof, (residual / noise) ** 2) < _CHANCE)
