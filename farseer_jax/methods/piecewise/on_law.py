"""Derivatives of piecewise fits to subsets of runs whose losses lie on one law.

Every such fit recovers the law: its errors are 0, and to first order each of its searches is a
linear least-squares problem in the changes of the losses. So all is in closed form, by a few sums
over the slots of each size, and nothing is compiled. With ``R = B (D0^−A − D1^−A)``,
``T = ∂R/∂ln B``, ``V = ∂R/∂ln A``, g and f the derivatives of ``ln B(N)`` and ``ln A(N)`` in β and
α, y_A and y_B Stage 1's estimates of each size, and P y_A and P y_B the lines through them,

    δβ = −(Σ g (TT P y_B + TV δln A − T δR)) / Σ g² TT,
    δα = −(Σ f (TV δln B + VV P y_A − V δR)) / Σ f² VV.
"""

from typing import NamedTuple

import numpy as np

from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.catalogue.stretched_exponential import StretchedExponential
from farseer_jax.methods.piecewise.layout import Layout

_RANK = 1e-20  # relative curvature of a search below which it is rounding


class OnLaw(NamedTuple):
    """The derivatives, and the evidence for them.

    Attributes:
        by_losses: derivatives of functions in the loss of each slot, ``(subset, function, size,
            slot)``.
        live: sizes that are used in all stages, ``(subset, size)``.
        curvature: curvatures of the objectives of α, β and γ, ``(subset, 3)``; 0 where they are
            rounding.
    """

    by_losses: np.ndarray
    live: np.ndarray
    curvature: np.ndarray


class _Pairs(NamedTuple):
    """Differences of neighbouring D, ``(…, size, pair)``, and sums over them, ``(…, size)``."""

    weight: np.ndarray
    T: np.ndarray
    V: np.ndarray
    TT: np.ndarray
    TV: np.ndarray
    VV: np.ndarray


