"""Files of draws that were changed are refused, by file and rows, and their remedies work."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_bootstrap import chinchilla
from test_draws import Stop, stop_after

from farseer_jax import Bootstrap, DrawsCheck, Fit, bootstrap, check_draws
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.results.digest import digest_of
from farseer_jax.uncertainty import draws_parquet
from farseer_jax.uncertainty.draws_manifest import METADATA, bootstrap_digest, file_of

NUM, CHUNK = 60, 20
MIDDLE = "000000000020-000000000040.parquet"
HEADER = b"farseer_jax.draws"
COLUMNS = [*"EAB", "alpha", "beta"]
ALL = 10**6  # refits: forged digests leave nothing else to notice a value by

Change = Callable[[pa.Table], pa.Table]


def make(out: Path, num: int = NUM, **options: Any) -> Bootstrap:
    options = {"scheme": "wild", "seed": 5, "chunk_size": CHUNK, **options}
    return bootstrap(chinchilla(), num, out=out, **options)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished file, and the parts of an unfinished one."""
    folder = tmp_path_factory.mktemp("untouched")
    make(folder / "whole.parquet")
    make(folder / "other.parquet", seed=6)
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 3, Stop())
        with pytest.raises(Stop):
            make(folder / "draws.parquet", NUM + CHUNK)
    return folder


@pytest.fixture
def folder(untouched: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    return Path(shutil.copytree(untouched, tmp_path / "copy"))


def remade(path: Path, change: Change, *, forged: bool) -> None:
    """Write a file again with its draws changed, and its digests as they were, or forged."""
    with pq.ParquetFile(path) as file:
        table, metadata = file.read(), dict(file.metadata.metadata)
    metadata.pop(b"ARROW:schema")
    changed = change(table)
    if forged:
        bootstrap = json.loads(metadata[HEADER])["bootstrap"]
        sealed = draws_parquet.part_content(changed, bootstrap)
        metadata |= sealed.schema.metadata
    draws_parquet.write_part(changed.replace_schema_metadata(metadata), path)


def with_values(table: pa.Table, name: str, values: Any) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), [pa.array(values)])


def scaled(name: str, factor: float, row: int | None = None) -> Change:
    def change(table: pa.Table) -> pa.Table:
        values = table[name].to_numpy().copy()
        values[slice(None) if row is None else row] *= factor
        return with_values(table, name, values)

    return change


def swapped(table: pa.Table) -> pa.Table:
    """Two draws exchanged; the resamples keep their order."""
    order = np.arange(table.num_rows)
    order[[2, 5]] = order[[5, 2]]
    return with_values(table.take(order), "resample", table["resample"].to_numpy())


def failed(table: pa.Table) -> pa.Table:
    names = table["outcome"].to_pylist()
    names[4] = "not_finite"
    at = table.schema.get_field_index("outcome")
    encoded = pa.array(names).dictionary_encode()
    return table.set_column(at, table.schema.field(at), encoded)


def numbered(table: pa.Table) -> pa.Table:
    """One resample twice, and the next one never."""
    numbers = table["resample"].to_numpy().copy()
    numbers[7] = numbers[6]
    return with_values(table, "resample", numbers)


def retyped(table: pa.Table) -> pa.Table:
    return table.set_column(3, "E", table["E"].cast(pa.float32()))


def with_missing(table: pa.Table) -> pa.Table:
    return table.set_column(3, "E", pa.array([None, *table["E"].to_pylist()[1:]], pa.float64()))


