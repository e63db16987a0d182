"""``Suggestions``: runs to train next, and the targets before and after them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from farseer_jax.results.numbers import level_text, loss_text, number_text
from farseer_jax.results.result import Headline, Result
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.checks import Floats
from farseer_jax.uncertainty.intervals import cell_text


@dataclass(frozen=True, eq=False)
class TargetBefore:
    """One target, before and after the suggested runs.

    Attributes:
        inputs: its inputs by column.
        predicted: the predicted response; NaN without runs, like the intervals.
        before: the present interval of the response, ``(lower, upper)``.
        after: the interval with all suggestions, around the same prediction.
        length: distance outside the runs, in e-folds; infinite without runs.
        flag: the same as text.
    """

    inputs: Mapping[str, Any]
    predicted: float
    before: tuple[float, float]
    after: tuple[float, float]
    length: float
    flag: str

    def __str__(self) -> str:
        values = (cell_text(name, value) for name, value in self.inputs.items())
        if set(self.inputs) == {"N", "D"}:
            return ", ".join(values)
        return ", ".join(f"{n}={v}" for n, v in zip(self.inputs, values, strict=True))


@dataclass(frozen=True, eq=False)
class SplitBefore:
    """The optimal split of one budget, before and after the suggested runs.

    Attributes:
        compute: the budget, FLOPs.
        N: compute-optimal parameters.
        D: compute-optimal tokens.
        tokens_per_parameter: D/N.
        before: the present interval of D/N, ``(lower, upper)``.
        after: the interval with all suggestions, around the same ratio.
        length: distance of the optimum outside the runs, in e-folds.
        flag: the same as text.
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
    """Suggested runs, and the standard errors after them. Prints as a table.

    Attributes:
        inputs: of each suggestion by column, ``(suggestion,)``, in the order in which to train
            them: by the decrease of ``ln`` variance per √cost.
        trained: inputs of the runs so far by column, ``(run,)``; empty without any.
        row: the row of each in the pool, counted from 0, ``(suggestion,)``.
        cost: cost of each suggestion in the unit of the budget, ``(suggestion,)``.
        standard_error_after: standard error of the response on the link's scale (``ln`` loss), root
            mean square over the targets, with this suggestion and those before it,
            ``(suggestion,)``; NaN without such targets.
        standard_error_now: the same without suggestions.
        ratio_error_after: standard error of ``ln`` of the optimal D/N, root mean square over the
            budgets, ``(suggestion,)``; NaN without such budgets.
        ratio_error_now: the same without suggestions.
        targets: the target points one by one.
        splits: the budgets to split one by one.
        level: nominal probability of their intervals.
        budget: the largest total cost of the suggestions.
        exhaustive: whether all affordable sets were compared.
        is_next: whether these are the next few runs, not a set for the whole budget.
        link: name of the scale of the response's errors.
        title: the forecast or the law, as text.
        is_prior: whether the standard errors depend on weak priors of the law.
        notes: remarks on the pool.

    Example:
        >>> from farseer_jax import example_runs, forecast, suggest_runs
        >>> answer = forecast(example_runs().select(max_N=1e9), usual=False)
        >>> found = suggest_runs(answer, (25.1e9, 5e11), budget=1e21)
        >>> found.spent <= found.budget, len(found) == len(found.to_dataframe())
        (True, True)
    """

    inputs: Mapping[str, np.ndarray]
    trained: Mapping[str, np.ndarray]
    row: np.ndarray
    cost: Floats
    standard_error_after: Floats
    standard_error_now: float
    ratio_error_after: Floats
    ratio_error_now: float
    targets: tuple[TargetBefore, ...]
    splits: tuple[SplitBefore, ...]
    level: float
    budget: float
    exhaustive: bool
    is_next: bool
    link: str
    title: str
    is_prior: bool
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.cost)

    @property
    def spent(self) -> float:
        """Total cost of the suggestions."""
        return float(self.cost.sum())

    @property
    def hardly_helps(self) -> bool:
        """Whether each standard error falls by less than a tenth (the next runs: less than 1 %)."""
        pairs = (
            (self.standard_error_now, self.standard_error_after),
            (self.ratio_error_now, self.ratio_error_after),
        )
        return all(
            not len(after) or after[-1] > (1 - self._hardly) * now
            for now, after in pairs
            if not np.isnan(now)
        )

    @property
    def _hardly(self) -> float:
        return _HARDLY_NEXT if self.is_next else _HARDLY

    @property
    def basis(self) -> str:
        """What the standard errors include, as text."""
        what = "ln loss" if self.link == "log" else f"the response on the scale {self.link!r}"
        of_loss = f"of {what}: from the law, its misfit and the effect of the size"
        of_ratio = "of ln D/N: from the law and its misfit"
        parts = [of_loss] * bool(self.targets) + [of_ratio] * bool(self.splits)
        prior = "; with few runs it depends on weak priors of the law's parameters" * self.is_prior
        return (
            "standard error "
            + "\n".join(parts)
            + prior
            + "; new runs are assumed to lie on the predicted mean"
        )

    def table(self) -> Table:
        """One row per suggestion: inputs, row, cost, and the standard errors of the targets."""
        is_grid = set(self.inputs) == {"N", "D"}
        columns = [
            *(Column(name, x, partial(cell_text, name)) for name, x in self.inputs.items()),
            Column("row", self.row, text=None),
            Column("cost", self.cost, "{:.3g}".format),
        ]
        if is_grid:
            flops = 6.0 * self.inputs["N"] * self.inputs["D"]
            columns.insert(2, Column("flops", flops, None))
        if self.targets:
            after = self.standard_error_after
            heading = "standard error after"
            columns.append(Column("standard_error_after", after, self._size, heading=heading))
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
            "ratio_error_now": _finite(self.ratio_error_now),
            "budget": self.budget,
            "spent": self.spent,
            "level": self.level,
            "targets": [_plain(one) for one in self.targets],
            "splits": [_plain(one) for one in self.splits],
            "exhaustive": self.exhaustive,
            "hardly_helps": self.hardly_helps,
            "basis": self.basis,
            "notes": list(self.notes),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The suggestions, each target and budget before and after, and the basis."""
        targets = [self._targets()] if self.targets else []
        splits = [self._splits()] if self.splits else []
        notes = "".join(f"\nnote: {note}" for note in (*self._verdict(), *self.notes))
        return (
            Headline(self._heading()),
            self._from_now(),
            *targets,
            *splits,
            f"{self.basis}{notes}",
        )

    def _verdict(self) -> tuple[str, ...]:
        """Whether the suggestions hardly help, and the remedy."""
        if len(self) and self.hardly_helps:
            one, many = "this run hardly helps: it reduces", "these runs hardly help: they reduce"
            which = one if len(self) == 1 else many
            return (
                f"{which} the standard error by less than {self._hardly:.0%}; raise the budget, or "
                "add runs nearer to the targets to the pool",
            )
        return ()

    def _heading(self) -> str:
        num = len(self)
        count = f"{num} run{'s'[: num != 1]} to train next" if num else "no run"
        return f"{self.title}: {count}, {self.spent:.3g} of {self.budget:.3g}"

    def _size(self, value: float) -> str:
        """A standard error on the link's scale."""
        return _percent(value) if self.link == "log" else number_text(value, 3)

    def _from_now(self) -> Table:
        """The table of the suggestions, below a row of the standard errors now."""
        now: dict[str, Any] = {
            "standard_error_after": self.standard_error_now,
            "ratio_error_after": self.ratio_error_now,
        }
        columns = [own for own in self.table().columns if own.text is not None]
        now[columns[0].name] = "now"
        return Table(
            [
                replace(own, values=[now.get(own.name, ""), *own.values], text=_text_or(own.text))
                for own in columns
            ],
            most=len(self) + 1,
        )

    def _targets(self) -> Table:
        rows = self.targets
        return Table(
            [
                Column("target", [str(one) for one in rows], left=True),
                Column("loss", [one.predicted for one in rows], _loss),
                Column(
                    "before",
                    [self._half(one.before, one.predicted) for one in rows],
                    heading=self._interval,
                ),
                Column("after", [self._half(one.after, one.predicted) for one in rows]),
                Column("flag", [one.flag for one in rows], heading=""),
            ],
            most=_MAX_TARGETS_SHOWN,
            noun="targets",
        )

    def _half(self, ends: tuple[float, float], predicted: float) -> str:
        half = 0.5 * (ends[1] - ends[0])
        return f"±{_percent(half / predicted) if self.link == 'log' else number_text(half, 3)}"

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
_HARDLY, _HARDLY_NEXT = 0.1, 0.01  # of the standard error


def _plain(one: TargetBefore | SplitBefore) -> dict[str, Any]:
    """Its attributes, for JSON."""
    return {
        name: [_finite(end) for end in value]
        if isinstance(value, tuple)
        else _finite(value)
        if isinstance(value, float)
        else value
        for name, value in vars(one).items()
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _text_or(write: Callable[[Any], str] | None) -> Callable[[Any], str]:
    """Text unchanged, numbers formatted as in a column."""
    return lambda value: value if isinstance(value, str) or write is None else write(value)


def _ends(ends: tuple[float, float]) -> str:
    return " to ".join(number_text(end, 3) for end in ends)


def _loss(value: float) -> str:
    return loss_text(value) if np.isfinite(value) else "–"


def _percent(value: float) -> str:
    return f"{value:.3%}" if value < 10 else "–"
