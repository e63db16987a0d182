"""Intervals from a bootstrap, for losses or any other quantity of a law."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from farseer_jax.laws.quantities import mapped, of_one
from farseer_jax.runs.checks import check_level
from farseer_jax.runs.coverage import extrapolation_length
from farseer_jax.uncertainty import intervals as _intervals
from farseer_jax.uncertainty.bootstrap_warnings import doubts_of, interval_warnings
from farseer_jax.uncertainty.intervals import KINDS, Intervals, Kind
from farseer_jax.uncertainty.standard_errors import (
    link_spread,
    log_standard_error,
    perturbed,
    standard_error,
)

if TYPE_CHECKING:
    from farseer_jax.uncertainty.bootstrap_result import Bootstrap


class Quantity(NamedTuple):
    """A quantity to compute intervals of.

    Attributes:
        name: name for the table.
        at: points by column.
        estimate: from the fit to all runs, ``(point,)``.
        draws: from each usable refit, ``(resample, point)``.
        of_left_out: computes the values of the jackknife's refits, ``(left out, point)``.
        run_noise: standard deviation on the link's scale that a new run adds; 0 for the mean.
    """

    name: str
    at: Mapping[str, np.ndarray]
    estimate: np.ndarray
    draws: np.ndarray
    of_left_out: Callable[[], np.ndarray]
    run_noise: float = 0.0


def loss_kind(bootstrap: "Bootstrap", kind: Kind | None, of: str) -> Kind:
    """The kind of interval for losses, checked.

    Raises:
        ValueError: an unknown kind, or one that these draws do not allow.
    """
    can_calibrate = bootstrap.has_sizes_to_hold_out and not bootstrap.is_jackknife
    if kind is None and can_calibrate and bootstrap.calibration.num_holdouts:
        return "calibrated"
    kind = _kind(bootstrap, kind)
    if kind == "calibrated" and not bootstrap.calibration.num_holdouts:
        raise ValueError(
            "kind 'calibrated' needs hold-outs, but these runs have too few sizes for one, or none "
            "could be refitted: use 'percentile', which assumes that the law is true"
        )
    if of == "run" and kind == "bca":
        raise ValueError("kind 'bca' is for the mean loss; for a run use 'percentile'")
    return kind


def intervals_of(
    bootstrap: "Bootstrap",
    names: Sequence[str],
    at: Mapping[str, np.ndarray] | None,
    level: float,
    kind: Kind | None,
    function: Any,
    *arguments: np.ndarray,
    of_draws: Any = None,
    draws: np.ndarray | None = None,
) -> dict[str, Intervals]:
    """Intervals of a function of a law that returns a row for each name; mapped only once.

    ``at=None`` numbers the elements of a row, if there are several. ``of_draws`` is the function of
    the refits, if it has values where ``function`` has none; ``draws`` its values, if known.
    """
    check_level(level)
    kind = _kind(bootstrap, kind)
    if kind == "calibrated":
        raise ValueError(
            "kind 'calibrated' is for losses, which hold-outs observe; for "
            f"{', '.join(names)} use 'percentile'"
        )

    of_draws = function if of_draws is None else of_draws

    def rows(values: np.ndarray) -> np.ndarray:
        return values.reshape(len(values), len(names), -1)

    @cache
    def left_out() -> np.ndarray:
        return rows(mapped(of_draws, bootstrap.left_out.law, *arguments))

    def left_out_of(row: int) -> np.ndarray:
        return left_out()[:, row]

    estimate = rows(of_one(function, bootstrap.fit.law, *arguments)[None])[0]
    draws = rows(mapped_draws(bootstrap, of_draws, *arguments) if draws is None else draws)
    if at is None:
        num = estimate.shape[1]
        at = {"element": np.arange(num)} if num > 1 else {}
    return {
        name: intervals(
            bootstrap,
            Quantity(name, at, estimate[row], draws[:, row], partial(left_out_of, row)),
            level,
            kind,
        )
        for row, name in enumerate(names)
    }


def mapped_draws(bootstrap: "Bootstrap", function: Any, *arguments: np.ndarray) -> np.ndarray:
    """Evaluate a function of a law for every usable refit, ``(resample, …)``."""
    return np.concatenate(
        [mapped(function, b.law, *arguments)[b.usable] for b in bootstrap.draws.batches()]
    )


def intervals(bootstrap: "Bootstrap", quantity: Quantity, level: float, kind: Kind) -> Intervals:
    """Intervals of one kind, with their warnings."""
    finite = np.isfinite(quantity.draws)
    quantity = quantity._replace(draws=np.where(finite, quantity.draws, np.nan))
    lower, upper = _ends(bootstrap, quantity, level, kind)
    num_finite = int(finite.sum(axis=0).min(initial=len(finite)))
    found = Intervals(
        quantity=quantity.name,
        at=quantity.at,
        estimate=quantity.estimate,
        lower=lower,
        upper=upper,
        level=level,
        kind=kind,
        scheme=bootstrap.scheme.name,
        seed=bootstrap.seed,
        num_resamples=bootstrap.num_resamples,
        num_failed=bootstrap.num_resamples - num_finite,
        note=_note(bootstrap, kind),
        errors=bootstrap.assumed_errors,
    )
    found = replace(found, doubts=doubts_of(bootstrap, found))
    return replace(found, warnings=interval_warnings(bootstrap, found))


def _note(bootstrap: "Bootstrap", kind: Kind) -> str:
    if kind != "calibrated":
        return "assuming that the law is true"
    inside = bootstrap.misfit.smooth
    more = f"; {100 * inside:.2g} % within the runs" if inside else ""
    return f"{bootstrap.calibration}{more}"


def _ends(
    bootstrap: "Bootstrap", quantity: Quantity, level: float, kind: Kind
) -> tuple[np.ndarray, np.ndarray]:
    estimate, draws, link = quantity.estimate, quantity.draws, bootstrap.fit.runs.link
    if kind == "calibrated":
        return _calibrated(bootstrap, quantity, level)
    if kind == "normal":
        own = standard_error(draws, jackknife=bootstrap.is_jackknife)
        if quantity.run_noise:
            own = np.hypot(own, link_spread(link, estimate, quantity.run_noise))
        return _intervals.normal(own, estimate, level)
    if kind == "bca":
        left_out = quantity.of_left_out()[bootstrap.left_out.usable]
        left_out = np.where(np.isfinite(left_out), left_out, np.nan)
        return _intervals.bca(draws, estimate, left_out, level)
    if quantity.run_noise:
        deviation = quantity.run_noise * _normal_numbers(bootstrap.seed, draws.shape)
        draws = perturbed(link, draws, deviation)
    if kind == "basic":
        return _intervals.basic(draws, estimate, level)
    return _intervals.percentile(draws, level)


def _calibrated(
    bootstrap: "Bootstrap", quantity: Quantity, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Intervals around the estimate in ln loss, from its standard error and the misfit.

    The misfit within the runs is part of every interval, that of an extrapolation of its own.
    """
    within = np.hypot(bootstrap.misfit.smooth, quantity.run_noise)
    error = np.hypot(log_standard_error(quantity.draws), within)
    length = extrapolation_length(bootstrap.fit.runs, quantity.at["N"], quantity.at["D"])
    half = bootstrap.calibration.half_width(error, length, level=level)
    return quantity.estimate * np.exp(-half), quantity.estimate * np.exp(half)


def _kind(bootstrap: "Bootstrap", kind: Kind | None) -> Kind:
    if kind is None:
        return "normal" if bootstrap.is_jackknife else "percentile"
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if bootstrap.is_jackknife and kind != "normal":
        raise ValueError(
            f"kind {kind!r} needs random resamples; a jackknife gives standard errors: use "
            "kind='normal'"
        )
    return kind


def _normal_numbers(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """Normal random numbers from a stream that no resample uses."""
    sequence = np.random.SeedSequence(seed, spawn_key=(0, 0))
    return np.random.default_rng(sequence).standard_normal(shape)
