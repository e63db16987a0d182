"""Are suggested runs worth more than others of the same price? Simulated worlds and real runs.

    python benchmarks/suggest.py [--out results/suggest.json] [--worlds 16]

Every part is in the file before the next begins, and a second start leaves out what is there.

Simulated: the runs up to 1 B of the paper's grid, and one budget for more of its runs. Suggestions
are made once, from a forecast in one world of the base law; then the same runs are added in many
worlds, whose laws are refits of the base law's grid under three times the usual noise. Beside them:
a uniform extension (the next sizes of the grid, all D, from the smallest size up, until the budget
is spent) and the largest run that the budget pays for, at 20 tokens per parameter. The error is
that of the forecast at (25 B, 5e11), against the world's own law.

Real (needs ../shared/data): start from the runs up to 1 B, suggest from the others but the 6.37 B
ones, at several budgets, forecast with the true losses, and see the error on the 6.37 B runs.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _timing import machine

import farseer_jax as fj

TARGET = (25e9, 5e11)
LARGEST_KNOWN = 1e9
BUDGET = 3e22
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "farseer_404.csv"
FRACTIONS = (0.01, 0.05, 0.2)
SEED = 0


def real_runs() -> fj.Runs:
    """The paper's 21 sizes, copies removed."""
    runs = fj.read_runs(DATA).select(min_N=2e8)
    _, first = np.unique(np.stack([runs.N, runs.D, runs.loss]), axis=1, return_index=True)
    keep = np.sort(first)
    return fj.Runs(runs.N[keep], runs.D[keep], runs.loss[keep])


def base_law() -> tuple[fj.Farseer, str]:
    """The law of the real runs, or the example's where they are not at hand."""
    if DATA.exists():
        return fj.fit(fj.Farseer, real_runs()).law, "fit to the real runs"
    return fj.example_law(), "the example's"


def worlds_of(law: fj.Farseer, num: int) -> list[fj.Farseer]:
    """Laws around one: its grid refitted under three times the usual noise."""
    clean = fj.simulate(law, *fj.paper_grid(), noise=0.0, seed=SEED)
    rng = np.random.default_rng(SEED)
    losses = clean.loss * np.exp(1.5e-3 * rng.standard_normal((num, len(clean))))
    refits = fj.fit_batch(fj.Farseer, clean, losses=losses)
    return [refits.law_at(i) for i in np.flatnonzero(refits.usable)]


