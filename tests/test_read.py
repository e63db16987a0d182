"""Runs from files: every kind, and every way in which a file can be bad."""

import bz2
import gzip
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from farseer_jax.runs import read_table as read
from farseer_jax.runs.read_table import MAX_ROWS, read_runs
from farseer_jax.runs.runs import Runs

HEADER = "run_id,params,tokens,val_loss\n"
TEXT = HEADER + "a,100000000,1e9,3.5\nb,2e8,2000000000,3.25\n"
RECORDS = [
    {"run_id": "a", "params": 100000000, "tokens": 1e9, "val_loss": 3.5},
    {"run_id": "b", "params": 2e8, "tokens": 2000000000, "val_loss": 3.25},
]
JSON_LINES = "".join(json.dumps(record) + "\n" for record in RECORDS)
EXPECTED = Runs([1e8, 2e8], [1e9, 2e9], [3.5, 3.25], {"run_id": ["a", "b"]})


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(path: Path, kind: type[Exception] = ValueError, **options: Any) -> str:
    """The message of a refusal, which is one line and names the file."""
    with pytest.raises(kind) as caught:
        read_runs(path, **options)
    assert type(caught.value) is kind
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


# What is read


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("runs.csv", TEXT),
        ("runs.CSV", TEXT),
        ("runs.v2.csv", TEXT),
        ("bom.csv", "\ufeff" + TEXT),
        ("windows.csv", TEXT.replace("\n", "\r\n")),
        ("no_last_newline.csv", TEXT.rstrip("\n")),
        ("blank_lines.csv", TEXT + "\n\n   \n\n"),
        ("blank_between.csv", TEXT.replace("\nb", "\n\n  \nb")),
        ("quoted.csv", TEXT.replace("100000000", '"100000000"')),
        ("runs.tsv", TEXT.replace(",", "\t")),
        ("runs.csv.gz", gzip.compress(TEXT.encode(), mtime=0)),
        ("runs.tsv.bz2", bz2.compress(TEXT.replace(",", "\t").encode())),
        ("runs.jsonl", JSON_LINES),
        ("runs.ndjson", JSON_LINES),
        ("bom.jsonl", "\ufeff" + JSON_LINES),
        ("blank_lines.jsonl", JSON_LINES.replace("\n", "\n\n \n")),
        ("windows.jsonl", JSON_LINES.replace("\n", "\r\n")),
        ("runs.jsonl.gz", gzip.compress(JSON_LINES.encode(), mtime=0)),
    ],
)
def test_text_files(tmp_path: Path, name: str, content: str | bytes) -> None:
    assert read_runs(written(tmp_path / name, content)) == EXPECTED


def test_parquet(tmp_path: Path) -> None:
    parquet.write_table(pa.Table.from_pylist(RECORDS), tmp_path / "runs.parquet")
    assert read_runs(tmp_path / "runs.parquet") == EXPECTED
    assert read_runs(str(tmp_path / "runs.parquet")) == EXPECTED


def test_options_reach_the_runs(tmp_path: Path) -> None:
    path = written(tmp_path / "runs.csv", "a,b,c,N\n0.1,1,3.5,x\n0.2,2,3.25,y\n")
    runs = read_runs(path, N="a", D="b", loss="c", N_unit=1e9, D_unit=1e9)
    assert runs == Runs([1e8, 2e8], [1e9, 2e9], [3.5, 3.25], {"N_other": ["x", "y"]})


def test_digits_are_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    N, D, loss = rng.uniform(1, 9, (3, 500)) * np.array([[1e9], [1e11], [1.0]])
    rows = [
        f"{n!r},{d!r},{y!r}\n"
        for n, d, y in zip(*map(np.ndarray.tolist, (N, D, loss)), strict=True)
    ]
    assert read_runs(written(tmp_path / "runs.csv", "N,D,loss\n" + "".join(rows))) == Runs(
        N, D, loss
    )


def test_types_follow_from_all_rows(tmp_path: Path) -> None:
    """A streaming reader would fix the type by the first block, of whole numbers here."""
    rows = ["100000000,1000000000,3,1\n"] * 100_000 + ["1.5e8,1e9,2.5,x\n", f"{10**20},1e9,2.5,y\n"]
    runs = read_runs(written(tmp_path / "runs.csv", "N,D,loss,tag\n" + "".join(rows)))
    assert runs.N[[0, -2, -1]].tolist() == [1e8, 1.5e8, 1e20]
    assert runs.extra["tag"][[0, -1]].tolist() == ["1", "y"]


