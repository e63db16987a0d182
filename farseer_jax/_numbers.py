"""Numbers as people of this field write them."""

from typing import Any

import numpy as np

_PREFIXES = ((1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k"))


def quantity_text(value: float) -> str:
    """A count of parameters or tokens: 6.37 B, 512 B, 201 M."""
    for unit, prefix in _PREFIXES:
        # 999.6 B is shown as 1 T, not as 1e+03 B
        if value >= 0.9995 * unit:
            return f"{float(f'{value / unit:.3g}'):g}{prefix}"
    return f"{value:.3g}"


def loss_text(value: float) -> str:
    """A loss, to the digits that runs repeat to."""
    return f"{value:.5f}"


def percent_text(value: float, sign: str = "") -> str:
    """A share or a change, with a dash for one that does not exist; ``"+"`` signs a change."""
    return f"{value:{sign}.3%}" if np.isfinite(value) else "–"


def number_text(value: float, digits: int = 6) -> str:
    """Any number, with a dash for one that does not exist."""
    return "–" if np.isnan(value) else f"{value:.{digits}g}"


def json_numbers(column: np.ndarray) -> list[Any]:
    """Numbers that JSON knows: what does not exist is null."""
    return [value if np.isfinite(value) else None for value in np.asarray(column).tolist()]
