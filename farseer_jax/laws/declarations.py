"""What a law's class declares, and what follows from the trace of its loss."""

import dataclasses
import inspect
from functools import cache
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np

from farseer_jax.laws.domains import EXPONENT, POSITIVE, along_of, domain_of, kind_of
from farseer_jax.runs.inputs import Kind
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction, UnsupportedPrimitiveError
from farseer_jax.solvers.starts import Domain


class Parameter(NamedTuple):
    """One field of a law.

    Attributes:
        name: of the field.
        domain: of each of its entries.
        along: the mixture or category that it has entries along; None for a single number.
        log: whether solvers search its logarithm: of positive numbers that scale something, and
            that the loss is not linear in.
    """

    name: str
    domain: Domain
    along: str | None
    log: bool


@cache
def inputs_of(law: Any) -> tuple[tuple[str, Kind], ...]:
    """From the signature of ``loss``.

    Raises:
        TypeError: it takes anything else than named inputs.
    """
    along = {own for _, _, own in declared(law)}
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
    """Names of the parameters that the loss is jointly linear in."""
    linear = roles_of(law).linear
    return tuple(name for name, field in flat_of(law) if field.name in linear)


@cache
def fields_of(law: Any) -> tuple[Parameter, ...]:
    """As declared; what no annotation says follows from the trace of the loss."""
    own = declared(law)
    roles = roles_of(law)
    fields = []
    for name, domain, along in own:
        domain = domain or (EXPONENT if name in roles.exponents else POSITIVE)
        log = domain == POSITIVE and name not in roles.linear | roles.added
        fields.append(Parameter(name, domain, along, log))
    return tuple(fields)


class Roles(NamedTuple):
    """Parameters that the loss is jointly linear in, right of a power, and mere summands."""

    linear: frozenset[str]
    exponents: frozenset[str]
    added: frozenset[str]


@cache
def roles_of(law: Any) -> Roles:
    """What parameters do in the formula, by its trace."""
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
        kind = TypeError if isinstance(error, TypeError) else ValueError  # JAX's take no text
        raise kind(f"the law {law.name}: {error}") from error
    owners = np.repeat(names, [sum(shape) or 1 for shape in shapes])
    together = [np.flatnonzero(owners == name).tolist() for name in names]
    return Roles(
        linear=frozenset(names[k] for k in traced.linear_components(together)),
        exponents=frozenset(str(owners[k]) for k in traced.exponent_components),
        added=frozenset(str(owners[k]) for k in traced.added_components),
    )


@cache
def declared(law: Any) -> tuple[tuple[str, Domain | None, str | None], ...]:
    """From the annotations of the class and of those that it extends."""
    annotations: dict[str, Any] = {}
    for base in reversed(law.__mro__):
        if issubclass(base, eqx.Module):
            annotations |= inspect.get_annotations(base, eval_str=True)
    return tuple(
        (f.name, domain_of(annotations[f.name]), along_of(annotations[f.name]))
        for f in dataclasses.fields(law)
    )


@cache
def flat_of(law: Any) -> tuple[tuple[str, Parameter], ...]:
    """One entry per number: a parameter along a mixture has several."""
    shares, flat = dict(law.shares), []
    for field in law.fields():
        if field.along is None:
            flat.append((field.name, field))
            continue
        entries = shares.get(field.along, ("…",))
        flat += [(f"{field.name}[{entry}]", field) for entry in entries]
    return tuple(flat)
