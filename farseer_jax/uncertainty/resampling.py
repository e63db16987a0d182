"""What a resampling scheme is, and what it draws from: the runs, their fit, and their noise."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np

from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.laws.law import Law
from farseer_jax.links import Link
from farseer_jax.methods.end_to_end.layout import distinct_rows
from farseer_jax.methods.method import weights_of
from farseer_jax.runs.noise import estimate_noise, shows_noise
from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.standard_errors import moved


@dataclass(frozen=True, eq=False)
class Setting:
    """A fit, as schemes see it. A unit is a distinct run: exact copies of one are drawn together.

    Attributes:
        law: the fitted law.
        runs: what it was fitted to.
        unit: each run's unit, ``(run,)``.
        size: each run's size, ``(run,)``: runs of one N, or of a law without N its units.
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
        rows = distinct_rows(type(law), runs, runs.loss)
        _, first, unit = np.unique(rows, axis=1, return_index=True, return_inverse=True)
        has_sizes = "N" in type(law).inputs()
        size = np.unique(runs.N, return_inverse=True)[1] if has_sizes else unit
        predicted = evaluate_runs(law, runs)[first]
        return cls(law, runs, unit.ravel(), size.ravel(), first, predicted, more_runs)

    @property
    def num_units(self) -> int:
        """Distinct runs."""
        return len(self.first)

    @property
    def num_sizes(self) -> int:
        """How many sizes there are."""
        return int(self.size.max()) + 1

    @property
    def link(self) -> Link:
        """The scale of the response's errors."""
        return self.runs.link

    @cached_property
    def noise(self) -> np.ndarray:
        """Standard deviation on the link's scale from run to run, per unit.

        Of runs over N and D from their repeats and differences. Others show none: there it is what
        the fit leaves, ``s² = Σ w r² / (n − p)``, and ``s / √w`` of a run of weight w.

        Raises:
            ValueError: the runs do not show it.
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
                    "ParametricBootstrap(5e-4), or take 'wild'"
                ) from None
            found = estimate_noise(self.more_runs)
        return found.of_runs(self.runs)[self.first]

    @property
    def residual_spread(self) -> float:
        """Standard deviation of what the fit leaves, on the link's scale, of a run of weight 1."""
        residual, weights = self._residual, self._weights
        num = max(self._num_fitted - self._num_parameters, 1)
        return float(np.sqrt(np.sum(weights * residual**2) / num))

    def residuals(self, *, by_size: bool, centred: bool = True) -> np.ndarray:
        """Residuals on the link's scale, per unit, enlarged for the parameters that were fitted.

        Args:
            by_size: centre them size by size.
            centred: centre them at all.
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
        """The runs' own, per unit."""
        return weights_of(self.runs)[self.first]

    @property
    def _num_fitted(self) -> int:
        """Units that have weight."""
        return int(np.count_nonzero(self._weights))

    @property
    def _num_parameters(self) -> int:
        return len(type(self.law).parameter_names())

    def perturbed(self, deviation: np.ndarray) -> np.ndarray:
        """Fitted losses moved by deviations on the link's scale, ``(resample, unit)``, by run."""
        return moved(self.link, self.predicted, deviation)[:, self.unit]

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


class Draw(NamedTuple):
    """Losses and weights of resamples, each ``(resample, run)``; None where they are the runs' own.

    Attributes:
        losses: other losses.
        weights: other weights.
    """

    losses: np.ndarray | None = None
    weights: np.ndarray | None = None


@runtime_checkable
class Scheme(Protocol):
    """How resamples are drawn: immutable settings with a name."""

    @property
    def name(self) -> str:
        """How files and the shell call the scheme."""
        ...

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """The resamples at these positions; only ``rng`` makes them random."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        ...


def as_json_has_it(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as they come back from JSON: tuples are lists there."""
    content: dict[str, Any] = json.loads(json.dumps(settings))
    return content


class Named:
    """Settings of a dataclass as a dictionary."""

    name: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        return {"name": self.name, **asdict(self)}  # type: ignore[call-overload]


def run_noise(fit: Fit, of: str, noise: float | None) -> float:
    """Standard deviation on the link's scale that a new run adds to the loss of a fit's law.

    Raises:
        ValueError: ``of`` is neither "mean" nor "run", or the noise is negative or not finite, or
            the runs do not show it where it is not given.
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
