"""Which rows of a table belong to which run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.close_names import did_you_mean
from farseer_jax.results.numbers import number_text
from farseer_jax.runs.survey.arms import codes_of_rows
from farseer_jax.runs.survey.labels import codes_of
from farseer_jax.runs.survey.marked_rows import last_word
from farseer_jax.runs.survey.mixed_rows import RUN_LABELS
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.number_texts import is_missing
from farseer_jax.tables.row_numbers import shortened

_LABELS: Final = RUN_LABELS | {"curve", "curvename", "curveid"}
_FEW_REPEATS: Final = 0.05  # of the rows: steps that repeat where a run was resumed
_MOST_COLUMNS: Final = 3
_FEWEST_ROWS: Final = 4  # of a run on average; fewer are not curves
_BEGINNING: Final = 1.5  # logging intervals around the first step


def codes_of_runs(
    columns: Columns,
    run: str | Sequence[str] | None,
    steps: NDArray[np.float64],
    taken: Sequence[str],
) -> tuple[NDArray[np.intp], tuple[str, ...], tuple[str, ...]]:
    """The number of each row's run, the name of each run, and the columns that identify it.

    Args:
        columns: of the table.
        run: the column or columns (also separated by commas) that identify a run; None finds those
            without which steps would repeat.
        steps: the step of each row, ``(row,)``.
        taken: columns with another role.

    Raises:
        ValueError: the column is missing, or runs cannot be distinguished.
    """
    keys = _named(columns, run) if run is not None else _found(columns, steps, taken)
    if keys:
        codes = codes_of_rows([codes_of(columns[key]) for key in keys])
        firsts = np.unique(codes, return_index=True)[1]
        order = np.argsort(firsts)
        codes = np.argsort(order)[codes]  # numbered as they first occur
        names = [_name(columns, keys, row) for row in firsts[order]]
        return codes, tuple(names), tuple(keys)
    codes = _by_restarts(steps)
    num = int(codes.max()) + 1
    return codes, tuple(f"curve {own + 1}" for own in range(num)) if num > 1 else ("curve",), ()


def _named(columns: Columns, run: str | Sequence[str]) -> list[str]:
    if isinstance(run, str):
        run = [run] if run in columns else [own.strip() for own in run.split(",")]
    for name in run:
        if name not in columns:
            raise ValueError(
                f"run: the table has no column {name!r}{did_you_mean(name, columns)}; it has "
                f"{shortened(list(columns), 12)}"
            )
    return list(run)


def _name(columns: Columns, keys: Sequence[str], row: int) -> str:
    return " ".join(_label(columns[key][row]) for key in keys)


def _label(value: Any) -> str:
    is_number = isinstance(value, float | np.floating)
    return number_text(float(value)) if is_number else str(value)


def _found(columns: Columns, steps: NDArray[np.float64], taken: Sequence[str]) -> list[str]:
    """The columns without which steps would repeat, labels of runs first."""
    others = [name for name in columns if name not in taken and columns[name].ndim == 1]
    codes = {name: codes_of(columns[name]) for name in others}
    labels = [name for name in others if last_word(name) in _LABELS and _may_identify(codes[name])]
    keys = [label for label in labels if not _all_missing(columns[label])][:1]
    at = codes_of(steps)
    repeats = _repeats([codes[key] for key in keys], at)
    candidates = [own for own in others if own not in keys and _may_identify(codes[own])]
    while repeats > _FEW_REPEATS * len(steps) and len(keys) < _MOST_COLUMNS:
        found = {
            own: _repeats([*(codes[key] for key in keys), codes[own]], at) for own in candidates
        }
        best = min(found, key=lambda own: found[own], default=None)
        if best is None or found[best] > 0.5 * repeats:
            break
        keys, repeats = [*keys, best], found[best]
    if "file" in codes and not keys:
        keys = ["file"]
    return keys


def _may_identify(codes: NDArray[np.intp]) -> bool:
    """Whether each value has several rows."""
    return (int(codes.max(initial=0)) + 1) * _FEWEST_ROWS <= max(len(codes), _FEWEST_ROWS)


def _all_missing(values: NDArray[Any]) -> bool:
    return all(map(is_missing, values.tolist()))


def _repeats(keys: Sequence[NDArray[np.intp]], at: NDArray[np.intp]) -> int:
    """The number of rows whose step already occurs in the run, other than in the row before."""
    codes = codes_of_rows([*keys, at])
    is_next = np.r_[False, np.diff(codes) == 0]  # micro-batches, or separate logs of one step
    return len(codes) - (int(codes.max()) + 1) - int(is_next.sum())


def _by_restarts(steps: NDArray[np.float64]) -> NDArray[np.intp]:
    """The number of each row's run; a new run begins where steps restart.

    Raises:
        ValueError: steps go back, but not to where they began.
    """
    back = np.flatnonzero(np.diff(steps) < 0) + 1
    if not back.size:
        return np.zeros(len(steps), dtype=np.intp)
    differences = np.diff(steps)
    usual = float(np.median(differences[differences > 0])) if (differences > 0).any() else 0.0
    if (np.abs(steps[back] - steps[0]) <= _BEGINNING * usual).all():
        return np.searchsorted(back, np.arange(len(steps)), side="right")
    row = int(back[0])
    raise ValueError(
        f"run: no column identifies the runs, and the step goes back from {steps[row - 1]:,.0f} to "
        f"{steps[row]:,.0f} at row {row}: name the column or columns that identify a run (run=); "
        "for a single run that was resumed, add a constant one, such as derive='run = 1'"
    )
