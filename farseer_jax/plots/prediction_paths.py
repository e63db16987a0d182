"""Lines through a law's inputs along which predictions are drawn: one input varies, others hold."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.decisions.allocate import allocate
from farseer_jax.laws.evaluate import flat_points
from farseer_jax.laws.law import Law
from farseer_jax.laws.quantities import positive
from farseer_jax.results.numbers import quantity_text
from farseer_jax.results.table import evenly
from farseer_jax.runs.inputs import LOGARITHMIC, NUMBERS
from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.intervals import cell_text

# what fixes N and D: ln of each is these multiples of ln N and ln D, plus a constant
_SPLITS = {
    "N": (1.0, 0.0, 0.0),
    "D": (0.0, 1.0, 0.0),
    "C": (1.0, 1.0, float(np.log(6.0))),
    "D/N": (-1.0, 1.0, 0.0),
}
_NUM = 100  # points of a line
_NUM_BUDGETS = 16  # at which the optimal split is computed; between them it is interpolated
_REACH = 1.25  # factor by which lines extend beyond the runs and the targets
MOST_LINES = 3

Inputs = Mapping[str, np.ndarray]


class Path(NamedTuple):
    """Points along a line.

    Attributes:
        x: the quantity that varies, ascending, ``(point,)``.
        inputs: the law's inputs there, ``(point,)`` or ``(point, share)``.
        label: what is held, such as "N = 25.1 B"; empty for inputs that are not worth a word.
    """

    x: np.ndarray
    inputs: Inputs
    label: str


def has_split(law: type[Law]) -> bool:
    """Whether the law has both N and D, so that lines can follow compute or D/N."""
    return {"N", "D"} <= set(law.inputs()) and "C" not in law.inputs()


def along_of(law: type[Law], against: str | None) -> str:
    """The checked quantity on the horizontal axis: by default D, or the first number.

    Raises:
        ValueError: it is neither a numeric input of the law nor compute.
    """
    numbers = [name for name, kind in law.inputs().items() if kind in NUMBERS]
    choices = [*numbers, *(["C"] if has_split(law) else [])]
    if against is None and choices:
        return "D" if "D" in choices else choices[0]
    if against not in choices:
        also = "; 'C' is compute" if has_split(law) else ""
        listed = ", ".join(map(repr, choices)) or "it has none"
        raise ValueError(
            f"against: expected a numeric input of the law {law.name!r} ({listed}{also}), "
            f"got {against!r}"
        )
    return str(against)


def values_along(inputs: Inputs, along: str) -> np.ndarray:
    """Values of an input, or of compute 6 N D, at points, ``(point,)``."""
    return np.asarray(inputs[along] if along in inputs else 6.0 * inputs["N"] * inputs["D"])


def paths_of(
    model: Any,
    law: type[Law],
    runs: Runs,
    along: str,
    given: Mapping[str, Any],
    targets: Inputs | None,
) -> list[Path]:
    """The lines to draw, at most three.

    Args:
        model: what the optimal split is computed from: a forecast or a fit.
        law: the law's class.
        runs: the runs, for the range and for what is not given.
        along: from :func:`along_of`.
        given: held values by name.
        targets: inputs of the targets, whose other inputs are held by default.

    Raises:
        ValueError: a held value is unknown, superfluous, or one of too many; or no budget has an
            optimal split.
    """
    several = _held(law, along, given)
    known = law.columns(runs)
    x = _range(law, along, known, targets)
    if along == "C" and not set(_SPLITS) & set(several[0]) and set(law.inputs()) == {"N", "D"}:
        return [_optimal(model, x)]
    if has_split(law) and not set(_SPLITS) & set(several[0]) and along in ("N", "D"):
        several = _other_of_targets(along, several[0], targets)
    anchor = _anchor(known, targets, along)
    return [_path(law, along, x, held, anchor) for held in several]


def _held(law: type[Law], along: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The given values of each line."""
    kinds = law.inputs()
    allowed = [*kinds, *(set(_SPLITS) - set(kinds) if has_split(law) else ())]
    for name in given:
        if name not in allowed or name == along:
            listed = ", ".join(repr(own) for own in sorted(allowed) if own != along)
            raise ValueError(f"given: unknown {name!r}; choose from {listed}")
    splits = [name for name in given if name in _SPLITS and has_split(law)]
    if len(splits) > (1 if along in _SPLITS else 2):
        raise ValueError(
            f"given: {' and '.join(map(repr, splits))} fix N and D more than once; leave one out"
        )
    lists = {
        name: np.atleast_1d(value).ravel()
        for name, value in given.items()
        if kinds.get(name) not in ("mixture",)
    }
    for name in splits:
        lists[name] = positive(f"given[{name!r}]", lists[name])
    many = [name for name, values in lists.items() if len(values) > 1]
    if len(many) > 1 or any(not 0 < len(values) <= MOST_LINES for values in lists.values()):
        raise ValueError(
            f"given: expected one number each, or up to {MOST_LINES} for one of them, "
            f"got {dict(given)!r}"
        )
    one = {name: lists[name][0] if name in lists else value for name, value in given.items()}
    return [{**one, many[0]: value} for value in lists[many[0]]] if many else [one]