def test_line_breaks_within_quotes(tmp_path: Path) -> None:
    """In more rows than one block holds, so that a block could end within quotes."""
    note = "first\nsecond, third\n" * 20
    rows = f'1e8,1e9,3.5,"{note}"\n' * 10_000
    runs = read_runs(written(tmp_path / "runs.csv", "N,D,loss,note\n" + rows))
    assert len(runs) == 10_000
    assert set(runs.extra["note"]) == {note}


def test_json_lines_with_gaps_nan_and_nested_values(tmp_path: Path) -> None:
    lines = [
        '{"N": 1e8, "D": 1e9, "loss": 3.5, "lr": NaN, "dims": [1, 2]}',
        '{"N": 100000000000000000000, "D": 1e9, "loss": "3.25", "arm": "x"}',
    ]
    runs = read_runs(written(tmp_path / "runs.jsonl", "\n".join(lines)))
    assert runs.N.tolist() == [1e8, 1e20]
    assert runs.loss.tolist() == [3.5, 3.25]
    assert list(runs.extra) == ["lr", "dims", "arm"]
    assert np.isnan(runs.extra["lr"]).all()
    assert runs.extra["dims"].tolist() == [[1, 2], None]
    assert runs.extra["arm"].tolist() == [None, "x"]


# Real runs


@pytest.mark.parametrize(
    ("name", "num_runs", "num_copies", "num_sizes"),
    [
        ("farseer_404.csv", 404, 4, 25),
        ("olmo_ladder.csv", 33, 0, 7),
        ("gadre_overtrain.csv", 104, 0, 6),
        ("complexkda_ladder.csv", 180, 0, 18),
        ("chinchilla_epoch.csv", 245, 0, 142),
    ],
)
def test_real_runs_need_no_option(
    shared_data: Path, name: str, num_runs: int, num_copies: int, num_sizes: int
) -> None:
    runs = read_runs(shared_data / name)
    assert (len(runs), runs.num_copies, runs.num_sizes) == (num_runs, num_copies, num_sizes)
    assert len(runs.extra["run_id"]) == num_runs
    assert Runs.from_dict(json.loads(json.dumps(runs.to_dict(), allow_nan=False))) == runs


def test_real_runs_with_the_wrong_sizes(shared_data: Path) -> None:
    runs = read_runs(shared_data / "farseer_404.csv", N="N_with_embedding")
    without = runs.extra["N_other"]
    assert np.all(without < runs.N)
    assert math.isclose(without.max(), 6.37e9, rel_tol=1e-2)


# What is refused


def test_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.csv", FileNotFoundError) == "no such file"
    assert refusal(tmp_path / "none", FileNotFoundError) == "no such file"
    written(tmp_path / "file.csv", TEXT)
    assert refusal(tmp_path / "file.csv" / "x.csv", FileNotFoundError) == "no such file"


def test_directory(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").mkdir()
    message = refusal(tmp_path / "runs.csv", IsADirectoryError)
    assert message == "is a directory; give the path of a file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "runs.csv")
    assert refusal(tmp_path / "runs.csv").startswith("not a regular file; write the runs to a file")


def test_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: Any, **__: Any) -> Iterator[bytes]:
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path / "runs.csv", TEXT)
    monkeypatch.setattr(Path, "open", denied)  # root may read every file
    assert refusal(path, PermissionError) == "permission to read it was denied"


@pytest.mark.parametrize("name", ["runs.xlsx", "runs", "runs.json", "runs.gz", "runs.parquet.gz"])
def test_unknown_suffix_lists_the_known_ones(tmp_path: Path, name: str) -> None:
    message = refusal(written(tmp_path / name, TEXT))
    assert f"unknown suffix {Path(name).suffix!r}" in message
    for suffix in (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".gz"):
        assert suffix in message


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz"])
def test_empty_file(tmp_path: Path, suffix: str) -> None:
    assert refusal(written(tmp_path / f"runs{suffix}", "")) == "the file is empty"


@pytest.mark.parametrize("content", ["\n", "  \n\n", "\ufeff", "\ufeff\n"])
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_file_of_nothing_but_space(tmp_path: Path, suffix: str, content: str) -> None:
    assert refusal(written(tmp_path / f"runs{suffix}", content)) == "the file is empty"


@pytest.mark.parametrize("content", [HEADER, HEADER.rstrip(), HEADER + "\n \n"])
def test_header_only(tmp_path: Path, content: str) -> None:
    message = refusal(written(tmp_path / "runs.csv", content))
    assert message.startswith("the table has no rows")
    assert "give at least one run" in message


