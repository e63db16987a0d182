"""Files that are written completely or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

_LONGEST_PREFIX = 255 - len(".12345678.part")  # bytes, of a name that most file systems allow


def write_text(path: str | Path, text: str) -> None:
    """Write a file beside the target, then rename it: no reader ever sees half a file.

    Raises:
        OSError: the path cannot be written; nothing is left behind.
    """
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def written_aside(path: str | Path) -> Iterator[Path]:
    """A temporary path that is renamed to the target once it is written and on disk.

    Raises:
        OSError: the path cannot be written; nothing is left behind.
    """
    name = os.fspath(path)
    path = Path(os.path.realpath(path))  # keep a symbolic link and replace its target
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(f"cannot write {path}: it is not a regular file; name another")
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a directory; name a file in it")
    try:
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=aside_prefix(path), suffix=".part")
    except OSError as error:
        raise type(error)(
            f"cannot write {path}: {error.strerror} (is {path.parent} a folder you may write to?)"
        ) from error
    try:
        os.close(handle)
        yield Path(aside)
        _sync(aside)
        os.chmod(aside, 0o666 & ~_umask())
        os.replace(aside, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(aside)
        if isinstance(error, OSError) and error.filename in (None, aside):  # such as a full disk
            raise type(error)(f"cannot write {name!r}: {error.strerror or error}") from error
        raise


def aside_prefix(path: Path) -> str:
    """How the names of temporary files beside a target begin."""
    return os.fsdecode(os.fsencode(f".{path.name}")[:_LONGEST_PREFIX]) + "."


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
