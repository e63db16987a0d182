"""What a batch of fits minimises."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np

from farseer_jax.solvers.column_matrix import ColumnMatrix, row_blocks
from farseer_jax.solvers.correlated_residuals import CorrelatedWeights
from farseer_jax.solvers.numpy_jaxpr import BoundFunction, NumpyFunction

ResidualScale: TypeAlias = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


def relative_residuals(difference: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``predicted / observed − 1`` from a difference of logarithms, and its two derivatives."""
    ratio = np.exp(difference)
    return np.expm1(difference), ratio, ratio


@dataclass(frozen=True)
class FitProblem:
    """``Σ_run w · ρ(η − y) + ½ Σ ((p − mean) / sd)²`` for one or many data sets.

    ``η`` is the function's value at the parameters ``offset + basis · free`` plus ``linear · u``.
    The coefficients ``u`` have standard normal priors, and the objective is its minimum over them,
    in closed form: what is minimised over the parameters is ``½ rᵀ (W⁻¹ + linear · linearᵀ)⁻¹ r``.
    Runs of weight 0 never matter, whatever is predicted there.

    Args:
        function: the prediction of one run, on the scale of the errors.
        inputs: ``(run,)``, or ``(data_set, run)``; a mixture's shares on one more axis, the last.
        target: observed, on that scale, ``(run,)`` or ``(data_set, run)``.
        weights: likewise.
        delta: where ρ turns from a square into a line; inf for squares; at 0, ρ is ``|r|``.
        quantile: 0.5 is symmetric.
        residual_scale: from differences ``η − y`` to residuals; None where they are the same.
        offset: ``(parameter,)``; 0 by default.
        basis: ``(parameter, free)``; the identity by default.
        lower: bounds of the free parameters, ``(free,)``; none by default.
        upper: likewise.
        parameter_of: the parameter that a component of the function takes in a group, ``(component,
            group)``; by default each component is a parameter.
        group: of each run, ``(run,)``; needed with ``parameter_of``.
        prior_mean: of the parameters, ``(parameter,)`` or ``(data_set, parameter)``.
        prior_precision: ``1 / sd²``, 0 without a prior; ``(parameter,)`` or ``(data_set,
            parameter)``.
        linear: ``(run, column)`` or ``(data_set, run, column)``, or a matrix of them; for squares
            without a ``residual_scale`` only.
    """

    function: NumpyFunction
    inputs: Mapping[str, np.ndarray]
    target: np.ndarray
    weights: np.ndarray
    delta: float = np.inf
    quantile: float = 0.5
    residual_scale: ResidualScale | None = None
    offset: np.ndarray | None = None
    basis: np.ndarray | None = None
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None
    parameter_of: np.ndarray | None = None
    group: np.ndarray | None = None
    prior_mean: np.ndarray | None = None
    prior_precision: np.ndarray | None = None
    linear: np.ndarray | ColumnMatrix | None = None
    bound: BoundFunction = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bound", self.function.bind(self.inputs))
        for name in ("target", "weights"):
            rows = np.atleast_2d(np.asarray(getattr(self, name), dtype=np.float64))
            object.__setattr__(self, name, rows)
        if self.linear is not None and not (
            np.isinf(self.delta) and self.quantile == 0.5 and self.residual_scale is None
        ):
            raise ValueError("linear columns need the objective 'squared' on the link's scale")
        one = self.linear is not None and ColumnMatrix.of(self.linear).is_shared
        if one and (self.weights == self.weights[0]).all():
            object.__setattr__(self, "weights", self.weights[:1])  # eliminate columns once
        if (self.weights == 0.0).any():  # what stands there may be NaN
            object.__setattr__(self, "target", np.where(self.weights > 0.0, self.target, 0.0))

    @cached_property
    def correlated_weights(self) -> CorrelatedWeights | None:
        """The weights of each data set after the linear columns are eliminated."""
        return None if self.linear is None else CorrelatedWeights.of(self.weights, self.linear)

    @cached_property
    def blocks(self) -> list[tuple[slice, BoundFunction]]:
        """Blocks of runs, each with the function bound to their inputs."""
        found = row_blocks(self.bound.num_runs)
        if len(found) == 1:
            return [(found[0], self.bound)]
        return [(runs, self.bound.at_runs(runs)) for runs in found]

    def prepare(self) -> None:
        """Compute what is shared, before threads ask for it."""
        assert self.blocks
        assert self.linear is None or self.correlated_weights

    @property
    def num_data_sets(self) -> int:
        """How many data sets there are."""
        rows = [len(self.target), len(self.weights)]
        if self.prior_precision is not None:
            rows.append(len(np.atleast_2d(self.prior_precision)))
        return max(*rows, self.bound.num_rows)

    @property
    def num_parameters(self) -> int:
        """How many parameters there are before bases."""
        if self.parameter_of is not None:
            return int(self.parameter_of.max()) + 1
        return self.function.num_components

    @property
    def num_free(self) -> int:
        """How many parameters are searched for."""
        return self.num_parameters if self.basis is None else self.basis.shape[1]

    def parameters(self, free: np.ndarray) -> np.ndarray:
        """Parameters ``(element, parameter)`` of free parameters ``(element, free)``.

        By a product per element, whose digits do not depend on the others.
        """
        own = free
        if self.basis is not None:
            own = np.matmul(self.basis, free[:, :, None])[:, :, 0]
        return own if self.offset is None else own + self.offset

    def components_of(self, free: int) -> frozenset[int]:
        """The function's components that a free parameter has a part in."""
        parameters = [free] if self.basis is None else np.flatnonzero(self.basis[:, free]).tolist()
        if self.parameter_of is None:
            return frozenset(k for k in parameters if k < self.function.num_components)
        places = np.isin(self.parameter_of, parameters).any(axis=1)
        return frozenset(np.flatnonzero(places).tolist())

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds of all free parameters, ``(free,)``."""
        lower = np.full(self.num_free, -np.inf)
        upper = np.full(self.num_free, np.inf)
        if self.lower is not None:
            lower[: len(self.lower)] = self.lower
        if self.upper is not None:
            upper[: len(self.upper)] = self.upper
        return lower, upper
