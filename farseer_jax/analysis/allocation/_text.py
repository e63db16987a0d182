"""The table of optima as a person reads it."""

from typing import TYPE_CHECKING

import numpy as np

from farseer_jax import _tables
from farseer_jax._numbers import loss_text, quantity_text

if TYPE_CHECKING:
    from farseer_jax.analysis.allocation._result import Allocation

_MAX_ROWS_SHOWN = 60


def text(found: "Allocation") -> str:
    """The whole of ``print(allocation)``."""
    columns = _columns(found)
    num = min(len(found.compute), _MAX_ROWS_SHOWN)
    rows = [[cells[i] for cells in columns.values()] for i in range(num)]
    parts = [_title(found), "", _tables.text(list(columns), rows)]
    if num < len(found.compute):
        parts.append(f"… and {len(found.compute) - num} more budgets")
    parts += ["", *_notes(found), *(f"warning: {sentence}" for sentence in found.warnings)]
    return "\n".join(parts)


def ratio_text(ratio: float) -> str:
    """Tokens per parameter, to three digits: 23.9, 394, 2,280."""
    if not np.isfinite(ratio):
        return "–"
    return f"{float(f'{ratio:.3g}'):,.0f}" if ratio >= 99.95 else f"{ratio:.3g}"


def _title(found: "Allocation") -> str:
    by = f" by {found.method}" if found.method else ""
    runs = f", {found.num_runs} runs" if found.num_runs else ""
    served = f" + 2 N · {quantity_text(found.tokens_served)} served" if found.tokens_served else ""
    return f"{found.law.title()} law{by}{runs}: lowest loss for C = {found.cost}{served}"


def _columns(found: "Allocation") -> dict[str, list[str]]:
    columns = {
        "compute": [f"{C:.3g}" for C in found.compute],
        "N": _quantities(found.N),
        "D": _quantities(found.D),
        "D/N": [ratio_text(ratio) for ratio in found.tokens_per_parameter],
    }
    if found.intervals is not None:
        own = found.intervals["tokens per parameter"]
        ends = zip(own.lower, own.upper, strict=True)
        columns[f"{own.level:.4g} interval"] = [
            f"{ratio_text(a)} to {ratio_text(b)}" if np.isfinite([a, b]).all() else "–"
            for a, b in ends
        ]
    columns["loss"] = [loss_text(loss) if np.isfinite(loss) else "–" for loss in found.loss]
    columns["N ~ C^"] = [_fixed(value, 2) for value in found.exponent_N]
    columns["D ~ C^"] = [_fixed(value, 2) for value in found.exponent_D]
    columns["at 20"] = [f"{x:+.2%}" if np.isfinite(x) else "–" for x in found.excess_at_20]
    if found.tokens_served:
        columns["inference"] = [
            f"{x:.0%}" if np.isfinite(x) else "–" for x in found.inference / found.compute
        ]
    if any(found.limited_by):
        columns["limited by"] = list(found.limited_by)
    if found.inside_data is not None:
        known = np.isfinite(found.N)
        words = np.where(found.inside_data, "yes", np.where(known, "no", "–"))
        columns["inside runs"] = words.tolist()
    return columns


def _quantities(values: np.ndarray) -> list[str]:
    return [quantity_text(value) if np.isfinite(value) else "–" for value in values]


def _fixed(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}" if np.isfinite(value) else "–"  # no -0.00


def _notes(found: "Allocation") -> list[str]:
    notes = ["at 20: change of the loss at 20 tokens per parameter, for the same compute"]
    if found.intervals is not None:
        own = found.intervals["tokens per parameter"]
        resamples = f"{own.num_resamples:,} resamples ({own.scheme}, seed {own.seed})"
        notes.append(f"{own.level:.4g} interval: {own.kind}, {own.note}, {resamples}")
    return notes
