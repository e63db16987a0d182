"""A law as a member of an average: its parameters on unbounded scales, with weak priors.

Where the runs do not determine a floor or an exponent, least squares ends at a bound, and its
predictions beyond the runs depend on that bound. The priors are weak: they matter only there.
"""

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from farseer_jax.forecasting.members import Member
from farseer_jax.laws.declarations import roles_of
from farseer_jax.laws.domains import EXPONENT, POSITIVE
from farseer_jax.laws.law import Law
from farseer_jax.link_functions import Link
from farseer_jax.methods.end_to_end.choose_starts import starts_of
from farseer_jax.methods.end_to_end.layout import build_layout
from farseer_jax.methods.end_to_end.settings import free_of
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.runs.inputs import Kind
from farseer_jax.runs.runs import Runs
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction
from farseer_jax.solvers.random_starts import Domain

FLOOR_OF_LEAST, FLOOR_SD = 0.6, 0.5  # ln E ~ N(ln .6·L_min, .5), as in forecasts
EXPONENT_MIDDLE, EXPONENT_SD = 0.3, 0.3  # ln α ~ N(ln .3, .3)
_SPREADS_OF_STARTS, _LEAST_SD = 2.0, 0.3  # of other parameters
_NUM_STARTS, _STARTS_BESIDE_OPTIMUM = 8, 2
_LEAST_START = 1e-6  # of a coefficient that starts at 0
_INSIDE = 1e-3  # of the range of a fraction


def law_member(
    law: type[Law],
    runs: Runs,
    columns: Mapping[str, str],
    kinds: Mapping[str, Kind],
    *,
    correlated: bool,
    starts: np.ndarray,
    optimum: np.ndarray | None = None,
) -> Member:
    """A law as a member, with priors on its floor and its exponents.

    Args:
        law: the class, with the shares of its mixtures.
        runs: the runs, by the law's inputs.
        columns: the table's name of each input of the law.
        kinds: the kinds of all inputs of the table, along which errors are correlated.
        correlated: whether errors are correlated.
        starts: on scales without bounds, ``(start, parameter)``; priors follow from them.
        optimum: a solution of a problem like this one, to start from instead.
    """
    names = law.parameter_names()
    mean, sd = _priors(law, runs, starts)
    if optimum is not None:
        starts = np.concatenate([optimum[None], starts[:_STARTS_BESIDE_OPTIMUM]])
    near = np.clip(starts, mean - 2.0 * sd, mean + 2.0 * sd)
    num = len(names)
    return Member(
        law.name,
        correlated,
        kinds,
        _predictions(law, runs.link),
        partial(_law_inputs, tuple(columns.items())),
        np.eye(num),
        np.zeros(num),
        np.full(num, -np.inf),
        np.full(num, np.inf),
        near,
        mean,
        sd,
        np.full(num, np.inf),
        partial(law_of_unbounded, law),
    )


def floor_of(law: type[Law]) -> str | None:
    """The positive parameter that is the law's floor; None for a law without one."""
    domain = law.domains().get("E")
    return "E" if domain is not None and domain.lower == 0.0 else None


def floor_determined(sd: float) -> bool:
    """Whether the runs alone determine ln E, to this standard deviation, better than its prior."""
    return sd < FLOOR_SD


def unbounded_starts(law: type[Law], runs: Runs) -> np.ndarray:
    """The law's starts on scales without bounds, ``(start, parameter)``.

    Raises:
        ValueError: no start is finite, as for a positive law of negative losses.
    """
    method = LeastSquares(num_starts=_NUM_STARTS)
    layout = build_layout(law, runs, by_curves=False)
    free = free_of(method, layout)
    with np.errstate(all="ignore"):
        vector = free.vector(starts_of(method, layout, free, _NUM_STARTS)).T
        logs = np.isin(law.parameter_names(), law.log_parameters())
        natural = np.where(logs, np.exp(vector), vector)
        starts = np.stack(
            [
                _to_unbounded(own, values)
                for own, values in zip(_domains(law), natural.T, strict=True)
            ],
            axis=1,
        )
    found = starts[np.isfinite(starts).all(axis=1)]
    if not len(found):
        raise ValueError("no start of its parameters is finite for these runs")
    return found


