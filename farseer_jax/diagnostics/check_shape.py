"""``check_shape``: derivatives of a law over a domain, and where its loss rises."""

import numpy as np

from farseer_jax.diagnostics.shape import Rise, Shape
from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import shown
from farseer_jax.laws.law import Law, require_N_and_D
from farseer_jax.laws.slopes import ROUNDING, Derivatives, derivatives, first_rises
from farseer_jax.runs.checks import Range, as_range


def check_shape(law: Law | Fit, N: Range, D: Range, *, num: int = 129) -> Shape:
    """Derivatives of a law over a domain, by autodiff, and where its loss rises.

    More parameters and more tokens should lower the loss, but a fitted law does not have to obey
    (paper §4.4 and App. I, Figs. 18–20). A rise narrower than a step of the grid may be missed.

    Args:
        law: a law, or a fit, which adds where a rise starts relative to the range of its runs.
        N: smallest and largest N of the domain.
        D: smallest and largest D of the domain.
        num: number of points along each of ln N and ln D; at least 3.

    Raises:
        TypeError: ``law`` is not a law or a fit.
        ValueError: the domain is empty, or a loss or derivative in it is not finite.

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
            f"law: expected a law or a fit, such as `fit(Farseer, runs)`, got {shown(law)}"
        )
    require_N_and_D("check_shape", type(law))
    if not isinstance(num, int) or num < 3:
        raise ValueError(f"num: expected a whole number of at least 3, got {num!r}")
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
    axis[0], axis[-1] = low, high  # free of rounding
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
        f"and D = {D[tokens.min()]:.3g} to {D[tokens.max()]:.3g}: choose a domain without them"
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
    """Share of the grid's area where a slope is positive, interpolated linearly along the axis."""
    above = np.maximum(slope, 0.0)
    below = np.maximum(-slope, 0.0)
    up, down = above[1:] + above[:-1], below[1:] + below[:-1]
    lengths = np.mean(up / np.where(up + down > 0.0, up + down, 1.0), axis=0)
    return float(np.mean(0.5 * (lengths[1:] + lengths[:-1])))
