"""Notebooks as pages, with what they show.

Nothing is run here: the tests run every notebook and keep a copy (``notebooks/build.py``), and so
does ``python notebooks/build.py --execute``. A notebook without a copy of its present state is
shown without outputs, and says so; with ``NOTEBOOKS=executed`` in the environment it is an error.
"""

import importlib.util
import os
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
from mkdocs.exceptions import PluginError
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter

FOLDER = Path(__file__).parents[2] / "notebooks"
NOT_RUN = """
!!! note "Without outputs"

    This notebook has not been run for these pages: `python notebooks/build.py --execute` runs it.
"""
log = get_plugin_logger("notebooks")


@cache
def builder() -> ModuleType:
    """``notebooks/build.py``."""
    spec = importlib.util.spec_from_file_location("notebooks_build", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page_of(path: Path, executed: Path) -> tuple[str, dict[str, bytes]]:
    """The Markdown of a notebook, and its pictures by file name.

    Raises:
        PluginError: the notebook has no executed copy, and the environment demands one.
    """
    is_executed = executed.exists()
    if not is_executed and os.environ.get("NOTEBOOKS") == "executed":
        raise PluginError(f"{path.name} has not been run: python notebooks/build.py --execute")
    if not is_executed:
        log.info("%s has not been run, and is shown without outputs", path.name)
    notebook = nbformat.read(executed if is_executed else path, as_version=4)
    resources = {"output_files_dir": f"{path.stem}_files", "unique_key": path.stem}
    text, made = MarkdownExporter().from_notebook_node(notebook, resources)
    title, _, rest = text.lstrip().partition("\n")
    download = f"\n[Download this notebook]({path.name}){{ .md-button download }}\n"
    note = "" if is_executed else NOT_RUN
    return f"{title}\n{download}{note}\n{rest}", made["outputs"]


def on_files(files: Files, config: Any) -> Files:
    """Add a page for each notebook, its pictures, and the notebook itself."""
    for source in builder().sources():
        path = source.with_suffix(".ipynb")
        text, pictures = page_of(path, builder().executed_copy(path))
        content = {f"{path.stem}.md": text, path.name: path.read_bytes(), **pictures}
        for name, data in content.items():
            files.append(File.generated(config, f"notebooks/{name}", content=data))
    return files
