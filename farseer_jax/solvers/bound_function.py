"""A traced function with the inputs of its runs."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from farseer_jax.solvers.numpy_program import Program

if TYPE_CHECKING:
    from farseer_jax.solvers.numpy_jaxpr import NumpyFunction

Parameters: TypeAlias = np.ndarray | Sequence[np.ndarray]


class BoundFunction:
    """A function with the inputs of its runs.

    Args:
        function: the function.
        inputs: each scalar input, ``(1, run)`` where all batch elements share the runs, or
            ``(row, run)``.
        prepared: the results of programs that depend on the inputs alone.
        rows: the row of each batch element; None where there is one row, or one per element.
    """

    def __init__(
        self,
        function: "NumpyFunction",
        inputs: list[np.ndarray],
        prepared: dict[str, dict[int, Any]] | None = None,
        rows: np.ndarray | None = None,
    ) -> None:
        self.function = function
        self._inputs = inputs
        self._prepared = {} if prepared is None else prepared
        self._rows = rows
        self._taken: dict[str, dict[int, Any]] = {}

    @property
    def num_runs(self) -> int:
        """How many runs there are."""
        return self._inputs[0].shape[1] if self._inputs else 1

    @property
    def num_rows(self) -> int:
        """How many rows the inputs have: 1 where all batch elements share them."""
        return max((len(array) for array in self._inputs), default=1)

    def take(self, rows: np.ndarray) -> "BoundFunction":
        """The same function for batch elements with these rows of the inputs, ``(element,)``."""
        return BoundFunction(self.function, self._inputs, self._prepared, rows)

    def at_runs(self, runs: slice) -> "BoundFunction":
        """The same function for some of the runs."""
        return BoundFunction(self.function, [array[:, runs] for array in self._inputs])

    def value(self, parameters: Parameters) -> np.ndarray:
        """The function's values.

        Args:
            parameters: ``(element, component)``; or one array per component, ``(element, 1)``, or
                ``(element, run)`` where it differs between runs.

        Returns:
            ``(element, run)``.
        """
        columns = columns_of(parameters)
        outputs = self._run("value", self.function.value_program, columns)
        return self._spread(outputs[0], columns)

    def partners(self, parameters: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
        """The values of :attr:`NumpyFunction.partners` at ``(1, component)``.

        Returns:
            ``(component, sign, values)`` each.
        """
        found, program = self.function.partners
        outputs = self._run("partners", program, columns_of(parameters))
        return [(component, sign, np.asarray(outputs[k])) for component, sign, k in found]

    def value_and_gradient(self, parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
        """Values ``(element, run)`` and derivatives ``(element, component, run)``."""
        columns = columns_of(parameters)
        value, *slopes = self._run("gradient", self.function.gradient_program, columns)
        return self._spread(value, columns), self._stacked(slopes, columns)

    def value_and_slopes(self, parameters: Parameters) -> tuple[np.ndarray, dict[int, np.ndarray]]:
        """Values ``(element, run)`` and the derivatives in the components that matter, likewise."""
        columns = columns_of(parameters)
        value, *slopes = self._run("gradient", self.function.gradient_program, columns)
        used = sorted(self.function.used_components)
        return self._spread(value, columns), {k: self._spread(slopes[k], columns) for k in used}

    def summed_hessian(
        self, parameters: Parameters, sum_runs: Callable[[Any], np.ndarray]
    ) -> list[np.ndarray]:
        """Second derivatives, summed over runs: the upper triangle, row by row.

        Args:
            parameters: as in :meth:`value`.
            sum_runs: applied to each array that broadcasts to ``(element, run)``.
        """
        program = self.function.hessian_program
        return self._run("hessian", program, columns_of(parameters), sum_runs)

    def separable_hessian(
        self, parameters: Parameters, weights: np.ndarray, groups: Sequence[Any]
    ) -> np.ndarray | None:
        """Second derivatives, summed over the runs of each group, by terms of few parameters.

        Args:
            parameters: as in :meth:`value`.
            weights: ``(element, run)``.
            groups: the runs of each group.

        Returns:
            ``(group, element, component, component)``; None where that is not worth it.
        """
        own = self.function.separable_hessian
        if own is None:
            return None
        return own.sums(
            self._run("separable", own.program, columns_of(parameters)), weights, groups
        )

    def curvature(self, parameters: Parameters, direction: Parameters) -> np.ndarray:
        """Second derivatives along a direction, ``(element, run)``."""
        columns = [*columns_of(parameters), *columns_of(direction)]
        outputs = self._run("curvature", self.function.curvature_program, columns)
        return self._spread(outputs[0], columns)

    def _run(
        self,
        name: str,
        program: Program,
        columns: Sequence[np.ndarray],
        reduce: Callable[[Any], Any] | None = None,
    ) -> list[Any]:
        if name not in self._taken:
            if name not in self._prepared:
                self._prepared[name] = program.prepare(self._inputs)
            self._taken[name] = {k: self._take(v) for k, v in self._prepared[name].items()}
        return program.run(self._taken[name], columns, reduce)

    def _take(self, value: Any) -> Any:
        if self._rows is None or np.ndim(value) < 2 or len(value) == 1:
            return value
        return value[self._rows]

    def _spread(self, value: Any, columns: Sequence[np.ndarray]) -> np.ndarray:
        return np.broadcast_to(value, (len(columns[0]), self.num_runs))

    def _stacked(self, values: Sequence[Any], columns: Sequence[np.ndarray]) -> np.ndarray:
        stacked = np.empty((len(columns[0]), len(values), self.num_runs))
        for k, value in enumerate(values):
            stacked[:, k] = value
        return stacked


def columns_of(parameters: Parameters) -> Sequence[np.ndarray]:
    """One array per component, ``(element, 1)`` or ``(element, run)``."""
    if isinstance(parameters, np.ndarray):
        return [parameters[:, k, None] for k in range(parameters.shape[1])]
    return parameters