# What is done to the draws of a part, and what is said with its digests, and with forged ones.
VALUES = r"20 to 39: the draws do not match their digest: they were changed"
REFIT = r"20 to 39: resample \d+ is not what a refit gives"
DRAWS: dict[str, tuple[Change, str, str]] = {
    "a column scaled": (scaled("A", 1.01), VALUES, REFIT),
    "an exponent scaled": (scaled("alpha", 1.01), VALUES, REFIT),
    "a draw scaled": (scaled("E", 1.01, row=3), VALUES, REFIT),
    "errors of 0": (scaled("mean_relative_error", 0.0), VALUES, REFIT),
    "draws exchanged": (swapped, VALUES, REFIT),
    "a draw that failed": (failed, VALUES, REFIT),
    "rows in another order": (
        lambda table: table.take(np.arange(CHUNK)[::-1]),
        r"20 to 39: expected resample 20, got 39",
        r"has draws 39 to 58 where 20 was expected",
    ),
    "a resample twice": (
        numbered,
        r"20 to 39: expected resample 27, got 26",
        r"20 to 39: expected resample 27, got 26",
    ),
    "a row removed": (
        lambda table: table.take([*range(4), *range(5, CHUNK)]),
        r"has 19 draws in row groups of 19, but by its header 20",
        r"has draws 20 to 38, but by its name to 39",
    ),
    "a row doubled": (
        lambda table: table.take([*range(CHUNK), 19]),
        r"has 21 draws in row groups of 21, but by its header 20",
        r"has draws 20 to 40, but by its name to 39",
    ),
    "the first rows removed": (
        lambda table: table.slice(5),
        r"has 15 draws",
        r"has draws 25 to 39 where 20 was expected",
    ),
    "a column removed": (
        lambda table: table.drop_columns(["alpha"]),
        r"has no column 'alpha'",
        r"has no column 'alpha'",
    ),
    "a column added": (
        lambda table: table.append_column("gamma", table["beta"]),
        r"has an unexpected column 'gamma'",
        r"has an unexpected column 'gamma'",
    ),
    "a column renamed": (
        lambda table: table.rename_columns({"alpha": "a"}),
        r"has no column 'alpha'",
        r"has no column 'alpha'",
    ),
    "columns exchanged": (
        lambda table: table.select([*table.column_names[:3], *"EBA", "alpha", "beta"]),
        r"has the columns .*E, B, A.*, expected .*E, A, B",
        r"has the columns .*E, B, A.*, expected .*E, A, B",
    ),
    "a column of single precision": (
        retyped,
        r"column 'E' has the type float, expected double",
        r"column 'E' has the type float, expected double",
    ),
    "a missing value": (
        with_missing,
        r"column 'E' may have missing values",
        r"column 'E' may have missing values",
    ),
}


def check_refused(folder: Path, name: str, message: str, *, by_reading: bool = True) -> DrawsCheck:
    """Resuming and checking name the file, and what is wrong with it."""
    out = folder / "draws.parquet"
    if by_reading:
        before = sorted(path.name for path in Path(f"{out}.parts").iterdir())
        with pytest.raises(ValueError, match=rf"{name}.*{message}"):
            make(out, resume=True)
        after = sorted(path.name for path in Path(f"{out}.parts").iterdir())
        assert {*after} - {"lock"} == {*before} - {"lock"}  # nothing was removed
    found = check_draws(out, num_refits=0 if by_reading else ALL)
    assert not found.intact
    assert any(name in fault for fault in found.faults)
    return found


def check_remedy(folder: Path, part: str) -> None:
    """Without the part that was named, the file is as it was never touched."""
    out = folder / "draws.parquet"
    (Path(f"{out}.parts") / part).unlink()
    make(out, resume=True)
    assert out.read_bytes() == (folder / "whole.parquet").read_bytes()


@pytest.mark.parametrize("forged", [False, True], ids=["", "forged"])
@pytest.mark.parametrize("what", DRAWS)
def test_draws_that_were_changed(folder: Path, what: str, forged: bool) -> None:
    change, *messages = DRAWS[what]
    message = messages[forged]
    remade(folder / "draws.parquet.parts" / MIDDLE, change, forged=forged)
    found = check_refused(folder, MIDDLE, message, by_reading=message is not REFIT)
    assert all("remove this part, and resume" in fault for fault in found.faults)
    check_remedy(folder, MIDDLE)


# What is done to the file of a part.


def renamed(part: Path) -> None:
    part.rename(part.with_name("000000000060-000000000080.parquet"))


def copied(part: Path) -> None:
    shutil.copy(part, part.with_name("000000000060-000000000080.parquet"))


def without_header(part: Path) -> None:
    pq.write_table(pq.read_table(part).replace_schema_metadata(None), part)


def of_another(part: Path) -> None:
    """The same rows of another seed."""
    whole = part.parents[1] / "other.parquet"
    with pq.ParquetFile(whole) as file:
        table, own = file.read(), json.loads(file.metadata.metadata[HEADER])["bootstrap"]
    draws_parquet.write_part(draws_parquet.part_content(table.slice(CHUNK, CHUNK), own), part)


def header_of(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    """A header changed, and its digest forged."""

    def tamper(part: Path) -> None:
        with pq.ParquetFile(part) as file:
            table, metadata = file.read(), dict(file.metadata.metadata)
        metadata.pop(b"ARROW:schema")
        header = json.loads(metadata[HEADER])
        change(header)
        metadata[HEADER] = json.dumps({**header, "digest": digest_of(header)}).encode()
        draws_parquet.write_part(table.replace_schema_metadata(metadata), part)

    return tamper


LAST = "000000000060-000000000080.parquet"
FILES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "truncated": (
        lambda part: part.write_bytes(part.read_bytes()[:-30]),
        MIDDLE,
        "is not a valid Parquet file",
    ),
    "empty": (lambda part: part.write_bytes(b""), MIDDLE, "is not a valid Parquet file"),
    "a text": (lambda part: part.write_text("mine"), MIDDLE, "is not a valid Parquet file"),
    "renamed to another range": (renamed, LAST, "has draws 20 to 39 where 60 was expected"),
    "copied to another range": (copied, LAST, "has draws 20 to 39 where 60 was expected"),
    "without its header": (without_header, MIDDLE, "has no draws header"),
    "of another bootstrap": (of_another, MIDDLE, "has draws of another bootstrap"),
    "a header of other ranges": (
        header_of(lambda header: header["row_groups"][0].__setitem__(1, 50)),
        MIDDLE,
        "has draws 20 to 49, but by its name to 39",
    ),
    "a header without ranges": (
        header_of(lambda header: header.pop("row_groups")),
        MIDDLE,
        "has a damaged draws header",
    ),
    "a header of texts": (
        header_of(lambda header: header["row_groups"][0].__setitem__(0, "20")),
        MIDDLE,
        "has a damaged draws header",
    ),
}


