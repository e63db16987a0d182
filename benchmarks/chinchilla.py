"""Chinchilla by Huber's objective: one fit and 1,000 resamples, against peers, in one process run.

    python benchmarks/chinchilla.py [RUNS.csv] [--out FILE]

RUNS.csv holds columns N, D and loss (a column `besiroglu_outlier` marks rows to leave out). Without
it the runs are Epoch AI's, `../shared/data/chinchilla_epoch.csv`, and where that is missing, runs
drawn from the published law: `source` says which. Settings are the defaults, and `bootstrap` is
what a user waits for. SciPy gets the analytic Jacobian and starts at the
optimum of all runs: the fastest careful way with it. lmfit and the package `chinchilla` take part
where they are installed. Prints JSON: times, ratios, and how far the objectives lie apart.
"""

import importlib.util
import sys
import time
from pathlib import Path

import jax
import numpy as np
from _chinchilla_peers import (
    hoffmann_starts,
    huber,
    lbfgs_fit,
    lmfit_fit,
    log_loss,
    scipy_fit,
    toolkit_fit,
)
from _timing import interleaved, report

import farseer_jax as fj

NUM_RESAMPLES, NUM_SCIPY, NUM_LBFGS = 1_000, 200, 50
EPOCH = Path(__file__).parents[2] / "shared/data/chinchilla_epoch.csv"
HUBER = fj.LeastSquares("huber")
PROJECTION = fj.VariableProjection("huber")
TOOLKIT_STARTS = {
    "e": [0.0, 0.5], "a": [5.0, 10.0], "b": [5.0, 10.0], "alpha": [0.3, 0.5], "beta": [0.3, 0.5],
}  # fmt: skip


def load() -> tuple[str, fj.Runs]:
    """Where the runs come from, and the runs."""
    given = [text for text in sys.argv[1:] if text.endswith(".csv")]
    paths = [Path(text) for text in given] or [path for path in (EPOCH,) if path.exists()]
    if not paths:
        rng = np.random.default_rng(0)
        N = np.exp(rng.uniform(np.log(5e7), np.log(1.6e10), 240))
        D = N * np.exp(rng.uniform(np.log(2.0), np.log(200.0), 240))
        law = fj.Chinchilla(1.69, 406.4, 410.7, 0.34, 0.28)
        return "simulated", fj.simulate(law, N, D, noise=5e-3, seed=0)
    import pandas as pd

    table = pd.read_csv(paths[0])
    if given:
        sys.argv.remove(given[0])
    if "besiroglu_outlier" in table:
        table = table[table["besiroglu_outlier"] == 0]
    return paths[0].name, fj.Runs.from_dataframe(table)


def resamples(runs: fj.Runs, arrays: tuple, optimum: np.ndarray, whole: fj.Fit) -> dict:
    """1,000 resamples, and SciPy's loop over some of them in turn with ours."""
    n = len(runs)
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), NUM_RESAMPLES) * 1.0

    def loop(rows: np.ndarray) -> np.ndarray:
        return np.array([scipy_fit(optimum, *arrays, row).cost for row in rows])

    theirs = loop(weights)
    there = fj.LeastSquares("huber", starts=whole.law)  # where SciPy starts
    methods = {
        "least_squares_from_the_optimum": there,
        "least_squares": HUBER,  # finds it first, from 64 starts
        "variable_projection": PROJECTION,
    }
    result: dict = {
        "resamples": NUM_RESAMPLES,
    }
    ways = {
        name: (lambda m=method: fj.fit_batch(fj.Chinchilla, runs, weights=weights, method=m), 1)
        for name, method in methods.items()
    }
    ways["bootstrap"] = (lambda: fj.bootstrap(whole, NUM_RESAMPLES), 1)  # all the defaults
    ways["scipy"] = (lambda: loop(weights[:NUM_SCIPY]), 1)
    times = interleaved(ways, rounds=5)
    scipy = {w: times["scipy"][w] * NUM_RESAMPLES / NUM_SCIPY for w in ("best", "median", "core")}
    result["scipy_seconds"] = scipy
    for name in (*methods, "bootstrap"):
        own = times[name]
        result[name] = {"seconds": own, "scipy / this": {w: scipy[w] / own[w] for w in scipy}}
    for name, method in methods.items():
        refits = fj.fit_batch(fj.Chinchilla, runs, weights=weights, method=method)
        predicted = refits.predict(runs.N, runs.D)
        value = fj.Objective.named("huber").value(predicted, runs.loss, weights)
        apart = value / theirs - 1.0
        result[name] |= {
            "converged": float(np.mean(refits.outcome_code == 0)),
            "objective_over_scipy_minus_1": [float(apart.min()), float(apart.max())],
            "within_1e-8": float(np.mean(apart <= 1e-8)),
        }
    return result


