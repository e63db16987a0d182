"""The digest of a file of JSON: whether its content is what was written."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

KEY = "digest"


def digest_of(content: Mapping[str, Any]) -> str:
    """SHA-256 over a content without its digest, as ``sha256:…``.

    The content is hashed as JSON with every number as a float, keys sorted and no spaces, so that
    indentation, the order of keys, and 1 for 1.0 change nothing.

    Args:
        content: what a file contains, in JSON's types.

    Example:
        >>> from farseer_jax.results.digest import digest_of
        >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2.0, "a": 1.0, "digest": "sha256:0"})
        True
    """
    hashed = _as_floats({key: value for key, value in content.items() if key != KEY})
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def json_text(content: Mapping[str, Any]) -> str:
    """The text of a file: a content with its digest, after the version of the library.

    Raises:
        TypeError: a value is not of JSON's types.
    """
    plain = json.loads(json.dumps(content, allow_nan=False))  # as a reader will have it
    plain.pop(KEY, None)
    whole, digest = dict[str, Any](), digest_of(plain)
    for key, value in plain.items():
        whole[key] = value
        if key == "library_version":
            whole[KEY] = digest
    whole.setdefault(KEY, digest)
    return json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def check_digest(name: str, content: Mapping[str, Any], remedy: str) -> None:
    """Refuse a content that is not what was written.

    Args:
        name: of the source, for messages.
        content: as it was parsed.
        remedy: what to do, as in ``"fit again"``.

    Raises:
        ValueError: there is no digest, or it is that of another content.
    """
    found = content.get(KEY)
    if found is None:
        raise ValueError(
            f'{name} has no "{KEY}", which would reveal changes: it was written by an earlier '
            f"version of farseer_jax, or by hand; {remedy}"
        )
    if found != digest_of(content):
        raise ValueError(
            f'{name} was changed after it was written: its "{KEY}" does not match its content; '
            f"use the original file, or {remedy}"
        )


def _as_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_floats(own) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return [float(own) if type(own) is int else _as_floats(own) for own in value]
    return float(value) if type(value) is int else value
