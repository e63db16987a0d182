"""Every kernel at scale on an accelerator, beside the CPU of the same process, in eight minutes.

    python benchmarks/gpu.py [FILE] [--small] [--minutes 7.5] [--only NAME …]

Each section runs a computation on the default device and on a CPU: seconds of the first call and of
later ones, seconds of compilation, elements per second, whether both agree (to 1e-10 in float64, to
1e-5 in float32), the device's peak memory, and, where exponentials are counted, their share of what
``exp`` alone reaches there. A CPU may get fewer elements; rates are per element.

FILE is written after each section (``benchmarks/results/gpu.json`` on a GPU, nothing elsewhere). A
section that fails, or takes longer than its share of the time, is recorded, and the rest goes on.
Forecasts and fits of loss curves are computed by NumPy on any machine: here are the laws they use.
"""

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from _timing import exp_rate, machine

import farseer_jax as fj
from farseer_jax.methods.least_squares import solve as _solve
from farseer_jax.methods.method import Method
from farseer_jax.methods.piecewise.kernel import solve_jit
from farseer_jax.methods.piecewise.layout import gather_padded
from farseer_jax.objectives import as_objective

RESULTS = Path(__file__).parent / "results" / "gpu.json"
REPEATS = 3  # later calls, of which the best counts
SIZES = {  # by section: elements on the device, elements on the CPU, elements of --small
    "predictions": (1 << 24, 1 << 22, 256),
    "predictions, float32": (1 << 26, 1 << 22, 256),
    "grid search": (10_000, 10_000, 400),
    "piecewise refits": (100_000, 20_000, 8),
    "least-squares refits": (20_000, 4_000, 8),
    "variable-projection refits": (4_096, 512, 4),
    "30,000 starts": (30_000, 30_000, 16),
    "1,000,000 starts": (1_000_000, 100_000, 24),
    "L-BFGS": (4_096, 512, 4),
    "implicit gradients": (4_096, 512, 4),
    "schedules": (2_048, 256, 4),
    "schedules, float32": (2_048, 256, 4),
}
POINTS = np.array([1e9, 7e9, 3e10]), np.array([1e11, 2e11, 1e12])
Arrays = Mapping[str, Any]


class Task(NamedTuple):
    """One computation of a number of elements, on the default device.

    Attributes:
        run: called with nothing; what it returns is compared, with the elements first.
        exponentials: how many one call computes, after a call; None where they are not counted.
    """

    run: Callable[[], Arrays]
    exponentials: Callable[[], float | None] = lambda: None


class Section(NamedTuple):
    """A kernel.

    Attributes:
        make: from the number of elements and the precision.
        dtype: the precision.
    """

    make: Callable[[int, Any], Task]
    dtype: Any = np.float64

    @property
    def tolerance(self) -> float:
        """The largest relative difference."""
        return 1e-10 if self.dtype == np.float64 else 1e-5


def example() -> fj.Runs:
    """The paper's 326 runs, simulated."""
    return fj.example_runs().select(max_N=5.5e9)


def resampled(num: int) -> np.ndarray:
    """Weights of resampled runs, ``(num, run)``; the first do not depend on the number."""
    num_runs = len(example())
    rng = np.random.default_rng(0)
    return np.stack([np.bincount(rng.integers(num_runs, size=num_runs), minlength=num_runs)
                     for _ in range(num)]).astype(float)  # fmt: skip


def predictions(num: int, dtype: Any) -> Task:
    """Losses and their slopes in ln N of the laws of forecasts, at random points."""
    rng = np.random.default_rng(0)
    log_N, log_D = (jnp.asarray(rng.uniform(20.0, 27.0, num), dtype) for _ in range(2))
    runs = example()
    laws = [fj.fit(law, runs).law for law in (fj.Farseer, fj.Chinchilla, fj.Coupled, fj.Kaplan)]
    laws = [jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), law) for law in laws]

    @jax.jit
    @jax.vmap
    def values(log_N: Any, log_D: Any) -> Any:
        at = [jax.value_and_grad(lambda x, law=law: law.log_loss(jnp.exp(x), jnp.exp(log_D)))(log_N)
              for law in laws]  # fmt: skip
        return jnp.stack([jnp.stack(pair) for pair in at])

    return Task(lambda: {"ln L and slope": values(log_N, log_D)})


