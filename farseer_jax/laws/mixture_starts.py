"""Starts of laws of mixtures: what the other terms leave of the losses determines the shares'."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from farseer_jax.laws.law import spread
from farseer_jax.runs.runs import Runs

_LEAST = 0.02  # of the losses: what a mixture adds at least
_SMALLEST = 1e-3  # of the largest coefficient


class PowerTerms(NamedTuple):
    """``E + A / N^α + B / D^β`` of some starts; each ``(start,)``, the terms ``(start, run)``."""

    E: np.ndarray
    coefficients: list[np.ndarray]
    exponents: list[np.ndarray]
    total: np.ndarray


def power_terms(runs: Runs, inputs: Sequence[str], cube: np.ndarray) -> PowerTerms:
    """A floor and one decreasing power law for each input, a part of the losses together.

    Args:
        runs: the runs.
        inputs: the names of the inputs.
        cube: points in the unit cube, ``(start, …)``; the first ``1 + 2 · inputs`` columns count.
    """
    typical = float(np.exp(np.log(runs.loss).mean()))
    E = runs.loss.min() * spread(cube, 0, 0.2, 0.8)
    total = np.repeat(E[:, None], len(runs), axis=1)
    coefficients, exponents = [], []
    for place, name in enumerate(inputs):
        exponent = spread(cube, 1 + 2 * place, 0.1, 0.9)
        size = typical * np.exp(spread(cube, 2 + 2 * place, -4.0, -1.5))
        center = np.log(runs.inputs[name]).mean()
        total = total + size[:, None] * np.exp(
            -exponent[:, None] * (np.log(runs.inputs[name]) - center)
        )
        coefficients.append(size * np.exp(exponent * center))
        exponents.append(exponent)
    return PowerTerms(E, coefficients, exponents, total)


def what_is_left(runs: Runs, terms: PowerTerms) -> np.ndarray:
    """Losses less other terms, ``(start, run)``, above a small part of the losses."""
    return np.maximum(runs.loss - terms.total, _LEAST * runs.loss)


def positive_coefficients(powers: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Positive C with ``Σ_j C_j · powers_j ≈ target``, in relative errors.

    Args:
        powers: of the shares, ``(start, run, share)``.
        target: positive, ``(start, run)``.

    Returns:
        ``(start, share)``.
    """
    from scipy.optimize import nnls

    found = []
    for columns, own in zip(powers, target, strict=True):
        q, triangle = np.linalg.qr(columns / own[:, None])
        found.append(nnls(triangle, q.sum(0))[0])
    C = np.array(found)
    return np.maximum(C, _SMALLEST * C.max(-1, keepdims=True))


def share_powers(shares: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """``h_j^γ_j``, 0 for a share of 0: shares ``(run, share)``, exponents ``(start, share)``."""
    return np.where(shares > 0.0, shares, 0.0) ** exponents[:, None]
