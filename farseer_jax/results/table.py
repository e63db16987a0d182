"""Tables: each column is declared once, for text, pandas and JSON."""

import html
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.results.numbers import number_text, or_null

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table as RichTable

_WIDTH = 10_000  # wider than any table, so that nothing is truncated


def as_text(value: Any) -> str:
    """Text unchanged, or a number with six digits."""
    return value if isinstance(value, str) else number_text(value)


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table.

    Attributes:
        name: name in pandas and JSON.
        values: one per row.
        text: formats a value for text; None leaves the column out of the text.
        heading: heading in the text; None is the name.
        in_data: whether the column appears in pandas and JSON too.
        left: whether the text is left-aligned.
        secondary: whether it matters less than the others; a terminal dims it.
    """

    name: str
    values: Sequence[Any] | np.ndarray
    text: Callable[[Any], str] | None = as_text
    heading: str | None = None
    in_data: bool = True
    left: bool = False
    secondary: bool = False


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length. Prints as an aligned table.

    Attributes:
        columns: the columns, in order.
        most: how many rows the text shows.
        noun: what the rows are, for the line about rows not shown.
        note: text directly under the table.
        best: indices of the best rows, which a terminal colours.
    """

    columns: Sequence[Column]
    most: int = 60
    noun: str = "rows"
    note: str = ""
    best: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.columns[0].values)

    def at(self, rows: Sequence[int] | np.ndarray) -> "Table":
        """Some of the rows, by their indices."""
        columns = [replace(own, values=[own.values[row] for row in rows]) for own in self.columns]
        best = tuple(place for place, row in enumerate(rows) if row in self.best)
        return replace(self, columns=columns, best=best)

    @property
    def shown(self) -> list[Column]:
        """The columns of the text."""
        return [own for own in self.columns if own.text is not None]

    def to_dataframe(self) -> "pd.DataFrame":
        """The values as a data frame."""
        import pandas as pd

        return pd.DataFrame({own.name: own.values for own in self.columns if own.in_data})

    def records(self) -> list[dict[str, Any]]:
        """One dictionary per row, for JSON; numbers that are not finite are None."""
        kept = {own.name: or_null(np.asarray(own.values)) for own in self.columns if own.in_data}
        return [dict(zip(kept, row, strict=True)) for row in zip(*kept.values(), strict=True)]

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows as text."""
        heading, columns = [], []
        for own in self.shown:
            heading.append(own.name if own.heading is None else own.heading)
            text = own.text or as_text
            columns.append([text(value) for value in own.values[: self.most]])
        return heading, [list(row) for row in zip(*columns, strict=True)]

    @property
    def left_out(self) -> str:
        """The line about rows that the text does not show; empty if there are none."""
        more = len(self) - self.most
        return f"… and {more:,} more {self.noun}".rstrip() if more > 0 else ""

    def __str__(self) -> str:
        heading, rows = self.cells()
        left = [own.left for own in self.shown]
        return "\n".join(
            filter(None, [aligned(heading, rows, left=left), self.left_out, self.note])
        )

    def to_html(self) -> str:
        """The text as an HTML table."""
        import pandas as pd

        heading, rows = self.cells()
        table = pd.DataFrame(rows, columns=heading).to_html(index=False, border=0)
        below = (html.escape(line) for line in (self.left_out, *self.note.splitlines()) if line)
        return "".join([table, *(f"<p>{line}</p>" for line in below)])


def aligned(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int | Sequence[bool] = 0
) -> str:
    """Format a table as text by rich: a header, a rule, right-aligned columns.

    Args:
        header: headings of the columns.
        rows: their cells.
        left: how many of the first columns are left-aligned, or which columns are.
    """
    from rich.console import Console

    if isinstance(left, int):
        left = [index < left for index in range(len(header))]
    table = rich_table(header, rows, left)
    # write to a string: the text must not depend on standard output or its encoding
    file = io.StringIO()
    # in a notebook rich would display the table itself and leave the string empty
    console = Console(
        file=file, width=_WIDTH, color_system=None, force_terminal=False, force_jupyter=False
    )
    console.print(table)
    return "\n".join(line.rstrip() for line in file.getvalue().rstrip().splitlines())


def rich_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    left: Sequence[bool],
    *,
    column_styles: Sequence[str] = (),
    best: Sequence[int] = (),
) -> "RichTable":
    """A table of rich, in the layout of all texts.

    Args:
        header: headings of the columns; they may have several lines.
        rows: their cells, which are not wrapped.
        left: whether each column is left-aligned.
        column_styles: style of each column; none unless given.
        best: indices of the rows in the style of the best.
    """
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1), border_style="dim"
    )
    for index, name in enumerate(header):
        table.add_column(
            Text(name),
            justify="left" if left[index] else "right",
            style=column_styles[index] if column_styles else "",
            no_wrap=True,
        )
    for place, row in enumerate(rows):
        style = "green" if place in best else ""
        table.add_row(*(Text(cell, style=style) for cell in row))
    return table


def evenly(num: int, num_shown: int) -> np.ndarray:
    """Up to ``num_shown`` indices, evenly spaced from the first row to the last."""
    return np.unique(np.linspace(0, num - 1, num_shown).round().astype(int))
