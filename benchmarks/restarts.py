"""The nine-parameter law from many random starts: batched solver against SciPy, one process run.

    python benchmarks/restarts.py [--out FILE]

30,000 starts by `fit` with its defaults: on the paper's real runs of 0.2 to 5.4 B, where
../shared/data has them (*real*), and on losses drawn from the embedded law at the same N and D
(*simulated*). SciPy goes start by start, to the same tolerance, with its default Jacobian
(two-point differences) and with an analytic one, 60 starts on real runs and 100 on the others.
optimistix, where it is installed, is mapped over 256. Times are of the CPU, all cores together,
so that a busy machine changes them little; seconds by the clock stand beside them.

What is counted: starts that continue on all runs after most met on 42 of them; how many of the
first 256 end, to 1e-9 of the objective, where they end in a fit of 256 starts, which never meet.

Why not faster: an evaluation on 42 runs takes 2.1 µs of a core, in batches of 128 starts. Its 133
exponentials and logarithms take 0.15 µs at the rate of `exp` alone, 7 %. The rest is some 150
loops over arrays that the second-level cache holds: the curves and their slopes 0.24 µs, the sums
over runs 0.5, the products of slopes 0.34, projection 0.1, elimination of 9 x 9 systems 0.3, and
0.6 for what chooses between old and new states. XLA fuses no sums with what they are sums of, so
that each of these is read and written once more than the arithmetic needs.
"""

import importlib.util
import os
import resource
import time
from pathlib import Path

import jax
import numpy as np
from _timing import report
from scipy.optimize import least_squares

import farseer_jax as fj
from farseer_jax.methods.least_squares import solve as _solve

NUM_STARTS, NUM_SCIPY, NUM_OPTIMISTIX, NUM_ALONE = 30_000, {"real": 60, "simulated": 100}, 256, 256
ROUNDS = 3  # in turn, of which the best of each counts
TOLERANCE = fj.LeastSquares().tolerance
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "farseer_404.csv"


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
    start = time.process_time()
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
    seconds = time.process_time() - start
    best = np.min(costs)
    at_best = float(np.mean(np.array(costs) <= best * (1 + 1e-6)))
    return {"core_seconds_per_start": seconds / len(costs), "best": float(best), "at_best": at_best}


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
    begin = time.process_time()
    costs = np.asarray(solve(starts))
    cpu = time.process_time() - begin
    best = np.nanmin(costs)
    return {
        "core_seconds_per_start": cpu / len(costs),
        "best": float(best),
        "at_best": float(np.mean(costs <= best * (1 + 1e-6))),
    }


def exponentials(num_rows: int, num_cells: int) -> int:
    """Exponentials and logarithms of one evaluation: curves, their slopes, and run by run."""
    return 2 * 3 * num_rows + num_rows + 2 * num_cells


