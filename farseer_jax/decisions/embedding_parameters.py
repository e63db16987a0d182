"""N counted with embeddings: a column of the runs, and what it means for runs not trained yet."""

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
    """The runs and the targets with the other count as N, and how the targets came by it."""

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
        column: the other count; it may also be one without embeddings.
        N: of the targets, counted as the runs' own, ``(point,)``.
        embeddings: the targets' embedding parameters, ``(point,)``; None takes those of a size
            that was fitted, and a power law through the sizes elsewhere.

    Raises:
        ValueError: there is no such column, or it is no other count.
    """
    count = _numbers(runs, column)
    sizes, place = np.unique(runs.N, return_inverse=True)
    difference = np.bincount(place, count - runs.N) / np.bincount(place)
    sign = np.sign(difference[0])
    if not (sign * difference > 0).all():
        raise ValueError(f"column {column!r} is not above N for every size, nor below it")
    note = ""
    if embeddings is None:
        embeddings, note = _of_targets(sizes, sign * difference, N)
    targets = N + sign * embeddings
    if not (targets > 0).all():
        raise ValueError(f"a target would have no parameters left but those of column {column!r}")
    extra, name = dict(runs.extra), runs.loss_name
    other = Runs(count, runs.D, runs.loss, extra, N_unit=1.0, D_unit=1.0, loss_name=name)
    return Recounted(other, targets, note)


def _numbers(runs: Runs, column: str) -> np.ndarray:
    if column not in runs.extra:
        raise ValueError(f"the runs have no column {column!r}")
    values = runs.extra[column]
    if values.dtype.kind not in "iuf" or not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"column {column!r} does not hold a positive number for every run")
    return values.astype(np.float64)


def _of_targets(sizes: np.ndarray, embeddings: np.ndarray, N: np.ndarray) -> tuple[np.ndarray, str]:
    """Embedding parameters of the targets, and in words where these are a guess."""
    known = np.isin(N, sizes)
    own = embeddings[np.minimum(np.searchsorted(sizes, N), len(sizes) - 1)]
    if known.all():
        return own, ""
    if len(sizes) < 2:
        raise ValueError("one size gives no trend of embedding parameters: give the target's own")
    slope, level = np.polyfit(np.log(sizes), np.log(embeddings), 1)
    guess = np.exp(level + slope * np.log(N))
    shown = ", ".join(quantity_text(number) for number in np.unique(guess[~known])[:3])
    note = (
        f"the target's embedding parameters, {shown}, by a power law, N^{slope:.2f}, of the runs'"
    )
    return np.where(known, own, guess), note
