"""What to try next with a table: calls of the library, and commands of the shell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from farseer_jax.choosing.table_checks import LEAST_RUNS
from farseer_jax.link_functions import as_link
from farseer_jax.runs.checks import Floats
from farseer_jax.runs.table_problems import OF_TABLES

_FURTHER: Final = 10.0  # times the largest compute: what a forecast predicts unless told otherwise
_TABLE: Final = "table"
# Options with which laws are chosen; the others are for a law that is named.
_OF_CHOICE: Final = ("table", "derive", "where", "last_by", "by", "response", "link", "columns_of")
# Options of a forecast of accuracies.
_OF_TASKS: Final = (*OF_TABLES, "by")


@dataclass(frozen=True)
class NextStep:
    """Something to try next.

    Attributes:
        purpose: what it answers.
        call: the call in Python, for a table already read.
        command: the shell command.
        settings: its further arguments.
        options: options that read the table, as a `TableError` has them.
    """

    purpose: str
    call: str
    command: str
    settings: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


class Prospect(NamedTuple):
    """What the next steps depend on.

    Attributes:
        N: parameters of each run, ``(run,)``; None where the table is not one over N and D.
        D: tokens of each run, ``(run,)``.
        num_runs: rows that differ.
        options: options that read the table; they may name groups.
        single: options that read one recipe of it.
        naming: further options that name the columns of a law that is not one over N and D.
        methods: those that can fit its runs.
        other_law: a law of further inputs that can fit it.
        has_further: whether the table has inputs of laws beside N and D.
        has_tasks: whether it has accuracies on tasks.
    """

    N: Floats | None
    D: Floats | None
    num_runs: int
    options: Mapping[str, Any]
    single: Mapping[str, Any]
    naming: Mapping[str, Any]
    methods: Sequence[str]
    other_law: str | None
    has_further: bool
    has_tasks: bool = False


def next_steps(prospect: Prospect) -> tuple[NextStep, ...]:
    """The calls to try next, the most useful first."""
    own = [*_over_N_and_D(prospect)] if prospect.N is not None else []
    others = [*_by_other_laws(prospect)]
    return (*others, *own) if prospect.has_further else (*own, *others)


def steps_text(steps: Sequence[tuple[str, str]]) -> str:
    """What to try next, each with what it answers.

    Args:
        steps: what it answers, and the call or command.
    """
    return "\n".join(["next:", *(f"  {purpose}:\n    {how}" for purpose, how in steps)])


def _over_N_and_D(prospect: Prospect) -> Iterator[NextStep]:
    """The steps for runs over N and D; forecasts are of losses only."""
    of_losses = as_link(prospect.single.get("link", "log")).name == "log"
    if of_losses:
        yield from _forecast(prospect)
    if prospect.methods:
        yield _fit(prospect)
    if of_losses:
        yield _suggest(prospect)
    if prospect.has_tasks and set(prospect.options) <= set(_OF_TASKS):
        yield _accuracies(prospect)


def _forecast(prospect: Prospect) -> Iterator[NextStep]:
    single, compute = prospect.single, _short(_FURTHER * 6.0 * _product(_largest(prospect)))
    yield NextStep(
        "the loss at ten times the compute, with its interval",
        _call("forecast", single),
        "forecast",
        (),
        single,
    )
    yield NextStep(
        "how to split that compute over N and D",
        f"fj.allocate({_call('forecast', single)}, {compute})",
        "allocate",
        ("--compute", compute),
        single,
    )


def _fit(prospect: Prospect) -> NextStep:
    own = {**prospect.options, **prospect.naming}
    is_piecewise = "piecewise" in prospect.methods
    return NextStep(
        "a law with its parameters" + (", for each group" if "by" in own else ""),
        _call("fit", own, "fj.Farseer" if is_piecewise else "fj.Chinchilla"),
        "fit",
        () if is_piecewise else ("--law", "chinchilla"),
        own,
    )


def _accuracies(prospect: Prospect) -> NextStep:
    own = prospect.options
    return NextStep(
        "the accuracies on tasks at ten times the compute",
        _call("forecast_accuracy", own),
        "accuracy",
        (),
        own,
    )


def _suggest(prospect: Prospect) -> NextStep:
    single, largest = prospect.single, _largest(prospect)
    budget = _short(_FURTHER * 6.0 * _product(largest))
    point = [_short(own * _FURTHER**0.5) for own in largest]
    return NextStep(
        "which runs to train next",
        f"fj.suggest_runs({_call('read_runs', single)}, ({', '.join(point)}), budget={budget})",
        "suggest",
        ("--target", ",".join(point), "--budget", budget),
        single,
    )


def _largest(prospect: Prospect) -> tuple[float, float]:
    """N and D of the run with the most compute."""
    N, D = prospect.N, prospect.D
    assert N is not None
    assert D is not None
    at = int(np.argmax(N * D))
    return float(N[at]), float(D[at])


def _product(point: tuple[float, float]) -> float:
    return point[0] * point[1]


def _by_other_laws(prospect: Prospect) -> Iterator[NextStep]:
    law, options = prospect.other_law, prospect.options
    if law is not None and prospect.methods:
        named = {**options, **prospect.naming}
        purpose = "a law of all its inputs" + (", for each group" if "by" in named else "")
        yield NextStep(purpose, _call("fit", named, repr(law)), "fit", ("--law", law), named)
    if prospect.num_runs >= 2 * LEAST_RUNS and set(options) <= set(_OF_CHOICE):
        yield NextStep(
            "laws chosen by how well they predict the largest runs from the others",
            _call("choose_law", options),
            "fit",
            ("--law", "auto"),
            options,
        )


def _call(function: str, options: Mapping[str, Any], *before: str) -> str:
    """A call with the options that are not those of ``read_table``."""
    given = [f"{name}={value!r}" for name, value in options.items() if name not in OF_TABLES]
    return f"fj.{function}({', '.join([*before, _TABLE, *given])})"


def _short(value: float) -> str:
    """A number with two digits, such as 2.5e10."""
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}"
