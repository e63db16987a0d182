"""A figure of the influence of each run on a number."""

import numpy as np
from matplotlib.axes import Axes

from farseer_jax.plots.draws import draws
from farseer_jax.plots.labels import place_labels
from farseer_jax.plots.layout import is_narrow, legend_outside
from farseer_jax.plots.log_ticks import input_axis, is_number
from farseer_jax.plots.style import COLOURS, GREY, INK, axes_of
from farseer_jax.results.numbers import loss_text, number_text
from farseer_jax.uncertainty.influence_result import Influence

_DIAMETER, _DIAMETER_IN_COLUMN = 20.0, 13.0  # of the largest disc, in points
_NUM_NAMED = 3


@draws(Influence, example="influence(fit, at=(N, D))")
def plot_influence(influence: Influence, ax: Axes | None = None) -> Axes:
    """The runs over two inputs, each a disc whose area is the number's change without the run.

    The inputs are N and D, or the first two of another law; the loss replaces a missing second one.
    Discs are blue where the number would fall and orange where it would rise; the largest have
    their change written beside them, relative, or absolute for a difference of two fits. Crosses
    are runs that cannot be removed.

    Args:
        influence: from :func:`influence`.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit, influence
        >>> from farseer_jax.plots import plot_influence
        >>> found = influence(fit(Farseer, example_runs(noise=5e-4)), at=(25.1e9, 5e11))
        >>> plot_influence(found).get_ylabel()
        'tokens D'
    """
    unit = 1.0 if influence.is_difference else abs(influence.value)
    change = influence.change_if_removed / unit
    known = np.isfinite(change)
    most = max(float(np.abs(change[known]).max(initial=0.0)), 1e-300)
    share = np.abs(np.where(known, change, 0.0)) / most
    (name_x, x), (name_y, y) = _axes_of_inputs(influence)
    with axes_of(ax, (6.4, 4.4)) as axes:
        diameter = (_DIAMETER_IN_COLUMN if is_narrow(axes) else _DIAMETER) * np.sqrt(share)
        axes.scatter(x, y, s=2.5, color=GREY, alpha=0.6, lw=0, zorder=2)
        for sign, colour, word in ((-1, COLOURS[0], "falls"), (1, COLOURS[1], "rises")):
            these = known & (np.sign(change) == sign)
            axes.scatter(
                x[these], y[these], s=diameter[these] ** 2,
                color=colour, alpha=0.6, edgecolor="white", lw=0.4, zorder=3,
            )  # fmt: skip
            axes.scatter([], [], s=60, color=colour, alpha=0.55, lw=0, label=f"{word} without it")
        axes.scatter(x[~known], y[~known], marker="x", color=INK, s=30)
        input_axis(axes, "x", name_x, x)
        input_axis(axes, "y", name_y, y)
        axes.margins(x=0.09, y=0.12)
        axes.set_title(_title(influence))
        legend_outside(axes, ncols=2)
        _name_largest(axes, influence, change, np.stack([x, y], axis=1), 0.5 * diameter)
    return axes


def _axes_of_inputs(influence: Influence) -> list[tuple[str, np.ndarray]]:
    """Names and values, ``(run,)``, of the horizontal and the vertical axis."""
    numbers = {n: np.asarray(x) for n, x in influence.inputs.items() if is_number(x)}
    usual = [name for name in ("N", "D") if name in numbers]
    names = list(dict.fromkeys([*usual, *numbers]))[:2]
    chosen = [(name, numbers[name]) for name in names]
    order = [("run", np.arange(1.0, len(influence.loss) + 1.0))]
    return [*(chosen or order), ("loss", influence.loss)][:2]


def _name_largest(
    axes: Axes, influence: Influence, change: np.ndarray, points: np.ndarray, radius: np.ndarray
) -> None:
    named = [i for i in influence.largest(_NUM_NAMED) if np.isfinite(change[i])]
    texts = [
        f"{change[i]:+.1e}" if influence.is_difference else f"{100 * change[i]:+.2f} %"
        for i in named
    ]
    place_labels(
        axes, points[named], [text.replace("-", "−") for text in texts], points,
        num_must=len(named), mark=np.maximum(radius, 1.5),
    )  # fmt: skip


def _title(influence: Influence) -> str:
    where = influence.place
    loss = influence.quantity == "loss"
    value = loss_text(influence.value) if loss else number_text(influence.value, 4)
    name = influence.quantity[0].upper() + influence.quantity[1:] if loss else influence.quantity
    return f"{name}{f' at {where}' if where else ''}: {value}, and without each run"
