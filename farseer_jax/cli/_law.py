"""The law that ``--law`` names, or states as an expression."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from farseer_jax.laws.law import Law

LAWS = ("farseer", "chinchilla", "coupled", "kaplan")  # as in the registry; a test compares
_OF_EXPRESSIONS = ("+", "-", "*", "/", "^", "(", "|", "<", ">", "=", ",", "[", " ", "\t", "\n")


def law_text(text: str) -> str:
    """A law's name, or an expression.

    Raises:
        BadParameter: it is one word, and none of the names.
    """
    text = text.strip()
    if text in LAWS or any(mark in text for mark in _OF_EXPRESSIONS):
        return text
    raise click.BadParameter(
        f"unknown law {text!r}; choose from {', '.join(LAWS)}, or write an expression such as "
        "'E + A/N**alpha'."
    )


def is_expression(law: str) -> bool:
    """Whether a law is given as an expression, not by its name."""
    return law not in LAWS


def check_law_options(settings: Mapping[str, Any]) -> None:
    """Refuse options of expressions beside a law's name.

    Raises:
        UsageError: which one.
    """
    if is_expression(settings["law"]):
        return
    for name, option in (("real", "--real"), ("kinds", "--kind")):
        if settings.get(name):
            raise click.UsageError(
                f"{option} goes with an expression, and --law {settings['law']} knows its own: "
                "leave it out."
            )


def law_class(
    settings: Mapping[str, Any], columns: Sequence[str], bound: Sequence[str] = ()
) -> "type[Law]":
    """The law's class; of an expression a line on standard error says what its names are.

    Args:
        settings: of the command.
        columns: of the table, which tell inputs from parameters.
        bound: inputs whose columns are named.

    Raises:
        ValueError: the text is no law.
    """
    from farseer_jax.fitting.arguments import as_law

    law = settings["law"]
    if not is_expression(law):
        return as_law(law)
    from farseer_jax.laws.expression_law import describe

    kinds, real = settings.get("kinds"), settings.get("real") or ()
    found = as_law(law, columns, bound=bound, kinds=kinds, real=real)
    parameters = [
        field.name if field.along is None else f"{field.name}[{field.along}]"
        for field in found.fields()
    ]
    click.echo(describe(tuple(found.inputs()), parameters), err=True)
    return found
