"""Reasons to doubt a forecast of accuracies."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.accuracy.chain_warnings import listed

if TYPE_CHECKING:
    from farseer_jax.accuracy.accuracy_forecast import AccuracyForecast


def accuracy_warnings(forecast: "AccuracyForecast") -> tuple[str, ...]:
    """Reasons to doubt the forecast, worst first."""
    found = [*_of_chains(forecast), *_unpredictable(forecast), *_unknown_chance(forecast)]
    return tuple(dict.fromkeys(found))


def _of_chains(forecast: "AccuracyForecast") -> Iterable[str]:
    """The warnings of each recipe's chain, with the recipes that they are about."""
    labels: dict[str, list[str]] = {}
    for label, chain in zip(forecast.labels, forecast.chains, strict=True):
        for sentence in chain.warnings:
            labels.setdefault(sentence, []).append(label)
    for sentence, own in labels.items():
        of_all = len(own) == len(forecast.chains)
        yield sentence if of_all else f"{listed(own)}: {sentence}"


def _unpredictable(forecast: "AccuracyForecast") -> Iterable[str]:
    judged = forecast.predictability
    if all(own.verdict in ("not shown", "at chance") for own in judged):
        if any(own.verdict == "not shown" for own in judged):
            yield (
                "there are too few sizes to test predictions of larger runs from smaller ones "
                "(this takes eight runs of two sizes below a third size): the errors of the "
                "predictions are not known"
            )
        return
    names = list(dict.fromkeys(own.task for own in judged if own.verdict == "not predictable"))
    if names:
        was = "was" if len(names) == 1 else "were"
        yield (
            f"{listed(names)} {was} predicted no better on hold-outs than by repeating the "
            "accuracy of the largest smaller run"
        )


def _unknown_chance(forecast: "AccuracyForecast") -> Iterable[str]:
    names = [own.name for own in forecast.columns if np.isnan(own.chance)]
    if names:
        yield (
            f"the chance level of {listed(names)} is not known, and the lowest accuracy is used "
            f"instead: give chance={{'{names[0]}': 0.25}} in Python or --chance "
            f"{names[0]}=0.25 in the shell"
        )
