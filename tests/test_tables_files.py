"""Tables in files: every format and dialect, and every way in which a file can be bad."""

import bz2
import codecs
import contextlib
import gzip
import io
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from commands import farseer
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from farseer_jax.tables.files import read_file
from farseer_jax.tables.read import as_columns

TEXT = "run_id,params,tokens,val_loss\na,100000000,1e9,3.5\nb,2e8,2000000000,3.25\n"
RECORDS = [
    {"run_id": "a", "params": 1e8, "tokens": 1e9, "val_loss": 3.5},
    {"run_id": "b", "params": 2e8, "tokens": 2e9, "val_loss": 3.25},
]
FRAME = pd.DataFrame(RECORDS)
EXPECTED: dict[str, list[Any]] = {name: [row[name] for row in RECORDS] for name in RECORDS[0]}


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, table: str | None = None) -> dict[str, list[Any]]:
    return {name: values.tolist() for name, values in read_file(path, table).items()}


def text(folder: Path, content: str | bytes) -> dict[str, list[Any]]:
    return read(written(folder / "runs", content))


def refusal(path: Path, kind: type[Exception] = ValueError, table: str | None = None) -> str:
    """The message of a refusal, which is one line and names the file."""
    with pytest.raises(kind) as caught:
        read_file(path, table)
    assert type(caught.value) is kind
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def zipped(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, own in files.items():
            archive.writestr(zipfile.ZipInfo(name), own)  # without the time: workers agree
    return content.getvalue()


def compressed(content: str, codec: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(content.encode())
    return bytes(sink.getvalue())


# Text


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        TEXT.rstrip("\n"),
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", "\r"),
        TEXT.replace("\n", "\r\n", 1),
        TEXT[:-1].replace("3.5\n", "3.5\r\n"),
        TEXT.replace(",", ";"),
        TEXT.replace(",", "\t"),
        TEXT.replace(",", "|"),
        TEXT.replace(",", "   "),
        TEXT.replace("a,", " a, ").replace(",", " "),
        TEXT.replace(",", ", "),
        TEXT.replace("100000000", '"100000000"'),
        "sep=;\n" + TEXT.replace(",", ";"),
        "sep=\t\r\n" + TEXT.replace(",", "\t"),
        "sep=,\n" + TEXT,
        TEXT.replace(",", ";").replace("3.", "3,").replace("1e9", "1.000.000.000"),
        TEXT.replace(",", "\t").replace("3.", "3,").replace("100000000", "100.000.000"),
        "# runs of 2024, in nats\n" + TEXT,
        "# runs of 2024\r\n#\r\n" + TEXT.replace("\n", "\r\n"),
        TEXT.replace("\nb", "\n# the second, of the same\nb"),
        TEXT.replace("\nb", "\n\n  \nb") + "\n\n   \n\n",
        "Runs of 2024\n\n" + TEXT,
        "Runs of 2024,,,\n" + TEXT,
        TEXT.replace("\n", ",\n"),
        TEXT.replace("\n", ",\n").replace("val_loss,", "val_loss"),
        "\ufeff" + TEXT,
        "\ufeff# a comment\n" + TEXT,
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.replace(",", ";").encode("utf-16"),
        gzip.compress(TEXT.encode(), mtime=0),
        bz2.compress(TEXT.replace(",", "\t").encode()),
        compressed(TEXT, "zstd"),
        compressed(TEXT, "lz4"),
        gzip.compress(TEXT.encode("utf-16"), mtime=0),
        zipped(**{"runs.csv": TEXT}),
        zipped(**{"runs/runs.csv": TEXT, "__MACOSX/._runs.csv": "x"}),
        json.dumps(RECORDS),
        json.dumps(RECORDS, indent=1),
        "".join(json.dumps(record) + "\n" for record in RECORDS),
        "\ufeff" + "\r\n\r\n".join(map(json.dumps, RECORDS)),
        gzip.compress(json.dumps(RECORDS).encode(), mtime=0),
        FRAME.to_json(),
        FRAME.to_json(orient="records", lines=True),
        FRAME.to_json(orient="split"),
        FRAME.to_json(orient="index"),
        FRAME.to_json(orient="table", index=False),
        json.dumps(EXPECTED),
    ],
)
def test_the_same_table(tmp_path: Path, content: str | bytes) -> None:
    found = text(tmp_path, content)
    assert {name: own for name, own in found.items() if name != "column_4"} == EXPECTED
    assert set(found.get("column_4", [None])) == {None}


