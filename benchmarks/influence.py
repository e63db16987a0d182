"""Influence against refits, and error bars against bootstraps.

    python benchmarks/influence.py [--data FOLDER] [--out FILE]

FOLDER holds the paper's runs (farseer_404.csv); without it the simulated grid of the package is
taken. Times are of one process, interleaved. Prints JSON.
"""

import argparse
import json
from pathlib import Path

import jax
import numpy as np
from _timing import interleaved, machine

import farseer_jax as fj
from farseer_jax.uncertainty import fit_derivatives as _respond

POINTS = {
    "25.1 B, 500 B": (25.1e9, 5e11),
    "6.37 B, 100 B": (6.37e9, 1e11),
    "1 B, 100 B": (1e9, 1e11),
}
METHODS = {
    "farseer, piecewise": (fj.Farseer, fj.Piecewise()),
    "farseer, least squares": (fj.Farseer, fj.LeastSquares()),
    "chinchilla, huber": (fj.Chinchilla, fj.LeastSquares("huber")),
}
NUM_RESAMPLES, ROUNDS = 10_000, 3


def distinct(runs: fj.Runs) -> fj.Runs:
    rows = np.unique(np.stack([runs.N, runs.D, runs.loss]), axis=1)
    return fj.Runs(*rows)


def fresh(fit: fj.Fit) -> None:
    """Forget what was found, but not what was compiled."""
    del fit
    for cached in (_respond.respond, _respond.respond_on_law):
        cached.cache_clear()


def times(fit: fj.Fit) -> dict:
    """Derivatives and the whole of ``influence``, against refits and all removals at once."""
    law, runs, method = type(fit.law), fit.runs, fit.method
    kept = 1 - np.eye(len(runs))

    def core() -> None:
        fresh(fit)
        _respond.respond(fit)

    def whole() -> None:
        fresh(fit)
        fj.influence(fit, at=POINTS["25.1 B, 500 B"], noise=5e-4)

    timed = interleaved(
        {
            "derivatives": (core, 10),
            "influence": (whole, 10),
            "five_refits": (lambda: [fj.fit(law, runs, method) for _ in range(5)], 10),
            "all_removals": (
                lambda: fj.fit_batch(law, runs, weights=kept, method=method),
                3,
            ),
        },
        ROUNDS,
    )
    five = timed["five_refits"]["median"]
    return {**timed, "share_of_five_refits": timed["derivatives"]["median"] / five}


def error_bars(runs: fj.Runs) -> list[dict]:
    """Standard errors at the points, and their ratio to those of bootstraps."""
    N, D = (np.array(column) for column in zip(*POINTS.values(), strict=True))
    cases = [
        ("farseer, piecewise", "sandwich", {}, fj.WildBootstrap()),
        ("farseer, piecewise", "delta", {}, fj.ParametricBootstrap()),
        ("farseer, piecewise", "delta", {"noise": 1e-4}, fj.ParametricBootstrap(1e-4)),
        ("farseer, least squares", "jackknife", {}, fj.BayesianBootstrap()),
        ("farseer, least squares", "delta", {}, fj.ParametricBootstrap()),
        ("chinchilla, huber", "jackknife", {}, fj.BayesianBootstrap()),
    ]
    return [one_error_bar(runs, name, kind, own, scheme, N, D) for name, kind, own, scheme in cases]


def one_error_bar(runs, name, kind, settings, scheme, N, D) -> dict:
    law, method = METHODS[name]
    fit = fj.fit(law, runs, method)

    def bars() -> np.ndarray:
        fresh(fit)
        return fj.error_bars(fit, kind, **settings).standard_error(N, D)

    def resampled() -> np.ndarray:
        return fj.bootstrap(fit, NUM_RESAMPLES, scheme, seed=1).standard_error(N, D)

    slow = 1 if method.name == "least-squares" else 3
    timed = interleaved({"error_bars": (bars, 10), "bootstrap": (resampled, slow)}, slow)
    return {
        "fit": name,
        "kind": kind,
        **settings,
        "bootstrap": scheme.name,
        "standard_error_over_bootstraps": (bars() / resampled()).tolist(),
        "times": timed,
        "bootstrap_over_error_bars": timed["bootstrap"]["median"] / timed["error_bars"]["median"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    simulated = fj.example_runs(noise=5e-4).select(max_N=5.5e9)
    runs = simulated
    if arguments.data:
        table = fj.read_runs(arguments.data / "farseer_404.csv")
        runs = distinct(table.select(min_N=2e8, max_N=5.36e9))
    result = {"machine": machine(), "runs": "real" if arguments.data else "simulated"}
    for name, (law, method) in METHODS.items():
        fit = fj.fit(law, runs, method)
        result[name] = {"num_runs": len(runs), "times": times(fit)}
    result["error_bars_of_simulated_runs"] = error_bars(simulated)
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    with jax.enable_x64(False):
        main()
