"""Which column of a table is N, which is D and which is the loss."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

import numpy as np

Role = Literal["N", "D", "loss"]
T = TypeVar("T")

ROLES: Final[tuple[Role, ...]] = ("N", "D", "loss")

MEANINGS: Final[dict[Role, str]] = {"N": "parameters", "D": "training tokens", "loss": "loss"}

# Lower case, letters and digits only: how `_squeeze` writes a column's name.
_USUAL_TEXTS: Final[dict[Role, str]] = {
    "N": """
        n params nparams numparams numberofparams paramcount paramscount totalparams modelparams
        parameters nparameters numparameters numberofparameters parametercount totalparameters
        modelparameters size modelsize nonembeddingparams nonembeddingparameters nonembparams
        nnonembedding nonembedding paramsnonembedding numnonembeddingparams
        """,
    "D": """
        d tokens ntokens numtokens numberoftokens tokencount totaltokens datatokens
        traintokens ntraintokens numtraintokens trainingtokens ntrainingtokens numtrainingtokens
        trainedtokens tokenstrained seentokens tokensseen datasize datasetsize
        """,
    "loss": """
        loss l bpc bpb valloss validationloss evalloss evaluationloss testloss heldoutloss
        finalloss finalvalloss finalvalidationloss finalevalloss finaltestloss lmloss
        bitsperchar bitspercharacter bitsperbyte valbpc valbpb crossentropy
        """,
}

_USUAL_NAMES: Final = {role: frozenset(text.split()) for role, text in _USUAL_TEXTS.items()}

_MAX_NAMES_SHOWN: Final = 40


def find_columns(
    names: Sequence[str], *, N: str | None = None, D: str | None = None, loss: str | None = None
) -> dict[Role, str]:
    """Find the columns that hold N, D and the loss.

    A column named by an option is taken as it is. Otherwise a column called exactly ``N``, ``D``
    or ``loss`` wins, and otherwise the one column with a usual name, whatever its case and
    punctuation (``n_params``, ``Model size``, ``train_tokens``, ``val_loss``, ``BPC`` …).

    Args:
        names: the names of all columns of the table.
        N: the column with the number of parameters, where it is not to be guessed.
        D: the column with the number of training tokens, likewise.
        loss: the column with the loss, likewise.

    Returns:
        The column of each of ``"N"``, ``"D"`` and ``"loss"``.

    Raises:
        ValueError: a column is missing, two could be meant, two have one name, or one column is
            named for two roles. The message lists the columns found and shows the option.

    Example:
        >>> find_columns(["Model size", "train_tokens", "val_loss", "lr"])
        {'N': 'Model size', 'D': 'train_tokens', 'loss': 'val_loss'}
        >>> find_columns(["N", "tokens", "bpc", "train_loss"], loss="train_loss")
        {'N': 'N', 'D': 'tokens', 'loss': 'train_loss'}
    """
    refuse_repeated_names(names)
    options: dict[Role, str | None] = {"N": N, "D": D, "loss": loss}
    named = {option for option in options.values() if option is not None}
    found: dict[Role, str] = {}
    for role, option in options.items():
        if option is not None:
            found[role] = _named_column(role, option, names)
        else:
            found[role] = _guessed_column(role, names, named)
    _refuse_shared(found)
    return found


def table_columns(table: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Take the columns of a pandas, polars or pyarrow table out as NumPy arrays.

    Args:
        table: any table that narwhals can read and that is in memory.

    Returns:
        Name to values, in the order of the table; missing whole numbers become NaN.

    Raises:
        TypeError: this is no such table (a polars LazyFrame must be collected first).
        ValueError: two columns have one name.

    Example:
        >>> import pandas as pd
        >>> table_columns(pd.DataFrame({"N": [1, 2], "arm": ["a", "b"]}))["N"]
        array([1, 2])
    """
    import narwhals as nw  # not at the top: NumPy input must not pay for it

    try:
        frame = nw.from_native(table, eager_only=True)
    except TypeError:
        remedy = ": call .collect() on it first" if hasattr(table, "collect") else ""
        kind = f"{type(table).__module__}.{type(table).__name__}"
        raise TypeError(
            f"expected a pandas, polars or pyarrow table in memory, got a {kind}{remedy}"
        ) from None
    except nw.exceptions.DuplicateError:
        is_pyarrow = hasattr(table, "column_names")
        names = table.column_names if is_pyarrow else table.columns
        refuse_repeated_names([str(name) for name in names])
        raise  # narwhals saw a repeated name that is not there
    refuse_repeated_names([str(name) for name in frame.columns])
    return {str(series.name): series.to_numpy() for series in frame.iter_columns()}


