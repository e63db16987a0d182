"""A law's prediction for one run, traced for NumPy, from its fields or its parameter vector."""

from functools import lru_cache
from typing import Any

from farseer_jax.laws.law import Center, Law
from farseer_jax.laws.separable import is_separable
from farseer_jax.link_functions import Link
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction

_ANY_CENTER = Center(1e9, 1e10)


@lru_cache(maxsize=256)
def scaled_loss(law: type[Law], link: Link) -> NumpyFunction:
    """The prediction for one run on the link's scale, from the values of a law's fields."""
    fields, entries = law.fields(), dict(law.shares)

    def predicted(parameters: list[Any], inputs: dict[str, Any]) -> Any:
        values = dict(zip((field.name for field in fields), parameters, strict=True))
        own = law(**law.with_totals(values))
        if not is_separable(law) or not law.linear():
            return link.forward(own.loss(**inputs))
        # a loss computed from curves hides that it is a sum of terms
        pairs = zip(law.linear(), own.terms(**inputs), strict=True)
        return link.forward(sum(values[name] * term for name, term in pairs))

    shapes = [() if field.along is None else (len(entries[field.along]),) for field in fields]
    return NumpyFunction(predicted, shapes, _input_shapes(law))


@lru_cache(maxsize=64)  # each table has its own centre
def scaled_predictions(law: type[Law], link: Link, center: Center | None) -> NumpyFunction:
    """The prediction for one run on the link's scale, from a law's parameter vector."""

    def predicted(vector: list[Any], inputs: dict[str, Any]) -> Any:
        return link.forward(law.from_vector(vector, center).loss(**inputs))  # type: ignore[arg-type]

    return NumpyFunction(predicted, [()] * len(law.parameter_names()), _input_shapes(law))


def check_loss(law: type[Law]) -> None:
    """Refuse a loss that is not one real number per run, or that NumPy cannot compute.

    Raises:
        TypeError, ValueError: the loss is not one real number; the message names the law.
        UnsupportedPrimitiveError: NumPy has no rule for one of its operations.
    """
    try:
        scaled_predictions(law, Link("identity"), _ANY_CENTER)
    except (TypeError, ValueError) as error:
        kind = (
            TypeError if isinstance(error, TypeError) else ValueError
        )  # JAX's own classes take no message
        raise kind(f"the law {law.name}: {error}") from error


def _input_shapes(law: type[Law]) -> dict[str, tuple[int, ...]]:
    """``(share,)`` of a mixture or category, else ``()``."""
    entries = {name: (len(labels),) for name, labels in law.shares}
    return {name: entries.get(name, ()) for name in law.inputs()}
