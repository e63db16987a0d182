"""Which columns of a table are the shares of a mixture."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from farseer_jax.choosing.column_values import is_text, known_input
from farseer_jax.choosing.table_checks import looks_like_mixture, refuse_sums
from farseer_jax.runs.inputs import SUM_TOLERANCE
from farseer_jax.runs.usual_names import USUAL_SHARES

MIXTURE: Final = "h"  # the name of the mixture in laws
_MOST_COLUMNS = 200  # among which neighbours that sum to 1 are searched


def mixture_among(columns: Mapping[str, np.ndarray], names: Sequence[str]) -> tuple[str, ...]:
    """Columns with a common prefix or suffix, in [0, 1], whose rows sum to 1.

    Args:
        columns: of the table.
        names: of those that may be shares.

    Raises:
        ValueError: columns look like a mixture, but do not sum to 1 in some rows.
    """
    numbers = [n for n in names if not is_text(columns[n])]
    stems: dict[str, list[str]] = {}
    for name in numbers:
        parts = re.split(r"[_ .:-]", name)
        for stem in {parts[0], parts[-1]}:
            stems.setdefault(stem, []).append(name)
    ordered = sorted(stems, key=lambda stem: (stem.lower() not in USUAL_SHARES, -len(stems[stem])))
    for stem in ordered:
        own = [name for name in stems[stem] if _is_share(columns[name])]
        total = sum(np.asarray(columns[name], dtype=float) for name in own)
        if len(own) > 1 and np.allclose(total, 1.0, atol=SUM_TOLERANCE):
            return tuple(own)
    for stem in ordered:
        own = stems[stem]
        usual = stem.lower() in USUAL_SHARES
        if len(own) > 1 and looks_like_mixture(
            np.stack([np.asarray(columns[name], dtype=float) for name in own], axis=1), usual
        ):
            refuse_sums(columns, own)
    return ()


def plain_mixture(columns: Mapping[str, np.ndarray], names: Sequence[str]) -> tuple[str, ...]:
    """The longest set of adjacent columns of any names, in [0, 1], whose rows all sum to 1.

    Args:
        columns: of the table.
        names: of those that may be shares, in the order of the table.

    Example:
        >>> table = {"web": [0.7, 0.2], "code": [0.2, 0.5], "math": [0.1, 0.3], "dropout": [0, 0.1]}
        >>> plain_mixture({name: np.array(own) for name, own in table.items()}, list(table))
        ('web', 'code', 'math')
    """
    own = [
        name
        for name in names
        if not is_text(columns[name]) and not known_input(name) and _is_share(columns[name])
    ][:_MOST_COLUMNS]
    if len(own) < 2:
        return ()
    shares = np.stack([np.asarray(columns[name], dtype=float) for name in own])
    sums = np.cumsum(np.vstack([np.zeros(shares.shape[1]), shares]), axis=0)
    for num in range(len(own), 1, -1):
        for first in range(len(own) - num + 1):
            total = sums[first + num] - sums[first]
            members = shares[first : first + num]
            if np.abs(total - 1.0).max() <= SUM_TOLERANCE and (np.ptp(members, axis=1) > 0.0).all():
                return tuple(own[first : first + num])
    return ()


def _is_share(values: np.ndarray) -> bool:
    numbers = np.asarray(values, dtype=float)
    return bool(np.isfinite(numbers).all() and (numbers >= 0.0).all() and (numbers <= 1.0).all())
