"""Draws the figures of gallery.md, by the Python that stands below each of them.

A page shows one by ``![what it shows](figures/NAME.svg)``. NAME is that of a function
``plots.plot_NAME``, or begins with it (``forecast-held-out``). Nothing drawn is committed.
"""

import ast
import io
import re
import time
from pathlib import Path
from typing import Any

import matplotlib as mpl
from kept import kept
from mkdocs.exceptions import PluginError
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files

from notebooks import builder

GALLERY = Path(__file__).parents[1] / "gallery.md"
_BLOCK = re.compile(r"^!\[[^]]*\]\(figures/(?P<name>[\w-]+)\.svg\)$|^```python\n(?P<code>.*?)^```$",
                    re.DOTALL | re.MULTILINE)  # fmt: skip
# text stays text: pages can be searched for it, and it is sharp at any size
_STYLE = {"svg.fonttype": "none", "svg.hashsalt": "farseer_jax"}
log = get_plugin_logger("figures")


def sections(text: str) -> tuple[list[str], dict[str, str]]:
    """What is run first, and the code of each figure."""
    first: list[str] = []
    codes: dict[str, str] = {}
    name = None
    for block in _BLOCK.finditer(text):
        if block["name"]:
            name = block["name"]
        elif name is None:
            first.append(block["code"])
        else:
            codes.setdefault(name, block["code"])
    return first, codes


class _Session:
    """Runs pieces of code with common variables; a statement that was run is not run again."""

    def __init__(self) -> None:
        self.variables: dict[str, Any] = {}
        self._made: dict[str, dict[str, Any]] = {}

    def run(self, code: str) -> None:
        """Run a piece of code, and its last line always."""
        *statements, last = ast.parse(code).body
        for statement in statements:
            text = ast.unparse(statement)
            if text not in self._made:
                before = dict(self.variables)
                exec(text, self.variables)
                self._made[text] = {
                    name: value
                    for name, value in self.variables.items()
                    if name not in before or before[name] is not value
                }
            self.variables.update(self._made[text])
        exec(ast.unparse(last), self.variables)


def _drawn() -> bytes:
    from matplotlib import pyplot as plt

    content = io.BytesIO()
    plt.gcf().savefig(content, format="svg", metadata={"Date": None})
    plt.close("all")
    return content.getvalue()


def draw(first: list[str], codes: dict[str, str]) -> dict[str, bytes]:
    """Figures as SVG, by file name.

    Raises:
        PluginError: the code of a figure fails.
    """
    mpl.use("agg")
    session, figures = _Session(), {}
    with mpl.rc_context(_STYLE):
        for name, code in {"": "\n".join(first), **codes}.items():
            start = time.perf_counter()
            try:
                session.run(code)
            except Exception as error:
                raise PluginError(f"gallery.md, {name or 'what is run first'}: {error}") from error
            if name:
                figures[f"{name}.svg"] = _drawn()
            log.debug("%s: %.1f s", name, time.perf_counter() - start)
    return figures


def missing(codes: dict[str, str]) -> list[str]:
    """Figures of the package that have no section."""
    source = (builder().ROOT / "farseer_jax" / "plots" / "__init__.py").read_text(encoding="utf-8")
    names = re.findall(r'"plot_(\w+)"', source)
    return sorted(set(names) - codes.keys())


def on_files(files: Files, config: Any) -> Files:
    """Add the figures to the site."""
    first, codes = sections(GALLERY.read_text(encoding="utf-8"))
    if names := missing(codes):
        raise PluginError(f"gallery.md: no section for the figures {', '.join(names)}")
    drawn = kept("figures", f"{first} {codes}", lambda: draw(first, codes))
    for name, content in drawn.items():
        files.append(File.generated(config, f"figures/{name}", content=content))
    return files
