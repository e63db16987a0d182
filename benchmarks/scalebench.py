"""Laws over any inputs on public tables: what they extrapolate, and which one hold-outs choose.

    python benchmarks/scalebench.py [--out results/scalebench.json] [--only moe,parallel] [--table]

Needs ../shared/data/named_inputs. For each table the last size or the largest cost is held out;
of mixtures the most unusual ones. Each law is fitted to the runs up to one limit after another by
Huber's objective, and as a forecast (the law with correlated errors, and without, weighted by
earlier extrapolations). The runs between a limit and the held-out ones choose; R² on the held-out
runs tests the choice. All is made by one call of `extrapolate` for each table. Beside it, laws are
chosen automatically (`choose_law`) from the same rows. Every table is in the file before the next
begins, and a second start leaves out what is there.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from _timing import machine

import farseer_jax as fj
from farseer_jax.expressions.expression import parse
from farseer_jax.laws.registry import LAWS, law_named
from farseer_jax.runs.read_table import read_table

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "named_inputs"
ROW = "row of the table"
ROBUST = fj.LeastSquares("huber")


@dataclass(frozen=True)
class Task:
    """A table, its laws, and what is held out.

    Attributes:
        file: name of the table.
        along: what orders the runs; the largest are held out.
        laws: names of the catalogue, or expressions by a name.
        options: how the table is read.
        published: the best R² of published laws on runs that are kept apart.
        prepare: changes the table before it is read.
        forecasts: whether each law is a forecast too.
        automatic: whether laws are chosen automatically too.
    """

    file: str
    along: str
    laws: dict[str, str]
    options: dict[str, Any] = field(default_factory=dict)
    published: dict[str, float] = field(default_factory=dict)
    prepare: Callable[[dict[str, Any]], dict[str, Any]] = dict
    forecasts: bool = True
    automatic: bool = True

    def candidates(self) -> dict[str, Any]:
        """The laws that the library has, each by Huber's objective and as a forecast."""
        there = {
            name: law
            for name, law in self.laws.items()
            if law in LAWS or any(mark in law for mark in "+*(")
        }
        robust = {name: (law, ROBUST) for name, law in there.items()}
        if not self.forecasts:
            return robust
        return robust | {f"{name}, forecast": (law, "forecast") for name, law in there.items()}


def _with_sizes(table: dict[str, Any]) -> dict[str, Any]:
    """Sizes written as 70M or 1.4B as numbers."""
    units = {"M": 1e6, "B": 1e9}
    return {**table, "N": np.array([float(own[:-1]) * units[own[-1]] for own in table["model"]])}


