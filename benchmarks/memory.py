"""Every command of the shell on large tables: seconds and peak memory of whole processes.

    python benchmarks/memory.py [--out results/memory.json] [--rows 100000] [--only WORD …]

Tables are simulated: ``checkpoints`` has 300 sizes with as many D each (Farseer's law),
``distinct`` no two equal N or D (Chinchilla's law), ``streams`` a third input, and ``replicates``
500 points that were trained again and again. Each command runs in a process of its own, with an
empty cache of compiled code. ``of_bound`` is its peak memory over 1.5 GiB + 10 × the table, whose
size is 8 bytes for each of its numbers. Each case is written when it ends, and replaces its former
self in the file. ``end_to_end`` fits and forecasts from tables of a million rows: reading, fitting
and printing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

MILLION = 1_000_000
FIXED_BYTES, TABLES = 1.5 * 2**30, 10
LIMIT_KIB, LIMIT_SECONDS = 12 << 20, 600  # of one process
NOISE, NUM_SIZES, NUM_POINTS = 1e-3, 300, 500
AT = ("--at", "25.1e9,5e11")
CHINCHILLA, POWER = ("--law", "chinchilla"), "E + A/N**a + B/D**b + C/P**c"

# Name of the case: its table, and the command; {table} and {fit} stand for files.
Case = tuple[str, tuple[str, ...]]


def _fit(table: str, law: str, method: str, *more: str) -> Case:
    return table, ("fit", "{table}", "--as-is", "--law", law, "--method", method, *more)


FITS: dict[str, Case] = {
    "fit piecewise": _fit("checkpoints", "farseer", "piecewise"),
    "fit piecewise, chinchilla": _fit("checkpoints", "chinchilla", "piecewise"),
    "fit least-squares": _fit("checkpoints", "chinchilla", "least-squares"),
    "fit least-squares, farseer": _fit("checkpoints", "farseer", "least-squares"),
    "fit least-squares, distinct": _fit("distinct", "chinchilla", "least-squares"),
    "fit least-squares, replicates": _fit("replicates", "chinchilla", "least-squares"),
    "fit least-squares, huber": _fit(
        "distinct", "chinchilla", "least-squares", "--objective", "huber"
    ),
    "fit least-squares, absolute": _fit(
        "distinct", "chinchilla", "least-squares", "--objective", "absolute"
    ),
    "fit least-squares, expression": _fit("streams", POWER, "least-squares"),
    "fit restarts": _fit("distinct", "chinchilla", "restarts"),
    "fit restarts, farseer": _fit("checkpoints", "farseer", "restarts"),
    "fit variable-projection": _fit("distinct", "chinchilla", "variable-projection"),
    "fit variable-projection, huber": _fit(
        "distinct", "chinchilla", "variable-projection", "--objective", "huber"
    ),
    "fit variable-projection, expression": _fit("streams", POWER, "variable-projection"),
    "fit isoflop": _fit("distinct", "chinchilla", "isoflop", "--width", "0.35"),
    "fit monotone": _fit(
        "checkpoints", "farseer", "piecewise", "--monotone-over", "2e8:1e13,1e9:1e15"
    ),
}
BOOTSTRAPS: dict[str, Case] = {
    f"bootstrap {name}": (table, ("bootstrap", *command[1:], *AT))
    for name, table, command in (
        (name.removeprefix("fit "), *FITS[name])
        for name in (
            "fit piecewise",
            "fit least-squares",
            "fit least-squares, distinct",
            "fit least-squares, huber",
            "fit variable-projection",
            "fit isoflop",
        )
    )
}
OTHERS: dict[str, Case] = {
    "inspect": ("checkpoints", ("inspect", "{table}")),
    "forecast": ("checkpoints", ("forecast", "{table}", "--as-is", *AT)),
    "forecast, distinct": ("distinct", ("forecast", "{table}", "--as-is", *AT)),
    "forecast, replicates": ("replicates", ("forecast", "{table}", "--as-is", *AT)),
    "extrapolate": ("checkpoints", ("extrapolate", "{table}", "--as-is")),
    "predict": ("checkpoints", ("predict", "{fit}", "{table}", "--as-is")),
    "allocate": ("checkpoints", ("allocate", "{table}", "--as-is", "--compute", "1e20:1e24")),
    "optimise": (
        "checkpoints",
        ("optimise", "{fit}", "--over", "N,D", "--budget", "1e20:1e24"),
    ),
    "compare": ("checkpoints", ("compare", "{table}", "{other}", "--as-is", *AT)),
    "choices": ("checkpoints", ("choices", "{table}", "--as-is", *AT)),
    "suggest": (
        "checkpoints",
        ("suggest", "{table}", "--as-is", "--target", "25.1e9,5e11", "--budget", "1e22"),
    ),
    "influence": ("checkpoints", ("influence", "{table}", "--as-is", *AT)),
    "choose a law": ("checkpoints", ("fit", "{table}", "--as-is", "--law", "auto")),
    "report": ("checkpoints", ("report", "{table}", "--as-is", *AT, "--output", "{out}.html")),
    **{
        f"plot {kind}": ("checkpoints", ("plot", kind, "{fit}", "--save", "{out}.png"))
        for kind in ("fit", "residuals", "surface", "curves", "shape")
    },
    **{
        f"plot {kind}": (
            "checkpoints",
            ("plot", kind, "{table}", "--as-is", "--save", "{out}.png", *more),
        )
        for kind, more in (
            ("map", ("--max-N", "3e9")),
            ("inspection", ()),
            ("differences", ()),
            ("methods", ("--max-N", "3e9")),
        )
    },
}
CASES = FITS | BOOTSTRAPS | OTHERS
END_TO_END = [
    *(name for name in FITS if name != "fit monotone"),
    *(name for name in OTHERS if name.startswith("forecast")),
]


def columns(name: str, num_rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    """A simulated table."""
    import farseer_jax as fj

    rng = np.random.default_rng(seed)
    N, D = np.exp(rng.uniform(np.log([[2e8], [2e9]]), np.log([[1e10], [5e11]]), (2, num_rows)))
    if name == "checkpoints":
        N = np.repeat(np.geomspace(2e8, 1e10, NUM_SIZES).round(), -(-num_rows // NUM_SIZES))
        D = np.tile(np.geomspace(2e9, 5e11, -(-num_rows // NUM_SIZES)).round(), NUM_SIZES)
        N, D = N[:num_rows], D[:num_rows]
    if name == "replicates":
        N, D = np.resize(N[:NUM_POINTS], num_rows), np.resize(D[:NUM_POINTS], num_rows)
    own = {"N": N, "D": D}
    law: Any = fj.Chinchilla.published("Hoffmann et al.")
    if name == "checkpoints":
        law = fj.example_law()
    loss = np.asarray(law(N, D))
    if name == "streams":
        own["P"] = rng.choice([1.0, 2.0, 4.0, 8.0], num_rows)
        loss = loss + 0.1 / own["P"] ** 0.3
    return own | {"loss": loss * np.exp(NOISE * rng.standard_normal(num_rows))}


def write(folder: Path, name: str, num_rows: int, seed: int = 0) -> Path:
    """The table as CSV."""
    import pandas as pd

    path = folder / f"{name}_{num_rows}_{seed}.csv"
    if not path.exists():
        pd.DataFrame(columns(name, num_rows, seed)).to_csv(path, index=False)
    return path


def measured(arguments: list[str], cache: str) -> dict[str, Any]:
    """Seconds and peak memory of the shell in a process of its own."""
    environment = os.environ | {"XDG_CACHE_HOME": cache, "JAX_PLATFORMS": "cpu"}
    limits = f'ulimit -d {LIMIT_KIB}; exec timeout {LIMIT_SECONDS} "$@"'
    command = ["bash", "-c", limits, "-", sys.executable, "-m", "farseer_jax.cli", *arguments]
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=errors, env=environment
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        last = errors.read().decode(errors="replace").strip().splitlines()
    found: dict[str, Any] = {
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_gib": round(used.ru_maxrss / 2**20, 3),
    }
    if process.returncode:
        found |= {"exit_code": process.returncode, "error": last[-1] if last else ""}
    return found


def case(name: str, num_rows: int, folder: Path) -> dict[str, Any]:
    """One command on its table."""
    table, command = CASES[name]
    num_columns = 4 if table == "streams" else 3
    files = {"table": str(write(folder, table, num_rows)), "out": str(folder / "out")}
    with tempfile.TemporaryDirectory() as cache:
        if "{fit}" in command:
            files["fit"] = f"{files['table']}.fit.json"
            if not Path(files["fit"]).exists():
                fit = ["fit", files["table"], "--as-is", "--json", files["fit"]]
                measured(fit, cache)
        if "{other}" in command:
            files["other"] = str(write(folder, table, num_rows, seed=1))
        found = measured([part.format(**files) for part in command], cache)
    bound = FIXED_BYTES + TABLES * 8 * num_columns * num_rows
    return {
        "table": table,
        "rows": num_rows,
        **found,
        "of_bound": round(found["peak_gib"] * 2**30 / bound, 3),
    }


def results(num_rows: int, words: list[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every case, and the fits of a million rows."""
    with tempfile.TemporaryDirectory() as folder:
        plans = [("commands", name, num_rows) for name in CASES]
        plans += [("end_to_end", name, MILLION) for name in END_TO_END]
        for section, name, rows in plans:
            if not words or any(word in f"{section} {name}" for word in words):
                yield section, name, case(name, rows, Path(folder))


def main() -> None:
    from _timing import machine

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="write the JSON here")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--only", nargs="*", default=[], help="cases whose names contain a word")
    given = parser.parse_args()
    found: dict[str, Any] = {"commands": {}, "end_to_end": {}}
    if given.out and given.out.exists():
        found = json.loads(given.out.read_text("utf-8"))
    found["machine"] = machine()
    for section, name, own in results(given.rows, given.only):
        found[section][name] = own
        print(
            f"{section:<11} {name:<38}",
            *(f"{own[k]!s:>9}" for k in ("seconds", "cpu_seconds", "peak_gib", "of_bound")),
            own.get("error", ""),
            flush=True,
        )
        if given.out:
            given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
