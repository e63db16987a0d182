"""Reading of JSON files: the text, the JSON, and whether both are whole and unchanged."""

import errno
import json
import math
from os import PathLike
from pathlib import Path
from typing import Any

from farseer_jax._version import __version__
from farseer_jax.results.digest import check_digest

_MOST_LEVELS = 100  # of nesting; the files have at most a dozen
_SHOWN = 20  # digits of a number, and letters of a name, in messages


def read_content(
    source: str | Path, what: str, kind: str, version: int, remedy: str
) -> tuple[str, dict[str, Any]]:
    """The content of a file of one format and version, whose digest is right.

    Args:
        source: a path, or the JSON text.
        what: what a file contains, for messages, as in ``"a fit file"``.
        kind: the name of the format, its entry ``format``.
        version: of the format.
        remedy: what to do about a file of an earlier version, or one that was changed.

    Returns:
        The name of the source for messages, and the content.

    Raises:
        FileNotFoundError: there is no such file.
        IsADirectoryError: the path is a directory.
        TypeError: the source is neither a path nor text.
        ValueError: the source is not JSON, of another format or version, or was changed.
    """
    name, text = read_source(source)
    content = parse_json(name, text)
    if not isinstance(content, dict) or content.get("format") != kind:
        raise ValueError(f'{name}: expected {what} with "format": "{kind}"')
    _check_version(name, content.get("version"), version, remedy)
    check_digest(name, content, remedy)
    return name, content


def read_source(source: str | Path) -> tuple[str, str]:
    """The name of a source for messages, and its text.

    Raises:
        FileNotFoundError: there is no such file.
        IsADirectoryError: the path is a directory.
        TypeError: the source is neither a path nor text.
        ValueError: the file is not text.
    """
    if not isinstance(source, str | PathLike):
        raise TypeError(
            f"source: expected a path or JSON text, as written by to_json, got "
            f"{type(source).__name__}"
        )
    if isinstance(source, str) and (not source or source.lstrip("\ufeff \t\r\n").startswith("{")):
        return "the JSON text", source.removeprefix("\ufeff")
    path = Path(source)
    try:
        return str(source), path.read_text(encoding="utf-8-sig")
    except IsADirectoryError:
        raise IsADirectoryError(
            f"{source} is a directory; give the path of a file written by to_json"
        ) from None
    except FileNotFoundError:
        raise FileNotFoundError(f"{source}: no such file") from None
    except UnicodeDecodeError:
        raise ValueError(f"{source}: expected JSON in UTF-8, got something else") from None
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        shown = _short(str(source))
        raise ValueError(
            f"{shown!r} is neither a path nor a JSON object as written by to_json"
        ) from None


def parse_json(name: str, text: str) -> Any:
    """Parse JSON strictly, as standards have it: unique keys, finite numbers.

    Raises:
        ValueError: the text is truncated or not JSON, a key appears twice, a number is not finite
            or beyond the range of floating point, or values are nested too deeply.
    """
    try:
        content = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_refuse_constant,
        )
        _check_depth(content, _MOST_LEVELS)
        return content
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{name} is not valid JSON ({error}): it is truncated or another kind of file; "
            "write it again"
        ) from None
    except RecursionError:
        raise ValueError(f"{name} is nested too deeply; write it again") from None
    except ValueError as error:
        raise ValueError(f"{name} is damaged: {error}; write it again") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set[str]()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {_short(twice)!r} appears twice")
    return found


def _whole(text: str) -> float:
    if len(text) > 308:  # digits of the largest float, beyond which int() becomes slow
        raise ValueError(f"the number {_short(text)} is beyond the range of floating point")
    return -0.0 if text == "-0" else int(text)  # -0.0, as some programs write it


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {_short(text)} is beyond the range of floating point")
    return value


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not a valid JSON number")


def _check_depth(content: Any, left: int) -> None:
    inner = content.values() if isinstance(content, dict) else content
    if not isinstance(content, dict | list):
        return
    if not left:
        raise RecursionError
    for own in inner:
        if isinstance(own, dict | list):
            _check_depth(own, left - 1)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _check_version(name: str, found: Any, version: int, remedy: str) -> None:
    if type(found) is int and found < version:
        raise ValueError(
            f"{name} has version {found} of the format, but this farseer_jax ({__version__}) reads "
            f"version {version}: {remedy}"
        )
    if type(found) is not int:
        raise ValueError(
            f'{name}: expected "version": {version}, a whole number, got {found!r}; {remedy}'
        )
    if found > version:
        raise ValueError(
            f"{name} has version {found} of the format, but this farseer_jax ({__version__}) reads "
            f"version {version}: upgrade farseer_jax"
        )
