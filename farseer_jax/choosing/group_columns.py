"""Which columns of text make groups, each with its own fit."""

from collections.abc import Mapping, Sequence

import numpy as np

from farseer_jax.choosing.table_checks import LEAST_RUNS

_LEAST_IN_GROUPS = 0.5  # share of the rows in groups that are large enough


def groups_among(
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
