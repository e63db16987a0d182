"""Copies and replicates: rows that are equal in all inputs and the response.

A copy is the same run twice, and counts once. A replicate is another run whose loss rounding made
equal; its loss is moved by far less than any rounding, so that nothing takes it for a copy.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from farseer_jax.runs.checks import Floats
from farseer_jax.runs.usual_names import squeezed

Copies = Literal["average", "keep"]
COPIES: tuple[Copies, ...] = ("average", "keep")
# Columns that tell replicates from copies.
_SEED_TEXT = """
    seed seeds randomseed initseed dataseed modelseed trainseed trainingseed globalseed rngseed
    replicate replica repeat repetition rerun
    """
_SEEDS = frozenset(_SEED_TEXT.split())
_SHIFT = 32  # units in the last place: a hundredth of a millionth of a millionth


def losses_with_replicates(
    loss: Floats,
    inputs: Mapping[str, NDArray[Any]],
    extra: Mapping[str, NDArray[Any]],
    copies: Copies = "average",
) -> Floats:
    """Losses in which replicates differ in their last digits, ``(run,)``.

    Args:
        loss: the response, ``(run,)``.
        inputs: columns that identify a run, ``(run,)`` or ``(run, share)``.
        extra: other columns; rows that differ in a column such as ``seed`` are replicates.
        copies: ``"keep"`` takes all equal rows for replicates.

    Raises:
        ValueError: ``copies`` is neither.

    Example:
        >>> loss, N = np.array([3.5, 3.5, 3.5]), np.array([1e8, 1e8, 1e8])
        >>> np.unique(losses_with_replicates(loss, {"N": N}, {"seed": np.array([0, 1, 1])})).size
        2
    """
    if copies not in COPIES:
        raise ValueError(f"copies must be one of {COPIES}, got {copies!r}")
    seeds = [values for name, values in extra.items() if is_seed(name)]
    if copies == "average" and not seeds:
        return loss
    num = len(loss)
    identity = _codes([*inputs.values(), loss], num)
    own = np.arange(num) if copies == "keep" else _codes(seeds, num)
    rank = np.zeros(num)
    seen: dict[int, dict[int, int]] = {}
    for row, (run, replicate) in enumerate(zip(identity.tolist(), own.tolist(), strict=True)):
        known = seen.setdefault(run, {})
        rank[row] = known.setdefault(replicate, len(known))
    return np.asarray(loss + rank * _SHIFT * np.spacing(loss))


def is_seed(column: object) -> bool:
    """Whether a column tells replicates apart, by its name.

    Example:
        >>> is_seed("config.data_seed"), is_seed("arm")
        (True, False)
    """
    text = str(column)
    return bool({squeezed(text), squeezed(text.replace("/", ".").rsplit(".", 1)[-1])} & _SEEDS)


def _codes(columns: list[NDArray[Any]], num_rows: int) -> NDArray[np.intp]:
    """Numbers that are equal exactly where rows are."""
    rows: list[tuple[Any, ...]] = [()] * num_rows
    for column in columns:
        values = column.reshape(num_rows, -1).tolist()
        rows = [(*row, *own) for row, own in zip(rows, values, strict=True)]
    codes: dict[tuple[Any, ...], int] = {}
    return np.array([codes.setdefault(row, len(codes)) for row in rows], dtype=np.intp)
