"""Piecewise fits: dense NumPy, the dense search and the refined one, in one process run.

    python benchmarks/piecewise.py [--out FILE]

Prints JSON: times, ratios, exponentials, and their share of what this machine's ``exp`` reaches.
The runs are the paper's 326 (sizes up to 5.4 B), simulated by the package: real losses would
change no time.

The dense search takes 2.4 ns of a core per exponential (3.1 before its blocks fitted the cache and
its loops took whole registers), where `exp` alone takes 0.85 to 1.15: the rest is the squared error
of each pair, and the sums and last terms of a block's candidates, which every fourth slot reads and
writes.
"""

import jax
import numpy as np
from _numpy_piecewise import fit_dense
from _timing import exp_rate, interleaved, report

import farseer_jax as fj
from farseer_jax.methods.piecewise.kernel import solve_jit
from farseer_jax.methods.piecewise.layout import gather_padded

NUM_CANDIDATES, NUM_GAMMA, ROUNDS = 10_000, 1_000, 2
NUM_NODES = 24  # of the refined search, for sizes over this range: see chebyshev_search.py


def count_exponentials(
    design: fj.Design, num_alpha: int, num_beta: int, num_gamma: int, times: int = ROUNDS
) -> dict:
    """Exponentials of one fit: per candidate, and in all; ``times`` the runs' own are taken."""
    num_sizes, num_slots = design.log_D.shape
    line = 2 * num_sizes  # h(z; p), and the curve at the sizes
    alpha = line + num_sizes * num_slots
    used = line + int(design.occupied.sum())
    total = num_alpha * (times * (alpha - line) + ROUNDS * line)
    total += (ROUNDS + 1) * num_beta * line + num_gamma * num_sizes
    return {
        "per_alpha_candidate": alpha,
        "per_alpha_candidate_without_padding": used,
        "per_beta_candidate": line,
        "total": total,
        "total_without_padding": total - times * num_alpha * (alpha - used),
    }


def numpy_dense(runs: fj.Runs, careful: bool = False):
    return fit_dense(runs.N, runs.D, runs.loss, NUM_CANDIDATES, NUM_GAMMA, careful)


def kernel(prepared, losses, weights, method):
    """A call of the kernel on arrays that are on the device already."""
    runs = gather_padded(prepared.design, prepared.layout, losses, weights)
    arrays = jax.tree.map(jax.numpy.asarray, (prepared.layout, runs))
    return lambda: jax.block_until_ready(solve_jit(*arrays, method))


def main() -> None:
    runs = fj.example_runs().select(max_N=5.5e9)
    weights = np.ones(len(runs))
    refined = fj.Piecewise()
    dense = fj.Piecewise(
        search=fj.Grid(num_candidates=NUM_CANDIDATES), search_U=fj.Grid(num_candidates=NUM_GAMMA)
    )
    prepared = refined.prepare(fj.Farseer, runs)
    design, suited = prepared.design, refined.suited_to(prepared)[0]
    N, D, loss = runs.N, runs.D, runs.loss
    with jax.enable_x64(True):
        ceiling = exp_rate()
        times = interleaved(
            {
                "numpy_dense": (lambda: numpy_dense(runs), 2),
                "numpy_dense_careful": (lambda: numpy_dense(runs, careful=True), 3),
                "dense_kernel": (kernel(prepared, loss, weights, dense), 10),
                "refined_kernel": (kernel(prepared, loss, weights, suited), 100),
                "fit": (lambda: fj.fit(fj.Farseer, runs), 50),
                "fit_from_arrays": (lambda: fj.fit(fj.Farseer, fj.Runs(N, D, loss)), 50),
            },
            rounds=5,
        )
        ceiling_after = exp_rate()
    rate = max(ceiling["per_second"], ceiling_after["per_second"])
    report(
        {
            "runs": len(runs),
            "agreement": agreement(runs, dense, refined),
            "seconds": times,
            "ratios": ratios(times),
            "exp_per_second": rate,
            "dense": share(
                count_exponentials(design, *dense_counts()), times, "dense_kernel", rate
            ),
            "refined": share(
                count_exponentials(design, *[NUM_NODES] * 3, times=1),
                times,
                "refined_kernel",
                rate,
            ),
        }
    )


def dense_counts() -> tuple[int, int, int]:
    return NUM_CANDIDATES, NUM_CANDIDATES, NUM_GAMMA


def share(count: dict, times: dict, name: str, rate: float) -> dict:
    """Exponentials of a kernel, and its share of the ceiling (best and median time)."""
    return {
        "exponentials": count,
        "share_of_exp_rate": {
            which: count["total"] / times[name][which] / rate for which in ("best", "median")
        },
        "share_without_padding": {
            which: count["total_without_padding"] / times[name][which] / rate
            for which in ("best", "median")
        },
    }


def ratios(times: dict) -> dict:
    """Of medians, of best times and of processor time."""
    pairs = {
        "numpy_dense / dense_kernel": ("numpy_dense", "dense_kernel"),
        "numpy_dense / refined_kernel": ("numpy_dense", "refined_kernel"),
        "numpy_dense_careful / refined_kernel": ("numpy_dense_careful", "refined_kernel"),
        "numpy_dense / fit": ("numpy_dense", "fit"),
        "fit / refined_kernel": ("fit", "refined_kernel"),
        "fit_from_arrays / refined_kernel": ("fit_from_arrays", "refined_kernel"),
    }
    return {
        name: {which: times[a][which] / times[b][which] for which in ("best", "median", "core")}
        for name, (a, b) in pairs.items()
    }


def agreement(runs: fj.Runs, dense: fj.Piecewise, refined: fj.Piecewise) -> dict:
    """Exponents by the three ways: the peer does the same work, or the ratio means nothing."""
    exponents = {
        name: [float(exponent) for exponent in numpy_dense(runs, careful)[:3]]
        for name, careful in (("numpy_dense", False), ("numpy_dense_careful", True))
    }
    for name, method in (("dense", dense), ("refined", refined)):
        law = fj.fit(fj.Farseer, runs, method).law
        exponents[name] = [float(curve.exponent) for curve in (law.A, law.B, law.U)]
    return exponents


if __name__ == "__main__":
    main()
