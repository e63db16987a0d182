"""Sections of a report as a page made in the shell has them: its sentences name options."""

from dataclasses import replace
from typing import TYPE_CHECKING

from farseer_jax.cli.errors import in_options

if TYPE_CHECKING:
    from farseer_jax.reporting.content import Item, Section


def of_the_shell(section: "Section") -> "Section":
    """A section whose paragraphs and warnings name options of the shell."""
    return replace(section, items=[_item(own) for own in section.items])


def _item(item: "Item") -> "Item":
    from farseer_jax.reporting.content import Warnings

    if isinstance(item, Warnings):
        return Warnings([*map(in_options, item.sentences)])
    return in_options(item) if isinstance(item, str) else item
