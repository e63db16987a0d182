"""Conversion of arguments of entry points: laws, runs and methods."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from farseer_jax.curve_laws.law import CurveLaw
from farseer_jax.curve_laws.registry import CURVE_LAWS
from farseer_jax.expressions.expression import parse
from farseer_jax.fitting.registry import METHODS
from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.expression_law import expression_law, split_names
from farseer_jax.laws.input_limits import refuse_outside
from farseer_jax.laws.law import Law
from farseer_jax.laws.registry import law_named, refuse_unknown_word
from farseer_jax.link_functions import Link, as_link
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.method import Method
from farseer_jax.methods.monotone.method import MonotoneOver
from farseer_jax.methods.piecewise.method import Piecewise
from farseer_jax.runs.binding import Part, bind_runs
from farseer_jax.runs.copies import Copies
from farseer_jax.runs.coverage import flat_inputs
from farseer_jax.runs.row_labels import row_name
from farseer_jax.runs.runs import Runs
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.read import as_columns


def as_runs(runs: object, argument: str = "runs") -> Runs:
    """Convert a table to runs.

    Raises:
        TypeError: neither runs nor a table; the message names the argument.
    """
    if isinstance(runs, Runs):
        return runs
    _refuse_not_a_table(runs, argument)
    try:
        return Runs.from_dataframe(runs)
    except TypeError as error:
        raise TypeError(f"{argument}: expected Runs, or {_without_verb(error)}") from None


def _refuse_not_a_table(runs: object, argument: str) -> None:
    """Refuse a path, or a result that contains runs, with a hint.

    Raises:
        TypeError: it is one of these; the message names the argument.
    """
    if isinstance(runs, str | Path):
        raise TypeError(
            f"{argument}: expected Runs or a table, got the path {str(runs)!r}: read it with "
            "read_runs(path)"
        )
    if isinstance(getattr(runs, "runs", None), Runs):
        kind = type(runs).__name__
        raise TypeError(f"{argument}: expected Runs or a table, got a {kind}: give its .runs")


def _without_verb(error: Exception) -> str:
    """A message without its "expected", to continue another sentence."""
    return str(error).removeprefix("expected ")


def as_method(method: Any, law: type[Law]) -> Method:
    """The method; by default the piecewise one for Farseer, least squares for other laws.

    Raises:
        TypeError: not a method.
    """
    if method is None:
        return Piecewise() if law is Farseer else LeastSquares()
    if isinstance(method, type) or not isinstance(method, Method):
        own = ", ".join(f"`{kind.__name__}(…)`" for kind in METHODS.values())
        raise TypeError(
            f"method must be one of {own}, or an object that implements `Method`, got {method!r}"
        )
    return method


def monotone_over_domain(method: Method, domain: Any) -> MonotoneOver:
    """Constrain a method over a domain, ``((N_low, N_high), (D_low, D_high))``.

    Raises:
        ValueError: not two ranges.
        TypeError: the method is already constrained over a domain.
    """
    try:
        N, D = domain
    except (TypeError, ValueError):
        raise ValueError(
            "monotone_over: expected ((N_low, N_high), (D_low, D_high)), such as "
            f"((2e8, 1e12), (1e9, 1e14)); got {domain!r}"
        ) from None
    return MonotoneOver(method, N=N, D=D)


def as_law(
    law: object,
    columns: Sequence[str] | None = None,
    *,
    bound: Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    real: str | Sequence[str] = (),
    known: Mapping[str, str] | None = None,
) -> type[Law]:
    """Convert a law's name, or the text of an expression, to a law's class.

    Args:
        law: a class, a name or a text.
        columns: columns of the table, which tell an expression's inputs from its parameters.
        bound: inputs bound to a column with another name.
        kinds: kinds of an expression's inputs that are not positive numbers.
        real: parameters of an expression that may have either sign.
        known: kinds of inputs of runs, used unless ``kinds`` gives others.

    Raises:
        ValueError: the text is not a law.
        TypeError: neither a class of laws nor text.
    """
    is_name = isinstance(law, str) and law in CURVE_LAWS
    if is_name or (isinstance(law, type) and issubclass(law, CurveLaw)):
        raise TypeError(
            f"law: {getattr(law, 'name', law)!r} is a law of loss curves: fit "
            "it by fit_curves(read_curves(…)), in the shell `farseer curves`"
        )
    named = law_named(law) if isinstance(law, str) else None
    if isinstance(law, str) and named is None:
        refuse_unknown_word(law)
        expression = parse(law)
        inputs, _ = split_names(expression, columns, bound=bound)
        own: dict[str, Any] = {
            name: "mixture" if name in expression.mixtures else (known or {}).get(name, "positive")
            for name in inputs
        }
        unknown = [name for name in kinds or {} if name not in own]
        if unknown:
            raise ValueError(f"kinds: unknown input {unknown[0]!r}; the law has {', '.join(own)}")
        return expression_law(expression, own | dict(kinds or {}), real=names_of(real))
    if kinds or real:
        option = "kinds" if kinds else "real"
        raise ValueError(
            f"{option} applies to laws given as text; annotate the law's class instead"
        )
    if named is not None:
        return named
    if not (isinstance(law, type) and issubclass(law, Law)):
        name = type(law).__name__
        what = f"an instance: give `{name}`" if isinstance(law, Law) else repr(law)
        raise TypeError(f"law must be a law's class such as `Chinchilla`, or text; got {what}")
    return law


def as_parts(
    law: object,
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
) -> tuple[type[Law], list[Part]]:
    """The law's class, and the runs of each group and response; see :func:`fit`.

    Raises:
        ValueError, TypeError: the law or the runs are invalid.
    """
    _refuse_other_types({"response": response, "by": by, "real": real}, Iterable)
    _refuse_other_types({"weights": weights, "standard_error": standard_error}, str)
    _refuse_other_types({"columns_of": columns_of, "kinds": kinds, "units": units}, Mapping)
    naming: dict[str, Any] = {
        "response": response,
        "columns_of": columns_of,
        "weights": weights,
        "standard_error": standard_error,
        "units": units,
    }
    if copies != "average":
        naming["copies"] = copies
    if isinstance(runs, Runs):
        refuse_naming(naming)
        names = [*runs.inputs, *runs.extra]
        kind = as_law(law, names, kinds=kinds, real=real, known=runs.kinds)
        if link is None and not by and set(kind.inputs()) <= set(runs.inputs):
            _refuse_outside(kind, runs)
            return kind.of_runs(runs), [Part({}, runs.loss_name or "loss", runs, 0)]
        link = runs.link if link is None else link
        table: Mapping[str, Any]
        table, naming = columns_of_runs(kind.inputs(), runs)
    else:
        table = columns_of_table(runs)
        kind = as_law(law, list(table), bound=tuple(columns_of or {}), kinds=kinds, real=real)
        naming["checked"] = True
    parts = bind_runs(
        table,
        kind.inputs(),
        by=names_of(by),
        link=as_link(link or kind.response_link),
        law=kind.name,
        **naming,
    )
    for part in parts:
        _refuse_outside(kind, part.runs, part.group)
    return with_entries(kind, parts), parts


def refuse_naming(naming: Mapping[str, Any]) -> None:
    """Refuse options about columns where the runs are bound already.

    Raises:
        ValueError: such an option is given.
    """
    given = [name for name, value in naming.items() if value]
    if given:
        raise ValueError(
            f"{given[0]} applies to a table, but runs are Runs: give the table, or leave "
            f"{given[0]} out"
        )


def _refuse_outside(law: type[Law], runs: Runs, group: Mapping[str, Any] | None = None) -> None:
    """Refuse runs outside the limits of the law's inputs.

    Raises:
        ValueError: there are such runs.
    """
    of = "".join(f" of {name} = {label}" for name, label in (group or {}).items())
    refuse_outside(law.limits, runs.inputs, lambda row: row_name(runs.extra, row) + of)


def _refuse_other_types(options: Mapping[str, object], kind: type) -> None:
    """Refuse options that are neither None nor of this type.

    Raises:
        TypeError: there is such an option.
    """
    needs: dict[type, str] = {str: "the name of a column", Mapping: "a mapping by name, {name: …}"}
    for option, value in options.items():
        if value is not None and not isinstance(value, kind):
            expected = needs.get(kind, "a name or a list of names")
            raise TypeError(f"{option}: expected {expected}, got {type(value).__name__}")


def names_of(names: str | Sequence[str]) -> tuple[str, ...]:
    """Names, from a sequence or a comma-separated text."""
    if isinstance(names, str):
        return tuple(name.strip() for name in names.split(",") if name.strip())
    return tuple(names)


def with_entries(law: type[Law], parts: Sequence[Part]) -> type[Law]:
    """The law with the shares of the runs, and the labels of all parts."""
    entries = dict(parts[0].runs.shares)
    for name, kind in law.inputs().items():
        if kind == "category":
            labels = (str(label) for part in parts for label in part.runs.inputs[name])
            entries[name] = tuple(dict.fromkeys(labels))
    return law.with_shares(entries)


def columns_of_table(runs: object) -> Columns:
    """The columns of a table.

    Raises:
        TypeError: not a table.
    """
    _refuse_not_a_table(runs, "runs")
    try:
        return as_columns(runs)
    except TypeError as error:
        raise TypeError(f"runs: expected Runs, or {_without_verb(error)}") from None


def columns_of_runs(inputs: Collection[str], runs: Runs) -> tuple[dict[str, Any], dict[str, Any]]:
    """Runs as a table, and its columns: inputs of a law may be among their extra columns."""
    response = runs.loss_name or "loss"
    table: dict[str, Any] = {**flat_inputs(runs, runs.inputs), response: runs.loss, **runs.extra}
    naming: dict[str, Any] = {
        "response": response,
        "columns_of": {name: list(own) for name, own in runs.shares.items() if name in inputs},
        "units": {"N": 1.0, "D": 1.0},
    }
    if runs.weights is not None:
        table["weights of runs"] = runs.weights
        naming["weights"] = "weights of runs"
    return table, naming
