"""Finding the columns of a table that are the inputs of a law and the loss."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from farseer_jax.close_names import closest, did_you_mean
from farseer_jax.runs.column_names import holds, loss_rank
from farseer_jax.runs.columns import ROLES
from farseer_jax.runs.usual_names import (
    USUAL_NAMES,
    USUAL_PARAMETERS,
    USUAL_SHARES,
    named,
    squeezed,
)
from farseer_jax.tables.row_numbers import shortened

_MAX_NAMES_SHOWN: Final = 20


def find_inputs(
    names: Sequence[str],
    kinds: Mapping[str, str],
    options: Mapping[str, str | Sequence[str]] | None = None,
    taken: Collection[str] = (),
    law: str = "",
) -> dict[str, str | tuple[str, ...]]:
    """Find the column of each input of a law, or the columns of a mixture.

    A column named by an option comes first, then a column with the input's own name, then the only
    column with a usual name, whatever its case and punctuation (``n_params``, ``Model size``,
    ``train_tokens``, ``unique_tokens`` …). A mixture ``h`` takes the columns ``h_*``, or else those
    with a usual prefix such as ``share_*``.

    Args:
        names: the names of all columns of the table.
        kinds: the kind of each input; ``"loss"`` may be among them.
        options: the column of an input; for a mixture a pattern (``"share_*"``), a comma-separated
            list, or a sequence of these.
        taken: columns already used for something else, which are not candidates.
        law: name of the law that needs the inputs, for messages.

    Returns:
        The column of each input; for a mixture, the columns of its shares.

    Raises:
        ValueError: a column is missing or ambiguous, or one column is named for two
            inputs. The message lists the columns found and shows the option.

    Example:
        >>> find_inputs(["Model size", "train_tokens"], {"N": "positive", "D": "positive"})
        {'N': 'Model size', 'D': 'train_tokens'}
        >>> find_inputs(["unique_tokens", "web", "code"], {"U": "positive", "h": "mixture"},
        ...             {"h": "web,code"})
        {'U': 'unique_tokens', 'h': ('web', 'code')}
    """
    options = options or {}
    for name in options:
        if name not in kinds:
            asked = ", ".join(kind for kind in kinds if kind != "loss") or "none"
            raise ValueError(
                f"a column is named for {name}, which is not an input; the inputs are {asked}"
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
    used = {*taken, *(column for columns in found.values() for column in as_tuple(columns))}
    for name, kind in kinds.items():
        if name not in options:
            guess = _guessed_shares if kind == "mixture" else _guessed_column
            others = {other for other in kinds if other != name}  # a column's own name wins
            needed = f", which the law {law} needs" if law and name != "loss" else ""
            found[name] = guess(name, names, used | others, needed)
    _refuse_shared(found)
    return {name: found[name] for name in kinds}


def usual_input(name: str, names: Sequence[str]) -> str | None:
    """The column that a name in a formula refers to, if any: exactly, or by a usual name.

    Args:
        name: a name in the formula.
        names: the names of all columns of the table.

    Returns:
        The column; None if the name is more likely a parameter (``E``, ``B``, ``C`` refer to a
        column only by its exact name), or if two columns match.

    Example:
        >>> usual_input("N", ["params", "experts"]), usual_input("E", ["params", "experts"])
        ('params', None)
    """
    if name in names:
        return name
    if name in USUAL_PARAMETERS:
        return None
    candidates = usual_columns(name, names)[0] if name in USUAL_NAMES else []
    return candidates[0] if len(candidates) == 1 else None


def usual_columns(name: str, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The columns that may be an input or the loss, by their names, in the order of the table.

    Args:
        name: the input, or ``"loss"``.
        names: the names of all columns of the table.

    Returns:
        The candidates, and the less useful ones: training losses if there are evaluation losses.

    Example:
        >>> usual_columns("loss", ["train/loss", "eval/loss", "loss_scale"])
        (['eval/loss'], ['train/loss'])
        >>> usual_columns("D", ["tokens_per_param", "tokens_B"])
        (['tokens_B'], [])
    """
    if name != "loss":
        return [column for column in names if holds(column, name)], []
    ranks = {column: loss_rank(column) for column in names}
    losses, training = ([c for c in names if ranks[c] == rank] for rank in (0, 1))
    return (losses, training) if losses else (training, [])


