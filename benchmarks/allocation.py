"""Do a forecast's optima hold? Held-out isoFLOP slices of real tables.

    python benchmarks/allocation.py [--out results/allocation.json]

The runs below a limit of compute are fitted (those above it were never seen), and the optimal N of
every slice above the limit is compared with where the slice's own runs have it: the minimum of a
parabola through ln loss against ln N. Tables of isoFLOP runs have their slices; in grids of N and D
the loss of each size is interpolated in ln D at the slice's compute. A slice counts if its minimum
lies inside its sizes and is known to 0.15 in ln N. Needs ../shared/data.
"""

import argparse
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from _timing import machine

import farseer_jax as fj

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
COLUMNS = ("loss", "bpc_en_web", "bpc_en_paper", "bpc_en_book", "bpc_zh", "train_loss_smooth")
LAWS = {"chinchilla": fj.Chinchilla, "coupled": fj.Coupled}
LIMITS = (2.0, 8.0, 32.0, 128.0)  # how far below the largest slice the fitted runs end
STEP = np.sqrt(2.0)  # between the slices of a grid
LEAST_RUNS, LEAST_SIZES, WINDOW, KNOWN = 12, 4, np.log(6.0), 0.15
LEVEL = 0.9
DISTANCES = (0.0, 2.0, 5.0, 20.0, 1000.0)  # compute of a slice over the largest fitted


def tables() -> Iterator[tuple[str, str, fj.Runs, np.ndarray | None]]:
    """Family, name, runs, and the budgets of runs that lie on slices."""
    path = DATA / "farseer_404.csv"
    for column in COLUMNS:
        yield (
            "farseer",
            f"farseer {column}",
            fj.read_runs(path, loss=column).select(min_N=2e8),
            None,
        )
    runs = fj.read_runs(DATA / "complexkda_ladder.csv")
    arms = np.asarray(runs.extra["arm"]).astype(str)
    for arm in np.unique(arms):
        yield "kda", f"kda {arm}", runs.select(mask=arms == arm), None
    runs = fj.read_runs(DATA / "chinchilla_epoch.csv")
    kept = ~np.asarray(runs.extra["besiroglu_outlier"]).astype(bool)
    runs = runs.select(mask=kept)
    yield "epoch", "epoch", runs, np.asarray(runs.extra["isoflop_budget"], dtype=float)


def slices(runs: fj.Runs, budgets: np.ndarray | None) -> Iterator[tuple[float, float, float]]:
    """Compute, ln of the optimal N, and its standard error, of each slice with an optimum."""
    if budgets is not None:
        for C in np.unique(budgets[np.isfinite(budgets)]):
            mine = budgets == C
            found = minimum(np.log(runs.N[mine]), np.log(runs.loss[mine]))
            if found is not None:
                yield float(C), *found
        return
    largest, num = float(runs.flops.max()), 24
    for C in largest / STEP ** np.arange(num):
        points = [at_compute(runs, N, C) for N in np.unique(runs.N)]
        known = [(np.log(N), y) for N, y in zip(np.unique(runs.N), points, strict=True) if y]
        found = minimum(*np.array(known).reshape(-1, 2).T)
        if found is not None:
            yield float(C), *found


def at_compute(runs: fj.Runs, N: float, C: float) -> float | None:
    """Ln loss of a size at a compute, from its runs on both sides."""
    mine = runs.N == N
    order = np.argsort(runs.D[mine])
    D, loss = np.log(runs.D[mine][order]), np.log(runs.loss[mine][order])
    at = np.log(C / (6.0 * N))
    if len(D) < 2 or not D[0] - 0.05 <= at <= D[-1] + 0.05:
        return None
    return float(np.interp(at, D, loss))


