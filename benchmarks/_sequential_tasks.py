"""Tasks of the sequential choice of runs: a pool with costs, targets, and a law over its inputs.

Real runs (../shared/data), which are not part of the project. Targets are the costliest fifth of a
table, the rest is the pool; on the Farseer task the pool is the paper's grid and the targets are
the seven runs beyond it.
"""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np

import farseer_jax as fj

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
HELD_OUT = 0.2  # of the rows, the costliest

Columns = dict[str, np.ndarray]


class Task(NamedTuple):
    """A task.

    Attributes:
        pool: columns of the runs that can be chosen, with their losses.
        targets: columns of the runs to predict, with their losses.
        law: a law's class or an expression; None for the usual laws over N and D.
        cost: of a run, an expression.
        reading: how the columns are read, for ``suggest_runs``.
    """

    pool: Columns
    targets: Columns
    law: Any
    cost: str
    reading: Mapping[str, Any] = MappingProxyType({})


def columns_of(path: Path) -> Columns:
    """A table's columns, numbers where they are."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    found: Columns = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        try:
            found[name] = np.array([float(value) for value in values])
        except ValueError:
            found[name] = np.array(values)
    return found


def take(columns: Columns, rows: np.ndarray) -> Columns:
    """Some of the rows."""
    return {name: values[rows] for name, values in columns.items()}


def held_out(columns: Columns, costs: np.ndarray) -> tuple[Columns, Columns]:
    """The pool, and the costliest rows as targets; equal costs stay together."""
    least = np.sort(costs)[-max(1, round(HELD_OUT * len(costs)))]
    return take(columns, costs < least), take(columns, costs >= least)


class Streams(fj.Law):
    """ParScale with the coefficients of each corpus, and exponents in common."""

    name: ClassVar[str] = "streams"
    E: Annotated[fj.Positive, fj.Along("corpus")]
    A: Annotated[fj.Positive, fj.Along("corpus")]
    alpha: fj.Exponent
    k: fj.Positive

    def loss(self, N: Any, P: Any, corpus: fj.Category) -> Any:
        """Falls with N and with P."""
        E, A = (jnp.sum(corpus * value, axis=-1) for value in (self.E, self.A))
        return E + A / (N / 1e9 * (self.k * jnp.log(P) + 1.0)) ** self.alpha


@fj.law
def bilinear(
    N: fj.Positive,
    X: fj.Positive,
    *,
    a: fj.Real,
    b: fj.Exponent,
    c: fj.Exponent,
    d: fj.Real,
    most: fj.Positive,
) -> Any:
    """Clark et al., with saturation at many experts X."""
    z, x = jnp.log(N / 1e8), -jnp.log(1.0 / X + 1.0 / (100.0 * most))
    return jnp.exp(a - b * z - c * x + 0.1 * d * z * x)


REPEATED = "(U*(1 + R*(1 - exp(-(D/U - 1)/R))))"
BOWLS = (
    "N, D, lr, B | (E + A/N**a + C/D**b)"
    "*(1 + k*(log(lr) - u + p*log(N/1e9) - q*log(D/1e10))**2 + m*(log(B) - v - w*log(D/1e10))**2)"
)


def farseer() -> Task:
    grid = columns_of(DATA / "farseer_404.csv")
    grid = {name: grid[name] for name in ("N", "D", "loss")}
    _, first = np.unique(np.stack(list(grid.values())), axis=1, return_index=True)
    return Task(
        take(grid, np.sort(first)), columns_of(DATA / "farseer_beyond_grid.csv"), None, "6*N*D"
    )


def parallel() -> Task:
    table = columns_of(DATA / "named_inputs" / "parallel.csv")
    return Task(*held_out(table, table["N"] * table["P"]), Streams, "N*P")


def moe() -> Task:
    table = columns_of(DATA / "named_inputs" / "moe.csv")
    own = {"N": table["N_dense"], "X": table["experts"], "loss": table["loss"]}
    return Task(*held_out(own, own["N"] * (1 + 1e-9 * own["X"])), bilinear, "N")


def data_constrained() -> Task:
    table = columns_of(DATA / "named_inputs" / "data_constrained.csv")
    law = f"N, D, U | E + A/N**a + B/{REPEATED}**b"
    return Task(*held_out(table, table["N"] * table["D"]), law, "6*N*D")


def vocabulary() -> Task:
    table = columns_of(DATA / "named_inputs" / "vocabulary.csv")
    own = {"N": table["N_nonvocab"], "V": table["V"], "D": table["characters"]}
    own["loss"] = table["loss"]
    law = "N, V, D | -E + A/N**a + B/(D*V**h)**b"
    reading = {"link": "identity", "real": "h"}
    return Task(*held_out(own, own["N"] * own["D"]), law, "6*N*D", reading)


def learning_rate_batch() -> Task:
    table = columns_of(DATA / "named_inputs" / "learning_rate_batch.csv")
    table["B"] = table.pop("batch_size")
    reading = {"real": "u,v,p,q,w"}
    return Task(*held_out(table, table["N"] * table["D"]), BOWLS, "6*N*D", reading)


def mixture() -> Task:
    table = columns_of(DATA / "named_inputs" / "mixture_five_domains.csv")
    sizes = {"M": 1e6, "B": 1e9}
    N = np.array([float(text[:-1]) * sizes[text[-1]] for text in table["model"].tolist()])
    own = {name: values for name, values in table.items() if name.startswith("share_")}
    own |= {"N": N, "loss": table["loss_1"]}
    law = "N, h | E + A/N**a + 1/sum(C[h]*h**g[h])"
    return Task(*held_out(own, N), law, "N", {"columns_of": {"h": "share_*"}})


def sparsity() -> Task:
    table = columns_of(DATA / "named_inputs" / "sparsity.csv")
    own = {"P": table["P"], "N": 1e9 * table["N_active"], "loss": table["loss"]}
    own["D"] = 1e9 * (table["D1"] + table["D2"])
    law = "P, N, D | E + A*P**(-a)*N**(-b) + B/D**b2"
    return Task(*held_out(own, own["N"] * own["D"]), law, "N*D")


TASKS: dict[str, Callable[[], Task]] = {
    own.__name__: own
    for own in (
        farseer,
        parallel,
        moe,
        data_constrained,
        vocabulary,
        learning_rate_batch,
        mixture,
        sparsity,
    )
}
