"""What a law's class declares about its parameters, and what the trace of its loss implies."""

import dataclasses
import inspect
from functools import cache
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np

from farseer_jax.laws.domains import EXPONENT, POSITIVE, Along, along_of, domain_of, kind_of
from farseer_jax.runs.inputs import Kind
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction, UnsupportedPrimitiveError
from farseer_jax.solvers.random_starts import Domain


class Parameter(NamedTuple):
    """A parameter of a law: one field.

    Attributes:
        name: name of the field.
        domain: domain of each of its entries.
        along: the mixture or category with an entry per share or label; None for a single number.
        log: whether solvers search its logarithm: for positive scale parameters in which the loss
            is not linear.
        total: what the entries along a mixture sum to; None where they are free.
    """

    name: str
    domain: Domain
    along: str | None
    log: bool
    total: float | None = None


@cache
def inputs_of(law: Any) -> tuple[tuple[str, Kind], ...]:
    """The inputs with their kinds, from the signature of ``loss``.

    Raises:
        TypeError: its arguments are not named inputs.
    """
    along = {own.input for _, _, own in declared(law) if own is not None}
    arguments = list(inspect.signature(law.loss, eval_str=True).parameters.values())[1:]
    variadic = [a for a in arguments if a.kind in (a.VAR_POSITIONAL, a.VAR_KEYWORD)]
    if variadic or not arguments:
        raise TypeError(
            f"the law {law.__name__}: `loss` must name its inputs, such as loss(self, N, D)"
        )
    found: list[tuple[str, Kind]] = []
    for argument in arguments:
        kind = kind_of(argument.annotation)
        found.append((argument.name, kind or ("mixture" if argument.name in along else "positive")))
    return tuple(found)


@cache
def linear_of(law: Any) -> tuple[str, ...]:
    """Names of the parameters in which the loss is jointly linear."""
    linear = roles_of(law).linear
    return tuple(name for name, field in flat_of(law) if field.name in linear)


@cache
def fields_of(law: Any) -> tuple[Parameter, ...]:
    """The parameters; domains that are not annotated follow from the trace of the loss."""
    own = declared(law)
    roles = roles_of(law)
    fields = []
    for name, domain, along in own:
        domain = domain or (EXPONENT if name in roles.exponents else POSITIVE)
        log = domain == POSITIVE and name not in roles.linear | roles.added
        if along is None:
            fields.append(Parameter(name, domain, None, log))
            continue
        _check_total(law, name, domain, along)
        fields.append(Parameter(name, domain, along.input, log or along.total == 1.0, along.total))
    return tuple(fields)


def _check_total(law: Any, name: str, domain: Domain, along: Along) -> None:
    """Refuse a total that the entries' domain does not allow.

    Raises:
        TypeError: real entries that sum to 1, or others that sum to 0.
    """
    needed = {None: domain, 0.0: Domain(), 1.0: POSITIVE}[along.total]
    if (domain.lower, domain.upper) != (needed.lower, needed.upper):
        kind = "Real" if along.total == 0.0 else "Positive"
        raise TypeError(
            f"the law {law.__name__}: entries of {name} that sum to {along.total:g} must be {kind}"
        )


class Roles(NamedTuple):
    """Parameters in which the loss is jointly linear, that are exponents, that are only added."""

    linear: frozenset[str]
    exponents: frozenset[str]
    added: frozenset[str]


@cache
def roles_of(law: Any) -> Roles:
    """The roles of parameters in the formula, from its trace."""
    names = [name for name, _, _ in declared(law)]
    shapes = [() if along is None else (2,) for _, _, along in declared(law)]
    vectors = ("mixture", "category")

    def loss(parameters: list[Any], inputs: dict[str, Any]) -> Any:
        return law(**dict(zip(names, parameters, strict=True))).loss(**inputs)

    inputs = {name: (2,) if kind in vectors else () for name, kind in law.inputs().items()}
    try:
        traced = NumpyFunction(loss, shapes, inputs)
    except UnsupportedPrimitiveError:
        return Roles(frozenset(), frozenset(), frozenset())
    except (TypeError, ValueError) as error:
        kind = (
            TypeError if isinstance(error, TypeError) else ValueError
        )  # JAX's own errors do not accept a message
        raise kind(f"the law {law.name}: {error}") from error
    owners = np.repeat(names, [sum(shape) or 1 for shape in shapes])
    together = [np.flatnonzero(owners == name).tolist() for name in names]
    return Roles(
        linear=frozenset(names[k] for k in traced.linear_components(together)),
        exponents=frozenset(str(owners[k]) for k in traced.exponent_components),
        added=frozenset(str(owners[k]) for k in traced.added_components),
    )


def annotations_of(kind: Any) -> dict[str, Any]:
    """The annotations of a class of parameters and of its bases."""
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, eqx.Module):
            found |= inspect.get_annotations(base, eval_str=True)
    return found


@cache
def declared(law: Any) -> tuple[tuple[str, Domain | None, Along | None], ...]:
    """Name, domain and ``along`` of each field, from annotations of the class and its bases."""
    annotations = annotations_of(law)
    return tuple(
        (f.name, domain_of(annotations[f.name]), along_of(annotations[f.name]))
        for f in dataclasses.fields(law)
    )


@cache
def flat_of(law: Any) -> tuple[tuple[str, Parameter], ...]:
    """One entry per scalar parameter: a parameter along a mixture has several."""
    shares, flat = dict(law.shares), []
    for field in law.fields():
        if field.along is None:
            flat.append((field.name, field))
            continue
        entries = shares.get(field.along, ("…",))
        flat += [(f"{field.name}[{entry}]", field) for entry in entries]
    return tuple(flat)
