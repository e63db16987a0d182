"""A graph of scalar operations, each of them done once, and its evaluation by NumPy."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Function = Callable[..., Any]


class Node(NamedTuple):
    """One scalar of a function.

    Attributes:
        operation: a name of :data:`OPERATIONS`, or ``"constant"``, ``"parameter"``, ``"input"``.
        arguments: the nodes it is computed from, by their numbers.
        value: of a constant.
        depends_on: the leaves below it: a set of bits.
    """

    operation: str
    arguments: tuple[int, ...]
    value: Any
    depends_on: int


class ScalarGraph:
    """Scalar operations on parameters and inputs; equal ones are one node, constants are folded.

    A function of arrays becomes one of scalars: whatever arranges the entries of an array costs
    nothing afterwards, and what is left are elementwise operations over batch elements and runs.

    Args:
        num_parameters: leaves ``0 … num_parameters − 1``.
        num_inputs: the leaves that follow.
        drop_zeros: whether ``0 · x`` is 0 for every x, as it is for a tangent that is absent.
    """

    def __init__(self, num_parameters: int, num_inputs: int, *, drop_zeros: bool = False) -> None:
        self.nodes: list[Node] = []
        self.num_parameters = num_parameters
        self.num_leaves = num_parameters + num_inputs
        self.drop_zeros = drop_zeros
        self._numbers: dict[tuple[Any, ...], int] = {}
        for leaf in range(self.num_leaves):
            kind = "parameter" if leaf < num_parameters else "input"
            self.nodes.append(Node(kind, (), None, 1 << leaf))

    @property
    def parameter_bits(self) -> int:
        """The bits of all parameters in ``Node.depends_on``."""
        return (1 << self.num_parameters) - 1

    def constant(self, value: Any) -> int:
        """The node of a number, told apart by its type and its bits."""
        scalar = np.asarray(value)
        key = ("constant", scalar.dtype.str, scalar.tobytes())
        if key not in self._numbers:
            self._numbers[key] = self._add(Node("constant", (), scalar[()], 0))
        return self._numbers[key]

    def apply(self, operation: str, *arguments: int) -> int:
        """The node of an operation on nodes."""
        nodes = [self.nodes[k] for k in arguments]
        if all(node.operation == "constant" for node in nodes):
            with np.errstate(all="ignore"):
                return self.constant(OPERATIONS[operation](*(node.value for node in nodes)))
        simple = self._simplified(operation, arguments, nodes)
        if simple is not None:
            return simple
        if operation in _COMMUTATIVE:
            arguments = tuple(sorted(arguments))
        key = (operation, arguments)
        if key not in self._numbers:
            depends_on = 0
            for node in nodes:
                depends_on |= node.depends_on
            self._numbers[key] = self._add(Node(operation, arguments, None, depends_on))
        return self._numbers[key]

    def power(self, base: int, exponent: int) -> int:
        """The node of ``base ** exponent``, by cheaper operations where there are any."""
        node = self.nodes[exponent]
        if node.operation == "constant":
            value = float(node.value)
            if value == 0.5:
                return self.apply("sqrt", base)
            if value == round(value) and abs(value) <= 4:
                return self.integer_power(base, int(value))
        if self.nodes[base].depends_on & self.parameter_bits:
            return self.apply("power", base, exponent)
        # the logarithm of an input is taken once for all steps, and an exp costs half a power
        return self.apply("power_by_log", base, self.apply("log", base), exponent)

    def integer_power(self, base: int, exponent: int) -> int:
        """The node of a power with a whole exponent that is known."""
        if exponent < 0:
            positive = self.integer_power(base, -exponent)
            return self.apply("div", self.constant(1.0), positive)
        if exponent == 0:
            return self.constant(1.0)
        if exponent > 64:
            return self.apply("power", base, self.constant(float(exponent)))
        half = self.integer_power(base, exponent // 2) if exponent > 1 else None
        if half is None:
            return base
        square = self.apply("mul", half, half)
        return self.apply("mul", square, base) if exponent % 2 else square

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _simplified(
        self, operation: str, arguments: tuple[int, ...], nodes: Sequence[Node]
    ) -> int | None:
        """The node that the operation comes down to, if any: neutral and absorbing elements."""
        if (operation, nodes[0].operation) in _INVERSES:
            return nodes[0].arguments[0]
        if operation == "mul" and self._are_reciprocal(arguments, nodes):
            return self.constant(1.0)
        if operation == "select":
            known = nodes[0].operation == "constant"
            if known:
                return arguments[1 + int(nodes[0].value)]
            return arguments[1] if arguments[1] == arguments[2] else None
        return self._without_neutral(operation, arguments, nodes)

    def _are_reciprocal(self, arguments: tuple[int, ...], nodes: Sequence[Node]) -> bool:
        """Whether this is ``(1 / x) · x``, which the slope of ``log(exp(x))`` comes down to."""
        for node, other in zip(nodes, arguments[::-1], strict=True):
            if node.operation == "div" and node.arguments[1] == other:
                return bool(self.nodes[node.arguments[0]].value == 1.0)
        return False

    def _without_neutral(
        self, operation: str, arguments: tuple[int, ...], nodes: Sequence[Node]
    ) -> int | None:
        if operation not in _NEUTRAL:
            return None
        neutral, sides = _NEUTRAL[operation]
        for side in sides:
            if nodes[side].operation == "constant" and nodes[side].value == neutral:
                return arguments[1 - side]
        if self.drop_zeros and operation in ("mul", "div"):
            for side in (0, 1) if operation == "mul" else (0,):
                if nodes[side].operation == "constant" and nodes[side].value == 0.0:
                    return arguments[side]
        return None


class Program:
    """The operations that some nodes of a graph need, in order.

    What depends on no parameter is computed once for given inputs (:meth:`prepare`), the rest at
    every call (:meth:`run`).

    Args:
        graph: a graph.
        outputs: the nodes asked for.
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
            prepared: of :meth:`prepare`.
            parameters: arrays that broadcast with the inputs.
            reduce: applied to each output at once, so that few are in memory at a time.
        """
        values = dict(prepared)
        for number in self._parameters:
            values[number] = parameters[number]
        wanted, reduced = set(self.outputs), dict[int, Any]()
        last_use = self._last_use if reduce is None else self._last_use_reduced
        with np.errstate(all="ignore"):
            for (function, number, arguments), finished in zip(self._steps, last_use, strict=True):
                values[number] = function(*[values[k] for k in arguments])
                if reduce is not None and number in wanted:
                    reduced[number] = reduce(values[number])
                for k in finished:  # its memory, still in the cache, serves the next step
                    del values[k]
            if reduce is None:
                return [values[number] for number in self.outputs]
            for number in wanted - reduced.keys():
                reduced[number] = reduce(values[number])
        return [reduced[number] for number in self.outputs]

    def _last_uses(self, kept: set[int]) -> list[tuple[int, ...]]:
        """The intermediate nodes that no later step reads, by step."""
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


_INVERSES = frozenset({("neg", "neg"), ("log", "exp"), ("exp", "log")})
_COMMUTATIVE = frozenset({"add", "mul", "max", "min", "eq", "ne", "and", "or", "xor"})
_NEUTRAL: dict[str, tuple[float, tuple[int, ...]]] = {  # and on which side
    "add": (0.0, (0, 1)),
    "sub": (0.0, (1,)),
    "mul": (1.0, (0, 1)),
    "div": (1.0, (1,)),
}


def _power_by_log(base: Any, log_base: Any, exponent: Any) -> Any:
    return np.exp(exponent * log_base) if np.all(base > 0.0) else np.power(base, exponent)


def _divide(a: Any, b: Any) -> Any:
    if np.asarray(a).dtype.kind == "f":
        return np.true_divide(a, b)
    return np.trunc(np.true_divide(a, b)).astype(np.asarray(a).dtype)


def _logistic(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def _special(name: str) -> Function:
    """A function of scipy.special, imported when it is first called."""

    def call(*arguments: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(*arguments)

    return call


def _round_away(x: Any) -> Any:
    return np.trunc(x + np.copysign(0.5, x))


OPERATIONS: dict[str, Function] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.true_divide,
    "whole_div": _divide,
    "rem": np.fmod,
    "neg": np.negative,
    "power": np.power,
    "power_by_log": _power_by_log,
    "max": np.maximum,
    "min": np.minimum,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "round_away": _round_away,
    "is_finite": np.isfinite,
    "exp": np.exp,
    "exp2": np.exp2,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "logistic": _logistic,
    "sqrt": np.sqrt,
    "cbrt": np.cbrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erf": _special("erf"),
    "erfc": _special("erfc"),
    "erf_inv": _special("erfinv"),
    "lgamma": _special("gammaln"),
    "digamma": _special("digamma"),
    "polygamma": _special("polygamma"),
    "zeta": _special("zeta"),
    "bessel_i0e": _special("i0e"),
    "bessel_i1e": _special("i1e"),
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "not": np.invert,
    "select": lambda which, no, yes: np.where(which, yes, no),
    "shift_left": np.left_shift,
    "shift_right_arithmetic": np.right_shift,
    "to_float64": lambda x: np.asarray(x, np.float64)[()],
    "to_float32": lambda x: np.asarray(x, np.float32)[()],
    "to_int64": lambda x: np.asarray(x).astype(np.int64)[()],
    "to_int32": lambda x: np.asarray(x).astype(np.int32)[()],
    "to_bool": lambda x: np.asarray(x).astype(np.bool_)[()],
    "bits_as_int64": lambda x: np.asarray(x, np.float64).view(np.int64)[()],
    "bits_as_float64": lambda x: np.asarray(x, np.int64).view(np.float64)[()],
}
"""What NumPy does for each operation, over arrays that broadcast."""
