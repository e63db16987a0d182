"""What the columns of a table are, when no law is named."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from farseer_jax.runs.find_columns import match_columns
from farseer_jax.runs.inputs import SUM_TOLERANCE
from farseer_jax.runs.usual_names import USUAL_NAMES, USUAL_SHARES, begins_with, squeezed

_LOSS_NAMES = re.compile(r"(^loss[_ ].+)|(.+[_ ]loss$)", re.IGNORECASE)
_RESULT_NAMES = re.compile(r"(^|[_ ])(loss|acc|accuracy|ppl|perplexity|bpb|error|score)($|[_ ])")
_ROW_NAMES = frozenset(["seed", "runid", "run", "id", "index", "row", "step"])
_SIZE_LABEL = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMBT])\s*", re.IGNORECASE)
_SIZE_UNITS = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
_LEAST_ROWS_OF_A_GROUP = 5


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
    """

    responses: tuple[str, ...]
    groups: tuple[str, ...]
    inputs: tuple[str, ...]
    shares: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    link: str = "log"
    ignored: Mapping[str, str] = field(default_factory=dict)

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
) -> TableReading:
    """Recognise the columns of a table by their names and values.

    Args:
        columns: columns by name, one value per run.
        response: the responses; None finds them by their names.
        by: the columns to group by; None finds them.
        named: columns that are inputs, whatever their values.
        shares: columns of a mixture; found if empty.

    Raises:
        ValueError: the table has no column of losses, or lacks a column that is named.
    """
    names = list(columns)
    responses = _responses(columns, response)
    found = tuple(shares) or _shares(columns, [n for n in names if n not in responses])
    sizes = tuple(n for n in names if n not in responses and _sizes_of(columns[n]) is not None)
    rest = [n for n in names if n not in {*responses, *found}]
    inputs, ignored = list[str](), dict[str, str]()
    for name in rest:
        if _is_text(columns[name]) and name not in sizes:
            continue
        reason = None if name in named else _not_an_input(name, columns, sizes)
        if reason is None:
            inputs.append(name)
        else:
            ignored[name] = reason
    texts = [n for n in rest if _is_text(columns[n]) and n not in sizes]
    groups = tuple(by) if by is not None else _groups(columns, texts, [*inputs, *found], ignored)
    inputs = [name for name in inputs if name not in groups]
    loss = np.concatenate([np.asarray(columns[n], dtype=float) for n in responses])
    link = "log" if (loss[np.isfinite(loss)] > 0.0).all() else "identity"
    return TableReading(responses, groups, tuple(inputs), found, sizes, link, ignored)


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
    return numbers


def _responses(
    columns: Mapping[str, np.ndarray], response: str | Sequence[str] | None
) -> tuple[str, ...]:
    names = [name for name in columns if not _is_text(columns[name])]
    if response is not None:
        return tuple(match_columns(list(columns), response, "as a response"))
    if "loss" in names:
        return ("loss",)
    usual = [name for name in names if squeezed(name) in USUAL_NAMES["loss"]]
    found = usual[:1] if len(usual) == 1 else [n for n in names if _LOSS_NAMES.match(n)]
    if not found:
        raise ValueError(
            'no column was recognised as the loss: name it, response="column"; the columns are '
            f"{', '.join(map(repr, columns))}"
        )
    return tuple(found)


def _shares(columns: Mapping[str, np.ndarray], names: Sequence[str]) -> tuple[str, ...]:
    """Columns with a common prefix or suffix, in [0, 1], whose rows sum to 1."""
    numbers = [n for n in names if not _is_text(columns[n]) and _is_share(columns[n])]
    stems: dict[str, list[str]] = {}
    for name in numbers:
        parts = re.split(r"[_ .:-]", name)
        for stem in {parts[0], parts[-1]}:
            stems.setdefault(stem, []).append(name)
    ordered = sorted(stems, key=lambda stem: (stem.lower() not in USUAL_SHARES, -len(stems[stem])))
    for stem in ordered:
        own = stems[stem]
        total = sum(np.asarray(columns[name], dtype=float) for name in own)
        if len(own) > 1 and np.allclose(total, 1.0, atol=SUM_TOLERANCE):
            return tuple(own)
    return ()


def _is_share(values: np.ndarray) -> bool:
    numbers = np.asarray(values, dtype=float)
    return bool(np.isfinite(numbers).all() and (numbers >= 0.0).all() and (numbers <= 1.0).all())


def _not_an_input(name: str, columns: Mapping[str, np.ndarray], sizes: Sequence[str]) -> str | None:
    """Why a column of numbers cannot be an input; None if it may be one."""
    values = _sizes_of(columns[name]) if name in sizes else np.asarray(columns[name], dtype=float)
    assert values is not None
    known = any(
        squeezed(name) in usual or begins_with(name, key)
        for key, usual in USUAL_NAMES.items()
        if key != "loss"
    )
    if squeezed(name) in _ROW_NAMES:
        return "identifies the runs"
    if not np.isfinite(values).all() or (values <= 0.0).any():
        return "not a positive number in every row"
    num = len(np.unique(values))
    if num == 1:
        return "the same in all rows"
    if known:
        return None
    if _RESULT_NAMES.search(name.lower()) or (num > 2 and (values <= 1.0).all()):
        return "looks like another result of the runs"
    return None if num <= max(2, len(values) // 2) else "nearly every row has a different value"


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
        smallest = np.bincount(labels).min()
        if len(np.unique(labels)) == 1:
            ignored[name] = "the same in all rows"
        elif len(np.unique(together)) == len(np.unique(rows)) and len(np.unique(rows)) < len(rows):
            ignored[name] = "follows from the inputs"
        elif len(np.unique(together)) == len(np.unique(rows)) and smallest < _LEAST_ROWS_OF_A_GROUP:
            ignored[name] = "labels single rows"
        elif smallest < _LEAST_ROWS_OF_A_GROUP:
            ignored[name] = f"one of its values has fewer than {_LEAST_ROWS_OF_A_GROUP} rows"
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
