"""The peer: the piecewise method as a careful SciPy user writes it, one fit at a time.

The same stages and rounds as ``_numpy_piecewise.py``; each exponent by a bounded scalar
minimisation of the vectorised error instead of a grid. It finds one local minimum.
"""

import numpy as np
from _numpy_piecewise import box_cox, stage_1
from scipy.optimize import minimize_scalar


def fit_scalar(N, D, loss, xatol=1e-6):
    """Exponents (α, β, γ) and the three curves at the sizes."""
    sizes = np.unique(N)
    z = np.log(sizes) - np.log(sizes).mean()
    log_A, log_B, index, D0, D1, R = stage_1(sizes, N, D, loss)
    log_D0, log_D1 = np.log(D0), np.log(D1)

    def curve(y, p):
        h = box_cox(z, p)
        centred = h - h.mean()
        return y.mean() + (centred @ (y - y.mean())) / (centred @ centred) * centred

    def powers(A):
        A = A[index]
        return np.exp(-A * log_D0) - np.exp(-A * log_D1)

    def search(error):
        return minimize_scalar(
            error, bounds=(-0.5, 0.5), method="bounded", options={"xatol": xatol}
        ).x

    def best_beta(A):
        S = powers(A)
        return search(lambda p: np.sum((np.exp(curve(log_B, p))[index] * S - R) ** 2))

    def best_alpha(B):
        B = B[index]
        return search(lambda p: np.sum((B * powers(np.exp(curve(log_A, p))) - R) ** 2))

    beta = best_beta(np.exp(log_A))
    for _ in range(2):
        alpha = best_alpha(np.exp(curve(log_B, beta)))
        beta = best_beta(np.exp(curve(log_A, alpha)))

    A, B = np.exp(curve(log_A, alpha)), np.exp(curve(log_B, beta))
    size = np.searchsorted(sizes, N)
    O = loss - B[size] * D ** -A[size]  # noqa: E741
    log_G = np.log(np.bincount(size, O) / np.bincount(size))
    gamma = search(lambda p: np.sum((curve(log_G, p) - log_G) ** 2))
    return alpha, beta, gamma, A, B, np.exp(curve(log_G, gamma))