def law_of_unbounded(law: type[Law], vector: np.ndarray) -> Law:
    """The law of a parameter vector on scales without bounds, ``(parameter,)``."""
    with np.errstate(over="ignore"):
        return law(**_fields_of(law, list(vector), np))


def _law_inputs(
    columns: tuple[tuple[str, str], ...], inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The law's inputs among those of the table."""
    return {name: inputs[column] for name, column in columns}


@cache
def _predictions(law: type[Law], link: Link) -> NumpyFunction:
    """The prediction on the link's scale from an unbounded parameter vector."""
    shapes = {name: (len(labels),) for name, labels in law.shares}

    def predicted(vector: list[Any], inputs: dict[str, Any]) -> Any:
        return link.forward(law(**_fields_of(law, vector, jnp)).loss(**inputs))

    own = {name: shapes.get(name, ()) for name in law.inputs()}
    return NumpyFunction(predicted, [()] * len(law.parameter_names()), own)


def _fields_of(law: type[Law], vector: list[Any], xp: Any) -> dict[str, Any]:
    """The law's fields; a parameter along a mixture is an array."""
    flat = [_bounded(own, value, xp) for own, value in zip(_domains(law), vector, strict=True)]
    values, place = dict[str, Any](), 0
    for own in law.fields():
        if own.along is None:
            values[own.name], place = flat[place], place + 1
            continue
        num = len(dict(law.shares)[own.along])
        values[own.name], place = xp.stack(flat[place : place + num]), place + num
    return values


def _domains(law: type[Law]) -> list[Domain]:
    return list(law.domains().values())


def _bounded(domain: Domain, value: Any, xp: Any) -> Any:
    """A parameter from its unbounded scale: logarithm, logit, or itself."""
    low, high = domain.lower, domain.upper
    if np.isfinite(low) and np.isfinite(high):
        return low + (high - low) / (1.0 + xp.exp(-value))
    if np.isfinite(low):
        return low + xp.exp(value)
    return high - xp.exp(value) if np.isfinite(high) else value


def _to_unbounded(domain: Domain, values: np.ndarray) -> np.ndarray:
    """The inverse of :func:`_bounded`; values at a bound move inside."""
    low, high = domain.lower, domain.upper
    if np.isfinite(low) and np.isfinite(high):
        share = np.clip((values - low) / (high - low), _INSIDE, 1.0 - _INSIDE)
        return np.asarray(np.log(share / (1.0 - share)))
    if np.isfinite(low):
        return np.asarray(np.log(np.maximum(values - low, _LEAST_START)))
    return np.asarray(
        np.log(np.maximum(high - values, _LEAST_START)) if np.isfinite(high) else values
    )


def _priors(law: type[Law], runs: Runs, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each parameter on its unbounded scale.

    The priors of other parameters are centred on the law's starts, with twice their spread, so that
    no parameter diverges where the runs do not determine it.
    """
    low, mean, high = np.quantile(starts, [0.16, 0.5, 0.84], axis=0)
    sd = _LEAST_SD + _SPREADS_OF_STARTS * 0.5 * (high - low)
    floor = floor_of(law) if runs.link.name == "log" else None
    exponents = roles_of(law).exponents
    for place, (name, domain) in enumerate(law.domains().items()):
        if name == floor:
            mean[place] = np.log(FLOOR_OF_LEAST * runs.loss.min())
            sd[place] = FLOOR_SD
        elif domain == EXPONENT or (name in exponents and domain == POSITIVE):
            mean[place], sd[place] = np.log(EXPONENT_MIDDLE), EXPONENT_SD
    return mean, sd