TASKS = {
    "parallel": Task(
        "parallel.csv",
        "6*N*P",
        {"parscale": "parscale", "power of P": "E + A/N**a/P**b", "N alone": "E + A/N**a"},
        {"by": "corpus"},
        {"SLDBench": 1.0, "ScaleBench": 0.99},
    ),
    "moe": Task(
        "moe.csv",
        "N",
        {
            "moe-bilinear": "moe-bilinear",
            "moe-saturating": "moe-saturating",
            "product": "E + A/(N**a*experts**b)",
            "sum": "E + A/N**a + B/experts**b",
            "bilinear with a floor": "E + A*exp(c*log(N)*log(experts))/(N**a*experts**b)",
        },
        {"columns_of": {"N": "N_dense"}, "real": "c"},
        {"SLDBench": 0.703, "ScaleBench": 0.81},
    ),
    "data_constrained": Task(
        "data_constrained.csv",
        "C",
        {
            "data-constrained": "data-constrained",
            "chinchilla, repeated tokens": "chinchilla(D=repeated-tokens)",
            "chinchilla": "chinchilla",
        },
        {},
        {"SLDBench": 0.911, "ScaleBench": 0.79},
    ),
    "vocabulary": Task(
        "vocabulary.csv",
        "N",
        {
            "vocabulary": "vocabulary",
            "sum": "A/N**a + B/V**b + C/characters**c - E",
            "data by vocabulary": "A/N**a + B/(characters*V**h)**b + C/V**c - E",
        },
        {"columns_of": {"N": "N_nonvocab"}, "link": "identity"},
        {"SLDBench": 0.966, "ScaleBench": 0.93},
        forecasts=False,
    ),
    "learning_rate_batch": Task(
        "learning_rate_batch.csv",
        "C",
        {
            "learning-rate-batch": "learning-rate-batch",
            "asymmetric-learning-rate-batch": "asymmetric-learning-rate-batch",
            "chinchilla": "chinchilla",
        },
        {},
        {"SLDBench": -0.076, "ScaleBench": 0.04},
        forecasts=False,
    ),
    "mixture_five_domains": Task(
        "mixture_five_domains.csv",
        "h",
        {
            "inverse sum of powers": "E + A/N**a + 1/sum(C[h]*h**g)",
            "exponential": "E + A/N**a + k*exp(sum(t[h]*h))",
            "linear": "E + A/N**a + sum(t[h]*h)",
        },
        {"columns_of": {"h": "share_*"}, "response": "loss_*", "real": "t"},
        {"SLDBench": 0.671, "ScaleBench": 0.81},
        _with_sizes,
        forecasts=False,
    ),
    "finetuning": Task(
        "finetuning.csv",
        "examples",
        {"fine-tuning": "fine-tuning", "power law": "E + B/examples**b"},
        {"by": "model,dataset"},
        {"SLDBench": 0.957},
        forecasts=False,
    ),
    "sparsity": Task(
        "sparsity.csv",
        "6*N_active*(D1 + D2)",
        {
            "moe-upcycling": "moe-upcycling",
            "sum of powers": "E + A/N_active**a/expansion**b + B/D1**c/D2**d",
            "upcycling with data": "E + A*expansion**-a*N_active**-b"
            "*exp(c*log(expansion)*log(N_active))/(D1**d*D2**f)",
        },
        {"columns_of": {"expansion": "P"}, "real": "c"},
        {"ScaleBench": 0.37},
    ),
    "mixture_slimpajama": Task(
        "mixture_slimpajama.csv",
        "N",
        {
            "chinchilla": "E + A/N**a + B/D**b",
            "additive": "E + A/N**a + B/D**b + 1/sum(C[h]*h**g[h])",
        },
        {
            "columns_of": {"N": "model_size", "D": "n_tokens", "h": "weight_*"},
            "response": "*_loss",
        },
        forecasts=False,
        automatic=False,
    ),
    "gadre": Task(
        "gadre_tasks.csv",
        "C",
        {
            "overtraining": "overtraining",
            "overtraining-one-coefficient": "overtraining-one-coefficient",
            "chinchilla": "chinchilla",
            "coupled": "coupled",
        },
        {"by": "corpus", "response": "loss"},
    ),
    "olmo": Task(
        "olmo_tasks.csv",
        "C",
        {"chinchilla": "chinchilla", "coupled": "coupled", "kaplan": "kaplan"},
        {"response": "*_bpb"},
        forecasts=False,
    ),
}


def measured(task: Task) -> dict[str, Any]:
    """The errors of all laws on one table, the choice, and the time."""
    raw = read_table(DATA / task.file)
    table = {**task.prepare(raw), ROW: np.arange(len(next(iter(raw.values()))))}
    start = time.process_time()
    candidates = task.candidates()
    options = dict(task.options)
    names = {name for law, _ in candidates.values() for name in _names(law)}
    for option in {"columns_of"} & set(options):  # for the laws that the library has
        options[option] = {k: v for k, v in options[option].items() if k in names}
    found = fj.extrapolate(table, candidates, along=task.along, **options)
    rows = found.leaderboard
    seconds = time.process_time() - start
    parts = found.by_part().to_dataframe().groupby("name").held_out_r2.mean()
    return {
        "file": task.file,
        "num_runs": len(found.values),
        "num_parts": len(found.parts),
        "along": task.along,
        "num_held_out": int(found.held_out.sum()),
        "held_out_from": float(found.values[found.held_out].min()),
        "chosen": rows[0].name,
        "undecided": list(found.undecided),
        "laws": {
            row.name: {
                "inner_error": _plain(row.inner_error),
                "held_out_error": _plain(row.held_out_error),
                "held_out_r2": _plain(row.held_out_r2),
                "mean_r2_by_part": _plain(parts[row.name]),
                "probability": _plain(row.probability),
                "note": found[row.name].note,
            }
            for row in rows
        },
        "published_r2": task.published,
        "cpu_seconds": seconds,
        **({"automatic": _automatic(raw, task, found)} if task.automatic else {}),
    }


