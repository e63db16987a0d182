"""Draws on disk: the same whatever happens on the way, and never mixed with others."""

import errno
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from weighted_mean import fit_of, law_of, mean_fit

from farseer_jax import Bootstrap, Fit, LeastSquares, ParametricBootstrap, bootstrap
from farseer_jax.uncertainty import draws_file as _store
from farseer_jax.uncertainty import draws_manifest as _manifest
from farseer_jax.uncertainty import draws_parquet
from farseer_jax.uncertainty.bootstrap import resamples
from farseer_jax.uncertainty.draws_file import Store
from farseer_jax.uncertainty.draws_manifest import check_same, manifest_of
from farseer_jax.uncertainty.resampling import Setting
from farseer_jax.uncertainty.schemes_by_name import as_scheme

TESTS = Path(__file__).parent
RUNS = as_scheme("runs")


@cache
def fit_() -> Fit:
    """Five sizes, at least three of which must have weight: a few refits of ``runs`` fail."""
    return mean_fit(num_sizes=5, num_D=1, min_sizes=3)


def draws(out: Path | None, num: int = 300, chunk_size: int = 50, **options: Any) -> Bootstrap:
    return bootstrap(fit_(), num, "runs", out=out, chunk_size=chunk_size, **options)


@cache
def undisturbed() -> Bootstrap:
    return draws(None, 300)


def content(found: Bootstrap) -> list[np.ndarray]:
    batches = list(found.draws.batches())
    law = jax.tree.map(lambda *leaves: np.concatenate(leaves), *[b.law for b in batches])
    codes = np.concatenate([batch.outcome_code for batch in batches])
    return [
        *jax.tree.leaves(law),
        codes,
        np.concatenate([batch.mean_relative_error for batch in batches]),
    ]


def assert_same(found: Bootstrap, expected: Bootstrap | None = None) -> None:
    expected = undisturbed() if expected is None else expected
    assert len(found.draws) == len(expected.draws)
    for own, other in zip(content(found), content(expected), strict=True):
        np.testing.assert_array_equal(own, other)


def assert_alone(out: Path) -> None:
    """No parts, no half-written files."""
    assert [path.name for path in out.parent.iterdir()] == [out.name]


# The same draws


def test_these_draws_fail_now_and_then() -> None:
    assert 0 < undisturbed().num_failed < 100
    assert len(undisturbed().laws.E) == 300 - undisturbed().num_failed


@pytest.mark.parametrize("chunk_size", [1, 37, 256, 4096])
def test_any_chunk_size_in_memory_and_on_disk(tmp_path: Path, chunk_size: int) -> None:
    assert_same(draws(None, chunk_size=chunk_size))
    out = tmp_path / "draws.parquet"
    assert_same(draws(out, chunk_size=chunk_size))
    assert_alone(out)
    assert out.read_bytes() == bytes_of_one_chunk()


@cache
def bytes_of_one_chunk() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        draws(Path(folder, "draws.parquet"), chunk_size=300)
        return Path(folder, "draws.parquet").read_bytes()


def test_a_file_is_cut_in_its_own_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups of one length, whichever chunks they are from, and the same bytes."""
    monkeypatch.setattr(draws_parquet, "ROWS", 64)
    outs = [tmp_path / f"{chunk}.parquet" for chunk in (300, 100, 7)]
    for out, chunk in zip(outs, (300, 100, 7), strict=True):
        draws(out, 200, chunk_size=chunk)
        assert_same(draws(out, chunk_size=chunk, resume=True))
    assert len({out.read_bytes() for out in outs}) == 1


def test_more_draws_begin_with_the_same(tmp_path: Path) -> None:
    """1,000 and then 3,000 are 3,000 in one go; fewer are read from the first."""
    out = tmp_path / "draws.parquet"
    draws(out, 1000, chunk_size=300)
    more = draws(out, 3000, chunk_size=700, resume=True)
    assert_same(more, draws(None, 3000))
    assert_same(draws(out, 300, resume=True))
    assert len(draws(out, 3000, resume=True).values(lambda law: law.E)) == 3000 - more.num_failed
    assert_alone(out)


def test_resume_begins_where_nothing_is(tmp_path: Path) -> None:
    assert_same(draws(tmp_path / "draws.parquet", resume=True))


def test_a_file_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals and counts from a file are those from memory."""
    monkeypatch.setattr(draws_parquet, "ROWS", 64)
    found = draws(tmp_path / "draws.parquet", chunk_size=100)
    sizes = [len(batch) for batch in found.draws.batches()]
    assert sizes == [64] * 4 + [44]
    assert found.outcomes == undisturbed().outcomes
    own, expected = (b.interval(1e9, 1e11) for b in (found, undisturbed()))
    np.testing.assert_array_equal([own.lower, own.upper], [expected.lower, expected.upper])
    assert repr(found) == repr(undisturbed())