def match_columns(names: Sequence[str], patterns: str | Sequence[str], purpose: str) -> list[str]:
    """The columns that names and patterns match.

    Args:
        names: the names of all columns of the table.
        patterns: comma-separated names, with the wildcards ``*`` and ``?``; or a sequence of these.
        purpose: what the columns are named as, for messages: ``"as a response"``.

    Returns:
        The names, each once, in the order of the patterns, and within a pattern of the table.

    Raises:
        ValueError: a name or pattern matches no column.

    Example:
        >>> match_columns(["loss_1", "bpc", "loss_2"], "bpc,loss_*", "as a response")
        ['bpc', 'loss_1', 'loss_2']
    """
    given = [patterns] if isinstance(patterns, str) else list(patterns)
    texts: list[str] = []
    for text in given:  # a column's name may contain a comma
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
    """The single column that an option names.

    Args:
        name: what the column is named as.
        option: the column.
        names: the names of all columns of the table.

    Raises:
        ValueError: the table has no such column, or several are named.

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
        f"expected one column named as {named(name)}, got {', '.join(map(repr, columns))}; only a "
        "mixture has several columns"
    )


def _not_there(text: str, names: Sequence[str], purpose: str) -> str:
    """The message about a column that was named but does not exist."""
    hint = did_you_mean(text, names)
    what = "no column matches" if any(letter in text for letter in "*?[") else "no column"
    return f"{what} {text!r}, named {purpose}; the columns are {_listed(names)}{hint}"


def _guessed_column(
    name: str, names: Sequence[str], taken: Collection[str], needed: str = ""
) -> str:
    """The column with the exact name, or else the only one with a usual name."""
    if name in names and name in taken:
        raise ValueError(
            f"column {name!r} is named as another input: name the column of {name} too, "
            f"{column_option(name, 'column')}"
        )
    free = [column for column in names if column not in taken]
    if name in free:
        return name
    candidates, _ = usual_columns(name, free)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise ValueError(
            f"columns {_listed(candidates)} could each be {named(name)}: "
            f"say which, {column_option(name, candidates[0])}"
        )
    raise ValueError(
        f"no column was recognised as {named(name)}{needed}: name it, "
        f"{column_option(name, 'column')}{listed_columns(names)}"
        f"{''.join(f'; did you mean {near!r}?' for near in near_columns(name, free))}"
    )


def _guessed_shares(
    name: str, names: Sequence[str], taken: Collection[str], needed: str = ""
) -> tuple[str, ...]:
    """The columns of a mixture, by its own name or by a usual prefix."""
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
            f"{column_option(name, f'{next(iter(candidates))}_*')}"
        )
    raise ValueError(
        f"no columns were recognised as the mixture {name}{needed}: name them, "
        f"{column_option(name, 'share_*')}; the columns are {_listed(names)}"
        f"{_category_hint(name) if name in free else ''}"
    )


def _category_hint(name: str) -> str:
    """The hint for a mixture that is a single column of labels."""
    return (
        f"; if column {name!r} holds labels, declare it as a category, "
        f'kinds={{"{name}": "category"}} in Python or --kind {name}=category in the shell'
    )


def near_columns(name: str, names: Sequence[str]) -> list[str]:
    """The column whose name is close to a usual name of this input, or begins with its name.

    Example:
        >>> near_columns("N", ["N_active", "arm"])
        ['N_active']
    """
    longer = [column for column in names if column.startswith((f"{name}_", f"{name} "))]
    if len(longer) == 1:
        return longer
    columns = {squeezed(column): column for column in names}
    for text in (squeezed(name), *sorted(USUAL_NAMES.get(name, ()))):
        close = closest(text, columns, cutoff=0.8) if len(text) > 2 else None
        if close:
            return [columns[close]]
    return []


def _refuse_shared(found: Mapping[str, str | tuple[str, ...]]) -> None:
    """Refuse a column that is named for two inputs."""
    owners: dict[str, str] = {}
    for name, columns in found.items():
        for column in as_tuple(columns):
            if column in owners:
                raise ValueError(
                    f"column {column!r} is named as both {owners[column]} and {name}: "
                    "name two different columns"
                )
            owners[column] = name


def as_tuple(columns: str | tuple[str, ...]) -> tuple[str, ...]:
    """The column of an input, or the columns of a mixture."""
    return (columns,) if isinstance(columns, str) else columns


def column_option(name: str, column: str) -> str:
    """How to name the column of an input, in Python and in the shell.

    Example:
        >>> print(column_option("U", "unique"))
        columns_of={"U": "unique"} in Python or --input U=unique in the shell
    """
    quoted = column if column.isidentifier() else f"'{column}'"
    if name in ROLES:
        return f'{name}="{column}" in Python or --{name} {quoted} in the shell'
    shell = f"--input {name}={column}" if column.isidentifier() else f"--input '{name}={column}'"
    return f'columns_of={{"{name}": "{column}"}} in Python or {shell} in the shell'


def listed_columns(names: Sequence[str]) -> str:
    """The end of a message: the columns that a table has.

    Example:
        >>> listed_columns(["N", "loss"])
        "; the columns are 'N', 'loss'"
    """
    return f"; the columns are {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    """The names, quoted and shortened."""
    return shortened([repr(name) for name in names], _MAX_NAMES_SHOWN) or "none"
