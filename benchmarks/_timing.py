"""What every benchmark shares: honest timing, the machine, the ceiling of ``exp``."""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.runtime import threads


def seconds(run: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Times of ``run``, which must block until its result is ready.

    Returns:
        ``best`` and ``median`` by the clock; ``core``, the least processor time of all threads,
        which other people's load hardly changes.
    """
    run()  # warm up: compile, allocate
    times, cores = [], []
    for _ in range(repeats):
        start, core = time.perf_counter(), time.process_time()
        run()
        cores.append(time.process_time() - core)
        times.append(time.perf_counter() - start)
    return {
        "best": min(times),
        "median": statistics.median(times),
        "core": min(cores),
        "repeats": repeats,
    }


def interleaved(runs: dict[str, tuple[Callable[[], Any], int]], rounds: int) -> dict[str, Any]:
    """Time several functions in turn, so that a noisy moment of the machine hits them all."""
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, (run, repeats) in runs.items():
            samples[name].append(seconds(run, repeats))
    return {
        name: {
            "best": min(sample["best"] for sample in own),
            "median": statistics.median(sample["median"] for sample in own),
            "core": min(sample["core"] for sample in own),
            "repeats": rounds * runs[name][1],
        }
        for name, own in samples.items()
    }


def exp_rate(dtype: Any = np.float64, largest: int | None = None) -> dict[str, float]:
    """Exponentials per second of the default device: the best at any size up to ``2^largest``."""
    run = jax.jit(jnp.exp)
    rates = {}
    for size in 2 ** np.arange(12, largest or (24 if threads.platform() == "cpu" else 28), 2):
        x = jnp.asarray(np.random.default_rng(0).uniform(-12.0, 0.0, int(size)), dtype)
        rates[int(size)] = size / seconds(lambda x=x: run(x).block_until_ready(), 20)["best"]
    size, rate = max(rates.items(), key=lambda item: item[1])
    return {"per_second": rate, "array_size": size}


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    return {
        "backend": jax.default_backend(),
        "device": jax.devices()[0].device_kind,
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "numpy": np.__version__,
    }


def report(result: dict[str, Any]) -> None:
    """Print JSON, and write it where ``--out FILE`` says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    text = json.dumps({"machine": machine(), **result}, indent=1)
    print(text)
    if out := parser.parse_args().out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