def test_columns_of_a_file(tmp_path: Path) -> None:
    """Anyone can read the draws without this library."""
    import pandas as pd

    found = draws(tmp_path / "draws.parquet")
    table = pd.read_parquet(tmp_path / "draws.parquet")
    assert list(table) == ["resample", "outcome", "mean_relative_error", *"EAB", "alpha", "beta"]
    np.testing.assert_array_equal(table["resample"], np.arange(300))
    assert (table["outcome"] == "too_few_sizes").sum() == found.num_failed


# Interruptions


class Stop(BaseException):
    """As an interrupt."""


def stop_after(monkeypatch: pytest.MonkeyPatch, num: int, error: BaseException) -> None:
    """The write of part number ``num`` fails."""
    write, count = _store._write, iter(range(10**6))

    def write_or_fail(table: Any, path: Path) -> None:
        if next(count) == num:
            raise error
        write(table, path)

    monkeypatch.setattr(_store, "_write", write_or_fail)


@pytest.mark.parametrize("chunk_size", [50, 64, 1])
def test_interrupted_and_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_size: int
) -> None:
    out = tmp_path / "draws.parquet"
    with monkeypatch.context() as patch:
        stop_after(patch, 3, Stop())
        with pytest.raises(Stop):
            draws(out)
    assert not out.exists()
    made: list[int] = []
    write = _store._write
    monkeypatch.setattr(
        _store, "_write", lambda table, path: (made.append(len(table)), write(table, path))
    )
    assert_same(draws(out, chunk_size=chunk_size, resume=True))
    assert sum(made) == 150  # of 300: none is made twice
    assert_alone(out)


def test_interrupted_and_resumed_with_fewer(tmp_path: Path) -> None:
    """Several processes leave gaps; those beyond the number asked for do no harm."""
    out = tmp_path / "draws.parquet"
    whole = draws(None, 90)
    store = Store(out, manifest_of(fit_(), as_scheme("runs"), 0))
    store.open(resume=False)
    (batch,) = whole.draws.batches()
    for start in (0, 30, 70):
        store.write(start, slice_of(batch, start, start + 20))
    store.close()
    assert_same(draws(out, 60, resume=True), draws(None, 60))
    assert_alone(out)


def slice_of(batch: Any, start: int, stop: int) -> Any:
    law = jax.tree.map(lambda leaf: leaf[start:stop], batch.law)
    return type(batch)(law, batch.outcome_code[start:stop], batch.mean_relative_error[start:stop])


def test_killed_between_the_file_and_the_end_of_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "draws.parquet"

    def join_and_stop(self: Store, num: int) -> None:
        self._join(num)
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(Store, "finish", join_and_stop)
        with pytest.raises(Stop):
            draws(out)
    assert out.exists()
    assert_same(draws(out, resume=True))
    assert_alone(out)
    assert_same(draws(out, 400, resume=True), draws(None, 400))


