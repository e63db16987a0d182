"""Warnings about a fit of curves, worst first."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.curves.curve import Curve
from farseer_jax.results.numbers import share_text
from farseer_jax.tables.row_numbers import shortened

if TYPE_CHECKING:
    from farseer_jax.curve_fitting.result import CurveFit

_FALL = 0.3  # of the peak: a smaller decay shows little of annealing
_WIDENED, _OUTLIER, _FAR, _MOST_SHOWN = 1.5, 0.3, 3.0, 5
_EARLY = 1.5  # times the warmup: laws do not describe the steps right after it


def warnings_of(fit: "CurveFit") -> tuple[str, ...]:
    """The warnings of a fit."""
    return (
        *fit.curves.warnings,
        *_no_annealing(fit),
        *_sizes(fit),
        *_far(fit),
        *_widened(fit),
        *_spikes(fit),
    )


def _no_annealing(fit: "CurveFit") -> Iterator[str]:
    falls = [_observed_fall(own) for own in fit.curves]
    if max(falls) < _FALL:
        yield (
            "no curve was annealed far (the learning rate decays by at most "
            f"{max(falls):.0%} of the peak): the gain from annealing is taken from published "
            "curves; add an annealed curve"
        )


def _observed_fall(curve: Curve) -> float:
    rates = curve.schedule.rates[curve.schedule.warmup : curve.steps[-1]]
    return float(1.0 - rates[-1] / rates.max()) if len(rates) and rates.max() > 0.0 else 0.0


def _sizes(fit: "CurveFit") -> Iterator[str]:
    num = len(set(fit.curves.inputs.get("N", np.ones(0)).tolist()))
    if num == 2:
        yield (
            "two sizes do not determine how the loss depends on N; predictions at other sizes "
            "rely on published curves; add a third size"
        )


def _far(fit: "CurveFit") -> Iterator[str]:
    far = {
        own.name: own.schedule.steps / own.steps[-1]
        for own in fit.curves
        if own.schedule.steps > _FAR * own.steps[-1]
    }
    if far:
        yield (
            f"the schedule of {', '.join(far)} extends to {max(far.values()):.3g} times the logged "
            "steps: the final loss is extrapolated far"
        )


def _widened(fit: "CurveFit") -> Iterator[str]:
    own = fit.records[0]
    if own.widening > _WIDENED:
        yield (
            f"the errors of the law on hold-outs are larger than expected (worst: "
            f"{own.holdouts[int(own.miss.argmax())]}, {share_text(float(own.miss.max()))}); "
            f"intervals are widened by a factor of {own.widening:.2g}"
        )


def _spikes(fit: "CurveFit") -> Iterator[str]:
    start, shown = 0, []
    for own in fit.thinned:
        weights = fit.weights[start : start + len(own)]
        low = weights < _OUTLIER * np.median(weights)
        low &= own.steps > _EARLY * max(own.schedule.warmup, int(own.steps[0]))
        start += len(own)
        shown += [f"{own.name} at step {step:,}" for step in own.steps[low]]
    if shown:
        is_one = len(shown) == 1
        yield (
            f"{len(shown)} point{'s'[: not is_one]} far from the law, such as spikes, "
            f"{'has' if is_one else 'have'} little weight: {shortened(shown, _MOST_SHOWN)}"
        )
