"""The columns of a table that hold accuracies, and the loss of each."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from farseer_jax.runs.checks import floats_of
from farseer_jax.runs.find_columns import match_columns
from farseer_jax.runs.usual_names import squeezed
from farseer_jax.tables.row_numbers import shown_rows

_ACCURACIES = (
    "acc_norm", "accuracy", "acc_uncond", "acc", "exact_match", "pass@1", "em", "score",
)  # fmt: skip
_LOSSES = ("bpb", "bits_per_byte", "bpb_v2", "task_loss", "loss", "ce", "nll", "nll_per_byte")
_SEPARATORS = ("_", "/", "-", ".", ",", " ", "|")
# Accuracy of guessing by the name of a task; the longest name that begins a task's counts. Where
# labels are not equally common, that of always giving the commonest (development sets; Wang et al.,
# SuperGLUE, arXiv 1905.00537).
_CHANCE = {
    "hellaswag": 1 / 4, "arc": 1 / 4, "openbookqa": 1 / 4, "obqa": 1 / 4, "openbook": 1 / 4,
    "sciq": 1 / 4, "mmlu": 1 / 4, "race": 1 / 4, "logiqa": 1 / 4, "agievalsat": 1 / 4,
    "agievallsat": 1 / 5, "csqa": 1 / 5, "commonsenseqa": 1 / 5, "mathqa": 1 / 5,
    "mmlupro": 1 / 10, "socialiqa": 1 / 3, "siqa": 1 / 3, "cb": 0.5, "anli": 1 / 3,
    "piqa": 1 / 2, "winogrande": 1 / 2, "winograd": 1 / 2, "winogender": 1 / 2, "wsc": 0.635,
    "wsc273": 1 / 2, "boolq": 0.622, "copa": 1 / 2, "rte": 0.527, "wic": 1 / 2, "lambada": 0.0,
    "jeopardy": 0.0, "squad": 0.0, "coqa": 0.0, "triviaqa": 0.0, "naturalqs": 0.0, "nq": 0.0,
    "gsm8k": 0.0,
    "drop": 0.0, "humaneval": 0.0, "mbpp": 0.0, "simplearithmetic": 0.0,
}  # fmt: skip
# Further benchmarks, whose accuracy of guessing differs by task or version.
_OTHERS = ("bigbench", "bbh", "bbq", "enterprisepii", "pubmedqa", "strategyqa", "truthfulqa",
           "gpqa", "multirc", "agieval", "record", "musr")  # fmt: skip


class TaskColumn(NamedTuple):
    """The columns of one task.

    Attributes:
        name: the column of the accuracy, which names the task.
        loss: the column of the loss that it is predicted from.
        chance: chance level; NaN if it is not known.
        num_questions: number of questions; None if it is not known.
    """

    name: str
    loss: str
    chance: float
    num_questions: int | None


def find_tasks(
    names: Sequence[str],
    tasks: str | Sequence[str] | None,
    task_loss: str | Sequence[str] | None,
    common: str | None,
    chance: float | Mapping[str, float] | None,
    questions: int | Mapping[str, int] | None,
) -> list[TaskColumn]:
    """The tasks of a table.

    Args:
        names: of all columns.
        tasks: columns of accuracies, names or patterns; None for those that end in ``_acc`` and
            the like.
        task_loss: the column of one loss for all tasks, or a pattern of one for each, ``"*_bpb"``;
            None takes the column with the stem of the task (``hellaswag_bpb``), else the common
            loss.
        common: the column of the loss of all tasks, if there is one.
        chance: chance level of all tasks, or by task; otherwise by the usual names.
        questions: number of questions of all tasks, or by task.

    Raises:
        ValueError: no column is a task, or a task has no loss.
    """
    own = _named_tasks(names, tasks)
    losses = _losses_of(own, names, task_loss, common)
    for option, given in (("chance", chance), ("questions", questions)):
        _refuse_unknown(option, given, own, names)
    return [
        TaskColumn(name, losses[name], _chance_of(name, chance), _questions_of(name, questions))
        for name in own
    ]


def other_tasks(names: Sequence[str], tasks: Sequence[TaskColumn]) -> tuple[str, ...]:
    """Columns that are accuracies by their names, or those of benchmarks, and were not asked for.

    Args:
        names: of all columns with numbers.
        tasks: those that were asked for.

    Example:
        >>> found = find_tasks(["loss", "avg_acc", "boolq"], "avg_acc", None, "loss", None, None)
        >>> other_tasks(["loss", "avg_acc", "boolq"], found)
        ('boolq',)
    """
    used = {name for own in tasks for name in (own.name, own.loss)}
    known = (*_CHANCE, *_OTHERS)
    return tuple(
        name
        for name in names
        if name not in used
        and stem_of(name, _LOSSES) is None
        and (stem_of(name, _ACCURACIES) is not None or squeezed(name).startswith(known))
    )


def has_tasks(names: Sequence[str]) -> bool:
    """Whether some columns are accuracies by their names.

    Example:
        >>> has_tasks(["N", "hellaswag_acc"]), has_tasks(["N", "loss"])
        (True, False)
    """
    return any(stem_of(name, _ACCURACIES) is not None for name in names)


def _named_tasks(names: Sequence[str], tasks: str | Sequence[str] | None) -> list[str]:
    if tasks is not None:
        return match_columns(names, tasks, "as a task")
    found = [name for name in names if stem_of(name, _ACCURACIES) is not None]
    if not found:
        raise ValueError(
            "no column has the name of an accuracy, such as hellaswag_acc; name the columns, "
            f"tasks='…'; the columns are {', '.join(names)}"
        )
    return found


def _losses_of(
    tasks: Sequence[str],
    names: Sequence[str],
    task_loss: str | Sequence[str] | None,
    common: str | None,
) -> dict[str, str]:
    """The column of the loss of each task."""
    pool = [name for name in names if name not in tasks]
    if task_loss is not None:
        pool = match_columns(pool, task_loss, "as the loss on a task")
        if len(pool) == 1:
            return dict.fromkeys(tasks, pool[0])
    by_stem = {stem: name for name in pool if (stem := stem_of(name, _LOSSES)) is not None}
    found, without = {}, []
    for task in tasks:
        stem = stem_of(task, _ACCURACIES)
        own = by_stem.get(squeezed(task) if stem is None else stem)
        own = (common if task_loss is None else None) if own is None else own
        if own is None:
            without.append(task)
        else:
            found[task] = own
    if without:
        raise ValueError(
            f"the task {without[0]!r} has no loss; name its column, such as "
            f"{without[0].partition('_')[0]}_bpb, or one loss for all tasks, task_loss='…'"
        )
    return found


def stem_of(name: str, endings: Sequence[str]) -> str | None:
    """The name without one of the endings, in lower case and without punctuation; None without.

    Example:
        >>> stem_of("eval/hellaswag_acc_norm", ("acc_norm", "acc")), stem_of("space", ("acc",))
        ('evalhellaswag', None)
    """
    lower = name.lower()
    for ending in endings:
        for separator in _SEPARATORS:
            if lower.endswith(separator + ending) and len(lower) > len(ending) + 1:
                return squeezed(lower[: -len(ending) - 1])
            if lower.startswith(ending + separator) and len(lower) > len(ending) + 1:
                return squeezed(lower[len(ending) + 1 :])
    return None


def _chance_of(name: str, given: float | Mapping[str, float] | None) -> float:
    if isinstance(given, Mapping):
        if name in given:
            return _fraction(given[name], name)
    elif given is not None:
        return _fraction(given, name)
    stem = stem_of(name, _ACCURACIES) or squeezed(name)
    known = [own for own in _CHANCE if stem.startswith(own)]
    return _CHANCE[max(known, key=len)] if known else float("nan")


def _fraction(value: float, name: str) -> float:
    if not 0.0 <= value < 1.0:
        raise ValueError(f"chance of {name!r}: expected a number from 0 to below 1, got {value!r}")
    return float(value)


def _questions_of(name: str, given: int | Mapping[str, int] | None) -> int | None:
    value = given.get(name) if isinstance(given, Mapping) else given
    if value is not None and value < 1:
        raise ValueError(f"questions of {name!r}: expected a number from 1, got {value!r}")
    return value


def _refuse_unknown(option: str, given: object, tasks: Sequence[str], names: Sequence[str]) -> None:
    """Refuse names that are not columns; other columns may be tasks that were not requested."""
    if isinstance(given, Mapping):
        unknown = [name for name in given if name not in names]
        if unknown:
            raise ValueError(
                f"{option}: {unknown[0]!r} is not a task; the tasks are {', '.join(tasks)}"
            )


def checked_accuracy(values: object, name: str, *, percent: bool = False) -> np.ndarray:
    """Accuracies from 0 to 1, NaN where missing, ``(run,)``.

    Args:
        values: the column.
        name: of the column, for messages.
        percent: whether the column is in per cent.

    Raises:
        ValueError: a value is outside the range.
    """
    found = floats_of(values, f"column {name!r}") * (0.01 if percent else 1.0)
    bad = np.flatnonzero((found < 0.0) | (found > 1.0))
    if not len(bad):
        return found
    worst = found[bad[0]]
    if not percent and (found[np.isfinite(found)] >= 0.0).all() and np.nanmax(found) > 1.5:
        raise ValueError(
            f"column {name!r}: expected accuracies from 0 to 1, got up to {np.nanmax(found):g}, "
            "which look like percentages; give percent=True"
        )
    raise ValueError(
        f"column {name!r}: expected accuracies from {'0 to 100' if percent else '0 to 1'}, got "
        f"{worst * (100.0 if percent else 1.0):g} in {shown_rows(bad)}: correct them, or leave "
        "them out"
    )
