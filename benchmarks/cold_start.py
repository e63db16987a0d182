"""What a person waits for first: the shell, and the library's calls in a fresh process.

    python benchmarks/cold_start.py [--out FILE]

Prints JSON. Of the shell, ``farseer fit --example`` cold and from its cache: wall-clock seconds of
whole processes, and their ratio to ``python -c "import jax"``. Of the library: CPU seconds of all
threads from the end of ``import jax``, each call in a process of its own that has no compilations
to load, with the number of compilations.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

SHELL_REPEATS, LIBRARY_REPEATS = 5, 3


def process_seconds(*arguments: str, cache: str | None = None) -> float:
    """Wall-clock time of one Python process."""
    environment = os.environ | ({"XDG_CACHE_HOME": cache} if cache else {})
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)
    return time.perf_counter() - start


def shell() -> dict[str, Any]:
    """Seconds of whole processes."""
    samples: dict[str, list[float]] = {"import_jax": [], "cold": [], "second_time": []}
    for _ in range(SHELL_REPEATS):
        samples["import_jax"].append(process_seconds("-c", "import jax"))
        with tempfile.TemporaryDirectory() as cache:
            for name in ("cold", "second_time"):
                command = ("-m", "farseer_jax.cli", "fit", "--example")
                samples[name].append(process_seconds(*command, cache=cache))
    times = {
        name: {"best": min(values), "median": statistics.median(values), "repeats": SHELL_REPEATS}
        for name, values in samples.items()
    }
    ratios = {
        f"{name} / import_jax": {
            which: times[name][which] / times["import_jax"][which] for which in ("best", "median")
        }
        for name in ("cold", "second_time")
    }
    return {"seconds": times, "ratios": ratios}


def piecewise() -> list[Callable[[], object]]:
    """A first fit; then one of another table, which compiles nothing."""
    import farseer_jax as fj

    def of_a_part() -> object:
        return fj.fit(fj.Farseer, fj.example_runs(seed=1).select(max_N=4e9, min_D=2e9))

    return [lambda: fj.fit(fj.Farseer, fj.example_runs()), of_a_part]


def chinchilla_huber() -> list[Callable[[], object]]:
    """Likewise, end to end."""
    import farseer_jax as fj

    def of(runs: fj.Runs) -> object:
        return fj.fit(fj.Chinchilla, runs, fj.LeastSquares("huber"))

    return [lambda: of(fj.example_runs()), lambda: of(fj.example_runs().select(max_N=4e9))]


def expression() -> list[Callable[[], object]]:
    """A law as text; then another one."""
    import farseer_jax as fj

    def of(text: str) -> object:
        return fj.fit(fj.law(text), fj.example_runs())

    return [
        lambda: of("N, D | E + A/N**alpha + B/D**beta"),
        lambda: of("N, D | E + (A/N**alpha + B/D**beta)**k"),
    ]


def bootstrap_interval() -> list[Callable[[], object]]:
    """A first fit, its bootstrap and a calibrated interval; then the same of another table."""
    import farseer_jax as fj

    def of(runs: fj.Runs) -> object:
        return fj.bootstrap(fj.fit(fj.Farseer, runs), 1000).interval(25.1e9, 5e11)

    return [lambda: of(fj.example_runs()), lambda: of(fj.example_runs().select(max_N=4e9))]


def influence() -> list[Callable[[], object]]:
    """What a forecast owes to each run; then the same of another table."""
    import farseer_jax as fj

    def of(runs: fj.Runs) -> object:
        return fj.influence(fj.fit(fj.Farseer, runs), (25.1e9, 5e11))

    return [lambda: of(fj.example_runs()), lambda: of(fj.example_runs().select(max_N=4e9))]


def suggest() -> list[Callable[[], object]]:
    """Which runs to train next; then the same of another table."""
    import farseer_jax as fj

    def of(runs: fj.Runs) -> object:
        return fj.suggest_runs(runs, [(25.1e9, 5e11)], budget=1e22)

    return [lambda: of(fj.example_runs()), lambda: of(fj.example_runs().select(max_N=4e9))]


def choices() -> list[Callable[[], object]]:
    """A forecast under other choices; then the same of another table."""
    import farseer_jax as fj

    def of(runs: fj.Runs) -> object:
        return fj.compare_choices(fj.fit(fj.Farseer, runs), 25.1e9, 5e11)

    return [lambda: of(fj.example_runs()), lambda: of(fj.example_runs().select(max_N=4e9))]


def extrapolate() -> list[Callable[[], object]]:
    """Extrapolations of the usual laws inside the data; then the same of another table."""
    import farseer_jax as fj

    def of(runs: fj.Runs) -> object:
        return fj.extrapolate(runs)

    return [lambda: of(fj.example_runs()), lambda: of(fj.example_runs().select(max_N=4e9))]


CALLS = (
    piecewise,
    chinchilla_huber,
    expression,
    bootstrap_interval,
    influence,
    suggest,
    choices,
    extrapolate,
)


def one(name: str) -> None:
    """CPU seconds and compilations of a call and of the one after it."""
    import jax

    start = time.process_time()
    events: list[str] = []

    def listen(event: str, _: float, **__: Any) -> None:
        if event.endswith("backend_compile_duration"):
            events.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    calls = next(call for call in CALLS if call.__name__ == name)()
    found = []
    for call in calls:
        call()
        found.append({"cpu_seconds": time.process_time() - start, "compilations": len(events)})
        start = time.process_time()
        events.clear()
    print(json.dumps(found))


def library() -> dict[str, Any]:
    """Each call ``LIBRARY_REPEATS`` times, in turn."""
    # what a plain user's process has: no flags, no compilations of others
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JAX_", "XLA_FLAGS"))
    }
    samples: dict[str, list[Any]] = {call.__name__: [] for call in CALLS}
    for _ in range(LIBRARY_REPEATS):
        for name, own in samples.items():
            command = [sys.executable, __file__, "--one", name]
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, env=environment
            )
            own.append(json.loads(done.stdout))
    return {
        name: {
            which: {
                "cpu_seconds": statistics.median(row[place]["cpu_seconds"] for row in own),
                "compilations": own[0][place]["compilations"],
            }
            for place, which in enumerate(("first", "then_another"))
        }
        for name, own in samples.items()
    }


def main() -> None:
    from _timing import report

    report({**shell(), "library": library()})


if __name__ == "__main__":
    if "--one" in sys.argv:
        one(sys.argv[-1])
    else:
        main()
