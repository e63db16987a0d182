"""Rows that do not belong into one fit: checkpoints of one run, several arms, targets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.runs.checks import Floats
from farseer_jax.runs.copies import SEEDS
from farseer_jax.runs.table_problems import Problem
from farseer_jax.runs.usual_names import squeezed
from farseer_jax.tables.number_texts import is_missing

_RUN_LABELS: Final = frozenset(["runid", "run", "id", "name", "runname", "expname", "experiment"])
_STEPS: Final = frozenset(
    [
        "step",
        "steps",
        "globalstep",
        "trainstep",
        "trainerglobalstep",
        "iteration",
        "iter",
        "trainsteps",
    ]
)
_ROLES: Final = frozenset(["role", "split", "set", "kind", "type", "purpose", "status", "stage"])
_TARGETS: Final = re.compile(
    r"^(targets?|held[ _-]?out|hold[ _-]?out|tests?|eval(uation)?|validation|val|predict(ion)?)$",
    re.I,
)
_FIRST_TO_FIT: Final = ("ladder", "train", "fit", "training", "runs")
_MOST_LABELS: Final = 30
_CLEAR: Final = 5.0  # variance between labels by that within them
_SHARE: Final = 0.8


def checkpoints(
    columns: Mapping[str, NDArray[Any]], inputs: Mapping[str, Floats]
) -> Problem | None:
    """Several rows of one run along its training.

    Args:
        columns: of the table, ``(row,)`` each.
        inputs: N, D and further numbers that are fitted, ``(row,)`` each.
    """
    label = next((name for name in columns if squeezed(name) in _RUN_LABELS), None)
    if label is None:
        return None
    codes = _codes(columns[label])
    num_runs, num_rows = codes.max() + 1, len(codes)
    if num_runs == num_rows or num_runs * 1.5 > num_rows:
        return None
    step = next((name for name in columns if name.lower().strip("_ ") in _STEPS), None)
    order = _numbers(columns[step]) if step is not None else inputs.get("D")
    if order is None or not _varies_within(order, codes):
        return None
    fixed = [values for name, values in inputs.items() if name != "D"]
    if any(_varies_within(values, codes) for values in fixed):
        return None
    names = [label, step] if step is not None else [label]
    mean = f"{num_rows / num_runs:.3g}"
    return Problem(
        f"column {label!r} has {num_runs:,} runs in {num_rows:,} rows, {mean} each on average: "
        "these are checkpoints along a run's training, whose learning rate is not yet annealed; "
        f"fit the last of each: use last_by={','.join(names)!r}",
        ({"last_by": ",".join(names)},),
    )


def targets(columns: Mapping[str, NDArray[Any]]) -> Problem | None:
    """Rows marked as targets or tests among those to fit."""
    for name in columns:
        if squeezed(name) not in _ROLES or columns[name].dtype.kind not in "OUS":
            continue
        labels = _labels(columns[name])
        marked = [label for label in labels if _TARGETS.match(label)]
        others = [label for label in labels if label not in marked]
        if not marked or not others:
            continue
        first = next((label for label in others if label.lower() in _FIRST_TO_FIT), None)
        condition = (
            _is(name, first) if first else " and ".join(_is_not(name, own) for own in marked)
        )
        return Problem(
            f"column {name!r} marks rows as {', '.join(map(repr, marked))} beside "
            f"{', '.join(map(repr, others))}: fit the rows of a kind: use where={condition!r}",
            ({"where": condition},),
        )
    return None


def arms(
    columns: Mapping[str, NDArray[Any]],
    inputs: Sequence[NDArray[Any]],
    loss: Floats,
    *,
    can_group: bool = True,
) -> Problem | None:
    """Rows with equal inputs whose losses differ by the label in another column.

    Args:
        columns: further columns of the table, ``(row,)`` each.
        inputs: the inputs, ``(row,)`` or ``(row, share)``.
        loss: the response, ``(row,)``.
        can_group: whether the caller fits groups.
    """
    cells = _codes_of_rows(inputs)
    counts = np.bincount(cells)
    if (counts > 1).sum() < 2:
        return None
    residual = np.log(np.abs(loss) + 1e-300)
    residual = residual - (np.bincount(cells, residual) / counts)[cells]
    repeated = counts[cells] > 1
    for name, values in columns.items():
        if values.dtype.kind not in "OUS" or str(name).lower() in SEEDS:
            continue
        codes = _codes(values)
        num = int(codes.max()) + 1
        pairs = len(np.unique(np.stack([cells, codes]), axis=1).T)
        if not 1 < num <= _MOST_LABELS or num == len(codes) or pairs < _SHARE * len(codes):
            continue
        if _separates(residual[repeated], codes[repeated]):
            labels = _labels(values)
            shown = ", ".join(map(repr, labels[:6])) + (", …" if len(labels) > 6 else "")
            spread = float(np.exp(np.ptp(residual[repeated])) - 1.0)
            condition = _is(name, labels[0])
            group = f"each group (use by={name!r}) or " if can_group else ""
            num_points = int((counts > 1).sum())
            return Problem(
                f"{num_points:,} points have several rows whose losses differ by up to "
                f"{100 * spread:.2g} %, by column {name!r} ({shown}): fit {group}one of "
                f"them (use where={condition!r})",
                ({"by": name}, {"where": condition})[not can_group :],
            )
    return None


def _separates(residual: Floats, codes: NDArray[np.intp]) -> bool:
    """Whether labels explain the differences between equal rows (an F ratio)."""
    used, codes = np.unique(codes, return_inverse=True)
    counts = np.bincount(codes)
    if len(used) < 2 or not residual.any():
        return False
    means = np.bincount(codes, residual) / counts
    within = residual - means[codes]
    between = float((counts * means**2).sum()) / (len(used) - 1)
    rest = float((within**2).sum()) / max(len(residual) - len(used), 1)
    return between > _CLEAR * rest


def _varies_within(values: Floats, codes: NDArray[np.intp]) -> bool:
    """Whether values differ within most groups of several rows."""
    order = np.lexsort((values, codes))
    sorted_codes, sorted_values = codes[order], values[order]
    starts = np.flatnonzero(np.r_[True, np.diff(sorted_codes) > 0])
    ends = np.r_[starts[1:], len(codes)] - 1
    several = ends > starts
    if not several.any():
        return False
    differs = sorted_values[ends] > sorted_values[starts] * (1.0 + 1e-6)
    return bool(differs[several].mean() > 0.5)


def _numbers(values: NDArray[Any]) -> Floats | None:
    return values.astype(float) if values.dtype.kind in "fiu" else None


def _codes(values: NDArray[Any]) -> NDArray[np.intp]:
    if values.dtype.kind in "fiu":
        return np.unique(values, return_inverse=True)[1]
    known: dict[str, int] = {}
    return np.array([known.setdefault(str(v), len(known)) for v in values.tolist()], dtype=np.intp)


def _codes_of_rows(columns: Sequence[NDArray[Any]]) -> NDArray[np.intp]:
    """Numbers that are equal exactly where rows are."""
    total = np.zeros(len(columns[0]), dtype=np.intp)
    for values in columns:
        for own in values.reshape(len(values), -1).T:
            codes = (
                _codes(own) if own.dtype.kind in "OUS" else np.unique(own, return_inverse=True)[1]
            )
            _, total = np.unique(total * (int(codes.max()) + 1) + codes, return_inverse=True)
    return total


def _labels(values: NDArray[Any]) -> list[str]:
    return [str(v) for v in dict.fromkeys(values.tolist()) if not is_missing(v)]


def _is(name: str, label: str) -> str:
    return f"{_sql_name(name)} = {_sql_text(label)}"


def _is_not(name: str, label: str) -> str:
    return f"{_sql_name(name)} <> {_sql_text(label)}"


def _sql_name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else '"' + name.replace('"', '""') + '"'


def _sql_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
