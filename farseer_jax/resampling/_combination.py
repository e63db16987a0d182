"""One interval from several laws and methods, each weighted by how well it extrapolated so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.resampling._calibration import Calibration
from farseer_jax.resampling._mixture import central_probability
from farseer_jax.runs.checks import Floats, check_level


class CombinedInterval(NamedTuple):
    """A mixture of calibrated fits, in ``ln loss``.

    Attributes:
        center: mean of the mixture, ``(point,)``.
        lower: of the equal-tailed interval, ``(point,)``.
        upper: of the equal-tailed interval, ``(point,)``.
        weights: of the fits, ``(fit,)``.
    """

    center: Floats
    lower: Floats
    upper: Floats
    weights: Floats


def evidence_weights(calibrations: Sequence[Calibration]) -> Floats:
    """Weights of fits by the density that the misses of their hold-outs had, ``(fit,)``.

    All must have been scored on the same runs after the same cutoffs. Before the hold-outs all fits
    are equal; each hold-out counts once, whatever the number of its runs.

    Raises:
        ValueError: there is none, or their numbers of hold-outs differ.

    Example:
        >>> import numpy as np
        >>> from farseer_jax.resampling._calibration import calibrate
        >>> length, error = np.full((3, 1), 0.5), np.full((3, 1), 0.001)
        >>> good, bad = (calibrate([1e9], np.full((3, 1), miss), error, length, noise=0.0)
        ...              for miss in (0.001, 0.004))
        >>> evidence_weights([good, bad]).round(4)
        array([0.9986, 0.0014])
    """
    if len({calibration.num_holdouts for calibration in calibrations}) != 1:
        raise ValueError("fits are comparable only when all are scored on the same hold-outs")
    log_evidence = np.array([calibration.log_evidence for calibration in calibrations])
    weights = np.exp(log_evidence - log_evidence.max())
    return weights / weights.sum()


def combine(
    log_losses: ArrayLike,
    standard_errors: ArrayLike,
    length: ArrayLike,
    calibrations: Sequence[Calibration],
    *,
    level: float = 0.9,
) -> CombinedInterval:
    """The interval of the mixture over fits: where they disagree it is as wide as that.

    Args:
        log_losses: ln predicted loss of each fit, ``(fit, point)``.
        standard_errors: the bootstrap's, ``(fit, point)``; for new runs with their noise added in
            quadrature.
        length: of the extrapolation to each point, ``(point,)``.
        calibrations: of the fits.
        level: probability that the interval holds the loss.

    Raises:
        ValueError: the level is not inside (0, 1), or see :func:`evidence_weights`.
    """
    check_level(level)
    weights = evidence_weights(calibrations)
    mean, error = np.asarray(log_losses, dtype=float), np.asarray(standard_errors, dtype=float)
    far = np.asarray(length, dtype=float)
    spreads = [one.spreads(e, far) for one, e in zip(calibrations, error, strict=True)]

    def below(value: Floats) -> Floats:
        """Probability of the mixture below a value."""
        parts = [
            (
                np.sign(value - m)
                * (central_probability(np.abs(value - m)[:, None], s) @ one.probability)
            )
            for m, s, one in zip(mean, spreads, calibrations, strict=True)
        ]
        return 0.5 + 0.5 * weights @ np.array(parts)

    reach = 9.0 * np.max([s.max(axis=1) for s in spreads], axis=0)
    ends = []
    for probability in ((1.0 - level) / 2.0, (1.0 + level) / 2.0):
        low, high = mean.min(axis=0) - reach, mean.max(axis=0) + reach
        for _ in range(60):
            middle = (low + high) / 2.0
            short = below(middle) < probability
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        ends.append((low + high) / 2.0)
    return CombinedInterval(weights @ mean, ends[0], ends[1], weights)
