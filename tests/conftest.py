"""Fixtures that several test files use."""

import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import jax
import pytest
from commands import write
from hypothesis import settings

import farseer_jax as fj
from farseer_jax.cli.jax_settings import QUICK_FLAGS, knows_quick_flags

# Nearly all time of the tests is compilation, which the flags of the shell halve: results agree to
# 1e-9. An XLA_FLAGS of one's own, an empty one too, has tests compile as the library does.
if knows_quick_flags():
    flags = f"{QUICK_FLAGS} --xla_cpu_parallel_codegen_split_count=1"  # a core for each process
    os.environ.setdefault("XLA_FLAGS", flags)

os.environ.pop("FORCE_COLOR", None)  # as where tests run: outputs are compared as a pipe gets them

settings.register_profile("no_clock", deadline=None)  # a test never asserts a time
settings.load_profile("no_clock")

COMPILATIONS = pytest.StashKey[str]()  # the folder that all processes share

# Linux gives a process 65,530 memory maps (vm.max_map_count), and every compiled kernel takes some:
# all tests in one process would need more, and the compiler crashes where it gets none.
_MAPS = Path("/proc/self/maps")
_MOST_MAPS = 20_000


class _CompiledKernels:
    """Forgets compiled kernels between files, before there are too many; doctests' files too."""

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        if nextitem is None or nextitem.path == item.path or not _MAPS.exists():
            return
        if _MAPS.read_bytes().count(b"\n") > _MOST_MAPS:
            jax.clear_caches()


class _Figures:
    """Closes what a test has drawn, an example in a docstring too: pyplot keeps it until then."""

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self) -> None:
        if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
            pyplot.close("all")


# pytest-xdist would start with the files of the most tests, and leave these to one worker at the
# end; in seconds on one core they take from 50 to 10.
_LONGEST = (
    "test_notebooks.py",
    "test_bootstrap_processes.py",
    "allocation.md",
    "sensitivity.md",
    "uncertainty.md",
    "shape.md",
    "comparison.md",
    "laws.md",
    "forms.md",
    "README.md",
    "allocate.py",
    "compare_methods.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first."""
    rank = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


def pytest_collection_finish() -> None:
    """An eighth of all time went into looking for garbage among what tracing and imports leave."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def pytest_sessionfinish() -> None:
    """Pytest looks for garbage twice at the end, and JAX forgets its kernels after that."""
    jax.clear_caches()


def pytest_configure(config: pytest.Config) -> None:
    config.option.loadscopereorder = False  # the order below, for pytest-xdist
    # registered as a plugin: hooks of this file are called for the tests below it alone
    config.pluginmanager.register(_CompiledKernels())
    config.pluginmanager.register(_Figures())
    share_compilations(config)


def share_compilations(config: pytest.Config) -> None:
    """Nearly all time of the tests is compilation: what one process compiled, the others load."""
    folder = getattr(config, "workerinput", {}).get("compilations")
    if folder is None:
        folder = tempfile.mkdtemp(prefix="farseer_jax-compilations-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    config.stash[COMPILATIONS] = folder
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    # a file that another process is still writing: it is compiled here as well
    unreadable = "ignore:Error (reading|writing) persistent compilation cache entry"
    config.addinivalue_line("filterwarnings", unreadable)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells each worker of pytest-xdist where the compilations are."""
    node.workerinput["compilations"] = node.config.stash[COMPILATIONS]


def skip_without(name: str, reason: str) -> NoReturn:
    """Skip what needs something that is not here; where CI_REQUIRE names it, that is an error."""
    if name in os.environ.get("CI_REQUIRE", "").split(","):
        pytest.fail(f"{reason}; CI_REQUIRE demands it")
    pytest.skip(reason)


_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real runs, which are not ours to publish and lie beside the repository."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        skip_without("shared", "no ../shared/data beside the repository, where the real runs are")
    return folder


@pytest.fixture(scope="session")
def schedule_curves(shared_data: Path) -> fj.Curves:
    """Nine published curves: three schedules for each of three sizes."""
    table = shared_data / "named_inputs" / "schedule_curves.csv"
    return fj.read_curves(table, run=["N_million", "curve"], warmup=2_160)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Chromium, or Chrome, for tests of pages as people see them."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        skip_without("browser", f"no browser: expected one of {', '.join(_BROWSERS)} in PATH")
    return found


@pytest.fixture(scope="session")
def example() -> fj.Fit:
    """The fit of `farseer fit --example`."""
    return fj.fit(fj.Farseer, fj.example_runs())


@pytest.fixture(scope="session")
def fit_file(example: fj.Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("fits") / "fit.json"
    example.to_json(path)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def recorded(example: fj.Fit, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What ``farseer fit`` hands to the library, which then fits nothing."""
    seen: dict[str, Any] = {}

    def fake(law: object, runs: object, method: object, **options: object) -> fj.Fit:
        seen.update(law=law, runs=runs, method=method, options=options)
        return example

    monkeypatch.setattr(fj, "fit", fake)
    return seen


@pytest.fixture
def table(folder: Path) -> dict[str, Any]:
    """Two arms of one law in runs.csv, with what else the options may name."""
    N = [1e8, 2e8, 4e8, 8e8, 1.6e9] * 2
    arm = ["old"] * 5 + ["new"] * 5
    P = [1, 2, 4, 1, 2] * 2
    rows = zip(N, P, arm, strict=True)
    loss = [2.0 + 0.1 * (a == "old") + 60 * (n * p) ** -0.25 for n, p, a in rows]
    web = [0.2, 0.5, 0.8, 0.3, 0.6] * 2
    share = {"share_web": web, "share_code": [1 - x for x in web]}
    return write("runs.csv", N=N, arm=arm, streams_of=P, loss=loss, w=[1, 2] * 5, **share)
