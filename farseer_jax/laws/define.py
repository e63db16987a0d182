"""Making a law from a function or from text."""

import dataclasses
import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from farseer_jax.expressions.expression import parse
from farseer_jax.laws.domains import kind_of
from farseer_jax.laws.expression_law import expression_law, split_names
from farseer_jax.laws.law import Law
from farseer_jax.runs.inputs import Kind


class FunctionLaw(Law):
    """A law made from a function by :func:`law`.

    Attributes:
        function: takes inputs and, by keyword, parameters.
        kinds: kinds of its inputs.
    """

    function: ClassVar[Callable[..., Any]]
    kinds: ClassVar[Mapping[str, Kind]] = {}

    def loss(self, **inputs: Any) -> Any:
        """The value of the function."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return type(self).function(**inputs, **own)

    @classmethod
    def inputs(cls) -> dict[str, Kind]:
        """Names of the inputs, with their kinds."""
        return dict(cls.kinds)


def law(
    definition: Callable[..., Any] | str,
    *,
    name: str | None = None,
    kinds: Mapping[str, Kind] | None = None,
    real: Sequence[str] = (),
) -> type[Law]:
    """Make a law from a function (as its decorator) or from text.

    Args:
        definition: a function ``f(inputs, *, parameters)`` of JAX operations that returns the loss
            of one run, annotated like the fields and the ``loss`` of a :class:`Law`; or the text of
            an expression, with its inputs declared before a bar, ``"N, P | E + A/(N*P)**alpha"``.
            Without a bar, N and D are inputs, and so are the columns of the table that it is fitted
            to.
        name: name of the law in files; the function's name by default.
        kinds: kinds of an expression's inputs that are not positive numbers.
        real: parameters of an expression that may have either sign.

    Returns:
        The law's class. A parameter without a domain is an :data:`Exponent` if it occurs to the
        right of ``**``, and otherwise :data:`Positive`.

    Raises:
        ValueError: the text is not a valid expression.
        TypeError: the function has no inputs or no parameters.

    Example:
        >>> import jax.numpy as jnp
        >>> import farseer_jax as fj
        >>> @fj.law
        ... def streams(N, P, *, E, A, alpha, k):
        ...     return E + (A / (N * (k * jnp.log(P) + 1))) ** alpha
        >>> streams.inputs(), streams.parameter_names(), streams.log_parameters()
        ({'N': 'positive', 'P': 'positive'}, ('E', 'A', 'alpha', 'k'), ('A', 'k'))
        >>> fj.law("N, P | E + (A/(N*(k*log(P)+1)))**alpha").parameter_names()
        ('E', 'A', 'k', 'alpha')
    """
    if isinstance(definition, str):
        expression = parse(definition)
        inputs, _ = split_names(expression)
        own: dict[str, Kind] = {
            key: "mixture" if key in expression.mixtures else "positive" for key in inputs
        }
        return expression_law(expression, own | dict(kinds or {}), real=real, name=name)
    if kinds or real:
        raise TypeError("kinds and real apply to laws given as text: annotate the function instead")
    return _of_function(definition, name or definition.__name__)


def _of_function(function: Callable[..., Any], name: str) -> type[Law]:
    arguments = inspect.signature(function, eval_str=True).parameters.values()
    inputs = [a for a in arguments if a.kind is a.POSITIONAL_OR_KEYWORD]
    parameters = [a for a in arguments if a.kind is a.KEYWORD_ONLY]
    if not inputs or not parameters or len(inputs) + len(parameters) < len(arguments):
        raise TypeError(
            f"the law {name}: expected a function of named inputs and, after a star, named "
            f"parameters, such as def {name}(N, D, *, E, A, alpha)"
        )
    kinds: dict[str, Kind] = {a.name: kind_of(a.annotation) or "positive" for a in inputs}
    body = {
        "__annotations__": {a.name: a.annotation for a in parameters},
        "__module__": function.__module__,
        "__doc__": function.__doc__ or f"The law {name}.",
        "name": name,
        "function": staticmethod(function),
        "kinds": kinds,
    }
    made: type[Law] = types.new_class(
        name, (FunctionLaw,), exec_body=lambda space: space.update(body)
    )
    return made
