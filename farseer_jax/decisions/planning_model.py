"""What is known before the next run: the posterior of a forecast or of a law, or a prior."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from farseer_jax.decisions.run_pool import TableOfPoints, columns_of_table, table_of_points
from farseer_jax.fitting.arguments import as_law, as_parts
from farseer_jax.forecasting.few_runs import Nominal, stack_of_few_runs
from farseer_jax.forecasting.forecast import forecast
from farseer_jax.forecasting.posterior import Inputs
from farseer_jax.forecasting.result import Forecast
from farseer_jax.forecasting.stack import Stack
from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.input_limits import refuse_outside
from farseer_jax.laws.law import Law
from farseer_jax.link_functions import Link, as_link
from farseer_jax.methods.correlated_errors import CorrelatedErrors
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.method import weights_of
from farseer_jax.results.numbers import capitalised
from farseer_jax.runs.binding import bind_runs
from farseer_jax.runs.checks import Floats
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.table import split_shares

_MOST_NOMINAL = 64
_SLOPE = 0.15  # of nominal responses on the link's scale, per standard deviation of ln cost
_FEWEST = 2  # distinct runs of a forecast


@dataclass(frozen=True, eq=False)
class PlanningModel:
    """A posterior that is updated by new runs.

    Attributes:
        law: the law's class, with the shares and labels of its inputs.
        stack: the posteriors of its members.
        runs: the runs that it is conditioned on; None without any.
        link: the scale of the response.
        level: nominal probability of its intervals.
        title: the forecast or the law, as text.
        is_prior: whether it depends on weak priors, as for laws of the user's own.
    """

    law: type[Law]
    stack: Stack
    runs: Runs | None
    link: Link
    level: float
    title: str
    is_prior: bool

    @property
    def inputs(self) -> dict[str, np.ndarray] | None:
        """The law's inputs at the runs."""
        return None if self.runs is None else self.law.columns(self.runs)

    @property
    def run_weight(self) -> float:
        """The weight of a new run: that of the typical run, where the mean is 1."""
        if self.runs is None:
            return 1.0
        weights = weights_of(self.runs)
        return float(np.median(weights) / weights.mean())

    def predict(self, inputs: Inputs) -> Floats:
        """The expected response on the link's scale, ``(point,)``."""
        return self.stack.moments(inputs).mean


class Reading(NamedTuple):
    """How tables are read.

    Attributes:
        response: the column of the response.
        columns_of: columns of inputs that are not found by name.
        link: the scale of the response's errors.
        kinds: kinds of an expression's inputs that are not positive numbers.
        real: parameters of an expression that may have either sign.
        units: factors of inputs.
    """

    response: str | None
    columns_of: Mapping[str, str | Sequence[str]]
    link: Link | str | None
    kinds: Mapping[str, str] | None
    real: str | Sequence[str]
    units: Mapping[str, float | None]

    def points(self, values: object, name: str, law: type[Law]) -> TableOfPoints:
        """The points of an argument, for a law.

        Raises:
            ValueError: they are invalid, or outside the limits of the law's inputs.
        """
        found = table_of_points(values, name, law.inputs(), self.columns_of, self.units)
        try:
            refuse_outside(law.limits, found.inputs, "row {}".format)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        return found

    def link_of(self, law: type[Law]) -> Link:
        """The scale of the response's errors; by default that of the law."""
        return as_link(self.link or law.response_link)


def model_of_forecast(source: Forecast, level: float | None) -> PlanningModel:
    """The model of a forecast."""
    return PlanningModel(
        source.law_class,
        source.stack,
        source.runs,
        source.runs.link,
        source.level if level is None else level,
        f"Forecast, {_count(len(source.runs))}",
        is_prior=False,
    )


def law_of(law: object, runs: object, pool: object, reading: Reading) -> type[Law]:
    """The law's class, whose inputs an expression takes from the columns of the tables."""
    if law is None:
        return Chinchilla
    columns = columns_of_table(runs) + columns_of_table(pool)
    bound = tuple(reading.columns_of)
    return as_law(law, columns or None, bound=bound, kinds=reading.kinds, real=reading.real)


