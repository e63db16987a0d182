"""Stage 3 for Chinchilla: ``E + A · N^−α`` from what the data term leaves."""

from typing import NamedTuple

import jax.numpy as jnp

from farseer_jax._power_law import PowerLaw, fit_power_law
from farseer_jax._search import Search
from farseer_jax._types import SizeMask, Sizes, Slots
from farseer_jax.methods.piecewise._differences import Gathered
from farseer_jax.methods.piecewise._pair_error import Criterion, error
from farseer_jax.methods.piecewise._stage3 import Remainder, remainder


class PowerTerm(NamedTuple):
    """The size term and what it was fitted to.

    Attributes:
        law: E, A at the pivot, and α.
        G: mean over D of ``L − B · D^−β``, per size.
        usable: sizes with runs and a positive G.
        residual: ``O − G`` per slot; 0 where there is no run.
    """

    law: PowerLaw
    G: Sizes
    usable: SizeMask
    residual: Slots


def fit_power_term(
    z: Sizes, runs: Gathered, data_term: Slots, *, criterion: Criterion, search: Search
) -> PowerTerm:
    """Fit G to ``E + A · N^−α``; every run with weight counts, also of sizes without pairs.

    The criterion is Stage 2's, of differences of G; E and A are least squares under either.
    """
    left: Remainder = remainder(runs, data_term)
    law = fit_power_law(
        z,
        jnp.where(left.usable, left.G, 1.0),
        left.weight,
        search,
        error=lambda predicted, observed: error(predicted, observed, criterion),
        shape="locally smooth" if criterion == "squared" else "kinked",
    )
    return PowerTerm(law, left.G, left.usable, left.residual)
