"""The grammar of laws written as text: tokens, the tree, and the parser. No Python is evaluated.

Loosest first: ``or``, ``and``, ``not``, comparisons, ``+ -``, ``* /``, unary signs, ``**`` (to the
right), as in Python. Keywords of Python, such as ``lambda``, are ordinary names here.
"""

import difflib
import math
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple, NoReturn, TypeAlias

MAX_LENGTH: Final = 4000
MAX_DEPTH: Final = 50  # a level takes up to five of the 1000 frames that Python allows

# Name to the least and the largest number of arguments.
FUNCTIONS: Final[dict[str, tuple[int, float]]] = {
    **dict.fromkeys(("log", "log2", "log10", "exp", "sqrt", "abs"), (1, 1)),
    **dict.fromkeys(("tanh", "sin", "cos", "atan"), (1, 1)),
    **dict.fromkeys(("min", "max"), (2, float("inf"))),
    "where": (3, 3),
    "sum": (1, 1),
}
RESERVED: Final = frozenset({*FUNCTIONS, "pi", "and", "or", "not"})

_PRECEDENCE: Final = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), 4),
    **dict.fromkeys("+-", 5),
    **dict.fromkeys("*/", 6),
}
_NOT, _COMPARISON, _SIGN = 3, 4, 7
_PI: Final = math.pi

# What people write for something that the grammar has.
_REMEDIES: Final = {
    "^": "write ** for a power",
    "//": "write / for a quotient",
    "%": "there is no remainder",
    "=": "nothing is assigned in a law, and equality is ==",
    "[": "only a parameter has an index, a mixture's name, as in C[h]",
    ".": "there are no attributes",
    **dict.fromkeys("·×⋅∙", "write * for a product"),
    **dict.fromkeys("−–—", "write - for a minus"),
    **dict.fromkeys("'\"`", "there are no strings"),
    "÷": "write / for a quotient",
    "≤": "write <=",
    "≥": "write >=",
    "≠": "write !=",
    "√": "write sqrt(x)",
    "&": "write and",
    "!": "write not",
}
_OTHER_FUNCTIONS: Final = {"ln": "log", "arctan": "atan", "minimum": "min", "maximum": "max"}

_TOKEN: Final = re.compile(
    r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<sign>\*\*|<=|>=|==|!=|[-+*/()<>,|\[\]])"
    r"|(?P<other>//|.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is not negative, or π."""

    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """An input or a parameter; ``mixture`` is that of ``C[h]``, with an entry per share."""

    name: str
    mixture: str | None = None


@dataclass(frozen=True, slots=True)
class Prefix:
    """``-operand`` or ``not operand``."""

    sign: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Chain:
    """``first + x - y …``, ``first * x / y …``, a comparison, or ``and`` and ``or``.

    Terms of equal precedence stand side by side, so that a sum of 500 terms is not 500 deep.
    """

    first: "Node"
    rest: tuple[tuple[str, "Node"], ...]


@dataclass(frozen=True, slots=True)
class Power:
    """``base**exponent``."""

    base: "Node"
    exponent: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """A function of arguments; ``mixture`` is what a ``sum`` runs over."""

    function: str
    arguments: tuple["Node", ...]
    mixture: str | None = None


Node: TypeAlias = Number | Name | Prefix | Chain | Power | Call


class Token(NamedTuple):
    """A piece of the text and the column where it begins, from 1."""

    kind: str
    text: str
    column: int


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below a node, in the order of the text."""
    match node:
        case Prefix(_, operand):
            return (operand,)
        case Chain(first, rest):
            return (first, *(operand for _, operand in rest))
        case Power(base, exponent):
            return (base, exponent)
        case Call(_, arguments):
            return arguments
        case _:
            return ()


def walk(node: Node, *, inside_sums: bool = True) -> Iterator[Node]:
    """A node and all below it, in the order of the text; without the nested sums if so wished."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        if inside_sums or not (isinstance(node, Call) and node.function == "sum"):
            stack.extend(reversed(children(node)))


