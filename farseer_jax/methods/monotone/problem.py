"""The data of a projection: runs, the domain's grids, and the free parameters."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.law import Center, Law
from farseer_jax.laws.slopes import elasticities
from farseer_jax.methods.end_to_end.free_parameters import build_free
from farseer_jax.runs.checks import Range
from farseer_jax.runs.runs import Runs
from farseer_jax.types import Array

# Points per axis where the law is constrained, and where it is checked: ten times finer, the ends
# of both included.
NUM_CONSTRAINED = 16
NUM_CHECKED = 10 * (NUM_CONSTRAINED - 1) + 1
_BUCKET = 128  # tables are padded to multiples of this


class Problem(NamedTuple):
    """The part that all refits of one set of runs share.

    Attributes:
        N: N of each run, ``(run,)``.
        D: D of each run, ``(run,)``.
        constrained_N: ln N of the grid on which the law is constrained, ``(node, 1)``.
        constrained_D: ln D of that grid, ``(node,)``.
        checked_N: ln N of the finer grid on which it is checked, ``(node, 1)``.
        checked_D: ln D of that grid, ``(node,)``.
        basis: directions of the free parameters, ``(parameter, free)``.
        offset: ``(parameter,)``.
        centering: the law's centring matrix, ``(parameter, parameter)``.
        lower: lower bounds of the free parameters, ``(free,)``.
        upper: their upper bounds, ``(free,)``.
    """

    N: Array
    D: Array
    constrained_N: Array
    constrained_D: Array
    checked_N: Array
    checked_D: Array
    basis: Array
    offset: Array
    centering: Array
    lower: Array
    upper: Array


def build_problem(law: type[Law], runs: Runs, method: Any, domain: tuple[Range, Range]) -> Problem:
    """The problem of projecting a method's fits of these runs.

    Parameters that the method fixes, ties or bounds remain so.
    """
    constrained, checked = (
        [np.linspace(np.log(low), np.log(high), num) for low, high in domain]
        for num in (NUM_CONSTRAINED, NUM_CHECKED)
    )
    fixed, tied, bounds = (getattr(method, name, ()) for name in ("fixed", "tied", "bounds"))
    free = build_free(law, Center.of(runs), dict(fixed), tuple(tied), dict(bounds))
    new: Any = Problem  # jit takes NumPy arrays as well
    return new(
        N=_padded(runs.N),
        D=_padded(runs.D),
        constrained_N=constrained[0][:, None],
        constrained_D=constrained[1],
        checked_N=checked[0][:, None],
        checked_D=checked[1],
        basis=free.basis,
        offset=free.offset,
        centering=free.centering,
        lower=free.lower,
        upper=free.upper,
    )


def _padded(values: np.ndarray) -> np.ndarray:
    """N or D of runs, ``(run,)``, padded by the last: similar tables share a compilation."""
    return np.pad(values, (0, -len(values) % _BUCKET), mode="edge")


def constrained_slopes(law: Law, problem: Problem) -> Array:
    """Elasticities in N and in D on the constrained grid, ``(2, node)``."""
    slopes = elasticities(law, problem.constrained_N, problem.constrained_D)
    return jnp.stack([slope.ravel() for slope in slopes])


def largest_slopes(law: Law, problem: Problem) -> Array:
    """The largest elasticities in N and in D over the domain, ``(2,)``; NaN where one is NaN.

    Each node of the finer grid counts with the most that a parabola through it and its neighbours
    can rise between them: an eighth of its second difference.
    """
    slopes = elasticities(law, problem.checked_N, problem.checked_D)
    return jnp.stack([jnp.max(slope + _rise_between(slope)) for slope in slopes])


def _rise_between(slope: Array) -> Array:
    excesses = [
        jnp.pad(jnp.maximum(-jnp.diff(slope, 2, axis=axis), 0.0), padding)
        for axis, padding in ((0, ((1, 1), (0, 0))), (1, ((0, 0), (1, 1))))
    ]
    return (excesses[0] + excesses[1]) / 8.0
