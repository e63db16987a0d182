"""The library's laws and effective inputs, by their names in files and in the shell."""

import re
from collections.abc import Mapping
from typing import Any

from farseer_jax.close_names import unknown_name
from farseer_jax.laws.catalogue.accuracy import (
    ComputeAccuracy,
    ExponentialAccuracy,
    LogisticAccuracy,
    SingleStepAccuracy,
)
from farseer_jax.laws.catalogue.broken_power_law import BrokenPowerLaw, broken_power_law
from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.catalogue.continual_pretraining import (
    ContinualPretraining,
    CrossDomainContinualPretraining,
)
from farseer_jax.laws.catalogue.coupled import Coupled
from farseer_jax.laws.catalogue.coupled_interaction import CoupledInteraction
from farseer_jax.laws.catalogue.data_constrained import DataConstrained
from farseer_jax.laws.catalogue.data_mixing import DataMixing
from farseer_jax.laws.catalogue.distillation import Distillation
from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.catalogue.fine_tuning import FineTuning
from farseer_jax.laws.catalogue.kaplan import Kaplan
from farseer_jax.laws.catalogue.learning_rate_batch import (
    AsymmetricLearningRateBatch,
    LearningRateBatch,
)
from farseer_jax.laws.catalogue.mixture_factor import MixtureFactor
from farseer_jax.laws.catalogue.mixture_power import MixturePower, MixturePowerSize
from farseer_jax.laws.catalogue.moe_bilinear import MoEBilinear
from farseer_jax.laws.catalogue.moe_granularity import MoEGranularity
from farseer_jax.laws.catalogue.moe_joint import MoEJoint
from farseer_jax.laws.catalogue.moe_saturating import MoESaturating
from farseer_jax.laws.catalogue.moe_sparsity import MoESparsity
from farseer_jax.laws.catalogue.moe_upcycling import MoEUpcycling
from farseer_jax.laws.catalogue.optimal_hyperparameters import (
    OptimalHyperparameter,
    OptimalHyperparameterOfCompute,
)
from farseer_jax.laws.catalogue.optimal_mixture import OptimalMixture
from farseer_jax.laws.catalogue.optimal_mixture_joint import OptimalMixtureJoint
from farseer_jax.laws.catalogue.overtraining import Overtraining, OvertrainingOneCoefficient
from farseer_jax.laws.catalogue.parscale import ParScale
from farseer_jax.laws.catalogue.precision import Precision
from farseer_jax.laws.catalogue.raw_farseer import RawFarseer
from farseer_jax.laws.catalogue.unified_precision import UnifiedPrecision
from farseer_jax.laws.catalogue.vocabulary import Vocabulary, VocabularyWidth
from farseer_jax.laws.effective.excess_parameters import ExcessParameters
from farseer_jax.laws.effective.expert_parameters import ExpertParameters
from farseer_jax.laws.effective.low_precision_parameters import LowPrecisionParameters
from farseer_jax.laws.effective.repeated_tokens import RepeatedTokens
from farseer_jax.laws.effective_inputs import EffectiveInput, with_effective
from farseer_jax.laws.floor import SUFFIX, with_floor
from farseer_jax.laws.law import Law

_LAWS: tuple[type[Law], ...] = (
    Farseer,
    Chinchilla,
    Coupled,
    CoupledInteraction,
    Kaplan,
    RawFarseer,
    Overtraining,
    OvertrainingOneCoefficient,
    Vocabulary,
    VocabularyWidth,
    FineTuning,
    LearningRateBatch,
    AsymmetricLearningRateBatch,
    OptimalHyperparameter,
    OptimalHyperparameterOfCompute,
    BrokenPowerLaw,
    ContinualPretraining,
    CrossDomainContinualPretraining,
    ParScale,
    DataConstrained,
    MoEBilinear,
    MoESaturating,
    MoEGranularity,
    MoESparsity,
    MoEJoint,
    MoEUpcycling,
    Precision,
    UnifiedPrecision,
    Distillation,
    DataMixing,
    MixturePower,
    MixturePowerSize,
    OptimalMixture,
    OptimalMixtureJoint,
    MixtureFactor,
    LogisticAccuracy,
    ExponentialAccuracy,
    SingleStepAccuracy,
    ComputeAccuracy,
)
LAWS: dict[str, type[Law]] = {law.name: law for law in _LAWS}
_TERMS = (RepeatedTokens, ExcessParameters, ExpertParameters, LowPrecisionParameters)
EFFECTIVE_INPUTS: dict[str, type[EffectiveInput]] = {kind.name: kind for kind in _TERMS}

_OF_BREAKS = re.compile(r"broken-power-law-(\d+)")
_WORD = re.compile(r"[A-Za-z][\w-]+")  # two letters or more: E is a constant
_OF_EFFECTIVE = re.compile(r"\s*([\w-]+)\s*\(((?:\s*\w+\s*=\s*[\w-]+\s*,?)+)\)\s*")


def law_named(name: str) -> type[Law] | None:
    """The law of a name, or of effective inputs as in ``"chinchilla(D=repeated-tokens)"``.

    The broken power law of several breaks is ``"broken-power-law-2"``.

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
    if match := _OF_BREAKS.fullmatch(name):
        return broken_power_law(int(match[1]))
    if name.endswith(SUFFIX) and (base := law_named(name.removesuffix(SUFFIX))) is not None:
        return with_floor(base)
    match = _OF_EFFECTIVE.fullmatch(name)
    if match is None:
        return None
    pairs = [part.split("=") for part in match[2].split(",") if part.strip()]
    base = _known(LAWS, match[1], "law")
    replaced = {of.strip(): _known(EFFECTIVE_INPUTS, own, "effective input") for of, own in pairs}
    return with_effective(base, **replaced)


def refuse_unknown_word(text: str) -> None:
    """Refuse a single word that is not the name of a law: it was hardly meant as a formula.

    Raises:
        ValueError: it is such a word; the message names the nearest law, and all.

    Example:
        >>> refuse_unknown_word("E + A/N**alpha")
        >>> refuse_unknown_word("chinchila")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ValueError: unknown law 'chinchila'; did you mean 'chinchilla'? Choose from farseer, ...
    """
    word = text.strip()
    if not _WORD.fullmatch(word) or law_named(word) is not None:
        return
    raise ValueError(
        f"{unknown_name('law', word, LAWS)}, or write an expression such as 'E + A/N**alpha'"
    )


def is_library_law(name: str) -> bool:
    """Whether a text is the name of a law of the library.

    Example:
        >>> is_library_law("kaplan+floor"), is_library_law("mine")
        (True, False)
    """
    return (
        name in LAWS
        or _OF_BREAKS.fullmatch(name) is not None
        or (name.endswith(SUFFIX) and is_library_law(name.removesuffix(SUFFIX)))
    )


def _known(known: Mapping[str, Any], name: str, what: str) -> Any:
    if name.strip() not in known:
        raise ValueError(unknown_name(what, name.strip(), tuple(known)))
    return known[name.strip()]
