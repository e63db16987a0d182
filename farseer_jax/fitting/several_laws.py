"""One table for several laws: the runs of each group and response, with the inputs of all laws."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from farseer_jax.expressions.expression import parse
from farseer_jax.fitting.arguments import (
    as_law,
    columns_of_runs,
    columns_of_table,
    names_of,
    refuse_naming,
)
from farseer_jax.laws.expression_law import name_of
from farseer_jax.laws.law import Law
from farseer_jax.laws.registry import law_named, refuse_unknown_word
from farseer_jax.link_functions import Link, as_link
from farseer_jax.runs.binding import Part, bind_runs
from farseer_jax.runs.copies import Copies
from farseer_jax.runs.find_columns import as_tuple, find_inputs
from farseer_jax.runs.inputs import Kind
from farseer_jax.runs.runs import Runs
from farseer_jax.tables.columns import Columns

_NUMBERS: Final = ("count", "positive", "real")  # each is among the next


def as_laws_and_parts(
    laws: Sequence[object],
    runs: object,
    *,
    by: str | Sequence[str] = (),
    response: str | Sequence[str] | None = None,
    columns_of: Mapping[str, str | Sequence[str]] | None = None,
    link: Link | str | None = None,
    weights: str | None = None,
    standard_error: str | None = None,
    kinds: Mapping[str, str] | None = None,
    real: str | Sequence[str] = (),
    units: Mapping[str, float | None] | None = None,
    copies: Copies = "average",
) -> tuple[list[type[Law]], list[Part]]:
    """The classes of several laws, and the same runs for all of them.

    Arguments as for :func:`fit`; options of inputs and parameters apply to the laws that have them.

    Returns:
        The laws' classes; and the parts, whose runs have the inputs of all laws, so that a row is
        the same run for each.

    Raises:
        ValueError: the table lacks an input (the message names the law), two laws need one input
            with different kinds, or as for :func:`fit`.
        TypeError: not a law, or not a table.

    Example:
        >>> table = {"N": [1e8, 4e8], "P": [1, 2], "loss": [3.6, 3.2]}
        >>> laws, parts = as_laws_and_parts(["E + A/N**a", "E + A/(N*P)**a"], table)
        >>> list(laws[0].inputs()), list(parts[0].runs.inputs)
        (['N'], ['N', 'P'])
    """
    naming: dict[str, Any] = {
        "response": response,
        "columns_of": columns_of,
        "weights": weights,
        "standard_error": standard_error,
        "units": units,
        **({"copies": copies} if copies != "average" else {}),
    }
    known = runs.kinds if isinstance(runs, Runs) else None
    if isinstance(runs, Runs):
        names = [*runs.inputs, *runs.extra]
        refuse_naming(naming)
    else:
        table: Mapping[str, Any] = columns_of_table(runs)
        names = list(table)
        naming["checked"] = True
    bound = tuple(columns_of or {})
    classes = as_laws(laws, names, columns_of=bound, kinds=kinds, real=real, known=known)
    inputs = inputs_of(classes)
    if isinstance(runs, Runs):
        if link is None and not by and set(inputs) <= set(runs.inputs):
            return classes, [Part({}, runs.loss_name or "loss", runs, 0)]
        link = runs.link if link is None else link
        table, naming = columns_of_runs(inputs, runs)
    found = _columns(classes, list(table), naming["columns_of"] or {}, naming["response"])
    table, naming["columns_of"] = _each_its_own(table, found)
    own_links = [law.response_link for law in classes if law.response_link != "log"]
    link = link or next(iter(own_links), "log")  # losses that may be negative have no logarithm
    parts = bind_runs(table, inputs, by=names_of(by), link=as_link(link), **naming)
    return classes, parts


def as_laws(
    laws: Sequence[object],
    columns: Sequence[str],
    *,
    columns_of: Collection[str] = (),
    kinds: Mapping[str, str] | None = None,
    real: str | Sequence[str] = (),
    known: Mapping[str, str] | None = None,
) -> list[type[Law]]:
    """The classes of several laws; options apply to the laws that have their names.

    Args:
        laws: classes, names, or texts.
        columns: columns of the table.
        columns_of: inputs bound to a column with another name.
        kinds: kinds of inputs of expressions that are not positive numbers.
        real: parameters of expressions that may have either sign.
        known: kinds of inputs of runs.

    Raises:
        ValueError: a text is not a law, or no law has a name of the options.
    """
    found, kinds = [], dict(kinds or {})
    for law in laws:
        own: tuple[str, ...] = ()
        if isinstance(law, str) and law_named(law) is None:
            refuse_unknown_word(law)
            own = parse(law).names
        found.append(
            as_law(
                law,
                columns,
                bound=[name for name in columns_of if name in own],
                kinds={name: kind for name, kind in kinds.items() if name in own},
                real=[name for name in names_of(real) if name in own],
                known=known,
            )
        )
    _refuse_unused(found, {"columns_of": [*columns_of], "kinds": [*kinds]})
    return found


def _refuse_unused(laws: Sequence[type[Law]], options: Mapping[str, Sequence[str]]) -> None:
    """Refuse an option about an input that none of the laws has."""
    inputs = dict.fromkeys(name for law in laws for name in law.inputs())
    for option, names in options.items():
        for name in names:
            if name not in inputs:
                raise ValueError(
                    f"{option}: none of the laws has the input {name!r}; they have "
                    f"{', '.join(inputs)}"
                )


def inputs_of(laws: Sequence[type[Law]]) -> dict[str, Kind]:
    """The inputs of all laws, with their kinds; of two kinds of numbers the narrower one.

    Raises:
        ValueError: an input is a number in one law, and labels or shares in another.
    """
    found: dict[str, Kind] = {}
    owner: dict[str, type[Law]] = {}
    for law in laws:
        for name, kind in law.inputs().items():
            known = found.setdefault(name, kind)
            if known != kind and not {known, kind} <= {*_NUMBERS}:
                raise ValueError(
                    f"the law {name_of(owner[name])} has {name!r} as {known}, and {name_of(law)} "
                    f"as {kind}: compare them in two calls"
                )
            if known != kind:
                found[name] = min(known, kind, key=_NUMBERS.index)
            owner.setdefault(name, law)
    return found


def _columns(
    laws: Sequence[type[Law]],
    names: Sequence[str],
    columns_of: Mapping[str, str | Sequence[str]],
    response: str | Sequence[str] | None,
) -> dict[str, str | tuple[str, ...]]:
    """The column of each input of all laws, or the columns of a mixture.

    Raises:
        ValueError: the table lacks an input; the message names the law that needs it.
    """
    taken = [response] if isinstance(response, str) else list(response or ())
    found: dict[str, str | tuple[str, ...]] = {}
    for law in laws:
        own = {name: column for name, column in columns_of.items() if name in law.inputs()}
        try:
            found |= find_inputs(names, law.inputs(), own, taken)
        except ValueError as error:
            raise ValueError(f"the law {name_of(law)} needs {_needs(law)}: {error}") from None
    return found


def _each_its_own(
    table: Mapping[str, Any], found: Mapping[str, str | tuple[str, ...]]
) -> tuple[Mapping[str, Any], dict[str, str | tuple[str, ...]]]:
    """The table with a column for each input: laws may name one column differently."""
    columns, bound, used = dict[str, Any](), dict(found), set[str]()
    for name, own in found.items():
        shared = [column for column in as_tuple(own) if column in used]
        copies = {column: f"{column} ({name})" for column in shared}
        columns |= {copy: table[column] for column, copy in copies.items()}
        renamed = tuple(copies.get(column, column) for column in as_tuple(own))
        bound[name] = renamed[0] if isinstance(own, str) else renamed
        used |= {*renamed}
    if isinstance(table, Columns):
        return table.with_columns(columns, ()), bound
    return {**table, **columns}, bound


def _needs(law: type[Law]) -> str:
    """The inputs of a law in words."""
    *first, last = law.inputs()
    return f"{', '.join(first)} and {last}" if first else last
