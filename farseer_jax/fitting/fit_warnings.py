"""Warnings about a fit, worst first: its report's own, and where its loss rises with N."""

from collections.abc import Callable

import numpy as np

from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import Law
from farseer_jax.methods.report import Domain, Fitted, Report
from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.checks import Range, short
from farseer_jax.runs.runs import Runs

_NUM_POINTS = 32


def warnings_of(report: Report, fitted: Fitted) -> tuple[str, ...]:
    """What to know before trusting a fit; empty where nothing is odd."""
    rising: list[str] = []
    if set(type(fitted.law).inputs()) == {"N", "D"}:
        rising = rising_sentences(fitted.law, fitted.runs, report.held_over(fitted.outcome))
    return (*report.doubts(fitted), *rising, *report.misfits(fitted))


def rising_sentences(law: Law, runs: Runs, held: Domain | None) -> list[str]:
    """A loss that rises with N somewhere between the smallest and largest N and D fitted."""
    N, D = (np.geomspace(values.min(), values.max(), _NUM_POINTS) for values in (runs.N, runs.D))
    loss = evaluate(law, N[:, None], D)
    rises = np.diff(loss, axis=0) > 0
    if not rises.any():
        return []
    size, tokens = (int(indices[0]) for indices in np.nonzero(rises))
    beyond = "" if held is None else _beyond(held, runs)
    return [
        f"the fitted loss rises with N in {_share(float(rises.mean()))} of the range of the runs, "
        f"first near N = {quantity_text(N[size])}, D = {quantity_text(D[tokens])}{beyond}."
    ]


def _share(part: float) -> str:
    return "less than 1%" if part < 0.01 else f"{part:.0%}"


def _beyond(held: Domain, runs: Runs) -> str:
    """Where the runs leave the domain that the law was held over, and the domain that has all."""
    reaches, targets = [], []
    for name, ends, values in (("N", held.N, runs.N), ("D", held.D, runs.D)):
        low, high = float(values.min()), float(values.max())
        if low < ends[0]:
            reaches.append(
                f"below the domain that it was held over, to {name} = {quantity_text(low)}"
            )
        if high > ends[1]:
            reaches.append(
                f"above the domain that it was held over, to {name} = {quantity_text(high)}"
            )
        if low < ends[0] or high > ends[1]:
            targets.append(_whole(name, ends, low, high))
    if not reaches:
        return ""
    return f": the runs reach {' and '.join(reaches)}; hold it over {' and '.join(targets)}"


def _whole(name: str, ends: Range, low: float, high: float) -> str:
    """A range of three digits, as one types it, that has the domain and the runs."""
    first = ends[0] if ends[0] <= low else _three_digits(low, np.floor)
    last = ends[1] if ends[1] >= high else _three_digits(high, np.ceil)
    return f"{name} from {short(first)} to {short(last)}"


def _three_digits(value: float, rounded: Callable[[float], float]) -> float:
    """Rounded outwards, so that the value itself is within."""
    unit = 10.0 ** (np.floor(np.log10(value)) - 2.0)
    return float(rounded(value / unit) * unit)
