"""Runs chosen one after another within a budget: are they worth more than others of that price?

    python benchmarks/sequential.py [--out results/sequential.json] [--tasks farseer,moe]

Each task has a pool of real runs with costs, and targets that are larger. A policy chooses runs of
the pool until the budget, 1, 5 or 10 % of the pool's total cost, is spent; the loss of a run is
known once it is chosen. The figure is R² of the predictions at the targets, by the same model for
all policies: the forecast over N and D, or the law of the task with correlated errors and weak
priors. Policies: suggested (`suggest_runs`, the next run each time, or a few where many are known),
random, cheapest first, and D-optimal for the law without misfit, at its fit to the whole pool, by
ln determinant per cost. Each seed leaves out a tenth of the pool at random, so that policies
without chance differ between seeds.

Every task is in the file before the next begins, and a second start leaves out what is there.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _sequential_tasks import TASKS, Task, take
from _timing import machine

import farseer_jax as fj
from farseer_jax.decisions.planning_model import (
    PlanningModel,
    Reading,
    law_of,
    model_of_table,
    with_entries,
)
from farseer_jax.decisions.run_pool import costs_of

FRACTIONS = (0.01, 0.05, 0.1)
LEFT_OUT = 0.1  # of the pool, for each seed
ASKED_AFTER = 4  # runs: from twice as many on, two are chosen at a time, and so on


class Problem:
    """A task with its costs, and the model that predicts from chosen rows."""

    def __init__(self, task: Task) -> None:
        self.task = task
        own = {"response": "loss", "columns_of": {}, "link": None, "kinds": None, "real": ()}
        self.reading = Reading(**{**own, "units": {}, **task.reading})
        law = law_of(task.law, task.pool, task.pool, self.reading)
        self.points = self.reading.points(task.pool, "pool", law.inputs())
        self.law = with_entries(law, None, self.reading, self.points)
        self.costs = costs_of(task.cost, self.points, self.law)
        self.at = self.reading.points(task.targets, "targets", law.inputs()).of_law(self.law)

    def model(self, rows: np.ndarray) -> PlanningModel:
        """The model at rows of the pool."""
        runs = take(self.task.pool, rows) if len(rows) else None
        is_own = self.task.law is not None
        return model_of_table(
            self.law, is_own, runs, self.points, self.costs, self.reading, None, None, None
        )

    def r2(self, rows: np.ndarray) -> float:
        """R² at the targets."""
        model, observed = self.model(rows), self.task.targets["loss"]
        predicted = model.link.inverse(model.predict(self.at))
        return float(
            1.0 - ((predicted - observed) ** 2).sum() / ((observed - observed.mean()) ** 2).sum()
        )


Policy = Callable[[Problem, np.ndarray, float, np.random.Generator], list[int]]


def suggested(problem: Problem, rows: np.ndarray, budget: float, rng: Any) -> list[int]:
    """The next runs by ``suggest_runs``, until none is affordable or none helps."""
    task, chosen, left = problem.task, list[int](), budget
    targets = {name: values for name, values in task.targets.items() if name != "loss"}
    while True:
        rest = np.array([row for row in rows if row not in set(chosen)], dtype=int)
        if not len(rest) or problem.costs[rest].min() > left:
            return chosen
        found = fj.suggest_runs(
            take(task.pool, np.array(chosen, dtype=int)) if chosen else None,
            targets,
            take({n: v for n, v in task.pool.items() if n != "loss"}, rest),
            left,
            law=task.law,
            cost=task.cost,
            num_next=max(1, len(chosen) // ASKED_AFTER),
            response="loss",
            **task.reading,
        )
        if not len(found):
            return chosen
        chosen += rest[found.row].tolist()
        left -= found.spent


def in_turn(problem: Problem, order: np.ndarray, budget: float) -> list[int]:
    """Rows in order, those that are affordable."""
    chosen, left = list[int](), budget
    for row in order:
        if problem.costs[row] <= left:
            chosen.append(int(row))
            left -= problem.costs[row]
    return chosen


def random(
    problem: Problem, rows: np.ndarray, budget: float, rng: np.random.Generator
) -> list[int]:
    """In a random order."""
    return in_turn(problem, rng.permutation(rows), budget)


def cheapest(problem: Problem, rows: np.ndarray, budget: float, rng: Any) -> list[int]:
    """By cost."""
    return in_turn(problem, rows[np.argsort(problem.costs[rows], kind="stable")], budget)


def d_optimal(problem: Problem, rows: np.ndarray, budget: float, rng: Any) -> list[int]:
    """By the increase of the ln determinant of the information per cost."""
    stack = problem.model(np.arange(len(problem.costs))).stack
    posterior = stack.posteriors[0]
    member = posterior.member
    bound = member.function.bind(member.inputs_of(problem.points.of_law(problem.law)))
    slopes = bound.value_and_gradient(member.parameters(posterior.laplace.free[:1]))[1][0]
    slopes = (member.basis.T @ slopes).T
    slopes = slopes / np.maximum(np.sqrt((slopes**2).mean(0)), 1e-300)
    covariance, chosen, left = 1e3 * np.eye(slopes.shape[1]), list[int](), budget
    while True:
        rest = np.array(
            [row for row in rows if row not in set(chosen) and problem.costs[row] <= left],
            dtype=int,
        )
        if not len(rest):
            return chosen
        gain = np.log1p(np.einsum("ri,ij,rj->r", slopes[rest], covariance, slopes[rest]))
        best = int(rest[np.argmax(gain / problem.costs[rest])])
        along = covariance @ slopes[best]
        covariance -= np.outer(along, along) / (1.0 + slopes[best] @ along)
        chosen.append(best)
        left -= problem.costs[best]


POLICIES: dict[str, Policy] = {
    "suggested": suggested,
    "random": random,
    "cheapest": cheapest,
    "D-optimal": d_optimal,
}


def result_of(problem: Problem, policy: Policy, fraction: float, num_seeds: int) -> dict[str, Any]:
    """R² of each seed, with the number of runs and the time."""
    budget = fraction * float(problem.costs.sum())
    r2, counts, start = list[float](), list[int](), time.perf_counter()
    for seed in range(num_seeds):
        rng = np.random.default_rng([seed, 7])
        num = len(problem.costs)
        rows = np.sort(rng.permutation(num)[: round((1 - LEFT_OUT) * num)])
        chosen = policy(problem, rows, budget, rng)
        r2.append(problem.r2(np.array(chosen, dtype=int)))
        counts.append(len(chosen))
    return {
        "mean": float(np.mean(r2)),
        "median": float(np.median(r2)),
        "r2": r2,
        "num_runs": counts,
        "seconds_a_run": (time.perf_counter() - start) / max(sum(counts), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/sequential.json"))
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--policies", default=",".join(POLICIES))
    parser.add_argument("--fractions", default=",".join(map(str, FRACTIONS)))
    parser.add_argument("--seeds", type=int, default=10)
    args = parser.parse_args()
    done = json.loads(args.out.read_text()) if args.out.exists() else {"machine": machine()}
    for name in args.tasks.split(","):
        problem = Problem(TASKS[name]())
        own = done.setdefault(name, {"num_pool": len(problem.costs)})
        own.setdefault("all", problem.r2(np.arange(len(problem.costs))))
        for fraction in args.fractions.split(","):
            for policy in args.policies.split(","):
                key = f"{policy} {fraction}"
                if key not in own:
                    own[key] = result_of(problem, POLICIES[policy], float(fraction), args.seeds)
                    one = own[key]
                    print(
                        name,
                        key,
                        f"{one['mean']:.3f} {one['median']:.3f}",
                        one["num_runs"],
                        flush=True,
                    )
                    args.out.parent.mkdir(parents=True, exist_ok=True)
                    args.out.write_text(json.dumps(done, indent=1) + "\n")


if __name__ == "__main__":
    main()
