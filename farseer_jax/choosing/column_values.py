"""Whether the values of a column are text, sizes or numbers, and what its name says."""

from collections.abc import Mapping, Sequence

import numpy as np

from farseer_jax.runs.column_names import roles_of
from farseer_jax.runs.usual_names import USUAL_NAMES, begins_with
from farseer_jax.tables.number_texts import numbers_of


def is_text(values: np.ndarray) -> bool:
    """Whether a column holds neither numbers nor True and False."""
    return np.asarray(values).dtype.kind not in "fiub"


def sizes_of(values: np.ndarray) -> np.ndarray | None:
    """Sizes such as ``70M`` as numbers; None where a label is something else."""
    if not is_text(values):
        return None
    if all(str(label).strip().replace(".", "").isdecimal() for label in values.tolist()):
        return None  # text of digits alone may be names
    found = numbers_of(values)
    is_sure = not found.ambiguous.size and not np.isnan(found.numbers).any()
    return found.numbers if is_sure else None


def some_numbers(values: np.ndarray) -> bool:
    """Whether at least half of the values that are not missing are numbers."""
    found = numbers_of(values)
    num_numbers = int((~np.isnan(found.numbers)).sum())
    return num_numbers >= max(found.not_numbers.size, 1)


def known_input(name: str) -> bool:
    """Whether a column is an input by its name."""
    return bool(roles_of(name)) or any(
        begins_with(name, key) for key in USUAL_NAMES if key != "loss"
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
