"""Compute multipliers: how much less compute one law needs for the loss of another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from farseer_jax.decisions.compared_fits import ComparedFit, FitPair
from farseer_jax.decisions.optimal_allocations import optimal_ratio_and_loss
from farseer_jax.decisions.parity_curves import crossings
from farseer_jax.flops import size_at_ratio
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import Law
from farseer_jax.results.numbers import level_text, number_text
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table
from farseer_jax.uncertainty.intervals import Intervals

REACH = 1e4  # factor of compute within which the budget of A is searched
_PER_DECADE = 8
_NUM_ALONG = 64  # budgets between which crossings of the frontiers are searched
_LARGEST = 1000.0  # largest multiplier that is printed as a number
_NONE = "–"
_NO_FACTOR = (
    "–: does not exist; a law has no compute-optimal D/N, or does not reach the loss within 10,000 "
    "times the FLOPs"
)

Frontier = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False, repr=False)
class ComputeMultipliers(Result):
    """The factor by which A needs less compute, C = 6 N D, for B's loss. Prints as a table.

    Attributes:
        names: names of A and B.
        compute: budgets of B in FLOPs, ``(budget,)``.
        optimal: B's budget over the budget at which A has B's loss, both at their own
            compute-optimal N and D: 2 means that A needs half, ``(budget,)``; NaN where A has no
            such budget.
        at_ratio: the same with both at ``tokens_per_parameter``, ``(budget,)``.
        tokens_per_parameter: the fixed D/N.
        optimal_ratio_a: A's compute-optimal tokens per parameter, ``(budget,)``.
        optimal_ratio_b: B's compute-optimal tokens per parameter, ``(budget,)``.
        inside: whether all that ``optimal`` compares lies within the runs, ``(budget,)``: the
            compute-optimal N and D of both at the budget, and of A where it has B's loss.
        inside_at_ratio: the same for ``at_ratio``.
        parity: budgets at which both have the same compute-optimal loss, ``(crossing,)``.
        intervals: intervals of ``"optimal"`` and ``"at_ratio"``, from two bootstraps; None without
            them.
    """

    names: tuple[str, str]
    compute: np.ndarray
    optimal: np.ndarray
    at_ratio: np.ndarray
    tokens_per_parameter: float
    optimal_ratio_a: np.ndarray
    optimal_ratio_b: np.ndarray
    inside: np.ndarray
    inside_at_ratio: np.ndarray
    parity: np.ndarray
    intervals: Mapping[str, Intervals] | None = None

    def table(self) -> Table:
        """One row per budget."""
        a, b = self.names
        ratio = f"×, D/N = {self.tokens_per_parameter:g}"
        return Table(
            [
                Column("compute", self.compute, "{:.2e}".format, f"{b}'s FLOPs"),
                Column("optimal_ratio_a", self.optimal_ratio_a, _three_digits, f"D/N {a}"),
                Column("optimal_ratio_b", self.optimal_ratio_b, _three_digits, f"D/N {b}"),
                *self._factors("optimal", self.inside, "×, each optimal", "its"),
                *self._factors("at_ratio", self.inside_at_ratio, ratio, "at that"),
                Column("inside", self.inside, text=None),
                Column("inside_at_ratio", self.inside_at_ratio, text=None),
            ]
        )

    def _factors(self, name: str, inside: np.ndarray, heading: str, whose: str) -> list[Column]:
        """A multiplier, in parentheses outside the runs, and its intervals if there are any."""
        values = getattr(self, name)
        kept = inside | np.isnan(values)
        pad = "" if kept.all() else " "
        cells = [
            f"{_times(value)}{pad}" if plain else f"({_times(value)})"
            for value, plain in zip(values, kept, strict=True)
        ]
        shown = Column(f"{name}_text", cells, heading=heading, in_data=False)
        data = [Column(name, values, text=None)]
        if self.intervals is None:
            return [shown, *data]
        own = self.intervals[name]
        ends = [
            _NONE if np.isnan([low, high]).any() else f"{_times(low)} to {_times(high)}"
            for low, high in zip(own.lower, own.upper, strict=True)
        ]
        about = f"{whose} {level_text(own.level)} interval"
        return [
            shown,
            *data,
            Column(f"{name}_lower", own.lower, text=None),
            Column(f"{name}_upper", own.upper, text=None),
            Column(f"{name}_interval", ends, heading=about, in_data=False),
        ]

    def text_parts(self, *, tell_outside: bool = True) -> tuple[Table, str]:
        """The budgets, and a legend.

        Args:
            tell_outside: whether the legend explains parentheses.
        """
        table, (a, b) = self.table(), self.names
        legend = f"{a} reaches {b}'s loss with 1/× of the compute (above 1: {a} needs less)"
        cells = [cell.strip() for row in table.cells()[1] for cell in row]
        if tell_outside and any(cell.startswith("(") for cell in cells):
            legend += "; ( ) outside the runs of one or both"
        lines = [legend, *[_NO_FACTOR] * (_NONE in cells)]
        lines += [f"Compute-optimal losses are equal at {C:.3g} FLOPs." for C in self.parity]
        return table, "\n".join(lines)

    def __repr__(self) -> str:
        a, b = self.names
        return f"ComputeMultipliers({a} against {b}, {len(self.compute)} budgets)"


def _three_digits(value: float) -> str:
    return number_text(value, 3)


def _times(value: float) -> str:
    """A multiplier; "> 1000" or "< 0.001" beyond what any two recipes differ by."""
    if np.isnan(value):
        return _NONE
    if value > _LARGEST:
        return f"> {_LARGEST:g}"
    return f"< {1 / _LARGEST:g}" if value < 1 / _LARGEST else f"{value:.3f}"


def compute_multipliers(fits: FitPair, compute: np.ndarray, ratio: float) -> ComputeMultipliers:
    """Both multipliers at budgets.

    Args:
        fits: the two fits.
        compute: ascending budgets of B, ``(budget,)``.
        ratio: tokens per parameter of the multiplier at a fixed D/N.
    """
    a, b = fits.a, fits.b
    fixed = np.full(len(compute), ratio)
    best = [partial(_optimal_loss, one.law) for one in (a, b)]
    along = [partial(_loss_at_ratio, one.law, ratio) for one in (a, b)]
    ratios = [optimal_ratio_and_loss(one.law, compute)[0] for one in (a, b)]
    optimal, at_ratio = (
        _multiplier(best[0], best[1], compute),
        _multiplier(along[0], along[1], compute),
    )
    # A's budget for B's loss; where there is none, `inside` judges by the budgets of B alone
    equal, equal_at_ratio = (
        np.where(np.isnan(own), compute, compute / own) for own in (optimal, at_ratio)
    )
    both = _holds(a, compute, ratios[0]) & _holds(b, compute, ratios[1])
    both_at_ratio = _holds(a, compute, fixed) & _holds(b, compute, fixed)
    return ComputeMultipliers(
        names=fits.names,
        compute=compute,
        optimal=optimal,
        at_ratio=at_ratio,
        tokens_per_parameter=ratio,
        optimal_ratio_a=ratios[0],
        optimal_ratio_b=ratios[1],
        inside=both & _holds(a, equal, optimal_ratio_and_loss(a.law, equal)[0]),
        inside_at_ratio=both_at_ratio & _holds(a, equal_at_ratio, fixed),
        parity=_parity(best[0], best[1], compute),
    )


def _holds(one: ComparedFit, compute: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Whether N and D at this D/N lie within the runs of a fit; False where D/N is NaN."""
    known = np.isfinite(ratio)
    N = size_at_ratio(compute, np.where(known, ratio, 1.0))
    return known & one.holds(N, N * np.where(known, ratio, 1.0))


