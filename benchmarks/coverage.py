"""Do 90 % intervals hold 90 %? Simulated worlds and real runs, the bootstrap alone and calibrated.

    python benchmarks/coverage.py [--out results/coverage.jsonl] [--worlds 420] [--only simulated]

Every case is one line of JSON, on disk before the next begins: a second start goes on where the
first stopped, and a case's numbers depend on its own seed alone. Simulated: a law is known, runs up
to 6.4 B are drawn from it with 0.05 % noise, and the true loss at (25 B, 5e11) is inside or not.
Real: the runs above each cutoff, one by one, are inside or not (needs ../shared/data).
"""

import argparse
import json
import os
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from _coverage_extrapolate import Extrapolations, cutoffs_of, extrapolate, intervals
from _coverage_schemes import SCHEMES

import farseer_jax as fj
from farseer_jax._noise import estimate_noise
from farseer_jax.resampling._calibration import extrapolation_length

TARGET = np.array([[25e9], [5e11]])
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
COLUMNS = ("loss", "bpc_en_web", "bpc_en_paper", "bpc_en_book", "bpc_zh", "train_loss_smooth")
LAWS = {"farseer": fj.Farseer, "coupled": fj.Coupled, "chinchilla": fj.Chinchilla}
METHODS = {"piecewise": fj.Piecewise(), "least_squares": fj.LeastSquares()}
DEFAULT = ("farseer", "piecewise", "wild_sizes")
COMBINED = ("combined", "evidence")  # of these, by how well each extrapolated so far
CANDIDATES = [DEFAULT[:2], *((law, "least_squares") for law in LAWS)]
NUM_RESAMPLES = 100


def truths() -> dict[str, fj.AbstractLaw]:
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
    """The default in many worlds; other schemes, the true law's own fit, all laws in some."""
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
        *cases(args.own_worlds, lambda truth: (truth, "least_squares"), [DEFAULT[2], "parametric"]),
        *cases(args.own_worlds, lambda _: COMBINED, [DEFAULT[2]]),
    ]


def real_cases() -> list[dict[str, Any]]:
    fits = [*CANDIDATES, COMBINED]
    return [
        {"kind": "real", "data": data, "law": law, "method": method, "scheme": scheme}
        for law, method in fits
        for scheme in (SCHEMES if (law, method) == DEFAULT[:2] else (DEFAULT[2], "parametric"))
        if (law, method) != COMBINED or scheme == DEFAULT[2]
        for data in (*COLUMNS, "olmo")
        # 5 sizes and all parameters at once: no optimum to speak of
        if not (data == "olmo" and (law, method) == ("farseer", "least_squares"))
    ]


def simulated(case: dict[str, Any], laws: dict[str, fj.AbstractLaw]) -> dict[str, Any]:
    """One world: is the true loss at the target inside?"""
    truth = laws[case["truth"]]
    runs = fj.simulate(truth, *grid(case["grid"]), seed=case["world"])
    cutoffs = cutoffs_of(runs, len(np.unique(runs.N)))
    found = run(case, runs, TARGET, case["world"], cutoffs)
    place, log_true = np.array([len(runs)]), np.log(float(truth(*TARGET[:, 0])))
    length = extrapolation_length(runs, *TARGET[:, 0])
    return intervals(found, len(cutoffs) - 1, place, length, np.zeros(1), log_true)


def real(case: dict[str, Any]) -> list[dict[str, Any]]:
    """Every cutoff of one column: are the larger runs inside?"""
    runs = real_runs(case["data"])
    sizes = np.unique(runs.N)
    # from half of the sizes on; of OLMo's five all with a hold-out, its targets never fitted
    first, last = (4, 5) if case["data"] == "olmo" else (-(-len(sizes) // 2), len(sizes) - 1)
    cutoffs = cutoffs_of(runs, first)
    cutoffs = cutoffs[cutoffs <= sizes[last - 1]]
    found = run(case, runs, np.empty((2, 0)), 0, cutoffs)
    lines = []
    for row in np.flatnonzero(cutoffs >= sizes[first - 1]):
        known, beyond = found[0].known(row), np.flatnonzero(runs.N > cutoffs[row])
        length = extrapolation_length(known, runs.N[beyond], runs.D[beyond])
        noise = np.full(len(beyond), estimate_noise(known).pooled)
        result = intervals(found, row, beyond, length, noise, np.log(runs.loss[beyond]))
        lines.append({"cutoff": float(cutoffs[row]), **result})
    return lines


def run(
    case: dict[str, Any],
    runs: fj.Runs,
    targets: np.ndarray,
    seed: int,
    cutoffs: np.ndarray,
) -> list[Extrapolations]:
    """One law and method, or all candidates."""
    fitted = (case["law"], case["method"])
    candidates = CANDIDATES if fitted == COMBINED else [fitted]
    if case.get("data") == "olmo":
        candidates = [one for one in candidates if one != ("farseer", "least_squares")]
    return [
        extrapolate(
            LAWS[law],
            METHODS[method],
            runs,
            SCHEMES[case["scheme"]],
            cutoffs,
            targets,
            NUM_RESAMPLES,
            seed,
        )
        for law, method in candidates
    ]


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


def show(title: str, groups: dict[tuple[str, ...], list[dict[str, Any]]]) -> None:
    """Coverage, mean width, and its ratio to the central 90 % of the misses; plain, calibrated."""
    print(f"\n{title:<58}{'cases':>6}   plain: % in, width, ratio   calibrated: % in, width, ratio")
    for name, results in groups.items():
        miss = np.concatenate([result["miss"] for result in results])
        text = f"{' '.join(name):<58}{len(results):>6}"
        for kind in ("plain", "calibrated"):
            if kind == "plain" and name[:2] == COMBINED:
                text += f"   {'':28}"
                continue
            half = np.nan_to_num(np.concatenate([result[kind] for result in results]))
            own = np.diff(np.nanquantile(miss, [0.05, 0.95]))[0]
            inside, width = 100 * np.mean(np.abs(miss) <= half), 200 * half.mean()
            ratio = width / (100 * own) if own > 0 else np.nan
            text += f"   {inside:10.0f} {width:7.2f}% {ratio:6.2f}"
        print(text)


def tables(lines: list[dict[str, Any]]) -> None:
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
    for title, groups in zip(titles, (worlds, of_law, columns, cutoffs), strict=True):
        if groups:
            show(title, groups)


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
    tables(work(cases, args.out))


if __name__ == "__main__":
    main()
