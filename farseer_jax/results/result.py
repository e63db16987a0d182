"""The base class of public results: printing, pandas, JSON."""

import abc
import dataclasses
import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from farseer_jax._version import __version__
from farseer_jax.results.agreement import check_follows
from farseer_jax.results.converter import cause_of, classes_given, restore, state_of
from farseer_jax.results.digest import json_text
from farseer_jax.results.files import write_text
from farseer_jax.results.json_file import read_content
from farseer_jax.results.plausible import check_ranges, parts_of
from farseer_jax.results.table import Table

if TYPE_CHECKING:
    import pandas as pd

FORMAT_VERSION = 1


class Result(abc.ABC):
    """A frozen dataclass with a table; a file stores its fields.

    A result declares its columns (:meth:`table`) and the text around them (:meth:`text_parts`);
    text, HTML, pandas and JSON are derived.
    """

    @abc.abstractmethod
    def table(self) -> Table:
        """The result as a table."""

    def text_parts(self) -> Sequence["str | Table"]:
        """Paragraphs and tables, in the order in which they are printed."""
        return (self.table(),)

    def to_dataframe(self) -> "pd.DataFrame":
        """The columns of :meth:`table` as a data frame."""
        return self.table().to_dataframe()

    def to_dict(self) -> dict[str, Any]:
        """The result for readers of JSON; numbers that are not finite are None."""
        return {"rows": self.table().records()}

    def check_parts(self) -> None:
        """Refuse fields that are out of range or contradict each other.

        Raises:
            ValueError: there is such a field.
        """
        check_ranges(self)
        for _, part in parts_of(self):
            for own in part if isinstance(part, tuple) else (part,):
                if isinstance(own, Result):
                    own.check_parts()

    def file_content(self) -> dict[str, Any]:
        """The content of a file: :meth:`to_dict` for readers, and all fields, exactly.

        Raises:
            TypeError: a field cannot be written, such as a function.
        """
        return {
            "format": f"farseer_jax.{type(self).__name__}",
            "version": FORMAT_VERSION,
            "library_version": __version__,
            **self.to_dict(),
            "fields": state_of(self),
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """JSON text, exact to the last digit; also written to ``path`` if given.

        It contains a digest of its content, so :meth:`from_json` detects every change.

        Raises:
            OSError: the file cannot be written; an existing file stays intact.
            TypeError: a field cannot be written, such as a function.
        """
        text = json_text(self.file_content())
        if path is not None:
            write_text(path, text)
        return text

    @classmethod
    def from_json(cls, source: str | Path, law: type | Sequence[type] | None = None) -> Self:
        """Read the result that :meth:`to_json` wrote, exactly.

        Args:
            source: a path, or the JSON text.
            law: the class (or classes) of the result's law, if it is not the library's.

        Raises:
            FileNotFoundError: there is no such file.
            IsADirectoryError: the path is a directory.
            ValueError: the file is damaged, was changed, or contains something else.
        """
        kind = f"farseer_jax.{cls.__name__}"
        name, content = read_content(
            source, "a JSON object", kind, FORMAT_VERSION, "write it again"
        )
        if not isinstance(content.get("fields"), dict):
            raise ValueError(f"{name} is damaged (expected its fields by name); write it again")
        with classes_given(law):
            found = restore(cls, content["fields"], name)
        try:
            found.check_parts()
        except Exception as error:
            raise ValueError(f"{name} is damaged ({cause_of(error)}); write it again") from error
        check_follows(name, content, found.to_dict)
        return found

    def __getstate__(self) -> dict[str, Any]:
        # for another process; what was computed from the fields and kept may not be picklable
        own: Any = self  # a dataclass
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(own)}

    def __str__(self) -> str:
        return "\n\n".join(str(part) for part in self.text_parts())

    def _repr_html_(self) -> str:
        """HTML for notebooks."""
        return "\n".join(
            part.to_html() if isinstance(part, Table) else f"<p>{_lines(part)}</p>"
            for part in self.text_parts()
        )


class Headline(str):
    """A paragraph whose first line is the answer, or ends in it: a terminal shows it in bold."""

    __slots__ = ()


def warned(text: str, warnings: Sequence[str]) -> str:
    """A text, followed by one line per warning; of a headline a headline."""
    lines = "\n".join([text, *(f"warning: {sentence}" for sentence in warnings)])
    return Headline(lines) if isinstance(text, Headline) else lines


def _lines(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")