@pytest.mark.parametrize("what", FILES)
def test_parts_that_were_changed(folder: Path, what: str) -> None:
    tamper, name, message = FILES[what]
    tamper(folder / "draws.parquet.parts" / MIDDLE)
    found = check_refused(folder, name, message)
    (fault,) = found.faults
    assert fault.endswith("remove this part, and resume")
    check_remedy(folder, name)


def test_parts_that_were_removed_are_made_again(folder: Path) -> None:
    """A hole in an unfinished bootstrap is no fault."""
    out = folder / "draws.parquet"
    (folder / "draws.parquet.parts" / MIDDLE).unlink()
    found = check_draws(folder / "draws.parquet.parts")
    assert (found.intact, found.num_draws, found.num_missing) == (True, 40, 20)
    assert "40 intact in 2 files, 20 before the last one missing; unfinished\n" in str(found)
    assert found.refitted.tolist() == [0, 4, 8, 13, 17, 41, 46, 50, 54, 59]
    make(out, resume=True)
    assert out.read_bytes() == (folder / "whole.parquet").read_bytes()


# Manifests


def fit_of_other_law(manifest: dict[str, Any]) -> None:
    """A parameter changed, and everything of the fit that shows it made again."""
    fit = Fit.from_json(manifest["fit"])
    law = type(fit.law)(E=1.7, **{name: fit.law.parameters()[name] for name in COLUMNS[1:]})
    errors = evaluate(law, fit.runs.N, fit.runs.D) / fit.runs.loss - 1
    manifest["fit"] = Fit(law, fit.runs, fit.method, fit.outcome, errors, fit.diagnostics).to_json()


def fit_changed(manifest: dict[str, Any]) -> None:
    manifest["fit"] = manifest["fit"][:-20]


MANIFESTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another seed": (lambda own: own.update(seed=7), "another bootstrap"),
    "another scheme": (
        lambda own: own["scheme"].update(multiplier="normal"),
        "another bootstrap",
    ),
    "other runs": (lambda own: own["runs"].update(num=26), "the runs of the fit"),
    "another library": (
        lambda own: own.update(library_version="9.9"),
        "another bootstrap",
    ),
    "a version that is true": (lambda own: own.update(version=True), "expected a version, got T"),
    "a version that is a text": (lambda own: own.update(version="2"), "a version, got '2'"),
    "a version that is a fraction": (lambda own: own.update(version=2.0), "a version, got 2.0"),
    "another version": (lambda own: own.update(version=3), "has version 3 of the format"),
    "no version": (lambda own: own.pop("version"), "expected a version, got None"),
    "no fit": (lambda own: own.pop("fit"), r"expected 'fit', got None"),
    "a seed that is a text": (lambda own: own.update(seed="5"), r"expected 'seed', got '5'"),
    "a fit of another law": (
        fit_of_other_law,
        "the law of the fit .* not those of its draws|the fit is damaged",
    ),
    "a fit that cannot be read": (fit_changed, "the fit in"),
}


@pytest.mark.parametrize("forged", [False, True], ids=["", "forged"])
@pytest.mark.parametrize("what", MANIFESTS)
def test_manifests_that_were_changed(folder: Path, what: str, forged: bool) -> None:
    """Of parts and of the whole file; resuming with the right fit says so too."""
    change, message = MANIFESTS[what]
    by_digest = r"was changed after it was written"
    path = folder / "draws.parquet.parts" / "manifest.json"
    path.write_text(json.dumps(tampered(json.loads(path.read_text()), change, forged)))
    whole = folder / "whole.parquet"
    with pq.ParquetFile(whole) as file:
        table, metadata = file.read(), dict(file.metadata.metadata)
    metadata.pop(b"ARROW:schema")
    manifest = tampered(json.loads(metadata[METADATA]), change, forged)
    metadata[METADATA] = json.dumps(manifest).encode()
    draws_parquet.write_part(table.replace_schema_metadata(metadata), whole)
    pattern = message if forged else f"{message}|{by_digest}"
    for found in (check_draws(folder / "draws.parquet"), check_draws(whole)):
        assert not found.intact
        assert any(re.search(pattern, fault) for fault in found.faults), found.faults
    with pytest.raises(ValueError, match=pattern):
        Bootstrap.from_parquet(whole)


