"""A comparison as a person reads it: a small map, where the winner changes, compute saved."""

from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.decisions.parity import all_crossings
from farseer_jax.results.numbers import number_text, quantity_text
from farseer_jax.results.table import aligned

if TYPE_CHECKING:
    from farseer_jax.decisions.compare_fits_result import FitComparison
    from farseer_jax.decisions.compute_multiplier import ComputeMultipliers


_NUM_SHOWN = 5  # of each axis
_OUTSIDE = "; ( ) outside the runs of one or both"
_NONE = "–"
_ONE_WINNER = "; – the winner is the same at every D"
_NO_FACTOR = (
    "–: there is none; a law has no compute-optimal D/N, or not that loss within 10,000 times the "
    "FLOPs"
)
_LARGEST = 1000.0  # multiplier that is printed as a number


def text(found: "FitComparison") -> str:
    """The whole of ``print(comparison)``."""
    a, b = found.names
    laws = [side.law.name.title() for side in (found.sides.a, found.sides.b)]
    kinds = laws[0] if laws[0] == laws[1] else f"{laws[0]} and {laws[1]}"
    rows, columns = _shown(found.N), _shown(found.D)
    table, has_dash = _map(found, rows, columns)
    legend = f"negative: {a} is better" + ("" if found.inside.all() else _OUTSIDE)
    parts = [
        f"{a} against {b} ({kinds}): loss of {a} less that of {b}, over that of {b}",
        "",
        table,
        "",
        legend + _ONE_WINNER * has_dash,
    ]
    if found.chances is not None:
        parts += ["", f"probability that {a} is better: {found.chances.note}", ""]
        parts += [_probabilities(found, rows, columns)]
    parts += ["", _who_wins(found), "", _budgets(found)]
    parts += [f"warning: {sentence}" for sentence in found.warnings]
    return "\n".join(parts)


def _shown(values: np.ndarray) -> np.ndarray:
    return np.unique(np.linspace(0, len(values) - 1, _NUM_SHOWN).round().astype(int))


def _map(found: "FitComparison", rows: np.ndarray, columns: np.ndarray) -> tuple[str, bool]:
    """The difference at a few N and D, and D at which each of these N changes its winner.

    Also whether one of them never does, for which a dash stands.
    """
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
    table = aligned([*header, *(["equal at D"] * has_line)], lines)
    return table, any(line[-1] == _NONE for line in lines)


def _equal_at(found: "FitComparison", i: int) -> str:
    D = all_crossings(lambda t: found.sides.gap(np.full_like(t, found.N[i]), t), found.D)
    return ", ".join(quantity_text(value) for value in D) or _NONE


def _probabilities(found: "FitComparison", rows: np.ndarray, columns: np.ndarray) -> str:
    assert found.probability is not None
    header = ["N \\ D", *(quantity_text(found.D[j]) for j in columns)]
    lines = [
        [quantity_text(found.N[i]), *(f"{found.probability[i, j]:.1%}" for j in columns)]
        for i in rows
    ]
    return aligned(header, lines)


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
    columns = {
        f"{b}'s FLOPs": [f"{compute:.2e}" for compute in own.compute],
        f"D/N {a}": [number_text(ratio, 3) for ratio in own.optimal_ratio_a],
        f"D/N {b}": [number_text(ratio, 3) for ratio in own.optimal_ratio_b],
        "×, each optimal": _factors(own.optimal, own.inside),
        **_ends(own, "optimal", "its"),
        f"×, D/N = {own.tokens_per_parameter:g}": _factors(own.at_ratio, own.inside_at_ratio),
        **_ends(own, "at_ratio", "at that"),
    }
    lines = [list(row) for row in zip(*columns.values(), strict=True)]
    said = f"{a} reaches {b}'s loss with 1/× of the compute (above 1: {a} needs less)"
    if found.inside.all() and any(cell.startswith("(") for row in lines for cell in row):
        said += _OUTSIDE  # which the table of differences did not say
    has_dash = any(cell.strip() == _NONE for row in lines for cell in row)
    crossed = [
        f"Compute-optimal losses are equal at {compute:.3g} FLOPs." for compute in own.parity
    ]
    return "\n".join([aligned(list(columns), lines), "", said, *[_NO_FACTOR] * has_dash, *crossed])


def _factors(values: np.ndarray, inside: np.ndarray) -> list[str]:
    """A column of multipliers, those in parentheses that leave the runs."""
    kept = inside | np.isnan(values)
    pad = "" if kept.all() else " "
    return [
        f"{_times(value)}{pad}" if plain else f"({_times(value)})"
        for value, plain in zip(values, kept, strict=True)
    ]


def _ends(own: "ComputeMultipliers", name: str, whose: str) -> dict[str, list[str]]:
    """The column of a multiplier's intervals; none without draws."""
    if own.intervals is None:
        return {}
    found = own.intervals[name]
    ends = zip(found.lower, found.upper, strict=True)
    cells = [
        _NONE if np.isnan([low, high]).any() else f"{_times(low)} to {_times(high)}"
        for low, high in ends
    ]
    return {f"{whose} {found.level:.4g} interval": cells}


def _times(value: float) -> str:
    """A multiplier; beyond what any comparison of recipes can tell, only on which side."""
    if np.isnan(value):
        return _NONE
    if value > _LARGEST:
        return f"> {_LARGEST:g}"
    return f"< {1 / _LARGEST:g}" if value < 1 / _LARGEST else f"{value:.3f}"
