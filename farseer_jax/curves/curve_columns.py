"""The columns of a table that hold the step, the loss and the learning rate of each row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.close_names import did_you_mean
from farseer_jax.runs.column_names import holds, name_and_unit
from farseer_jax.runs.find_columns import usual_columns
from farseer_jax.runs.survey.marked_rows import last_word
from farseer_jax.runs.survey.mixed_rows import STEPS
from farseer_jax.runs.usual_names import squeezed
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.number_texts import numbers_of
from farseer_jax.tables.row_numbers import shortened

_FEWEST_LOSSES: Final = 10  # per run; a column with fewer loses to one that is logged more often
_MOST_SHOWN: Final = 12
_SETTINGS: Final = re.compile(
    r"^(config|cfg|conf|args|hparams|hyperparameters)[./_]", re.IGNORECASE
)
_LOGGERS_OWN: Final = frozenset(["_step"])  # counts calls of the logger, not steps of training
_RATE_TEXT: Final = "lr learningrate currentlr currentlearningrate optimizerlr optimlr"
_RATES: Final = frozenset(_RATE_TEXT.split())
_PERPLEXITIES: Final = frozenset(["ppl", "perplexity"])
_PEAK: Final = frozenset(["peak", "max", "min", "initial", "base", "final", "end", "target"])


@dataclass(frozen=True)
class CurveColumns:
    """The columns of a table by role.

    Attributes:
        step: the column of the steps, or of tokens.
        is_tokens: whether it counts tokens.
        lr: the column of the learning rate, or None.
    """

    step: str
    is_tokens: bool
    lr: str | None


def found_columns(
    columns: Columns, step: str | None, lr: str | None, *, needs_lr: bool, has_tokens: bool = False
) -> CurveColumns:
    """Find the columns that are not given by their usual names.

    Args:
        columns: of a table with a row for each logged step.
        step: the column of the steps, or of tokens.
        lr: the column of the learning rate.
        needs_lr: whether the schedule is read from the table.
        has_tokens: whether the tokens per step are given, so that a given column counts tokens.

    Raises:
        ValueError: the column is missing, or there are several; the message names the option.
    """
    if not columns.num_rows:
        raise ValueError("the table has no rows")
    _refuse_absent(columns, "step", step)
    _refuse_absent(columns, "lr", lr)
    own_step = step or _step_column(columns)
    is_tokens = own_step not in STEPS and holds(own_step, "D") and last_word(own_step) not in STEPS
    own_lr = lr if lr is not None or not needs_lr else _rate_column(columns)
    return CurveColumns(own_step, is_tokens or (step is not None and has_tokens), own_lr)


def _refuse_absent(columns: Columns, option: str, name: str | None) -> None:
    if name is not None and name not in columns:
        raise ValueError(
            f"{option}: the table has no column {name!r}{did_you_mean(name, columns)}; it has "
            f"{_listed(columns)}"
        )


def _listed(columns: Mapping[str, Any]) -> str:
    return shortened(list(columns), _MOST_SHOWN)


def _step_column(columns: Columns) -> str:
    """The column of the steps, or of the tokens if there is none."""
    steps = [name for name in columns if last_word(name) in STEPS and not _SETTINGS.match(name)]
    varying = [name for name in steps if _varies(columns[name])]
    own = [name for name in varying if name not in _LOGGERS_OWN] or varying or steps
    if len(own) > 1:
        own = [name for name in own if squeezed(name) in STEPS] or own
    if len(own) > 1 and not _are_equal([columns[name] for name in own]):
        raise ValueError(
            f"step: columns {' and '.join(map(repr, own))} may hold the step; name one, "
            f"such as step={own[0]!r}"
        )
    if own:
        return own[0]
    tokens = [name for name in columns if holds(name, "D") and _varies(columns[name])]
    if len(tokens) == 1:
        return tokens[0]
    if tokens:
        raise ValueError(
            f"step: the table has no column of steps, and {' and '.join(map(repr, tokens))} may "
            f"hold tokens; name one, such as step={tokens[0]!r}"
        )
    raise ValueError(
        "step: no column holds the steps or tokens of training; name it (step=); the columns are "
        f"{_listed(columns)}"
    )


def _varies(values: NDArray[Any]) -> bool:
    numbers = numbers_of(values).numbers if values.ndim == 1 else np.zeros(0)
    finite = numbers[np.isfinite(numbers)]
    return bool(finite.size) and (finite.size == 1 or bool(np.ptp(finite) > 0))


def _are_equal(columns: Sequence[NDArray[Any]]) -> bool:
    """Whether columns hold the same numbers in the rows where both have one."""
    first, *others = (numbers_of(own).numbers for own in columns)
    return all(
        np.array_equal(first[both], own[both])
        for own in others
        for both in [np.isfinite(first) & np.isfinite(own)]
    )


def _rate_column(columns: Columns) -> str | None:
    """The column of the learning rate of each row, or None."""
    found = [name for name in columns if _is_rate(name)]
    logged = [name for name in found if not _SETTINGS.match(name)]
    if len(logged) > 1:
        logged = [name for name in logged if squeezed(name) in _RATES] or logged
    if len(logged) > 1 and not _are_equal([columns[name] for name in logged]):
        raise ValueError(
            f"lr: columns {shortened([repr(own) for own in logged], 4)} may hold the learning "
            f"rate; name one, such as lr={logged[0]!r}"
        )
    return logged[0] if logged else None


def _is_rate(name: str) -> bool:
    """Whether a column holds a learning rate, such as ``train/learning_rate``."""
    words = name_and_unit(name).words
    if _PEAK & set(words):
        return False
    return last_word(name) in _RATES or name.lower().startswith(("lr-", "lr/", "learning_rate/"))


def loss_candidates(columns: Columns) -> list[str]:
    """Columns that may hold a loss, by their names."""
    best, others = usual_columns("loss", list(columns))
    return [*best, *others]


def loss_column(columns: Columns, loss: str | None, num_runs: int) -> tuple[str, str]:
    """The column of the loss, and a note on another candidate.

    Args:
        columns: of a table with a row for each logged step.
        loss: the column, if it is given.
        num_runs: how many runs the table has.

    Raises:
        ValueError: the column is missing, or there are several; the message names the option.
    """
    _refuse_absent(columns, "loss", loss)
    if loss is not None:
        return loss, ""
    best, others = usual_columns("loss", list(columns))
    named = [*best, *others]
    best, others = (
        [own for own in group if _num_numbers(columns[own])] for group in (best, others)
    )
    if named and not best and not others:
        raise ValueError(f"loss: column {named[0]!r} holds no finite number")
    if not named:
        raise ValueError(
            f"loss: no column has a usual name for the loss; {_loss_of_perplexity(columns)}name it "
            f"(loss=); the columns are {_listed(columns)}"
        )
    groups = [group for group in (best, others) if group]
    if len(groups) > 1 and _num_numbers(columns[best[0]]) < _FEWEST_LOSSES * num_runs:
        groups.reverse()  # a single evaluation at the end is not a curve
    own = groups[0]
    if len(own) > 1:
        own = [name for name in own if squeezed(name) == "loss"] or own
    if len(own) > 1:
        raise ValueError(
            f"loss: columns {shortened([repr(name) for name in own], 4)} may hold the loss; name "
            f"one, such as loss={own[0]!r}"
        )
    if len(groups) == 1:
        return own[0], ""
    left = groups[1][0]
    num, others_num = _num_numbers(columns[own[0]]), _num_numbers(columns[left])
    return own[0], (
        f"the loss is column {own[0]!r} ({num:,} rows); use loss={left!r} for the other "
        f"({others_num:,} rows)"
    )


def _loss_of_perplexity(columns: Columns) -> str:
    """How to have the loss from a column of perplexities; empty without one."""
    for name in columns:
        if last_word(name) in _PERPLEXITIES:
            own = name if name.isidentifier() else f'"{name}"'
            return f"compute it, such as derive='loss = log({own})', or "
    return ""


def _num_numbers(values: NDArray[Any]) -> int:
    return int(np.isfinite(numbers_of(values).numbers).sum())
