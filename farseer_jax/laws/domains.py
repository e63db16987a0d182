"""Annotations by which a law declares the domains of its parameters and the kinds of inputs."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, get_origin

import numpy as np

from farseer_jax.runs.inputs import KINDS, Kind
from farseer_jax.solvers.random_starts import Domain
from farseer_jax.types import Array


@dataclass(frozen=True)
class Along:
    """Annotates a parameter with an entry per share of a mixture, or per label of a category.

    Attributes:
        input: name of the mixture or category.
        total: what the entries sum to, where the law cannot tell them apart from another parameter
            otherwise: 0 for real effects, 1 for positive weights; None leaves them free.

    Raises:
        ValueError: a total other than 0 and 1.

    Example:
        >>> from typing import Annotated
        >>> from farseer_jax import Along, Positive, Real
        >>> Coefficients = Annotated[Positive, Along("h")]  # C: Coefficients; sum(self.C * h)
        >>> Effects = Annotated[Real, Along("h", total=0)]  # k·exp(sum(t·h)): k takes their mean
    """

    input: str
    total: float | None = None

    def __post_init__(self) -> None:
        if self.total not in (None, 0.0, 1.0):
            raise ValueError(
                f"total: entries sum to 0 or 1, or to anything (None), got {self.total!r}"
            )


POSITIVE, EXPONENT = Domain(lower=0.0), Domain(lower=0.0, start=(0.05, 1.0))

Leaf: TypeAlias = Array | np.ndarray
Real: TypeAlias = Annotated[Leaf, Domain()]
"""A parameter, or an input, of either sign."""
Positive: TypeAlias = Annotated[Leaf, POSITIVE]
"""A non-negative parameter; a positive input."""
Exponent: TypeAlias = Annotated[Leaf, EXPONENT]
"""A non-negative exponent: starts are drawn from 0.05 to 1."""
Fraction: TypeAlias = Annotated[Leaf, Domain(0.0, 1.0)]
"""A parameter, or an input, from 0 to 1."""

# other kinds of inputs
Mixture: TypeAlias = Annotated[Array, "mixture"]
"""An input of shares that sum to 1: an array with the shares on its last axis."""
Category: TypeAlias = Annotated[Array, "category"]
"""An input of labels: an array, one-hot on its last axis."""
Count: TypeAlias = Annotated[Array, "count"]
"""An input of positive whole numbers."""


def domain_of(annotation: Any) -> Domain | None:
    """The domain that an annotation declares, or None."""
    return next((part for part in _metadata(annotation) if isinstance(part, Domain)), None)


def along_of(annotation: Any) -> Along | None:
    """Along which input a parameter has entries; None for a single number."""
    return next((part for part in _metadata(annotation) if isinstance(part, Along)), None)


def kind_of(annotation: Any) -> Kind | None:
    """The kind of input that an annotation declares, or None."""
    for part in _metadata(annotation):
        if isinstance(part, str) and part in KINDS:
            return part
        if isinstance(part, Domain):
            if (part.lower, part.upper) == (0.0, 1.0):
                return "fraction"
            return "positive" if part.lower >= 0.0 else "real"
    return None


def _metadata(annotation: Any) -> tuple[Any, ...]:
    return annotation.__metadata__ if get_origin(annotation) is Annotated else ()
