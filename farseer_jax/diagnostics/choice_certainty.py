"""How sure a choice by hold-outs is: a paired bootstrap over held-out cells."""

import numpy as np

SURE = 0.9  # probability from which on a choice is called sure
_NUM_DRAWS = 2000
_LARGEST = 1e3  # of a logarithm of errors


def probability_lower(
    misses: np.ndarray, others: np.ndarray, held_out: np.ndarray, cell: np.ndarray
) -> float:
    """Probability that one candidate's error is lower than another's, by a paired bootstrap.

    An error is the geometric mean over the hold-outs of the mean absolute error. Whole cells are
    resampled, since errors of runs of one size are correlated, and the same cells for both
    candidates. With few cells all differences can have one sign by chance. Therefore the fraction p
    of resamples becomes (U·p + 1/2) / (U + 1) for U cells, which is at most 3/4 for a single cell.

    Args:
        misses: absolute errors of the first candidate, ``(holdout, run)``.
        others: absolute errors of the second, ``(holdout, run)``.
        held_out: which of them count, ``(holdout, run)``.
        cell: the cell of each run, such as its group and size, ``(run,)``.

    Returns:
        The probability; NaN if no hold-out has errors of both candidates.

    Example:
        >>> held_out, cell = np.ones((1, 40), bool), np.repeat(np.arange(10), 4)
        >>> misses = np.abs(np.random.default_rng(0).standard_normal((1, 40)))
        >>> round(probability_lower(misses, 2.0 * misses, held_out, cell), 3)
        0.955
    """
    both = np.isfinite(np.where(held_out, misses + others, 0.0)).all(axis=1) & held_out.any(axis=1)
    if not both.any():
        return float("nan")
    used = held_out[both].any(axis=0)
    _, place = np.unique(cell[used], return_inverse=True)
    num_cells = int(place.max()) + 1
    mask = held_out[both][:, used]
    one, other, count = (
        np.stack([np.bincount(place, row, num_cells) for row in np.where(mask, own, 0.0)])
        for own in (misses[both][:, used], others[both][:, used], np.ones(mask.shape))
    )
    generator = np.random.default_rng(0)
    drawn = generator.multinomial(num_cells, np.full(num_cells, 1.0 / num_cells), _NUM_DRAWS)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.log(drawn @ one.T) - np.log(drawn @ other.T)
    # exact predictions, and diverged ones: finite
    ratio = np.clip(np.nan_to_num(ratio), -_LARGEST, _LARGEST)
    ratio = np.where(drawn @ count.T > 0.0, ratio, 0.0).sum(axis=1)
    share = np.mean(ratio < 0.0) + 0.5 * np.mean(ratio == 0.0)
    return float((num_cells * share + 0.5) / (num_cells + 1.0))
