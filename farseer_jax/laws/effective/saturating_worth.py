"""Units beyond the first that are worth less and less: repeated tokens, excess parameters."""

from typing import Any

import jax.numpy as jnp

from farseer_jax.types import Array


def with_saturating_worth(total: Any, full: Any, R: Any) -> Array:
    """``full·(1 + R·(1 − e^(−(total/full − 1)/R)))`` beyond ``full``, and ``total`` below it.

    Source: Muennighoff et al., *Scaling Data-Constrained Language Models*, arXiv 2305.16264, Eq. 5.

    Args:
        total: how many there are.
        full: the number of units that have their full worth.
        R: multiples of ``full`` after which a further unit is worth 1/e of a first one; all of them
            together are worth at most ``R·full``.

    Example:
        >>> round(float(with_saturating_worth(4e9, 1e9, 15.0)) / 1e9, 2)
        3.72
    """
    beyond = jnp.maximum(total / full - 1.0, 0.0)
    return jnp.minimum(total, full) * (1.0 - R * jnp.expm1(-beyond / R))
