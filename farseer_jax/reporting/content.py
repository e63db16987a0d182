"""What sections of a report consist of. Text in a section is a paragraph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from farseer_jax.results.table import Table


@dataclass(frozen=True)
class Card:
    """One answer.

    Attributes:
        heading: what it is about, such as a point.
        value: the number, large.
        lines: facts about it, below.
    """

    heading: str
    value: str
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Cards:
    """Answers side by side."""

    cards: Sequence[Card]


@dataclass(frozen=True)
class Warnings:
    """Reasons for caution, one sentence each, worst first; may be empty."""

    sentences: Sequence[str]


@dataclass(frozen=True)
class Figure:
    """An interactive figure.

    Attributes:
        name: its name in the page, and of a downloaded file.
        caption: what it shows.
        traces: traces of plotly.
        layout: layout of plotly.
    """

    name: str
    caption: str
    traces: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]


@dataclass(frozen=True)
class Data:
    """A table, with all digits as a file to download.

    Attributes:
        name: name of the file.
        caption: what it shows.
        table: the table.
        is_open: whether it is shown at once; otherwise on a click.
    """

    name: str
    caption: str
    table: Table
    is_open: bool = False


@dataclass(frozen=True)
class Code:
    """Commands or Python to copy."""

    caption: str
    text: str


@dataclass(frozen=True)
class Facts:
    """Names with values."""

    rows: Mapping[str, str]


@dataclass(frozen=True)
class Explorer:
    """Controls for the inputs, with the answer at their values.

    Attributes:
        content: axes, values and texts, for the page's script.
        note: what the numbers are, and how accurate.
    """

    content: Mapping[str, Any]
    note: str


Item: TypeAlias = str | Cards | Warnings | Figure | Data | Code | Facts | Explorer


@dataclass(frozen=True)
class Section:
    """A section of a report.

    Attributes:
        name: its address within the page.
        title: its heading.
        items: what it consists of, in order.
    """

    name: str
    title: str
    items: Sequence[Item] = field(default=())
