"""What a law declares of its parameters and inputs, as annotations."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, get_origin

import numpy as np

from farseer_jax.runs.inputs import KINDS, Kind
from farseer_jax.solvers.starts import Domain
from farseer_jax.types import Array


@dataclass(frozen=True)
class Along:
    """A parameter with an entry for each share of a mixture, or for each category of an input.

    Attributes:
        input: name of that input.

    Example:
        >>> from typing import Annotated
        >>> from farseer_jax import Along, Positive
        >>> Coefficients = Annotated[Positive, Along("h")]  # C: Coefficients; sum(self.C * h)
    """

    input: str


POSITIVE, EXPONENT = Domain(lower=0.0), Domain(lower=0.0, start=(0.05, 1.0))

Leaf: TypeAlias = Array | np.ndarray
Real: TypeAlias = Annotated[Leaf, Domain()]
"""A parameter, or an input, of either sign."""
Positive: TypeAlias = Annotated[Leaf, POSITIVE]
"""A parameter from 0; an input above 0."""
Exponent: TypeAlias = Annotated[Leaf, EXPONENT]
"""A parameter from 0 that is an exponent: starts are drawn from 0.05 to 1."""
Fraction: TypeAlias = Annotated[Leaf, Domain(0.0, 1.0)]
"""A parameter from 0 to 1."""

# kinds of inputs that are not numbers on a scale
Mixture: TypeAlias = Annotated[Array, "mixture"]
"""An input of shares that sum to 1: an array with a share on each place of its last axis."""
Category: TypeAlias = Annotated[Array, "category"]
"""An input of labels: an array with a 1 for the run's own label, and 0 for all others."""
Count: TypeAlias = Annotated[Array, "count"]
"""An input of whole numbers from 1."""


def domain_of(annotation: Any) -> Domain | None:
    """The domain that an annotation declares; None where it declares none."""
    return next((part for part in _metadata(annotation) if isinstance(part, Domain)), None)


def along_of(annotation: Any) -> str | None:
    """The input that a parameter has entries along; None for a single number."""
    return next((part.input for part in _metadata(annotation) if isinstance(part, Along)), None)


def kind_of(annotation: Any) -> Kind | None:
    """The kind of input that an annotation declares; None where it declares none."""
    for part in _metadata(annotation):
        if isinstance(part, str) and part in KINDS:
            return part
        if isinstance(part, Domain):
            return "positive" if part.lower >= 0.0 else "real"
    return None


def _metadata(annotation: Any) -> tuple[Any, ...]:
    return annotation.__metadata__ if get_origin(annotation) is Annotated else ()