def test_half_written_files_of_a_killed_process_go(tmp_path: Path) -> None:
    out = tmp_path / "draws[1].parquet"
    draws(out, 100)
    parts = tmp_path / "draws[1].parquet.parts"
    parts.mkdir()
    (tmp_path / ".draws[1].parquet.x1.part").write_bytes(b"half")
    (parts / ".000000000100-000000000150.parquet.x1.part").write_bytes(b"half")
    assert_same(draws(out, resume=True))
    assert_alone(out)


def test_parts_without_their_manifest_say_whose_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are kept where they belong to the bootstrap, and otherwise refused."""
    out = tmp_path / "draws.parquet"
    parts = tmp_path / "draws.parquet.parts"
    with monkeypatch.context() as patch:
        stop_after(patch, 3, Stop())
        with pytest.raises(Stop):
            draws(out)
    (parts / "manifest.json").unlink()
    with pytest.raises(FileExistsError, match=r"parquet\.parts already exists"):
        draws(out)
    with pytest.raises(ValueError, match="has draws of another bootstrap: remove this part"):
        draws(out, seed=1, resume=True)
    (parts / "notes.txt").write_text("the user's own")
    assert_same(draws(out, resume=True))
    assert [path.name for path in parts.iterdir()] == ["notes.txt"]


# A full disk


def test_a_full_disk_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "draws.parquet"
    full = OSError(errno.ENOSPC, "No space left on device")
    write_part, count = _store.write_part, iter(range(100))

    def write_or_fail(table: Any, path: Path) -> None:
        if next(count) == 4:
            Path(path).write_bytes(b"half")
            raise full
        write_part(table, path)

    with monkeypatch.context() as patch:
        patch.setattr(_store, "write_part", write_or_fail)
        with pytest.raises(OSError, match=r"No space left on device; earlier draws are kept"):
            draws(out)
    names = sorted(path.name for path in (tmp_path / "draws.parquet.parts").iterdir())
    assert [name for name in names if name.endswith(".part")] == []
    assert len([name for name in names if name.endswith(".parquet")]) == 4
    assert_same(draws(out, resume=True))
    assert_alone(out)


LIMITED_THEN_LOCKED = """
import resource, sys, time
from pathlib import Path
from test_draws import draws, fit_
from weighted_mean import mean_fit
from farseer_jax.uncertainty.draws_manifest import manifest_of
from farseer_jax.uncertainty.schemes_by_name import as_scheme
from farseer_jax.uncertainty.draws_file import Store

folder = Path(sys.argv[1])
free = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, free[1]))  # a part has 4 kB, the file more
try:
    draws(folder / "full.parquet", 3000, chunk_size=50)
except OSError as error:
    print(error, flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, free)
