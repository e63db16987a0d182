"""The laws whose inputs a table has: those of the catalogue, and general forms."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.choosing.mixture_columns import MIXTURE
from farseer_jax.choosing.table_reading import TableReading
from farseer_jax.close_names import did_you_mean
from farseer_jax.laws.declarations import declared
from farseer_jax.laws.define import law as law_of_text
from farseer_jax.laws.effective_inputs import EffectiveInput, with_effective
from farseer_jax.laws.floor import has_floor, with_floor
from farseer_jax.laws.law import Law
from farseer_jax.laws.registry import EFFECTIVE_INPUTS, LAWS
from farseer_jax.runs.column_names import holds
from farseer_jax.runs.usual_names import begins_with, named, squeezed

_MOST_COLUMNS = 3  # of one name, such as N: N_active, N_dense, N_total
_MOST_INPUTS = 6  # of a general form
_EFFECTIVE_BASES, _REPLACED = ("chinchilla", "coupled"), ("N", "D")
_ALSO = {"expansion": frozenset({"p"})}  # P: parallel streams or a ratio, as the hold-outs decide
_NOT_OF_LOSSES = (
    "optimal-hyperparameter",
    "optimal-hyperparameter-of-compute",
    "raw-farseer",
    "logistic-accuracy",
    "exponential-accuracy",
    "single-step-accuracy",
    "compute-accuracy",
)


class Candidate(NamedTuple):
    """A law, and the column of each of its inputs.

    Attributes:
        name: of the law, with its columns where an input could be more than one column.
        law: its class.
        columns: the column of each input; ``h`` of a mixture.
    """

    name: str
    law: type[Law]
    columns: Mapping[str, str]


class NotServed(NamedTuple):
    """A law with an input for which the table has no column.

    Attributes:
        name: of the law.
        lacks: the inputs that no column was recognised as.
    """

    name: str
    lacks: tuple[str, ...]


def laws_of_losses() -> dict[str, type[Law]]:
    """The library's laws of a loss, with those of effective inputs."""
    found = {name: law for name, law in LAWS.items() if name not in _NOT_OF_LOSSES}
    options: list[list[type[EffectiveInput] | None]] = [
        [None, *(kind for kind in EFFECTIVE_INPUTS.values() if kind.replaces == name)]
        for name in _REPLACED
    ]
    for base, kinds in itertools.product(_EFFECTIVE_BASES, itertools.product(*options)):
        effective: dict[str, Any] = {
            name: kind for name, kind in zip(_REPLACED, kinds, strict=True) if kind is not None
        }
        if effective:
            made = with_effective(LAWS[base], **effective)
            found.setdefault(made.name, made)
    return found


def catalogue() -> dict[str, type[Law]]:
    """The laws that are tried; laws without a floor get one.

    Without a floor, a law predicts too low a loss beyond the runs, on tables of every kind.
    """
    own = (law for law in laws_of_losses().values() if _of_numbers(law))
    floored = (law if has_floor(law) else with_floor(law) for law in own)
    return {law.name: law for law in floored}


def served_laws(
    reading: TableReading,
    columns_of: Mapping[str, str],
    laws: Mapping[str, type[Law]] | None = None,
) -> tuple[list[Candidate], list[NotServed]]:
    """The laws whose inputs the table has, and those that lack an input.

    Args:
        reading: what the columns are.
        columns_of: the column of an input, as the user named it.
        laws: by name; those that are tried unless given.
    """
    candidates, others = list[Candidate](), list[NotServed]()
    for name, law in (catalogue() if laws is None else laws).items():
        options = {
            key: columns_for(key, kind, reading, columns_of) for key, kind in law.inputs().items()
        }
        lacks = tuple(key for key, columns in options.items() if not columns)
        if lacks:
            others.append(NotServed(name, lacks))
            continue
        own = [dict(zip(options, way, strict=True)) for way in itertools.product(*options.values())]
        ways = [way for way in own if len(set(way.values())) == len(way)]
        for way in ways:
            several = [f"{k}={way[k]}" for k in way if len(options[k]) > 1]
            label = f"{name} ({', '.join(several)})" if len(ways) > 1 and several else name
            candidates.append(Candidate(label, law, way))
    return candidates, others


