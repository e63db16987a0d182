"""Hold-outs in every direction in which a table can be extrapolated."""

from collections.abc import Mapping

import numpy as np

_HELD = (0.1, 0.25)  # least shares of the runs
_LEAST_RUNS, _LEAST_VALUES = 4, 3
_RUNS_PER_INPUT = 2
_FOLDS = 4  # of the mixtures
_ROUNDING = 1e-6
_MOST_HELD = 0.5


def holdouts(
    inputs: Mapping[str, np.ndarray], shares: np.ndarray | None = None, seed: int = 0
) -> dict[str, np.ndarray]:
    """The runs that each hold-out predicts, ``(run,)``, by its name.

    Held out are the largest values of each input (at least 10 %, and at least 25 %, of the runs),
    the runs that are largest in all inputs, and each quarter of the distinct mixtures.

    Args:
        inputs: positive numbers, ``(run,)`` each.
        shares: of a mixture, ``(run, share)``.
        seed: of the random quarters.

    Example:
        >>> import numpy as np
        >>> found = holdouts({"N": np.repeat([1e8, 2e8, 4e8, 8e8], 3)})
        >>> {name: int(held.sum()) for name, held in found.items()}
        {'largest N, 10%': 3, 'largest N, 25%': 6}
    """
    found: dict[str, np.ndarray] = {}
    num = len(next(iter(inputs.values()))) if inputs else 0
    coordinates = {name: np.log(values) for name, values in inputs.items()}
    varied = {name: own for name, own in coordinates.items() if np.ptp(own) > _ROUNDING}
    for name, along in varied.items():
        _add_limits(found, name, along, min(_LEAST_RUNS + _RUNS_PER_INPUT * len(varied), num))
    if len(varied) > 1:
        together = np.sum([own / own.std() for own in varied.values()], axis=0)
        least = _LEAST_RUNS + _RUNS_PER_INPUT * len(varied)
        _add_limits(found, " and ".join(varied), together, least)
    if shares is not None:
        found |= _mixtures(shares, seed)
    return found


def _add_limits(found: dict[str, np.ndarray], name: str, along: np.ndarray, least: int) -> None:
    """Hold-outs of the largest values along a coordinate, where enough runs are left."""
    values = np.unique(along.round(6))
    if len(values) < _LEAST_VALUES:
        return
    sets = [_from(along, value) for value in values[::-1]]
    for share in _HELD:
        held = next(own for own in sets if own.mean() >= share)
        sets = [own for own in sets if own.sum() > held.sum()]
        if held.mean() > _MOST_HELD or (~held).sum() < least:
            continue
        if len(np.unique(along[~held].round(6))) < _LEAST_VALUES - 1:
            continue
        if not sets:
            return
        if not any((held == other).all() for other in found.values()):
            found[f"largest {name}, {share:.0%}"] = held


def _from(along: np.ndarray, value: float) -> np.ndarray:
    """The runs from a value on."""
    return along >= value - _ROUNDING


def _mixtures(shares: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """The runs of each quarter of the mixtures."""
    _, which = np.unique(shares.round(6), axis=0, return_inverse=True)
    which = which.ravel()
    num = int(which.max()) + 1
    if num < 2 * _FOLDS:
        return {}
    place = np.random.default_rng(seed).permutation(num)[which] % _FOLDS
    return {f"mixtures, part {k + 1} of {_FOLDS}": place == k for k in range(_FOLDS)}