def tampered(
    manifest: dict[str, Any], change: Callable[[dict[str, Any]], object], forged: bool
) -> Mapping[str, Any]:
    change(manifest)
    if not forged:
        return manifest
    digest = digest_of({**manifest, "seed": str(manifest["seed"])})
    return {**manifest, "digest": digest}


# Whole files


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    row=st.integers(0, NUM - 1),
    name=st.sampled_from(COLUMNS),
    factor=st.floats(1e-2, 1e2).filter(lambda own: abs(own - 1) > 1e-2),
)
def test_a_value_that_was_changed_anywhere(
    untouched: Path, tmp_path: Path, row: int, name: str, factor: float
) -> None:
    """By its digest, however little; with a forged one, by the refit of its resample."""
    path = tmp_path / "draws.parquet"
    for change, forged in (
        (scaled(name, 1 + 2e-16, row), False),
        (scaled(name, factor, row), True),
    ):
        shutil.copy(untouched / "whole.parquet", path)
        remade(path, change, forged=forged)
        if forged:
            (fault,) = check_draws(path, num_refits=ALL).faults
            assert f"{path}, rows 0 to 59: resample {row} is not what a refit gives" in fault
            assert fault.endswith("make it again: the same call gives the same draws")
        else:
            with pytest.raises(ValueError, match="do not match their digest"):
                Bootstrap.from_parquet(path).predict(1e9, 1e11)
            with pytest.raises(ValueError, match="do not match their digest"):
                make(path, 2 * NUM, resume=True)


def test_no_changed_byte_gives_other_draws(untouched: Path, tmp_path: Path) -> None:
    """A change is refused in a sentence, or it is where nothing is read from."""
    whole, path = (untouched / "whole.parquet").read_bytes(), tmp_path / "draws.parquet"
    expected = draws_of(untouched / "whole.parquet")
    rng, num_refused = np.random.default_rng(0), 0
    for at in np.linspace(0, len(whole) - 1, 400).astype(int):
        changed = bytearray(whole)
        changed[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        found = draws_or_fault(path)
        if isinstance(found, str):
            assert str(path) in found
            num_refused += 1
        else:
            np.testing.assert_array_equal(found, expected)
    assert num_refused > 200


def draws_or_fault(path: Path) -> np.ndarray | str:
    try:
        return draws_of(path)
    except ValueError as error:
        return str(error)


def draws_of(path: Path) -> np.ndarray:
    (table,) = file_of(path).tables()
    names = ["resample", "mean_relative_error", *COLUMNS]
    return np.stack([table[name].to_numpy() for name in names])


def test_large_seeds_are_told_apart(tmp_path: Path) -> None:
    """Beyond the integers that a float holds."""
    out = tmp_path / "draws.parquet"
    make(out, 4, seed=2**60)
    with pytest.raises(ValueError, match="another seed"):
        make(out, 4, seed=2**60 + 1, resume=True)
    with pq.ParquetFile(out) as file:
        manifest = json.loads(file.metadata.metadata[METADATA])
    assert bootstrap_digest(manifest) != bootstrap_digest({**manifest, "seed": 2**60 + 1})
    assert check_draws(out).intact


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.parquet: no such file"):
        check_draws(tmp_path / "absent.parquet")
    with pytest.raises(IsADirectoryError, match="is a directory; name a file of draws"):
        check_draws(tmp_path)
    with pytest.raises(ValueError, match="num_refits must be at least 0, got -1"):
        check_draws(tmp_path / "absent.parquet", num_refits=-1)
    (tmp_path / "table.parquet").write_bytes(b"")
    pq.write_table(pa.table({"E": [1.0]}), tmp_path / "table.parquet")
    (fault,) = check_draws(tmp_path / "table.parquet").faults
    assert fault.endswith("is a Parquet file without draws; name another")


def test_a_file_beside_its_parts(folder: Path) -> None:
    """As after a kill between the two: both are read, and each draw counts once."""
    shutil.copy(folder / "whole.parquet", folder / "draws.parquet")
    found = check_draws(folder / "draws.parquet")
    assert found.intact
    assert set(found.refitted.tolist()) <= set(range(NUM))
    shutil.copy(folder / "other.parquet", folder / "draws.parquet")
    faults = check_draws(folder / "draws.parquet", num_refits=0).faults
    assert "was begun with another seed" in faults[0]
    assert len(faults) == 4  # and no part belongs to it
