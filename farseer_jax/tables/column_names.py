"""Distinct names of columns, as text."""

from collections import Counter
from collections.abc import Sequence
from typing import Any


def distinct_names(names: Sequence[Any]) -> list[str]:
    """Names as text; those that occur several times are numbered.

    Args:
        names: of the columns of a table, in order; a tuple of several levels is joined.

    Example:
        >>> distinct_names(["N", "loss", "loss", 3, ("loss", "mean")])
        ['N', 'loss (1)', 'loss (2)', '3', 'loss_mean']
    """
    texts = [
        "_".join(str(level) for level in name if str(level))
        if isinstance(name, tuple)
        else str(name)
        for name in names
    ]
    counts, seen = Counter(texts), Counter[str]()
    found = []
    for text in texts:
        seen[text] += 1
        found.append(f"{text} ({seen[text]})" if counts[text] > 1 else text)
    return found
