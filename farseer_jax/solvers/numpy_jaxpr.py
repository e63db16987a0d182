"""A function written with JAX, computed by NumPy: traced once, never compiled."""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np

from farseer_jax.solvers.bound_function import BoundFunction
from farseer_jax.solvers.jaxpr_arrays import UnsupportedPrimitiveError
from farseer_jax.solvers.jaxpr_rules import add_jaxpr
from farseer_jax.solvers.numpy_program import Program, needed_nodes
from farseer_jax.solvers.partial_separability import SeparableHessian, find_terms
from farseer_jax.solvers.scalar_graph import ScalarGraph

Shape: TypeAlias = tuple[int, ...]
Traced: TypeAlias = Callable[[list[Any], dict[str, Any]], Any]

_MANY_COMPONENTS = 10  # from which on second derivatives are worth a search for terms

__all__ = ["BoundFunction", "NumpyFunction", "UnsupportedPrimitiveError"]


class NumpyFunction:
    """A scalar function of parameters and of one run's inputs, with derivatives, by NumPy.

    JAX traces it for one run; NumPy then does its operations over all batch elements (starts,
    refits) and runs. What XLA would take seconds to compile is ready in milliseconds.

    Args:
        function: ``(parameters, inputs) → scalar``; parameters a list, inputs a dictionary.
        parameter_shapes: ``()`` for a number, ``(share,)`` for a vector along a mixture. The
            entries of all parameters, one after another, are the components of a parameter vector.
        input_shapes: the shape of each input of one run, by name.

    Attributes:
        input_shapes: the same.

    Raises:
        TypeError: the function does not return a real floating-point number.
        ValueError: it returns an array.
        UnsupportedPrimitiveError: NumPy has no rule for one of its operations.

    Example:
        >>> import numpy as np
        >>> law = NumpyFunction(lambda p, x: p[0] + p[1] / x["N"] ** p[2], [(), (), ()], {"N": ()})
        >>> bound = law.bind({"N": np.array([1.0, 4.0])})
        >>> bound.value(np.array([[1.0, 2.0, 0.5]]))
        array([[3., 2.]])
        >>> [sorted(group) for group in (law.linear_components(), law.used_components)]
        [[0, 1], [0, 1, 2]]
    """

    def __init__(
        self,
        function: Traced,
        parameter_shapes: Sequence[Shape],
        input_shapes: Mapping[str, Shape],
    ) -> None:
        self._function = function
        self._parameter_shapes = [tuple(shape) for shape in parameter_shapes]
        self.input_shapes = {name: tuple(shape) for name, shape in input_shapes.items()}
        self.num_components = sum(_size(shape) for shape in self._parameter_shapes)
        self._num_inputs = sum(_size(shape) for shape in self.input_shapes.values())
        self._graph, self._value, self._gradient = self._traced_gradient()

    @functools.cached_property
    def value_program(self) -> Program:
        """Computes the value."""
        return Program(self._graph, [self._value])

    @functools.cached_property
    def gradient_program(self) -> Program:
        """Computes the value and then its derivative in each component."""
        return Program(self._graph, [self._value, *self._gradient])

    @functools.cached_property
    def hessian_program(self) -> Program:
        """Computes the second derivatives, ``(j, k)`` with ``j ≤ k``, row by row."""

        def hessian(parameters: list[Any], inputs: dict[str, Any]) -> Any:
            return jax.jacfwd(jax.grad(self._function))(parameters, inputs)

        graph = self._new_graph(drop_zeros=True)
        blocks = self._nodes_of(graph, hessian)
        num_parameters = len(self._parameter_shapes)
        rows = [
            np.concatenate(
                [
                    block.reshape(_size(self._parameter_shapes[j]), -1)
                    for block in blocks[j * num_parameters : (j + 1) * num_parameters]
                ],
                axis=1,
            )
            for j in range(num_parameters)
        ]
        square = np.concatenate(rows)
        upper = np.triu_indices(self.num_components)
        return Program(graph, [int(node) for node in square[upper]])

    @functools.cached_property
    def separable_hessian(self) -> SeparableHessian | None:
        """The second derivatives by terms of few parameters, where there are many parameters."""
        if self.num_components < _MANY_COMPONENTS:
            return None
        terms = find_terms(self._graph, self._value)
        if terms is None:
            return None

        def trace(derivatives: Callable[..., Any]) -> tuple[ScalarGraph, list[int]]:
            graph = self._new_graph(drop_zeros=True)
            new = functools.partial(jax.ShapeDtypeStruct, dtype=np.float64)
            example = [new(())] * graph.num_leaves
            with jax.enable_x64(True):
                closed = jax.make_jaxpr(derivatives)(example)
                leaves = [np.asarray(k) for k in range(graph.num_leaves)]
                nodes = add_jaxpr(graph, closed.jaxpr, closed.consts, leaves)
            return graph, [int(node) for node in nodes]

        return SeparableHessian(self._graph, self._value, terms, trace)

    @functools.cached_property
    def curvature_program(self) -> Program:
        """Computes the second derivative along a direction; takes parameters, then direction."""
        count = len(self._parameter_shapes)

        def curvature(both: list[Any], inputs: dict[str, Any]) -> Any:
            parameters, direction = both[:count], both[count:]

            def slope(point: list[Any]) -> Any:
                return jax.jvp(lambda p: self._function(p, inputs), (point,), (direction,))[1]

            return jax.jvp(slope, (parameters,), (direction,))[1]

        shapes = self._parameter_shapes * 2
        graph = ScalarGraph(2 * self.num_components, self._num_inputs)
        (node,) = self._nodes_of(graph, curvature, shapes)
        return Program(graph, [int(node)])

    @functools.cached_property
    def twice_differentiable(self) -> bool:
        """Whether NumPy has rules for the second derivatives as well."""
        try:
            own = self.separable_hessian or self.hessian_program
            return bool(own and self.curvature_program)
        except UnsupportedPrimitiveError:
            return False

    @property
    def used_components(self) -> frozenset[int]:
        """The parameters' components that the value depends on."""
        bits = self._graph.nodes[self._value].depends_on
        return frozenset(k for k in range(self.num_components) if bits >> k & 1)

    @property
    def exponent_components(self) -> frozenset[int]:
        """The parameters' components that an exponent of the function depends on."""
        bits = 0
        for node in self._graph.nodes:
            if node.operation in ("power", "power_by_log"):
                bits |= self._graph.nodes[node.arguments[-1]].depends_on
        return frozenset(k for k in range(self.num_components) if bits >> k & 1)

    @property
    def added_components(self) -> frozenset[int]:
        """Components that are only ever added to something: offsets, not scales."""
        waiting, seen, scales = [self._value], {self._value}, set()
        while waiting:
            node = self._graph.nodes[waiting.pop()]
            if node.operation not in ("add", "sub", "neg"):
                scales |= {k for k in node.arguments if k < self.num_components}
            fresh = [k for k in node.arguments if k not in seen]
            seen.update(fresh)
            waiting += fresh
        return frozenset(range(self.num_components)) - scales

    @property
    def used_inputs(self) -> frozenset[str]:
        """The names of the inputs that the value depends on."""
        bits = self._graph.nodes[self._value].depends_on >> self.num_components
        names, place = set(), 0
        for name, shape in self.input_shapes.items():
            size = _size(shape)
            if bits >> place & ((1 << size) - 1):
                names.add(name)
            place += size
        return frozenset(names)

    @functools.cached_property
    def partners(self) -> tuple[list[tuple[int, int, int]], Program]:
        """The other operands of components in sums, products and quotients: they show the scales.

        Returns:
            ``(component, sign, place)``: the component's size is near that of the program's output
            at this place (sign 1), or near one over it (−1); and the program.
        """
        found, nodes = [], list[int]()
        for number in needed_nodes(self._graph, [self._value]):
            node = self._graph.nodes[number]
            if node.operation not in ("add", "sub", "mul", "div"):
                continue
            for component, other in (node.arguments, node.arguments[::-1]):
                constant = self._graph.nodes[other].operation == "constant"
                if component < self.num_components and component != other and not constant:
                    found.append((component, -1 if node.operation == "mul" else 1, len(nodes)))
                    nodes.append(other)
        return found, Program(self._graph, nodes)

    def linear_components(self, groups: Sequence[Collection[int]] | None = None) -> tuple[int, ...]:
        """Groups of components in which the value is jointly linear (affine).

        Chosen greedily, in order: no derivative in one of them depends on any of them.

        Args:
            groups: components that are one parameter, as tied ones are; by default each alone.

        Returns:
            Indices into ``groups``.
        """
        if groups is None:
            groups = [[k] for k in range(self.num_components)]
        chosen: list[int] = []
        components: frozenset[int] = frozenset()
        for place, group in enumerate(groups):
            trial = components | frozenset(group)
            bits = sum(1 << k for k in trial)
            slopes = (self._graph.nodes[self._gradient[k]].depends_on for k in trial)
            if self.used_components & frozenset(group) and not any(bits & s for s in slopes):
                chosen.append(place)
                components = trial
        return tuple(chosen)

    def bind(self, inputs: Mapping[str, np.ndarray]) -> BoundFunction:
        """The function with the inputs of its runs: what depends on them alone is computed once.

        Args:
            inputs: ``(run,)``, or ``(row, run)`` where data sets have different runs; a vector's
                entries on a further, last axis. Float64.
        """
        arrays: list[np.ndarray] = []
        for name, shape in self.input_shapes.items():
            array = np.asarray(inputs[name], dtype=np.float64)
            array = array if array.ndim - len(shape) == 2 else array[None]
            flat = array.reshape(*array.shape[:2], _size(shape))
            arrays.extend(np.ascontiguousarray(flat[..., k]) for k in range(flat.shape[-1]))
        return BoundFunction(self, arrays)

    def _new_graph(self, *, drop_zeros: bool = False) -> ScalarGraph:
        return ScalarGraph(self.num_components, self._num_inputs, drop_zeros=drop_zeros)

    def _traced_gradient(self) -> tuple[ScalarGraph, int, list[int]]:
        self._check_result()
        graph = self._new_graph()
        value, *slopes = self._nodes_of(graph, jax.value_and_grad(self._function))
        gradient = [int(node) for slope in slopes for node in slope.reshape(-1)]
        return graph, int(value), gradient

    def _one_array(self, *arguments: Any) -> Any:
        """The function; refuses results that are not one array or number."""
        result = self._function(*arguments)
        if not (hasattr(result, "dtype") or isinstance(result, bool | int | float | complex)):
            raise TypeError(f"a law must return one number per run, got {type(result).__name__}")
        return result

    def _check_result(self) -> None:
        try:
            with jax.enable_x64(True):
                result = jax.eval_shape(self._one_array, *self._examples())
        except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError) as error:
            raise TypeError(
                "a law must be written with jax.numpy: jnp.where in place of `if`, and no function "
                "of NumPy or `math` on parameters and inputs"
            ) from error
        if result.shape != ():
            raise ValueError(
                f"a law must return one number per run, got an array of shape {result.shape}: "
                "sum over the shares of a mixture"
            )
        if not np.issubdtype(result.dtype, np.floating):
            raise TypeError(f"a law must return a real number, got {result.dtype}")

    def _examples(
        self, parameter_shapes: Sequence[Shape] | None = None
    ) -> tuple[list[Any], dict[str, Any]]:
        new = functools.partial(jax.ShapeDtypeStruct, dtype=np.float64)
        parameters = [new(shape) for shape in parameter_shapes or self._parameter_shapes]
        return parameters, {name: new(shape) for name, shape in self.input_shapes.items()}

    def _nodes_of(
        self,
        graph: ScalarGraph,
        function: Callable[..., Any],
        parameter_shapes: Sequence[Shape] | None = None,
    ) -> list[np.ndarray]:
        """The nodes of a function's results, one array per leaf."""
        parameter_shapes = parameter_shapes or self._parameter_shapes
        with jax.enable_x64(True):
            closed = jax.make_jaxpr(function)(*self._examples(parameter_shapes))
        # a dictionary is flattened in the order of its keys
        names = sorted(self.input_shapes)
        place, leaves = graph.num_parameters, {}
        for name, shape in self.input_shapes.items():
            leaves[name] = np.arange(place, place + _size(shape)).reshape(shape)
            place += _size(shape)
        arguments, place = [], 0
        for shape in parameter_shapes:
            arguments.append(np.arange(place, place + _size(shape)).reshape(shape))
            place += _size(shape)
        arguments += [leaves[name] for name in names]
        with jax.enable_x64(True):
            return add_jaxpr(graph, closed.jaxpr, closed.consts, arguments)


def _size(shape: Shape) -> int:
    return int(np.prod(shape, dtype=int))
