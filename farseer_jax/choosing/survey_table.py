"""The columns of a table recognised and checked, when no law is named."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from farseer_jax.choosing.mixture_columns import MIXTURE
from farseer_jax.choosing.table_checks import LEAST_RUNS, too_few_text
from farseer_jax.choosing.table_reading import TableReading, read_columns
from farseer_jax.link_functions import Link, as_link
from farseer_jax.runs.column_names import holds
from farseer_jax.runs.find_columns import match_columns, usual_columns
from farseer_jax.runs.groups_and_responses import Binding
from farseer_jax.runs.inputs import Kind
from farseer_jax.runs.survey.implausible import wrong_meaning
from farseer_jax.runs.survey.marked_rows import targets
from farseer_jax.runs.survey.other_meanings import formula_for, meaning_of
from farseer_jax.runs.survey.survey import surveyed, with_options
from farseer_jax.runs.table_problems import TableError, Way
from farseer_jax.runs.usual_names import begins_with
from farseer_jax.runs.usual_names import named as input_named
from farseer_jax.tables.columns import Columns


def surveyed_table(
    columns: Columns,
    *,
    response: str | Sequence[str] | None = None,
    by: Sequence[str] | None = None,
    columns_of: Mapping[str, str | Sequence[str]] | None = None,
    link: Link | None = None,
    units: Mapping[str, float | None] | None = None,
) -> tuple[Columns, TableReading]:
    """The usable rows of a table, and the roles of its columns.

    Args:
        columns: the table.
        response: the responses; None finds them by their names.
        by: the columns to group by; None finds them.
        columns_of: columns of inputs that are not found by name.
        link: of the responses; None finds it.
        units: factors of inputs.

    Raises:
        TableError: the table cannot be read as it is; the error has all problems and options.
        ValueError: an option names a column that is not there, or there are too few losses.
    """
    binding = Binding(
        {}, columns_of or {}, response, link or Link(), by=by or (), units=units or {}
    )

    def reading_of(columns: Columns, how: Binding) -> TableReading:
        named = named_columns(columns, how.columns_of)
        found = None if link is None and how.link == Link() else how.link
        groups = match_columns(list(columns), how.by, "as a group") if how.by else by
        return read_columns(
            columns,
            response=how.response,
            by=groups,
            named={name: own for name, own in named.items() if isinstance(own, str)},
            shares=named.get(MIXTURE, ()),
            link=found,
            units=how.units,
        )

    def complete(columns: Columns, how: Binding) -> Binding:
        return _completed(columns, how, reading_of(columns, how))

    try:
        survey = surveyed(columns, binding, one_fit=True, complete=complete)
    except TableError as error:
        raise _without_few_runs(error, columns, binding) from None
    reading = reading_of(survey.columns, binding)
    if link is None and not columns.as_is:
        _refuse_accuracies(reading, columns.source)
    told = [note for note in survey.notes if note not in reading.notes]
    return survey.columns, replace(reading, notes=(*told, *reading.notes))


def _without_few_runs(error: TableError, columns: Columns, binding: Binding) -> TableError:
    """The error without options that leave too few runs to choose a law by."""
    kept, fewest = list[Way](), 0
    for way in error.ways:
        num = with_options(columns, binding, way.options)[0].num_rows
        if num > LEAST_RUNS:
            kept.append(way)
        fewest = num
    if kept or not error.ways:
        return TableError(error.problems, kept, error.source)
    problems = [*error.problems[:-1], f"{error.problems[-1]}; then {too_few_text(fewest)}"]
    return TableError(problems, [], error.source)


def named_columns(
    columns: Mapping[str, Any], columns_of: Mapping[str, str | Sequence[str]]
) -> dict[str, Any]:
    """Columns that the user named; those of a mixture as a tuple under ``h``.

    Raises:
        ValueError: there is no such column, or several are named for an input.
    """
    found: dict[str, Any] = {}
    for name, own in columns_of.items():
        matched = match_columns(list(columns), own, f"as {name}")
        if len(matched) > 1 and name != MIXTURE:
            raise ValueError(
                f"expected one column named as {input_named(name)}, got "
                f"{', '.join(map(repr, matched))}; only the mixture h has several columns"
            )
        found[MIXTURE if len(matched) > 1 else name] = (
            tuple(matched) if len(matched) > 1 else matched[0]
        )
    return found


def _completed(columns: Columns, how: Binding, reading: TableReading) -> Binding:
    """The binding with all inputs, responses and groups found in the table."""
    kinds, columns_of = dict[str, Kind](), dict[str, Any]()
    named = named_columns(columns, how.columns_of)
    role_of = {own: name for name, own in named.items() if isinstance(own, str)}
    role_of |= {
        column: name
        for name in ("N", "D")
        if name not in named and (column := _sole_column(name, reading.inputs)) is not None
    }
    for column in reading.inputs:
        name = role_of.get(column, column)
        if name in kinds or (name != column and name in reading.inputs) or column == "loss":
            continue
        kinds[name] = "positive"
        found_by_name = name not in named and name in ("N", "D")
        if not (found_by_name and usual_columns(name, list(columns))[0] == [column]):
            columns_of[name] = column
    lacking = _derivable(columns, kinds, reading)
    if lacking:  # the columns from which they are computed are free for the formula
        kinds = {name: kind for name, kind in kinds.items() if meaning_of(name) is None}
        kinds |= dict.fromkeys(lacking, "positive")
        columns_of = {name: own for name, own in columns_of.items() if name in kinds}
    if reading.shares and MIXTURE not in kinds:
        kinds[MIXTURE], columns_of[MIXTURE] = "mixture", list(reading.shares)
    # a column that marks targets or reruns does not label arms
    groups = [
        own for own in reading.groups if own in how.by or targets({own: columns[own]}) is None
    ]
    response: str | Sequence[str] | None = how.response
    if reading.responses and response is None:
        response = list(reading.responses)
    return how._replace(
        kinds=kinds,
        columns_of=columns_of,
        response=response,
        link=as_link(how.link if reading.link == how.link.name else reading.link),
        by=groups,
    )


def _refuse_accuracies(reading: TableReading, source: str) -> None:
    """Refuse accuracies that would be fitted as losses, whatever the inputs.

    Raises:
        TableError: a response is an accuracy by its name.
    """
    for column in reading.responses:
        if meaning_of(column) == "accuracy":
            problem = wrong_meaning("loss", column, (), ())
            assert problem is not None
            ways = [Way("", own) for own in problem.remedies]
            raise TableError([problem.what], ways, source)


def _derivable(columns: Columns, kinds: Mapping[str, Kind], reading: TableReading) -> list[str]:
    """N or D, if the table lacks it but has what it is computed from, such as D/N.

    The table is then refused with the formula, instead of fitted without N or D.
    """
    known = [name for name in ("N", "D") if name in kinds]
    size = [*known, *(("N",) if reading.sizes else ())]
    return [
        name
        for name in ("N", "D")
        if name not in size
        and not columns.as_is
        and not usual_columns(name, list(columns))[0]
        and formula_for(name, list(columns), known) is not None
    ]


def _sole_column(name: str, inputs: Sequence[str]) -> str | None:
    """The column of N or D, if no other could be."""
    if name in inputs:
        return name
    own = [column for column in inputs if holds(column, name) or begins_with(column, name)]
    return own[0] if len(own) == 1 else None