def _automatic(raw: dict[str, Any], task: Task, found: fj.Extrapolation) -> dict[str, Any]:
    """`choose_law` on all rows but the held-out ones, which it then predicts."""
    rows = np.concatenate([part.runs.extra[ROW] for part in found.parts]).astype(int)
    table = {name: np.asarray(values) for name, values in raw.items()}
    far = np.isin(np.arange(len(next(iter(table.values())))), np.unique(rows[found.held_out]))
    own = {name: task.options[name] for name in ("response", "by") if name in task.options}
    start = time.process_time()
    choice = fj.choose_law({name: values[~far] for name, values in table.items()}, **own)
    seconds = time.process_time() - start
    metrics = choice.evaluate({name: values[far] for name, values in table.items()})
    parts = [row["r2"] for row in metrics.metrics_by]
    return {
        "held_out_r2": _plain(metrics.r2),
        "mean_r2_by_part": _plain(float(np.nanmean(parts))) if np.isfinite(parts).any() else None,
        "mean_relative_error": _plain(metrics.mean_relative_error),
        "cpu_seconds": seconds,
    }


def _names(law: str) -> tuple[str, ...]:
    """The inputs of a law, or all names of an expression."""
    known = law_named(law)
    return parse(law).names if known is None else tuple(known.inputs())


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def table_of(tasks: dict[str, Any]) -> str:
    """The table of docs/scalebench.md."""
    heading = (
        "table", "runs", "held out", "chosen by the inner hold-outs", "its R²",
        "R² of the other laws", "R² of `choose_law`", "SLDBench", "ScaleBench",
    )  # fmt: skip
    lines = [heading, ("---",) * len(heading)]
    for name, own in tasks.items():
        chosen = own["laws"][own["chosen"]]
        others = [row["held_out_r2"] for law, row in own["laws"].items() if law != own["chosen"]]
        known = [value for value in others if value is not None]
        spread = " to ".join(dict.fromkeys(_r2(value) for value in (min(known), max(known))))
        doubt = " (undecided)" if own["undecided"] else ""
        along = "unusual mixtures" if own["along"] == "h" else f"largest `{own['along']}`"
        lines.append(
            (
                f"`{name}`",
                f"{own['num_runs']:,}",
                f"{own['num_held_out']:,}, {along}",
                f"{own['chosen']}{doubt}",
                _r2(chosen["held_out_r2"]),
                spread,
                _r2(own.get("automatic", {}).get("held_out_r2")),
                *(_r2(own["published_r2"].get(source)) for source in ("SLDBench", "ScaleBench")),
            )
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _r2(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}" if value < 0.9995 else f"{value:.4f}"


def main() -> None:
    """Measure all tables that the file lacks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results/scalebench.json"
    )
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(TASKS))
    parser.add_argument("--table", action="store_true", help="print the table of the docs")
    args = parser.parse_args()
    found = json.loads(args.out.read_text()) if args.out.exists() else {"machine": machine()}
    tasks = found.setdefault("tasks", {})
    if args.table:
        print(table_of(tasks))
        return
    for name in args.only:
        if name in tasks:
            continue
        tasks[name] = measured(TASKS[name])
        args.out.write_text(json.dumps(found, indent=1) + "\n")
        own = tasks[name]
        chosen = own["laws"][own["chosen"]]
        if "automatic" in own:
            print(f"{name}, automatic: {own['automatic']}")
        print(f"{name}: {own['chosen']}, R² {chosen['held_out_r2']}, {own['cpu_seconds']:.1f} s")
        for law, row in own["laws"].items():
            print(f"    {law}: inner {row['inner_error']}, R² {row['held_out_r2']} {row['note']}")


if __name__ == "__main__":
    main()
