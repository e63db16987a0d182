"""Invertible functions that may make a curve of N a straight line."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from farseer_jax.fitting.type_checks import shown
from farseer_jax.laws.stretched_exponential import box_cox
from farseer_jax.results.converter import register
from farseer_jax.types import Array


@dataclass(frozen=True)
class Transform:
    """A monotone function of positive numbers, and its inverse; of JAX arrays, elementwise.

    Attributes:
        name: one word for tables.
        forward: ``g(x)``; with ``exponents`` it is ``g(x, p)``.
        inverse: of the same: ``g⁻¹(y)`` or ``g⁻¹(y, p)``; NaN where there is none.
        exponents: where p is searched; None for a function without one.
        scaled: whether it is given numbers over their geometric mean. For a family that scaling
            only shifts and stretches, as powers are, this changes nothing but rounding.

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
            raise ValueError(f"name: a transform needs a word without '/', got {self.name!r}")
        if self.exponents is not None:
            low, high = self.exponents
            if not -10.0 <= low < high <= 10.0:
                raise ValueError(
                    f"exponents: the range of {self.name!r} must ascend within −10 to 10, "
                    f"got {self.exponents}"
                )

    @classmethod
    def usual(cls) -> "tuple[Transform, ...]":
        """Identity, logarithm and powers from −1 to 1, the dictionary of :func:`choose_forms`.

        Among the powers are the logarithm (p = 0) and the identity (p = 1).
        """
        return TRANSFORMS

    @property
    def is_searched(self) -> bool:
        """Whether it has an exponent."""
        return self.exponents is not None

    @property
    def range(self) -> tuple[float, float]:
        """Where the exponent is searched; nowhere but at 0 where there is none."""
        return (0.0, 0.0) if self.exponents is None else self.exponents

    def apply(self, x: Array, exponent: Array) -> Array:
        """``g``, with or without its exponent; arguments broadcast."""
        if self.is_searched:
            return jnp.asarray(self.forward(x, exponent))
        return jnp.broadcast_to(self.forward(x), jnp.broadcast_shapes(x.shape, exponent.shape))

    def undo(self, y: Array, exponent: Array) -> Array:
        """``g⁻¹`` likewise."""
        return jnp.asarray(self.inverse(y, exponent) if self.is_searched else self.inverse(y))


def _same(x: Array) -> Array:
    return jnp.asarray(x)


def _power(x: Array, exponent: Array) -> Array:
    """``(x^p − 1) / p``: the line through it is that through ``x^p``, and p = 0 is the log."""
    return box_cox(jnp.log(x), exponent)


def _root(y: Array, exponent: Array) -> Array:
    """The inverse of this; NaN where the power would be negative."""
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
    """The transformations that were asked for, by name or as they are; the usual ones for None.

    Raises:
        TypeError: something is not a transformation.
        ValueError: no usual one has such a name.
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
        f"transforms: expected transformations, got {shown(transform)}; the known ones are "
        f"{', '.join(map(repr, known))}, and others are made by Transform(name, forward, inverse)"
    )


def _name(transform: Transform) -> str:
    """What a file keeps of it.

    Raises:
        TypeError: it is the user's own, whose functions no file can keep.
    """
    if transform not in TRANSFORMS:
        raise TypeError(
            f"JSON cannot keep the functions of the transformation {transform.name!r}: it keeps "
            "choices among the usual ones"
        )
    return transform.name


register(Transform, _name, _transform)
