"""How far `forecast` misses larger runs, and how often its intervals hold, on public tables.

    python benchmarks/forecast.py [--out results/forecast.json]

Hold-outs of every table at hand (needs ../shared/data): *near* fits N < 0.6 of the largest and
predicts the rest, *far* fits N ≤ 0.25, *compute* fits C ≤ 0.1 of the largest and predicts C ≥ 0.5.
Beside it on the same tasks: Chinchilla and Coupled by Huber, Farseer by piecewise, and intervals of
bootstraps. Errors are means of |ln predicted − ln observed|; ratios are geometric means over tasks,
then over families of tables.
"""

import argparse
import itertools
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from _timing import machine

import farseer_jax as fj

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
FARSEER = (
    "loss",
    "bpc_en_web",
    "bpc_en_paper",
    "bpc_en_book",
    "bpc_zh",
    "train_loss_smooth",
    "bpc_all",
)
OLMO = (
    "loss",
    "loss_dolma_books",
    "loss_dolma_common_crawl",
    "loss_dolma_pes2o",
    "loss_dolma_stack",
    "loss_pile",
    "loss_wikitext_103",
)
GADRE = ("loss", "loss_openlm", "loss_paloma_c4", "loss_paloma_refinedweb")
LIMITS = (0.97e9, 1.4e9, 1.95e9, 2.71e9, 3.9e9, 5.45e9)  # of the six ranges to 6.37 B
PEERS = {"chinchilla": fj.Chinchilla, "coupled": fj.Coupled}
LEVEL, FAR = 0.9, 4.5


class Task(NamedTuple):
    """Runs to fit and runs to predict."""

    family: str
    table: str
    split: str
    fitted: fj.Runs
    predicted: fj.Runs


def tables() -> Iterator[tuple[str, str, np.ndarray]]:
    """The family, the name, and N, D, loss of each table, ``(run, 3)``."""
    farseer = pd.read_csv(DATA / "farseer_404.csv")
    farseer = farseer[(farseer["is_duplicate"] == 0) & (farseer["N"] > 2e8)]
    for name in FARSEER:
        yield "farseer", name, columns(farseer, name)
    olmo = pd.read_csv(DATA / "olmo_ladder.csv")
    for name in OLMO:
        whole = columns(olmo, name)
        yield "olmo", name, whole
        yield "olmo", f"{name}, ladder", whole[whole[:, 0] < np.unique(whole[:, 0])[-2]]
    for corpus, own in pd.read_csv(DATA / "gadre_overtrain.csv").groupby("corpus"):
        for name in GADRE:
            whole = columns(own, name)
            yield "gadre", f"{corpus}, {name}", whole
            yield "gadre", f"{corpus}, {name}, ladder", whole[whole[:, 0] < whole[:, 0].max()]
    for arm, own in pd.read_csv(DATA / "complexkda_ladder.csv").groupby("arm"):
        yield "kda", str(arm), columns(own, "loss")
    epoch = pd.read_csv(DATA / "chinchilla_epoch.csv")
    yield "epoch", "all", columns(epoch, "loss")
    yield "epoch", "without outliers", columns(epoch[epoch["besiroglu_outlier"] == 0], "loss")


def columns(table: pd.DataFrame, response: str) -> np.ndarray:
    """N, D and a response, without missing values."""
    return table[["N", "D", response]].dropna().to_numpy(float)


def tasks() -> Iterator[Task]:
    """The hold-outs of all tables."""
    for family, name, table in tables():
        N, C = table[:, 0], table[:, 0] * table[:, 1]
        splits = {
            "near": (N < 0.6 * N.max(), N >= 0.6 * N.max()),
            "far": (N <= 0.25 * N.max(), N >= 0.6 * N.max()),
            "compute": (C <= 0.1 * C.max(), C >= 0.5 * C.max()),
        }
        for split, (low, high) in splits.items():
            if low.sum() >= 8 and high.any():
                yield Task(family, name, split, fj.Runs(*table[low].T), fj.Runs(*table[high].T))


def by_forecast(task: Task) -> dict[str, Any]:
    """Error, coverage of the 90 % interval of a run, and mean half-width."""
    answer = fj.forecast(task.fitted, task.predicted, usual=False)
    frame = answer.to_dataframe()
    low, high = np.log(frame["run_lower"]), np.log(frame["run_upper"])
    return {
        "error": miss(frame["predicted"].to_numpy(), task.predicted),
        "coverage": float(frame["inside"].mean()),
        "half_width": float((0.5 * (high - low)).mean()),
    }


def miss(predicted: np.ndarray, runs: fj.Runs) -> float:
    """Mean of |ln predicted − ln observed|; NaN where a fit failed."""
    with np.errstate(invalid="ignore"):
        return float(np.mean(np.abs(np.log(predicted) - np.log(runs.loss))))


def by_peers(task: Task) -> dict[str, float]:
    """Errors of fits by peers; NaN where a method refuses the runs."""
    found = {}
    methods: dict[str, tuple[type[fj.Law], Any]] = {
        name: (law, fj.LeastSquares("huber")) for name, law in PEERS.items()
    }
    methods["piecewise"] = (fj.Farseer, fj.Piecewise())
    for name, (law, method) in methods.items():
        try:
            fit = fj.fit(law, task.fitted, method)
            found[name] = miss(fit.predict(task.predicted.N, task.predicted.D), task.predicted)
        except ValueError:
            found[name] = float("nan")
    return found


