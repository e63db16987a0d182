"""A law's shape as a person reads it."""

from typing import TYPE_CHECKING

import numpy as np

from farseer_jax import _tables
from farseer_jax._numbers import quantity_text

if TYPE_CHECKING:
    from farseer_jax.analysis.shape._result import Rise, Shape

_ROWS = (
    ("∂ln L / ∂ln N", "by_N"),
    ("∂ln L / ∂ln D", "by_D"),
    ("∂²ln L / ∂(ln N)²", "by_NN"),
    ("∂²ln L / ∂(ln D)²", "by_DD"),
    ("∂²ln L / ∂ln N ∂ln D", "by_ND"),
)
_NUM_LINES = 5


def text(shape: "Shape") -> str:
    """The whole of ``print(shape)``."""
    title = f"{shape.law.title()} law over {_range('N', shape.N)}, {_range('D', shape.D)}"
    rows = [[name, *_ends(shape, getattr(shape, field))] for name, field in _ROWS]
    table = _tables.text(["", "smallest", "at N, D", "largest", "at N, D"], rows, left=1)
    parts = [title, table]
    if shape.runs_N is not None and shape.runs_D is not None:
        runs = f"{_range('N', shape.runs_N)}, {_range('D', shape.runs_D)}"
        parts.append(f"The runs: {runs}. All beyond is the law's own word.")
    if not shape.regions:
        parts.append("The loss falls with N and with D at every point of the grid.")
    parts += [_region(shape, region) for region in shape.regions]
    return "\n\n".join(parts)


def _range(name: str, values: "np.ndarray | tuple[float, float]") -> str:
    return f"{name} from {quantity_text(values[0])} to {quantity_text(values[-1])}"


def _ends(shape: "Shape", values: np.ndarray) -> list[str]:
    cells = []
    for index in (values.argmin(), values.argmax()):
        i, j = np.unravel_index(index, values.shape)
        place = f"{quantity_text(shape.N[i])}, {quantity_text(shape.D[j])}"
        cells += [f"{values[i, j]:+.3g}", place]
    return cells


def _region(shape: "Shape", region: "Rise") -> str:
    along, other = region.along, "D" if region.along == "N" else "N"
    N, D = map(quantity_text, region.worst)
    lines = [
        f"The loss rises with {along} in {region.share:.1%} of the domain "
        f"({region.area:.2f} decades²),",
        f"most at N = {N}, D = {D}: ∂ln L / ∂ln {along} = {region.slope:+.3g}.",
    ]
    picks = np.unique(np.linspace(0, len(region.other) - 1, _NUM_LINES).round().astype(int))
    rows = [[quantity_text(region.other[i]), quantity_text(region.begins[i])] for i in picks]
    lines += ["", _tables.text([f"at {other}", f"it rises from {along}"], rows)]
    if beyond := _beyond(shape, region):
        lines += ["", beyond]
    return "\n".join(lines)


def _beyond(shape: "Shape", region: "Rise") -> str:
    """How far from the runs it begins."""
    if shape.runs_N is None or shape.runs_D is None:
        return ""
    along, other = (shape.runs_N, shape.runs_D)[:: 1 if region.along == "N" else -1]
    first = float(region.begins.min())
    inside = (region.other >= other[0]) & (region.other <= other[1])
    if (inside & (region.begins <= along[1])).any():
        return f"It rises within the range of the runs: do not trust it with {region.along} there."
    if first <= along[1]:
        name = "D" if region.along == "N" else "N"
        return f"Within the range of the runs it does not rise; only at other {name}."
    return f"It begins at {first / along[1]:.3g} times the runs' largest {region.along}."
