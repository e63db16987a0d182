"""A value as Python: what ``eval`` of the text gives back, with ``fj`` for the library."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from farseer_jax.laws.expression_law import ExpressionLaw, name_of
from farseer_jax.laws.law import Law
from farseer_jax.laws.registry import law_named
from farseer_jax.link_functions import Link
from farseer_jax.objectives import NAMED_OBJECTIVES, Objective

_MAPPINGS = ("fixed", "bounds")  # settings of methods that are given as mappings


def python_value(value: Any) -> str:
    """A value as Python.

    Laws are written by their name or formula, a law of your own by its class's name; methods and
    other settings as calls with only what differs from the defaults.

    Example:
        >>> from farseer_jax import CorrelatedErrors, LeastSquares, Link
        >>> print(python_value({"D": 5.5e11, "link": Link("logit", 0.25)}))
        {'D': 5.5e11, 'link': fj.Link('logit', 0.25, 1.0)}
        >>> print(python_value(LeastSquares("huber", fixed={"alpha": 0.34})))
        fj.LeastSquares(objective='huber', fixed={'alpha': 0.34})
    """
    if isinstance(value, Law) or (is_dataclass(value) and not isinstance(value, type)):
        return _object(value)
    if isinstance(value, type):
        return _class(value)
    if isinstance(value, Mapping):
        pairs = (f"{python_value(name)}: {python_value(own)}" for name, own in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(python_value, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, list):
        return "[" + ", ".join(map(python_value, value)) + "]"
    if hasattr(value, "__array__"):
        return python_value(np.asarray(value).tolist())
    if isinstance(value, float):
        return _float(value)
    return repr(str(value)) if isinstance(value, Path) else repr(value)


def python_arguments(named: Mapping[str, Any]) -> list[str]:
    """Arguments by name, as Python: ``level=0.8``."""
    return [f"{name}={python_value(value)}" for name, value in named.items()]


def law_arguments(law: type[Law] | str | None) -> dict[str, Any]:
    """A law as arguments of :func:`fit` or :func:`forecast`.

    An expression's parameters of either sign, and its inputs that are not positive numbers, are
    arguments beside its text.
    """
    if law is None:
        return {}
    if not (isinstance(law, type) and issubclass(law, ExpressionLaw)):
        return {"law": law}
    others = {
        name: kind
        for name, kind in law.kinds.items()
        if kind != ("mixture" if name in law.expression.mixtures else "positive")
    }
    found = {"law": law, "kinds": others, "real": law.real}
    return {name: value for name, value in found.items() if value}


def _float(value: float) -> str:
    if not np.isfinite(value):
        return f'float("{value}")'
    short = f"{value:g}".replace("e+", "e").replace("e0", "e")
    return short if float(short) == value and set(short) & {"e", "."} else repr(value)


def _class(value: type) -> str:
    """A law by its formula or its registered name; any other class by its own name."""
    if not issubclass(value, Law):
        return _public(value)
    name = name_of(value)
    if issubclass(value, ExpressionLaw):
        return repr(name)
    known = law_named(name)
    is_known = known is not None and (known.__module__, known.__name__) == (
        value.__module__, value.__name__
    )  # fmt: skip
    return repr(name) if is_known else value.__name__


def _public(kind: type) -> str:
    import farseer_jax

    name = kind.__name__
    return f"fj.{name}" if getattr(farseer_jax, name, None) is kind else name


def _object(value: Any) -> str:
    """A call of the value's class, with only what differs from the defaults."""
    if isinstance(value, Link):
        if value.name != "logit":
            return repr(value.name)
        ends = (value.name, value.floor, value.ceiling)
        return f"fj.Link({', '.join(map(python_value, ends))})"
    if isinstance(value, Objective):
        for name in NAMED_OBJECTIVES:
            if value == Objective.named(name):
                return repr(name)
    given = {}
    default = _default(value)
    for own in fields(value):
        setting = getattr(value, own.name)
        known = getattr(default, own.name) if default is not None else MISSING
        if own.init and not (known is setting or _equal(known, setting)):
            given[own.name] = dict(setting) if own.name in _MAPPINGS else setting
    return f"{_public(type(value))}({', '.join(python_arguments(given))})"


def _default(value: Any) -> Any:
    """The same object with all settings at their defaults; None if some have none."""
    try:
        return type(value)()
    except TypeError:
        return None


def _equal(known: Any, setting: Any) -> bool:
    return known is not MISSING and type(known) is type(setting) and bool(known == setting)
