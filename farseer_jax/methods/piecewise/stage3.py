"""Stage 3: the curve U(N) from what the data term leaves (paper Eqs. 11–14)."""

from typing import NamedTuple

import jax.numpy as jnp

from farseer_jax.methods.piecewise.pair_error import Criterion, shape_of
from farseer_jax.methods.piecewise.stage1 import Gathered
from farseer_jax.methods.piecewise.stage2 import Curve, candidate_lines, fit_curve
from farseer_jax.solvers.linear_regression import line_points, mean_weight, weighted_mean
from farseer_jax.solvers.search import Search
from farseer_jax.types import Candidates, Flag, SizeMask, Sizes, Slots


class SizeTerm(NamedTuple):
    """Curve U(N) and what it was fitted to.

    Attributes:
        U: the curve.
        at_edge: γ ended at a bound of its search.
        resolved: the search converged.
        G: mean over D of ``O = L − B · D^−A``, per size (Eq. 12).
        usable: sizes with runs and a positive G.
        residual: ``O − G`` per slot (Eq. 13, sign turned); 0 where there is no run.
    """

    U: Curve
    at_edge: Flag
    resolved: Flag
    G: Sizes
    usable: SizeMask
    residual: Slots


class Remainder(NamedTuple):
    """The part of the losses that a data term leaves.

    Attributes:
        G: mean over D, per size.
        usable: sizes with runs and a positive G.
        weight: of the size; 0 where it is not usable.
        residual: ``O − G`` per slot; 0 where there is no run.
    """

    G: Sizes
    usable: SizeMask
    weight: Sizes
    residual: Slots


def remainder(runs: Gathered, data_term: Slots) -> Remainder:
    """The mean over D of what the data term leaves."""
    O = runs.loss - data_term  # noqa: E741  the paper's name
    G = weighted_mean(O, runs.weight, axis=1)
    usable = jnp.any(runs.weight > 0, axis=1) & (G > 0)
    return Remainder(
        G=G,
        usable=usable,
        weight=jnp.where(usable, mean_weight(runs.weight, axis=1), 0.0),
        residual=jnp.where(runs.weight > 0, O - G[:, None], 0.0),
    )


def fit_size_term(
    z: Sizes, runs: Gathered, data_term: Slots, *, criterion: Criterion, search: Search
) -> SizeTerm:
    """Fit ``ln G`` on ``h(z; γ)``; every run with weight counts, even at sizes without pairs.

    The criterion is Stage 2's: squared differences of ``ln G``, or relative ones of G.
    """
    left = remainder(runs, data_term)
    log_G = jnp.log(jnp.where(left.usable, left.G, 1.0))
    points = line_points(log_G, left.weight)

    def objective(exponents: Candidates) -> Candidates:
        line, _ = candidate_lines(z, points, exponents)
        deviation = line - log_G[:, None]
        errors = deviation**2 if criterion == "squared" else jnp.abs(jnp.expm1(deviation))
        return jnp.sum(points.weights[:, None] * errors, axis=0)

    gamma = search.minimise(objective, shape_of(criterion), z.dtype)
    return SizeTerm(
        U=fit_curve(z, points, gamma.exponent),
        at_edge=gamma.at_edge,
        resolved=gamma.resolved,
        G=left.G,
        usable=left.usable,
        residual=left.residual,
    )
