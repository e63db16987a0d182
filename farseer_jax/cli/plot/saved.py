"""Saved results: the class that a file holds, and reading it."""

import re
from pathlib import Path
from typing import Any

_HEAD_BYTES = 4096
_FORMAT = re.compile(rb'\s*\{\s*"format":\s*"farseer_jax\.(\w+)"')  # the beginning of a file
FIT, DRAWS = "fit", "Bootstrap"  # the file of fits, and that of draws


def result_class(path: Path) -> str | None:
    """The class of the result that a file holds, such as ``"Forecast"``; :data:`FIT` for fits.

    Returns:
        None for a file that is no result, or none at all.
    """
    if path.suffix.lower() == ".parquet":
        return DRAWS if _has_draws(path) else None
    try:
        with path.open("rb") as file:
            found = _FORMAT.match(file.read(_HEAD_BYTES))
    except OSError:
        return None
    return None if found is None else found[1].decode()


def read_result(path: Path) -> Any:
    """The result that a file holds; the only one of a file of fits.

    Raises:
        Refusal: the file has several fits.
        ValueError: the file is damaged.
    """
    import farseer_jax

    found = result_class(path)
    if found == FIT:
        from farseer_jax.cli.choice import read_one_fit

        return read_one_fit(path, None, None)
    if found == DRAWS:
        return farseer_jax.Bootstrap.from_parquet(path)
    return getattr(farseer_jax, str(found)).from_json(path)


def _has_draws(path: Path) -> bool:
    if not path.is_file():
        return False
    import pyarrow as pa
    import pyarrow.parquet as pq

    from farseer_jax.uncertainty.draws_manifest import METADATA

    try:
        return METADATA in (pq.read_schema(path).metadata or {})
    except (OSError, pa.ArrowInvalid):
        return False  # the reader of tables says what is wrong
