"""How a table is read: over N and D or the inputs of another law, and with which options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from farseer_jax.choosing.candidates import Candidate
from farseer_jax.choosing.mixture_columns import MIXTURE
from farseer_jax.choosing.table_reading import TableReading
from farseer_jax.fitting.arguments import names_of
from farseer_jax.inspection.servable_laws import ServableLaw, reading_of, servable_laws
from farseer_jax.link_functions import as_link
from farseer_jax.runs.column_names import loss_rank
from farseer_jax.runs.find_columns import find_inputs, usual_columns
from farseer_jax.runs.groups_and_responses import Binding, groups_of
from farseer_jax.runs.survey.survey import Survey, surveyed, with_options
from farseer_jax.runs.table_problems import TableError, Way
from farseer_jax.runs.usual_names import USUAL_NAMES, squeezed
from farseer_jax.tables.columns import Columns

_MOST_READ: Final = 2_000  # rows by which columns are recognised
_MOST_WIDE: Final = 200  # columns from which only those that names tell may be inputs
_USUAL: Final = frozenset().union(*USUAL_NAMES.values())
_OF_N_AND_D: Final = ("N", "D")


class Reading(NamedTuple):
    """A table as it is read.

    Attributes:
        survey: the table with its inputs and responses; None if it cannot be read.
        problems: why it cannot be read as it is.
        ways: options that read it, the likeliest first, each with its case.
        single: options that read one recipe of it, if the options name groups.
        naming: further options of ``fit`` that name its columns, where no law is over N and D.
        law: the law whose inputs are read, where they are not N and D.
        columns: what the columns are where no law is named; None if that is refused.
        laws: laws of the catalogue with the columns of their inputs, or what they lack.
        candidates: the laws that can fit the table.
    """

    survey: Survey | None
    problems: tuple[str, ...]
    ways: tuple[Way, ...]
    single: Mapping[str, Any]
    naming: Mapping[str, Any]
    law: Candidate | None
    columns: TableReading | None
    laws: tuple[ServableLaw, ...]
    candidates: tuple[Candidate, ...]

    @property
    def options(self) -> Mapping[str, Any]:
        """The likeliest options that read it."""
        return self.ways[0].options if self.ways else {}

    @property
    def is_over_N_and_D(self) -> bool:
        """Whether the runs are over N and D alone."""
        return self.survey is not None and set(self.survey.binding.kinds) == set(_OF_N_AND_D)

    @property
    def inputs(self) -> dict[str, str]:
        """The column of each input that is not a mixture."""
        return {} if self.survey is None else inputs_of(self.survey.binding)


class _Read(NamedTuple):
    survey: Survey | None
    problems: tuple[str, ...] = ()
    ways: tuple[Way, ...] = ()

    @property
    def options(self) -> Mapping[str, Any]:
        return self.ways[0].options if self.ways else {}


def reading_of_table(columns: Columns, binding: Binding) -> Reading:
    """Read a table over N and D; if that fails, over the inputs of a law that can fit it.

    Args:
        columns: the table.
        binding: how runs over N and D are read.
    """
    read, law, naming = _read(columns, binding), None, dict[str, Any]()
    known = {} if read.survey is None else inputs_of(read.survey.binding)
    found = reading_of(_some(columns if read.survey is None else read.survey.columns, known), known)
    laws, candidates = ([], []) if found is None else servable_laws(found, known)
    if read.survey is None and found is not None and found.responses and candidates:
        served = max(candidates, key=lambda candidate: len(candidate.columns))
        tried = _read(columns, _binding_of(served, found, binding))
        if tried.survey is not None:
            read, law, naming = tried, served, _naming(columns, served, found)
    single = read.options
    if "by" in read.options:
        single = _read(columns, binding, can_group=False).options
    return Reading(
        read.survey,
        read.problems,
        read.ways,
        {**single, **{name: own for name, own in naming.items() if name != "by"}},
        naming,
        law,
        found,
        tuple(laws),
        tuple(candidates),
    )


def inputs_of(binding: Binding) -> dict[str, str]:
    """The column of each input that is not a mixture."""
    return {name: own for name, own in binding.columns_of.items() if isinstance(own, str)}


def _read(columns: Columns, binding: Binding, *, can_group: bool = True) -> _Read:
    """Survey a table, and again with the options that solve its problems."""
    try:
        survey = surveyed(columns, binding, one_fit=True, can_group=can_group)
    except TableError as error:
        if not error.ways:
            return _Read(None, error.problems)
        try:
            own, how = with_options(columns, binding, error.options)
            survey = surveyed(own, how, one_fit=True, can_group=can_group)
            _check_groups(survey)
        except ValueError:  # the options do not help after all
            return _Read(None, error.problems)
        return _Read(survey, error.problems, error.ways)
    try:
        _check_groups(survey)
    except ValueError as error:
        return _Read(None, (str(error),))
    return _Read(survey)


def _check_groups(survey: Survey) -> None:
    """Refuse groups without labels.

    Raises:
        ValueError: labels are missing.
    """
    columns, names = survey.columns, names_of(survey.binding.by)
    groups_of(columns, [name for name in names if name in columns], columns.num_rows)


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


def _naming(columns: Columns, law: Candidate, reading: TableReading) -> dict[str, Any]:
    """The options that name a law's columns where their names are not recognised."""
    options: dict[str, Any] = {}
    if reading.groups:
        options["by"] = ",".join(reading.groups)
    named = {name: own for name, own in law.columns.items() if own != MIXTURE}
    kinds = {name: kind for name, kind in law.law.inputs().items() if name in named}
    others = {name: own for name, own in named.items() if not _is_found(columns, name, own, kinds)}
    if others:
        options["columns_of"] = others
    usual = usual_columns("loss", list(columns))[0]
    if list(reading.responses) != usual and reading.responses != ("loss",):
        options["response"] = ",".join(reading.responses)
    if as_link(law.law.response_link).name != reading.link:
        options["link"] = reading.link
    return options


def _is_found(columns: Columns, name: str, column: str, kinds: Mapping[str, str]) -> bool:
    """Whether the column of an input is found by its name."""
    others = {other for other in kinds if other != name and other in columns}
    try:
        return find_inputs(list(columns), {name: kinds[name]}, {}, others) == {name: column}
    except ValueError:
        return False
