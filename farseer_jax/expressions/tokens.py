"""The pieces that the text of a formula consists of."""

import math
import re
import unicodedata
from typing import Final, NamedTuple, NoReturn

from farseer_jax.expressions.names import quoted

# What people write for something that the grammar has.
REMEDIES: Final = {
    "^": "write ** for a power",
    "//": "write / for a quotient",
    "%": "there is no remainder",
    "=": "remove it and what is before it, or write == for equality",
    "[": "only a parameter has an index, a mixture's name, as in C[h]",
    ".": 'it cannot stand alone: a number is 0.5, and a name with points is quoted, "model.size"',
    **dict.fromkeys("·×⋅∙", "write * for a product"),
    **dict.fromkeys("−–—", "write - for a minus"),
    **dict.fromkeys('"`', "the quote that ends the name is missing"),
    "'": 'quote the name of a column by " or `; there are no texts',
    "÷": "write / for a quotient",
    "≤": "write <=",
    "≥": "write >=",
    "≠": "write !=",
    "√": "write sqrt(x)",
    "&": "write and",
    "!": "write not",
}
_NUMBER: Final = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_WORD: Final = r"[^\W\d]\w*"
_TOKEN: Final = re.compile(
    rf"(?P<glued>(?>{_NUMBER})[\w.]+)"  # 2N, 1.2.3
    rf"|(?P<number>{_NUMBER})"
    rf"|(?P<pointed>{_WORD}(?:\.{_WORD})+)"  # config.n_params
    rf"|(?P<name>{_WORD})"
    r'|(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`)'
    r"|(?P<other>//)"
    r"|(?P<sign>\*\*|<=|>=|==|!=|[-+*/()<>,|\[\]])"
    r"|(?P<space>\s+)"
    r"|(?P<unknown>.)",
    re.DOTALL,
)


class Token(NamedTuple):
    """A piece of the text and the column where it begins, from 1."""

    kind: str
    text: str
    column: int

    @property
    def name(self) -> str:
        """The name, without the quotes around it."""
        if self.kind != "quoted":
            return self.text
        quote = self.text[0]
        return self.text[1:-1].replace(2 * quote, quote)


def split_tokens(text: str) -> list[Token]:
    """The pieces of the text, with an empty one of kind ``end`` at the end."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        token = Token(str(match.lastgroup), match.group(), match.start() + 1)
        match token.kind:
            case "space":
                continue
            case "name":
                token = token._replace(text=_plain_name(token))
            case "quoted" if not token.name:
                refuse(token.text, token.column, "a name is missing between the quotes")
            case "pointed":
                refuse(f"name {token.text!r}", token.column, f"quote it, {quoted(token.text)}")
            case "glued":
                refuse(
                    repr(token.text),
                    token.column,
                    "a number has one point, and * between it and a name",
                )
            case "number" if math.isinf(float(token.text)):
                refuse(repr(token.text), token.column, "the number is too large")
            case "other" | "unknown":
                remedy = REMEDIES.get(token.text, "it cannot stand in a formula")
                refuse(repr(token.text), token.column, remedy)
        tokens.append(token)
    return [*tokens, Token("end", "", len(text) + 1)]


def position_of_equals(text: str) -> int | None:
    """Where the first ``=`` stands, outside quotes, from 0; None without one.

    Example:
        >>> position_of_equals('"a=b" = a == b')
        6
    """
    matches = _TOKEN.finditer(text)
    return next((match.start() for match in matches if match.group() == "="), None)


def _plain_name(token: Token) -> str:
    """The name in one spelling: the micro sign and μ are one letter."""
    name = unicodedata.normalize("NFKC", token.text)
    remedy = f"begin it with a letter, or quote the name of a column, {quoted(token.text)}"
    if name.startswith("_"):
        refuse(f"name {token.text!r}", token.column, remedy)
    if not (token.text.isidentifier() and name.isidentifier()):
        remedy = "use letters, digits and _ only, or quote the name of a column, "
        refuse(f"name {token.text!r}", token.column, remedy + quoted(token.text))
    return name


def refuse(what: str, column: int, remedy: str) -> NoReturn:
    """Raise the one sentence that says what is wrong, where, and what to do."""
    raise ValueError(f"{what} at column {column} of the formula: {remedy}")
