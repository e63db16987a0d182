"""Invertible transformations, in which a curve of N may become a straight line."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from farseer_jax.fitting.type_checks import shown
from farseer_jax.laws.catalogue.stretched_exponential import box_cox
from farseer_jax.results.converter import register
from farseer_jax.types import Array


@dataclass(frozen=True)
class Transform:
    """A monotone function of positive numbers and its inverse, elementwise on JAX arrays.

    Attributes:
        name: one word for tables.
        forward: ``g(x)``; with ``exponents`` it is ``g(x, p)``.
        inverse: ``g⁻¹(y)`` or ``g⁻¹(y, p)``; NaN where it does not exist.
        exponents: range in which p is searched; None for a function without p.
        scaled: whether it is applied to numbers divided by their geometric mean. For functions
            that scaling only shifts and stretches, such as powers, this changes only rounding.

    Example:
        >>> import jax.numpy as jnp
        >>> from farseer_jax import Transform
        >>> root = Transform("root", jnp.sqrt, jnp.square)
        >>> float(root.inverse(root.forward(4.0)))
        4.0
    """

    name: str
    forward: Callable[..., Any]
    inverse: Callable[..., Any]
    exponents: tuple[float, float] | None = None
    scaled: bool = False

    def __post_init__(self) -> None:
        if not self.name or not self.name.isprintable() or "/" in self.name:
            raise ValueError(f"name: expected a word without '/', got {self.name!r}")
        if self.exponents is not None:
            low, high = self.exponents
            if not -10.0 <= low < high <= 10.0:
                raise ValueError(
                    f"exponents: expected an ascending range within −10 to 10 for {self.name!r}, "
                    f"got {self.exponents}"
                )

    @classmethod
    def usual(cls) -> "tuple[Transform, ...]":
        """Identity, logarithm and powers from −1 to 1, the defaults of :func:`choose_forms`.

        The powers include the logarithm (p = 0) and the identity (p = 1).
        """
        return TRANSFORMS

    @property
    def is_searched(self) -> bool:
        """Whether it has an exponent."""
        return self.exponents is not None

    @property
    def range(self) -> tuple[float, float]:
        """Range in which the exponent is searched; (0, 0) without an exponent."""
        return (0.0, 0.0) if self.exponents is None else self.exponents

    def apply(self, x: Array, exponent: Array) -> Array:
        """``g``, with its exponent if it has one; arguments broadcast."""
        if self.is_searched:
            return jnp.asarray(self.forward(x, exponent))
        return jnp.broadcast_to(self.forward(x), jnp.broadcast_shapes(x.shape, exponent.shape))

    def undo(self, y: Array, exponent: Array) -> Array:
        """``g⁻¹``, with its exponent if it has one; arguments broadcast."""
        return jnp.asarray(self.inverse(y, exponent) if self.is_searched else self.inverse(y))


def _same(x: Array) -> Array:
    return jnp.asarray(x)


def _power(x: Array, exponent: Array) -> Array:
    """``(x^p − 1) / p``: has the same lines as ``x^p``, and is the logarithm at p = 0."""
    return box_cox(jnp.log(x), exponent)


def _root(y: Array, exponent: Array) -> Array:
    """The inverse of ``_power``; NaN where the power would be negative."""
    base = 1.0 + exponent * y
    valid = base > 0
    near_zero = jnp.abs(exponent * y) < 1e-12
    safe = jnp.where(near_zero, 1.0, exponent)
    log_x = jnp.where(near_zero, y, jnp.log1p(jnp.where(valid, exponent * y, 0.0)) / safe)
    return jnp.where(valid, jnp.exp(log_x), jnp.nan)


TRANSFORMS = (
    Transform("identity", _same, _same, scaled=True),
    Transform("log", jnp.log, jnp.exp, scaled=True),
    Transform("power", _power, _root, exponents=(-1.0, 1.0), scaled=True),
)


def as_transforms(transforms: object) -> tuple[Transform, ...]:
    """Transformations from themselves or their names; the usual ones for None.

    Raises:
        TypeError: one is neither a transformation nor a name.
        ValueError: a name is unknown.
    """
    if transforms is None:
        return TRANSFORMS
    if isinstance(transforms, str | Transform) or not isinstance(transforms, Iterable):
        transforms = [transforms]
    return tuple(_transform(one) for one in transforms)


def _transform(transform: object) -> Transform:
    if isinstance(transform, Transform):
        return transform
    known = {own.name: own for own in TRANSFORMS}
    if isinstance(transform, str) and transform in known:
        return known[transform]
    kind = ValueError if isinstance(transform, str) else TypeError
    raise kind(
        f"transforms: expected transformations, got {shown(transform)}; choose from "
        f"{', '.join(map(repr, known))}, or make one by Transform(name, forward, inverse)"
    )


def _name(transform: Transform) -> str:
    """The name of a usual transformation, which is what a file stores.

    Raises:
        TypeError: it is not a usual one, and a file cannot store its functions.
    """
    if transform not in TRANSFORMS:
        raise TypeError(
            f"JSON cannot store the functions of the transformation {transform.name!r}, only usual "
            "transformations by name"
        )
    return transform.name


register(Transform, _name, _transform)
