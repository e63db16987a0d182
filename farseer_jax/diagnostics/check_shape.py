"""Where a law falls, where it rises, and how fast."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.diagnostics.shape_result import Rise, Shape
from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import shown
from farseer_jax.laws.law import Law, require_N_and_D
from farseer_jax.laws.slopes import ROUNDING, along_D, along_N, log_surface
from farseer_jax.runs.checks import Range, as_range
from farseer_jax.types import Array


class Derivatives(NamedTuple):
    """The loss, and derivatives of its logarithm, ``(N, D)`` each.

    Attributes:
        loss: L.
        by_N: ``∂ ln L / ∂ ln N``.
        by_D: ``∂ ln L / ∂ ln D``.
        by_NN: ``∂² ln L / ∂(ln N)²``.
        by_DD: ``∂² ln L / ∂(ln D)²``.
        by_ND: ``∂² ln L / ∂ ln N ∂ ln D``.
    """

    loss: np.ndarray
    by_N: np.ndarray
    by_D: np.ndarray
    by_NN: np.ndarray
    by_DD: np.ndarray
    by_ND: np.ndarray


def check_shape(law: Law | Fit, N: Range, D: Range, *, num: int = 129) -> Shape:
    """Derivatives of a law over a domain, by autodiff, and where its loss rises.

    More parameters and more tokens should lower the loss; a law that was fitted need not know
    (paper §4.4 and App. I, Figs. 18–20). A rise narrower than a step of the grid may be missed.

    Args:
        law: a law, or a fit, whose runs' range is then told apart from what lies beyond.
        N: smallest and largest N of the domain.
        D: smallest and largest D of the domain.
        num: points along each of ln N and ln D; at least 3.

    Raises:
        TypeError: it is neither a law nor a fit.
        ValueError: the domain is empty, or the law has no finite loss or derivative somewhere in
            it.

    Example:
        >>> from farseer_jax import Farseer, check_shape, example_runs, fit
        >>> shape = check_shape(fit(Farseer, example_runs()), N=(2e8, 1e13), D=(1e9, 1e15))
        >>> shape
        Shape(farseer, 129 x 129, Rise(along N, 19.3% of the domain))
        >>> rise = shape.regions[0]
        >>> bool(rise.begins.min() > 1e10)
        True
    """
    runs = law.runs if isinstance(law, Fit) else None
    if isinstance(law, Fit):
        law = law.law
    if not isinstance(law, Law):
        raise TypeError(
            f"law must be a law or a fit, such as `fit(Farseer, runs)`, got {shown(law)}"
        )
    require_N_and_D("check_shape", type(law))
    if not isinstance(num, int) or num < 3:
        raise ValueError(f"num must be a whole number from 3, got {num!r}")
    sizes, tokens = (_axis(name, ends, num) for name, ends in (("N", N), ("D", D)))
    found = derivatives(law, sizes, tokens)
    _check(law, found, sizes, tokens)
    along_N = _rise(law, sizes, tokens, found.by_N, "N")
    along_D = _rise(law, tokens, sizes, found.by_D.T, "D")
    return Shape(
        law=law.name,
        N=sizes,
        D=tokens,
        **found._asdict(),
        regions=tuple(region for region in (along_N, along_D) if region is not None),
        runs_N=None if runs is None else (float(runs.N.min()), float(runs.N.max())),
        runs_D=None if runs is None else (float(runs.D.min()), float(runs.D.max())),
    )


def _axis(name: str, ends: Range, num: int) -> np.ndarray:
    low, high = as_range(name, ends)
    axis = np.geomspace(low, high, num)
    axis[0], axis[-1] = low, high  # as given, free of rounding
    return axis


def _check(law: Law, found: Derivatives, N: np.ndarray, D: np.ndarray) -> None:
    bad = ~np.logical_and.reduce([np.isfinite(values) for values in found])
    bad |= ~(found.loss > 0.0)
    if not bad.any():
        return
    sizes, tokens = np.nonzero(bad)
    raise ValueError(
        f"N and D: the law {law.name!r} has no finite, positive loss with derivatives at "
        f"{bad.mean():.0%} of the domain, from N = {N[sizes.min()]:.3g} to {N[sizes.max()]:.3g} "
        f"and D = {D[tokens.min()]:.3g} to {D[tokens.max()]:.3g}: choose a domain without these"
    )


def _rise(
    law: Law, axis: np.ndarray, other: np.ndarray, slope: np.ndarray, along: str
) -> Rise | None:
    """The region where the loss rises along an axis; ``slope`` is ``(axis, other)``."""
    if not (slope > ROUNDING).any():
        return None
    begins = first_rises(law, axis, other, slope, along)
    lines = np.isfinite(begins)
    i, j = np.unravel_index(slope.argmax(), slope.shape)
    here, there = float(axis[i]), float(other[j])
    share = _share(slope)
    decades = np.log10(axis[-1] / axis[0]) * np.log10(other[-1] / other[0])
    return Rise(
        along=along,
        other=other[lines],
        begins=begins[lines],
        area=float(share * decades),
        share=share,
        worst=(here, there) if along == "N" else (there, here),
        slope=float(slope[i, j]),
    )


def _share(slope: np.ndarray) -> float:
    """Share of the grid's area where a slope is positive: by lines, linear between nodes."""
    above = np.maximum(slope, 0.0)
    below = np.maximum(-slope, 0.0)
    up, down = above[1:] + above[:-1], below[1:] + below[:-1]
    lengths = np.mean(up / np.where(up + down > 0.0, up + down, 1.0), axis=0)
    return float(np.mean(0.5 * (lengths[1:] + lengths[:-1])))


