"""A graph of scalar operations, each done once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.solvers.numpy_operations import OPERATIONS


class Node(NamedTuple):
    """One scalar of a function.

    Attributes:
        operation: a name of :data:`OPERATIONS`, or ``"constant"``, ``"parameter"``, ``"input"``.
        arguments: indices of the nodes that it is computed from.
        value: the value of a constant.
        depends_on: the leaves below it, as a set of bits.
    """

    operation: str
    arguments: tuple[int, ...]
    value: Any
    depends_on: int


class ScalarGraph:
    """Scalar operations on parameters and inputs; equal ones are one node, constants are folded.

    A function of arrays becomes one of scalars: rearranging entries costs nothing afterwards, and
    only elementwise operations over batch elements and runs are left.

    Args:
        num_parameters: number of the first leaves.
        num_inputs: number of the leaves that follow.
        drop_zeros: whether ``0 · x`` is 0 for every x, as for a tangent that is absent.
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
        """The node of a number; numbers are equal if their types and bits are."""
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
        """The node of ``base ** exponent``, by cheaper operations where possible."""
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
        """The node of a power with a constant integer exponent."""
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
        """An existing node that equals the operation, if any: neutral and absorbing elements."""
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
        """Whether this is ``(1 / x) · x``, as in the slope of ``log(exp(x))``."""
        for node, other in zip(nodes, arguments[::-1], strict=True):
            if node.operation == "div" and node.arguments[1] == other:
                return bool(self.nodes[node.arguments[0]].value == 1.0)
        return False

    def _without_neutral(
        self, operation: str, arguments: tuple[int, ...], nodes: Sequence[Node]
    ) -> int | None:
        if operation not in _NEUTRAL:
            return None
        neutral, operands = _NEUTRAL[operation]
        for k in operands:
            if nodes[k].operation == "constant" and nodes[k].value == neutral:
                return arguments[1 - k]
        if self.drop_zeros and operation in ("mul", "div"):
            for k in (0, 1) if operation == "mul" else (0,):
                if nodes[k].operation == "constant" and nodes[k].value == 0.0:
                    return arguments[k]
        return None


_INVERSES = frozenset({("neg", "neg"), ("log", "exp"), ("exp", "log")})
_COMMUTATIVE = frozenset({"add", "mul", "max", "min", "eq", "ne", "and", "or", "xor"})
_NEUTRAL: dict[str, tuple[float, tuple[int, ...]]] = {  # and which operands may be neutral
    "add": (0.0, (0, 1)),
    "sub": (0.0, (1,)),
    "mul": (1.0, (0, 1)),
    "div": (1.0, (1,)),
}
