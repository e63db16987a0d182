"""``inspect_table``: what a table of runs holds, and which laws, methods and commands suit it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from farseer_jax.accuracy.task_columns import has_tasks
from farseer_jax.choosing.mixture_columns import MIXTURE
from farseer_jax.fitting.arguments import names_of
from farseer_jax.inspection.column_roles import TakenFor, with_roles
from farseer_jax.inspection.column_summary import summaries
from farseer_jax.inspection.next_steps import NextStep, Prospect, next_steps
from farseer_jax.inspection.reading import Reading, inputs_of, reading_of_table
from farseer_jax.inspection.run_facts import row_facts
from farseer_jax.inspection.run_grid import RunGrid, run_grid
from farseer_jax.inspection.table_inspection import TableInspection
from farseer_jax.inspection.usable_methods import UsableMethod, usable_methods
from farseer_jax.runs.binding import Part, bind_runs
from farseer_jax.runs.checks import Floats
from farseer_jax.runs.groups_and_responses import Binding
from farseer_jax.runs.read_table import read_table
from farseer_jax.runs.row_labels import label_column
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.survey.survey import Survey
from farseer_jax.tables.columns import Columns

_OF_N_AND_D: Final = {"N": "positive", "D": "positive"}
_MOST_FITTED: Final = 1_000_000  # rows with which methods are tried


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
    """Describe a table of runs: its columns, its rows, and the laws and methods that can fit it.

    Nothing is fitted. If the table cannot be read as it is, all problems are listed, and the rest
    describes the table as read with the options that solve them.

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
        The description, which prints itself.

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
               N   val_loss by N and D, in quartiles from ░ 3.1 to █ 3.9
           400 M │    ▒▒░░│ 2
           100 M │██▓▓    │ 2
                 └──────┴─┘
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
    reading = reading_of_table(columns, binding)
    survey, taken = reading.survey, _taken(columns, reading)
    parts = _parts(survey)
    methods = _methods(parts, reading)
    further = _further(reading, taken)
    num_runs = _num_runs(survey, parts)
    return TableInspection(
        source=columns.source,
        num_rows=columns.num_rows,
        columns=with_roles(summaries(columns), taken),
        problems=reading.problems,
        ways=reading.ways,
        is_readable=survey is not None,
        notes=() if survey is None else survey.notes,
        rows=row_facts(parts, further),
        grid=_grid(survey),
        laws=reading.laws,
        methods=tuple(methods),
        steps=_steps(reading, num_runs, methods, further),
        num_runs=num_runs,
    )


def _taken(columns: Columns, reading: Reading) -> TakenFor:
    """What each column is used as."""
    inputs: dict[str, str] = {}
    for candidate in reading.candidates:
        inputs |= {n: own for n, own in candidate.columns.items() if own != MIXTURE}
    own, found = reading.columns, TakenFor()
    if own is not None:
        found = TakenFor(inputs, own.shares, own.responses, own.groups)
    if reading.survey is not None:
        binding = reading.survey.binding
        found = TakenFor(
            {**inputs, **reading.inputs},
            found.shares,
            names_of(binding.response or ()),
            names_of(binding.by),
            binding.units,
        )
    return found._replace(label=label_column(columns))


def _further(reading: Reading, taken: TakenFor) -> dict[str, Floats]:
    """Inputs of further laws that can fit the table, ``(row,)`` each."""
    if reading.survey is None:
        return {}
    columns, used = reading.survey.columns, {*reading.inputs.values()}
    names = [own for own in (*taken.inputs.values(), *taken.shares) if own not in used]
    return {
        name: np.asarray(columns[name], dtype=float)
        for name in dict.fromkeys(names)
        if name in columns and columns[name].dtype.kind in "fiu"
    }


def _parts(survey: Survey | None) -> list[Part]:
    """The runs of each group, for the first response; none for a table with very many rows."""
    if survey is None or survey.columns.num_rows > _MOST_FITTED:
        return []
    binding = survey.binding
    return bind_runs(
        survey.columns,
        binding.kinds,
        columns_of=binding.columns_of,
        response=names_of(binding.response or ())[:1],
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


def _methods(parts: Sequence[Part], reading: Reading) -> list[UsableMethod]:
    if not parts:
        return []
    is_other = reading.law is not None and not reading.is_over_N_and_D
    law = reading.law.law if is_other and reading.law is not None else None
    return usable_methods([(part.group, part.runs) for part in parts], law)


def _grid(survey: Survey | None) -> RunGrid | None:
    """The runs by N and D, or by the two inputs with the most distinct values."""
    if survey is None:
        return None
    binding, columns = survey.binding, survey.columns
    inputs = {
        name: np.asarray(columns[own], dtype=float) * (binding.units.get(name) or 1.0)
        for name, own in inputs_of(binding).items()
        if columns[own].dtype.kind in "fiu"
    }
    names = [name for name in inputs if len(np.unique(inputs[name])) > 1]
    usual: list[str] = [name for name in ("N", "D") if name in inputs]
    if len(usual) < 2:
        others = sorted(
            (name for name in names if name not in usual),
            key=lambda name: -len(np.unique(inputs[name])),
        )
        usual = [*usual, *others][:2]
    if len(usual) < 2:
        return None
    y, x = usual
    response = names_of(binding.response or ())[0]
    loss = np.asarray(columns[response], dtype=float)
    kept = np.isfinite(loss)  # the others are not fitted
    return run_grid((y, inputs[y][kept]), (x, inputs[x][kept]), (response, loss[kept]))


def _steps(
    reading: Reading,
    num_runs: int,
    methods: Sequence[UsableMethod],
    further: Mapping[str, Floats],
) -> tuple[NextStep, ...]:
    """What to try next with a table that can be read."""
    if reading.survey is None:
        return ()
    N = D = None
    if reading.is_over_N_and_D:
        columns, binding = reading.survey.columns, reading.survey.binding
        kept = np.isfinite(np.asarray(columns[names_of(binding.response or ())[0]], dtype=float))
        N, D = (
            np.asarray(columns[reading.inputs[name]], dtype=float)[kept]
            * (binding.units.get(name) or 1.0)
            for name in ("N", "D")
        )
    fits = [own for own in reading.candidates if N is None or len(own.columns) > 2]
    law = max(fits, key=lambda own: len(own.columns)).law.name if fits else None
    return next_steps(
        Prospect(
            N=N,
            D=D,
            num_runs=num_runs,
            options=reading.options,
            single=reading.single,
            naming=reading.naming,
            methods=[own.method for own in methods if own.usable],
            other_law=law,
            has_further=bool(further),
            has_tasks=N is not None and has_tasks(list(reading.survey.columns)),
        )
    )
