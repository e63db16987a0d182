"""The library's laws of curves, by name."""

from collections.abc import Mapping
from typing import Any

from farseer_jax.close_names import unknown_name
from farseer_jax.curve_laws.annealing import Annealing
from farseer_jax.curve_laws.functional_scaling import FunctionalScaling
from farseer_jax.curve_laws.law import CurveLaw
from farseer_jax.curve_laws.multi_power import MultiPower
from farseer_jax.curve_laws.sizes import (
    AnnealingSize,
    FunctionalScalingSize,
    MultiPowerSize,
    SizedCurveLaw,
)
from farseer_jax.laws.law import Law
from farseer_jax.laws.law_json import law_from_dict, law_to_dict
from farseer_jax.results.converter import classes_given, given_classes, register

SIZED: dict[type[CurveLaw], type[SizedCurveLaw]] = {
    MultiPower: MultiPowerSize,
    Annealing: AnnealingSize,
    FunctionalScaling: FunctionalScalingSize,
}
CURVE_LAWS: dict[str, type[CurveLaw]] = {law.name: law for law in (*SIZED, *SIZED.values())}


def curve_law_named(name: str) -> type[CurveLaw]:
    """The law of curves with a name.

    Raises:
        ValueError: there is none; the message names the closest one and all others.

    Example:
        >>> curve_law_named("annealing").parameter_names()[:3]
        ('L0', 'A', 'alpha')
    """
    if name not in CURVE_LAWS:
        raise ValueError(unknown_name("law of curves", name, CURVE_LAWS))
    return CURVE_LAWS[name]


def _from_dict(content: Mapping[str, Any]) -> Law:
    with classes_given((*CURVE_LAWS.values(), *given_classes())):
        return law_from_dict(content)


register(CurveLaw, law_to_dict, _from_dict)
