"""The nine-parameter law from many random starts: batched solver against SciPy, one process run.

    python benchmarks/restarts.py [--out FILE]

30,000 and 300,000 starts on the paper's 326 runs (losses drawn from the embedded law). SciPy runs
start by start, 100 of them, which is extrapolated; once with its default Jacobian (two-point
differences) and once with an analytic one. Rates are per core: SciPy uses one.
"""

import os
import resource
import time

import jax
import numpy as np
from _timing import exp_rate, report
from scipy.optimize import least_squares

import farseer_jax as fj

NUM_SCIPY, TOLERANCE = 100, 1e-10


def scipy_seconds(runs: fj.Runs, vectors: np.ndarray, analytic: bool) -> dict:
    pivot = fj.Center.of(runs).N
    z, log_D, log_loss = np.log(runs.N / pivot), np.log(runs.D), np.log(runs.loss)

    def h(p):
        return np.expm1(p * z) / p

    def h_slope(p):
        return (z * np.exp(p * z) - h(p)) / p

    def residuals(v):
        U, B = v[0] + v[1] * h(v[2]), v[3] + v[4] * h(v[5])
        return np.logaddexp(U, B - np.exp(v[6] + v[7] * h(v[8])) * log_D) - log_loss

    def jacobian(v):
        U, B = v[0] + v[1] * h(v[2]), v[3] + v[4] * h(v[5])
        A = np.exp(v[6] + v[7] * h(v[8]))
        q = 1.0 / (1.0 + np.exp(U - B + A * log_D))
        a = -q * A * log_D
        columns = []
        for weight, (slope, p) in zip((1 - q, q, a), (v[1:3], v[4:6], v[7:9]), strict=True):
            columns += [weight, weight * h(p), weight * slope * h_slope(p)]
        return np.stack(columns, 1)

    costs = []
    start = time.perf_counter()
    with np.errstate(all="ignore"):
        for vector in vectors.T:
            try:
                found = least_squares(
                    residuals, vector, jacobian if analytic else "2-point", x_scale="jac",
                    ftol=TOLERANCE, xtol=TOLERANCE, gtol=TOLERANCE, max_nfev=500,
                )  # fmt: skip
                costs.append(found.cost)
            except ValueError:
                costs.append(np.inf)
    seconds = time.perf_counter() - start
    best = np.min(costs)
    at_best = float(np.mean(np.array(costs) <= best * (1 + 1e-6)))
    return {"seconds_per_start": seconds / NUM_SCIPY, "best": float(best), "at_best": at_best}


def ours(runs: fj.Runs, num_starts: int) -> dict:
    method = fj.LeastSquares(num_starts=num_starts, tolerance=TOLERANCE)
    begin, begin_cpu = time.perf_counter(), time.process_time()
    found = fj.fit(fj.Farseer, runs, method).diagnostics
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    num_sizes, num_cells = 20, 20 * 18
    exponentials = found.start_steps.sum() * (num_sizes * 6.0 + num_cells * 3.0)
    return {
        "num_starts": num_starts,
        "seconds": seconds,
        "core_seconds_per_start": cpu / num_starts,
        "seconds_per_start": seconds / num_starts,
        "evaluations_per_start": float(found.start_steps.mean()),
        "exponentials_and_logarithms_per_second": float(exponentials / seconds),
        "best": found.objective,
        "at_best": found.fraction_at_best(),
        "within_1_percent": found.fraction_at_best(1e-2),
        "peak_GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def main() -> None:
    runs = fj.example_runs().select(max_N=5.5e9)
    cube = np.random.default_rng(0).random((NUM_SCIPY, 9))
    with jax.enable_x64(True):
        vectors = np.asarray(fj.Farseer.starts(runs, cube).to_vector())
        ceiling = exp_rate()["per_second"]
    ours(runs, 1_000)  # compile
    ours_small = ours(runs, 30_000)
    peers = {
        "scipy": scipy_seconds(runs, vectors, analytic=False),
        "scipy_analytic_jacobian": scipy_seconds(runs, vectors, analytic=True),
    }
    ours_large = ours(runs, 300_000)
    raw = fj.fit(fj.RawFarseer, runs, fj.LeastSquares(num_starts=1_000)).diagnostics
    best = ours_small["best"] * (1 + 1e-6)
    report(
        {
            "runs": len(runs),
            "cores": os.cpu_count(),
            "batched": [ours_small, ours_large],
            "peers": peers,
            "ratios_per_core": {
                name: peer["seconds_per_start"] / ours_small["core_seconds_per_start"]
                for name, peer in peers.items()
            },
            "ratios_by_the_clock": {
                name: peer["seconds_per_start"] / ours_small["seconds_per_start"]
                for name, peer in peers.items()
            },
            "exp_ceiling_per_second": ceiling,
            "raw_form_at_best": float(np.mean(raw.start_objective <= best)),
            "raw_form_starts": raw.num_starts,
        }
    )


if __name__ == "__main__":
    main()
