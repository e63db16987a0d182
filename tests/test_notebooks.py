"""Notebooks run from top to bottom, and are committed as their sources say, without outputs."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]


def load_builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebooks_build", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def test_every_source_has_its_notebook() -> None:
    assert NAMES == sorted(path.stem for path in load_builder().sources())
    assert "quick_start" in NAMES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_is_what_its_source_says(path: Path) -> None:
    expected = load_builder().notebook(path.with_suffix(".py").read_text(encoding="utf-8"))
    assert read(path) == expected, "run `python notebooks/build.py`"
    nbformat.validate(read(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    for cell in read(path).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.fixture
def this_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a kernel that runs the interpreter of the tests, whatever else is installed."""
    folder = tmp_path / "kernels" / "this_interpreter"
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "tests", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    return folder.name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
@pytest.mark.filterwarnings("default")  # of the machinery; a warning in a cell fails below
def test_a_notebook_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, this_interpreter: str
) -> None:
    from nbclient import NotebookClient

    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = read(path)
    setup = "import sys, warnings; warnings.simplefilter('error'); sys.executable"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(setup))
    NotebookClient(
        notebook,
        timeout=300,
        kernel_name=this_interpreter,
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert eval(outputs[0].data["text/plain"]) == sys.executable
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    if path.stem == "quick_start":
        assert sum("image/png" in output.get("data", {}) for output in outputs) == 4
        assert outputs[-1].text == "True\n"