def parse_text(text: str) -> tuple[tuple[str, ...] | None, Node]:
    """The inputs declared before the bar, if there is one, and the tree of the formula.

    Raises:
        ValueError: the text is no law; one sentence with the column.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the law has {len(text):,} characters: at most {MAX_LENGTH:,} are read")
    tokens = _tokens(text)
    bars = [index for index, token in enumerate(tokens) if token.text == "|"]
    if not bars:
        return None, _Parser(tokens).whole()
    if len(bars) > 1:
        _refuse("a second bar", tokens[bars[1]].column, "one bar divides the inputs from the law")
    return _declared(tokens[: bars[0]], tokens[bars[0]]), _Parser(tokens[bars[0] + 1 :]).whole()


def to_text(node: Node, around: int = 0) -> str:
    """The text of a tree, with no more parentheses than it needs."""
    text, precedence = _text_of(node)
    return f"({text})" if precedence < around else text


def _text_of(node: Node) -> tuple[str, int]:
    """The text and how tightly its loosest operator binds."""
    match node:
        case Number(value):
            return _number_text(value), 9
        case Name(name, mixture):
            return (name if mixture is None else f"{name}[{mixture}]"), 9
        case Call(function, arguments):
            return f"{function}({', '.join(to_text(argument) for argument in arguments)})", 9
        case Power(base, exponent):
            return f"{to_text(base, 9)}**{to_text(exponent, _SIGN)}", 8
        case Prefix("not", operand):
            return f"not {to_text(operand, _NOT)}", _NOT
        case Prefix(sign, operand):
            return f"{sign}{to_text(operand, _SIGN)}", _SIGN
        case Chain(first, rest):
            level = _PRECEDENCE[rest[0][0]]
            space = "" if level == _PRECEDENCE["*"] else " "
            text = to_text(first, level + 1)
            for operator, operand in rest:
                text += f"{space}{operator}{space}{to_text(operand, level + 1)}"
            return text, level


def _number_text(value: float) -> str:
    if value == _PI:
        return "pi"
    if value.is_integer() and value < 1e6:
        return str(int(value))
    mantissa, _, exponent = f"{value!r}".removesuffix(".0").partition("e")
    if not exponent and value >= 1e6 and value.is_integer():
        digits = mantissa.rstrip("0")
        zeros = len(mantissa) - len(digits)
        return f"{digits}e{zeros}" if zeros > 2 else mantissa
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def _tokens(text: str) -> list[Token]:
    """The pieces of the text, with an empty one of kind ``end`` at the end."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind, piece = str(match.lastgroup), match.group()
        if piece.isspace():
            continue
        token = Token(kind, piece, match.start() + 1)
        if kind == "other":
            _refuse(repr(piece), token.column, _REMEDIES.get(piece, "it is no part of a law"))
        previous = text[match.start() - 1 : match.start()]
        if kind == "name":
            if tokens and tokens[-1].kind == "number" and not previous.isspace():
                _refuse(f"{tokens[-1].text + piece!r}", tokens[-1].column, "write * for a product")
            token = token._replace(text=_plain_name(token))
        elif kind == "number" and tokens and tokens[-1].kind == "number" and not previous.isspace():
            _refuse(f"{tokens[-1].text + piece!r}", tokens[-1].column, "it is no number")
        elif kind == "number" and float(piece) == float("inf"):
            _refuse(f"the number {piece}", token.column, "it is too large")
        tokens.append(token)
    return [*tokens, Token("end", "", len(text) + 1)]


def _plain_name(token: Token) -> str:
    """The name in one spelling: the micro sign and μ are one letter."""
    name = unicodedata.normalize("NFKC", token.text)
    if name.startswith("_"):
        _refuse(f"name {token.text!r}", token.column, "a name begins with a letter")
    if not (token.text.isidentifier() and name.isidentifier()):
        _refuse(f"name {token.text!r}", token.column, "a name has letters, digits and _ only")
    return name


