"""Griffe extension: what docstrings say in Sphinx's way, for Markdown."""

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|func|meth|attr|mod):(?=`)")
_EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Shows ``:class:`Fit``` as code, and doctests under ``Example:`` as Python."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of one object before it is parsed."""
        if obj.docstring is not None:
            text = _ROLE.sub("", obj.docstring.value)
            obj.docstring.value = _EXAMPLE.sub("Examples:", text)
