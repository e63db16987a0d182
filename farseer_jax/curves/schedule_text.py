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
_EXAMPLE: Final = "'cosine steps=24000 peak=3e-4 warmup=2000 final=3e-5'"


def written(constructor: Callable[..., Any], name: str, settings: Mapping[str, Any]) -> str:
    """A constructor and its non-default arguments as text."""
    defaults = inspect.signature(constructor).parameters
    kept = {own: value for own, value in settings.items() if defaults[own].default != value}
    return " ".join([name, *(f"{own}={_text(value)}" for own, value in kept.items())])


def parsed(kind: type[Schedule], text: str) -> Any:
    """The schedule that a text describes; see :meth:`Schedule.parse`.

    Raises:
        ValueError: a word is unknown, an argument is missing, or its value is refused.
    """
    first, *changes = text.split(";")
    name, arguments = _words(first)
    if name not in FORMS:
        raise ValueError(f"schedule: {unknown_name('schedule', name, FORMS)}, such as {_EXAMPLE}")
    schedule = _called(getattr(kind, name), name, arguments)
    for change in changes:
        word, own = _words(change)
        if word not in _CHANGES:
            raise ValueError(f"schedule: {unknown_name('change', word, tuple(_CHANGES))}")
        schedule = _called(getattr(schedule, _CHANGES[word]), word, own)
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


def _called(function: Callable[..., Any], name: str, arguments: Mapping[str, str]) -> Any:
    """The function, called with arguments given as text."""
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
    values = {key: _value(key, text) for key, text in arguments.items()}
    try:
        return function(**values)
    except ValueError as error:
        raise ValueError(f"schedule: {error}") from None


def _value(key: str, text: str) -> Any:
    """The value of an argument: a number, several separated by commas, or the name of a shape."""
    if key == "shape":
        return text
    numbers = [number_of(part, decimal_comma=False) for part in text.split(",")]
    if None in numbers:
        raise ValueError(f"schedule: expected a number for {key}=, got {text!r}")
    if key == "decay" and text.endswith("%"):
        return numbers[0]
    values = [int(own) if own is not None and own.is_integer() else own for own in numbers]
    return values if key in ("at", "to") and len(values) > 1 else values[0]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return value if isinstance(value, str) else repr(value)
