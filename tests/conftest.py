"""Fixtures that several test files use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("no_clock", deadline=None)  # a test never asserts a time
settings.load_profile("no_clock")


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
