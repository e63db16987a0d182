"""What the runs do not determine, as a sentence with the runs or settings that would.

Every remedy is tried: further rows of inputs are added to the Jacobian, or columns are taken out of
it, and it is named only if nothing stays open.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from farseer_jax.methods.end_to_end.identifiability import Optimum, open_directions, unit_columns
from farseer_jax.runs.inputs import LOGARITHMIC

_STEPS = (4.0, 0.25, 16.0)  # of new values of an input, relative to its largest or smallest
_FEW = 4  # values of an input that are counted by name
_TOO_FEW = 2  # values of an input that determine no curve
_SAME = 0.02  # of a ratio: deviations from a power law between inputs below this are rounding
_GAIN = 2.0  # of the least singular value, from runs of another ratio over runs of the same
_NUMBERS = ("no", "one", "two", "three", "four")
_PUBLISHED = {"E": 1.69, "alpha": 0.34, "beta": 0.28}  # Hoffmann et al. 2022, Eq. 10


def undetermined_sentence(optimum: Optimum, directions: np.ndarray) -> str:
    """Which parameters are open, why, and the remedies.

    Args:
        optimum: the fitted law.
        directions: open directions of its free parameters, ``(direction, free)``.
    """
    names = joined(optimum.names(directions))
    return f"the runs do not determine {names}: {_reason(optimum)}{_settings(optimum, directions)}"


def same_ratio(optimum: Optimum) -> tuple[str, str, float, float] | None:
    """Two inputs of which one is a power of the other in all runs.

    Returns:
        Their names, the exponent, and the ratio; None if there are none that the law uses.
    """
    columns = {
        name: np.log(optimum.inputs[name])
        for name, kind in optimum.layout.law.inputs().items()
        if kind in LOGARITHMIC and name in optimum.used_inputs
    }
    for first, second in itertools.combinations(columns, 2):
        x, y = columns[first] - columns[first].mean(), columns[second] - columns[second].mean()
        slope = float(x @ y / max(x @ x, 1e-300))
        if np.abs(y - slope * x).max() >= _SAME or len(np.unique(x)) < 3 or len(np.unique(y)) < 3:
            continue
        ratio = float(np.exp(np.mean(columns[second] - columns[first])))
        return first, second, 1.0 if np.ptp(y - x) < _SAME else slope, ratio
    return None


def ratio_matters(optimum: Optimum, first: str, second: str) -> bool:
    """Whether runs at other ratios of two inputs would tell more than runs at larger values.

    A law of the product of both needs no other ratio.
    """
    inputs = optimum.inputs
    further = {**inputs, second: _STEPS[0] * inputs[second]}
    return _least_with(optimum, further) > _GAIN * _least_with(
        optimum, {**further, first: _STEPS[0] * inputs[first]}
    )


def ratio_sentence(optimum: Optimum, found: tuple[str, str, float, float]) -> str:
    """That the runs do not tell two inputs apart, with the remedies."""
    first, second, power, ratio = found
    exponents = [n for n in optimum.free.leaders if n in _exponents(optimum)]
    fixed = f", or fix {joined(exponents)} ({_fixed(optimum, exponents)})" if exponents else ""
    if power == 1.0:
        same = f"{second}/{first} is the same in all ({ratio:.3g})"
        other = f"at another {second}/{first}"
    else:
        same = f"{second} is the same power of {first} in all ({first}^{power:.3g})"
        other = f"at several {second} each"
    return (
        f"the runs do not tell {first} from {second}: {same}, so that each may explain the effect "
        f"of the other; train some of the {_plural(first)} {other}{fixed}."
    )


def _reason(optimum: Optimum) -> str:
    """What the runs lack, with the runs that would help."""
    few = {name: _levels(optimum, name) for name in _positive(optimum)}
    for wanted in range(1, len(_STEPS) + 1):
        for name in sorted(few, key=lambda own: few[own]):
            if few[name] <= _FEW and not _stays_open(optimum, _further(optimum, (name,), wanted)):
                return _levels_of(optimum, (name,), wanted)
    short = [name for name, own in few.items() if own <= _FEW]
    for wanted in range(1, len(_STEPS) + 1):
        if len(short) > 1 and not _stays_open(optimum, _further(optimum, short, wanted)):
            return _levels_of(optimum, short, wanted)
    lone = [name for name, own in few.items() if own <= _TOO_FEW]
    if lone:  # they leave parameters open at this optimum, whose own slopes are of no help
        return _levels_of(optimum, lone, len(_STEPS))
    return "other values fit them as well; drop a term"


def _levels_of(optimum: Optimum, names: Sequence[str], wanted: int) -> str:
    have = joined([_count(_levels(optimum, name), name) for name in names])
    return f"they have {have}; train runs of {joined([_more(n, wanted) for n in names])}"


def _settings(optimum: Optimum, directions: np.ndarray) -> str:
    """Which parameters to fix or to tie instead, as the end of a sentence."""
    names = list(optimum.free.leaders)
    fix = _surplus(optimum, directions)
    if not fix:
        return ", or fix or tie parameters (fixed=, tied=)."
    fixed = f"fix {joined(fix)} ({_fixed(optimum, fix)})"
    partner = _partner(optimum, names.index(fix[0])) if len(fix) == 1 else None
    if partner is None:
        return f", or {fixed}."
    pair = (partner, fix[0]) if names.index(partner) < names.index(fix[0]) else (fix[0], partner)
    return f", {fixed}, or tie {pair[0]} to {pair[1]} (tied=[{pair!r}])."


def _surplus(optimum: Optimum, directions: np.ndarray) -> list[str]:
    """The last of the open parameters without which nothing is open; none if that does not help."""
    matrix, names = optimum.matrix, list(optimum.free.leaders)
    part = set(optimum.names(directions))
    order = sorted(range(len(names)), key=lambda k: names[k] in part)
    kept: list[int] = []
    for k in order:
        if not len(open_directions(matrix[:, [*kept, k]], optimum.noise)):
            kept.append(k)
    surplus = [k for k in range(len(names)) if k not in kept]
    return [names[k] for k in surplus] if kept else []


def _partner(optimum: Optimum, column: int) -> str | None:
    """Another exponent that, tied to a parameter, leaves nothing open."""
    free, law = optimum.free, optimum.layout.law
    names, logs = free.leaders, law.log_parameters()
    exponents = _exponents(optimum)
    for other in reversed(range(len(names))):
        alike = (names[other] in logs) == (names[column] in logs)
        if other == column or not alike or not {names[other], names[column]} <= exponents:
            continue
        tied = optimum.slopes.copy()
        places = [law.parameter_names().index(names[k]) for k in (other, column)]
        tied[:, places[0]] += tied[:, places[1]]
        matrix = optimum.root_weights[:, None] * np.delete(tied, places[1], axis=1)
        fixed = [k for k, row in enumerate(free.basis) if not row.any()]
        matrix = np.delete(matrix, [k - (k > places[1]) for k in fixed], axis=1)
        if not len(open_directions(matrix, optimum.noise)):
            return names[other]
    return None


def _exponents(optimum: Optimum) -> set[str]:
    """Parameters in which the law is not linear, other than the scales of a law of logarithms."""
    law = optimum.layout.law
    linear = set(law.linear())
    if not linear:  # a law of logarithms: exponents follow their coefficients
        logs = law.log_parameters()
        return {n for n in law.parameter_names() if n not in logs}
    return set(law.parameter_names()) - linear


def _fixed(optimum: Optimum, names: Sequence[str]) -> str:
    """The setting that fixes parameters, with published values where there are any."""
    known = _PUBLISHED if optimum.layout.law.name == "chinchilla" else {}
    pairs = ", ".join(f"{name!r}: {known.get(name, '…')}" for name in names)
    return f"fixed={{{pairs}}}"


def _positive(optimum: Optimum) -> list[str]:
    kinds = optimum.layout.law.inputs()
    return [name for name, kind in kinds.items() if kind in LOGARITHMIC]


def _levels(optimum: Optimum, name: str) -> int:
    """How many values of an input the runs have."""
    return len(np.unique(np.log(optimum.inputs[name]).round(9)))


def _further(optimum: Optimum, names: Sequence[str], num: int) -> dict[str, np.ndarray]:
    """The inputs of runs at new values of each of some inputs."""
    rows = list(_copies(optimum.inputs, names, num))
    return {name: np.concatenate([own[name] for own in rows]) for name in optimum.inputs}


def _copies(
    inputs: Mapping[str, np.ndarray], names: Sequence[str], num: int
) -> Iterator[dict[str, np.ndarray]]:
    for step in _STEPS[:num]:
        for name in names:
            end = inputs[name].max() if step > 1.0 else inputs[name].min()
            yield {**inputs, name: np.full_like(inputs[name], step * end)}


def _stays_open(optimum: Optimum, inputs: Mapping[str, np.ndarray]) -> bool:
    """Whether runs at further inputs leave anything open."""
    return len(open_directions(_matrix_with(optimum, inputs), optimum.noise)) > 0


def _least_with(optimum: Optimum, inputs: Mapping[str, np.ndarray]) -> float:
    """The least singular value with runs at further inputs."""
    unit = unit_columns(_matrix_with(optimum, inputs))[0]
    return float(np.linalg.svd(unit, compute_uv=False)[-1])


def _matrix_with(optimum: Optimum, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Slopes in the free parameters at the runs and at further inputs, ``(run, free)``."""
    weights = optimum.root_weights
    slopes = np.concatenate([weights[:, None] * optimum.slopes, optimum.at(inputs)[1]])
    return optimum.along_free(slopes)


def _count(num: int, name: str) -> str:
    noun = {"N": "size", "D": "D"}.get(name, f"value of {name}")
    return f"{_NUMBERS[num]} {noun if num == 1 else _plural(name)}"


def _more(name: str, num: int) -> str:
    if num == 1:
        return {"N": "another size", "D": "another D"}.get(name, f"another value of {name}")
    return f"{_NUMBERS[num]} other {_plural(name)}"


def _plural(name: str) -> str:
    return {"N": "sizes", "D": "D"}.get(name, f"values of {name}")


def joined(names: Sequence[str]) -> str:
    """``E, A and alpha``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
