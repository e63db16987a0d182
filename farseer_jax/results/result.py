"""The base class of public results: printing, pandas, JSON."""

import abc
import dataclasses
import html
import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from farseer_jax._version import __version__
from farseer_jax.results.converter import classes_given, restore, state_of
from farseer_jax.results.files import write_text
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

        Raises:
            OSError: the file cannot be written; an existing file stays intact.
            TypeError: a field cannot be written, such as a function.
        """
        content = self.file_content()
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
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
            ValueError: the file is damaged, or contains something else.
        """
        name, text = read_source(source)
        content = parse_json(name, text)
        kind = f"farseer_jax.{cls.__name__}"
        if not isinstance(content, dict) or content.get("format") != kind:
            raise ValueError(f'{name}: expected a JSON object with "format": "{kind}"')
        if content.get("version") != FORMAT_VERSION:
            raise ValueError(
                f"{name} has version {content.get('version')!r} of the format, and this "
                f"farseer_jax ({__version__}) reads version {FORMAT_VERSION}"
            )
        with classes_given(law):
            return restore(cls, content.get("fields"), name)

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


def read_source(source: str | Path) -> tuple[str, str]:
    """The name of a source for messages, and its text.

    Raises:
        FileNotFoundError: there is no such file.
        IsADirectoryError: the path is a directory.
        TypeError: the source is neither a path nor text.
        ValueError: the file is not text.
    """
    if not isinstance(source, str | PathLike):
        raise TypeError(
            f"source: expected a path or JSON text, as written by to_json, got "
            f"{type(source).__name__}"
        )
    if isinstance(source, str) and (not source or source.lstrip().startswith("{")):
        return "the JSON text", source
    path = Path(source)
    if path.is_dir():
        raise IsADirectoryError(
            f"{source} is a directory; give the path of a file written by to_json"
        )
    try:
        return str(source), path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(f"{source}: no such file") from None
    except UnicodeDecodeError:
        raise ValueError(f"{source}: expected JSON, got a file that is not text") from None


def parse_json(name: str, text: str) -> Any:
    """Parse JSON text.

    Raises:
        ValueError: the text is truncated, or not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{name} is not valid JSON ({error}): it is truncated or another kind of file; "
            "write it again"
        ) from None
