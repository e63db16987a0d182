"""Rings around the outliers of a fit, numbered by their distance in standard deviations."""

import numpy as np
from matplotlib.axes import Axes

from farseer_jax.fitting.result import Fit
from farseer_jax.plots.labels import place_labels
from farseer_jax.plots.style import COLOURS


def ring_outliers(axes: Axes, fit: Fit, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Ring the outliers, with an entry in the legend.

    Args:
        axes: the axes.
        fit: the fit with the outliers (:attr:`Fit.outliers`).
        x: places of its runs, ``(run,)``; NaN for runs that are not drawn.
        y: likewise.

    Returns:
        Places and ranks of the rings, ``(ring, 3)``, the farthest outlier first.
    """
    rows = fit.outliers.rows
    found = np.stack([x[rows], y[rows], np.arange(1, len(rows) + 1)], axis=1)
    found = found[np.isfinite(found).all(axis=1)]
    if len(found):
        axes.scatter(
            found[:, 0], found[:, 1], s=62, facecolor="none", edgecolor=COLOURS[1], lw=1.2,
            zorder=4, label="outliers by rank",
        )  # fmt: skip
    return found


def name_ranks(axes: Axes, rings: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Write the ranks beside the rings where there is room; call it last.

    Args:
        axes: axes with their final limits and legend.
        rings: from :func:`ring_outliers`.
        x: places of the runs, which no number may cover, ``(run,)``.
        y: likewise.
    """
    if len(rings):
        texts = [f"{rank:.0f}" for rank in rings[:, 2]]
        taken = np.stack([x, y], axis=1)
        taken = taken[np.isfinite(taken).all(axis=1)]
        place_labels(axes, rings[:, :2], texts, taken, num_must=0, mark=2.0)
