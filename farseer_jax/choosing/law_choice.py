"""``LawChoice``: the laws chosen for a table, their average, and all laws that were tried."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from farseer_jax.choosing.averaged_fit import AveragedFit
from farseer_jax.choosing.candidates import columns_for
from farseer_jax.choosing.law_member import floor_determined
from farseer_jax.choosing.mixture_columns import MIXTURE
from farseer_jax.choosing.table_checks import LEAST_RUNS
from farseer_jax.choosing.table_reading import TableReading, numbers_of
from farseer_jax.fitting.arguments import columns_of_table
from farseer_jax.fitting.prediction import Prediction
from farseer_jax.results.numbers import number_text
from farseer_jax.results.result import Result, pickled_as_file
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.checks import floats_of
from farseer_jax.runs.column_names import roles_of
from farseer_jax.runs.find_columns import named_column
from farseer_jax.runs.groups_and_responses import groups_of
from farseer_jax.runs.input_names import column_of_input, input_named, unit_of_name
from farseer_jax.runs.survey.named_units import in_unit
from farseer_jax.runs.usual_names import named
from farseer_jax.tables.columns import Columns

_CLEAR = 0.9  # how often the best must be so in draws of the hold-outs
_MOST_LISTED = 6
_SHARE_ROUNDING = 1e-2


@dataclass(frozen=True)
class TriedLaw:
    """A law that was tried.

    Attributes:
        name: of the law, with its columns where an input could be more than one column.
        formula: of the law.
        correlated: whether a smooth misfit along all inputs is fitted too.
        error: geometric mean over the hold-outs of the root mean square error, on the link's scale.
        weight: its weight in the average.
        probability_best: how often it has the smallest error in resamples of the hold-outs.
    """

    name: str
    formula: str
    correlated: bool
    error: float
    weight: float
    probability_best: float


@dataclass(frozen=True, eq=False, repr=False)
class LawChoice(Result, Sequence[AveragedFit]):
    """The laws chosen for a table: a sequence of averaged fits, one per group and response.

    Attributes:
        reading: what the columns were taken for.
        fits: the average of the laws for each group and response.
        tried: all laws that were tried, best first.
        holdouts: names of the hold-outs.
        not_served: laws that were not tried, with the inputs for which the table has no column.
        refused: laws that could not be fitted, with the reason.

    Example:
        >>> import numpy as np
        >>> import farseer_jax as fj
        >>> sizes, tokens = np.geomspace(1e8, 3e9, 6), np.geomspace(2e9, 1e11, 6)
        >>> N, D = (x.ravel() for x in np.meshgrid(sizes, tokens))
        >>> loss = 1.7 + 400 / N**0.34 + 410 / D**0.28
        >>> choice = fj.choose_law({"N": N, "D": D, "loss": loss})
        >>> float(np.round(choice.predict({"N": [1e10], "D": [1e11]})[0], 2))
        2.2
    """

    reading: TableReading
    fits: tuple[AveragedFit, ...]
    tried: tuple[TriedLaw, ...]
    holdouts: tuple[str, ...]
    not_served: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.fits)

    def __getitem__(self, index: Any) -> Any:
        return self.fits[index]

    def __iter__(self) -> Iterator[AveragedFit]:
        return iter(self.fits)

    def of(self, group: Mapping[str, Any], response: str | None = None) -> AveragedFit:
        """The fit of a group and, if there are several, a response.

        Raises:
            ValueError: the group or the response was not fitted.
        """
        for own in self.fits:
            same = all(str(own.group[name]) == str(group.get(name)) for name in self.reading.groups)
            if same and response in (None, own.response):
                return own
        labels = ", ".join(f"{name}={group.get(name)}" for name in self.reading.groups)
        what = f"the group {labels}" if labels else f"the response {response!r}"
        if labels in self.reading.small_groups:
            raise ValueError(
                f"{what} was not fitted, because it had fewer than {LEAST_RUNS} runs: leave these "
                "rows out, or choose laws with more of its runs"
            )
        raise ValueError(f"{what} was not fitted: leave it out, or choose laws with it too")

    def predict(self, table: object) -> np.ndarray:
        """Predicted responses for the rows of a table, float64.

        Args:
            table: as for :meth:`evaluate`.

        Returns:
            ``(row,)``, or ``(row, response)`` where several were fitted.

        Raises:
            ValueError: a column or a group is missing.
        """
        found = self.evaluate(table).predicted.reshape(len(self.reading.responses), -1).T
        return found[:, 0] if len(self.reading.responses) == 1 else found

    def evaluate(
        self,
        table: object,
        observed: str | None = None,
        *,
        response: str | None = None,
        columns_of: Mapping[str, str] | None = None,
        units: Mapping[str, float] | None = None,
    ) -> Prediction:
        """Predictions for the rows of a table, with their observed responses if it has them.

        Args:
            table: a table with the columns of the inputs and groups, by their names, or other usual
                names of the same inputs.
            observed: the column of the response, if it has another name there.
            response: which of the responses; all unless given.
            columns_of: columns of inputs that are not found by name.
            units: factors of inputs.

        Raises:
            ValueError: a column or a group is missing, or a value is not of its kind.
        """
        columns = self._columns(columns_of_table(table), columns_of or {}, units or {})
        numbers = numbers_of(columns, self.reading)
        inputs, num = self._inputs(numbers), len(next(iter(columns.values())))
        parts = []
        for name in self.reading.responses if response is None else (response,):
            predicted, groups = np.full(num, np.nan), [dict[str, Any]() for _ in range(num)]
            for group, rows in groups_of(columns, list(self.reading.groups), num):
                fit = self.of(group, name)
                predicted[rows] = fit.predict(**{key: own[rows] for key, own in inputs.items()})
                for row in rows:
                    groups[row] = group
            source = observed if observed is not None else name
            known = np.asarray(columns[source], dtype=float) if source in columns else None
            shown = {
                key: own / self.reading.units.get(key, 1.0)
                for key, own in inputs.items()
                if key != MIXTURE
            }
            shown |= {key: np.asarray(numbers[key], dtype=float) for key in self.reading.shares}
            parts.append(Prediction(shown, predicted, known, [name] * num, groups))
        return parts[0] if len(parts) == 1 else Prediction.joined(parts)

    def input_of(self, name: str) -> str | None:
        """The column of an input or a share that a name refers to.

        The name may be that of the column, of the laws' input, or another usual one.

        Example:
            >>> import numpy as np
            >>> import farseer_jax as fj
            >>> sizes = np.geomspace(1e8, 3e9, 9)
            >>> choice = fj.choose_law({"Model Params": sizes, "loss": 1.7 + 400 / sizes**0.34})
            >>> choice.input_of("N"), choice.input_of("params"), choice.input_of("lr")
            ('Model Params', 'Model Params', None)
        """
        own = (*self.reading.inputs, *self.reading.shares)
        found = input_named(name, own)
        if found is not None:
            return found
        columns = columns_for(name, "positive", self.reading, {})
        return columns[0] if len(columns) == 1 else None

    def _columns(
        self, columns: Columns, columns_of: Mapping[str, str], units: Mapping[str, float]
    ) -> Columns:
        """A table with the columns of the inputs, under their names and in their units.

        Raises:
            ValueError: a column is missing.
        """
        named = {self.input_of(name) or name: own for name, own in columns_of.items()}
        factors = {self.input_of(name) or name: unit for name, unit in units.items()}
        found = dict[str, np.ndarray]()
        for name in (*self.reading.inputs, *self.reading.shares, *self.reading.groups):
            own = named.get(name) or column_of_input(name, list(columns)) or name
            named_column(name, own, list(columns))
            found[name] = columns[own]
            if name not in self.reading.inputs:
                continue
            numbers = floats_of(columns[own], f"column {own!r}")
            known, unit = self.reading.units.get(name, 1.0), factors.get(name)
            if unit is None and own != name:
                unit = unit_of_name(own, "", numbers)
            elif unit is None:
                unit = known if all(in_unit(r, known, numbers) for r in roles_of(name)) else 1.0
            found[name] = numbers * (unit / known)
        return columns.with_columns(found, ())

    @property
    def best(self) -> TriedLaw:
        """The law with the smallest hold-out error."""
        return self.tried[0]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Groups and responses left out, and floors that the runs do not determine."""
        open_floors = dict.fromkeys(
            member.name
            for fit in self.fits
            for member in fit.members
            if np.isfinite(member.floor_sd) and not floor_determined(member.floor_sd)
        )
        if not open_floors:
            return self.reading.left_out
        return (
            *self.reading.left_out,
            f"the runs do not determine the floor E of {_listed(list(open_floors))}: predictions "
            "far beyond the runs depend on its prior, ln E = ln(0.6 · smallest loss) ± 0.5",
        )

    __reduce__ = pickled_as_file

    def table(self) -> Table:
        """One row per law that was tried."""
        own = self.tried
        return Table(
            [
                Column("law", [law.name for law in own], str, left=True),
                Column(
                    "misfit",
                    [law.correlated for law in own],
                    lambda value: "with misfit" if value else "",
                    heading="",
                    left=True,
                ),
                Column("error", [law.error for law in own], lambda x: number_text(x, 3)),
                Column("weight", [law.weight for law in own], lambda x: f"{x:.2f}" if x else "–"),
                Column("probability_best", [law.probability_best for law in own], "{:.2f}".format,
                       heading="P(best)"),
                Column("formula", [law.formula for law in own], text=None),
            ],
            most=20,
            noun="laws",
            best=(int(np.argmax([law.weight for law in own])),),
        )  # fmt: skip

    def text_parts(self) -> Sequence[str | Table]:
        """What the columns are, what was chosen, what was tried, and the warnings."""
        left_out = self.reading.left_out
        parts: list[str | Table] = [
            *(["\n".join(f"Warning: {own}" for own in left_out)] if left_out else []),
            "\n".join(self.reading.sentences()),
            self._chosen_text(),
            self.table(),
            f"error: root mean square {self._unit} of held-out runs, geometric mean over "
            f"{len(self.holdouts)} hold-outs ({_listed(self.holdouts, '; ')})",
        ]
        reasons = [*self._not_served_text(), *(f"{n}: {why}" for n, why in self.refused.items())]
        if reasons:
            parts.append("\n".join(["not tried", *(f"  {line}" for line in reasons)]))
        rest = self.warnings[len(left_out) :]
        if rest:
            parts.append("\n".join(f"Warning: {own}" for own in rest))
        return parts

    def _not_served_text(self) -> list[str]:
        """A line for each input without a column: the laws that lack it alone."""
        laws: dict[str, list[str]] = {}
        for name, lacks in self.not_served.items():
            laws.setdefault(lacks, []).append(name)
        alone = {lacks: own for lacks, own in laws.items() if " and " not in lacks}
        return [f"needs {_named(lacks)}: {', '.join(own)}" for lacks, own in alone.items()]

    def to_dict(self) -> dict[str, Any]:
        """The laws that were tried, and the warnings, for JSON."""
        return {"tried": self.table().records(), "warnings": list(self.warnings)}

    def __repr__(self) -> str:
        kept = sum(own.weight > 0.0 for own in self.tried)
        return f"LawChoice({len(self.tried)} laws tried, {kept} kept, {len(self)} fits)"

    def _chosen_text(self) -> str:
        kept = [own for own in self.tried if own.weight > 0.0]
        several = len(self.reading.responses) > 1
        what = "responses" if not self.reading.groups else "groups and responses"
        what = what if several else "groups"
        fits = f" for each of {len(self)} {what}" if len(self) > 1 else ""
        average = "one law" if len(kept) == 1 else f"the average of {len(kept)} laws"
        clear = self.best.probability_best >= _CLEAR
        by_name: dict[str, float] = {}
        for own in self.tried:
            by_name[own.name] = by_name.get(own.name, 0.0) + own.probability_best
        ordered = sorted(by_name, key=lambda name: -by_name[name])
        sure = (
            f"{ordered[0]} predicts the hold-outs best"
            if clear or len(ordered) == 1 or by_name[ordered[0]] >= _CLEAR
            else f"the hold-outs do not decide between {ordered[0]} and {ordered[1]}"
        )
        return f"chosen{fits}: {average}, weighted by their errors on the hold-outs; {sure}"

    @property
    def _unit(self) -> str:
        return "relative error" if self.reading.link == "log" else "error"

    def _inputs(self, numbers: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """All inputs of a table's rows, checked."""
        found: dict[str, np.ndarray] = {}
        for name in self.reading.inputs:
            own = np.asarray(numbers[name], dtype=float)
            bad = np.flatnonzero(~(own > 0.0))
            if len(bad):
                rows = ", ".join(map(str, bad[:5].tolist()))
                raise ValueError(f"column {name!r}: rows {rows} are not positive")
            found[name] = own
        if self.reading.shares:
            shares = np.stack(
                [np.asarray(numbers[name], dtype=float) for name in self.reading.shares], axis=1
            )
            bad = np.flatnonzero(np.abs(shares.sum(axis=1) - 1.0) > _SHARE_ROUNDING)
            if len(bad):
                rows = ", ".join(map(str, bad[:5].tolist()))
                raise ValueError(
                    f"columns {', '.join(self.reading.shares)}: the shares of rows {rows} do not "
                    "sum to 1"
                )
            found[MIXTURE] = shares
        return found


def _listed(names: Sequence[str], separator: str = ", ") -> str:
    more = len(names) - _MOST_LISTED
    return separator.join(names[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _named(lacks: str) -> str:
    return " and ".join(named(name) for name in lacks.split(" and "))
