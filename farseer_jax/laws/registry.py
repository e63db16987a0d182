"""The library's laws and effective inputs, by their names in files and in the shell."""

import re
from collections.abc import Mapping
from typing import Any

from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.catalogue.coupled import Coupled
from farseer_jax.laws.catalogue.coupled_interaction import CoupledInteraction
from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.catalogue.kaplan import Kaplan
from farseer_jax.laws.catalogue.raw_farseer import RawFarseer
from farseer_jax.laws.effective.repeated_tokens import RepeatedTokens
from farseer_jax.laws.effective_inputs import EffectiveInput, with_effective
from farseer_jax.laws.floor import SUFFIX, with_floor
from farseer_jax.laws.law import Law

LAWS: dict[str, type[Law]] = {
    law.name: law for law in (Farseer, Chinchilla, Coupled, CoupledInteraction, Kaplan, RawFarseer)
}
EFFECTIVE_INPUTS: dict[str, type[EffectiveInput]] = {kind.name: kind for kind in (RepeatedTokens,)}

_OF_EFFECTIVE = re.compile(r"\s*([\w-]+)\s*\(((?:\s*\w+\s*=\s*[\w-]+\s*,?)+)\)\s*")


def law_named(name: str) -> type[Law] | None:
    """The law of a name, or of effective inputs as in ``"chinchilla(D=repeated-tokens)"``.

    Returns:
        The law's class; None where the text has neither form, as an expression.

    Raises:
        ValueError: a law of effective inputs whose parts are unknown or do not fit together.

    Example:
        >>> law_named("chinchilla(D=repeated-tokens)").inputs()
        {'N': 'positive', 'D': 'positive', 'U': 'positive'}
        >>> law_named("kaplan+floor").parameter_names()[0]
        'E'
    """
    if name in LAWS:
        return LAWS[name]
    if name.endswith(SUFFIX) and (base := law_named(name.removesuffix(SUFFIX))) is not None:
        return with_floor(base)
    match = _OF_EFFECTIVE.fullmatch(name)
    if match is None:
        return None
    pairs = [part.split("=") for part in match[2].split(",") if part.strip()]
    base = _known(LAWS, match[1], "law")
    replaced = {of.strip(): _known(EFFECTIVE_INPUTS, own, "effective input") for of, own in pairs}
    return with_effective(base, **replaced)


def _known(known: Mapping[str, Any], name: str, what: str) -> Any:
    if name.strip() not in known:
        raise ValueError(f"unknown {what} {name.strip()!r}; choose from {', '.join(known)}")
    return known[name.strip()]
