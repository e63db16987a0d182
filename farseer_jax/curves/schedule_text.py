"""Schedules as text: ``cosine steps=24000 peak=0.0003 final=3e-05 warmup=2160``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from farseer_jax.close_names import unknown_name
from farseer_jax.tables.number_texts import number_of

if TYPE_CHECKING:
    from farseer_jax.curves.schedule import Schedule

FORMS: Final = ("constant", "cosine", "linear", "wsd", "multi_step", "inverse_sqrt")
_CHANGES: Final = {"stop": "truncated", "decay": "with_decay"}
_PARTS: Final = {"final": "peak", "to": "peak", "decay": "steps", "warmup": "steps"}
_LISTS: Final = ("at", "to")  # of multi_step; commas are between numbers
_EXAMPLE: Final = "'cosine steps=24000 peak=3e-4 warmup=2000 final=3e-5'"


def written(constructor: Callable[..., Any], name: str, settings: Mapping[str, Any]) -> str:
    """A constructor and its non-default arguments as text."""
    defaults = inspect.signature(constructor).parameters
    kept = {own: value for own, value in settings.items() if defaults[own].default != value}
    return " ".join([name, *(f"{own}={_text(value)}" for own, value in kept.items())])


def parsed(kind: type[Schedule], text: str) -> Any:
    """The schedule that a text describes; see :meth:`Schedule.parse`.

    Raises:
        TypeError: not a text.
        ValueError: a word is unknown, an argument is missing, or its value is refused.
    """
    if not isinstance(text, str):
        raise TypeError(f"schedule: expected a text such as {_EXAMPLE}, got {text!r}")
    first, *changes = text.split(";")
    name, arguments = _words(first)
    if name not in FORMS:
        raise ValueError(f"schedule: {unknown_name('schedule', name, FORMS)}, such as {_EXAMPLE}")
    schedule = _called(getattr(kind, name), name, arguments, {})
    for change in changes:
        word, own = _words(change)
        if word not in _CHANGES:
            raise ValueError(f"schedule: {unknown_name('change', word, tuple(_CHANGES))}")
        whole = {"peak": schedule.peak}
        schedule = _called(getattr(schedule, _CHANGES[word]), word, own, whole)
    return schedule


def _words(text: str) -> tuple[str, dict[str, str]]:
    """The name at the start of a text and the arguments after it."""
    name, *words = text.split() or [""]
    arguments = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not (key and equals and value):
            raise ValueError(
                f"schedule: expected arguments such as peak=3e-4 after {name!r}, without spaces "
                f"around '=', got {word!r}"
            )
        if key in arguments:
            raise ValueError(f"schedule: {key} is given twice")
        arguments[key] = value
    return name, arguments


def _called(
    function: Callable[..., Any],
    name: str,
    arguments: Mapping[str, str],
    whole: Mapping[str, float],
) -> Any:
    """The function, called with arguments given as text; percentages are of ``whole``."""
    known = inspect.signature(function).parameters
    for key in arguments:
        if key not in known:
            raise ValueError(f"schedule: {unknown_name(f'argument of {name}', key, tuple(known))}")
    missing = [
        key for key, own in known.items() if own.default is own.empty and key not in arguments
    ]
    if missing:
        raise ValueError(
            f"schedule: {name} needs {' and '.join(f'{key}=' for key in missing)}, as in {_EXAMPLE}"
        )
    values = {key: _value(key, text) for key, text in arguments.items() if "%" not in text}
    wholes = dict(whole)
    wholes.update((key, values[key]) for key in ("peak", "steps") if key in values)
    values |= {key: _part(key, text, wholes) for key, text in arguments.items() if "%" in text}
    try:
        return function(**values)
    except ValueError as error:
        raise ValueError(f"schedule: {error}") from None


def _value(key: str, text: str) -> Any:
    """The value of an argument: a number, several separated by commas, or the name of a shape."""
    if key == "shape":
        return text
    values = [_number(key, text, part) for part in _split(key, text)]
    return values if len(values) > 1 else values[0]


def _split(key: str, text: str) -> list[str]:
    """The numbers of an argument: several after commas for :data:`_LISTS`."""
    parts = text.split(",") if key in _LISTS else [text]
    if any(len(part) == 3 and part.startswith("0") and part.isdecimal() for part in parts):
        raise ValueError(
            f"schedule: commas are between the numbers of {key}=; write {key}=8000 rather than "
            f"8,000, got {text!r}"
        )
    return parts


def _number(key: str, text: str, part: str) -> float | int:
    number = number_of(part, decimal_comma=False)
    if number is None:
        raise ValueError(f"schedule: expected a number for {key}=, got {text!r}")
    return int(number) if number.is_integer() else number


def _part(key: str, text: str, whole: Mapping[str, float]) -> Any:
    """The value of an argument in per cent: rates are of the peak, numbers of steps of all."""
    of = whole.get(_PARTS.get(key, ""))
    if of is None:
        raise ValueError(f"schedule: expected a number for {key}=, without '%', got {text!r}")
    values = []
    for part in _split(key, text):
        number = _number(key, text, part)
        if "%" in part and not 0.0 <= number <= 1.0:
            raise ValueError(
                f"schedule: expected {key}= from 0% to 100% of the {_PARTS[key]}, got {part!r}"
            )
        values.append(_of_whole(key, number, of) if "%" in part else number)
    return values if len(values) > 1 else values[0]


def _of_whole(key: str, part: float, whole: float) -> float:
    if _PARTS[key] == "peak":
        return float(f"{part * whole:.12g}")  # .1·3e-4 is 3.0000000000000004e-05
    least = 1 if key == "decay" and part else 0
    return max(round(part * whole), least)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return value if isinstance(value, str) else repr(value)
