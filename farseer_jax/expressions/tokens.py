"""The pieces that the text of a formula consists of."""

import math
import re
import unicodedata
from typing import Final, NamedTuple, NoReturn

# What people write for something that the grammar has.
REMEDIES: Final = {
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
_NUMBER: Final = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_TOKEN: Final = re.compile(
    rf"(?P<glued>(?>{_NUMBER})[\w.]+)"  # 2N, 1.2.3
    rf"|(?P<number>{_NUMBER})"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<other>//)"
    r"|(?P<sign>\*\*|<=|>=|==|!=|[-+*/()<>,|\[\]])"
    r"|(?P<space>\s+)"
    r"|(?P<unknown>.)"
)


class Token(NamedTuple):
    """A piece of the text and the column where it begins, from 1."""

    kind: str
    text: str
    column: int


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
            case "glued":
                refuse(
                    repr(token.text),
                    token.column,
                    "a number has one point, and * between it and a name",
                )
            case "number" if math.isinf(float(token.text)):
                refuse(repr(token.text), token.column, "the number is too large")
            case "other" | "unknown":
                remedy = REMEDIES.get(token.text, "it cannot stand in a law")
                refuse(repr(token.text), token.column, remedy)
        tokens.append(token)
    return [*tokens, Token("end", "", len(text) + 1)]


def _plain_name(token: Token) -> str:
    """The name in one spelling: the micro sign and μ are one letter."""
    name = unicodedata.normalize("NFKC", token.text)
    if name.startswith("_"):
        refuse(f"name {token.text!r}", token.column, "a name begins with a letter")
    if not (token.text.isidentifier() and name.isidentifier()):
        refuse(f"name {token.text!r}", token.column, "a name has letters, digits and _ only")
    return name


def refuse(what: str, column: int, remedy: str) -> NoReturn:
    """Raise the one sentence that says what is wrong, where, and what to do."""
    raise ValueError(f"{what} at column {column} of the law: {remedy}")