def refuse_repeated_names(names: Sequence[str]) -> None:
    """Refuse a table in which two columns have one name.

    Args:
        names: the names of all columns of the table.

    Raises:
        ValueError: a name stands twice; the message gives it.

    Example:
        >>> refuse_repeated_names(["N", "D", "N"])
        Traceback (most recent call last):
            ...
        ValueError: columns with the same name: 'N' 2 times; give every column its own name
    """
    repeated = [f"{name!r} {count} times" for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(
            f"columns with the same name: {', '.join(repeated)}; give every column its own name"
        )


def without_roles(columns: Mapping[str, T]) -> dict[str, T]:
    """Give another name to columns called N, D or loss that were not chosen as such.

    Args:
        columns: the columns left over, by name.

    Returns:
        The same columns; N, D and loss are called ``N_other``, ``D_other``, ``loss_other``.

    Example:
        >>> without_roles({"N": 1, "lr": 2})
        {'N_other': 1, 'lr': 2}
    """
    renamed: dict[str, T] = {}
    for name, values in columns.items():
        new = name
        while new in ROLES or (new != name and (new in columns or new in renamed)):
            new += "_other"
        renamed[new] = values
    return renamed


def _named_column(role: Role, option: str, names: Sequence[str]) -> str:
    """The column that an option names."""
    if option in names:
        return option
    close = difflib.get_close_matches(option, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise ValueError(
        f"no column {option!r}, named as {role} ({MEANINGS[role]}); "
        f"the columns are {_listed(names)}{hint}"
    )


def _guessed_column(role: Role, names: Sequence[str], taken: set[str]) -> str:
    """The column with the exact name, or the only one with a usual name."""
    free = [name for name in names if name not in taken]
    if role in free:
        return role
    candidates = [name for name in free if _squeeze(name) in _USUAL_NAMES[role]]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise ValueError(
            f"columns {_listed(candidates)} could each be {role} ({MEANINGS[role]}): "
            f"say which, {_option(role, candidates[0])}"
        )
    raise ValueError(
        f"no column was recognised as {role} ({MEANINGS[role]}): "
        f"name it, {_option(role, 'column')}; the columns are {_listed(names)}"
    )


def _refuse_shared(found: dict[Role, str]) -> None:
    """Refuse one column for two roles."""
    for role, name in found.items():
        others = [other for other in found if found[other] == name and other != role]
        if others:
            raise ValueError(
                f"column {name!r} is named as {role} and as {others[0]}: name two different columns"
            )


def _option(role: Role, name: str) -> str:
    """How to name a column, in Python and in the shell."""
    quoted = name if name.isidentifier() else f"'{name}'"
    return f'{role}="{name}" in Python or --{role} {quoted} in the shell'


def _squeeze(name: str) -> str:
    """The name in lower case without punctuation."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _listed(names: Sequence[str]) -> str:
    """The names, quoted, as many as one can read."""
    if not names:
        return "none"
    shown = ", ".join(repr(name) for name in names[:_MAX_NAMES_SHOWN])
    left = len(names) - _MAX_NAMES_SHOWN
    return f"{shown} and {left} more" if left > 0 else shown
