"""``Influence``: the influence of each run on a number."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from farseer_jax.link_functions import Link
from farseer_jax.results.numbers import loss_text, number_text, quantity_text
from farseer_jax.results.result import Headline, Result, warned
from farseer_jax.results.table import Column, Table
from farseer_jax.uncertainty.intervals import cell_text

_MAX_ROWS_SHOWN = 12
_DIFFERENCES = {
    "log": "ln(loss / other loss)",
    "identity": "loss − other loss",
    "logit": "logit loss − logit other loss",
}


def difference_name(link: Link) -> str:
    """The name of the difference of two fits on a link's scale."""
    return _DIFFERENCES[link.name]


@dataclass(frozen=True, eq=False)
class Influence(Result):
    """The influence of each run of a fit on a number. Prints as a table of the largest.

    Attributes:
        quantity: name of the number.
        at: the point.
        value: the number, from all runs.
        inputs: inputs of the runs by column, ``(run,)`` each.
        loss: observed losses, ``(run,)``.
        noise: standard deviation of each run on the link's scale (of ln loss), ``(run,)``.
        change_per_noise: change of the number if the run's loss increased by its noise, ``(run,)``.
        change_if_removed: change of the number if the run were left out, ``(run,)``; NaN if it
            were not defined.
        warnings: warnings, worst first.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit, influence
        >>> found = influence(fit(Farseer, example_runs(noise=5e-4)), at=(25.1e9, 5e11))
        >>> found.change_if_removed.shape, found.spread_of_noise > 0
        ((337,), True)
    """

    quantity: str
    at: Mapping[str, Any]
    value: float
    inputs: Mapping[str, np.ndarray]
    loss: np.ndarray
    noise: np.ndarray
    change_per_noise: np.ndarray
    change_if_removed: np.ndarray
    warnings: tuple[str, ...] = ()

    @property
    def N(self) -> np.ndarray:
        """Parameters of the runs, ``(run,)``."""
        return self.inputs["N"]

    @property
    def D(self) -> np.ndarray:
        """Tokens of the runs, ``(run,)``."""
        return self.inputs["D"]

    @property
    def spread_of_noise(self) -> float:
        """Standard deviation of the number due to the noise of all runs."""
        return float(np.sqrt(np.sum(self.change_per_noise**2)))

    def largest(self, num: int = 10) -> np.ndarray:
        """Positions of the runs whose removal changes the number most, largest first."""
        size = np.where(np.isfinite(self.change_if_removed), np.abs(self.change_if_removed), np.inf)
        return np.argsort(-size, kind="stable")[:num]

    @property
    def is_difference(self) -> bool:
        """Whether the number is a difference of two fits."""
        return "other loss" in self.quantity

    @property
    def place(self) -> str:
        """The point as text; empty for a function of a law."""
        if set(self.at) <= {"N", "D"}:
            return ", ".join(quantity_text(value) for value in self.at.values())
        if set(self.at) == {"compute"}:
            return f"{self.at['compute']:.3g} FLOPs"
        return ", ".join(f"{name} {cell_text(name, value)}" for name, value in self.at.items())

    @property
    def decisive(self) -> np.ndarray:
        """Positions of the runs without which the number would change sign."""
        after = self.value + self.change_if_removed
        return np.flatnonzero(~(np.sign(after) == np.sign(self.value)))

    def table(self) -> Table:
        """One row per run, in the order of the runs."""
        return self._table(np.arange(len(self.loss)))

    def _table(self, order: np.ndarray) -> Table:
        inputs = [
            Column(name, own[order], partial(cell_text, name)) for name, own in self.inputs.items()
        ]
        removed, by_noise = self.change_if_removed[order], self.change_per_noise[order]
        own_columns = [
            Column("loss", self.loss[order], loss_text),
            Column("noise", self.noise[order], text=None),
            Column("change_if_removed", removed, self._change, heading="if removed"),
            Column("change_per_noise", by_noise, self._change, heading="per noise", secondary=True),
        ]
        return Table([*inputs, *own_columns], most=_MAX_ROWS_SHOWN, noun="runs")

    def to_dict(self) -> dict[str, Any]:
        """``runs`` (a list with inputs and both changes) and the number, for JSON."""
        rows = self.table().records()
        return {
            "quantity": self.quantity,
            "at": dict(self.at),
            "value": self.value,
            "spread_of_noise": self.spread_of_noise,
            "runs": [
                {name: own for name, own in row.items() if name not in ("loss", "noise")}
                for row in rows
            ],
            "warnings": list(self.warnings),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The number, the runs with the largest influence, and the effect of all noise together."""
        spread = self._change(self.spread_of_noise).lstrip("+")
        said = f"standard deviation due to the noise of all runs: {spread}"
        if self.is_difference:
            said += "\n" + self._verdict()
        order = self.largest(len(self.loss))
        return Headline(self._title()), self._table(order), warned(said, self.warnings)

    def _title(self) -> str:
        text = loss_text(self.value) if self.quantity == "loss" else number_text(self.value)
        place = f" at {self.place}" if self.place else ""
        return f"{self.quantity}{place}: {text}, and the influence of each run"

    def _verdict(self) -> str:
        if not len(self.decisive):
            return "no single run decides which of the two is better"
        return f"each of {len(self.decisive)} runs alone decides which of the two is better"

    def _change(self, change: float) -> str:
        """A change as text: relative, except for a difference."""
        if not np.isfinite(change):
            return "–"
        return f"{change:+.2e}" if self.is_difference else f"{100 * change / abs(self.value):+.4f}%"
