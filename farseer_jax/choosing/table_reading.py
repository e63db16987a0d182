"""What the columns of a table are, when no law is named."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from farseer_jax.choosing.column_values import (
    is_text,
    known_input,
    numbers_by_name,
    sizes_of,
    some_numbers,
)
from farseer_jax.choosing.group_columns import groups_among
from farseer_jax.choosing.independent_inputs import independent_inputs
from farseer_jax.choosing.table_checks import (
    checked_column,
    checked_responses,
    looks_like_mixture,
    refuse_sums,
    texts_as_numbers,
)
from farseer_jax.link_functions import Link
from farseer_jax.runs.checks import floats_of
from farseer_jax.runs.find_columns import match_columns
from farseer_jax.runs.inputs import SUM_TOLERANCE
from farseer_jax.runs.usual_names import USUAL_NAMES, USUAL_SHARES, squeezed
from farseer_jax.tables.row_numbers import shown_rows

_LOSS_NAMES = re.compile(r"(^loss[_ ].+)|(.+[_ ]loss$)", re.IGNORECASE)
_RESULT_NAMES = re.compile(r"(^|[_ ])(loss|acc|accuracy|ppl|perplexity|bpb|error|score)($|[_ ])")
_ROW_NAMES = frozenset(["seed", "runid", "run", "id", "index", "row", "step"])
_MAY_BE_ZERO = frozenset({"s", "sparsity", "r"})  # fractions, which only some laws take


@dataclass(frozen=True)
class TableReading:
    """What each column of a table was taken for.

    Attributes:
        responses: columns to fit.
        groups: columns whose values make groups, each with its own fit.
        inputs: positive numbers that may be inputs of a law.
        shares: columns of a mixture.
        sizes: columns of text that hold sizes, such as ``70M``, read as numbers.
        link: scale of the responses' errors.
        ignored: other columns, with the reason.
        left_out: sentences on groups and responses with too few rows.
        small_groups: the labels of such groups.
    """

    responses: tuple[str, ...]
    groups: tuple[str, ...]
    inputs: tuple[str, ...]
    shares: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    link: str = "log"
    ignored: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    small_groups: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """The role of each column, a line each."""
        lines = [("response", self.responses), ("groups", self.groups), ("inputs", self.inputs)]
        lines += [("mixture h", self.shares)]
        texts = [f"{what}: {_listed(names)}" for what, names in lines if names]
        if self.sizes:
            texts.append(f"sizes read from labels: {_listed(self.sizes)}")
        if self.link != "log":
            texts.append("errors are differences, since some responses are not positive")
        texts += [f"not used: {name} ({reason})" for name, reason in self.ignored.items()]
        return texts


def read_columns(
    columns: Mapping[str, np.ndarray],
    *,
    response: str | Sequence[str] | None = None,
    by: Sequence[str] | None = None,
    named: Sequence[str] = (),
    shares: Sequence[str] = (),
    link: Link | None = None,
) -> TableReading:
    """Recognise the columns of a table by their names and values.

    Args:
        columns: columns by name, one value per run.
        response: the responses; None finds them by their names.
        by: the columns to group by; None finds them.
        named: columns that are inputs, whatever their values.
        shares: columns of a mixture; found if empty.
        link: of the responses; None finds it.

    Raises:
        ValueError: the table has no column of losses, lacks a column that is named, or has invalid
            values in a response, an input known by its name, or a mixture.
    """
    names = list(columns)
    responses = _responses(columns, response)
    columns = texts_as_numbers(columns, [*responses, *numbers_by_name(columns, named)])
    values, left_out = checked_responses(columns, responses, link)
    others, responses = set(names) - set(responses), tuple(values)
    if shares:
        refuse_sums(columns, shares)
    found = tuple(shares) or _shares(
        columns, [n for n in names if n in others and n not in named and n not in (by or ())]
    )
    sizes = tuple(n for n in names if n in others and sizes_of(columns[n]) is not None)
    rest = [n for n in names if n in others and n not in found]
    inputs, ignored = list[str](), dict[str, str]()
    for name in rest:
        if (is_text(columns[name]) and name not in sizes) or name in (by or ()):
            continue
        reason = _not_an_input(name, columns, sizes, named)
        if reason is None:
            inputs.append(name)
        else:
            ignored[name] = reason
    texts = [n for n in rest if is_text(columns[n]) and n not in sizes]
    inputs = independent_inputs(columns, inputs, sizes, named, ignored)
    groups = (
        tuple(by) if by is not None else groups_among(columns, texts, [*inputs, *found], ignored)
    )
    loss = np.concatenate(list(values.values()))
    own_link = "log" if (loss[np.isfinite(loss)] > 0.0).all() else "identity"
    return TableReading(responses, groups, tuple(inputs), found, sizes, own_link, ignored, left_out)


def numbers_of(columns: Mapping[str, Any], reading: TableReading) -> dict[str, Any]:
    """The columns with sizes in text, such as ``70M``, as numbers.

    Raises:
        ValueError: a value is not a number.
    """
    numbers = dict(columns)
    for name in (*reading.sizes, *reading.responses, *reading.inputs, *reading.shares):
        if name in numbers and name not in reading.groups:
            numbers[name] = floats_of(numbers[name], f"column {name!r}")
    return numbers


def _responses(
    columns: Mapping[str, np.ndarray], response: str | Sequence[str] | None
) -> tuple[str, ...]:
    names = [name for name in columns if not is_text(columns[name])]
    if response is not None:
        return tuple(match_columns(list(columns), response, "as a response"))
    if "loss" in columns:
        return ("loss",)
    names += [n for n in columns if n not in names and some_numbers(columns[n])]
    usual = [name for name in names if squeezed(name) in USUAL_NAMES["loss"]]
    found = usual[:1] if len(usual) == 1 else [n for n in names if _LOSS_NAMES.match(n)]
    if not found:
        raise ValueError(
            'no column was recognised as the loss: name it, response="column"; the columns are '
            f"{', '.join(map(repr, columns))}"
        )
    return tuple(found)


def _shares(columns: Mapping[str, np.ndarray], names: Sequence[str]) -> tuple[str, ...]:
    """Columns with a common prefix or suffix, in [0, 1], whose rows sum to 1.

    Raises:
        ValueError: columns look like a mixture, but do not sum to 1 in some rows.
    """
    numbers = [n for n in names if not is_text(columns[n])]
    stems: dict[str, list[str]] = {}
    for name in numbers:
        parts = re.split(r"[_ .:-]", name)
        for stem in {parts[0], parts[-1]}:
            stems.setdefault(stem, []).append(name)
    ordered = sorted(stems, key=lambda stem: (stem.lower() not in USUAL_SHARES, -len(stems[stem])))
    for stem in ordered:
        own = [name for name in stems[stem] if _is_share(columns[name])]
        total = sum(np.asarray(columns[name], dtype=float) for name in own)
        if len(own) > 1 and np.allclose(total, 1.0, atol=SUM_TOLERANCE):
            return tuple(own)
    for stem in ordered:
        own = stems[stem]
        usual = stem.lower() in USUAL_SHARES
        if len(own) > 1 and looks_like_mixture(
            np.stack([np.asarray(columns[name], dtype=float) for name in own], axis=1), usual
        ):
            refuse_sums(columns, own)
    return ()


def _is_share(values: np.ndarray) -> bool:
    numbers = np.asarray(values, dtype=float)
    return bool(np.isfinite(numbers).all() and (numbers >= 0.0).all() and (numbers <= 1.0).all())


def _not_an_input(
    name: str, columns: Mapping[str, np.ndarray], sizes: Sequence[str], named: Sequence[str]
) -> str | None:
    """Why a column of numbers cannot be an input; None if it may be one.

    Raises:
        ValueError: it is an input by its name, but has invalid values.
    """
    values = sizes_of(columns[name]) if name in sizes else np.asarray(columns[name], dtype=float)
    assert values is not None
    if name in named:
        checked_column(values, name)
        return None
    if squeezed(name) in _ROW_NAMES:
        return "identifies the runs"
    known = known_input(name)
    if known:
        checked_column(values, name, squeezed(name) in _MAY_BE_ZERO)
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0.0)))
    if len(bad):
        return f"not a positive number in {shown_rows(bad)}"
    num = len(np.unique(values))
    if num == 1:
        return "the same in all rows"
    if known:
        return None
    if _RESULT_NAMES.search(name.lower()) or (num > 2 and (values <= 1.0).all()):
        return "looks like another result of the runs"
    return None if num <= max(2, len(values) // 2) else "nearly every row has a different value"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