def minimum(x: np.ndarray, y: np.ndarray) -> tuple[float, float] | None:
    """The minimum of a parabola near the lowest point, and its standard error."""
    if len(x) < LEAST_SIZES:
        return None
    near = np.abs(x - x[np.argmin(y)]) <= WINDOW
    x, y = x[near], y[near]
    if len(x) < LEAST_SIZES or not 0 < np.argmin(y) < len(y) - 1:
        return None
    center = x.mean()
    matrix = np.stack([np.ones_like(x), x - center, (x - center) ** 2], axis=1)
    beta, *_ = np.linalg.lstsq(matrix, y, rcond=None)
    if beta[2] <= 0.0:
        return None
    best = -0.5 * beta[1] / beta[2]
    noise = np.sum((y - matrix @ beta) ** 2) / (len(x) - 3)
    slope = np.array([0.0, -0.5 / beta[2], 0.5 * beta[1] / beta[2] ** 2])
    error = float(np.sqrt(noise * slope @ np.linalg.inv(matrix.T @ matrix) @ slope))
    inside = x.min() < best + center < x.max()
    return (float(best + center), error) if inside and error < KNOWN else None


def tasks(runs: fj.Runs, budgets: np.ndarray | None) -> Iterator[dict[str, Any]]:
    """Every limit of a table: misses in ln N of the held-out slices, and ends of the interval."""
    every = list(slices(runs, budgets))
    for factor in LIMITS:
        limit = every[-1][0] / factor if budgets is not None else every[0][0] / factor
        # a slice's runs differ a little in compute
        if (runs.flops < 0.95 * limit).sum() < LEAST_RUNS:
            continue
        known = runs.select(mask=runs.flops < 0.95 * limit)
        held_out = [one for one in every if one[0] >= limit]
        if len(np.unique(known.N)) < 3 or not held_out:
            continue
        C, log_N, error = np.array(held_out).T
        found = fj.allocate(fj.forecast(known, usual=False, level=LEVEL), C)
        assert found.intervals is not None
        low, high = found.intervals["N"].lower, found.intervals["N"].upper
        others = {
            name: np.log(fj.allocate(fj.fit(law, known, fj.LeastSquares("huber")), C).N) - log_N
            for name, law in LAWS.items()
        }
        for row in range(len(C)):
            yield {
                "compute": float(f"{C[row]:.4g}"),
                "beyond": round(float(C[row] / known.flops.max()), 4),
                "log_N": round(float(log_N[row]), 4),
                "error": round(float(error[row]), 4),
                "forecast": round(float(np.log(found.N[row]) - log_N[row]), 4),
                "lower": round(float(np.log(low[row]) - log_N[row]), 4),
                "upper": round(float(np.log(high[row]) - log_N[row]), 4),
                **{name: round(float(miss[row]), 4) for name, miss in others.items()},
            }


def summary(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Misses and coverage."""
    names = ("forecast", *LAWS)
    miss = {name: np.abs([line[name] for line in lines]) for name in names}
    lower, upper = (np.array([line[end] for line in lines]) for end in ("lower", "upper"))
    return {
        "num_slices": len(lines),
        "median_miss": {name: float(np.nanmedian(own)) for name, own in miss.items()},
        "mean_miss": {name: float(np.nanmean(own)) for name, own in miss.items()},
        "no_optimum": {name: int(np.isnan(own).sum()) for name, own in miss.items()},
        "inside": float(np.mean((lower <= 0.0) & (upper >= 0.0))),
        "median_half_width": float(np.nanmedian(0.5 * (upper - lower))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/allocation.json"))
    args = parser.parse_args()
    lines: list[dict[str, Any]] = []
    for family, name, runs, budgets in tables():
        own = [{"family": family, "table": name, **line} for line in tasks(runs, budgets)]
        lines += own
        if own:
            print(name, json.dumps(summary(own)), flush=True)
    families = sorted({line["family"] for line in lines})
    by_family = {f: summary([line for line in lines if line["family"] == f]) for f in families}
    everything = summary(lines)
    print("all", json.dumps(everything))
    distance = np.array([line["beyond"] for line in lines])
    by_distance = {
        f"to {far:g}": summary(
            [line for line, x in zip(lines, distance, strict=True) if near < x <= far]
        )
        for near, far in pairwise(DISTANCES)
    }
    content = {
        "machine": machine(),
        "level": LEVEL,
        "all": everything,
        "families": by_family,
        "distances": by_distance,
    }
    rows = ",\n".join(json.dumps(line) for line in lines)
    text = json.dumps(content, indent=1).removesuffix("\n}")
    args.out.write_text(f'{text},\n "slices": [\n{rows}\n]\n}}\n')


if __name__ == "__main__":
    main()
