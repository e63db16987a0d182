"""The peer: the piecewise method in vectorised NumPy with dense grids, as a notebook has it.

Every candidate exponent is one column: no Python loop over candidates, sizes only in Stage 1.
``careful=False`` writes D^−A as the paper does, a power; ``careful=True`` as exp(−A ln D) with
ln D taken once, which is several times faster and needs somebody to think of it.
"""

import numpy as np


def box_cox(z, p):
    safe = np.where(p == 0, 1.0, p)
    return np.where(p == 0, z, np.expm1(p * z) / safe)


def lines(z, y, p):
    """Least-squares line through y on h(z; p) for each p: values, (size, candidate)."""
    h = box_cox(z[:, None], p)
    centred = h - h.mean(axis=0)
    slope = (centred * (y - y.mean())[:, None]).sum(axis=0) / (centred**2).sum(axis=0)
    return y.mean() + slope * centred


def fit_dense(N, D, loss, num_candidates=10_000, num_gamma=1_000, careful=False):
    """Exponents (α, β, γ) and the three curves at the sizes."""
    sizes = np.unique(N)
    z = np.log(sizes) - np.log(sizes).mean()
    log_A, log_B, index, D0, D1, R = stage_1(sizes, N, D, loss)

    def error(A, B):
        A, B = A[index], B[index]
        if careful:
            predicted = B * (np.exp(-A * log_D0[:, None]) - np.exp(-A * log_D1[:, None]))
        else:
            predicted = B * (D0[:, None] ** -A - D1[:, None] ** -A)
        return ((predicted - R[:, None]) ** 2).sum(axis=0)

    log_D0, log_D1 = np.log(D0), np.log(D1)

    def best_beta(A):
        errors = error(A[:, None], np.exp(lines(z, log_B, grid)))
        return grid[np.argmin(errors)]

    def best_alpha(B):
        errors = error(np.exp(lines(z, log_A, grid)), B[:, None])
        return grid[np.argmin(errors)]

    grid = np.linspace(-0.5, 0.5, num_candidates, endpoint=False)
    beta = best_beta(np.exp(log_A))
    for _ in range(2):
        alpha = best_alpha(np.exp(lines(z, log_B, np.array([beta])))[:, 0])
        beta = best_beta(np.exp(lines(z, log_A, np.array([alpha])))[:, 0])

    A = np.exp(lines(z, log_A, np.array([alpha])))[:, 0]
    B = np.exp(lines(z, log_B, np.array([beta])))[:, 0]
    size = np.searchsorted(sizes, N)
    O = loss - B[size] * D ** -A[size]  # noqa: E741
    log_G = np.log(np.bincount(size, O) / np.bincount(size))
    gammas = np.linspace(-0.5, 0.5, num_gamma, endpoint=False)
    gamma = gammas[np.argmin(((lines(z, log_G, gammas) - log_G[:, None]) ** 2).sum(axis=0))]
    return alpha, beta, gamma, A, B, np.exp(lines(z, log_G, np.array([gamma])))[:, 0]


def stage_1(sizes, N, D, loss, low=1.19, high=1.68):
    log_A, log_B, index, D0, D1, R = [], [], [], [], [], []
    for i, size in enumerate(sizes):
        order = np.argsort(D[N == size])
        d, values = D[N == size][order], loss[N == size][order]
        step = d[1:] / d[:-1]
        use = (step > low) & (step < high) & (values[:-1] > values[1:])
        d0, d1, difference = d[:-1][use], d[1:][use], (values[:-1] - values[1:])[use]
        slope, intercept = np.polyfit(np.log(d0), np.log(difference), 1)
        log_A.append(np.log(-slope))
        log_B.append(intercept - np.log(1 - np.exp(slope * np.log(d1 / d0).mean())))
        index += [i] * len(d0)
        D0, D1, R = [*D0, *d0], [*D1, *d1], [*R, *difference]
    arrays = (np.array(values) for values in (log_A, log_B, index, D0, D1, R))
    return tuple(arrays)