@pytest.mark.parametrize("header", ["", "N D loss"])
@pytest.mark.parametrize("delimiter", [" ", ",", ";", "\t"])
def test_numpy_savetxt(tmp_path: Path, header: str, delimiter: str) -> None:
    values = np.array([[1e8, 1e9, 3.5], [2e8, 2e9, 3.25]])
    header = header.replace(" ", delimiter)
    np.savetxt(tmp_path / "runs.txt", values, header=header, delimiter=delimiter)
    names = ["N", "D", "loss"] if header else ["0", "1", "2"]
    assert read(tmp_path / "runs.txt") == dict(zip(names, values.T.tolist(), strict=True))


@pytest.mark.parametrize("index", [False, True])
def test_what_pandas_writes(tmp_path: Path, index: bool) -> None:
    FRAME.set_axis(range(4), axis=1).to_csv(tmp_path / "runs.csv", index=index)
    found = read(tmp_path / "runs.csv")
    assert list(found) == ["column_0"] * index + ["0", "1", "2", "3"]
    assert found["1"] == [1e8, 2e8]


def test_white_space_in_quotes(tmp_path: Path) -> None:
    found = text(tmp_path, 'name "model size" loss\n"a  b" 1e8 3.5\n c  2e8  3.25\n')
    assert found == {"name": ["a  b", "c"], "model size": [1e8, 2e8], "loss": [3.5, 3.25]}


def test_windows_letters(tmp_path: Path) -> None:
    content = "Größe;Verlust\n201.228.288;3,5\n98.765.432;3,25\n".encode("cp1252")
    assert text(tmp_path, content) == {"Größe": [201228288, 98765432], "Verlust": [3.5, 3.25]}


def test_digits_are_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    values = rng.uniform(1, 9, (3, 500)) * np.array([[1e9], [1e11], [1.0]])
    rows = ["N,D,loss", *(",".join(map(repr, row)) for row in values.T.tolist())]
    assert text(tmp_path, "\n".join(rows)) == dict(
        zip(("N", "D", "loss"), values.tolist(), strict=True)
    )


def test_names_that_differ_by_case_only_or_not_at_all(tmp_path: Path) -> None:
    assert text(tmp_path, "N,n,Loss,loss,\n1,2,3,4,5\n") == {
        **{"N": [1], "n": [2], "Loss": [3], "loss": [4], "column_4": [5]}
    }
    assert list(text(tmp_path, "N,loss,loss\n1,2,3\n")) == ["N", "loss (1)", "loss (2)"]
    table = pa.table([[1], [2], [3]], names=["N", "n", 'a "quoted" name'])
    parquet.write_table(table, tmp_path / "runs.parquet")
    assert read(tmp_path / "runs.parquet") == {"N": [1], "n": [2], 'a "quoted" name': [3]}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2"], [1, 2]),
        (["1", "2.5", "1e3"], [1.0, 2.5, 1000.0]),
        (["9007199254740993", "1"], [9007199254740993, 1]),
        (["1" + "0" * 30, "1"], [1e30, 1.0]),
        (["inf", "-Infinity", "1"], [np.inf, -np.inf, 1.0]),
        (["1e400", "1"], [np.inf, 1.0]),
        (["True", "False"], [True, False]),
        (["true", "", "FALSE"], [True, None, False]),
        (["7B", "1.4B"], ["7B", "1.4B"]),
        (["1.5", "diverged", "2.50"], ["1.5", "diverged", "2.50"]),
        (["007", "012"], ["007", "012"]),
        (["yes", "no"], ["yes", "no"]),
        (["t", "f"], ["t", "f"]),
        (["2024-01-05", "2024-02-05"], ["2024-01-05", "2024-02-05"]),
        (["05/01/2024", "06/01/2024"], ["05/01/2024", "06/01/2024"]),
        (["10:00:00", "11:00"], ["10:00:00", "11:00"]),
        (["#3", "x"], ["#3", "x"]),
        (['"a\n# b\n\nc"', "x"], ["a\n# b\n\nc", "x"]),
        (['"he said ""x, y"""', "z"], ['he said "x, y"', "z"]),
        (["", "NA", "nan"], [None, None, None]),
        (['{"a": 1}'.join(['"', '"']).replace('"a"', '""a""'), "x"], ['{"a": 1}', "x"]),
    ],
)
def test_types_of_columns(tmp_path: Path, values: list[str], expected: list[Any]) -> None:
    """Labels stay as they are written; nothing is taken for a date or a time."""
    rows = "".join(f"{row},{value}\n" for row, value in enumerate(values))
    assert text(tmp_path, f"row,own\n{rows}")["own"] == expected


