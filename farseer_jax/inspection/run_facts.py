"""Sentences on the rows of a table: runs, groups, repeats, copies, noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from farseer_jax.inspection.column_summary import number_text
from farseer_jax.results.numbers import quantity_text, some_of
from farseer_jax.runs.binding import Part
from farseer_jax.runs.checks import Floats
from farseer_jax.runs.noise import noise_if_shown
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.survey.arms import codes_of_rows
from farseer_jax.tables.row_numbers import shortened

_MOST_GROUPS: Final = 8
_MOST_NAMES: Final = 6
_MOST_SIZES: Final = 2_000  # for an estimate of the noise


def row_facts(parts: Sequence[Part], further: Mapping[str, Floats]) -> tuple[str, ...]:
    """Sentences on the runs that a table holds.

    Args:
        parts: the runs of each group; none if the table is not read.
        further: inputs of laws beside those of the runs, by column, ``(row,)`` of all groups.
    """
    return tuple(_facts(parts, further)) if parts else ()


def _facts(parts: Sequence[Part], further: Mapping[str, Floats]) -> Iterator[str]:
    every = [part.runs for part in parts]
    num = sum(map(len, every))
    groups = f" in {len(parts)} groups ({_groups(parts)})" if len(parts) > 1 else ""
    yield f"{num:,} run{'s'[: num != 1]}{groups}{_sizes(every)}"
    copies = sum(runs.num_copies for runs in every)
    if copies:
        equal = "equals another in all inputs and the loss"
        yield (
            f"{some_of(copies, num, 'runs', equal, 'equal others in all inputs and the loss')}: "
            "copies count once"
        )
    repeated, points = map(sum, zip(*map(_repeats, every), strict=True))
    others = [name for name in further if repeated and _varies_at_points(every, name)]
    if repeated:
        differ = f", which differ in {shortened(others, _MOST_NAMES)}" if others else ""
        inputs = " and ".join(every[0].inputs)
        yield (
            f"{some_of(repeated, points, f'points of {inputs}', 'has', 'have')} several runs with "
            f"different losses{differ}"
        )
    if not others:
        yield from _noise(every)


def _varies_at_points(every: Sequence[Runs], name: str) -> bool:
    """Whether a further input differs between runs that are equal in all inputs."""
    for runs in every:
        values = runs.extra.get(name)
        if values is not None and len(runs):
            cells = codes_of_rows([*runs.inputs.values()])
            pairs = np.unique(np.stack([cells, np.unique(values, return_inverse=True)[1]]), axis=1)
            if pairs.shape[1] > len(np.unique(cells)):
                return True
    return False


def _groups(parts: Sequence[Part]) -> str:
    """The columns of groups, and how many runs each group has."""
    texts = [f"{', '.join(map(str, own.group.values()))} {len(own.runs):,}" for own in parts]
    names = ", ".join(parts[0].group)
    return f"{names}: {shortened(texts, _MOST_GROUPS)}"


def _sizes(every: Sequence[Runs]) -> str:
    """Sizes, tokens per parameter and compute of runs over N and D."""
    if not all({"N", "D"} <= set(runs.inputs) for runs in every):
        return ""
    N, D = (np.concatenate([runs.inputs[name] for runs in every]) for name in ("N", "D"))
    sizes = len(np.unique(N))
    return (
        f", {sizes:,} size{'s'[: sizes != 1]}, N {_ends(N, quantity_text)}, "
        f"{_ends(D / N, _three)} tokens per parameter, {_ends(6.0 * N * D, _two)} FLOPs (6 N D)"
    )


def _ends(values: Floats, text: Callable[[float], str]) -> str:
    """The smallest and the largest value, in words."""
    low, high = text(float(values.min())), text(float(values.max()))
    return low if low == high else f"{low} to {high}"


def _two(value: float) -> str:
    return number_text(float(f"{value:.2g}"))


def _three(value: float) -> str:
    return number_text(float(f"{value:.3g}"))


def _repeats(runs: Runs) -> tuple[int, int]:
    """Points with several runs whose losses differ, and all points."""
    pairs = np.unique(
        np.stack([codes_of_rows([*runs.inputs.values()]).astype(float), runs.loss]), axis=1
    )[0]
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
    how = "repeats" if sources == {"repeats"} else "scatter along D within a size"
    yield f"noise of ln loss {100.0 * pooled:.2g} % ({how}, {dof.sum():.0f} degrees of freedom)"
