"""Numbers in text: ``7B``, ``1.4T``, ``201,228,288``, ``3,41``, ``2e8``."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable
from numbers import Real
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:  # not imported for the shell's help
    import numpy as np
    from numpy.typing import NDArray

_PLAIN: Final = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u2007\u2009\u202f", " "),  # no-break, figure, thin, narrow spaces
        **{"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{MINUS SIGN}": "-"},
        **dict.fromkeys("\N{MULTIPLICATION SIGN}\N{MIDDLE DOT}", "*"),
    }
)
_RAISED: Final = re.compile("(?<=[0-9])[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_SUPERSCRIPTS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SCALES: Final = {
    **{"k": 3, "m": 6, "g": 9, "b": 9, "t": 12, "thousand": 3},
    **{"mn": 6, "mln": 6, "million": 6, "millions": 6, "bn": 9, "bln": 9, "billion": 9},
    **{"billions": 9, "tn": 12, "trillion": 12, "trillions": 12},
}
_FLOP_SCALES: Final = {"p": 15, "e": 18, "z": 21, "y": 24}  # of PFLOPs, but of nothing else
_PERCENT: Final = -2
_NOUN: Final = r"( ?(tok(en)?|param(eter)?|flop)s?)?"
_ASCII: Final = re.IGNORECASE | re.ASCII
_TAIL: Final = re.compile(  # 1e3b is rather a hash
    r"((e(?P<exponent>[+-]?\d{1,4})| ?[x*] ?10(\^|\*\*)(?P<power>[+-]?\d{1,4}))|"
    rf"( ?((?P<scale>{'|'.join(_SCALES)})|(?P<flops>[{''.join(_FLOP_SCALES)}])(?=flop)))?){_NOUN}",
    _ASCII,
)
_POWER: Final = re.compile(rf"(\^|\*\*)(?P<power>[+-]?\d{{1,4}}){_NOUN}", _ASCII)
_GROUPS: Final = r"[1-9]\d{{0,2}}(?:{0}\d{{3}})+"


def _digits(thousands: str, decimal: str) -> re.Pattern[str]:
    """The digits at the beginning of a text, with their marks."""
    whole = "|".join([*map(_GROUPS.format, (thousands, " ", "'")), r"\d+(?:_\d+)*"])
    return re.compile(rf"[+-]?(?:(?:{whole})(?:{decimal}\d+)?|{decimal}\d+)", re.ASCII)


_DIGITS: Final = {False: _digits(",", r"\."), True: _digits(r"\.", ",")}  # by decimal_comma
_MAX_BITS: Final = 1024  # of a float64
_MAX_BASE_DIGITS: Final = 9
_MISSING: Final = frozenset(
    ["", "na", "n/a", "nan", "-nan", "null", "none", "-", "--", "–", "—", "#n/a", "#na", "<na>"]
)
_MISSING_TYPES: Final = ("NAType", "NaTType")


class NumberColumn(NamedTuple):
    """A column of text, read as numbers.

    Attributes:
        numbers: float64, ``(row,)``; NaN where a value is missing or not a number.
        not_numbers: rows that hold something else, such as ``diverged``, ``inf`` or ``1e400``.
        ambiguous: rows whose comma may separate decimals or thousands, such as ``3,412``.
        decimal_comma: whether a comma separates decimals in these numbers.
    """

    numbers: NDArray[np.float64]
    not_numbers: NDArray[np.intp]
    ambiguous: NDArray[np.intp]
    decimal_comma: bool


def number_of(text: str, decimal_comma: bool | None = None) -> float | None:
    """The finite number that a text spells, correctly rounded, or None.

    Accepted are Python's notation; thousands (``K``), millions (``M``), billions (``B``, ``G``) and
    trillions (``T``), as letters of either case or in words (``bn``, ``million``), a space before
    them or none; groups of three digits with commas, spaces, apostrophes or underscores between
    them; powers (``2^30``, ``10**21``, ``1.5 x 10^21``); per cent, as hundredths; and the nouns
    ``tokens``, ``parameters`` and ``FLOPs`` (``PFLOPs``, ``EFLOPs``, ``ZFLOPs``) after a number.
    Units are decimal: 32k is 32,000.

    Args:
        text: the text; spaces around it do not matter.
        decimal_comma: True for ``1.234,5``, False for ``1,234.5``. None also refuses a single
            group after a comma, ``3,412``, which may be either.

    Example:
        >>> [number_of(text) for text in ("7B", "1.4T", "201,228,288", "2e8", "500B tokens")]
        [7000000000.0, 1400000000000.0, 201228288.0, 200000000.0, 500000000000.0]
        >>> [number_of(text) for text in ("1,2", "3,412", "1.2.3", "2024-01-05", "7B-chat", "inf")]
        [None, None, None, None, None, None]
        >>> number_of("1,2", decimal_comma=True), number_of("3,412", decimal_comma=False)
        (1.2, 3412.0)
    """
    if decimal_comma is None and "," in text and _read(text, True) is not None:
        return None
    return _read(text, bool(decimal_comma))


def numbers_of(values: Any, decimal_comma: bool | None = None) -> NumberColumn:
    """Read a column as numbers; its separators are decided for the whole column.

    ``3,41``, ``0,412``, ``1.234,5`` or ``1.234.567`` in any row show that commas separate decimals,
    ``1,234,567`` or ``1,234.5`` that they separate thousands. Without such a row, ``3,412`` is
    ambiguous. Points separate decimals unless commas do. Missing values are None, NaN, pandas' NA,
    ``""``, ``NA``, ``N/A``, ``nan``, ``null``, ``None`` and ``-``, in any case.

    Args:
        values: one per row: text as for :func:`number_of`, or numbers, ``(row,)``.
        decimal_comma: whether commas separate decimals, if the caller knows; no row is ambiguous
            then. None decides by the values.

    Example:
        >>> numbers_of(["201M", "1.4B", None, "-"]).numbers
        array([2.01e+08, 1.40e+09,      nan,      nan])
        >>> numbers_of(["3,41", "3,412"]).numbers
        array([3.41 , 3.412])
        >>> numbers_of(["3,412", "2,871", "diverged"])[1:3]
        (array([2]), array([0, 1]))
    """
    import numpy as np

    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
        numbers = values.astype(np.float64)
        return NumberColumn(
            numbers, np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp), bool(decimal_comma)
        )
    objects = values.tolist() if hasattr(values, "tolist") else list(values)
    if bytes in map(type, objects):
        objects = [v.decode(errors="replace") if isinstance(v, bytes) else v for v in objects]
    plain = None if decimal_comma else _plain(objects)
    if plain is not None:
        none = np.zeros(0, dtype=np.intp)
        return NumberColumn(plain, none, none, False)
    texts = dict.fromkeys(value for value in objects if isinstance(value, str))
    is_comma, unsure, read = _read_all(texts, decimal_comma)
    found = [read[v] if isinstance(v, str) else _of_object(v) for v in objects]
    return NumberColumn(
        np.array([math.nan if v is None else v for v in found], dtype=np.float64),
        np.flatnonzero([v is None for v in found]),
        np.flatnonzero([isinstance(v, str) and v in unsure for v in objects]),
        is_comma,
    )


def is_missing(value: object) -> bool:
    """Whether a value is missing: None, NaN, NaT or pandas' NA.

    Example:
        >>> [is_missing(value) for value in (None, float("nan"), 0.0, "")]
        [True, True, False, False]
    """
    if isinstance(value, float):
        return math.isnan(value)
    if value is None or type(value).__name__ in _MISSING_TYPES:
        return True
    return isinstance(value, Real) and bool(value != value)  # a float of NumPy


def _plain(objects: list[Any]) -> NDArray[np.float64] | None:
    """The numbers of texts that Python reads, all finite; None if there are others."""
    import numpy as np

    if set(map(type, objects)) != {str}:
        return None
    try:
        numbers = np.fromiter(map(float, objects), dtype=np.float64, count=len(objects))
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _of_object(value: Any) -> float | None:
    """One object that is not a str: NaN if it is missing, None if it is not a number."""
    if is_missing(value):
        return math.nan
    if type(value).__name__.startswith(("bool", "complex")):
        return None
    try:
        return float(value)
    except OverflowError:  # an int beyond 1e308
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError):
        return None


def _read_all(
    texts: Iterable[str], decimal_comma: bool | None
) -> tuple[bool, frozenset[str], dict[str, float | None]]:
    """Whether commas mark decimals, the texts that are ambiguous, and the number of each text."""
    is_comma = bool(decimal_comma)
    read = {text: _read_or_missing(text, is_comma) for text in texts}
    may_group = any("," in text or text.count(".") > 1 for text in read)
    if decimal_comma is not None or not may_group:
        return is_comma, frozenset(), read
    marked = [text for text in read if "," in text or "." in text]
    other = {text: _read(text, True) for text in marked}
    points = [text for text in marked if other[text] is None is not read[text]]
    commas = [text for text in marked if read[text] is None is not other[text]]
    is_comma = len(commas) > len(points)
    decisive, thousands = (commas, ".") if is_comma else (points, ",")
    either = [
        text for text in marked if thousands in text and None not in (read[text], other[text])
    ]
    is_shown = any(thousands in text for text in decisive)
    return is_comma, frozenset(() if is_shown else either), read | other if is_comma else read


def _read_or_missing(text: str, decimal_comma: bool) -> float | None:
    """The number of a text; NaN if it says that the value is missing."""
    found = _read(text, decimal_comma)
    return math.nan if found is None and text.strip().lower() in _MISSING else found


def _read(text: str, decimal_comma: bool) -> float | None:
    """The finite number of a text with these marks, or None."""
    if "," not in text and not (decimal_comma and "." in text):
        try:
            value = float(text)
        except ValueError:
            pass
        else:
            return value if math.isfinite(value) else None
    text = text.strip()
    if not text.isascii():
        text = _RAISED.sub(lambda raised: "^" + raised[0].translate(_SUPERSCRIPTS), text)
        text = text.translate(_PLAIN)
    digits = _DIGITS[decimal_comma].match(text)
    if digits is None:
        return None
    number = digits[0].replace(" ", "").replace("'", "")
    number = number.replace(".", "").replace(",", ".") if decimal_comma else number.replace(",", "")
    tail = text[digits.end() :]
    if not tail:
        value = float(number)
    elif tail[0] in ",.":
        return None
    elif (shift := _shift(tail)) is None:
        return _power(number, tail)
    else:
        value = float(f"{number}e{shift}")
    return value if math.isfinite(value) else None


@functools.lru_cache(maxsize=1024)
def _shift(tail: str) -> int | None:
    """The power of ten that follows the digits, or None."""
    if tail.strip() == "%":
        return _PERCENT
    found = _TAIL.fullmatch(tail)
    if found is None:
        return None
    scale = (found["scale"] or found["flops"] or "").lower()
    return (_SCALES | _FLOP_SCALES).get(scale, 0) + int(found["exponent"] or found["power"] or 0)


def _power(base: str, tail: str) -> float | None:
    """A power of a whole number, such as ``2^30``."""
    found = _POWER.fullmatch(tail)
    if found is None or not base.isdecimal() or len(base) > _MAX_BASE_DIGITS:
        return None
    number, power = int(base), int(found["power"])
    if number < 2 or abs(power) * math.log2(number) >= _MAX_BITS:
        return None
    return float(number**power) if power >= 0 else 1 / number**-power
