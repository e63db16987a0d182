"""The page of a report: sections as one HTML file that needs nothing else."""

import base64
import json
import re
from collections.abc import Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from farseer_jax._version import __version__
from farseer_jax.reporting.content import Explorer, Figure, Section
from farseer_jax.results.numbers import or_null
from farseer_jax.results.table import Table

_MOST_ROWS = 2000  # of a table in the page
_SHORT = {
    "answer": "Answer", "doubts": "Caution", "explore": "Explore", "runs": "Runs", "fits": "Fits",
    "holdouts": "Hold-outs", "split": "Split", "next": "Next runs", "losses": "Losses",
    "remake": "Reproduce",
}  # titles in the bar of sections  # fmt: skip


def page(title: str, summary: str, sections: Sequence[Section]) -> str:
    """The HTML of a report.

    Args:
        title: its title.
        summary: the answer in a sentence.
        sections: what it consists of.
    """
    from markupsafe import Markup

    items = [item for section in sections for item in section.items]
    has_figures = any(isinstance(item, Figure | Explorer) for item in items)
    return _environment().from_string(_file("page.html")).render(
        title=title,
        summary=summary,
        sections=sections,
        version=__version__,
        date=date.today().isoformat(),
        style=Markup(_file("page.css")),
        script=Markup(_file("page.js")),
        plotly=_plotly() if has_figures else "",
        figures=has_figures,
        short=_SHORT,
        kind_of=lambda item: type(item).__name__,
    )  # fmt: skip


def _environment() -> Any:
    from jinja2 import Environment, StrictUndefined

    found = Environment(autoescape=True, undefined=StrictUndefined)
    found.filters |= {
        "spec": _spec,
        "json": _json,
        "csv": _csv,
        "csv_label": _csv_label,
        "left": _left,
        "lines": _lines,
        "sentence": _sentence,
    }
    return found


def _file(name: str) -> str:
    return files("farseer_jax.reporting").joinpath(name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs().replace("</script", r"<\/script")


def _json(content: Any) -> Any:
    """JSON that may stand within a script element; numbers that are not finite are null."""
    from markupsafe import Markup

    text = json.dumps(or_null(content), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", r"\u003c"))


def _spec(figure: Figure) -> Any:
    return _json({"traces": figure.traces, "layout": figure.layout})


def _csv(table: Table) -> str:
    text = table.to_dataframe()[:_MOST_ROWS].to_csv(index=False)
    return "data:text/csv;base64," + base64.b64encode(text.encode()).decode("ascii")


def _csv_label(table: Table) -> str:
    """The text of the link to the file."""
    num = len(table)
    return "All digits as CSV" if num <= _MOST_ROWS else f"The first {_MOST_ROWS:,} rows as CSV"


def _left(table: Table) -> list[bool]:
    return [own.left for own in table.columns if own.text is not None]


def _lines(text: str) -> Any:
    """Text with its line breaks, code in backticks, and numbers as they are printed."""
    from markupsafe import Markup, escape

    lines = Markup("<br>").join(escape(_nice(line)) for line in str(text).split("\n"))
    return Markup(re.sub(r"`([^`<]+)`", r"<code>\1</code>", lines))


def _nice(text: str) -> str:
    """Numbers with short powers, and no break before a unit."""
    short = re.sub(r"(\d)e\+?(-?)0*(\d+)\b", r"\1e\2\3", str(text))
    signed = re.sub(r"(?<![^\s(])-(?=\.?\d)", "\u2212", short)
    return re.sub(r"(\d) ?%|(\d) ([kMBT]\b)", _with_unit, signed)


def _with_unit(match: re.Match[str]) -> str:
    """A number and its unit, which no line break parts."""
    number, other, unit = match.groups()
    return f"{number or other}\u00a0{unit or '%'}"


def _sentence(text: str) -> Any:
    """A sentence that begins with a capital letter; names such as ``val_loss`` stay as they are."""
    is_word = re.match(r"[a-z]+[,:;]? ", text)
    return _lines(text[:1].upper() + text[1:] if is_word else text)
