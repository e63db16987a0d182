"""Comparison of two fits over (N, D) (paper App. E, Fig. 15)."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.comparable_losses import refuse_names, refuse_units
from farseer_jax.decisions.compared_fits import FitPair, checked_names, compared_fit
from farseer_jax.decisions.comparison_warnings import contradictions, warnings_of
from farseer_jax.decisions.compute_multipliers import REACH, compute_multipliers
from farseer_jax.decisions.fit_comparison import FitComparison
from farseer_jax.decisions.matching_runs import check_tolerance
from farseer_jax.decisions.multiplier_intervals import with_intervals
from farseer_jax.decisions.parity_curves import parity_curves
from farseer_jax.decisions.win_probability import win_probability
from farseer_jax.flops import training_flops
from farseer_jax.laws.quantities import one_positive, positive
from farseer_jax.runs.checks import check_level
from farseer_jax.uncertainty.intervals import Kind

_NUM = 33  # grid points of a range
_BEYOND = 10.0  # times the largest N and D of the runs, by default
_NUM_BUDGETS = 7


def compare_fits(
    a: Any,
    b: Any,
    *,
    N: ArrayLike | tuple[float, float] | None = None,
    D: ArrayLike | tuple[float, float] | None = None,
    names: tuple[str, str] = ("A", "B"),
    compute: ArrayLike | None = None,
    tokens_per_parameter: float = 20.0,
    level: float = 0.9,
    kind: Kind | None = None,
    comparable: bool = False,
    tolerance: float = 0.02,
) -> FitComparison:
    """Compare two fitted loss surfaces: which recipe is better where, and by how much compute.

    For two tables of runs, which recipe wins at a point is told better by :func:`compare_runs`,
    which needs no law. Fits add compute multipliers, curves of equal loss and the whole surface.

    The normalised difference is the paper's Δ = (loss A − loss B) / loss B, negative where A is
    better. Curves of parity are located by sign changes on the grid of N and D and refined to
    rounding; a pair of crossings between neighbouring grid points is found too, if the difference
    has one turning point between them. Two bootstraps also give the probability that A is better,
    calibrated by how far earlier extrapolations missed: of the difference where both tables share
    points, else of each law.

    Args:
        a: a :class:`Fit`, a law or a :class:`Bootstrap`.
        b: a :class:`Fit`, a law or a :class:`Bootstrap` to compare it with.
        N: parameters: a tuple (low, high), or values. None takes the range of both tables of runs,
            up to ten times their largest N; required for laws without runs.
        D: tokens, as for N.
        names: names of A and B in reports.
        compute: budgets in FLOPs at which compute multipliers are computed; None takes some along
            the diagonal of the domain.
        tokens_per_parameter: D/N of the multipliers at a fixed D/N.
        level: nominal probability of the multipliers' intervals, with two bootstraps.
        kind: kind of the probability and of these intervals: ``"calibrated"``, by hold-outs of
            the largest sizes, because no law is exact; or ``"percentile"``, by the draws alone,
            which assumes that both laws are exact. None is ``"calibrated"`` if there are sizes to
            hold out.
        comparable: compare even where the losses have different names (columns), or differ so much
            that they seem to be in different units.
        tolerance: relative difference of N and of D within which a run of A and a run of B are at
            the same point. The warnings say where the fits contradict the runs at such points.

    Raises:
        TypeError: ``a`` or ``b`` is not a fit, a law or a bootstrap.
        ValueError: ``N``, ``D``, ``compute`` or ``tokens_per_parameter`` is missing, not positive
            or not a range; a law has no finite loss in the domain; the losses do not seem
            comparable; ``level`` or ``tolerance`` is out of range; ``names`` are not two different
            names; ``kind`` is unknown, or these draws do not allow it.

    Example:
        >>> from farseer_jax import Farseer, compare_fits, example_runs, fit
        >>> runs = example_runs()
        >>> small = fit(Farseer, runs.select(max_N=2e9))
        >>> found = compare_fits(small, fit(Farseer, runs), names=("small", "all"))
        >>> bool(abs(found.difference[found.inside]).max() < 0.01)
        True
    """
    check_level(level)
    check_tolerance(tolerance)
    name_a, name_b = checked_names(names)
    fits = FitPair(compared_fit(a, "a", name_a), compared_fit(b, "b", name_b))
    sizes, tokens = _axis(fits, "N", N), _axis(fits, "D", D)
    _refuse_extent(sizes, tokens)
    if not comparable:
        refuse_names(fits.names, (fits.a.runs, fits.b.runs))
    loss_a, loss_b = fits.losses(sizes[:, None], tokens)
    fits.check_finite(sizes[:, None], tokens, loss_a, loss_b)
    if not comparable:
        refuse_units(fits.names, loss_a, loss_b)
    budgets = _budgets(sizes, tokens, compute)
    ratio = one_positive("tokens_per_parameter", tokens_per_parameter)
    chances = win_probability(fits, kind)
    against_runs = contradictions(fits, (loss_a - loss_b) / loss_b, tolerance)
    others = warnings_of(fits, sizes, tokens, has_probability=chances is not None)
    return FitComparison(
        fits=fits,
        N=sizes,
        D=tokens,
        loss_a=loss_a,
        loss_b=loss_b,
        probability=None if chances is None else chances.at(sizes[:, None], tokens),
        chances=chances,
        parity=parity_curves(fits.gap, sizes, tokens),
        multipliers=with_intervals(compute_multipliers(fits, budgets, ratio), chances, level),
        contradictions=against_runs,
        warnings=(*against_runs, *others),
    )


def _axis(fits: FitPair, name: str, values: Any) -> np.ndarray:
    """N or D of the grid, ascending."""
    if values is None:
        known = [getattr(one.runs, name) for one in (fits.a, fits.b) if one.runs is not None]
        if not known:
            raise ValueError(
                f"{name}: laws without runs have no range of their own; give {name}=(low, high)"
            )
        low = min(own.min() for own in known)
        high = _BEYOND * max(own.max() for own in known)
        return np.geomspace(low, high, _NUM)
    axis = positive(name, values)
    if not axis.size:
        raise ValueError(f"{name}: expected (low, high) or at least one value, got none")
    if isinstance(values, tuple) and len(axis) == 2:
        if not axis[0] < axis[1]:
            raise ValueError(
                f"{name}: expected (low, high), the lower one first, got ({axis[0]:g}, {axis[1]:g})"
            )
        return np.geomspace(axis[0], axis[1], _NUM)
    return np.unique(axis)


def _refuse_extent(N: np.ndarray, D: np.ndarray) -> None:
    """Refuse a domain whose compute overflows, also where the multipliers are searched."""
    with np.errstate(over="ignore", under="ignore"):
        low, high = training_flops(N[0], D[0]) / REACH, training_flops(N[-1], D[-1]) * REACH
    if not (low > 0 and np.isfinite(high)):
        raise ValueError(
            f"N and D: the domain, N from {N[0]:g} to {N[-1]:g} and D from {D[0]:g} to {D[-1]:g}, "
            "is so wide that the compute 6·N·D overflows; give a narrower one"
        )


def _budgets(N: np.ndarray, D: np.ndarray, compute: ArrayLike | None) -> np.ndarray:
    """Those asked for, or some along the diagonal of the domain, without its corners."""
    if compute is not None:
        budgets = np.unique(positive("compute", compute))
        if budgets[-1] > np.finfo(float).max / REACH:
            raise ValueError(
                f"compute: expected at most {np.finfo(float).max / REACH:.2g} FLOPs, got "
                f"{budgets[-1]:g}"
            )
        return budgets
    corners = training_flops(N[0], D[0]), training_flops(N[-1], D[-1])
    if corners[0] == corners[1]:
        return np.array([corners[0]])
    return np.geomspace(*corners, _NUM_BUDGETS + 2)[1:-1]
