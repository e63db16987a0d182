"""``Allocation``: optima of budgets, beside the rule of 20 and the range of the runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from farseer_jax.results.numbers import loss_text, quantity_text
from farseer_jax.results.table import aligned
from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.intervals import Intervals

if TYPE_CHECKING:
    import pandas as pd


LIMITS = ("", "D", "N", "N and D")


class DataRange(NamedTuple):
    """Lowest and highest of what was fitted.

    Attributes:
        N: parameters.
        D: tokens.
        tokens_per_parameter: D/N.
        compute: FLOPs of training, of the kind that the budgets are of.
    """

    N: tuple[float, float]
    D: tuple[float, float]
    tokens_per_parameter: tuple[float, float]
    compute: tuple[float, float]

    @classmethod
    def of(cls, runs: Runs, compute: np.ndarray) -> "DataRange":
        """Of runs and their FLOPs."""
        columns = (runs.N, runs.D, runs.D / runs.N, compute)
        return cls(*((float(c.min()), float(c.max())) for c in columns))

    def holds(self, N: np.ndarray, D: np.ndarray) -> np.ndarray:
        """Whether N, D and D/N are all inside."""
        slack = 1e-9  # the ends are inside, however they were computed
        inside = [
            (low * (1 - slack) <= values) & (values <= high * (1 + slack))
            for (low, high), values in zip(self[:3], (N, D, D / N), strict=True)
        ]
        return np.asarray(np.logical_and.reduce(inside))


@dataclass(frozen=True, eq=False, repr=False)
class Allocation:
    """Compute-optimal N, D, D/N and loss of budgets. Prints as a table.

    Attributes:
        law: name of the law.
        method: the fit's method; empty for a law without a fit.
        num_runs: that were fitted; 0 for a law without a fit.
        cost: what training costs, in words.
        compute: the budgets, training and inference together, in FLOPs, ``(budget,)``.
        N: parameters, ``(budget,)``; NaN where there is no interior optimum, as all below.
        D: tokens.
        loss: at the optimum.
        limited_by: what holds the optimum where it is: ``""`` for nothing, ``"D"`` or ``"N"`` for
            ``max_D`` or ``max_N``; ``"N and D"`` where both do, and some of the budget is left.
        exponent_N: d ln N / d ln compute: how N grows with the budget there.
        exponent_D: d ln D / d ln compute.
        exponent_loss: d ln loss / d ln compute.
        training: FLOPs of training at the optimum.
        inference: FLOPs of inference at the optimum.
        loss_at_20: the loss of the same budget at 20 tokens per parameter, Chinchilla's rule; NaN
            where limits forbid it.
        inside_data: whether N, D and D/N all lie within those of the runs; None without runs.
        data_range: the range of the runs; None without runs.
        intervals: of ``"N"``, ``"D"``, ``"tokens per parameter"`` and ``"loss"``, from a
            bootstrap; None without one.
        tokens_served: expected tokens of inference; 0 without.
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
        """What 20 tokens per parameter lose: relative excess of the loss, ``(budget,)``."""
        return self.loss_at_20 / self.loss - 1.0

    def _columns(self) -> dict[str, Any]:
        """One list for each column of the table, plain numbers."""
        columns: dict[str, Any] = {
            "compute": self.compute,
            "N": self.N,
            "D": self.D,
            "tokens_per_parameter": self.tokens_per_parameter,
            "loss": self.loss,
        }
        for name, own in (self.intervals or {}).items():
            key = name.replace(" ", "_")
            columns |= {f"{key}_lower": own.lower, f"{key}_upper": own.upper}
        columns |= {
            "training": self.training,
            "inference": self.inference,
            "exponent_N": self.exponent_N,
            "exponent_D": self.exponent_D,
            "exponent_loss": self.exponent_loss,
            "loss_at_20": self.loss_at_20,
        }
        plain: dict[str, Any] = {name: values.tolist() for name, values in columns.items()}
        inside = self.inside_data
        plain["inside_data"] = [None] * len(self.N) if inside is None else inside.tolist()
        plain["limited_by"] = list(self.limited_by)
        return plain

    def to_dict(self) -> dict[str, Any]:
        """``allocations`` (one entry per budget) and what they rest on, for JSON; NaN is None."""
        columns = self._columns()
        rows = zip(*columns.values(), strict=True)
        return {
            "law": self.law,
            "method": self.method,
            "num_runs": self.num_runs,
            "cost": self.cost,
            "tokens_served": self.tokens_served,
            "max_N": _or_none(self.max_N),
            "max_D": _or_none(self.max_D),
            "level": self.level,
            "allocations": [
                {name: _or_none(value) for name, value in zip(columns, row, strict=True)}
                for row in rows
            ],
            "warnings": list(self.warnings),
        }

    @property
    def level(self) -> float | None:
        """Nominal probability of the intervals; None without a bootstrap."""
        return None if self.intervals is None else self.intervals["N"].level

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per budget, with the ends of the intervals where there are some."""
        import pandas as pd

        return pd.DataFrame(self._columns())

    def __str__(self) -> str:
        return text(self)

    def __repr__(self) -> str:
        return f"Allocation({self.law}, {len(self.compute)} budgets, C = {self.cost})"


def _or_none(value: Any) -> Any:
    """What JSON has no word for is null."""
    return None if isinstance(value, float) and not np.isfinite(value) else value


_MAX_ROWS_SHOWN = 60


def text(found: "Allocation") -> str:
    """The whole of ``print(allocation)``."""
    columns = _columns(found)
    num = min(len(found.compute), _MAX_ROWS_SHOWN)
    rows = [[cells[i] for cells in columns.values()] for i in range(num)]
    parts = [_title(found), "", aligned(list(columns), rows)]
    if num < len(found.compute):
        parts.append(f"… and {len(found.compute) - num} more budgets")
    parts += ["", *_notes(found), *(f"warning: {sentence}" for sentence in found.warnings)]
    return "\n".join(parts)


def ratio_text(ratio: float) -> str:
    """Tokens per parameter, to three digits: 23.9, 394, 2,280."""
    if not np.isfinite(ratio):
        return "–"
    return f"{float(f'{ratio:.3g}'):,.0f}" if ratio >= 99.95 else f"{ratio:.3g}"


def _title(found: "Allocation") -> str:
    by = f" by {found.method}" if found.method else ""
    runs = f", {found.num_runs} runs" if found.num_runs else ""
    served = f" + 2 N · {quantity_text(found.tokens_served)} served" if found.tokens_served else ""
    return f"{found.law.title()} law{by}{runs}: lowest loss for C = {found.cost}{served}"


def _columns(found: "Allocation") -> dict[str, list[str]]:
    columns = {
        "compute": [f"{C:.3g}" for C in found.compute],
        "N": _quantities(found.N),
        "D": _quantities(found.D),
        "D/N": [ratio_text(ratio) for ratio in found.tokens_per_parameter],
    }
    if found.intervals is not None:
        own = found.intervals["tokens per parameter"]
        ends = zip(own.lower, own.upper, strict=True)
        columns[f"{own.level:.4g} interval"] = [
            f"{ratio_text(a)} to {ratio_text(b)}" if np.isfinite([a, b]).all() else "–"
            for a, b in ends
        ]
    columns["loss"] = [loss_text(loss) if np.isfinite(loss) else "–" for loss in found.loss]
    columns["N ~ C^"] = [_fixed(value, 2) for value in found.exponent_N]
    columns["D ~ C^"] = [_fixed(value, 2) for value in found.exponent_D]
    columns["at 20"] = [f"{x:+.2%}" if np.isfinite(x) else "–" for x in found.excess_at_20]
    if found.tokens_served:
        columns["inference"] = [
            f"{x:.0%}" if np.isfinite(x) else "–" for x in found.inference / found.compute
        ]
    if any(found.limited_by):
        columns["limited by"] = list(found.limited_by)
    if found.inside_data is not None:
        known = np.isfinite(found.N)
        words = np.where(found.inside_data, "yes", np.where(known, "no", "–"))
        columns["inside runs"] = words.tolist()
    return columns


def _quantities(values: np.ndarray) -> list[str]:
    return [quantity_text(value) if np.isfinite(value) else "–" for value in values]


def _fixed(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}" if np.isfinite(value) else "–"  # no -0.00


def _notes(found: "Allocation") -> list[str]:
    notes = ["at 20: change of the loss at 20 tokens per parameter, for the same compute"]
    if found.intervals is not None:
        own = found.intervals["tokens per parameter"]
        resamples = f"{own.num_resamples:,} resamples ({own.scheme}, seed {own.seed})"
        notes.append(f"{own.level:.4g} interval: {own.kind}, {own.note}, {resamples}")
    return notes