def test_missing_numbers_are_nan(tmp_path: Path) -> None:
    found = text(tmp_path, "N,D,tag\n1,2.5,x\n,NA,\n3,N/A,y\n")
    assert np.array_equal(found["N"], [1, np.nan, 3], equal_nan=True)
    assert np.array_equal(found["D"], [2.5, np.nan, np.nan], equal_nan=True)
    assert found["tag"] == ["x", None, "y"]


def test_types_follow_from_all_rows(tmp_path: Path) -> None:
    rows = ["100000000,1000000000,3,1\n"] * 100_000 + ["1.5e8,1e9,2.5,x\n", f"{10**20},1e9,2.5,y\n"]
    found = text(tmp_path, "N,D,loss,tag\n" + "".join(rows))
    assert [found["N"][row] for row in (0, -2, -1)] == [1e8, 1.5e8, 1e20]
    assert [found["tag"][row] for row in (0, -1)] == ["1", "y"]


def test_line_breaks_within_quotes(tmp_path: Path) -> None:
    """In more rows than one block holds, so that a block could end within quotes."""
    note = "first\nsecond, third\n" * 20
    found = text(tmp_path, "N,loss,note\n" + f'1e8,3.5,"{note}"\n' * 10_000)
    assert len(found["N"]) == 10_000
    assert set(found["note"]) == {note}


def test_a_comment_far_below(tmp_path: Path) -> None:
    rows = "1e8,1e9,3.5\n" * 20_000
    found = text(tmp_path, f"N,D,loss\n{rows}# the other half, rerun\n  \n{rows}")
    assert found["loss"] == [3.5] * 40_000


# Commas


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # 3,41 shows decimals: then all points mark thousands
        ("N;D;loss\n201.228;2.000;3,41\n98.765;1.000;3,2\n", [201228, 98765]),
        ("N\tD\tloss\n201.228\t2.000\t3,41\n98.765\t1.000\t3,2\n", [201228, 98765]),
        # points that cannot mark thousands are decimals
        ("N;note;loss\n0.25;x;3,41\n98.7;y;3,2\n", [0.25, 98.7]),
        # semicolons speak for decimal commas, unless a column shows thousands or decimal points
        ("N;loss\n3,412;3\n2,871;2\n", [3.412, 2.871]),
        ("N;loss\n3,412;3.5\n2,871;2.5\n", ["3,412", "2,871"]),
        ("N;D\n3,412;1,234,567\n2,871;1\n", ["3,412", "2,871"]),
        # with other delimiters either is possible, and is asked about where it matters
        ('N,loss\n"3,412",3\n"2,871",2\n', ["3,412", "2,871"]),
        ('N,loss\n"201,228,288",3\n', ["201,228,288"]),
        # text is no evidence
        ("N;note\n3.5;a, b\n2.5;c,d\n", [3.5, 2.5]),
    ],
)
def test_commas_are_decided_for_the_table(
    tmp_path: Path, content: str, expected: list[Any]
) -> None:
    assert text(tmp_path, content)["N"] == expected


# Other formats


def test_parquet(tmp_path: Path) -> None:
    parquet.write_table(pa.Table.from_pylist(RECORDS), tmp_path / "runs")
    assert read(tmp_path / "runs") == EXPECTED
    zipped_table = gzip.compress((tmp_path / "runs").read_bytes(), mtime=0)
    assert text(tmp_path, zipped_table) == EXPECTED


def test_types_of_parquet(tmp_path: Path) -> None:
    table = pa.table(
        {
            "whole": [1, None],
            "decimal": pa.array(["1.50", None]).cast(pa.decimal128(38, 10)),
            "large": pa.array([2**63 + 1, 1], pa.uint64()),
            "flag": [True, None],
            "label": pa.array(["x", None]).dictionary_encode(),
            "nested": [{"a": 1}, None],
        }
    )
    parquet.write_table(table, tmp_path / "runs.parquet")
    found = read(tmp_path / "runs.parquet")
    for name, expected in (("whole", [1, np.nan]), ("decimal", [1.5, np.nan])):
        assert np.array_equal(found.pop(name), expected, equal_nan=True)
    assert found == {
        **{"large": [2**63 + 1, 1], "flag": [True, None], "label": ["x", None]},
        "nested": [{"a": 1}, None],
    }


def excel(path: Path, **sheets: pd.DataFrame) -> Path:
    with pd.ExcelWriter(path, engine="openpyxl") as writer:
        for name, own in sheets.items():
            own.to_excel(writer, sheet_name=name, index=False)
    return path


