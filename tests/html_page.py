"""An HTML page as tests read it: texts, scripts, tables and files by section."""

import base64
import io
import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any


@dataclass
class Part:
    """A section of a page; what stands outside of all sections is one as well."""

    texts: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What a person reads, with single spaces."""
        return " ".join(" ".join(self.texts).split())

    def frame(self, name: str) -> Any:
        """A table's file, as pandas reads it."""
        import pandas as pd

        return pd.read_csv(io.StringIO(self.files[name]))


class Page(HTMLParser):
    """Attributes: parts by the section's id, tags with their attributes, scripts, styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.parts: dict[str, Part] = {"": Part()}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.title = ""
        self._inside: list[str] = []
        self._now = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        self.tags.append((tag, own))
        if tag in ("meta", "link", "br", "input"):
            return
        self._inside.append(tag)
        if tag == "section":
            self._now = own["id"] or ""
            self.parts[self._now] = Part()
        if tag == "a" and "download" in own:
            kind, _, content = (own["href"] or "").partition(",")
            assert kind == "data:text/csv;base64"
            text = base64.b64decode(content, validate=True).decode()
            self.parts[self._now].files[own["download"] or ""] = text
        if tag in ("th", "td"):
            self.parts[self._now].cells.append("")
        if tag == "code":
            self.parts[self._now].codes.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop() == tag  # nothing is left open
        if tag == "section":
            self._now = ""

    def handle_data(self, data: str) -> None:
        part, inside = self.parts[self._now], self._inside[-1] if self._inside else ""
        if inside == "script":
            _, own = self.tags[-1]
            self.scripts.append((own, data))
            if "data-figure" in own:
                part.figures[own["data-figure"] or ""] = json.loads(data)
        elif inside == "style":
            self.styles.append(data)
        elif inside == "title":
            self.title += data
        else:
            part.texts.append(data)
            for tag, texts in (("td", part.cells), ("th", part.cells), ("code", part.codes)):
                if tag in self._inside:
                    texts[-1] += data
