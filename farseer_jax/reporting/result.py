"""``Report``: an answer and its evidence, as one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from farseer_jax.reporting.content import Section
from farseer_jax.reporting.page import page
from farseer_jax.reporting.sections.remake import remake
from farseer_jax.results.files import write_text
from farseer_jax.results.result import Result
from farseer_jax.results.table import Table
from farseer_jax.runs.runs import Runs


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """An answer with its evidence and reasons for caution, as one page. Prints as the answer.

    Attributes:
        title: title of the page.
        summary: the answer in a sentence.
        results: the results that the page shows, by name, the answer first.
        sections: sections of the page, in the order in which a decision needs them.
        tables: the runs by name.
        settings: confidence level and seed, by name.
        python: Python code that makes the report from the tables.
        reading: Python code that reads the tables.
        commands: shell commands that make the report; may be empty.

    Example:
        >>> import pathlib, tempfile
        >>> from farseer_jax import example_runs, report
        >>> found = report(example_runs().select(max_N=1e9), [(7e9, 2e11)], holdouts=False)
        >>> [section.name for section in found.sections]
        ['answer', 'doubts', 'explore', 'runs', 'fits', 'split', 'next']
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "report.html")
        ...     found.save(path)
        ...     path.stat().st_size < 6e6
        True
    """

    title: str
    summary: str
    results: Mapping[str, Result]
    sections: tuple[Section, ...]
    tables: Mapping[str, Runs]
    settings: Mapping[str, str]
    python: str
    reading: str = "runs = …  # the table"
    commands: str = ""

    @property
    def answer(self) -> Result:
        """The result that answers the question: a forecast, or a comparison."""
        return next(iter(self.results.values()))

    def to_html(self) -> str:
        """The page as HTML, which loads nothing from the network."""
        last = remake(
            self.commands,
            f"import farseer_jax as fj\n\n{self.reading}\n{self.python}",
            dict(self.tables),
            dict(self.settings),
        )
        return page(self.title, self.summary, [*self.sections, last])

    def save(self, path: str | Path) -> None:
        """Write the page.

        Raises:
            OSError: the file cannot be written; an existing file stays intact.
        """
        write_text(path, self.to_html())

    def to_dict(self) -> dict[str, Any]:
        """The results by name, for JSON."""
        return {name: own.to_dict() for name, own in self.results.items()}

    def text_parts(self) -> Sequence[str | Table]:
        """Paragraphs and tables of the answer, in the order in which they are printed."""
        return self.answer.text_parts()

    def __str__(self) -> str:
        return str(self.answer)

    def __repr__(self) -> str:
        return f"Report({self.title!r}: {', '.join(own.name for own in self.sections)})"
