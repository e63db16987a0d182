"""Resampling schemes, and the fit, runs and noise that they draw from."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np

from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.laws.law import Law
from farseer_jax.link_functions import Link
from farseer_jax.methods.end_to_end.layout import distinct_rows, unique_columns
from farseer_jax.methods.method import weights_of
from farseer_jax.runs.noise import estimate_noise, shows_noise
from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.standard_errors import perturbed


@dataclass(frozen=True, eq=False)
class Setting:
    """A fit, prepared for resampling. A unit is a distinct run: exact copies are drawn together.

    Attributes:
        law: the fitted law.
        runs: the runs that it was fitted to.
        unit: each run's unit, ``(run,)``.
        size: each run's size (its value of N), ``(run,)``; for a law without N, its unit.
        first: a run of each unit, ``(unit,)``.
        predicted: fitted loss of each unit, ``(unit,)``.
        more_runs: runs to estimate the noise from if ``runs`` do not suffice, or None.
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
        """The setting of a fit."""
        return cls.of_law(fit.law, fit.runs)

    @classmethod
    def of_law(cls, law: Law, runs: Runs, more_runs: Runs | None = None) -> "Setting":
        """The setting of a law and the runs that it was fitted to."""
        rows = distinct_rows(type(law), runs, runs.loss)
        first, unit = unique_columns(rows)
        has_sizes = "N" in type(law).inputs()
        size = np.unique(runs.N, return_inverse=True)[1] if has_sizes else unit
        predicted = evaluate_runs(law, runs)[first]
        return cls(law, runs, unit, size.ravel(), first, predicted, more_runs)

    @property
    def num_units(self) -> int:
        """The number of distinct runs."""
        return len(self.first)

    @property
    def num_sizes(self) -> int:
        """The number of sizes."""
        return int(self.size.max()) + 1

    @property
    def link(self) -> Link:
        """The scale of the response's errors."""
        return self.runs.link

    @cached_property
    def noise(self) -> np.ndarray:
        """Run-to-run standard deviation on the link's scale, per unit.

        For runs over N and D, estimated from repeats and differences. Otherwise from the residuals,
        ``s² = Σ w r² / (n − p)``, as ``s / √w`` for a run of weight w.

        Raises:
            ValueError: it cannot be estimated.
        """
        if not shows_noise(self.runs):
            weights = self._weights
            spread = np.divide(1.0, np.sqrt(weights), out=np.zeros_like(weights), where=weights > 0)
            return self.residual_spread * spread
        try:
            found = estimate_noise(self.runs)
        except ValueError as error:
            if self.more_runs is None:
                raise ValueError(
                    f"scheme 'parametric': {error}; give the noise, such as "
                    "ParametricBootstrap(5e-4), or use 'wild'"
                ) from None
            found = estimate_noise(self.more_runs)
        return found.of_runs(self.runs)[self.first]

    @property
    def residual_spread(self) -> float:
        """Residual standard deviation on the link's scale, for a run of weight 1."""
        residual, weights = self._residual, self._weights
        num = max(self._num_fitted - self._num_parameters, 1)
        return float(np.sqrt(np.sum(weights * residual**2) / num))

    def residuals(self, *, by_size: bool, centred: bool = True) -> np.ndarray:
        """Residuals on the link's scale, per unit, enlarged for the number of fitted parameters.

        Args:
            by_size: centre them within each size, instead of altogether.
            centred: centre them.
        """
        residual = self._residual
        if centred:
            group = self.size[self.first] if by_size else np.zeros(self.num_units, dtype=int)
            residual = residual - (np.bincount(group, residual) / np.bincount(group))[group]
        num = self._num_fitted
        return residual * np.sqrt(num / max(num - self._num_parameters, 1))

    @property
    def _residual(self) -> np.ndarray:
        observed = self.runs.loss[self.first]
        return np.asarray(self.link.forward(observed) - self.link.forward(self.predicted))

    @property
    def _weights(self) -> np.ndarray:
        """The weights of the runs, per unit."""
        return weights_of(self.runs)[self.first]

    @property
    def _num_fitted(self) -> int:
        """The number of units with positive weight."""
        return int(np.count_nonzero(self._weights))

    @property
    def _num_parameters(self) -> int:
        return len(type(self.law).parameter_names())

    def perturbed(self, deviation: np.ndarray) -> np.ndarray:
        """Fitted losses of each run, perturbed by deviations on the link's scale per unit."""
        return perturbed(self.link, self.predicted, deviation)[:, self.unit]

    def pick_within_sizes(self, rng: np.random.Generator, num: int) -> np.ndarray:
        """For each unit, a random unit of the same size, ``(num, unit)``."""
        order, start, count = self._by_size
        offset = (rng.random((num, self.num_units)) * count).astype(int)
        return order[start + offset]

    @cached_property
    def _by_size(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Units ordered by size; the start of each unit's size in that order, and its length."""
        size = self.size[self.first]
        order = np.argsort(size, kind="stable")
        counts = np.bincount(size)
        starts = np.cumsum(counts) - counts
        return order, starts[size], counts[size]


class Draw(NamedTuple):
    """Losses and weights of resamples, each ``(resample, run)``; None if not resampled."""

    losses: np.ndarray | None = None
    weights: np.ndarray | None = None


@runtime_checkable
class Scheme(Protocol):
    """A resampling scheme: immutable settings with a name."""

    @property
    def name(self) -> str:
        """The scheme's name in files and in the shell."""
        ...

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Draw the resamples at these positions, with ``rng`` as the only source of randomness."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        ...


def as_json_has_it(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as read back from JSON, with lists for tuples."""
    content: dict[str, Any] = json.loads(json.dumps(settings))
    return content


class Named:
    """A scheme that is a dataclass with a name."""

    name: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        return {"name": self.name, **asdict(self)}  # type: ignore[call-overload]


def run_noise(fit: Fit, of: str, noise: float | None) -> float:
    """Standard deviation on the link's scale that a new run adds to the law's loss.

    Raises:
        ValueError: ``of`` is neither "mean" nor "run", or the noise is negative, not finite, or
            not given and cannot be estimated.
    """
    if of not in ("mean", "run"):
        raise ValueError(f"of must be 'mean' or 'run', got {of!r}")
    if noise is not None and not 0.0 <= noise < np.inf:
        raise ValueError(f"noise must be finite and not negative, got {noise!r}")
    if of == "mean":
        return 0.0
    if noise is not None:
        return noise
    if not shows_noise(fit.runs):
        return Setting.of(fit).residual_spread
    try:
        return estimate_noise(fit.runs).pooled
    except ValueError as error:
        raise ValueError(f"of='run': {error}; give the noise, such as noise=5e-4") from None