def with_entries(law: type[Law], runs: object, reading: Reading, pool: TableOfPoints) -> type[Law]:
    """The law with the shares of the pool's mixtures, and the labels of pool and runs."""
    entries = dict(pool.shares)
    known = {}
    if runs is not None:
        known = reading.points(runs, "runs", law).inputs
    for name, kind in law.inputs().items():
        if kind == "category":
            labels = [*known.get(name, ()), *pool.inputs[name]]
            entries[name] = tuple(dict.fromkeys(map(str, labels)))
    return law.with_shares(entries)


def model_of_table(
    law: type[Law],
    is_own: bool,
    table: object,
    pool: TableOfPoints,
    costs: Floats,
    reading: Reading,
    method: LeastSquares | None,
    errors: CorrelatedErrors | None,
    level: float | None,
) -> PlanningModel:
    """The model of a law at the runs of a table, or of its priors.

    Args:
        law: the law's class, with its shares and labels.
        is_own: whether it is the user's law, not one of the usual laws over N and D.
        table: the runs; None or a table without rows before the first run.
        pool: the runs that could be trained.
        costs: of the pool, ``(row,)``.
        reading: how tables are read.
        method: starts and fixed parameters of the law.
        errors: amplitudes and length scales of the correlated errors.
        level: nominal probability of intervals.
    """
    runs = None if table is None else _runs_of(law, table, reading)
    level = 0.9 if level is None else level
    errors = CorrelatedErrors() if errors is None else errors
    name = f"{capitalised(law.name)} law" if is_own else "Forecast"
    if runs is not None and not is_own and _num_distinct(law, runs) >= _FEWEST:
        answer = forecast(runs, errors=errors, usual=False)
        return model_of_forecast(answer, level)
    link = reading.link_of(law) if runs is None else runs.link
    nominal = nominal_runs(law, pool, costs, link)
    method = LeastSquares() if method is None else method
    stack = stack_of_few_runs(law if is_own else None, runs, nominal, errors, method)
    title = f"{name}, {_count(0 if runs is None else len(runs))}"
    return PlanningModel(law, stack, runs, link, level, title, is_prior=True)


def _runs_of(law: type[Law], table: object, reading: Reading) -> Runs:
    """The runs of a table; copies of one run count once."""
    if isinstance(table, Runs):
        return as_parts(law, table, link=reading.link)[1][0].runs
    mixtures = {name: list(own) for name, own in law.shares if law.inputs()[name] == "mixture"}
    parts = bind_runs(
        table,
        law.inputs(),
        columns_of={**reading.columns_of, **mixtures},
        response=reading.response,
        link=reading.link_of(law),
        units=reading.units,
        single_labels=True,
    )
    if len(parts) > 1:
        names = ", ".join(part.response for part in parts)
        raise ValueError(
            f"response: suggest_runs takes a single response, got {names}: name one of them"
        )
    return parts[0].runs


def num_rows(table: object) -> int:
    """How many rows a table of runs has."""
    if isinstance(table, Runs):
        return len(table)
    if isinstance(table, Mapping):
        return max((len(np.atleast_1d(column)) for column in table.values()), default=0)
    return int(getattr(table, "num_rows", len(table)))  # type: ignore[arg-type]


def _num_distinct(law: type[Law], runs: Runs) -> int:
    columns = [np.reshape(x, (len(runs), -1)) for x in law.columns(runs).values()]
    return len(np.unique(np.concatenate(columns, axis=1), axis=0))


def nominal_runs(law: type[Law], pool: TableOfPoints, costs: Floats, link: Link) -> Nominal:
    """Rows of the pool with made-up responses that improve with their cost."""
    order = np.argsort(costs, kind="stable")
    num = min(len(costs), _MOST_NOMINAL)
    rows = np.sort(order[np.unique(np.linspace(0, len(costs) - 1, num).round().astype(int))])
    log_cost = np.log(costs[rows])
    z = (log_cost - log_cost.mean()) / (log_cost.std() or 1.0)
    better = 1.0 if link.name == "logit" else -1.0
    inputs = {name: values[rows] for name, values in pool.inputs.items()}
    table = {**split_shares(inputs, pool.shares), "response": link.inverse(better * _SLOPE * z)}
    (part,) = bind_runs(
        table,
        law.inputs(),
        columns_of={name: list(own) for name, own in pool.shares.items()},
        response="response",
        link=link,
        units={name: 1.0 for name in ("N", "D") if name in inputs},
        single_labels=True,
    )
    return Nominal(part.runs, pool.of_law(law))


def _count(num: int) -> str:
    return f"{num} run{'s'[: num != 1]}" if num else "no runs yet"
