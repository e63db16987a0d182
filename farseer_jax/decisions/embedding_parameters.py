"""N counted with embeddings: a column of the runs, and its values at sizes not trained yet."""

from typing import NamedTuple

import numpy as np

from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.runs import Runs

# lower case, letters and digits only
_USUAL_TEXT = """
    nwithembedding nwithembeddings nwithemb nincludingembedding nincludingembeddings
    paramswithembedding paramswithembeddings parameterswithembedding parameterswithembeddings
    ntotal totalparams totalparameters numtotalparams
    """
_USUAL_NAMES = frozenset(_USUAL_TEXT.split())


class Recounted(NamedTuple):
    """Runs and targets with the other count as N, and a note if the targets are estimated."""

    runs: Runs
    N: np.ndarray
    note: str


def find_column(runs: Runs) -> str | None:
    """The one extra column whose name says that it counts embeddings."""
    found = [
        name
        for name in runs.extra
        if "".join(letter for letter in name.lower() if letter.isalnum()) in _USUAL_NAMES
    ]
    return found[0] if len(found) == 1 else None


def recount(runs: Runs, column: str, N: np.ndarray, embeddings: np.ndarray | None) -> Recounted:
    """Take another count of parameters as N.

    Args:
        runs: the runs, with N as they were fitted.
        column: column with the other count; it may also be a count without embeddings.
        N: N of the targets, counted as in the runs, ``(point,)``.
        embeddings: embedding parameters of the targets, ``(point,)``; None takes those of runs of
            that size, or a power law through the sizes.

    Raises:
        ValueError: there is no such column, or it is not another count of parameters.
    """
    count = _numbers(runs, column)
    sizes, place = np.unique(runs.N, return_inverse=True)
    difference = np.bincount(place, count - runs.N) / np.bincount(place)
    sign = np.sign(difference[0])
    if not (sign * difference > 0).all():
        raise ValueError(
            f"column {column!r}: expected a count above N for every size, or below N for every size"
        )
    note = ""
    if embeddings is None:
        embeddings, note = _of_targets(sizes, sign * difference, N)
    targets = N + sign * embeddings
    if not (targets > 0).all():
        raise ValueError(f"a target would have no parameters without embeddings (by {column!r})")
    extra, name = dict(runs.extra), runs.loss_name
    other = Runs(count, runs.D, runs.loss, extra, N_unit=1.0, D_unit=1.0, loss_name=name)
    return Recounted(other, targets, note)


def _numbers(runs: Runs, column: str) -> np.ndarray:
    if column not in runs.extra:
        raise ValueError(f"the runs have no column {column!r}")
    values = runs.extra[column]
    if values.dtype.kind not in "iuf" or not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"column {column!r}: expected a positive number for every run")
    return values.astype(np.float64)


def _of_targets(sizes: np.ndarray, embeddings: np.ndarray, N: np.ndarray) -> tuple[np.ndarray, str]:
    """Embedding parameters of the targets, and a note if they are extrapolated."""
    known = np.isin(N, sizes)
    own = embeddings[np.minimum(np.searchsorted(sizes, N), len(sizes) - 1)]
    if known.all():
        return own, ""
    if len(sizes) < 2:
        raise ValueError(
            "embedding parameters need two sizes for a trend: give those of the target"
        )
    slope, level = np.polyfit(np.log(sizes), np.log(embeddings), 1)
    guess = np.exp(level + slope * np.log(N))
    shown = ", ".join(quantity_text(number) for number in np.unique(guess[~known])[:3])
    note = (
        f"embedding parameters of the target, {shown}, by a power law through the runs', "
        f"N^{slope:.2f}"
    )
    return np.where(known, own, guess), note
