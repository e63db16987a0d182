"""The average of laws that was chosen for one group and response; it predicts like a fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.choosing.fit_members import error_columns
from farseer_jax.laws.law import Law
from farseer_jax.laws.law_json import law_to_dict  # noqa: F401  (its import registers laws)
from farseer_jax.link_functions import Link
from farseer_jax.methods.correlated_errors import ErrorColumns


@dataclass(frozen=True)
class AveragedMember:
    """One fitted law of an average.

    Attributes:
        name: of the law, with its columns where an input could be more than one column.
        law: the fitted law.
        columns: the table's column for each of its inputs.
        correlated: whether its prediction includes a misfit, a smooth function of all inputs.
        weight: its weight in the average; weights sum to 1.
        coefficients: of the misfit's columns, ``(column,)``.
        noise: standard deviation of a run's noise, on the link's scale.
        floor_sd: standard deviation of the logarithm of its floor from the runs alone, without
            the prior; NaN for a law without a floor.
    """

    name: str
    law: Law
    columns: Mapping[str, str]
    correlated: bool
    weight: float
    coefficients: np.ndarray
    noise: float
    floor_sd: float


@dataclass(frozen=True, eq=False)
class AveragedFit:
    """Laws fitted to one group and response, and averaged on the link's scale.

    Attributes:
        group: the value of each grouping column.
        response: the column that was fitted.
        link: scale of its errors.
        inputs: all inputs of the runs by column, ``(run,)``; the mixture ``h``, ``(run, share)``.
        loss: the response of the runs, ``(run,)``.
        along: the input each of whose values has a random effect of its own.
        members: the laws.
    """

    group: Mapping[str, Any]
    response: str
    link: Link
    inputs: Mapping[str, np.ndarray]
    loss: np.ndarray
    along: str | None
    members: tuple[AveragedMember, ...]

    def predict(self, **inputs: ArrayLike) -> np.ndarray:
        """Predicted responses, float64.

        Args:
            inputs: all inputs by column; they broadcast; the mixture ``h`` has its shares on the
                last axis.

        Raises:
            TypeError: an input is missing or unknown.
        """
        if set(inputs) != set(self.inputs):
            raise TypeError(
                f"the chosen laws have the inputs {', '.join(self.inputs)}; got "
                f"{', '.join(inputs) or 'none'}"
            )
        arrays = {name: np.asarray(inputs[name], dtype=float) for name in self.inputs}
        edges = [own.shape[:-1] if name == "h" else own.shape for name, own in arrays.items()]
        shape = np.broadcast_shapes(*edges)
        flat = {
            name: np.broadcast_to(own, (*shape, own.shape[-1])).reshape(-1, own.shape[-1])
            if name == "h"
            else np.broadcast_to(own, shape).ravel()
            for name, own in arrays.items()
        }
        scaled = np.array([self._scaled(member, flat) for member in self.members])
        weights = np.array([member.weight for member in self.members])[:, None]
        known = np.isfinite(scaled)  # a law may have no value far from the runs
        total = np.sum(np.where(known, weights, 0.0), axis=0)
        with np.errstate(invalid="ignore"):
            mean = np.sum(np.where(known, weights * scaled, 0.0), axis=0) / total
        return np.asarray(self.link.inverse(mean)).reshape(shape)[()]

    def _scaled(self, member: AveragedMember, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """A member's prediction on the link's scale, ``(point,)``."""
        own = {name: inputs[column] for name, column in member.columns.items()}
        with np.errstate(all="ignore"):
            value = self.link.forward(np.asarray(member.law.loss(**own), dtype=float))
        if not member.correlated or self._errors is None:
            return np.asarray(value)
        return np.asarray(value + self._errors.at(inputs).matrix @ member.coefficients)

    @cached_property
    def _errors(self) -> ErrorColumns | None:
        return error_columns(self.inputs, self.along)
