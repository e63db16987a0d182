"""The report of the example, as ``farseer report --example`` writes it: report.html of the site."""

import tempfile
from pathlib import Path
from typing import Any

from kept import kept
from mkdocs.structure.files import File, Files

CODE = "fj.report(fj.example_runs(), [(25.1e9, 5e11)], compute=7.5e22)"


def written() -> dict[str, bytes]:
    """The page."""
    import farseer_jax as fj

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.html")
        eval(CODE, {"fj": fj}).save(path)
        return {path.name: path.read_bytes()}


def on_files(files: Files, config: Any) -> Files:
    """Add the report to the site."""
    for name, content in kept("report", CODE, written).items():
        files.append(File.generated(config, name, content=content))
    return files
