"""Chinchilla by Huber's objective: one fit and 1,000 resamples, against SciPy, in one process run.

    python benchmarks/chinchilla.py [RUNS.csv] [--out FILE]

RUNS.csv holds columns N, D and loss (a column `besiroglu_outlier` marks rows to leave out); without
it, runs drawn from the published law stand in. SciPy gets the analytic Jacobian and starts at the
optimum of all runs: the fastest careful way with it. Prints JSON: times, ratios, and how far the
objectives lie apart.
"""

import sys
import time
from pathlib import Path

import jax
import numpy as np
from _timing import interleaved, report
from scipy.optimize import least_squares

import farseer_jax as fj

DELTA, NUM_RESAMPLES = 1e-3, 1_000
HUBER = fj.LeastSquares("huber", refit_starts=0)


def scipy_fit(start, log_N, log_D, log_loss, weights):
    """Least squares of SciPy on (ln E, ln A, ln B, α, β), Huber, as one would write it."""
    root = np.sqrt(weights)

    def terms(v):
        return np.exp(v[0]), np.exp(v[1] - v[3] * log_N), np.exp(v[2] - v[4] * log_D)

    def residuals(v):
        E, a, b = terms(v)
        return np.log(E + a + b) - log_loss

    def jacobian(v):
        E, a, b = terms(v)
        total = E + a + b
        return np.stack(
            [E / total, a / total, b / total, -a * log_N / total, -b * log_D / total], 1
        )

    # SciPy has no weights: counts repeat rows, which costs it nothing here
    keep = np.repeat(np.arange(len(root)), weights.astype(int))
    return least_squares(
        lambda v: residuals(v)[keep],
        start,
        lambda v: jacobian(v)[keep],
        loss="huber",
        f_scale=DELTA,
        x_scale="jac",
        ftol=1e-12,
        xtol=1e-12,
        gtol=1e-12,
        max_nfev=500,
    )


def load() -> fj.Runs:
    paths = [Path(text) for text in sys.argv[1:] if text.endswith(".csv")]
    if not paths:
        rng = np.random.default_rng(0)
        N = np.exp(rng.uniform(np.log(5e7), np.log(1.6e10), 240))
        D = N * np.exp(rng.uniform(np.log(2.0), np.log(200.0), 240))
        law = fj.Chinchilla(1.69, 406.4, 410.7, 0.34, 0.28)
        return fj.simulate(law, N, D, noise=5e-3, seed=0)
    import pandas as pd

    table = pd.read_csv(paths[0])
    sys.argv.remove(str(paths[0]))
    if "besiroglu_outlier" in table:
        table = table[table["besiroglu_outlier"] == 0]
    return fj.Runs.from_dataframe(table)


def main() -> None:
    runs = load()
    log_N, log_D, log_loss = np.log(runs.N), np.log(runs.D), np.log(runs.loss)
    whole = fj.fit(fj.Chinchilla, runs, HUBER)
    with jax.enable_x64(True):
        optimum = np.asarray(whole.law.to_vector())
    counts = np.random.default_rng(0).multinomial(
        len(runs), np.full(len(runs), 1 / len(runs)), NUM_RESAMPLES
    )
    weights = counts.astype(float)
    start = time.perf_counter()
    theirs = [scipy_fit(optimum, log_N, log_D, log_loss, row) for row in weights]
    scipy_seconds = time.perf_counter() - start
    ours = fj.fit_batch(fj.Chinchilla, runs, weights=weights, method=HUBER)
    values = fj.Objective.named("huber").value(ours.predict(runs.N, runs.D), runs.loss, weights)
    apart = values / np.array([found.cost for found in theirs]) - 1.0
    one = np.ones(len(runs))
    times = interleaved(
        {
            "resamples": (
                lambda: fj.fit_batch(fj.Chinchilla, runs, weights=weights, method=HUBER), 1),
            "fit_64_cold_starts": (lambda: fj.fit(fj.Chinchilla, runs, HUBER), 5),
            "fit_8_cold_starts": (
                lambda: fj.fit(fj.Chinchilla, runs, fj.LeastSquares("huber", num_starts=8)), 5),
            "scipy_from_the_optimum": (
                lambda: scipy_fit(optimum, log_N, log_D, log_loss, one), 5),
        },
        rounds=5,
    )  # fmt: skip
    report(
        {
            "runs": len(runs),
            "objective": whole.diagnostics.objective,
            "starts_at_the_optimum": whole.diagnostics.fraction_at_best(),
            "resamples": NUM_RESAMPLES,
            "scipy_seconds": scipy_seconds,
            "seconds": times,
            "ratios": {
                "scipy / resamples": scipy_seconds / times["resamples"]["median"],
                "scipy / fit_8_cold_starts": times["scipy_from_the_optimum"]["median"]
                / times["fit_8_cold_starts"]["median"],
                "scipy / fit_64_cold_starts": times["scipy_from_the_optimum"]["median"]
                / times["fit_64_cold_starts"]["median"],
            },
            "objective_over_scipy_minus_1": {
                "largest": float(apart.max()),
                "smallest": float(apart.min()),
                "within_1e-8": float(np.mean(apart <= 1e-8)),
            },
            "converged": float(np.mean(ours.outcome_code == 0)),
        }
    )


if __name__ == "__main__":
    main()
