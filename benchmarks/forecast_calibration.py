"""Where do the 90 % intervals of `forecast` hold? A map over worlds, tables, noise and targets.

    python benchmarks/forecast_calibration.py [--worlds 25] [--out FILE]

Worlds: the laws of Farseer, Coupled and Chinchilla, and curves that are none of them (Chinchilla's
plus a draw of a smooth misfit). Tables: 21 and 7 sizes on a grid, isoFLOP slices, scattered runs.
Noise: independent (0.05 %), or with an offset per size (0.09 %) as in the paper's runs. Targets:
inside, at the corner, and at 1.5 to 10 times the largest N and D. The forecast holds where the
true loss of the target's size lies in the interval of the mean; ranks are those of the true loss in
the predictive distribution (simulation-based calibration, Talts et al. 2018): uniform if right.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import stdtr

import farseer_jax as fj
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.methods.correlated_errors import CorrelatedErrors

NOISE, OFFSET = 5e-4, 9e-4
FACTORS = {"inside": 0.0, "corner": 1.0, "x1.5": 1.5, "x2": 2.0, "x4": 4.0, "x10": 10.0}
LAWS: dict[str, type[fj.Law]] = {"coupled": fj.Coupled, "chinchilla": fj.Chinchilla}


def truths() -> dict[str, fj.Law]:
    """The example's law, and what the other laws make of its surface."""
    clean = fj.example_runs(noise=0.0)
    return {"farseer": fj.example_law()} | {k: fj.fit(v, clean).law for k, v in LAWS.items()}


def grids(rng: np.random.Generator) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """N and D of each table."""
    N, D = fj.paper_grid()
    sizes = np.unique(N)
    few = np.isin(N, sizes[::3])
    budgets = np.repeat(np.geomspace(1e19, 3e21, 6), 8)
    own = np.sqrt(budgets / 120.0) * np.tile(np.geomspace(0.3, 3.0, 8), 6)
    scattered = np.exp(rng.uniform(np.log([1e8, 2e9]), np.log([6e9, 4e11]), (120, 2))).T
    return {
        "21 sizes": (N, D),
        "7 sizes": (N[few], D[few]),
        "isoFLOP": (own, budgets / (6.0 * own)),
        "scattered": (scattered[0], scattered[1]),
    }


def world(
    truth: fj.Law | None, base: fj.Law, N: np.ndarray, D: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """True losses without offsets; a truth of None is none of the laws."""
    if truth is not None:
        return predict(truth, N, D)
    errors, at = CorrelatedErrors(size=0.0), {"N": N, "D": D}
    matrix = errors.columns({"N": "positive", "D": "positive"}, at).at(at).matrix
    return predict(base, N, D) * np.exp(NOISE * matrix @ rng.standard_normal(matrix.shape[1]))


def predict(law: fj.Law, N: np.ndarray, D: np.ndarray) -> np.ndarray:
    """Losses in float64."""
    return np.asarray(evaluate(law, N, D))


def case(
    truth: fj.Law | None, base: fj.Law, N: np.ndarray, D: np.ndarray, offset: float, seed: list[int]
) -> dict[str, float]:
    """The rank of each target's true loss in its forecast."""
    rng = np.random.default_rng(seed)
    middle = np.exp(np.log(N).mean()), np.exp(np.log(D).mean())
    at_N = np.array([f * N.max() if f else middle[0] for f in FACTORS.values()])
    at_D = np.array([f * D.max() if f else middle[1] for f in FACTORS.values()])
    loss = world(truth, base, np.append(N, at_N), np.append(D, at_D), rng)
    sizes, size_of = np.unique(np.append(N, at_N), return_inverse=True)
    loss = loss * np.exp(offset * rng.standard_normal(len(sizes))[size_of])
    noisy = loss[: len(N)] * np.exp(NOISE * rng.standard_normal(len(N)))
    answer = fj.forecast(fj.Runs(N, D, noisy), {"N": at_N, "D": at_D}, usual=False)
    moments = answer.stack.moments(answer.points)
    z = (np.log(loss[len(N) :]) - moments.mean) / np.sqrt(moments.variance)
    return dict(zip(FACTORS, stdtr(answer.stack.degrees, z).tolist(), strict=True))


def main() -> None:
    """Measure the map and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=25)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--figure", type=Path, help="draw the ranks of --out instead")
    args = parser.parse_args()
    if args.figure:
        figure(json.loads(args.out.read_text(encoding="utf-8")), args.figure)
        return
    laws = truths()
    ranks: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
    for number in range(args.worlds):
        tables = grids(np.random.default_rng(number))
        for name in (*laws, "none"):
            for table, (N, D) in tables.items():
                for noise, offset in (("independent", 0.0), ("offsets by size", OFFSET)):
                    seed = [number, hash_of(name + table + noise)]
                    found = case(laws.get(name), laws["chinchilla"], N, D, offset, seed)
                    for target, rank in found.items():
                        ranks[name, table, noise, target].append(rank)
    text = json.dumps(summary(ranks, args.worlds), indent=1)
    print(text)
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")


def hash_of(text: str) -> int:
    """A number for a name, the same in every process."""
    return sum(ord(c) * 31**k for k, c in enumerate(text)) % 2**31


def summary(ranks: dict[tuple[str, str, str, str], list[float]], num: int) -> dict[str, Any]:
    """Coverage of each cell and margin, and the ranks' deciles of each target."""

    def covered(own: list[float]) -> float:
        return float(np.mean([0.05 <= rank <= 0.95 for rank in own]))

    margins: dict[str, dict[str, float]] = {}
    for place, what in enumerate(("world", "table", "noise", "target")):
        names = dict.fromkeys(key[place] for key in ranks)
        margins[what] = {
            name: covered([r for key, own in ranks.items() if key[place] == name for r in own])
            for name in names
        }
    deciles = {
        target: np.histogram(
            [r for key, own in ranks.items() if key[3] == target for r in own],
            np.linspace(0.0, 1.0, 11),
        )[0].tolist()
        for target in FACTORS
    }
    return {
        "worlds": num,
        "coverage": covered([r for own in ranks.values() for r in own]),
        "margins": margins,
        "deciles": deciles,
        "cells": [
            dict(zip(("world", "table", "noise", "target"), key, strict=True))
            | {"coverage": covered(own)}
            for key, own in ranks.items()
        ],
    }


def figure(found: dict[str, Any], path: Path) -> None:
    """The ranks of the true losses, a histogram for each target."""
    from matplotlib import pyplot as plt

    names = {"inside": "inside", "corner": "at the corner"}
    fig, axes = plt.subplots(1, len(FACTORS), figsize=(9.0, 1.9), sharey=True, layout="constrained")
    for ax, (target, counts) in zip(axes, found["deciles"].items(), strict=True):
        ax.bar(np.arange(10) + 0.5, counts, width=0.9, color="#0072b2")
        ax.axhline(np.mean(counts), color="black", linestyle="--", linewidth=0.8)
        ax.set(title=names.get(target, f"{target[1:]} × N and D"), xticks=[0, 5, 10])
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("forecasts")
    fig.supxlabel("rank of the true loss, in tenths", fontsize="medium")
    fig.savefig(path)


if __name__ == "__main__":
    main()
