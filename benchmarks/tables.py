"""Large tables: time and memory to read and to inspect them, beside pandas and polars.

    python benchmarks/tables.py [--out results/tables.json] [--rows 10000000]

Ten million rows of checkpoints (run, step, N, D, loss, arm; 600 MB of CSV, 90 MB of Parquet) and a
table of 5,000 columns, made by DuckDB in a temporary folder. Each reader runs in a process of its
own, which reports its seconds, without imports, and its peak memory, with them.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

NUM_COLUMNS = 5_000
MEASURED = """
import json, resource, sys, time
{imports}
path = sys.argv[1]
start = time.perf_counter()
found = {call}
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps({{"seconds": seconds, "peak_gib": peak}}))
"""
IMPORTS = "import farseer_jax as fj; fj.{name}"
READERS = {
    "inspect_table": (IMPORTS.format(name="inspect_table"), "str(fj.inspect_table(path))"),
    "read_table": (IMPORTS.format(name="read_table"), "fj.read_table(path)"),
    "pandas": ("import pandas as pd", "pd.read_{kind}(path)"),
    "polars": ("import polars as pl", "pl.read_{kind}(path)"),
}


def write_tables(folder: Path, num_rows: int) -> dict[str, Path]:
    """The tables, by name."""
    import duckdb

    paths = {
        "rows, CSV": folder / "rows.csv",
        "rows, Parquet": folder / "rows.parquet",
        "columns, CSV": folder / "columns.csv",
    }
    rows = (
        "SELECT i // 1000 AS run, i % 1000 AS step, 1e8 * pow(1.0003, i // 1000) AS N, "
        "1e7 * (1 + i % 1000) AS D, 2 + 2 * pow(1 + i % 1000, -0.3) + 1e-3 * random() AS loss, "
        f"['a', 'b', 'c'][1 + i // 1000 % 3] AS arm FROM range({num_rows}) r(i)"
    )
    wide = ", ".join(f"random() AS c{at}" for at in range(NUM_COLUMNS))
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({rows}) TO '{paths['rows, CSV']}' (HEADER)")
        connection.execute(f"COPY ({rows}) TO '{paths['rows, Parquet']}' (FORMAT parquet)")
        query = f"SELECT 1e8 * (1 + i % 5) AS N, 1e9 * (1 + i) AS D, 4 - i / 40 AS loss, {wide}"
        connection.execute(
            f"COPY ({query} FROM range(40) r(i)) TO '{paths['columns, CSV']}' (HEADER)"
        )
    return paths


def measured(reader: str, path: Path) -> dict[str, float]:
    """Seconds and peak memory of one call in a process of its own."""
    imports, call = READERS[reader]
    kind = "parquet" if path.suffix == ".parquet" else "csv"
    code = MEASURED.format(imports=imports, call=call.format(kind=kind))
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )
    return {name: round(value, 2) for name, value in json.loads(done.stdout).items()}


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    readers = [name for name in READERS if name != "polars" or importlib.util.find_spec("polars")]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, path in write_tables(Path(folder), options.rows).items():
            megabytes = round(path.stat().st_size / 1e6)
            found[name] = {"megabytes": megabytes} | {own: measured(own, path) for own in readers}
    from _timing import machine  # JAX: not before, since a new process inherits the peak

    result = {"machine": machine(), "rows": options.rows, "columns": NUM_COLUMNS, "tables": found}
    text = json.dumps(result, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
