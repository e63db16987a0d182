"""A figure of the best forms of A(N), B(N) and U(N)."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from farseer_jax.diagnostics.form_choice import Form, FormChoice
from farseer_jax.plots.draws import draws
from farseer_jax.plots.layout import legend_outside
from farseer_jax.plots.log_ticks import input_axis, plain_ticks
from farseer_jax.plots.style import COLOURS, GREY, INK, grid_of

_NUM_SHOWN = 3
_SHOWN_TIMES_BEST = 2.0  # largest error of a form that is shown, over the best
_NUM_DRAWN = 100  # points of a curve
_STYLES = ("-", "--", ":")
_TITLES = {"A": "exponent A(N)", "B": "coefficient B(N)", "U": "size term U(N)"}


@draws(FormChoice, example="choose_forms(runs)")
def plot_forms(choice: FormChoice, axes: Sequence[Axes] | None = None) -> tuple[Axes, ...]:
    """The best forms of A(N), B(N) and U(N), and the values at each size.

    Values and curves are above; the relative error of the curve at each size is below. Sizes in the
    grey band are left out to see which form extrapolates.

    Args:
        choice: from :func:`choose_forms`.
        axes: six axes to draw on, the upper three first; new ones by default.

    Returns:
        The axes: curves of A, B and U, then their errors.

    Raises:
        ValueError: there are not six axes.

    Example:
        >>> from farseer_jax import choose_forms, example_runs
        >>> from farseer_jax.plots import plot_forms
        >>> [ax.get_ylabel() for ax in plot_forms(choose_forms(example_runs()))[::3]]
        ['exponent A(N)', 'curve / value − 1, %']
    """
    with grid_of(axes, (2, 3), (7.1, 4.7), 8.2, height_ratios=(1.7, 1.0), shares_x=True) as made:
        for i, curve in enumerate(_TITLES):
            _draw(made[i], made[i + 3], choice, curve)
        below = made[3].get_subplotspec()
        stacked = below is not None and below.get_gridspec().ncols == 1
        for axes_of_error in made[3:] if stacked else made[3:4]:
            axes_of_error.set_ylabel("curve / value − 1, %")
    return tuple(made)


def _draw(upper: Axes, lower: Axes, choice: FormChoice, curve: str) -> None:
    values, forms = choice.values[curve], _shown(choice.forms[curve])
    left_out = float(np.sqrt(np.prod(choice.N[-choice.num_held_out - 1 :][:2])))
    for axes in (upper, lower):
        axes.axvspan(left_out, choice.N[-1] * 1.12, color=GREY, alpha=0.12, lw=0, zorder=0)
    upper.scatter(choice.N, values, color=INK, s=16, zorder=4, lw=0)
    lower.axhline(0.0, color=GREY, lw=0.9)
    largest = 0.0
    along = np.geomspace(choice.N[0], choice.N[-1], _NUM_DRAWN)
    for k, form in reversed(list(enumerate(forms))):
        style: Any = {"color": COLOURS[k], "ls": _STYLES[k], "lw": 1.6}
        upper.plot(along, _curve(form, along), label=_label(form), zorder=3, **style)
        error = 100 * (form.curve / values - 1.0)
        lower.plot(choice.N, error, zorder=3, marker="o", ms=2.5, **{**style, "lw": 1.0})
        largest = max(largest, float(np.nanmax(np.abs(error))))
    upper.set(xscale="log", yscale="log", ylabel=_TITLES[curve])
    upper.tick_params(which="both", labelbottom=False)
    input_axis(lower, "x", "N")
    lower.set(ylim=(-1.15 * largest, 1.15 * largest))
    plain_ticks(upper.yaxis)
    if np.ptp(np.log(upper.get_ylim())) < np.log(4):
        upper.yaxis.set_major_locator(MaxNLocator(5))
    legend_outside(upper, above=True, ncols=1, handles=upper.get_legend_handles_labels()[0][::-1])


def _curve(form: Form, N: np.ndarray) -> np.ndarray:
    """The curve of a form at any N, also between the sizes."""
    with jax.enable_x64(True):
        numbers = {name: jnp.asarray(value) for name, value in form.numbers.items()}
        return np.asarray(form.spec(jnp.asarray(N), numbers))


def _shown(forms: tuple[Form, ...]) -> list[Form]:
    most = _SHOWN_TIMES_BEST * forms[0].relative_error
    return [forms[0], *(form for form in forms[1:] if form.relative_error <= most)][:_NUM_SHOWN]


def _label(form: Form) -> str:
    # a number and its unit stay on one line
    return f"{form.name} ({100 * form.relative_error:.3g}\N{NO-BREAK SPACE}%)"
