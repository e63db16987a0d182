"""Printed output as it is printed: what only doctest needs is left out of pages."""

import re
from typing import Any

_BLANK_LINE = re.compile(r"&lt;BLANKLINE&gt;")
_DIRECTIVE = re.compile(r" *<span class=\"c1\"> *# doctest: .*?</span>")


def on_page_content(content: str, **_: Any) -> str:
    """Blank lines are blank, and comments that direct doctest are gone."""
    return _DIRECTIVE.sub("", _BLANK_LINE.sub("", content))