def general_forms(
    reading: TableReading, columns: Mapping[str, np.ndarray], target: np.ndarray
) -> list[Candidate]:
    """Sums and products of powers of all inputs, for what no law of the catalogue describes.

    Args:
        reading: what the columns are.
        columns: the inputs, ``(run,)`` each.
        target: responses on the link's scale, ``(run,)``; NaN where missing.
    """
    signs = _slopes({name: columns[name] for name in reading.inputs}, target)
    names = sorted(reading.inputs, key=lambda name: -abs(signs[name]))[:_MOST_INPUTS]
    names = [name for name in reading.inputs if name in names]
    symbols = {name: f"x{place}" for place, name in enumerate(names, 1)}
    powers = [
        f"{symbol}**(-a{symbol[1:]})" if signs[name] <= 0.0 else f"{symbol}**a{symbol[1:]}"
        for name, symbol in symbols.items()
    ]
    terms = [f"A{place}*{power}" for place, power in enumerate(powers, 1)]
    mixture = bool(reading.shares)
    texts: dict[str, str] = {}
    if mixture:
        texts["powers of shares"] = " + ".join(["E", *terms, "1/sum(C[h]*h**g)"])
        texts["powers of shares from a small amount"] = " + ".join(
            ["E", *terms, "1/sum(C[h]*(h + s)**g)"]
        )
    elif terms:
        texts["sum of powers"] = " + ".join(["E", *terms])
    if len(terms) > 1 and not mixture:
        coupled = " + ".join(f"({term})**(1/k)" for term in terms)
        texts["coupled powers"] = f"E + ({coupled})**k"
        texts["product of powers"] = f"E + A*{'*'.join(powers)}"
    real = ["E"] if reading.link == "identity" else []
    inputs = [*symbols.values(), *([MIXTURE] if mixture else [])]
    ways = {symbol: name for name, symbol in symbols.items()} | (
        {MIXTURE: MIXTURE} if mixture else {}
    )
    return [
        Candidate(name, law_of_text(f"{', '.join(inputs)} | {text}", real=real), ways)
        for name, text in texts.items()
    ]


def needs_text(others: Sequence[NotServed]) -> list[str]:
    """One line for each law with the inputs that it lacks; laws that lack the fewest come first."""
    ordered = sorted(others, key=lambda own: len(own.lacks))
    return [
        f"{own.name} needs {' and '.join(named(name) for name in own.lacks)}" for own in ordered
    ]


def columns_for(
    name: str, kind: str, reading: TableReading, columns_of: Mapping[str, str]
) -> list[str]:
    """The columns that could be an input of a law, by their names."""
    if kind == "mixture":
        return [MIXTURE] if reading.shares else []
    if kind == "category":
        return []
    if name in columns_of:
        return [columns_of[name]]
    free = [column for column in reading.inputs if column not in columns_of.values()]
    if name in free:
        return [name]
    found = [c for c in free if holds(c, name) or squeezed(c) in _ALSO.get(name, ())]
    found = found or [column for column in free if begins_with(column, name)]
    if name == "N" and not found:  # labels such as 70M name models by their parameters
        found = [column for column in free if column in reading.sizes]
    return found[:_MOST_COLUMNS]


def refuse_unknown_inputs(names: Sequence[str]) -> None:
    """Refuse columns that are named for an input that no law has.

    Raises:
        ValueError: there is one; the message names the inputs like it.
    """
    known = dict.fromkeys(name for law in catalogue().values() for name in law.inputs())
    for name in names:
        if name not in known:
            raise ValueError(
                f"a column is named for {name!r}, which is not an input of any law (the inputs are "
                f"{', '.join(known)}){did_you_mean(name, known)}"
            )


def _of_numbers(law: type[Law]) -> bool:
    """Whether all parameters are numbers of the law's own; Farseer's are curves."""
    return [name for name, _, _ in declared(law)] == [field.name for field in law.fields()]


def _slopes(inputs: Mapping[str, np.ndarray], target: np.ndarray) -> dict[str, float]:
    """How the target changes with the logarithm of each input, others held, standardised."""
    known = np.isfinite(target)
    if not inputs:
        return {}
    matrix = np.stack([np.log(values[known]) for values in inputs.values()], axis=1)
    spread = matrix.std(axis=0)
    matrix = (matrix - matrix.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    found = np.linalg.lstsq(matrix, target[known] - target[known].mean(), rcond=None)[0]
    return dict(zip(inputs, found.tolist(), strict=True))
