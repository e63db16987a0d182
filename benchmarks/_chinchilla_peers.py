"""How others fit Chinchilla's law by Huber's objective: each as one would write it with care."""

import contextlib
import io
import multiprocessing
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares, minimize

DELTA = 1e-3


def log_loss(v, log_N, log_D):
    E, a, b = np.exp(v[0]), np.exp(v[1] - v[3] * log_N), np.exp(v[2] - v[4] * log_D)
    return np.log(E + a + b)


def jacobian(v, log_N, log_D):
    E, a, b = np.exp(v[0]), np.exp(v[1] - v[3] * log_N), np.exp(v[2] - v[4] * log_D)
    total = E + a + b
    columns = [np.full_like(a, E), a, b, -a * log_N, -b * log_D]
    return np.stack([column / total for column in columns], 1)


def huber(r):
    size = np.abs(r)
    return np.where(size < DELTA, r**2 / 2, DELTA * (size - DELTA / 2)).sum()


def scipy_fit(start, log_N, log_D, observed, weights):
    """SciPy's least squares on (ln E, ln A, ln B, α, β), analytic Jacobian."""
    # SciPy has no weights: counts repeat rows, which costs it nothing here
    keep = np.repeat(np.arange(len(weights)), weights.astype(int))
    n, d, y = log_N[keep], log_D[keep], observed[keep]
    return least_squares(
        lambda v: log_loss(v, n, d) - y,
        start,
        lambda v: jacobian(v, n, d),
        loss="huber",
        f_scale=DELTA,
        x_scale="jac",
        ftol=1e-12,
        xtol=1e-12,
        gtol=1e-12,
        max_nfev=500,
    )


def lmfit_fit(start, log_N, log_D, observed):
    """lmfit, which calls SciPy's least squares."""
    import lmfit

    names = ("E", "A", "B", "alpha", "beta")
    params = lmfit.Parameters()
    for name, value in zip(names, start, strict=True):
        params.add(name, value=value)

    def residuals(p):
        return log_loss([p[name].value for name in names], log_N, log_D) - observed

    return lmfit.minimize(
        residuals, params, method="least_squares", loss="huber", f_scale=DELTA, x_scale="jac",
        ftol=1e-12, xtol=1e-12, gtol=1e-12, max_nfev=5000,
    )  # fmt: skip


def lbfgs_fit(start, log_N, log_D, observed):
    """What notebooks do: L-BFGS on the sum, differences for a gradient."""
    return minimize(lambda v: huber(log_loss(v, log_N, log_D) - observed), start, method="L-BFGS-B")


def hoffmann_starts():
    """Hoffmann et al.'s grid of starts (ln E, ln A, ln B, α, β)."""
    axes = [np.arange(-1, 1.5, 0.5), np.arange(0, 30, 5), np.arange(0, 30, 5)]
    axes += [np.arange(0, 2.5, 0.5)] * 2
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], 1)


def toolkit_fit(columns, starts):
    """The package `chinchilla`: BFGS from a grid of starts, one process a core.

    In a process of its own: it starts a pool, which a process that has started JAX must not.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_toolkit_fit, columns, starts).result()


def _toolkit_loss(observed, predicted):
    size = np.abs(np.log(predicted) - np.log(observed))
    return np.where(size < DELTA, size**2 / 2, DELTA * (size - DELTA / 2))


def _toolkit_fit(columns, starts):
    here = str(Path(__file__).parent)
    sys.path = [entry for entry in sys.path if entry != here]  # chinchilla.py there is ours
    from chinchilla.core import Chinchilla

    multiprocessing.set_start_method("fork", force=True)  # as on its authors' machines
    N, D, loss = columns
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        rows = zip(6 * N * D, N, D, loss, strict=True)
        lines = ["C,N,D,loss", *(",".join(map(repr, map(float, row))) for row in rows)]
        Path(folder, "df.csv").write_text("\n".join(lines) + "\n")
        fitter = Chinchilla(folder, param_grid=starts, loss_fn=_toolkit_loss, log_level=50)
        fitter.visualizer.optim = lambda *_, **__: None  # its figures are no part of a fit
        begin = time.perf_counter()
        fitter.fit()
        return fitter.get_params(), time.perf_counter() - begin
