"""Which methods can fit the runs of a table, by their own checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.law import Law
from farseer_jax.methods.piecewise.design import Design
from farseer_jax.methods.piecewise.method import Piecewise
from farseer_jax.methods.piecewise.outcome import MIN_SIZES
from farseer_jax.methods.registry import METHODS
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.groups_and_responses import group_text
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.selection import without_copies

_MOST_GROUPS: Final = 12
# The law with which each method is tried on runs over N and D, and how its laws are called.
_OF_N_AND_D: Final[dict[str, tuple[type[Law], str]]] = {
    "piecewise": (Farseer, "farseer, chinchilla"),
    "least-squares": (Chinchilla, "any law"),
    "restarts": (Chinchilla, "any law"),
    "variable-projection": (Chinchilla, "chinchilla, custom laws"),
    "isoflop": (Chinchilla, "chinchilla"),
}
_OF_ANY_LAW: Final = ("least-squares", "restarts")


@dataclass(frozen=True)
class UsableMethod:
    """A method, and whether it can fit the runs.

    Attributes:
        method: its name.
        laws: the laws that it fits, in words.
        usable: whether it can fit the runs of all groups.
        why: what it has, or what is missing.
    """

    method: str
    laws: str
    usable: bool
    why: str


def usable_methods(
    parts: Sequence[tuple[Mapping[str, Any], Runs]], law: type[Law] | None
) -> list[UsableMethod]:
    """Try the checks that methods make before a fit.

    Args:
        parts: the runs of each group, with its labels.
        law: a law that can fit the table, where it is not one over N and D.
    """
    tried = dict.fromkeys(_OF_ANY_LAW, (law, "any law")) if law is not None else dict(_OF_N_AND_D)
    return [_usable(name, own, laws, parts[:_MOST_GROUPS]) for name, (own, laws) in tried.items()]


def methods_table(methods: Sequence[UsableMethod]) -> Table:
    """A line for each method."""
    return Table(
        [
            Column("method", [own.method for own in methods], left=True),
            Column("laws", [own.laws for own in methods], left=True),
            Column("usable", ["yes" if own.usable else "no" for own in methods], left=True),
            Column("why", [own.why for own in methods], heading="", left=True),
        ]
    )


def _usable(
    name: str, law: type[Law], laws: str, parts: Sequence[tuple[Mapping[str, Any], Runs]]
) -> UsableMethod:
    refused = []
    for group, runs in parts:
        reason = _refusal(name, law, runs)
        if reason is not None:
            refused.append((group, reason))
    if not refused:
        return UsableMethod(name, laws, True, _has(name, law, parts))
    group, reason = refused[0]
    label = f" ({group_text(group)})" if group else ""
    some = f"not in {len(refused)} of {len(parts)} groups: " if len(refused) < len(parts) else ""
    return UsableMethod(name, laws, False, f"{some}{reason}{label}")


def _refusal(name: str, law: type[Law], runs: Runs) -> str | None:
    """Why a method cannot fit runs, from its error message; None if it can."""
    if name in _OF_ANY_LAW or name == "variable-projection":
        num, needed = len(runs) - runs.num_copies, len(law.of_runs(runs).parameter_names())
        if num < needed:
            what = "run" if num == 1 else "runs"
            return f"{num} {what} for {needed} parameters of {law.name}"
    if name == "isoflop":  # repeats of a size do not shape a curve
        runs = runs.select(mask=without_copies(runs.N, runs.D))
    try:
        design = METHODS[name]().prepare(law.of_runs(runs), runs)
    except ValueError as error:
        return _first_sentence(str(error))
    return _too_few_falls(design.design, runs) if name == "piecewise" else None


def _too_few_falls(design: Design, runs: Runs) -> str | None:
    """Why the piecewise method can use too few sizes; None if the loss falls in enough of them."""
    share = design.run_share
    loss = (runs.loss[design.run_index] * share).sum(axis=-1) / np.maximum(share.sum(axis=-1), 1.0)
    rises = (design.pair_ok & (np.diff(loss, axis=1) >= 0.0)).any(axis=1)
    usable = ~rises & (design.pair_ok.sum(axis=1) >= Piecewise().min_pairs)
    if usable.sum() >= MIN_SIZES:
        return None
    return (
        f"the loss falls with each step of D in {usable.sum()} of {len(design.N)} sizes, but "
        f"{MIN_SIZES} are needed"
    )


def _has(name: str, law: type[Law], parts: Sequence[tuple[Mapping[str, Any], Runs]]) -> str:
    """What a method needs and the runs have."""
    counts = [len(runs) - runs.num_copies for _, runs in parts]
    per_group = " in each group" if len(parts) > 1 else ""
    least = f"{min(counts):,}" if min(counts) == max(counts) else f"at least {min(counts):,}"
    if name == "piecewise":
        sizes = min(runs.num_sizes for _, runs in parts)
        return f"{sizes} sizes{per_group}, each with several D"
    if name == "isoflop":
        return f"compute in budgets{per_group}"
    num = len(law.of_runs(parts[0][1]).parameter_names())
    return f"{least} runs{per_group}, {num} parameters of {law.name}"


def _first_sentence(text: str) -> str:
    """What is wrong, without the remedy, as the reason in a table."""
    first = text.split(". ")[0]
    return first.partition(": ")[2] if first.startswith("column '") else first