def test_excel(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine")
    path = excel(tmp_path / "runs.xlsx", Runs=FRAME, Notes=pd.DataFrame())
    assert read(path) == EXPECTED
    other = FRAME.assign(val_loss=[1.0, 2.0])
    path = excel(tmp_path / "two.xlsx", Runs=FRAME, Other=other)
    assert refusal(path) == 'the file has the sheets Runs, Other: name one, table="Runs"'
    assert read(path, "Other")["val_loss"] == [1.0, 2.0]
    assert refusal(path, table="Third").startswith("the file has no sheet 'Third' with rows")
    empty = excel(tmp_path / "empty.xlsx", Notes=pd.DataFrame())
    assert refusal(empty).startswith("the file has no sheet with rows")
    broken = written(tmp_path / "broken.xlsx", path.read_bytes()[:3000])
    assert refusal(broken).startswith("cannot be decompressed: ")


def test_rows_above_the_names_of_a_sheet(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine")
    for above in ([], [["Runs of March"]], [["Runs of March"], [], ["by hand"], []], [[], []]):
        wide = [[*row, *[None] * (4 - len(row))] for row in above]
        rows = [*wide, [*FRAME], *FRAME.to_numpy().tolist()]
        path = tmp_path / "runs.xlsx"
        pd.DataFrame(rows).to_excel(path, index=False, header=False, engine="openpyxl")
        assert read(path) == EXPECTED
    two_titles = "Runs of March\nby hand\n\n" + TEXT
    assert read(written(tmp_path / "runs.csv", two_titles)) == EXPECTED
    numbers = pd.DataFrame({"loss": [3.5, 3.25]})
    assert read(excel(path, Runs=numbers)) == {"loss": [3.5, 3.25]}


def databases(folder: Path, **tables: pd.DataFrame) -> list[Path]:
    """The same tables in DuckDB and in SQLite."""
    paths = [folder / "runs of 100%?.duckdb", folder / "runs of 100%?.sqlite"]
    with duckdb.connect(str(paths[0])) as connection:
        for name, own in tables.items():
            connection.register("own", own)
            quoted = name.replace('"', '""')
            connection.execute(f'CREATE TABLE "{quoted}" AS FROM own')
    with contextlib.closing(sqlite3.connect(paths[1])) as other:
        for name, own in tables.items():
            own.to_sql(name, other, index=False)
    return paths


def test_a_view_of_a_database_cannot_read_other_files(tmp_path: Path) -> None:
    other, path = written(tmp_path / "other.csv", TEXT), tmp_path / "runs.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE VIEW runs AS FROM read_csv('{other}')")
        assert connection.execute("FROM runs").fetchall()  # with DuckDB's own settings it does
    assert "disabled by configuration" in refusal(path)


def test_databases(tmp_path: Path) -> None:
    for path in databases(tmp_path, runs=FRAME):
        assert read(path) == EXPECTED
    (tmp_path / "two").mkdir()
    other = FRAME.assign(val_loss=[1.0, 2.0])
    for path in databases(tmp_path / "two", **{"runs": FRAME, 'its "others"': other}):
        assert 'name one, table="' in refusal(path)
        assert read(path, "runs") == EXPECTED
        assert read(path, 'its "others"')["val_loss"] == [1.0, 2.0]
        query = "SELECT params AS N, max(val_loss) AS loss FROM runs GROUP BY params HAVING N > 1e8"
        assert read(path, query + ";\n") == {"N": [2e8], "loss": [3.25]}
        assert refusal(path, table="third").startswith("the database has no table 'third'")
        assert "cannot be read: " in refusal(path, table="SELECT nothing FROM runs")
        assert "no rows" in refusal(path, table="SELECT * FROM runs WHERE params > 1e9")
        assert read(written(tmp_path / "packed", gzip.compress(path.read_bytes())), "runs")


def test_a_query_reads_the_database_alone(tmp_path: Path) -> None:
    written(tmp_path / "other.csv", TEXT)
    path, _ = databases(tmp_path, runs=FRAME)
    assert "cannot be read" in refusal(path, table=f"FROM '{tmp_path}/other.csv'")
    copy = f"SELECT 1; COPY (SELECT 1) TO '{tmp_path}/copy.csv'"
    assert "cannot be read" in refusal(path, table=copy)
    assert not (tmp_path / "copy.csv").exists()
    written(tmp_path / "runs.csv", TEXT)
    assert "table= names a sheet" in refusal(tmp_path / "runs.csv", table="runs")


def test_a_query_writes_nothing(tmp_path: Path) -> None:
    paths = databases(tmp_path, runs=FRAME)
    target = f"'{tmp_path}/new'"
    orders = [f"ATTACH DATABASE {target} AS other", "CREATE TEMP TABLE x AS SELECT 1 AS loss"]
    orders += [
        f"VACUUM INTO {target}",
        "DELETE FROM runs",
        "PRAGMA journal_mode = WAL",
        "-- no SQL",
    ]
    for path in paths:
        for order in orders:
            assert refusal(path, table=order).startswith("table=")
        assert read(path, "WITH own AS (SELECT * FROM runs) SELECT * FROM own -- all") == EXPECTED
    assert sorted(tmp_path.iterdir()) == sorted(paths)


@pytest.mark.parametrize("name", ["runs[1].csv", "a*.csv", "a?.csv", "[!b].csv", "loss=3/x.csv"])
def test_a_path_is_read_as_it_is_written(tmp_path: Path, name: str) -> None:
    """DuckDB would take it for a pattern, and read the value of a column from a folder's name."""
    for other in ("runs1.csv", "ab.csv", "a.csv"):
        written(tmp_path / other, "N,loss\n9,9\n")
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    assert read(written(path, "N,loss\n1,2\n")) == {"N": [1], "loss": [2]}
    parquet.write_table(pa.Table.from_pylist(RECORDS), path)
    assert read(path) == EXPECTED


def test_folders_are_no_columns(tmp_path: Path) -> None:
    for rate in ("0.1", "0.2"):
        (tmp_path / f"lr={rate}").mkdir()
        written(tmp_path / f"lr={rate}" / "runs.csv", "N,loss\n1,2\n")
    assert list(as_columns(str(tmp_path / "*" / "runs.csv"))) == ["N", "loss", "file"]


def test_several_files(tmp_path: Path) -> None:
    first = written(tmp_path / "a.csv", "N,loss\n1,2\n")
    second = written(tmp_path / "b.jsonl", '{"N": "7B", "arm": "x"}\n')
    for source in ([first, str(second)], str(tmp_path / "*"), tmp_path / "*.*"):
        columns = as_columns(source)
        assert columns["N"].tolist() == [1, "7B"]
        assert columns["loss"].tolist() == [2, None] or np.isnan(columns["loss"][1])
        assert columns["arm"].tolist() == [None, "x"]
        assert columns["file"].tolist() == [str(first), str(second)]
    assert list(as_columns([first])) == ["N", "loss"]
    assert list(as_columns(str(tmp_path / "**" / "a.csv"))) == ["N", "loss"]
    with pytest.raises(FileNotFoundError, match=r"\*\.tsv: no file matches"):
        as_columns(str(tmp_path / "*.tsv"))
    written(tmp_path / "c[1].csv", TEXT)  # a name like a pattern
    assert list(as_columns(tmp_path / "c[1].csv")) == list(EXPECTED)
    written(tmp_path / "d.csv", "N,loss\n1,2,3\n")
    with pytest.raises(ValueError, match=r"d\.csv: line 2 has 3 fields"):
        as_columns(str(tmp_path / "[ad].csv"))


@pytest.mark.parametrize(
    "content", [TEXT.encode(), gzip.compress(json.dumps(RECORDS).encode(), mtime=0)]
)
def test_standard_input(content: bytes) -> None:
    code = (
        "from pathlib import Path\n"
        "from farseer_jax.tables.read import as_columns\n"
        "for name, own in as_columns('-').items(): print(name, own.tolist())\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, input=content, capture_output=True, check=True)
    assert done.stdout.decode() == "".join(f"{name} {own}\n" for name, own in EXPECTED.items())
    done = subprocess.run(command, input=b"", capture_output=True, check=False)
    assert b"ValueError: standard input: the file is empty" in done.stderr


def test_standard_input_of_the_shell() -> None:
    result = farseer("fit", "-", "--law", "E + A/N**a", "--N", "none", input=TEXT)
    assert result.exit_code == 2
    assert "'run_id', 'params', 'tokens', 'val_loss'" in result.stderr


# What is refused


def test_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.csv", FileNotFoundError) == "no such file"
    written(tmp_path / "file.csv", TEXT)
    assert refusal(tmp_path / "file.csv" / "x.csv", FileNotFoundError) == "no such file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_not_a_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "runs.csv")
    assert refusal(tmp_path / "runs.csv").startswith("not a regular file; write the runs to a file")


def test_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: Any, **__: Any) -> io.BytesIO:
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path / "runs.csv", TEXT)
    monkeypatch.setattr(Path, "open", denied)  # root may read every file
    assert refusal(path, PermissionError) == "permission to read it was denied"


