"""Runs in tiles of a few fixed shapes, so that one compiled solver takes tables of any size.

A solver sums over the tiles that a table fills. It is compiled for the shape of a tile and for the
room; neither time nor digits depend on how much of the room stays empty.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.runtime.threads import platform

# Rows of a tile by its slots, on a CPU: some fifty cells, enough to be worth a call of XLA, and few
# enough that a table's last tile is nearly full.
_ROWS = {18: 3, 6: 7, 1: 48}
_ROW_COST = 6  # cost of the curves and their derivatives per row, in cells
_WORTH = 1.25  # ratio of costs from which on another shape pays
_ROOM, _GROWTH = 600, 4  # cells of the smallest room, and its ratio to the next
_LEAST_ROWS = 32  # of the one tile elsewhere


class Tiled(NamedTuple):
    """A layout in tiles.

    Attributes:
        layout: ``N``, ``(tile, row)``; ``log_D``, ``run`` and ``share``, ``(tile, row, slot)``.
        num_tiles: tiles in use; the others repeat a run, with a share of 0.
    """

    layout: Layout
    num_tiles: int


def tiled(layout: Layout) -> Tiled:
    """Lay the rows of a layout out in tiles; rows with many runs are cut.

    On other devices than a CPU there is one tile: a turn of a loop costs more than a table there.
    """
    slots = _best_slots(layout.share)
    N, log_D, run, share = _cut_rows(layout, slots)
    if platform() == "cpu":
        num_rows = _ROWS[slots]
        num_tiles = -(-len(run) // num_rows)
        room = next(
            room
            for room in (_ROOM * _GROWTH**k // (num_rows * slots) for k in range(64))
            if room >= num_tiles
        )
    else:
        num_rows, num_tiles, room = max(_LEAST_ROWS, 1 << (len(run) - 1).bit_length()), 1, 1

    def in_tiles(rows: np.ndarray, *, empty: bool = False) -> np.ndarray:
        missing = [(0, room * num_rows - len(rows))] + [(0, 0)] * (rows.ndim - 1)
        padded = np.pad(rows, missing) if empty else np.pad(rows, missing, mode="edge")
        return padded.reshape(room, num_rows, *rows.shape[1:])

    inputs = {"N": in_tiles(N), "log_D": in_tiles(log_D)}
    tiles = replace(layout, inputs=inputs, run=in_tiles(run), share=in_tiles(share, empty=True))
    return Tiled(tiles, num_tiles)


def _best_slots(share: np.ndarray) -> int:
    """The widest rows at nearly the least cost: a limit on D seldom changes them."""
    filled = np.count_nonzero(share, axis=1)
    costs = {
        slots: int(np.sum(-(-filled // slots))) * (slots + _ROW_COST)
        for slots in sorted(_ROWS, reverse=True)
    }
    return next(slots for slots, cost in costs.items() if cost <= _WORTH * min(costs.values()))


def _cut_rows(layout: Layout, slots: int) -> tuple[np.ndarray, ...]:
    """N, ln D, runs and shares, in rows of ``slots``."""
    num_pieces = -(-layout.run.shape[1] // slots)
    missing = (0, 0), (0, num_pieces * slots - layout.run.shape[1])
    share = np.pad(layout.share, missing).reshape(-1, slots)
    filled = share.any(axis=1)
    N = np.repeat(layout.inputs["N"], num_pieces)
    log_D, run = (
        np.pad(cells, missing, mode="edge").reshape(-1, slots)
        for cells in (layout.inputs["log_D"], layout.run)
    )
    return N[filled], log_D[filled], run[filled], share[filled]
