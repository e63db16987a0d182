"""Saved results: the class that a file holds, and reading it."""

import re
from pathlib import Path
from typing import Any

_HEAD_BYTES = 4096
_FORMAT = re.compile(rb'\s*\{\s*"format":\s*"farseer_jax\.(\w+)"')  # the beginning of a file
_REPORT = re.compile(rb'\s*\{\s*"(?:forecast|comparison)":\s*\{')
# The kind that draws each result of a report.
_OF_REPORTS = {
    "forecast": "forecast",
    "comparison": "comparison",
    "holdouts": "extrapolation",
    "split": "allocation",
    "next": "suggestions",
}
FIT, DRAWS = "fit", "Bootstrap"  # the file of fits, and that of draws


def result_class(path: Path) -> str | None:
    """The class of the result that a file holds, such as ``"Forecast"``; :data:`FIT` for fits.

    Returns:
        None for a file that holds no result, or does not exist.
    """
    if path.suffix.lower() == ".parquet":
        return DRAWS if _has_draws(path) else None
    try:
        with path.open("rb") as file:
            found = _FORMAT.match(file.read(_HEAD_BYTES))
    except OSError:
        return None
    return None if found is None else found[1].decode()


def refuse_report(path: Path) -> None:
    """Refuse the JSON of `farseer report`, which is for readers, and say what draws its results.

    Raises:
        Refusal: the file is one.
    """
    from farseer_jax.cli.errors import Refusal
    from farseer_jax.results.json_file import parse_json

    try:
        with path.open("rb") as file:
            if not _REPORT.match(file.read(_HEAD_BYTES)):
                return
        content = parse_json(str(path), path.read_text("utf-8"))
        results = [name for name in content if name in _OF_REPORTS]
    except (OSError, ValueError):
        return
    runs = "A B" if "comparison" in results else "RUNS"
    commands = ", ".join(f"`farseer plot {_OF_REPORTS[name]} {runs}`" for name in results)
    raise Refusal(
        f"{path} has the results of `farseer report` ({', '.join(results)}) as numbers to read; "
        f"draw them from the runs, with the options of the report: {commands}"
    )


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
