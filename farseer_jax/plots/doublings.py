"""A figure of what doubling N or D does to the loss."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from farseer_jax.diagnostics.doublings import Doublings
from farseer_jax.plots.style import COLOURS, axes_of
from farseer_jax.results.numbers import quantity_text


def plot_doublings(found: Doublings, ax: Axes | None = None) -> Axes:
    """Bars of the relative change of the loss, three for each point.

    Args:
        found: from :func:`doublings`.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Example:
        >>> from farseer_jax import Farseer, doublings, example_runs, fit
        >>> from farseer_jax.plots import plot_doublings
        >>> found = doublings(fit(Farseer, example_runs()), [1e9, 7e9], 1e12)
        >>> plot_doublings(found).get_ylabel()
        'change of the loss'
    """
    with axes_of(ax, (4.6, 3.2)) as axes:
        places = np.arange(len(found.N))
        for k, (name, label) in enumerate(
            (("double_N", "twice N"), ("double_D", "twice D"), ("double_both", "twice both"))
        ):
            own = getattr(found, name)
            axes.bar(places + 0.27 * (k - 1), own, 0.25, color=COLOURS[k], label=label)
        points = zip(found.N, found.D, strict=True)
        axes.set_xticks(places, [f"{quantity_text(n)}\n{quantity_text(d)}" for n, d in points])
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set(ylabel="change of the loss", title=f"{found.law.title()} law")
        axes.legend()
    return axes
