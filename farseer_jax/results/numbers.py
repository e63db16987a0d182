"""Formatting of numbers for text and JSON."""

from collections.abc import Mapping
from typing import Any

import numpy as np

_LARGE_LOSS = 1e5  # larger than any real loss: a law that has diverged
_LARGE_SHARE = 10.0
_PREFIXES = ((1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k"))


def quantity_text(value: float) -> str:
    """A count of parameters or tokens: 6.37 B, 512 B, 201 M."""
    for unit, prefix in _PREFIXES:
        # show 999.6 B as 1 T, not as 1e+03 B
        if value >= 0.9995 * unit:
            return f"{float(f'{value / unit:.3g}'):g}{prefix}"
    return f"{value:.3g}"


def loss_text(value: float) -> str:
    """A loss with five decimals; in scientific notation if far too large for a loss."""
    return f"{value:.3e}" if abs(value) > _LARGE_LOSS else f"{value:.5f}"


def some_of(num: int, total: int, noun: str, one: str, many: str) -> str:
    """Subject and verb of a sentence: "1 of 4 optima lies", "2 of 4 optima lie"."""
    return f"{num:,} of {total:,} {noun} {one if num == 1 else many}"


def percent_text(value: float, sign: str = "") -> str:
    """A share or a change in percent, with a dash for NaN; ``sign="+"`` shows the sign.

    Changes of more than 1000 % are shown as such, since they can have hundreds of digits.
    """
    if not np.isfinite(value):
        return "–"
    if abs(value) > _LARGE_SHARE:
        relation, bound = (">", _LARGE_SHARE) if value > 0 else ("<", -_LARGE_SHARE)
        return f"{relation} {bound:{sign}.0%}"
    return f"{value:{sign}.3%}"


def level_text(level: float) -> str:
    """The level of an interval: "90 %", with as many digits as tell it from 100 %.

    Example:
        >>> level_text(0.9), level_text(0.9999999)
        ('90 %', '99.99999 %')
    """
    texts = (f"{100.0 * level:.{digits}g}" for digits in range(4, 18))
    return next((text for text in texts if level >= 1.0 or float(text) < 100.0), "100") + " %"


def share_text(value: float) -> str:
    """A share or an error in a sentence, with two digits: "0.94 %", "7.8 %"."""
    percent = 100.0 * value
    digits = 1 - int(np.floor(np.log10(abs(percent)))) if percent and np.isfinite(percent) else 0
    return f"{percent:.{max(digits, 0)}f} %"


def number_text(value: float, digits: int = 6) -> str:
    """A number, with a dash for NaN."""
    return "–" if np.isnan(value) else f"{value:.{digits}g}"


def or_null(value: Any) -> Any:
    """A value for JSON: numbers that are not finite become None, also in arrays and mappings."""
    if isinstance(value, Mapping):
        return {name: or_null(own) for name, own in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return or_null(value.tolist())
    if isinstance(value, list | tuple):
        return [or_null(own) for own in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def capitalised(name: str) -> str:
    """A name at the start of a sentence.

    Example:
        >>> capitalised("chinchilla(D=repeated-tokens)")
        'Chinchilla(D=repeated-tokens)'
    """
    return name[:1].upper() + name[1:]
