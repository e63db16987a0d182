"""The evaluation of a graph's nodes by NumPy."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from farseer_jax.solvers.numpy_operations import OPERATIONS, Function
from farseer_jax.solvers.scalar_graph import ScalarGraph


class Program:
    """The operations that some nodes of a graph need, in order.

    What does not depend on parameters is computed once for given inputs (:meth:`prepare`), the rest
    at every call (:meth:`run`).

    Args:
        graph: a graph.
        outputs: the requested nodes.
    """

    def __init__(self, graph: ScalarGraph, outputs: Sequence[int]) -> None:
        self.outputs = list(outputs)
        self._first_input = graph.num_parameters
        self._constants: dict[int, Any] = {}
        self._leaves: list[int] = []
        self._fixed: list[tuple[Function, int, tuple[int, ...]]] = []
        self._steps: list[tuple[Function, int, tuple[int, ...]]] = []
        self._parameters: list[int] = []
        for number in needed_nodes(graph, outputs):
            node = graph.nodes[number]
            if node.operation == "constant":
                self._constants[number] = node.value
            elif node.operation == "parameter":
                self._parameters.append(number)
            elif node.operation == "input":
                self._leaves.append(number)
            else:
                varies = node.depends_on & graph.parameter_bits
                step = (OPERATIONS[node.operation], number, node.arguments)
                (self._steps if varies else self._fixed).append(step)
        self._last_use = self._last_uses(set(outputs))
        self._last_use_reduced = self._last_uses(set())
        read = {k for _, _, arguments in self._steps for k in arguments} | set(outputs)
        ours = {number for _, number, _ in self._steps}
        self._kept = read - ours - set(self._parameters)

    def prepare(self, inputs: Sequence[np.ndarray]) -> dict[int, Any]:
        """Everything that depends on the inputs alone and is read later, by node.

        Args:
            inputs: the array of each input.
        """
        values: dict[int, Any] = dict(self._constants)
        values.update({k: inputs[k - self._first_input] for k in self._leaves})
        with np.errstate(all="ignore"):
            for function, number, arguments in self._fixed:
                values[number] = function(*[values[k] for k in arguments])
        return {number: values[number] for number in self._kept}

    def run(
        self,
        prepared: Mapping[int, Any],
        parameters: Sequence[np.ndarray],
        reduce: Function | None = None,
    ) -> list[Any]:
        """The outputs, from what was prepared and one array per parameter.

        Args:
            prepared: from :meth:`prepare`.
            parameters: arrays that broadcast with the inputs.
            reduce: applied to each output as soon as it is computed, to save memory.
        """
        values = dict(prepared)
        for number in self._parameters:
            values[number] = parameters[number]
        outputs, reduced = set(self.outputs), dict[int, Any]()
        last_use = self._last_use if reduce is None else self._last_use_reduced
        with np.errstate(all="ignore"):
            for (function, number, arguments), finished in zip(self._steps, last_use, strict=True):
                values[number] = function(*[values[k] for k in arguments])
                if reduce is not None and number in outputs:
                    reduced[number] = reduce(values[number])
                for k in finished:  # the next step reuses its memory, which is still in the cache
                    del values[k]
            if reduce is None:
                return [values[number] for number in self.outputs]
            for number in outputs - reduced.keys():
                reduced[number] = reduce(values[number])
        return [reduced[number] for number in self.outputs]

    def _last_uses(self, kept: set[int]) -> list[tuple[int, ...]]:
        """For each step, the intermediate nodes that no later step reads."""
        ours, seen = {number for _, number, _ in self._steps}, set(kept)
        uses: list[tuple[int, ...]] = []
        for _, number, arguments in reversed(self._steps):
            last = {k for k in (number, *arguments) if k in ours and k not in seen}
            seen |= last
            uses.append(tuple(last))
        return uses[::-1]


def needed_nodes(graph: ScalarGraph, outputs: Iterable[int]) -> list[int]:
    """All nodes below these, ascending: arguments come before what is computed from them."""
    found: set[int] = set()
    open_nodes = list(outputs)
    while open_nodes:
        number = open_nodes.pop()
        if number not in found:
            found.add(number)
            open_nodes.extend(graph.nodes[number].arguments)
    return sorted(found)