store = Store(folder / "held.parquet", manifest_of(fit_(), as_scheme("runs"), 0))
store.open(resume=False)
print("held", flush=True)
time.sleep(300)
"""


def test_a_real_limit_and_a_real_lock(tmp_path: Path) -> None:
    """A second process runs into a limit on file sizes, then holds a file until it is killed."""
    other = subprocess.Popen(
        [sys.executable, "-c", LIMITED_THEN_LOCKED, str(tmp_path)],
        cwd=TESTS,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        said = other.stdout.readline()
        assert "all draws are kept: make room, and continue with them (resume)" in said
        assert other.stdout.readline() == "held\n"
        full, held = tmp_path / "full.parquet", tmp_path / "held.parquet"
        assert [path.name for path in tmp_path.glob(".*")] == []
        assert not full.exists()
        made = len(list((tmp_path / "full.parquet.parts").glob("*.parquet")))
        assert made == 60  # all of them: it was the whole file that had no room
        assert_same(draws(full, 3000, resume=True), draws(None, 3000))
        for resume in (False, True):
            with pytest.raises(BlockingIOError, match=r"another process is writing .*held"):
                draws(held, resume=resume)
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
        other.stdout.close()
    assert_same(draws(held, resume=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full.parquet", "held.parquet"]


# What is refused


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "draws.parquet"
    draws(out)
    before = out.read_bytes()
    with pytest.raises(FileExistsError, match=r"already exists: continue with it \(resume\)"):
        draws(out)
    assert out.read_bytes() == before
    assert_alone(out)


def test_interrupted_draws_are_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "draws.parquet"
    with monkeypatch.context() as patch:
        stop_after(patch, 2, Stop())
        with pytest.raises(Stop):
            draws(out)
    with pytest.raises(FileExistsError, match=r"parquet\.parts already exists"):
        draws(out)
    assert_same(draws(out, resume=True))


OTHERS: dict[str, tuple[Any, str]] = {
    "runs": (lambda **o: bootstrap(mean_fit(5, 1, min_sizes=3, seed=1), 300, "runs", **o), "runs"),
    "number of runs": (
        lambda **o: bootstrap(mean_fit(6, 1, min_sizes=3), 300, "runs", **o),
        r"other runs, 5 \(here 6\)",
    ),
    "scheme": (lambda **o: bootstrap(fit_(), 300, "bayesian", **o), "another scheme, .*bayesian"),
    "settings of the scheme": (
        lambda **o: bootstrap(fit_(), 300, ParametricBootstrap(1e-3), **o),
        "another scheme, .*0.001",
    ),
    "seed": (lambda **o: bootstrap(fit_(), 300, "runs", seed=7, **o), r"another seed, 0 \(here 7"),
    "settings of the method": (
        lambda **o: bootstrap(mean_fit(5, 1, min_sizes=2), 300, "runs", **o),
        "other settings of the method",
    ),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("is_whole", [True, False])
def test_draws_of_something_else_are_not_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str, is_whole: bool
) -> None:
    """Neither a whole file nor the parts of one."""
    out = tmp_path / "draws.parquet"
    with monkeypatch.context() as patch:
        if not is_whole:
            stop_after(patch, 2, Stop())
        try:
            draws(out)
        except Stop:
            assert not is_whole
    call, message = OTHERS[other]
    with pytest.raises(ValueError, match=f"was begun with .*{message}"):
        call(out=out, resume=True)
    assert_same(draws(out, resume=True))  # and nothing was harmed


def test_draws_from_other_starts_are_not_resumed() -> None:
    """Settings as JSON leave starts of one's own out, and refits go out from them."""
    one, same, other, none = (
        manifest_of(fit_of(fit_().law, fit_().runs, LeastSquares(starts=starts)), RUNS, 0)
        for starts in (law_of(np.ones(2)), law_of(np.ones(2)), law_of(np.zeros(2)), None)
    )
    check_same("draws", one, same)
    for another in (other, none):
        with pytest.raises(ValueError, match="other settings of the method"):
            check_same("draws", one, another)


def test_draws_of_another_version_are_not_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "draws.parquet"
    with monkeypatch.context() as patch:
        patch.setattr(_manifest, "__version__", "0.0.1")
        draws(out)
    with pytest.raises(ValueError, match=r"was begun with farseer_jax 0\.0\.1 \(here"):
        draws(out, resume=True)
    with monkeypatch.context() as patch:
        patch.setattr(_manifest, "FORMAT_VERSION", 99)
        with pytest.raises(ValueError, match=r"has version 2 of the format .* reads version 99"):
            draws(out, resume=True)


