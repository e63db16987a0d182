"""What limits an optimum, and reasons to doubt it, as sentences."""

from collections.abc import Sequence

import numpy as np

from farseer_jax.decisions.discrete_inputs import OptimisationProblem
from farseer_jax.decisions.optimal_inputs import Optima
from farseer_jax.decisions.optimum import Optimum
from farseer_jax.decisions.search_space import SCALES, Free, Hull
from farseer_jax.laws.compute_optimal import HIGHEST, LOWEST
from farseer_jax.results.numbers import some_of
from farseer_jax.solvers.constrained.problem import TOLERANCE

_ACTIVE = 1e-7  # multiplier from which on an end or a constraint counts as active
_NOTABLE = 0.1  # of the largest component of a direction
_MOST_NAMED = 3
_RISES = "the response still rises"
_RATIOS = (f"D/N <= {HIGHEST:,.0f}", f"D/N >= {LOWEST:g}")


def limits_of(
    problem: OptimisationProblem, texts: Sequence[str], optima: Optima
) -> tuple[tuple[str, ...], ...]:
    """The constraints and bounds that are active at each optimum, as text.

    Args:
        problem: what was optimised.
        texts: the constraints.
        optima: their optima.
    """
    names = [*texts, *linear_texts(problem)]
    optima = certain(optima)
    found = []
    for point in range(len(optima.loss)):
        own: list[str] = []
        if np.isfinite(optima.loss[point]):
            own += [
                n for n, m in zip(names, optima.multipliers[point], strict=False) if m > _ACTIVE
            ]
            for free, multiplier in zip(problem.space.numbers, optima.ends[point], strict=True):
                if abs(multiplier) > _ACTIVE:
                    sign, end = ("<=", free.upper) if multiplier > 0 else (">=", free.lower)
                    own.append(f"{free.name} {sign} {free.text(end)}")
            own += _of_hulls(problem, optima, point)
        found.append(tuple(own))
    return tuple(found)


def certain(optima: Optima) -> Optima:
    """The optima without multipliers that are smaller than the residual."""
    least = np.where(np.isfinite(optima.residual), optima.residual, 0.0)[:, None]
    least = np.where(least < TOLERANCE, 0.0, least)
    return optima._replace(
        multipliers=np.where(optima.multipliers > least, optima.multipliers, 0.0),
        ends=np.where(np.abs(optima.ends) > least, optima.ends, 0.0),
        slope=np.where(np.abs(optima.slope) > least, optima.slope, 0.0),
    )


def linear_texts(problem: OptimisationProblem) -> list[str]:
    """The constraints on shares and on tokens per parameter, in the order of the search."""
    texts = [f"{name} >= {end:g}" for name, end in problem.at_least.items()]
    texts += [f"{name} <= {end:g}" for name, end in problem.at_most.items()]
    has_both = set(SCALES) <= {free.name for free in problem.space.numbers}
    return texts + list(_RATIOS) * has_both


def _of_hulls(problem: OptimisationProblem, optima: Optima, point: int) -> list[str]:
    found = []
    for hull, part in _parts(problem):
        shares = optima.x[point, part]
        if hull.is_whole:
            slope = _along(hull, optima.slope[point, part])
            zeros = [n for n, h in zip(hull.shares, shares, strict=True) if h == 0.0]
            found += [f"{name} >= 0" for name in zeros if slope.any()]
        elif _along(hull, optima.slope[point, part]).any():
            found.append(f"hull of {hull.name}")
    return found


def _along(hull: Hull, slope: np.ndarray) -> np.ndarray:
    """The slope of the loss along the shares, which sum to 1; zeros where it is only rounding."""
    slope = slope - slope.mean() if hull.is_whole else slope
    return np.where(np.abs(slope).max(initial=0.0) > 10.0 * _ACTIVE, slope, 0.0)


def _parts(problem: OptimisationProblem) -> list[tuple[Hull, slice]]:
    """Each mixture, and where its shares are among the coordinates."""
    place, found = len(problem.space.numbers), []
    for hull in problem.space.hulls:
        found.append((hull, slice(place, place + len(hull.shares))))
        place += len(hull.shares)
    return found


def optimum_warnings(
    problem: OptimisationProblem, result: Optimum, optima: Optima
) -> tuple[str, ...]:
    """Sentences, worst first."""
    optima = certain(optima)
    known = np.isfinite(optima.loss)
    better = _RISES if problem.maximise else "the loss still falls"
    found = [
        *_missing(optima, known),
        *_unsolved(optima, known),
        *_tokens_per_parameter(problem, optima, known, better),
        *_unspent(result, problem, optima, known),
        *(s for k, own in enumerate(problem.space.numbers)
          for s in _at_end(own, optima.ends[:, k], known, better)),
        *_beyond_hull(problem, optima, known, better),
        *_flat(problem, optima, known),
        *_outside(problem, result, known),
    ]  # fmt: skip
    for own in (result.intervals or {}).values():
        found += [sentence for sentence in own.warnings if sentence not in found]
    return tuple(dict.fromkeys(found))


def _missing(optima: Optima, known: np.ndarray) -> list[str]:
    if known.all():
        return []
    subject = some_of(int((~known).sum()), len(known), "points", "has", "have")
    return [
        f"{subject} no optimum: no inputs within the ranges satisfy the constraints there; raise "
        "the limit, or widen the ranges (at_least, at_most)."
    ]


def _unsolved(optima: Optima, known: np.ndarray) -> list[str]:
    bad = known & ~(optima.residual < TOLERANCE)
    if not bad.any():
        return []
    subject = some_of(int(bad.sum()), len(known), "searches", "has", "have")
    return [
        f"{subject} not converged (residual {optima.residual[bad].max():.1e}): the law may have a "
        "kink there; try more starts (num_starts)."
    ]


