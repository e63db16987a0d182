"""The nine-parameter law from many random starts: batched solver against SciPy, one process run.

    python benchmarks/restarts.py [--out FILE]

30,000 and 300,000 starts on the paper's 326 runs (losses drawn from the embedded law). SciPy runs
start by start, 100 of them, which is extrapolated; once with its default Jacobian (two-point
differences) and once with an analytic one; optimistix, where it is installed, mapped over 256.
Rates are per core: SciPy uses one.
"""

import importlib.util
import os
import resource
import time

import jax
import numpy as np
from _timing import exp_rate, report
from scipy.optimize import least_squares

import farseer_jax as fj
from farseer_jax.methods.least_squares import solve as _solve

NUM_SCIPY, NUM_OPTIMISTIX, TOLERANCE = 100, 256, 1e-10


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


def optimistix_seconds(runs: fj.Runs, vectors: np.ndarray) -> dict:
    """The Levenberg–Marquardt, of optimistix, mapped over starts: QR of the Jacobian by JAX."""
    import jax.numpy as jnp
    import optimistix

    center, N, D = fj.Center.of(runs), jnp.asarray(runs.N), jnp.asarray(runs.D)
    log_loss = jnp.asarray(np.log(runs.loss))
    solver = optimistix.LevenbergMarquardt(rtol=TOLERANCE, atol=TOLERANCE)

    def residuals(vector, _):
        return fj.Farseer.from_vector(vector, center).log_loss(N, D) - log_loss

    @jax.jit
    @jax.vmap
    def solve(vector):
        found = optimistix.least_squares(residuals, solver, vector, max_steps=500, throw=False)
        return 0.5 * jnp.sum(residuals(found.value, None) ** 2)

    starts = jnp.asarray(vectors.T)
    solve(starts).block_until_ready()
    begin, begin_cpu = time.perf_counter(), time.process_time()
    costs = np.asarray(solve(starts))
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    best = np.nanmin(costs)
    return {
        "seconds_per_start": cpu / len(costs),  # of all cores together
        "seconds_per_start_by_the_clock": seconds / len(costs),
        "best": float(best),
        "at_best": float(np.mean(costs <= best * (1 + 1e-6))),
    }


def exponentials(num_rows: int, num_cells: int) -> int:
    """Exponentials and logarithms of one evaluation: curves, their slopes, and run by run."""
    return 2 * 3 * num_rows + num_rows + 2 * num_cells


def ours(runs: fj.Runs, num_starts: int) -> dict:
    method = fj.LeastSquares(num_starts=num_starts, tolerance=TOLERANCE)
    stages: list[tuple[tuple[int, int], float]] = []
    solve_stage = _solve._solve_stage

    def counted(settings, layout, *rest):
        found = solve_stage(settings, layout, *rest)
        stages.append((layout.run.shape, float(found.steps.sum())))
        return found

    _solve._solve_stage = counted
    begin, begin_cpu = time.perf_counter(), time.process_time()
    found = fj.fit(fj.Farseer, runs, method).diagnostics
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    _solve._solve_stage = solve_stage
    total = sum(steps * exponentials(rows, rows * slots) for (rows, slots), steps in stages)
    return {
        "num_starts": num_starts,
        "seconds": seconds,
        "core_seconds_per_start": cpu / num_starts,
        "seconds_per_start": seconds / num_starts,
        "evaluations_per_start": {
            f"{rows} x {slots} cells": steps / num_starts for (rows, slots), steps in stages
        },
        "exponentials_and_logarithms_per_second": total / seconds,
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
    ours(runs, 30_000)  # compile
    ours_small = ours(runs, 30_000)
    peers = {
        "scipy": scipy_seconds(runs, vectors, analytic=False),
        "scipy_analytic_jacobian": scipy_seconds(runs, vectors, analytic=True),
    }
    if importlib.util.find_spec("optimistix"):
        many = np.random.default_rng(0).random((NUM_OPTIMISTIX, 9))
        with jax.enable_x64(True):
            starts = np.asarray(fj.Farseer.starts(runs, many).to_vector())
            peers["optimistix"] = optimistix_seconds(runs, starts)
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
                name: peer.get("seconds_per_start_by_the_clock", peer["seconds_per_start"])
                / ours_small["seconds_per_start"]
                for name, peer in peers.items()
            },
            "exp_ceiling_per_second": ceiling,
            "share_of_ceiling": ours_small["exponentials_and_logarithms_per_second"] / ceiling,
            "raw_form_at_best": float(np.mean(raw.start_objective <= best)),
            "raw_form_starts": raw.num_starts,
        }
    )


if __name__ == "__main__":
    main()
