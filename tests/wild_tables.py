"""Tables of runs as people have them, made from runs whose N, D and loss are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import farseer_jax as fj
from farseer_jax.runs.binding import bind_runs
from farseer_jax.runs.table_problems import OF_TABLES, merged

TOKENS_PER_BATCH = 2**19


class Wild(NamedTuple):
    """A table, and the runs that it holds.

    Attributes:
        table: as people have it.
        truth: its N, D and loss, one row per run.
        word: what a note or the message must name, as the table alone does not decide it.
        write: how it is written to a file; None for CSV.
        suffix: of the file.
    """

    table: pd.DataFrame
    truth: pd.DataFrame
    word: str = ""
    write: Callable[[pd.DataFrame, Path], Any] | None = None
    suffix: str = ".csv"

    def file(self, folder: Path) -> Path:
        """The table as a file."""
        path = folder / f"runs{self.suffix}"
        if self.write is None:
            self.table.to_csv(path, index=False)
        else:
            self.write(self.table, path)
        return path


Maker = Callable[[pd.DataFrame], Wild]


def example_ladder() -> pd.DataFrame:
    """Made-up runs, with losses as those of nats per token: run_id, N, D, loss."""
    runs = fj.example_runs()
    frame = pd.DataFrame({"N": runs.N, "D": runs.D, "loss": 4.5 * runs.loss}).iloc[::4]
    frame = frame.reset_index(drop=True)
    frame.insert(0, "run_id", [f"run-{row}" for row in range(len(frame))])
    return frame


def real_ladder(folder: Path) -> pd.DataFrame:
    """The ladder of OLMo: run_id, N, D, loss."""
    table = pd.read_csv(folder / "olmo_ladder.csv")
    rows = table[table.role == "ladder"].reset_index(drop=True)
    return rows[["run_id", "N", "D", "loss"]]


def truth_of(runs: pd.DataFrame, **changed: Any) -> pd.DataFrame:
    """N, D and loss of runs."""
    return runs[["N", "D", "loss"]].astype(float).assign(**changed)


def wandb(runs: pd.DataFrame) -> Wild:
    table = pd.DataFrame(
        {
            "Name": runs.run_id,
            "_step": (runs.D / TOKENS_PER_BATCH).round().astype(int),
            "config.model.n_params": runs.N,
            "tokens_seen": runs.D,
            "train/loss": runs.loss + 0.02,
            "eval/loss": runs.loss,
        }
    )
    return Wild(table, truth_of(runs), "'train/loss' would also match")


def wandb_crashed(runs: pd.DataFrame) -> Wild:
    table = wandb(runs).table
    table.loc[[2, 5], ["train/loss", "eval/loss"]] = np.nan
    return Wild(table, truth_of(runs).drop([2, 5]), "rows 2, 5")


def wandb_checkpoints(runs: pd.DataFrame) -> Wild:
    last = wandb(runs).table
    parts = [
        last.assign(
            _step=(last._step * share).astype(int),
            tokens_seen=last.tokens_seen * share,
            **{name: last[name] * (1.2 - 0.2 * share) for name in ("train/loss", "eval/loss")},
        )
        for share in (0.25, 0.5, 0.75, 1.0)
    ]
    return Wild(pd.concat(parts).sort_values(["Name", "_step"]), truth_of(runs), "checkpoints")


def loss_curves(runs: pd.DataFrame) -> Wild:
    parts = [
        runs.assign(step=step, D=runs.D * step / 1000, loss=runs.loss * (1000 / step) ** 0.1)
        for step in range(100, 1001, 100)
    ]
    table = pd.concat(parts).sort_values(["run_id", "step"])[["run_id", "step", "N", "D", "loss"]]
    return Wild(table, truth_of(runs), "checkpoints")


def in_billions(runs: pd.DataFrame) -> Wild:
    table = pd.DataFrame({"params_B": runs.N / 1e9, "tokens_B": runs.D / 1e9, "loss": runs.loss})
    return Wild(table, truth_of(runs), "in billions")


def suffixed(runs: pd.DataFrame) -> Wild:
    sizes = [f"{N / 1e6:.0f}M" if N < 1e9 else f"{N / 1e9:.1f}B" for N in runs.N]
    known = [float(size[:-1]) * {"M": 1e6, "B": 1e9}[size[-1]] for size in sizes]
    return Wild(runs.assign(N=sizes), truth_of(runs, N=known))


def tokens_per_parameter(runs: pd.DataFrame) -> Wild:
    table = pd.DataFrame(
        {"n_params": runs.N, "tokens_per_param": runs.D / runs.N, "loss": runs.loss}
    )
    return Wild(table, truth_of(runs), "tokens_per_param")


def compute(runs: pd.DataFrame) -> Wild:
    table = pd.DataFrame({"N": runs.N, "C": 6.0 * runs.N * runs.D, "loss": runs.loss})
    return Wild(table, truth_of(runs), "C")


def perplexity(runs: pd.DataFrame) -> Wild:
    table = runs.assign(perplexity=np.exp(runs.loss)).drop(columns="loss")
    return Wild(table, truth_of(runs), "perplexity")


def accuracy(runs: pd.DataFrame) -> Wild:
    correct = 1.0 / (1.0 + (runs.loss - runs.loss.min() + 0.5))
    table = runs.assign(accuracy=correct).drop(columns="loss")
    return Wild(table, truth_of(runs, loss=correct), "accuracy")


def excel(runs: pd.DataFrame) -> Wild:
    write = lambda table, path: table.to_excel(path, index=False)  # noqa: E731
    return Wild(runs, truth_of(runs), write=write, suffix=".xlsx")


def semicolons(runs: pd.DataFrame) -> Wild:
    write = lambda table, path: table.to_csv(path, index=False, sep=";", decimal=",")  # noqa: E731
    table = runs.rename(columns={"N": "params", "D": "tokens"})
    return Wild(table, truth_of(runs), write=write)


def commented(runs: pd.DataFrame) -> Wild:
    def write(table: pd.DataFrame, path: Path) -> None:
        path.write_text("# exported by me\n" + table.to_csv(index=False))

    return Wild(runs, truth_of(runs), write=write)


def thousands(runs: pd.DataFrame) -> Wild:
    table = runs.assign(N=[f"{N:,.0f}" for N in runs.N], D=[f"{D:,.0f}" for D in runs.D])
    return Wild(table, truth_of(runs, N=runs.N.round(), D=runs.D.round()))


def marks(runs: pd.DataFrame) -> Wild:
    table = runs.astype({"loss": object})
    table.loc[3, "loss"], table.loc[7, "loss"] = "diverged", ""
    return Wild(table, truth_of(runs).drop([3, 7]), "'diverged'")


def arms(runs: pd.DataFrame) -> Wild:
    parts = [
        runs.assign(arm=arm, loss=runs.loss * (1.0 + 0.01 * at), run_id=runs.run_id + arm)
        for at, arm in enumerate(["attn", "gdn", "kda", "mamba", "mla", "swa"])
    ]
    return Wild(pd.concat(parts, ignore_index=True), truth_of(runs), "'arm'")


def roles(runs: pd.DataFrame) -> Wild:
    first = runs.index < len(runs) - 3
    table = runs.assign(role=np.where(first, "ladder", "target"))
    reruns = table.iloc[:4].assign(role="rerun", loss=lambda own: own.loss * 1.0004)
    table = pd.concat([table, reruns], ignore_index=True)
    return Wild(table, truth_of(runs)[first], "'target'")


def every_second_in_millions(runs: pd.DataFrame) -> Wild:
    sizes = np.where(runs.index % 2 == 1, runs.N / 1e6, runs.N)
    return Wild(runs.assign(N=sizes), truth_of(runs), "mixes units")


def two_losses(runs: pd.DataFrame) -> Wild:
    return Wild(runs.assign(val_loss=runs.loss + 0.03), truth_of(runs), "'val_loss'")


def numbered(runs: pd.DataFrame) -> Wild:
    table = truth_of(runs).set_axis([0, 1, 2], axis=1)
    write = lambda table, path: table.to_csv(path, index=False)  # noqa: E731
    return Wild(table, truth_of(runs), "'0'", write=write)


def grouped(runs: pd.DataFrame) -> Wild:
    twice = pd.concat([runs, runs.assign(loss=runs.loss * 1.0002)])
    mean = twice.groupby(["N", "D"])[["loss"]].mean()
    write = lambda table, path: table.to_csv(path)  # noqa: E731
    return Wild(mean, truth_of(mean.reset_index()), write=write)


def epochs(runs: pd.DataFrame) -> Wild:
    number = 2.0 ** (np.arange(len(runs)) % 6)
    table = runs.assign(epochs=number, unique_tokens=runs.D / number).drop(columns="D")
    return Wild(table, truth_of(runs), "epochs")


def standard_errors(runs: pd.DataFrame) -> Wild:
    table = runs.assign(loss_se=0.001 * (1.0 + runs.index % 3))
    return Wild(table, truth_of(runs), "'loss_se'")


def d_over_n_as_d(runs: pd.DataFrame) -> Wild:
    return Wild(runs.assign(D=runs.D / runs.N), truth_of(runs), "tokens per parameter")


def compute_as_d(runs: pd.DataFrame) -> Wild:
    return Wild(runs.assign(D=6.0 * runs.N * runs.D), truth_of(runs), "compute")


def perplexity_as_loss(runs: pd.DataFrame) -> Wild:
    return Wild(runs.assign(loss=np.exp(runs.loss)), truth_of(runs), "perplexity")


def accuracy_as_loss(runs: pd.DataFrame) -> Wild:
    table = accuracy(runs).table.rename(columns={"accuracy": "loss"})
    return Wild(table, truth_of(runs, loss=table.loss), "accuracy")


def per_cent(runs: pd.DataFrame) -> Wild:
    table = accuracy(runs).table
    known = table.accuracy
    return Wild(table.assign(accuracy=100.0 * known), truth_of(runs, loss=known), "per cent")


def per_cent_as_loss(runs: pd.DataFrame) -> Wild:
    table = per_cent(runs).table.rename(columns={"accuracy": "loss"})
    return Wild(table, truth_of(runs, loss=table.loss / 100.0), "per cent")


def log_likelihood(runs: pd.DataFrame) -> Wild:
    table = runs.assign(log_likelihood=-runs.loss).drop(columns="loss")
    return Wild(table, truth_of(runs), "log_likelihood")


def negative_losses(runs: pd.DataFrame) -> Wild:
    return Wild(runs.assign(loss=-runs.loss), truth_of(runs), "log-likelihood")


def summed_losses(runs: pd.DataFrame) -> Wild:
    table = runs.assign(loss=runs.loss * 4096.0, eval_tokens=4096)
    return Wild(table, truth_of(runs), "eval_tokens")


def steps_and_batches(runs: pd.DataFrame) -> Wild:
    steps = runs.D / TOKENS_PER_BATCH
    table = runs.assign(steps=steps, batch_size=256, seq_len=2048).drop(columns="D")
    return Wild(table, truth_of(runs), "steps")


def steps_and_tokens(runs: pd.DataFrame) -> Wild:
    table = runs.assign(steps=runs.D / TOKENS_PER_BATCH, tokens_per_batch=TOKENS_PER_BATCH)
    return Wild(table.drop(columns="D"), truth_of(runs), "steps")


def multiples_of_twenty(runs: pd.DataFrame) -> Wild:
    table = runs.assign(chinchilla_mult=runs.D / (20.0 * runs.N)).drop(columns="D")
    return Wild(table, truth_of(runs), "chinchilla_mult")


def compute_and_tokens(runs: pd.DataFrame) -> Wild:
    table = runs.assign(train_flops=6.0 * runs.N * runs.D).drop(columns="N")
    return Wild(table, truth_of(runs), "train_flops")


def sizes_in_names(runs: pd.DataFrame) -> Wild:
    """Names such as 190M stand for all runs of a size: these are no checkpoints."""
    table = runs.assign(Name=[f"{N / 1e6:.0f}M" for N in runs.N]).drop(columns="run_id")
    return Wild(table, truth_of(runs))


def seeds(runs: pd.DataFrame) -> Wild:
    parts = [
        runs.assign(seed=seed, loss=runs.loss * (1.0 + 3e-4 * math.sin(97.0 * seed) * sign))
        for seed, sign in ((0, 1.0), (1, -1.0), (2, 0.5))
    ]
    table = pd.concat(parts, ignore_index=True).drop(columns="run_id")
    return Wild(table, truth_of(table))


def reruns(runs: pd.DataFrame) -> Wild:
    noise = 1.0 + 2e-4 * np.sin(37.0 * np.arange(6))
    again = runs.iloc[:6].assign(loss=runs.loss.iloc[:6] * noise, run_id=runs.run_id + "-rerun")
    table = pd.concat([runs, again], ignore_index=True)
    return Wild(table, truth_of(table))


def random_rows_in_billions(runs: pd.DataFrame) -> Wild:
    own = np.arange(len(runs)) % 5 == 2
    return Wild(runs.assign(D=np.where(own, runs.D / 1e9, runs.D)), truth_of(runs), "mixes units")


def several_arms(runs: pd.DataFrame, factors: Mapping[Any, float], name: str) -> pd.DataFrame:
    """The runs once for each label, with losses that differ by a factor."""
    parts = [
        runs.assign(**{name: label}, run_id=runs.run_id + f"-{label}", loss=runs.loss * factor)
        for label, factor in factors.items()
    ]
    return pd.concat(parts, ignore_index=True)


def crashed_states(runs: pd.DataFrame) -> Wild:
    bad = [1, 6]
    table = runs.assign(State="finished")
    table.loc[bad, "State"], table.loc[bad, "loss"] = "crashed", 1.3 * table.loss[bad]
    return Wild(table, truth_of(runs).drop(bad), "'crashed'")


def flagged_targets(runs: pd.DataFrame) -> Wild:
    is_large = runs.N >= runs.N.quantile(0.8)
    return Wild(runs.assign(held_out=is_large), truth_of(runs)[~is_large], "'held_out'")


def unlabelled_ladder(runs: pd.DataFrame) -> Wild:
    """Only the targets have a label."""
    is_large = runs.N >= runs.N.quantile(0.8)
    table = runs.assign(role=np.where(is_large, "target", None))
    return Wild(table, truth_of(runs)[~is_large], "'target'")


def seeds_of_checkpoints(runs: pd.DataFrame) -> Wild:
    """A run is known by its name and its seed."""
    parts = [
        runs.assign(
            seed=seed,
            step=np.round(share * runs.D / TOKENS_PER_BATCH),
            D=share * runs.D,
            loss=runs.loss * (1.2 - 0.2 * share) * (1.0 + 1e-4 * seed),
        )
        for seed in (0, 1)
        for share in (0.25, 0.5, 0.75, 1.0)
    ]
    table = pd.concat(parts, ignore_index=True).rename(columns={"run_id": "Name"})
    return Wild(table, truth_of(pd.concat([parts[3], parts[7]])), "checkpoints")


def pflop_days(runs: pd.DataFrame) -> Wild:
    days = 6.0 * runs.N * runs.D / (1e15 * 86400)
    return Wild(runs.assign(**{"PF-days": days}).drop(columns="D"), truth_of(runs), "PF-days")


def tokens_in_thousands(runs: pd.DataFrame) -> Wild:
    small = runs[runs.D < 30 * runs.N].reset_index(drop=True)
    return Wild(small.assign(D=small.D / 1e3), truth_of(small), "in thousands")


# The tables of ../shared/cases/tables.md by number; 11 and 23 are about files.
CASES: Mapping[str, Maker] = {
    "1 export of Weights & Biases": wandb,
    "2 crashed runs": wandb_crashed,
    "3 checkpoints": wandb_checkpoints,
    "4 loss curves": loss_curves,
    "5 billions in names": in_billions,
    "6 sizes as 201M": suffixed,
    "7 tokens per parameter": tokens_per_parameter,
    "8 compute": compute,
    "9 perplexity": perplexity,
    "10 accuracy": accuracy,
    "11 Excel": excel,
    "12 semicolons and decimal commas": semicolons,
    "13 a comment first": commented,
    "14 thousands": thousands,
    "15 diverged and empty": marks,
    "17 roles": roles,
    "18 every second row in millions": every_second_in_millions,
    "19 two losses": two_losses,
    "20 columns named 0, 1, 2": numbered,
    "21 grouped frame": grouped,
    "22 epochs": epochs,
    "24 standard errors": standard_errors,
    "tokens per parameter named D": d_over_n_as_d,
    "compute named D": compute_as_d,
    "perplexity named loss": perplexity_as_loss,
    "accuracy named loss": accuracy_as_loss,
    "accuracy in per cent": per_cent,
    "accuracy in per cent named loss": per_cent_as_loss,
    "log-likelihood": log_likelihood,
    "negative losses": negative_losses,
    "summed losses": summed_losses,
    "steps, batch and length": steps_and_batches,
    "steps and tokens per batch": steps_and_tokens,
    "multiples of 20 tokens per parameter": multiples_of_twenty,
    "compute and tokens": compute_and_tokens,
    "sizes as names of runs": sizes_in_names,
    "seeds": seeds,
    "reruns": reruns,
    "some rows in billions": random_rows_in_billions,
    "crashed runs by their state": crashed_states,
    "targets by a flag": flagged_targets,
    "targets with a label": unlabelled_ladder,
    "checkpoints with seeds": seeds_of_checkpoints,
    "petaFLOP-days": pflop_days,
    "tokens in thousands": tokens_in_thousands,
}


def rows_of(N: Any, D: Any, loss: Any) -> list[tuple[float, ...]]:
    """Runs to compare in any order, to eleven digits, as formulas round."""
    columns = [[float(f"{value:.11g}") for value in column] for column in (N, D, loss)]
    return sorted(zip(*columns, strict=True))


def true_rows(truth: pd.DataFrame) -> list[tuple[float, ...]]:
    """The rows of the truth to compare."""
    return rows_of(truth.N, truth.D, truth.loss)


def read(source: Any, **options: Any) -> tuple[list[tuple[float, ...]], str]:
    """The runs of a fit to a table, and what was said of them.

    Args:
        source: the table or a file.
        options: of `read_table` and `fit`, as a `TableError` has them.

    Raises:
        TableError: the table cannot be read as it is.
    """
    given = {name: value for name, value in options.items() if value is not None}
    own = {name: given.pop(name) for name in OF_TABLES if name in given}
    given["columns_of"] = {
        name: column for name, column in given.get("columns_of", {}).items() if column is not None
    }
    units = given.get("units", {})
    table = fj.read_table(source, **own, columns_of=given["columns_of"], units=units)
    parts = bind_runs(table, ["N", "D"], **given, checked=True)
    notes = "; ".join(parts[0].runs.notes)
    return [
        row for part in parts for row in rows_of(part.runs.N, part.runs.D, part.runs.loss)
    ], notes


def ways_to_read(source: Any, **options: Any) -> tuple[list[list[tuple[float, ...]]], str]:
    """The runs by each way to read a table, and what was said of it."""
    try:
        rows, notes = read(source, **options)
    except fj.TableError as error:
        found = [read(source, **merged(options, way.options)) for way in error.ways]
        return [rows for rows, _ in found], "; ".join([str(error), *(notes for _, notes in found)])
    return [rows], notes
