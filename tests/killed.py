"""Processes that are killed while they write, forked from one that has imported and traced all.

A process of its own: JAX has started no threads in it, so that it may fork, which costs
milliseconds where an import costs seconds. ``python killed.py FOLDER FIT.json`` runs all that is
below, and prints what it found as JSON; in a namespace of its own it may mount file systems.
"""

import dataclasses
import hashlib
import http.server
import itertools
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas  # noqa: F401
import pyarrow.pandas_compat
import pyarrow.parquet  # noqa: F401
from matplotlib import pyplot as plt
from weighted_mean import WeightedMean, mean_fit

import farseer_jax as fj
from farseer_jax.cli import main
from farseer_jax.datasets.catalogue import CATALOGUE
from farseer_jax.results.files import write_text, written_aside
from farseer_jax.uncertainty.resampling import Setting

Work = Callable[[], object]

NUM, CHUNK = 60, 20
OPERATIONS = ("fsync", "chmod", "replace", "unlink", "rmdir", "mkdir")  # of os
FIT = mean_fit(num_sizes=5, num_D=1, min_sizes=3)


def prepare() -> None:
    """Import and trace what all processes need."""
    mpl.use("agg")
    assert fj.bootstrap is not None
    assert fj.Bootstrap is not None
    FIT.__dict__["warnings"] = ()  # which would be computed in every process
    Setting.of(FIT)


# Killing


def started(work: Work, arm: Work = lambda: None) -> int:
    """Start work in a forked process, which ``arm`` prepares."""
    if process := os.fork():
        return process
    status = 1
    try:
        arm()
        work()
        status = 0
    except OSError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        status = 2
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def ended(process: int) -> int:
    """The exit status of a process, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def run(work: Work, arm: Work = lambda: None) -> int:
    return ended(started(work, arm))


def said_by(work: Work) -> str:
    """What work says when it fails."""
    with tempfile.TemporaryFile("w+") as said:
        run(work, lambda: os.dup2(said.fileno(), 2))
        said.seek(0)
        return said.read()


def at_operation(number: int) -> None:
    """Kill this process before its n-th operation on files."""
    count = itertools.count()

    def killing(operation: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(operation)
        def call(*args: Any, **kwargs: Any) -> Any:
            if next(count) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return operation(*args, **kwargs)

        return call

    for name in OPERATIONS:
        setattr(os, name, killing(getattr(os, name)))
    tempfile.mkstemp = killing(tempfile.mkstemp)


def at_byte(number: int) -> None:
    """Have the kernel kill this process in the middle of a write, where a file gets longer."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (number, resource.RLIM_INFINITY))


# Draws


@dataclasses.dataclass(frozen=True)
class Slow(WeightedMean):
    """Takes its time, as real refits do, without keeping a core busy."""

    def fit_block(self, *args: Any) -> Any:
        time.sleep(0.02)
        return super().fit_block(*args)


def make(out: Path, chunk: int = CHUNK, devices: int = 1, *, slow: bool = False) -> None:
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    fit = FIT
    if slow:
        fit = dataclasses.replace(FIT, method=Slow(3))
        fit.__dict__["warnings"] = ()
    fj.bootstrap(fit, NUM, "runs", out=out, resume=True, chunk_size=chunk)


def make_all(outs: Sequence[Path]) -> None:
    """In one process, whose time is mostly its start."""
    assert run(lambda: [make(out) for out in outs]) == 0


def beside(out: Path) -> list[str]:
    return sorted(path.name for path in out.parent.iterdir())


