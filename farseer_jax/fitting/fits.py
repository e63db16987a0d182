"""Several fits of one law, one for each group and response of a table."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from farseer_jax.fitting import fit_json
from farseer_jax.fitting.fit_checks import flat
from farseer_jax.fitting.prediction import Prediction
from farseer_jax.fitting.result import Fit
from farseer_jax.results.converter import register
from farseer_jax.results.numbers import number_text
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.binding import Part

_MAX_ACROSS = 10  # how many parameters fit side by side in a terminal
_NUMBER = re.compile(r"\d[\d.,]*")


@dataclass(frozen=True, eq=False, repr=False)
class Fits(Result, Sequence[Fit]):
    """Fits of one law to the groups and responses of a table. Prints as a table.

    Attributes:
        fits: one for each group and response.
        by: the grouping columns.
        shared: parameters with the same value in all groups of a response.

    Example:
        >>> import farseer_jax as fj
        >>> table = {"N": [1e8, 2e8, 4e8, 8e8] * 2, "corpus": ["a"] * 4 + ["b"] * 4}
        >>> table["loss"] = [3.5, 3.2, 3.0, 2.86, 3.1, 2.8, 2.6, 2.46]
        >>> fits = fj.fit("E + A/N**alpha", table, by="corpus", shared="alpha")
        >>> [fit.group["corpus"] for fit in fits]
        ['a', 'b']
        >>> float(fits[0].law.alpha) == float(fits[1].law.alpha)
        True
    """

    fits: tuple[Fit, ...]
    by: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.fits)

    def __getitem__(self, index: Any) -> Any:
        return self.fits[index]

    def __iter__(self) -> Iterator[Fit]:
        return iter(self.fits)

    @property
    def success(self) -> bool:
        """Whether the outcome of every fit is ``success``."""
        return all(fit.success for fit in self.fits)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of all fits, each with its group and response."""
        return tuple(f"{self._label(fit)}: {w}" for fit in self.fits for w in fit.warnings)

    def of(self, group: Mapping[str, Any], response: str | None = None) -> Fit:
        """The fit of a group and, if there are several, a response.

        Raises:
            ValueError: the group or the response was not fitted.
            TypeError: the group is not a mapping.
        """
        if not isinstance(group, Mapping) or set(group) != set(self.by):
            shown = ", ".join(f"{name!r}: …" for name in self.by)
            kind = ValueError if isinstance(group, Mapping) else TypeError
            raise kind(
                f"group: expected a label for each grouping column, {{{shown}}}, got {group!r}"
            )
        for fit in self.fits:
            same = all(_same(fit.group[name], group[name]) for name in self.by)
            if same and response in (None, fit.response):
                return fit
        labels = ", ".join(f"{name}={group[name]}" for name in self.by)
        known = list(dict.fromkeys(self._group_label(fit) for fit in self.fits))
        if labels and labels not in known:
            shown = "; ".join(known[:6]) + (f" and {len(known) - 6} more" if len(known) > 6 else "")
            raise ValueError(
                f"the group {labels} was not fitted: leave it out, or fit it too; "
                f"the groups are {shown}"
            )
        responses = ", ".join(dict.fromkeys(fit.response for fit in self.fits))
        raise ValueError(f"the response {response!r} was not fitted; choose from {responses}")

    def evaluate(self, parts: Sequence[Part]) -> Prediction:
        """Predictions for the runs of groups and responses, with their observed losses.

        Raises:
            ValueError: a group or a response was not fitted.
        """
        found = []
        for part in parts:
            fit = self.of(part.group, part.response if len(self._responses) > 1 else None)
            own = fit.evaluate(part.runs)
            found.append(replace(own, response=fit.response, group=part.group))
        return Prediction.joined(found)

    def table(self) -> Table:
        """One row per fit: its group, response, parameters, error and outcome."""
        several = len(self._responses) > 1
        numbers = [flat(fit.law.parameters()) for fit in self.fits]
        errors = [fit.mean_relative_error for fit in self.fits]
        objectives = [getattr(fit.diagnostics, "objective", np.nan) for fit in self.fits]
        outcomes = [fit.outcome.name for fit in self.fits]
        responses = [fit.response for fit in self.fits]
        columns = [
            Column(name, [fit.group[name] for fit in self.fits], str, left=True) for name in self.by
        ]
        columns.append(Column("response", responses, str if several else None, left=True))
        columns += [
            Column(name, [own[name] for own in numbers], partial(number_text, digits=5))
            for name in numbers[0]
        ]
        columns += [
            Column("objective", objectives, text=None),
            Column("mean_relative_error", errors, "{:.3%}".format, heading="error"),
            Column("num_runs", [len(fit.runs) for fit in self.fits], text=None),
            Column("outcome", outcomes, str),
        ]
        return Table(columns, noun="fits")

    def to_dict(self) -> dict[str, Any]:
        """All fits, for JSON."""
        return fit_json.to_dict(self.fits, self.by, self.shared)

    def file_content(self) -> dict[str, Any]:
        """The same as :meth:`to_dict`: a fit file has its own format."""
        return self.to_dict()

    @classmethod
    def from_json(cls, source: str | Path, law: type | Sequence[type] | None = None) -> "Fits":
        """Read fits, or a single one, from a file (a path) or from JSON text.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: as for :meth:`Fit.from_json`.
        """
        return cls(*fit_json.read(source, law))

    def __repr__(self) -> str:
        good = sum(fit.success for fit in self.fits)
        return f"Fits({self[0].law.name}, {len(self)} fits, {good} successful)"

    def text_parts(self) -> Sequence[str | Table]:
        """The law and the groups, a row per fit, and the warnings."""
        first = self.fits[0]
        title = "  ".join(part for part in (f"{first.law.name} law", first.law.formula) if part)
        groups = f" by {', '.join(self.by)}" if self.by else ""
        shared = f"; shared: {', '.join(self.shared)}" if self.shared else ""
        count = "1 fit" if len(self) == 1 else f"{len(self)} fits"
        num_names = len(flat(first.law.parameters()))
        table = self.table()
        of_fits = dict.fromkeys(note for fit in self.fits for note in fit.runs.notes)
        notes = "".join(f"\n{note}" for note in of_fits)
        parts: list[str | Table] = [f"{title}\n{count}{groups}{shared}{notes}"]
        parts.append(_turned(table) if len(self) < num_names > _MAX_ACROSS else table)
        left_out = sum(fit.num_left_out for fit in self.fits)
        if left_out:
            runs = "1 run was" if left_out == 1 else f"{left_out} runs were"
            parts.append(f"{runs} left out, without a response")
        return [*parts, *filter(None, ["\n".join(self._kinds_of_warnings())])]

    def _kinds_of_warnings(self) -> list[str]:
        """One line for warnings that differ only in their numbers."""
        alike: dict[str, list[tuple[Fit, str]]] = {}
        for fit in self.fits:
            for sentence in fit.warnings:
                alike.setdefault(_NUMBER.sub("#", sentence), []).append((fit, sentence))
        lines = []
        for found in alike.values():
            fit, sentence = found[0]
            who = self._label(fit)
            if len(found) > 1:
                who = f"{len(found)} of {len(self)} fits, such as {who}"
            lines.append(f"Warning: {who}: {sentence}")
        return lines

    @property
    def _responses(self) -> set[str]:
        return {fit.response for fit in self.fits}

    def _group_label(self, fit: Fit) -> str:
        return ", ".join(f"{name}={fit.group[name]}" for name in self.by)

    def _label(self, fit: Fit) -> str:
        response = fit.response if len(self._responses) > 1 or not self.by else ""
        return ", ".join(part for part in (self._group_label(fit), response) if part)


def _same(fitted: Any, label: Any) -> bool:
    """Whether two labels are the same, also if one was read as text, or as 1.0 for 1."""
    return str(fitted) == str(label) or bool(fitted == label)


def _turned(table: Table) -> Table:
    """The transposed text of a table, with a row for each column."""
    heading, rows = table.cells()
    first, *others = zip(heading, *rows, strict=True)
    columns = zip(first, *others, strict=True)
    return Table([Column(own[0], own[1:], str, left=i == 0) for i, own in enumerate(columns)])


register(Fits, Fits.to_dict, lambda content: Fits(*fit_json.from_dict(content)))
