"""Two fits against each other over (N, D) (paper App. E, Fig. 15)."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.compared_fits import FitPair, checked_names, compared_fit
from farseer_jax.decisions.comparison_warnings import warnings_of
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

_NUM = 33  # of a range
_BEYOND = 10.0  # times the largest N and D of the runs, by default
_NUM_BUDGETS = 7
_LEAST_FACTOR = 1.3  # between all losses: no recipe gains as much everywhere, units differ so


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
    """Compare two loss surfaces: which recipe is better at which scale, and by how much.

    The normalised difference is the paper's Δ = (loss A − loss B) / loss B, negative where A is
    better. Curves of parity are found by the signs on the grid of N and D, and refined to rounding;
    two crossings between neighbouring points of the grid are found too where the difference has one
    turning point between them. From two bootstraps comes the
    probability that A is better, calibrated by how far earlier extrapolations of the difference
    missed where both tables have the same points, else of each.

    Args:
        a: a :class:`Fit`, a law or a :class:`Bootstrap`.
        b: what it is compared with, likewise.
        N: parameters: a tuple (low, high), or values. None takes those of both tables of runs, and
            ten times as many; laws alone need it.
        D: tokens, likewise.
        names: of A and B in reports, two different ones.
        compute: budgets in FLOPs at which compute multipliers are given; None takes some along
            the diagonal of the domain.
        tokens_per_parameter: D/N of the multipliers at a fixed one.
        level: nominal probability of the multipliers' intervals, with two bootstraps.
        kind: of the probability and of these intervals: ``"calibrated"`` by hold-outs of the
            largest sizes, for laws are never quite right; or ``"percentile"``, by the draws alone,
            which takes both laws for true. None is the first where there are sizes to hold out.
        comparable: compare even where the losses have different names (columns), or differ so much
            that they seem to be in different units.
        tolerance: relative difference of N and of D within which runs of both count as at one
            point: there the fits are set against what the runs show, and the warnings say where
            these contradict each other.

    Raises:
        TypeError: a or b is none of these.
        ValueError: N, D, compute or tokens_per_parameter is missing, not positive or no range; a
            law has no finite loss in the domain; the losses do not seem comparable; a level or a
            tolerance outside its range; names that are not two different ones; a kind that does
            not exist, or not for these draws.

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
        _refuse_names(fits)
    loss_a, loss_b = fits.losses(sizes[:, None], tokens)
    fits.check_finite(sizes[:, None], tokens, loss_a, loss_b)
    if not comparable:
        _refuse_units(fits, loss_a, loss_b)
    budgets = _budgets(sizes, tokens, compute)
    ratio = one_positive("tokens_per_parameter", tokens_per_parameter)
    chances = win_probability(fits, kind)
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
        warnings=warnings_of(fits, sizes, tokens, (loss_a - loss_b) / loss_b, tolerance),
    )


def _axis(fits: FitPair, name: str, values: Any) -> np.ndarray:
    """N or D of the grid, ascending."""
    if values is None:
        known = [getattr(one.runs, name) for one in (fits.a, fits.b) if one.runs is not None]
        if not known:
            raise ValueError(
                f"{name}: laws alone have no runs to take a range from; give {name}=(low, high)"
            )
        low = min(own.min() for own in known)
        high = _BEYOND * max(own.max() for own in known)
        return np.geomspace(low, high, _NUM)
    axis = positive(name, values)
    if not axis.size:
        raise ValueError(f"{name}: give (low, high) or at least one value, got none")
    if isinstance(values, tuple) and len(axis) == 2:
        if not axis[0] < axis[1]:
            raise ValueError(
                f"{name}: expected (low, high), the lower one first, got ({axis[0]:g}, {axis[1]:g})"
            )
        return np.geomspace(axis[0], axis[1], _NUM)
    return np.unique(axis)


def _refuse_extent(N: np.ndarray, D: np.ndarray) -> None:
    """Refuse a domain whose compute no float holds, nor that at which multipliers are searched."""
    with np.errstate(over="ignore", under="ignore"):
        low, high = training_flops(N[0], D[0]) / REACH, training_flops(N[-1], D[-1]) * REACH
    if not (low > 0 and np.isfinite(high)):
        raise ValueError(
            f"N and D: the domain, N from {N[0]:g} to {N[-1]:g} and D from {D[0]:g} to {D[-1]:g}, "
            "is too large for the compute 6·N·D to be a number; give a narrower one"
        )


def _refuse_names(fits: FitPair) -> None:
    a, b = (None if one.runs is None else one.runs.loss_name for one in (fits.a, fits.b))
    if a is not None and b is not None and a != b:
        raise ValueError(
            f"the losses have different names, {a!r} of {fits.a.name} and {b!r} of "
            f"{fits.b.name}: if both are in one unit and of texts that may be compared, say "
            "comparable=True (shell: --comparable)"
        )


def _refuse_units(fits: FitPair, loss_a: np.ndarray, loss_b: np.ndarray) -> None:
    factor = loss_a / loss_b
    low, high = float(factor.min()), float(factor.max())
    if low > _LEAST_FACTOR or high < 1.0 / _LEAST_FACTOR:
        raise ValueError(
            f"the losses of {fits.a.name} are {low:.3g} to {high:.3g} times those of "
            f"{fits.b.name} everywhere: they seem to be in different units, such as nats per "
            "token and bits per character; convert one (convert_loss), or say comparable=True "
            "(shell: --comparable)"
        )


def _budgets(N: np.ndarray, D: np.ndarray, compute: ArrayLike | None) -> np.ndarray:
    """Those asked for, or along the diagonal of the domain, a step within its corners."""
    if compute is not None:
        budgets = np.unique(positive("compute", compute))
        if budgets[-1] > np.finfo(float).max / REACH:
            raise ValueError(f"compute: {budgets[-1]:g} FLOPs are too many to compare at")
        return budgets
    corners = training_flops(N[0], D[0]), training_flops(N[-1], D[-1])
    if corners[0] == corners[1]:
        return np.array([corners[0]])
    return np.geomspace(*corners, _NUM_BUDGETS + 2)[1:-1]
