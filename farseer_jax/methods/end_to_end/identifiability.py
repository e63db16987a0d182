"""Directions of the parameters that the runs leave open at an optimum, by the Jacobian there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.end_to_end.traced_loss import scaled_predictions
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction

_ROUNDING = 1e-9  # of the largest singular value: below, a direction has no influence
_NOISE = 0.01  # of the noise: below, a direction's influence drowns in it
_CANCELLED = 1e-12  # of the terms of a sum: below, it is 0 up to rounding
_PART = 1e-3  # of a direction's largest effect: parameters above this belong to the direction
_VANISHED = 1e-5  # of the loss: what never contributes more is not there
_LEAST_LOG = -600.0  # stands for the logarithm of 0, with derivatives that are finite


@dataclass(frozen=True)
class Optimum:
    """A fitted law's predictions near its parameters, on the layout's scale.

    Attributes:
        layout: the runs.
        free: free parameters.
        values: free parameters of the law, ``(free,)``.
        observed: losses on the layout's scale, ``(run,)``.
        weights: of the distinct runs, 1 on average over those above 0, ``(run,)``.
        is_converged: whether the residuals are those of an optimum, and so show the noise.
    """

    layout: Layout
    free: Free
    values: np.ndarray
    observed: np.ndarray
    weights: np.ndarray
    is_converged: bool = True

    @classmethod
    def of(
        cls,
        layout: Layout,
        free: Free,
        values: np.ndarray,
        losses: np.ndarray,
        weights: np.ndarray,
        is_converged: bool = True,
    ) -> "Optimum":
        """The optimum of losses and weights ``(run,)``, weights as given by the user."""
        own = weights * layout.run_share
        total = own.sum() / max(np.count_nonzero(own), 1)
        observed, relative = layout.link.forward(losses), own / (total or 1.0)
        return cls(layout, free, values, observed, relative, is_converged)

    @classmethod
    def of_law(
        cls,
        layout: Layout,
        free: Free,
        law: Law,
        losses: np.ndarray,
        weights: np.ndarray,
        is_converged: bool = True,
    ) -> "Optimum":
        """The optimum of a law, whose positive parameters may be exactly 0."""
        with jax.enable_x64(True):
            vector = np.asarray(law.to_vector(), np.float64)
        vector = np.where((free.basis != 0.0).any(1), np.maximum(vector, _LEAST_LOG), free.offset)
        values = free.free(vector[:, None])[0]
        return cls.of(layout, free, values, losses, weights, is_converged)

    @cached_property
    def vector(self) -> np.ndarray:
        """The law's parameters, logarithms of 0 finite, ``(parameter,)``."""
        vector, law = self.free.vector(self.values), self.layout.law
        logs = np.isin(law.parameter_names(), law.log_parameters())
        return np.where(logs, np.maximum(vector, _LEAST_LOG), vector)

    def at(self, inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Predictions, ``(point,)``, and their slopes in each parameter, ``(point, parameter)``."""
        bound = self._function.bind(inputs)
        with np.errstate(all="ignore"):
            predicted, slopes = bound.value_and_gradient(self.vector[None])
        return predicted[0], np.nan_to_num(slopes[0].T, nan=0.0, posinf=0.0, neginf=0.0)

    @property
    def _function(self) -> NumpyFunction:
        return scaled_predictions(self.layout.law, self.layout.link, self.layout.center)

    @property
    def used_inputs(self) -> frozenset[str]:
        """Names of the inputs that the law's loss depends on."""
        return self._function.used_inputs

    @cached_property
    def inputs(self) -> dict[str, np.ndarray]:
        """The inputs of the runs with weight, ``(run, …)``."""
        columns = self.layout.law.columns(self.layout.runs)
        return {name: own[self.weights > 0.0] for name, own in columns.items()}

    @cached_property
    def _at_runs(self) -> tuple[np.ndarray, np.ndarray]:
        return self.at(self.inputs)

    @cached_property
    def root_weights(self) -> np.ndarray:
        """Roots of the weights above 0, ``(run,)``."""
        return np.sqrt(self.weights[self.weights > 0.0])

    @property
    def predicted(self) -> np.ndarray:
        """Predictions for the runs with weight, ``(run,)``."""
        return self._at_runs[0]

    @property
    def slopes(self) -> np.ndarray:
        """Slopes of the predictions in each parameter, ``(run, parameter)``."""
        return self._at_runs[1]

    @cached_property
    def matrix(self) -> np.ndarray:
        """Weighted slopes in each free parameter, ``(run, free)``; 0 in place of tiny ones."""
        found = self.root_weights[:, None] * self.along_free(self.slopes)
        return found if self._is_zero.any() else np.where(self.idle, 0.0, found)

    def along_free(self, slopes: np.ndarray) -> np.ndarray:
        """Slopes in each free parameter of those in each parameter, 0 where these cancel."""
        basis = self.free.basis
        largest = (np.abs(slopes) @ np.abs(basis)).max(0)
        result = slopes @ basis
        return np.where(np.abs(result).max(0) > _CANCELLED * largest, result, 0.0)

    @cached_property
    def num_runs(self) -> int:
        """How many distinct runs have weight."""
        return round(float(self.layout.run_share[self.weights > 0.0].sum()))

    @property
    def degrees_of_freedom(self) -> int:
        """How many more distinct runs than free parameters there are."""
        return self.num_runs - self.free.basis.shape[1]

    @cached_property
    def noise(self) -> float:
        """Standard deviation of the residuals; 0 where it is not known."""
        if self.degrees_of_freedom < 1 or not self.is_converged:
            return 0.0
        residual = self.root_weights * (self.predicted - self.observed[self.weights > 0.0])
        return float(np.sqrt(np.sum(residual**2) / self.degrees_of_freedom))

    @cached_property
    def vanished(self) -> tuple[str, ...]:
        """Positive parameters that went to 0 in their logarithm, where they contribute nothing."""
        law = self.layout.law
        gone = (np.abs(self.slopes).max(0) < _VANISHED) & (self.vector < np.log(1e-3))
        gone &= np.isin(law.parameter_names(), law.log_parameters())
        gone &= (self.free.basis != 0.0).any(1)
        return tuple(n for n, own in zip(law.parameter_names(), gone, strict=True) if own)

    @cached_property
    def idle(self) -> np.ndarray:
        """Free parameters without influence, such as the exponent of a term at 0, ``(free,)``."""
        names, logs = self.layout.law.parameter_names(), self.layout.law.log_parameters()
        places = [names.index(name) for name in self.free.leaders]
        size = np.where(np.isin(self.free.leaders, logs), 1.0, np.abs(self.vector[places]))
        influence = np.abs(self.along_free(self.slopes)).max(0) * size
        return np.asarray((influence < _VANISHED) & ~self._is_zero[places])

    @cached_property
    def _is_zero(self) -> np.ndarray:
        """Which parameters are 0 at the least of their domain, ``(parameter,)``."""
        law = self.layout.law
        logs, lowest = law.log_parameters(), law.domains()
        own = [
            name in self.vanished or (name not in logs and lowest[name].lower == 0.0 == value)
            for name, value in zip(law.parameter_names(), self.vector, strict=True)
        ]
        return np.array(own) & (self.free.basis != 0.0).any(1)

    def open(self) -> np.ndarray:
        """Directions of the free parameters that the runs leave open, ``(direction, free)``.

        What a vanished term leaves without influence is no concern of the fit.
        """
        whole = open_directions(self.matrix, self.noise)
        if not (len(whole) and self._is_zero.any()):
            return whole
        return whole if len(open_directions(self.matrix, self.noise, self.idle)) else whole[:0]

    def names(self, directions: np.ndarray) -> tuple[str, ...]:
        """Parameters that take part in directions ``(direction, free)``."""
        moves = np.abs(directions @ self.free.basis.T)
        effects = moves * np.abs(self.slopes).max(0)
        effects = np.where(effects.max(1, initial=0.0, keepdims=True) > 0.0, effects, moves)
        part = (effects > _PART * effects.max(1, initial=1e-300, keepdims=True)).any(0)
        names = self.layout.law.parameter_names()
        return tuple(name for name, own in zip(names, part, strict=True) if own)


def open_directions(
    matrix: np.ndarray, noise: float, without: np.ndarray | Sequence[bool] = ()
) -> np.ndarray:
    """Directions along which predictions hardly change, ``(direction, free)``.

    Args:
        matrix: slopes of the predictions in each free parameter, ``(run, free)``.
        noise: standard deviation of the predictions' errors.
        without: free parameters to leave aside, ``(free,)``; the directions have none of them.
    """
    unit, size = unit_columns(matrix)
    if len(without):
        unit, size = unit[:, ~np.asarray(without)], size[~np.asarray(without)]
    num = unit.shape[1]
    if len(unit) < num:
        unit = np.concatenate([unit, np.zeros((num - len(unit), num))])
    _, singular, directions = np.linalg.svd(unit, full_matrices=False)
    is_open = singular <= max(_ROUNDING * singular[0], _NOISE * noise)
    return np.asarray(directions[is_open] / size)


def unit_columns(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns of length 1, and the lengths that they had, 1 in place of 0."""
    largest = np.abs(matrix).max(0)
    scaled = matrix / np.where(largest > 0.0, largest, 1.0)  # squares of tiny numbers vanish
    size = np.where(largest > 0.0, largest * np.linalg.norm(scaled, axis=0), 1.0)
    return matrix / size, size


def open_jointly(optima: Sequence[Optimum], in_common: np.ndarray) -> list[np.ndarray]:
    """Open directions of each group's free parameters, where groups share some of them.

    Args:
        optima: one for each group.
        in_common: which free parameters all groups share, ``(free,)``.

    Returns:
        ``(direction, free)`` of each group; a direction in which others alone move is 0.
    """
    num_shared, num_own = int(in_common.sum()), int((~in_common).sum())
    rows, num = [], len(optima)
    for place, optimum in enumerate(optima):
        own = np.zeros((len(optimum.matrix), num_shared + num * num_own))
        own[:, :num_shared] = optimum.matrix[:, in_common]
        start = num_shared + place * num_own
        own[:, start : start + num_own] = optimum.matrix[:, ~in_common]
        rows.append(own)
    found = open_directions(np.concatenate(rows), max(own.noise for own in optima))
    each = []
    for place in range(num):
        start = num_shared + place * num_own
        whole = np.zeros((len(found), len(in_common)))
        whole[:, in_common] = found[:, :num_shared]
        whole[:, ~in_common] = found[:, start : start + num_own]
        moves = np.abs(whole * unit_columns(optima[place].matrix)[1]).max(1, initial=0.0)
        each.append(whole[moves > _PART])
    return each