def strategies(law: fj.Farseer) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Points to add, ``(run, 2)``, by name; and what was suggested."""
    N, D = fj.paper_grid()
    rest = np.stack([N, D], axis=1)[N > LARGEST_KNOWN]
    known = N <= LARGEST_KNOWN
    runs = fj.simulate(law, N[known], D[known], seed=SEED)
    found = fj.suggest_runs(fj.forecast(runs, usual=False), TARGET, rest, BUDGET)
    print(found, flush=True)
    in_turn = rest[np.lexsort((rest[:, 1], rest[:, 0]))]
    uniform = in_turn[np.cumsum(6 * in_turn.prod(axis=1)) <= BUDGET]
    size = np.sqrt(BUDGET / 120)
    points = {
        "suggested": np.stack([found.inputs["N"], found.inputs["D"]], axis=1),
        "uniform": uniform,
        "largest run": np.array([[size, 20 * size]]),
        "none": np.zeros((0, 2)),
    }
    return points, found.to_dict()


def simulated(num_worlds: int) -> dict[str, Any]:
    """Errors at the target, by what was added."""
    law, name = base_law()
    added, suggested = strategies(law)
    worlds = worlds_of(law, num_worlds)
    truth = np.array([float(world(*TARGET)) for world in worlds])
    N, D = fj.paper_grid()
    known = np.stack([N, D], axis=1)[N <= LARGEST_KNOWN]
    result: dict[str, Any] = {}
    for which, points in added.items():
        at = np.concatenate([known, points])
        drawn = [fj.simulate(w, *at.T, seed=1000 + i) for i, w in enumerate(worlds)]
        answers = [fj.forecast(runs, usual=False) for runs in drawn]
        miss = np.log([float(own.predict(*TARGET)) for own in answers] / truth)
        ends = np.array([own.interval(*TARGET) for own in answers])
        result[which] = {
            "num_runs": len(points),
            "flops": float(6 * points.prod(axis=1).sum()),
            "rms_error": float(np.sqrt(np.mean(miss**2))),
            "median_error": float(np.median(np.abs(miss))),
            "inside": float(np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1]))),
            "median_half_width": float(np.median(0.5 * np.log(ends[:, 1] / ends[:, 0]))),
        }
        print(which, result[which], flush=True)
    return {
        "base_law": name,
        "budget": BUDGET,
        "num_worlds": len(worlds),
        "suggested_once": "from a forecast in one world of the base law",
        "added": result,
        "suggestions": suggested,
    }


def real(fraction: float) -> dict[str, Any]:
    """The error on the 6.37 B runs with suggestions for a part of the full grid's new FLOPs."""
    runs = real_runs()
    test = runs.select(min_N=6e9)
    known, rest = runs.select(max_N=LARGEST_KNOWN), (runs.N > LARGEST_KNOWN) & (runs.N < 6e9)
    new = runs.select(mask=rest)
    budget = fraction * float(new.flops.sum())
    answer = fj.forecast(known, usual=False)
    found = fj.suggest_runs(answer, (test.N, test.D), (new.N, new.D), budget)
    print(found, flush=True)
    N, D = found.inputs["N"], found.inputs["D"]
    chosen = {*zip(N.tolist(), D.tolist(), strict=True)}
    mask = np.array([p in chosen for p in zip(runs.N.tolist(), runs.D.tolist(), strict=True)])
    refit = fj.forecast(runs.select(mask=mask | (runs.N <= LARGEST_KNOWN)), usual=False)
    order = np.lexsort((new.D, new.N))
    taken = np.zeros(len(new), dtype=bool)
    taken[order[np.cumsum(new.flops[order]) <= budget]] = True
    in_turn = runs.N <= LARGEST_KNOWN
    in_turn[rest] = taken
    uniform = fj.forecast(runs.select(mask=in_turn), usual=False)
    return {
        "budget_fraction": fraction,
        "spent_fraction": found.spent / float(new.flops.sum()),
        "num_runs": len(found),
        "error": error_of(refit, test),
        "uniform_error": error_of(uniform, test),
        "standard_error_now": found.standard_error_now,
        "standard_error_after": float([found.standard_error_now, *found.standard_error_after][-1]),
        "sizes": {f"{size:.4g}": int((size == N).sum()) for size in np.unique(N)},
    }


def error_of(answer: fj.Forecast, test: fj.Runs) -> float:
    """Mean relative error on runs that it does not know."""
    return float(np.abs(answer.predict(test.N, test.D) / test.loss - 1.0).mean())


def full_grid() -> dict[str, Any]:
    """What all runs up to 5.35 B come to."""
    runs = real_runs()
    answer = fj.forecast(runs.select(max_N=6e9), usual=False)
    new = runs.select(min_N=LARGEST_KNOWN, max_N=6e9)
    return {
        "error": error_of(answer, runs.select(min_N=6e9)),
        "new_flops": float(new.flops.sum()),
        "num_new_runs": len(new),
        "known_error": error_of(
            fj.forecast(runs.select(max_N=LARGEST_KNOWN), usual=False), runs.select(min_N=6e9)
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/suggest.json"))
    parser.add_argument("--worlds", type=int, default=16)
    args = parser.parse_args()
    parts: dict[str, Callable[[], Any]] = {"simulated": lambda: simulated(args.worlds)}
    if DATA.exists():
        parts["real full grid"] = full_grid
        parts |= {f"real {part}": lambda part=part: real(part) for part in FRACTIONS}
    done = json.loads(args.out.read_text()) if args.out.exists() else {"machine": machine()}
    for name, make in parts.items():
        if name not in done:
            done[name] = make()
            args.out.parent.mkdir(parents=True, exist_ok=True)
            args.out.write_text(json.dumps(done, indent=1) + "\n")
            print(name, json.dumps(done[name])[:300], flush=True)


if __name__ == "__main__":
    main()
