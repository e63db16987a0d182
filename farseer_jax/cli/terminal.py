"""What a terminal shows: colours where they are wanted, and tables as narrow as it is."""

import io
import math
import os
import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

    from farseer_jax.results.table import Table

_GAP = 3  # columns of the terminal between two columns of a table
_LEFT_ALONE = ("  ", "farseer ")  # pictures, and commands, which are copied
_WARNING = re.compile(r"(?i)warning: |problem: |\d+ problems:")
_MOST_LINES = 4  # of a heading
_FEWEST = 24  # letters of a line in a cell of text
_BEFORE_NUMBER = re.compile(r".*?: (?=[-+±]?\d)")
_IN_QUANTITY = re.compile(r"(?<=\b[ND]) (?=\d)|(?<=\d) (?=(?:[kMBT]|%|FLOPs)(?!\w))")
_SINGLE_SPACE = re.compile("(?<! ) (?! )")
_NO_BREAK, _INDENT = "\u00a0", "  "
_NARROWEST = 40  # a terminal that says it is narrower hardly is
_UNLIMITED = 10_000


def is_terminal(stream: IO[Any] | None) -> bool:
    """Whether a stream is a terminal that can do more than print lines."""
    return (
        stream is not None
        and not stream.closed
        and stream.isatty()
        and os.environ.get("TERM") != "dumb"
    )


def is_coloured(stream: IO[Any] | None) -> bool:
    """Whether colours are wanted: on a terminal, unless the environment says otherwise.

    ``NO_COLOR`` (https://no-color.org) has none anywhere, and otherwise ``FORCE_COLOR``
    (https://force-color.org) has them in pipes and files too.
    """
    if os.environ.get("NO_COLOR"):
        return False
    forced = os.environ.get("FORCE_COLOR")
    return is_terminal(stream) if not forced else forced not in ("0", "false")


def styled(text: str, stream: IO[Any] | None, **style: Any) -> str:
    """A text in a style of ``click.style``, where colours are wanted."""
    import click

    return click.style(text, **style) if is_coloured(stream) else text


def shown_on(stream: IO[Any], parts: Sequence["str | Table"]) -> str:
    """Paragraphs and tables as a stream shows them.

    Pipes and files get the text of ``print``. A terminal gets lines that are no longer than it is
    wide, and tables in blocks of columns where they are wider.

    Args:
        stream: such as standard output.
        parts: as a result has them.
    """
    coloured, narrow = is_coloured(stream), is_terminal(stream)
    if not (coloured or narrow):
        return "\n\n".join(map(str, parts))
    width = max(shutil.get_terminal_size().columns, _NARROWEST) if narrow else _UNLIMITED
    return "\n\n".join(_rendered(part, width, coloured) for part in parts)


def _rendered(part: "str | Table", width: int, coloured: bool) -> str:
    from rich.console import Console

    file = io.StringIO()
    # the 16 colours of the terminal's own theme, which is light or dark
    console = Console(
        file=file,
        width=_UNLIMITED,
        force_terminal=coloured,
        color_system="standard" if coloured else None,
        no_color=not coloured,
        force_jupyter=False,
        highlight=False,
        legacy_windows=False,
    )
    pieces = _of_text(part, width) if isinstance(part, str) else _of_table(part, width)
    for piece in pieces:
        console.print(piece)
    return "\n".join(line.rstrip(" ") for line in file.getvalue().rstrip("\n").split("\n"))


def _of_text(text: str, width: int, style: str = "") -> "Iterator[RenderableType]":
    from rich.text import Text

    from farseer_jax.results.result import Headline

    for place, line in enumerate(text.split("\n")):
        is_warning = _WARNING.match(line)
        for index, piece in enumerate(_wrapped(line, width)):
            shown = Text(piece, style="yellow" if is_warning else style)
            if isinstance(text, Headline) and place == 0:
                before_number = _BEFORE_NUMBER.match(piece) if index == 0 else None
                shown.stylize("bold", before_number.end() if before_number else 0)
            yield shown


def _wrapped(line: str, width: int) -> list[str]:
    """A line in lines of the terminal."""
    if len(line) <= width or line.startswith(_LEFT_ALONE):
        return [line]
    parts = re.split("  +", line)
    if len(parts) > 1 and max(map(len, parts)) <= width - len(_INDENT):
        line = _SINGLE_SPACE.sub(_NO_BREAK, line)  # breaks between the parts only
    return _lines(line, width, _INDENT)


def _lines(text: str, width: int, indent: str = "") -> list[str]:
    """A text in lines, which do not end within a quantity, such as N 6.37 B or 90 %."""
    lines = textwrap.wrap(
        _IN_QUANTITY.sub(_NO_BREAK, text),
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [own.replace(_NO_BREAK, " ") for own in lines]


def _of_table(table: "Table", width: int) -> "Iterator[RenderableType]":
    from farseer_jax.results.table import rich_table

    heading, rows = table.cells()
    columns = [list(cells) for cells in zip(heading, *rows, strict=True)]
    left = [own.left for own in table.shown]
    for num_lines in range(2, _MOST_LINES + 1):
        if _total(columns) > width:
            columns = [
                _narrowed([own, *cells], num_lines)
                for own, (_, *cells) in zip(heading, columns, strict=True)
            ]
    if _total(columns) > width:
        room = max(width - _width(columns[0]) - _GAP, _FEWEST)
        columns = [
            ["\n".join(_lines(cell, room)) for cell in own] if is_left else own
            for own, is_left in zip(columns, left, strict=True)
        ]
    styles = ["dim" if own.secondary else "" for own in table.shown]
    for place, block in enumerate(_blocks(columns, width)):
        if place:
            yield ""
        header, *cells = zip(*(columns[at] for at in block), strict=True)
        yield rich_table(
            _at_the_bottom(header),
            cells,
            [left[at] for at in block],
            column_styles=[styles[at] for at in block],
            best=table.best,
        )
    for line in (table.left_out, table.note):
        if line:
            yield from _of_text(line, width, "dim")


def _at_the_bottom(header: Sequence[str]) -> list[str]:
    """Headings that end in the line above the rule."""
    most = max(own.count("\n") for own in header)
    return ["\n" * (most - own.count("\n")) + own for own in header]


def _narrowed(cells: list[str], num_lines: int) -> list[str]:
    """A column with its heading in about so many lines, but no narrower than its cells."""
    heading, *others = cells
    words = re.split(r"[ \n]", _IN_QUANTITY.sub(_NO_BREAK, heading))
    widest = max(_width(others), *map(len, words), math.ceil(len(heading) / num_lines), 1)
    return ["\n".join(_lines(heading, widest)), *others]


def _blocks(columns: list[list[str]], width: int) -> Iterator[list[int]]:
    """Columns that fit side by side, by their indices; the first names the rows of each block."""
    block = [0]
    for at in range(1, len(columns)):
        if len(block) > 1 and _total(columns[own] for own in (*block, at)) > width:
            yield block
            block = [0]
        block.append(at)
    yield block


def _total(columns: Iterable[list[str]]) -> int:
    widths = [_width(cells) for cells in columns]
    return sum(widths) + _GAP * (len(widths) - 1)


def _width(cells: Iterable[str]) -> int:
    from rich.cells import cell_len

    return max((cell_len(line) for cell in cells for line in cell.split("\n")), default=0)