def put(path: Path, kind: str) -> None:
    """What is no file of draws."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if kind == "text":
        path.write_text("not Parquet")
    elif kind == "empty":
        path.touch()
    elif kind == "truncated":
        draws(path)
        path.write_bytes(path.read_bytes()[:-20])
    else:
        pq.write_table(pa.table({"E": [1.0]}), path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("text", "is not a valid Parquet file"),
        ("empty", "is not a valid Parquet file"),
        ("truncated", "is not a valid Parquet file"),
        ("another table", "is a Parquet file without draws"),
    ],
)
def test_what_is_no_file_of_draws_is_left_alone(tmp_path: Path, kind: str, message: str) -> None:
    out = tmp_path / "draws.parquet"
    put(out, kind)
    before = out.read_bytes()
    with pytest.raises(ValueError, match=message):
        draws(out, resume=True)
    with pytest.raises(ValueError, match=message):
        Bootstrap.from_parquet(out)
    assert out.read_bytes() == before
    assert_alone(out)


def test_targets_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no .*absent"):
        draws(tmp_path / "absent" / "draws.parquet")
    with pytest.raises(IsADirectoryError, match="it is a directory; name a file"):
        draws(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such file"):
        Bootstrap.from_parquet(tmp_path / "absent.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_manifest_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "draws.parquet"
    with monkeypatch.context() as patch:
        stop_after(patch, 2, Stop())
        with pytest.raises(Stop):
            draws(out)
    (tmp_path / "draws.parquet.parts" / "manifest.json").write_text('{"version": ')
    with pytest.raises(ValueError, match=r"manifest of .*parts is damaged .*remove the folder"):
        draws(out, resume=True)


# What can be asked for


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_resamples": 0}, ValueError, "num_resamples must be at least 2, got 0"),
        ({"num_resamples": 1}, ValueError, "num_resamples must be at least 2, got 1"),
        ({"num_resamples": -5}, ValueError, "num_resamples must be at least 2"),
        ({"num_resamples": 10.5}, TypeError, "num_resamples must be a whole number, got 10.5"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": "a"}, TypeError, "seed must be a whole number"),
        ({"chunk_size": 0}, ValueError, "chunk_size must be at least 1, got 0"),
        ({"scheme": "boot"}, ValueError, "scheme must be one of"),
        ({"devices": []}, ValueError, "devices: expected at least one, got none"),
        ({"scheme": "jackknife-runs", "num_resamples": 10}, ValueError, "has exactly 5 resamples"),
        ({"scheme": "jackknife-sizes", "num_resamples": 4}, ValueError, "has exactly 5 resamples"),
    ],
)
def test_misuse(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        bootstrap(fit_(), **options)


def test_numbers_of_resamples_by_default() -> None:
    assert bootstrap(fit_()).num_resamples == 1000
    assert bootstrap(fit_(), scheme="jackknife-sizes").num_resamples == 5
    assert bootstrap(fit_(), 5, "jackknife-runs").num_resamples == 5


@pytest.mark.parametrize("chunk_size", [1, 2, 4096])
def test_a_scheme_that_leaves_nothing_to_fit(tmp_path: Path, chunk_size: int) -> None:
    """Three sizes, one left out; the file can then be used for another scheme."""
    three, out = mean_fit(num_sizes=3, min_sizes=3), tmp_path / "draws.parquet"
    message = r"'jackknife-sizes': all 3 refits failed \(too_few_sizes: .*use one that leaves"
    for target in (None, out):
        with pytest.raises(ValueError, match=message):
            bootstrap(three, scheme="jackknife-sizes", chunk_size=chunk_size, out=target)
    if chunk_size >= 3:  # no chunk was kept
        assert bootstrap(three, 50, "wild", out=out).num_failed == 0


def test_refits_that_fail_though_nothing_is_left_out() -> None:
    """Then another scheme is no remedy."""
    with pytest.raises(ValueError, match="leaves out no run, so the fit itself is in doubt"):
        bootstrap(mean_fit(num_sizes=5, min_sizes=6), 300, "wild")


def test_hopeless_refits_are_given_up_early() -> None:
    four = mean_fit(num_sizes=4, min_sizes=5)
    with pytest.raises(ValueError, match="all 300 refits failed"):
        bootstrap(four, 10**6, "runs", chunk_size=100)


def test_a_few_failures_at_the_beginning_do_not_end_it() -> None:
    """Whatever the chunk: the first resample of this seed fails."""
    fit = mean_fit(num_sizes=5, num_D=1, min_sizes=5)
    setting, seed = Setting.of(fit), 0
    weights = resamples(as_scheme("runs"), setting, seed, 0, 1).weights
    assert weights is not None
    assert (weights == 0).any()
    one, all_at_once = (bootstrap(fit, 200, "runs", chunk_size=k) for k in (1, 4096))
    assert one.num_failed == all_at_once.num_failed > 100
