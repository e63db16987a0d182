"""Whatever ends a process: files are whole, and a resumed bootstrap is as if undisturbed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_bootstrap import chinchilla

TESTS = Path(__file__).parent
KILLED, TOO_LONG = -signal.SIGKILL, -getattr(signal, "SIGXFSZ", 0)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nothing forks")


def namespace() -> list[str]:
    """What gives a command a namespace in which it may mount file systems, if there is one."""
    own = ["unshare", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None:
        return []
    works = subprocess.run([*own, "true"], capture_output=True, check=False).returncode == 0
    return own if works else []


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of all the processes that were killed, by what they were doing."""
    folder, fit = tmp_path_factory.mktemp("killed"), tmp_path_factory.mktemp("fit") / "fit.json"
    chinchilla().to_json(fit)
    found = subprocess.run(
        [*namespace(), sys.executable, "killed.py", str(folder), str(fit)],
        cwd=TESTS,
        env={**os.environ, "XLA_FLAGS": ""},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    facts: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    for own in facts.values():
        assert "failed" not in own, f"{own['failed']}\n{found.stderr}"
    return facts


def of(facts: dict[str, Any], name: str) -> dict[str, Any]:
    """The facts of one kind; skips where they could not be found out."""
    own: dict[str, Any] = facts[name]
    if "skipped" in own:
        pytest.skip(own["skipped"])
    return own


def test_killed_before_each_operation_on_files(facts: dict[str, Any]) -> None:
    """From making the folder of parts to removing it: resumed, all files are the same bytes."""
    own = of(facts, "draws_at_each_operation")
    *killed, last = own["signals"]
    assert last == 0
    assert {*killed} == {KILLED}
    assert len(killed) > 20
    assert len(own["contents"]) == 1  # that of the last, which was not killed
    assert own["beside"] == ["draws"]  # no parts, no half-written files


def test_killed_twenty_times_at_random_moments(facts: dict[str, Any]) -> None:
    """Each time gone on with in other chunks and on another number of devices."""
    own = of(facts, "draws_at_random")
    assert own == {"kills": 20, "same": True, "beside": ["draws"]}


def test_several_writers(facts: dict[str, Any]) -> None:
    """The second is refused; of four that wait for each other one is killed; the file is whole."""
    own = of(facts, "two_writers")
    assert "another process is writing" in own["said"]
    assert "wait for it, or name another file" in own["said"]
    assert own["statuses"] == [0, KILLED, 0, 0, 0]
    assert own["same"] == [True, True]
    assert own["beside"] == [["draws"], ["draws"]]


def test_a_file_system_without_room(facts: dict[str, Any]) -> None:
    """For the first part, the fourth, or the whole file: with room it is made to the end."""
    own = of(facts, "full_disk")
    first, fourth, whole = own["said"]
    for said in own["said"]:
        assert "No space left on device" in said
        assert "are kept: make room, and continue with them (resume)" in said
    assert "000000000000-000000000010.parquet" in first
    assert "000000000030-000000000040.parquet" in fourth
    assert "all draws are kept" in whole
    assert own["same"] == [True] * 3


def test_a_file_system_that_may_only_be_read(facts: dict[str, Any]) -> None:
    """Root may write in any folder, but not there; checks need not write."""
    own = of(facts, "read_only")
    assert len(own["said"]) == 3
    for said in own["said"]:
        assert "Read-only file system (is " in said
        assert "a folder you may write to?)" in said
    assert own["checked"] == [0, 0]
    assert not own["harmed"]
    assert own["same"]


@pytest.mark.parametrize("what", ["shell", "to_json", "report", "figure"])
def test_what_is_written_is_whole(facts: dict[str, Any], what: str) -> None:
    """Killed before each operation and in the middle of writes, the old file is still there."""
    own = of(facts, "written")[what]
    assert own == {"signals": sorted([TOO_LONG, KILLED]), "states": ["old"]}


def test_a_download_that_was_killed_is_made_again(facts: dict[str, Any]) -> None:
    own = of(facts, "download")
    assert own["signals"] == [TOO_LONG] * 4
    assert own["there"] == [False] * 4
    assert own["again"] == [0, True]
