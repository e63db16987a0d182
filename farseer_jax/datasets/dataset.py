"""A dataset: its files, and what its columns mean."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

Columns: TypeAlias = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """A public table of training runs. Prints as a description.

    Attributes:
        name: the name to load it by.
        title: what was trained, in one line.
        num_runs: number of rows; None if its authors do not say.
        N: what the column N counts.
        D: what the column D counts.
        loss: the unit of the column loss, and the evaluation text.
        licence: of the files; "none" if their authors give none.
        citation: what to cite.
        home: address of its repository.
        base_url: address of its files, to which their names are appended.
        checksums: SHA-256 of each file, by name.
        read: makes the columns of the files, given in the order of ``checksums``.
        note: what to know before fitting.

    Example:
        >>> import farseer_jax as fj
        >>> print(fj.datasets.describe("chinchilla"))
        chinchilla: the runs of Hoffmann et al. (2022), Figure 4, digitised by Epoch AI
        runs      245
        N         all parameters
        D         tokens, computed as C / 6N from the digitised C
        loss      nats per token, training loss
        licence   none; fetched from its authors, not redistributed
        source    https://github.com/epoch-research/analyzing-chinchilla
        citation  Besiroglu et al. 2024, arXiv:2404.10102; Hoffmann et al. 2022, arXiv:2203.15556
        note      five outliers, which Besiroglu et al. leave out, have outlier = 1
    """

    name: str
    title: str
    num_runs: int | None
    N: str
    D: str
    loss: str
    licence: str
    citation: str
    home: str
    base_url: str
    checksums: Mapping[str, str]
    read: Callable[[Sequence[Path]], Columns]
    note: str = ""

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses of its files."""
        return tuple(f"{self.base_url}/{file}" for file in self.checksums)

    def __str__(self) -> str:
        runs = "" if self.num_runs is None else f"{self.num_runs:,}"
        none = "none; fetched from its authors, not redistributed"
        facts = {
            "runs": runs,
            "N": self.N,
            "D": self.D,
            "loss": self.loss,
            "licence": none if self.licence == "none" else self.licence,
            "source": self.home,
            "citation": self.citation,
            "note": self.note,
        }
        lines = [f"{name:<8}  {value}" for name, value in facts.items() if value]
        return "\n".join([f"{self.name}: {self.title}", *lines])
