"""Rows that do not belong in one fit: checkpoints of one run, targets, failed runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.runs.arms import arms, codes_of_rows
from farseer_jax.runs.checks import Floats
from farseer_jax.runs.column_names import name_and_unit
from farseer_jax.runs.copies import is_seed
from farseer_jax.runs.labels import codes_of, condition_is, condition_is_not, labels_of_rows
from farseer_jax.runs.table_problems import Problem
from farseer_jax.tables.number_texts import numbers_of

_LABEL_TEXT: Final = """
    runid run id name runname expname expid exp experiment experimentname experimentid job jobid
    jobname trial trialid uid uuid model modelname modelid
    """
_STEP_TEXT: Final = """
    step steps globalstep trainstep trainerglobalstep iteration iterations iter iters trainsteps
    globalsteps currentstep optimizerstep numsteps nsteps checkpoint ckpt
    """
_ROLE_TEXT: Final = """
    role split set kind type purpose stage partition subset group usage fitorheldout
    """
_TARGET_TEXT: Final = """
    target istarget heldout isheldout holdout isholdout istest extrapolation isextrapolation
    isvalidation
    """
_STATE_TEXT: Final = "state status runstate"
_RUN_LABELS: Final = frozenset(_LABEL_TEXT.split())
_STEPS: Final = frozenset(_STEP_TEXT.split())
_ROLES: Final = frozenset(_ROLE_TEXT.split())
_TARGET_FLAGS: Final = frozenset(_TARGET_TEXT.split())
_STATES: Final = frozenset(_STATE_TEXT.split())
_TARGETS: Final = re.compile(
    r"^(targets?|held[ _-]?out|hold[ _-]?out|test(ing)?|tests|eval(uation)?|validation|valid|val|"
    r"predict(ion|ed)?|forecast|extrapolat(e|ed|ion))([ _-](set|runs?|targets?|points?))?$",
    re.IGNORECASE,
)
_FAILED: Final = re.compile(
    r"^(crash(ed)?|fail(ed|ure)?|killed|running|preempt(ed|ing)|pending|diverged|cancel(l)?ed|"
    r"timeout|incomplete|unfinished|error|oom|aborted|stopped)$",
    re.IGNORECASE,
)
_SIZE: Final = re.compile(r"(?<![a-z0-9.])\d+(\.\d+)?\s*[kmb](?![a-z0-9])", re.IGNORECASE)
_FIRST_TO_FIT: Final = ("ladder", "train", "fit", "training", "runs")
_FEWEST_ROWS: Final = 1.5  # rows per run of checkpoints
_FEWEST_OF_SIZE: Final = 3  # rows per label that may be that of a size
_MOST_KEYS: Final = 3  # columns that identify a run


class Training(NamedTuple):
    """N, D and further inputs that are numbers, ``(row,)`` each, and the column of D."""

    inputs: Mapping[str, Floats]
    tokens: str | None


def mixed(
    columns: Mapping[str, NDArray[Any]],
    training: Training,
    inputs: Sequence[NDArray[Any]],
    loss: Floats,
    *,
    can_group: bool = True,
    groups: Sequence[str] = (),
) -> list[Problem]:
    """Why the rows of a table do not belong in one fit; empty if they do.

    Args:
        columns: of the table without those of inputs, ``(row,)`` each.
        training: the inputs that are numbers.
        inputs: all inputs, ``(row,)`` or ``(row, share)``.
        loss: the response, ``(row,)``.
        can_group: whether the caller fits groups.
        groups: columns that make groups already.
    """
    checks = [targets(columns), failed_runs(columns), checkpoints(columns, training)]
    problems = [problem for problem in checks if problem is not None]
    if problems or not inputs:
        return problems
    found = arms(columns, inputs, loss, can_group=can_group, groups=groups)
    return [] if found is None else [found]


def checkpoints(columns: Mapping[str, NDArray[Any]], training: Training) -> Problem | None:
    """Several checkpoints of one run.

    Args:
        columns: of the table without those of inputs, ``(row,)`` each.
        training: the inputs.
    """
    labels = [name for name, values in columns.items() if _is_label(name, values)]
    steps = [name for name in columns if _last_word(name) in _STEPS]
    for label in labels:
        problem = _checkpoints_of(label, columns, steps, training)
        if problem is not None:
            return problem
    return None


def targets(columns: Mapping[str, NDArray[Any]]) -> Problem | None:
    """Rows marked as targets or tests among those to fit."""
    for name, values in columns.items():
        if _last_word(name) in _TARGET_FLAGS and _is_flag(values):
            condition = condition_is(name, values, "False" if values.dtype.kind == "b" else "0")
            return _marked(name, ["true"], ["false"], condition)
        if _last_word(name) not in _ROLES or values.dtype.kind not in "OUS":
            continue
        labels = labels_of_rows(values)
        marked = [label for label in labels if _TARGETS.match(label)]
        others = [label for label in labels if label not in marked]
        condition = condition_is_not(name, values, marked)
        if not marked or not (others or " is null" in condition):
            continue
        first = next((label for label in others if label.lower() in _FIRST_TO_FIT), None)
        condition = condition_is(name, values, first) if first else condition
        return _marked(name, marked, others or ["no label"], condition)
    return None


def failed_runs(columns: Mapping[str, NDArray[Any]]) -> Problem | None:
    """Runs that crashed or are still training, by a column of their states."""
    for name, values in columns.items():
        if _last_word(name) not in _STATES or values.dtype.kind not in "OUS":
            continue
        labels = labels_of_rows(values)
        failed = [label for label in labels if _FAILED.match(label)]
        others = [label for label in labels if label not in failed]
        if failed and others:
            condition = (
                condition_is(name, values, others[0])
                if len(others) == 1
                else condition_is_not(name, values, failed)
            )
            return Problem(
                f"column {name!r} marks runs as {', '.join(map(repr, failed))}, whose losses are "
                f"not final: leave them out: use where={condition!r}",
                ({"where": condition},),
            )
    return None


def _marked(name: str, marked: list[str], others: list[str], condition: str) -> Problem:
    return Problem(
        f"column {name!r} marks rows as {', '.join(map(repr, marked))} beside "
        f"{', '.join(map(repr, others))}: fit rows of one kind: use where={condition!r}",
        ({"where": condition},),
    )


def _checkpoints_of(
    label: str, columns: Mapping[str, NDArray[Any]], steps: list[str], training: Training
) -> Problem | None:
    """Rows of one label that are checkpoints."""
    inputs = training.inputs
    for step in (*steps, None):
        order = inputs.get("D") if step is None else numbers_of(columns[step]).numbers
        if order is None or not np.isfinite(order).all():
            continue
        names = _run_columns(label, columns, order)
        codes = codes_of_rows([codes_of(columns[name]) for name in names])
        num_runs, num_rows = int(codes.max()) + 1, len(codes)
        if num_runs * _FEWEST_ROWS > num_rows or not _varies_within(order, codes):
            continue
        if any(_varies_within(own, codes) for name, own in inputs.items() if name != "D"):
            continue
        sizes = codes_of(inputs["N"]) if "N" in inputs else np.zeros(num_rows, dtype=np.intp)
        is_size = num_runs <= int(sizes.max()) + 1 and _may_be_size(label, columns[label])
        if (is_size or _is_model(label)) and (
            num_rows < _FEWEST_OF_SIZE * num_runs or _is_geometric(order, codes)
        ):
            continue  # a ladder whose runs are named after their size
        last = step or training.tokens
        key = ",".join([*names, last] if last else names)
        return Problem(
            f"column {label!r} has {num_runs:,} runs in {num_rows:,} rows, "
            f"{num_rows / num_runs:.3g} each on average: these are checkpoints of one run "
            "whose learning rate is not yet annealed; fit the last one of each run: use "
            f"last_by={key!r}",
            ({"last_by": key},),
        )
    return None


def _run_columns(label: str, columns: Mapping[str, NDArray[Any]], order: Floats) -> list[str]:
    """The columns that identify a run: the label, and those without which steps occur twice."""
    names = [label]
    steps = codes_of(order)

    def num_twice(own: list[str]) -> int:
        runs = codes_of_rows([*(codes_of(columns[name]) for name in own), steps])
        return len(runs) - int(runs.max()) - 1

    left = num_twice(names)
    others = [
        name
        for name, values in columns.items()
        if name != label and (values.dtype.kind in "OUSb" or is_seed(name))
    ]
    while left and len(names) < _MOST_KEYS:
        found = {name: num_twice([*names, name]) for name in others if name not in names}
        best = min(found, key=lambda name: found[name], default=None)
        if best is None or found[best] >= left or found[best] > 0.1 * len(order):
            break
        names, left = [*names, best], found[best]
    return names


def _is_label(name: str, values: NDArray[Any]) -> bool:
    return _last_word(name) in _RUN_LABELS and values.ndim == 1 and values.dtype.kind in "OUSiu"


def _is_model(name: str) -> bool:
    """Whether a column holds names of models, which may have several runs."""
    return _last_word(name).startswith("model")


def _may_be_size(name: str, values: NDArray[Any]) -> bool:
    """Whether labels may be those of sizes: by the column's name, or as ``190M``."""
    labels = labels_of_rows(values)
    return "name" in _last_word(name) or all(_SIZE.search(label) for label in labels)


