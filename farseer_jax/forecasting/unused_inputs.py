"""Columns that vary beside N and D, and that the usual laws do not use."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from farseer_jax.laws.registry import LAWS
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.survey.arms import codes_of_rows, varies_within
from farseer_jax.runs.survey.labels import codes_of, condition_is, labels_of_rows
from farseer_jax.runs.usual_names import named

_APART = 0.002  # of the loss: repeats of one setting differ by less


def unused_inputs(runs: Runs) -> Iterator[str]:
    """Sentences on columns that make runs of equal N and D differ, and are inputs of other laws.

    Args:
        runs: runs over N and D, with further columns.

    Example:
        >>> N, D = np.full(8, 1e8), np.repeat([1e9, 2e9, 4e9, 8e9], 2)
        >>> U = np.tile([1e8, 1e9], 4)
        >>> runs = Runs(N, D, 3.0 + 1e8 / U + 1e8 / D, {"U": U})
        >>> [sentence[:56] for sentence in unused_inputs(runs)]
        ["column 'U' (unique tokens) varies and is not an input of"]
    """
    cells = codes_of_rows([runs.N, runs.D])
    repeated = np.bincount(cells)[cells] > 1
    if not repeated.any() or _spread(np.log(runs.loss), cells) < _APART:
        return
    for name, values in runs.extra.items():
        column = np.asarray(values)
        laws = _laws_with(name)
        is_number = column.ndim == 1 and column.dtype.kind in "iuf"
        if laws and is_number and varies_within(codes_of(column), cells):
            yield _sentence(name, column, laws[0])


def _spread(values: np.ndarray, cells: np.ndarray) -> float:
    """The median range of values of one cell, over cells of several."""
    order = np.lexsort((values, cells))
    apart = np.diff(values[order])[np.diff(cells[order]) == 0]
    return float(np.median(apart)) if len(apart) else 0.0


def _laws_with(name: str) -> list[str]:
    """The library's laws of N, D and this input."""
    return [law for law, own in LAWS.items() if {*own.inputs()} == {"N", "D", name}]


def _sentence(name: str, values: np.ndarray[Any, Any], law: str) -> str:
    labels = labels_of_rows(values)
    most = max(labels, key=lambda label: int((values == float(label)).sum()))
    return (
        f"column {name!r} ({_meaning(name)}) varies and is not an input of the usual laws of N and "
        f"D, so that runs of equal N and D have different losses: use law={law!r}, whose points "
        f"are N, D and {name}, or keep one value (use where={condition_is(name, values, most)!r})"
    )


def _meaning(name: str) -> str:
    """What an input is, without its name."""
    return named(name).removeprefix(f"{name} (").removesuffix(")")
