"""Suggestions as a person reads them."""

from typing import TYPE_CHECKING

from farseer_jax import _tables
from farseer_jax._numbers import loss_text, number_text, quantity_text

if TYPE_CHECKING:
    from farseer_jax.planning._result import Suggestions

_MAX_TARGETS_SHOWN = 6


def text(found: "Suggestions") -> str:
    """The whole of ``print(suggestions)``."""
    columns = {"standard error after": (found.standard_error_now, found.standard_error_after)}
    if not found.targets:
        columns = {}
    if found.splits:
        name = "of D/N after" if found.targets else "standard error of D/N after"
        columns[name] = (found.ratio_error_now, found.ratio_error_after)
    rows = [["now", "", "", *(_percent(now) for now, _ in columns.values())]]
    rows += [
        [quantity_text(N), quantity_text(D), f"{flops:.2e}", *map(_percent, errors)]
        for N, D, flops, *errors in zip(
            found.N, found.D, found.flops, *(after for _, after in columns.values()), strict=True
        )
    ]
    parts = [f"{found.title}: {_heading(found)}", _tables.text(["N", "D", "FLOPs", *columns], rows)]
    parts += [_targets(found)] if found.targets else []
    parts += [_splits(found)] if found.splits else []
    notes = "".join(f"\nnote: {note}" for note in found.notes)
    return "\n\n".join([*parts, f"{found.basis}{notes}"])


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
    return table + _more(len(found.targets) - len(shown))


def _splits(found: "Suggestions") -> str:
    shown = found.splits[:_MAX_TARGETS_SHOWN]
    rows = [
        [
            f"{one.compute:.3g} FLOPs",
            number_text(one.tokens_per_parameter, 4),
            *(" to ".join(number_text(end, 3) for end in ends) for ends in (one.before, one.after)),
            one.flag,
        ]
        for one in shown
    ]
    header = ["budget", "tokens per parameter", f"{found.level:g} interval now", "after", ""]
    return _tables.text(header, rows, left=1) + _more(len(found.splits) - len(shown))


def _more(num: int) -> str:
    return f"\n… and {num} more" if num else ""


def _half(ends: tuple[float, float], predicted: float) -> str:
    return f"±{_percent((ends[1] - ends[0]) / (2 * predicted))}"


def _percent(value: float) -> str:
    return f"{value:.3%}" if value < 10 else "–"
