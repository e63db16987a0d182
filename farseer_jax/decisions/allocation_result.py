"""``Allocation``: optima of budgets, compared with the rule of 20 and the range of the runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.laws.compute_optimal import BOTH, DATA, HIGHEST, INTERIOR, LOWEST, SIZE
from farseer_jax.results.numbers import (
    capitalised,
    level_text,
    loss_text,
    or_null,
    quantity_text,
    some_of,
)
from farseer_jax.results.result import Result, warned
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.intervals import Intervals

LIMITS = ("", "D", "N", "N and D")
FORECAST = "forecast"  # in place of a law's name
_WIDE_RATIO = 5.0  # ratio of the ends of an interval of D/N above which a warning is given
_MANY = 0.02  # share of draws without an optimum that is worth a word


class DataRange(NamedTuple):
    """Ranges of the fitted runs, lowest and highest.

    Attributes:
        N: parameters.
        D: tokens.
        tokens_per_parameter: D/N.
        compute: training FLOPs, counted as in the budgets.
    """

    N: tuple[float, float]
    D: tuple[float, float]
    tokens_per_parameter: tuple[float, float]
    compute: tuple[float, float]

    @classmethod
    def of(cls, runs: Runs, compute: np.ndarray) -> "DataRange":
        """The ranges of runs, given their FLOPs ``(run,)``."""
        columns = (runs.N, runs.D, runs.D / runs.N, compute)
        return cls(*((float(c.min()), float(c.max())) for c in columns))


@dataclass(frozen=True, eq=False, repr=False)
class Allocation(Result):
    """Compute-optimal N, D, D/N and loss of budgets. Prints as a table.

    Attributes:
        law: name of the law; ``"forecast"`` for a forecast.
        method: the fit's method; empty for a law without a fit.
        num_runs: number of runs; 0 for a law without a fit.
        cost: what training costs, in words.
        compute: the budgets, training and inference together, in FLOPs, ``(budget,)``.
        N: parameters, ``(budget,)``; this and all below are NaN without an interior optimum.
        D: tokens.
        loss: loss at the optimum.
        limited_by: what limits the optimum: ``""`` for nothing, ``"D"`` or ``"N"`` for
            ``max_D`` or ``max_N``; ``"N and D"`` where both do, and some of the budget is left.
        exponent_N: d ln N / d ln compute at the budget.
        exponent_D: d ln D / d ln compute.
        exponent_loss: d ln loss / d ln compute.
        training: training FLOPs at the optimum.
        inference: inference FLOPs at the optimum.
        loss_at_20: loss of the same budget at 20 tokens per parameter, Chinchilla's rule; NaN
            where the limits exclude it.
        inside_data: whether N and D lie inside the convex hull of the runs; None without runs.
        data_range: the range of the runs; None without runs.
        intervals: intervals of ``"N"``, ``"D"``, ``"tokens per parameter"`` and ``"loss"``, by a
            forecast or a bootstrap; None without one.
        tokens_served: expected tokens of inference; 0 where inference is free.
        max_N: the most parameters; infinite without a limit.
        max_D: the most tokens; infinite without a limit.
        warnings: what to know before trusting them, worst first.

    Example:
        >>> from farseer_jax import Farseer, allocate, example_runs, fit
        >>> found = allocate(fit(Farseer, example_runs()), [1e20, 1e21])
        >>> found.tokens_per_parameter.round().astype(int).tolist(), found.inside_data.tolist()
        ([37, 36], [True, True])
    """

    law: str
    method: str
    num_runs: int
    cost: str
    compute: np.ndarray
    N: np.ndarray
    D: np.ndarray
    loss: np.ndarray
    limited_by: tuple[str, ...]
    exponent_N: np.ndarray
    exponent_D: np.ndarray
    exponent_loss: np.ndarray
    training: np.ndarray
    inference: np.ndarray
    loss_at_20: np.ndarray
    inside_data: np.ndarray | None
    data_range: DataRange | None
    intervals: Mapping[str, Intervals] | None
    tokens_served: float
    max_N: float
    max_D: float
    warnings: tuple[str, ...] = field(default=())

    @property
    def tokens_per_parameter(self) -> np.ndarray:
        """D/N, ``(budget,)``."""
        return self.D / self.N

    @property
    def excess_at_20(self) -> np.ndarray:
        """Relative excess of the loss at 20 tokens per parameter, ``(budget,)``."""
        return self.loss_at_20 / self.loss - 1.0

    @property
    def level(self) -> float | None:
        """Nominal probability of the intervals; None without intervals."""
        return None if self.intervals is None else self.intervals["N"].level

    def table(self) -> Table:
        """One row per budget, with the ends of the intervals if there are any."""
        is_limited = any(self.limited_by)
        return Table(
            [
                Column("compute", self.compute, "{:.3g}".format),
                Column("N", self.N, _or_dash(quantity_text)),
                Column("D", self.D, _or_dash(quantity_text)),
                Column("tokens_per_parameter", self.tokens_per_parameter, ratio_text, "D/N"),
                *self._interval_columns(),
                Column("loss", self.loss, _or_dash(loss_text)),
                Column("exponent_N", self.exponent_N, _exponent, "N ~ C^", secondary=True),
                Column("exponent_D", self.exponent_D, _exponent, "D ~ C^", secondary=True),
                Column("exponent_loss", self.exponent_loss, text=None),
                Column("loss_at_20", self.loss_at_20, text=None),
                Column("at 20", self.excess_at_20, _or_dash("{:+.2%}".format), in_data=False),
                Column("training", self.training, text=None),
                Column("inference", self.inference, text=None),
                *self._inference_column(),
                Column("limited_by", self.limited_by, str if is_limited else None, "limited by"),
                *self._inside_columns(),
            ],
            noun="budgets",
        )

    def _interval_columns(self) -> list[Column]:
        """The ends of all intervals as data, and the interval of D/N as printed text."""
        if self.intervals is None:
            return []
        own = self.intervals["tokens per parameter"]
        ends = [
            f"{ratio_text(a)} to {ratio_text(b)}" if np.isfinite([a, b]).all() else "–"
            for a, b in zip(own.lower, own.upper, strict=True)
        ]
        columns = [Column(f"{level_text(own.level)} interval", ends, in_data=False)]
        for name, interval in self.intervals.items():
            key = name.replace(" ", "_")
            columns.append(Column(f"{key}_lower", interval.lower, text=None))
            columns.append(Column(f"{key}_upper", interval.upper, text=None))
        return columns

    def _inference_column(self) -> list[Column]:
        if not self.tokens_served:
            return []
        share = self.inference / self.compute
        write = _or_dash("{:.0%}".format)
        return [Column("inference share", share, write, heading="inference", in_data=False)]

    def _inside_columns(self) -> list[Column]:
        """Whether optima lie within the runs; not printed without runs."""
        inside = self.inside_data
        if inside is None:
            return [Column("inside_data", [None] * len(self.N), text=None)]
        words = np.where(inside, "yes", np.where(np.isfinite(self.N), "no", "–"))
        return [
            Column("inside_data", inside, text=None),
            Column("inside runs", words, in_data=False),
        ]

    def to_dict(self) -> dict[str, Any]:
        """``allocations`` (one entry per budget) and their settings, for JSON; NaN is None."""
        return {
            "law": self.law,
            "method": self.method,
            "num_runs": self.num_runs,
            "cost": self.cost,
            "tokens_served": self.tokens_served,
            "max_N": or_null(self.max_N),
            "max_D": or_null(self.max_D),
            "level": self.level,
            "allocations": self.table().records(),
            "warnings": list(self.warnings),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The law and the cost, the optima, and a legend with the warnings."""
        runs = f", {self.num_runs} runs" if self.num_runs else ""
        served = f" + 2 N · {quantity_text(self.tokens_served)} served" * bool(self.tokens_served)
        cost = f"{self.cost}{served}"
        notes = ["at 20: change of the loss at 20 tokens per parameter, for the same compute"]
        if self.intervals is not None:
            notes.append(self._basis(self.intervals["tokens per parameter"]))
        return (
            f"{self._title}{runs}: lowest loss for C = {cost}",
            self.table(),
            warned("\n".join(notes), self.warnings),
        )

    @property
    def _is_forecast(self) -> bool:
        return self.law == FORECAST

    @property
    def _title(self) -> str:
        if self._is_forecast:
            return "Forecast"
        return f"{capitalised(self.law)} law" + (f" by {self.method}" if self.method else "")

    def _basis(self, own: Intervals) -> str:
        """What the intervals rest on, in a line."""
        if self._is_forecast:
            return (
                f"{level_text(own.level)} interval: optima of {own.num_resamples:,} joint draws of "
                f"the law and its smooth misfit (seed {own.seed})"
            )
        resamples = f"{own.num_resamples:,} resamples ({own.scheme}, seed {own.seed})"
        errors = f"\nerrors: {own.errors}" if own.errors else ""
        return f"{level_text(own.level)} interval: {own.kind}, {own.note}, {resamples}{errors}"

    def __repr__(self) -> str:
        return f"Allocation({self.law}, {len(self.compute)} budgets, C = {self.cost})"


