"""Which figure draws which result, and the error for a result that another figure draws."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import name_a_law, shown, with_article

Given = ParamSpec("Given")
Made = TypeVar("Made")

_DRAWN: dict[str, tuple[type, ...]] = {}  # by name of the figure, what it draws


def draws(
    *kinds: type, example: str, several: bool = False
) -> Callable[[Callable[Given, Made]], Callable[Given, Made]]:
    """Decorate a figure to check its first argument, and to name the figure that draws it.

    Args:
        kinds: the types that the figure draws.
        example: a call that gives such a value.
        several: whether it also draws an iterable, or the values of a mapping, of them.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit
        >>> from farseer_jax.plots import plot_forecast, plot_map
        >>> plot_forecast(fit(Farseer, example_runs()))
        Traceback (most recent call last):
            ...
        TypeError: plot_forecast draws a Forecast, got a Fit; plot_fit draws it, or make a \
Forecast with `forecast(runs, points)`
        >>> plot_map(example_runs())
        Traceback (most recent call last):
            ...
        TypeError: plot_map draws a Fit, got Runs: make one with `fit(Farseer, runs)`
    """

    def decorate(figure: Callable[Given, Made]) -> Callable[Given, Made]:
        name = figure.__name__
        first = next(iter(inspect.signature(figure).parameters))
        _DRAWN[name] = kinds

        @wraps(figure)
        def checked(*args: Given.args, **kwargs: Given.kwargs) -> Made:
            own: Any = args
            if args:
                own = (_check(name, args[0], kinds, example, several=several), *args[1:])
            elif first in kwargs:
                _check(name, kwargs[first], kinds, example, several=False)
            return figure(*own, **kwargs)

        return checked

    return decorate


def _check(
    name: str, value: object, kinds: tuple[type, ...], example: str, *, several: bool
) -> object:
    """The value, or a list of the values of an iterable.

    Raises:
        TypeError: it is, or holds, something of another type.
    """
    if isinstance(value, kinds):
        return value
    if not several or isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(_sentence(name, value, kinds, example))
    whole = value if isinstance(value, Mapping) else list(value)
    for each in whole.values() if isinstance(whole, Mapping) else whole:
        if not isinstance(each, kinds):
            raise TypeError(_sentence(name, each, kinds, example))
    return whole


def _sentence(name: str, value: object, kinds: tuple[type, ...], example: str) -> str:
    wanted = " or ".join(with_article(kind.__name__) for kind in kinds)
    begins = f"{name} draws {wanted}, got {shown(value)}"
    if Fit in kinds and (remedy := name_a_law(value)):
        return begins + remedy
    if figure := _figure_of(value):
        made = with_article(kinds[0].__name__)
        return f"{begins}; {figure} draws it, or make {made} with `{example}`"
    parts = [part for part in ("fit", "runs") if isinstance(getattr(value, part, None), kinds)]
    remedy = f"give its .{parts[0]}" if parts else f"make one with `{example}`"
    return f"{begins}: {remedy}"


def _figure_of(value: object) -> str | None:
    """The figure that draws a value: of several the most general one, which has a short name."""
    found = [name for name, kinds in _DRAWN.items() if isinstance(value, kinds)]
    return min(found, key=lambda name: (len(name), name), default=None)
