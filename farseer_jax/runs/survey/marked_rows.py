"""Rows that a column marks as not to fit: targets, and runs that failed or still train."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.runs.column_names import name_and_unit
from farseer_jax.runs.survey.labels import condition_is, condition_is_not, labels_of_rows
from farseer_jax.runs.table_problems import Problem

_ROLE_TEXT: Final = """
    role split set kind type purpose stage partition subset group usage fitorheldout runtype runrole
    runkind runset rowtype rowrole rowset phase datasetsplit datasplit fitsplit fitset usedfor
    """
_TARGET_TEXT: Final = """
    target istarget heldout isheldout holdout isholdout istest extrapolation isextrapolation
    isvalidation isherorun
    """
_FAILED_TEXT: Final = """
    diverged isdiverged hasdiverged divergent crashed iscrashed failed isfailed hasfailed killed oom
    unstable isunstable exclude excluded isexcluded outlier isoutlier ignore ignored invalid
    isinvalid discard discarded unfinished incomplete
    """
_USED_TEXT: Final = """
    finished isfinished completed iscompleted complete iscomplete converged isconverged succeeded
    usedforfit useforfit usedinfit useinfit infit isfit include included isincluded isvalid
    isstable isladder
    """
_STATE_TEXT: Final = """
    state status runstate runstatus jobstate jobstatus outcome result exitstatus finalstate
    finalstatus
    """
_ROLES: Final = frozenset(_ROLE_TEXT.split())
_TARGET_FLAGS: Final = frozenset(_TARGET_TEXT.split())
_FAILED_FLAGS: Final = frozenset(_FAILED_TEXT.split())
_USED_FLAGS: Final = frozenset(_USED_TEXT.split())
_STATES: Final = frozenset(_STATE_TEXT.split())
_TARGETS: Final = re.compile(
    r"^((targets?|held[ _-]?out|hold[ _-]?out|test(ing)?|tests|eval(uation)?|validation|valid|val|"
    r"predict(ion|ed)?|forecast|extrapolat(e|ed|ion))"
    r"([ _-]?(set|runs?|targets?|points?|models?|\d+))*|"
    r"(hero|final|flagship)[ _-](runs?|models?))$",
    re.IGNORECASE,
)
_FAILED: Final = re.compile(r"^(failure|running|pending|stopped|unfinished)$", re.IGNORECASE)
_FAILED_WORDS: Final = re.compile(
    r"(?<![a-z])(crash(ed)?|fail(ed)?|killed|preempt(ed|ing)|diverged|cancel(l)?ed|time[ -]?out|"
    r"timed out|incomplete|error|oom|out of memory|nans?|aborted|interrupted)(?![a-z])",
    re.IGNORECASE,
)
_FINE: Final = re.compile(r"^(finished|complete|completed|done|ok|success)|\b(no|not|0|without)\b")
_FIRST_TO_FIT: Final = ("ladder", "train", "fit", "training", "runs")
_TRUTHS: Final = {
    **dict.fromkeys(("true", "yes", "y", "t", "1", "1.0"), True),
    **dict.fromkeys(("false", "no", "n", "f", "0", "0.0"), False),
}


def targets(columns: Mapping[str, NDArray[Any]]) -> Problem | None:
    """Rows marked as targets or tests among those to fit."""
    for name, values in columns.items():
        if last_word(name) in _TARGET_FLAGS:
            marked, condition = _flagged(name, values, is_bad=True)
            if marked:
                return _marked(name, marked, _others(values, marked), condition)
        if last_word(name) not in _ROLES or values.dtype.kind not in "OUS":
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
    """Runs that crashed, diverged, still train or are not to be used, by a column that says so."""
    for name, values in columns.items():
        found = failed_rows(name, values)
        if found is None:
            continue
        marked, condition = found
        if last_word(name) in _STATES:
            told = f"marks runs as {', '.join(map(repr, marked))}, whose losses are not final"
        else:
            told = f"is {' or '.join(map(repr, marked))} for some runs, which are not to be fitted"
        return Problem(
            f"column {name!r} {told}: leave them out: use where={condition!r}",
            ({"where": condition},),
        )
    return None


def failed_rows(name: str, values: NDArray[Any]) -> tuple[list[str], str] | None:
    """The labels of failed runs, and the condition of the others; None without failed runs.

    Args:
        name: the column.
        values: ``(row,)``.

    Example:
        >>> failed_rows("diverged", np.array([True, False]))
        (['True'], 'diverged = false')
        >>> failed_rows("outcome", np.array(["ok", "OOM at step 8k"]))
        (['OOM at step 8k'], "outcome = 'ok'")
    """
    word = last_word(name)
    if word in _FAILED_FLAGS or word in _USED_FLAGS:
        marked, condition = _flagged(name, values, is_bad=word in _FAILED_FLAGS)
        return (marked, condition) if marked else None
    if word not in _STATES or values.dtype.kind not in "OUS":
        return None
    labels = labels_of_rows(values)
    failed = [label for label in labels if _is_failed(label)]
    others = [label for label in labels if label not in failed]
    if not failed or not others:
        return None
    one = len(others) == 1
    return failed, (
        condition_is(name, values, others[0]) if one else condition_is_not(name, values, failed)
    )


def last_word(name: str) -> str:
    """A column's name without its path, squeezed.

    Example:
        >>> last_word("config/run_name")
        'runname'
    """
    return "".join(name_and_unit(re.split(r"[/.]", name)[-1]).words)


def _is_failed(label: str) -> bool:
    if _FAILED.match(label.strip()):
        return True
    return bool(_FAILED_WORDS.search(label)) and not _FINE.search(label.lower())


def _flagged(name: str, values: NDArray[Any], *, is_bad: bool) -> tuple[list[str], str]:
    """The labels of a column of yes and no that keep a row out, and the condition of the others.

    Args:
        name: the column.
        values: ``(row,)``; booleans, 0 and 1, or text such as yes and no.
        is_bad: whether yes keeps a row out.
    """
    if values.ndim != 1 or (values.dtype.kind not in "OUSb" and not _is_flag(values)):
        return [], ""
    labels = labels_of_rows(values)
    truths = {label: _TRUTHS.get(label.strip().lower()) for label in labels}
    marked = [label for label in labels if truths[label] is is_bad]
    others = [label for label in labels if truths[label] is (not is_bad)]
    if not marked or len(marked) + len(others) != len(labels):
        return [], ""
    condition = condition_is_not(name, values, marked)
    if " is null" in condition and is_bad:  # only some rows have a mark
        return marked, condition
    if not others:
        return [], ""
    return marked, condition_is(name, values, others[0]) if len(others) == 1 else condition


def _is_flag(values: NDArray[Any]) -> bool:
    """Whether numbers are 0 and 1."""
    return values.dtype.kind in "iuf" and set(np.unique(values).tolist()) <= {0, 1}


def _others(values: NDArray[Any], marked: list[str]) -> list[str]:
    return [label for label in labels_of_rows(values) if label not in marked] or ["no label"]


def _marked(name: str, marked: list[str], others: list[str], condition: str) -> Problem:
    return Problem(
        f"column {name!r} marks rows as {', '.join(map(repr, marked))} beside "
        f"{', '.join(map(repr, others))}: fit the rows of a kind: use where={condition!r}",
        ({"where": condition},),
    )
