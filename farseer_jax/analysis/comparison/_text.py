"""A comparison as a person reads it: a small map, where the winner changes, compute saved."""

from typing import TYPE_CHECKING

import numpy as np

from farseer_jax import _tables
from farseer_jax._numbers import number_text, quantity_text
from farseer_jax.analysis.comparison._parity import all_crossings

if TYPE_CHECKING:
    from farseer_jax.analysis.comparison._multiplier import ComputeMultipliers
    from farseer_jax.analysis.comparison._result import FitComparison

_NUM_SHOWN = 5  # of each axis
_OUTSIDE = "; ( ) outside the runs of one or both"


def text(found: "FitComparison") -> str:
    """The whole of ``print(comparison)``."""
    a, b = found.names
    laws = [side.law.name.title() for side in (found.sides.a, found.sides.b)]
    kinds = laws[0] if laws[0] == laws[1] else f"{laws[0]} and {laws[1]}"
    rows, columns = _shown(found.N), _shown(found.D)
    parts = [
        f"{a} against {b} ({kinds}): loss of {a} less that of {b}, over that of {b}",
        "",
        _map(found, rows, columns),
        "",
        f"negative: {a} is better" + ("" if found.inside.all() else _OUTSIDE),
    ]
    if found.chances is not None:
        parts += ["", f"probability that {a} is better: {found.chances.note}", ""]
        parts += [_probabilities(found, rows, columns)]
    parts += ["", _who_wins(found), "", _budgets(found)]
    parts += [f"warning: {sentence}" for sentence in found.warnings]
    return "\n".join(parts)


def _shown(values: np.ndarray) -> np.ndarray:
    return np.unique(np.linspace(0, len(values) - 1, _NUM_SHOWN).round().astype(int))


def _map(found: "FitComparison", rows: np.ndarray, columns: np.ndarray) -> str:
    """The difference at a few N and D, and D at which each of these N changes its winner."""
    inside, difference = found.inside, found.difference
    pad = "" if inside.all() else " "
    header = ["N \\ D", *(quantity_text(found.D[j]) for j in columns)]
    has_line = len(found.D) > 1
    lines = []
    for i in rows:
        cells = [f"{difference[i, j]:+.2%}" for j in columns]
        shown = [
            cell + pad if inside[i, j] else f"({cell})"
            for cell, j in zip(cells, columns, strict=True)
        ]
        lines.append([quantity_text(found.N[i]), *shown, *([_equal_at(found, i)] * has_line)])
    return _tables.text([*header, *(["equal at D"] * has_line)], lines)


def _equal_at(found: "FitComparison", i: int) -> str:
    D = all_crossings(lambda t: found.sides.gap(np.full_like(t, found.N[i]), t), found.D)
    return ", ".join(quantity_text(value) for value in D) or "–"


def _probabilities(found: "FitComparison", rows: np.ndarray, columns: np.ndarray) -> str:
    assert found.probability is not None
    header = ["N \\ D", *(quantity_text(found.D[j]) for j in columns)]
    lines = [
        [quantity_text(found.N[i]), *(f"{found.probability[i, j]:.1%}" for j in columns)]
        for i in rows
    ]
    return _tables.text(header, lines)


def _who_wins(found: "FitComparison") -> str:
    a, b = found.names
    gap = found.loss_a - found.loss_b
    if (gap == 0).all():
        return "Both are equal everywhere."
    ahead = float((gap < 0).mean())
    if ahead in (0.0, 1.0) and not (gap == 0).any():
        return f"{a if ahead else b} is better everywhere in this domain."
    num = len(found.parity)
    curves = f"; the winner changes along {num} curve{'s'[: num != 1]}" if num else ""
    return f"{a} is better in {ahead:.0%} of this domain (by ln N and ln D){curves}."


def _budgets(found: "FitComparison") -> str:
    """Compute multipliers, and the scale at which compute-optimal losses cross."""
    own, (a, b) = found.multipliers, found.names
    pad = "" if own.inside.all() else " "
    columns = {
        f"{b}'s FLOPs": [f"{compute:.2e}" for compute in own.compute],
        f"D/N {a}": [number_text(ratio, 3) for ratio in own.optimal_ratio_a],
        f"D/N {b}": [number_text(ratio, 3) for ratio in own.optimal_ratio_b],
        "×, each optimal": [
            f"{_times(value)}{pad}" if inside or np.isnan(value) else f"({_times(value)})"
            for value, inside in zip(own.optimal, own.inside, strict=True)
        ],
        **_ends(own, "optimal", "its"),
        f"×, D/N = {own.tokens_per_parameter:g}": [_times(value) for value in own.at_ratio],
        **_ends(own, "at_ratio", "at that"),
    }
    lines = [list(row) for row in zip(*columns.values(), strict=True)]
    said = f"{a} reaches {b}'s loss with 1/× of the compute (above 1: {a} needs less)"
    crossed = [
        f"Compute-optimal losses are equal at {compute:.3g} FLOPs." for compute in own.parity
    ]
    return "\n".join([_tables.text(list(columns), lines), "", said, *crossed])


def _ends(own: "ComputeMultipliers", name: str, whose: str) -> dict[str, list[str]]:
    """The column of a multiplier's intervals; none without draws."""
    if own.intervals is None:
        return {}
    found = own.intervals[name]
    ends = zip(found.lower, found.upper, strict=True)
    cells = [f"{_times(low)} to {_times(high)}" for low, high in ends]
    return {f"{whose} {found.level:.4g} interval": cells}


def _times(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"