@pytest.mark.parametrize(
    "content",
    ["", "\n", "  \n\n", "\ufeff", "\ufeff\n", codecs.BOM_UTF16_LE, gzip.compress(b"", mtime=0)],
)
def test_empty_file(tmp_path: Path, content: str | bytes) -> None:
    assert refusal(written(tmp_path / "runs.csv", content)) == "the file is empty"


@pytest.mark.parametrize(
    "content", ["N,D,loss", "N,D,loss\n", "N;D\n \n", "# a\n# b\n", "[]", "N,D\n#1,2\n"]
)
def test_no_rows(tmp_path: Path, content: str) -> None:
    message = refusal(written(tmp_path / "runs.csv", content))
    assert message.startswith("the table has no rows")
    assert "give at least one run" in message
    assert ("lines that begin with # are comments" in message) == ("#" in content)


def test_parquet_without_rows(tmp_path: Path) -> None:
    table = pa.table({"N": pa.array([], pa.float64()), "D": [], "loss": []})
    parquet.write_table(table, tmp_path / "runs.parquet")
    assert refusal(tmp_path / "runs.parquet").startswith("the table has no rows")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT + "c,4e8,4e9,3,1\n", "line 4 has 5 fields where the header has 4: 'c,4e8,4e9,3,1'"),
        (TEXT + "c,4e8,4e9\n", "line 4 has 3 fields where the header has 4: 'c,4e8,4e9'"),
        (TEXT + "\n  \n\nc,4e8\n", "line 7 has 2 fields where the header has 4: 'c,4e8'"),
        ("# one\n# two\n" + TEXT + "c\n", "line 6 has 1 field where the header has 4: 'c'"),
        ("Title\n\n" + TEXT + "c\n", "line 6 has 1 field where the header has 4: 'c'"),
        ('a,"b\nb",c\n' + "1,2,3\n" * 9 + "1,2\n", "line 12 has 2 fields where the header has 3"),
        (TEXT.replace("\n", "\r\n") + "c,1\r\n", "line 4 has 2 fields where the header has 4"),
        (TEXT * 1 + "a,1,2,3\n" * 100_000 + "c,1\n", "line 100004 has 2 fields"),
        ("N,loss\n1,3,5\n2,3,2\n", "line 2 has 3 fields where the header has 2: '1,3,5'"),
        ("loss\n3,5\n3,2\n", "line 2 has 2 fields where the header has 1: '3,5'"),
        ("N  loss\n1  2\n3 4\n1 2 3\n", "line 4 has 3 fields where the header has 2: '1 2 3'"),
        ("prose of\nseveral lines, and of\ncommas, too\n", "line 2 has "),
        (TEXT + '"c,4e8', "line 4 has a quote that is not closed"),
        ('N,note,x\n1,"a,2\n3,b,4\n', "line 2 has a quote that is not closed"),
        (
            'N,note\n1,"a"b\n',
            "line 2 has a quote that is not closed, or text after a closing quote",
        ),
        ("N,x\n1," + "a" * (1 << 24) + "\n", "line 2 is longer than 16 MB"),
    ],
)
def test_malformed_line(tmp_path: Path, content: str, message: str) -> None:
    found = refusal(written(tmp_path / "runs.csv", content))
    assert found.startswith(message)
    assert "correct it" in found
    assert len(found) < 250