def one_fit(runs: fj.Runs, arrays: tuple, optimum: np.ndarray) -> dict:
    """One fit: ours from random starts, SciPy's and lmfit's from the optimum."""
    ones = np.ones(len(runs))
    ways = {
        "least_squares_64_starts": (lambda: fj.fit(fj.Chinchilla, runs, HUBER), 3),
        "least_squares_8_starts": (
            lambda: fj.fit(fj.Chinchilla, runs, fj.LeastSquares("huber", num_starts=8)), 5),
        "variable_projection": (lambda: fj.fit(fj.Chinchilla, runs, PROJECTION), 5),
        "scipy_from_the_optimum": (lambda: scipy_fit(optimum, *arrays, ones), 5),
    }  # fmt: skip
    if importlib.util.find_spec("lmfit"):
        ways["lmfit_from_the_optimum"] = (lambda: lmfit_fit(optimum, *arrays), 5)
    times = interleaved(ways, rounds=3)
    base = times["scipy_from_the_optimum"]["median"]
    return {"seconds": times, "scipy / this": {k: base / t["median"] for k, t in times.items()}}


def from_starts(runs: fj.Runs, arrays: tuple) -> dict:
    """What is done from starts elsewhere: L-BFGS from Hoffmann et al.'s grid, BFGS of a toolkit."""
    starts = hoffmann_starts()
    some = starts[np.random.default_rng(0).choice(len(starts), NUM_LBFGS, replace=False)]
    begin = time.perf_counter()
    with np.errstate(all="ignore"):
        values = [lbfgs_fit(start, *arrays).fun for start in some]
    seconds = (time.perf_counter() - begin) / NUM_LBFGS
    result: dict = {
        "scipy_lbfgs": {
            "starts": NUM_LBFGS,
            "best_objective": float(np.nanmin(values)),
            "seconds_per_start": seconds,
            "seconds_for_all_4500_extrapolated": seconds * len(starts),
        }
    }
    if spec_of("attrdictx"):  # what the package `chinchilla` needs; ours shadows its name here
        found, seconds = toolkit_fit((runs.N, runs.D, runs.loss), TOOLKIT_STARTS)
        vector = [*np.log([found["E"], found["A"], found["B"]]), found["alpha"], found["beta"]]
        result["chinchilla_package"] = {
            "starts": 2 ** len(TOOLKIT_STARTS),
            "best_objective": float(huber(log_loss(vector, *arrays[:2]) - arrays[2])),
            "seconds_per_start": seconds / 2 ** len(TOOLKIT_STARTS),
        }
    return result


def spec_of(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def main() -> None:
    source, runs = load()
    arrays = np.log(runs.N), np.log(runs.D), np.log(runs.loss)
    whole = fj.fit(fj.Chinchilla, runs, HUBER)
    with jax.enable_x64(True):
        optimum = np.asarray(whole.law.to_vector())
    report(
        {
            "source": source,
            "runs": len(runs),
            "objective": whole.diagnostics.objective,
            "starts_at_the_optimum": whole.diagnostics.fraction_at_best(),
            "one_fit": one_fit(runs, arrays, optimum),
            "resampled": resamples(runs, arrays, optimum, whole),
            "from_starts": from_starts(runs, arrays),
        }
    )


if __name__ == "__main__":
    main()