def grid_search(num: int, dtype: Any) -> Task:
    """The dense search of α, β and γ of the authors' code."""
    from piecewise import count_exponentials

    runs = example()
    grids = fj.Grid(num_candidates=num), fj.Grid(num_candidates=max(num // 10, 3))
    method = fj.Piecewise(search=grids[0], search_U=grids[1])
    prepared = method.prepare(fj.Farseer, runs)
    gathered = gather_padded(prepared.design, prepared.layout, runs.loss, np.ones(len(runs)))
    arrays = jax.tree.map(lambda leaf: jnp.asarray(leaf), (prepared.layout, gathered))
    total = count_exponentials(prepared.design, num, num, grids[1].num_candidates)["total"]

    def run() -> Arrays:
        found = jax.block_until_ready(solve_jit(*arrays, method))
        return {"parameters": np.array(jax.tree.leaves(found.curves))}

    return Task(run, lambda: total)


def refits(law: type[fj.Law], method: Method) -> Callable[[int, Any], Task]:
    """Refits to resampled runs."""

    def make(num: int, dtype: Any) -> Task:
        runs, weights = example(), resampled(num)

        def run() -> Arrays:
            found = fj.fit_batch(law, runs, weights=weights, method=method)
            predicted = found.predict(**law.columns(runs))
            objective = as_objective(getattr(method, "objective", "squared"))
            return {"objective": objective.value(predicted, runs.loss, weights, runs.link)}

        return Task(run)

    return make


def starts(method: Callable[[int], Method]) -> Callable[[int, Any], Task]:
    """Farseer's nine parameters from many random starts."""

    def make(num: int, dtype: Any) -> Task:
        runs, counted = example(), []
        solve_stage = _solve._solve_stage

        def stage(settings: Any, layout: Any, *rest: Any) -> Any:
            found = solve_stage(settings, layout, *rest)
            rows, slots = layout.run.shape
            counted.append(float(found.steps.sum()) * (7 * rows + 2 * rows * slots))
            return found

        def run() -> Arrays:
            counted.clear()
            _solve._solve_stage = stage
            try:
                fit = fj.fit(fj.Farseer, runs, method(num))
            finally:
                _solve._solve_stage = solve_stage
            return {"objective": np.array([fit.diagnostics.objective])}

        return Task(run, lambda: sum(counted) or None)

    return make


def implicit_gradients(num: int, dtype: Any) -> Task:
    """Derivatives of a forecast in all losses and weights, for resampled runs."""
    runs = example()
    refit = fj.differentiable(fj.fit(fj.Farseer, runs))

    @jax.jit
    @jax.vmap
    def slopes(weights: Any) -> Any:
        def log_loss(losses: Any, weights: Any) -> Any:
            return refit(losses, weights).log_loss(25.1e9, 5e11)

        return jnp.stack(jax.grad(log_loss, argnums=(0, 1))(jnp.asarray(runs.loss), weights))

    weights = jnp.asarray(1.0 + 0.1 * np.random.default_rng(0).random((num, len(runs))), dtype)
    return Task(lambda: {"gradient": slopes(weights)})


def schedules(num: int, dtype: Any) -> Task:
    """Final losses of learning-rate schedules of 10,000 steps, and their gradients."""
    law = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), fj.MultiPower.published("25M"))
    peaks = np.random.default_rng(0).uniform(1e-4, 4e-4, (num, 1))
    shape = np.minimum(1.0, 1.05 - np.linspace(0.0, 1.0, 10_000 if num > 8 else 100))
    rates = jnp.asarray(peaks * shape, dtype)
    final = jax.jit(jax.vmap(law.final_loss))
    slopes = jax.jit(jax.vmap(lambda rates: jnp.vdot(jax.grad(law.final_loss)(rates), rates)))
    return Task(lambda: {"loss": final(rates), "gradient along rates": slopes(rates)})


SECTIONS = {
    "predictions": Section(predictions),
    "predictions, float32": Section(predictions, np.float32),
    "grid search": Section(grid_search),
    "30,000 starts": Section(starts(lambda num: fj.LeastSquares(num_starts=num))),
    "1,000,000 starts": Section(starts(lambda num: fj.LeastSquares(num_starts=num))),
    "piecewise refits": Section(refits(fj.Farseer, fj.Piecewise())),
    "least-squares refits": Section(refits(fj.Chinchilla, fj.LeastSquares("huber"))),
    "variable-projection refits": Section(refits(fj.Chinchilla, fj.VariableProjection("huber"))),
    "L-BFGS": Section(starts(lambda num: fj.Restarts("lbfgs", num))),
    "implicit gradients": Section(implicit_gradients),
    "schedules": Section(schedules),
    "schedules, float32": Section(schedules, np.float32),
}


