"""Serial correlation of residuals: a rank von Neumann ratio, tested by permutation.

Within a group, ordered along the other variable, the ranks r of the residuals give

    ratio = Σ (r[i+1] − r[i])² / Σ (r[i] − mean r)²

(Bartels 1982, *The rank version of von Neumann's ratio test for randomness*, JASA 77): 2 on average
if the order does not matter, near 0 if neighbours are alike because of a misfit. With ranks, a
single outlier neither creates nor hides a pattern. In groups of more than 10,000 runs the ratios of
permutations are drawn from their limit, a normal distribution of mean 2 and variance

    4 (n − 2) (5 n² − 2 n − 9) / (5 n (n + 1) (n − 1)²).
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from farseer_jax.results.numbers import or_null
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table
from farseer_jax.runtime.memory import blocks

_LEVEL = 0.01
_LEAST = 4  # runs of a group: with three, the ratio takes only two values
_NUM_PERMUTATIONS = 4999
_MOST_PERMUTED = 10_000  # runs of a group
_ALMOST = 1.0 + 1e-12  # equal ratios may differ by rounding


@dataclass(frozen=True, eq=False, repr=False)
class Whiteness(Result):
    """A test of residuals against one variable, group by group and together.

    Attributes:
        along: the input that orders the residuals in each group, such as ``"D"``.
        group: value that the runs of a group share, such as N; a number for each combination if
            they share several inputs, ``(group,)``.
        num_runs: number of runs in each group, ``(group,)``.
        ratio: ratio of each group, ``(group,)``; about 2 without serial correlation.
        p_value: probability of a ratio this small by chance, ``(group,)``.
        mean_ratio: mean ratio over the groups.
        mean_p_value: probability of a mean this small by chance.
        num_permutations: number of permutations; no probability is below 1 / (this + 1).
    """

    along: str
    group: np.ndarray
    num_runs: np.ndarray
    ratio: np.ndarray
    p_value: np.ndarray
    mean_ratio: float
    mean_p_value: float
    num_permutations: int

    def table(self) -> Table:
        """One row per group."""
        names = ("group", "num_runs", "ratio", "p_value")
        return Table([Column(name, getattr(self, name)) for name in names])

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON; NaN is None."""
        return {own.name: or_null(getattr(self, own.name)) for own in fields(self)}

    def text_parts(self) -> tuple[str | Table, ...]:
        """The groups, and the test of their mean."""
        return self.table(), self.sentence("group")

    def sentence(self, shared: str) -> str:
        """The result of the test, with its probability.

        Args:
            shared: what the runs of a group share, in words; empty if they share nothing.
        """
        if not len(self.group):
            none = f"no {shared} has 4 runs" if shared else "there are fewer than 4 runs"
            return f"along {self.along}: no test, {none}"
        least = 1 / (self.num_permutations + 1)
        p = f"p < {2 * least:.1g}" if self.mean_p_value <= least else f"p = {self.mean_p_value:.3g}"
        verdict = (
            f"neighbours are alike, at the level of {_LEVEL:g}: the law misses a pattern"
            if self.mean_p_value < _LEVEL
            else f"no significant pattern, at the level of {_LEVEL:g}"
        )
        within = f", within each {shared}" if shared else ""
        return (
            f"along {self.along}{within}: mean ratio {self.mean_ratio:.2f} (white: 2), {p}; "
            f"{verdict}"
        )

    def __repr__(self) -> str:
        ratio = f"{self.mean_ratio:.3g}"
        return f"Whiteness(along {self.along}, {len(self.group)} groups, mean ratio {ratio})"


def whiteness(
    along: str, residual: np.ndarray, group: np.ndarray, order: np.ndarray, seed: int
) -> Whiteness:
    """Test residuals in the order of a variable, within groups of at least four runs.

    Args:
        along: name of the variable.
        residual: residual of each run, ``(run,)``.
        group: a number that the runs of a group share, ``(run,)``.
        order: value of the variable, ``(run,)``.
        seed: seed of the permutations.
    """
    values, counts = np.unique(group, return_counts=True)
    values, counts = values[counts >= _LEAST], counts[counts >= _LEAST]
    if not len(values):
        nothing, none = np.zeros(0), float("nan")
        return Whiteness(along, nothing, counts, nothing, nothing, none, none, 0)
    generator = np.random.default_rng(seed)
    found, p_value = np.empty(len(values)), np.empty(len(values))
    total = np.zeros(_NUM_PERMUTATIONS)
    rows = np.lexsort([order, group])  # stable: equal values in the order of the runs
    ends = np.searchsorted(group[rows], values, side="right")
    for i, (end, num) in enumerate(zip(ends, counts, strict=True)):
        ranks = _ranks(residual[rows[end - num : end]])
        found[i] = _ratio(ranks[None])[0]
        chance = _by_chance(ranks, generator)
        p_value[i] = _share((chance <= found[i] * _ALMOST)[None])[0]
        total += chance
    means = total / len(values)
    return Whiteness(
        along=along,
        group=values,
        num_runs=counts,
        ratio=found,
        p_value=p_value,
        mean_ratio=float(found.mean()),
        mean_p_value=float(_share((means <= found.mean() * _ALMOST)[None])[0]),
        num_permutations=_NUM_PERMUTATIONS,
    )


def _by_chance(ranks: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The ratios of permutations, ``(permutation,)``."""
    n = float(len(ranks))
    if n > _MOST_PERMUTED:
        variance = 4.0 * (n - 2) * (5 * n**2 - 2 * n - 9) / (5 * n * (n + 1) * (n - 1) ** 2)
        return generator.normal(2.0, np.sqrt(variance), _NUM_PERMUTATIONS)
    found = np.empty(_NUM_PERMUTATIONS)
    for some in blocks(_NUM_PERMUTATIONS, 4 * 8.0 * n):
        found[some] = _ratio(generator.permuted(np.tile(ranks, (len(found[some]), 1)), axis=1))
    return found


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0; equal values share the mean of their ranks."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[index]


def _ratio(ranks: np.ndarray) -> np.ndarray:
    """The ratio of each row; 2 where all ranks are equal."""
    steps = np.sum(np.diff(ranks, axis=1) ** 2, axis=1)
    spread = np.sum((ranks - ranks.mean(axis=1, keepdims=True)) ** 2, axis=1)
    return np.divide(steps, spread, out=np.full(len(ranks), 2.0), where=spread > 0)


def _share(hits: np.ndarray) -> np.ndarray:
    """Share of hits among the permutations and the observed order."""
    return (1 + hits.sum(axis=1)) / (1 + hits.shape[1])
