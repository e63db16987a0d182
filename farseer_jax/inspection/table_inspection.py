"""The result of :func:`inspect_table`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from farseer_jax.inspection.column_roles import columns_table
from farseer_jax.inspection.column_summary import ColumnSummary
from farseer_jax.inspection.next_steps import NextStep, steps_text
from farseer_jax.inspection.run_grid import RunGrid
from farseer_jax.inspection.servable_laws import ServableLaw, lacking_table, laws_table
from farseer_jax.inspection.usable_methods import UsableMethod, methods_table
from farseer_jax.results.result import Result
from farseer_jax.results.table import Table
from farseer_jax.runs.table_problems import OF_TABLES, Way


@dataclass(frozen=True, eq=False)
class TableInspection(Result):
    """What a table of runs holds and which laws and methods suit it, from :func:`inspect_table`.

    Attributes:
        source: the file, if the table comes from one.
        num_rows: number of rows.
        columns: what each column holds and is used as.
        problems: why the table cannot be read as it is, one sentence each.
        ways: options of `read_table` and `fit` that read it, each with the case that they are for,
            the likeliest first; empty if no options are needed, or none help.
        is_readable: whether the table can be read, with these options if needed.
        notes: which columns were read as which inputs, and what was derived, selected or left out.
        rows: sentences on runs, groups, repeats, copies and noise.
        grid: the runs over two inputs; None if the table cannot be read, or has one input.
        laws: laws of the catalogue with the columns of their inputs, or the missing inputs.
        methods: which methods can fit the runs.
        steps: what to try next.
        num_runs: number of runs read with these options, without copies.
    """

    source: str
    num_rows: int
    columns: tuple[ColumnSummary, ...]
    problems: tuple[str, ...]
    ways: tuple[Way, ...]
    is_readable: bool
    notes: tuple[str, ...]
    rows: tuple[str, ...]
    grid: RunGrid | None
    laws: tuple[ServableLaw, ...]
    methods: tuple[UsableMethod, ...]
    steps: tuple[NextStep, ...]
    num_runs: int

    def table(self) -> Table:
        """One row per column: name, role, what it is and holds, unit and range."""
        return columns_table(self.columns, self.num_rows)

    def to_dict(self) -> dict[str, Any]:
        """The columns, problems, laws, methods and next steps, for JSON."""
        return {
            "source": self.source,
            "num_rows": self.num_rows,
            "columns": self.table().records(),
            "problems": [*self.problems],
            "ways": [{"case": way.case, "options": dict(way.options)} for way in self.ways],
            "is_readable": self.is_readable,
            "notes": [*self.notes],
            "rows": [*self.rows],
            "laws": [
                {"law": own.law, "columns": dict(own.columns), "lacks": [*own.lacks]}
                for own in self.laws
            ],
            "methods": methods_table(self.methods).records() if self.methods else [],
            "next": [step.call for step in self.steps],
        }

    @property
    def options(self) -> Mapping[str, Any]:
        """The likeliest options that read the table; empty if none are needed."""
        return self.ways[0].options if self.ways else {}

    def text_parts(self) -> tuple[str | Table, ...]:
        """The whole description, with calls for Python."""
        steps = [(step.purpose, step.call) for step in self.steps]
        return self.described(self.problems, [self._in_python(way) for way in self.ways], steps)

    def described(
        self, problems: Sequence[str], ways: Sequence[str], steps: Sequence[tuple[str, str]]
    ) -> tuple[str | Table, ...]:
        """The parts of the text.

        Args:
            problems: the problems as sentences.
            ways: how the table is read, for each of ``ways``.
            steps: what to try next: what it answers, and how.
        """
        return tuple(self._parts(problems, ways, steps))

    def _parts(
        self, problems: Sequence[str], ways: Sequence[str], steps: Sequence[tuple[str, str]]
    ) -> Iterator[str | Table]:
        name = f"{self.source}: " if self.source else ""
        yield f"{name}{_counted(self.num_rows, 'row')}, {_counted(len(self.columns), 'column')}"
        yield self.table()
        if problems:
            yield self._problems(problems, ways)
        facts = [*self.notes, *self.rows]
        if facts:
            yield "\n".join(facts)
        if self.grid is not None:
            yield str(self.grid)
        others = lacking_table(self.laws) if self.is_readable else None
        for part in (laws_table(self.laws, self.num_runs), others):
            if part is not None:
                yield part
        if self.methods:
            yield methods_table(self.methods)
        if steps:
            yield steps_text(steps)

    def _problems(self, problems: Sequence[str], ways: Sequence[str]) -> str:
        what = "problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = [f"{what}: {problems[0]}"] if len(problems) == 1 else [f"{what}:"]
        if len(problems) > 1:
            lines += [f"  {at}. {sentence}" for at, sentence in enumerate(problems, start=1)]
        for place, (way, text) in enumerate(zip(self.ways, ways, strict=True)):
            case = f" ({way.case})" if way.case else ""
            is_first = place == 0
            lines.append(
                f"{'below, the table is' if is_first else 'it can also be'} read with {text}{case}"
            )
        return "\n".join(lines)

    def _in_python(self, way: Way) -> str:
        """The call that reads the table for the calls that come next."""
        own = {name: value for name, value in way.options.items() if name in OF_TABLES}
        others = {name: value for name, value in way.options.items() if name not in OF_TABLES}
        source = repr(self.source) if self.source else "table"
        given = [f"table = fj.read_table({source}, {_arguments(own)})"] if own else []
        return " and ".join([*given, *([_arguments(others)] if others else [])])


def _counted(num: int, noun: str) -> str:
    return f"{num:,} {noun}{'s'[: num != 1]}"


def _arguments(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in options.items())
