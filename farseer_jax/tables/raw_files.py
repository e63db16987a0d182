"""Files as readers need them: on disk, decompressed, text in UTF-8."""

from __future__ import annotations

import codecs
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

STANDARD_INPUT: Final = "-"
HEAD_BYTES: Final = 1 << 16
ZIP: Final = b"PK\x03\x04"
_COMPRESSIONS: Final = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MOST_NAMES: Final = 6


@contextmanager
def on_disk(path: Path) -> Iterator[Path]:
    """The file itself; for standard input, a temporary file with its content."""
    if str(path) != STANDARD_INPUT:
        _refuse_no_file(path)
        yield path
        return
    with temporary() as copy:
        with copy.open("wb") as target:
            shutil.copyfileobj(sys.stdin.buffer, target)
        yield copy


def _refuse_no_file(path: Path) -> None:
    """Refuse what cannot be opened as a file.

    Raises:
        OSError, ValueError: there is no such file, or it cannot be read.
    """
    try:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file")
        if not path.is_file():
            raise ValueError("not a regular file; write the runs to a file first")
        path.open("rb").close()
    except PermissionError:
        raise PermissionError(f"{path}: permission to read it was denied") from None


@contextmanager
def decompressed(file: Path) -> Iterator[Path]:
    """The file itself; if it is compressed, a temporary file with its content."""
    with file.open("rb") as stream:
        head = stream.read(8)
    compression = next((own for mark, own in _COMPRESSIONS.items() if head.startswith(mark)), None)
    name = _zipped_name(file) if head.startswith(ZIP) else None
    if compression is None and name is None:
        yield file
        return
    with temporary() as copy:
        with copy.open("wb") as target:
            _decompress(file, name, compression, target)
        yield copy


def _decompress(file: Path, name: str | None, compression: str | None, target: IO[bytes]) -> None:
    """Copy the content of a compressed file, or of a file in a zip archive."""
    import pyarrow as pa

    try:
        if name is not None:
            with zipfile.ZipFile(file) as archive, archive.open(name) as member:
                shutil.copyfileobj(member, target)
        else:
            with pa.input_stream(str(file), compression=compression) as source:
                shutil.copyfileobj(source, target)
    except (OSError, EOFError, zipfile.BadZipFile, RuntimeError, zlib.error) as error:
        raise ValueError(f"cannot be decompressed: {error}") from None


def _zipped_name(file: Path) -> str | None:
    """The single file of a zip archive; None for Excel, whose files are archives too.

    Raises:
        ValueError: the archive has several files, or none.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except zipfile.BadZipFile as error:
        raise ValueError(f"cannot be decompressed: {error}") from None
    if "[Content_Types].xml" in names or "mimetype" in names:
        return None
    names = [name for name in names if not name.startswith("__MACOSX/")]
    if len(names) != 1:
        listed = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
        raise ValueError(
            f"the archive has {len(names)} files ({listed}): unpack it and name one"
            if names
            else "the archive is empty"
        )
    return names[0]


@contextmanager
def as_utf8(file: Path) -> Iterator[Path]:
    """The file itself if it is UTF-8 without a byte order mark, else a temporary file that is.

    Text without such a mark that is not UTF-8 is read as UTF-16 if every second byte is zero, and
    else as Windows-1252, as Excel writes it.

    Raises:
        ValueError: it is not text.
    """
    with file.open("rb") as stream:
        encoding = _encoding(stream.read(HEAD_BYTES))
    if encoding is None and _is_utf8(file):
        yield file
        return
    with temporary() as copy:
        with (
            file.open(encoding=encoding or "cp1252", newline="") as source,
            copy.open("w", encoding="utf-8", newline="") as target,
        ):
            try:
                shutil.copyfileobj(source, target)
            except UnicodeError as error:
                raise ValueError(f"is a binary file in an unknown format ({error})") from None
        yield copy


def _encoding(head: bytes) -> str | None:
    """The encoding that a mark or zeros show; None for UTF-8 and Windows-1252.

    Raises:
        ValueError: it is not text.
    """
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if marked is not None or b"\0" not in head:
        return marked
    zeros = [head[start::2].count(0) / max(1, len(head[start::2])) for start in (0, 1)]
    if min(zeros) == 0 and max(zeros) > 0.5:
        return "utf-16-le" if zeros[1] else "utf-16-be"
    raise ValueError("is a binary file in an unknown format")


def _is_utf8(file: Path) -> bool:
    """Whether a file is UTF-8.

    Raises:
        ValueError: it is not text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with file.open("rb") as stream:
        try:
            while block := stream.read(1 << 20):
                if "\0" in decoder.decode(block):
                    raise ValueError("is a binary file in an unknown format")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


@contextmanager
def temporary() -> Iterator[Path]:
    """A path of a file that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="farseer_jax-") as folder:
        yield Path(folder, "table")
