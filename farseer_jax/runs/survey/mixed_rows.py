"""Rows that do not belong into one fit: checkpoints of one run, and rows that are marked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.runs.checks import Floats
from farseer_jax.runs.copies import is_seed
from farseer_jax.runs.survey.arms import arms, codes_of_rows
from farseer_jax.runs.survey.labels import codes_of, labels_of_rows
from farseer_jax.runs.survey.marked_rows import failed_runs, last_word, targets
from farseer_jax.runs.table_problems import Problem
from farseer_jax.tables.number_texts import numbers_of

_LABEL_TEXT: Final = """
    runid run id name runname expname expid exp experiment experimentname experimentid job jobid
    jobname trial trialid uid uuid model modelname modelid file filename filepath path folder
    directory dir logdir outputdir rundir runhash runkey wandbid wandbrunid wandbname slurmid
    slurmjobid
    """
_STEP_TEXT: Final = """
    step steps globalstep trainstep trainerglobalstep iteration iterations iter iters trainsteps
    globalsteps currentstep optimizerstep numsteps nsteps checkpoint ckpt
    """
RUN_LABELS: Final = frozenset(_LABEL_TEXT.split())
STEPS: Final = frozenset(_STEP_TEXT.split())
_SIZE: Final = re.compile(r"(?<![a-z0-9.])\d+(\.\d+)?\s*[kmb](?![a-z0-9])", re.IGNORECASE)
_FEWEST_ROWS: Final = 1.5  # rows per run of checkpoints
_FEWEST_OF_SIZE: Final = 3  # rows per label that may be that of a size
_MOST_OF_LADDER: Final = 8  # rows per size, of a ladder whose runs are called by their size
_FEWEST_OF_CURVE: Final = 10  # rows in equal steps that are a run's without a label
_MOSTLY: Final = 0.8  # of the rows
_MOST_KEYS: Final = 3  # columns that identify a run
CURVES_HINT: Final = (
    ", or read whole loss curves by read_curves in Python or farseer curves in the shell"
)


class Training(NamedTuple):
    """N, D and further inputs that are numbers, ``(row,)`` each, and the columns of D and N."""

    inputs: Mapping[str, Floats]
    tokens: str | None
    sizes: str | None = None


def mixed(
    columns: Mapping[str, NDArray[Any]],
    training: Training,
    inputs: Sequence[NDArray[Any]],
    loss: Floats,
    *,
    can_group: bool = True,
    num_groups: int | None = None,
    groups: Sequence[str] = (),
) -> list[Problem]:
    """Why the rows of a table do not belong in one fit; empty if they do.

    Args:
        columns: of the table without those of inputs, ``(row,)`` each.
        training: the inputs that are numbers.
        inputs: all inputs, ``(row,)`` or ``(row, share)``.
        loss: the response, ``(row,)``.
        can_group: whether the caller fits groups.
        num_groups: how many it takes; None for any number.
        groups: columns that make groups already.
    """
    checks = [targets(columns), failed_runs(columns), checkpoints(columns, training)]
    problems = [problem for problem in checks if problem is not None]
    if problems or not inputs:
        return problems
    most = num_groups if can_group else 0
    found = arms(columns, inputs, loss, num_groups=most, groups=groups)
    return [] if found is None else [found]


def checkpoints(columns: Mapping[str, NDArray[Any]], training: Training) -> Problem | None:
    """Several checkpoints of one run.

    Args:
        columns: of the table without those of inputs, ``(row,)`` each.
        training: the inputs.
    """
    labels = [name for name, values in columns.items() if _is_label(name, values)]
    steps = [name for name in columns if last_word(name) in STEPS]
    for label in labels:
        problem = _checkpoints_of(label, columns, steps, training)
        if problem is not None:
            return problem
    return _without_labels(columns, steps, training)


def are_curves(columns: Mapping[str, NDArray[Any]]) -> bool:
    """Whether rows are logged steps, each of which occurs in few of the rows.

    Example:
        >>> are_curves({"step": np.arange(0, 900, 30), "loss": np.ones(30)})
        True
    """
    for name, values in columns.items():
        if last_word(name) in STEPS and values.ndim == 1:
            steps = numbers_of(values).numbers
            known = steps[np.isfinite(steps)]
            if np.unique(known).size >= _FEWEST_OF_CURVE and _rises(known):
                return True
    return False


def _rises(steps: Floats) -> bool:
    """Whether most steps are the next ones of the row before."""
    return bool((np.diff(steps) > 0).mean() > _MOSTLY)


def _without_labels(
    columns: Mapping[str, NDArray[Any]], steps: list[str], training: Training
) -> Problem | None:
    """Checkpoints at equal steps, of runs that only their size tells."""
    sizes, N = training.sizes, training.inputs.get("N")
    if sizes is None or N is None:
        return None
    columns = {**columns, sizes: N}
    for step in (*steps, None):
        order = _order(step, columns, training)
        if order is None:
            continue
        names = _run_columns(sizes, columns, order)
        codes = codes_of_rows([codes_of(columns[name]) for name in names])
        if np.bincount(codes).min() < _FEWEST_OF_CURVE or not _in_equal_steps(order, codes):
            continue
        if not any(
            _varies_within(own, codes) for name, own in training.inputs.items() if name != "D"
        ):
            return _told(sizes, names, step or training.tokens, codes)
    return None


def _order(
    step: str | None, columns: Mapping[str, NDArray[Any]], training: Training
) -> Floats | None:
    """How far a run was trained in each row: its step, or D."""
    order = training.inputs.get("D") if step is None else numbers_of(columns[step]).numbers
    return None if order is None or not np.isfinite(order).all() else order


def _checkpoints_of(
    label: str, columns: Mapping[str, NDArray[Any]], steps: list[str], training: Training
) -> Problem | None:
    """Rows of one label that are checkpoints."""
    inputs = training.inputs
    for step in (*steps, None):
        order = _order(step, columns, training)
        if order is None:
            continue
        names = _run_columns(label, columns, order)
        codes = codes_of_rows([codes_of(columns[name]) for name in names])
        num_runs, num_rows = int(codes.max()) + 1, len(codes)
        if num_runs * _FEWEST_ROWS > num_rows or not _varies_within(order, codes):
            continue
        if any(_varies_within(own, codes) for name, own in inputs.items() if name != "D"):
            continue
        sizes = codes_of(inputs["N"]) if "N" in inputs else np.zeros(num_rows, dtype=np.intp)
        labels, num_sizes = codes_of(columns[label]), int(sizes.max()) + 1
        is_size = int(labels.max()) + 1 <= num_sizes and _may_be_size(label, columns[label])
        if (is_size or _is_model(label)) and (
            num_rows < _FEWEST_OF_SIZE * num_runs or _is_geometric(order, codes)
        ):
            continue  # a ladder whose runs are called by their size
        is_one_size = num_sizes > 1 and _same_groups(labels, sizes)
        if is_one_size and num_rows < _MOST_OF_LADDER * num_runs and _is_geometric(order, codes):
            continue  # a ladder whose experiments are a size each
        return _told(label, names, step or training.tokens, codes)
    return None


def _told(label: str, names: list[str], last: str | None, codes: NDArray[np.intp]) -> Problem:
    """Checkpoints of the runs that some columns identify, in the order of another."""
    key = ",".join([*names, last] if last else names)
    num_runs, num_rows = int(codes.max()) + 1, len(codes)
    return Problem(
        f"column {label!r} has {num_runs:,} runs in {num_rows:,} rows, "
        f"{num_rows / num_runs:.3g} each on average: these are checkpoints along a run's "
        "training, whose learning rate is not yet annealed; fit the last of each: use "
        f"last_by={key!r}{CURVES_HINT if num_rows >= _FEWEST_OF_CURVE * num_runs else ''}",
        ({"last_by": key},),
    )


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
    return last_word(name) in RUN_LABELS and values.ndim == 1 and values.dtype.kind in "OUSiu"


def _is_model(name: str) -> bool:
    """Whether a column holds names of models, which may have several runs."""
    return last_word(name).startswith("model")


def _may_be_size(name: str, values: NDArray[Any]) -> bool:
    """Whether labels may be those of sizes: by the column's name, or as ``190M``."""
    labels = labels_of_rows(values)
    return "name" in last_word(name) or all(_SIZE.search(label) for label in labels)


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


def _in_equal_steps(order: Floats, codes: NDArray[np.intp]) -> bool:
    """Whether steps grow by equal differences within the groups."""
    ordered = np.lexsort((order, codes))
    same = np.diff(codes[ordered]) == 0
    steps, own = np.diff(order[ordered])[same], codes[ordered][1:][same]
    if not len(steps) or (steps <= 0.0).any():
        return False
    mean = np.bincount(own, steps) / np.maximum(np.bincount(own), 1)
    return bool((abs(steps / mean[own] - 1.0) < 0.05).mean() > 0.95)


def _same_groups(first: NDArray[np.intp], second: NDArray[np.intp]) -> bool:
    """Whether two codes are equal in the same rows."""
    num = int(codes_of_rows([first, second]).max())
    return num == int(first.max()) == int(second.max())


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