def ratio_text(ratio: float) -> str:
    """Tokens per parameter, to three digits: 23.9, 394, 2,280."""
    if not np.isfinite(ratio):
        return "–"
    return f"{float(f'{ratio:.3g}'):,.0f}" if ratio >= 99.95 else f"{ratio:.3g}"


def _or_dash(write: Callable[[float], str]) -> Callable[[float], str]:
    """``write``, with a dash for what is not finite."""
    return lambda value: write(value) if np.isfinite(value) else "–"


def _exponent(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}" if np.isfinite(value) else "–"  # no -0.00


class Answers(NamedTuple):
    """What the warnings need to know of each budget.

    Attributes:
        compute: the budgets, ``(budget,)``.
        known: whether it has an optimum, ``(budget,)``.
        limit: code of what limits the optimum, or of why there is none, ``(budget,)``.
        inside: whether the optimum is within the runs; None without runs.
        without: share of the draws that have no optimum, ``(budget,)``.
        max_N: the most parameters; infinite without a limit.
        max_D: the most tokens; infinite without a limit.
    """

    compute: np.ndarray
    known: np.ndarray
    limit: np.ndarray
    inside: np.ndarray | None
    without: np.ndarray
    max_N: float
    max_D: float


def warnings_of(
    found: Answers,
    range_of_optima: Callable[[], tuple[float, float] | None],
    intervals: dict[str, Intervals] | None,
) -> list[str]:
    """Warnings, missing optima first; the range of optima is computed only if one is missing."""
    known, limit, inside = found.known, found.limit, found.inside
    sentences, num = _without(found), len(known)
    if sentences:
        sentences[-1] += _others(range_of_optima())
        if (~known & (limit == INTERIOR)).any():
            sentences[-1] += _NEXT
    if inside is not None and known.any() and not inside[known].all():
        far = int((known & ~inside).sum())
        which = (
            "none of the optima lies inside"
            if far == num
            else f"{some_of(far, num, 'optima', 'lies', 'lie')} outside"
        )
        sentences.append(f"{which} the runs: no run shows that the law holds there.")
    if (is_left := known & (limit == BOTH)).any():
        sentences.append(
            f"{some_of(int(is_left.sum()), num, 'budgets', 'is', 'are')} more than the cost of "
            "max_N parameters and max_D tokens: the rest stays unspent."
        )
    if intervals is not None:
        sentences += _undetermined(found, intervals["tokens per parameter"])
        sentences += dict.fromkeys(w for own in intervals.values() for w in own.warnings)
    return sentences


