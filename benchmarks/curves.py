"""Fits of loss curves: errors on curves left out, coverage of final losses, and time.

    python benchmarks/curves.py [--out results/curves.json] [--cases 100] [--law multi-power]

*real* are three sizes under three schedules (needs ../shared/data): each curve is left out of a fit
of its size, and out of one fit of all sizes; and its first 60 % are fitted, alone, with the curves
of its size, and with all, to predict where it ends. *made* are curves with a constant rate and a
decay of any shape, by four laws, one of which no fit has (`_made_curves.py`): their first 60 %,
alone and beside two complete curves of another schedule. Errors and half-widths of 90 % intervals
are in ln loss.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from _made_curves import made_case
from _timing import machine

import farseer_jax as fj

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "named_inputs"
LAWS = ("multi-power", "annealing", "functional-scaling")
PART, LEVEL, LAST = 0.6, 0.9, 8


class End(NamedTuple):
    """The end of a running curve: observed less predicted, and the half-width of its interval."""

    group: str
    error: float
    half_width: float


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results/curves.json")
    parser.add_argument("--cases", type=int, default=100, help="made curves")
    parser.add_argument("--law", default=LAWS[0], help="of the ends; 'chosen' chooses it")
    arguments = parser.parse_args()
    law = None if arguments.law == "chosen" else arguments.law
    found: dict[str, Any] = {"machine": machine(), "part": PART, "level": LEVEL}
    found["law"] = arguments.law
    path = DATA / "schedule_curves.csv"
    if path.exists():
        curves = fj.read_curves(path, run="N_million,curve", warmup=2160)
        found["seconds"] = seconds(curves)
        found["left_out"] = {own: left_out(curves, own) for own in LAWS}
        found["real"] = summary(real_ends(curves, law))
    found["made"] = summary(made_ends(arguments.cases, law))
    arguments.out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def seconds(curves: fj.Curves) -> dict[str, float]:
    """Seconds of a fit of one law to three curves, cold and warm, and of all nine warm."""
    size = of_size(curves, 1e8)
    runs = {
        "cold": lambda: fj.fit_curves(size, LAWS[0]),
        "warm": lambda: fj.fit_curves(size, LAWS[0]),
        "all sizes": lambda: fj.fit_curves(curves, LAWS[0]),
    }
    found = {}
    for name, run in runs.items():
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        found[name] = time.perf_counter() - wall
        found[f"{name}, CPU"] = time.process_time() - cpu
    return found


def left_out(curves: fj.Curves, law: str) -> dict[str, Any]:
    """Mean absolute error over a whole curve that was left out, per size; separate, and joint."""
    found: dict[str, Any] = {}
    for kind in ("separate", "joint"):
        errors: dict[str, list[float]] = {}
        for own in curves:
            beside = of_size(curves, own.inputs["N"]) if kind == "separate" else curves
            fit = fj.fit_curves(beside.without(own.name), law)
            inputs = dict(own.inputs) if kind == "joint" else {}
            predicted = fit.predict(own.schedule, own.steps, **inputs)
            size = f"{own.inputs['N'] / 1e6:g} M"
            errors.setdefault(size, []).append(float(np.abs(predicted - own.losses).mean()))
        found[kind] = {size: float(np.mean(values)) for size, values in errors.items()}
    return found


def real_ends(curves: fj.Curves, law: str | None) -> Iterator[End]:
    """The end of each real curve from its first part: alone, with its size, with all."""
    for own in curves:
        running = own.truncated(int(PART * own.schedule.steps))
        size = of_size(curves, own.inputs["N"])
        for group, beside in (("alone", None), ("its size", size), ("all", curves)):
            others = () if beside is None else tuple(beside.without(own.name))
            fit = fj.fit_curves(fj.Curves((running, *others)), law)
            yield end_of(group, fit, own)


def end_of(group: str, fit: fj.CurveFit, own: fj.Curve) -> End:
    """The mean error of the last logged losses, whose noise it averages, and the last interval."""
    steps = own.steps[-LAST:]
    low, high = fit.interval(own.schedule, steps, curve=own.name, level=LEVEL)
    error = np.log(own.losses[-LAST:] / fit.predict(own.schedule, steps, curve=own.name)).mean()
    return End(group, float(error), float(0.5 * np.log(high / low)[-1]))


def made_ends(num: int, law: str | None) -> Iterator[End]:
    """The ends of made curves, alone and beside two complete ones."""
    for seed in range(num):
        case = made_case(seed, PART)
        running, decay = case.running, "seen" if case.seen else "unseen"
        for beside, others in (("alone", ()), ("beside two", case.beside)):
            fit = fj.fit_curves(fj.Curves((running, *others)), law)
            low, high = fit.interval(running.schedule, curve=running.name, level=LEVEL)
            predicted = fit.predict(running.schedule, curve=running.name)
            error, half = np.log(case.final / predicted), 0.5 * np.log(high / low)
            for part in ("all", f"decay {decay}", case.law, case.shape):
                yield End(f"{beside}: {part}", float(error), float(half))


def summary(ends: Iterator[End]) -> dict[str, dict[str, float]]:
    """Of each group: how many, how often the interval holds the end, median error, half-width."""
    groups: dict[str, list[End]] = {}
    for own in ends:
        groups.setdefault(own.group, []).append(own)
    return {name: _of_group(own) for name, own in sorted(groups.items())}


def _of_group(ends: Sequence[End]) -> dict[str, float]:
    error = np.array([abs(own.error) for own in ends])
    half = np.array([own.half_width for own in ends])
    return {
        "cases": len(ends),
        "coverage": float((error <= half).mean()),
        "median_error": float(np.median(error)),
        "median_half_width": float(np.median(half)),
    }


def of_size(curves: fj.Curves, N: float) -> fj.Curves:
    """The curves of one size."""
    return curves.select([own.name for own in curves if own.inputs["N"] == N])


if __name__ == "__main__":
    main()
