"""Several arms in one table: losses that differ between labels at equal or similar inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.runs.checks import Floats, short
from farseer_jax.runs.column_names import roles_of
from farseer_jax.runs.copies import is_seed
from farseer_jax.runs.survey.labels import (
    codes_of,
    condition_in,
    condition_is,
    condition_missing,
    labels_of_rows,
    lacks_labels,
)
from farseer_jax.runs.survey.other_meanings import meaning_of
from farseer_jax.runs.table_problems import Problem

_MOST_LABELS: Final = 60
_MOST_NUMBERS: Final = 8  # distinct numbers that may be labels
_FEWEST: Final = 4  # rows of each label for a trend
_CLEAR: Final = 10.0  # variance between labels by that within them (an F ratio)
_CHANCE: Final = 3e-3  # of such a ratio by noise
_CLEAR_TREND: Final = 20.0
_MOST_COLUMNS: Final = 3


def arms(
    columns: Mapping[str, NDArray[Any]],
    inputs: Sequence[NDArray[Any]],
    loss: Floats,
    *,
    num_groups: int | None = None,
    groups: Sequence[str] = (),
) -> Problem | None:
    """Rows whose losses depend on the label in another column.

    Args:
        columns: further columns of the table, ``(row,)`` each.
        inputs: the inputs, ``(row,)`` or ``(row, share)``.
        loss: the response, ``(row,)``.
        num_groups: how many groups the caller takes; None for any number.
        groups: columns that make groups already.
    """
    cells = codes_of_rows(inputs)
    labels = _label_columns(columns)
    found, residual, repeated = _of_repeats(labels, cells, loss)
    if found:
        spread = per_cent(float(np.ptp(residual[repeated])))
        num_points = int((np.bincount(cells) > 1).sum())
        what = f"{num_points:,} points have several rows whose losses differ by up to {spread} %"
        return _problem(what, found, columns, num_groups, groups)
    name = _of_trend(labels, inputs, loss)
    if name is None:
        return None
    what = "the losses of rows with similar inputs differ"
    return _problem(what, [name], columns, num_groups, groups)


def codes_of_rows(columns: Sequence[NDArray[Any]]) -> NDArray[np.intp]:
    """Integer codes that are equal exactly where rows are.

    Args:
        columns: ``(row,)`` or ``(row, share)`` each.
    """
    total = np.zeros(len(columns[0]), dtype=np.intp)
    for values in columns:
        for own in values.reshape(len(values), -1).T:
            codes = codes_of(own)
            _, total = np.unique(total * (int(codes.max()) + 1) + codes, return_inverse=True)
    return total


def _label_columns(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.intp]]:
    """Columns that may label arms, as codes."""
    found = {}
    for name, values in columns.items():
        if is_seed(name) or values.ndim != 1 or _is_quantity(name, values):
            continue  # an input that the law lacks: large differences are said of the repeats
        is_text = values.dtype.kind in "OUSb"
        codes = codes_of(values)
        num = int(codes.max()) + 1
        most = _MOST_LABELS if is_text else _MOST_NUMBERS
        if 1 < num <= most and num < len(codes):
            found[name] = codes
    return found


def _of_repeats(
    labels: Mapping[str, NDArray[np.intp]], cells: NDArray[np.intp], loss: Floats
) -> tuple[list[str], Floats, NDArray[np.bool_]]:
    """The columns that explain differences of equal rows, the differences, and these rows."""
    residual = residuals(cells, loss)
    repeated = np.bincount(cells)[cells] > 1
    first, found, own = residual, list[str](), cells
    for _ in range(_MOST_COLUMNS):
        counts = np.bincount(own)
        if (counts > 1).sum() < 2:
            break
        rows = counts[own] > 1
        scores = {
            name: _ratio(residual[rows], codes[rows], own[rows])
            for name, codes in labels.items()
            if name not in found and varies_within(codes, own)
        }
        best = max(scores, key=lambda name: scores[name], default=None)
        if best is None or scores[best] <= _CLEAR:
            break
        found.append(best)
        own = codes_of_rows([own, labels[best]])
        residual = residuals(own, loss)
    return found, first, repeated


def _of_trend(
    labels: Mapping[str, NDArray[np.intp]], inputs: Sequence[NDArray[Any]], loss: Floats
) -> str | None:
    """The column by which losses differ beyond a smooth trend with the inputs, if any."""
    numbers = [own for own in inputs if own.ndim == 1 and own.dtype.kind in "fiu"]
    if len(numbers) != len(inputs) or (loss <= 0.0).any() or any((o <= 0.0).any() for o in numbers):
        return None
    logs = [np.log(own) - np.log(own).mean() for own in numbers if len(np.unique(own)) > 1]
    products = [a * b for at, a in enumerate(logs) for b in logs[at:]]
    design = np.stack([np.ones(len(loss)), *logs, *products], axis=1)
    best, score = None, _CLEAR_TREND
    for name, codes in labels.items():
        num = int(codes.max()) + 1
        free = len(loss) - design.shape[1] - num
        if np.bincount(codes).min() < _FEWEST or free < num or not _overlap(logs, codes):
            continue
        indicators = np.eye(num)[codes][:, 1:]
        plain = _left(design, np.log(loss))
        rest = _left(np.concatenate([design, indicators], axis=1), np.log(loss))
        own = (plain - rest) / (num - 1) / max(rest / free, 1e-300)
        if own > score and plain > 2.0 * rest:
            best, score = name, own
    return best


def _overlap(logs: Sequence[Floats], codes: NDArray[np.intp]) -> bool:
    """Whether each label covers about the whole range of each input."""
    for values in logs:
        ranges = [np.ptp(values[codes == code]) for code in range(int(codes.max()) + 1)]
        if min(ranges) < 0.5 * np.ptp(values):
            return False
    return bool(logs)


def _left(design: Floats, values: Floats) -> float:
    solution = np.linalg.lstsq(design, values, rcond=None)[0]
    return float(((values - design @ solution) ** 2).sum())


def per_cent(log_ratio: float) -> str:
    """The difference that a ratio's logarithm is, in per cent, to two digits.

    Example:
        >>> per_cent(0.165), per_cent(1.1)
        ('18', '200')
    """
    return short(float(f"{100.0 * np.expm1(log_ratio):.2g}"))


def residuals(cells: NDArray[np.intp], loss: Floats) -> Floats:
    """Logs of losses less their mean over equal rows."""
    logs = np.log(np.abs(loss) + 1e-300)
    return np.asarray(logs - (np.bincount(cells, logs) / np.bincount(cells))[cells])


def varies_within(codes: NDArray[np.intp], cells: NDArray[np.intp]) -> bool:
    """Whether most equal rows have different labels."""
    counts = np.bincount(cells)
    num_labels = np.bincount(np.unique(np.stack([cells, codes]), axis=1)[0], minlength=len(counts))
    several = counts > 1
    return bool((num_labels[several] > 1).mean() > 0.5)


def _ratio(residual: Floats, codes: NDArray[np.intp], cells: NDArray[np.intp]) -> float:
    """F ratio of variance between labels to that within, after cell means; 0 if by chance."""
    from scipy.stats import f

    used, codes = np.unique(codes, return_inverse=True)
    free = len(codes) - len(np.unique(cells)) - len(used) + 1
    if len(used) < 2 or free < 1 or not residual.any():
        return 0.0
    counts = np.bincount(codes)
    means = np.bincount(codes, residual) / counts
    within = float(((residual - means[codes]) ** 2).sum()) / free
    ratio = float((counts * means**2).sum()) / (len(used) - 1) / max(within, 1e-300)
    return ratio if f.sf(ratio, len(used) - 1, free) < _CHANCE else 0.0


def _problem(
    what: str,
    names: list[str],
    columns: Mapping[str, NDArray[Any]],
    num_groups: int | None,
    groups: Sequence[str],
) -> Problem:
    """Losses that differ by the labels of columns."""
    labels = {name: labels_of_rows(columns[name]) for name in names}
    told = ", ".join(
        f"column {name!r} ({', '.join(map(repr, own[:6]))}{', …' if len(own) > 6 else ''}"
        f"{' or missing' if lacks_labels(columns[name]) else ''})"
        for name, own in labels.items()
    )
    first = " and ".join(
        condition_is(name, columns[name], labels[name][0]) for name in names if labels[name]
    )
    by = ",".join([*groups, *names])
    only = ", ".join(own[0] for own in labels.values() if own)
    ways = [({"where": first}, f"for {only} alone")] if first else []
    if all(map(lacks_labels, (columns[name] for name in names))):
        missing = " and ".join(map(condition_missing, names))
        ways.append(({"where": missing}, f"for the rows without {by}"))
    group = others = ""
    if num_groups != 0 and not any(
        lacks_labels(columns[name]) or _is_quantity(name, columns[name]) for name in names
    ):
        if num_groups is None:
            group = f"each group (use by={by!r}) or "
            ways.insert(0, ({"by": by}, f"for a fit of each {by}"))
        elif not groups and len(names) == 1 and num_groups <= len(labels[by]):
            way, some = _some_groups(by, columns[by], labels[by], num_groups)
            others = f" or compare {' and '.join(some)}"
            ways.insert(0, (way, f"to compare {' and '.join(some)}"))
    remedies, cases = zip(*ways, strict=True)
    one = first or remedies[-1]["where"]
    return Problem(
        f"{what}, by {told}: fit {group}one of them (use where={one!r}){others}", remedies, cases
    )


def _some_groups(
    by: str, values: NDArray[Any], labels: list[str], num: int
) -> tuple[dict[str, str], list[str]]:
    """The options that take as many groups, and their labels."""
    some = labels[:num]
    way = {"by": by}
    if len(labels) > num:
        way["where"] = condition_in(by, values, some)
    return way, some


def _is_quantity(name: str, values: NDArray[Any]) -> bool:
    """Whether a column holds parameters, tokens, or numbers that give them."""
    return values.dtype.kind in "iuf" and bool(roles_of(name) or meaning_of(name))