@pytest.mark.parametrize(
    "content",
    [
        bytes(range(256)) * 20,
        b"N,D,loss\0\0\0\n1,2,3",
        TEXT.encode() * 9000 + b"\0",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(200)),
    ],
)
def test_binary_file(tmp_path: Path, content: bytes) -> None:
    message = refusal(written(tmp_path / "runs.csv", content))
    assert message.startswith("is a binary file in an unknown format")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(TEXT.encode() * 9, mtime=0)[:-12], "cannot be decompressed: "),
        (bz2.compress(TEXT.encode() * 99)[:-12], "cannot be decompressed: "),
        (b"\x1f\x8b" + TEXT.encode(), "cannot be decompressed: "),
        (zipped(**{"runs.csv": TEXT})[:80], "cannot be decompressed: "),
        (
            zipped(**{"a.csv": TEXT, "b.csv": TEXT}),
            "the archive has 2 files (a.csv, b.csv): unpack it and name one",
        ),
        (zipped(), "is a binary file"),
        (b"PAR1" + bytes(100) + b"PAR1", "cannot be read as Parquet: "),
        (b"PAR1", "cannot be read as Parquet: "),
        (b"SQLite format 3\0" + bytes(99), "the database cannot be read: "),
        (bytes(8) + b"DUCK" + bytes(99), "the database cannot be read: "),
        (b"\xd0\xcf\x11\xe0" + bytes(99), "cannot be read as an Excel file: "),
    ],
)
def test_damaged_file(tmp_path: Path, content: bytes, message: str) -> None:
    assert refusal(written(tmp_path / "runs", content)).startswith(message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"params": 1e8, "tokens": }', "line 4 is not JSON: Expecting value at column 27"),
        ('{"params": 1e8', "line 4 is not JSON: "),
        ("params,tokens", "line 4 is not JSON: "),
        ("[1, 2, 3]", "object 4 is not a JSON object; each must be one run"),
        ("null", "object 4 is not a JSON object"),
        ("[" * 100_000, "line 4 cannot be read as JSON: "),
        ('{"N": ' + "1" * 5000 + "}", "line 4 cannot be read as JSON: "),
    ],
)
def test_broken_json_line(tmp_path: Path, line: str, message: str) -> None:
    lines = [*map(json.dumps, RECORDS), "", line]
    assert refusal(written(tmp_path / "runs", "\n".join(lines))).startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"N": 1},\n{"N": 2,]', "line 2 is not JSON: "),
        ('[{"N": 1}, 7]', "object 2 is not a JSON object"),
        ("[[1, 2], [3, 4]]", "object 1 is not a JSON object"),
        ('{"N": [1, 2], "loss": [3]}', "columns of unequal length: 'N' has 2, 'loss' has 1 values"),
        ('[{"N": ' + "1" * 5000 + "}]", "cannot be read as JSON: "),
        ("[" * 100_000, "cannot be read as JSON: "),
    ],
)
def test_broken_json(tmp_path: Path, content: str, message: str) -> None:
    assert refusal(written(tmp_path / "runs.json", content)).startswith(message)