def ours(runs: fj.Runs, num_starts: int) -> dict:
    method = fj.LeastSquares(num_starts=num_starts)
    stages: list[tuple[tuple[int, int], np.ndarray]] = []
    solve_stage = _solve._solve_stage

    def counted(settings, layout, *rest):
        found = solve_stage(settings, layout, *rest)
        stages.append((layout.run.shape, found.steps))
        return found

    _solve._solve_stage = counted
    begin, begin_cpu = time.perf_counter(), time.process_time()
    found = fj.fit(fj.Farseer, runs, method).diagnostics
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    _solve._solve_stage = solve_stage
    total = sum(steps.sum() * exponentials(rows, rows * slots) for (rows, slots), steps in stages)
    alone = fj.fit(fj.Farseer, runs, fj.LeastSquares(num_starts=NUM_ALONE)).diagnostics
    first = found.start_objective[:NUM_ALONE]
    return {
        "num_starts": num_starts,
        "seconds": seconds,
        "core_seconds_per_start": cpu / num_starts,
        "continued": len(stages[-1][1]),
        "stages": [
            {"sizes": rows, "D": slots, "starts": len(steps), "evaluations": float(steps.mean())}
            for (rows, slots), steps in stages
        ],
        "exponentials_and_logarithms_per_core_second": total / cpu,
        "best": found.objective,
        "at_best": found.fraction_at_best(),
        "within_1_percent": found.fraction_at_best(1e-2),
        "end_as_if_alone": float(np.mean(np.isclose(first, alone.start_objective, rtol=1e-9))),
        "no_worse_than_alone": float(np.mean(first <= alone.start_objective * (1 + 1e-9))),
        "peak_GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def starts_of(runs: fj.Runs, num: int) -> np.ndarray:
    """Parameter vectors, ``(parameter, start)``."""
    cube = np.random.default_rng(0).random((num, 9))
    with jax.enable_x64(True):
        return np.asarray(fj.Farseer.starts(runs, cube).to_vector())


def compared(name: str, runs: fj.Runs) -> dict:
    """Both on one table, with the ratios of their times."""
    ours(runs, NUM_STARTS)  # compile
    vectors = starts_of(runs, NUM_SCIPY[name])
    rounds = [
        {
            "batched": ours(runs, NUM_STARTS),
            "scipy": scipy_seconds(runs, vectors, analytic=False),
            "scipy_analytic_jacobian": scipy_seconds(runs, vectors, analytic=True),
        }
        for _ in range(ROUNDS)
    ]
    peers = {
        kind: min((found[kind] for found in rounds), key=lambda one: one["core_seconds_per_start"])
        for kind in rounds[0]
    }
    own = peers.pop("batched")
    if importlib.util.find_spec("optimistix"):
        starts = starts_of(runs, NUM_OPTIMISTIX)
        with jax.enable_x64(True):
            peers["optimistix"] = optimistix_seconds(runs, starts)
    return {
        "runs": len(runs),
        "batched": own,
        "peers": peers,
        "ratios_per_core": {
            peer: found["core_seconds_per_start"] / own["core_seconds_per_start"]
            for peer, found in peers.items()
        },
    }


def tables() -> dict[str, fj.Runs]:
    """The runs; a copy of a run counts once in a fit, so none is left for SciPy."""
    found = {"simulated": fj.example_runs().select(max_N=5.5e9)}
    if DATA.exists():
        real = fj.read_runs(DATA).select(min_N=2e8, max_N=5.5e9)
        found = {"real": real.select(mask=~real.is_copy), **found}
    return found


def exp_rate_of_a_core() -> float:
    """Exponentials per second of CPU time, which a busy machine changes little."""
    rates = []
    with jax.enable_x64(True):
        x = jax.numpy.asarray(np.random.default_rng(0).uniform(-12.0, 0.0, 1 << 17))
        run = jax.jit(jax.numpy.exp)
        for _ in range(20):
            begin = time.process_time()
            for _ in range(20):
                run(x).block_until_ready()
            rates.append(20 * len(x) / (time.process_time() - begin))
    return max(rates[1:])


def main() -> None:
    own = tables()
    found = {name: compared(name, runs) for name, runs in own.items()}
    name, runs = next(iter(own.items()))
    large = ours(runs, 10 * NUM_STARTS)
    raw = fj.fit(fj.RawFarseer, runs, fj.LeastSquares(num_starts=1_000)).diagnostics
    ceiling = exp_rate_of_a_core()
    rate = found[name]["batched"]["exponentials_and_logarithms_per_core_second"]
    best = found[name]["batched"]["best"] * (1 + 1e-6)
    report(
        {
            "cores": os.cpu_count(),
            "tolerance": TOLERANCE,
            **found,
            "ten_times_as_many": large,
            "exp_per_core_second": ceiling,
            "share_of_ceiling": rate / ceiling,
            "raw_form_at_best": float(np.mean(raw.start_objective <= best)),
            "raw_form_starts": raw.num_starts,
        }
    )


if __name__ == "__main__":
    main()
