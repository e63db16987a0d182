"""The tables of an extrapolation: ranking, errors by limit and by part, targets."""

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.diagnostics.extrapolation_verdict import (
    coordinate_text,
    error_text,
    times_text,
    undecided_reasons,
)
from farseer_jax.diagnostics.holdout_errors import misses, r_squared
from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.numbers import loss_text, number_text
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.coverage import flat_inputs
from farseer_jax.runs.runs import Runs

if TYPE_CHECKING:
    from farseer_jax.diagnostics.extrapolation import Extrapolation

_BEYOND = 1e-9
_WIDTH = 24  # of a candidate's name in a heading
_MOST_PARTS = 12
_SECONDARY = ("R²", "bias", "converged fits")


def title(found: "Extrapolation") -> str:
    """The runs, the held-out ones, and the kind of errors."""
    values, num = found.values[found.held_out], len(found.values)
    low, high = (coordinate_text(found.along, value) for value in (values.min(), values.max()))
    which = low if low == high else f"{low} to {high}"
    groups = "" if len(found.parts) == 1 else f" in {len(found.parts)} groups and responses"
    kind = "relative" if found.is_relative else "absolute"
    return (
        f"{num} runs{groups}, held out: {int(found.held_out.sum())} with {found.along} {which}; "
        f"mean {kind} errors"
    )


def ranking_table(found: "Extrapolation") -> Table:
    """The leaderboard: one row per candidate, the best first."""
    rows, num = found.leaderboard, int(found.inner.any(axis=1).sum())
    results = [found[row.name] for row in rows]
    doubt = [bool(own.unconverged.any()) for own in results]
    last = [own.unconverged[-1] for own in results]
    is_told = any(row.num_converged < len(found.limits) for row in rows)
    data = {name: [getattr(row, name) for row in rows] for name in vars(rows[0])}
    inner = {
        "inner hold-outs": _errors(found, data["inner_error"], doubt),
        "times the best": list(map(times_text, data["times_best"])),
        "best at": [f"{row.num_best} of {num}" for row in rows],
    }
    shown = {
        "": [f"{i + 1} {row.name}" for i, row in enumerate(rows)],
        **(inner if num else {}),
        "held out": _errors(found, data["held_out_error"], last),
        "R²": list(map(r2_text, data["held_out_r2"])),
        "bias": _errors(found, data["held_out_bias"], last, "+"),
    }
    if is_told:
        shown["converged fits"] = [f"{row.num_converged} of {len(found.limits)}" for row in rows]
    return Table(
        [
            *(
                replace(_shown(heading, cells), secondary=heading in _SECONDARY)
                for heading, cells in shown.items()
            ),
            *(Column(name, values, text=None) for name, values in data.items()),
        ],
        best=(0,) if rows[0].complete and not undecided_reasons(found) else (),
    )


def limit_table(found: "Extrapolation") -> Table:
    """The error of each candidate on the held-out runs, one row per limit."""
    results = [found[row.name] for row in found.leaderboard]
    doubt = any(own.unconverged.any() for own in results)
    return Table(
        [
            Column(
                "limit",
                found.limits,
                partial(coordinate_text, found.along),
                heading=f"{found.along} up to",
            ),
            Column("num_fitted", found.num_fitted, heading="runs"),
            *(
                Column(
                    own.name,
                    _errors(found, own.held_out_error, own.unconverged),
                    heading=_in_lines(own.name),
                )
                for own in results
            ),
        ],
        most=len(found.limits),
        note="* the fit did not converge" if doubt else "",
    )


def part_table(found: "Extrapolation", names: Sequence[str]) -> Table:
    """One row per candidate, of these, and part."""
    rows = [(name, place) for name in names for place in range(len(found.parts))]
    parts = [found.parts[place] for _, place in rows]
    groups = list(found.parts[0].group)
    errors, r2, counts = np.array([_on_part(found, *row) for row in rows]).T
    mean = f"mean R² {np.nanmean(r2):.4f}" if np.isfinite(r2).any() else ""
    return Table(
        [
            Column("name", [name for name, _ in rows], str if len(names) > 1 else None, left=True),
            *(Column(own, [part.group[own] for part in parts], str, left=True) for own in groups),
            Column("response", [part.response for part in parts], str, left=True),
            Column("num_runs", counts.astype(int), heading="runs"),
            Column("held_out_error", errors, partial(error_text, found), heading="error"),
            Column("held_out_r2", r2, r2_text, heading="R²"),
        ],
        most=_MOST_PARTS,
        noun="groups and responses",
        note=mean if len(names) == 1 else "",
    )


