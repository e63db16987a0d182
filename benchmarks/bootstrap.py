"""10,000 refits by `bootstrap`, against loops of NumPy and of SciPy, in one process run.

    python benchmarks/bootstrap.py [--out FILE]

The full piecewise fit of Farseer, and Chinchilla by least squares; the peers refit the very same
losses, at least 50 of them, and are extrapolated. Then time and peak memory of 1e3 to 1e6 refits
with their draws on disk, each in a process of its own. The runs are the paper's 326 (sizes up to
5.4 B), simulated by the package: real losses would change no time. Prints JSON.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
from _chinchilla_peers import jacobian, log_loss
from _numpy_piecewise import fit_dense
from _scipy_piecewise import fit_scalar
from _timing import exp_rate, interleaved, report
from scipy.optimize import least_squares

import farseer_jax as fj
from farseer_jax.uncertainty.bootstrap import resamples
from farseer_jax.uncertainty.resampling import Setting

NUM_RESAMPLES, NUM_PEER, ROUNDS = 10_000, 60, 5
SIZES = (1_000, 10_000, 100_000, 1_000_000)
WHICH = ("best", "median", "core")  # of the times
STEPS = {"num_candidates": 1000, "num_gamma": 1000}  # of 1e-3


def the_runs() -> fj.Runs:
    return fj.example_runs().select(max_N=5.5e9)


def losses_of(fit: fj.Fit, num: int) -> np.ndarray:
    """The losses of the first resamples, which the peers refit."""
    return resamples(fj.WildBootstrap(), Setting.of(fit), 0, 0, num).losses


def loop(peer, losses: np.ndarray):
    """One refit after another; their results."""
    return lambda: [peer(row) for row in losses]


def piecewise(runs: fj.Runs) -> dict:
    fit = fj.fit(fj.Farseer, runs)
    losses = losses_of(fit, NUM_PEER)
    N, D = runs.N, runs.D
    peers = {
        "numpy_dense": lambda loss: fit_dense(N, D, loss, **STEPS),
        "numpy_dense_careful": lambda loss: fit_dense(N, D, loss, **STEPS, careful=True),
        "scipy_bounded": lambda loss: fit_scalar(N, D, loss),
    }
    result = against(fit, peers, losses)
    law = fj.bootstrap(fit, NUM_PEER, "wild").draws.batch.law
    own = np.stack([law.A.exponent, law.B.exponent, law.U.exponent], axis=1)
    result["exponents_apart_median"] = {
        name: np.median(
            np.abs(np.array([[float(p) for p in peer(row)[:3]] for row in losses]) - own), axis=0
        ).tolist()
        for name, peer in peers.items()
    }
    return result


def chinchilla(runs: fj.Runs) -> dict:
    fit = fj.fit(fj.Chinchilla, runs)
    losses = losses_of(fit, NUM_PEER)
    arrays = np.log(runs.N), np.log(runs.D)
    with jax.enable_x64(True):
        start = np.asarray(fit.law.to_vector())

    def scipy(loss):
        y = np.log(loss)
        return least_squares(
            lambda v: log_loss(v, *arrays) - y, start, lambda v: jacobian(v, *arrays),
            x_scale="jac", ftol=1e-12, xtol=1e-12, gtol=1e-12,
        )  # fmt: skip

    result = against(fit, {"scipy_least_squares": scipy}, losses)
    refits = fj.fit_batch(fj.Chinchilla, runs, losses=losses)
    own = 0.5 * np.sum(np.log(refits.predict(runs.N, runs.D) / losses) ** 2, axis=1)
    theirs = np.array([scipy(row).cost for row in losses])
    result["objective_over_scipy_minus_1"] = [
        float(f(own / theirs - 1.0)) for f in (np.min, np.max)
    ]
    return result


def against(fit: fj.Fit, peers: dict, losses: np.ndarray) -> dict:
    """Ours and the peers' loops, in turn; seconds for NUM_RESAMPLES."""
    ways = {"ours": (lambda: fj.bootstrap(fit, NUM_RESAMPLES, "wild"), 1)}
    ways |= {name: (loop(peer, losses), 1) for name, peer in peers.items()}
    times = interleaved(ways, rounds=ROUNDS)
    seconds = {
        name: {
            which: times[name][which] * (1.0 if name == "ours" else NUM_RESAMPLES / NUM_PEER)
            for which in WHICH
        }
        for name in ways
    }
    return {
        "resamples": NUM_RESAMPLES,
        "refits_timed_of_each_peer": NUM_PEER * ROUNDS,
        "seconds": seconds,
        "ours_us_per_refit": {
            which: 1e6 * seconds["ours"][which] / NUM_RESAMPLES for which in WHICH
        },
        "peer / ours": {
            name: {w: seconds[name][w] / seconds["ours"][w] for w in WHICH} for name in peers
        },
    }


def scale() -> list[dict]:
    """Time and peak memory, each number of refits in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return [
        json.loads(
            subprocess.run(
                [sys.executable, __file__, "--one", str(num)],
                check=True, capture_output=True, text=True, env=environment,
            ).stdout
        )
        for num in SIZES
    ]  # fmt: skip


def one(num: int) -> None:
    """One bootstrap to disk, after a small one that compiles: seconds, and memory in MiB."""
    import resource

    fit = fj.fit(fj.Farseer, the_runs())
    fj.bootstrap(fit, 4096, "wild").interval(25.1e9, 5e11, kind="percentile")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "draws.parquet")
        start = time.perf_counter()
        result = fj.bootstrap(fit, num, "wild", out=path)
        seconds = time.perf_counter() - start
        found = result.interval(25.1e9, 5e11, kind="percentile")
        reading = time.perf_counter() - start - seconds
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            json.dumps(
                {
                    "refits": num,
                    "seconds": seconds,
                    "us_per_refit": 1e6 * seconds / num,
                    "seconds_of_an_interval": reading,
                    "peak_MiB": round(peak),
                    "file_MiB": round(path.stat().st_size / 2**20, 2),
                    "interval": [float(found.lower[0]), float(found.upper[0])],
                    "failed": result.num_failed,
                }
            )
        )


def main() -> None:
    runs = the_runs()
    with jax.enable_x64(True):
        before = exp_rate()
    found = {"runs": len(runs), "piecewise": piecewise(runs), "chinchilla": chinchilla(runs)}
    with jax.enable_x64(True):
        after = exp_rate()
    found["exp_per_second"] = max(before["per_second"], after["per_second"])
    report({**found, "scale": scale()})


if __name__ == "__main__":
    if "--one" in sys.argv:
        one(int(sys.argv[-1]))
    else:
        main()
