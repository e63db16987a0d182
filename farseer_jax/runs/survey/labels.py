"""Labels of rows: their codes, and conditions in SQL that select them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farseer_jax.tables.number_texts import is_missing


def codes_of(values: NDArray[Any]) -> NDArray[np.intp]:
    """Numbers from 0 that are equal exactly where values are, ``(row,)``.

    Example:
        >>> codes_of(np.array(["a", "b", "a"], object))
        array([0, 1, 0])
    """
    import pandas as pd

    return np.asarray(pd.factorize(values, use_na_sentinel=False)[0], dtype=np.intp)


def labels_of_rows(values: NDArray[Any]) -> list[str]:
    """The distinct labels, in order of first appearance; missing ones are left out.

    Example:
        >>> labels_of_rows(np.array(["b", "a", None, "b"], object))
        ['b', 'a']
    """
    import pandas as pd

    return [str(value) for value in pd.unique(values).tolist() if not is_missing(value)]


def condition_is(name: str, values: NDArray[Any], label: str) -> str:
    """The condition that a column has a label.

    Example:
        >>> condition_is("arm", np.array(["a", "b"]), "a"), condition_is("k", np.array([1, 2]), "1")
        ("arm = 'a'", 'k = 1')
    """
    return f"{sql_name(name)} = {_sql_value(values, label)}"


def condition_in(name: str, values: NDArray[Any], labels: list[str]) -> str:
    """The condition that a column has one of some labels.

    Example:
        >>> condition_in("arm", np.array(["a", "b", "c"]), ["a", "c"])
        "arm in ('a', 'c')"
    """
    return f"{sql_name(name)} in ({', '.join(_sql_value(values, label) for label in labels)})"


def condition_missing(name: str) -> str:
    """The condition that a row has no label.

    Example:
        >>> condition_missing("arm")
        'arm is null'
    """
    return f"{sql_name(name)} is null"


def lacks_labels(values: NDArray[Any]) -> bool:
    """Whether some rows have no label.

    Example:
        >>> lacks_labels(np.array(["a", None], object)), lacks_labels(np.array(["a"]))
        (True, False)
    """
    return values.dtype.kind in "Of" and any(map(is_missing, values.tolist()))


def condition_is_not(name: str, values: NDArray[Any], labels: list[str]) -> str:
    """The condition that excludes some labels of a column; rows without a label are kept.

    Example:
        >>> condition_is_not("role", np.array(["a", None], object), ["a"])
        "(role is null or role <> 'a')"
    """
    own = sql_name(name)
    text = " and ".join(f"{own} <> {_sql_value(values, label)}" for label in labels)
    return f"({own} is null or {text})" if lacks_labels(values) else text


def sql_name(name: str) -> str:
    """A column's name in SQL; in double quotes where it needs them."""
    is_plain = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) and name.lower() not in _KEYWORDS
    return name if is_plain else '"' + name.replace('"', '""') + '"'


# Words of SQL that are names of columns too.
_KEYWORD_TEXT = """
    all and any as asc both case cast check column constraint create default desc distinct do else
    end except false fetch for foreign from grant group having in initially intersect into lateral
    leading limit not null offset on only or order placing primary qualify references returning
    select some symmetric table then to trailing true union unique using variadic when where window
    with
    """
_KEYWORDS = frozenset(_KEYWORD_TEXT.split())


def _sql_value(values: NDArray[Any], label: str) -> str:
    if values.dtype.kind in "biuf":
        return label.lower() if values.dtype.kind == "b" else label
    return "'" + label.replace("'", "''") + "'"
