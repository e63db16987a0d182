"""The words and the unit in a column's name, and what such a column usually holds."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from farseer_jax.runs.usual_names import LOSSES, USUAL_NAMES, squeezed

_SCALES: Final = {
    **dict.fromkeys(("k", "thousand", "thousands", "tsd"), 1e3),
    **dict.fromkeys(("m", "mn", "mln", "mio", "million", "millions", "millionen"), 1e6),
    **dict.fromkeys(("b", "bn", "bln", "g", "billion", "billions"), 1e9),
    **dict.fromkeys(("mrd", "milliarde", "milliarden", "milliard", "milliards"), 1e9),
    **dict.fromkeys(("t", "tn", "trillion", "trillions"), 1e12),
}
_FLOPS: Final = dict(zip("kmgtpezy", (10.0**power for power in range(3, 25, 3)), strict=True))
_PETAFLOP_DAY: Final = 1e15 * 86400
# Inputs to which units in names apply; others are not recognised by a name with a unit.
SCALED: Final = frozenset(["N", "D", "U", "N_active", "C", "V", "B", "characters", "examples"])

# Uninformative prefixes of names in exports of trackers.
_PREFIX_TEXT: Final = """
    config cfg conf args arguments hparams hparam hyperparameters hyperparams hp params summary
    metrics metric stats results result run runs trainer model modelconfig models network arch
    architecture optim optimizer optimiser scheduler info meta metadata log logs wandb throughput
    progress
    """
_NOUN_TEXT: Final = """
    token tokens param params parameter parameters flop flops nat nats bit bits character
    characters char chars example examples datapoint datapoints
    """
_PREFIXES: Final = frozenset(_PREFIX_TEXT.split())
_UNIT_NOUNS: Final = frozenset(_NOUN_TEXT.split())
_TRAINING: Final = frozenset(["train", "training"])
_EVALUATION: Final = frozenset(
    ["eval", "evaluation", "val", "valid", "validation", "test", "dev", "heldout"]
)
_NOT_DATA_TEXT: Final = """
    best min minimum max maximum aux z ema moving smoothed delta relative no n num
    """
_NOT_DATA: Final = frozenset(_NOT_DATA_TEXT.split())
_PARAMETERS: Final = frozenset(["param", "params", "parameter", "parameters"])
_OF_DATA: Final = _TRAINING | {"data", "dataset"}
_DATA: Final = (("data",), ("train", "data"), ("training", "data"))  # numbers with a unit only
_AVERAGES: Final = frozenset(["mean", "avg", "average", "smooth", "smoothed"])
# Words for parameters without those of the embedding, before it or after the rest.
_WITHOUT: Final = frozenset(["non", "no", "excl", "excluding", "exclude", "without", "less", "wo"])
_EMBEDDING: Final = frozenset(["emb", "embed", "embedding", "embeddings", "embeds", "vocab"])
_NON_EMBEDDING: Final = frozenset(["nonembedding", "nonembeddings", "nonemb", "nonembed"])

_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^\W\d_]+|%")
_BRACKETS: Final = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]\s*$")
_POWER: Final = re.compile(r"(?:^|[\s_/(*x×])(?:1e|10\^|10\*\*)\+?0?(3|6|9|12|15|18|21)$", re.I)
_PETAFLOP_DAYS: Final = re.compile(r"(?:peta|p)\s*-?(?:flops?|f)\s*[/-]?\s*s?\s*-?\s*days?", re.I)


class ColumnName(NamedTuple):
    """A column's name without its path and its unit.

    Attributes:
        words: in lower case.
        unit: the factor of its values, such as 1e9 for ``params_B``; None if it has none.
    """

    words: tuple[str, ...]
    unit: float | None


@lru_cache(maxsize=1 << 14)  # each name is asked for every input
def name_and_unit(column: str) -> ColumnName:
    """Split a column's name into words, without the path before it and the unit after it.

    A path is the prefix that trackers add to a name (``config.model.``, ``summary/``); informative
    parts, such as ``train/`` and ``eval/``, are kept. A unit is a letter (``params_B``, ``N (M)``,
    ``tokens [T]``), a word (``tokens_in_billions``) or a power (``N_1e9``).

    Example:
        >>> name_and_unit("config.model.n_params")
        ColumnName(words=('n', 'params'), unit=None)
        >>> name_and_unit("Model Params (B)")
        ColumnName(words=('model', 'params'), unit=1000000000.0)
        >>> name_and_unit("num_tokens_in_millions").unit, name_and_unit("tokens_per_batch").unit
        (1000000.0, None)
    """
    *path, last = [part for part in re.split(r"[/.]", _unpacked(column)) if part.strip()] or [""]
    text, unit = _without_brackets(last, column)
    if unit is None:
        text, unit = _without_power(text)
    words = _words(text)
    if unit is None:
        words, unit = _without_scale(words)
    kept = [_words(part) for part in path]
    while kept and "".join(kept[0]).lower() in _PREFIXES:
        del kept[0]
    lower = (word.lower() for part in (*kept, words) for word in part)
    return ColumnName(tuple(lower), unit)


def unit_of(column: str) -> float | None:
    """The unit in a column's name, as a factor of its values; None if it has none.

    Example:
        >>> unit_of("tokens_B"), unit_of("n_params")
        (1000000000.0, None)
    """
    return name_and_unit(column).unit


def holds(column: str, name: str) -> bool:
    """Whether a column holds an input, by its name in any spelling; not for losses.

    Example:
        >>> holds("config.model.n_params", "N"), holds("params_B", "N"), holds("n_layers", "N")
        (True, True, False)
    """
    usual = USUAL_NAMES.get(name, frozenset({squeezed(name)}))
    if "%" in column:
        return False
    if squeezed(column) in usual:
        return True
    words, unit = name_and_unit(column)
    if unit is not None and name not in SCALED:
        return False
    if name == "N" and (kept := _with_embedding(words)) is not None:
        return "".join(kept or words) in usual
    if name == "D" and unit is not None and words in _DATA:
        return True
    if words and words[0] in _OF_DATA and "".join(words) not in usual:
        if name == "N" and not (words[0] in _TRAINING and _PARAMETERS & set(words)):
            return False  # the size of a dataset
        words = words[1:]
    if len("".join(words)) == 1:  # d may be a width: N and D themselves, in their own case
        is_own = re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", column) is not None
        return is_own and "".join(words) == name.lower()
    return "".join(words) in usual


def is_non_embedding(column: str) -> bool:
    """Whether a column's name says that it holds parameters without those of the embedding.

    Example:
        >>> is_non_embedding("num_parameters_excl_embeddings"), is_non_embedding("n_params")
        (True, False)
    """
    words = name_and_unit(column).words
    return _with_embedding(words) is not None or any(
        own in words for own in ("backbone", "nonvocab")
    )


def _with_embedding(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """Words without ``non_embedding``, ``excl. embeddings``, ``no_embed`` …; None without them."""
    for place, word in enumerate(words):
        if word in _NON_EMBEDDING:
            return words[:place] + words[place + 1 :]
        if word in _EMBEDDING and place and words[place - 1] in _WITHOUT:
            return words[: place - 1] + words[place + 1 :]
    return None


def roles_of(column: str) -> list[str]:
    """The inputs that a column could be, by its name; without the loss.

    Example:
        >>> roles_of("params_B"), roles_of("n_experts"), roles_of("arm")
        (['N'], ['E', 'experts'], [])
    """
    return [name for name in USUAL_NAMES if name != "loss" and holds(column, name)]


def loss_rank(column: str) -> int | None:
    """0 for a column of losses by its name, 1 for training losses; None for other columns.

    Example:
        >>> [loss_rank(name) for name in ("eval/loss", "train/loss", "loss_scale", "lm loss")]
        [0, 1, None, 0]
    """
    if "%" in column:
        return None
    if squeezed(column) in USUAL_NAMES["loss"]:
        return 0
    words, unit = name_and_unit(column)
    if unit is not None or len("".join(words)) < 2:
        return None
    is_training = bool((_TRAINING | _AVERAGES) & set(words)) and not _EVALUATION & set(words)
    last = name_and_unit(re.split(r"[/.]", column)[-1]).words
    begins = bool(words) and words[0] in _EVALUATION | _TRAINING
    is_below = len(last) < len(words) and (begins or last == words[: len(last)])
    if _is_loss(words) or (is_below and _is_loss(last)) or _is_loss_of_data(words):
        return int(is_training)
    return None


def _is_loss_of_data(words: tuple[str, ...]) -> bool:
    """Whether words are those of a loss of an evaluation on one set of data, ``c4_val_loss``."""
    place = next((at for at, word in enumerate(words) if word in _EVALUATION), 0)
    return 0 < place < 3 and not _NOT_DATA & set(words[:place]) and _is_loss(words[place:])


def _is_loss(words: tuple[str, ...]) -> bool:
    """Whether words are those of a loss, with the kind of data before or after it."""
    kinds = _EVALUATION | _TRAINING
    for others in (_AVERAGES, kinds, _AVERAGES):
        if len(words) > 1 and words[0] in others:
            words = words[1:]
        elif len(words) > 1 and words[-1] in others:
            words = words[:-1]
    text = "".join(words)
    return text in LOSSES or (text in USUAL_NAMES["loss"] and len(text) > 1)


def _unpacked(column: str) -> str:
    """The name with brackets and powers that contain a point or a slash left whole."""
    found = _BRACKETS.search(column)
    text = column if found is None else column[: found.start()]
    return re.sub(r"/(?=(?:1e|10\^|10\*\*)\d)", "_", text)


def _without_brackets(last: str, column: str) -> tuple[str, float | None]:
    """The last part of a name, and the unit in brackets after it; other brackets are words."""
    found = _BRACKETS.search(column)
    if found is None:
        return last, None
    inside = found[1].strip()
    if inside.isdecimal():  # the first or second column of one name
        return last, None
    if _PETAFLOP_DAYS.fullmatch(inside):
        return last, _PETAFLOP_DAY
    rest, unit = _without_power(f" {inside}")
    words = _words(rest)
    if unit is None:
        words, unit = _scale_within(words)
    lower = [word.lower() for word in words if word.lower() not in ("in", "of")]
    if all(word in _UNIT_NOUNS for word in lower):
        return last, unit
    if _with_embedding(tuple(lower)) is None:
        return f"{last} {inside}", None
    is_repeated = bool(_UNIT_NOUNS & set(lower))
    kept = [word for word in lower if word not in _UNIT_NOUNS]
    return f"{last} {' '.join(kept if is_repeated else lower)}", unit


def _scale_within(words: list[str]) -> tuple[list[str], float | None]:
    """Words in brackets without the scale among them: ``B``, ``billions of tokens``, ``EFLOPs``."""
    for place, word in enumerate(words):
        own = word.lower()
        if own in _SCALES:
            return words[:place] + words[place + 1 :], _SCALES[own]
    joined = "".join(words).lower()
    if found := re.fullmatch(r"([kmbgt])(?:t|tok|toks|tokens?)", joined):
        return ["tokens"], _SCALES[found[1]]
    if found := re.fullmatch(r"([kmgtpezy])flops?", joined):
        return [], _FLOPS[found[1]]
    return words, None


def _without_power(text: str) -> tuple[str, float | None]:
    """The name without a power after it: ``N_1e9``."""
    found = _POWER.search(text)
    return (text, None) if found is None else (text[: found.start()], 10.0 ** int(found[1]))


def _without_scale(words: list[str]) -> tuple[list[str], float | None]:
    """Words without a unit before or after them."""
    if len(words) > 1 and words[-1] in ("BT", "MT", "TT", "GT"):  # billions of tokens
        return [*words[:-1], "tokens"], _SCALES[words[-1][0].lower()]
    last, rest = (words or [""])[-1], words[:-1]
    if rest and last.lower() in _SCALES:
        is_letter, is_short = len(last) == 1, len("".join(rest)) < 4
        if not is_letter or last.isupper() or not is_short:
            rest = rest[:-1] if len(rest) > 1 and rest[-1].lower() == "in" else rest
            return rest, _SCALES[last.lower()]
    first, after = (words or [""])[0], words[1:]
    is_scale = first.lower() in _SCALES and (len(first) > 1 or first.isupper())
    if is_scale and after and after[-1].lower() in _UNIT_NOUNS:  # billions of tokens
        return after[after[0].lower() == "of" :], _SCALES[first.lower()]
    return words, None


def _words(text: str) -> list[str]:
    return _WORD.findall(text)
