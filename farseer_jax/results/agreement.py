"""Whether what a file says follows from what it stores."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

# Of a number that is computed again, on a machine whose exp and log may differ in the last digits:
# a law's loss has ln N and ln D of up to 35, so that these cost it two of sixteen digits, and what
# is computed from losses (differences, intervals, optima) up to four more. What anyone could gain
# by a change is a thousand times as large: runs of one recipe differ by 1e-4 and more.
AGREEMENT = 1e-9
_ROUNDING = 1e-12  # of numbers about 1 whose difference is reported
_ABOVE = ("warnings",)  # lists to which a command adds those of the fit

Content = Mapping[str, Any]


def check_follows(
    name: str, content: Content, computed: Callable[[], Content], remedy: str = "write it again"
) -> None:
    """Refuse a file that says something else than what it stores.

    Args:
        name: of the file, for messages.
        content: of the file.
        computed: gives these parts of the content from what is stored.
        remedy: what to do.

    Raises:
        ValueError: a part is missing, or another.
    """
    try:
        with np.errstate(all="ignore"):
            expected = json.loads(json.dumps(computed()))
    except Exception as error:
        raise ValueError(
            f"{name} is damaged: its parts contradict each other ({error}); {remedy}"
        ) from error
    found = difference({key: content.get(key, _MISSING) for key in expected}, expected)
    if found:
        raise ValueError(f"{name} is damaged: {found}; {remedy}")


def difference(found: Any, expected: Any, where: str = "") -> str:
    """The first place where a content is not what it should be, in words; empty if nowhere.

    Example:
        >>> difference({"loss": [2.0, 3.1]}, {"loss": [2, 3.0]})
        'loss[1] is 3.1, but the rest of the file gives 3.0'
    """
    if isinstance(expected, dict) and isinstance(found, dict):
        names = [*expected, *(key for key in found if key not in expected)]
        inner = (
            (f"{where}.{k}".lstrip("."), found.get(k, _MISSING), expected.get(k, _MISSING))
            for k in names
        )
    elif isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        if where in _ABOVE:
            found = [own for own in found if own in expected]
        if len(found) != len(expected):
            return (
                f"{where} has {len(found)} entries, but the rest of the file gives {len(expected)}"
            )
        inner = (
            (f"{where}[{i}]", *pair) for i, pair in enumerate(zip(found, expected, strict=True))
        )
    elif _same(found, expected):
        return ""
    elif found is _MISSING:
        return f"{where} is missing"
    elif expected is _MISSING:
        return f"{where} is unknown"
    else:
        return f"{where} is {found!r:.60}, but the rest of the file gives {expected!r:.60}"
    return next(filter(None, (difference(one, other, place) for place, one, other in inner)), "")


def require_close(name: str, found: Any, expected: Any, within: Any = 0.0) -> None:
    """Refuse numbers that are not what the other parts of a file give.

    Args:
        name: what they are.
        found: of the file.
        expected: computed from the other parts.
        within: allowed difference, beside that of computed numbers.

    Raises:
        ValueError: they differ, in number or in value.
    """
    if np.shape(found) != np.shape(expected):
        raise ValueError(
            f"{name} has shape {np.shape(found)}, but the rest of the file gives "
            f"{np.shape(expected)}"
        )
    ours, theirs = (np.ravel(np.asarray(own, dtype=float)) for own in (expected, found))
    near = np.abs(theirs - ours) <= AGREEMENT * np.abs(ours) + within
    bad = np.flatnonzero(~(near | (theirs == ours) | (np.isnan(theirs) & np.isnan(ours))))
    if len(bad):
        row, place = int(bad[0]), f"[{bad[0]}]" if np.ndim(found) else ""
        raise ValueError(
            f"{name}{place} is {theirs[row]:.10g}, but the rest of the file gives {ours[row]:.10g}"
        )


def require_same_law(name: str, found: Any, expected: Any) -> None:
    """Refuse a law that is not the one that the other parts of a file give.

    Raises:
        ValueError: it is of another class, or has other parameters.
    """
    import jax

    if type(found) is not type(expected):
        raise ValueError(f"{name} is of another class than the rest of the file gives")
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        require_close(name, one, other)


def _same(found: Any, expected: Any) -> bool:
    if (
        type(found) in _NUMBERS
        and type(expected) in _NUMBERS
        and float in (type(found), type(expected))
    ):
        return math.isclose(found, expected, rel_tol=AGREEMENT, abs_tol=_ROUNDING)
    return type(found) is type(expected) and bool(found == expected)


_MISSING = object()
_NUMBERS = (int, float)
