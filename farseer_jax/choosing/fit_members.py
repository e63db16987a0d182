"""Fit a candidate to each part of a table, in full and without each hold-out."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.choosing.candidates import Candidate
from farseer_jax.choosing.law_member import floor_of, law_member, unbounded_starts
from farseer_jax.choosing.mixture_columns import MIXTURE
from farseer_jax.forecasting.fit_stack import noise_of
from farseer_jax.forecasting.members import Member
from farseer_jax.forecasting.posterior import Posterior, fit_member
from farseer_jax.laws.law import Law
from farseer_jax.methods.correlated_errors import CorrelatedErrors, ErrorColumns, RunFeatures
from farseer_jax.runs.inputs import Kind
from farseer_jax.runs.runs import Runs

_ROUNDING = 1e-12  # of an information matrix with a diagonal of ones


class ChoicePart(NamedTuple):
    """The runs of one group and one response.

    Attributes:
        group: the value of each grouping column.
        response: the column.
        inputs: all inputs of the table, ``(run,)``; the mixture ``h``, ``(run, share)``.
        loss: the response, ``(run,)``.
        holdouts: the runs that each hold-out predicts, by its name.
        rows: rows of the table.
        errors: the columns of correlated errors; None without numerical inputs.
        features: the runs in terms of them.
    """

    group: Mapping[str, object]
    response: str
    inputs: dict[str, np.ndarray]
    loss: np.ndarray
    holdouts: dict[str, np.ndarray]
    rows: np.ndarray
    errors: ErrorColumns | None
    features: RunFeatures | None


class FittedPart(NamedTuple):
    """A candidate fitted to one part.

    Attributes:
        law: the law fitted to all runs.
        free: the parameters on scales without bounds, ``(parameter,)``.
        coefficients: of the columns of correlated errors, ``(column,)``; empty without them.
        noise: standard deviation of a run's noise, on the link's scale.
        floor_sd: standard deviation of the logarithm of its floor from the runs alone, without
            the prior; NaN for a law without a floor.
    """

    law: Law
    free: np.ndarray
    coefficients: np.ndarray
    noise: float
    floor_sd: float


class Trial(NamedTuple):
    """A candidate with its hold-outs.

    Attributes:
        candidate: the law and its columns.
        correlated: whether errors are correlated.
        parts: the fit to each part.
        misses: predicted minus observed on the link's scale, of all parts, by hold-out.
    """

    candidate: Candidate
    correlated: bool
    parts: list[FittedPart]
    misses: dict[str, np.ndarray]


def kinds_of(inputs: Mapping[str, np.ndarray]) -> dict[str, Kind]:
    """The kinds of the inputs of a table."""
    return {name: "mixture" if name == MIXTURE else "positive" for name in inputs}


def error_columns(inputs: Mapping[str, np.ndarray], along: str | None) -> ErrorColumns | None:
    """Columns of errors that are correlated along all inputs.

    Args:
        inputs: of the runs.
        along: the input each of whose values has a random effect of its own; None is the first.
    """
    numbers = [name for name in inputs if name != MIXTURE]
    if not numbers:
        return None
    errors = CorrelatedErrors(along=along if along in numbers else numbers[0])
    return errors.columns(kinds_of(inputs), inputs)


def fit_candidate(
    candidate: Candidate,
    parts: Sequence[ChoicePart],
    runs: Sequence[Runs],
    *,
    correlated: bool,
    starts: Sequence[np.ndarray],
    optima: Sequence[np.ndarray] | None = None,
) -> Trial:
    """Fit a candidate to every part, in full and without each hold-out, in one batch per part.

    Args:
        candidate: the law and its columns.
        parts: the parts.
        runs: of each part, by the law's inputs.
        correlated: whether errors are correlated.
        starts: of each part, ``(start, parameter)``.
        optima: of each part with independent errors, ``(parameter,)``.
    """
    fitted, misses = list[FittedPart](), dict[str, list[np.ndarray]]()
    optima = [None] * len(parts) if optima is None else optima  # type: ignore[list-item]
    for part, own, first, near in zip(parts, runs, starts, optima, strict=True):
        law = candidate.law.of_runs(own)
        kinds = kinds_of(part.inputs)
        member = law_member(
            law, own, candidate.columns, kinds, correlated=correlated, starts=first, optimum=near
        )
        posterior = _fit(member, part, own)
        fitted.append(_fitted(posterior))
        target = own.link.forward(part.loss)
        for place, (name, held) in enumerate(part.holdouts.items(), 1):
            miss = _moments(posterior, part, held, place) - target[held]
            misses.setdefault(name, []).append(miss)
    joined = {name: np.concatenate(found) for name, found in misses.items()}
    return Trial(candidate, correlated, fitted, joined)


def starts_of_parts(candidate: Candidate, runs: Sequence[Runs]) -> list[np.ndarray]:
    """Starts of each part, ``(start, parameter)``."""
    return [unbounded_starts(candidate.law.of_runs(own), own) for own in runs]


def _fit(member: Member, part: ChoicePart, runs: Runs) -> Posterior:
    """The posterior from all runs, and without each hold-out."""
    weights = np.array([np.ones(len(runs)), *(~held for held in part.holdouts.values())], float)
    target = runs.link.forward(part.loss)
    errors: Any = part.errors  # None where there is nothing to move along
    features: Any = part.features
    with np.errstate(all="ignore"):
        return fit_member(member, errors, features, part.inputs, target, weights, noise_of(runs))


def _fitted(posterior: Posterior) -> FittedPart:
    found = posterior.laplace
    law = posterior.member.law_of(found.free[0])
    coefficients = np.zeros(0) if posterior.columns is None else posterior.coefficients[0][0]
    floor = floor_of(type(law))
    place = None if floor is None else type(law).parameter_names().index(floor)
    noise = float(found.noise[0])
    sd = np.nan if place is None else noise * _sd_by_runs(found.information[0], place)
    return FittedPart(law, found.free[0], np.asarray(coefficients), noise, sd)


def _sd_by_runs(information: np.ndarray, place: int) -> float:
    """Standard deviation of a parameter without its prior, in units of the noise."""
    diagonal = np.diagonal(information)
    scale = 1.0 / np.sqrt(np.maximum(diagonal, 1e-300))
    scaled = information * np.outer(scale, scale) + _ROUNDING * np.eye(len(scale))
    return float(scale[place] * np.sqrt(max(np.linalg.inv(scaled)[place, place], 0.0)))


def _moments(posterior: Posterior, part: ChoicePart, held: np.ndarray, data_set: int) -> np.ndarray:
    """The predicted mean at the held-out runs, on the link's scale."""
    inputs = {name: values[held] for name, values in part.inputs.items()}
    features = None
    if posterior.columns is not None and part.features is not None:
        features = part.features.pick(np.flatnonzero(held))
    with np.errstate(all="ignore"):
        return posterior.moments(inputs, data_set, features).mean
