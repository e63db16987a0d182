"""``inspect_table``: what a table of runs holds, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from farseer_jax.choosing.candidates import MIXTURE, Candidate
from farseer_jax.choosing.table_reading import TableReading
from farseer_jax.fitting.arguments import names_of
from farseer_jax.inspection.column_roles import TakenFor, with_roles
from farseer_jax.inspection.column_summary import summaries
from farseer_jax.inspection.next_steps import NextStep, Prospect, next_steps
from farseer_jax.inspection.run_facts import row_facts
from farseer_jax.inspection.run_grid import RunGrid, run_grid
from farseer_jax.inspection.servable_laws import ServableLaw, reading_of, servable_laws
from farseer_jax.inspection.table_inspection import TableInspection
from farseer_jax.inspection.usable_methods import UsableMethod, usable_methods
from farseer_jax.link_functions import as_link
from farseer_jax.runs.binding import Part, bind_runs
from farseer_jax.runs.column_names import loss_rank
from farseer_jax.runs.groups_and_responses import Binding
from farseer_jax.runs.read_table import read_table
from farseer_jax.runs.row_labels import label_column
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.survey import Survey, surveyed, with_options
from farseer_jax.runs.table_problems import TableError
from farseer_jax.runs.usual_names import USUAL_NAMES, squeezed
from farseer_jax.tables.columns import Columns

_OF_N_AND_D: Final = {"N": "positive", "D": "positive"}
_MOST_READ: Final = 2_000  # rows by which columns are recognised
_MOST_FITTED: Final = 1_000_000  # rows with which methods are tried
_MOST_WIDE: Final = 200  # columns from which only those that names tell may be inputs
_USUAL: Final = frozenset().union(*USUAL_NAMES.values())


class _Read(NamedTuple):
    """A table as it is read, with the problems that this solves."""

    survey: Survey | None
    options: Mapping[str, Any]
    problems: tuple[str, ...]


def inspect_table(
    source: object,
    *,
    N: str | None = None,
    D: str | None = None,
    loss: str | None = None,
    N_unit: float | None = None,
    D_unit: float | None = None,
    columns_of: Mapping[str, str | Sequence[str]] | None = None,
    **reading: Any,
) -> TableInspection:
    """Describe a table of runs: its columns, its rows, and what can be done with it.

    Nothing is fitted. Where the table cannot be read as it is, all problems are named, and what
    follows describes it as the options that solve them would read it.

    Args:
        source: as for :func:`read_table`, or :class:`Runs`.
        N: the column with the number of parameters; None finds it by its name.
        D: the column with the number of training tokens.
        loss: the column with the loss.
        N_unit: parameters per unit of the column N (1e9 for billions).
        D_unit: tokens per unit of the column D.
        columns_of: columns of other inputs.
        **reading: ``table``, ``derive``, ``where``, ``last_by``, ``drop_missing``, ``as_is`` and
            ``history`` of :func:`read_table`.

    Returns:
        What was found; it prints itself.

    Raises:
        OSError, ValueError: the table cannot be read at all; the message names the file.
        TypeError: not a table.

    Example:
        >>> table = {"params_B": [0.1, 0.1, 0.4, 0.4], "tokens_per_param": [20, 40, 20, 40]}
        >>> table["val_loss"] = [3.9, 3.7, 3.2, 3.1]
        >>> found = inspect_table(table)
        >>> found.options
        {'derive': ['D = tokens_per_param*N']}
        >>> print(found.grid)
               N   val_loss by N and D, by quarters from ░ 3.1 to █ 3.9
           400 M │    ▒▒░░│ 2
           100 M │██▓▓    │ 2
                 └────┴─┴─┘
                  2 B  16 B  D
    """
    if isinstance(source, Runs):
        source = source.to_dataframe()
    named = {name: column for name, column in (("N", N), ("D", D)) if column is not None}
    named |= dict(columns_of or {})  # type: ignore[arg-type]  # a mixture has several
    units = {name: own for name, own in (("N", N_unit), ("D", D_unit)) if own is not None}
    columns = read_table(source, columns_of=named, units=units, **reading)
    binding = Binding(_OF_N_AND_D, columns_of=named, units=units, response=loss)  # type: ignore[arg-type]
    return _inspected(columns, binding)


def _inspected(columns: Columns, binding: Binding) -> TableInspection:
    read = _read(columns, binding)
    own = columns if read.survey is None else read.survey.columns
    known = {} if read.survey is None else _inputs(read.survey.binding)
    table_reading = reading_of(_some(own, known), known)
    candidates: list[Candidate] = []
    laws: list[ServableLaw] = []
    law: Candidate | None = None
    if table_reading is not None:
        laws, candidates = servable_laws(table_reading, known)
    if read.survey is None and table_reading is not None and candidates:
        law = max(candidates, key=lambda candidate: len(candidate.columns))
        tried = _read(columns, _binding_of(law, table_reading, binding))
        read = tried if tried.survey is not None else read
        law = law if read is tried else None
    survey = read.survey
    taken = _taken(columns, survey, table_reading, candidates)
    parts = _parts(survey)
    methods = _methods(parts, survey, law)
    rows = row_facts(parts)
    num_runs = _num_runs(survey, parts)
    single = _single(columns, binding, read) if law is None else read.options
    is_over_N_and_D = survey is not None and law is None
    return TableInspection(
        source=columns.source,
        num_rows=columns.num_rows,
        columns=with_roles(summaries(columns), taken),
        problems=read.problems,
        options=dict(read.options),
        is_readable=survey is not None,
        notes=() if survey is None else survey.notes,
        rows=rows,
        grid=_grid(survey),
        laws=tuple(laws),
        methods=tuple(methods),
        steps=_steps(survey, read, single, num_runs, methods, candidates, is_over_N_and_D),
        num_runs=num_runs,
    )


def _read(columns: Columns, binding: Binding, *, can_group: bool = True) -> _Read:
    """Survey a table, and again with the options that solve its problems."""
    try:
        return _Read(surveyed(columns, binding, one_fit=True, can_group=can_group), {}, ())
    except TableError as error:
        if not error.options:
            return _Read(None, {}, error.problems)
        own, how = with_options(columns, binding, error.options)
        survey = surveyed(own, how, one_fit=True, can_group=can_group)
        return _Read(survey, error.options, error.problems)


def _single(columns: Columns, binding: Binding, read: _Read) -> Mapping[str, Any]:
    """The options with which one recipe of several is read."""
    if "by" not in read.options:
        return read.options
    return _read(columns, binding, can_group=False).options


def _inputs(binding: Binding) -> dict[str, str]:
    """The column of each input that is not a mixture."""
    return {name: own for name, own in binding.columns_of.items() if isinstance(own, str)}


def _binding_of(law: Candidate, reading: TableReading, binding: Binding) -> Binding:
    """How a law that is not one over N and D reads the table."""
    columns_of: dict[str, Any] = {
        name: reading.shares if column == MIXTURE else column
        for name, column in law.columns.items()
    }
    return binding._replace(
        kinds=law.law.inputs(),
        columns_of=columns_of,
        response=binding.response or list(reading.responses),
        by=list(reading.groups),
        link=as_link(reading.link),
        law=law.law.name,
    )


def _some(columns: Columns, known: Mapping[str, str]) -> Columns:
    """Some of the rows; of very many columns those whose names tell something."""
    if columns.num_rows > _MOST_READ:
        columns = columns.take(np.linspace(0, columns.num_rows - 1, _MOST_READ).astype(np.intp))
    if len(columns) <= _MOST_WIDE:
        return columns
    kept = {
        name: values
        for name, values in columns.items()
        if name in known.values() or loss_rank(name) is not None or squeezed(name) in _USUAL
    }
    return Columns(kept or dict(columns), columns.source)


def _taken(
    columns: Columns,
    survey: Survey | None,
    reading: TableReading | None,
    candidates: Sequence[Candidate],
) -> TakenFor:
    """What the columns were taken for."""
    inputs: dict[str, str] = {}
    for candidate in candidates:
        inputs |= {n: own for n, own in candidate.columns.items() if own != MIXTURE}
    shares: tuple[str, ...] = () if reading is None else reading.shares
    responses: Sequence[str] = () if reading is None else reading.responses
    groups: Sequence[str] = () if reading is None else reading.groups
    units: Mapping[str, float | None] = {}
    if survey is not None:
        binding = survey.binding
        inputs = {**inputs, **_inputs(binding)}
        responses = names_of(binding.response)
        groups = names_of(binding.by)
        units = binding.units
    label = label_column(columns)
    return TakenFor(inputs, shares, responses, groups, units, label)


def _parts(survey: Survey | None) -> list[Part]:
    """The runs of each group, of the first response; none of a table with very many rows."""
    if survey is None or survey.columns.num_rows > _MOST_FITTED:
        return []
    binding = survey.binding
    return bind_runs(
        survey.columns,
        binding.kinds,
        columns_of=binding.columns_of,
        response=names_of(binding.response)[:1],
        link=binding.link,
        by=binding.by,
        units=binding.units,
        law=binding.law,
        single_labels=True,
    )


def _num_runs(survey: Survey | None, parts: Sequence[Part]) -> int:
    """Runs of the smallest group, without copies."""
    if parts:
        return min(len(part.runs) - part.runs.num_copies for part in parts)
    return 0 if survey is None else survey.columns.num_rows


def _methods(
    parts: Sequence[Part], survey: Survey | None, law: Candidate | None
) -> list[UsableMethod]:
    if survey is None or not parts:
        return []
    own = [(part.group, part.runs) for part in parts]
    return usable_methods(own, None if law is None else law.law)


def _grid(survey: Survey | None) -> RunGrid | None:
    """The runs by N and D, or by the two inputs with most values."""
    if survey is None:
        return None
    binding, columns = survey.binding, survey.columns
    inputs = {
        name: np.asarray(columns[own], dtype=float) * (binding.units.get(name) or 1.0)
        for name, own in _inputs(binding).items()
        if columns[own].dtype.kind in "fiu"
    }
    names = [name for name in inputs if len(np.unique(inputs[name])) > 1]
    usual = [name for name in ("N", "D") if name in inputs]
    if len(usual) < 2:
        others = sorted(
            (name for name in names if name not in usual),
            key=lambda name: -len(np.unique(inputs[name])),
        )
        usual = [*usual, *others][:2]
    if len(usual) < 2:
        return None
    y, x = usual
    response = names_of(binding.response)[0]
    loss = np.asarray(columns[response], dtype=float)
    return run_grid((y, inputs[y]), (x, inputs[x]), (response, loss))


def _steps(
    survey: Survey | None,
    read: _Read,
    single: Mapping[str, Any],
    num_runs: int,
    methods: Sequence[UsableMethod],
    candidates: Sequence[Candidate],
    is_over_N_and_D: bool,
) -> tuple[NextStep, ...]:
    """What to try next with a table that can be read."""
    if survey is None:
        return ()
    N = D = None
    if is_over_N_and_D:
        units, columns = survey.binding.units, survey.columns
        N, D = (
            np.asarray(columns[str(own)], dtype=float) * (units.get(name) or 1.0)
            for name, own in _inputs(survey.binding).items()
        )
    fits = [own for own in candidates if len(own.columns) > 2 or N is None]
    law = max(fits, key=lambda own: len(own.columns)).law.name if fits else None
    piecewise = any(own.usable for own in methods if own.method == "piecewise")
    return next_steps(Prospect(N, D, num_runs, read.options, single, piecewise, law))
