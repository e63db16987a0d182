"""Suggestions as a person reads them."""

from typing import TYPE_CHECKING

from farseer_jax import _tables
from farseer_jax._numbers import loss_text, quantity_text

if TYPE_CHECKING:
    from farseer_jax.planning._result import Suggestions

_MAX_TARGETS_SHOWN = 6


def text(found: "Suggestions") -> str:
    """The whole of ``print(suggestions)``."""
    rows = [["now", "", "", _percent(found.standard_error_now)]]
    rows += [
        [quantity_text(N), quantity_text(D), f"{flops:.2e}", _percent(error)]
        for N, D, flops, error in zip(
            found.N, found.D, found.flops, found.standard_error_after, strict=True
        )
    ]
    table = _tables.text(["N", "D", "FLOPs", "standard error after"], rows)
    parts = [f"{found.title}: {_heading(found)}", "", table, "", _targets(found), ""]
    return "\n".join([*parts, found.basis, *(f"note: {note}" for note in found.notes)])


def _heading(found: "Suggestions") -> str:
    count = f"{len(found)} run{'s'[: len(found) != 1]} to train next" if len(found) else "no run"
    return f"{count}, {found.spent:.3g} of {found.budget:.3g}"


def _targets(found: "Suggestions") -> str:
    shown = found.targets[:_MAX_TARGETS_SHOWN]
    rows = [
        [
            f"{quantity_text(one.N)}, {quantity_text(one.D)}",
            loss_text(one.predicted),
            _half(one.before, one.predicted),
            _half(one.after, one.predicted),
            one.flag,
        ]
        for one in shown
    ]
    header = ["target", "loss", f"{found.level:g} interval now", "after", ""]
    table = _tables.text(header, rows, left=1)
    more = len(found.targets) - len(shown)
    return f"{table}\n… and {more} more" if more else table


def _half(ends: tuple[float, float], predicted: float) -> str:
    return f"±{_percent((ends[1] - ends[0]) / (2 * predicted))}"


def _percent(value: float) -> str:
    return f"{value:.3%}" if value < 10 else "–"
