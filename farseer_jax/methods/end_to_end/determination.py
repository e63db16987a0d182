"""Whether the runs determine a fit: open directions, other optima, wide errors, few runs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from farseer_jax.laws.evaluate import losses_at
from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.identifiability import Optimum, open_jointly, unit_columns
from farseer_jax.methods.end_to_end.identifiability_remedies import (
    joined,
    ratio_matters,
    ratio_sentence,
    same_ratio,
    undetermined_sentence,
)
from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.numbers import number_text, quantity_text
from farseer_jax.runs.inputs import LOGARITHMIC
from farseer_jax.solvers.numpy_jaxpr import UnsupportedPrimitiveError

_WIDE = 0.5  # of an exponent: a standard error above this hardly determines it …
_LEAST_WIDE = 0.1  # … unless it is smaller than this
_WIDE_FLOOR = 0.25  # of the smallest loss, for an irreducible loss
_CERTAIN = 0.3  # of a noise that would leave a direction open: below, the law's form tells it
_OTHER = 1e-3  # of the losses: optima that differ by less are one
_REACH = 4.0  # how far above the runs optima are compared
_MOST_CORNERS = 4  # inputs whose ends are combined


class Determination(NamedTuple):
    """What the runs say about a fit.

    Attributes:
        determined: whether no other law fits them as well.
        doubts: what they do not determine, or hardly, in sentences.
        vanished: positive parameters that went to 0.
    """

    determined: bool
    doubts: tuple[str, ...]
    vanished: tuple[str, ...]

    def outcome(self, ended: Outcome) -> Outcome:
        """The outcome of a fit whose search ended so."""
        if not ended.usable:
            return ended
        if not self.determined:
            return Outcome.undetermined
        return Outcome.bound_active if self.vanished else ended


def determination(optimum: Optimum, equals: Law | None = None) -> Determination:
    """Whether the runs determine a fit.

    Args:
        optimum: the fitted law.
        equals: laws that reach the same objective, leaves ``(law,)``.
    """
    try:
        reason = _reason(optimum, equals)
    except UnsupportedPrimitiveError:  # a law that NumPy cannot differentiate
        return Determination(True, (), ())
    if reason:
        return Determination(False, (reason,), optimum.vanished)
    return Determination(True, tuple(hardly(optimum) + few_runs(optimum)), optimum.vanished)


def _reason(optimum: Optimum, equals: Law | None) -> str:
    """Why other laws fit as well; empty where none does."""
    directions = optimum.open()
    ratio = same_ratio(optimum)
    if ratio is not None and (len(directions) or _are_confused(optimum, *ratio[:2])):
        return ratio_sentence(optimum, ratio)
    if len(directions):
        return undetermined_sentence(optimum, directions)
    return "" if equals is None else _other_optima(optimum, equals)


def _are_confused(optimum: Optimum, first: str, second: str) -> bool:
    """Whether two inputs with one ratio in all runs may explain the effect of each other.

    Where parameters are fixed or tied, the law's form may tell them apart in spite of the noise.
    """
    if not ratio_matters(optimum, first, second):
        return False
    singular = np.linalg.svd(unit_columns(optimum.matrix)[0], compute_uv=False)
    all_free = optimum.free.basis.shape[0] == optimum.free.basis.shape[1]
    return all_free or optimum.noise >= _CERTAIN * float(singular[-1])


def _other_optima(optimum: Optimum, equals: Law) -> str:
    """That other laws with the same objective predict other losses; empty where they do not."""
    points = _corners(optimum)
    num = len(np.asarray(equals.to_vector())[0])
    with np.errstate(all="ignore"):
        losses = losses_at(equals, points, (num,))
    low, high = losses.min(0), losses.max(0)
    size = np.minimum(np.abs(low), np.abs(high))
    spread = np.where(size > 0.0, (high - low) / np.where(size > 0.0, size, 1.0), 0.0)
    worst = int(np.nan_to_num(spread).argmax())
    if not spread[worst] > _OTHER:
        return ""
    where = ", ".join(
        f"{name} = {_quantity(name, own[worst])}" for name, own in points.items() if own.ndim == 1
    )
    return (
        f"the runs do not determine the law: several optima fit them equally well, with losses "
        f"that differ by {spread[worst]:.2g} of themselves at {where}; train runs there, or fix "
        "or tie parameters (fixed=, tied=)."
    )


def _corners(optimum: Optimum) -> dict[str, np.ndarray]:
    """The ends of each input in all combinations, to above the runs; ``(point, …)``."""
    kinds = optimum.layout.law.inputs()
    ends = {}
    for name, own in optimum.inputs.items():
        if own.ndim > 1:
            ends[name] = own[[own[:, 0].argmin(), own[:, 0].argmax()]]
        elif kinds[name] in LOGARITHMIC:
            ends[name] = np.array([own.min(), own.max() * _REACH])
        else:
            top = own.max() + _REACH * np.ptp(own)
            ends[name] = np.array([own.min(), min(top, 1.0) if kinds[name] == "fraction" else top])
    num = min(len(ends), _MOST_CORNERS)
    place = np.indices((2,) * num).reshape(num, -1)
    picks = [place[min(i, num - 1)] for i in range(len(ends))]
    return {name: own[pick] for (name, own), pick in zip(ends.items(), picks, strict=True)}


def hardly(optimum: Optimum) -> list[str]:
    """Exponents and floors whose standard errors are wide."""
    unit, size = unit_columns(optimum.matrix)
    kept = ~optimum.idle & ~_at_bound(optimum)
    noise = optimum.noise
    if not noise or not kept.any():
        return []
    _, singular, directions = np.linalg.svd(unit[:, kept], full_matrices=False)
    with np.errstate(over="ignore", invalid="ignore"):  # of a term that vanished
        spread = (directions.T * (noise / singular)) / size[kept, None]
        errors = np.linalg.norm(optimum.free.basis[:, kept] @ spread, axis=1)
    law, values = optimum.layout.law, optimum.vector
    logs, linear = law.log_parameters(), law.linear()
    wide, floor = [], _floors(optimum)
    for k, name in enumerate(law.parameter_names()):
        if name in optimum.vanished or not (0.0 < errors[k] < np.inf):
            continue
        value = float(np.exp(values[k])) if name in logs else float(values[k])
        error = errors[k] * (value if name in logs else 1.0)
        if name in floor:
            limit = _WIDE_FLOOR * float(np.abs(optimum.layout.runs.loss).min())
        elif name in linear or name in logs:
            continue  # a coefficient follows its exponent
        else:
            limit = max(_WIDE * abs(value), _LEAST_WIDE)
        if error > limit:
            wide.append((name, f"{name} = {number_text(value, 3)} ± {number_text(error, 2)}"))
    if not wide:
        return []
    names = joined([name for name, _ in wide])
    return [
        f"the runs hardly determine {names} ({', '.join(text for _, text in wide)}): add runs "
        "over a wider range of inputs, or fix or tie parameters (fixed=, tied=)."
    ]


def few_runs(optimum: Optimum) -> list[str]:
    """Warn of hardly more runs than free parameters."""
    num, free = optimum.degrees_of_freedom, optimum.free.basis.shape[1]
    if num >= free / 2.0:
        return []
    left = {0: "no degree of freedom is", 1: "one degree of freedom is"}
    return [
        f"{optimum.num_runs} runs for {free} free parameters: "
        f"{left.get(num, f'only {num} degrees of freedom are')} left, so that small errors at the "
        "runs say nothing about the law; add runs, or fix or tie parameters (fixed=, tied=)."
    ]


def _floors(optimum: Optimum) -> set[str]:
    """Parameters that add the same to the loss of every run."""
    layout = optimum.layout
    losses = layout.link.inverse(optimum.predicted)
    unscaled = optimum.slopes / layout.link.slope(losses)[:, None]
    typical = np.abs(unscaled).max(0)
    flat = (np.ptp(unscaled, axis=0) < 1e-9 * typical) & (typical > 0.0)
    return {n for n, own in zip(layout.law.parameter_names(), flat, strict=True) if own}


def _at_bound(optimum: Optimum) -> np.ndarray:
    """Free parameters on a bound, ``(free,)``."""
    free, values = optimum.free, optimum.values
    return np.asarray((values <= free.lower) | (values >= free.upper))


def _quantity(name: str, value: float) -> str:
    return quantity_text(value) if name in ("N", "D") else number_text(float(value), 3)


def joint_determinations(optima: Sequence[Optimum], in_common: np.ndarray) -> list[Determination]:
    """Whether groups of runs determine fits that share parameters.

    Args:
        optima: one for each group.
        in_common: which free parameters all groups share, ``(free,)``.
    """
    try:
        each = open_jointly(optima, in_common)
    except UnsupportedPrimitiveError:
        return [Determination(True, (), ())] * len(optima)
    return [
        Determination(not len(own), _plainly(optimum, own), optimum.vanished)
        for optimum, own in zip(optima, each, strict=True)
    ]


def _plainly(optimum: Optimum, directions: np.ndarray) -> tuple[str, ...]:
    """What is open, without a remedy that only one group's runs would suggest."""
    if not len(directions):
        return ()
    return (
        f"the runs do not determine {joined(optimum.names(directions))}: other values fit them as "
        "well; share, fix or tie more of them (shared=, fixed=, tied=), or add runs.",
    )
