"""``Suggestions``: runs to train next, and the targets before and after them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from farseer_jax.results.numbers import level_text, loss_text, number_text, quantity_text
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.checks import Floats


@dataclass(frozen=True, eq=False)
class TargetBefore:
    """One target, before and after the suggested runs.

    Attributes:
        N: parameters.
        D: tokens.
        predicted: the law's loss.
        before: ends of the interval of the loss now.
        after: ends of the interval with all suggestions, around the same prediction.
        length: distance outside the runs of the fit, in e-folds.
        flag: the same in words.
    """

    N: float
    D: float
    predicted: float
    before: tuple[float, float]
    after: tuple[float, float]
    length: float
    flag: str


@dataclass(frozen=True, eq=False)
class SplitBefore:
    """The optimal split of one budget, before and after the suggested runs.

    Attributes:
        compute: the budget, FLOPs.
        N: compute-optimal parameters, by the law.
        D: compute-optimal tokens, by the law.
        tokens_per_parameter: D/N.
        before: ends of the interval of D/N now, from the runs' noise alone.
        after: ends of the interval with all suggestions, around the same ratio.
        length: distance of the optimum outside the runs of the fit, in e-folds.
        flag: the same in words.
    """

    compute: float
    N: float
    D: float
    tokens_per_parameter: float
    before: tuple[float, float]
    after: tuple[float, float]
    length: float
    flag: str


@dataclass(frozen=True, eq=False)
class Suggestions(Result):
    """Runs worth training next, and the standard errors with them. Prints as a table.

    Attributes:
        N: parameters of each suggestion, ``(suggestion,)``, in the order in which to train them:
            size by size, first what lowers the variance most per cost.
        D: tokens of each suggestion, ``(suggestion,)``.
        flops: 6·N·D of each suggestion, ``(suggestion,)``.
        cost: cost of each suggestion in the unit of the budget, ``(suggestion,)``.
        standard_error_after: standard error of ``ln`` loss, root mean square over the targets, with
            this suggestion and those before it, ``(suggestion,)``; NaN without target losses.
        standard_error_now: the same without suggestions.
        noise_error_now: the part of it from the runs' noise; the rest is misfit.
        noise_error_after: that part with all suggestions.
        ratio_error_after: standard error of ``ln`` of the optimal D/N from the runs' noise alone,
            root mean square over the budgets, ``(suggestion,)``; NaN without such budgets.
        ratio_error_now: the same without suggestions.
        targets: the target points one by one.
        splits: the budgets to split one by one.
        level: nominal probability of their intervals.
        budget: the most that the suggestions may cost.
        exhaustive: whether all affordable sets were compared.
        title: the fit, in words.
        basis: how the standard errors were found, in words.
        notes: further remarks.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit, suggest_runs
        >>> result = fit(Farseer, example_runs().select(max_N=1e9))
        >>> found = suggest_runs(result, (25.1e9, 5e11), budget=1e21, misfit=0.003)
        >>> found.spent <= found.budget, len(found) == len(found.to_dataframe())
        (True, True)
    """

    N: Floats
    D: Floats
    flops: Floats
    cost: Floats
    standard_error_after: Floats
    standard_error_now: float
    noise_error_now: float
    noise_error_after: float
    ratio_error_after: Floats
    ratio_error_now: float
    targets: tuple[TargetBefore, ...]
    splits: tuple[SplitBefore, ...]
    level: float
    budget: float
    exhaustive: bool
    title: str
    basis: str
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.N)

    @property
    def spent(self) -> float:
        """Total cost of the suggestions."""
        return float(self.cost.sum())

    def table(self) -> Table:
        """One row per suggestion: N, D, flops, cost, and the standard errors of the targets."""
        columns = [
            Column("N", self.N, quantity_text),
            Column("D", self.D, quantity_text),
            Column("flops", self.flops, "{:.2e}".format, heading="FLOPs"),
            Column("cost", self.cost, text=None),
        ]
        if self.targets:
            after = self.standard_error_after
            heading = "standard error after"
            columns.append(Column("standard_error_after", after, _percent, heading=heading))
        if self.splits:
            heading = "of D/N after" if self.targets else "standard error of D/N after"
            after = self.ratio_error_after
            columns.append(Column("ratio_error_after", after, _percent, heading=heading))
        return Table(columns)

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON; numbers that are not finite become None."""
        return {
            "suggestions": self.table().records(),
            "standard_error_now": _finite(self.standard_error_now),
            "noise_error_now": _finite(self.noise_error_now),
            "noise_error_after": _finite(self.noise_error_after),
            "ratio_error_now": _finite(self.ratio_error_now),
            "budget": self.budget,
            "spent": self.spent,
            "level": self.level,
            "targets": [_plain(one) for one in self.targets],
            "splits": [_plain(one) for one in self.splits],
            "exhaustive": self.exhaustive,
            "basis": self.basis,
            "notes": list(self.notes),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The suggestions, each target and budget before and after, and the basis."""
        targets = [self._targets()] if self.targets else []
        splits = [self._splits()] if self.splits else []
        notes = "".join(f"\nnote: {note}" for note in self.notes)
        return self._heading(), self._from_now(), *targets, *splits, f"{self.basis}{notes}"

    def _heading(self) -> str:
        num = len(self)
        count = f"{num} run{'s'[: num != 1]} to train next" if num else "no run"
        return f"{self.title}: {count}, {self.spent:.3g} of {self.budget:.3g}"

    def _from_now(self) -> Table:
        """The table of the suggestions, below a row of the standard errors now."""
        now = {
            "N": "now",
            "standard_error_after": self.standard_error_now,
            "ratio_error_after": self.ratio_error_now,
        }
        columns = [
            replace(own, values=[now.get(own.name, ""), *own.values], text=_text_or(own.text))
            for own in self.table().columns
            if own.text is not None
        ]
        return Table(columns, most=len(self) + 1)

    def _targets(self) -> Table:
        rows = self.targets
        return Table(
            [
                Column(
                    "target",
                    [f"{quantity_text(o.N)}, {quantity_text(o.D)}" for o in rows],
                    left=True,
                ),
                Column("loss", [one.predicted for one in rows], loss_text),
                Column(
                    "before",
                    [_half(one.before, one.predicted) for one in rows],
                    heading=self._interval,
                ),
                Column("after", [_half(one.after, one.predicted) for one in rows]),
                Column("flag", [one.flag for one in rows], heading=""),
            ],
            most=_MAX_TARGETS_SHOWN,
            noun="targets",
        )

    def _splits(self) -> Table:
        rows = self.splits
        ratios = [number_text(one.tokens_per_parameter, 4) for one in rows]
        return Table(
            [
                Column("budget", [f"{one.compute:.3g} FLOPs" for one in rows], left=True),
                Column("ratio", ratios, heading="tokens per parameter"),
                Column("before", [_ends(one.before) for one in rows], heading=self._interval),
                Column("after", [_ends(one.after) for one in rows]),
                Column("flag", [one.flag for one in rows], heading=""),
            ],
            most=_MAX_TARGETS_SHOWN,
            noun="budgets",
        )

    @property
    def _interval(self) -> str:
        return f"{level_text(self.level)} interval now"


_MAX_TARGETS_SHOWN = 6


def _plain(one: TargetBefore | SplitBefore) -> dict[str, Any]:
    """Its attributes, for JSON."""
    return {
        name: [_finite(end) for end in value] if isinstance(value, tuple) else value
        for name, value in vars(one).items()
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _text_or(write: Callable[[Any], str] | None) -> Callable[[Any], str]:
    """Words as they are, numbers as a column writes them."""
    return lambda value: value if isinstance(value, str) or write is None else write(value)


def _half(ends: tuple[float, float], predicted: float) -> str:
    return f"±{_percent((ends[1] - ends[0]) / (2 * predicted))}"


def _ends(ends: tuple[float, float]) -> str:
    return " to ".join(number_text(end, 3) for end in ends)


def _percent(value: float) -> str:
    return f"{value:.3%}" if value < 10 else "–"