def test_parquet_without_rows(tmp_path: Path) -> None:
    table = pa.table({"N": pa.array([], pa.float64()), "D": [], "loss": []})
    parquet.write_table(table, tmp_path / "runs.parquet")
    assert refusal(tmp_path / "runs.parquet").startswith("the table has no rows")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (bytes(range(256)) * 20, "is not UTF-8 text (byte 128)"),
        (gzip.compress(TEXT.encode(), mtime=0), "is not UTF-8 text"),
        (b"N,D,loss\0\0\0\n1,2,3", "is a binary file"),
        (TEXT.encode("utf-16"), "is not UTF-8 text"),
        ("N,D,loss,größe\n".encode("latin-1"), "is not UTF-8 text"),
    ],
)
def test_binary_file(tmp_path: Path, suffix: str, content: bytes, what: str) -> None:
    message = refusal(written(tmp_path / f"runs{suffix}", content))
    assert message.startswith(what)
    assert "the suffix of its format" in message


def test_bad_bytes_late_in_a_file(tmp_path: Path) -> None:
    rows = "1e8,1e9,3.5,a\n" * 10_000
    content = f"N,D,loss,arm\n{rows}".encode() + b"1e8,1e9,3.5,\xff\n"
    assert "UTF8" in refusal(written(tmp_path / "runs.csv", content))
    lines = b'{"N": 1e8, "D": 1e9, "loss": 3.5}\n' * 10_000 + b'{"N": "\xff"}\n'
    assert "line 10001 cannot be read as JSON" in refusal(written(tmp_path / "runs.jsonl", lines))


def test_letter_across_the_end_of_the_checked_head(tmp_path: Path) -> None:
    head = "N,D,loss,arm\n1e8,1e9,3.5,"
    filler = "a" * (read._HEAD_BYTES - len(head) - 1)
    runs = read_runs(written(tmp_path / "runs.csv", f"{head}{filler}é\n"))
    assert runs.extra["arm"][0] == f"{filler}é"


@pytest.mark.parametrize("content", [TEXT, b"PAR1" + bytes(100) + b"PAR1", b"PAR1"])
def test_no_parquet(tmp_path: Path, content: str | bytes) -> None:
    assert "cannot be read in the format of its suffix" in refusal(
        written(tmp_path / "x.parquet", content)
    )


@pytest.mark.parametrize(
    "content", [TEXT.encode(), gzip.compress(TEXT.encode() * 9, mtime=0)[:-12]]
)
def test_broken_compression(tmp_path: Path, content: bytes) -> None:
    assert "cannot be read in the format of its suffix" in refusal(
        written(tmp_path / "x.csv.gz", content)
    )


@pytest.mark.parametrize(
    ("content", "row", "fields"),
    [
        (TEXT + "c,4e8,4e9,3,1\n", 2, 5),
        (HEADER + "a,1e8,1e9,3.5,\n", 0, 5),
        (TEXT + "\n  \n\nc,4e8,4e9\n", 2, 3),
        (HEADER + "a,1e8,1e9,3.5\n" * 100_000 + "c,1,2,3,4,5\n", 100_000, 6),
        (HEADER + "a,1e8,1e9,3.5\n" * 100_000 + "\n\n   \nc,1,2,3,4,5\n", 100_000, 6),
        (HEADER + "  \n" + "a,1e8,1e9,3.5\n" * 100_000 + "c,1,2,3,4,5\n", 100_000, 6),
    ],
)
def test_malformed_row(tmp_path: Path, content: str, row: int, fields: int) -> None:
    message = refusal(written(tmp_path / "runs.csv", content))
    assert message.startswith(f"row {row} has {fields} fields where the header has 4: ")
    assert "quote fields that hold the delimiter" in message
    assert "rows are counted from 0, without the header" in message


def test_repeated_column(tmp_path: Path) -> None:
    message = refusal(written(tmp_path / "runs.csv", "N,D,loss,N\n1e8,1e9,3.5,2e8\n"))
    assert message.startswith("columns with the same name: 'N' 2 times")


def test_text_among_numbers(tmp_path: Path) -> None:
    content = TEXT + "c,4e8,4e9,diverged\nd,4e8,8e9,3.0\n"
    expected = "column 'val_loss' (loss): row 2 is not a number ('diverged'); correct these rows"
    assert refusal(written(tmp_path / "runs.csv", content)).startswith(expected)
    lines = JSON_LINES + '{"params": 4e8, "tokens": 4e9, "val_loss": "diverged"}\n'
    assert refusal(written(tmp_path / "runs.jsonl", lines)).startswith(expected)


