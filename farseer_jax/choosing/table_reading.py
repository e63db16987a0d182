"""What the columns of a table are, when no law is named."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from farseer_jax.choosing.table_checks import (
    LEAST_RUNS,
    checked_column,
    checked_responses,
    looks_like_mixture,
    refuse_sums,
    texts_as_numbers,
)
from farseer_jax.link_functions import Link
from farseer_jax.runs.checks import floats_of, is_missing, shown_rows
from farseer_jax.runs.find_columns import match_columns
from farseer_jax.runs.inputs import SUM_TOLERANCE
from farseer_jax.runs.usual_names import USUAL_NAMES, USUAL_SHARES, begins_with, squeezed

_LOSS_NAMES = re.compile(r"(^loss[_ ].+)|(.+[_ ]loss$)", re.IGNORECASE)
_RESULT_NAMES = re.compile(r"(^|[_ ])(loss|acc|accuracy|ppl|perplexity|bpb|error|score)($|[_ ])")
_ROW_NAMES = frozenset(["seed", "runid", "run", "id", "index", "row", "step"])
_SIZE_LABEL = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMBT])\s*", re.IGNORECASE)
_SIZE_UNITS = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
_LEAST_IN_GROUPS = 0.5  # share of the rows in groups that are large enough
_MAY_BE_ZERO = frozenset({"s", "sparsity", "r"})  # fractions, which only some laws take
_LOG_ROUNDING, _MORE_RUNS = 1e-5, 2  # of a product of powers; runs beyond its coefficients


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
    columns = texts_as_numbers(columns, [*responses, *_numbers_by_name(columns, named)])
    values, left_out = checked_responses(columns, responses, link)
    others, responses = set(names) - set(responses), tuple(values)
    if shares:
        refuse_sums(columns, shares)
    found = tuple(shares) or _shares(
        columns, [n for n in names if n in others and n not in named and n not in (by or ())]
    )
    sizes = tuple(n for n in names if n in others and _sizes_of(columns[n]) is not None)
    rest = [n for n in names if n in others and n not in found]
    inputs, ignored = list[str](), dict[str, str]()
    for name in rest:
        if (_is_text(columns[name]) and name not in sizes) or name in (by or ()):
            continue
        reason = _not_an_input(name, columns, sizes, named)
        if reason is None:
            inputs.append(name)
        else:
            ignored[name] = reason
    texts = [n for n in rest if _is_text(columns[n]) and n not in sizes]
    inputs = _independent(columns, inputs, sizes, named, ignored)
    groups = tuple(by) if by is not None else _groups(columns, texts, [*inputs, *found], ignored)
    loss = np.concatenate(list(values.values()))
    own_link = "log" if (loss[np.isfinite(loss)] > 0.0).all() else "identity"
    return TableReading(responses, groups, tuple(inputs), found, sizes, own_link, ignored, left_out)


def numbers_of(columns: Mapping[str, Any], reading: TableReading) -> dict[str, Any]:
    """The columns with sizes in text, such as ``70M``, as numbers.

    Raises:
        ValueError: a label is not a size.
    """
    numbers = dict(columns)
    for name in reading.sizes:
        if name not in columns:
            continue
        values = _sizes_of(np.asarray(columns[name]))
        if values is None:
            if _is_text(np.asarray(columns[name])):
                raise ValueError(
                    f"column {name!r}: expected sizes such as 70M or 1.3B, as in the runs fitted"
                )
            values = np.asarray(columns[name], dtype=float)
        numbers[name] = values
    for name in (*reading.responses, *reading.inputs, *reading.shares):
        if name in numbers and name not in reading.groups:
            numbers[name] = floats_of(numbers[name], f"column {name!r}")
    return numbers


def _responses(
    columns: Mapping[str, np.ndarray], response: str | Sequence[str] | None
) -> tuple[str, ...]:
    names = [name for name in columns if not _is_text(columns[name])]
    if response is not None:
        return tuple(match_columns(list(columns), response, "as a response"))
    if "loss" in columns:
        return ("loss",)
    names += [n for n in columns if n not in names and _some_numbers(columns[n])]
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
    numbers = [n for n in names if not _is_text(columns[n])]
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
    values = _sizes_of(columns[name]) if name in sizes else np.asarray(columns[name], dtype=float)
    assert values is not None
    if name in named:
        checked_column(values, name)
        return None
    if squeezed(name) in _ROW_NAMES:
        return "identifies the runs"
    known = _known_input(name)
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


def _known_input(name: str) -> bool:
    """Whether a column is an input by its name."""
    return any(
        squeezed(name) in usual or begins_with(name, key)
        for key, usual in USUAL_NAMES.items()
        if key != "loss"
    )


def _numbers_by_name(columns: Mapping[str, np.ndarray], named: Sequence[str]) -> list[str]:
    """Columns of text that hold numbers by their name, and in some rows."""
    return [
        name
        for name, own in columns.items()
        if _is_text(own)
        and _sizes_of(own) is None
        and (name in named or (_known_input(name) and _some_numbers(own)))
    ]


def _some_numbers(values: np.ndarray) -> bool:
    """Whether at least half of the values that are not missing are numbers."""
    known = [value for value in values.tolist() if not is_missing(value) and value != ""]
    return 2 * sum(_is_number(value) for value in known) >= max(len(known), 1)


def _is_number(value: object) -> bool:
    try:
        floats_of([value], "")
    except ValueError:
        return False
    return True


def _independent(
    columns: Mapping[str, np.ndarray],
    inputs: Sequence[str],
    sizes: Sequence[str],
    named: Sequence[str],
    ignored: dict[str, str],
) -> list[str]:
    """The inputs without those that are products of powers of others, such as 6·N·D.

    Inputs that the user named, N and D are kept.
    """
    logs = {
        name: np.log(
            np.asarray(_sizes_of(columns[name]) if name in sizes else columns[name], float)
        )
        for name in inputs
    }
    fixed = [name for name in inputs if name in named or name in sizes or _is_size_or_tokens(name)]
    kept = [*fixed, *(n for n in inputs if n not in fixed and _known_input(n))]
    found = list(fixed)
    for name in [*kept[len(fixed) :], *(n for n in inputs if n not in kept)]:
        of = _product_of(logs[name], {own: logs[own] for own in found})
        if of:
            ignored[name] = f"follows from {' and '.join(of)}"
        else:
            found.append(name)
    return [name for name in inputs if name in found]


def _is_size_or_tokens(name: str) -> bool:
    return any(squeezed(name) in USUAL_NAMES[key] or begins_with(name, key) for key in ("N", "D"))


def _product_of(own: np.ndarray, others: Mapping[str, np.ndarray]) -> list[str]:
    """The inputs whose product of powers this one is, from logarithms; none if it is not one."""
    matrix = np.stack([np.ones_like(own), *others.values()], axis=1)
    if len(np.unique(matrix, axis=0)) < matrix.shape[1] + _MORE_RUNS:
        return []
    powers = np.linalg.lstsq(matrix, own, rcond=None)[0]
    if np.abs(matrix @ powers - own).max() > _LOG_ROUNDING:
        return []
    return [name for name, power in zip(others, powers[1:], strict=True) if abs(power) > 1e-3]


def _groups(
    columns: Mapping[str, np.ndarray],
    texts: Sequence[str],
    inputs: Sequence[str],
    ignored: dict[str, str],
) -> tuple[str, ...]:
    """Columns of text that the inputs do not determine, with several rows for each value."""
    rows = _codes([columns[name] for name in inputs], len(next(iter(columns.values()))))
    groups: list[str] = []
    for name in texts:
        labels = _codes([columns[name]], len(rows))
        together = _codes([rows, labels], len(rows))
        joint = _codes([columns[own] for own in (*groups, name)], len(rows))
        sizes = np.bincount(joint)
        few = sizes[sizes >= LEAST_RUNS].sum() < _LEAST_IN_GROUPS * len(rows)
        if len(np.unique(labels)) == 1:
            ignored[name] = "the same in all rows"
        elif len(np.unique(together)) == len(np.unique(rows)) and len(np.unique(rows)) < len(rows):
            ignored[name] = "follows from the inputs"
        elif len(np.unique(together)) == len(np.unique(rows)) and few:
            ignored[name] = "labels single rows"
        elif few:
            ignored[name] = f"most rows have a value with fewer than {LEAST_RUNS} rows"
        elif _follows(rows, columns, labels, inputs):
            ignored[name] = "follows from the inputs"
        else:
            groups.append(name)
    return tuple(groups)


def _follows(
    rows: np.ndarray, columns: Mapping[str, np.ndarray], labels: np.ndarray, inputs: Sequence[str]
) -> bool:
    """Whether one or two of the inputs with few values determine the labels."""
    few = [n for n in inputs if len(np.unique(columns[n])) <= len(rows) // 2]
    for first in few:
        for second in few:
            own = _codes([columns[first], columns[second]], len(rows))
            if len(np.unique(own)) == len(np.unique(_codes([own, labels], len(rows)))):
                return True
    return False


def _codes(values: Sequence[np.ndarray], num: int) -> np.ndarray:
    """A number for each combination of values, ``(row,)``."""
    codes = np.zeros(num, dtype=int)
    for own in values:
        _, own_codes = np.unique(np.asarray(own).astype(str), return_inverse=True)
        _, codes = np.unique(codes * (own_codes.max() + 1) + own_codes, return_inverse=True)
    return codes


def _is_text(values: np.ndarray) -> bool:
    return np.asarray(values).dtype.kind not in "fiub"


def _sizes_of(values: np.ndarray) -> np.ndarray | None:
    """Sizes such as ``70M`` as numbers; None where a label is something else."""
    if not _is_text(values):
        return None
    found = [_SIZE_LABEL.fullmatch(str(value)) for value in values]
    if not all(found) or not found:
        return None
    return np.array([float(m[1]) * _SIZE_UNITS[m[2].lower()] for m in found if m is not None])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
