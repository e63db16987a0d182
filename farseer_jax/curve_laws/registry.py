"""The library's laws of curves, by name."""

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

SIZED: dict[type[CurveLaw], type[SizedCurveLaw]] = {
    MultiPower: MultiPowerSize,
    Annealing: AnnealingSize,
    FunctionalScaling: FunctionalScalingSize,
}
CURVE_LAWS: dict[str, type[CurveLaw]] = {law.name: law for law in (*SIZED, *SIZED.values())}


def curve_law_named(name: str) -> type[CurveLaw]:
    """The law of curves of a name.

    Raises:
        ValueError: there is none; the message names the nearest, and all.

    Example:
        >>> curve_law_named("annealing").parameter_names()[:3]
        ('L0', 'A', 'alpha')
    """
    if name not in CURVE_LAWS:
        raise ValueError(unknown_name("law of curves", name, CURVE_LAWS))
    return CURVE_LAWS[name]
