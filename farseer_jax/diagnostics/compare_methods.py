"""Laws and methods side by side on one table of runs (paper App. H, Fig. 17)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from farseer_jax.fitting.fit import fit
from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import runs_of, shown
from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.start_report import StartReport
from farseer_jax.methods.method import Method
from farseer_jax.objectives import Objective
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.runs import Runs

_NEAR = (1e-6, 1e-2)

Candidates = Mapping[str, tuple[type[Law], Method | None]]


@dataclass(frozen=True, eq=False)
class MethodResult:
    """One law, fitted by one method.

    Attributes:
        name: name of the candidate.
        law: name of the law.
        method: name of the method.
        fit: the fit; None where the method refused the runs.
        note: why it refused; else empty.
        fitted_error: mean relative error on the fitted runs.
        held_out_error: mean relative error on the held-out runs.
        num_starts: number of starts of the method; None where it has none.
        at_best: share of the starts whose objective is within a relative 1e-6 of the best that any
            candidate found for the same formula and objective; None without starts.
        within_1_percent: the same share within 1 %.
        seconds: wall-clock time of the fit, without compilation.
    """

    name: str
    law: str
    method: str
    fit: Fit | None
    note: str
    fitted_error: float
    held_out_error: float
    num_starts: int | None
    at_best: float | None
    within_1_percent: float | None
    seconds: float


@dataclass(frozen=True, eq=False, repr=False)
class MethodComparison(Result):
    """Candidates side by side. Prints as a table.

    Attributes:
        rows: one row per candidate, in their order.
        num_runs: number of distinct fitted runs.
        num_held_out: number of distinct held-out runs.

    Example:
        >>> from farseer_jax import Chinchilla, Farseer, compare_methods, example_runs
        >>> runs = example_runs()
        >>> candidates = {"Farseer": (Farseer, None), "Chinchilla": (Chinchilla, None)}
        >>> found = compare_methods(runs.select(max_N=5.5e9), runs.select(min_N=6e9), candidates)
        >>> found.best.name, found["Farseer"].held_out_error < 1e-3
        ('Farseer', True)
    """

    rows: tuple[MethodResult, ...]
    num_runs: int
    num_held_out: int

    def __getitem__(self, name: str) -> MethodResult:
        """The row of a candidate."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"unknown candidate {name!r}; choose from {[row.name for row in self.rows]}")

    @property
    def best(self) -> MethodResult:
        """The candidate with the smallest error on the held-out runs."""
        return min(self.rows, key=lambda row: row.held_out_error if row.fit is not None else np.inf)

    def table(self) -> Table:
        """One row per candidate."""

        def shown(name: str, write: Callable[[Any], str], heading: str) -> list[Column]:
            """A number as data, and its printed text, which is empty where it is missing."""
            values = [getattr(row, name) for row in self.rows]
            is_known = [row.fit is not None and getattr(row, name) is not None for row in self.rows]
            cells = [write(v) if known else "" for v, known in zip(values, is_known, strict=True)]
            if name == "fitted_error":
                cells = [cell or "refused" for cell in cells]
            return [
                Column(name, values, text=None),
                Column(f"{name} shown", cells, heading=heading, in_data=False),
            ]

        def words(name: str) -> Column:
            return Column(name, [getattr(row, name) for row in self.rows], text=None)

        return Table(
            [
                Column("name", [row.name for row in self.rows], heading="", left=True),
                *map(words, ("law", "method", "note")),
                *shown("fitted_error", "{:.3%}".format, "fitted"),
                *shown("held_out_error", "{:.3%}".format, "held out"),
                *shown("num_starts", "{:,}".format, "starts"),
                *shown("at_best", "{:.1%}".format, "at best"),
                *shown("within_1_percent", "{:.1%}".format, "within 1 %"),
                *shown("seconds", "{:.3g}".format, "seconds"),
            ],
            note="\n".join(f"{row.name}: {row.note}" for row in self.rows if row.note),
        )

    def to_dict(self) -> dict[str, Any]:
        """``rows`` (all but the fits) and the numbers of runs, for JSON."""
        rows = self.table().records()
        return {"rows": rows, "num_runs": self.num_runs, "num_held_out": self.num_held_out}

    def text_parts(self) -> tuple[str | Table, ...]:
        """The numbers of runs, and the candidates."""
        title = (
            f"Mean relative error on {self.num_runs} fitted and {self.num_held_out} held-out runs"
        )
        return title, self.table()

    def __repr__(self) -> str:
        return f"MethodComparison({len(self.rows)} candidates, best {self.best.name!r})"


