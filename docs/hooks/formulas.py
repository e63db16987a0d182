"""Formulas become MathML, which every browser draws by itself: no script, nothing from outside.

In pages they are written in LaTeX, ``$…$`` within a line and ``$$…$$`` on lines of their own.
"""

import html
import re
from functools import cache
from typing import Any

from latex2mathml.converter import convert

# what pymdownx.arithmatex (generic) makes of both
_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
# "ln L", not "lnL"; before "(" there is no space
_NAME_OF_FUNCTION = re.compile(
    r"(<mi>(?:ln|sinh|sinhc|max|exp)</mi>)(?=<m(?:i|n|sub|sup|row|frac|over)\b)"
)
_DISPLAY = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)


@cache
def mathml(latex: str, display: str) -> str:
    """A formula; its LaTeX is kept for those who copy it."""
    made = _NAME_OF_FUNCTION.sub(
        r"\1<mspace width='0.17em'/>", convert(html.unescape(latex).strip(), display=display)
    )
    return made.replace("<math ", f'<math class="formula" title="{latex.strip()}" ', 1)


def on_page_content(content: str, **_: Any) -> str:
    """Replace the formulas of a page."""
    content = _DISPLAY.sub(lambda found: mathml(found[1], "block"), content)
    return _INLINE.sub(lambda found: mathml(found[1], "inline"), content)