def _declared(tokens: list[Token], bar: Token) -> tuple[str, ...]:
    """The names of ``N, P |``."""
    names: list[str] = []
    for index, token in enumerate(tokens):
        if index % 2:
            if token.text != ",":
                _refuse(repr(token.text), token.column, "put commas between the declared inputs")
        elif token.kind != "name" or token.text in RESERVED:
            _refuse(repr(token.text), token.column, "only names of inputs stand before the bar")
        elif token.text in names:
            _refuse(f"input {token.text!r}", token.column, "it is declared twice")
        else:
            names.append(token.text)
    if len(tokens) % 2 == 0:
        _refuse("the bar", bar.column, "a name of an input is missing before it")
    return tuple(names)


class _Parser:
    """Precedence climbing over the tokens of a formula."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.position, self.depth = tokens, 0, 0
        pairs = pairwise(tokens)
        self.mixtures = {after.text for token, after in pairs if token.text == "["}

    def whole(self) -> Node:
        """The tree of all tokens."""
        if self.next.kind == "end":
            raise ValueError("the law has no formula: write one, such as E + A/N**alpha")
        tree = self.number(0)
        self.expect("")
        return tree

    @property
    def next(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.position]

    def take(self) -> Token:
        """The next token, which is then behind."""
        token = self.next
        self.position += token.kind != "end"
        return token

    def expect(self, text: str) -> Token:
        """Take a token with this text, where no operand can begin."""
        token = self.next
        if token.text == text:
            return self.take()
        if token.kind == "end":
            _refuse("the end", token.column, f"{text!r} is missing")
        if token.text in (")", "]"):
            _refuse(repr(token.text), token.column, "nothing is open that it closes")
        if token.text == "[":
            _refuse(repr(token.text), token.column, _REMEDIES["["])
        if token.text == "(":
            _refuse("'('", token.column, "an operator is missing before it, such as *")
        if token.text == "," and text == "":
            _refuse("','", token.column, "commas stand between the arguments of a function")
        if token.kind == "sign":
            _refuse(repr(token.text), token.column, f"{text!r} is missing before it")
        remedy = "an operator is missing before it, such as *"
        return _refuse(repr(token.text), token.column, remedy)

    def number(self, precedence: int) -> Node:
        """An operand whose value is a number."""
        column = self.next.column
        node = self.expression(precedence)
        if _is_condition(node):
            _refuse(f"condition {to_text(node)!r}", column, "write it as where(condition, a, b)")
        return node

    def condition(self, precedence: int) -> Node:
        """An operand that is true or false."""
        column = self.next.column
        node = self.expression(precedence)
        if not _is_condition(node):
            _refuse(repr(to_text(node)), column, "a condition compares two values, as in D > U")
        return node

    def expression(self, precedence: int) -> Node:
        """Operands and operators that bind at least so tightly."""
        column = self.next.column
        node = self.prefixed()
        while (level := _PRECEDENCE.get(self.next.text, -1)) >= precedence:
            operator = self.take()
            wants_condition = level < _NOT
            if _is_condition(node) != wants_condition:
                _refuse(repr(to_text(node)), column, _wrong_operand(operator.text))
            operand = (self.condition if wants_condition else self.number)(level + 1)
            node = _chain(node, operator.text, operand)
        return node

    def prefixed(self) -> Node:
        """A power or an atom, or one with a sign or ``not`` before it."""
        token = self.next
        if token.text not in ("+", "-", "not"):
            return self.power()
        self.take()
        with self.level(token):
            if token.text == "not":
                return Prefix("not", self.condition(_NOT))
            operand = self.number(_SIGN)
            return operand if token.text == "+" else Prefix("-", operand)

    def power(self) -> Node:
        """An atom, or a power of one."""
        column = self.next.column
        base = self.atom()
        if self.next.text != "**":
            return base
        if _is_condition(base):
            _refuse(repr(to_text(base)), column, _wrong_operand("**"))
        with self.level(self.take()):
            return Power(base, self.number(_SIGN))

    def atom(self) -> Node:
        """A number, a name, a call, or what stands in parentheses."""
        token = self.take()
        if token.kind == "number":
            return Number(float(token.text))
        if token.text == "(":
            with self.level(token):
                node = self.expression(0)
                self.expect(")")
                return node
        if token.kind == "name" and token.text not in ("and", "or"):
            return self.named(token)
        if token.kind == "end":
            _refuse("the end", token.column, "a number, a name or a parenthesis is missing")
        return _refuse(repr(token.text), token.column, "a number or a name is missing before it")

    def named(self, token: Token) -> Node:
        """A name, with its index or its arguments."""
        if self.next.text == "(":
            return self.call(token)
        if token.text in FUNCTIONS:
            _refuse(f"function {token.text!r}", token.column, f"write {token.text}(…)")
        if token.text == "pi":
            return Number(_PI)
        if self.next.text != "[":
            return Name(token.text)
        self.take()
        index = self.take()
        if index.kind != "name" or index.text in RESERVED:
            _refuse(f"index {index.text!r}", index.column, _REMEDIES["["])
        self.expect("]")
        return Name(token.text, index.text)

    def call(self, token: Token) -> Node:
        """A function and its arguments."""
        function = token.text
        if function not in FUNCTIONS:
            _refuse_function(token)
        with self.level(self.take()):
            arguments = [self.condition(0) if function == "where" else self.number(0)]
            while self.next.text == ",":
                self.take()
                arguments.append(self.number(0))
            self.expect(")")
        least, most = FUNCTIONS[function]
        if not least <= len(arguments) <= most:
            wanted = f"{least} or more" if most > least else str(least)
            plural = "" if wanted == "1" else "s"
            remedy = f"it takes {wanted} argument{plural} and got {len(arguments)}"
            _refuse(f"function {function!r}", token.column, remedy)
        mixture = self.mixture_of(arguments[0], token) if function == "sum" else None
        return Call(function, tuple(arguments), mixture)

    def mixture_of(self, body: Node, token: Token) -> str:
        """What a sum runs over: the one mixture in it."""
        names = [node for node in walk(body, inside_sums=False) if isinstance(node, Name)]
        found = {n.mixture or n.name for n in names if n.mixture or n.name in self.mixtures}
        if not found and len({n.name for n in names}) == 1:
            found = {names[0].name}
        if len(found) == 1:
            return found.pop()
        if found:
            listed = ", ".join(sorted(found))
            _refuse("sum", token.column, f"it runs over one mixture, and {listed} are in it")
        return _refuse("sum", token.column, "name its mixture by an index, as in sum(C[h]*h)")

    @contextmanager
    def level(self, token: Token) -> Iterator[None]:
        """Count a level; deep texts would exhaust Python's stack."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            _refuse(repr(token.text), token.column, f"nested more than {MAX_DEPTH} deep")
        yield
        self.depth -= 1


