"""What a projection works on: runs, the domain's grids, and the parameters that may move."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.law import Center, Law
from farseer_jax.laws.slopes import elasticities
from farseer_jax.methods.end_to_end.free_parameters import build_free
from farseer_jax.runs.checks import Range
from farseer_jax.runs.runs import Runs
from farseer_jax.types import Array

# Where the law is constrained, and where it is checked: ten times finer, the ends of both included.
NUM_CONSTRAINED = 16
_BUCKET = 128
NUM_CHECKED = 10 * (NUM_CONSTRAINED - 1) + 1


class Problem(NamedTuple):
    """The part that all refits of one set of runs share.

    Attributes:
        N: of each run, ``(run,)``.
        D: likewise.
        constrained_N: ln N of the grid on which the law is constrained, ``(node, 1)``.
        constrained_D: ln D likewise, ``(node,)``.
        checked_N: ln N of the finer grid on which it is checked, ``(node, 1)``.
        checked_D: ln D likewise, ``(node,)``.
        basis: parameters move along its columns, ``(parameter, free)``.
        lower: bounds of the free parameters, ``(free,)``.
        upper: likewise.
        centering: the law's own, ``(parameter, parameter)``.
        offset: ``(parameter,)``.
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
    """Lay out what a method's fits of these runs are projected with.

    What the method fixes, ties or bounds stays so.
    """
    constrained, checked = (
        [np.linspace(np.log(low), np.log(high), num) for low, high in domain]
        for num in (NUM_CONSTRAINED, NUM_CHECKED)
    )
    settings = (getattr(method, name, ()) for name in ("fixed", "tied", "bounds"))
    fixed, tied, bounds = settings
    free = build_free(law, Center.of(runs), dict(fixed), tuple(tied), dict(bounds))
    new: Any = Problem  # jit takes NumPy arrays as well
    return new(
        N=padded(runs.N),
        D=padded(runs.D),
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


def padded(values: np.ndarray) -> np.ndarray:
    """N or D of runs, ``(run,)``, filled up by its last: similar tables share a compilation."""
    return np.pad(values, (0, -len(values) % _BUCKET), mode="edge")


def constrained_slopes(law: Law, problem: Problem) -> Array:
    """Elasticities in N and in D on the constrained grid, ``(2, node)``."""
    slopes = elasticities(law, problem.constrained_N, problem.constrained_D)
    return jnp.stack([slope.ravel() for slope in slopes])


def largest_slopes(law: Law, problem: Problem) -> Array:
    """The largest elasticities in N and in D over the domain, ``(2,)``; NaN where one is.

    To each node of the finer grid is added what a parabola through it and its neighbours may rise
    between them: an eighth of its second difference.
    """
    slopes = elasticities(law, problem.checked_N, problem.checked_D)
    return jnp.stack([jnp.max(slope + _rise_between(slope)) for slope in slopes])


def _rise_between(slope: Array) -> Array:
    excesses = [
        jnp.pad(jnp.maximum(-jnp.diff(slope, 2, axis=axis), 0.0), padding)
        for axis, padding in ((0, ((1, 1), (0, 0))), (1, ((0, 0), (1, 1))))
    ]
    return (excesses[0] + excesses[1]) / 8.0
