"""How far the difference of two fitted laws is off where they extrapolate, by hold-outs.

With δ = ln loss A − ln loss B, the miss of δ as predicted is the miss of A less that of B. Each has
the scatter of its refits and the misfit of its law, and what both have in common (noise that the
resamples share; a law that is wrong in the same way for neighbouring recipes) cancels. So the same
model as for one loss is learnt from hold-outs of the difference: a miss of an extrapolation of
length l is normal with variance

    standard error of δ² + (rate · l)².

Where the tables have too few points in common there is no difference to hold out. Then the misses
of both are taken for independent, and their variances add up.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from farseer_jax._runs import Runs
from farseer_jax.analysis.comparison._matching import nearest_pairs
from farseer_jax.resampling._calibration import (
    Calibration,
    calibrate,
    central_probability,
    mixture_half_width,
)
from farseer_jax.resampling._holdouts import HeldOut, noise_of
from farseer_jax.resampling._result import Bootstrap
from farseer_jax.resampling._spread import standard_error

_TOLERANCE = 0.02  # of N and D of a common point, as of two tables of runs
_LEAST_SHARED = 0.5  # of the points of each table
_NEGLIGIBLE = 1e-6  # probability of a pair of rates, of the largest
_MAX_SPREADS = 1 << 22  # at once: 32 MiB


@dataclass(frozen=True, eq=False)
class GapCalibration:
    """What hold-outs say of the misfit of a difference of two laws.

    Attributes:
        parts: of the difference, alone; or of each law, where the tables share too few points.
    """

    parts: tuple[Calibration, ...]

    @property
    def is_shared(self) -> bool:
        """Whether it was learnt from the difference itself."""
        return len(self.parts) == 1

    @property
    def num_holdouts(self) -> int:
        """How many hold-outs it rests on, of the law with the fewer."""
        return min(part.num_holdouts for part in self.parts)

    def probability_below(
        self, gap: np.ndarray, error: np.ndarray, lengths: tuple[np.ndarray, np.ndarray]
    ) -> np.ndarray:
        """Probability that the true difference of ln loss is negative, ``(point,)``.

        Args:
            gap: the fits' difference, ``(point,)``.
            error: its standard error by the refits, ``(point,)``.
            lengths: of the extrapolation beyond the runs of A and of B, ``(point,)``.
        """
        step, parts = self._points_at_once, []
        for i in range(0, len(gap), step):
            some = slice(i, i + step)
            spread, weights = self._spreads(error[some], (lengths[0][some], lengths[1][some]))
            held = central_probability(np.abs(gap[some, None]), spread) @ weights
            parts.append(0.5 - 0.5 * np.sign(gap[some]) * held)
        return np.concatenate(parts)

    def half_width(
        self, error: np.ndarray, lengths: tuple[np.ndarray, np.ndarray], *, level: float
    ) -> np.ndarray:
        """Half the width of the interval of the difference of ln loss, ``(point,)``.

        Args:
            error: as for :meth:`probability_below`.
            lengths: likewise.
            level: probability that the interval holds the true difference.
        """
        return mixture_half_width(*self._spreads(error, lengths), level)

    @property
    def _points_at_once(self) -> int:
        num = int(np.prod([len(part.rate) for part in self.parts]))
        return max(_MAX_SPREADS // num, 1)

    def _spreads(
        self, error: np.ndarray, lengths: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Standard deviations of a miss ``(point, node)`` and the nodes' probabilities."""
        if self.is_shared:
            (own,) = self.parts
            return own.spreads(error, np.maximum(*lengths)), own.probability
        a, b = self.parts
        weights = np.outer(a.probability, b.probability).ravel()
        kept = weights > _NEGLIGIBLE * weights.max()
        rates = np.meshgrid(a.rate, b.rate, indexing="ij")
        spread = error[:, None]
        for rate, length in zip(rates, lengths, strict=True):
            spread = np.hypot(spread, rate.ravel()[kept] * length[:, None])
        return spread, weights[kept] / weights[kept].sum()

    def __str__(self) -> str:
        if self.is_shared:
            return f"{self.parts[0]} of the difference"
        a, b = self.parts
        return f"misfits of both added: {a}; {b}"


def gap_calibration(a: Bootstrap, b: Bootstrap, *, paired: bool) -> GapCalibration:
    """From hold-outs of the difference where the tables share points, else from those of each.

    Args:
        a: refits of A.
        b: refits of B.
        paired: whether resample i is the same of both.
    """
    found = _of_difference(a.held_out, b.held_out, paired=paired)
    if found is not None and found.num_holdouts:
        return GapCalibration((found,))
    return GapCalibration((a.calibration, b.calibration))


def _of_difference(a: HeldOut, b: HeldOut, *, paired: bool) -> Calibration | None:
    """None where the tables share too few points, or no hold-out fits the same of them."""
    of_a, of_b = _at_points(a), _at_points(b)
    i, j = nearest_pairs(np.stack([of_a.N, of_a.D]), np.stack([of_b.N, of_b.D]), _TOLERANCE)
    if len(i) < _LEAST_SHARED * max(len(of_a.N), len(of_b.N)):
        return None
    fitted_a, fitted_b = of_a.fitted[:, i], of_b.fitted[:, j]
    same = (fitted_a[:, None] == fitted_b).all(axis=2)
    rows, others = np.nonzero(same)
    if not len(rows):
        return None
    misses = of_a.misses[rows][:, i] - of_b.misses[others][:, j]
    errors = [
        _error(of_a.draws[row][:, i], of_b.draws[other][:, j], paired=paired and row == other)
        for row, other in zip(rows, others, strict=True)
    ]
    far = np.maximum(of_a.length[rows][:, i], of_b.length[others][:, j])
    scored = ~fitted_a[rows] & (far > 0)
    # what the noise of both has in common cancels too: that of the ratio is found from the ratio
    N, D = of_a.N[i], of_a.D[i]
    noise = noise_of(Runs(N, D, of_a.loss[i] / of_b.loss[j]))
    return calibrate(N, misses, errors, far, noise=noise, scored=scored)


def _error(draws_a: np.ndarray, draws_b: np.ndarray, *, paired: bool) -> np.ndarray:
    """Standard error of a difference of ``(resample, point)``."""
    if paired:
        return standard_error(draws_a - draws_b)
    return np.hypot(standard_error(draws_a), standard_error(draws_b))


class _AtPoints(NamedTuple):
    """Hold-outs at each distinct (N, D): runs there averaged."""

    N: np.ndarray
    D: np.ndarray
    fitted: np.ndarray
    misses: np.ndarray
    draws: np.ndarray
    length: np.ndarray
    loss: np.ndarray


def _at_points(held: HeldOut) -> _AtPoints:
    (N, D), first, place, count = np.unique(
        np.stack([held.runs.N, held.runs.D]),
        axis=1, return_index=True, return_inverse=True, return_counts=True,
    )  # fmt: skip
    share = (place.ravel()[:, None] == np.arange(len(N))) / count
    return _AtPoints(
        N=N,
        D=D,
        fitted=held.holdouts.weights[:, first] > 0,
        misses=held.misses @ share,
        draws=held.draws[..., first],
        length=held.holdouts.length[:, first],
        loss=np.exp(np.log(held.runs.loss) @ share),
    )