def _multiplier(a: Frontier, b: Frontier, compute: np.ndarray) -> np.ndarray:
    targets, ahead = b(compute), a(compute)
    return np.array([_factor(a, *one) for one in zip(compute, targets, ahead, strict=True)])


def _factor(a: Frontier, compute: float, target: float, ahead: float) -> float:
    """B's budget over the nearest one at which A has the target loss."""
    if not (np.isfinite(target) and np.isfinite(ahead)):
        return float("nan")
    if ahead == target:
        return 1.0
    num = int(np.log10(REACH) * _PER_DECADE) + 1
    factors = np.geomspace(1.0, 1.0 / REACH if ahead < target else REACH, num)
    found = crossings(lambda C: a(C) - target, np.sort(compute * factors))
    if not found.size:
        return float("nan")
    return float(compute / found[np.abs(np.log(found / compute)).argmin()])


def _parity(a: Frontier, b: Frontier, compute: np.ndarray) -> np.ndarray:
    if len(compute) < 2:
        return np.empty(0)
    fine = np.geomspace(compute[0], compute[-1], _NUM_ALONG)
    return crossings(lambda C: a(C) - b(C), fine)


def _optimal_loss(law: Law, compute: np.ndarray) -> np.ndarray:
    return optimal_ratio_and_loss(law, compute)[1]


def _loss_at_ratio(law: Law, ratio: float, compute: np.ndarray) -> np.ndarray:
    N = size_at_ratio(compute, ratio)
    return evaluate(law, N, N * ratio)