def _is_flag(values: NDArray[Any]) -> bool:
    """Whether values are both true and false."""
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        return False
    return set(np.unique(values).tolist()) == {0, 1}


def _last_word(name: str) -> str:
    """A column's name without its path, squeezed."""
    return "".join(name_and_unit(re.split(r"[/.]", name)[-1]).words)


def _is_geometric(order: Floats, codes: NDArray[np.intp]) -> bool:
    """Whether steps grow by factors rather than by differences within the groups."""
    ordered = np.lexsort((order, codes))
    same = np.diff(codes[ordered]) == 0
    last = np.full(int(codes.max()) + 1, -np.inf)
    np.maximum.at(last, codes, order)
    steps = order[ordered] / last[codes[ordered]]
    if (steps <= 0.0).any():
        return False
    factors, differences = np.diff(np.log(steps))[same], np.diff(steps)[same]
    return bool(_variation(factors) <= _variation(differences))


def _variation(values: Floats) -> float:
    return float(np.std(values) / max(float(np.mean(values)), 1e-300))


def _varies_within(values: Floats, codes: NDArray[np.intp]) -> bool:
    """Whether values differ within most groups of several rows."""
    order = np.lexsort((values, codes))
    sorted_codes, sorted_values = codes[order], values[order]
    starts = np.flatnonzero(np.r_[True, np.diff(sorted_codes) > 0])
    ends = np.r_[starts[1:], len(codes)] - 1
    several = ends > starts
    if not several.any():
        return False
    differs = sorted_values[ends] > sorted_values[starts] * (1.0 + 1e-6)
    return bool(differs[several].mean() > 0.5)
