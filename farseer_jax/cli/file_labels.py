"""Short names that distinguish files."""

from collections.abc import Iterator
from pathlib import Path


def file_labels(a: Path, b: Path) -> tuple[str, str]:
    """Names of two files for a table or a figure.

    They are the names of the files without endings; where these are equal, those of the first
    folders in which the paths differ, from the end; else the names with endings, or A and B.

    Example:
        >>> file_labels(Path("attn.csv"), Path("mla.csv"))
        ('attn', 'mla')
        >>> file_labels(Path("attn/runs.csv"), Path("mla/runs.csv"))
        ('attn', 'mla')
        >>> file_labels(Path("runs.csv"), Path("runs.parquet"))
        ('runs.csv', 'runs.parquet')
    """
    return next(pair for pair in _candidates(a, b) if all(pair) and pair[0] != pair[1])


def _candidates(a: Path, b: Path) -> Iterator[tuple[str, str]]:
    yield a.stem, b.stem
    if a.name != b.name:
        yield a.name, b.name
    yield from zip(reversed(a.absolute().parts), reversed(b.absolute().parts), strict=False)
    yield "A", "B"