def _range(law: type[Law], along: str, known: Inputs, targets: Inputs | None) -> np.ndarray:
    """Where the lines are drawn."""
    ends = values_along(known, along)
    if targets is not None:
        ends = np.concatenate([ends, values_along(targets, along)])
    low, high = float(ends.min()), float(ends.max())
    kind = "positive" if along == "C" else law.inputs()[along]
    if kind in LOGARITHMIC and low > 0.0:
        x = np.geomspace(low / _REACH, high * _REACH, _NUM)
        return np.unique(np.maximum(np.round(x), 1.0)) if kind == "count" else x
    return np.linspace(low, high, _NUM)


def _anchor(known: Inputs, targets: Inputs | None, along: str) -> Inputs:
    """Inputs that are held where none are given: of the first target, or of the farthest run."""
    if targets is not None:
        return {name: values[:1] for name, values in targets.items()}
    row = int(farthest(known, along))
    return {name: values[row : row + 1] for name, values in known.items()}


def farthest(known: Inputs, along: str) -> int:
    """The run of the most compute, or with the largest value on the horizontal axis."""
    return int(np.argmax(values_along(known, "C" if {"N", "D"} <= set(known) else along)))


def _other_of_targets(
    along: str, held: dict[str, Any], targets: Inputs | None
) -> list[dict[str, Any]]:
    """Lines at the targets' N, or at their D; at a few of them if there are many."""
    other = "D" if along == "N" else "N"
    if targets is None:
        return [held]
    values = np.unique(targets[other])
    values = values if len(values) <= MOST_LINES else values[evenly(len(values), MOST_LINES)]
    return [{**held, other: value} for value in values]


def _path(
    law: type[Law], along: str, x: np.ndarray, held: Mapping[str, Any], anchor: Inputs
) -> Path:
    inputs: dict[str, Any] = {
        name: np.repeat(values, len(x), axis=0) for name, values in anchor.items()
    }
    inputs |= {name: value for name, value in held.items() if name in inputs}
    if has_split(law):
        inputs |= _split(along, x, held, anchor)
    if along in inputs:
        inputs[along] = x
    told = {name: held[name] for name in held if np.ndim(held[name]) == 0}
    if has_split(law) and along in _SPLITS and not set(told) & set(_SPLITS):
        other = "D" if along == "N" else "N"
        told = {other: anchor[other][0], **told}
    label = ", ".join(f"{name} = {_text(name, value)}" for name, value in told.items())
    return Path(x, flat_points(law, (), inputs)[0], label)


def _split(
    along: str, x: np.ndarray, held: Mapping[str, Any], anchor: Inputs
) -> dict[str, np.ndarray]:
    """N and D along the line, from what varies and what is held."""
    fixed: dict[str, Any] = {along: x} if along in _SPLITS else {}
    fixed |= {name: held[name] for name in held if name in _SPLITS}
    for name in ("N", "D"):
        if len(fixed) < 2:
            fixed.setdefault(name, anchor[name][0])
    rows = np.array([_SPLITS[name] for name in fixed])
    logs = np.stack([np.log(np.broadcast_to(value, x.shape)) for value in fixed.values()])
    log_N, log_D = np.linalg.solve(rows[:, :2], logs - rows[:, 2:])
    return {"N": np.exp(log_N), "D": np.exp(log_D)}


def _optimal(model: Any, x: np.ndarray) -> Path:
    """N and D of the least loss at each budget."""
    budgets = np.geomspace(x[0], x[-1], _NUM_BUDGETS)
    found = allocate(model, budgets)
    known = np.isfinite(found.N)
    if not known.any():
        raise ValueError(
            "against: no budget has an optimal split to follow; hold a value, such as "
            "given={'D/N': 20}"
        )
    x = x[(x >= 0.999 * budgets[known][0]) & (x <= 1.001 * budgets[known][-1])]
    log_N = np.interp(np.log(x), np.log(budgets[known]), np.log(found.N[known]))
    N = np.exp(log_N)
    return Path(x, {"N": N, "D": x / (6.0 * N)}, "optimal split")


def _text(name: str, value: Any) -> str:
    if name == "D/N":
        return f"{value:,.4g}"
    if name in ("N", "D"):
        return quantity_text(value)
    return f"{value:.3g} FLOPs" if name == "C" else cell_text(name, value)
