"""Making a law from a formula: which names are inputs or parameters, and the class."""

import copyreg
import dataclasses
import difflib
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, ClassVar, Final, cast

import jax.numpy as jnp

from farseer_jax.close_names import unknown_name
from farseer_jax.expressions.expression import Expression, parse
from farseer_jax.expressions.names import name_text
from farseer_jax.laws.domains import EXPONENT, Along, Exponent, Leaf, Positive, Real
from farseer_jax.laws.law import Law
from farseer_jax.runs.find_columns import column_option, usual_input
from farseer_jax.runs.inputs import KINDS, Kind
from farseer_jax.runs.usual_names import USUAL_NAMES, squeezed
from farseer_jax.solvers.random_starts import Domain

_CLOSE: Final = 0.8  # similarity from which a name counts as a misspelling of another
_USUAL: Final = ("N", "D", "U", "P", "V", "lr")  # inputs with further usual names

_UNNAMED: Final = "expression"

_Key = tuple[str, tuple[tuple[str, Kind], ...], tuple[str, ...], str]


def split_names(
    expression: Expression,
    columns: Sequence[str] | None = None,
    *,
    bound: Collection[str] = (),
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split the names of a formula into inputs and parameters.

    Inputs are the names declared before the bar. Without a bar they are the mixtures, names bound
    to a column, names of columns, N and D with their usual names, and usual names of inputs that
    have a column. All other names are parameters.

    Args:
        expression: the formula.
        columns: the columns of the table, if there is one.
        bound: names bound to a column with another name (``--input P=parallel_size``).

    Returns:
        The inputs, as declared or in order of first appearance, and the parameters.

    Raises:
        ValueError: a name nearly matches a column, a bound name does not occur in the formula, or
            there are no inputs or no parameters.

    Example:
        >>> law = parse("E + (A/(N*(k*log(P)+1)))**alpha")
        >>> split_names(law, ["N", "P", "corpus", "loss"])
        (('N', 'P'), ('E', 'A', 'k', 'alpha'))
    """
    _refuse_quoted(expression)
    for name in bound:
        if name not in expression.names:
            raise ValueError(
                f"input {name!r} is bound to a column but does not occur in the law "
                f"{expression.text!r}; bind one of {', '.join(expression.names)}"
            )
    columns = tuple(columns or ())
    if expression.declared_inputs is not None:
        inputs = expression.declared_inputs
    else:
        known = {*bound, *expression.mixtures}
        names = expression.names
        inputs = tuple(n for n in names if n in known or _is_usual_input(n, columns))
    parameters = tuple(name for name in expression.names if name not in inputs)
    for name in bound:
        if name not in inputs:
            raise ValueError(f"input {name!r} is bound to a column: declare it before the bar")
    if expression.declared_inputs is None:
        for name in parameters:
            _refuse_misspelt(name, inputs, columns)
    if not inputs:
        raise ValueError(
            f"the law {expression.text!r} has no inputs: name a column in it, or declare its "
            f"inputs before a bar, as in 'N, D | …'"
        )
    if not parameters:
        raise ValueError(f"the law {expression.text!r} has no parameters: nothing can be fitted")
    return inputs, parameters


def describe(inputs: Sequence[str], parameters: Sequence[str]) -> str:
    """The inputs and the parameters in one line.

    Example:
        >>> describe(("N", "P"), ("E", "A", "k", "alpha"))
        'inputs N, P; parameters E, A, k, alpha'
    """
    return f"inputs {', '.join(inputs)}; parameters {', '.join(parameters)}"


class _ExpressionType(type(Law)):  # type: ignore[misc]
    """The metaclass of laws made from text, with its own way of pickling."""


class ExpressionLaw(Law, metaclass=_ExpressionType):
    """A law made from text by :func:`expression_law`.

    Attributes:
        expression: the formula.
        real: the parameters that may have either sign.
    """

    expression: ClassVar[Expression]
    real: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[Mapping[str, Kind]] = {}

    def loss(self, **inputs: Any) -> Any:
        """The value of the formula."""
        names = (field.name for field in dataclasses.fields(self))
        return self.expression.evaluate(inputs | {name: getattr(self, name) for name in names}, jnp)

    @classmethod
    def inputs(cls) -> dict[str, Kind]:
        """Names of the inputs, with their kinds."""
        return dict(cls.kinds)


def name_of(law: type[Law]) -> str:
    """The name of a law; a law made from text without a name is named by its text.

    Example:
        >>> name_of(expression_law("E + A/N**alpha", {"N": "positive"}))
        'E + A/N**alpha'
    """
    if issubclass(law, ExpressionLaw) and law.name == _UNNAMED:
        return law.expression.text
    return law.name


def expression_law(
    expression: Expression | str,
    inputs: Mapping[str, Kind],
    *,
    real: Collection[str] = (),
    name: str | None = None,
) -> type[ExpressionLaw]:
    """Make the class of a law from a formula.

    Parameters are positive; those to the right of ``**`` are exponents, with their own range of
    starts. The same formula, inputs and options give the same class, so that nothing compiles
    twice.

    Args:
        expression: the formula, or its text.
        inputs: the names that are inputs, with their kinds.
        real: the parameters that may have either sign.
        name: the law's name in files and in the shell; ``"expression"`` by default.

    Raises:
        ValueError: names or kinds do not match the formula, or a parameter has a reserved name.

    Example:
        >>> Streams = expression_law("E + (A/(N*P))**alpha", {"N": "positive", "P": "positive"})
        >>> Streams.parameter_names()
        ('E', 'A', 'alpha')
        >>> round(float(Streams(E=1.0, A=1e8, alpha=0.5)(N=1e8, P=4)), 3)
        1.5
    """
    expression = parse(expression) if isinstance(expression, str) else expression
    _check_kinds(expression, inputs)
    parameters = [n for n in expression.names if n not in inputs]
    _check_parameters(expression, parameters, real)
    ordered = tuple(parameter for parameter in parameters if parameter in real)
    return _law((expression.text, tuple(inputs.items()), ordered, name or _UNNAMED))


@cache
def _law(key: _Key) -> type[ExpressionLaw]:
    """One class per key: JAX compiles by class."""
    text, kinds, real, name = key
    expression, inputs = parse(text), dict(kinds)
    annotations: dict[str, Any] = {}
    for parameter in expression.names:
        if parameter in inputs:
            continue
        is_exponent = parameter in expression.exponents
        domain: Any = Exponent if is_exponent else Positive
        if parameter in real:
            domain = Annotated[Leaf, Domain(start=EXPONENT.start)] if is_exponent else Real
        along = expression.indexed.get(parameter)
        annotations[parameter] = domain if along is None else Annotated[domain, Along(along)]
    space = {
        "__module__": __name__,
        "__doc__": f"``{text}``.",
        "__annotations__": annotations,
        "name": name,
        "formula": f"L = {text.rpartition(' | ')[2]}",
        "expression": expression,
        "real": real,
        "kinds": inputs,
    }
    return cast(type[ExpressionLaw], _ExpressionType("Expression", (ExpressionLaw,), space))


def _with_shares(key: _Key, shares: tuple[tuple[str, tuple[str, ...]], ...]) -> type[ExpressionLaw]:
    law = _law(key)
    return law.with_shares(dict(shares)) if shares else law


def _reduce(law: type[ExpressionLaw]) -> Any:
    """Pickle the class by what it is made from, since no module contains it."""
    if law is ExpressionLaw:
        return law.__qualname__
    key = (law.expression.text, tuple(law.kinds.items()), law.real, law.name)
    return _with_shares, (key, law.shares)


copyreg.pickle(_ExpressionType, _reduce)


def _refuse_quoted(expression: Expression) -> None:
    """Refuse names in quotes: inputs and parameters are given by keyword, in Python and files."""
    for name in (*expression.names, *expression.mixtures):
        if (text := name_text(name)) != name:
            raise ValueError(
                f"name {text} in the law {expression.text!r}: names of a law are not quoted; "
                f"write x for it and name its column, {column_option('x', name)}"
            )


def _check_kinds(expression: Expression, inputs: Mapping[str, Kind]) -> None:
    """Refuse inputs that do not match the formula."""
    _refuse_quoted(expression)
    declared = expression.declared_inputs
    unknown = [name for name in inputs if name not in expression.names]
    if unknown or not inputs:
        what = f"input {unknown[0]!r} does not occur" if unknown else "no inputs are given"
        raise ValueError(f"{what}: the law {expression.text!r} has {', '.join(expression.names)}")
    if declared is not None and set(declared) != set(inputs):
        raise ValueError(
            f"the law {expression.text!r} declares the inputs {', '.join(declared)}, "
            f"got {', '.join(inputs)}: give the same"
        )
    for name, kind in inputs.items():
        if kind not in KINDS:
            raise ValueError(f"input {name!r}: {unknown_name('kind', kind, KINDS)}")
        if name in expression.indexed:
            raise ValueError(f"input {name!r} has an index: only parameters have one")
        if (kind in ("mixture", "category")) != (name in expression.mixtures):
            remedy = (
                "write it within sum(…)"
                if kind in ("mixture", "category")
                else "give its kind as mixture or category, since a sum runs over it"
            )
            raise ValueError(f"input {name!r} is of kind {kind}: {remedy}")
    for name in expression.mixtures:
        if name not in inputs:
            raise ValueError(f"a sum runs over {name!r}: give it as an input of kind mixture")


def _check_parameters(
    expression: Expression, parameters: Sequence[str], real: Collection[str]
) -> None:
    """Refuse reserved names of parameters, and unknown names in ``real``."""
    if not parameters:
        raise ValueError(f"the law {expression.text!r} has no parameters: nothing can be fitted")
    for name in parameters:
        if hasattr(ExpressionLaw, name) or name == "expression":
            raise ValueError(f"parameter {name!r} has a name that is reserved for laws: rename it")
    for name in real:
        if name not in parameters:
            raise ValueError(
                f"real parameter {name!r} is unknown; choose from {', '.join(parameters)}"
            )


def _is_usual_input(name: str, columns: Sequence[str]) -> bool:
    """Whether a name is an input without being declared."""
    if name in ("N", "D") or usual_input(name, columns) is not None:
        return True
    role = _usual_role(name)
    return (
        role in ("N", "D") and usual_input(role, columns) is None
    )  # binding then asks for its column


def _usual_role(name: str) -> str | None:
    """The input that a longer name usually means: D for ``tokens``."""
    return next((r for r in _USUAL if len(name) > 2 and squeezed(name) in USUAL_NAMES[r]), None)


def _refuse_misspelt(name: str, inputs: Sequence[str], columns: Sequence[str]) -> None:
    """Refuse a parameter whose name nearly matches a column: it would be fitted silently."""
    role = _usual_role(name)
    meant = None if role is None else usual_input(role, columns)
    near = (column for column in columns if _nearly_matches(name, column, inputs))
    column = next(near, meant)
    if column is not None:
        raise ValueError(
            f"name {name!r} is not a column and nearly matches the column {column!r}: correct it, "
            f"or declare the law's inputs before a bar, as in 'N, D | …', to make {name!r} a "
            f"parameter"
        )


def _nearly_matches(name: str, column: str, inputs: Sequence[str]) -> bool:
    """Whether names are equal but for case and punctuation, or similar; not if very short."""
    one, other = squeezed(name), squeezed(column)
    if one == other:
        return len(name) > 1 or column not in inputs
    if min(len(one), len(other)) < 3:
        return False
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio() >= _CLOSE
