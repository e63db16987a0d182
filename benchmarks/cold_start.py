"""What a person waits for in the shell: ``farseer fit --example``, cold and from its cache.

    python benchmarks/cold_start.py [--out FILE]

Prints JSON: wall-clock seconds of whole processes, and their ratio to ``python -c "import jax"``.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from _timing import report

REPEATS = 5


def process_seconds(*arguments: str, cache: str | None = None) -> float:
    """Wall-clock time of one Python process."""
    environment = os.environ | ({"XDG_CACHE_HOME": cache} if cache else {})
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)
    return time.perf_counter() - start


def main() -> None:
    samples: dict[str, list[float]] = {"import_jax": [], "cold": [], "second_time": []}
    for _ in range(REPEATS):
        samples["import_jax"].append(process_seconds("-c", "import jax"))
        with tempfile.TemporaryDirectory() as cache:
            for name in ("cold", "second_time"):
                command = ("-m", "farseer_jax.cli", "fit", "--example")
                samples[name].append(process_seconds(*command, cache=cache))
    times = {
        name: {"best": min(values), "median": statistics.median(values), "repeats": REPEATS}
        for name, values in samples.items()
    }
    ratios = {
        f"{name} / import_jax": {
            which: times[name][which] / times["import_jax"][which] for which in ("best", "median")
        }
        for name in ("cold", "second_time")
    }
    report({"seconds": times, "ratios": ratios})


if __name__ == "__main__":
    main()
