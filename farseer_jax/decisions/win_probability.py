"""The probability that A has the lower loss, from two bootstraps and their hold-outs."""

from dataclasses import dataclass

import numpy as np

from farseer_jax.decisions.compared_fits import FitPair
from farseer_jax.decisions.difference_calibration import (
    DifferenceCalibration,
    calibrate_difference,
    difference_error,
)
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.runs.coverage import extrapolation_length
from farseer_jax.uncertainty.bootstrap_result import Bootstrap
from farseer_jax.uncertainty.intervals import Kind
from farseer_jax.uncertainty.loss_schemes import ParametricBootstrap

_MAX_LOSSES = 1 << 22  # of one fit in one block: 32 MiB


def is_paired(a: Bootstrap, b: Bootstrap) -> bool:
    """Whether draw i of both is the same resample of the same runs.

    Then what a resample does to both cancels in their difference. Simulated noise (parametric) is
    the same for both only if it is added to the same losses.
    """
    runs, others = a.fit.runs, b.fit.runs
    same = (
        a.seed == b.seed
        and a.scheme.to_dict() == b.scheme.to_dict()
        and len(runs) == len(others)
        and bool((runs.N == others.N).all() and (runs.D == others.D).all())
    )
    if same and isinstance(a.scheme, ParametricBootstrap):
        return bool((runs.loss == others.loss).all())
    return same


@dataclass(frozen=True, eq=False)
class WinProbability:
    """The probability that A has the lower mean loss, and how it was found.

    Attributes:
        a: the draws of A.
        b: the draws of B.
        kind: ``"calibrated"`` by hold-outs, or ``"percentile"``, the share of the draws, which
            assumes that both laws are exact.
        paired: whether draw i of both is the same resample of the same runs.
        calibration: misfit of the difference by hold-outs; None for ``"percentile"``.
    """

    a: Bootstrap
    b: Bootstrap
    kind: Kind
    paired: bool
    calibration: DifferenceCalibration | None

    @property
    def note(self) -> str:
        """How the probability was found, in words."""
        how = "paired draws" if self.paired else "independent draws"
        if self.calibration is None:
            return f"percentile, {how}, the laws are assumed to be exact"
        return f"calibrated, {how}, {self.calibration}"

    def at(self, N: np.ndarray, D: np.ndarray) -> np.ndarray:
        """The probability at points, in the broadcast shape of N and D.

        ``"percentile"`` is the share of draws in which A has the lower loss, ties counted half:
        draws are paired if possible (:func:`is_paired`), else every draw of A is compared with
        every draw of B. For ``"calibrated"`` see
        :mod:`farseer_jax.decisions.difference_calibration`.

        Raises:
            ValueError: no refit of both is usable.
        """
        N, D = np.broadcast_arrays(N, D)
        flat_N, flat_D = N.ravel(), D.ravel()
        step = max(_MAX_LOSSES // max(self.a.num_resamples, self.b.num_resamples), 1)
        parts = [
            self._of_some(flat_N[i : i + step], flat_D[i : i + step])
            for i in range(0, len(flat_N), step)
        ]
        return np.concatenate(parts).reshape(N.shape)

    def _of_some(self, N: np.ndarray, D: np.ndarray) -> np.ndarray:
        a, b = self.a, self.b
        loss_a, loss_b = _both(_losses(a, N, D), _losses(b, N, D), paired=self.paired)
        if self.calibration is None:
            return _share(loss_a, loss_b, paired=self.paired)
        gap = np.log(evaluate(a.fit.law, N, D)) - np.log(evaluate(b.fit.law, N, D))
        error = difference_error(np.log(loss_a), np.log(loss_b), paired=self.paired)
        far = [extrapolation_length(one.fit.runs, N, D) for one in (a, b)]
        return self.calibration.probability_below(gap, np.nan_to_num(error), (far[0], far[1]))


def win_probability(fits: FitPair, kind: Kind | None) -> WinProbability | None:
    """The probability that A has the lower loss; None where a fit has no draws.

    Args:
        fits: the two fits.
        kind: ``"calibrated"`` or ``"percentile"``; None is the first if there are hold-outs.

    Raises:
        ValueError: the kind is unknown, or these draws do not allow it.
    """
    if kind not in (None, "calibrated", "percentile"):
        raise ValueError(f"kind: expected 'calibrated' or 'percentile', got {kind!r}")
    a, b = fits.a.bootstrap, fits.b.bootstrap
    if a is None or b is None:
        if kind is not None:
            raise ValueError(f"kind={kind!r}: a probability needs a Bootstrap of both a and b")
        return None
    paired = is_paired(a, b)
    can_calibrate = a.has_sizes_to_hold_out and b.has_sizes_to_hold_out
    if kind == "percentile" or (kind is None and not can_calibrate):
        return WinProbability(a, b, "percentile", paired, None)
    found = calibrate_difference(a, b, paired=paired)
    if found.num_holdouts:
        return WinProbability(a, b, "calibrated", paired, found)
    if kind == "calibrated":
        raise ValueError(
            "kind 'calibrated' needs hold-outs of both, and these runs have too few sizes for one, "
            "or none could be refitted: use 'percentile', which assumes that the laws are exact"
        )
    return WinProbability(a, b, "percentile", paired, None)


def _losses(bootstrap: Bootstrap, N: np.ndarray, D: np.ndarray) -> np.ndarray:
    """``(resample, point)``; NaN where a refit failed, so that rows stay in step."""
    parts = [
        np.where(batch.usable[:, None], batch.predict(N, D), np.nan)
        for batch in bootstrap.draws.batches()
    ]
    return np.concatenate(parts)


def _both(loss_a: np.ndarray, loss_b: np.ndarray, *, paired: bool) -> tuple[np.ndarray, np.ndarray]:
    """The draws that have a loss at every point, in both fits if they are paired."""
    whole_a, whole_b = np.isfinite(loss_a).all(axis=1), np.isfinite(loss_b).all(axis=1)
    if paired:
        num = min(len(loss_a), len(loss_b))  # the first resamples do not depend on their number
        both = whole_a[:num] & whole_b[:num]
        loss_a, loss_b = loss_a[:num][both], loss_b[:num][both]
    else:
        loss_a, loss_b = loss_a[whole_a], loss_b[whole_b]
    if not min(len(loss_a), len(loss_b)):
        raise ValueError("no refit is usable in both bootstraps: refit with other seeds or schemes")
    return loss_a, loss_b


def _share(loss_a: np.ndarray, loss_b: np.ndarray, *, paired: bool) -> np.ndarray:
    """Share of draws in which A has the lower loss, ``(point,)``."""
    if paired:
        return (np.sign(loss_b - loss_a).mean(axis=0) + 1.0) / 2.0
    ordered, found = np.sort(loss_b, axis=0), np.empty(loss_a.shape[1])
    for point in range(loss_a.shape[1]):
        below = np.searchsorted(ordered[:, point], loss_a[:, point], "left")
        up_to = np.searchsorted(ordered[:, point], loss_a[:, point], "right")
        wins_less_losses = int((len(ordered) - below - up_to).sum())
        found[point] = wins_less_losses / (len(loss_a) * len(ordered))
    return (found + 1.0) / 2.0
