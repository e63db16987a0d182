"""The error of the difference of two fitted laws where they extrapolate, by hold-outs.

With δ = ln loss A − ln loss B, the error of the predicted δ is the error of A minus that of B. Each
has the scatter of its refits and the misfit of its law. What both share (noise of the same
resamples; a law that is wrong in the same way for neighbouring recipes) cancels. So the model for
one loss is applied to hold-outs of the difference: the error of an extrapolation of length l is
normal with variance

    (standard error of δ)² + (rate · l)².

Where the tables have too few points in common, there is no difference to hold out. The errors of
both are then assumed to be independent, and their variances add. The same holds where A and B are
compared at different points: the error of A between the two points cancels with nothing of B.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from farseer_jax.decisions.matching_runs import nearest_pairs
from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.bootstrap_result import Bootstrap
from farseer_jax.uncertainty.calibration import (
    Calibration,
    calibrate,
    central_probability,
    mixture_half_width,
)
from farseer_jax.uncertainty.holdouts import HeldOut, held_out, least_sizes, noise_of
from farseer_jax.uncertainty.standard_errors import standard_error

_TOLERANCE = 0.02  # relative difference of N and D at a common point, as in compare_fits
_LEAST_SHARED = 0.5  # share of the points of each table
_MERGED = 3  # neighbouring rates of a sum of misses, a factor of 1.13 apart: ninefold faster
_MAX_SPREADS = 1 << 22  # in one block: 32 MiB


@dataclass(frozen=True, eq=False)
class DifferenceCalibration:
    """The misfit of a difference of two laws, estimated from hold-outs.

    Attributes:
        parts: one calibration of the difference; or one of each law, where the tables share too
            few points.
    """

    parts: tuple[Calibration, ...]

    @property
    def is_shared(self) -> bool:
        """Whether it was estimated from the difference itself."""
        return len(self.parts) == 1

    @property
    def num_holdouts(self) -> int:
        """Number of hold-outs; of the law with fewer, if there are two."""
        return min(part.num_holdouts for part in self.parts)

    def probability_below(
        self, gap: np.ndarray, error: np.ndarray, lengths: tuple[np.ndarray, np.ndarray]
    ) -> np.ndarray:
        """Probability that the true difference of ln loss is negative, ``(point,)``.

        Args:
            gap: difference of the fits, ``(point,)``.
            error: its standard error by the refits, ``(point,)``.
            lengths: length of the extrapolation beyond the runs of A and of B, ``(point,)`` each.
        """
        num_spreads = int(np.prod([len(part.rate) for part in self.parts]))
        step, parts = max(_MAX_SPREADS // num_spreads, 1), []
        for i in range(0, len(gap), step):
            some = slice(i, i + step)
            terms = self._terms((lengths[0][some], lengths[1][some]))
            spread, weights = _spreads(error[some], terms)
            central = central_probability(np.abs(gap[some, None]), spread) @ weights
            parts.append(0.5 - 0.5 * np.sign(gap[some]) * central)
        return np.concatenate(parts)

    def half_width(
        self,
        error: np.ndarray,
        lengths: tuple[np.ndarray, np.ndarray],
        *,
        level: float,
        along: "Term | None" = None,
    ) -> np.ndarray:
        """Half the width of the interval of the difference of ln loss, ``(point,)``.

        Args:
            error: standard error by the refits, ``(point,)``.
            lengths: length of the extrapolation beyond the runs of A and of B, ``(point,)`` each.
            level: probability that the interval contains the true difference.
            along: the calibration of A, and the distance between its point and that of B, where
                the two differ. Ignored where the misfits of both are added, which include it.
        """
        terms = self._terms(lengths)
        if along is not None and self.is_shared:
            terms.append(along)
        return mixture_half_width(*_spreads(error, terms), level)

    def _terms(self, lengths: tuple[np.ndarray, np.ndarray]) -> "list[Term]":
        if self.is_shared:
            return [(self.parts[0], np.maximum(*lengths))]
        return list(zip(self.parts, lengths, strict=True))

    def __str__(self) -> str:
        if self.is_shared:
            return f"{self.parts[0]} of the difference"
        a, b = self.parts
        return f"misfits of both added: {a}; {b}"


Term = tuple[Calibration, np.ndarray]  # a cause of misses, and its lengths of extrapolation


def _spreads(error: np.ndarray, terms: list[Term]) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviations of a sum of misses, ``(point, node)``, and the nodes' probabilities."""
    spread, weights = error[:, None], np.ones(1)
    for part, length in terms:
        rate, probability = (part.rate, part.probability) if len(terms) == 1 else _merged(part)
        far = rate * length[:, None]
        num = spread.shape[1] * far.shape[1]
        spread = np.hypot(spread[:, :, None], far[:, None]).reshape(len(error), num)
        weights = np.outer(weights, probability).ravel()
    return spread, weights


