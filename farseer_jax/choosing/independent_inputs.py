"""Inputs that follow from others, such as FLOPs = 6·N·D."""

from collections.abc import Mapping, Sequence

import numpy as np

from farseer_jax.choosing.column_values import known_input
from farseer_jax.runs.column_names import holds
from farseer_jax.runs.usual_names import begins_with

_LOG_ROUNDING, _MORE_RUNS = 1e-5, 2  # of a product of powers; runs beyond its coefficients


def independent_inputs(
    columns: Mapping[str, np.ndarray],
    inputs: Sequence[str],
    sizes: Sequence[str],
    named: Sequence[str],
    ignored: dict[str, str],
) -> list[str]:
    """The inputs without those that are products of powers of others, such as 6·N·D.

    Inputs that the user named, N and D are kept. Rows without positive numbers do not count.

    Args:
        columns: numbers, ``(row,)`` each.
        inputs: names of the columns that may be inputs.
        sizes: those of them with labels such as ``70M``.
        named: those that the user named.
        ignored: gets the reason for each column that follows from others.
    """
    values = {name: np.asarray(columns[name], float) for name in inputs}
    usable = [np.isfinite(own) & (own > 0.0) for own in values.values()]
    rows = np.logical_and.reduce(usable) if usable else np.zeros(0, dtype=bool)
    logs = {name: np.log(own[rows]) for name, own in values.items()}
    fixed = [name for name in inputs if name in named or name in sizes or _is_size_or_tokens(name)]
    kept = [*fixed, *(n for n in inputs if n not in fixed and known_input(n))]
    found = list(fixed)
    for name in [*kept[len(fixed) :], *(n for n in inputs if n not in kept)]:
        of = _product_of(logs[name], {own: logs[own] for own in found})
        if of:
            ignored[name] = f"follows from {' and '.join(of)}"
        else:
            found.append(name)
    return [name for name in inputs if name in found]


def _is_size_or_tokens(name: str) -> bool:
    return any(holds(name, key) or begins_with(name, key) for key in ("N", "D"))


def _product_of(own: np.ndarray, others: Mapping[str, np.ndarray]) -> list[str]:
    """The inputs whose product of powers this one is, from logarithms; none if it is not one."""
    matrix = np.stack([np.ones_like(own), *others.values()], axis=1)
    if len(np.unique(matrix, axis=0)) < matrix.shape[1] + _MORE_RUNS:
        return []
    powers = np.linalg.lstsq(matrix, own, rcond=None)[0]
    if np.abs(matrix @ powers - own).max() > _LOG_ROUNDING:
        return []
    return [name for name, power in zip(others, powers[1:], strict=True) if abs(power) > 1e-3]