def by_bootstrap(task: Task) -> dict[str, float]:
    """Coverage of percentile intervals of Chinchilla and Coupled by Huber, resampling runs."""
    found = {}
    for name, law in PEERS.items():
        fit = fj.fit(law, task.fitted, fj.LeastSquares("huber"))
        draws = fj.bootstrap(fit, 100, scheme=fj.ResampleRuns(), seed=0)
        at = task.predicted
        own = draws.interval(at.N, at.D, level=LEVEL, kind="percentile")
        found[name] = float(((own.lower <= at.loss) & (at.loss <= own.upper)).mean())
    return found


def row_of(task: Task) -> dict[str, Any]:
    """All numbers of one task."""
    row: dict[str, Any] = {"family": task.family, "table": task.table, "split": task.split}
    row |= {"num_fitted": len(task.fitted), "num_predicted": len(task.predicted)}
    row["distance"] = float(task.predicted.N.mean() / task.fitted.N.max())
    row["forecast"] = by_forecast(task)
    row["peers"] = by_peers(task)
    if task.table in ("loss", "loss, ladder", "C4, loss", "attn", "without outliers"):
        row["bootstrap"] = by_bootstrap(task)
    return row


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Ratios and coverage of each family, and over families."""
    families = {}
    for family in dict.fromkeys(row["family"] for row in rows):
        own = [row for row in rows if row["family"] == family]
        families[family] = {
            "tasks": len(own),
            "coverage": float(np.mean([row["forecast"]["coverage"] for row in own])),
            **{f"over_{name}": ratio(own, name) for name in (*PEERS, "piecewise")},
            **{f"far_over_{name}": ratio([r for r in own if r["split"] != "near"], name)
               for name in PEERS},
        }  # fmt: skip
    mean = {
        key: float(np.exp(np.nanmean(np.log([own[key] for own in families.values()]))))
        for key in next(iter(families.values()))
        if key not in ("tasks", "coverage")
    }
    far = [row["forecast"]["coverage"] for row in rows if row["distance"] > FAR]
    boot = [row["bootstrap"] for row in rows if "bootstrap" in row]
    return {
        "families": families,
        "over_families": mean | {
            "coverage": float(np.mean([own["coverage"] for own in families.values()]))
        },
        "coverage_by_distance": by_distance(rows),
        "coverage_beyond_4.5": float(np.mean(far)),
        "coverage_of_bootstraps": {
            name: float(np.mean([own[name] for own in boot])) for name in PEERS
        },
    }  # fmt: skip


def by_distance(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Coverage by how many times the largest fitted N the predicted runs have."""
    edges = [1.0, 2.2, FAR, np.inf]
    found = {}
    for low, high in itertools.pairwise(edges):
        own = [r["forecast"]["coverage"] for r in rows if low <= r["distance"] < high]
        found[f"{low:g} to {high:g}"] = float(np.mean(own)) if own else float("nan")
    return found


def ratio(rows: list[dict[str, Any]], peer: str) -> float:
    """Geometric mean of the error over a peer's."""
    pairs = [(row["forecast"]["error"], row["peers"][peer]) for row in rows]
    known = [np.log(own / other) for own, other in pairs if np.isfinite(other)]
    return float(np.exp(np.mean(known))) if known else float("nan")


def beyond() -> dict[str, Any]:
    """The paper's larger runs: seven beyond the grid, and 6.37 B from six ranges."""
    runs = fj.read_runs(DATA / "farseer_404.csv")
    runs = runs.select(min_N=2e8)
    seven = fj.read_runs(DATA / "farseer_beyond_grid.csv")
    largest = runs.select(min_N=6e9)
    found: dict[str, Any] = {"seven": {}, "six_ranges": {}}
    for limit in (1.01e9, 3e9, 5.45e9, 1e10):
        task = Task("farseer", "loss", "seven", runs.select(max_N=limit), seven)
        found["seven"][f"{limit:.3g}"] = by_forecast(task)
    for limit in LIMITS:
        task = Task("farseer", "loss", "six", runs.select(max_N=limit), largest)
        found["six_ranges"][f"{limit:.3g}"] = by_forecast(task) | {"peers": by_peers(task)}
    errors = [own["error"] for own in found["six_ranges"].values()]
    return found | {"six_ranges_mean": float(np.mean(errors))}


def speed() -> dict[str, float]:
    """Seconds of a warm forecast of the paper's 337 runs, with its hold-outs; best of seven."""
    runs, times = fj.example_runs(), []
    for _ in range(7):
        start = time.perf_counter()
        fj.forecast(runs, [(25.1e9, 5e11)], usual=False)
        times.append(time.perf_counter() - start)
    return {"runs": len(runs), "warm": min(times)}


def main() -> None:
    """Measure everything and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = [row_of(task) for task in tasks()]
    result = {"machine": machine(), **summary(rows), "beyond": beyond(), "speed": speed()}
    text = json.dumps(result | {"tasks": rows}, indent=1)
    print(json.dumps({key: own for key, own in result.items() if key != "tasks"}, indent=1))
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