def compare_methods(runs: Runs, held_out: Runs, candidates: Candidates) -> MethodComparison:
    """Fit every candidate to the same runs, and judge it on others.

    Args:
        runs: runs to fit.
        held_out: runs to predict, such as the largest sizes.
        candidates: a law's class and a method (None: the law's default) for each name. Each is
            fitted twice, and the second fit is timed.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: there are no candidates.

    Example:
        >>> from farseer_jax import Chinchilla, LeastSquares, Piecewise
        >>> from farseer_jax import compare_methods, example_runs
        >>> runs = example_runs()
        >>> found = compare_methods(
        ...     runs.select(max_N=5.5e9),
        ...     runs.select(min_N=6e9),
        ...     {
        ...         "end to end": (Chinchilla, LeastSquares("huber")),
        ...         "piecewise": (Chinchilla, Piecewise()),
        ...     },
        ... )
        >>> len(found.rows)
        2
    """
    runs, held_out = runs_of(runs, "runs"), runs_of(held_out, "held_out")
    _check(candidates)
    if not candidates:
        raise ValueError("candidates: expected at least one, {name: (law, method)}, got none")
    tried = {name: _try(law, method, runs) for name, (law, method) in candidates.items()}
    best = _best_objectives([found for found, _, _ in tried.values() if found is not None])
    rows = []
    for name, (found, note, seconds) in tried.items():
        law, method = candidates[name]
        rows.append(_row(name, law, method, found, note, seconds, held_out, best))
    return MethodComparison(tuple(rows), *(len(x) - x.num_copies for x in (runs, held_out)))


def _check(candidates: object) -> None:
    if not isinstance(candidates, Mapping):
        raise TypeError(
            "candidates: expected a mapping of names to pairs of a law and a method, such as "
            f'{{"Farseer": (Farseer, Piecewise())}}, got {shown(candidates)}'
        )
    for name, pair in candidates.items():
        is_pair = isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], type)
        if not (is_pair and issubclass(pair[0], Law)):
            raise TypeError(
                f"candidates: expected a pair of a law's class and a method for {name!r}, such as "
                f"(Farseer, None), got {shown(pair)}"
            )


def _try(law: type[Law], method: Method | None, runs: Runs) -> tuple[Fit | None, str, float]:
    """A fit, or why the method refused, and the time of the second fit."""
    try:
        fit(law, runs, method)
    except ValueError as error:  # that a method refuses the runs is a result, too
        return None, str(error), np.nan
    begin = time.perf_counter()
    found = fit(law, runs, method)
    return found, "", time.perf_counter() - begin


_Objective = tuple[str, Objective]


def _report(found: Fit) -> tuple[_Objective, StartReport] | None:
    """What the starts minimised, and how they ended; laws with one formula share an objective."""
    if not isinstance(found.diagnostics, StartReport):
        return None
    method: Any = found.method
    return (found.law.formula, method.objective), found.diagnostics


def _best_objectives(fits: list[Fit]) -> dict[_Objective, float]:
    best: dict[_Objective, float] = {}
    for key, report in filter(None, map(_report, fits)):
        best[key] = min(best.get(key, np.inf), report.objective)
    return best


def _row(
    name: str,
    law: type[Law],
    method: Method | None,
    found: Fit | None,
    note: str,
    seconds: float,
    held_out: Runs,
    best: dict[_Objective, float],
) -> MethodResult:
    if found is None:
        how = method.name if method is not None else ""
        nothing = (np.nan, np.nan, None, None, None, np.nan)
        return MethodResult(name, law.name, how, None, note, *nothing)
    ended = None
    near: tuple[float | None, ...] = (None, None)
    if (known := _report(found)) is not None:
        key, report = known
        ended = report.start_objective
        near = tuple(float(np.mean(ended <= best[key] * (1.0 + margin))) for margin in _NEAR)
    return MethodResult(
        name=name,
        law=law.name,
        method=found.method.name,
        fit=found,
        note="",
        fitted_error=found.mean_relative_error,
        held_out_error=found.evaluate(held_out).mean_relative_error,
        num_starts=None if ended is None else len(ended),
        at_best=near[0],
        within_1_percent=near[1],
        seconds=seconds,
    )
