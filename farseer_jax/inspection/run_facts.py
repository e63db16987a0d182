"""Sentences on the rows of a table: runs, groups, repeats, copies, noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from farseer_jax.inspection.column_summary import number_text
from farseer_jax.results.numbers import quantity_text, some_of
from farseer_jax.runs.binding import Part
from farseer_jax.runs.groups_and_responses import group_text
from farseer_jax.runs.noise import noise_if_shown
from farseer_jax.runs.runs import Runs
from farseer_jax.tables.row_numbers import shortened

_MOST_GROUPS: Final = 8
_MOST_SIZES: Final = 2_000  # for an estimate of the noise


def row_facts(parts: Sequence[Part]) -> tuple[str, ...]:
    """Sentences on the runs that a table holds.

    Args:
        parts: the runs of each group; none if the table is not read.
    """
    return tuple(_facts(parts)) if parts else ()


def _facts(parts: Sequence[Part]) -> Iterator[str]:
    every = [part.runs for part in parts]
    num = sum(map(len, every))
    groups = f" in {len(parts)} groups ({_groups(parts)})" if len(parts) > 1 else ""
    yield f"{num:,} runs{groups}{_sizes(every)}"
    copies = sum(runs.num_copies for runs in every)
    if copies:
        equal = "equals another in all inputs and the loss"
        yield (
            f"{some_of(copies, num, 'runs', equal, 'equal others in all inputs and the loss')}: "
            "copies count once"
        )
    repeated, points = map(sum, zip(*map(_repeats, every), strict=True))
    if repeated:
        yield f"{some_of(repeated, points, 'points', 'has', 'have')} several runs with other losses"
    yield from _noise(every)


def _groups(parts: Sequence[Part]) -> str:
    return shortened(
        [f"{group_text(part.group)}: {len(part.runs):,}" for part in parts], _MOST_GROUPS
    )


def _sizes(every: Sequence[Runs]) -> str:
    """Sizes, tokens per parameter and compute of runs over N and D."""
    if not all({"N", "D"} <= set(runs.inputs) for runs in every):
        return ""
    N, D = (np.concatenate([runs.inputs[name] for runs in every]) for name in ("N", "D"))
    ratio, compute = D / N, 6.0 * N * D
    sizes = len(np.unique(N))
    return (
        f", {sizes:,} size{'s'[: sizes != 1]} N from {quantity_text(N.min())} to "
        f"{quantity_text(N.max())}, {number_text(float(f'{ratio.min():.3g}'))} to "
        f"{number_text(float(f'{ratio.max():.3g}'))} tokens per parameter, "
        f"{compute.min():.1e} to {compute.max():.1e} FLOPs (6 N D)"
    )


def _repeats(runs: Runs) -> tuple[int, int]:
    """Points with several runs whose losses differ, and all points."""
    columns = [
        np.unique(own, return_inverse=True)[1].ravel()
        for values in runs.inputs.values()
        for own in (values.astype(str) if values.dtype.kind == "O" else values)
        .reshape(len(runs), -1)
        .T
    ]
    cells = np.zeros(len(runs), dtype=np.intp)
    for codes in columns:
        _, cells = np.unique(cells * (int(codes.max()) + 1) + codes, return_inverse=True)
    pairs = np.unique(np.stack([cells.astype(float), runs.loss]), axis=1)[0]
    counts = np.unique(pairs, return_counts=True)[1]
    return int((counts > 1).sum()), len(counts)


def _noise(every: Sequence[Runs]) -> Iterator[str]:
    """The noise over all groups."""
    small = [runs for runs in every if "N" not in runs.inputs or runs.num_sizes <= _MOST_SIZES]
    found = [own for own in map(noise_if_shown, small) if own is not None]
    if not found:
        return
    dof = np.array([own.dof.sum() for own in found])
    pooled = np.sqrt(np.average([own.pooled**2 for own in found], weights=dof))
    sources = {own.source for own in found}
    how = "repeats" if sources == {"repeats"} else "differences along D"
    yield f"noise of ln loss {100.0 * pooled:.2g} % ({how}, {dof.sum():.0f} degrees of freedom)"
