"""Plain-text tables, drawn by rich (imported when a table is drawn)."""

import io
from collections.abc import Sequence

_WIDTH = 10_000  # of no table: nothing is cut, a name least of all


def text(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 0) -> str:
    """An aligned table: a header, a rule, right-aligned columns but for the first ``left``."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for index, name in enumerate(header):
        table.add_column(Text(name), justify="left" if index < left else "right", no_wrap=True)
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
