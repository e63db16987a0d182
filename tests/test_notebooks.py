"""Notebooks run from top to bottom, and are committed as their sources say, without outputs."""

import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import jax
import nbformat
import pytest

from farseer_jax import read_runs

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]
BENCHMARK = FOLDER.parent / "benchmarks" / "results" / "paper_cpu.json"
NUM_PICTURES = {"quick_start": 4, "paper": 13, "own_runs": 6}  # on the embedded example
REAL_RUNS = {"paper": "FARSEER_RUNS", "own_runs": "RUNS"}  # the variable that names them


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


class Kernel(NamedTuple):
    """The name of a kernel, and the folder in which it runs."""

    name: str
    folder: Path


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Runs the interpreter of the tests, whatever else is installed, and draws inline.

    It loads what other notebooks and tests have compiled.
    """
    home = tmp_path_factory.mktemp("notebooks")
    name = "this_interpreter"
    folder = home / "kernels" / name
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "tests", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(home))
        patch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        patch.setenv("JAX_COMPILATION_CACHE_DIR", jax.config.jax_compilation_cache_dir)
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
        for variable in REAL_RUNS.values():
            patch.delenv(variable, raising=False)
        yield Kernel(name, home)


@pytest.fixture(scope="module")
def real_tables(request: pytest.FixtureRequest, kernel: Kernel) -> dict[str, Path]:
    """The tables of real runs of the notebooks that take some; none where there are none."""
    try:
        paper = request.getfixturevalue("shared_data") / "farseer_404.csv"
    except pytest.skip.Exception:
        return {}
    own = kernel.folder / "runs.csv"
    runs = read_runs(paper).select(min_N=2e8).to_dataframe()
    runs.drop_duplicates(["N", "D", "loss"]).to_csv(own, index=False)
    return {"paper": paper, "own_runs": own}


@pytest.fixture(scope="module")
def pages(kernel: Kernel, real_tables: dict[str, Path]) -> Callable[[str], "list[Page]"]:
    """What a notebook shows of the embedded example, and of real runs if it takes them."""
    return cache(lambda name: run(FOLDER / f"{name}.ipynb", kernel, real_tables.get(name)))


class Page(NamedTuple):
    """What the cells of a notebook showed."""

    text: str
    num_pictures: int

    def number(self, label: str) -> float:
        """The last number of the line that begins so, a percentage as a fraction."""
        (line,) = [line for line in self.text.splitlines() if line.startswith(label)]
        value = line.split()[-1]
        return float(value.rstrip("%")) / (100 if value.endswith("%") else 1)


def run(path: Path, kernel: Kernel, real: Path | None) -> list[Page]:
    """Every cell in a fresh kernel, where a warning is an error and nothing goes to stderr.

    Then the same of a table of real runs: the kernel has forgotten all variables, and has imported
    and compiled what takes most of the time. What the example showed is kept for the pages of the
    documentation.
    """
    from nbclient import NotebookClient

    notebook = read(path)
    num_cells = len(notebook.cells)
    # a file of compilations that another process is still writing is compiled anew; and as in the
    # tests, nobody looks for garbage as often as is usual
    setup = (
        "import gc, sys, warnings; gc.set_threshold(50_000, 20, 100); "
        "warnings.simplefilter('error'); warnings.filterwarnings('ignore', "
        "'Error (reading|writing) persistent compilation cache entry'); sys.executable"
    )
    notebook.cells.insert(0, nbformat.v4.new_code_cell(setup))
    if real is not None:
        again = f"%reset -f\nimport os\nos.environ[{REAL_RUNS[path.stem]!r}] = {str(real)!r}"
        notebook.cells += [nbformat.v4.new_code_cell(again), *read(path).cells]
    where = {"metadata": {"path": str(kernel.folder)}}
    NotebookClient(notebook, timeout=300, kernel_name=kernel.name, resources=where).execute()
    first, cells = notebook.cells[0], notebook.cells[1:]
    assert eval(first.outputs[0].data["text/plain"]) == sys.executable
    notebook.cells = cells[:num_cells]
    load_builder().keep(path, notebook)
    return [shown(own) for own in (cells[:num_cells], cells[num_cells:]) if own]


def shown(cells: list[Any]) -> Page:
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    text = "".join(output.text for output in outputs if output.get("name") == "stdout")
    return Page(text, sum("image/png" in output.get("data", {}) for output in outputs))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
@pytest.mark.filterwarnings("default")  # of the machinery; a warning in a cell fails
def test_a_notebook_runs(path: Path, pages: Callable[[str], list[Page]]) -> None:
    page = pages(path.stem)[0]
    assert page.num_pictures == NUM_PICTURES.get(path.stem, page.num_pictures) > 0
    if path.stem == "quick_start":
        assert page.text.endswith("True\n")
    if path.stem == "paper":
        assert "The embedded example" in page.text
        assert "one count of N only" in page.text  # no Fig. 16
        assert 2.3 < page.number("Farseer, piecewise, fitted up to 5.35 B") * 1e4 < 2.9
    if path.stem == "own_runs":
        check_decision(page)
        assert "wins 337 of 337 small comparisons, and at the plan with a probability of" in flat(
            page.text
        )
        assert "pattern along D: no" in page.text


def flat(text: str) -> str:
    return " ".join(text.split())


def check_decision(page: Page) -> None:
    """The closing paragraph says what the sections found."""
    closing = flat(page.text[page.text.rindex("For 1e+23 FLOPs the plan is") :])
    assert "28.9 B parameters on 577 B tokens" in closing  # C = 6 N D and D = 20 N
    assert "from here on: Farseer" in page.text
    low, high = re.search(r"90 % interval (\S+) to (\S+)\nof that", page.text).groups()  # type: ignore[union-attr]
    assert f"{low} to {high}" in closing
    half = (float(high) - float(low)) / 2 / page_loss(page)
    lost = page.number("loss that the rule of 20 gives away")
    assert ("does not settle" in closing) == (lost < half)
    assert "What this does not know" in closing
    assert "standard error after" in page.text  # a table prints where it is asked for


def page_loss(page: Page) -> float:
    return float(re.search(r"loss of the plan: ([\d.]+),", page.text).group(1))  # type: ignore[union-attr]


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("shared_data")
def test_the_paper_on_its_own_runs(pages: Callable[[str], list[Page]]) -> None:
    _, page = pages("paper")
    assert page.num_pictures == NUM_PICTURES["paper"] + 2  # Figs. 15 and 16
    rows = json.loads(BENCHMARK.read_text(encoding="utf-8"))["rows"]
    known = {(row["where"], row["what"]): row["here"] for row in rows}
    error = "error at 6.37 B, Farseer, piecewise, up to {} B"
    beyond = "error at 47 runs beyond 5.36 B or 200 B tokens, {}"
    # (benchmark's row, notebook's line, half of its last digit)
    for where, what, line, rounding in (
        ("Fig. 3", "mean R², Δ_D L against D", "mean R², Δ_D L against D", 5e-5),
        ("Fig. 3", "mean R², Δ_N L against N", "mean R², Δ_N L against N", 5e-5),
        ("Fig. 5b", "scatter of O − G, largest", "scatter of O − G, most", 5e-6),
        ("Figs. 6, 8, 17", error.format(1.91), "Farseer, piecewise, fitted up to 1.91 B", 5e-7),
        ("Figs. 6, 8, 17", error.format(5.35), "Farseer, piecewise, fitted up to 5.35 B", 5e-7),
        ("Fig. 7", beyond.format("mean"), "mean error at these 47 runs", 5e-7),
        ("Fig. 7", beyond.format("largest"), "largest", 5e-7),
        ("Fig. 1b", "optimal D/N at 1e+23 FLOPs", "tokens per parameter at 1e+23 FLOPs", 0.05),
        (
            "Table 2",
            "error of A and B, log/power and log/power",
            "Table 2, error of A and B, log/power",
            5e-5,
        ),
        ("Fig. 16", "error with embeddings over error without", "error with embeddings over", 0.05),
        ("Fig. 20", "share of the domain where ∂L/∂N > 0", "share of the domain where", 5e-4),
    ):  # fmt: skip
        assert page.number(line) == pytest.approx(known[where, what], abs=1.01 * rounding), line


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("shared_data")
def test_own_runs_on_real_ones(pages: Callable[[str], list[Page]]) -> None:
    _, page = pages("own_runs")
    assert page.num_pictures == NUM_PICTURES["own_runs"]
    check_decision(page)
    assert "pattern along D: yes" in page.text  # the law misses these runs by more than noise
    assert "Residuals follow D" in flat(page.text)
