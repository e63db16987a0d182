"""Builds each notebook from the source beside it: ``python notebooks/build.py``.

Sources are Python files whose cells start with ``# %%`` or ``# %% [markdown]``. With ``--execute``
it also runs the notebooks of which there is no executed copy yet, for the pages of the
documentation; the tests, which run all of them, leave such copies too.
"""

import hashlib
import os
import re
import sys
from functools import cache
from pathlib import Path

import nbformat

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
CACHE = ROOT / ".cache"  # not part of the repository
EXECUTED = CACHE / "notebooks"
_CELL = re.compile(r"^# %%( \[markdown\])?\n", re.MULTILINE)
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook(source: str) -> nbformat.NotebookNode:
    """The notebook of a source, without outputs."""
    _, *parts = _CELL.split(source)
    cells = []
    for index, (kind, text) in enumerate(zip(parts[::2], parts[1::2], strict=True)):
        if kind:
            cell = nbformat.v4.new_markdown_cell(re.sub(r"^# ?", "", text.strip(), flags=re.M))
        else:
            cell = nbformat.v4.new_code_cell(text.strip())
        cell["id"] = str(index)
        cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells, metadata=_METADATA)


def sources() -> list[Path]:
    """All sources."""
    return [path for path in sorted(FOLDER.glob("*.py")) if path.name != "build.py"]


@cache
def package_hash() -> str:
    """Changes with any file of the package, whose results notebooks and figures show."""
    found = hashlib.sha256()
    for path in sorted((ROOT / "farseer_jax").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(path.read_bytes())
    return found.hexdigest()


def executed_copy(path: Path) -> Path:
    """Where the executed copy of a notebook is kept: of this very text, by this very package."""
    found = hashlib.sha256(path.read_bytes() + package_hash().encode()).hexdigest()
    return EXECUTED / f"{path.stem}-{found[:16]}.ipynb"


def keep(path: Path, executed: nbformat.NotebookNode) -> None:
    """Keep the executed copy of a notebook in place of older ones."""
    EXECUTED.mkdir(parents=True, exist_ok=True)
    for older in EXECUTED.glob(f"{path.stem}-*.ipynb"):
        older.unlink(missing_ok=True)
    nbformat.write(executed, executed_copy(path))


def execute(path: Path) -> None:
    """Run a notebook on the embedded example, in this environment, and keep the copy."""
    from nbclient import NotebookClient

    made = nbformat.read(path, as_version=4)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    NotebookClient(made, timeout=600, kernel_name="python3").execute(env=env)
    keep(path, made)


def main() -> None:
    """Write every notebook, and run those without an executed copy if asked to."""
    for source in sources():
        path = source.with_suffix(".ipynb")
        text = nbformat.writes(notebook(source.read_text(encoding="utf-8")))
        path.write_text(text + "\n", encoding="utf-8")
        if "--execute" in sys.argv[1:] and not executed_copy(path).exists():
            print("running", path.name)
            execute(path)


if __name__ == "__main__":
    main()