_HALVINGS = 48  # of a step of the grid: to the last digits of ln N


@jax.jit
def _derivatives(law: Law, log_N: Array, log_D: Array) -> tuple[Array, ...]:
    surface = log_surface(law)
    by_D = along_D(surface)

    def along_first(moved: Array) -> tuple[Array, Array, Array]:
        value, slope = jax.jvp(lambda n: surface(n, log_D), (moved,), (jnp.ones_like(moved),))
        return value, slope, by_D(moved, log_D)

    # one pass for what moves with N: each derivative by itself would be compiled by itself
    values, changes = jax.jvp(along_first, (log_N,), (jnp.ones_like(log_N),))
    by_DD = along_D(by_D)(log_N, log_D)
    shape = jnp.broadcast_shapes(log_N.shape, log_D.shape)
    log_loss, *others = (
        jnp.broadcast_to(x, shape) for x in (*values, changes[1], by_DD, changes[2])
    )
    return jnp.exp(log_loss), *others


def derivatives(law: Law, N: np.ndarray, D: np.ndarray) -> Derivatives:
    """All of them on the grid of N, ``(size,)``, and D, ``(token,)``."""
    with jax.enable_x64(True):
        log_N, log_D = jnp.asarray(np.log(N))[:, None], jnp.asarray(np.log(D))
        return Derivatives(*(np.asarray(x, float) for x in _derivatives(law, log_N, log_D)))


@partial(jax.jit, static_argnames="along")
def _first_rises(law: Law, low: Array, high: Array, other: Array, along: str) -> Array:
    surface = log_surface(law)
    slope = along_N(surface) if along == "N" else along_D(surface)

    def at(where: Array) -> Array:
        return slope(where, other) if along == "N" else slope(other, where)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = 0.5 * (ends[0] + ends[1])
        rises = at(middle) > ROUNDING
        return jnp.where(rises, ends[0], middle), jnp.where(rises, middle, ends[1])

    return jax.lax.fori_loop(0, _HALVINGS, halve, (low, high))[1]


def first_rises(
    law: Law, axis: np.ndarray, other: np.ndarray, slope: np.ndarray, along: str
) -> np.ndarray:
    """Where the loss begins to rise along one variable, at each value of the other.

    Args:
        law: the law.
        axis: the variable, ascending, ``(node,)``.
        other: the other one, ``(line,)``.
        slope: on the grid, ``(node, line)``.
        along: ``"N"`` or ``"D"``, the variable.

    Returns:
        ``(line,)``; the first node where the loss rises there already, NaN where it never does.
    """
    rises = slope > ROUNDING
    first = rises.argmax(axis=0)
    ends = np.log(axis[np.maximum(first - 1, 0)]), np.log(axis[first])
    with jax.enable_x64(True):
        found = _first_rises(law, *(jnp.asarray(x) for x in (*ends, np.log(other))), along=along)
    begins = np.where(first == 0, axis[0], np.exp(np.asarray(found)))
    return np.where(rises.any(axis=0), begins, np.nan)
