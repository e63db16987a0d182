"""Who wins at larger sizes? The calls of three comparisons on a public ladder of six recipes.

    python benchmarks/comparison.py [--out results/comparison.json] [--resamples 200]

All 15 pairs of recipes of `../shared/data/complexkda_ladder.csv` (six sizes, five D each) are
compared from the runs up to 0.7e9 parameters, and from those up to two smaller sizes. Each says
with which probability the first recipe has the lower loss at the larger runs: `paired` by the
differences of paired runs (`compare_runs`), `forecasts` by two separate forecasts, `piecewise` by
two piecewise fits with their bootstraps (`compare_fits`). `inside` is the share of observed
differences, noise included, in the 0.9 intervals of the mean difference.
"""

import argparse
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import farseer_jax as fj
from farseer_jax.decisions.recipe_difference import SeparateForecasts

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "complexkda_ladder.csv"
LIMITS = (2e8, 4e8, 7e8)
SURE = 0.9

Calls = dict[str, np.ndarray]


def paired(a: fj.Runs, b: fj.Runs, at: dict[str, np.ndarray], _: int) -> Calls:
    found = fj.compare_runs(a, b).at(at)
    return {"probability": found.probability, "lower": found.lower, "upper": found.upper}


def forecasts(a: fj.Runs, b: fj.Runs, at: dict[str, np.ndarray], _: int) -> Calls:
    both = SeparateForecasts(fj.forecast(a, usual=False), fj.forecast(b, usual=False))
    found = both.at(at, 0.9)
    ends = {"lower": np.expm1(found.lower), "upper": np.expm1(found.upper)}
    return {"probability": found.probability, **ends}


def piecewise(a: fj.Runs, b: fj.Runs, at: dict[str, np.ndarray], resamples: int) -> Calls:
    boots = [fj.bootstrap(fj.fit(fj.Farseer, runs), resamples, seed=1) for runs in (a, b)]
    domain = {name: np.unique(values) for name, values in at.items()}
    found = fj.compare_fits(*boots, **domain, comparable=True).at(at["N"], at["D"])
    assert found.probability is not None
    return {"probability": found.probability}


COMPARISONS: dict[str, Callable[..., Calls]] = {
    "paired": paired,
    "forecasts": forecasts,
    "piecewise": piecewise,
}


def arms() -> dict[str, fj.Runs]:
    """The runs of each recipe, in the same order of sizes and D."""
    import pandas as pd

    table = pd.read_csv(DATA).sort_values(["budget_BT", "N"], kind="stable")
    return {
        str(arm): fj.Runs.from_dataframe(rows.drop(columns="arm"))
        for arm, rows in table.groupby("arm")
    }


def calls(runs: dict[str, fj.Runs], name: str, limit: float, resamples: int) -> list[dict]:
    """Probabilities and outcomes at the runs above a limit, for each pair of recipes."""
    found = []
    for first, second in itertools.combinations(runs, 2):
        a, b = runs[first], runs[second]
        far = a.N > limit
        at = {"N": np.sqrt(a.N * b.N)[far], "D": a.D[far]}
        observed = (a.loss / b.loss - 1.0)[far]
        below = a.select(max_N=limit), b.select(max_N=limit)
        try:
            said: dict[str, Any] = COMPARISONS[name](*below, at, resamples)
        except ValueError as error:
            found.append({"pair": [first, second], "refused": str(error)})
            continue
        found.append({"pair": [first, second], "observed": observed, **said})
    return found


def scores(found: list[dict]) -> dict[str, Any]:
    """Brier score, calls beyond 90 %, and the share of differences in their 0.9 intervals."""
    made = [own for own in found if "refused" not in own]
    if not made:
        return {"pairs": 0, "refused": found[0]["refused"]}
    probability = np.concatenate([own["probability"] for own in made])
    observed = np.concatenate([own["observed"] for own in made])
    won = observed < 0
    sure = np.maximum(probability, 1.0 - probability) > SURE
    right = (probability > 0.5) == won
    row: dict[str, Any] = {
        "pairs": len(made),
        "calls": len(won),
        "brier": float(np.mean((probability - won) ** 2)),
        "right": float(right.mean()),
        "sure": int(sure.sum()),
        "sure_and_wrong": int((sure & ~right).sum()),
    }
    if "lower" in made[0]:
        lower, upper = (np.concatenate([own[end] for own in made]) for end in ("lower", "upper"))
        row["inside"] = float(((lower <= observed) & (observed <= upper)).mean())
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("comparison.json"))
    parser.add_argument("--resamples", type=int, default=200)
    args = parser.parse_args()
    runs, rows = arms(), []
    for limit, name in itertools.product(LIMITS, COMPARISONS):
        start = time.process_time()
        row = {"limit": limit, "comparison": name}
        row |= scores(calls(runs, name, limit, args.resamples))
        row["cpu_seconds"] = round(time.process_time() - start, 1)
        print(row, flush=True)
        rows.append(row)
    args.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