@pytest.mark.parametrize("value", ["", "nan", "NA", "NULL"])
def test_missing_numbers(tmp_path: Path, value: str) -> None:
    message = refusal(written(tmp_path / "runs.csv", TEXT + f"c,4e8,{value},3.0\n"))
    assert message.startswith("column 'tokens' (D): row 2 is missing or NaN")


def test_missing_key_of_json_lines(tmp_path: Path) -> None:
    message = refusal(written(tmp_path / "runs.jsonl", JSON_LINES + '{"params": 4e8}\n'))
    assert message.startswith("column 'tokens' (D): row 2 is missing or NaN")


def test_missing_column_shows_the_options(tmp_path: Path) -> None:
    message = refusal(written(tmp_path / "runs.csv", TEXT.replace("tokens", "steps")))
    for part in ("D (training tokens)", 'D="column"', "--D column", "'run_id', 'params', 'steps'"):
        assert part in message


def test_units_are_noticed(tmp_path: Path) -> None:
    path = written(tmp_path / "runs.csv", "N,D,loss\n0.1,1e9,3.5\n")
    assert "--N-unit 1e9" in refusal(path)
    assert read_runs(path, N_unit=1e9).N.tolist() == [1e8]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"params": 1e8, "tokens": }', "line 4 is not JSON: Expecting value at column 27"),
        ('{"params": 1e8', "line 4 is not JSON: "),
        ("params,tokens", "line 4 is not JSON: "),
        ("[1, 2, 3]", "line 4 is not a JSON object; each line must be one run"),
        ("null", "line 4 is not a JSON object"),
        ("[" * 100_000, "line 4 cannot be read as JSON: "),
        ('{"N": ' + "1" * 5000 + "}", "line 4 cannot be read as JSON: "),
    ],
)
def test_broken_json_line(tmp_path: Path, line: str, what: str) -> None:
    path = written(tmp_path / "runs.jsonl", JSON_LINES + "\n" + line + "\n")
    assert refusal(path).startswith(what)


def test_endless_json_line(tmp_path: Path) -> None:
    content = JSON_LINES + '{"a": "' + "x" * (1 << 24)
    assert refusal(written(tmp_path / "x.jsonl", content)).startswith("line 3 is longer than 16 MB")


# Length


@pytest.mark.parametrize("name", ["runs.csv", "runs.tsv", "runs.jsonl", "runs.parquet"])
def test_limit_of_rows(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_ROWS", 2)
    path = tmp_path / name
    for num_rows in (2, 3):
        records = (RECORDS * 2)[:num_rows]
        if name.endswith("parquet"):
            parquet.write_table(pa.Table.from_pylist(records), path)
        elif name.endswith("jsonl"):
            written(path, "".join(json.dumps(record) + "\n\n" for record in records))
        else:
            rows = "".join(f"a,{r['params']},{r['tokens']},{r['val_loss']}\n\n" for r in records)
            written(path, (HEADER + rows).replace(",", "\t" if name.endswith("tsv") else ","))
        if num_rows == 2:
            assert len(read_runs(path)) == 2
    message = refusal(path)
    assert message.startswith("has more than 2 rows; each row must be one training run")
    assert "select or aggregate the rows first" in message


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from Linux's /proc")
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_very_long_file_is_refused_in_little_memory(tmp_path: Path, suffix: str) -> None:
    row = "100000000,1000000000,3.5\n"
    row = row if suffix == "csv" else '{"N": 100000000, "D": 1000000000, "loss": 3.5}\n'
    path = tmp_path / f"runs.{suffix}"
    with path.open("w") as file:
        file.write("N,D,loss\n" if suffix == "csv" else "")
        for _ in range(100):
            file.write(row * 100_000)
    code = (
        "import sys\n"
        "import pyarrow.csv\n"
        "from farseer_jax.runs.read_table import read_runs\n"
        "def peak():\n"
        "    lines = open('/proc/self/status').read().splitlines()\n"
        "    return next(int(x.split()[1]) for x in lines if x.startswith('VmHWM')) / 1024\n"
        "before = peak()\n"
        "try:\n"
        "    read_runs(sys.argv[1])\n"
        "except ValueError as error:\n"
        "    print(round(peak() - before), error)\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    megabytes, _, message = done.stdout.partition(" ")
    assert f"has more than {MAX_ROWS:,} rows" in message
    assert int(megabytes) < 150
