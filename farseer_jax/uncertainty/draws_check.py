"""``DrawsCheck``: the result of checking a file of draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from farseer_jax.results.result import Headline, Result
from farseer_jax.results.table import Column, Table
from farseer_jax.uncertainty.draws_file import PARTS

_MOST_FAULTS = 20


@dataclass(frozen=True, eq=False, repr=False)
class DrawsCheck(Result):
    """The result of checking a file of draws. Prints as text.

    Attributes:
        path: the file, or the folder of its parts.
        faults: one sentence for each fault, with its remedy; empty for an intact file.
        made_by: what determines the draws, such as ``{"law": "farseer"}``; empty if it cannot be
            read.
        files: the file of each row group.
        start: first resample of each row group.
        stop: last resample of each row group, plus 1.
        damaged: whether each row group is damaged.
        refitted: the resamples that were refitted.
        differences: the largest relative difference between the parameters of each refit and of
            its draw.
        note: why fewer resamples were refitted than requested; empty otherwise.

    Example:
        >>> import tempfile
        >>> from farseer_jax import Farseer, bootstrap, check_draws, example_runs, fit
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = bootstrap(fit(Farseer, example_runs()), 200, out=f"{folder}/draws.parquet")
        ...     found = check_draws(f"{folder}/draws.parquet", num_refits=4)
        >>> found
        DrawsCheck(intact, 200 draws)
        >>> found.refitted
        array([  0,  66, 132, 199])
    """

    path: str
    faults: tuple[str, ...]
    made_by: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    start: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    stop: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    damaged: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    refitted: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    differences: np.ndarray = field(default_factory=lambda: np.empty(0))
    note: str = ""

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    @property
    def num_draws(self) -> int:
        """The number of draws in row groups that match their digests."""
        return int((self.stop - self.start)[~self.damaged].sum())

    @property
    def num_missing(self) -> int:
        """The number of draws missing before the last one of an unfinished bootstrap."""
        at = missing = 0
        for start, stop in sorted(zip(self.start.tolist(), self.stop.tolist(), strict=True)):
            missing += max(start - at, 0)
            at = max(at, stop)
        return missing

    def table(self) -> Table:
        """One row per row group: file, resamples, and whether it is intact."""
        state = np.where(self.damaged, "damaged", "intact")
        return Table(
            [
                Column("file", self.files, left=True),
                Column("first_resample", self.start, str),
                Column("last_resample", self.stop - 1, str),
                Column("state", state, left=True),
            ],
            noun="row groups",
        )

    def to_dict(self) -> dict[str, Any]:
        """The findings, and ``rows`` as in :meth:`table`, for JSON."""
        return {
            "path": self.path,
            "intact": self.intact,
            "faults": list(self.faults),
            **self.made_by,
            "num_draws": self.num_draws,
            "num_missing": self.num_missing,
            "refitted": self.refitted.tolist(),
            "rows": self.table().records(),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The answer, what was checked, and the faults."""
        num = len(self.faults)
        state = "intact" if not num else "1 fault" if num == 1 else f"{num:,} faults"
        parts: list[str | Table] = [Headline(f"{self.path}: {state}")]
        if lines := [*self._about()]:
            parts.append("\n".join(f"{name:11}{text}" for name, text in lines))
        if num:
            more = [f"and {num - _MOST_FAULTS:,} more"] if num > _MOST_FAULTS else []
            shown = [f"fault: {sentence}" for sentence in self.faults[:_MOST_FAULTS]]
            parts.append("\n".join(shown + more))
        return tuple(parts)

    def _about(self) -> "Sequence[tuple[str, str]]":
        own = self.made_by
        if not own:
            return []
        missing = f", {self.num_missing:,} before the last one missing" if self.num_missing else ""
        unfinished = "; unfinished" if self.path.endswith(PARTS) else ""
        return [
            ("draws", f"{self.num_draws:,} intact in {_files(self.files)}{missing}{unfinished}"),
            ("bootstrap", f"{own['law']} law, {own['num_runs']} runs, {own['method']} method"),
            ("scheme", f"{own['scheme']}, seed {own['seed']}"),
            ("made by", f"farseer_jax {own['library_version']}"),
            ("digests", self._digests()),
            ("refitted", self._refits()),
        ]

    def _digests(self) -> str:
        num = len(self.damaged)
        good = num - int(self.damaged.sum())
        return f"match for {good:,} of {num:,} row group{'s' if num != 1 else ''} (SHA-256)"

    def _refits(self) -> str:
        if not len(self.refitted):
            return f"none{f': {self.note}' if self.note else ''}"
        num, first, last = len(self.refitted), self.refitted[0], self.refitted[-1]
        largest = self.differences.max()
        how = f"parameters differ by up to {largest:.1e}" if largest else "bit-for-bit the same"
        return f"{num:,} resamples, {first:,} to {last:,}: {how}"

    def __repr__(self) -> str:
        state = "intact" if self.intact else f"{len(self.faults)} faults"
        return f"DrawsCheck({state}, {self.num_draws} draws)"


def _files(files: Sequence[str]) -> str:
    num = len(set(files))
    return f"{num:,} file{'s' if num != 1 else ''}"