def _chain(node: Node, operator: str, operand: Node) -> Node:
    """Append to a chain of this precedence, or begin one; ``(a + b) + c`` is ``a + b + c``."""
    level = _PRECEDENCE[operator]
    if isinstance(node, Chain) and _PRECEDENCE[node.rest[0][0]] == level:
        return Chain(node.first, (*node.rest, (operator, operand)))
    return Chain(node, ((operator, operand),))


def _is_condition(node: Node) -> bool:
    if isinstance(node, Prefix):
        return node.sign == "not"
    return isinstance(node, Chain) and _PRECEDENCE[node.rest[0][0]] <= _COMPARISON


def _wrong_operand(operator: str) -> str:
    if operator in ("and", "or"):
        return f"{operator!r} joins conditions, such as D > U"
    if _PRECEDENCE.get(operator) == _COMPARISON:
        return "join comparisons by and, as in 0 < x and x < 1"
    return f"a condition is no operand of {operator!r}: write where(condition, a, b)"


def _refuse_function(token: Token) -> NoReturn:
    name = token.text
    close = difflib.get_close_matches(name, FUNCTIONS, n=1, cutoff=0.5)
    nearest = _OTHER_FUNCTIONS.get(name, close[0] if close else None)
    hint = (
        f"did you mean {nearest}, or {name}*(…)?" if nearest else f"write {name}*(…) if a product"
    )
    known = ", ".join(FUNCTIONS)
    _refuse(f"unknown function {name!r}", token.column, f"{hint} (the functions are {known})")


def _refuse(what: str, column: int, remedy: str) -> NoReturn:
    raise ValueError(f"{what} at column {column} of the law: {remedy}")
