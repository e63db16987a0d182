"""A report of 337 runs: seconds of each part, the first time (compiling) and again, and its size.

    python benchmarks/report.py [--out results/report.json]

Wall and CPU seconds: on a busy machine only the latter say how much there is to do.
"""

import time
from collections.abc import Callable
from typing import Any

from _timing import report as print_report

import farseer_jax as fj
from farseer_jax.reporting import report as module

PARTS = {
    "forecast": "forecast", "hold-outs": "extrapolate", "split": "allocate",
    "next runs": "suggest_runs", "answer": "answer", "doubts": "doubts",
    "explorer": "forecast_explorer", "map": "runs_map", "fits": "fits",
}  # fmt: skip
POINTS, BUDGETS = [(25.1e9, 5e11)], [1e23, 1e24]


class Parts:
    """Seconds of the functions that make a report, by part."""

    def __init__(self) -> None:
        self.seconds: dict[str, dict[str, float]] = {}
        for part, name in PARTS.items():
            setattr(module, name, self._timed(part, getattr(module, name)))

    def _timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            return self.measure(part, lambda: function(*args, **kwargs))

        return run

    def measure(self, part: str, run: Callable[[], Any]) -> Any:
        """Run, and add how long that took."""
        wall, cpu = time.perf_counter(), time.process_time()
        found = run()
        before = self.seconds.get(part, {"wall": 0.0, "cpu": 0.0})
        self.seconds[part] = {
            "wall": round(before["wall"] + time.perf_counter() - wall, 3),
            "cpu": round(before["cpu"] + time.process_time() - cpu, 3),
        }
        return found

    def taken(self) -> dict[str, dict[str, float]]:
        """The seconds so far, which are forgotten."""
        found, self.seconds = self.seconds, {}
        return found


def main() -> None:
    """Measure, print, and write."""
    parts, runs, result = Parts(), fj.example_runs(), {}
    for when in ("cold", "warm"):
        found = parts.measure("report", lambda: fj.report(runs, POINTS, compute=BUDGETS))
        page = parts.measure("page", found.to_html)
        result[when] = parts.taken()
    size = {"bytes": len(page.encode())}
    print_report({"runs": len(runs), "seconds": result, "page": size})


if __name__ == "__main__":
    main()