def in_folder(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name / "draws"


def draws_at_each_operation(folder: Path) -> dict[str, Any]:
    """A process killed before each of its operations on files in turn, and then resumed."""
    outs, signals = [], []
    for number in range(100):
        outs.append(in_folder(folder, str(number)))
        signals.append(run(partial(make, outs[-1]), partial(at_operation, number)))
        if signals[-1] == 0:  # it has no more
            break
    make_all(outs)
    return {
        "signals": signals,
        "contents": sorted({out.read_bytes().hex() for out in outs}),
        "beside": sorted({name for out in outs for name in beside(out)}),
    }


def draws_at_random(folder: Path) -> dict[str, Any]:
    """Killed 20 times at random moments, each time with another chunk and more devices."""
    chance, kills, outs = random.Random(0), 0, []
    while kills < 20:
        outs.append(in_folder(folder, str(len(outs))))
        while kills < 20:
            chunk, devices = chance.choice([1, 2, 3, 7]), chance.choice([1, 2, 3])
            process = started(partial(make, outs[-1], chunk, devices, slow=True))
            time.sleep(chance.uniform(0.1, 1.5))
            os.kill(process, signal.SIGKILL)
            if ended(process) == 0:
                break
            kills += 1
    assert run(lambda: [make(out, slow=True) for out in outs]) == 0
    whole = in_folder(folder, "undisturbed")
    assert run(lambda: make(whole, slow=True)) == 0
    return {
        "kills": kills,
        "same": all(out.read_bytes() == whole.read_bytes() for out in outs),
        "beside": sorted({name for out in outs for name in beside(out)}),
    }


def two_writers(folder: Path) -> dict[str, Any]:
    """A second process is refused, the first is not harmed; and four that try until they may."""
    out, whole = in_folder(folder, "two"), in_folder(folder, "undisturbed")
    first = started(lambda: make(out, 2, slow=True))
    while not list(out.parent.glob("draws.parts/0*.parquet")):
        time.sleep(0.005)
    said = said_by(lambda: make(out, slow=True))
    statuses = [ended(first)]
    assert run(lambda: make(whole, slow=True)) == 0

    shared = in_folder(folder, "four")

    def try_until_made() -> None:
        while True:
            try:
                return make(shared, 3, slow=True)
            except BlockingIOError:
                time.sleep(0.02)

    several = [started(try_until_made) for _ in range(4)]
    while not list(shared.parent.glob("draws.parts/0*.parquet")):
        time.sleep(0.005)
    os.kill(several[0], signal.SIGKILL)
    statuses += [ended(process) for process in several]
    return {
        "said": said,
        "statuses": statuses,
        "same": [own.read_bytes() == whole.read_bytes() for own in (out, shared)],
        "beside": [beside(out), beside(shared)],
    }


# Small file systems


def mounted(folder: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "draws", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def full_disk(folder: Path) -> dict[str, Any]:
    """A file system that has no room for all parts, for the whole file, or for anything."""
    found: dict[str, Any] = {"said": [], "same": []}
    whole = in_folder(folder, "undisturbed")
    make_all([whole])
    for size in (4, 16, 28):
        disk = folder / f"disk-{size}"
        disk.mkdir()
        if not mounted(disk, f"size={size}k"):
            return {"skipped": "file systems cannot be mounted here"}
        out = disk / "draws"
        found["said"].append(said_by(partial(make, out, 10)))
        assert not out.exists()
        subprocess.run(["mount", "-o", "remount,size=1m", str(disk)], check=True)
        make_all([out])
        found["same"].append(out.read_bytes() == whole.read_bytes())
    return found


def read_only(folder: Path) -> dict[str, Any]:
    """A file system that may not be written: what is there can be read, and nothing is harmed."""
    disk = folder / "disk"
    disk.mkdir()
    if not mounted(disk, "size=1m"):
        return {"skipped": "file systems cannot be mounted here"}
    out, whole = disk / "draws", in_folder(folder, "undisturbed")
    make_all([disk / "whole", whole])
    run(lambda: make(out), lambda: at_operation(10))
    before = {path: path.read_bytes() for path in disk.rglob("*") if path.is_file()}
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    found = {
        "said": [said_by(partial(make, own)) for own in (out, disk / "new", disk / "whole")],
        "checked": [run(partial(check, own)) for own in (out, disk / "whole")],
        "harmed": {path: path.read_bytes() for path in before} != before,
    }
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    make_all([out])
    return {**found, "same": out.read_bytes() == whole.read_bytes()}


def check(out: Path) -> None:
    found = fj.check_draws(out, num_refits=0)
    assert found.intact, found
    assert found.num_draws
    assert "cannot read fits by your own methods" in found.note


# Other files


class Page(fj.Report):
    """A report whose page is made already."""

    def __init__(self) -> None: ...

    def to_html(self) -> str:
        return "<p>new</p>" * 10_000


def figure(path: Path) -> None:
    drawn, axes = plt.subplots()
    axes.plot([1, 2], [3, 4])
    with written_aside(path) as aside:
        drawn.savefig(aside, format="png")


def shell(path: Path) -> None:
    """A command with ``--json``."""
    main(
        ["predict", str(path.parent / "fit"), "--N", "1e9", "--D", "1e10", "--json", str(path)],
        standalone_mode=False,
    )


def written(folder: Path) -> dict[str, Any]:
    """JSON of the shell and of Python, a report, a figure: killed anywhere, it is old or new."""
    works: dict[str, Callable[[Path], object]] = {
        "shell": shell,
        "to_json": FIT.to_json,
        "report": Page().save,
        "figure": figure,
    }
    return {name: killed_while(work, in_folder(folder, name)) for name, work in works.items()}


def killed_while(work: Callable[[Path], object], path: Path) -> dict[str, Any]:
    write_text(path.parent / "fit", Path(sys.argv[2]).read_text("utf-8"))
    assert run(lambda: work(path)) == 0
    new, old = path.read_bytes(), b"old"
    states, signals = set(), set()
    arms: list[Work] = [partial(at_operation, number) for number in range(4)]
    arms += [partial(at_byte, len(new) * place // 4) for place in range(4)]
    for arm in arms:
        path.write_bytes(old)
        signals.add(run(lambda: work(path), arm))
        states.add({old: "old", new: "new"}.get(path.read_bytes(), "half"))
    return {"signals": sorted(signals), "states": sorted(states)}


def download(folder: Path) -> dict[str, Any]:
    """A dataset whose download is killed is not there, and is downloaded again."""
    served, cache = folder / "served", folder / "cache"
    served.mkdir()
    table = "N,D,loss\n" + "1e8,1e9,3.5\n" * 20_000
    (served / "runs.csv").write_text(table)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(served))
    server = http.server.HTTPServer(("127.0.0.1", 0), handler)
    process = started(server.serve_forever, lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 2))
    os.environ |= {"FARSEER_DATA": str(cache), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    own = {"runs.csv": hashlib.sha256(table.encode()).hexdigest()}
    address = f"http://127.0.0.1:{server.server_port}"
    moved = dataclasses.replace(CATALOGUE["chinchilla"], base_url=address, checksums=own)
    CATALOGUE["chinchilla"] = moved

    def load() -> None:
        from farseer_jax.datasets.load import _fetched

        _fetched(moved, "runs.csv", cache / "chinchilla")

    target = cache / "chinchilla" / "runs.csv"
    try:
        signals, there = [], []
        for place in (0, 1000, 100_000, 200_000):
            signals.append(run(load, partial(at_byte, place)))
            there.append(target.exists())
        again = run(load)
    finally:
        os.kill(process, signal.SIGKILL)
        ended(process)
        server.server_close()
    return {
        "signals": signals,
        "there": there,
        "again": [again, target.exists() and target.read_text() == table],
    }


def scenarios(folder: Path) -> dict[str, Any]:
    """All of the above, each in a folder of its own."""
    found = {}
    for scenario in (
        draws_at_each_operation,
        draws_at_random,
        two_writers,
        full_disk,
        read_only,
        written,
        download,
    ):
        own = folder / scenario.__name__
        own.mkdir()
        try:
            found[scenario.__name__] = scenario(own)
        except BaseException:
            found[scenario.__name__] = {"failed": traceback.format_exc()}
    return found


if __name__ == "__main__":
    prepare()
    print(json.dumps(scenarios(Path(sys.argv[1]))))
