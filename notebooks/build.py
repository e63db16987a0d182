"""Builds each notebook from the source beside it: ``python notebooks/build.py``.

Sources are Python files whose cells start with ``# %%`` or ``# %% [markdown]``.
"""

import re
from pathlib import Path

import nbformat

FOLDER = Path(__file__).parent
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


def main() -> None:
    """Write every notebook."""
    for path in sources():
        text = nbformat.writes(notebook(path.read_text(encoding="utf-8")))
        path.with_suffix(".ipynb").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
