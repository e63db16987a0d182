"""The Hessian of a function of many parameters that enter through terms of one or two.

With terms ``v_i``, each of its own parameters, ``η = F(v)`` has the second derivatives
``Σ F_ij · ∇v_i ∇v_jᵀ + Σ F_i · ∇²v_i``. In a sum of terms few of the ``F_ij`` differ, so that sums
over runs are a few products of matrices instead of one array for each pair of parameters (partially
separable functions: Griewank & Toint 1982).
"""

import heapq
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.solvers.numpy_program import Program, needed_nodes
from farseer_jax.solvers.scalar_graph import ScalarGraph

_MOST_PARAMETERS = 2  # of a term

_JAX: dict[str, Callable[..., Any]] = {
    "add": jnp.add,
    "sub": jnp.subtract,
    "mul": jnp.multiply,
    "div": jnp.divide,
    "neg": jnp.negative,
    "exp": jnp.exp,
    "log": jnp.log,
    "log1p": jnp.log1p,
    "expm1": jnp.expm1,
    "sqrt": jnp.sqrt,
    "power": jnp.power,
    "power_by_log": lambda base, log_base, exponent: jnp.power(base, exponent),
}


class Terms(NamedTuple):
    """The terms of a function: nodes of its graph, and the parameters that each has for itself."""

    nodes: list[int]
    parameters: list[list[int]]


def find_terms(graph: ScalarGraph, value: int) -> Terms | None:
    """The largest terms of one or two parameters.

    Returns:
        The terms; None if there are no more parameters than terms, or the graph has an operation
        that JAX is not told of here.
    """
    needed = needed_nodes(graph, [value])
    operations = {graph.nodes[k].operation for k in needed}
    if operations - _JAX.keys() - {"constant", "parameter", "input"}:
        return None
    cuts = _cuts(graph, needed)
    nodes: dict[int, list[int]] = {}
    for parameter, chain in cuts.items():
        node = max(k for k in chain if _is_term(graph, k, cuts))
        nodes.setdefault(node, []).append(parameter)
    found = sorted(nodes)
    return Terms(found, [nodes[k] for k in found]) if len(found) < len(cuts) else None


def _cuts(graph: ScalarGraph, needed: Sequence[int]) -> dict[int, list[int]]:
    """For each parameter the nodes through which all of its influence goes."""
    users: dict[int, list[int]] = {k: [] for k in needed}
    for number in needed:
        for argument in set(graph.nodes[number].arguments):
            users[argument].append(number)
    found = {}
    for parameter in (k for k in needed if k < graph.num_parameters):
        front, seen, chain = [parameter], {parameter}, []
        while front:  # arguments come before what is computed from them
            number = heapq.heappop(front)
            if not front:
                chain.append(number)
            for user in users[number]:
                if user not in seen:
                    seen.add(user)
                    heapq.heappush(front, user)
        found[parameter] = chain
    return found


def _is_term(graph: ScalarGraph, number: int, cuts: dict[int, list[int]]) -> bool:
    bits = graph.nodes[number].depends_on & graph.parameter_bits
    own = [k for k in range(graph.num_parameters) if bits >> k & 1]
    return len(own) <= _MOST_PARAMETERS and all(number in cuts[k] for k in own)


