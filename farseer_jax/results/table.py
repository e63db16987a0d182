"""Tables: each column declared once, for a person to read, for pandas and for JSON."""

import html
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.results.numbers import json_numbers, number_text

if TYPE_CHECKING:
    import pandas as pd

_WIDTH = 10_000  # of no table: nothing is cut, a name least of all


def as_text(value: Any) -> str:
    """A cell as it is, or a number to six digits."""
    return value if isinstance(value, str) else number_text(value)


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table.

    Attributes:
        name: in pandas and in JSON.
        values: one per row.
        text: how a value is written for a person; None where only programs read the column.
        heading: above the column in the text; None: its name.
        in_data: whether the column stands in pandas and JSON, and not in the text alone.
        left: whether the text is aligned to the left.
    """

    name: str
    values: Sequence[Any] | np.ndarray
    text: Callable[[Any], str] | None = as_text
    heading: str | None = None
    in_data: bool = True
    left: bool = False


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of one length. Prints as an aligned table.

    Attributes:
        columns: in their order.
        most: rows that the text shows.
        noun: what the rows are, for those that the text leaves out.
        note: what the text says right under the table.
    """

    columns: Sequence[Column]
    most: int = 60
    noun: str = "rows"
    note: str = ""

    def __len__(self) -> int:
        return len(self.columns[0].values)

    def at(self, rows: Sequence[int] | np.ndarray) -> "Table":
        """Some of the rows, by their indices."""
        columns = [replace(own, values=[own.values[row] for row in rows]) for own in self.columns]
        return replace(self, columns=columns)

    def to_dataframe(self) -> "pd.DataFrame":
        """The values, without their texts."""
        import pandas as pd

        return pd.DataFrame({own.name: own.values for own in self.columns if own.in_data})

    def records(self) -> list[dict[str, Any]]:
        """One dictionary per row, for JSON; a number that is not finite is None."""
        kept = {own.name: json_numbers(own.values) for own in self.columns if own.in_data}
        return [dict(zip(kept, row, strict=True)) for row in zip(*kept.values(), strict=True)]

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows of text."""
        heading, columns = [], []
        for own in self.columns:
            if own.text is not None:
                heading.append(own.name if own.heading is None else own.heading)
                columns.append([own.text(value) for value in own.values[: self.most]])
        return heading, [list(row) for row in zip(*columns, strict=True)]

    @property
    def left_out(self) -> str:
        """What the text does not show, in words."""
        more = len(self) - self.most
        return f"… and {more:,} more {self.noun}".rstrip() if more > 0 else ""

    def __str__(self) -> str:
        heading, rows = self.cells()
        left = [own.left for own in self.columns if own.text is not None]
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
    """A table of text, drawn by rich: a header, a rule, columns aligned to the right.

    Args:
        header: headings of the columns.
        rows: their cells.
        left: how many of the first columns are aligned to the left, or which columns are.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for index, name in enumerate(header):
        is_left = index < left if isinstance(left, int) else left[index]
        table.add_column(Text(name), justify="left" if is_left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    # a file of its own: the text must not depend on what standard output is or can encode
    file = io.StringIO()
    # in a notebook rich would display the table at once, and leave the file empty
    console = Console(
        file=file, width=_WIDTH, color_system=None, force_terminal=False, force_jupyter=False
    )
    console.print(table)
    return "\n".join(line.rstrip() for line in file.getvalue().rstrip().splitlines())


def evenly(num: int, num_shown: int) -> np.ndarray:
    """Indices of the rows that stand for all: so many of them, evenly, both ends among them."""
    return np.unique(np.linspace(0, num - 1, num_shown).round().astype(int))
