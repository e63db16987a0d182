"""The errors of a piecewise fit's runs, and the code of its outcome."""

from collections.abc import Sequence

import jax.numpy as jnp

from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.piecewise.stage1 import Gathered
from farseer_jax.solvers.linear_regression import safe_divide
from farseer_jax.types import Array, Flag, Scalar, SizeMask, Slots

MIN_SIZES = 3  # three parameters a curve


def relative_errors(runs: Gathered, predicted: Slots) -> tuple[Slots, Scalar]:
    """``|predicted / observed − 1|`` per slot, 0 where there is no run; and its weighted mean."""
    has_run = runs.weight > 0
    error = jnp.where(has_run, jnp.abs(predicted / jnp.where(has_run, runs.loss, 1.0) - 1.0), 0.0)
    return error, safe_divide(jnp.sum(runs.weight * error, (0, 1)), jnp.sum(runs.weight, (0, 1)))


def outcome_code(
    live: SizeMask,
    usable: SizeMask,
    numbers: Sequence[Scalar],
    *,
    at_edge: Flag,
    resolved: Flag,
    at_bound: Flag | bool = False,
) -> Array:
    """The code of the worst :class:`Outcome` that applies.

    Args:
        live: sizes that Stage 2 uses.
        usable: sizes that Stage 3 uses.
        numbers: parameters of the law.
        at_edge: an exponent ended at a bound of its search.
        resolved: the searches converged.
        at_bound: a parameter is at a bound.
    """
    too_few = jnp.minimum(jnp.sum(live, axis=0), jnp.sum(usable, axis=0)) < MIN_SIZES
    code = jnp.where(at_bound, Outcome.bound_active.code, Outcome.success.code)
    code = jnp.where(at_edge, Outcome.exponent_at_edge.code, code)
    code = jnp.where(resolved, code, Outcome.exponent_unresolved.code)
    code = jnp.where(
        jnp.all(jnp.isfinite(jnp.stack(numbers)), axis=0), code, Outcome.not_finite.code
    )
    return jnp.where(too_few, Outcome.too_few_sizes.code, code)
