"""Numbers of rows in messages."""

from collections.abc import Iterable, Sequence
from typing import Final

MAX_ROWS_SHOWN: Final = 10
REMEDY: Final = "correct these rows or leave them out (rows are counted from 0, without the header)"


def shown_rows(rows: Iterable[int]) -> str:
    """Write row numbers for a message: the first ten, and how many more.

    Args:
        rows: positions, counted from 0.

    Returns:
        ``"row 3"``, ``"rows 3, 17"`` or ``"rows 0, 1, … and 37 more"``.

    Example:
        >>> shown_rows(range(47))
        'rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 37 more'
    """
    texts = [str(int(row)) for row in rows]
    return f"{'row' if len(texts) == 1 else 'rows'} {shortened(texts, MAX_ROWS_SHOWN)}"


def shortened(texts: Sequence[str], most: int) -> str:
    """Join texts by commas: the first of them, and how many more there are.

    Args:
        texts: what to join.
        most: how many to show.

    Example:
        >>> shortened(["a", "b", "c"], 2)
        'a, b and 1 more'
    """
    left = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {left} more" if left > 0 else "")
