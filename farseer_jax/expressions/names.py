"""Names in formulas: reserved names, and names that need quotes."""

import unicodedata
from typing import Final

# Name to the least and the largest number of arguments.
FUNCTIONS: Final[dict[str, tuple[int, float]]] = {
    **dict.fromkeys(("log", "log2", "log10", "exp", "sqrt", "abs"), (1, 1)),
    **dict.fromkeys(("tanh", "sin", "cos", "atan"), (1, 1)),
    **dict.fromkeys(("min", "max"), (2, float("inf"))),
    "where": (3, 3),
    "sum": (1, 1),
}
RESERVED: Final = frozenset({*FUNCTIONS, "pi", "and", "or", "not"})


def name_text(name: str) -> str:
    """The name as a formula spells it, quoted where the grammar requires it.

    Example:
        >>> print(name_text("n_params"), name_text("train/loss"), name_text("log"))
        n_params "train/loss" "log"
    """
    begins_well = name.isidentifier() and not name.startswith("_")
    is_plain = begins_well and unicodedata.normalize("NFKC", name) == name
    return name if is_plain and name not in RESERVED else quoted(name)


def quoted(name: str) -> str:
    """The name in quotes; those within it are doubled.

    Example:
        >>> print(quoted("train/loss"))
        "train/loss"
    """
    return '"' + name.replace('"', '""') + '"'
