"""Inputs of a law or a fit under other names: column names or usual names."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from farseer_jax.fitting.result import Fit
from farseer_jax.laws.law import Law
from farseer_jax.runs.coverage import flat_inputs
from farseer_jax.runs.input_names import input_named, unit_of_name
from farseer_jax.runs.inputs import NUMBERS


def input_of(name: str, law: Law, fit: Fit | None) -> str:
    """The input, or the share of a mixture, that a name refers to; the name if there is none."""
    shares = () if fit is None else flat_inputs(fit.runs, fit.runs.inputs)
    inputs = dict.fromkeys([*type(law).inputs(), *shares])
    found = input_named(name, inputs, {} if fit is None else fit.columns)
    return name if found is None else found


def values_by_input(values: Mapping[str, Any], law: Law, fit: Fit | None) -> dict[str, Any]:
    """Values by input, in its unit: ``params_B`` is in billions.

    Args:
        values: by any name of an input.
        law: the law.
        fit: its fit, whose columns may be named too.

    Raises:
        ValueError: two names refer to one input.
    """
    found: dict[str, Any] = {}
    for written, own in values.items():
        name = input_of(written, law, fit)
        if name in found:
            raise ValueError(f"{written!r} and another name both mean {name}: give one of them")
        value = own
        if name != written and type(law).inputs().get(name) in NUMBERS:
            numbers = np.asarray(own, dtype=float)
            value = numbers * unit_of_name(written, name, numbers.ravel())
        found[name] = value
    return found
