"""Which columns of a table are the inputs of a law, and which is the loss."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from farseer_jax.runs.columns import ROLES, refuse_repeated_names
from farseer_jax.runs.usual_names import (
    USUAL_NAMES,
    USUAL_PARAMETERS,
    USUAL_SHARES,
    named,
    squeezed,
)

_MAX_NAMES_SHOWN: Final = 40


def find_columns(
    names: Sequence[str], *, N: str | None = None, D: str | None = None, loss: str | None = None
) -> dict[str, str]:
    """Find the columns that hold N, D and the loss, by the rules of :func:`find_inputs`.

    Args:
        names: the names of all columns of the table.
        N: the column with the number of parameters, where it is not to be guessed.
        D: the column with the number of training tokens, likewise.
        loss: the column with the loss, likewise.

    Returns:
        The column of each of ``"N"``, ``"D"`` and ``"loss"``.

    Raises:
        ValueError: as for :func:`find_inputs`.

    Example:
        >>> find_columns(["Model size", "train_tokens", "val_loss", "lr"])
        {'N': 'Model size', 'D': 'train_tokens', 'loss': 'val_loss'}
        >>> find_columns(["N", "tokens", "bpc", "train_loss"], loss="train_loss")
        {'N': 'N', 'D': 'tokens', 'loss': 'train_loss'}
    """
    options = {name: given for name, given in (("N", N), ("D", D), ("loss", loss)) if given}
    if loss == "":
        options["loss"] = loss
    found = find_inputs(names, dict.fromkeys(ROLES, "positive"), options)
    return {role: str(column) for role, column in found.items()}


def find_inputs(
    names: Sequence[str],
    kinds: Mapping[str, str],
    options: Mapping[str, str | Sequence[str]] | None = None,
    taken: Collection[str] = (),
) -> dict[str, str | tuple[str, ...]]:
    """Find the column of each input that a law asks for, or the columns of a mixture.

    A column named by an option is taken as it is. Otherwise a column with the input's own name
    wins, and otherwise the one column with a usual name, whatever its case and punctuation
    (``n_params``, ``Model size``, ``train_tokens``, ``unique_tokens`` …). A mixture ``h`` takes the
    columns ``h_*``, otherwise those of a usual name such as ``share_*``.

    Args:
        names: the names of all columns of the table.
        kinds: the kind of each input; ``"loss"`` may be among them.
        options: the column of an input; of a mixture a pattern (``"share_*"``), a list with commas,
            or a sequence of these.
        taken: columns named for something else, which are not candidates.

    Returns:
        For each input its column, for a mixture those of its shares.

    Raises:
        ValueError: a column is missing, two could be meant, two have one name, or one column is
            named for two inputs. The message lists the columns found and shows the option.

    Example:
        >>> find_inputs(["unique_tokens", "web", "code"], {"U": "positive", "h": "mixture"},
        ...             {"h": "web,code"})
        {'U': 'unique_tokens', 'h': ('web', 'code')}
    """
    refuse_repeated_names(names)
    options = options or {}
    for name in options:
        if name not in kinds:
            asked = ", ".join(kind for kind in kinds if kind != "loss") or "none"
            raise ValueError(
                f"a column is named for an unknown input {name}: the inputs are {asked}"
            )
    found: dict[str, str | tuple[str, ...]] = {}
    for name, kind in kinds.items():
        if name not in options:
            continue
        option = options[name]
        if kind == "mixture":
            found[name] = tuple(match_columns(names, option, f"as {named(name)}"))
        else:
            found[name] = named_column(name, option, names)
    used = {*taken, *_flat(found.values())}
    for name, kind in kinds.items():
        if name not in options:
            guess = _guessed_shares if kind == "mixture" else _guessed_column
            others = {other for other in kinds if other != name}  # a column's own name wins
            found[name] = guess(name, names, used | others)
    _refuse_shared(found)
    return {name: found[name] for name in kinds}


def usual_input(name: str, names: Sequence[str]) -> str | None:
    """The column that a bare name of a formula means, if any: its own, or a usual one.

    Args:
        name: in the formula.
        names: the names of all columns of the table.

    Returns:
        The column; None where the name is rather a parameter's (``E``, ``B``, ``C`` mean a column
        only by its exact name), or where two columns could be meant.

    Example:
        >>> usual_input("N", ["params", "experts"]), usual_input("E", ["params", "experts"])
        ('params', None)
    """
    if name in names:
        return name
    if name in USUAL_PARAMETERS:
        return None
    candidates = [column for column in names if squeezed(column) in USUAL_NAMES.get(name, ())]
    return candidates[0] if len(candidates) == 1 else None


def match_columns(names: Sequence[str], patterns: str | Sequence[str], purpose: str) -> list[str]:
    """The columns that a list of names and patterns stands for.

    Args:
        names: the names of all columns of the table.
        patterns: names with commas between them, with ``*`` and ``?`` for any letters; or several.
        purpose: what they are for, in messages.

    Returns:
        The names, each once, in the order of the list and within a pattern in that of the table.

    Raises:
        ValueError: one of them stands for no column.

    Example:
        >>> match_columns(["loss_1", "bpc", "loss_2"], "bpc,loss_*", "as response")
        ['bpc', 'loss_1', 'loss_2']
    """
    given = [patterns] if isinstance(patterns, str) else list(patterns)
    texts: list[str] = []
    for text in given:  # a column's own name may hold a comma
        parts = [text] if text in names else [part.strip() for part in text.split(",")]
        texts += [part for part in parts if part]
    found: list[str] = []
    for text in texts:
        matches = [text] if text in names else [name for name in names if fnmatchcase(name, text)]
        if not matches:
            raise ValueError(_not_there(text, names, purpose))
        found += matches
    if not found:
        raise ValueError(f"no column is named {purpose}: the columns are {_listed(names)}")
    return list(dict.fromkeys(found))


def named_column(name: str, option: str | Sequence[str], names: Sequence[str]) -> str:
    """The one column that an option names.

    Args:
        name: what it is named as.
        option: the column.
        names: the names of all columns of the table.

    Returns:
        The column.

    Raises:
        ValueError: there is none of this name, or several are named.

    Example:
        >>> named_column("weights", "w", ["N", "w"])
        'w'
    """
    columns = [option] if isinstance(option, str) else list(option)
    if len(columns) == 1 and columns[0] in names:
        return columns[0]
    if len(columns) == 1 and not any(fnmatchcase(column, columns[0]) for column in names):
        raise ValueError(_not_there(columns[0], names, f"as {named(name)}"))
    raise ValueError(
        f"{', '.join(map(repr, columns))} is named as {named(name)}, which is one column: name it; "
        "an input of several columns is a mixture"
    )


def _not_there(text: str, names: Sequence[str], purpose: str) -> str:
    """What to say of a column that was named and is not there."""
    hint = _hint(difflib.get_close_matches(text, names, n=1))
    what = "no column matches" if any(letter in text for letter in "*?[") else "no column"
    return f"{what} {text!r}, named {purpose}; the columns are {_listed(names)}{hint}"


def _guessed_column(name: str, names: Sequence[str], taken: Collection[str]) -> str:
    """The column with the exact name, or the only one with a usual name."""
    if name in names and name in taken:
        raise ValueError(
            f"column {name!r} is named as something else than {name}: name the column of {name} "
            f"too, {_option(name, 'column')}"
        )
    free = [column for column in names if column not in taken]
    if name in free:
        return name
    usual = USUAL_NAMES.get(name, frozenset({squeezed(name)}))
    candidates = [column for column in free if squeezed(column) in usual]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise ValueError(
            f"columns {_listed(candidates)} could each be {named(name)}: "
            f"say which, {_option(name, candidates[0])}"
        )
    raise ValueError(
        f"no column was recognised as {named(name)}: name it, {_option(name, 'column')}; "
        f"the columns are {_listed(names)}{_hint(_near(name, free))}"
    )


def _guessed_shares(name: str, names: Sequence[str], taken: Collection[str]) -> tuple[str, ...]:
    """The columns of a mixture, by its own name or by a usual one."""
    free = [column for column in names if column not in taken]
    found = {
        stem: tuple(column for column in free if column.startswith(f"{stem}_"))
        for stem in (name, *USUAL_SHARES)
    }
    candidates = {stem: columns for stem, columns in found.items() if len(columns) > 1}
    if name in candidates:
        return candidates[name]
    if len(candidates) == 1:
        return next(iter(candidates.values()))
    if candidates:
        stems = " and ".join(f"{stem}_*" for stem in candidates)
        raise ValueError(
            f"columns {stems} could each be the mixture {name}: say which, "
            f"{_option(name, f'{next(iter(candidates))}_*')}"
        )
    raise ValueError(
        f"no columns were recognised as the mixture {name}: name them, "
        f"{_option(name, 'share_*')}; the columns are {_listed(names)}"
        f"{_category_hint(name) if name in free else ''}"
    )


def _category_hint(name: str) -> str:
    """What to say where an input along which parameters go is one column."""
    return (
        f"; if column {name!r} holds labels, say that it is a category, "
        f'kinds={{"{name}": "category"}} in Python or --kind {name}=category in the shell'
    )


def _near(name: str, names: Sequence[str]) -> list[str]:
    """The column whose name is nearly a usual one of this input, or begins with its name."""
    longer = [column for column in names if column.startswith((f"{name}_", f"{name} "))]
    if len(longer) == 1:
        return longer
    columns = {squeezed(column): column for column in names}
    for text in (squeezed(name), *sorted(USUAL_NAMES.get(name, ()))):
        close = difflib.get_close_matches(text, columns, n=1, cutoff=0.8) if len(text) > 2 else []
        if close:
            return [columns[close[0]]]
    return []


def _hint(close: Sequence[str]) -> str:
    """A question about the nearest name."""
    return f"; did you mean {close[0]!r}?" if close else ""


def _refuse_shared(found: Mapping[str, str | tuple[str, ...]]) -> None:
    """Refuse one column for two inputs."""
    owners: dict[str, str] = {}
    for name, columns in found.items():
        for column in (columns,) if isinstance(columns, str) else columns:
            if column in owners:
                raise ValueError(
                    f"column {column!r} is named as {owners[column]} and as {name}: "
                    "name two different columns"
                )
            owners[column] = name


def _flat(found: Iterable[str | tuple[str, ...]]) -> list[str]:
    """All columns, those of mixtures one by one."""
    nested = [(columns,) if isinstance(columns, str) else columns for columns in found]
    return [column for columns in nested for column in columns]


def _option(name: str, column: str) -> str:
    """How to name a column, in Python and in the shell."""
    quoted = column if column.isidentifier() else f"'{column}'"
    if name in ROLES:
        return f'{name}="{column}" in Python or --{name} {quoted} in the shell'
    shell = f"--input {name}={column}" if column.isidentifier() else f"--input '{name}={column}'"
    return f'columns_of={{"{name}": "{column}"}} in Python or {shell} in the shell'


def _listed(names: Sequence[str]) -> str:
    """The names, quoted, as many as one can read."""
    if not names:
        return "none"
    shown = ", ".join(repr(name) for name in names[:_MAX_NAMES_SHOWN])
    left = len(names) - _MAX_NAMES_SHOWN
    return f"{shown} and {left} more" if left > 0 else shown