def _tokens_per_parameter(
    problem: OptimisationProblem, optima: Optima, known: np.ndarray, better: str
) -> list[str]:
    texts = linear_texts(problem)
    if not texts or texts[-1] not in _RATIOS:
        return []
    count = len(problem.constraints) + len(texts)
    high, low = (known & (optima.multipliers[:, k] > _ACTIVE) for k in (count - 2, count - 1))
    return [
        f"{some_of(int(at.sum()), len(at), 'points', 'has', 'have')} no optimum between {LOWEST:g} "
        f"and {HIGHEST:,.0f} tokens per parameter: {better} towards {way}; limit N "
        "or D by at_least and at_most, or train more sizes, each with few and with many tokens."
        for at, way in ((high, "more tokens"), (low, "fewer tokens"))
        if at.any()
    ]


def _unspent(
    result: Optimum, problem: OptimisationProblem, optima: Optima, known: np.ndarray
) -> list[str]:
    """A sentence on budgets that are not spent in full."""
    left = known & (result.budget is not None)
    if not left.any():
        return []
    left &= (optima.residual < TOLERANCE) & ~(optima.multipliers[:, 0] > _ACTIVE)
    if not left.any():
        return []
    subject = some_of(int(left.sum()), len(known), "budgets", "is", "are")
    return [
        f"{subject} not spent in full: a larger {problem.constraints[0].label} does not help there."
    ]


def _at_end(free: Free, ends: np.ndarray, known: np.ndarray, better: str) -> list[str]:
    """A sentence for each bound at which the loss still falls."""
    found = []
    for is_upper, at in ((True, known & (ends > _ACTIVE)), (False, known & (ends < -_ACTIVE))):
        if not at.any():
            continue
        end, option = (free.upper, "at_most") if is_upper else (free.lower, "at_least")
        if free.kind == "fraction" and end == float(is_upper):
            continue  # there are no others
        subject = "the optimum is" if len(known) == 1 else some_of(
            int(at.sum()), len(known), "optima", "is", "are")  # fmt: skip
        rises = better == _RISES
        lacks = "the response has no maximum" if rises else "the loss has no minimum"
        way = "larger" if is_upper else "smaller"
        if free.given[is_upper]:
            found.append(
                f"{free.name}: {subject} at {option}={end:g}, and {better} with {way} values."
            )
        elif free.name in SCALES:
            found.append(
                f"{free.name}: {subject} at {free.text(end)}, the end of the search range: "
                f"{lacks} there; give {option}={{{free.name!r}: …}}."
            )
        else:
            found.append(
                f"{free.name}: {subject} at the {'largest' if is_upper else 'smallest'} value of "
                f"the runs ({free.text(end)}), and {better} with {way} ones: train "
                f"such runs, or extend the search by {option}={{{free.name!r}: …}}."
            )
    return found


def _beyond_hull(
    problem: OptimisationProblem, optima: Optima, known: np.ndarray, better: str
) -> list[str]:
    found = []
    for hull, part in _parts(problem):
        if hull.is_whole:
            continue
        slopes = np.array([_along(hull, own) for own in optima.slope[known][:, part]])
        at = slopes.any(axis=1)
        if not at.any():
            continue
        slope = slopes[np.argmax(at)]
        subject = "the optimum lies" if len(known) == 1 else some_of(
            int(at.sum()), len(known), "optima", "lies", "lie")  # fmt: skip
        more, less = (_largest(hull.shares, sign * slope) for sign in (-1.0, 1.0))
        found.append(
            f"{hull.name}: {subject} at the edge of the mixtures in the runs, and {better} with "
            f"more {more} and less {less}: train such mixtures, or search all mixtures "
            "(whole_simplex=True)."
        )
    return found


def _largest(names: Sequence[str], values: np.ndarray) -> str:
    """The names of the largest values."""
    order = [k for k in np.argsort(-values) if values[k] > _NOTABLE * np.abs(values).max()]
    return " and ".join(names[k] for k in order[:2])


def _flat(problem: OptimisationProblem, optima: Optima, known: np.ndarray) -> list[str]:
    columns = problem.space.columns
    named: dict[tuple[str, ...], int] = {}
    for point in np.flatnonzero(known):
        for direction in optima.flat[point]:
            size = np.abs(direction)
            if not size.any():
                continue
            own = tuple(np.array(columns)[size > _NOTABLE * size.max()])
            named[own] = named.get(own, 0) + 1
    return [
        f"the fit does not determine the best {_listed(own)}: the fitted loss is constant along a "
        f"direction of {'it' if len(own) == 1 else 'them'}, and the optimum shown is one of many."
        for own in named
    ]


def _listed(names: Sequence[str]) -> str:
    some = [*names[:_MOST_NAMED], *(["…"] if len(names) > _MOST_NAMED else [])]
    return some[0] if len(some) == 1 else f"{', '.join(some[:-1])} and {some[-1]}"


def _outside(problem: OptimisationProblem, result: Optimum, known: np.ndarray) -> list[str]:
    inside = result.inside_data
    if inside is None or not known.any() or inside[known].all():
        return []
    far = int((known & ~inside).sum())
    is_whole = any(own.is_whole for own in problem.space.hulls)
    searched = " (whole_simplex=True)" * is_whole
    subject = "the optimum lies" if len(known) == 1 else some_of(
        far, len(known), "optima", "lies", "lie")  # fmt: skip
    return [f"{subject} outside the runs{searched}: no run shows that the law holds there."]
