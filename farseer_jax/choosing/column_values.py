"""Whether the values of a column are text, sizes or numbers, and what its name says."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from farseer_jax.runs.checks import floats_of, is_missing
from farseer_jax.runs.usual_names import USUAL_NAMES, begins_with, squeezed

_SIZE_LABEL = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMBT])\s*", re.IGNORECASE)
_SIZE_UNITS = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


def is_text(values: np.ndarray) -> bool:
    """Whether a column holds neither numbers nor True and False."""
    return np.asarray(values).dtype.kind not in "fiub"


def sizes_of(values: np.ndarray) -> np.ndarray | None:
    """Sizes such as ``70M`` as numbers; None where a label is something else."""
    if not is_text(values):
        return None
    found = [_SIZE_LABEL.fullmatch(str(value)) for value in values]
    if not all(found) or not found:
        return None
    return np.array([float(m[1]) * _SIZE_UNITS[m[2].lower()] for m in found if m is not None])


def some_numbers(values: np.ndarray) -> bool:
    """Whether at least half of the values that are not missing are numbers."""
    known = [value for value in values.tolist() if not is_missing(value) and value != ""]
    return 2 * sum(_is_number(value) for value in known) >= max(len(known), 1)


def _is_number(value: object) -> bool:
    try:
        floats_of([value], "")
    except ValueError:
        return False
    return True


def known_input(name: str) -> bool:
    """Whether a column is an input by its name."""
    return any(
        squeezed(name) in usual or begins_with(name, key)
        for key, usual in USUAL_NAMES.items()
        if key != "loss"
    )


def numbers_by_name(columns: Mapping[str, np.ndarray], named: Sequence[str]) -> list[str]:
    """Columns of text that hold numbers by their name, and in some rows."""
    return [
        name
        for name, own in columns.items()
        if is_text(own)
        and sizes_of(own) is None
        and (name in named or (known_input(name) and some_numbers(own)))
    ]
