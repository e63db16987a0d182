"""The data mixing law (Ye et al.)."""

from typing import Annotated, Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Along, Mixture, Positive, Real
from farseer_jax.laws.law import Law, spread
from farseer_jax.runs.runs import Runs

_LEAST = 0.02  # of the losses: what is left above the floor, at least


class DataMixing(Law):
    """``L(h) = c + k · exp(Σ_j t_j · h_j)`` with ``Σ_j t_j = 0``, for one model size and budget.

    As shares sum to 1, adding a number to all t_j is the same as multiplying k by a factor. The
    condition that the t_j sum to 0 makes them unique. A negative t_j means that the target's loss
    falls with this share.

    Source: Ye et al. 2024, *Data Mixing Laws: Optimizing Data Mixtures by Predicting Language
    Modeling Performance* (arXiv:2403.16952), Eq. 4 and 6; there the t_j are free. The
    authors minimise Huber's objective.

    Attributes:
        c: floor of the target's loss.
        k: coefficient of the exponential.
        t: effect of each share on the target; they sum to 0.

    Example:
        >>> import farseer_jax as fj
        >>> Law = fj.DataMixing.with_shares({"h": ("web", "code")})
        >>> round(float(Law(c=2.0, k=1.0, t=[-1.5, 1.5])(h=[0.8, 0.2])), 3)
        2.407
    """

    name: ClassVar[str] = "data-mixing"
    formula: ClassVar[str] = "L(h) = c + k·exp(Σ t_j·h_j), Σ t_j = 0"
    published_objective: ClassVar[str] = "huber"

    c: Positive
    k: Positive
    t: Annotated[Real, Along("h", total=0)]

    def loss(self, h: Mixture) -> Any:
        """An exponential of a linear function of the shares."""
        return self.c + self.k * jnp.exp(jnp.sum(self.t * h, axis=-1))

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "DataMixing":
        """Floors below the losses; k and t by least squares of the logarithm of the rest."""
        shares = cls.columns(runs)["h"]
        c = runs.loss.min() * spread(cube, 0, 0.1, 0.99)
        above = np.maximum(runs.loss - c[:, None], _LEAST * runs.loss)
        effects = np.linalg.lstsq(shares, np.log(above).T, rcond=None)[0].T
        level = effects.mean(-1, keepdims=True)
        return cls(c, np.exp(level[:, 0]), effects - level)
