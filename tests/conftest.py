"""Fixtures that several test files use."""

import os
from pathlib import Path

import jax
import pytest
from hypothesis import settings

settings.register_profile("no_clock", deadline=None)  # a test never asserts a time
settings.load_profile("no_clock")

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


def pytest_configure(config: pytest.Config) -> None:
    # registered as a plugin: hooks of this file are called for the tests below it alone
    config.pluginmanager.register(_CompiledKernels())


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real runs, which are not ours to publish and lie beside the repository."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        reason = "no ../shared/data beside the repository: the real runs are not part of it"
        if os.environ.get("CI_REQUIRE_SHARED") == "1":
            pytest.fail(f"{reason}, and CI_REQUIRE_SHARED=1 demands them")
        pytest.skip(reason)
    return folder
