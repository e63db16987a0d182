"""Sentences about several curves, each written once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from farseer_jax.tables.row_numbers import shortened

_MOST_NAMES: Final = 4


class Sentences:
    """Sentences about curves, grouped by sentence.

    Example:
        >>> sentences = Sentences(["a", "b", "c"])
        >>> sentences.add("a", "cut at step 9")
        >>> sentences.add("b", "cut at step 9")
        >>> sentences.merged()
        ('curves a, b: cut at step 9',)
    """

    def __init__(self, names: Sequence[str]) -> None:
        """For the curves with these names."""
        self._num = len(names)
        self._curves: dict[str, list[str]] = {}

    def add(self, name: str, *sentences: str) -> None:
        """Add sentences about one curve."""
        for sentence in sentences:
            self._curves.setdefault(sentence, []).append(name)

    def merged(self) -> tuple[str, ...]:
        """Each sentence once, after the names of its curves if there are several curves."""
        if self._num == 1:
            return tuple(self._curves)
        return tuple(f"{self._subject(own)}: {text}" for text, own in self._curves.items())

    def _subject(self, names: Sequence[str]) -> str:
        if len(names) == self._num > 1:
            return "all curves"
        return f"curve{'s' if len(names) > 1 else ''} {shortened(names, _MOST_NAMES)}"
