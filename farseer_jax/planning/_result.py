"""Suggested runs, and what they would make of a prediction."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.planning import _text
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
        return _text.text(self)


def _plain(one: TargetBefore | SplitBefore) -> dict[str, Any]:
    """Its attributes, for JSON."""
    return {
        name: [_finite(end) for end in value] if isinstance(value, tuple) else value
        for name, value in vars(one).items()
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
