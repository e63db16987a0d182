"""Do 90 % intervals hold 90 %? Simulated worlds and real runs, by the library's own intervals.

    python benchmarks/coverage.py [--out results/coverage.jsonl] [--worlds 420] [--only simulated]

Every case is one line of JSON, on disk before the next begins: a second start goes on where the
first stopped, and a case's numbers depend on its own seed alone. Simulated: a law is known, runs up
to 6.4 B are drawn from it with 0.05 % noise, and the true loss at (25 B, 5e11) is inside or not.
Real: the runs above each cutoff, one by one, are inside or not (needs ../shared/data). Each case
has the intervals that take the law for true and the calibrated ones.
"""

import argparse
import json
import os
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

import farseer_jax as fj

TARGET = (25e9, 5e11)
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
COLUMNS = ("loss", "bpc_en_web", "bpc_en_paper", "bpc_en_book", "bpc_zh", "train_loss_smooth")
LAWS = {"farseer": fj.Farseer, "coupled": fj.Coupled, "chinchilla": fj.Chinchilla}
METHODS = {"piecewise": fj.Piecewise(), "least_squares": fj.LeastSquares()}
SCHEMES: dict[str, Any] = {
    "wild": fj.WildBootstrap(),
    "wild_by_run": fj.WildBootstrap(by_size=False),
    "parametric": fj.ParametricBootstrap(),
    "residual": fj.ResidualBootstrap(),
    "bayesian": fj.BayesianBootstrap(),
    "sizes": fj.ResampleSizes(),
    "within-sizes": fj.ResampleWithinSizes(),
    "runs": fj.ResampleRuns(),
}
DEFAULT = ("farseer", "piecewise", "sizes")
COMBINED = ("farseer", "piecewise+least_squares", "sizes")
KINDS = ("normal", "basic", "percentile", "calibrated")
NUM_RESAMPLES = 200


def truths() -> dict[str, fj.Law]:
    """The example's law, and what the other laws make of its surface."""
    clean = fj.example_runs(noise=0.0)
    others = {name: fj.fit(LAWS[name], clean).law for name in ("coupled", "chinchilla")}
    return {"farseer": fj.example_law(), **others}


