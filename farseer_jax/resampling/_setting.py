"""What resampling schemes draw from: the runs, what was fitted to them, and their noise."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import Law
from farseer_jax.runs.noise import estimate_noise
from farseer_jax.runs.runs import Runs


@dataclass(frozen=True, eq=False)
class Setting:
    """A fit, as schemes see it. A unit is a distinct run: exact copies of one are drawn together.

    Attributes:
        law: the fitted law.
        runs: what it was fitted to.
        unit: each run's unit, ``(run,)``.
        size: each run's size, ``(run,)``.
        first: a run of each unit, ``(unit,)``.
        predicted: fitted loss of each unit, ``(unit,)``.
        more_runs: where noise is read from if ``runs`` do not show it; None for nowhere.
    """

    law: Law
    runs: Runs
    unit: np.ndarray
    size: np.ndarray
    first: np.ndarray
    predicted: np.ndarray
    more_runs: Runs | None = None

    @classmethod
    def of(cls, fit: Fit) -> "Setting":
        """What a fit gives to draw from."""
        return cls.of_law(fit.law, fit.runs)

    @classmethod
    def of_law(cls, law: Law, runs: Runs, more_runs: Runs | None = None) -> "Setting":
        """Find the units and sizes of runs, and what a law makes of them."""
        rows = np.stack([runs.N, runs.D, runs.loss])
        _, first, unit = np.unique(rows, axis=1, return_index=True, return_inverse=True)
        size = np.unique(runs.N, return_inverse=True)[1]
        predicted = evaluate(law, runs.N, runs.D)[first]
        return cls(law, runs, unit.ravel(), size.ravel(), first, predicted, more_runs)

    @property
    def num_units(self) -> int:
        """Distinct runs."""
        return len(self.first)

    @property
    def num_sizes(self) -> int:
        """Distinct N."""
        return int(self.size.max()) + 1

    @cached_property
    def noise(self) -> np.ndarray:
        """Standard deviation of ln loss from run to run, per unit.

        Raises:
            ValueError: the runs do not show it.
        """
        try:
            found = estimate_noise(self.runs)
        except ValueError as error:
            if self.more_runs is None:
                raise ValueError(
                    f"scheme 'parametric': {error}; give the noise, such as "
                    "ParametricBootstrap(5e-4), or take 'wild'"
                ) from None
            found = estimate_noise(self.more_runs)
        return found.of_runs(self.runs)[self.first]

    def residuals(self, *, by_size: bool, centred: bool = True) -> np.ndarray:
        """Residuals of ln loss, per unit, enlarged for the parameters that were fitted.

        Args:
            by_size: centre them size by size.
            centred: centre them at all.
        """
        residual = np.log(self.runs.loss[self.first]) - np.log(self.predicted)
        if centred:
            group = self.size[self.first] if by_size else np.zeros(self.num_units, dtype=int)
            residual = residual - (np.bincount(group, residual) / np.bincount(group))[group]
        return residual * np.sqrt(self.num_units / max(self.num_units - self._num_parameters, 1))

    @property
    def _num_parameters(self) -> int:
        return len(type(self.law).parameter_names())

    def perturbed(self, deviation: np.ndarray) -> np.ndarray:
        """Fitted losses times ``exp(deviation)``, ``(resample, unit)``, for every run."""
        return (self.predicted * np.exp(deviation))[:, self.unit]

    def pick_within_sizes(self, rng: np.random.Generator, num: int) -> np.ndarray:
        """For each unit a unit of its own size, drawn with replacement, ``(num, unit)``."""
        order, start, count = self._by_size
        offset = (rng.random((num, self.num_units)) * count).astype(int)
        return order[start + offset]

    @cached_property
    def _by_size(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Units ordered by size; where each unit's size begins there, and how many it has."""
        size = self.size[self.first]
        order = np.argsort(size, kind="stable")
        counts = np.bincount(size)
        starts = np.cumsum(counts) - counts
        return order, starts[size], counts[size]