class SeparableHessian:
    """Sums over runs of a function's second derivatives, by its terms.

    Args:
        graph: the function's graph.
        value: its value.
        terms: its terms.
        trace: adds a JAX function ``(leaves) → tuple of numbers`` to a new graph.
    """

    def __init__(
        self,
        graph: ScalarGraph,
        value: int,
        terms: Terms,
        trace: Callable[[Callable[..., Any]], tuple[ScalarGraph, list[int]]],
    ) -> None:
        self.num_parameters = graph.num_parameters
        self.used = [k for own in terms.parameters for k in own]
        self._own = [(own, j, k) for own in terms.parameters for j in own for k in own if j <= k]
        count = len(terms.nodes)
        pairs = np.triu_indices(count)

        def derivatives(leaves: Sequence[Any]) -> tuple[Any, ...]:
            values, slopes, curvatures = [], [], []
            for node, own in zip(terms.nodes, terms.parameters, strict=True):
                term = _as_jax(graph, node, leaves, own)
                point = [leaves[k] for k in own]
                values.append(term(point))
                slopes.append(jax.grad(term)(point))
                curvatures.append(jax.hessian(term)(point))
            outer = _as_jax(graph, value, leaves, terms.nodes)
            first, second = jax.grad(outer)(values), jax.hessian(outer)(values)
            local = [
                first[i] * curvatures[i][j][k]
                for i, own in enumerate(terms.parameters)
                for j in range(len(own))
                for k in range(j, len(own))
            ]
            across = [second[i][j] for i, j in zip(*pairs, strict=True)]
            return (*across, *[slope for own in slopes for slope in own], *local)

        new, nodes = trace(derivatives)
        across, rest = nodes[: len(pairs[0])], nodes[len(pairs[0]) :]
        self._masks = self._across(across, pairs, terms.parameters, new)
        outputs = [*self._masks, *rest]
        self.program = Program(new, outputs)

    def _across(
        self,
        nodes: Sequence[int],
        pairs: Any,
        parameters: Sequence[Sequence[int]],
        graph: ScalarGraph,
    ) -> dict[int, np.ndarray]:
        """For each distinct ``F_ij``, the pairs of used parameters that it belongs to."""
        place = {k: at for at, k in enumerate(self.used)}
        masks: dict[int, np.ndarray] = {}
        for node, i, j in zip(nodes, *pairs, strict=True):
            one = graph.nodes[node]
            if one.operation == "constant" and one.value == 0.0:
                continue
            mask = masks.setdefault(node, np.zeros((len(self.used),) * 2, dtype=bool))
            rows, columns = ([place[k] for k in parameters[t]] for t in (i, j))
            mask[np.ix_(rows, columns)] = mask[np.ix_(columns, rows)] = True
        return masks

    def sums(
        self, outputs: Sequence[Any], weights: np.ndarray, groups: Sequence[Any]
    ) -> np.ndarray:
        """``Σ weight · ∇²η`` over the runs of each group.

        Args:
            outputs: of :attr:`program`.
            weights: ``(element, run)``; what stands at weight 0 does not matter.
            groups: the runs of each group.

        Returns:
            ``(group, element, parameter, parameter)``.
        """
        shape, count = weights.shape, len(self.used)
        outputs = _without_left_out(outputs, weights)
        across = outputs[: len(self._masks)]
        slopes = np.empty((shape[0], count, shape[1]))
        for k, slope in enumerate(outputs[len(self._masks) :][:count]):
            slopes[:, k] = slope
        local = outputs[len(self._masks) + count :]
        result = np.zeros((len(groups), shape[0], self.num_parameters, self.num_parameters))
        whole = np.zeros((len(groups), shape[0], count, count))
        for mask, factor in zip(self._masks.values(), across, strict=True):
            rows, columns = _extent(mask)
            left, right = slopes[:, rows] * (weights * factor)[:, None], slopes[:, columns]
            part = mask[rows, columns]
            for g, runs in enumerate(groups):
                product = np.matmul(left[..., runs], np.swapaxes(right[..., runs], 1, 2))
                whole[g, :, rows, columns] += np.where(part, product, 0.0)
        used = np.ix_(self.used, self.used)
        result[:, :, used[0], used[1]] = whole
        for (_, j, k), second in zip(self._own, local, strict=True):
            terms = weights * second
            for g, runs in enumerate(groups):
                result[g, :, j, k] += np.sum(terms[:, runs], axis=-1)
                if j != k:
                    result[g, :, k, j] = result[g, :, j, k]
        return result


def _without_left_out(outputs: Sequence[Any], weights: np.ndarray) -> list[Any]:
    """The outputs, 0 at runs of weight 0, where they may be infinite."""
    out = weights == 0.0
    runs = np.flatnonzero(out.any(0))
    if not len(runs) or all(np.isfinite(array).all() for array in outputs):
        return list(outputs)
    return [np.where(out, 0.0, array) for array in outputs]


def _extent(mask: np.ndarray) -> tuple[slice, slice]:
    """The rows and the columns between the first and the last that are used."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _as_jax(
    graph: ScalarGraph, node: int, leaves: Sequence[Any], inner: Sequence[int]
) -> Callable[[Sequence[Any]], Any]:
    """A node as a JAX function of some nodes below it; the leaves of the others are given."""

    def function(values: Sequence[Any]) -> Any:
        known = dict(enumerate(leaves)) | dict(zip(inner, values, strict=True))

        def evaluate(number: int) -> Any:
            if number not in known:
                one = graph.nodes[number]
                known[number] = (
                    jnp.asarray(one.value)
                    if one.operation == "constant"
                    else _JAX[one.operation](*map(evaluate, one.arguments))
                )
            return known[number]

        return evaluate(node)

    return function
