"""The curves on which the points of a forecast lie: at their D, or at their D/N."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.inputs import NUMBERS

if TYPE_CHECKING:
    from farseer_jax.forecasting.result import Forecast

_NUM = 80  # points of a curve
_REACH = 1.25  # factor by which curves extend beyond the runs and the points
_MOST_CURVES = 3
_NEAR = 1.5  # factor beyond the runs' D up to which a curve at one D passes them


class Curve(NamedTuple):
    """Points along one input.

    Attributes:
        x: the input's values, ascending, ``(point,)``.
        inputs: all inputs there, by name.
        label: what the points have in common, such as "D = 500 B"; empty if nothing is worth it.
    """

    x: np.ndarray
    inputs: dict[str, np.ndarray]
    label: str


def main_input(forecast: "Forecast") -> str | None:
    """The input along which a forecast is drawn: N, or the first number; None without numbers."""
    kinds = forecast.law_class.inputs()
    numbers = [name for name, kind in kinds.items() if kind in NUMBERS]
    return "N" if "N" in numbers else next(iter(numbers), None)


def curves_of(forecast: "Forecast", along: str) -> list[Curve]:
    """Curves along an input through the points; none if the points need more than three.

    At the D of the points, or at their D/N if their D lies beyond that of the runs or the runs have
    one D/N. Of a law over other inputs: one curve if the points agree in all other inputs.
    """
    points = {name: np.asarray(x) for name, x in forecast.points.items()}
    ends = np.concatenate([np.asarray(forecast.runs.inputs[along]), points[along]])
    x = _line(ends)
    if set(points) != {"N", "D"}:
        others = {n: np.repeat(own[:1], len(x), axis=0) for n, own in points.items() if n != along}
        is_one = all((own == own[:1]).all() for n, own in points.items() if n != along)
        inputs = {name: x if name == along else others[name] for name in points}
        return [Curve(x, inputs, "")] if is_one else []
    N, D, runs = points["N"], points["D"], forecast.runs
    by_D, by_ratio = _distinct(D), _distinct(D / N)
    ratios = runs.D / runs.N
    beyond = D.max() > _NEAR * runs.D.max() or D.min() < runs.D.min() / _NEAR
    one_ratio = ratios.max() < 1.2 * ratios.min()
    use_ratio = len(by_D) > _MOST_CURVES or ((beyond or one_ratio) and len(by_ratio) <= len(by_D))
    if use_ratio and len(by_ratio) <= _MOST_CURVES:
        return [
            Curve(x, {"N": x, "D": x * ratio}, f"D/N = {_ratio_text(ratio)}") for ratio in by_ratio
        ]
    if len(by_D) > _MOST_CURVES:
        return []
    return [
        Curve(x, {"N": x, "D": np.full_like(x, own)}, f"D = {quantity_text(own)}") for own in by_D
    ]


def _ratio_text(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 100.0 else f"{ratio:.3g}"


def _distinct(values: np.ndarray) -> np.ndarray:
    """Values that differ by more than a per cent."""
    ordered = np.sort(values)
    return ordered[np.append(True, np.diff(np.log(ordered)) > 0.01)]


def _line(x: np.ndarray) -> np.ndarray:
    if x.min() > 0.0:
        return np.geomspace(x.min() / _REACH, x.max() * _REACH, _NUM)
    return np.linspace(x.min(), x.max(), _NUM)
