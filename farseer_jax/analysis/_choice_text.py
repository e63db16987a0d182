"""The table of choices as a person reads it: groups as sections, the largest change marked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax import _tables
from farseer_jax._numbers import loss_text, percent_text, quantity_text
from farseer_jax.analysis._choice_plan import GROUPS

if TYPE_CHECKING:
    from farseer_jax.analysis._choice_table import ChoiceComparison, ChoiceResult

_MAX_POINTS_SHOWN = 4
_LONG = 5  # rows from which a group is summarised
_SHOWN_OF_LONG = 3
_MARK = "◀"


def text(found: "ChoiceComparison") -> str:
    """The whole of ``print(comparison)``."""
    num_points = min(len(found.N), _MAX_POINTS_SHOWN)
    places = [_place(found, i) for i in range(num_points)]
    alone = num_points == 1
    header = ["", *(["loss", "change"] if alone else places), "", "fitted error"]
    reference = [loss_text(loss) for loss in found.reference.predicted[:num_points]]
    error = f"{found.reference.mean_relative_error:.3%}"
    lines = [["as fitted", *reference, *[""] * (1 + alone), error]]
    shown: list[ChoiceResult] = []
    for group in found.groups:
        lines.append([""] * len(header))
        section, in_full = _section(group, found[group], num_points)
        lines += section
        shown += in_full
    title = f"{found.law.title()} law by {found.method}, {found.num_runs} runs"
    where = f"loss at {places[0]} by choice" if alone else "loss by choice"
    parts = [f"{title}: {where}", "", _tables.text(header, lines, left=1), "", closing(found)]
    if len(found.N) > num_points:
        more = len(found.N) - num_points
        parts.append(f"… and {more} more point{'s' if more > 1 else ''}")
    return "\n".join([*parts, *_notes(shown)])


def _place(found: "ChoiceComparison", i: int) -> str:
    return f"{quantity_text(found.N[i])}, {quantity_text(found.D[i])}"


def _section(
    group: str, rows: Sequence["ChoiceResult"], num_points: int
) -> tuple[list[list[str]], list["ChoiceResult"]]:
    """Lines of a group, and the rows that stand there in full."""
    usable = sorted((row for row in rows if row.usable), key=lambda row: -row.largest_change)
    marked = usable[0] if len(usable) > 1 and usable[0].largest_change > 0 else None
    is_long = len(rows) > _LONG
    shown = usable[:_SHOWN_OF_LONG] if is_long else list(rows)
    title = f"{GROUPS[group]} ({len(rows)})" if is_long else GROUPS[group]
    blank = [""] * (num_points + (num_points == 1) + 2)
    lines = [[title, *blank]]
    lines += [_line(row, num_points, row is marked) for row in shown]
    if rest := usable[len(shown) :] if is_long else []:
        lines.append(_rest(rest, num_points))
    if is_long and (num_failed := len(rows) - len(usable)):
        lines.append([f"  {num_failed} without a refit", *blank])
        shown += [row for row in rows if not row.usable]
    return lines, shown


def _line(row: "ChoiceResult", num_points: int, marked: bool) -> list[str]:
    cells = [percent_text(change, "+") for change in row.change[:num_points]]
    if num_points == 1:
        cells.insert(0, loss_text(row.predicted[0]) if row.usable else "–")
    error = row.mean_relative_error
    tail = [_MARK if marked else "", f"{error:.3%}" if np.isfinite(error) else "–"]
    return [f"  {row.choice}", *cells, *tail]


def _rest(rows: Sequence["ChoiceResult"], num_points: int) -> list[str]:
    changes = np.array([row.change[:num_points] for row in rows])
    low, high = changes.min(axis=0), changes.max(axis=0)
    cells = [
        f"{percent_text(a, '+')} to {percent_text(b, '+')}" for a, b in zip(low, high, strict=True)
    ]
    others = f"  the other {len(rows)}" if len(rows) > 1 else "  the other"
    return [others, *([""] if num_points == 1 else []), *cells, "", ""]


def closing(found: "ChoiceComparison") -> str:
    """One sentence: how far the choices spread, beside the noise of the runs."""
    low, high = found.range
    i = int((high - low).argmax())
    by = found.largest
    if by.largest_change == 0:
        return "No other choice could be made."
    where = "" if len(found.N) == 1 else f" at {_place(found, i)}"
    span = f"The choices span {low[i]:+.2%} to {high[i]:+.2%}{where}"
    most = f"most by {GROUPS[by.group]}: {by.choice}"
    if found.noise is None:
        return f"{span}; these runs do not show their run-to-run noise;\n{most}."
    times = (high[i] - low[i]) / found.noise.pooled
    noise = f"{found.noise.pooled:.3%}"
    many = f"{times:,.0f}" if times >= 10 else f"{times:.1f}"  # never as 1e+02
    return f"{span}, {many} times the run-to-run noise of these runs ({noise});\n{most}."


def _notes(rows: Sequence["ChoiceResult"]) -> list[str]:
    """What the rows shown have to say; the same words once."""
    said: dict[str, list[str]] = {}
    for row in rows:
        if row.note:
            said.setdefault(row.note, []).append(row.choice)
    return [f"{_some(choices)}: {note}" for note, choices in said.items()]


def _some(choices: Sequence[str]) -> str:
    more = f" and {len(choices) - 3} more" if len(choices) > 3 else ""
    return ", ".join(choices[:3]) + more