def _on_part(found: "Extrapolation", name: str, place: int) -> tuple[float, float, int]:
    """Mean error and R² on the held-out runs of a part, and their number."""
    mask = found.held_out & (found.part == place)
    if not mask.any():
        return float("nan"), float("nan"), 0
    predicted, observed = found[name].predicted[-1, mask], found.observed[mask]
    miss = misses(predicted, observed, relative=found.is_relative)
    return float(np.abs(miss).mean()), r_squared(predicted, observed), int(mask.sum())


def target_table(found: "Extrapolation") -> Table:
    """Each target predicted by each candidate, fitted to all runs."""
    targets = found.targets
    assert targets is not None
    rows = [(own, i) for own in found.results for i in range(len(targets))]
    order = [i for _, i in rows]
    predicted = np.array([own.target_predicted[-1, i] for own, i in rows])
    outcomes = [own.target_outcome for own, _ in rows]
    loss = targets.loss[order]
    return Table(
        [
            Column("name", [own.name for own, _ in rows]),
            *(
                Column(name, [values[i] for i in order], partial(coordinate_text, name))
                for name, values in flat_inputs(targets, targets.inputs).items()
            ),
            Column("loss", loss, loss_text),
            Column("predicted", predicted, loss_text),
            Column("error", misses(predicted, loss, relative=found.is_relative)),
            Column("length", found.target_length()[order]),
            Column("outcome", [None if o is None else o.name for o in outcomes]),
        ]
    )


def targets_by_candidate(found: "Extrapolation", targets: Runs) -> Table:
    """The targets as printed: one row per target, and the mean error."""
    results = [found[row.name] for row in found.leaderboard]
    doubt = [own.target_outcome is Outcome.not_converged for own in results]
    errors = [
        misses(own.target_predicted[-1], targets.loss, relative=found.is_relative)
        for own in results
    ]
    lengths = [f"{far:.2f} e-folds" if far > _BEYOND else "–" for far in found.target_length()]
    columns = {
        name: [*(coordinate_text(name, value) for value in values), ""]
        for name, values in flat_inputs(targets, targets.inputs).items()
    }
    columns["loss"] = [*map(loss_text, targets.loss), "mean error"]
    candidates = [
        _shown(
            _in_lines(own.name),
            [
                *_errors(found, error, [unsure] * len(error), "+"),
                *_errors(found, [float(np.mean(np.abs(error)))], [unsure]),
            ],
        )
        for own, error, unsure in zip(results, errors, doubt, strict=True)
    ]
    return Table(
        [
            *(_shown(heading, cells, left=False) for heading, cells in columns.items()),
            *candidates,
            _shown("", [""] * (len(targets) + 1), left=False),
            _shown("outside the runs by", [*lengths, ""]),
        ],
        most=len(targets) + 1,
        note="\n".join(f"warning: {sentence}" for sentence in found.warnings),
    )


def r2_text(value: float) -> str:
    """R², with a dash for NaN."""
    return number_text(value) if value < -1.0 else f"{value:.4f}" if np.isfinite(value) else "–"


def _errors(
    found: "Extrapolation",
    values: Sequence[float] | np.ndarray,
    doubt: Sequence[bool] | np.ndarray,
    sign: str = "",
) -> list[str]:
    """Errors; doubtful ones have a star in front, which keeps decimals aligned."""
    return [
        f"{'*' if unsure else ''}{error_text(found, value, sign)}"
        for value, unsure in zip(values, doubt, strict=True)
    ]


def _shown(heading: str, cells: list[str], *, left: bool | None = None) -> Column:
    """A column that is only printed; without a heading it is aligned to the left."""
    is_left = heading == "" if left is None else left
    return Column(heading or "rank", cells, heading=heading, in_data=False, left=is_left)


def _in_lines(name: str) -> str:
    """A name as the heading of a column, in several lines."""
    lines = name.replace(", ", ",\n").splitlines()
    return "\n".join(textwrap.fill(line, _WIDTH) for line in lines)
