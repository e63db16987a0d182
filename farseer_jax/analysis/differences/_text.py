"""The four views as a person reads them."""

from typing import TYPE_CHECKING

import numpy as np

from farseer_jax import _tables
from farseer_jax._numbers import quantity_text

if TYPE_CHECKING:
    from farseer_jax.analysis.differences._result import DifferenceAnalysis
    from farseer_jax.analysis.differences._views import DifferenceView

_MARK = "◀"


def text(found: "DifferenceAnalysis") -> str:
    """The whole of ``print(analysis)``."""
    header = ["", "slices", "pairs", "mean R²", "overall R²", "exponent", "", "R² of exponent"]
    rows = [_row(view, view is found.best) for view in found.views]
    best = found.best
    law = f"Δ{best.difference} ∝ {best.against}^(−p({best.held_variable}))"
    closing = (
        f"Most regular: {name_of(best)}, {law}. Lines of ln Δ in slices of at least "
        f"{found.min_pairs} pairs;\nR² of exponent: how well the slices' exponents lie on a line "
        "over ln of the held variable."
    )
    title = f"Differences of the loss of {found.num_runs} runs"
    steps = ", ".join(
        f"{variable} by {ratio:.3g}"
        for variable, ratio in (("D", found.ratio_D), ("N", found.ratio_N))
        if np.isfinite(ratio)
    )
    table = _tables.text(header, rows, left=1)
    warnings = [f"warning: {sentence}" for sentence in found.warnings]
    return "\n".join([f"{title}, steps of {steps}", "", table, "", closing, *warnings])


def name_of(view: "DifferenceView") -> str:
    """Such as ``ΔD against N``."""
    return f"Δ{view.difference} against {view.against}"


def _row(view: "DifferenceView", is_best: bool) -> list[str]:
    name = f"{name_of(view)}, per {view.held_variable}"
    if not len(view.held):
        return [name, "0", "0", "–", "–", "–", "", "–"]
    low, high = view.exponent.min(), view.exponent.max()
    trend = view.exponent_r_squared
    return [
        name,
        str(len(view.held)),
        str(len(view.x)),
        f"{view.mean_r_squared:.4f}",
        f"{view.overall_r_squared:.4f}",
        f"{low:.2f} to {high:.2f}",
        _MARK if is_best else "",
        "–" if np.isnan(trend) else f"{trend:.3f}",
    ]


def sentences(found: "DifferenceAnalysis") -> tuple[str, ...]:
    """What to know before trusting the views."""
    said = []
    for variable, lost in (("D", found.num_not_falling_D), ("N", found.num_not_falling_N)):
        if lost:
            pairs = "pair is" if lost == 1 else "pairs are"
            said.append(
                f"{lost} {pairs} left out, as the loss does not fall with {variable}: a power law "
                "has no such differences, and R² is better for it."
            )
    said += [
        f"{name_of(view)} has no slice of at least {found.min_pairs} pairs: there are too few "
        f"runs that share {view.held_variable} and lie one step of {view.difference} apart."
        for view in found.views
        if not len(view.held)
    ]
    # against the other variable they may grow: that is how N and D interact
    own = [view for view in found.views if view.difference == view.against]
    for view in (view for view in own if (view.exponent <= 0).any()):
        count = int((view.exponent <= 0).sum())
        where = ", ".join(quantity_text(v) for v in view.held[view.exponent <= 0][:3])
        more = "" if count <= 3 else f" and {count - 3} more"
        said.append(
            f"{name_of(view)}: differences grow with {view.against} at {view.held_variable} = "
            f"{where}{more}."
        )
    return tuple(said)
