"""Parameters that the runs do not determine at an optimum: directions without influence."""

from collections.abc import Mapping, Sequence

import jax
import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.laws.separable import is_separable
from farseer_jax.methods.end_to_end.traced_loss import scaled_loss
from farseer_jax.methods.method import weights_of
from farseer_jax.runs.runs import Runs
from farseer_jax.solvers.numpy_jaxpr import UnsupportedPrimitiveError

_NONE = 1e-12  # of the largest singular value: below, it is 0 up to rounding
_PART = 0.03  # of a direction's largest entry: parameters above this belong to the direction


def undetermined(
    law: Law, runs: Runs, fixed: Mapping[str, float], tied: Sequence[Sequence[str]]
) -> tuple[str, ...]:
    """Names of the parameters that could change without a worse fit.

    By the singular values of the Jacobian, each parameter in units of its own influence.

    Args:
        law: the fitted law.
        runs: the runs that it was fitted to.
        fixed: parameters at fixed values.
        tied: groups of equal parameters.
    """
    kind = type(law)
    values = [np.ravel(leaf) for leaf in jax.tree.leaves(law)]
    if len(values) != len(kind.fields()):  # a law whose parameters are not its own fields
        return ()
    try:
        bound = scaled_loss(kind, runs.link).bind(kind.columns(runs))
    except UnsupportedPrimitiveError:
        return ()
    with np.errstate(all="ignore"):
        _, slopes = bound.value_and_gradient(np.concatenate(values)[None])
    columns = _free_columns(law, slopes[0][:, weights_of(runs) > 0.0], fixed, tied)
    if not columns or not all(np.isfinite(column).all() for column in columns.values()):
        return ()
    names, matrix = list(columns), np.stack(list(columns.values()), axis=1)
    size = np.linalg.norm(matrix, axis=0)
    without = [name for name, own in zip(names, size, strict=True) if own == 0.0]
    _, singular, directions = np.linalg.svd(matrix / np.where(size > 0.0, size, 1.0))
    singular = np.pad(singular, (0, len(names) - len(singular)))
    flat = np.abs(directions[singular <= _NONE * singular[0]])
    part = (flat > _PART * flat.max(1, initial=1e-300, keepdims=True)).any(0)
    return tuple(n for n, own in zip(names, part, strict=True) if own or n in without)


def _free_columns(
    law: Law, slopes: np.ndarray, fixed: Mapping[str, float], tied: Sequence[Sequence[str]]
) -> dict[str, np.ndarray]:
    """The influence of each free parameter on the runs, ``(run,)``; tied ones together."""
    kind = type(law)
    values = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(law)])
    first = {name: group[0] for group in tied for name in group}
    columns: dict[str, np.ndarray] = {}
    for name, slope, value in zip(kind.parameter_names(), slopes, values, strict=True):
        domain = kind.domains()[name]
        at_bound = value in (domain.lower, domain.upper) and not is_separable(kind)
        if name in fixed or at_bound:
            continue
        leader = first.get(name, name)
        columns[leader] = columns.get(leader, 0.0) + slope
    return columns
