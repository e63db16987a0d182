"""Suggested runs, and what they would make of a prediction."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.results.numbers import loss_text, number_text, quantity_text
from farseer_jax.results.table import aligned
from farseer_jax.runs.checks import Floats

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class TargetBefore:
    """One target, as it is and as it would be.

    Attributes:
        N: parameters.
        D: tokens.
        predicted: the law's loss.
        before: ends of its interval as things stand.
        after: ends of the interval with all suggestions, around the same prediction.
        length: e-folds outside the runs of the fit.
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
    """The optimal split of one budget, as it is and as it would be.

    Attributes:
        compute: the budget, FLOPs.
        N: compute-optimal parameters, by the law.
        D: tokens, likewise.
        tokens_per_parameter: D/N.
        before: ends of its interval as things stand, from the runs' noise alone.
        after: ends of the interval with all suggestions, around the same ratio.
        length: e-folds of the optimum outside the runs of the fit.
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
class Suggestions:
    """Runs worth training next, and how sure the targets would then be. Prints as a table.

    Attributes:
        N: parameters of each suggestion, ``(suggestion,)``, in the order worth training: size by
            size, first what lowers the variance most per cost.
        D: tokens, likewise.
        flops: 6·N·D, likewise.
        cost: likewise, in the unit of the budget.
        standard_error_after: of ``ln`` loss at the targets, with this suggestion and those before
            it, root mean square over the targets, ``(suggestion,)``.
            NaN where no losses are asked for.
        standard_error_now: without any.
        noise_error_now: the part of it that is the runs' noise; the rest is misfit.
        noise_error_after: likewise with all suggestions.
        ratio_error_after: of ``ln`` of the optimal D/N of the budgets in question, from the runs'
            noise alone, root mean square, ``(suggestion,)``; NaN where none are asked for.
        ratio_error_now: without any suggestion.
        targets: points one by one.
        splits: budgets one by one.
        level: of their intervals.
        budget: what the suggestions may cost.
        exhaustive: whether all affordable sets were compared.
        title: the fit, in words.
        basis: what the standard errors rest on, in words.
        notes: what else to know.

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
        """What the suggestions cost together."""
        return float(self.cost.sum())

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per suggestion: N, D, flops, cost, and the standard errors asked for."""
        import pandas as pd

        return pd.DataFrame(self._columns())

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON; a number that is not finite becomes None."""
        columns = {name: values.tolist() for name, values in self._columns().items()}
        rows = [
            dict(zip(columns, map(_finite, row), strict=True))
            for row in zip(*columns.values(), strict=True)
        ]
        return {
            "suggestions": rows,
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

    def _columns(self) -> dict[str, Floats]:
        names = ["N", "D", "flops", "cost"]
        names += ["standard_error_after"] if self.targets else []
        names += ["ratio_error_after"] if self.splits else []
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        return text(self)


def _plain(one: TargetBefore | SplitBefore) -> dict[str, Any]:
    """Its attributes, for JSON."""
    return {
        name: [_finite(end) for end in value] if isinstance(value, tuple) else value
        for name, value in vars(one).items()
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


_MAX_TARGETS_SHOWN = 6


def text(found: "Suggestions") -> str:
    """The whole of ``print(suggestions)``."""
    columns = {"standard error after": (found.standard_error_now, found.standard_error_after)}
    if not found.targets:
        columns = {}
    if found.splits:
        name = "of D/N after" if found.targets else "standard error of D/N after"
        columns[name] = (found.ratio_error_now, found.ratio_error_after)
    rows = [["now", "", "", *(_percent(now) for now, _ in columns.values())]]
    rows += [
        [quantity_text(N), quantity_text(D), f"{flops:.2e}", *map(_percent, errors)]
        for N, D, flops, *errors in zip(
            found.N, found.D, found.flops, *(after for _, after in columns.values()), strict=True
        )
    ]
    parts = [f"{found.title}: {_heading(found)}", aligned(["N", "D", "FLOPs", *columns], rows)]
    parts += [_targets(found)] if found.targets else []
    parts += [_splits(found)] if found.splits else []
    notes = "".join(f"\nnote: {note}" for note in found.notes)
    return "\n\n".join([*parts, f"{found.basis}{notes}"])


def _heading(found: "Suggestions") -> str:
    count = f"{len(found)} run{'s'[: len(found) != 1]} to train next" if len(found) else "no run"
    return f"{count}, {found.spent:.3g} of {found.budget:.3g}"


def _targets(found: "Suggestions") -> str:
    shown = found.targets[:_MAX_TARGETS_SHOWN]
    rows = [
        [
            f"{quantity_text(one.N)}, {quantity_text(one.D)}",
            loss_text(one.predicted),
            _half(one.before, one.predicted),
            _half(one.after, one.predicted),
            one.flag,
        ]
        for one in shown
    ]
    header = ["target", "loss", f"{found.level:g} interval now", "after", ""]
    table = aligned(header, rows, left=1)
    return table + _more(len(found.targets) - len(shown))


def _splits(found: "Suggestions") -> str:
    shown = found.splits[:_MAX_TARGETS_SHOWN]
    rows = [
        [
            f"{one.compute:.3g} FLOPs",
            number_text(one.tokens_per_parameter, 4),
            *(" to ".join(number_text(end, 3) for end in ends) for ends in (one.before, one.after)),
            one.flag,
        ]
        for one in shown
    ]
    header = ["budget", "tokens per parameter", f"{found.level:g} interval now", "after", ""]
    return aligned(header, rows, left=1) + _more(len(found.splits) - len(shown))


def _more(num: int) -> str:
    return f"\n… and {num} more" if num else ""


def _half(ends: tuple[float, float], predicted: float) -> str:
    return f"±{_percent((ends[1] - ends[0]) / (2 * predicted))}"


def _percent(value: float) -> str:
    return f"{value:.3%}" if value < 10 else "–"