def test_json_of_runs_by_name_or_beside_others(tmp_path: Path) -> None:
    def found(content: object) -> dict[str, Any]:
        return read(written(tmp_path / "runs.json", json.dumps(content)))

    runs = [{"N": 1e8, "D": 2e9, "loss": 3.5}, {"N": 2e8, "D": 2e9, "loss": 3.2}]
    expected = {"N": [1e8, 2e8], "D": [2e9, 2e9], "loss": [3.5, 3.2]}
    named = {"run": ["a", "b"], **expected}
    assert found({"runs": runs}) == expected
    assert found({"runs": runs, "meta": {"date": "March"}, "tags": ["x"]}) == expected
    assert found(dict(zip("ab", runs, strict=True))) == named
    assert found(dict(zip("ab", [{**run, "arm": "x"} for run in runs], strict=True))) == {
        **named,
        "arm": ["x", "x"],
    }
    assert found(pd.DataFrame(expected, index=["a", "b"]).to_dict()) == expected  # columns
    gaps = found({"a": runs[0], "b": {"N": 2e8, "note": "crashed"}})
    assert gaps["run"] == ["a", "b"]
    assert gaps["note"] == [None, "crashed"]
    columns = {
        "config": [{"N": {"value": 1e8}}, {"N": {"value": 2e8, "desc": None}}],
        "loss": [3, 2],
    }
    assert found(columns) == {"loss": [3, 2], "config.N": [1e8, 2e8]}
    assert found({"config": {"N": 1e8}, "summary": {"loss": 3}}) == {
        "config.N": [1e8],
        "summary.loss": [3],
    }


def test_json_with_gaps_nan_and_nested_values(tmp_path: Path) -> None:
    lines = [
        '{"N": 1e8, "loss": 3.5, "lr": NaN, "dims": [1, 2], "config": {"model": {"d": 7}}}',
        '{"N": 100000000000000000000, "loss": "3.25", "arm": "x"}',
    ]
    found = text(tmp_path, "\n".join(lines))
    assert list(found) == ["N", "loss", "lr", "dims", "config.model.d", "arm"]
    assert found["N"] == [1e8, 1e20]
    assert found["loss"] == [3.5, "3.25"]
    assert found["arm"] == [None, "x"]


# Where it reads and writes