def grid(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The paper's 21 sizes, or every third of them."""
    N, D = fj.paper_grid()
    keep = np.isin(N, np.unique(N)[:: 1 if name == "paper" else 3])
    return N[keep], D[keep]


def simulated_cases(args: argparse.Namespace) -> list[dict[str, Any]]:
    """The default in many worlds, every scheme in some, the true law's own fit in some."""
    kinds = [(truth, name) for name in ("paper", "small") for truth in LAWS]

    def cases(num: int, fitted: Any, schemes: list[str]) -> list[dict[str, Any]]:
        return [
            {"kind": "simulated", "truth": truth, "grid": name, "world": world // len(kinds),
             "law": fitted(truth)[0], "method": fitted(truth)[1], "scheme": scheme}
            for scheme in schemes
            for world in range(num)
            for truth, name in [kinds[world % len(kinds)]]
        ]  # fmt: skip

    others = [scheme for scheme in SCHEMES if scheme != DEFAULT[2]]
    return [
        *cases(args.worlds, lambda _: DEFAULT[:2], [DEFAULT[2]]),
        *cases(args.scheme_worlds, lambda _: DEFAULT[:2], others),
        *cases(args.own_worlds, lambda truth: (truth, "least_squares"), [DEFAULT[2]]),
    ]


def real_cases() -> list[dict[str, Any]]:
    """Every scheme by the default fit, and the default scheme by other fits."""
    fits = [(law, "least_squares", DEFAULT[2]) for law in LAWS]
    wanted = [(*DEFAULT[:2], scheme) for scheme in SCHEMES] + [*fits, COMBINED]
    return [
        {"kind": "real", "data": data, "law": law, "method": method, "scheme": scheme}
        for law, method, scheme in wanted
        for data in (*COLUMNS, "olmo")
    ]


def simulated(case: dict[str, Any], laws: dict[str, fj.Law]) -> dict[str, Any]:
    """One world: is the true loss at the target inside?"""
    truth = laws[case["truth"]]
    runs = fj.simulate(truth, *grid(case["grid"]), seed=case["world"])
    return inside(case, runs, *TARGET, np.array([float(truth(*TARGET))]), "mean", case["world"])


def real(case: dict[str, Any]) -> list[dict[str, Any]]:
    """Every cutoff of one column: are the larger runs inside?"""
    runs = real_runs(case["data"])
    sizes = np.unique(runs.N)
    # from half of the sizes on; of OLMo's five all with a hold-out, its targets never fitted
    first, last = (4, 5) if case["data"] == "olmo" else (-(-len(sizes) // 2), len(sizes) - 1)
    lines = []
    for cutoff in sizes[first - 1 : last]:
        known, beyond = runs.select(max_N=cutoff), runs.select(mask=runs.N > cutoff)
        found = inside(case, known, beyond.N, beyond.D, beyond.loss, "run", 0)
        lines.append({"cutoff": float(cutoff), **found})
    return lines


def inside(
    case: dict[str, Any], runs: fj.Runs, N: Any, D: Any, losses: np.ndarray, of: Any, seed: int
) -> dict[str, Any]:
    """Where the losses and both ends of each kind lie, in ln loss from the estimate."""
    scheme = SCHEMES[case["scheme"]]
    bootstraps = [
        fj.bootstrap(
            fj.fit(LAWS[case["law"]], runs, METHODS[name]), NUM_RESAMPLES, scheme, seed=seed
        )
        for name in case["method"].split("+")
    ]
    if len(bootstraps) > 1:
        intervals = {"calibrated": fj.combine_intervals(bootstraps, N, D, of=of)}
    else:
        first = bootstraps[0]
        calibrated = first.calibration.num_holdouts > 0
        kinds = KINDS if calibrated else KINDS[:-1]
        intervals = {kind: first.interval(N, D, kind=kind, of=of) for kind in kinds}
    last = next(reversed(intervals.values()))
    return {
        "miss": np.log(losses / last.estimate).tolist(),
        "lower": {k: _log(one.lower / last.estimate) for k, one in intervals.items()},
        "upper": {k: _log(one.upper / last.estimate) for k, one in intervals.items()},
        "note": last.note,
        "failed": max(one.num_failed for one in intervals.values()) / NUM_RESAMPLES,
    }


def _log(ratio: np.ndarray) -> list[float]:
    """An end below 0 is as far away as can be."""
    return np.where(ratio > 0, np.log(np.maximum(ratio, 1e-300)), -np.inf).tolist()


def real_runs(data: str) -> fj.Runs:
    """One loss column of the paper's 21 sizes, copies removed; or the OLMo ladder and targets."""
    if data == "olmo":
        runs = fj.read_runs(DATA / "olmo_ladder.csv")
        return runs.select(mask=np.asarray(runs.extra["role"]) != "target_not_annealed")
    runs = fj.read_runs(DATA / "farseer_404.csv").select(min_N=2e8)
    _, first = np.unique(np.stack([runs.N, runs.D, runs.loss]), axis=1, return_index=True)
    loss = runs.loss if data == "loss" else np.asarray(runs.extra[data], dtype=float)
    keep = np.sort(first)
    return fj.Runs(runs.N[keep], runs.D[keep], loss[keep])


def key(case: dict[str, Any]) -> tuple[Any, ...]:
    names = ("kind", "truth", "grid", "world", "data", "law", "method", "scheme")
    return tuple(case.get(name) for name in names)


def finished(path: Path) -> list[dict[str, Any]]:
    """Lines of an earlier start; a line cut off in the middle is taken out of the file."""
    if not path.exists():
        return []
    whole = [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    with path.open("r+b") as file:
        file.truncate(sum(map(len, whole)))
    return [json.loads(line) for line in whole]


def work(cases: list[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    """Run what is missing, one line on disk per case."""
    lines = finished(path)
    done, laws, begun = {key(line) for line in lines}, truths(), time.monotonic()
    todo = [case for case in cases if key(case) not in done]
    with path.open("a") as file:
        for number, case in enumerate(todo, 1):
            found = {"results": real(case)} if case["kind"] == "real" else simulated(case, laws)
            lines.append({**case, "num_resamples": NUM_RESAMPLES, **found})
            file.write(json.dumps(lines[-1]) + "\n")
            file.flush()
            os.fsync(file.fileno())
            if number % 20 == 0 or number == len(todo):
                print(f"{number} of {len(todo)} in {time.monotonic() - begun:.0f} s", flush=True)
    wanted = {key(case) for case in cases}
    return [line for line in lines if key(line) in wanted]


def show(title: str, groups: dict[tuple[str, ...], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Coverage, mean width, and its ratio to the central 90 % of the misses, for each kind."""
    columns = "".join(f"   {kind:>12}: % in, width, ratio" for kind in KINDS)
    print(f"\n{title:<58}{'cases':>6}{columns}")
    rows = []
    for name, results in groups.items():
        row: dict[str, Any] = {"table": title, "of": " ".join(name), "cases": len(results)}
        text = f"{row['of']:<58}{len(results):>6}"
        for kind in KINDS:
            some = [result for result in results if kind in result["lower"]]
            if not some:
                text += f"   {'':33}"
                continue
            miss = np.concatenate([result["miss"] for result in some])
            low, high = (np.concatenate([r[end][kind] for r in some]) for end in ("lower", "upper"))
            own = np.diff(np.nanquantile(miss, [0.05, 0.95]))[0]
            held = float(np.mean((low <= miss) & (miss <= high)))
            width = float(np.mean((high - low)[np.isfinite(high - low)]))
            ratio = width / own if own > 0 else np.nan
            row[kind] = {"inside": held, "mean_width": width, "over_misses": float(ratio)}
            text += f"   {100 * held:14.1f} {100 * width:10.2f}% {ratio:6.2f}"
        print(text)
        rows.append(row)
    return rows


def tables(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    worlds, of_law, columns, cutoffs = (defaultdict(list) for _ in range(4))
    for line in lines:
        fitted = (line["law"], line["method"], line["scheme"])
        if line["kind"] == "simulated":
            worlds[(*fitted, "all worlds")].append(line)
            of_law[(*fitted, line["grid"], "truth", line["truth"])].append(line)
            continue
        for result in line["results"]:
            data = "olmo" if line["data"] == "olmo" else "farseer runs"
            columns[(*fitted, data)].append(result)
            if fitted == DEFAULT:
                cutoffs[(*fitted, data, f"up to {result['cutoff'] / 1e9:.2f} B")].append(result)
    titles = (
        "Simulated",
        "Simulated, by world",
        "Real, all cutoffs",
        "Real, the default by cutoff",
    )
    groups = (worlds, of_law, columns, cutoffs)
    return [row for title, own in zip(titles, groups, strict=True) for row in show(title, own)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("coverage.jsonl"))
    parser.add_argument("--worlds", type=int, default=420, help="worlds of the default")
    parser.add_argument("--scheme-worlds", type=int, default=60, help="worlds of other schemes")
    parser.add_argument("--own-worlds", type=int, default=60, help="worlds fitted by their own law")
    parser.add_argument("--only", choices=["simulated", "real"])
    args = parser.parse_args()
    cases = [] if args.only == "real" else simulated_cases(args)
    cases += real_cases() if args.only != "simulated" and DATA.is_dir() else []
    rows = tables(work(cases, args.out))
    args.out.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
