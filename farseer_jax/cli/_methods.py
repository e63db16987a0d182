"""From options to a method, and refusals of options that do not go together."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli._law import LAWS, check_law_options, is_expression

if TYPE_CHECKING:
    from farseer_jax.methods.method import Method

_CONSTRAINTS = ("objective", "fixed", "tied", "bounds")
_ANY_LAW = (*_CONSTRAINTS, "num_starts", "seed")
# Methods in the order of the help, each with the options that go with it.
OPTIONS = {
    "piecewise": ("criterion", "search", "candidates", "rounds", "min_pairs", "ratio"),
    "least-squares": _ANY_LAW,
    "restarts": (*_ANY_LAW, "optimiser", "num_steps"),
    "variable-projection": (*_CONSTRAINTS, "candidates"),
    "isoflop": ("budgets", "width"),
}
# Which named laws the methods fit that do not fit all of them, and which methods fit expressions.
FITS = {
    "piecewise": ("farseer", "chinchilla"),
    "variable-projection": ("chinchilla",),
    "isoflop": ("chinchilla",),
}
_OF_EXPRESSIONS = ("least-squares", "restarts", "variable-projection")
_MAX_CANDIDATES_EACH = 1_000  # a million in all
# as in the piecewise method's ranges, which are not imported for the help; a test compares
DEFAULT_SEARCH = {"farseer": (-0.5, 0.5), "chinchilla": (0.01, 1.0)}


def method_name(settings: Mapping[str, Any]) -> str:
    """The method that the options mean.

    Raises:
        UsageError: it does not fit the law, or an option belongs to another method.
    """
    check_law_options(settings)
    law = settings["law"]
    method: str = settings["method"] or ("piecewise" if law == "farseer" else "least-squares")
    _check_fits(method, law)
    given = click.core.ParameterSource.COMMANDLINE
    context = click.get_current_context()
    everything = dict.fromkeys(name for names in OPTIONS.values() for name in names)
    for name in everything:
        if name not in OPTIONS[method] and context.get_parameter_source(name) is given:
            others = [other for other, names in OPTIONS.items() if name in names]
            raise click.UsageError(
                f"{_spelled(context, name)} does not go with the method {method}, but with "
                f"{' and '.join(others)}: leave it out, or choose another --method."
            )
    return method


def _check_fits(method: str, law: str) -> None:
    laws = FITS.get(method, LAWS)
    if law in laws or (is_expression(law) and method in _OF_EXPRESSIONS):
        return
    kind = f"the law {laws[0]}" if len(laws) == 1 else f"the laws {' and '.join(laws)}"
    named = "an expression" if is_expression(law) else f"--law {law}"
    raise click.UsageError(
        f"--method {method} fits {kind} only: leave it out with {named}, which is fitted by "
        "least-squares."
    )


def _spelled(context: click.Context, name: str) -> str:
    """An option as the command spells it."""
    return next(param.opts[0] for param in context.command.params if param.name == name)


def build_method(name: str, settings: Mapping[str, Any]) -> "Method":
    """The method with its options; those not given are the library's own."""
    import farseer_jax as fj

    given = {key: settings[key] for key in OPTIONS[name] if settings[key] is not None}
    match name:
        case "least-squares":
            return fj.LeastSquares(**given)
        case "restarts":
            return fj.Restarts(**given)
        case "isoflop":
            return fj.IsoFLOP(**given)
        case "variable-projection":
            candidates = given.pop("candidates", None)
            if candidates is not None and candidates > _MAX_CANDIDATES_EACH:
                raise click.UsageError(
                    f"--candidates with variable-projection is for each of two exponents: at most "
                    f"{_MAX_CANDIDATES_EACH:,}."
                )
            own = {} if candidates is None else {"num_candidates": candidates}
            return fj.VariableProjection(**given, **own)
    return _piecewise(settings)


def _piecewise(settings: Mapping[str, Any]) -> "Method":
    from farseer_jax import Grid, Piecewise, Refined

    low, high = settings["search"] or DEFAULT_SEARCH[settings["law"]]
    candidates = settings["candidates"]
    search: Refined | Grid | None = None
    if candidates is not None:
        search = Grid(low, high, candidates)
    elif settings["search"] is not None:
        search = Refined(low, high)
    own = {name: settings[name] for name in ("criterion", "rounds", "min_pairs", "ratio")}
    return Piecewise(search=search, **own)
