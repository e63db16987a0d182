"""Formulas become MathML, which every browser draws by itself: no script, nothing from outside.

In pages they are written in LaTeX, ``$…$`` within a line and ``$$…$$`` on lines of their own. The
site has a font for them, of the signs that they need: few systems have one whose brackets grow.
"""

import html
import importlib.resources
import re
from functools import cache
from pathlib import Path
from typing import Any

from fontTools import subset
from latex2mathml.converter import convert

FONT = "STIXTwoMath-Regular.ttf"  # SIL Open Font License; ziamath brings it along
# what pymdownx.arithmatex (generic) makes of both
_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
_DISPLAY = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)
# "ln L", not "lnL"; before "(" there is no space
_FUNCTION = re.compile(r"(<mi>(?:ln|sinh|sinhc|max|exp)</mi>)(?=<m(?:i|n|sub|sup|row|frac|over)\b)")
_ITALICS = (*range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C), 0x210E)  # a single letter is italic
_used: set[str] = set()


@cache
def mathml(latex: str, display: str) -> str:
    """A formula; its LaTeX is kept for those who point at it."""
    made = convert(html.unescape(latex).strip(), display=display)
    made = _FUNCTION.sub(r"\1<mspace width='0.17em'/>", made)
    _used.update(html.unescape(made))
    return made.replace("<math ", f'<math title="{latex.strip()}" ', 1)


def on_page_content(content: str, **_: Any) -> str:
    """Replace the formulas of a page."""
    content = _DISPLAY.sub(lambda found: mathml(found[1], "block"), content)
    return _INLINE.sub(lambda found: mathml(found[1], "inline"), content)


def on_post_build(config: Any) -> None:
    """Write the font, with the signs of all formulas."""
    options = subset.Options(flavor="woff", notdef_outline=True)
    with importlib.resources.as_file(importlib.resources.files("ziamath.fonts") / FONT) as path:
        font = subset.load_font(str(path), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[*map(ord, _used), *_ITALICS])
    subsetter.subset(font)
    subset.save_font(font, str(Path(config.site_dir, "assets", "formulas.woff")), options)