class _Lines(NamedTuple):
    """Least-squares lines of a curve on ``h(z; p)``, of each subset.

    Attributes:
        project: from ordinates to the line's values, ``(subset, size, size)``.
        level: from ordinates to the line's value at h = 0, ``(subset, size)``.
        slope: to its slope.
        moved: ``∂(slope · h)/∂p``, ``(size,)``.
        beside: ``∂/∂p`` of the line's values with the ordinates fixed, ``(subset, size)``.
    """

    project: np.ndarray
    level: np.ndarray
    slope: np.ndarray
    moved: np.ndarray
    beside: np.ndarray

    def pull(self, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pull a gradient in level, slope and p, ``(function, 3)``, back to ordinates and to p."""
        by_y = (
            gradient[:, 0, None] * self.level[:, None] + gradient[:, 1, None] * self.slope[:, None]
        )
        return by_y, gradient[:, 2] - by_y @ self.moved


def sensitivities(
    layout: Layout,
    law: Farseer,
    weights: np.ndarray,
    gradients: np.ndarray,
    *,
    min_pairs: int,
    rounds: int,
) -> OnLaw:
    """Derivatives of functions of the law in the losses of slots.

    Args:
        layout: layout of the slots.
        law: the law on which all losses lie.
        weights: weights of the slots, ``(subset, size, slot)``.
        gradients: gradients of the functions in level, slope and exponent of A, B and U,
            ``(function, 3, 3)``.
        min_pairs: pairs that a size needs.
        rounds: rounds of Stage 2.
    """
    log_N = np.log(layout.N)
    log_A, log_B, log_U = (_log_curve(curve, log_N) for curve in (law.A, law.B, law.U))
    A = np.exp(log_A)[:, None]
    term = np.exp(log_B[:, None] - A * layout.log_D)  # B · D^−A
    pairs, live = _pairs(layout, A, term, weights, min_pairs)
    stage1 = _stage1(layout, A, pairs)
    with np.errstate(all="ignore"):  # subsets that determine no curve
        alpha, beta, gamma = (
            _lines(log_N, curve, own)
            for curve, own in (
                (law.A, _mean_weight(pairs.weight)),
                (law.B, _mean_weight(pairs.weight)),
                (law.U, _mean_weight(weights)),
            )
        )
        # Stage 3: U depends on G, and through G on both curves
        by_G, by_gamma = gamma.pull(gradients[:, 2])
        pressed = _mean_weight(weights) * gamma.beside
        curvature_U = np.sum(pressed * gamma.beside, axis=-1)
        by_G = by_G + by_gamma[..., None] * (pressed / curvature_U[:, None])[:, None]
        by_G = by_G / np.exp(log_U)
        share = _share(weights)
        to_B = np.sum(share * term, axis=-1)[:, None]
        to_A = -np.sum(share * term * A * layout.log_D, axis=-1)[:, None]
        by_yA, by_alpha = alpha.pull(gradients[:, 0])
        by_yB, by_beta = beta.pull(gradients[:, 1])
        f, g = alpha.beside[:, None], beta.beside[:, None]
        by_alpha = by_alpha - np.sum(by_G * to_A * f, axis=-1)
        by_beta = by_beta - np.sum(by_G * to_B * g, axis=-1)
        # Stage 2: adjoints of the first search, of those of α and of those of β
        TT, TV, VV = (own[:, None] for own in (pairs.TT, pairs.TV, pairs.VV))
        curvature_B, curvature_A = (np.sum(own, axis=-1) for own in (g**2 * TT, f**2 * VV))
        first, of_alpha, of_beta = (
            own[..., None]
            for own in _through_rounds(
                by_alpha, by_beta, curvature_A, curvature_B, np.sum(g * TV * f, axis=-1), rounds
            )
        )
        by_line_A = of_alpha * f * VV + of_beta * g * TV - by_G * to_A
        by_line_B = (first + of_beta) * g * TT + of_alpha * f * TV - by_G * to_B
        by_yA = by_yA + by_line_A @ alpha.project + first * g * TV
        by_yB = by_yB + by_line_B @ beta.project
        by_T, by_V = -(first + of_beta) * g, -of_alpha * f
        by_R = (
            stage1[0][:, None] * by_yA[..., None]
            + stage1[1][:, None] * by_yB[..., None]
            + pairs.weight[:, None] * (pairs.T * by_T[..., None] + pairs.V * by_V[..., None])
        )
    by_losses = by_G[..., None] * share[:, None]
    by_losses[..., :-1] += by_R
    by_losses[..., 1:] -= by_R
    curvature = np.stack([curvature_A[:, 0], curvature_B[:, 0], curvature_U], axis=-1)
    weights_of = pairs.VV, pairs.TT, _mean_weight(weights)
    moved = [
        own @ line.moved**2 for own, line in zip(weights_of, (alpha, beta, gamma), strict=True)
    ]
    determined = curvature > _RANK * np.stack(moved, axis=-1)
    return OnLaw(by_losses, live, np.where(determined, curvature, 0.0))


def _through_rounds(
    by_alpha: np.ndarray,
    by_beta: np.ndarray,
    curvature_A: np.ndarray,
    curvature_B: np.ndarray,
    mixed: np.ndarray,
    rounds: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Adjoints of the first search of β, of all searches of α and of all further ones of β."""
    of_alpha = of_beta = np.zeros_like(by_beta)
    for _ in range(rounds):
        by_beta = -by_beta / curvature_B
        of_beta = of_beta + by_beta
        by_alpha = -(by_alpha + by_beta * mixed) / curvature_A
        of_alpha = of_alpha + by_alpha
        by_beta, by_alpha = by_alpha * mixed, np.zeros_like(by_alpha)
    return -by_beta / curvature_B, of_alpha, of_beta


def _pairs(
    layout: Layout, A: np.ndarray, term: np.ndarray, weights: np.ndarray, min_pairs: int
) -> tuple[_Pairs, np.ndarray]:
    first, second = weights[..., :-1], weights[..., 1:]
    both = np.where(first + second > 0, first + second, 1.0)
    weight = 2 * first * second / both * layout.pair_ok
    live = np.sum(weight > 0, axis=-1) >= min_pairs
    weight = weight * live[..., None]
    by_log_A = -A * layout.log_D * term
    T, V = term[:, :-1] - term[:, 1:], by_log_A[:, :-1] - by_log_A[:, 1:]
    TT, TV, VV = (np.sum(weight * own, axis=-1) for own in (T * T, T * V, V * V))
    return _Pairs(weight, T, V, TT, TV, VV), live


def _stage1(layout: Layout, A: np.ndarray, pairs: _Pairs) -> tuple[np.ndarray, np.ndarray]:
    """``∂ ln A_N/∂R`` and ``∂ ln B_N/∂R``, ``(subset, size, pair)``."""
    middle = 0.5 * (layout.log_D[:, 1:] + layout.log_D[:, :-1])
    half = 0.5 * A * (layout.log_D[:, 1:] - layout.log_D[:, :-1])
    some = np.where(half > 0, half, 1.0)
    # d ln sinhc(A l / 2) / d ln A, on which the slope of the line depends
    of_step = np.where(half > 0, some / np.tanh(some) - 1.0, 0.0)
    share = _share(pairs.weight)
    centred = middle - np.sum(share * middle, axis=-1, keepdims=True)
    pull = _share(share * centred, np.sum(share * centred**2, axis=-1, keepdims=True))
    own = -pull / (A - np.sum(pull * of_step, axis=-1, keepdims=True))
    mean = np.sum(share * (A * middle - of_step), axis=-1, keepdims=True)
    R = np.where(pairs.T > 0, pairs.T, 1.0)
    return own / R, (share + own * (mean - 1.0)) / R


def _lines(log_N: np.ndarray, curve: StretchedExponential, weight: np.ndarray) -> _Lines:
    h, h_slope = _box_cox(curve, log_N)
    share = _share(weight)
    mean = np.sum(share * h, axis=-1, keepdims=True)
    centred = h - mean
    slope = share * centred / np.sum(share * centred**2, axis=-1, keepdims=True)
    moved = float(curve.slope) * h_slope
    project = share[:, None] + centred[..., None] * slope[:, None]
    beside = moved - project @ moved
    return _Lines(project, share - mean * slope, slope, moved, beside)


def _box_cox(curve: StretchedExponential, log_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``h(z; p)`` and its derivative in p: ``∫ e^(p t) dt`` and ``∫ t e^(p t) dt`` over [0, z]."""
    z = log_N - np.log(float(curve.pivot))
    nodes, weights = np.polynomial.legendre.leggauss(24)
    t = 0.5 * z[:, None] * (nodes + 1)
    power = 0.5 * z[:, None] * weights * np.exp(float(curve.exponent) * t)
    return power.sum(axis=1), (power * t).sum(axis=1)


def _log_curve(curve: StretchedExponential, log_N: np.ndarray) -> np.ndarray:
    """``ln f`` at the sizes."""
    return float(curve.level) + float(curve.slope) * _box_cox(curve, log_N)[0]


def _share(weights: np.ndarray, total: np.ndarray | None = None) -> np.ndarray:
    """Weights over their sum or another total; 0 where that is 0."""
    total = np.sum(weights, axis=-1, keepdims=True) if total is None else total
    return np.asarray(weights / np.where(total == 0.0, 1.0, total) * (total != 0.0))


def _mean_weight(weights: np.ndarray) -> np.ndarray:
    """The weight of a size, its runs' weights' mean weighted by themselves, ``(subset, size)``."""
    return np.asarray(np.sum(_share(weights) * weights, axis=-1))