_NEXT = (
    " Set max_N= or max_D=, or train more sizes, each with few and with many tokens, so that the "
    "runs show where the loss is lowest."
)


def _undetermined(found: Answers, ratio: Intervals) -> list[str]:
    """Sentences on budgets whose optimal D/N the runs determine poorly."""
    sentences = []
    wide = np.flatnonzero(ratio.upper > _WIDE_RATIO * ratio.lower)
    if len(wide):
        row = wide[np.argmax(found.compute[wide])]
        many = f"{len(wide)} of {len(found.compute)} budgets, such as " if len(wide) > 1 else ""
        sentences.append(
            f"the optimal D/N is poorly determined at {many}{found.compute[row]:.3g} FLOPs "
            f"({ratio_text(ratio.lower[row])} to {ratio_text(ratio.upper[row])}): the runs "
            "used too little compute; train larger ones on both sides of the optimum, which "
            "suggest_runs finds (`farseer suggest`)."
        )
    row = int(np.argmax(found.without))
    if found.without[row] > _MANY:
        sentences.append(
            f"at {found.compute[row]:.3g} FLOPs {found.without[row]:.0%} of the draws have no "
            f"minimum between {LOWEST:g} and {HIGHEST:,.0f} tokens per parameter, and are placed "
            "at the end of that range."
        )
    return sentences


def _without(found: Answers) -> list[str]:
    """One sentence for each reason why budgets have no optimum."""
    reasons = {
        INTERIOR: f" interior optimum: between {LOWEST:g} and {HIGHEST:,.0f} tokens per parameter "
        "the loss has no minimum.",
        DATA: f" optimum: max_D = {quantity_text(found.max_D)} leaves fewer than {LOWEST:g} tokens "
        "per parameter, below the range that is searched.",
        SIZE: f" optimum: max_N = {quantity_text(found.max_N)} leaves more than {HIGHEST:,.0f} "
        "tokens per parameter, above the range that is searched.",
    }
    sentences, num = [], len(found.known)
    for code, reason in reasons.items():
        without = int((~found.known & (found.limit == code)).sum())
        if without:
            subject = some_of(without, num, "budgets", "has", "have")
            sentences.append(("no budget has an" if without == num else f"{subject} no") + reason)
    return sentences


def _others(known: tuple[float, float] | None) -> str:
    """A sentence on which budgets have an optimum."""
    if known is None:
        return " No budget from 1e12 to 1e30 FLOPs has one."
    return f" Budgets from {known[0]:.3g} to {known[1]:.3g} FLOPs have one."