@pytest.mark.parametrize("kind", ["csv", "gz", "parquet", "duckdb", "sqlite", "xlsx"])
def test_only_the_temporary_folder_is_written(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, home, temporary = (tmp_path / name for name in ("folder", "home", "temporary"))
    for own in (folder, home, temporary):
        own.mkdir()
    makers: dict[str, Callable[[Path], object]] = {
        "csv": lambda path: written(path, "# a\n" + TEXT),
        "gz": lambda path: written(path, gzip.compress(TEXT.encode())),
        "parquet": FRAME.to_parquet,
        "duckdb": lambda path: databases(tmp_path, runs=FRAME)[0].rename(path),
        "sqlite": lambda path: databases(tmp_path, runs=FRAME)[1].rename(path),
        "xlsx": lambda path: excel(path.with_suffix(".xlsx"), Runs=FRAME).rename(path),
    }
    path = folder / "runs"
    makers[kind](path)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.chdir(folder)
    before = path.read_bytes()
    assert read(path) == EXPECTED
    assert os.listdir(folder) == ["runs"]
    assert path.read_bytes() == before
    assert [*os.listdir(home), *os.listdir(temporary)] == []


# Properties

NAMES = (
    st.text("abcdefXYZ_/.-# ()äß", min_size=1, max_size=8)
    .map(str.strip)
    .filter(lambda name: name and not name.startswith("#"))
)
LABELS = st.text("abcxyz ,;|\t\"'#\näß{[", min_size=1, max_size=12).filter(
    lambda label: label == label.strip()
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64)
WHOLE = st.integers(-(2**63), 2**63 - 1)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[Any]]:
    names = draw(st.lists(NAMES, min_size=2, max_size=5, unique_by=str.lower))
    rows = draw(st.integers(1, 6))
    kinds = st.sampled_from([LABELS.map(lambda label: f"x{label}"), NUMBERS, WHOLE])
    return {name: draw(st.lists(draw(kinds), min_size=rows, max_size=rows)) for name in names}


@settings(max_examples=40)
@given(
    tables(),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from(["", "# made of nothing\n", "\n\n"]),
)
def test_any_table_in_any_dialect(
    table: dict[str, list[Any]],
    delimiter: str,
    encoding: str,
    line_end: str,
    quoted: bool,
    head: str,
) -> None:
    written_table = pd.DataFrame(table).to_csv(
        index=False, sep=delimiter, lineterminator=line_end, quoting=1 if quoted else 0
    )
    with tempfile.TemporaryDirectory() as folder:
        content = (head.replace("\n", line_end) + written_table).encode(encoding)
        found = text(Path(folder), content)
    assert found == table


@settings(max_examples=30)
@given(st.lists(st.decimals("0.01", "9999999", places=2), min_size=1, max_size=9), st.booleans())
def test_decimal_commas_and_thousands(values: list[Any], semicolons: bool) -> None:
    def german(value: Any) -> str:
        return f"{value:,}".translate(str.maketrans(",.", ".,"))

    delimiter = ";" if semicolons else "\t"
    rows = [delimiter.join((str(row), german(value))) for row, value in enumerate(values)]
    with tempfile.TemporaryDirectory() as folder:
        found = text(Path(folder), "\n".join([f"row{delimiter}size", *rows]))
    assert found["size"] == [float(value) for value in values]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here")
def test_a_forked_process_reads_and_ends(tmp_path: Path) -> None:
    """Both read a small file; the child's end runs what is to run at the end of a process."""
    path = written(tmp_path / "runs.csv", TEXT)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from farseer_jax.tables.files import read_file\n"
        "read_file(Path(sys.argv[1]))\n"
        "if (child := os.fork()) == 0:\n"
        "    read_file(Path(sys.argv[1]))\n"
        "    sys.exit(3)\n"
        "read_file(Path(sys.argv[1]))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "3\n"


# Length


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from Linux's /proc")
def test_a_long_file_in_little_memory(tmp_path: Path) -> None:
    rows = (f"{row},{1e8 + row!r},{2e9 + row},{3 + 1 / (row + 3)!r}\n" for row in range(200_000))
    path = written(tmp_path / "runs.csv", f"# rows\nrow,N,D,loss\n{''.join(rows)}")
    code = (
        "import sys, duckdb, numpy, pandas\n"
        "from pathlib import Path\n"
        "from farseer_jax.tables.files import read_file\n"
        "def peak():\n"
        "    lines = open('/proc/self/status').read().splitlines()\n"
        "    return next(int(x.split()[1]) for x in lines if x.startswith('VmHWM')) / 1024\n"
        "read_file(Path(sys.argv[2]))\n"
        "before = peak()\n"
        "columns = read_file(Path(sys.argv[1]))\n"
        "print(round(peak() - before), len(columns['loss']), columns['loss'][-1])\n"
    )
    small = written(tmp_path / "small.csv", TEXT)
    command = [sys.executable, "-c", code, str(path), str(small)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    megabytes, num_rows, last = done.stdout.split()
    assert (num_rows, last) == ("200000", repr(3 + 1 / 200_002))
    assert int(megabytes) < 200  # the columns take 6
