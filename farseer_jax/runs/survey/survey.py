"""Reading a table of runs: columns recognised and checked, all problems reported at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from farseer_jax.link_functions import as_link
from farseer_jax.runs.copies import is_seed
from farseer_jax.runs.find_columns import as_tuple
from farseer_jax.runs.groups_and_responses import Binding, Found, found_columns
from farseer_jax.runs.prepare import prepared
from farseer_jax.runs.survey import mixed_rows
from farseer_jax.runs.survey.arms import codes_of_rows
from farseer_jax.runs.survey.marked_rows import failed_runs
from farseer_jax.runs.survey.repeats import large_repeats
from farseer_jax.runs.survey.role_columns import role_problems, taken_for
from farseer_jax.runs.survey.role_values import RoleValues, checked_values
from farseer_jax.runs.survey.scattered_rows import scattered
from farseer_jax.runs.survey.several_files import file_problems
from farseer_jax.runs.table_problems import Options, Problem, TableError, Way, merged
from farseer_jax.tables.columns import Columns

_MOST_ROUNDS: Final = 8  # of problems that are seen only when others are solved


class Survey(NamedTuple):
    """A table that has been read.

    Attributes:
        columns: the table without the rows that are left out, with numbers where text spells them.
        binding: with the column and the unit of each input, and the responses.
        notes: which columns were read as which inputs, and which rows were left out.
        num_copies: rows that equal an earlier one in all inputs and the response, and count once.
    """

    columns: Columns
    binding: Binding
    notes: tuple[str, ...]
    num_copies: int = 0


def surveyed(
    columns: Columns,
    binding: Binding,
    *,
    one_fit: bool,
    can_group: bool = True,
    complete: Callable[[Columns, Binding], Binding] | None = None,
) -> Survey:
    """Recognise and check the columns of a table of runs.

    Args:
        columns: the table.
        binding: how it is read.
        one_fit: whether the rows of each group go into one fit, so that mixed recipes or
            checkpoints are a problem.
        can_group: whether the caller fits groups.
        complete: adds the inputs, responses and groups found in the table, where no law says which
            are needed.

    Raises:
        TableError: the table cannot be read as it is. Its options have been tried and read it.
        ValueError: an option names a column that is not there.
    """
    reader = _Reader(columns, binding, one_fit, can_group, complete)
    survey = reader.read(columns, binding)[1]
    if survey is not None:
        return survey
    problems, options = reader.solved({})
    ways = [] if options is None else [Way("", _without_useless(options, binding))]
    several = next((own for own in problems if own.cases and len(own.remedies) > 1), None)
    if several is not None and ways:
        ways = [Way(several.cases[0], ways[0].options)]
        for place, case in enumerate(several.cases[1:], start=1):
            options = reader.solved({several.what: place})[1]
            if options is not None:
                ways.append(Way(case, _without_useless(options, binding)))
    sentences = [problem.what for problem in problems]
    if sentences and reader.reads_as_it_is():
        sentences[-1] += "; if the table is right as it is, use as_is=True"
    raise TableError(sentences, ways, columns.source)


class _Reader(NamedTuple):
    """Reads a table with the options that solve its problems."""

    columns: Columns
    binding: Binding
    one_fit: bool
    can_group: bool
    complete: Callable[[Columns, Binding], Binding] | None

    def read(self, columns: Columns, binding: Binding) -> tuple[list[Problem], Survey | None]:
        """The problems of a table, or the survey if there are none."""
        how = binding if self.complete is None else self.complete(columns, binding)
        return _read(columns, how, self.one_fit, self.can_group)

    def reads_as_it_is(self) -> bool:
        """Whether the table is read if nothing is said of its values and rows."""
        try:
            columns, binding = with_options(self.columns, self.binding, {"as_is": True})
            return self.read(columns, binding)[1] is not None
        except ValueError:
            return False

    def solved(self, places: Mapping[str, int]) -> tuple[list[Problem], Options | None]:
        """All problems, and the options that read the table; None if no options do.

        Args:
            places: the remedy to use for a problem, if not the first.
        """
        problems: list[Problem] = []
        options: dict[str, Any] = {}
        own, how = self.columns, self.binding
        for _ in range(_MOST_ROUNDS):
            try:
                found, survey = self.read(own, how)
            except ValueError:  # too few runs are left, for example
                break
            if survey is not None:
                return problems, options
            known = {problem.what for problem in problems}
            new = [problem for problem in found if problem.what not in known]
            problems += new
            if not new or not all(problem.remedies for problem in new):
                break
            for problem in new:
                options = merged(options, problem.remedies[places.get(problem.what, 0)])
            try:
                own, how = with_options(self.columns, self.binding, options)
            except ValueError:
                break
        return problems, None


def _without_useless(options: Options, binding: Binding) -> Options:
    """Options without removals of options that were not given."""
    found = {name: value for name, value in options.items() if name != "columns_of"}
    columns_of = {
        name: own
        for name, own in options.get("columns_of", {}).items()
        if own is not None or name in binding.columns_of
    }
    if found.get("response", "") is None and binding.response is None:
        del found["response"]
    return {**found, **({"columns_of": columns_of} if columns_of else {})}


def _read(
    columns: Columns, binding: Binding, one_fit: bool, can_group: bool
) -> tuple[list[Problem], Survey | None]:
    """The problems of a table, or what is read if there are none."""
    problems = file_problems(columns, binding) or role_problems(columns, binding)
    if problems:
        return problems, None
    found = found_columns(list(columns), binding)
    if problems := scattered(columns, found):
        return problems, None
    values = checked_values(columns, binding, found)
    if values.problems:
        return list(values.problems), None
    mixed = _mixed_rows(values, binding, found, can_group) if one_fit else []
    if mixed and not columns.as_is:
        return mixed, None
    own = values.columns
    notes = (
        *own.notes,
        *taken_for(own, binding, found, values.units),
        *values.doubts,
        *_row_notes(values, binding, found, one_fit),
    )
    num = _num_copies(values, found) if one_fit and binding.copies != "keep" else 0
    binding = binding._replace(
        columns_of=found.inputs, response=found.responses, units={**binding.units, **values.units}
    )
    return [], Survey(own, binding, notes, num)


def _num_copies(values: RoleValues, found: Found) -> int:
    """The number of rows that are equal to an earlier one, and no replicates with other seeds."""
    if not values.inputs:
        return 0
    seeds = [own for name, own in values.columns.items() if is_seed(name)]
    known = np.isfinite(values.response)
    rows = codes_of_rows([*_all_inputs(values, found), *seeds, values.response])[known]
    return len(rows) - len(np.unique(rows))


def _mixed_rows(
    values: RoleValues, binding: Binding, found: Found, can_group: bool
) -> list[Problem]:
    """Rows that do not belong in one fit."""
    tokens, sizes = (
        own if isinstance(own := found.inputs.get(name), str) else None for name in ("D", "N")
    )
    training = mixed_rows.Training(values.numbers, tokens, sizes)
    return mixed_rows.mixed(
        _further(values, binding, found),
        training,
        _all_inputs(values, found),
        values.response,
        can_group=can_group,
        num_groups=binding.num_groups,
        groups=found.groups,
    )


def _row_notes(
    values: RoleValues, binding: Binding, found: Found, one_fit: bool
) -> tuple[str, ...]:
    """What may be wrong with rows, without being a reason to refuse them."""
    further, said = _further(values, binding, found), None
    if not one_fit:
        failed = failed_runs(further)
        said = None if failed is None else failed.what
    elif binding.link.name == "log":
        said = large_repeats(further, _all_inputs(values, found), values.response)
    return () if said is None else (said,)


def _further(values: RoleValues, binding: Binding, found: Found) -> dict[str, Any]:
    """The columns that are no inputs, responses or groups."""
    used = {column for own in found.inputs.values() for column in as_tuple(own)}
    used |= {*found.responses, *found.groups, binding.weights or "", binding.standard_error or ""}
    return {name: own for name, own in values.columns.items() if name not in used}


def _all_inputs(values: RoleValues, found: Found) -> list[Any]:
    """The inputs and the groups, ``(row,)`` or ``(row, share)`` each."""
    return [*values.inputs, *(values.columns[name].astype(str) for name in found.groups)]


def with_options(
    columns: Columns, binding: Binding, options: Mapping[str, Any]
) -> tuple[Columns, Binding]:
    """A table and its binding, with further options."""
    columns_of = {**binding.columns_of, **options.get("columns_of", {})}
    how = binding._replace(
        columns_of={name: own for name, own in columns_of.items() if own is not None},
        units={**binding.units, **options.get("units", {})},
        by=options.get("by", binding.by),
        response=options.get("response", binding.response),
        link=as_link(options.get("link", binding.link)),
    )
    own = columns.with_options(
        drop_missing=options.get("drop_missing", columns.drop_missing),
        as_is=options.get("as_is", columns.as_is),
    )
    return prepared(
        own,
        derive=options.get("derive", ()),
        where=options.get("where"),
        last_by=options.get("last_by"),
        columns_of=how.columns_of,
        units=how.units,
    ), how
