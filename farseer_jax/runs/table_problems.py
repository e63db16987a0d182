"""All problems of a table, and the options that read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Options = Mapping[str, Any]

# Options of `read_table`; the others are those of `fit` and `read_runs`.
OF_TABLES = ("table", "derive", "where", "last_by", "drop_missing", "as_is")


class Problem(NamedTuple):
    """A reason why a table cannot be read.

    Attributes:
        what: a sentence with the column, the rows, their values and the remedy.
        remedies: options that solve it, the best first; None as a value removes an option. Empty
            if no option helps.
        cases: the case that each remedy is for, where the table is ambiguous: ``"if 'D' is in
            billions"``; empty if the first always applies.
    """

    what: str
    remedies: tuple[Options, ...] = ()
    cases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Way:
    """Options that read a table, and the case that they are for.

    Attributes:
        case: such as ``"if 'D' is in billions"``; empty if there is only one.
        options: of `read_table` and `fit`.
    """

    case: str
    options: Options


class TableError(ValueError):
    """A table that cannot be read as it is: all its problems, and the options that read it.

    Attributes:
        problems: sentences, one for each problem.
        source: the file, if the table comes from one.
        options: options of `read_table` and `fit` that read the table, the likeliest if there are
            several ways; empty if no options help.
        ways: all ways to read the table, each with the case that it is for.

    Example:
        >>> import farseer_jax as fj
        >>> table = {"params": [1e8, 2e8], "tokens_per_param": [20, 40], "loss": [3.6, 3.3]}
        >>> try:
        ...     runs = fj.read_runs(table)
        ... except fj.TableError as error:
        ...     runs = fj.read_runs(table, **error.options)
        >>> runs.D
        array([2.e+09, 8.e+09])
    """

    def __init__(
        self,
        problems: Sequence[str],
        ways: Sequence[Way],
        source: str = "",
        *,
        read: str = "table",
        given: Options | None = None,
    ) -> None:
        """A table that cannot be read.

        Args:
            problems: sentences, one for each problem.
            ways: options that read it.
            source: the file, if the table comes from one.
            read: what was read, as in Python: a name, or the path in quotes.
            given: options with which it was read.
        """
        self.problems, self.ways, self.source = tuple(problems), tuple(ways), source
        self.options = dict(ways[0].options) if ways else {}
        self._read, self._given = read, dict(given or {})
        name = f"{source}: " if source else ""
        super().__init__(name + self.listed() + self._advice())

    def of(self, source: str, *, read: str = "table", given: Options | None = None) -> TableError:
        """The same error about what was read, with the options given."""
        return TableError(self.problems, self.ways, source, read=read, given=given)

    def __reduce__(self) -> tuple[Any, ...]:
        return _table_error, (self.problems, self.ways, self.source, self._read, self._given)

    def listed(self) -> str:
        """The problems; numbered if there are several."""
        if len(self.problems) == 1:
            return self.problems[0]
        numbered = (f"({at}) {what}" for at, what in enumerate(self.problems, start=1))
        return f"the table has {len(self.problems)} problems: " + "; ".join(numbered)

    def _advice(self) -> str:
        """The calls that read the table, or nothing."""
        return "".join(
            f". This reads it{f' {way.case}' if way.case else ''}: {self._call(way.options)}"
            for way in self.ways
        )

    def _call(self, options: Options) -> str:
        """The call that reads the table, and the options of the call that takes it."""
        own = {name: value for name, value in options.items() if name in OF_TABLES}
        others = {name: value for name, value in options.items() if name not in OF_TABLES}
        if "derive" in own:  # formulas use inputs by their names
            own |= {name: others[name] for name in ("columns_of", "units") if name in others}
        own = merged(self._given, own) if own else own
        calls = [f"fj.read_table({self._read}, {_arguments(own)})"] if own else []
        calls += [_arguments(others)] if others else []
        return " with ".join(calls)


def _table_error(
    problems: Sequence[str], ways: Sequence[Way], source: str, read: str, given: Options
) -> TableError:
    """A `TableError` from its parts, for pickle."""
    return TableError(problems, ways, source, read=read, given=given)


def _arguments(options: Options) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in options.items() if value is not None)


def merged(first: Options, second: Options) -> dict[str, Any]:
    """Options extended by others: formulas are appended, mappings are merged.

    Example:
        >>> merged({"derive": ["D = C/6"], "by": "arm"}, {"derive": ["N = C"], "by": "kind"})
        {'derive': ['D = C/6', 'N = C'], 'by': 'kind'}
    """
    found = dict(first)
    for name, value in second.items():
        known = found.get(name)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            found[name] = {**known, **value}
        elif name == "derive" and known:
            found[name] = [*known, *value]
        elif name == "where" and known:
            found[name] = f"({known}) and ({value})"
        else:
            found[name] = value
    return found
