"""Writing draws to disk: parts beside the file as they are made, joined at the end."""

import contextlib
import glob
import itertools
import json
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from farseer_jax.fitting.fit_batch import BatchFit
from farseer_jax.results.files import aside_prefix, write_text, written_aside
from farseer_jax.uncertainty.draws_manifest import (
    METADATA,
    bootstrap_digest,
    check_same,
    parsed_manifest,
    read_manifest,
)
from farseer_jax.uncertainty.draws_parquet import (
    DrawsParquet,
    part_content,
    write_part,
    write_whole,
)
from farseer_jax.uncertainty.draws_table import RESAMPLE, Range, to_table

if TYPE_CHECKING:
    import pyarrow as pa


_PART = re.compile(r"(\d{12})-(\d{12})\.parquet")
PARTS = ".parts"  # ends the name of their folder
_FOLDER = "remove the folder, or name another file"


class Store:
    """A file of draws that is being written."""

    def __init__(self, path: str | Path, manifest: dict[str, Any]) -> None:
        """Prepare the file; nothing is written yet.

        Args:
            path: the file of all draws.
            manifest: what determines the draws.
        """
        self.path = Path(path)
        self.parts = self.path.with_name(self.path.name + PARTS)
        self._manifest = manifest
        self._lock: Any = None
        self._is_joined = False

    def check_free(self, *, resume: bool) -> None:
        """Refuse a file that must not or cannot be written; nothing is written yet.

        Args:
            resume: continue with existing draws.

        Raises:
            FileExistsError: the file exists, and ``resume`` is not set.
            OSError: the path is a directory, or its folder does not exist.
        """
        self._check_place()
        self._check_new(resume)

    def open(self, *, resume: bool) -> None:
        """Take the lock, and check existing draws.

        Args:
            resume: continue with existing draws.

        Raises:
            FileExistsError: the file exists, and ``resume`` is not set.
            ValueError: the existing draws belong to another bootstrap, or are damaged.
            OSError: another process is writing the file, or it cannot be written.
        """
        self._check_place()
        self._take_lock()
        try:
            self._check_new(resume)
            self._clear_asides()
            self._check_existing()
            write_text(self._manifest_path, json.dumps(self._manifest))
        except BaseException:
            self.close()
            raise

    def _check_place(self) -> None:
        if not self.path.parent.is_dir():
            raise FileNotFoundError(
                f"cannot write {self.path}: there is no folder {self.path.parent}"
            )
        if self.path.is_dir():
            raise IsADirectoryError(f"cannot write {self.path}: it is a directory; name a file")

    def _check_new(self, resume: bool) -> None:
        has_parts = self._manifest_path.exists() or bool(self._part_ranges())
        if not resume and (self.path.exists() or has_parts):
            there = self.path if self.path.exists() else self.parts
            raise FileExistsError(
                f"{there} already exists: continue with it (resume), or name another file"
            )

    def _check_existing(self) -> None:
        """Check that all draws there are belong to this bootstrap, and are as they were written.

        Raises:
            ValueError: some do not, or are damaged.
        """
        self.check_manifests()
        for source in self.sources():
            for _ in source.tables():
                pass

    def check_manifests(self) -> None:
        """Check that the existing draws, in the file and in parts, are those of this bootstrap.

        Raises:
            ValueError: they are of another, or a manifest is damaged.
        """
        if self._manifest_path.exists():
            check_same(str(self.parts), self._parts_manifest(), self._manifest)
        if self.path.exists():
            check_same(str(self.path), read_manifest(self.path), self._manifest)

    def read_manifest(self) -> dict[str, Any]:
        """The manifest of the file, or of its parts where there is no file yet.

        Raises:
            ValueError: it is missing or damaged.
        """
        if self.path.exists():
            return read_manifest(self.path)
        if not self._manifest_path.exists():
            raise ValueError(f"{self._manifest_path} is missing: resume to write it again")
        return self._parts_manifest()

    def close(self) -> None:
        """Release the lock; unfinished parts are kept."""
        if self._lock is None:
            return
        is_done = self._is_joined or not self._part_ranges()
        if is_done:  # before the lock is released to another process
            self._clear_parts()
            self._manifest_path.unlink(missing_ok=True)  # last: parts always have a manifest
            self._lock_path.unlink(missing_ok=True)
        self._lock.release()
        self._lock = None
        if is_done:
            with contextlib.suppress(OSError):  # the user's own files are kept
                self.parts.rmdir()

    def num_kept(self) -> int:
        """The number of existing draws."""
        kept = at = 0
        for start, stop in self._done():
            kept += max(stop - max(start, at), 0)
            at = max(at, stop)
        return kept

    def missing(self, num: int, chunk: int) -> list[Range]:
        """The missing draws, in ranges of at most ``chunk``."""
        ranges, at = [], 0
        for start, stop in [*self._done(), (num, num)]:
            ranges += [(i, min(i + chunk, start, num)) for i in range(at, min(start, num), chunk)]
            at = max(at, stop)
        return ranges

    def write(self, start: int, batch: BatchFit) -> None:
        """Write the draws that begin at ``start``.

        Raises:
            OSError: they cannot be written; earlier draws are kept.
        """
        part = self._part_path((start, start + len(batch)))
        content = part_content(to_table(batch, start), self._bootstrap)
        try:
            _write(content, part)
        except OSError as error:
            raise _unwritten(part, error, "earlier draws") from error

    def finish(self, num: int) -> None:
        """Join all parts into the file; they are removed when the store is closed.

        Args:
            num: number of draws that must exist without a gap.

        Raises:
            OSError: the file cannot be written; the parts are kept.
        """
        if self._part_ranges():
            try:
                self._join(num)
            except OSError as error:
                raise _unwritten(self.path, error, "all draws") from error
        self._is_joined = True

    def _join(self, num: int) -> None:
        """Write all draws as one file; a process killed after that leaves the parts as well."""
        columns, metadata = self._manifest["columns"], json.dumps(self._manifest).encode()
        with written_aside(self.path) as aside:
            tables = self._in_order(num)
            write_whole(aside, tables, columns, self._bootstrap, {METADATA: metadata})

    def _in_order(self, num: int) -> "Iterator[pa.Table]":
        """The draws of all sources, each once and without a gap up to ``num``."""
        at = 0
        for table in itertools.chain.from_iterable(own.tables() for own in self.sources()):
            first = table[RESAMPLE][0].as_py()
            if first > at:  # several processes left a gap beyond ``num``
                break
            new = table.slice(at - first)
            if new.num_rows:
                yield new
                at += new.num_rows
        if at < num:
            raise ValueError(f"{self.parts}: draws from {at} on are missing; resume")

    def sources(self) -> list[DrawsParquet]:
        """The existing file, and the parts in order."""
        columns, bootstrap = self._manifest["columns"], self._bootstrap
        whole = [DrawsParquet(self.path, bootstrap, columns)] if self.path.exists() else []
        return whole + [
            DrawsParquet(self._part_path(part), bootstrap, columns, part)
            for part in self._part_ranges()
        ]

    def _done(self) -> list[Range]:
        """Ranges of existing draws, in order."""
        import pyarrow.parquet as pq

        ranges = self._part_ranges()
        if self.path.exists():
            ranges.append((0, pq.read_metadata(self.path).num_rows))
        return sorted(ranges)

    def _part_ranges(self) -> list[Range]:
        paths = self.parts.iterdir() if self.parts.is_dir() else ()
        found = (_PART.fullmatch(path.name) for path in paths)
        return sorted((int(match[1]), int(match[2])) for match in found if match)

    def _part_path(self, part: Range) -> Path:
        return self.parts / f"{part[0]:012d}-{part[1]:012d}.parquet"

    @property
    def _lock_path(self) -> Path:
        return self.parts / "lock"

    @property
    def _manifest_path(self) -> Path:
        return self.parts / "manifest.json"

    @cached_property
    def _bootstrap(self) -> str:
        return bootstrap_digest(self._manifest)

    def _parts_manifest(self) -> dict[str, Any]:
        """The manifest of the parts.

        Raises:
            ValueError: it is damaged.
        """
        return parsed_manifest(str(self.parts), self._manifest_path.read_bytes(), _FOLDER)

    def _clear_parts(self) -> None:
        """Remove parts that are in the file now."""
        for part in self._part_ranges():
            self._part_path(part).unlink()

    def _clear_asides(self) -> None:
        """Remove half-written files of a process that was killed."""
        own = self.path.parent.glob(f"{glob.escape(aside_prefix(self.path))}*.part")
        for aside in [*own, *self.parts.glob(".*.part")]:
            aside.unlink()

    def _take_lock(self) -> None:
        import filelock

        lock = filelock.FileLock(self._lock_path)
        try:
            self.parts.mkdir(exist_ok=True)
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise BlockingIOError(
                f"another process is writing {self.path}: wait for it, or name another file"
            ) from None
        except OSError as error:  # such as a folder that may only be read, or a full disk
            raise type(error)(
                f"cannot write {self.path}: {error.strerror or error} (is {self.path.parent} a "
                "folder you may write to?)"
            ) from None
        self._lock = lock


def _unwritten(path: Path, error: OSError, kept: str) -> OSError:
    reason = error.strerror or str(error)
    said = reason if str(path) in reason else f"cannot write {path}: {reason}"
    return OSError(f"{said}; {kept} are kept: make room, and continue with them (resume)")


def _write(table: "pa.Table", path: Path) -> None:
    with written_aside(path) as aside:
        write_part(table, aside)