def _merged(part: Calibration) -> tuple[np.ndarray, np.ndarray]:
    """Fewer rates with the same mean square, and their probabilities."""
    group = np.arange(len(part.rate)) // _MERGED
    probability = np.bincount(group, part.probability)
    square = np.bincount(group, part.probability * part.rate**2)
    kept = probability > 0
    return np.sqrt(square[kept] / probability[kept]), probability[kept]


def calibrate_difference(a: Bootstrap, b: Bootstrap, *, paired: bool) -> DifferenceCalibration:
    """Calibrate by hold-outs of the difference if the tables share points, else by those of each.

    Args:
        a: refits of A.
        b: refits of B.
        paired: whether resample i is the same in both.
    """
    # the same least number of sizes: else resample i of a hold-out differs from its counterpart's
    sizes = max(least_sizes(a.fit), least_sizes(b.fit))
    found = _of_difference(*(_held_out(one, sizes) for one in (a, b)), paired=paired)
    if found is None:
        return DifferenceCalibration((a.calibration, b.calibration))
    return DifferenceCalibration((found,))


def _held_out(bootstrap: Bootstrap, min_sizes: int) -> HeldOut:
    if least_sizes(bootstrap.fit) == min_sizes:
        return bootstrap.held_out
    return held_out(bootstrap.fit, bootstrap.scheme, bootstrap.seed, min_sizes=min_sizes)


def _of_difference(a: HeldOut, b: HeldOut, *, paired: bool) -> Calibration | None:
    """None where the tables share too few points, or no hold-out of both can be scored."""
    of_a, of_b = _at_points(a), _at_points(b)
    i, j = nearest_pairs(np.stack([of_a.N, of_a.D]), np.stack([of_b.N, of_b.D]), _TOLERANCE)
    if len(i) < _LEAST_SHARED * max(len(of_a.N), len(of_b.N)):
        return None
    fitted_a, fitted_b = of_a.fitted[:, i], of_b.fitted[:, j]
    rows, others = _matching(fitted_a, fitted_b)
    if not len(rows):
        return None
    misses = of_a.misses[rows][:, i] - of_b.misses[others][:, j]
    errors = [
        difference_error(
            of_a.draws[row][:, i], of_b.draws[other][:, j], paired=paired and row == other
        )
        for row, other in zip(rows, others, strict=True)
    ]
    far = np.maximum(of_a.length[rows][:, i], of_b.length[others][:, j])
    scored = ~fitted_a[rows] & (far > 0)
    # noise that both share cancels too: the noise of the ratio is estimated from the ratio
    N, D = of_a.N[i], of_a.D[i]
    if not (misses[scored].any() or np.array(errors)[scored].any()):  # a law against itself
        return Calibration(np.zeros(1), np.ones(1), len(rows), np.nan, 0.0)
    noise = noise_of(Runs(N, D, of_a.loss[i] / of_b.loss[j]))
    found = calibrate(N, misses, errors, far, noise=noise, scored=scored)
    return found if found.num_holdouts else None


def _matching(fitted_a: np.ndarray, fitted_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of hold-outs of A and of B that fit the same common points, each used once.

    Several cutoffs of one table between two sizes of the other fit the same points: the largest
    cutoff is used.
    """
    rows, others = np.nonzero((fitted_a[:, None] == fitted_b).all(axis=2))
    last_row = dict(zip(others.tolist(), rows.tolist(), strict=True))
    last_other = {row: other for other, row in last_row.items()}
    return np.array(list(last_other), int), np.array(list(last_other.values()), int)


def difference_error(draws_a: np.ndarray, draws_b: np.ndarray, *, paired: bool) -> np.ndarray:
    """Standard error of a difference, from draws of both.

    Args:
        draws_a: draws of A, ``(resample, point)``.
        draws_b: draws of B, ``(resample, point)``.
        paired: whether draw i is the same resample in both; else they are independent.
    """
    if paired:
        return standard_error(draws_a - draws_b)
    return np.hypot(standard_error(draws_a), standard_error(draws_b))


class _AtPoints(NamedTuple):
    """Hold-outs at each distinct (N, D), averaged over the runs there."""

    N: np.ndarray
    D: np.ndarray
    fitted: np.ndarray
    misses: np.ndarray
    draws: np.ndarray
    length: np.ndarray
    loss: np.ndarray


def _at_points(one: HeldOut) -> _AtPoints:
    (N, D), first, index, count = np.unique(
        np.stack([one.runs.N, one.runs.D]),
        axis=1, return_index=True, return_inverse=True, return_counts=True,
    )  # fmt: skip
    share = (index.ravel()[:, None] == np.arange(len(N))) / count
    return _AtPoints(
        N=N,
        D=D,
        fitted=one.holdouts.weights[:, first] > 0,
        misses=one.misses @ share,
        draws=one.draws[..., first],
        length=one.holdouts.length[:, first],
        loss=np.exp(np.log(one.runs.loss) @ share),
    )