def timed(section: Section, num: int, device: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Times of a section on a device, and what it computed."""
    with jax.enable_x64(section.dtype == np.float64), jax.default_device(device):
        task = section.make(num, section.dtype)
        compiling: list[float] = []

        def listen(event: str, seconds: float, **_: Any) -> None:
            if event.endswith("backend_compile_duration"):
                compiling.append(seconds)

        jax.monitoring.register_event_duration_secs_listener(listen)
        first, found = once(task)
        jax.monitoring.unregister_event_duration_listener(listen)
        best, begin = np.inf, time.perf_counter()
        for _ in range(REPEATS):
            best = min(best, once(task)[0])
            if time.perf_counter() - begin > first:
                break
    figures: dict[str, Any] = {
        "elements": num,
        "first_seconds": first,
        "compile_seconds": sum(compiling),
        "seconds": best,
        "per_second": num / best,
    }
    if (count := task.exponentials()) is not None:
        figures["exponentials_per_second"] = count / best
    memory = device.memory_stats() or {}
    figures["peak_bytes_so_far"] = memory.get("peak_bytes_in_use")
    return figures, found


def once(task: Task) -> tuple[float, dict[str, np.ndarray]]:
    """Seconds of a call whose results have arrived, and these."""
    begin = time.perf_counter()
    found = {name: np.asarray(values) for name, values in task.run().items()}
    return time.perf_counter() - begin, found


def difference(found: Arrays, expected: Arrays) -> float:
    """The largest difference of elements that both have, relative to them.

    Those below a thousandth of the largest count as that large; infinite where one side has no
    finite number, or both have none at all.
    """
    apart = 0.0
    for name, own in found.items():
        other = expected[name]
        num = min(len(own), len(other))
        own, other = own[:num].astype(float), other[:num].astype(float)
        neither = np.isnan(own) & np.isnan(other)
        if neither.all() or (np.isfinite(own) & np.isfinite(other) | neither).sum() < own.size:
            return np.inf
        own, other = own[~neither], other[~neither]
        scale = np.maximum(np.abs(other), 1e-3 * np.abs(other).max())
        apart = max(apart, float((np.abs(own - other) / scale).max()))
    return apart


def measure(name: str, device: Any, cpu: Any, small: bool, ceilings: Mapping[str, float]) -> dict:
    """A section on both."""
    section = SECTIONS[name]
    on_device, on_cpu, least = SIZES[name]
    numbers = (least, least) if small else (on_device, on_cpu)
    own, found = timed(section, numbers[0], device)
    beside, expected = timed(section, numbers[1], cpu)
    if "exponentials_per_second" in own:
        ceiling = ceilings[np.dtype(section.dtype).name]
        own["share_of_exp_rate"] = own["exponentials_per_second"] / ceiling
    apart = difference(found, expected)
    return {
        "device": own,
        "cpu": beside,
        "times_as_fast": own["per_second"] / beside["per_second"],
        "difference": apart,
        "tolerance": section.tolerance,
        "agrees": apart <= section.tolerance,
    }


def within(seconds: float, function: Callable[[], dict]) -> dict:
    """What a function returns, or why it did not: an error, or the time."""
    found: dict[str, Any] = {}

    def work() -> None:
        try:
            found.update(function())
        except Exception as error:  # whatever it is, the other sections go on
            traceback.print_exc()
            found.update(error=f"{type(error).__name__}: {error}")

    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        return {"error": f"took longer than {seconds:.0f} seconds; later times may suffer from it"}
    return found


def ceilings_of(device: Any, small: bool) -> dict[str, float]:
    """Exponentials per second in each precision."""
    rates = {}
    for dtype in (np.float64, np.float32):
        with jax.enable_x64(dtype == np.float64), jax.default_device(device):
            rates[np.dtype(dtype).name] = exp_rate(dtype, 15 if small else None)["per_second"]
    return rates


def run(small: bool, minutes: float, names: list[str], file: Path | None) -> dict[str, Any]:
    """All sections, each within an even share of the time that is left and half as much again."""
    device, cpu = jax.devices()[0], jax.devices("cpu")[-1]
    end = time.monotonic() + 60.0 * minutes
    rates = within(60.0 * minutes, lambda: ceilings_of(device, small))
    result: dict[str, Any] = {
        "machine": machine(),
        "small": small,
        "exp_per_second": rates,
        "sections": {},
    }
    for place, name in enumerate(names):
        left = end - time.monotonic()
        share = min(left, 1.5 * left / (len(names) - place))
        found = {"error": "no time was left"}
        if left > 0.0:
            found = within(share, lambda name=name: measure(name, device, cpu, small, rates))
        result["sections"][name] = found
        print(f"{name}: {json.dumps(found)}", file=sys.stderr, flush=True)
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def main(arguments: list[str] | None = None) -> int:
    """Run it; 1 where a section failed or did not agree."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", nargs="?", type=Path, help="also write the JSON here")
    parser.add_argument("--small", action="store_true", help="a few elements of each, for a test")
    parser.add_argument("--minutes", type=float, default=7.5, help="for all sections (7.5)")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    own = parser.parse_args(arguments)
    is_gpu = jax.default_backend() == "gpu"
    file = own.file or (RESULTS if is_gpu and not own.small else None)
    result = run(own.small, own.minutes, own.only, file)
    print(json.dumps(result, indent=1))
    return int(not all(found.get("agrees") for found in result["sections"].values()))


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # a section that took too long may still be running
